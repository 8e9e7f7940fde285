"""Which waves, or which mesh, has a cell that changes? Those of a reference, as long as the cell is about as large and
as skew: energies do not jump, and no tables are made anew at each step of a barostat."""

import numpy as np

from mdcore.potentials.charges.mesh import RESERVE, SHRUNK, MeshPlan
from mdcore.potentials.charges.slab import refuse
from mdcore.potentials.charges.waves import Plan


class KeptPlan:
    """The sum over waves of the cell at hand.

    make : makes one of a cell [3, 3], good for cells larger by RESERVE (mesh.py); plan : the last one, or None
    """

    def __init__(self, make):
        self._make, self.plan = make, None
        self._reference, self._made_for = None, None

    def of(self, matrix: np.ndarray) -> Plan | MeshPlan:
        """Of a cell [3, 3] (collective)."""
        if self._reference is not None and not np.array_equal(self._reference, matrix):
            strains = np.linalg.svd(np.linalg.inv(self._reference) @ matrix, compute_uv=False)
            if strains.max() > RESERVE or strains.min() < SHRUNK:
                self._reference = None
        if self._reference is None:
            self._reference = np.array(matrix)
        if self.plan is None or not np.array_equal(self._made_for, self._reference):
            self.plan, self._made_for = self._make(self._reference), self._reference
        if not np.array_equal(self.plan.matrix, matrix):
            self.plan.move(np.array(matrix))
        return self.plan

    def state(self) -> dict:
        """What a run must know to go on with the same waves."""
        return {} if self._reference is None else {"reference": self._reference}

    def restore(self, state: dict) -> None:
        """It goes on from there; {}: it begins."""
        self._reference = state.get("reference")
        if self._reference is not None:
            if np.shape(self._reference) != (3, 3) or not abs(np.linalg.det(self._reference)) > 0.0:
                refuse("the checkpoint's cell, to which waves belong, is none")
            self._reference = np.array(self._reference, dtype=np.float64)
