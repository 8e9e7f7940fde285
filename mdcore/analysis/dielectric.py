"""What do the fluctuations of the dipole moment in a thermo log say of the static dielectric constant?

    eps = eps_inf + (<M^2> - <M>^2) / (3 eps_0 V k T)

of a periodic cell in a conductor, which is what Ewald's sum without a surface term is, and a network potential that was
trained on it (M. Neumann, Mol. Phys. 50, 841 (1983)). eps_inf, of the electrons, is 1 + alpha / (eps_0 V) where the log
has polarizabilities, of which it is taken that they answer to the field in the cell; else 1. The error is that of a
jackknife: the run is cut into blocks, and each is left out once. The fluctuations of a dipole moment are slow, in water
about 10 ps: what a run of few times that says is no more than an order of magnitude.
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from mdcore.analysis.correlation import autocorrelation, running_integral
from mdcore.analysis.transport import interval_of
from mdcore.base.errors import InputError
from mdcore.base.units import COULOMB, UnitSystem

DIPOLE = tuple(f"dipole_{axis}" for axis in "xyz")
POLARIZABILITY = tuple(f"polarizability_{axis}" for axis in ("xx", "yy", "zz", "yz", "xz", "xy"))
FEWEST = 4  # rows of a block
POINTS = 400  # of the curve against time


@dataclass(frozen=True)
class Dielectric:
    """constant, error; high_frequency : eps_inf, of the polarizabilities or 1
    times, running : float64 [n], the constant of the run up to there; correlation_time : of the dipole moment, fs; nan
    if it outlasts half the run; samples : rows of the log; length : of the run, fs
    """

    constant: float
    error: float
    high_frequency: float
    times: np.ndarray
    running: np.ndarray
    correlation_time: float
    n_samples: int
    length: float


def series(log: dict, names, what: str) -> np.ndarray:
    """float64 [rows, n]: columns of a log; InputError if they are not there."""
    if any(name not in log for name in names):
        raise InputError(
            f'the log has no {what}; a [[potential]] with type = "tensors" puts it there, from a network trained for it'
        )
    found = np.stack([np.asarray(log[name], dtype=np.float64) for name in names], axis=1)
    if not np.isfinite(found).all():
        raise InputError(f"the {what} is not known in all rows of the log")
    return found


def dielectric(log: dict, volume: float, units: UnitSystem, blocks: int = 5) -> Dielectric:
    """Of the rows of a log (`Trajectory.thermo()`) at equal intervals, metal units; InputError."""
    dipole = series(log, DIPOLE, "dipole moment")
    interval = interval_of(log)
    n = len(dipole)
    if n < FEWEST * blocks:
        raise InputError(f"{n} rows are too few for {blocks} blocks of {FEWEST} or more: run longer")
    electrons = 1.0
    if all(name in log for name in POLARIZABILITY):
        electrons += 4.0 * np.pi * float(series(log, POLARIZABILITY, "polarizability")[:, :3].mean()) / volume
    factor = 4.0 * np.pi * COULOMB / (3.0 * volume * units.boltzmann * float(np.mean(log["temperature"])))
    dipole = dipole - dipole.mean(axis=0)  # against rounding: the variance does not know it
    squares, sums, counts = np.cumsum((dipole**2).sum(axis=1)), np.cumsum(dipole, axis=0), np.arange(1, n + 1)
    running = factor * (squares / counts - ((sums / counts[:, None]) ** 2).sum(axis=1))
    cuts = np.linspace(0, n, blocks + 1).round().astype(int)
    left = np.array([_variance(np.delete(dipole, np.s_[a:b], axis=0)) for a, b in pairwise(cuts)])
    error = factor * np.sqrt((blocks - 1) * np.mean((left - left.mean()) ** 2))
    shown = np.unique(np.linspace(0, n - 1, min(n, POINTS)).round().astype(int))
    return Dielectric(
        electrons + factor * _variance(dipole), float(error), electrons, shown * interval, electrons + running[shown],
        correlation_time(dipole, interval), n, (n - 1) * interval,
    )  # fmt: skip


def _variance(dipole: np.ndarray) -> float:
    return float(np.mean((dipole**2).sum(axis=1)) - (dipole.mean(axis=0) ** 2).sum())


def correlation_time(dipole: np.ndarray, interval: float) -> float:
    """The integral of the normalised autocorrelation up to its first zero; nan if there is none within half the run."""
    found = autocorrelation(dipole, max(2, len(dipole) // 2))
    below = np.flatnonzero(found <= 0.0)
    if not len(below) or not found[0] > 0.0:
        return float("nan")
    return float(running_integral(found[: below[0] + 1] / found[0], interval)[-1])
