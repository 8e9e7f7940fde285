"""Which commands and options does ``mdcore`` have?"""

import argparse
import gc
import importlib
import itertools
import os
import sys
from contextlib import contextmanager

from mdcore.base import console
from mdcore.base.errors import InputError
from mdcore.cli import property_arguments
from mdcore.cli.epilogs import (
    ANALYSE_EPILOG,
    EPILOG,
    INIT_EPILOG,
    LEARN_EPILOG,
    RERUN_EPILOG,
    RUN_EPILOG,
    SWEEP_EPILOG,
    TRAIN_EPILOG,
)

EXIT_CODES = {
    0: "done",
    1: "an internal error; of mdcore verify: a row FAILs; of mdcore relax: not relaxed",
    2: "wrong input, or a wrong command",
    3: "the physics broke down: explosion, overlap, lost atom",
    4: "files can't be written or read, or would be overwritten",
    5: "atoms left the range of a network's training, or a committee disagrees, and the input says to stop then",
    75: "stopped on request (Ctrl-C, a signal) after a checkpoint: go on with --restart",
    130: "Ctrl-C where there is nothing to keep, or twice",
    141: "nobody reads the output any more, as in mdcore check input.toml | head",
}
SHORT_CODES = """\
0 done, 2 wrong input, 3 the physics broke down, 4 files, 5 out of training,
  75 stopped: go on with --restart"""


class Formatter(argparse.RawDescriptionHelpFormatter):
    """Help as wide as the terminal; argparse, which makes one for each option, would load shutil to find out."""

    def __init__(self, prog):
        super().__init__(prog, width=console.width(sys.stdout) - 2)


class Parser(argparse.ArgumentParser):
    """argparse whose words are ours, from one rank."""

    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options, allow_abbrev=False, formatter_class=Formatter)

    def error(self, message):
        from mdcore.cli.slips import hint

        meant = hint(message, self)
        if meant:
            message = message.partition(" (choose from")[0]
        raise InputError(f"{message}; {meant}see: {self.prog} --help")

    def _print_message(self, message, file=None):
        if any(name.startswith(("OMPI_", "PMI", "MPI_")) for name in os.environ):  # else NumPy would be loaded for it
            from mdcore.cli import _connect_quietly

            if _connect_quietly().rank:
                return
        super()._print_message(message, file)


class Version(argparse.Action):
    def __call__(self, parser, namespace, values, option_string=None):
        import mdcore

        parser._print_message(f"mdcore {mdcore.__version__}\n", sys.stdout)
        parser.exit()


def parse_arguments(argv) -> argparse.Namespace | None:
    """The arguments, with `command(arguments, comm)` to call; None if help was all that was wanted."""
    parser = build()
    argv = list(argv)
    for i, (option, value) in enumerate(itertools.pairwise(argv)):
        if option == "--restart" and value.endswith(".toml"):
            argv[i] = "--restart="  # what follows is the input, not a checkpoint
    try:
        if argv and argv[0].startswith("-") and argv[0] not in parser._option_string_actions:
            parser.error(f"unrecognized arguments: {argv[0].rstrip('=')}")
        if argv.count("--") > 1:  # argparse makes lists of words then
            parser.error("-- is there twice")
        arguments, unknown = parser.parse_known_args(argv)
        if unknown:
            named = parser.commands.choices.get(argv[0], parser)
            named.error(f"unrecognized arguments: {' '.join(unknown)}")
    except SystemExit:  # --help and --version have printed
        return None
    if arguments.module is None:
        parser.print_help(sys.stdout)
        return None
    module = arguments.module

    def command(arguments, comm):
        with uncollected():
            own = importlib.import_module(module)
        return own.command(arguments, comm)

    arguments.command = command
    return arguments


@contextmanager
def uncollected():
    """Modules are loaded: nothing that they make is garbage, so nobody looks for it."""
    before = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if before:
            gc.enable()


def build() -> Parser:
    """The parser of the command line."""
    about = "Molecular dynamics with network potentials."
    parser = Parser(prog="mdcore", description=about, epilog=EPILOG.format(codes=SHORT_CODES))
    parser.add_argument("--version", action=Version, nargs=0, help="print the version")
    parser.set_defaults(module=None, debug=False)
    parser.commands = commands = parser.add_subparsers(metavar="COMMAND", title="commands", parser_class=Parser)
    units = {"metavar": "UNITS", "help": "where the files don't state theirs, e.g. length=bohr,energy=hartree"}
    potential = _of_potential(units)
    _run_and_train(commands)
    _look_at_potentials(commands, potential)
    _look_at_results(commands, potential)
    property_arguments.add(commands, units)
    _files_and_help(commands, units)
    return parser


def _debug(parser) -> None:
    parser.add_argument("--debug", action="store_true", help="on an error, also print the Python traceback")


def _of_input() -> Parser:
    """What commands take that read an input file."""
    common = Parser(add_help=False)
    common.add_argument("input", metavar="INPUT", help="the input file, TOML (mdcore help input)")
    told = "override a setting, e.g. --set stage.0.steps=1000 (may be repeated)"
    common.add_argument("--set", metavar="KEY=VALUE", action="append", default=[], help=told)
    _debug(common)
    return common


def _of_potential(units: dict) -> Parser:
    """What commands take that are about a potential."""
    potential = Parser(add_help=False)
    potential.add_argument(
        "potential",
        metavar="POTENTIAL",
        help="a folder of n2p2 or RuNNer files, a .h5 file, or an input file (its [[potential]] sections)",
    )
    potential.add_argument("--units", **units)
    _debug(potential)
    return potential


def _run_and_train(commands) -> None:
    common = _of_input()
    run = commands.add_parser(
        "run",
        parents=[common],
        help="run a simulation",
        description="Run the simulation that an input file describes.",
        epilog=RUN_EPILOG,
    )
    how, told = run.add_mutually_exclusive_group(), "continue from a checkpoint (default: the one this input writes)"
    how.add_argument("--restart", nargs="?", const=True, default=None, metavar="FILE", help=told)
    how.add_argument("--overwrite", action="store_true", help="replace existing results")
    run.add_argument("--quiet", action="store_true", help="print warnings and errors only")
    run.set_defaults(module="mdcore.cli.run")

    sweep = commands.add_parser(
        "sweep",
        parents=[common],
        help="run an input for several values of its settings",
        description="Run an input for every combination of values, one after the other: a folder a run, and a table of "
        "means at the end.",
        epilog=SWEEP_EPILOG,
    )
    sweep.add_argument(
        "--vary", metavar="KEY=VALUE,VALUE", action="append", required=True, help="a setting and its values (repeated)"
    )
    sweep.add_argument("--output", metavar="FOLDER", help="for the runs and the table (INPUT with .sweep)")
    how = sweep.add_mutually_exclusive_group()
    how.add_argument("--restart", action="store_true", help="go on: finished runs stay, others are continued or begun")
    how.add_argument("--overwrite", action="store_true", help="replace existing results")
    sweep.add_argument("--quiet", action="store_true", help="print warnings and errors only")
    sweep.set_defaults(module="mdcore.cli.sweep")

    check = commands.add_parser(
        "check",
        parents=[common],
        help="check an input file",
        description="Check the input file of a run, a training or a campaign and tell what it would do.",
        epilog=RUN_EPILOG.replace("mdcore run argon.toml\n", "mdcore check argon.toml\n"),
    )
    check.set_defaults(module="mdcore.cli.check")

    train = commands.add_parser(
        "train",
        parents=[common],
        help="train a network potential",
        description="Train the potential that an input file describes.",
        epilog=TRAIN_EPILOG,
    )
    how = train.add_mutually_exclusive_group()
    how.add_argument("--restart", action="store_true", help="go on where the training was stopped")
    how.add_argument("--overwrite", action="store_true", help="replace existing results")
    train.add_argument("--quiet", action="store_true", help="print errors only")
    train.set_defaults(module="mdcore.cli.train")

    learn = commands.add_parser(
        "learn",
        parents=[common],
        help="train a potential that asks for its calculations",
        description="Active learning: explore with a potential, select structures it does not know, label them by a "
        "reference method, judge and train it, until it is good enough.",
        epilog=LEARN_EPILOG,
    )
    how = learn.add_mutually_exclusive_group()
    how.add_argument("--restart", action="store_true", help="go on where the campaign was stopped")
    how.add_argument("--overwrite", action="store_true", help="replace an existing campaign")
    how.add_argument("--status", action="store_true", help="tell where the campaign stands; INPUT may be its folder")
    how.add_argument("--dry-run", action="store_true", help="tell what it would do, without a calculation")
    learn.add_argument("--quiet", action="store_true", help="print warnings and errors only")
    learn.set_defaults(module="mdcore.cli.learn", leads=True)


def _look_at_potentials(commands, potential: Parser) -> None:
    info = commands.add_parser(
        "info",
        parents=[potential],
        help="tell what is in a potential, or what another file is",
        description="Tell what is in a potential: species, descriptors, networks, ranges, units, provenance. Of a "
        "trajectory, checkpoint, structure, training or campaign: what it is, and which command reads it.",
    )
    info.set_defaults(module="mdcore.cli.info")
    verify = commands.add_parser(
        "verify",
        parents=[potential],
        help="check that a potential keeps what every potential promises",
        description="Measure forces and stress against the energy, symmetries, smoothness, bits and dynamics of a "
        "potential. Exit code 1: a row FAILs.",
    )
    verify.add_argument(
        "structure",
        metavar="STRUCTURE",
        nargs="?",
        help="to examine it on (default: that of the input file, one from the potential's files, or a random one)",
    )
    verify.set_defaults(module="mdcore.cli.verify")
    evaluate = commands.add_parser(
        "evaluate",
        parents=[potential],
        help="compare a potential with labelled structures",
        description="Errors of energies, forces and stress of a potential on labelled structures, by element and tag.",
    )
    evaluate.add_argument("data", metavar="DATA", help="extxyz, any format of ASE, input.data, or a folder of DeePMD")
    evaluate.add_argument("--data-units", metavar="UNITS", help="of DATA, e.g. length=bohr,energy=hartree")
    evaluate.add_argument("--labels", metavar="NAMES", help="names in DATA, e.g. energy=REF_energy,forces=REF_forces")
    evaluate.add_argument("--threads", metavar="N", type=int, help="structures side by side (MDCORE_NUM_THREADS, or 1)")
    evaluate.add_argument("--output", metavar="FILE", help="write predictions beside the labels, extended xyz")
    evaluate.add_argument("--plot", metavar="FILE", help="draw predictions against labels (needs Matplotlib)")
    evaluate.add_argument(
        "--record",
        metavar="NAME",
        help='keep the errors in POTENTIAL, a .h5 file, as those of the set NAME, e.g. "test"; mdcore info tells them',
    )
    evaluate.add_argument("--overwrite", action="store_true", help="replace FILEs")
    evaluate.set_defaults(module="mdcore.cli.evaluate")


def _look_at_results(commands, potential: Parser) -> None:
    analyse = commands.add_parser(
        "analyse",
        help="g(r), diffusion, spectrum, viscosity, ... of results",
        description="Compute what a results file (.h5md) or other trajectory (.extxyz, any format of ASE) tells, with "
        "block errors; print, write it as JSON, draw it.",
        epilog=ANALYSE_EPILOG,
    )
    analyse.add_argument("results", metavar="RESULTS", help="the .h5md file of a run, .extxyz, any format of ASE")
    analyse.add_argument(
        "--what",
        metavar="WORDS",
        help="some of rdf, diffusion, vibrations, viscosity, conductivity, dielectric, infrared, raman, means; "
        "default: what the file has",
    )
    analyse.add_argument("--first", metavar="STEP", type=int, help="begin at this step (default: all)")
    analyse.add_argument("--last", metavar="STEP", type=int, help="end at this step")
    analyse.add_argument("--blocks", metavar="N", type=int, default=5, help="blocks for the errors (5)")
    analyse.add_argument("--rdf-max", metavar="R", type=float, help="largest distance of g(r) (half the cell)")
    analyse.add_argument("--end", metavar="TIME", type=float, help="of Green-Kubo integrals (6 correlation times)")
    analyse.add_argument(
        "--interval", metavar="TIME", type=float, help="time between two frames, where RESULTS does not tell it"
    )
    analyse.add_argument(
        "--unwrapped", action="store_true", help="positions go on beyond the faces of the cell (else: nearest images)"
    )
    told = "network of dipoles or polarizabilities, asked of all frames: for dielectric, infrared, raman; repeatable"
    analyse.add_argument("--tensors", metavar="FILE", action="append", help=told)
    analyse.add_argument("--temperature", metavar="K", type=float, help="for --tensors, if RESULTS does not tell it")
    analyse.add_argument("--units", metavar="UNITS", help="metal or lj, of RESULTS other than .h5md (metal)")
    analyse.add_argument("--output", metavar="NAME", help="NAME.json and NAME.png (RESULTS with .analysis)")
    analyse.add_argument("--overwrite", action="store_true", help="replace these")
    _debug(analyse)
    analyse.set_defaults(module="mdcore.cli.analyse", input=None)
    rerun = commands.add_parser(
        "rerun",
        parents=[potential],
        help="evaluate a trajectory with another potential",
        description="Energies, forces and stress of every frame of a trajectory, by another potential. Ranks share the "
        "frames (mpirun).",
        epilog=RERUN_EPILOG,
    )
    rerun.add_argument("trajectory", metavar="TRAJECTORY", help=".h5md, .extxyz, any format of ASE")
    rerun.add_argument(
        "--output",
        metavar="FILE",
        action="append",
        required=True,
        help=".extxyz (positions, energy, forces, stress), .h5md (a trajectory with a thermo log) or .csv (a line a "
        "frame); may be repeated",
    )
    rerun.add_argument("--frames", metavar="FIRST:END:STRIDE", help="which, counted from 0, e.g. 100: or ::10")
    rerun.add_argument("--threads", metavar="N", type=int, help="of each rank (MDCORE_NUM_THREADS, or 1)")
    rerun.add_argument("--overwrite", action="store_true", help="replace FILEs")
    rerun.set_defaults(module="mdcore.cli.rerun")


def _files_and_help(commands, units: dict) -> None:
    convert = commands.add_parser(
        "convert",
        help="convert a network potential, or a trajectory",
        description="Write a network potential as one .h5 file with test vectors, or as a folder of n2p2 files; "
        "several potentials of the same elements as one committee. A trajectory .h5md becomes "
        ".extxyz, its atoms .pdb, its thermo log .csv. "
        "A structure becomes .data, for LAMMPS, or .extxyz.",
    )
    convert.add_argument("source", metavar="SOURCE", nargs="+", help="folder with input.nn, .h5, or trajectory .h5md")
    convert.add_argument(
        "target", metavar="TARGET", help="file that ends with .h5, or folder (of a committee: TARGET-1, TARGET-2, ...)"
    )
    convert.add_argument("--units", **units)
    convert.add_argument(
        "--walls",
        metavar="WALLS",
        help='repulsion of nuclei at distances shorter than all in the data, part of the potential: "auto", by the '
        'distances in its card; "off"; or H-O=0.6:0.86,... (inner:cutoff, Angstrom). Default: as in SOURCE',
    )
    convert.add_argument(
        "--data",
        metavar="FILE",
        help="structures that the potential was trained on: what is usual for them goes into the file, and verdicts of "
        "runs go by it",
    )
    convert.add_argument("--data-units", metavar="UNITS", help="of FILE, e.g. length=bohr,energy=hartree")
    convert.add_argument(
        "--contains",
        metavar="WHAT",
        help="what the labels contain that it was trained on, for its card: dispersion,electrostatics, one of them, or "
        '"nothing"; so that nobody adds it a second time',
    )
    convert.add_argument("--structure", metavar="FILE", help="its first frame becomes a test vector")
    convert.add_argument("--overwrite", action="store_true", help="replace TARGET")
    _debug(convert)
    convert.set_defaults(module="mdcore.cli.convert")
    init = commands.add_parser(
        "init",
        help="write an input to begin with",
        description="Write a commented input, and what it needs, into the current folder; nothing is overwritten. "
        "Without NAME: list what there is.",
        epilog=INIT_EPILOG,
    )
    init.add_argument("name", metavar="NAME", nargs="?", help="e.g. lj, water, npt, train")
    init.set_defaults(module="mdcore.cli.init", input=None)
    topics = commands.add_parser(
        "help",
        help="tell what may stand in an input file, what exit codes mean, ...",
        description="The reference: mdcore help input, help input SECTION, help train, help learn, help units, help "
        "exit-codes, help COMMAND.",
    )
    topics.add_argument(
        "topic", metavar="TOPIC", nargs="*", help="input [SECTION or KEY], train, learn, tensors, units, exit-codes"
    )
    topics.set_defaults(module="mdcore.cli.help", input=None)
