"""A simulation that only pretends: what the observers need, with reproducible numbers."""

from types import SimpleNamespace

import numpy as np

from mdcore.base.timers import PHASES
from mdcore.base.units import get
from mdcore.structure.box import Box


class FakeComm:
    rank, size = 0, 1

    def bcast(self, obj):
        return obj

    def allgather(self, obj):
        return [obj]


def frame_arrays(step: int, n_atoms: int):
    rng = np.random.default_rng(step)
    return {
        "positions": rng.random((n_atoms, 3)) * 10.0,
        "images": rng.integers(-2, 3, (n_atoms, 3)).astype(np.int32),
        "velocities": rng.normal(size=(n_atoms, 3)) * 1e-3,
        "forces": rng.normal(size=(n_atoms, 3)),
    }


class FakeSim:
    """Step, time, snapshot, thermo and state of a run that never happens."""

    def find(self, atoms=True):
        return {}  # no committee

    def __init__(self, n_atoms=5, units="metal", box=None, symbols=("Ar", "Kr"), dt=2.0):
        self.units = get(units)
        self.comm = FakeComm()
        self.step = 0
        self.dt = dt
        self.seed = 7
        self.timers = SimpleNamespace(seconds=dict.fromkeys(PHASES, 0.0))
        self.domain = SimpleNamespace(grid=(1, 1, 1))
        self.work = SimpleNamespace(bound=SimpleNamespace(about=lambda unit: ""))  # no sums over waves
        self.box = box if box is not None else Box.cubic(10.0)
        self.symbols = tuple(symbols)
        self.species = (np.arange(n_atoms) % len(symbols)).astype(np.int32)
        self.masses = np.array([39.948, 83.798, 12.0, 1.0])[self.species]
        self.system = SimpleNamespace(
            box=self.box, symbols=self.symbols, n_atoms=n_atoms, info={}
        )

    @property
    def time(self):
        return self.step * self.dt

    def snapshot(self):
        n = len(self.species)
        return SimpleNamespace(
            step=self.step,
            time=self.time,
            box=self.box,
            species=self.species,
            symbols=self.symbols,
            masses=self.masses,
            tags=np.arange(n, dtype=np.int64),
            columns={},
            bonds=None,
            totals={},
            **frame_arrays(self.step, n),
        )

    def thermo(self):
        s = float(self.step)
        return SimpleNamespace(
            step=self.step,
            time=self.time,
            temperature=94.4 + s,
            kinetic=1.0 + s,
            potential=-2.0 - s,
            total=-1.0,
            conserved=-1.0,
            pressure=0.1,
            density=1.374,
            stress=-0.1 * np.arange(1.0, 7.0),
        )

    def state(self):
        return {"step": self.step, **frame_arrays(self.step, len(self.species))}

    def run(self, steps, *observers):
        """Call the observers as the real loop does, first step included."""
        for step in range(self.step, self.step + steps + 1):
            self.step = step
            for observer in observers:
                if step % observer.every == 0:
                    observer.observe(self)
