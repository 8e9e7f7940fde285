"""What is a disagreement of members worth? As an error of forces, in eV/Angstrom.

A committee's members have the same data and the same form, so they agree better with each other than with the truth.
The cure is a factor a species (F. Musil et al., J. Chem. Theory Comput. 15, 906 (2019); G. Imbalzano et al., J. Chem.
Phys. 154, 074102 (2021), who scale the members' deviations from their mean): that by which 68.27 % of the true errors
|F - F_true| are within one calibrated sigma. A quantile, not a mean square, for a few wild atoms must not decide.
Where there are few data the factor of a species tends to that of all, and that of all to one.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from mdcore.base.errors import InputError
from mdcore.figures import COLORS, INK, SMALL, logarithmic, plain, save, small

WITHIN = 0.6827  # of errors within one sigma
LIKE_ALL, LIKE_ONE = 50.0, 2.0  # atoms that what is expected beforehand counts as; of one little is expected
SHARE = 3.0  # of what a potential says of itself, to one of what is known of those before
KNOWN = 20.0  # atoms that what is known of those before counts as, at least
WIDER = 1.05  # factors scatter from one potential to the next, so with the likeliest one too few errors are within
LEAST = 1e-12  # eV/Angstrom
MOST_POINTS = 5000  # of a species in the picture


@dataclass(frozen=True)
class Calibration:
    """Factors from disagreement to error.

    factors : {species: factor}; overall : of species without data
    coverage : share of the errors that it was fitted to within one sigma, of each species and, under "", of all
    rank_correlation : Spearman's, of sigma and error, of all atoms; n : how many they are
    """

    factors: dict[str, float]
    overall: float
    coverage: dict[str, float]
    rank_correlation: float
    n: int

    def apply(self, disagreement, species) -> np.ndarray:
        """Sigma float64 [n], eV/Angstrom, of disagreements [n] about atoms of species [n]."""
        factors = np.array([self.factors.get(name, self.overall) for name in np.asarray(species).tolist()])
        return factors * np.asarray(disagreement, dtype=np.float64)


def fit(disagreements, errors, species) -> Calibration:
    """The calibration of disagreements by true errors |F - F_true|, eV/Angstrom, of atoms of species.

    Each is [n], or a list of such, one a structure. InputError for lengths that differ, or numbers that are none.
    """
    sigma, error, names = joined(disagreements, errors, species)
    ratios = error / np.maximum(sigma, LEAST)
    overall = _shrunk(ratios, 0.0, LIKE_ONE)
    factors = {
        name: float(np.exp(_shrunk(ratios[names == name], overall, LIKE_ALL))) for name in sorted(set(names.tolist()))
    }
    made = Calibration(factors, float(np.exp(overall)), {}, rank_correlation(sigma, error), len(sigma))
    return replace(made, coverage=coverage(made.apply(sigma, names), error, names))


def updated(before: Sequence[Calibration], disagreements, errors, species) -> Calibration:
    """That of a potential which nobody has judged yet. before : those found of earlier ones, at least one
    disagreements, errors, species : as of `fit`, of this potential about the last structures it was given

    Three quarters of the logarithm of a factor are from these, of which most were trained on; less if they are few. One
    quarter is what judgements have found so far, on the average. All are then WIDER. Chosen by what was within one
    sigma of structures of the next generation (docs/learn.md).
    """
    sigma, error, names = joined(disagreements, errors, species)
    ratios, factors = error / np.maximum(sigma, LEAST), {}
    expected = float(np.mean(np.log([own.overall for own in before])))
    overall = _shrunk(ratios, expected, max(len(ratios) / SHARE, KNOWN))
    for name in sorted({*names.tolist(), *(name for own in before for name in own.factors)}):
        own = ratios[names == name]
        usual = float(np.mean(np.log([each.factors.get(name, each.overall) for each in before])))
        factors[name] = WIDER * float(np.exp(_shrunk(own, usual, max(len(own) / SHARE, KNOWN))))
    made = Calibration(factors, WIDER * float(np.exp(overall)), {}, rank_correlation(sigma, error), len(sigma))
    return replace(made, coverage=coverage(made.apply(sigma, names), error, names))


def joined(disagreements, errors, species) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(disagreements, errors float64 [n], species str [n]) of all atoms; InputError."""
    sigma, error = (_flat(values, np.float64) for values in (disagreements, errors))
    names = _flat(species, str)
    if not len(sigma) == len(error) == len(names):
        raise InputError(
            f"calibration: {len(sigma)} disagreements, {len(error)} errors and {len(names)} species; expected as many"
        )
    for what, values in (("disagreements", sigma), ("errors", error)):
        if not (np.isfinite(values).all() and (values >= 0.0).all()):
            raise InputError(f"calibration: {what}: expected finite numbers >= 0")
    return sigma, error, names


def coverage(sigma, errors, species) -> dict[str, float]:
    """Share of the errors [n] within sigma [n], of each species and, under "", of all; nan without atoms."""
    inside, names = np.asarray(errors) <= np.asarray(sigma), np.asarray(species)
    found = {name: float(inside[names == name].mean()) for name in sorted(set(names.tolist()))}
    return {"": float(inside.mean()) if len(inside) else float("nan"), **found}


def rank_correlation(a, b) -> float:
    """Spearman's coefficient of a and b [n]: the correlation of their ranks, of equals the mean; nan where one is
    constant."""
    ranks = [_ranks(np.asarray(values, dtype=np.float64)) for values in (a, b)]
    if len(ranks[0]) < 2 or min(np.ptp(own) for own in ranks) == 0.0:
        return float("nan")
    return float(np.corrcoef(*ranks)[0, 1])


def draw(path, calibration: Calibration, disagreements, errors, species, title: str = "") -> None:
    """A picture: error over calibrated sigma of each atom; how many errors are within one sigma stands beside each
    species. OutputError; MissingMatplotlib."""
    sigma, error, names = joined(disagreements, errors, species)
    sigma = np.maximum(calibration.apply(sigma, names), LEAST)
    picture, axes = small(5.2, 4.2)
    for k, name in enumerate(sorted(set(names.tolist()))):
        rows, factor = np.flatnonzero(names == name), calibration.factors.get(name, calibration.overall)
        shown = rows[:: max(1, len(rows) // MOST_POINTS)]
        within = 100.0 * np.mean(error[rows] <= sigma[rows])
        axes.loglog(
            sigma[shown], np.maximum(error[shown], LEAST), ".", ms=3, color=COLORS[k % len(COLORS)], alpha=0.5,
            rasterized=True, label=f"{name}: {len(rows)} atoms, factor {factor:.3g}, {within:.0f} % within",
        )  # fmt: skip
    ends = [sigma.min(initial=np.inf), sigma.max(initial=0.0)]
    if ends[0] <= ends[1]:
        axes.loglog(ends, ends, color=INK, lw=1)
    logarithmic(axes.xaxis, axes.yaxis)
    axes.set_xlabel("sigma: calibrated disagreement (eV/Å)", color=INK)
    axes.set_ylabel("error of the force (eV/Å)", color=INK)
    if len(names):
        axes.legend(frameon=False, fontsize=9)
    plain(axes)
    save(path, picture, title, dpi=SMALL)


def _shrunk(ratios: np.ndarray, expected: float, count: float) -> float:
    """The logarithm of the quantile of the ratios, which tends to what is expected where there are few."""
    n = len(ratios)
    if not n:
        return expected
    own = np.log(max(float(np.quantile(ratios, WITHIN)), LEAST))
    return (n * own + count * expected) / (n + count)


def _flat(values, kind) -> np.ndarray:
    values = list(values)
    if values and np.ndim(values[0]) == 1:
        return np.concatenate([np.asarray(own, dtype=kind) for own in values])
    return np.asarray(values, dtype=kind).reshape(len(values))


def _ranks(values: np.ndarray) -> np.ndarray:
    _, which, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    return (last - 0.5 * (counts - 1))[which]
