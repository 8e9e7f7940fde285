"""Which metals does label.py know, what structures are made of each, and how does pw.x see it?

Atoms are moved by Morse potentials of L. A. Girifalco, V. G. Weizer, Phys. Rev. 114, 687 (1959) at the volume of their
own crystal; structures are scaled to the lattice constant of the method that labels them.
"""

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from ase import Atoms
from ase.build import bulk, make_supercell

FOLDERS = os.environ.get("ESPRESSO_PSEUDO", ""), "/usr/share/espresso/pseudo"  # that of pw.x; that of Debian's package


@dataclass(frozen=True)
class Method:
    """What pw.x is told. Lengths, Angstrom: points of k by the length of a cell's edge, for cells of a few atoms, slabs
    and hot crystals.
    """

    lattice: float  # Angstrom: the cube of least energy, near enough
    cutoff: float  # Ry
    smearing: float  # Ry, cold
    bands: float  # those an atom, besides four
    fine: float
    slabs: float
    coarse: float  # none of the three is another
    pseudopotential: str = ""  # a file of pw.x's; none: that of espresso.py


@dataclass(frozen=True)
class Crystal:
    symbol: str
    structure: str  # as ase.build.bulk has it
    lattice: float  # Angstrom: the cube's edge where atoms are moved
    cubic: bool  # the smallest cell, of strains and slabs: the cube, or that of one atom
    hot: tuple  # edges of the cell that moves, in those of the smallest
    morse: dict
    kelvin: dict  # of each kind of dynamics
    few: dict  # structures of each temperature, to train on and to hold back, for pw.x
    strained: tuple[int, int]
    faces: tuple[tuple, tuple]  # of slabs to train on, to hold back
    shaken: tuple[tuple, tuple]  # Angstrom: by how much atoms of slabs are, one slab each
    dft: Method

    def unit(self) -> Atoms:
        return bulk(self.symbol, self.structure, a=self.lattice, cubic=self.cubic)

    def many(self) -> Atoms:
        """The crystal in the cell that moves."""
        return make_supercell(self.unit(), self.hot)

    def indices(self, face: tuple[int, int, int]) -> tuple[int, ...]:
        """Miller's, of the cube, as those of `unit`."""
        whole = np.rint(2.0 / self.lattice * self.unit().cell.array @ face).astype(int)
        return tuple((whole // np.gcd.reduce(whole)).tolist())


LITHIUM = Crystal(
    symbol="Li",
    structure="bcc",
    lattice=3.45,
    cubic=True,
    hot=((3, 0, 0), (0, 3, 0), (0, 0, 3)),
    # that of sodium, scaled to lengths and bulk modulus
    morse={"depth": 0.055, "alpha": 0.72, "r0": 4.38},
    kelvin={"hot": (300, 450, 900), "vacancy": (300, 900)},
    few={"hot": (7, 3), "vacancy": (3, 1)},
    strained=(40, 8),
    faces=(
        ((1, 0, 0), (1, 1, 0), (1, 1, 1), (2, 1, 0), (2, 1, 1), (3, 1, 0)),
        ((2, 2, 1), (3, 1, 1), (3, 2, 0), (3, 2, 1)),
    ),
    shaken=((0.02, 0.1), (0.02, 0.1)),
    dft=Method(3.38, 8.0, 0.04, 0.65, fine=40.0, slabs=27.0, coarse=20.3),  # 12, 8, 6 points for the cube
)

# 16 atoms whose images are 1.7 edges of the cube apart: the cell of a bcc crystal, twice as large
ALUMINIUM = Crystal(
    symbol="Al",
    structure="fcc",
    lattice=4.05,
    cubic=False,
    hot=((3, -1, -1), (-1, 3, -1), (-1, -1, 3)),
    morse={"depth": 0.2703, "alpha": 1.1646, "r0": 3.253},
    kelvin={"hot": (300, 600, 900), "vacancy": (300, 900)},
    few={"hot": (7, 3), "vacancy": (3, 1)},
    strained=(40, 8),
    faces=(((1, 0, 0), (1, 1, 0), (1, 1, 1)), ((2, 1, 0), (2, 2, 1), (3, 1, 1), (3, 3, 1))),
    shaken=((0.02, 0.06, 0.1), (0.02, 0.1)),
    dft=Method(
        3.955, 12.0, 0.1, 2.0, fine=33.6, slabs=20.0, coarse=20.6, pseudopotential="Al.pz-vbc.UPF"
    ),  # 12 points for the cell of one atom, 7, 3 for 16 atoms
)

CRYSTALS = {"lithium": LITHIUM, "aluminium": ALUMINIUM}


def pseudopotential(name: str) -> str:
    """Text of a file of pw.x's.

    Raises FileNotFoundError if it is in none of FOLDERS.
    """
    for folder in filter(None, FOLDERS):
        if (path := Path(folder) / name).is_file():
            return path.read_text()
    raise FileNotFoundError(
        f"{name} is neither in $ESPRESSO_PSEUDO nor in {FOLDERS[-1]}: set ESPRESSO_PSEUDO to the folder that has it, "
        "or install Debian's quantum-espresso-data"
    )
