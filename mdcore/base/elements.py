"""Which chemical element is this, and how heavy is it?

Standard atomic weights: IUPAC/CIAAW 2021 (Prohaska et al., Pure Appl. Chem. 94,
573 (2022)); the conventional value where the standard is an interval (H, Li, B, C,
N, O, Mg, Si, S, Cl, Ar, Br, Tl, Pb). Elements without a standard weight have the
mass number of a long-lived isotope. Deuterium and tritium: AME2020 (Wang et al., Chin. Phys. C 45,
030003 (2021)).
"""

import difflib
import re

# Z = 1..118 in order: symbol and atomic mass, amu.
_TABLE = """
H 1.008  He 4.002602  Li 6.94  Be 9.0121831  B 10.81  C 12.011
N 14.007  O 15.999  F 18.998403162  Ne 20.1797  Na 22.98976928  Mg 24.305
Al 26.9815384  Si 28.085  P 30.973761998  S 32.06  Cl 35.45  Ar 39.948
K 39.0983  Ca 40.078  Sc 44.955907  Ti 47.867  V 50.9415  Cr 51.9961
Mn 54.938043  Fe 55.845  Co 58.933194  Ni 58.6934  Cu 63.546  Zn 65.38
Ga 69.723  Ge 72.630  As 74.921595  Se 78.971  Br 79.904  Kr 83.798
Rb 85.4678  Sr 87.62  Y 88.905838  Zr 91.224  Nb 92.90637  Mo 95.95
Tc 97  Ru 101.07  Rh 102.90549  Pd 106.42  Ag 107.8682  Cd 112.414
In 114.818  Sn 118.710  Sb 121.760  Te 127.60  I 126.90447  Xe 131.293
Cs 132.90545196  Ba 137.327  La 138.90547  Ce 140.116  Pr 140.90766  Nd 144.242
Pm 145  Sm 150.36  Eu 151.964  Gd 157.25  Tb 158.925354  Dy 162.500
Ho 164.930329  Er 167.259  Tm 168.934219  Yb 173.045  Lu 174.9668  Hf 178.486
Ta 180.94788  W 183.84  Re 186.207  Os 190.23  Ir 192.217  Pt 195.084
Au 196.966570  Hg 200.592  Tl 204.38  Pb 207.2  Bi 208.98040  Po 209
At 210  Rn 222  Fr 223  Ra 226  Ac 227  Th 232.0377
Pa 231.03588  U 238.02891  Np 237  Pu 244  Am 243  Cm 247
Bk 247  Cf 251  Es 252  Fm 257  Md 258  No 259
Lr 262  Rf 267  Db 268  Sg 269  Bh 270  Hs 269
Mt 277  Ds 281  Rg 282  Cn 285  Nh 286  Fl 290
Mc 290  Lv 293  Ts 294  Og 294
"""
_WORDS = _TABLE.split()

ISOTOPES = {"D": "H", "T": "H"}  # species of their own mass that are chemically the same as an element
GHOSTS = re.compile(r"(x+|xx.*|bq.*|gh.*|du.*|ghost.*|lp|mw|ep)[0-9]*", re.IGNORECASE)  # and sites of water models

SYMBOLS: tuple[str, ...] = ("X", *_WORDS[0::2])  # SYMBOLS[Z]; index 0 is no element
ATOMIC_NUMBERS: dict[str, int] = {symbol: z for z, symbol in enumerate(SYMBOLS) if z}
ATOMIC_MASSES: dict[str, float] = dict(zip(_WORDS[0::2], map(float, _WORDS[1::2]), strict=True))
ATOMIC_MASSES |= {"D": 2.01410177812, "T": 3.01604928199}

# Radii of Z = 1..96, Angstrom: covalent (Cordero et al., Dalton Trans. 2008, 2832); of noble gases, half the distance
# in the crystal.
_RADII = """
0.31 1.48 1.28 0.96 0.84 0.76 0.71 0.66 0.57 1.55 1.66 1.41 1.21 1.11 1.07 1.05 1.02 1.88
2.03 1.76 1.70 1.60 1.53 1.39 1.39 1.32 1.26 1.24 1.32 1.22 1.22 1.20 1.19 1.20 1.20 2.00
2.20 1.95 1.90 1.75 1.64 1.54 1.47 1.46 1.42 1.39 1.45 1.44 1.42 1.39 1.39 1.38 1.39 2.15
2.44 2.15 2.07 2.04 2.03 2.01 1.99 1.98 1.98 1.96 1.94 1.92 1.92 1.89 1.90 1.87 1.87 1.75 1.70 1.62 1.51 1.44 1.41
1.36 1.36 1.32 1.45 1.46 1.48 1.40 1.50 2.20 2.60 2.21 2.15 2.06 2.00 1.96 1.90 1.87 1.80 1.69
"""
RADII: tuple[float, ...] = tuple(map(float, _RADII.split()))  # RADII[Z - 1]


def formula(symbols, counts) -> str:
    """How messages name so many atoms of each species: H128 O64."""
    return " ".join(f"{name}{count}" for name, count in zip(symbols, counts, strict=True))


def radius(symbol: str) -> float:
    """Half a bond, Angstrom; of what is no element, as if it were hydrogen."""
    return RADII[min(ATOMIC_NUMBERS.get(symbol, 1), len(RADII)) - 1]


def element_of(name: str) -> str:
    """The element whose interactions a species has: D and T are hydrogen; other names are themselves."""
    return ISOTOPES.get(name, name)


def stranger(name: str) -> str:
    """What a name that is no element may mean: the end of a message, empty if nothing comes to mind."""
    if GHOSTS.fullmatch(name):
        return "; a ghost or dummy atom? Then take such atoms out of the structure"
    if name.isdecimal():
        return "; a number: if it is the atomic number, call the column Z (Z:I:1), if a type, write the element"
    letters = re.match("[A-Za-z]*", name)[0].capitalize()
    found = next((word for word in (letters, letters[:2], letters[:1]) if word in ATOMIC_MASSES), None)
    if found and not (name.isalpha() and len(name) > 2):
        return f"; did you mean {found!r}? Labels of atoms and charges are no elements"
    near = difflib.get_close_matches(name, ATOMIC_MASSES, n=1)
    return f"; did you mean {near[0]!r}?" if near else ""
