"""How do several networks make one potential, and what does each of them say alone?

The members of a committee share elements, descriptors, scaling and units; what differs are weights. Trained apart, each
may have chosen an energy unit and a zero of its own: those go into its last layer, so that all count like the first.

C. Schran, K. Brezina, O. Marsalek, J. Chem. Phys. 153, 104105 (2020).
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from mdcore.errors import InputError
from mdcore.potentials.hdnnp_model import HDNNP, ElementNetwork, identical
from mdcore.potentials.hdnnp_plan import energy_of


def committee(models: Sequence[HDNNP]) -> HDNNP:
    """One potential of several, committees or single ones: its energy is the mean of all their members' energies.

    Name, provenance and the like are the first one's; test vectors are to be made anew. InputError if they do not share
    what a committee shares.
    """
    first, *rest = models
    members = list(first.members)
    for k, model in enumerate(rest, start=2):
        for what in ("elements", "units", "symmetry_functions", "scaling"):
            if not identical(getattr(model, what), getattr(first, what)):
                raise InputError(
                    f"a committee shares {what.replace('_', ' ')}, and those of number {k}, "
                    f"{model.name or 'without a name'}, are others than the first one's: train the "
                    "members with one input, [committee] members"
                )
        members += [_like(first, model, own) for own in model.members]
    return replace(first, networks=members[0], others=tuple(members[1:]), test_vectors=())


def single(model: HDNNP, k: int) -> HDNNP:
    """Member k (from 0) of a committee as a potential of its own."""
    return replace(model, networks=model.members[k], others=(), test_vectors=())


def _like(first: HDNNP, model: HDNNP, networks) -> tuple[ElementNetwork, ...]:
    """Networks of `model` that say the same in the energy unit and with the zeros of `first`."""
    made = []
    for e, network in enumerate(networks):
        factor, offset = energy_of(first, e)
        own_factor, own_offset = energy_of(model, e)
        ratio, missing = own_factor / factor, (own_offset - offset) / factor
        if (ratio, missing) == (1.0, 0.0):
            made.append(network)
            continue
        if network.activations[-1] != "l":
            raise InputError(
                f"{model.name or 'a member'}: its energy unit or its zero is another than the first one's, and its "
                "last layer is not linear: such networks make no committee"
            )
        shares = network.layer_sizes[-2] if network.normalize_nodes else 1.0
        weights = (*network.weights[:-1], ratio * network.weights[-1])
        biases = (*network.biases[:-1], ratio * network.biases[-1] + np.array([missing * shares]))
        made.append(ElementNetwork(weights, biases, network.activations, network.normalize_nodes))
    return tuple(made)
