"""How often, and how far, are atoms of held-back structures outside the range of the others? What a verdict goes by.
How far are nearest neighbours, in all of them?

The structures are dealt into PARTS, every PARTS-th into the same one; atoms of each are compared with the range of all
others, as a run compares its atoms with the range of all (potentials/networks/known.py).
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from mdcore.engine.evaluation import evaluate
from mdcore.engine.single import Evaluation
from mdcore.potentials.density.model import DensityNetwork
from mdcore.potentials.families import potential_of
from mdcore.potentials.networks.known import Known
from mdcore.potentials.networks.nearest import Nearest
from mdcore.potentials.networks.trained import Model
from mdcore.training.data.labelled import Labelled
from mdcore.training.pairs import distances

PARTS = 10
BATCH = 64  # structures evaluated together
MOST_ATOMS = 200_000  # that are looked at
ROUNDING = 1e-9  # of a range, as in the kernels


def known_of(
    model: Model, data: Sequence[Labelled], held_back: Sequence[Labelled] = (), threads: int | None = None,
    answers: Sequence[Evaluation] | None = None, shortest: Mapping[tuple[str, str], float] | None = None,
) -> tuple[Known | None, Nearest | None]:
    """What is usual for a potential trained on `data`, and the distances of nearest neighbours in these; None for fewer
    than two structures.

    held_back : of the same kind, not trained on: about these, if there are any, members of a committee are asked
    answers : evaluations, with descriptors, of `data`, which must have room and no lone atoms then
    shortest : {pair: Angstrom} in `data`, where these are so many that not all are looked at
    """
    data, held_back = thinned(data), thinned(held_back)
    if len(data) < 2:
        return None, None
    potential = potential_of(replace(model, subtracted=()), extrapolation="ignore")  # of the networks alone
    found, near = _looked_at(potential, data, threads, answers)
    low, high = (_ends(near, end) for end in (np.minimum, np.maximum))
    if shortest is not None:
        known = [[shortest.get((a, b), shortest.get((b, a), np.inf)) for b in model.elements] for a in model.elements]
        low = np.minimum(low, np.where(np.isfinite(low), known, np.inf))
    reach = model.cutoff * model.stated_units.angstrom
    apart = [_apart(*own, reach) for own in zip(near, high, strict=True)]
    below, above = np.max([own.max(axis=0, initial=0.0) for own in apart], axis=0)
    nearest = Nearest(low, high, float(below), float(above))
    excess = np.concatenate(_excess(found))
    outside = (excess > ROUNDING) | (np.concatenate(apart).max(axis=1) > ROUNDING)
    differ = None
    if model.others:
        asked = [s.structure for s in held_back or data]
        differ = max(
            answer.findings["max_disagreement"]
            for k in range(0, len(asked), BATCH)
            for answer in evaluate(potential, asked[k : k + BATCH], findings=True, threads=threads)
        )
    return Known(
        structures=len(data), atoms=len(excess), share=max(float(outside.mean()), 1.0 / len(excess)),
        farthest=float(excess.max()) if (excess > ROUNDING).any() else 0.0, disagreement=differ,
    ), nearest  # fmt: skip


def ranged(model: DensityNetwork, data: Sequence[Labelled]) -> DensityNetwork:
    """The network with the range of its features in `data`."""
    potential, design = potential_of(replace(model, subtracted=()), extrapolation="ignore"), model.design
    ends = model.ends
    found = np.stack([np.full((design.species, ends[-1]), end) for end in (np.inf, -np.inf)])
    data = thinned(data)
    for k in range(0, len(data), BATCH):
        for e, own in enumerate(_looked_at(potential, data[k : k + BATCH], None)[0]):
            for x in own:
                found[0, e] = np.minimum(found[0, e], x.min(axis=0, initial=np.inf))
                found[1, e] = np.maximum(found[1, e], x.max(axis=0, initial=-np.inf))
    return replace(model, ranges=tuple(np.split(found, ends[:-1], axis=2)))


def thinned(data: Sequence[Labelled]) -> list[Labelled]:
    """Structures without lone atoms; of very many, evenly spread ones."""
    data = [s for s in data if not s.isolated]
    return data[:: -(-sum(s.n for s in data) // MOST_ATOMS) or 1]


def has_room(data: Sequence[Labelled]) -> bool:
    """Are these so few that the descriptors of all may be kept?"""
    return sum(s.n for s in data) <= MOST_ATOMS


def shortest_of(data: Sequence[Labelled], reach: float) -> dict[tuple[str, str], float]:
    """{pair: Angstrom} of all atoms."""
    return {pair: own.shortest for pair, own in distances(data, reach).pairs.items()}


def _looked_at(potential, data, threads, told=None):
    """[element][structure] -> float64 [n, n_functions], descriptors of its atoms, and [n, n_elements], distances of
    their nearest neighbours; told : their evaluations, if there are any"""
    elements = potential.model.elements
    found, near = [[] for _ in elements], [[] for _ in elements]
    for k in range(0, len(data), BATCH):
        some = data[k : k + BATCH]
        answers = told and told[k : k + BATCH]
        answers = answers or evaluate(potential, [s.structure for s in some], descriptors=True, threads=threads)
        for s, answer in zip(some, answers, strict=True):
            for e, element in enumerate(elements):
                own = [g for g, symbol in zip(answer.descriptors, s.symbols, strict=True) if symbol == element]
                found[e].append(np.array(own).reshape(-1, potential.n_descriptors(element)))
                near[e].append(answer.nearest[np.array(s.symbols) == element])
    return found, near


def _ends(near, end) -> np.ndarray:
    """[n_elements, n_elements], the least (end is np.minimum) or the largest of distances"""
    start = np.inf if end is np.minimum else -np.inf
    return np.array([end.reduce(np.concatenate(own), axis=0, initial=start) for own in near])


def _parts(own) -> np.ndarray:
    """Which part each structure belongs to."""
    return np.arange(len(own)) % min(PARTS, len(own))


def _apart(own, longest, reach: float) -> np.ndarray:
    """By which share of the least and of the largest distance of the other parts an atom's nearest neighbours are
    beyond them, at the worst, [n, 2], atoms as in _excess; 0: they are not. own : [structure] -> [n, n_elements]"""
    out, part = [np.zeros((0, 2))], _parts(own)
    low = np.array([r.min(axis=0, initial=np.inf) for r in own])
    high = np.array([r.max(axis=0, initial=-np.inf) for r in own])
    bounded = longest < reach * (1.0 - ROUNDING)
    for k in range(part.max() + 1):
        least, most = low[part != k].min(axis=0), high[part != k].max(axis=0)
        least = np.where(least < reach * (1.0 - ROUNDING), least, 0.0)  # that pair is there only: it says nothing
        most = np.where(bounded & (most > 0.0), most, np.inf)
        for r in (own[i] for i in np.flatnonzero(part == k) if len(own[i])):
            below = (least - r) / np.where(least > 0.0, least, 1.0)
            above = (r - most) / np.where(np.isfinite(most), most, 1.0)
            out.append(np.clip(np.stack([below.max(axis=1), above.max(axis=1)], axis=1), 0.0, None))
    return np.concatenate(out)


def _excess(found) -> list[np.ndarray]:
    """How far each atom is outside the range of the other parts, at the worst, in units of the range of all parts; 0:
    inside."""
    out = []
    for own in found:
        part = _parts(own)
        low = np.array([g.min(axis=0, initial=np.inf) for g in own])
        high = np.array([g.max(axis=0, initial=-np.inf) for g in own])
        width = high.max(axis=0) - low.min(axis=0)
        width[~(width > 0.0)] = np.inf  # the same for all atoms
        for k in range(part.max() + 1):
            least, most = low[part != k].min(axis=0), high[part != k].max(axis=0)
            for g in (own[i] for i in np.flatnonzero(part == k) if len(own[i])):
                out.append(np.clip(np.maximum(least - g, g - most) / width, 0.0, 1.0).max(axis=1))  # 1: only there
    return out
