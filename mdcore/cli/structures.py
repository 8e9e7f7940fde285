"""Which atoms does [structure] mean? Read, built or an empty cell; then made into an alloy, a slab, a solution, ..."""

from mdcore.base.errors import InputError
from mdcore.config.problems import at
from mdcore.config.settings import Settings
from mdcore.structure.box import Box
from mdcore.structure.system import System

DISTANCE = {"metal": 2.0, "lj": 0.9}  # between inserted molecules


def make(settings: Settings) -> System:
    """The atoms of an input; InputError names the key."""
    structure, masses = settings.structure, settings.structure.masses or None
    key = made_of(structure)
    try:
        system = None if structure.cell else started(settings)
        if structure.orientation is not None:
            key = "orientation"
            system = system.orient([list(row) for row in structure.orientation])
        if system is not None:
            key = "replicate"
            system = system.replicate(structure.replicate)
        for k, one in enumerate(structure.substitute):
            key = "substitute", k, "species"
            system = system.substitute(one.species, one.by, one.fraction, settings.seed + k, masses)
        if structure.vacancies:
            key = "vacancies"
            system = system.vacancies(structure.vacancies, settings.seed)
        if structure.displace:
            key = "displace"
            system = system.displace(structure.displace, settings.seed)
        if system is not None and any(structure.vacuum):
            key = "vacuum"
            system = system.add_vacuum(structure.vacuum)
        for k, one in enumerate(structure.insert):
            key = "insert", k, "file"
            system = inserted(settings, system, one, settings.seed + k)
        return system
    except InputError as error:
        told = str(error).removeprefix(f"replicate = {list(structure.replicate)}: ")
        raise at(settings, ("structure", *((key,) if isinstance(key, str) else key)), told) from None
    except MemoryError:
        raise at(settings, ("structure", "replicate"), "too many atoms for the memory") from None


def made_of(structure) -> str:
    """The key that says what [structure] begins with."""
    return "file" if structure.file else "build" if structure.build else "cell"


def started(settings: Settings) -> System:
    """From the file, or the crystal."""
    structure = settings.structure
    if not structure.file:
        return System.build(
            structure.build,
            structure.lattice_constant,
            structure.species,
            density=structure.density,
            c_over_a=structure.c_over_a,
            periodic=True if structure.periodic is None else structure.periodic,
            masses=structure.masses or None,
            units=settings.units,
        )
    system = System.read(
        settings.structure_path,
        structure.frame,
        settings.units,
        format=structure.format,
        types=structure.types or None,
        periodic=structure.periodic,
        masses=structure.masses or None,
        labels=False,
    )
    system.check_free()
    return system


def inserted(settings: Settings, system: System | None, one, seed: int) -> System:
    """With the molecules of [[structure.insert]]; system : None for the empty cell."""
    structure = settings.structure
    molecule = System.read(
        settings.beside(one.file), units=settings.units, masses=structure.masses or None, labels=False
    )
    molecule.velocities = None
    distance = DISTANCE[settings.units] if one.distance is None else one.distance
    if system is not None:
        return system.insert(molecule, one.count, distance, seed)
    box = Box.orthorhombic(*structure.cell, periodic=True if structure.periodic is None else structure.periodic)
    return System.pack(box, [(molecule, one.count)], distance, seed)
