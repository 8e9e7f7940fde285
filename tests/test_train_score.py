"""Is a trained epoch the best one, whatever the labels are that offsets alone fit?"""

import h5py
import numpy as np
import pytest

from mdcore.cli import main
from mdcore.cli.epochs import best
from mdcore.training.fit import Fit, Stage
from mdcore.training.regression import Errors
from mdcore.training.score import Floors, floors
from tests.test_train_cli import INPUT, Scripted, folder  # noqa: F401  (a fixture)
from tests.test_train_optimisers import small

NAN = float("nan")
SHORT = INPUT[: INPUT.index("[loss]")].replace("0.2", "0").replace("keep = 10", "keep = 10\nrare = 0")


@pytest.mark.parametrize("kind", ["kalman", "adam", "lbfgs"])
def test_two_compositions(kind, folder, capsys):  # noqa: F811
    """Offsets fit both energies, so their error is next to nothing at the start, and never again."""
    text = (folder / "data.xyz").read_text().splitlines(keepends=True)
    other = [text[8].replace("6", "5"), *text[9:15]]  # without its last atom
    (folder / "data.xyz").write_text("".join([*text[:8], *other]))
    (folder / "train.toml").write_text(
        f'{SHORT}[[optimizer]]\ntype = "{kind}"\nepochs = 20\n[output]\nplot = false\n'
    )
    assert main(["train", "train.toml"]) == 0
    assert "best: epoch 0" not in capsys.readouterr().out
    with h5py.File("train.training.h5") as file:
        history = file["member 0/history"]
        best = file["member 0/best_epoch"][()]
        assert history["train energy"][0] < 1e-6 < history["train energy"][best]
        assert history["train force"][best] < history["train force"][0]


def test_an_untrained_network_is_told_of(capsys):
    """Also with --quiet, which hides what is returned here."""
    fit = Fit(small(), None, [])
    assert best(fit) == "best: epoch 0"
    assert "no epoch was better than the start, so the networks know nothing" in capsys.readouterr().err
    fit.best_epoch = 3
    assert best(fit) == "best: epoch 3" and not capsys.readouterr().err


def ended(*errors, lever=0.0):
    """The best epoch of a fit with such errors."""

    class Given(Scripted):
        def errors(self):
            return next(self.given)

    floors = Floors((1e-7, 1e-6, 1e-8), lever, lever)
    it = Given([Errors(*own) for own in errors])
    fit = Fit(it, None, [Stage("a", lambda r, seed: r, len(errors) - 1)], floors=floors)
    list(fit.epochs())
    assert it.parameters[0] == fit.best_epoch
    return fit.best_epoch


def test_the_start_is_the_best_only_where_nothing_helps():
    assert ended((1e-13, 1.0, NAN), (1e-3, 0.5, NAN)) == 1  # though the mean is worse
    assert ended((1e-13, NAN, 1.0), (1e-3, NAN, 0.5)) == 1
    assert ended((1e-13, NAN, NAN), (1e-12, NAN, NAN)) == 1  # no label resolves either
    assert ended((1e-3, 1.0, NAN), (1e-1, 1.1, NAN)) == 0
    assert ended((1e-3, 1.0, NAN), (1e-1, 1.1, NAN), (1e-2, 0.9, NAN), (1e-3, 0.95, NAN)) == 3
    assert ended((1.0, NAN, NAN), (2.0, NAN, NAN)) == 0
    assert ended((1e-13, 1.0, NAN), (1e-13, 1.0, NAN)) == 0  # as it was


def test_energies_that_anything_fits_do_not_decide():
    """An epoch that is exact in energy, and bad in forces, does not outdo all later ones."""
    epochs = (1e-13, 1.0, NAN), (1e-10, 0.9, NAN), (1e-4, 0.01, NAN)
    assert ended(*epochs, lever=1e-2) == 2
    vanishing = (1e-2, 1e-16, NAN), (1e-3, 5e-16, NAN), (1e-4, 9e-16, NAN)  # forces of perfect crystals are rounding
    assert ended(*vanishing) == 2


def test_floors_are_far_below_the_spread_of_labels():
    regression = small()
    env, found = regression.environments, floors(regression)
    spread = np.sqrt(np.nanmean(env.forces**2)), np.sqrt(np.nanmean(env.stresses**2))
    np.testing.assert_allclose(found.least[1:], 1e-4 * np.array(spread))
    assert 0 < found.least[0] < 1e-4 * np.nanstd(env.energies) and 0 < found.way < 1e-2 and 0 < found.space < 0.1
    env.energies += env.counts @ (-2000.0, -13.0)  # offsets are none
    assert floors(regression).least[0] == pytest.approx(found.least[0], rel=1e-6)
    errors = regression.errors()
    assert found.of(errors) == (errors.energy, errors.forces, errors.stress)
