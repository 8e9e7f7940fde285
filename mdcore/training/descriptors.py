"""Which of the candidates describe these data, and in which range do they lie?

Values come from the engine's kernels. A function that hardly varies, says the same as another one, or lies where no
atoms are, is refused by name if it was given, dropped by name if it was generated. What is left is reduced to a number
by CUR or farthest-point sampling of the columns (Imbalzano et al., J. Chem. Phys. 148, 241730 (2018)).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

from mdcore.base.comm import SelfComm
from mdcore.base.errors import InputError
from mdcore.engine.single import Engine
from mdcore.potentials.networks.hdnnp import networks_of
from mdcore.potentials.networks.model import HDNNP, ElementNetwork, Scaling, SymmetryFunction
from mdcore.potentials.networks.native_units import Units
from mdcore.training.data.labelled import Labelled, elements_of
from mdcore.training.settings import SEED
from mdcore.training.settings import DescriptorSettings as Default
from mdcore.training.share import NeighborsOnly

# of given and of generated functions: least max - min, relative and absolute (functions count neighbours: 1 is large),
# and 1 - |correlation| up to which two say the same. Published sets have small and similar ones, that work
GIVEN = (1e-6, 1e-11, 1e-9)
GENERATED = (1e-3, 1e-5, 1e-5)
SAMPLE = 4000  # environments of each element among which candidates are compared
METHODS = ("cur", "fps")


@dataclass(frozen=True, eq=False)
class Descriptors:
    """What the networks get: functions and scaling of each element, in Angstrom, elements by atomic number.

    dropped : {function: why} of generated ones; candidates : how many there were of each element
    """

    elements: tuple[str, ...]
    functions: tuple[tuple[SymmetryFunction, ...], ...]
    scaling: tuple[Scaling, ...]
    candidates: tuple[int, ...] = ()
    dropped: dict[str, str] = field(default_factory=dict)

    def __str__(self):
        lines = []
        for e, functions, n in zip(self.elements, self.functions, self.candidates, strict=True):
            radial = sum(f.is_radial for f in functions)
            chosen = f" of {n} candidates" if n != len(functions) else ""
            kinds = f"{radial} radial, {len(functions) - radial} angular"
            lines.append(f"{e}: {len(functions)} descriptors{chosen} ({kinds})")
        why = {reason.split(":")[0] for reason in self.dropped.values()}
        for reason in sorted(why):
            names = [name for name, text in self.dropped.items() if text.split(":")[0] == reason]
            more = f" and {len(names) - 3} more" if len(names) > 3 else ""
            lines.append(f"dropped, {reason}: {'; '.join(names[:3])}{more}")
        return "\n".join(lines)


def given(
    data: Sequence[Labelled], functions: dict[str, list[SymmetryFunction]], mode: str = Default.scaling, comm=None
) -> Descriptors:
    """Descriptors as given, with their ranges; InputError that names each function that is of no use.

    data : the training set; mode : how they are scaled (model.SCALING_MODES); comm : ranks that share the work
    """
    elements = elements_of(data)
    chosen = _sorted(functions, elements)
    problems = []
    values = sample(data, chosen, SAMPLE)
    for own, g in zip(chosen, values, strict=True):
        problems += [f"descriptors: {f}: {why}" for f, why in useless(own, g, GIVEN, rare=0.0).items()]
    if problems:
        raise InputError("\n".join(problems))
    return Descriptors(elements, chosen, statistics(data, chosen, mode, comm), tuple(map(len, chosen)))


def choose(
    data: Sequence[Labelled], candidates: dict[str, list[SymmetryFunction]], keep: int | dict[str, int] | None,
    *, method: str = Default.method, mode: str = Default.scaling, seed: int = SEED,
    rare: float = Default.rare, comm=None,
) -> Descriptors:  # fmt: skip
    """The `keep` most telling candidates of each element (None: all that are of use), with their ranges.

    keep : one number, or one of each element; method : "cur" or "fps"; seed : of the sample of environments
    rare : the most standard deviations a value may lie above the mean, 0: any; comm : ranks that share the work
    """
    if method not in METHODS:
        raise InputError(f"descriptors: method = {method!r}: expected one of {', '.join(METHODS)}")
    elements = elements_of(data)
    if isinstance(keep, dict) and set(keep) != set(elements):
        raise InputError(f"descriptors: keep is of {', '.join(keep)}; the data have {', '.join(elements)}: name these")
    offered, chosen, dropped = _sorted(candidates, elements), [], {}
    for e, own, g in zip(elements, offered, sample(data, offered, SAMPLE, seed), strict=True):
        bad = useless(own, g, GENERATED, rare)
        dropped |= bad
        rows = [k for k, f in enumerate(own) if f.label not in bad]
        if not rows:
            why = {reason.split(":")[0] for reason in bad.values()}
            raise InputError(
                f"descriptors: all {len(own)} candidates of {e} are {' or '.join(sorted(why))} over the {len(g)} atoms "
                "of it that were looked at; choose a larger cutoff"
                + (", a larger rare (or 0)" if "rare" in why else "") + f", or add structures with {e}"
            )
        wanted = keep.get(e) if isinstance(keep, dict) else keep
        if wanted is not None and wanted < len(rows):
            rows = [rows[k] for k in select(g[:, rows], wanted, method)]
        chosen.append(tuple(own[k] for k in sorted(rows)))
    counts = tuple(map(len, offered))
    return Descriptors(elements, tuple(chosen), statistics(data, chosen, mode, comm), counts, dropped)


def useless(functions: Sequence[SymmetryFunction], g: np.ndarray, limits=GENERATED, rare: float = Default.rare):
    """{label: why} of those that say nothing, or nothing new; g : float64 [n, n_functions]; limits : as GIVEN; rare"""
    (relative, absolute, same), out, kept = limits, {}, []
    low, high, mean, sigma = g.min(axis=0), g.max(axis=0), g.mean(axis=0), g.std(axis=0)
    for k, f in enumerate(functions):
        if high[k] - low[k] >= max(absolute, relative * high[k]):
            highest = (high[k] - mean[k]) / sigma[k]
            if rare and highest > rare:
                out[f.label] = f"rare: looks where atoms seldom are; up to {highest:.0f} sigma above its mean"
            else:
                kept.append(k)
        elif high[k] == 0:
            out[f.label] = "out of range: zero for every atom of the data; they have nothing where it looks"
        else:
            out[f.label] = f"constant: {low[k]:.6g} to {high[k]:.6g} over the data; it tells no atom from another"
    if len(kept) < 2:
        return out
    related = np.abs(np.corrcoef(g[:, kept], rowvar=False))
    first: list[int] = []
    for k in range(len(kept)):
        twin = next((j for j in first if related[k, j] > 1 - same), None)
        if twin is None:
            first.append(k)
        else:
            what = functions[kept[twin]].label
            out[functions[kept[k]].label] = f"redundant: says the same as {what} (correlation {related[k, twin]:.9f})"
    return out


def select(g: np.ndarray, n: int, method: str = Default.method) -> list[int]:
    """n columns of g float64 [n_samples, n_functions] that say most, in the order in which they were chosen.

    cur : the column with the largest share in the leading principal component of what is left; then its part is
    taken out of all others. fps : the column farthest (1 - correlation^2) from those chosen. Columns are
    standardised first.
    """
    z = (g - g.mean(axis=0)) / g.std(axis=0)
    c = z.T @ z / len(z)
    chosen: list[int] = []
    if method == "fps":
        far = np.full(len(c), np.inf)
        start = int(np.argmax((c**2).sum(axis=0)))
        while len(chosen) < n:
            chosen.append(start)
            far = np.minimum(far, 1.0 - c[:, start] ** 2)
            far[chosen] = -1.0
            start = int(np.argmax(far))
        return chosen
    while len(chosen) < n:
        leading = np.linalg.eigh(c)[1][:, -1] ** 2
        leading[chosen] = -1.0
        k = int(np.argmax(leading))
        chosen.append(k)
        if c[k, k] > 1e-12:
            c = c - np.outer(c[:, k], c[k]) / c[k, k]
    return chosen


# --- values ----------------------------------------------------------------------------------------------


def statistics(data: Sequence[Labelled], functions, mode: str = Default.scaling, comm=None) -> tuple[Scaling, ...]:
    """min, max, mean, sigma of each function over all environments of the data; comm : ranks that share the work."""
    comm = comm or SelfComm()
    seen = [_Moments(len(own)) for own in functions]
    for kinds, g in values(data[comm.rank :: comm.size], functions):
        for e, moments in enumerate(seen):
            moments.add(g[kinds == e, : len(functions[e])])
    first, *others = comm.allgather(seen)
    for more in others:
        for moments, own in zip(first, more, strict=True):
            moments.merge(own)
    seen = first
    return tuple(Scaling(m.low, m.high, m.mean, np.sqrt(m.squares / m.n), mode) for m in seen)


class _Moments:
    """Extremes, mean and sum of squared deviations of rows that come in batches.

    Chan, Golub and LeVeque, Am. Stat. 37, 242 (1983), eq. 2.1
    """

    def __init__(self, width: int):
        self.n, self.mean, self.squares = 0, np.zeros(width), np.zeros(width)
        self.low, self.high = np.full(width, np.inf), np.full(width, -np.inf)

    def add(self, rows: np.ndarray) -> None:
        if not len(rows):
            return
        more = _Moments(rows.shape[1])
        more.n, more.mean = len(rows), rows.mean(axis=0)
        more.squares = ((rows - more.mean) ** 2).sum(axis=0)
        more.low, more.high = rows.min(axis=0), rows.max(axis=0)
        self.merge(more)

    def merge(self, more: "_Moments") -> None:
        """Add the rows that another one has seen."""
        if not more.n:
            return
        off, total = more.mean - self.mean, self.n + more.n
        self.squares += more.squares + off**2 * (self.n * more.n / total)
        self.mean += off * (more.n / total)
        self.n = total
        self.low, self.high = np.minimum(self.low, more.low), np.maximum(self.high, more.high)


def sample(data: Sequence[Labelled], functions, most: int, seed: int = SEED) -> list[np.ndarray]:
    """Values [n, n_functions] of each element: of some `most` atoms, of structures drawn at random."""
    left = {e: most for e in elements_of(data)}
    chosen = []
    for k in np.random.default_rng(seed).permutation(len(data)):
        if any(left[e] > 0 for e in data[k].counts):
            chosen.append(data[k])
            for e, n in data[k].counts.items():
                left[e] -= n
    parts = [[] for _ in functions]
    for kinds, g in values(chosen, functions):
        for e, own in enumerate(functions):
            parts[e].append(g[kinds == e, : len(own)])
    return [np.concatenate(part) for part in parts]


def values(data: Sequence[Labelled], functions):
    """(element int [n], descriptors float64 [n, most functions]) of each structure."""
    elements = tuple(own[0].center for own in functions)
    networks = networks_of(bare(elements, functions))
    engine = Engine(NeighborsOnly(max(f.cutoff for own in functions for f in own)), elements)
    for s in data:
        kinds = np.array([elements.index(symbol) for symbol in s.symbols], dtype=np.int32)
        engine.place(s.box, s.positions, kinds)
        centre, other, r = engine.pairs()
        key = centre * len(elements) + kinds[other]
        first = np.searchsorted(key, np.arange(s.n * len(elements) + 1)).astype(np.int64)
        first = first[np.arange(s.n)[:, None] * len(elements) + np.arange(len(elements) + 1)]
        yield kinds, networks.values(kinds, np.ascontiguousarray(first), *np.ascontiguousarray(r.T))


def bare(elements: Sequence[str], functions) -> HDNNP:
    """A model in Angstrom and eV with these functions and networks that say nothing."""
    scaling, networks = [], []
    for own in functions:
        nothing = np.full(len(own), np.nan)
        scaling.append(Scaling(nothing, nothing, nothing, nothing))
        networks.append(ElementNetwork((np.zeros((len(own), 1)),), (np.zeros(1),), ("l",)))
    return HDNNP(
        elements=tuple(elements), symmetry_functions=tuple(map(tuple, functions)), scaling=tuple(scaling),
        networks=tuple(networks), units=Units("angstrom", "ev"),
    )  # fmt: skip


def _sorted(functions: dict[str, list[SymmetryFunction]], elements) -> tuple[tuple[SymmetryFunction, ...], ...]:
    """In network-input order; InputError for an element without any, and for functions given twice."""
    out = []
    for e in elements:
        own = sorted(functions.get(e, ()), key=lambda f: f.sort_key)
        if not own:
            raise InputError(f"descriptors: none for {e}; every element of the data needs some")
        twice = next((f.label for f, g in pairwise(own) if f == g), None)
        if twice:
            raise InputError(f"descriptors: {twice} is given twice; keep one")
        out.append(tuple(own))
    return tuple(out)
