"""How do velocities remember themselves, and at which frequencies do atoms vibrate?

c(t) = sum_i m_i <v_i(0) v_i(t)> / sum_i m_i <v_i^2>, without the motion of the centre of mass; the spectrum g(f) = 4
integral of c(t) cos(2 pi f t) dt, whose integral over f is 1 (J. M. Dickey, A. Paskin, Phys. Rev. 188, 1407 (1969)):
the density of states of a harmonic crystal; g(0) is proportional to the diffusion coefficient. c is faded out by
cos^2 up to the last lag, which is what limits the resolution. Partial spectra of species add up.
"""

from dataclasses import dataclass

import numpy as np

from mdcore.analysis.correlation import autocorrelation
from mdcore.base.errors import InputError

FEWEST = 8  # lags


@dataclass(frozen=True)
class Vibrations:
    """lags, vacf, vacf_error float64 [lags]; frequencies, spectrum, spectrum_error [f]; by_species: {name: [f]};
    peak : frequency at which the spectrum is highest; peak_error from blocks; resolution : 1 / last lag"""

    lags: np.ndarray
    vacf: np.ndarray
    vacf_error: np.ndarray
    frequencies: np.ndarray
    spectrum: np.ndarray
    spectrum_error: np.ndarray
    by_species: dict[str, np.ndarray]
    peak: float
    peak_error: float
    resolution: float
    n_frames: int


def vibrations(velocities, masses, interval: float, species=None, symbols=("all",), blocks: int = 5) -> Vibrations:
    """From velocities [frames, n, 3], `interval` apart, without the centre of mass's; masses [n]. InputError."""
    n_frames, n_atoms, _ = velocities.shape
    species = np.zeros(n_atoms, dtype=int) if species is None else np.asarray(species)
    length = n_frames // blocks
    n_lags = length // 2
    if n_lags < FEWEST:
        raise InputError(
            f"vibrations: {n_frames} frames are too few for {blocks} blocks of {2 * FEWEST} or more: write frames more "
            "often, or run longer"
        )
    weights = np.repeat(np.asarray(masses, dtype=np.float64), 3)

    def curves(part):
        """[species, lags]"""
        found = []
        for k in range(len(symbols)):
            mine = species == k
            found.append(autocorrelation(part[:, mine], n_lags, weights[np.repeat(mine, 3)]))
        return np.array(found) / sum(curve[0] for curve in found)

    whole = curves(velocities)
    parts = [curves(velocities[k * length : (k + 1) * length]).sum(axis=0) for k in range(blocks)]
    frequencies, partial = spectrum(whole, interval)
    spectra = np.array([spectrum(part[None], interval)[1][0] for part in parts])
    total = partial.sum(axis=0)
    peaks = frequencies[spectra.argmax(axis=1)]

    def error(values):
        return np.std(values, axis=0, ddof=1) / np.sqrt(blocks) if blocks > 1 else np.full(np.shape(values)[1:], np.nan)

    return Vibrations(
        lags=np.arange(n_lags) * interval,
        vacf=whole.sum(axis=0),
        vacf_error=error(parts),
        frequencies=frequencies,
        spectrum=total,
        spectrum_error=error(spectra),
        by_species=dict(zip(symbols, partial, strict=True)) if len(symbols) > 1 else {},
        peak=float(frequencies[total.argmax()]),
        peak_error=float(error(peaks)),
        resolution=1.0 / (n_lags * interval),
        n_frames=n_frames,
    )


def spectrum(curves: np.ndarray, interval: float) -> tuple[np.ndarray, np.ndarray]:
    """(frequencies [f], [curves, f]) of functions of the lag [curves, lags]."""
    n = curves.shape[1]
    faded = curves * np.cos(0.5 * np.pi * np.arange(n) / n) ** 2
    size = 4 * n
    half = np.fft.rfft(faded, n=size, axis=1).real - 0.5 * faded[:, :1]  # the first point counts half
    return np.fft.rfftfreq(size, interval), 4.0 * interval * half
