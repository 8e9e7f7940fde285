"""With which parameters does a training go on from a potential that was trained?

With the potential's own, so that epoch 0 is that potential on the data of today. Descriptors and zeros of energy stay;
their ranges become those of old and new data together, and the first layers of the networks change along, such that
they say the same. Members of a committee go on from those of the same number.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from mdcore.base.errors import InputError
from mdcore.potentials.density.model import DensityNetwork, Design
from mdcore.potentials.families import family
from mdcore.potentials.networks.files import read_model
from mdcore.potentials.networks.model import HDNNP, ElementNetwork, Scaling
from mdcore.potentials.networks.native_units import Units
from mdcore.potentials.networks.subtracted import numbers_of
from mdcore.potentials.networks.trained import Model
from mdcore.training.descriptors import Descriptors, statistics
from mdcore.training.settings import ACTIVATIONS, CUTOFF_FUNCTIONS, Plan, Unsuited
from mdcore.training.symmetry_sets import from_input_nn, from_lines

KEY = ("warm_start",)
FOUND = ("neighbours", "scale", "elements")  # of a design: found on the data, not said by the plan


def read_start(plan: Plan) -> Model:
    """The potential that a plan goes on from; Unsuited if it is no start for this plan."""
    try:
        model = read_model(plan.warm_start)
    except InputError as error:
        raise Unsuited(str(error), KEY) from None
    name, members = family(model).name, plan.committee.members
    if name != ("density" if plan.model else "hdnnp"):
        raise Unsuited(f"a potential of type {name}, and another one is trained: say what is trained likewise", KEY)
    if getattr(model, "charges", None) or plan.long_range:
        raise Unsuited("potentials with charges begin anew; leave it out", KEY)
    if list(map(numbers_of, model.subtracted)) != list(map(numbers_of, plan.subtract)):
        raise Unsuited("the start had other things subtracted from its labels: subtract the same, or begin anew", KEY)
    if model.units not in (None, Units("angstrom", "ev")):
        raise Unsuited("its units are not Angstrom and eV: it was not trained by mdcore", KEY)
    if len(model.members) < members:
        raise Unsuited(f"the start has {len(model.members)} members: take so many, or less", ("committee", "members"))
    if isinstance(model, HDNNP):
        _check_networks(plan, model)
        _check_descriptors(plan, model)
        _check_zeros(plan, model)
    return model


def _check_networks(plan: Plan, model: HDNNP) -> None:
    letters = (ACTIVATIONS[plan.network.activation],) * len(plan.network.hidden) + ("l",)
    for member in model.members:
        for element, network in zip(model.elements, member, strict=True):
            hidden = network.layer_sizes[1:-1]
            if hidden != tuple(plan.network.hidden):
                raise Unsuited(f"the start has {list(hidden)} for {element}: take these", ("network", "hidden"))
            if network.activations != letters:
                raise Unsuited(f"the start has other ones for {element}", ("network", "activation"))


def _check_descriptors(plan: Plan, model: HDNNP) -> None:
    """Unsuited if the plan asks for others than the start has, as far as that can be told: which candidates are chosen
    depends on the data."""
    s, own = plan.descriptors, dict(zip(model.elements, model.symmetry_functions, strict=True))
    functions = [function for each in own.values() for function in each]

    def check(key: str, same: bool, start: str) -> None:
        if not same:
            raise Unsuited(f"descriptors of the start stay: {start}; say the same, or begin anew", ("descriptors", key))

    check("kind", functions[0].kind == s.kind, functions[0].kind)
    check("scaling", model.scaling[0].mode == s.scaling, model.scaling[0].mode)
    if s.is_given:
        key, kind = ("file" if s.file else "functions"), CUTOFF_FUNCTIONS[s.cutoff_function]
        try:
            given = from_input_nn(s.file, own, s.units) if s.file else from_lines(s.functions, tuple(own), kind)
        except InputError as error:
            raise Unsuited(str(error), ("descriptors", key)) from None
        check(key, all(set(given[e]) == set(own[e]) for e in own), f"{len(functions)}, other than these")
        return
    longest = max(function.cutoff for function in functions)
    check("cutoff", longest <= s.cutoff * (1.0 + 1e-9), f"they see {longest:g} Angstrom far")
    if s.kind == "symmetry":
        names = {number: name for name, number in CUTOFF_FUNCTIONS.items()}
        kinds = {function.cutoff_type for function in functions}
        told = ", ".join(names.get(kind, f"cutoff_type {kind}") for kind in sorted(kinds))
        check("cutoff_function", kinds == {CUTOFF_FUNCTIONS[s.cutoff_function]}, told)
    for element, each in own.items():
        keep = s.keep.get(element) if isinstance(s.keep, dict) else s.keep
        check("keep", keep is None or len(each) <= keep, f"{len(each)} of {element}")


def _check_zeros(plan: Plan, model: HDNNP) -> None:
    """Unsuited for other zeros of energy than the start's: "fit" and "isolated" found them when that was trained."""
    how, own = plan.network.atom_energies, dict(zip(model.elements, model.atom_energies, strict=True))
    wanted = dict.fromkeys(own, 0.0) if how == "none" else how if isinstance(how, dict) else own
    if any(abs(wanted.get(e, own[e]) - own[e]) > 1e-9 * max(1.0, abs(own[e])) for e in own):
        told = ", ".join(f"{e} {energy:.6f}" for e, energy in own.items())
        text = f"zeros of energy of the start stay: {told} eV; say the same, or begin anew"
        raise Unsuited(text, ("network", "atom_energies"))


def check_elements(model: Model, elements: Sequence[str]) -> None:
    """Unsuited unless model and data are of the same elements."""
    if tuple(model.elements) != tuple(elements):
        told = f"it knows {' '.join(model.elements)}, the data have {' '.join(elements)}; begin anew, without it"
        raise Unsuited(told, KEY)


def check_design(model: DensityNetwork, design: Design) -> None:
    """Unsuited unless the model is as large as the plan says."""
    names = [name for name in (*Design.NUMBERS, *Design.OPTIONS) if name not in FOUND]
    for name in names:
        for own in model.member_designs:
            old, new = getattr(own, name), getattr(design, name)
            if old != new:
                raise Unsuited(f"the start has {old:g}: take that, or begin anew", ("model", name)).everywhere()


def descriptors_of(model: HDNNP, train, comm) -> Descriptors:
    """The model's, in the ranges of its data and of `train`."""
    found = statistics(train, model.symmetry_functions, model.scaling[0].mode, comm)
    scaling = tuple(_joined(old, new) for old, new in zip(model.scaling, found, strict=True))
    return Descriptors(model.elements, model.symmetry_functions, scaling, tuple(map(len, model.symmetry_functions)))


def _joined(old: Scaling, new: Scaling) -> Scaling:
    sigma = np.where(new.sigma > 0.0, new.sigma, old.sigma)
    return replace(old, min=np.minimum(old.min, new.min), max=np.maximum(old.max, new.max), mean=new.mean, sigma=sigma)


def networks_of(model: HDNNP, member: int, scaling: Sequence[Scaling]) -> tuple[ElementNetwork, ...]:
    """Those of a member, which say with inputs scaled in another way what they said before."""
    triples = zip(model.members[member], model.scaling, scaling, strict=True)
    return tuple(_rescaled(*triple) for triple in triples)


def _rescaled(network: ElementNetwork, old: Scaling, new: Scaling) -> ElementNetwork:
    """x_old = s_old (G - c_old) + b_old is (s_old / s_new) (x_new - b_new) + s_old (c_new - c_old) + b_old."""
    (s, c, b), (s_new, c_new, b_new) = old.affine(), new.affine()
    ratio, weights = s / s_new, network.weights[0]
    shift = (s * (c_new - c) + b - ratio * b_new) @ weights
    first = ratio[:, None] * weights
    biases = network.biases[0] + shift, *network.biases[1:]
    return replace(network, weights=(first, *network.weights[1:]), biases=biases)
