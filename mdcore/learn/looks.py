"""What does the potential of the day say of a structure: disagreement, extrapolation, descriptors?"""

import os

from mdcore.base.errors import InputError
from mdcore.engine.evaluation import Worker, open_potential
from mdcore.learn.base import Candidate
from mdcore.potentials.families import potential_of
from mdcore.potentials.networks.files import read_model
from mdcore.potentials.networks.outside import DESCRIPTORS, RANGE
from mdcore.potentials.networks.spread import DISAGREEMENT, FORCES


class Looks:
    """A trained potential, asked about one structure after the other. potential : an open one, or its path"""

    def __init__(self, potential):
        if isinstance(potential, str | os.PathLike):
            potential = potential_of(read_model(potential), extrapolation="ignore")
        self.potential = open_potential(potential)
        if DESCRIPTORS not in self.potential.findings:
            raise InputError(
                f"{self.potential!r}: expected one trained potential, a network or a committee of networks (.h5)"
            )
        self.is_committee = DISAGREEMENT[0] in self.potential.findings
        self.knows_range = RANGE[0] in self.potential.findings
        self._workers = {}

    def need_range(self, explorer: str, limit: float | None) -> None:
        """InputError for an explorer's limit of extrapolation that nothing would ever pass."""
        if limit is not None and not self.knows_range:
            raise InputError(
                f"explorer {explorer}: extrapolation = {limit:g}: the range of training of {self.potential.name} is "
                "not known; leave it out"
            )

    def evaluate(self, system, spread: bool = True, descriptors: bool = True):
        """The Evaluation, with `descriptors`, and `spread`: of a committee how its members differ. MdcoreError where
        atoms overlap."""
        key = spread and self.is_committee, descriptors
        if key not in self._workers:
            self._workers[key] = Worker(self.potential, descriptors=descriptors, findings=key[0])
        return self._workers[key](None, system)

    def candidate(self, system, explorer: str, place: str) -> Candidate:
        """The structure with what is said of it; MdcoreError as `evaluate`."""
        found = self.evaluate(system, descriptors=False)
        outside = found.extrapolation
        return Candidate(
            system=system, explorer=explorer, place=place, disagreement=(found.findings or {}).get(FORCES.name),
            extrapolation=None if outside is None else float(outside.excess.max(initial=0.0)),
        )  # fmt: skip
