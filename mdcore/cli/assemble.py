"""From settings to objects: which system, potential and integrators does this input mean?"""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np

from mdcore.base.elements import element_of
from mdcore.base.errors import InputError
from mdcore.cli import committees, counting, networks, structures
from mdcore.cli.structures import made_of
from mdcore.cli.summary import boundary, counts
from mdcore.config import validate_species
from mdcore.config.problems import Problems, at
from mdcore.config.settings import Settings
from mdcore.engine import sanity
from mdcore.faces.base import StageSettings
from mdcore.potentials.base import leaves
from mdcore.potentials.families import TYPES
from mdcore.potentials.networks.charge_model import ChargeModel
from mdcore.structure.bonds import lengths_of
from mdcore.structure.groups import group_of, groups_of, select
from mdcore.structure.system import System

REFERENCE = -1
HARDLY_MOVES = 0.02  # fs, a timestep in which not even hydrogen does
HOTTEST = 100.0  # max_temperature = "auto": so many times the highest temperature named


def make_system(settings: Settings) -> System:
    """The atoms at the start, with velocities, checked against masses and potentials; InputError."""
    system = structures.make(settings)
    validate_species(settings, system.symbols)
    for i, potential in enumerate(settings.potential):
        if potential.needs_bonds and not len(system.bonds):
            where = ("potential", i, potential.needs_bonds)
            raise at(settings, where, "the structure has no bonds; a data file of LAMMPS has, in Bonds")
    check_boundary(settings, system)
    add_groups(settings, system)
    if any(s.anchored for s in settings.potential):
        system.columns.setdefault("anchor", system.positions)
    check_groups(settings, system.columns, system.n_atoms, system.symbols)
    if settings.velocities.temperature is not None:
        draw_velocities(settings, system)
    return system


def add_groups(settings: Settings, system: System) -> None:
    """The groups of the input become columns of the system; InputError."""
    for i, group in enumerate(settings.group):
        try:
            if group.name in system.columns:
                raise InputError("the structure has a column of that name; choose another one")
            found = select(system, species=group.species, indices=group.indices, where=group.where)
            if not found.any():
                raise InputError("no atom is in this group")
            system.columns[group.name] = found
        except InputError as error:
            raise at(settings, ("group", i), f"{group.name}: {error}") from None
        if group.fixed:
            hold(system, found, group.fixed)


def check_groups(settings: Settings, columns: dict, n: int, symbols=()) -> None:
    """Is each group there that the input names, and each atom? columns : of the structure of n atoms; InputError."""
    problems = Problems(settings.origin)
    for key in ("dump_atoms", "trajectory_atoms"):
        for name in getattr(settings.output, key) or ():
            if name not in symbols and name not in groups_of(columns):
                there = ", ".join([*symbols, *groups_of(columns)])
                problems.add(("output", key), f"no species and no group is called {name!r}; there are {there}")
    for section in ("potential", "stage"):
        for i, part in enumerate(getattr(settings, section)):
            for name in part.groups:
                try:
                    group_of(columns, name)
                except InputError as error:
                    problems.add((section, i), str(error))
            for key, text in part.check_atoms(columns, n) if section == "potential" else ():
                problems.add((section, i, key), text)
    problems.raise_if_any()


def hold(system: System, atoms, axes: str) -> None:
    """These atoms (bool [n]) keep their components along `axes`, such as "xz"."""
    fixed = np.zeros((len(atoms), 3), dtype=bool) if system.fixed is None else system.fixed
    fixed[np.ix_(atoms, ["xyz".index(axis) for axis in axes])] = True
    system.fixed = fixed


def make_reference(settings: Settings) -> dict:
    """What [analysis] compares with, as `analysis.analyse` takes it; InputError."""
    wanted = settings.analysis and settings.analysis.reference
    found = {key: value for key, value in vars(wanted).items() if value} if wanted else {}
    if "rdf" in found:
        from mdcore.analysis.table import read_table  # with all of the analysis, which few inputs need at the start

        try:
            found["rdf"] = read_table(settings.beside(found["rdf"]))
        except InputError as error:
            raise at(settings, ("analysis", "reference", "rdf"), str(error)) from None
    return found


def draw_velocities(settings: Settings, system: System) -> None:
    """Maxwell-Boltzmann velocities as [velocities] says."""
    from mdcore.structure.velocities import maxwell_boltzmann

    v = settings.velocities
    rotation = None if v.zero_rotation == "auto" else v.zero_rotation
    try:
        maxwell_boltzmann(
            system, v.temperature, settings.seed, zero_momentum=v.zero_momentum, zero_rotation=rotation
        )
    except InputError as error:
        key = "temperature" if rotation is None else "zero_rotation"
        raise at(settings, ("velocities", key), str(error)) from None


def bonds_at_start(settings: Settings, system: System | None):
    """(int64 [m, 2], float64 [m]): bonds of the start and their lengths; system : None in a continued run, whose start
    is made once more. InputError where there are none."""
    system = structures.make(settings) if system is None else system
    pairs = np.zeros((0, 2), dtype=np.int64)
    if len(system.bonds) or settings.units == "metal":
        pairs = sanity.joined(system)
    if not len(pairs):
        raise at(settings, ("limits", "bonds"), "no two atoms of the structure have a bond; take the key out")
    for name in settings.limits.hopping:
        if name not in system.symbols:
            there = ", ".join(system.symbols)
            raise at(settings, ("limits", "hopping"), f"no species is called {name!r}; the structure has {there}")
    return pairs, lengths_of(system.box, system.positions, pairs)


def check_boundary(settings: Settings, system: System) -> None:
    """Do the potentials and the analysis suit the boundary conditions?"""
    problems = Problems(settings.origin)
    for i, potential in enumerate(settings.potential):
        if getattr(potential, "tail_corrections", False) and not all(system.box.periodic):
            problems.add(
                ("potential", i, "tail_corrections"),
                f"for fully periodic systems only; this one is {boundary(system.box)}",
            )
        for key, text in potential.check_box(system.box, settings):
            problems.add(("potential", i, key), text)
    for i, stage in enumerate(settings.stage):
        if stage.moves_cell and (stuck := system.box.free_along(stage.moving_axes)):
            cure = '; of a slab whose free axis is z, axes = "xy" moves' if stage.moves_cell == "axes" else ""
            problems.add(
                ("stage", i, stage.moves_cell),
                f"the cell changes along its free vector {stuck}: this system is {boundary(system.box)}{cure}",
            )
        rates = getattr(stage, "strain_rate", None) or (0.0, 0.0, 0.0)
        if 1.0 + min(rates[:3]) * stage.timestep * stage.steps <= 0.0:
            problems.add(
                ("stage", i, "strain_rate"),
                "leaves the cell no volume at the end of the stage: fewer steps, or a smaller rate",
            )
    if settings.analysis is not None and settings.analysis.rdf and not all(system.box.periodic):
        problems.add(
            ("analysis", "rdf"),
            f"for fully periodic systems only; this one is {boundary(system.box)}; set rdf = false",
        )
    problems.raise_if_any()


def check_potential(settings: Settings, potential) -> None:
    """Does the potential tell what the log is to have?"""
    if "heat_current" in (settings.output.thermo_columns or ()) and not potential.tells_virials:
        raise at(
            settings, ("output", "thermo_columns"), "heat_current: this potential does not tell the virial of each atom"
        )


def check_grid(settings: Settings, size: int) -> None:
    """Does the processor grid fit the number of ranks?"""
    grid = settings.parallel.grid
    if grid != "auto" and math.prod(grid) != size:
        raise at(
            settings,
            ("parallel", "grid"),
            f"{math.prod(grid)} domains for {size} rank{'s' * (size > 1)}; start as many ranks "
            f'(mpirun -n {math.prod(grid)}), or use grid = "auto"',
        ).everywhere()


# --- potentials ------------------------------------------------------------------------------------


def read_potentials(settings: Settings, symbols) -> dict[int, object]:
    """{index in [[potential]]: what its files say}: the model of a network, else the potential itself; under
    REFERENCE what a committee's reference says; InputError.

    For rank 0, which shares them: the other ranks need not read files.
    """
    others = [i for i, s in enumerate(settings.potential) if s.type not in TYPES]
    found = {i: build(settings, i, symbols) for i in others} | networks.read_models(settings, symbols)
    counting.check(settings, [found[i] for i in range(len(settings.potential))])
    read = {i: own for i, own in found.items() if i not in others or settings.potential[i].rank_0}
    return read | {REFERENCE: committees.read_reference(settings, lambda: _terms(settings, read))}


@contextmanager
def naming_structure(settings: Settings):
    """Atoms that are too close are told with the key that says where they come from."""
    try:
        yield
    except sanity.TooClose as error:
        named = at(settings, ("structure", made_of(settings.structure)), str(error))
        named.collective = error.collective
        raise named from None


def describe(settings: Settings, system: System, potential) -> tuple[dict[str, str], list[str]]:
    """What there is to tell of a structure (sanity.py), and what is hardly meant in it, or of this potential in it."""
    told, warnings = sanity.describe(system, potential.cutoff)
    if len(system.bonds) and not any(s.reads_bonds for s in settings.potential):
        warnings = [*warnings, f"the structure has {len(system.bonds)} bonds, which no potential reads: is that meant?"]
    amounts = dict(zip(system.symbols, counts(system), strict=True))
    doubts = [text for s in settings.potential for text in s.doubts(amounts)]
    doubts += counting.doubts(settings, leaves(potential))
    doubts += [text for term in leaves(potential) for text in _shifted(term, amounts, system.total_charge)]
    longest = max((stage.timestep for stage in settings.stage if stage.timestep), default=HARDLY_MOVES)
    if settings.units == "metal" and longest < HARDLY_MOVES:
        doubts.append(f"no timestep is longer than {longest:g} fs: is that meant? They are in fs, not in ps")
    return told, [*warnings, *doubts, *(text for stage in settings.stage for text in stage.doubts)]


def _shifted(term, amounts: dict[str, int], total: float) -> Iterator[str]:
    """Does a network with fixed charges have to shift them for this structure?"""
    charges = getattr(getattr(term, "model", None), "charges", None)
    if not (isinstance(charges, ChargeModel) and charges.conserve and charges.fixed):
        return
    own = dict(zip(term.model.elements, charges.fixed, strict=True))
    total = total if term.charge_settings.total is None else term.charge_settings.total
    missing = total - math.fsum(own[element_of(name)] * count for name, count in amounts.items())
    if abs(missing) > 1e-6 * math.fsum(abs(own[element_of(name)]) * count for name, count in amounts.items()):
        atoms = sum(amounts.values())
        yield (
            f"the fixed charges of {term.model.name} add up to {total - missing:+.6g} e, and the charge of the "
            f"structure is {total:g}: each of {atoms} atoms gets {missing / atoms:+.3g} e more. Is that meant? If not, "
            "give the charge of the structure, or total_charge"
        )


def build(settings: Settings, index: int, symbols=()):
    """The potential of [[potential]] number `index`, which suits these species; InputError."""
    try:
        potential = settings.potential[index].made(settings)
        potential.bind(tuple(symbols))
        return potential
    except InputError as error:
        raise at(settings, ("potential", index, *filter(None, [error.key])), str(error)) from None


def make_potential(settings: Settings, read: dict[int, object]):
    """The potential; several add up. read : what files say (read_potentials)."""
    return committees.joined(settings, _terms(settings, read), read[REFERENCE])


def _terms(settings: Settings, read: dict[int, object]) -> list:
    """The potential of each [[potential]]."""
    terms = []
    for i, s in enumerate(settings.potential):
        if s.type in TYPES:
            terms.append(networks.make(settings, i, read[i]))
        else:
            terms.append(read[i] if i in read else build(settings, i))
    return terms


# --- stages ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Stage:
    """One stage on the axis of all steps: it takes the system from step `first` to step `last`."""

    index: int
    first: int
    last: int
    settings: StageSettings

    @property
    def name(self) -> str:
        return self.settings.name

    @property
    def steps(self) -> int:
        return self.last - self.first

    def integrator(self):
        return self.settings.build()

    @property
    def zero_momentum(self) -> bool | None:
        wish = getattr(self.settings, "zero_momentum", "auto")
        return None if wish == "auto" else wish


def make_stages(settings: Settings) -> list[Stage]:
    """The stages in order, each beginning where the one before ends."""
    stages, first = [], 0
    for i, stage in enumerate(settings.stage):
        stages.append(Stage(i, first, first + stage.steps, stage))
        first += stage.steps
    return stages


def stage_at(stages: list[Stage], step: int) -> Stage:
    """The stage that took the system to `step`; the first one at step 0."""
    return next((stage for stage in stages if stage.first < step <= stage.last), stages[0])


def is_in_log(stages: list[Stage], step: int) -> bool:
    """Has the thermo log of a run that nobody stops a row of this step?"""
    return any(
        every and (step % every == 0 or step == stage.last)
        for stage in stages
        if stage.first <= step <= stage.last and (every := stage.settings.thermo_every)
    )


def remaining(stages: list[Stage], sim, resumed: bool) -> list[tuple[Stage, bool]]:
    """The stages still to be run, and whether each had begun before the run was continued.

    At the border of two stages a checkpoint is of the end of the first, unless the second had begun.
    """
    if not resumed:
        return [(stage, False) for stage in stages]
    left = [stage for stage in stages if sim.step < stage.last]
    return [(stage, stage.first < sim.step or stage.first == sim.step == sim.start_step) for stage in left]


def max_temperature(settings: Settings, start: float) -> float:
    """The temperature at which a run is stopped; `start` is that of the first step."""
    limit = settings.limits.max_temperature
    if limit != "auto":
        return limit
    hottest = max((start, *settings.temperatures))
    return HOTTEST * hottest if hottest > 0 else math.inf
