"""Is roughness what its formula says, are its slopes right, and does `smooth` make functions smoother?"""

from itertools import product

import numpy as np
import pytest

from mdcore.base.errors import InputError
from mdcore.config.load_training import parse_training
from mdcore.potentials.density.coupling import program
from mdcore.training.optimizers.adam import Adam
from mdcore.training.optimizers.soap import Soap
from mdcore.training.roughness import Roughness, contents
from mdcore.training.settings import AdamSettings, SoapSettings
from tests.test_train_density import regression_of
from tests.training_sets import mixed_set

SIZES = {
    "usual": {"layers": 1, "l_max": 2}, "linear": {"layers": 1, "hidden": 0, "factors": 2},
    "of four": {"layers": 1, "factors": 4, "l_max": 1}, "of a rank": {"layers": 1, "l_max": 1, "element_rank": 2},
}  # fmt: skip


@pytest.fixture(scope="module", params=SIZES.values(), ids=SIZES)
def regression(request):
    own = regression_of(mixed_set(), **{"radial": 3, **request.param})
    own.set(own.parameters + 0.3 * np.random.default_rng(0).normal(size=own.n_parameters) * own.is_weight)
    return own


def written_out(design, theta) -> float:
    """Term by term, as the formula has it."""
    own, orders = design.folded_views(theta), range(design.l_max + 1)
    gamma = [[(n / 4.0) ** 6 + (3.0 * l / 8.0) ** 6 for n in range(1, design.radial + 1)] for l in orders]
    found = 0.0
    for z, k in product(range(design.species), range(design.channels)):
        phi = [sum((own["radial.0"][z, y].T @ own["mix.0"][z, y, l, :, k]) ** 2 for y in range(design.species))
               for l in orders]  # fmt: skip
        gain = own["linear"][z, k] ** 2 + np.sum((own["hidden"][z, k] * own["out"][z]) ** 2)
        for eta, ls in enumerate(contents(design.program)):
            terms = 0.0
            for ns in product(range(design.radial), repeat=len(ls)):
                terms += sum(gamma[l][n] for l, n in zip(ls, ns, strict=True)) ** 2 * np.prod(
                    [phi[l][n] for l, n in zip(ls, ns, strict=True)]
                )
            found += gain * own["product.0"][z, eta, k] ** 2 * terms
    return found / design.scale**2


def test_it_is_the_sum_of_its_formula(regression):
    value = regression.roughness()[0]
    assert value == pytest.approx(written_out(regression.design, regression.design.fold(regression.flat)), rel=1e-12)


def test_slopes_equal_finite_differences(regression):
    at, gradient, rng = regression.parameters, regression.roughness()[1], np.random.default_rng(1)
    rough = Roughness(regression.design)
    for along in rng.normal(size=(4, len(at))):
        ends = [rough(regression.design.fold((at + s * 1e-5 * along) * regression.units))[0] for s in (1.0, -1.0)]
        assert (ends[0] - ends[1]) / 2e-5 == pytest.approx(gradient @ along, rel=1e-5)


@pytest.mark.parametrize("factors", [1, 2, 3, 4])
def test_contents_are_degrees_of_homogeneity(factors):
    """With A_l times a number t an invariant is t^(how often l is among its factors) times what it was."""
    own, rng = program(3, factors), np.random.default_rng(2)
    a = rng.normal(size=own.n_components)
    for l in range(4):
        scaled = a.copy()
        scaled[l * l : (l + 1) ** 2] *= 2.0
        power = [ls.count(l) for ls in contents(own)]
        want = own.evaluate(a) * 2.0 ** np.array(power)
        np.testing.assert_allclose(own.evaluate(scaled), want, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("optimiser, settings", [(Adam, AdamSettings), (Soap, SoapSettings)])
def test_smooth_is_a_part_of_the_loss(optimiser, settings):
    """One step of it is one with the gradient of both; a few epochs leave smoother functions than without."""
    found = {}
    for smooth in (0.0, 1.0):
        own = regression_of(mixed_set(), layers=1)
        steps = optimiser(own, settings(epochs=20, smooth=smooth, warmup=0))
        for _ in range(20):
            steps.epoch()
        found[smooth] = own.roughness()[0]
    assert found[1.0] < 0.5 * found[0.0]
    first, second = (optimiser(regression_of(mixed_set(), layers=1), settings(smooth=s)) for s in (0.5, 0.0))
    g = np.random.default_rng(3).normal(size=first.regression.n_parameters)
    rough = first.regression.roughness()[1]
    first.update(g, 100)
    second.update(g + 0.5 * rough, 100)
    assert first.parameters.tobytes() == second.parameters.tobytes()


def test_it_goes_on_from_a_state_to_the_same_bits():
    def make(regression):
        return Soap(regression, SoapSettings(epochs=4, smooth=0.1))

    whole, parts = make(regression_of(mixed_set(), layers=1)), make(regression_of(mixed_set(), layers=1))
    for _ in range(4):
        whole.epoch()
    for _ in range(2):
        parts.epoch()
    rest = make(regression_of(mixed_set(), layers=1))
    rest.restore(parts.state())
    for _ in range(2):
        rest.epoch()
    assert rest.parameters.tobytes() == whole.parameters.tobytes()


def test_what_it_is_not_of_is_refused(tmp_path, monkeypatch):
    words = "smooth is of density networks of one layer"
    with pytest.raises(InputError, match=words):
        Adam(regression_of(mixed_set(), layers=2), AdamSettings(smooth=0.1)).epoch()
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.xyz").touch()
    steps = '{ type = "soap", epochs = 3, smooth = 0.1 }'
    for model in ('type = "density"', 'type = "density", layers = 2', 'type = "tensors", dipole = "none"'):
        text = f'data = {{ file = "a.xyz" }}\nmodel = {{ {model} }}\noptimizer = {steps}\n'
        with pytest.raises(InputError, match=words):
            parse_training(text)
    text = f'data = {{ file = "a.xyz" }}\nmodel = {{ type = "density", layers = 1 }}\noptimizer = {steps}\n'
    kept = parse_training(text)
    assert kept.plan.optimizer[0].smooth == 0.1
