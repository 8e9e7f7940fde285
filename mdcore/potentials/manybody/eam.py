"""The embedded-atom method for metals and alloys, from files of LAMMPS.

    E = sum_i F_i(rho_i) + sum_{i<j} z_ij(r_ij) / r_ij,    rho_i = sum_j d_ij(r_ij)

M. S. Daw, M. I. Baskes, Phys. Rev. B 29, 6443 (1984); where the density at i depends on i, too (`fs`), M. W. Finnis,
J. E. Sinclair, Philos. Mag. A 50, 45 (1984). Files: setfl (`eam/alloy`), `eam/fs`, and funcfl (`eam`) of one element.
Between the points of the tables functions are cubic polynomials with slopes from differences over five points, as in
LAMMPS, so numbers agree with it.
"""

from typing import ClassVar

import numpy as np

from mdcore.base.elements import element_of
from mdcore.base.errors import InputError
from mdcore.base.exact import FORCE_BITS, LIMBS
from mdcore.base.files import read_text
from mdcore.base.numerals import number as numeral
from mdcore.doors._kernels import EAM as Kernels
from mdcore.potentials.base import Bound, Finding, Potential, with_ghosts
from mdcore.potentials.cubics import cubics
from mdcore.structure.atoms import Column

FORMATS = ("setfl", "fs", "funcfl")
MOST_POINTS = 1_000_000
MOST_BYTES = 1 << 25  # of a file


class EAMTables:
    """What a file says: eV, Angstrom.

    elements : names; embedding float64 [n_elements, n_rho] at multiples of drho; density [n_elements, n_elements, n_r],
    at the first by the second, and z [n_elements, n_elements, n_r], at multiples of dr; cutoff; comment : first lines
    """

    def __init__(self, elements, embedding, drho, density, z, dr, cutoff, comment=""):
        self.elements, self.embedding, self.drho = tuple(elements), embedding, drho
        self.density, self.z, self.dr, self.cutoff, self.comment = density, z, dr, cutoff, comment


DENSITY = Finding("electron_density", per_atom=True)  # in the unit of the file


class EAM(Potential):
    """The embedded-atom method between all atoms closer than the cutoff.

    path : of a file, or EAMTables
    format : "setfl" (eam/alloy), "fs" (eam/fs) or "funcfl" (eam); None: by the name of the file

    InputError for a file that is none of these, and from `bind` for an element that is not in it.
    """

    truncated = tells_virials = weighable = True
    findings = (DENSITY,)

    def __init__(self, path, format: str | None = None):
        self.tables = path if isinstance(path, EAMTables) else read_eam(path, format)
        self.cutoff, self.name = self.tables.cutoff, self.tables.comment if path is self.tables else str(path)

    def __repr__(self):
        return f"EAM({' '.join(self.tables.elements)}, cutoff {self.cutoff:.4g} Angstrom)"

    def describe(self, unit="Angstrom"):
        return f"{' '.join(self.tables.elements)}, cutoff {self.cutoff:.4g} {unit}"

    def sizes(self):
        return dict.fromkeys(self.tables.elements, self.cutoff / 2.2)

    def bind(self, symbols) -> "BoundEAM":
        return BoundEAM(self, symbols)


class BoundEAM(Bound):
    """The embedded-atom method in a system of these species."""

    virial_of_forces = True
    columns: ClassVar = {"rho": Column("f8", adds=True, grid=FORCE_BITS, output=DENSITY.name), "slope": Column("f8")}

    def __init__(self, potential: EAM, symbols):
        self.potential, self.symbols, it = potential, tuple(symbols), potential.tables
        rows = []
        for symbol in self.symbols:
            if element_of(symbol) not in it.elements:
                raise InputError(
                    f"EAM: no functions for species {symbol}; {potential.name} has {', '.join(it.elements)}"
                )
            rows.append(it.elements.index(element_of(symbol)))
        pair = np.ix_(rows, rows)
        pairs = np.concatenate([polynomials(it.density[pair]), polynomials(it.z[pair])], axis=-1)
        self.kernels = Kernels(pairs, polynomials(it.embedding[rows]), it.dr, it.drho, it.cutoff)

    def compute(self, atoms, neighbors, domain, out) -> None:
        pairs, rho, slope = neighbors.list, atoms.rho, atoms.slope
        rho[: atoms.n_total + 1] = 0.0
        self.kernels.density(atoms, pairs, rho)
        domain.reverse_add(atoms, "rho")
        row = self.kernels.embed(atoms, pairs, rho, slope, out.want_energy, out.limbs(), out.atom_energies)
        out.add_limbs()
        domain.forward(atoms, "slope")
        slope[atoms.n_total] = 0.0
        out.bad_row = max(out.bad_row, row)
        row = self.kernels.forces(
            atoms, pairs, slope, out.want_energy, out.limbs(), out.atom_energies, out.atom_virials
        )
        out.add_limbs()
        out.bad_row = max(out.bad_row, row)

    def shares_of(self, atoms, neighbors, domain):
        found = super().shares_of(atoms, neighbors, domain)
        self._slope = atoms.slope[: atoms.n_total + 1].copy()  # of ghosts, too
        return found

    def weigh(self, atoms, neighbors, domain, weights):
        """An atom has the energy of its embedding, and half of its pairs'."""
        own = with_ghosts(weights[:, 0], atoms, domain)
        limbs = np.zeros(LIMBS, dtype=np.int64)
        self.kernels.forces(atoms, neighbors.list, own * self._slope, False, limbs, weights=own)


def polynomials(values: np.ndarray) -> np.ndarray:
    """[..., n, 4]: the cubic polynomials through values [..., n] whose slopes are differences over five points (three,
    two at the ends), as LAMMPS has them."""
    slopes = np.empty_like(values)
    with np.errstate(over="ignore", invalid="ignore"):
        steps = values[..., 1:] - values[..., :-1]
        slopes[..., 0], slopes[..., -1] = steps[..., 0], steps[..., -1]
        slopes[..., 1] = 0.5 * (values[..., 2] - values[..., 0])
        slopes[..., -2] = 0.5 * (values[..., -1] - values[..., -3])
        far, near = values[..., :-4] - values[..., 4:], values[..., 3:-1] - values[..., 1:-3]
        slopes[..., 2:-2] = (far + 8.0 * near) / 12.0
    return cubics(values, slopes)


# --- files ---------------------------------------------------------------------------------------------


def read_eam(path, format: str | None = None) -> EAMTables:
    """The functions of a file; InputError if it is none of these formats."""
    name = str(path).lower()
    if format is None:
        format = "fs" if name.endswith(".fs") else "setfl" if ".alloy" in name or name.endswith(".setfl") else "funcfl"
    if format not in FORMATS:
        raise InputError(f"{path}: format = {format!r}: choose one of {', '.join(FORMATS)}")
    lines = read_text(path, "a potential of the embedded-atom method", MOST_BYTES).split("\n")
    return _funcfl(path, lines) if format == "funcfl" else _setfl(path, lines, format == "fs")


class _Words:
    """Words of the lines from `first` on, taken one after the other."""

    def __init__(self, path, lines, first: int):
        self.path = path
        self.words = [word for line in lines[first:] for word in line.split()]
        self.place = 0

    def check(self, n: int) -> None:
        """Are there so many? Asked before room is made for them."""
        if len(self.words) != n:
            raise InputError(
                f"{self.path}: {len(self.words):,} numbers and words after the grid, where its sizes and elements say "
                f"{n:,}; is it whole, and of this format?"
            )

    def take(self, n: int) -> list[str]:
        self.place += n
        return self.words[self.place - n : self.place]

    def numbers(self, n: int, what: str) -> np.ndarray:
        try:
            found = np.array([numeral(word) for word in self.take(n)])
        except ValueError:
            raise InputError(f"{self.path}: {what}: expected {n} numbers; is it of this format?") from None
        if not np.isfinite(found).all():
            raise InputError(f"{self.path}: {what}: not all are finite numbers")
        return found


def _grid(path, words: list[str]) -> tuple[int, float, int, float, float]:
    """n_rho, drho, n_r, dr, cutoff"""
    try:
        n_rho, drho, n_r, dr, cutoff = (numeral(word) for word in words[:5])
        if not all(k == int(k) and 5 <= k <= MOST_POINTS for k in (n_rho, n_r)):
            raise ValueError
        if not (1e-12 < drho < 1e12 and 1e-9 < dr < 1e3 and dr < cutoff < 1e3):
            raise ValueError
    except (ValueError, OverflowError):
        raise InputError(
            f"{path}: expected n_rho, drho, n_r, dr and cutoff, found {' '.join(words)[:80]!r}; is it of this format?"
        ) from None
    if cutoff > dr * n_r * (1.0 + 1e-9):
        raise InputError(f"{path}: the cutoff is {cutoff:g}, and the tables end at {dr * (n_r - 1):g}")
    return int(n_rho), drho, int(n_r), dr, cutoff


def _setfl(path, lines, finnis_sinclair: bool) -> EAMTables:
    if len(lines) < 6:
        raise InputError(f"{path}: too short for a setfl file: three comments, elements, the grid, ...")
    elements = lines[3].split()[1:]
    if not elements or lines[3].split()[0] != str(len(elements)) or len(set(elements)) < len(elements):
        raise InputError(f"{path}: line 4: expected the number of elements and their names, not {lines[3][:60]!r}")
    n_rho, drho, n_r, dr, cutoff = _grid(path, lines[4].split())
    words, n = _Words(path, lines, 5), len(elements)
    words.check(n * (4 + n_rho + (n if finnis_sinclair else 1) * n_r) + n * (n + 1) // 2 * n_r)
    embedding, density, z = np.empty((n, n_rho)), np.empty((n, n, n_r)), np.empty((n, n, n_r))
    for a, name in enumerate(elements):
        words.take(4)  # number, mass, lattice constant, lattice
        embedding[a] = words.numbers(n_rho, f"the embedding energy of {name}")
        if finnis_sinclair:  # the density of this element at each of the others
            for b, other in enumerate(elements):
                density[b, a] = words.numbers(n_r, f"the density of {name} at {other}")
        else:
            density[:, a] = words.numbers(n_r, f"the density of {name}")
    for a in range(n):
        for b in range(a + 1):
            z[a, b] = z[b, a] = words.numbers(n_r, f"the pair {elements[a]}-{elements[b]}")
    return EAMTables(elements, embedding, drho, density, z, dr, cutoff, " ".join(lines[:3]).strip())


def _funcfl(path, lines) -> EAMTables:
    from mdcore.base.elements import SYMBOLS

    if len(lines) < 4:
        raise InputError(f"{path}: too short for a funcfl file: a comment, the element, the grid, ...")
    head = lines[1].split()
    if not head or not head[0].isdecimal() or not 0 < int(head[0]) < len(SYMBOLS):
        raise InputError(f"{path}: line 2: expected an atomic number, mass, ..., not {lines[1][:60]!r}")
    element = SYMBOLS[int(head[0])]
    n_rho, drho, n_r, dr, cutoff = _grid(path, lines[2].split())
    words = _Words(path, lines, 3)
    words.check(n_rho + 2 * n_r)
    embedding = words.numbers(n_rho, "the embedding energy")
    charge = words.numbers(n_r, "the effective charge")
    density = words.numbers(n_r, "the density")
    z = charge**2 * (27.2 * 0.529)  # LAMMPS's Hartree and Bohr, so that numbers agree with it
    return EAMTables([element], embedding[None], drho, density[None, None], z[None, None], dr, cutoff, lines[0].strip())
