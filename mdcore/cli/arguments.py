"""Which commands and options does ``mdcore`` have?"""

import argparse
import importlib
import itertools
import sys

from mdcore.errors import InputError

EPILOG = "The input file is described in docs/input.md. Under MPI: mpirun -n 4 mdcore run input.toml"


class Parser(argparse.ArgumentParser):
    """argparse whose complaints are ours: one message, from one rank."""

    def error(self, message):
        raise InputError(f"{message}; see: {self.prog} --help")


class Version(argparse.Action):
    def __call__(self, parser, namespace, values, option_string=None):
        import mdcore

        print(f"mdcore {mdcore.__version__}")
        parser.exit()


def parse_arguments(argv) -> argparse.Namespace | None:
    """The arguments, with `command(arguments, comm)` to call; None if help was all that was wanted."""
    parser = build()
    argv = list(argv)
    for i, (option, value) in enumerate(itertools.pairwise(argv)):
        if option == "--restart" and value.endswith(".toml"):
            argv[i] = "--restart="  # what follows is the input, not a checkpoint
    try:
        arguments = parser.parse_args(argv)
    except SystemExit:  # --help and --version have printed
        return None
    if arguments.module is None:
        parser.print_help(sys.stdout)
        return None
    module = arguments.module

    def command(arguments, comm):
        return importlib.import_module(module).command(arguments, comm)

    arguments.command = command
    return arguments


def build() -> Parser:
    """The parser of the command line."""
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("input", metavar="INPUT", help="the input file, TOML")
    common.add_argument(
        "--set",
        metavar="KEY=VALUE",
        action="append",
        default=[],
        help="override a setting, e.g. --set stage.0.steps=1000 (may be repeated)",
    )
    common.add_argument("--debug", action="store_true", help="on an error, also print the Python traceback")

    parser = Parser(prog="mdcore", description="Molecular dynamics.", epilog=EPILOG, allow_abbrev=False)
    parser.add_argument("--version", action=Version, nargs=0, help="print the version")
    parser.set_defaults(module=None, debug=False)
    commands = parser.add_subparsers(metavar="COMMAND", title="commands", parser_class=Parser)

    run = commands.add_parser(
        "run",
        parents=[common],
        help="run a simulation",
        allow_abbrev=False,
        description="Run the simulation that an input file describes.",
        epilog=EPILOG,
    )
    how = run.add_mutually_exclusive_group()
    how.add_argument(
        "--restart",
        nargs="?",
        const=True,
        default=None,
        metavar="FILE",
        help="continue from a checkpoint (default: the one this input writes)",
    )
    how.add_argument("--overwrite", action="store_true", help="replace existing results")
    run.add_argument("--quiet", action="store_true", help="print errors only")
    run.set_defaults(module="mdcore.cli.run")

    check = commands.add_parser(
        "check",
        parents=[common],
        help="check an input file",
        allow_abbrev=False,
        description="Check the input file of a run or a training and tell what it would do.",
        epilog=EPILOG,
    )
    check.set_defaults(module="mdcore.cli.check")

    train = commands.add_parser(
        "train",
        parents=[common],
        help="train a network potential",
        allow_abbrev=False,
        description="Train the potential that an input file describes (docs/train-input.md).",
    )
    how = train.add_mutually_exclusive_group()
    how.add_argument("--restart", action="store_true", help="go on where the training was stopped")
    how.add_argument("--overwrite", action="store_true", help="replace existing results")
    train.add_argument("--quiet", action="store_true", help="print errors only")
    train.set_defaults(module="mdcore.cli.train")

    potential = argparse.ArgumentParser(add_help=False)
    potential.add_argument(
        "potential",
        metavar="POTENTIAL",
        help="a folder of n2p2 or RuNNer files, a .h5 file, or an input file (its [[potential]] sections)",
    )
    units = {"metavar": "UNITS", "help": "where the files don't state theirs, e.g. length=bohr,energy=hartree"}
    potential.add_argument("--units", **units)
    potential.add_argument("--debug", action="store_true", help="on an error, also print the Python traceback")
    info = commands.add_parser(
        "info",
        parents=[potential],
        help="tell what is in a potential",
        allow_abbrev=False,
        description="Tell what is in a potential: species, descriptors, networks, ranges, units, provenance.",
    )
    info.set_defaults(module="mdcore.cli.info")
    verify = commands.add_parser(
        "verify",
        parents=[potential],
        help="check that a potential keeps what every potential promises",
        allow_abbrev=False,
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
        allow_abbrev=False,
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
    convert = commands.add_parser(
        "convert",
        help="convert a network potential",
        allow_abbrev=False,
        description="Write a network potential as one .h5 file with test vectors, or as a folder of n2p2 files; "
        "several potentials of the same elements as one committee.",
    )
    convert.add_argument("source", metavar="SOURCE", nargs="+", help="folder with input.nn, or .h5 file")
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
    convert.add_argument("--structure", metavar="FILE", help="its first frame becomes a test vector")
    convert.add_argument("--overwrite", action="store_true", help="replace TARGET")
    convert.add_argument("--debug", action="store_true", help="on an error, also print the Python traceback")
    convert.set_defaults(module="mdcore.cli.convert")
    return parser
