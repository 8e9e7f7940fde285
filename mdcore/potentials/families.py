"""Which families of trained potentials are there, and what does each of them do in its own way?

Kernels are loaded when a potential is made: they have threads, which other runs do not load.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module

from mdcore.base.arguments import listed, of_kind
from mdcore.base.errors import InputError
from mdcore.potentials.density import committee as density_committees
from mdcore.potentials.density.model import DensityNetwork
from mdcore.potentials.networks import committee as hdnnp_committees
from mdcore.potentials.networks.model import HDNNP
from mdcore.potentials.networks.subtracted import numbers_of
from mdcore.potentials.networks.trained import Model


@dataclass(frozen=True)
class Family:
    """name : its type in inputs; model : the class of its models; potential : module and class; committee : of models;
    single : (committee, k) -> member k alone"""

    name: str
    model: type
    potential: tuple[str, str]
    committee: Callable
    single: Callable

    @property
    def runs(self) -> type:
        """The class of its potentials."""
        return getattr(import_module(self.potential[0]), self.potential[1])


FAMILIES = tuple(
    Family(name, model, (f"mdcore.potentials.{module}", potential), own.committee, own.single)
    for name, model, module, potential, own in (
        ("hdnnp", HDNNP, "networks.hdnnp", "HDNNPotential", hdnnp_committees),
        ("density", DensityNetwork, "density.potential", "DensityPotential", density_committees),
    )
)
TYPES = tuple(family.name for family in FAMILIES)


def family(model: Model) -> Family:
    return next(own for own in FAMILIES if isinstance(model, own.model))


def potential_of(model: Model, units=None, **options):
    """The potential that computes a model; options as for HDNNPotential."""
    return family(model).runs(model, units, **options)


def committee(models: Sequence[Model]) -> Model:
    """One potential of several of one family, committees or single ones: its energy is the mean of all their members'
    energies; InputError if they do not fit."""
    models = listed("committee: models", models, "read_model('a.h5')")
    for model in models:
        of_kind("committee: model", model, tuple(own.model for own in FAMILIES), "what read_model gives")
    if not models:
        raise InputError("committee: no models; give two or more")
    names = [family(model).name for model in models]
    if len(set(names)) > 1:
        raise InputError(f"a committee is of potentials of one type, not of {' and '.join(sorted(set(names)))}")
    for k, model in enumerate(models, start=1):
        if list(map(numbers_of, model.subtracted)) != list(map(numbers_of, models[0].subtracted)):
            raise InputError(
                f"a committee shares what was subtracted before training; number {k}, {model.name or 'without a name'},"
                f" has {', '.join(map(repr, model.subtracted)) or 'nothing'} in place of "
                f"{', '.join(map(repr, models[0].subtracted)) or 'nothing'}"
            )
    return family(models[0]).committee(models)


def single(model: Model, k: int) -> Model:
    """Member k (from 0) of a committee as a potential of its own."""
    return family(model).single(model, k)
