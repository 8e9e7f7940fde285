"""How long does a quantity remember itself, and what do Green and Kubo make of that?

A transport coefficient is prefactor * integral of <A(0) A(t)> dt (M. S. Green, J. Chem. Phys. 22, 398 (1954); R. Kubo,
J. Phys. Soc. Jpn. 12, 570 (1957)). Where to end the integral: at the first time t that exceeds WINDOW times the
correlation time tau(t), the integral of the normalised function up to t (automatic windowing: A. Sokal, Monte Carlo
Methods in Statistical Mechanics, Lausanne 1989, section 3): later there is noise alone.
"""

from dataclasses import dataclass

import numpy as np

from mdcore.base.errors import InputError

WINDOW = 6.0
FFT_BYTES = 32e6  # of the transforms held at a time
FEWEST = 6  # rows before the end of the integral: fewer say that they were taken too seldom


@dataclass(frozen=True)
class Integral:
    """prefactor * integral of an autocorrelation; times in the unit of the interval.

    value, error : at `end`, and its standard error from blocks
    lags, correlation, running : float64 [lags], time, <A(0) A(t)>, the integral up to there; running_error from blocks
    """

    value: float
    error: float
    blocks: np.ndarray
    end: float
    lags: np.ndarray
    correlation: np.ndarray
    running: np.ndarray
    running_error: np.ndarray
    n_samples: int


def autocorrelation(series: np.ndarray, n_lags: int, weights=None) -> np.ndarray:
    """series [n, columns] -> [n_lags]: sum over columns of weights * the mean over time origins of a(k) a(k + lag)."""
    series = np.asarray(series, dtype=np.float64).reshape(len(series), -1)
    n = len(series)
    weights = np.ones(series.shape[1]) if weights is None else np.asarray(weights)
    size = 1 << (n + n_lags - 1).bit_length()  # room for zeros, so that nothing wraps around
    power = np.zeros(size // 2 + 1)
    step = max(1, int(FFT_BYTES / (16 * size)))
    for k in range(0, series.shape[1], step):
        spectrum = np.fft.rfft(series[:, k : k + step], n=size, axis=0)
        power += (spectrum.real**2 + spectrum.imag**2) @ weights[k : k + step]
    return np.fft.irfft(power, n=size)[:n_lags] / (n - np.arange(n_lags))


def running_integral(values: np.ndarray, interval: float) -> np.ndarray:
    """The trapezoidal rule from the first value up to each."""
    return np.concatenate([[0.0], np.cumsum(0.5 * (values[1:] + values[:-1]))]) * interval


def green_kubo(series, interval: float, prefactor: float = 1.0, blocks: int = 5, end: float | None = None) -> Integral:
    """The integral for the mean over the columns of `series` [n, columns], `interval` apart.

    blocks : the series is cut into so many; their scatter gives the error
    end : of the integral; None: as the module's title says

    InputError if there are too few samples, or if they were taken too seldom.
    """
    series = np.asarray(series, dtype=np.float64)
    length = len(series) // blocks
    n_lags = length // 2
    if n_lags < 2 * FEWEST:
        raise InputError(f"{len(series)} rows are too few for {blocks} blocks of {4 * FEWEST} or more: run longer")
    columns = series.shape[1]
    correlation = autocorrelation(series, n_lags) / columns
    running = prefactor * running_integral(correlation, interval)
    parts = np.array([autocorrelation(series[k * length : (k + 1) * length], n_lags) / columns for k in range(blocks)])
    parts = np.array([prefactor * running_integral(part, interval) for part in parts])
    last = _end(correlation, interval, end)
    error = parts.std(axis=0, ddof=1) / np.sqrt(blocks) if blocks > 1 else np.full(n_lags, np.nan)
    return Integral(
        float(running[last]), float(error[last]), parts[:, last], last * interval, np.arange(n_lags) * interval,
        correlation, running, error, len(series),
    )  # fmt: skip


def _end(correlation, interval: float, wanted: float | None) -> int:
    """The lag at which the integral ends; InputError."""
    lags = np.arange(len(correlation))
    if wanted is not None:
        last = round(wanted / interval)
        if not FEWEST <= last < len(lags):
            raise InputError(
                f"an integral up to {wanted:g} needs rows closer than {wanted / FEWEST:g} and blocks longer than "
                f"{2 * wanted:g}; rows are {interval:g} apart, half a block {len(lags) * interval:g}"
            )
        return last
    if not correlation[0] > 0.0:
        raise InputError("it is zero throughout")
    tau = running_integral(correlation / correlation[0], 1.0)
    closed = np.flatnonzero((lags > 0) & (lags >= WINDOW * tau))
    if not len(closed):
        raise InputError(
            f"correlations outlast half a block, {len(lags) * interval:g}: run longer, take fewer blocks, or say where "
            "the integral ends"
        )
    if closed[0] < FEWEST:
        raise InputError(
            f"it forgets within {closed[0] * interval:g}, and rows are {interval:g} apart: write them more often, so "
            f"that {FEWEST} or more fall into that time"
        )
    return int(closed[0])
