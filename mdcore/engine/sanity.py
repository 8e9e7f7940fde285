"""Can these be lengths in Angstrom? Asked before the first force.

Two atoms much closer than any bond mean a wrong unit, a wrong cell, or an atom that is given twice; the list of pairs
of such a structure would fill the memory, for nothing. Systems in lj units have no scale to judge by.
"""

from types import SimpleNamespace

import numpy as np

from mdcore.base import exact
from mdcore.base.comm import SelfComm
from mdcore.base.elements import radius
from mdcore.base.errors import InputError, SimulationError
from mdcore.base.units import METAL
from mdcore.doors._kernels import VerletList
from mdcore.engine.domain import Domain, on_grid
from mdcore.potentials.base import leaves
from mdcore.structure.atoms import Atoms

CLOSE = 0.15  # of the sum of two radii: no bond, at any pressure, is so short
SAME_PLACE = 1e-3  # Angstrom
NANOMETRE = 10.0  # Angstrom
CROWDED, EDGE = 1.5, 4.0  # atoms per Angstrom^3 (diamond has 0.18), in a cube of that edge
FEW, MANY = 1_000, 10_000  # atoms: more are judged by a sample; and are not looked at unless crowded
SMALL = 64  # atoms
ODD = 0.55  # of the sum of radii: shorter than bonds are, even in the Earth's core
DENSE = 30.0  # g/cm3 (osmium has 22.6)
BOND = 1.25  # of the sum of covalent radii: atoms that near have a bond
SHOWN = 100_000  # atoms: of more, the closest distances are not told


class TooClose(InputError):
    """Atoms of a structure are closer than any two are."""


def limits(symbols) -> np.ndarray:
    """The distance [n, n] below which two species are too close, Angstrom."""
    radii = np.array([radius(symbol) for symbol in symbols])
    return CLOSE * (radii[:, None] + radii)


def look(it) -> None:
    """TooClose, raised by all ranks, if atoms of a Simulation or an Engine are too close (collective).

    Half of them may not be; where only networks say what happens, not even two. A potential for any distance (ZBL)
    takes some. Ghosts must be there, the list need not.
    """
    comm, atoms, symbols = it.comm, it.atoms, it.symbols
    terms, kinds = ([], ()) if it.potential is None else (leaves(it.potential), it.potential.list_kinds)
    if it.units.name != "metal":
        return
    total, density = atoms.n_owned, _most_crowded(atoms)
    if comm.size > 1:
        density = float(comm.maximum(np.array([density]))[0])
        total = int(comm.sum(np.array([total]))[0])
    if total > MANY and density < CROWDED and kinds == ("half",):  # forces of pairs tell as well, and at no cost
        return
    tolerant = any(term.at_any_distance for term in terms)
    strict = not tolerant and any(term.trained for term in terms)
    lists, most, n = it.neighbors, limits(symbols), atoms.n_owned
    pairs = lists.list or getattr(lists.full, "pairs", None) or VerletList()
    i, j, r = close_pairs(atoms, pairs, min(float(most.max()), (4.0 / density) ** (1.0 / 3.0)))
    near = r < most[atoms.x[i, 3].astype(np.intp), atoms.x[j, 3].astype(np.intp)]
    i, j, r = i[near], j[near], r[near]
    involved = len(set(i.tolist()).union(j[j < n].tolist()))
    told = np.array([involved, r.min(initial=np.inf) < SAME_PLACE], dtype=np.int64)
    if comm.size > 1:
        told = comm.sum(told)
    involved, doubled = told.tolist()
    half = 2 * involved >= total and not (tolerant and total < 8)
    if not involved or not (half or doubled or strict):
        return
    it.domain.forward(atoms, "tags")
    mine = None
    if len(r):
        k = int(r.argmin())
        mine = float(r[k]), message(atoms, int(i[k]), int(j[k]), float(r[k]), symbols, involved, total)
    raise TooClose(min(told for told in comm.allgather(mine) if told is not None)[1]).everywhere()


def refuse(box, positions, species, symbols, units=METAL, potential=None) -> None:
    """`look` at a structure that nobody computes."""
    reach = float(limits(symbols).max())
    if len(positions) <= SMALL and _apart(box, positions, 2.0 * reach):
        return
    domain, atoms = _placed(box, positions, species, reach)
    look(SimpleNamespace(
        comm=domain.comm, domain=domain, atoms=atoms, box=domain.box, symbols=symbols, units=units, potential=potential,
        neighbors=SimpleNamespace(list=VerletList()),
    ))  # fmt: skip


def _apart(box, positions, reach: float) -> bool:
    """Are few atoms, and their images, farther apart than a short reach? Quickly."""
    if box.widths.min() <= 2.0 * reach:
        return False
    away = (positions[:, None] - positions).reshape(-1, 3) @ box.inverse
    away -= np.rint(away) * np.array(box.periodic)
    away = away @ box.matrix
    r2 = np.einsum("ij,ij->i", away, away)
    r2[:: len(positions) + 1] = np.inf
    return bool(r2.min() > reach**2)


def _placed(box, positions, species, reach: float) -> tuple[Domain, Atoms]:
    n = len(positions)
    bits, box = on_grid(box, reach, 0.0 if all(box.periodic) else float(np.abs(positions).max()))
    domain, atoms = Domain(SelfComm(), box, reach, half_halo=True), Atoms(n)
    atoms.x[:n, :3], atoms.x[:n, 3] = exact.rounded(positions, bits), species
    atoms.tags[:n] = np.arange(n)
    atoms.n_owned = n
    domain.migrate(atoms)
    domain.make_ghosts(atoms)
    return domain, atoms


def _most_crowded(atoms) -> float:
    """Atoms per Angstrom^3 where they are densest, of many atoms by a sample."""
    n = atoms.n_owned
    stride = max(1, n // FEW)
    cubes = np.floor(atoms.x[:n:stride, :3] / EDGE).astype(np.int64) @ np.array([1, 100_003, 10_000_600_009])
    cubes.sort()
    ends = np.flatnonzero(np.append(cubes[1:] != cubes[:-1], True))  # np.unique would load numpy.ma
    return np.diff(ends, prepend=-1).max(initial=0) * stride / EDGE**3


def message(atoms, i: int, j: int, r: float, symbols, involved: int, total: int) -> str:
    """What is wrong with rows i and j, and what has probably happened."""
    a, b = (symbols[int(atoms.x[k, 3])] for k in (i, j))
    first, second = int(atoms.tags[i]), int(atoms.tags[j])
    if first == second:
        who, cure = f"atom {first} ({a}, counting from 0) and its own image", "check the cell"
    else:
        (first, a), (second, b) = sorted([(first, a), (second, b)])
        who = f"atoms {first} ({a}) and {second} ({b}), counting from 0,"
        who += " are, through the periodic boundary," if j >= atoms.n_owned else ""
        cure = "remove one of them, or check the cell and the unit of length"
    who += "" if "are, through" in who else " are"
    if r < SAME_PLACE:
        return f"{who} at the same place: {cure}"
    text = f"{who} {r:.3g} Angstrom apart"
    if 2 * involved < total:
        return f"{text}, closer than two atoms ever come: {cure}"
    x = atoms.x[: atoms.n_owned, :3]
    bond = r * NANOMETRE / (radius(a) + radius(b))
    if 0.4 < bond < 2.0:
        cure = "are lengths in nm? mdcore reads Angstrom"
    elif total > 1 and x.min() >= 0.0 and x.max() <= 1.0:
        cure = "are these fractional coordinates? mdcore reads Angstrom"
    else:
        cure = "check the cell and the unit of length; mdcore reads Angstrom"
    return f"{text}, and {involved} of {total} atoms have a neighbour that near: {cure}"


def close_pairs(atoms, pairs: VerletList, reach: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rows i of owned atoms, rows j and distances of their upper neighbours within reach; ghosts must be there."""
    try:
        pairs.build(atoms, reach)
    except SimulationError:  # two in one place: those alone
        x = atoms.x[: atoms.n_total, :3]
        order = np.lexsort(x.T)
        k = np.flatnonzero((x[order[1:]] == x[order[:-1]]).all(axis=1))
        i, j = np.sort([order[k], order[k + 1]], axis=0)
        keep = i < atoms.n_owned
        return i[keep], j[keep], np.zeros(keep.sum())
    if not pairs.n_pairs:
        return np.zeros(0, dtype=np.intp), np.zeros(0, dtype=np.intp), np.zeros(0)
    first, index = pairs.arrays(atoms)
    i = np.repeat(np.arange(atoms.n_owned), np.diff(first))
    keep = index[: len(i)] < atoms.n_total
    i, j = i[keep], index[: len(i)][keep].astype(np.intp)
    return i, j, np.linalg.norm(atoms.x[j, :3] - atoms.x[i, :3], axis=1)


def pairs_within(box, positions, species, reach: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Atoms i, j int [m], counted from 0, and distances [m] of all pairs within reach, images too, each once."""
    domain, atoms = _placed(box, positions, species, reach)
    domain.forward(atoms, "tags")
    i, j, r = close_pairs(atoms, VerletList(), reach)
    return atoms.tags[i].astype(np.int64), atoms.tags[j].astype(np.int64), r


def joined(system) -> np.ndarray:
    """int64 [m, 2], sorted: atoms of a System that have a bond; where it says none, those closer than BOND times the
    sum of their covalent radii."""
    if len(system.bonds):
        return system.bonds[:, :2]
    radii = np.array([radius(symbol) for symbol in system.symbols])
    i, j, r = pairs_within(system.box, system.positions, system.species, 2.0 * BOND * float(radii.max()))
    near = (r < BOND * (radii[system.species[i]] + radii[system.species[j]])) & (i != j)
    return np.unique(np.sort(np.stack([i[near], j[near]], axis=1), axis=1), axis=0)


def closest(box, positions, species, symbols) -> dict[tuple[str, str], float]:
    """The shortest distance of each pair of species, as far as it is within some neighbours' distance."""
    n = len(positions)
    span = np.prod(np.ptp(positions, axis=0) + 2.0)
    reach = min(5.0, 1.6 * float(min(box.volume, span) / n) ** (1.0 / 3.0))
    _, atoms = _placed(box, positions, species, reach)
    i, j, r = close_pairs(atoms, VerletList(), reach)
    kinds = np.sort([atoms.x[i, 3], atoms.x[j, 3]], axis=0).astype(np.intp)
    found = np.full((len(symbols), len(symbols)), np.inf)
    np.minimum.at(found, tuple(kinds), r)
    return {
        (symbols[a], symbols[b]): float(found[a, b])
        for a in range(len(symbols)) for b in range(a, len(symbols)) if np.isfinite(found[a, b])
    }  # fmt: skip


def describe(system, cutoff: float = 0.0) -> tuple[dict[str, str], list[str]]:
    """({"closest": ..., "density": ...} in words, warnings) of a System. cutoff : how far a potential of pairs sees."""
    told, warnings, metal = {}, [], system.units.name == "metal"
    label = system.units.labels["length"]
    if len(system.positions) <= SHOWN:
        found = closest(system.box, system.positions, system.species, system.symbols)
        found = sorted(found.items(), key=lambda pair: pair[1])
        told["closest"] = ", ".join(f"{a}-{b} {r:.4g}" for (a, b), r in found[:6]) + f" {label}" if found else ""
        for (a, b), r in found:
            if metal and r < ODD * (radius(a) + radius(b)):
                warnings.append(
                    f"{a} and {b} are {r:.3g} Angstrom apart, much closer than bonds are: is that meant, and is the "
                    "length in Angstrom (not bohr, not nm)?"
                )
                break
        if found and 0.0 < cutoff < found[0][1]:
            warnings.append(
                f"no two atoms are within the cutoff of {cutoff:g} {label}, the closest are {found[0][1]:.4g} apart: "
                f"is that meant{', and is the cutoff in Angstrom' if metal else ''}?"
            )
    if all(system.box.periodic):
        told["density"] = f"{system.density:.6g} {system.units.labels['density']}"
        if metal and system.density > DENSE:
            warnings.append(
                f"the density is {system.density:.4g} g/cm3, beyond any solid at ambient pressure: is that meant, and "
                "are lengths in Angstrom?"
            )
    return told, warnings
