"""Which options have the commands that relax structures and measure their properties?"""

RELAX_EPILOG = """\
examples:
  mdcore relax vacancy.xyz --potential potentials/silicon.h5
  mdcore relax start.xyz --potential lj.toml --cell --pressure 1.0
  mpirun -n 4 mdcore relax slab.cif --potential mo.h5 --max-force 0.001 --output slab.xyz

Exit code 1: not relaxed after --steps.
"""
ELASTIC_EPILOG = """\
examples:
  mdcore elastic silicon.xyz --potential potentials/silicon.h5
  mpirun -n 2 mdcore elastic mo.cif --potential mo.h5 --strain 0.002 --plot mo.png
"""
EOS_EPILOG = """\
examples:
  mdcore eos silicon.xyz --potential potentials/silicon.h5
  mdcore eos argon.xyz --potential lj.toml --volumes 15 --width 0.1 --plot argon.png
"""
NEB_EPILOG = """\
examples:
  mdcore neb before.xyz after.xyz --potential potentials/silicon.h5 --relax-ends --plot hop.png
  mpirun -n 4 mdcore neb a.xyz b.xyz --potential lj.toml --images 15 --max-force 0.001

Exit code 1: not converged after --steps.
"""
SADDLE_EPILOG = """\
examples:
  mdcore saddle vacancy.xyz --potential potentials/silicon.h5 --seed 3
  mpirun -n 4 mdcore saddle a.xyz --toward b.xyz --potential lj.toml

Exit code 1: no saddle point after --steps.
"""
PHONONS_EPILOG = """\
examples:
  mdcore phonons silicon.xyz --potential potentials/silicon.h5 --plot bands.png
  mdcore phonons argon.xyz --potential lj.toml --repeat 4 4 4 --path GXWL
  mpirun -n 2 mdcore phonons mo.cif --potential mo.h5 --relax nothing

Needs phonopy and ASE: pip install "mdcore[phonons]"
"""
CELLS = ("fixed", "isotropic", "anisotropic", "flexible")


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
    relax.add_argument("--max-force", metavar="F", type=float, default=0.01, help="that may be left (0.01)")
    relax.add_argument("--max-stress", metavar="S", type=float, default=0.05, help="that may be left (0.05)")
    relax.add_argument("--method", choices=("lbfgs", "fire"), default="lbfgs", help="of minimisation (lbfgs)")
    relax.add_argument("--max-step", metavar="D", type=float, help="the farthest an atom moves in a step (0.2)")
    relax.add_argument("--steps", metavar="N", type=int, default=1000, help="at most (1000)")
    relax.add_argument(
        "--cell", nargs="?", const="flexible", default="fixed", choices=CELLS, metavar="HOW",
        help="the cell moves, too: flexible (in any way), anisotropic (along x, y, z), isotropic",
    )  # fmt: skip
    relax.add_argument("--pressure", metavar="P", type=float, help="to hold the cell at, GPa (0)")
    relax.add_argument("--stress", metavar="S", help="xx,yy,zz,yz,xz,xy in its place, negative when compressed")
    relax.add_argument("--output", metavar="FILE", help="extended xyz (STRUCTURE.relaxed.xyz)")
    relax.add_argument("--path", metavar="FILE", help="every step, extended xyz (STRUCTURE.path.xyz)")
    relax.add_argument("--no-path", action="store_true", help="don't write it")
    relax.add_argument("--overwrite", action="store_true", help="replace FILEs")
    relax.set_defaults(module="mdcore.cli.relax")

    elastic = commands.add_parser(
        "elastic",
        help="elastic constants of a crystal",
        description="Relax a crystal and its cell, strain it along each of six components, relax the atoms, measure "
        "the stress: all 36 constants, Born's criterion of stability, moduli of Voigt, Reuss and Hill.",
        epilog=ELASTIC_EPILOG,
    )
    _property(elastic, units)
    elastic.add_argument("--strain", metavar="E", type=float, default=0.005, help="up and down (0.005)")
    elastic.add_argument("--max-stress", metavar="S", type=float, default=0.01, help="left in the crystal (0.01)")
    elastic.set_defaults(module="mdcore.cli.elastic")

    eos = commands.add_parser(
        "eos",
        help="energy against volume of a crystal",
        description="Relax the atoms of a crystal at several volumes: equilibrium volume, bulk modulus and its "
        "derivative by the equation of Birch and Murnaghan.",
        epilog=EOS_EPILOG,
    )
    _property(eos, units)
    eos.add_argument("--volumes", metavar="N", type=int, default=9, help="how many (9)")
    eos.add_argument("--width", metavar="W", type=float, default=0.06, help="from 1 - W to 1 + W (0.06)")
    eos.set_defaults(module="mdcore.cli.eos")

    neb = commands.add_parser(
        "neb",
        help="barrier between two structures",
        description="The path of least energy between two structures of the same atoms, and the saddle point on it: "
        "nudged elastic band with a climbing image. Images are computed side by side on ranks.",
        epilog=NEB_EPILOG,
    )
    _common(neb, units, "START")
    neb.add_argument("end", metavar="END", help="the same atoms in the same order, in the same cell")
    neb.add_argument("--end-frame", metavar="N", type=int, default=-1, help="of END, counted from 0 (the last)")
    neb.add_argument("--images", metavar="N", type=int, default=7, help="between START and END (7)")
    neb.add_argument("--max-force", metavar="F", type=float, default=0.01, help="that may be left (0.01)")
    neb.add_argument("--no-climb", action="store_true", help="leave the highest image where the springs put it")
    neb.add_argument("--relax-ends", action="store_true", help="bring START and END to rest first")
    neb.add_argument("--spring", metavar="K", type=float, help="between images (0.1 eV/Angstrom^2; 10 in lj units)")
    neb.add_argument("--steps", metavar="N", type=int, default=1000, help="at most (1000)")
    neb.add_argument("--output", metavar="FILE", help="JSON (START.neb.json)")
    neb.add_argument("--path", metavar="FILE", help="the images, extended xyz (START.neb.xyz)")
    neb.add_argument("--plot", metavar="FILE", help="draw energies along the path (needs Matplotlib)")
    neb.add_argument("--overwrite", action="store_true", help="replace FILEs")
    neb.set_defaults(module="mdcore.cli.neb")

    saddle = commands.add_parser(
        "saddle",
        help="saddle point near a structure",
        description="Climb from a structure to a saddle point near it, without knowing what lies behind: the dimer "
        "method. Begin at a minimum, with several seeds.",
        epilog=SADDLE_EPILOG,
    )
    _common(saddle, units)
    saddle.add_argument("--toward", metavar="FILE", help="the first direction: to the same atoms elsewhere (at random)")
    saddle.add_argument("--seed", metavar="N", type=int, default=1, help="of what is random (1)")
    saddle.add_argument("--displace", metavar="D", type=float, default=0.1, help="atoms, before the search (0.1)")
    saddle.add_argument("--radius", metavar="R", type=float, default=4.0, help="those so near to one at random (4.0)")
    saddle.add_argument("--max-force", metavar="F", type=float, default=0.01, help="that may be left (0.01)")
    saddle.add_argument("--max-step", metavar="D", type=float, help="the farthest an atom moves in a step (0.1)")
    saddle.add_argument("--steps", metavar="N", type=int, default=500, help="at most (500)")
    saddle.add_argument("--output", metavar="FILE", help="JSON (STRUCTURE.saddle.json)")
    saddle.add_argument("--path", metavar="FILE", help="every step, extended xyz (STRUCTURE.saddle.xyz)")
    saddle.add_argument("--overwrite", action="store_true", help="replace FILEs")
    saddle.set_defaults(module="mdcore.cli.saddle", plot=None)

    phonons = commands.add_parser(
        "phonons",
        help="vibrations of a crystal",
        description="Relax a crystal, displace atoms in a supercell of it, and compute by phonopy: frequencies along a "
        "path through the Brillouin zone, the density of states, whether there are imaginary modes.",
        epilog=PHONONS_EPILOG,
    )
    _property(phonons, units, 0.0001)
    phonons.add_argument("--max-stress", metavar="S", type=float, default=0.01, help="left in the crystal (0.01)")
    phonons.add_argument(
        "--relax", choices=("cell", "atoms", "nothing"), default="cell", help="first (cell, with its atoms)"
    )
    phonons.add_argument(
        "--repeat", metavar=("A", "B", "C"), nargs=3, type=int,
        help="the supercell (faces are two cutoffs of the potential apart, at least)",
    )  # fmt: skip
    phonons.add_argument("--displacement", metavar="D", type=float, default=0.01, help="of an atom (0.01)")
    phonons.add_argument("--path", metavar="POINTS", help="special points as ASE calls them, e.g. GXWL,UX (all)")
    phonons.add_argument("--mesh", metavar="N", type=int, default=20, help="finer with larger ones (20)")
    phonons.set_defaults(module="mdcore.cli.phonons")


def _property(parser, units: dict, max_force: float = 0.001) -> None:
    """What commands have that measure."""
    _common(parser, units)
    left = f"that may be left ({max_force:g})"
    parser.add_argument("--max-force", metavar="F", type=float, default=max_force, help=left)
    parser.add_argument("--output", metavar="FILE", help="JSON (STRUCTURE.KIND.json)")
    parser.add_argument("--plot", metavar="FILE", help="draw it (needs Matplotlib)")
    parser.add_argument("--overwrite", action="store_true", help="replace FILEs")


def _common(parser, units: dict, name: str = "STRUCTURE") -> None:
    """What all have: a structure and a potential."""
    parser.add_argument("structure", metavar=name, help="extended xyz, data of LAMMPS, or any format of ASE")
    parser.add_argument(
        "--potential", metavar="POTENTIAL", required=True,
        help="a folder of n2p2 or RuNNer files, a .h5 file, or an input file (its [[potential]] sections)",
    )  # fmt: skip
    parser.add_argument("--units", **units)
    parser.add_argument("--frame", metavar="N", type=int, default=-1, help=f"of {name}, counted from 0 (the last)")
    parser.add_argument("--debug", action="store_true", help="on an error, also print the Python traceback")
