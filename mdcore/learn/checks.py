"""Can these labels be right? Looked at before they enter a training set.

Sizes and numbers; forces that add up to nothing, as they do without an external field; and, where there are labelled
structures to compare with, forces that are not beyond all of theirs, and energies an atom, of which one must know more.
"""

from dataclasses import dataclass

import numpy as np

from mdcore.learn.base import Labels

LEAST = 10  # labelled structures from which something can be said of energies
UNITS = "; are these the oracle's units?"
ENERGY, FORCE = 1.0, 30.0  # eV an atom, eV/Angstrom: nothing nearer to what is known is refused


@dataclass(frozen=True, eq=False)
class Known:
    """What labelled structures are like.

    shares : {species: eV}, of an atom, by least squares, {} of too few structures; spread : eV an atom, what is left,
    by the median; force : the largest on an atom, eV/Angstrom
    """

    shares: dict[str, float]
    spread: float
    force: float

    @classmethod
    def of(cls, systems) -> "Known | None":
        """systems : System with "energy" and "forces" in info; None if there are none."""
        data = [s for s in systems if "energy" in s.info and "forces" in s.info]
        if not data:
            return None
        force = float(max(np.linalg.norm(s.info["forces"], axis=1).max() for s in data))
        symbols = sorted({name for s in data for name in s.names})
        if len(data) < LEAST + len(symbols):
            return cls({}, 0.0, force)
        counts = np.array([[s.names.count(name) for name in symbols] for s in data], dtype=np.float64)
        n = counts.sum(axis=1)
        energies = np.array([float(s.info["energy"]) for s in data]) / n
        shares, *_ = np.linalg.lstsq(counts / n[:, None], energies, rcond=1e-8)
        left = np.abs(energies - counts / n[:, None] @ shares)
        return cls(dict(zip(symbols, shares.tolist(), strict=True)), 1.4826 * float(np.median(left)), force)

    def complaint(self, system, labels: Labels, times: float) -> str:
        """What is beyond `times` what is known, or nothing; of species that are not known nothing is said."""
        largest = float(np.linalg.norm(labels.forces, axis=1).max())
        if largest > max(times * self.force, FORCE):
            return (
                f"a force of {largest:.3g} eV/Angstrom; the largest among labelled structures is "
                f"{self.force:.3g}{UNITS}"
            )
        if all(name in self.shares for name in system.symbols):
            off = (labels.energy - sum(self.shares[name] for name in system.names)) / system.n_atoms
            if abs(off) > max(times * self.spread, ENERGY):
                return (
                    f"its energy is {off:+.3g} eV an atom off what labelled structures lead to expect, whose "
                    f"own spread is {self.spread:.2g}{UNITS}"
                )
        return ""


def complaint(system, labels, net_force: float = 0.0, known: Known | None = None, times: float = 0.0) -> str:
    """What is wrong with the labels of a structure, or nothing.

    net_force : eV/Angstrom an atom, how far forces may be from adding up to zero; 0: not looked at
    known, times : see Known; 0: not looked at
    """
    n = system.n_atoms
    if not isinstance(labels, Labels):
        return f"an oracle returns Labels, not {type(labels).__name__}"
    forces = np.asarray(labels.forces)
    if forces.shape != (n, 3):
        return f"forces are {list(forces.shape)} for {n} atoms"
    if labels.stress is not None and np.shape(labels.stress) != (3, 3):
        return f"stress is {list(np.shape(labels.stress))}; expected [3, 3] or None"
    for name, values in (("energy", labels.energy), ("forces", forces), ("stress", labels.stress)):
        try:
            finite = values is None or bool(np.isfinite(np.asarray(values, dtype=np.float64)).all())
        except (TypeError, ValueError):
            finite = False
        if not finite:
            return f"{name}: not finite numbers"
    net = float(np.abs(forces.sum(axis=0)).max()) / n
    if net_force and net > net_force:
        return (
            f"forces add up to {net:.3g} eV/Angstrom an atom, more than net_force = {net_force:g}: is the calculation "
            "converged, and without external fields?"
        )
    return known.complaint(system, labels, times) if known and times else ""
