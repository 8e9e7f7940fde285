"""Is a calibrated disagreement worth what it says?"""

import numpy as np
import pytest

from mdcore.base.errors import InputError
from mdcore.learn import calibration
from mdcore.learn.calibration import fit

TRUE = {"O": 3.0, "H": 0.4}


def drawn(n, seed):
    """Disagreements over two decades, and errors that are normal, with sigma = factor times disagreement for one of
    68 %."""
    rng = np.random.default_rng(seed)
    species = np.array(["O", "H"])[rng.integers(0, 2, n)]
    disagreement = 10.0 ** rng.uniform(-2.0, 0.0, n)
    factor = np.array([TRUE[name] for name in species])
    return disagreement, np.abs(rng.normal(size=n)) * factor * disagreement, species


def test_factors_are_found_and_hold_for_others():
    found, (sigma, error, species) = fit(*drawn(4000, 1)), drawn(4000, 2)
    assert found.factors == pytest.approx(TRUE, rel=0.05) and found.n == 4000
    inside = calibration.coverage(found.apply(sigma, species), error, species)
    assert inside == pytest.approx({"": 0.683, "O": 0.683, "H": 0.683}, abs=0.03)
    assert found.coverage == pytest.approx(inside, abs=0.03)
    assert found.apply([2.0], ["C"]) == pytest.approx([2.0 * found.overall])
    assert 0.4 < found.rank_correlation < 0.9


def test_lists_of_structures_are_taken_too():
    sigma, error, species = drawn(90, 3)
    parts = [np.split(values, [20, 50]) for values in (sigma, error, species)]
    assert fit(*parts) == fit(sigma, error, species)


def test_few_data_change_little():
    """Of a species with two atoms the factor is nearly that of all, and without any data it is one."""
    sigma, error, species = drawn(2000, 4)
    many = fit(sigma, error, species)
    more = fit(np.append(sigma, [1.0, 1.0]), np.append(error, [90.0, 90.0]), np.append(species, ["C", "C"]))
    assert more.factors["C"] == pytest.approx(more.overall * (90.0 / more.overall) ** (2 / 52), rel=1e-6)
    assert more.factors["O"] == pytest.approx(many.factors["O"], rel=0.01)
    none = fit([], [], [])
    assert none.overall == 1.0 and none.factors == {} and np.isnan(none.rank_correlation) and none.n == 0


def test_of_a_potential_that_nobody_has_judged():
    """Three quarters of a logarithm are from what it says itself, a quarter from judgements so far; less of it if it
    says little. Factors are WIDER than that."""
    wider = calibration.WIDER
    before = [fit(*drawn(4000, 1)), fit(np.array([1.0] * 4000), np.array([3.0] * 4000), np.array(["O"] * 4000))]
    usual = {"O": 3.0, "H": (0.4 * 3.0) ** 0.5}  # the second one knows no hydrogen
    sigma, error, species = drawn(600, 6)
    found = calibration.updated(before, sigma, 16.0 * error, species)
    expected = {name: wider * (16.0 * TRUE[name]) ** 0.75 * usual[name] ** 0.25 for name in TRUE}
    assert found.factors == pytest.approx(expected, rel=0.1) and found.n == 600
    few = calibration.updated(before[:1], [1.0], [90.0], ["O"])
    known = {name: wider * factor for name, factor in before[0].factors.items()}
    expected = known["O"] * (90.0 / before[0].factors["O"]) ** (1 / 21)
    assert few.factors == pytest.approx(known | {"O": expected})
    none = calibration.updated(before[:1], [], [], [])
    assert none.factors == pytest.approx(known) and none.overall == pytest.approx(wider * before[0].overall)


def test_small_generations_that_scatter():
    """Twelve generations of six structures, nine atoms each; the factor of a potential scatters about two, structures
    about it. Over many campaigns as many errors are within one sigma as should be: each factor is fitted to its own
    potential's last structures and to what was found before, and nothing draws it to one."""
    rng = np.random.default_rng(7)
    shares = []
    for _ in range(40):
        before, inside = [], []
        for _ in range(12):
            factor = 2.0 * np.exp(0.15 * rng.normal())
            seen, fresh = few_structures(rng, factor), few_structures(rng, factor)
            if before:
                made = calibration.updated(before, *seen)
                inside.append(calibration.coverage(made.apply(fresh[0], fresh[2]), fresh[1], fresh[2])[""])
            before.append(fit(*fresh))
        shares.append(np.mean(inside))
    assert np.mean(shares) == pytest.approx(calibration.WITHIN, abs=0.02)
    assert np.mean(np.abs(np.array(shares) - calibration.WITHIN) < 0.07) > 0.9


def few_structures(rng, factor):
    """Disagreements, errors and species of six structures that scatter by 0.35 in logarithm."""
    own = factor * np.exp(np.repeat(0.35 * rng.normal(size=6), 9))
    disagreement = 10.0 ** rng.uniform(-2.0, 0.0, 54)
    return disagreement, np.abs(rng.normal(size=54)) * own * disagreement, np.array(["O", "H", "H"] * 18)


def test_rank_correlation():
    stats = pytest.importorskip("scipy.stats")
    rng = np.random.default_rng(5)
    a = rng.integers(0, 20, 300).astype(float)
    b = a + rng.normal(scale=8.0, size=300).round()
    assert calibration.rank_correlation(a, b) == pytest.approx(stats.spearmanr(a, b).statistic, abs=1e-12)
    assert calibration.rank_correlation([1, 2, 3, 4], [1, 8, 27, 64]) == pytest.approx(1.0)
    assert np.isnan(calibration.rank_correlation([1, 1, 1], [1, 2, 3]))


def test_what_makes_no_sense_is_refused():
    with pytest.raises(InputError, match="3 disagreements, 2 errors and 3 species"):
        fit([1.0, 1.0, 1.0], [1.0, 2.0], ["H"] * 3)
    with pytest.raises(InputError, match="errors: expected finite numbers >= 0"):
        fit([1.0], [-1.0], ["H"])


def test_picture(tmp_path):
    pytest.importorskip("matplotlib")
    data = drawn(300, 6)
    calibration.draw(tmp_path / "calibration.png", fit(*data), *data, title="Generation 3")
    assert (tmp_path / "calibration.png").stat().st_size > 10_000
