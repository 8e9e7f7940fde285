"""What do dipole moment and polarizability in a thermo log say of infrared and Raman spectra?

Infrared, the absorption coefficient alpha times the refractive index n, with the harmonic quantum correction (R.
Ramirez, T. Lopez-Ciudad, P. Kumar, D. Marx, J. Chem. Phys. 121, 3973 (2004)):

    n alpha(w) = 1 / (6 eps_0 c V k T)  integral of <dM/dt(0) . dM/dt(t)> exp(-i w t) dt

Raman, of the mean and of the traceless part beta of the polarizability A, reduced (without what thermal occupation and
the fourth power of the frequency make of an intensity; G. M. Sommers et al., Phys. Chem. Chem. Phys. 22, 10592 (2020)):

    isotropic(w)   = hbar w / kT  integral of <a(0) a(t)> exp(-i w t) dt,     a = tr A / 3, without its mean
    anisotropic(w) = hbar w / kT  integral of 2/15 <tr beta(0) beta(t)> exp(-i w t) dt

(both polarizations parallel: their sum; crossed: 3/4 of the second). Correlations are faded out by cos^2 up to the last
lag, as those of velocities (vibrations.py): 1 over that is the resolution. dM/dt is a difference of rows, divided by
what taking it does to a vibration of each frequency.
"""

from dataclasses import dataclass

import numpy as np

from mdcore.analysis.correlation import autocorrelation
from mdcore.analysis.dielectric import DIPOLE, POLARIZABILITY, series
from mdcore.analysis.transport import interval_of
from mdcore.analysis.vibrations import FEWEST, spectrum
from mdcore.base.errors import InputError
from mdcore.base.units import COULOMB, HBAR, UnitSystem

LIGHT = 2997.92458  # speed of light, Angstrom/fs, exact
WAVENUMBER = 1e8 / LIGHT  # one 1/fs in 1/cm
PER_CM = 1e8  # one 1/Angstrom in 1/cm
SYMMETRIC = np.array([1.0, 1.0, 1.0, 2.0, 2.0, 2.0])


@dataclass(frozen=True)
class Spectrum:
    """frequencies float64 [f], 1/cm; curves, errors : {name: [f]}, errors from blocks; peak, peak_error : where the
    sum of the curves is highest, 1/cm; resolution, farthest : 1/cm; n_samples : rows of the log"""

    frequencies: np.ndarray
    curves: dict[str, np.ndarray]
    errors: dict[str, np.ndarray]
    peak: float
    peak_error: float
    resolution: float
    farthest: float
    n_samples: int


def infrared(log: dict, volume: float, units: UnitSystem, blocks: int = 5) -> Spectrum:
    """n alpha in 1/cm, of the rows of a log (`Trajectory.thermo()`) at equal intervals, metal units; InputError."""
    dipole, interval = series(log, DIPOLE, "dipole moment"), interval_of(log)
    heat = units.boltzmann * float(np.mean(log["temperature"]))
    factor = np.pi * COULOMB / (3.0 * LIGHT * volume * heat) * PER_CM  # of 4 times the integral from 0 on
    flow = np.diff(dipole, axis=0) / interval

    def curves(part, n_lags):
        frequencies, found = spectrum(autocorrelation(part, n_lags)[None], interval)
        return frequencies, {"infrared": factor * found[0] / np.sinc(frequencies * interval) ** 2}

    return _of_blocks(flow, interval, blocks, curves)


def raman(log: dict, units: UnitSystem, blocks: int = 5) -> Spectrum:
    """The reduced spectra "isotropic" and "anisotropic", Angstrom^6 fs of the whole, likewise."""
    own, interval = series(log, POLARIZABILITY, "polarizability"), interval_of(log)
    mean = own[:, :3].mean(axis=1)
    beta = own - mean[:, None] * np.array([1.0, 1.0, 1.0, 0.0, 0.0, 0.0])
    both = np.concatenate([mean[:, None], beta], axis=1)
    both -= both.mean(axis=0)
    heat = units.boltzmann * float(np.mean(log["temperature"]))
    weights = {"isotropic": np.array([1.0, *(0.0 * SYMMETRIC)]), "anisotropic": np.array([0.0, *(2 / 15 * SYMMETRIC)])}

    def curves(part, n_lags):
        correlations = np.array([autocorrelation(part, n_lags, own) for own in weights.values()])
        frequencies, found = spectrum(correlations, interval)
        found = found * np.pi * frequencies * HBAR / heat  # hbar w / kT, of half of 4 times the integral from 0 on
        return frequencies, dict(zip(weights, found, strict=True))

    return _of_blocks(both, interval, blocks, curves)


def _of_blocks(rows: np.ndarray, interval: float, blocks: int, curves) -> Spectrum:
    """curves(rows, n_lags) of all rows, and the scatter of those of blocks."""
    n = len(rows)
    length = n // blocks
    n_lags = length // 2
    if n_lags < FEWEST:
        raise InputError(f"{n} rows are too few for {blocks} blocks of {2 * FEWEST} or more: run longer")
    frequencies, whole = curves(rows, n_lags)
    parts = [curves(rows[k * length : (k + 1) * length], n_lags)[1] for k in range(blocks)]
    errors = {name: np.std([part[name] for part in parts], axis=0, ddof=1) / np.sqrt(blocks) for name in whole}
    peaks = [frequencies[np.argmax(sum(part.values()))] for part in parts]
    return Spectrum(
        WAVENUMBER * frequencies, whole, errors, float(WAVENUMBER * frequencies[np.argmax(sum(whole.values()))]),
        float(WAVENUMBER * np.std(peaks, ddof=1) / np.sqrt(blocks)), WAVENUMBER / (n_lags * interval),
        WAVENUMBER / (2.0 * interval), n,
    )  # fmt: skip
