"""Does this potential keep what every potential promises? Measured on a structure, one row a promise.

    for row in verify(LennardJones(...), system):
        print(row)

Energy is the only truth: forces and stress are its derivatives, it does not depend on where, how turned and in
which order the atoms are given, twice the system has twice the energy, it is smooth where neighbours leave, and
ranks, threads and precision don't change what they must not.
"""

import os
from collections.abc import Iterator

from mdcore.base.errors import InputError, MdcoreError
from mdcore.engine.evaluation import open_potential, take
from mdcore.potentials.base import Sum, leaves
from mdcore.verify.gradients import forces, stress
from mdcore.verify.report import Row, failed, skipped
from mdcore.verify.runs import energy_conservation, precision, ranks, threads
from mdcore.verify.sample import sample
from mdcore.verify.smoothness import smoothness
from mdcore.verify.subject import Subject, networks_in
from mdcore.verify.symmetries import extensivity, inversion, permutation, rotation, translation

__all__ = ["Row", "failed", "skipped", "subject", "verify"]

CHECKS = (
    forces, stress, translation, rotation, inversion, permutation, extensivity, smoothness, precision, threads,
    ranks, energy_conservation,
)  # fmt: skip


def subject(potential, structure=None, *, units=None, seed: int = 1) -> Subject:
    """What is going to be examined; without a structure one is found or made (sample.py).

    potential, structure, units : as for mdcore.evaluate; InputError if they are not right
    """
    beside = os.path.dirname(potential) if str(potential).endswith(".h5") else potential
    potential, origin = open_potential(potential, units), "as given"
    inner = [term for term in leaves(potential) if not term.outside]
    if not inner:
        raise InputError(f"{potential!r} acts from outside, or on atoms it names: there are no symmetries to verify")
    if len(inner) < len(leaves(potential)):
        potential, origin = _inner(potential), f"{origin}; without what acts from outside, or on atoms that are named"
    if structure is None:
        structure, origin = sample(potential, seed, beside if isinstance(beside, str | os.PathLike) else None)
    structure = take(structure)
    potential = potential.suited(len(structure.positions), structure.box, structure.units)
    return Subject(networks_in(potential, "double"), structure, origin, seed)


def _inner(potential):
    """The potential without terms that act from outside."""
    if type(potential) is not Sum:
        return potential
    terms = [_inner(term) for term in potential.terms if not all(leaf.outside for leaf in leaves(term))]
    return terms[0] if len(terms) == 1 else Sum(*terms)


def verify(potential, structure=None, *, units=None, seed: int = 1) -> Iterator[Row]:
    """The rows of all checks, one by one as they are measured."""
    yield from examine(subject(potential, structure, units=units, seed=seed))


def examine(it: Subject, checks=CHECKS) -> Iterator[Row]:
    """The rows of `checks`; one that breaks down is a row that FAILs."""
    for check in checks:
        try:
            yield from check(it)
        except MdcoreError as error:
            yield Row(check.__name__.replace("_", " "), ok=False, note=str(error))
