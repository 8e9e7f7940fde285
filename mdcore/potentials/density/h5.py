"""What does a file say of a density network alone? The layout is in networks/h5.py."""

import h5py
import numpy as np

from mdcore.base.elements import SYMBOLS
from mdcore.base.errors import InputError
from mdcore.potentials.density.model import MOST_PARAMETERS, DensityNetwork, Design
from mdcore.potentials.networks.h5_texts import at_most, plain_value, text
from mdcore.potentials.networks.trained import MOST_MEMBERS

FORMAT = "mdcore-density"
NEWEST = 6


def version(model: DensityNetwork) -> int:
    if any("envelope" in design.options for design in model.member_designs):
        return 6
    if model.designs:
        return 5
    if model.subtracted:
        return 4
    return 3 if model.design.message_l else 2 if model.design.element_rank else 1


def write(file: h5py.File, model: DensityNetwork) -> None:
    _put(file, model.design)
    file.create_group("members").attrs["n"] = len(model.members)
    for k, (design, parameters) in enumerate(zip(model.member_designs, model.members, strict=True)):
        for name, values in design.views(parameters).items():
            file[f"members/{k}/parameters/{name}"] = values
        if model.designs:
            _put(file[f"members/{k}"], design)
        if model.ranges:
            file[f"members/{k}/ranges"] = model.ranges[k]


def read(file: h5py.File, common: dict) -> DensityNetwork:
    """common : what all trained potentials have"""
    elements = tuple(text(e) for e in file.attrs["elements"])
    at_most(len(SYMBOLS) - 1, len(elements), "elements")
    first = _design(file, elements)
    n = int(file["members"].attrs["n"])
    at_most(MOST_MEMBERS, n, "members of a committee")
    groups = [file[f"members/{k}"] for k in range(n)]
    differ = n > 1 and "design" in groups[1]
    designs = [_design(group, elements) for group in groups] if differ else [first] * n
    at_most(MOST_PARAMETERS, sum(own.n_parameters for own in designs), "parameters of all members")
    pairs = list(zip(designs, groups, strict=True))
    members = [_parameters(design, group["parameters"]) for design, group in pairs]
    known = bool(groups) and "ranges" in groups[0]
    return DensityNetwork(
        design=designs[0], parameters=members[0], others=tuple(members[1:]), designs=tuple(designs[1:]) * differ,
        ranges=tuple(_array(group, "ranges", (2, own.species, own.features)) for own, group in pairs) if known else (),
        **common,
    )  # fmt: skip


def _put(group: h5py.Group, design: Design) -> None:
    attributes = {name: getattr(design, name) for name in Design.NUMBERS}
    group.create_group("design").attrs.update(attributes | design.options)


def _design(group: h5py.Group, elements: tuple[str, ...]) -> Design:
    return Design(elements=elements, **{key: plain_value(value) for key, value in group["design"].attrs.items()})


def _parameters(design: Design, group: h5py.Group) -> np.ndarray:
    flat = np.empty(design.n_parameters)
    for name, values in design.views(flat).items():
        values[...] = _array(group, name, values.shape)
    return flat


def _array(group: h5py.Group, name: str, shape) -> np.ndarray:
    found = group[name]
    if found.shape != shape or found.dtype.kind not in "fiu":  # before there is room for it
        raise InputError(f"{name} is {list(found.shape)} of {found.dtype}, expected {list(shape)} of float64")
    return found[()]
