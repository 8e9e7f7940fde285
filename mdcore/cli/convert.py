"""``mdcore convert``: a network potential from a folder of n2p2 files to a .h5 file, or back; several: a committee.

Trajectories: frames.py.
"""

import os
from dataclasses import replace
from pathlib import Path

from mdcore.base.comm import on_root
from mdcore.base.errors import InputError, MdcoreError
from mdcore.cli.clashes import refuse
from mdcore.cli.frames import SOURCE, convert_trajectory
from mdcore.cli.potential import parse_table, parse_units
from mdcore.cli.structure_files import convert_structure, is_structure
from mdcore.config.mistakes import is_structure as is_named_structure
from mdcore.potentials.counted import KINDS, NOTHING, as_text, contained
from mdcore.potentials.density.model import DensityNetwork
from mdcore.potentials.families import committee, potential_of, single
from mdcore.potentials.networks import walls
from mdcore.potentials.networks.files import read_model
from mdcore.potentials.networks.h5 import write_h5
from mdcore.potentials.networks.model import HDNNP
from mdcore.potentials.networks.n2p2.write import folder_files, member_folders, write_n2p2
from mdcore.potentials.networks.trained import CONTAINS, fingerprint
from mdcore.potentials.networks.vectors import make_test_vectors, test_vector
from mdcore.structure.system import System

H5 = (".h5", ".hdf5")


def command(arguments, comm) -> None:
    def run():
        if len(arguments.source) == 1 and is_structure(arguments.source[0], arguments.target):
            if any((arguments.units, arguments.walls, arguments.structure, arguments.data, arguments.contains)):
                raise InputError("convert of a structure: one file, its target, and --overwrite; nothing else applies")
            return print(convert_structure(arguments.source[0], arguments.target, arguments.overwrite))
        if arguments.source[0].lower().endswith(SOURCE):
            return print(_frames(arguments))
        for source in filter(is_named_structure, arguments.source):
            raise InputError(
                f"{arguments.target}: {source} is a structure; one becomes a data file of LAMMPS or extended xyz: end "
                "the name with .data or .extxyz"
            )
        units = parse_units(arguments.units)
        print(convert(arguments.source, arguments.target, units, arguments.structure, arguments))

    on_root(comm, run)


def _frames(arguments) -> str:
    """Of a trajectory."""
    if len(arguments.source) > 1 or any((arguments.units, arguments.walls, arguments.structure, arguments.contains)):
        raise InputError("convert of a trajectory: one file, its target, and --overwrite; nothing else applies")
    return convert_trajectory(arguments.source[0], arguments.target, arguments.overwrite)


def convert(sources: list[str], target: str, units, structure, options) -> str:
    """Write the potential at `sources`, several as one committee, to `target`, .h5 or a folder, and read it back; what
    to tell.

    structure : file whose first frame becomes a test vector of an .h5 file beside the self-made ones, or None
    """
    native = _is_native(target)
    models = [_stated(source, units) for source in sources]
    model = models[0]
    if len(models) > 1:
        model = committee(models)
        model = replace(model, name=Path(target).stem, provenance=_joined(models, sources), training={})
    if not native and not isinstance(model, HDNNP):
        raise InputError(f"{target}: folders are of n2p2, which knows no such networks; end its name with .h5")
    if options.data:
        model = _with_data(model, options)
    if options.walls is not None:
        model = replace(model, walls=parse_walls(options.walls, model))
    if options.contains is not None:
        model = _with_contents(model, options.contains)
    network = potential_of(model)  # refuses what can't be run
    folders = [] if native else member_folders(target, len(model.members))
    paths = [target] if native else [file for folder in folders for file in folder_files(folder)]
    refuse(paths, [*sources, structure])
    if structure and not native:
        raise InputError(f"--structure {structure}: for .h5 files only; a folder has no place for test vectors")
    vectors = model.test_vectors
    if native:
        vectors = vectors or make_test_vectors(network.answers)
        if structure:
            vectors = (*vectors, _of_file(model, network, structure))
        model = replace(model, test_vectors=vectors)
        write_h5(model, target, options.overwrite)
        written, files = [read_model(target)], [target]
        potential_of(written[0])
    else:
        files = [str(folder) for folder in write_n2p2(model, target, options.overwrite)]
        written = [read_model(folder) for folder in files]
    read = [model] if native else [replace(single(model, k), walls=()) for k in range(len(files))]
    if [fingerprint(m) for m in written] != [fingerprint(m) for m in read]:
        raise MdcoreError(f"{target}: what was written is not what was read: report this, with {', '.join(sources)}")
    kept = f", {len(vectors)} test vectors" if native else ""
    lost = f"; its {len(vectors)} test vectors have no place there" if vectors and not native else ""
    members = "; each folder holds one member, whose energy is not the mean" if len(files) > 1 else ""
    guarded = f"; walls: {walls.table(model.walls)} Angstrom" if model.walls else ""
    if model.walls and not native:
        guarded = "; its walls have no place there: add a [[potential]] of type zbl, or pair_style zbl in LAMMPS"
    usual = f"; {model.known}" if options.data else ""
    return f"{', '.join(files)}: {network.describe().split(', double')[0]}{kept}{members}{lost}{guarded}{usual}"


def _with_data(model, options):
    """The potential, which was trained on the structures of --data, with what is usual for them; InputError."""
    from mdcore.training import known
    from mdcore.training.data import sources

    path = options.data
    if not options.target.endswith(H5):
        raise InputError(f"--data {path}: for .h5 files only; a folder of n2p2 has no place for what it tells")
    data = sources.read(path, units=parse_units(options.data_units, "data-units"))
    strangers = sorted({symbol for s in data for symbol in s.symbols} - set(model.elements))
    if strangers:
        raise InputError(
            f"--data {path}: no network for {', '.join(strangers)}; expected the structures that the potential was "
            f"trained on, of {', '.join(model.elements)}"
        )
    if isinstance(model, DensityNetwork):
        model = known.ranged(model, data)
    shortest = None if known.has_room(data) else known.shortest_of(data, model.cutoff * model.units.angstrom)
    found, nearest = known.known_of(model, data, shortest=shortest)
    if found is None:
        raise InputError(f"--data {path}: fewer than two structures of more than one atom; give the training set")
    return replace(model, known=found, nearest=nearest)


def _with_contents(model, text: str):
    """The potential, whose card says what its labels contain; InputError."""
    try:
        kinds = contained(text)
    except InputError:
        raise InputError(f'--contains {text}: expected some of {",".join(KINDS)}, or "{NOTHING}"') from None
    return replace(model, provenance={**model.provenance, CONTAINS: as_text(kinds)})


def parse_walls(text: str, model) -> tuple[walls.Wall, ...]:
    """--walls: "auto", by the shortest distances of the data; "off"; or "H-O=0.6:0.86,...", Angstrom; InputError."""
    if text == "off":
        return ()
    if text == "auto":
        return walls.by_data(model)
    found = []
    for pair, span in parse_table(text, "walls", "H-O=0.6:0.86,O-O=1.8:2.33, or auto, or off").items():
        inner, _, cutoff = span.partition(":")
        try:
            found.append(walls.Wall(tuple(pair.split("-")), float(inner), float(cutoff)))
        except ValueError:
            raise InputError(f"--walls {pair}={span}: expected INNER:CUTOFF in Angstrom, e.g. H-O=0.6:0.86") from None
        except InputError as error:
            raise InputError(f"--walls {text}: {error}") from None
    walls.check_walls(found, model.elements)
    return walls.ordered(found)


def _is_native(target: str) -> bool:
    """Is it a .h5 file, not a folder, that is to be written? InputError if its name does not say."""
    if target.lower().endswith(H5):
        return True
    if os.path.isfile(target):
        raise InputError(f"{target}: is a file; name a folder, or a file that ends with .h5")
    if Path(target).suffix[1:2].isalpha() and not target.endswith(os.sep) and not os.path.isdir(target):
        raise InputError(
            f"{target}: which kind is meant? One file: end its name with .h5. A folder of n2p2 files: {target}{os.sep}"
        )
    return False


def _stated(source: str, units):
    """The potential at a path, which must state its units or be given them."""
    model = read_model(source, units)
    if model.units is None:
        hint = model.provenance.get("unit_comments", "")
        raise InputError(
            f"{source}: its units are not stated; give them, e.g. --units length=bohr,energy=hartree"
            + (f" (comments in its input.nn say: {hint})" if hint else "")
        )
    return model


def _joined(models, sources) -> dict[str, str]:
    """Where the members of a committee come from: the card of the first, the files, and settings that are others."""
    joined = {key: text for key, text in models[0].provenance.items() if not key.startswith("potential ")}
    if said := [contained(model.provenance[CONTAINS]) for model in models if model.says]:
        joined[CONTAINS] = as_text([kind for kind in KINDS if any(kind in own for own in said)])
    for k, (model, source) in enumerate(zip(models, sources, strict=True), start=1):
        joined[f"potential {k}"] = os.path.basename(os.path.normpath(source))
        settings = model.provenance.get("settings")
        if settings and settings != joined.get("settings"):
            joined[f"potential {k}, settings"] = settings
    return joined


def _of_file(model, network, structure):
    """The first frame of a file as a test vector, with the potential's answer."""
    system, units = System.read(structure, labels=False), model.stated_units
    strangers = [symbol for symbol in system.symbols if symbol not in model.elements]
    if strangers:
        raise InputError(
            f"--structure {structure}: no network for {', '.join(strangers)}; it knows {', '.join(model.elements)}"
        )
    if any(system.box.periodic) != all(system.box.periodic):
        raise InputError(f"--structure {structure}: a test vector is periodic along all three directions or none")
    cell = system.box.matrix / units.angstrom if all(system.box.periodic) else None
    symbols = [system.symbols[s] for s in system.species]
    return test_vector(network.answers, symbols, system.positions / units.angstrom, cell)
