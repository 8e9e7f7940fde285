"""With which parameters does a training go on from a potential that was trained?

With the potential's own, so that epoch 0 is that potential on the data of today. Descriptors and zeros of energy stay;
their ranges become those of old and new data together, and the first layers of the networks change along, such that
they say the same. Members of a committee go on from those of the same number.

A plan that asks for others is refused. What descriptors and zeros of energy do not show by themselves, how many
candidates there were, by which method some of them were chosen, the potential's card tells (`choices_of`); one that was
made elsewhere, or before cards told it, can't be asked.
"""

import json
from collections.abc import Mapping, Sequence
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
from mdcore.training.settings import ACTIVATIONS, CHOICES, CUTOFF_FUNCTIONS, DescriptorSettings, Plan, Unsuited
from mdcore.training.symmetry_sets import from_input_nn, from_lines

KEY = ("warm_start",)
FOUND = ("neighbours", "scale", "elements")  # of a design: found on the data, not said by the plan
CANDIDATES = ("radial", "angular", "angular_shells", "zetas", "wide", "method", "rare")  # what decides which there are
GIVEN, KEEP = "given", "keep"
NEAR = 1e-9  # lengths that differ by less, relative, are the same


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


def choices_of(plan: Plan, start: Model | None = None) -> str:
    """For the card of what is trained: how descriptors and zeros of energy were asked for, or what the card of the
    start says of that."""
    if start:
        return start.provenance.get(CHOICES, "")
    found, s = {"atom_energies": plan.atom_energies}, plan.descriptors
    if s:
        found["descriptors"] = {GIVEN: True} if s.is_given else _asked(s) | {KEEP: s.keep}
    return json.dumps(found)


def _asked(s: DescriptorSettings) -> dict:
    return {name: getattr(s, name) for name in CANDIDATES} | {"zetas": sorted(s.zetas)}


def _told(model: Model, what: str):
    """What the card of a potential says of its choices, or None."""
    try:
        return json.loads(model.provenance.get(CHOICES, "")).get(what)
    except (ValueError, AttributeError):  # none, or of somebody else
        return None


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
    """Unsuited if the plan asks for others than the start has."""
    s, own = plan.descriptors, dict(zip(model.elements, model.symmetry_functions, strict=True))
    functions, told = [function for each in own.values() for function in each], _told(model, "descriptors")
    told = told if isinstance(told, Mapping) else {}

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
    check("cutoff", GIVEN not in told, f"{len(functions)} that were given")
    for key, reach in (("cutoff", s.cutoff), ("angular_cutoff", s.angular_cutoff or s.cutoff)):
        found = {function.cutoff for function in functions if function.is_radial == (key == "cutoff")}
        same = all(abs(cutoff - reach) <= NEAR * reach for cutoff in found)
        what = "they" if key == "cutoff" else "angular ones"
        check(key, same, f"{what} see {', '.join(f'{cutoff:g}' for cutoff in sorted(found))} Angstrom far")
    if s.kind == "symmetry":
        names = {number: name for name, number in CUTOFF_FUNCTIONS.items()}
        kinds = {function.cutoff_type for function in functions}
        start = ", ".join(names.get(kind, f"cutoff_type {kind}") for kind in sorted(kinds))
        check("cutoff_function", kinds == {CUTOFF_FUNCTIONS[s.cutoff_function]}, start)
    for key, value in _asked(s).items():
        check(key, told.get(key, value) == value, f"{key} = {json.dumps(told.get(key))}")
    for element, each in own.items():
        keep, before = (_of(element, keep) for keep in (s.keep, told.get(KEEP)))
        all_kept = before is None or before > len(each)  # all that vary and differ
        same = keep == len(each) or (all_kept and (keep is None or keep > len(each)))
        check(KEEP, same, f"{len(each)} of {element}")


def _of(element: str, keep) -> int | None:
    return keep.get(element) if isinstance(keep, Mapping) else keep


def _check_zeros(plan: Plan, model: Model) -> None:
    """Unsuited for other zeros of energy than the start's."""
    how, told, density = plan.atom_energies, _told(model, "atom_energies"), plan.model is not None
    start, cure, same = "its card does not say how they were found", "leave it out", how == "fit"
    if told:
        start, cure, same = f"asked for as {json.dumps(told)}", "say the same", how == told
    if not density:
        own = dict(zip(model.elements, model.atom_energies, strict=True))
        start, cure = ", ".join(f"{e} {energy:.6f}" for e, energy in own.items()) + " eV", "say the same"
        numbers = dict.fromkeys(own, 0.0) if how == "none" else how if isinstance(how, dict) else None
        if numbers is not None:
            same = all(abs(numbers.get(e, own[e]) - own[e]) <= 1e-9 * max(1.0, abs(own[e])) for e in own)
        else:
            same = told in (None, how)
    if not same:
        text = f"zeros of energy of the start stay: {start}; {cure}, or begin anew"
        raise Unsuited(text, ("model" if density else "network", "atom_energies"))


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


def zeros_of(model: Model) -> dict[str, float]:
    """The zero of energy of each element, eV; of a density network, which has no more than one for each member, the
    first one's."""
    if isinstance(model, DensityNetwork):
        return dict(zip(model.elements, model.design.views(model.parameters)["E0"].tolist(), strict=True))
    return dict(zip(model.elements, model.atom_energies, strict=True))


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
