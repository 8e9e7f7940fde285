"""How do several density networks make one potential? Of one design, scale and number of neighbours, where they are
others, go into the parameters; of several designs, of one and two layers, say, each keeps its own."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from mdcore.base.errors import InputError
from mdcore.potentials.density.model import SHARED, DensityNetwork, Design
from mdcore.potentials.networks.known import Known
from mdcore.potentials.networks.nearest import within_all
from mdcore.potentials.networks.walls import joined

FREE = ("neighbours", "scale")


def committee(models: Sequence[DensityNetwork]) -> DensityNetwork:
    """One potential of several, committees or single ones: its energy is the mean of all their members' energies.

    Name, provenance and the like are the first one's; walls are the closest ones; test vectors are to be made anew.
    InputError if they are of other elements, or cutoffs.
    """
    first = models[0]
    for k, model in enumerate(models, start=1):
        for name in SHARED:
            own, wanted = getattr(model.design, name), getattr(first.design, name)
            if own != wanted:
                raise InputError(
                    f"a committee shares {name}, and that of number {k}, {model.name or 'without a name'}, is {own} in "
                    f"place of {wanted}"
                )
    pairs = [pair for model in models for pair in zip(model.member_designs, model.members, strict=True)]
    alike = all(_fixed(own) == _fixed(first.design) for own, _ in pairs)
    members = [_like(first.design, *pair) if alike else pair[1] for pair in pairs]
    designs = () if alike else tuple(own for own, _ in pairs[1:])
    ranges = all(model.ranges for model in models)
    return replace(
        first, parameters=members[0], others=tuple(members[1:]), designs=designs, walls=joined(models),
        known=_known(models), nearest=within_all(models),
        ranges=tuple(own for model in models for own in model.ranges) if ranges else (), test_vectors=(),
    )  # fmt: skip


def single(model: DensityNetwork, k: int) -> DensityNetwork:
    """Member k (from 0) of a committee as a potential of its own."""
    known = model.known and replace(model.known, disagreement=None) if not model.others else None
    return replace(
        model, design=model.member_designs[k], parameters=model.members[k], others=(), designs=(),
        ranges=model.ranges[k : k + 1], known=known, test_vectors=(),
    )  # fmt: skip


def _fixed(design: Design) -> Design:
    return replace(design, **dict.fromkeys(FREE, 1.0))


def _like(design: Design, own: Design, parameters: np.ndarray) -> np.ndarray:
    """Parameters that say the same with the neighbours and the scale of `design`."""
    if own == design:
        return parameters
    found = parameters.copy()
    p = design.views(found)
    for t in range(design.layers):
        p[f"W.{t}"] *= design.neighbours / own.neighbours
        p[f"c.{t}"] *= own.scale / design.scale
    if design.hidden:
        p["w2"] *= own.scale / design.scale
    return found


def _known(models) -> Known | None:
    """Members of different ranges are outside more often than each alone: of several nobody knows yet."""
    return models[0].known if len(models) == 1 else None
