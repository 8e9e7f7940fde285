"""What is in these data, and what looks wrong? Tables with small histograms, for a terminal and for plots."""

import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import combinations

import numpy as np

from mdcore.training.data.dataset import atom_energies
from mdcore.training.data.labelled import Labelled, composition, elements_of
from mdcore.training.pairs import Distances, distances, duplicates
from mdcore.training.settings import LABELS

BARS = "▁▂▃▄▅▆▇█"
BINS = 40
FAR = 8.0  # standard deviations (robust: of the median absolute deviation) from which on a structure is an outlier
NET = 0.01  # eV/Angstrom an atom; forces of a structure that add up to more are suspicious
RESOLVED = 1e-7  # eV an atom
SAME = 1e-3  # eV an atom; duplicates whose energies differ by more contradict each other
MOST = 5  # named of each kind


@dataclass(eq=False)
class Summary:
    """What `summarise` found.

    elements; atom_energies : {element: eV}; energies : float64 [k], eV an atom beyond these, of structures that
    have one and are no lone atoms; forces : float64 [atoms with forces], magnitudes, eV/Angstrom; distances : Distances
    duplicates : groups of places in the data; suspects : lines that name what looks wrong
    """

    data: Sequence[Labelled]
    elements: tuple[str, ...]
    atom_energies: dict[str, float]
    energies: np.ndarray
    forces: np.ndarray
    distances: Distances
    duplicates: list[list[int]]
    suspects: list[str] = field(default_factory=list)

    def __str__(self):
        return "\n".join(lines(self))


def summarise(data: Sequence[Labelled], energies=None, reach: float = 6.0, subsets: Sequence[str] = ()) -> Summary:
    """Count, measure and compare.

    energies : {element: eV} as `atom_energies` tells, None: fitted; reach : Angstrom; subsets : what each is for
    """
    data = list(data)
    elements = elements_of(data)
    known = [k for k, s in enumerate(data) if s.energy is not None and not s.isolated]
    if energies is None:
        energies = atom_energies([data[k] for k in known] or data, "fit" if known else "none")
    counts = composition(data, elements)
    zero = counts @ np.array([energies.get(e, 0.0) for e in elements])
    beyond = np.array([(data[k].energy - zero[k]) / data[k].n for k in known])
    labelled = [k for k, s in enumerate(data) if s.forces is not None]
    sizes = [np.linalg.norm(data[k].forces, axis=1) for k in labelled]
    found = distances(data, reach)
    out = Summary(data, elements, dict(energies), beyond, np.concatenate([np.empty(0), *sizes]), found,
                  duplicates(data, found.fingerprints))  # fmt: skip
    out.suspects += fitted_by_atoms([data[k] for k in known])
    out.suspects += nothing_pulls(data)
    out.suspects += _energy_outliers(data, known, beyond)
    out.suspects += _force_outliers(data, labelled, np.array([size.max() for size in sizes]))
    out.suspects += _net_forces(data, labelled)
    out.suspects += _leaks(data, out.duplicates, subsets)
    out.suspects += _duplicates(data, out.duplicates)
    return out


def robust(values: np.ndarray) -> np.ndarray:
    """How many standard deviations from the median, these taken from the median absolute deviation."""
    if len(values) < 8:
        return np.zeros(len(values))
    off = values - np.median(values)
    mad = 1.4826 * np.median(np.abs(off))
    return off / mad if mad > 1e-12 else np.zeros(len(values))


def fitted_by_atoms(data) -> list[str]:
    """Do energies of atoms fit those of all structures, so that they say nothing else?"""
    if not data:
        return []
    counts = composition(data, elements_of(data))
    shares, energies = counts / counts.sum(axis=1, keepdims=True), np.array([s.energy / s.n for s in data])
    left = energies - shares @ np.linalg.lstsq(shares, energies, rcond=1e-10)[0]
    if np.abs(left).max() > RESOLVED * max(1.0, np.abs(energies).max() * 1e-6):
        return []
    return [f"energies of atoms alone fit those of all {len(data)} structures: they teach the networks nothing"]


def nothing_pulls(data) -> list[str]:
    """Are the forces of all structures zero, as where a program wrote what it did not compute?"""
    known = [s for s in data if s.forces is not None and not s.isolated]
    if not known or any(s.forces.any() for s in known):
        return []
    return [f"forces are 0 in all {len(known)} structures that have some; if nobody computed them: [loss] forces = 0"]


def _energy_outliers(data, known, beyond) -> list[str]:
    score = robust(beyond)
    return _named(
        score, FAR, lambda k: f"{data[known[k]].where}: {beyond[k]:+.4f} eV/atom ({score[k]:+.1f} sigma)",
        "energy far from the others",
    )  # fmt: skip


def _force_outliers(data, labelled, largest) -> list[str]:
    score = np.zeros(len(largest))
    moving = largest > 0
    score[moving] = np.maximum(robust(np.log(largest[moving])), 0.0)

    def name(k):
        atom = int(np.argmax(np.linalg.norm(data[labelled[k]].forces, axis=1)))
        return f"{data[labelled[k]].where}, atom {atom}: {largest[k]:.3f} eV/Angstrom"

    return _named(score, FAR, name, "force far above the others")


def _net_forces(data, labelled) -> list[str]:
    net = np.array([np.linalg.norm(data[k].forces.sum(axis=0)) / data[k].n for k in labelled])
    return _named(
        net / NET, 1.0, lambda k: f"{data[labelled[k]].where}: {net[k]:.3f} eV/Angstrom an atom",
        "forces that do not add up to zero",
    )  # fmt: skip


def _named(score, limit, name, what) -> list[str]:
    """Lines on those beyond the limit, the farthest first."""
    order = [int(k) for k in np.argsort(-np.abs(score), kind="stable") if abs(score[k]) > limit]
    if not order:
        return []
    more = f" (the farthest {MOST} of them)" if len(order) > MOST else ""
    return [f"{what}: {len(order)} structures{more}", *(f"  {name(k)}" for k in order[:MOST])]


def _duplicates(data, groups) -> list[str]:
    if not groups:
        return []
    extra = sum(len(group) - 1 for group in groups)
    told = [f"the same structure again (up to order, translation, rotation): {extra} of {len(data)}"]

    def spread(group):
        energies = [data[k].energy / data[k].n for k in group if data[k].energy is not None]
        return max(energies, default=0.0) - min(energies, default=0.0)

    groups = sorted(groups, key=lambda group: -spread(group))
    for group in groups[:MOST]:
        first, *rest = (data[k].where for k in group)
        note = f", and their energies differ by {spread(group):.4f} eV/atom" if spread(group) > SAME else ""
        told.append(f"  {first} = {', '.join(rest[:2])}{f' and {len(rest) - 2} more' if len(rest) > 2 else ''}{note}")
    return told


def _leaks(data, groups, subsets) -> list[str]:
    """Structures that are in two subsets: errors there say less about new ones than they seem to."""
    found: dict[tuple[str, str], list[str]] = {}
    for group in groups if subsets else ():
        first = {}  # of each subset
        for k in group:
            first.setdefault(subsets[k], data[k].where)
        for (a, here), (b, there) in combinations(first.items(), 2):
            found.setdefault((a, b), []).append(f"  {here} = {there}")
    told = []
    for (a, b), places in found.items():
        more = f" (the first {MOST} of them)" if len(places) > MOST else ""
        told += [f"the same structure in {a} and {b}: {len(places)}{more}", *places[:MOST]]
    return told


# --- as text -----------------------------------------------------------------------------------------


def bars(counts) -> str:
    """A histogram in one line; a bin that is not empty shows."""
    counts = np.asarray(counts, dtype=float)
    top = counts.max(initial=0.0)
    if top == 0:
        return " " * len(counts)
    levels = np.ceil(counts / top * len(BARS)).astype(int)
    return "".join(BARS[level - 1] if level else " " for level in levels)


def histogram(values, n: int = BINS) -> str:
    """``low ▁▃█▂ high`` of numbers."""
    if not len(values):
        return "none"
    counts, edges = np.histogram(values, n)
    return f"{edges[0]:10.4g} {bars(counts)} {edges[-1]:.4g}"


def lines(s: Summary) -> list[str]:
    """The summary, line by line."""
    data, total = s.data, sum(one.n for one in s.data)
    of = composition(data, s.elements).sum(axis=0).astype(int)
    counts = ", ".join(f"{n} {e}" for e, n in zip(s.elements, of, strict=True))
    out = [f"{len(data)} structures, {total} atoms: {counts}"]
    out.append(_most("files", Counter(one.file for one in data)))
    out.append(_most("compositions", Counter(one.formula for one in data)))
    tags = Counter(one.tag for one in data if one.tag)
    out += [_most("tags", tags)] if tags else []
    periodic = Counter({0: "cluster", 1: "wire", 2: "slab", 3: "bulk"}[sum(one.periodic)] for one in data)
    out.append(_most("periodic as", periodic))
    has = {name: sum(getattr(one, name) is not None for one in data) for name in LABELS}
    if not has["charges"]:
        del has["charges"]
    some = {name: f" of {len(data)}" if 0 < count < len(data) else "" for name, count in has.items()}
    out.append(_line("labels", ", ".join(f"{name} {count}{some[name]}" for name, count in has.items())))
    out.append(_line("atom energies", ", ".join(f"{e} {x:.6f} eV" for e, x in s.atom_energies.items())))
    rank = np.linalg.matrix_rank(composition(data, s.elements))
    if rank < len(s.elements):
        out.append(_line("", "the compositions leave a choice between these; their sums count"))
    if len(s.energies):
        out.append(_line("energy, eV/atom", f"{histogram(s.energies)}  sigma {s.energies.std():.4g}"))
    if len(s.forces):
        rms = float(np.sqrt((s.forces**2).mean() / 3))
        out.append(_line("force, eV/Angstrom", f"{histogram(s.forces)}  RMS of components {rms:.4g}"))
    for (a, b), pair in s.distances.pairs.items():
        if np.isfinite(pair.shortest):
            r = (np.arange(len(pair.counts)) + 0.5) * pair.reach / len(pair.counts)
            shape = bars((pair.counts / r**2).reshape(BINS, -1).sum(axis=1))
            text = f"{0:10.4g} {shape} {pair.reach:g}  shortest {pair.shortest:.4f}, {pair.where}"
            out.append(_line(f"{a}-{b}, Angstrom", text))
    out += s.suspects or ["nothing looks wrong"]
    folders = {os.path.join(os.path.dirname(one.file), "") for one in data}
    return [line.replace(next(iter(folders)), "") for line in out] if len(folders) == 1 and folders != {""} else out


def _line(name: str, text: str) -> str:
    return f"  {name:<20}{text}"


def _most(name: str, counter: Counter) -> str:
    shown = [f"{key} ({count})" for key, count in counter.most_common(6)]
    more = f" and {len(counter) - 6} more" if len(counter) > 6 else ""
    return _line(name, ", ".join(shown) + more)
