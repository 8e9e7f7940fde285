"""Structures as heat would make them if the energy were a parabola: displacements along the normal modes."""

from dataclasses import dataclass

import numpy as np

from mdcore.base.errors import Interrupted, MdcoreError
from mdcore.base.units import HBAR, METAL
from mdcore.dynamics.motion.lbfgs import LBFGS
from mdcore.dynamics.simulation import SKIN
from mdcore.engine.single import Engine
from mdcore.learn.explorers._samples import Samples
from mdcore.properties.dimer import whole_motions
from mdcore.properties.relaxation import moved, relax

STEP = 0.01  # Angstrom, of the differences that make the force constants
STEPS, FORCE = 300, 0.01  # of the relaxation at most; eV/Angstrom that may be left
SOFTEST = 2.0  # THz: a mode that is softer, or leads downhill, is taken as that stiff


@dataclass(frozen=True, kw_only=True)
class Modes(Samples):
    """temperature : K, of the last structure; quantum : with the motion that is left at 0 K
    relaxed : starts are brought to rest first, as far as the potential of the day can
    """

    temperature: float = 300.0
    quantum: bool = False
    relaxed: bool = True

    def prepare(self, journey, starts):
        known = {id(start): start for start in starts}  # few of them serve many structures
        made = {key: Harmonic(journey.potential, self._at_rest(journey, start)) for key, start in known.items()}
        return [made[id(start)] for start in starts]

    def _at_rest(self, journey, start):
        if not self.relaxed:
            return start
        try:
            return relax(journey.potential, start, LBFGS(FORCE), STEPS).system
        except Interrupted:
            raise
        except MdcoreError:
            return start

    def draw(self, prepared, share: float, rng):
        return prepared.drawn(share * self.temperature, self.quantum, rng)


class Harmonic:
    """The parabola through a System: force constants by central differences.

    squares : float64 [m], squares of angular frequencies, internal units; modes : float64 [m, 3 n], displacements for a
    unit of each normal coordinate, Angstrom amu^(1/2)
    """

    def __init__(self, potential, system):
        self.system = system
        n, root = system.n_atoms, np.repeat(np.sqrt(system.masses), 3)
        free = np.ones(3 * n, dtype=bool) if system.fixed is None else ~system.fixed.ravel()
        curved = force_constants(potential, system, free)
        weighted = curved / np.outer(root[free], root[free])
        basis = np.eye(int(np.count_nonzero(free)))
        whole = whole_motions(system, system.positions).reshape(-1, 3 * n)[:, free] * root[free]
        if len(whole):
            basis = np.linalg.qr(whole.T, mode="complete")[0][:, len(whole) :]
        self.squares, vectors = np.linalg.eigh(basis.T @ weighted @ basis)
        self.modes = np.zeros((len(self.squares), 3 * n))
        self.modes[:, free] = (basis @ vectors).T / root[free]

    def drawn(self, temperature: float, quantum: bool, rng):
        """The System displaced at random: normal coordinates Q are independent Gaussians with <Q^2> = k T / omega^2, or
        hbar / (2 omega) coth(hbar omega / (2 k T)) where `quantum`."""
        omega = np.sqrt(np.maximum(self.squares, (2e-3 * np.pi * SOFTEST / METAL.time) ** 2))
        thermal = METAL.boltzmann * temperature
        spread = thermal / omega**2
        if quantum:
            quantum_of = HBAR * METAL.time * omega
            spread = quantum_of / (2.0 * omega**2) / np.tanh(quantum_of / (2.0 * thermal))
        step = (np.sqrt(spread) * rng.normal(size=len(omega))) @ self.modes
        return moved(self.system, self.system.box, self.system.positions + step.reshape(-1, 3))


def force_constants(potential, system, free=None) -> np.ndarray:
    """d2E / dx dx float64 [m, m] of the free components, bool [3 n] (None: all), eV/Angstrom^2; symmetric."""
    free = np.ones(3 * system.n_atoms, dtype=bool) if free is None else free
    s, rows = system, []
    engine = Engine(potential, s.symbols, SKIN["metal"], units=s.units, looks=True)
    engine.place(s.box, s.positions, s.species, s.columns, s.masses, s.bonds, s.totals)
    for k in np.flatnonzero(free):
        sides = []
        for sign in (1.0, -1.0):
            x = s.positions.copy()
            x.ravel()[k] += sign * STEP
            engine.move(x)
            sides.append(engine.compute().forces.ravel()[free])
        rows.append((sides[1] - sides[0]) / (2.0 * STEP))
    rows = np.array(rows)
    return 0.5 * (rows + rows.T)
