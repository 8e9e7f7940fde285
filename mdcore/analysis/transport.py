"""What do the fluctuations in a thermo log say of viscosity and thermal conductivity (Green-Kubo)?

Viscosity: V / kT * integral of <P(0) P(t)>, the mean over the five independent parts of the traceless pressure
tensor, P_xy, P_xz, P_yz, (P_xx - P_yy) / 2, (P_yy - P_zz) / 2 (D. Alfe, M. J. Gillan, Phys. Rev. Lett. 81, 5161
(1998)): of a liquid. Conductivity: 1 / (V k T^2) * integral of <J_a(0) J_a(t)>, the mean over x, y, z; J of
`mdcore/dynamics/view.py`, right for potentials of many atoms. Of mixtures that flow J lacks the partial enthalpies:
it is no conductivity then.
"""

import numpy as np

from mdcore.analysis.correlation import Integral, green_kubo
from mdcore.base.errors import InputError
from mdcore.base.units import UnitSystem

MPA_S = 1e-3  # one GPa fs in mPa s
W_PER_M_K = 1.602176634e6  # one eV / (fs Angstrom K) in W/(m K)
AXES = tuple(f"heat_current_{x}" for x in "xyz")


def unit_of(what: str, units: UnitSystem) -> str:
    """Of "viscosity", "conductivity"."""
    metal, lj = ("mPa s", "W/(m K)"), ("epsilon tau/sigma^3", "kB/(sigma tau)")
    return (metal if units.name == "metal" else lj)[what == "conductivity"]


def viscosity(log: dict, volume: float, units: UnitSystem, blocks: int = 5, end=None) -> Integral:
    """Of the rows of a log (`Trajectory.thermo()`) at equal intervals, in mPa s (lj: reduced); InputError."""
    xx, yy, zz, yz, xz, xy = np.asarray(log["stress"], dtype=np.float64).T
    parts = np.stack([xy, xz, yz, 0.5 * (xx - yy), 0.5 * (yy - zz)], axis=1)
    if not np.isfinite(parts).all():
        raise InputError("the stress is not known")
    heat = units.boltzmann * float(np.mean(log["temperature"]))
    scale = MPA_S if units.name == "metal" else 1.0
    return green_kubo(parts, interval_of(log), volume * units.pressure / heat * scale, blocks, end)


def conductivity(log: dict, volume: float, units: UnitSystem, blocks: int = 5, end=None) -> Integral:
    """Likewise, in W/(m K) (lj: reduced)."""
    if AXES[0] not in log:
        raise InputError('the log has no heat current; ask for it: [output] thermo_columns = ["time", "heat_current"]')
    current = np.stack([log[name] for name in AXES], axis=1)
    temperature = float(np.mean(log["temperature"]))
    scale = W_PER_M_K if units.name == "metal" else 1.0
    return green_kubo(current, interval_of(log), scale / (volume * units.boltzmann * temperature**2), blocks, end)


def interval_of(log: dict) -> float:
    """The time between rows; InputError if there are few, or if it varies."""
    steps = np.diff(log["time"])
    if not len(steps) or not np.allclose(steps, steps[0], rtol=1e-6, atol=0.0):
        raise InputError("rows of the log are at uneven intervals: analyse one stage (--first, --last)")
    return float(steps[0])
