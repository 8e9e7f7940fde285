"""What does a network potential with charges say of a small cluster, without the engine? For test vectors.

It is put before the bound potential as the engine would: the same kernels answer that will run.
"""

from types import SimpleNamespace

import numpy as np

from mdcore.base import exact
from mdcore.base.comm import SelfComm
from mdcore.base.errors import InputError
from mdcore.potentials.base import Results
from mdcore.potentials.networks.vectors import environments
from mdcore.structure.atoms import Atoms

CLUSTER = SimpleNamespace(comm=SelfComm(), box=SimpleNamespace(periodic=(False,) * 3))  # all it asks a domain


class ChargedAnswers:
    """potential : an HDNNPotential without walls, of a model with charges

    periodic : it answers for clusters alone, whose charges have no images
    """

    periodic = False

    def __init__(self, model, potential):
        self.model, self._bound = model, potential.bind(model.elements)
        units = potential.units
        self._length, self._energy = units.angstrom, units.ev
        self.rounding = 1e-9 / units.ev  # energies of atoms are multiples of a grid

    def respond(self, symbols, positions, cell=None) -> tuple[float, np.ndarray, float]:
        """Energy and forces [n, 3] of a small cluster (vectors.py), native units, and how strong forces are all
        together; InputError for one with a cell."""
        if cell is not None:
            raise InputError(
                f"{self.model.name or 'potential'}: test vectors of potentials with charges are clusters, without a "
                "cell"
            )
        model, bound, n = self.model, self._bound, len(symbols)
        center = np.array([model.elements.index(s) for s in symbols], dtype=np.int32)
        positions = np.asarray(positions, dtype=np.float64)
        first, source, _ = environments(positions, center, None, model.cutoff, len(model.elements))
        full = SimpleNamespace(
            first=np.append(first[:, 0], first[-1, -1]),
            index=source.astype(np.int32),
            bounds=np.ascontiguousarray(first - first[:, :1], dtype=np.int32),
        )
        atoms, out = Atoms(n, bound.columns), Results()
        atoms.n_owned, atoms.n_ghost = n, 0
        atoms.x[:n, :3], atoms.x[:n, 3], atoms.tags[:n] = positions * self._length, center, np.arange(n)
        atoms.forget()
        out.reset(True)
        bound.compute(atoms, SimpleNamespace(of=lambda who: SimpleNamespace(full=full)), CLUSTER, out)
        energy = exact.value(out.energy, exact.FORCE_BITS) / self._energy
        forces = atoms.forces * (self._length / self._energy)
        return float(energy), forces, float(np.abs(forces).sum())
