"""Do the descriptors of a training set span its distances, vary, differ, and have the ranges that are told?"""

from pathlib import Path

import numpy as np
import pytest

from mdcore.base.errors import InputError
from mdcore.base.units import BOHR
from mdcore.potentials.networks.hdnnp import HDNNPotential
from mdcore.potentials.networks.model import SymmetryFunction
from mdcore.training.data import sources
from mdcore.training.descriptors import (
    GENERATED,
    GIVEN,
    bare,
    choose,
    given,
    sample,
    select,
    statistics,
    useless,
    values,
)
from mdcore.training.pairs import distances
from mdcore.training.symmetry_sets import from_input_nn, from_lines, generate
from tests.reference import hdnnp as twin
from tests.test_train_summary import structure

REFERENCE = Path(__file__).parents[2] / "shared" / "reference"
DATA = [structure(k, "OHHOHH") for k in range(12)]
ELEMENTS = ("H", "O")


@pytest.fixture(scope="module")
def candidates():
    shortest = {pair: own.shortest for pair, own in distances(DATA, 5.0).pairs.items()}
    return generate(ELEMENTS, shortest, 5.0, radial=4, angular=2, zetas=(1.0, 4.0))


def test_the_generated_set(candidates):
    """Counts, and grids that end at the shortest distance and grow by one factor."""
    shortest = distances(DATA, 5.0).pairs
    for centre in ELEMENTS:
        own = candidates[centre]
        assert len(own) == 2 * (4 + 4) + 3 * 2 * 2 * 2  # per neighbour, per pair: widths, lambdas, zetas
        for other in ELEMENTS:
            pair = (centre, other) if (centre, other) in shortest else (other, centre)
            shells = sorted(f.rs for f in own if f.type == 2 and f.neighbors == (other,) and f.rs)
            assert shells[0] == pytest.approx(shortest[pair].shortest, rel=1e-5) and shells[-1] < 5.0
            np.testing.assert_allclose(np.diff(np.log(shells)), np.log(5.0 / shells[0]) / 4, rtol=1e-4)
            centred = sorted(f.eta for f in own if f.type == 2 and f.neighbors == (other,) and not f.rs)
            assert centred[0] == pytest.approx(1 / 25.0) and len(centred) == 4
    wide = generate(ELEMENTS, {("H", "O"): 1.0}, 5.0, wide=True, angular_cutoff=3.0)
    assert {f.type for f in wide["H"]} == {2, 9} and {f.cutoff for f in wide["H"] if f.type == 9} == {3.0}
    assert {n for f in wide["H"] for n in f.neighbors} == {"O"}
    with pytest.raises(InputError, match="no atom ever comes closer to H than the cutoff, 5 Angstrom"):
        generate(ELEMENTS, {("H", "H"): 6.0, ("O", "O"): 2.0}, 5.0)


def test_angular_shells():
    """Both signs of lambda and all zetas in each; none where one of the two neighbours never is."""
    shortest = {("H", "O"): 1.0, ("O", "O"): 2.4}
    options = {"radial": 2, "angular": 1, "zetas": (1.0, 4.0), "angular_cutoff": 4.0, "angular_shells": 3}
    own = generate(("H", "O"), shortest, 5.0, **options)["O"]
    shells = [f for f in own if f.type == 9]
    assert len(shells) == 3 * 3 * 2 * 2 and {f.cutoff for f in shells} == {4.0}  # pairs, shells, lambdas, zetas
    assert sorted({f.rs for f in shells if f.neighbors == ("O", "O")}) == pytest.approx(
        [2.4, 2.4 * (4 / 2.4) ** (1 / 3), 2.4 * (4 / 2.4) ** (2 / 3)], rel=1e-5
    )
    seen = {("H", "O"): np.linspace(1.0, 1.2), ("O", "O"): np.array([3.5])}
    some = generate(("H", "O"), shortest, 5.0, seen=seen, **options | {"angular_shells": 8})["O"]
    radii = {pair: [f.rs for f in some if f.type == 9 and f.neighbors == pair] for pair in (("H", "H"), ("H", "O"))}
    assert 1.0 in radii["H", "H"] and max(radii["H", "H"]) < 1.8  # 3.4 is one, but no H is there
    assert not radii["H", "O"]  # nor are H and O ever as far away as each other


def test_values_are_the_textbook_ones(candidates):
    functions = tuple(tuple(sorted(candidates[e], key=lambda f: f.sort_key)) for e in ELEMENTS)
    model = bare(ELEMENTS, functions)
    s = DATA[0]
    ((kinds, got),) = values([s], functions)
    want = twin.evaluate(model, list(s.symbols), s.positions, s.cell)
    for k, own in enumerate(want.descriptors):
        np.testing.assert_allclose(got[k, : len(own)], own, rtol=1e-10, atol=1e-12)
    assert kinds.tolist() == [1, 0, 0, 1, 0, 0]


def test_statistics(candidates):
    functions = tuple(tuple(sorted(candidates[e], key=lambda f: f.sort_key)) for e in ELEMENTS)
    scaling = statistics(DATA, functions, "sigma")
    everything = sample(DATA, functions, 10**6)
    for own, g in zip(scaling, everything, strict=True):
        np.testing.assert_array_equal(own.min, g.min(axis=0))
        np.testing.assert_array_equal(own.max, g.max(axis=0))
        np.testing.assert_allclose(own.mean, g.mean(axis=0), rtol=1e-12)
        np.testing.assert_allclose(own.sigma, g.std(axis=0), rtol=1e-9)
        assert own.mode == "sigma"
    assert [len(g) for g in everything] == [48, 24]
    assert max(len(g) for g in sample(DATA, functions, 5)) < 48  # so many, and no more than it takes


@pytest.mark.parametrize("method", ["cur", "fps"])
def test_choice(method, candidates):
    found = choose(DATA, candidates, {"H": 9, "O": 6}, method=method)
    assert [len(own) for own in found.functions] == [9, 6] and found.candidates == (40, 40)
    for own, scaling in zip(found.functions, found.scaling, strict=True):
        assert list(own) == sorted(own, key=lambda f: f.sort_key)
        assert (scaling.max - scaling.min > GENERATED[1]).all()
    assert "H: 9 descriptors of 40 candidates" in str(found)
    everything = choose(DATA, candidates, None, method=method)
    assert len(everything.functions[0]) == 40 - sum(f.startswith("H ") for f in everything.dropped)
    HDNNPotential(bare(ELEMENTS, found.functions))  # what comes out runs
    with pytest.raises(InputError, match="method = 'pca'"):
        choose(DATA, candidates, 3, method="pca")


@pytest.mark.parametrize("method", ["cur", "fps"])
def test_the_chosen_columns_span_the_others(method):
    """Twelve columns of rank three, of very different sizes: three chosen ones leave nothing."""
    rng = np.random.default_rng(5)
    g = rng.normal(size=(200, 3)) @ rng.normal(size=(3, 12)) * 10.0 ** rng.integers(-3, 3, 12)
    chosen = select(g, 3, method)
    assert len(set(chosen)) == 3
    z = (g - g.mean(axis=0)) / g.std(axis=0)
    left = z - z[:, chosen] @ np.linalg.lstsq(z[:, chosen], z, rcond=None)[0]
    assert np.abs(left).max() < 1e-9
    twins = np.column_stack([g[:, 0], g[:, 0] * 2, g[:, 1]])
    assert 2 in select(twins, 2, method)  # not the same thing twice


def test_shells_where_no_neighbours_are_are_no_candidates():
    """Two oxygens 2.4 to 3 Angstrom apart: their shells at 3.8 and 4.3 would be tails."""
    shortest = {("H", "O"): 1.0, ("O", "O"): 2.4}
    seen = {("H", "O"): np.linspace(1.0, 5.0), ("O", "O"): np.array([2.4, 2.7, 3.0])}
    every = generate(("H", "O"), shortest, 5.0, radial=8)["O"]
    some = generate(("H", "O"), shortest, 5.0, radial=8, seen=seen)["O"]
    gone = [f for f in every if f not in some]
    assert gone and all(f.type == 2 and f.neighbors == ("O",) and f.rs > 3.0 + 1.5 * f.eta**-0.5 for f in gone)
    assert all(f in every for f in some) and any(f.neighbors == ("O",) and f.rs > 2.9 for f in some)


def test_what_is_useless_has_a_reason():
    f = [SymmetryFunction(type=2, center="H", neighbors=("O",), cutoff=5.0, eta=0.1 * (k + 1)) for k in range(5)]
    x = np.random.default_rng(1).random((50, 5))
    x[:, 1], x[:, 2], x[:, 3] = 0.0, 3.0, 7.0 - 2.0 * x[:, 0]
    why = useless(f, x)
    assert [label for label in why] == [f[1].label, f[2].label, f[3].label]
    assert why[f[1].label].startswith("out of range") and why[f[2].label].startswith("constant: 3 to 3")
    assert f"redundant: says the same as {f[0].label}" in why[f[3].label]
    x[:, 4] = x[:, 0] + 1e-4 * x[:, 4]
    assert f[4].label in useless(f, x) and f[4].label not in useless(f, x, GIVEN)
    x[:, 4] = 0.01 * x[:, 1] + np.random.default_rng(2).random(50)
    x[7, 4] = 30.0
    assert useless(f, x, rare=6.0)[f[4].label].startswith("rare: looks where atoms seldom are; up to 7 sigma")
    assert f[4].label not in useless(f, x)
    x[7, 4] = -30.0
    assert f[4].label not in useless(f, x, rare=6.0), "a surface, say: fewer neighbours than usual"


def test_given_functions():
    lines = ["H 2 O 0.3 0.0 5.0", "H 2 H 0.3 0.0 5.0", "O 2 H 0.3 1.0 5.0", "O 3 H H 0.1 1 1 5.0"]
    found = given(DATA, from_lines(lines, ELEMENTS, 6), "scale")
    assert [len(own) for own in found.functions] == [2, 2] and found.scaling[0].mode == "scale"
    assert found.functions[1][1].lambda_ == 1 and found.functions[0][0].cutoff_type == 6
    useless_ones = ["H 2 O 0.3 0.0 0.2", "O 2 H 0.30000000001 1.0 5.0"]
    with pytest.raises(InputError) as caught:
        given(DATA, from_lines([*lines, *useless_ones], ELEMENTS))
    told = str(caught.value).splitlines()
    assert "descriptors: H 2 O eta=0.3 rc=0.2: out of range: zero for every atom" in told[0]
    assert "descriptors: O 2 H eta=0.3 rs=1 rc=5: redundant" in told[1] and len(told) == 2
    for lines, message in (
        (["H 2 O 0.3 0.0 5.0"], "none for O"),
        (["H 2 C 0.3 0.0 5.0"], "'C' is not among the elements"),
        (["H 2 O 0.3 0.0"], "line 1: symfunction_short: cutoff is missing"),
        (["H 2 O 0.3 0 5", "H 2 O 0.3 0 5", "O 2 H 1 0 5"], "H 2 O eta=0.3 rc=5 is given twice"),
    ):
        with pytest.raises(InputError, match=message):
            given(DATA, from_lines(lines, ELEMENTS))


def test_functions_of_an_input_nn(tmp_path):
    text = "elements H O\ncutoff_type 2\nsymfunction_short H 2 O 0.5 1.0 9.0\nsymfunction_short O 2 H 0.5 1.0 9.0\n"
    (tmp_path / "input.nn").write_text(text)
    found = from_input_nn(tmp_path, ELEMENTS, {"length": "bohr", "energy": "hartree"})
    f = found["H"][0]
    assert (f.eta, f.rs, f.cutoff) == pytest.approx((0.5 / BOHR**2, BOHR, 9 * BOHR))
    with pytest.raises(InputError, match="state its unit of length"):
        from_input_nn(tmp_path, ELEMENTS)
    with pytest.raises(InputError, match="no symmetry functions for C"):
        from_input_nn(tmp_path, ("C", "H"), {"length": "bohr", "energy": "hartree"})
    with pytest.raises(InputError, match="symmetry functions of H name O, which the data lack"):
        from_input_nn(tmp_path, ("H",), {"length": "bohr", "energy": "hartree"})


@pytest.mark.reference
@pytest.mark.skipif(not REFERENCE.exists(), reason="reference data are not beside the repository")
@pytest.mark.parametrize("name, units", [("Cu2S_PBE", ("angstrom", "ev")), ("H2O_RPBE-D3", ("bohr", "hartree"))])
def test_published_ranges(name, units):
    """Ranges over 20 structures as n2p2's own scaling.data has them for these (n2p2 2.3, nnp-scaling)."""
    folder, units = REFERENCE / "n2p2_training" / name, {"length": units[0], "energy": units[1]}
    data = sources.read(folder, units=units)
    found = given(data, from_input_nn(folder, sorted({e for e in data[0].counts}), units))
    rows = np.loadtxt(folder / "scaling.data", comments="#")
    for e, own in enumerate(found.scaling):
        low, high, mean = rows[rows[:, 0] == e + 1][:, 2:5].T
        for got, want in ((own.min, low), (own.max, high), (own.mean, mean)):
            np.testing.assert_allclose(got, want, rtol=1e-9, atol=1e-9)
