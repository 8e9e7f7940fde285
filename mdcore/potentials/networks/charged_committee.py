"""A committee of network potentials with charges: each member has charges of its own, energy and forces are means.

A member with all of its energies over their number n, those of charges, hardnesses and electronegativities included,
has the same charges and 1/n of its energy (committee.py: `share`). So the mean is a sum of such members, one after the
other; what each says alone is n times what it adds.
"""

import math
from dataclasses import replace

import numpy as np

from mdcore.base import exact
from mdcore.potentials.base import Results
from mdcore.potentials.networks.charged import COLUMN, WithCharges
from mdcore.structure.atoms import MEMORY, Column


def _of_all(name: str) -> str:
    """The column of what all members remember."""
    return f"{name}_of_members"


class BoundChargedCommittee(WithCharges):
    """Members with charges, for a system of these species. What members remember of their last charges goes with atoms
    in columns of all of them; while one computes, its own stands where it looks for it."""

    def __init__(self, potential, symbols):
        super().__init__(potential, symbols)
        self.members = [member.bound(symbols) for member in potential.charged_members]
        first = self.members[0].columns
        self._kept = {name: math.prod(column.shape) for name, column in first.items() if column.source == MEMORY}
        here = {name: replace(first[name], source="computed") for name in self._kept}
        m = len(self.members)
        self.columns = first | here | {_of_all(name): Column("f8", (m * n,), MEMORY) for name, n in self._kept.items()}
        self._last = None  # (lists, grid of positions, total charge) of the last forces

    @property
    def width(self) -> int:
        return self.members[0].width

    def state(self) -> dict:
        """Of each member, its number behind each name."""
        return {f"{name}_{k}": own for k, m in enumerate(self.members) for name, own in m.state().items()}

    def restore(self, state: dict) -> None:
        for k, member in enumerate(self.members):
            own = {name.removesuffix(f"_{k}"): value for name, value in state.items() if name.endswith(f"_{k}")}
            member.restore(own)

    def compute(self, atoms, neighbors, domain, out) -> None:
        self._spread, self._last = None, (neighbors, out.position_bits, out.total_charge)
        n, mean = atoms.n_owned, 0.0
        for k, member in enumerate(self.members):
            member.wanted = frozenset() if k else self.wanted  # all see the same
            self._member(k, atoms, neighbors, domain, out)
            mean = mean + getattr(atoms, COLUMN)[:n]
        self.beside = self.members[0].beside
        getattr(atoms, COLUMN)[:n] = mean / len(self.members)
        if self.walls:
            self.walls.compute(atoms, neighbors.of(self.walls.potential), domain, out)

    def _member(self, k: int, atoms, neighbors, domain, out) -> None:
        """What member k adds (collective)."""
        n, member = atoms.n_owned, self.members[k]
        own = [
            (getattr(atoms, name)[:n].reshape(n, width), getattr(atoms, _of_all(name))[:n, k * width : (k + 1) * width])
            for name, width in self._kept.items()
        ]
        for here, kept in own:
            here[:] = kept
        member.threads = self.threads
        member.compute(atoms, neighbors, domain, out)
        for here, kept in own:
            kept[:] = here

    def members_of(self, atoms, full, domain):
        neighbors, bits, total = self._last
        m, rows, charges = len(self.members), atoms.f[: atoms.n_total + 1], getattr(atoms, COLUMN)
        kept, of_mean = rows.copy(), charges.copy()
        found, limbs = np.empty((m, *rows[:-1].shape)), np.empty((m, exact.LIMBS), dtype=np.int64)
        for k, member in enumerate(self.members):
            out, rows[:] = Results(bits), 0.0
            out.total_charge, member.wanted = total, frozenset()
            out.reset(True)
            self._member(k, atoms, neighbors, domain, out)
            found[k], limbs[k] = rows[:-1], exact.limbs(m * out.energy)
        rows[:], charges[:] = kept, of_mean
        return np.ascontiguousarray((m * found[:-1] - found.sum(axis=0)).transpose(1, 0, 2)), limbs
