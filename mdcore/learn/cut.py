"""How does a large box become what a reference method can compute, with the disputed atom in its middle?

"cluster" : all atoms within a radius, in vacuum; where molecules are kept, those with an atom in there, as a whole.
    Atoms nearer to the cut than the potential sees have surroundings that no bulk has: they are marked, in the column
    CUT, and their forces are left out of the loss. Energy and the other forces count.
"cell" : the cube of twice the radius, which repeats from now on. Of atoms that come too close over its faces the one
    farther from the middle goes; then all beyond half the radius are relaxed by the potential, the others stay. All
    its surroundings are of a bulk: nothing is marked.

Clusters keep bonds and suit molecules and surfaces; cells suit liquids and disordered solids, where a cut makes
dangling bonds. E. Podryabinkin, K. Garifullin, A. Shapeev, I. Novikov, J. Chem. Phys. 159, 084112 (2023), cut likewise.
"""

from dataclasses import dataclass

import numpy as np

from mdcore.base.errors import InputError, MdcoreError
from mdcore.base.ranges import choice, count, number
from mdcore.dynamics.motion.fire import FIRE
from mdcore.engine.sanity import joined, pairs_within
from mdcore.properties.neb import shortest
from mdcore.properties.relaxation import at_rest, moved, relax
from mdcore.structure.box import Box
from mdcore.structure.quantities import SPINS, TOTALS
from mdcore.training.data.labels import CUT

KINDS = ("cluster", "cell")
NEAR = 0.7  # of the shortest distance of such a pair in the whole: closer is too close
REACH = 3.0  # Angstrom; at which distances are looked for
STEPS, FORCE = 50, 0.5  # of the relaxation at most; eV/Angstrom that may be left


@dataclass(frozen=True, kw_only=True)
class Cut:
    """kind : "cluster" or "cell"; radius : Angstrom; atoms : structures of so many and fewer stay as they are
    molecules : are kept whole, by the structure's bonds or covalent radii; margin : of vacuum on each side, Angstrom
    """

    kind: str
    radius: float
    atoms: int = 200
    molecules: bool = True
    margin: float = 5.0

    def __post_init__(self):
        choice("cut: kind", self.kind, KINDS)
        number("cut: radius", self.radius, "length")
        number("cut: margin", self.margin, "length")
        count("cut: atoms", self.atoms, 1, 10**9)

    def of(self, system, atom: int, potential) -> tuple[object, np.ndarray | None, str]:
        """(the cut System, which atoms it has, how it was cut); (system, None, "") where it stays as it is: small, or
        narrower than the cut."""
        narrow = any(w < 2.0 * self.radius for w, p in zip(system.box.widths, system.box.periodic, strict=True) if p)
        if system.n_atoms <= self.atoms or narrow:
            return system, None, ""
        cut = cluster(system, atom, self, potential.cutoff) if self.kind == "cluster" else cell(system, atom, self)
        part, rows = cut
        if part.n_atoms >= system.n_atoms:
            return system, None, ""
        if self.kind == "cell":
            try:
                part = healed(part, rows, atom, potential, self)
            except MdcoreError:
                return system, None, ""
        return part, rows, f"{self.kind} of {part.n_atoms} of {system.n_atoms} atoms around it"


def cluster(system, atom: int, how: Cut, sees: float):
    """(System, its atoms int [m], ascending)"""
    away = shortest(system.box, system.positions - system.positions[atom])
    inside = np.linalg.norm(away, axis=1) <= how.radius
    if how.molecules:
        away = unfolded(system, away, inside)
        inside = np.isfinite(away[:, 0])
    rows = np.flatnonzero(inside)
    far = np.linalg.norm(away[rows], axis=1) > how.radius - sees
    if far[np.searchsorted(rows, atom)]:
        raise InputError(
            f"cut: radius = {how.radius:g}: the potential sees {sees:g} Angstrom: take a larger radius, or the cut is "
            "seen from the middle"
        )
    positions = system.positions[atom] + away[rows]
    part = _part(system, rows, Box.around(positions, how.margin), positions)
    part.columns[CUT] = far.astype(np.int64)
    return part, rows


def cell(system, atom: int, how: Cut):
    """(System, its atoms int [m], ascending)"""
    away = shortest(system.box, system.positions - system.positions[atom])
    inside = (np.abs(away) <= how.radius).all(axis=1)
    if how.molecules:  # those whose first atom is inside
        first = _first_of(system)
        away = unfolded(system, away, inside[first] & (first == np.arange(system.n_atoms)))
        inside = np.isfinite(away[:, 0])
    keep, box = np.flatnonzero(inside), Box.cubic(2.0 * how.radius)
    groups = _first_of(system) if how.molecules else np.arange(system.n_atoms)
    least = _least(system, groups)
    far = np.linalg.norm(away, axis=1)
    while True:
        i, j, r = pairs_within(box, away[keep], system.species[keep], float(least.max()))
        i, j = keep[i], keep[j]
        close = (r < least[system.species[i], system.species[j]]) & (groups[i] != groups[j])
        if not close.any():
            break
        worst = int(np.argmin(np.where(close, r, np.inf)))
        gone = max((i[worst], j[worst]), key=lambda k: far[k])
        keep = keep[groups[keep] != groups[gone]]
    positions = away[keep] + how.radius
    return _part(system, keep, box, positions), keep


def healed(part, rows, atom: int, potential, how: Cut):
    """The same with all atoms beyond half the radius relaxed. MdcoreError where atoms overlap nevertheless."""
    middle = part.positions[np.searchsorted(rows, atom)]
    core = np.linalg.norm(part.positions - middle, axis=1) <= 0.5 * how.radius
    held = at_rest(part)
    held.columns = dict(held.columns)
    held.fixed = np.repeat(core[:, None], 3, axis=1)
    return moved(part, part.box, relax(potential, held, FIRE(FORCE), STEPS).system.positions)


def unfolded(system, away: np.ndarray, seeds: np.ndarray) -> np.ndarray:
    """Places float64 [n, 3] of the molecules that have a seed, bool [n], each atom beside its neighbours; nan of the
    others. away : [n, 3], where the seeds are"""
    found = np.full(away.shape, np.nan)
    found[seeds] = away[seeds]
    pairs = joined(system)
    pairs = np.concatenate([pairs, pairs[:, ::-1]])
    steps = shortest(system.box, system.positions[pairs[:, 1]] - system.positions[pairs[:, 0]]) if len(pairs) else pairs
    while True:
        new = np.isfinite(found[pairs[:, 0], 0]) & np.isnan(found[pairs[:, 1], 0])
        if not new.any():
            return found
        found[pairs[new, 1]] = found[pairs[new, 0]] + steps[new]


def _first_of(system) -> np.ndarray:
    """int [n], the first atom of the molecule of each."""
    first, pairs = np.arange(system.n_atoms), joined(system)
    while True:
        least = np.minimum(first[pairs[:, 0]], first[pairs[:, 1]])
        before = first.copy()
        np.minimum.at(first, pairs[:, 0], least)
        np.minimum.at(first, pairs[:, 1], least)
        if np.array_equal(before, first):
            return first


def _least(system, groups) -> np.ndarray:
    """float64 [symbols, symbols], what is too close for atoms of different groups."""
    i, j, r = pairs_within(system.box, system.positions, system.species, REACH)
    apart = groups[i] != groups[j]
    found = np.full((len(system.symbols),) * 2, REACH)
    for a, b in ((i, j), (j, i)):
        np.minimum.at(found, (system.species[a[apart]], system.species[b[apart]]), r[apart])
    return NEAR * found


def _part(system, rows, box, positions):
    """Some of the atoms, in another cell, at rest; numbers of the whole are not theirs."""
    part = moved(at_rest(system.take(rows)), box, positions)
    part.columns = dict(part.columns)
    part.info = {key: value for key, value in part.info.items() if key.lower() not in (*TOTALS, *SPINS)}
    part.info["cut_from"] = system.n_atoms
    return part
