"""How far do atoms wander, and what is their diffusion coefficient?

D = lim 1/(2 d) d/dt <|r(t) - r(0)|^2> in d dimensions (Einstein relation; Allen and Tildesley,
Computer Simulation of Liquids, 2nd ed., 2017, eq. 2.122), averaged over atoms and all time origins by
FFT (Calandrini et al., Ecole thematique SFN 12, 201 (2011), section 4.2), with the motion of the centre
of mass removed. If the centre of mass itself diffuses (Langevin), that lowers D by a factor 1 - 1/N.
Periodic images lower D by 2.837 kB T / (6 pi viscosity L) (Yeh and Hummer, J. Phys. Chem. B 108, 15873
(2004)); this is not corrected.
"""

from dataclasses import dataclass

import numpy as np

from mdcore.base.errors import InputError

FFT_BYTES = 32e6  # of the transforms held at a time
TRACK_BYTES = 4e8  # of tracks held in memory; beyond, every k-th atom stands for all
MIN_LAGS = 3  # points of a fit


@dataclass(frozen=True)
class Diffusion:
    """A diffusion coefficient; lengths and times in the units of the input (metal: Angstrom, fs)."""

    coefficient: float  # length^2 / time
    error: float  # standard error, from blocks of the trajectory
    blocks: np.ndarray  # [blocks], coefficient of each
    lags: np.ndarray  # [frames // 2]
    msd: np.ndarray  # [frames // 2], mean square displacement
    msd_error: np.ndarray  # [frames // 2], standard error from the blocks; nan where lags are longer than a block
    window: tuple[float, float]  # lags between which the line was fitted
    slope: float  # of the line
    intercept: float
    n_frames: int
    n_atoms: int


def mean_square_displacement(tracks: np.ndarray) -> np.ndarray:
    """tracks [frames, n, d], unwrapped -> [frames], by lag: the mean over atoms and time origins.

    |r(k + m) - r(k)|^2 is expanded: the squares are running sums, the product a correlation (FFT).
    """
    tracks = np.asarray(tracks, dtype=np.float64)
    n_frames, n_atoms = tracks.shape[:2]
    columns = tracks.reshape(n_frames, -1)
    columns = columns - columns.mean(axis=0)  # smaller numbers lose fewer digits
    squares = np.einsum("ij,ij->i", columns, columns)
    size = 1 << (2 * n_frames - 1).bit_length()  # room for zeros, so that no track wraps around
    power = np.zeros(size // 2 + 1)
    step = max(1, int(FFT_BYTES / (16 * size)))
    for k in range(0, columns.shape[1], step):
        spectrum = np.fft.rfft(columns[:, k : k + step], n=size, axis=0)
        power += np.sum(spectrum.real**2 + spectrum.imag**2, axis=1)
    products = np.fft.irfft(power, n=size)[:n_frames]
    running = np.concatenate([[0.0], np.cumsum(squares)])
    lag = np.arange(n_frames)
    both = running[n_frames - lag] + running[-1] - running[lag]  # sum of |r(k)|^2 + |r(k + m)|^2
    msd = (both - 2.0 * products) / ((n_frames - lag) * n_atoms)
    msd[0] = 0.0
    return np.maximum(msd, 0.0)


def diffusion(tracks, interval: float, window=None, blocks: int = 5, unit: str = "") -> Diffusion:
    """The diffusion coefficient from unwrapped positions [frames, n, d], ``interval`` apart in time.

    window : (first, last) lag of the fit; default: the second quarter of a block of the trajectory, which
        leaves out the ballistic start and keeps lags of which a block holds many
    blocks : the trajectory is cut into so many; their scatter gives the error
    unit : of the interval, for messages

    Raises InputError if there are too few frames.
    """
    tracks, unit = np.asarray(tracks, dtype=np.float64), unit and f" {unit}"
    n_frames, n_atoms, dimensions = tracks.shape
    length = n_frames // blocks  # frames a block
    if window is None:
        window = (0.25 * (length - 1) * interval, 0.5 * (length - 1) * interval)
    if length < 2 * MIN_LAGS or not interval > 0.0:
        raise InputError(
            f"diffusion: {n_frames} frames are too few for {blocks} blocks of {2 * MIN_LAGS} or more: "
            "write frames more often, or run longer"
        )
    first, last = int(np.ceil(window[0] / interval - 1e-9)), int(window[1] / interval + 1e-9)
    if last - first + 1 < MIN_LAGS or last >= length or first < 0:
        raise InputError(
            f"diffusion: a fit over {window[0]:g} to {window[1]:g}{unit} needs at least {MIN_LAGS} lags, all "
            f"shorter than a block; there are {n_frames} frames, one every {interval:g}{unit}, in {blocks} blocks: "
            "write frames more often, or run longer"
        )
    fitted = slice(first, last + 1)
    lags = np.arange(n_frames) * interval

    def fit(msd):
        slope, intercept = np.polyfit(lags[fitted], msd[fitted], 1)
        return float(slope), float(intercept)

    curves = [mean_square_displacement(tracks[k * length : (k + 1) * length]) for k in range(blocks)]
    parts = np.array([fit(curve)[0] / (2 * dimensions) for curve in curves])
    msd = mean_square_displacement(tracks)
    slope, intercept = fit(msd)
    half = max(last + 1, n_frames // 2)
    error = np.full(half, np.nan)
    if blocks > 1:
        error[:length] = (np.std(curves, axis=0, ddof=1) / np.sqrt(blocks))[:half]
    return Diffusion(
        coefficient=slope / (2 * dimensions),
        error=float(np.std(parts, ddof=1) / np.sqrt(blocks)) if blocks > 1 else float("nan"),
        blocks=parts,
        lags=lags[:half],
        msd=msd[:half],
        msd_error=error,
        window=(first * interval, last * interval),
        slope=slope,
        intercept=intercept,
        n_frames=n_frames,
        n_atoms=n_atoms,
    )


def unwrapped(positions, images, matrix, masses, mean=None) -> np.ndarray:
    """positions [n, 3] inside the cell, images [n, 3] -> true positions [n, 3] from the centre of mass.

    masses : None, of some of the atoms: from the origin
    mean : of a cell that moves, the mean of its `matrix`: the path is that of the scaled coordinates in it. An atom
        that has crossed many cells does not jump with each breath of the cell then, as `images @ matrix` would
        (S. von Buelow, J. T. Bullerjahn, G. Hummer, J. Chem. Phys. 153, 021101 (2020))
    """
    true = positions + images @ matrix
    if mean is not None:
        true = true @ np.linalg.solve(matrix, mean)
    return true if masses is None else true - masses @ true / masses.sum()


def unbounded_axes(box) -> np.ndarray:
    """Orthonormal rows [d, 3] that span the periodic directions, along which atoms can diffuse.

    d = 3 of a bulk system, 2 of a slab, 1 of a wire, 0 of a cluster.
    """
    vectors = box.matrix[list(box.periodic)]
    if len(vectors) == 3:
        return np.eye(3)
    return np.linalg.qr(vectors.T)[0].T
