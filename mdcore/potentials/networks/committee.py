"""How do several networks make one potential, and what does each of them say alone?

The members of a committee share elements and units. What else was their own goes into their weights, so that all count
alike: an energy unit and a zero into the last layer, a scaling into the first; and where they were trained with
different descriptors, the committee has them all, and a member has weights of zero from those that it does not know.

C. Schran, K. Brezina, O. Marsalek, J. Chem. Phys. 153, 104105 (2020).
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from mdcore.base.errors import InputError
from mdcore.potentials.networks.charge_model import ChargeModel
from mdcore.potentials.networks.frozen import identical
from mdcore.potentials.networks.known import Known
from mdcore.potentials.networks.model import HDNNP, ElementNetwork, Normalisation, Scaling
from mdcore.potentials.networks.nearest import within_all
from mdcore.potentials.networks.plans import energy_of
from mdcore.potentials.networks.walls import joined

STATISTICS = ("min", "max", "mean", "sigma")


def committee(models: Sequence[HDNNP]) -> HDNNP:
    """One potential of several, committees or single ones: its energy is the mean of all their members' energies.

    Name, provenance and the like are the first one's, and so is the kind of scaling; the range of a descriptor that
    several have is what all of them know; walls are the closest ones (walls.py). Test vectors are to be made anew.
    InputError if they are of other elements or units, or can't be scaled alike.
    """
    first, *rest = models
    for k, model in enumerate(rest, start=2):
        if model.kind != first.kind:
            raise InputError(
                f"a committee shares the kind of descriptors, and number {k}, {model.name or 'without a name'}, has "
                f"{model.kind} in place of {first.kind}"
            )
        for what in ("elements", "units"):
            if not identical(getattr(model, what), getattr(first, what)):
                raise InputError(
                    f"a committee shares {what}, and those of number {k}, {model.name or 'without a name'}, are others "
                    "than the first one's"
                )
    charges = _charges(models) if rest else first.charges
    shared = [_of_all(models, e) for e in range(len(first.elements))]
    functions, scaling = (tuple(each) for each in zip(*shared, strict=True))
    members = [_like(first, functions, scaling, model, own) for model in models for own in model.members]
    return replace(
        first, symmetry_functions=functions, scaling=scaling, networks=members[0], others=tuple(members[1:]),
        walls=joined(models), known=_known(models), nearest=within_all(models), test_vectors=(), charges=charges,
    )  # fmt: skip


def _charges(models: Sequence[HDNNP]) -> ChargeModel | None:
    """Those of all members, which share all but networks and hardnesses; a scale of what networks give goes into their
    last layer."""
    first, members = models[0].charges, []
    for k, model in enumerate(models, start=1):
        own, told = model.charges, f"number {k}, {model.name or 'without a name'},"
        if bool(own) != bool(first):
            raise InputError(
                f"a committee is of potentials with charges, or of such without; {told} is of the other kind"
            )
        if not own:
            continue
        same = {name: getattr(first, name) for name in ("networks", "hardness", "output_scale")} | {"others": ()}
        alike = identical(replace(own, **same), replace(first, others=()))
        if not alike or not all(_same_inputs(model, models[0], e) for e in range(len(model.elements))):
            raise InputError(
                f"a committee of potentials with charges shares descriptors, and of charges all but networks and "
                f"hardnesses; {told} has others than the first"
            )
        for networks, hardness in ((own.networks, own.hardness), *own.others):
            members.append((times(networks, own.output_scale / first.output_scale), hardness))
    if not first:
        return None
    return replace(first, networks=members[0][0], hardness=members[0][1], others=tuple(members[1:]))


def times(networks, ratio: float) -> tuple[ElementNetwork, ...]:
    """Networks that say so many times as much."""
    if ratio == 1.0:
        return tuple(networks)
    if any(network.activations[-1] != "l" for network in networks):
        raise InputError("a committee of potentials with charges: a last layer that is not linear can't be scaled")
    return tuple(
        ElementNetwork(
            (*n.weights[:-1], ratio * n.weights[-1]), (*n.biases[:-1], ratio * n.biases[-1]), n.activations,
            n.normalize_nodes,
        )
        for n in networks
    )  # fmt: skip


def share(model: HDNNP, k: int) -> HDNNP:
    """Member k (from 0) of a committee with charges, all its energies over the number of members: of its networks and
    of its charges, which stay what they are."""
    n, norm, own = len(model.members), model.normalisation or Normalisation(), model.charges.member(k)
    scale = own.output_scale / n if own.equilibrated else own.output_scale
    charges = replace(
        own, constant=own.constant / n, hardness=tuple(h / n for h in own.hardness), output_scale=scale
    )
    return replace(
        model, networks=model.members[k], others=(), charges=charges, walls=(), subtracted=(), test_vectors=(),
        atom_energies=tuple(energy / n for energy in model.atom_energies),
        normalisation=Normalisation(norm.mean_energy / n, n * norm.conv_energy, norm.conv_length),
    )  # fmt: skip


def single(model: HDNNP, k: int) -> HDNNP:
    """Member k (from 0) of a committee as a potential of its own, without descriptors that it does not know."""
    charges = model.charges and model.charges.member(k)
    alone = replace(model, networks=model.members[k], others=(), charges=charges, test_vectors=())
    if not model.others:
        return alone
    if charges:  # which see the descriptors of all
        return replace(alone, known=model.known and replace(model.known, disagreement=None))
    functions, scaling, networks = [], [], []
    for own, s, network in zip(model.symmetry_functions, model.scaling, alone.networks, strict=True):
        known = np.flatnonzero(network.weights[0].any(axis=1))
        known = known if len(known) else np.arange(1)  # a network needs an input
        functions.append(tuple(own[i] for i in known))
        scaling.append(replace(s, **{name: getattr(s, name)[known] for name in STATISTICS}))
        networks.append(_first_layer(network, network.weights[0][known], len(known) / len(own)))
    known = model.known and replace(model.known, disagreement=None)
    if any(len(own) < len(all_) for own, all_ in zip(functions, model.symmetry_functions, strict=True)):
        known = None  # the range of fewer functions is left less often
    return replace(
        alone, symmetry_functions=tuple(functions), scaling=tuple(scaling), networks=tuple(networks), known=known
    )


def _known(models) -> Known | None:
    """What is known of the range of all, if it is the same; how the members disagree, nobody knows yet."""
    first = models[0]
    if len(models) == 1:
        return first.known
    ranges = [(m.symmetry_functions, m.scaling, m.known and replace(m.known, disagreement=None)) for m in models]
    return ranges[0][2] if all(identical(own, ranges[0]) for own in ranges[1:]) else None


def _of_all(models, e: int):
    """(functions, scaling) of element e: of all models, each function once."""
    first = models[0]
    if all(_same_inputs(m, first, e) for m in models[1:]):
        return first.symmetry_functions[e], first.scaling[e]
    found = {}
    for model in models:
        columns = (getattr(model.scaling[e], name) for name in STATISTICS)
        for function, *numbers in zip(model.symmetry_functions[e], *columns, strict=True):
            low, high, *others = found.get(function, numbers)
            low, high = np.fmax(low, numbers[0]), np.fmin(high, numbers[1])
            others = [own if np.isfinite(own) else new for own, new in zip(others, numbers[2:], strict=True)]
            found[function] = [low, high, *others]
    functions = tuple(sorted(found, key=lambda f: f.sort_key))
    columns = np.array([found[f] for f in functions]).T
    scaling = replace(first.scaling[e], **dict(zip(STATISTICS, columns, strict=True)))
    for i in scaling.degenerate[:1]:
        raise InputError(
            f"a committee scales as the first of its potentials does ({scaling.mode}), and {functions[i].label} can't "
            "be: its statistics are missing, or its range, what all of them know, is empty"
        )
    return functions, scaling


def _same_inputs(a: HDNNP, b: HDNNP, e: int) -> bool:
    return identical(a.symmetry_functions[e], b.symmetry_functions[e]) and identical(a.scaling[e], b.scaling[e])


def _like(first: HDNNP, functions, scaling, model: HDNNP, networks) -> tuple[ElementNetwork, ...]:
    """Networks of `model` that say the same of these functions, so scaled, in the energy unit and with the zeros of
    `first`."""
    made = []
    for e, network in enumerate(networks):
        for i in model.scaling[e].degenerate[:1]:
            label = model.symmetry_functions[e][i].label
            raise InputError(f"{model.name or 'a member'}: {label} has no width, or its statistics are missing")
        network = _seeing(network, model.symmetry_functions[e], model.scaling[e], functions[e], scaling[e])
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


def _seeing(network: ElementNetwork, known, own: Scaling, functions, scaling: Scaling) -> ElementNetwork:
    """The network with inputs of `functions` under `scaling` in place of those of `known` under its own."""
    if identical(known, functions) and identical(own, scaling):
        return network
    at = [functions.index(f) for f in known]
    slope, shift, base = own.affine()
    new_slope, new_shift, new_base = (np.broadcast_to(a, len(functions))[at] for a in scaling.affine())
    ratio = slope / new_slope  # x = ratio (new_x - new_base) + slope (new_shift - shift) + base
    rest = slope * (new_shift - shift) + (base - ratio * new_base)
    weights = np.zeros((len(functions), network.weights[0].shape[1]))
    np.add.at(weights, at, ratio[:, None] * network.weights[0])  # add: files may have a function twice
    return _first_layer(network, weights, len(functions) / len(known), rest @ network.weights[0])


def _first_layer(network: ElementNetwork, weights, times: float, more=0.0) -> ElementNetwork:
    """The network with other inputs, `times` as many, and `more` on its biases."""
    times = times if network.normalize_nodes else 1.0  # what a node is divided by
    weights, biases = (times * weights, *network.weights[1:]), (times * (network.biases[0] + more), *network.biases[1:])
    return ElementNetwork(weights, biases, network.activations, network.normalize_nodes)
