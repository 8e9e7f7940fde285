"""Of which sign are charges that energies alone have found? Energies do not know: all turned round are as good.

Members of a committee shall have the same, or the mean of their charges says nothing. Structures with a total charge
know the sign.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from mdcore.engine.evaluation import evaluate
from mdcore.potentials.families import potential_of
from mdcore.potentials.networks.committee import times
from mdcore.potentials.networks.model import HDNNP, ElementNetwork
from mdcore.structure.columns import CHARGES
from mdcore.training.data.labelled import Labelled

LOOK_AT = 20  # structures


def aligned(models: Sequence[HDNNP], data: Sequence[Labelled]) -> list[HDNNP]:
    """The models, with charges turned round of those that differ from the first one more than they are like it."""
    if len(models) == 1 or any(s.total_charge for s in data):
        return list(models)
    some = [s.structure for s in data[:: -(-len(data) // LOOK_AT) or 1]]
    first, *rest = (_charges(model, some) for model in models)
    like = [sum(float(a @ b) for a, b in zip(first, own, strict=True)) for own in rest]
    return [models[0], *(m if dot >= 0.0 else turned(m) for m, dot in zip(models[1:], like, strict=True))]


def turned(model: HDNNP) -> HDNNP:
    """The same energies with all charges turned round."""
    own, networks = model.charges, model.networks
    if own.as_input:
        networks = tuple(
            ElementNetwork((np.vstack([n.weights[0][:-1], -n.weights[0][-1:]]), *n.weights[1:]), n.biases,
                           n.activations, n.normalize_nodes)
            for n in networks
        )  # fmt: skip
    return replace(model, networks=networks, charges=replace(own, networks=times(own.networks, -1.0)))


def _charges(model: HDNNP, structures) -> list[np.ndarray]:
    potential = potential_of(replace(model, subtracted=()), extrapolation="ignore")
    return [answer.findings[CHARGES] for answer in evaluate(potential, structures, findings=True)]
