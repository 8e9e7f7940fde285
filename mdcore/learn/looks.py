"""What does the potential of the day say of a structure: disagreement, extrapolation, descriptors?

A generation asks it about the same structures again and again: explorers, selection, judgement, pictures. So it is
computed once, and what was said is kept, as long as the potential is.
"""

import hashlib
import os

import numpy as np

from mdcore.base.errors import InputError
from mdcore.engine.evaluation import Worker, open_potential
from mdcore.learn.base import Candidate
from mdcore.learn.features import Features, Seen
from mdcore.potentials.families import potential_of
from mdcore.potentials.networks.files import read_model
from mdcore.potentials.networks.outside import DESCRIPTORS, RANGE
from mdcore.potentials.networks.spread import DISAGREEMENT


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
        self._features, self._workers, self._kept = Features(self.potential), {}, {}

    def need_range(self, explorer: str, limit: float | None) -> None:
        """InputError for an explorer's limit of extrapolation that nothing would ever pass."""
        if limit is not None and not self.knows_range:
            raise InputError(
                f"explorer {explorer}: extrapolation = {limit:g}: the range of training of {self.potential.name} is "
                "not known; leave it out"
            )

    def about(self, system, spread: bool = True, layers: bool = False) -> Seen:
        """What there is to say. spread : of a committee, how its members differ about each atom, which takes as long
        again; layers : features, too. MdcoreError where atoms overlap."""
        key, spread = _bits_of(system), spread and self.is_committee
        kept = self._kept.get(key)
        if kept is not None and (kept.disagreement is not None or not spread) and (kept.layers or not layers):
            return kept
        spread |= kept is not None and kept.disagreement is not None
        self._kept[key] = seen = self._features.seen(self._evaluate(system, spread), layers)
        return seen

    def _evaluate(self, system, spread: bool):
        if spread not in self._workers:
            self._workers[spread] = Worker(self.potential, descriptors=True, findings=spread)
        return self._workers[spread](None, system)

    def candidate(self, system, explorer: str, place: str) -> Candidate:
        """The structure with what is said of it; MdcoreError as `about`."""
        seen = self.about(system)
        return Candidate(
            system=system, explorer=explorer, place=place, disagreement=seen.disagreement,
            extrapolation=None if seen.excess is None else float(seen.excess.max(initial=0.0)),
        )  # fmt: skip


_last: dict[tuple, Looks] = {}  # of one file: the potential of the day


def looks_at(path) -> Looks:
    """The Looks of a potential's file; the same one until another file is asked for, or it is written anew."""
    try:
        about = os.stat(path)
    except OSError:
        return Looks(path)  # which says what is wrong
    key = os.path.realpath(path), about.st_ino, about.st_size, about.st_mtime_ns
    if key not in _last:
        found = Looks(path)
        _last.clear()
        _last[key] = found
    return _last[key]


def _bits_of(system) -> bytes:
    """Of all that a potential sees of a structure, to the last bit."""
    digest = hashlib.sha256(repr((system.names, system.box.periodic, system.total_charge)).encode())
    for numbers in (system.box.matrix, system.box.origin, system.positions, system.bonds):
        digest.update(np.ascontiguousarray(numbers).tobytes())
    for name, values in system.columns.items():
        digest.update(name.encode() + np.ascontiguousarray(values).tobytes())
    return digest.digest()
