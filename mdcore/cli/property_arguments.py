"""Which options have the commands that relax structures and measure their properties?"""

RELAX_EPILOG = """\
examples:
  mdcore relax vacancy.xyz --potential potentials/silicon.h5
  mdcore relax start.xyz --potential lj.toml --cell --pressure 1.0
  mpirun -n 4 mdcore relax slab.cif --potential mo.h5 --max-force 0.001 --output slab.xyz

Exit code 1: not relaxed after --steps.
"""
CELLS = ("fixed", "isotropic", "lengths", "free")


def add(commands, units: dict) -> None:
    """units : of the option --units"""
    relax = commands.add_parser(
        "relax",
        help="bring a structure to rest",
        description="Move atoms, and the cell where wanted, downhill until forces and stress are small. Writes the "
        "relaxed structure, and the path to it.",
        epilog=RELAX_EPILOG,
    )
    _common(relax, units)
    relax.add_argument(
        "--cell", nargs="?", const="free", default="fixed", choices=CELLS, metavar="HOW",
        help="the cell moves, too: free (in any way), lengths (along x, y, z), isotropic",
    )  # fmt: skip
    relax.add_argument("--pressure", metavar="P", type=float, help="to hold the cell at, GPa (0)")
    relax.add_argument("--stress", metavar="S", help="xx,yy,zz,yz,xz,xy in its place, negative when compressed")
    relax.add_argument("--output", metavar="FILE", help="extended xyz (STRUCTURE.relaxed.xyz)")
    relax.add_argument("--path", metavar="FILE", help="every step, extended xyz (STRUCTURE.path.xyz)")
    relax.add_argument("--no-path", action="store_true", help="don't write it")
    relax.add_argument("--overwrite", action="store_true", help="replace FILEs")
    relax.set_defaults(module="mdcore.cli.relax")


def _common(parser, units: dict) -> None:
    """What all have: a structure, a potential, how to relax."""
    parser.add_argument("structure", metavar="STRUCTURE", help="extended xyz, data of LAMMPS, or any format of ASE")
    parser.add_argument(
        "--potential", metavar="POTENTIAL", required=True,
        help="a folder of n2p2 or RuNNer files, a .h5 file, or an input file (its [[potential]] sections)",
    )  # fmt: skip
    parser.add_argument("--units", **units)
    parser.add_argument("--frame", metavar="N", type=int, default=-1, help="of STRUCTURE, counted from 0 (the last)")
    parser.add_argument("--method", choices=("lbfgs", "fire"), default="lbfgs", help="of minimisation (lbfgs)")
    parser.add_argument("--max-force", metavar="F", type=float, default=0.01, help="that may be left (0.01)")
    parser.add_argument("--max-stress", metavar="S", type=float, default=0.05, help="that may be left (0.05)")
    parser.add_argument("--max-step", metavar="D", type=float, help="the farthest an atom moves in a step (0.2)")
    parser.add_argument("--steps", metavar="N", type=int, default=1000, help="at most (1000)")
    parser.add_argument("--debug", action="store_true", help="on an error, also print the Python traceback")
