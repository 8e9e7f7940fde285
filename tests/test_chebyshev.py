"""A second kind of descriptor: do its kernels equal their slow twin, and does the engine run it like the first?"""

from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest

import mdcore
from mdcore.base.errors import InputError
from mdcore.cli import main
from mdcore.doors import _hdnnp
from mdcore.dynamics.simulation import Simulation
from mdcore.potentials.networks.chebyshev import ORDERS, ChebyshevFunction, chebyshev, make_plan, weights
from mdcore.potentials.networks.committee import committee, single
from mdcore.potentials.networks.files import read_model
from mdcore.potentials.networks.h5 import write_h5
from mdcore.potentials.networks.hdnnp import HDNNPotential, networks_of
from mdcore.potentials.networks.kinds import KINDS
from mdcore.potentials.networks.n2p2.write import write_n2p2
from mdcore.potentials.networks.trained import fingerprint
from mdcore.training.candidates import CANDIDATES
from tests import contract
from tests.reference import chebyshev as twin
from tests.reference.hdnnp_models import chebyshev_model, random_model
from tests.systems import TRICLINIC, scattered
from tests.test_symmetry_kernels import SYMBOLS, Block, cluster_environments, crowd
from tests.test_train_cli import folder

__all__ = ["folder"]  # a fixture


def environments():
    """Few and many neighbours, on either side of the cutoffs, and none."""
    return [*cluster_environments(SYMBOLS, range(4)), ("H", crowd(37)), ("O", crowd(1)), ("O", crowd(0))]


def largest_errors(model, precision="double"):
    """Of values, vjp and jvp, each relative to the largest number of its kind in an environment."""
    networks, block = networks_of(model, precision), Block(model, environments())
    rng = np.random.default_rng(1)
    slopes = rng.normal(size=(len(block.edges), networks.n_functions))
    tangents = rng.normal(size=(3, len(block.xyz[0])))
    values = networks.values(*block.arguments())
    gradients, rates = networks.vjp(*block.arguments(), slopes), _hdnnp.jvp(networks, *block.arguments(), tangents)
    errors = np.zeros(3)
    for a, env in enumerate(block.environments):
        functions = model.symmetry_functions[block.centers[a]]
        n = len(functions)
        want, jacobian = twin.descriptors(functions, env, model.elements)
        jacobian = jacobian.reshape(n, -1, 3)
        found = (
            (values[a, :n], want),
            (block.of(a, gradients), np.einsum("s,snc->nc", slopes[a, :n], jacobian)),
            (rates[a, :n], np.einsum("snc,nc->s", jacobian, block.of(a, tangents))),
        )
        for kind, (got, expected) in enumerate(found):
            scale = max(1.0, np.abs(expected).max(initial=0))
            errors[kind] = max(errors[kind], np.abs(got - expected).max(initial=0) / scale)
    return errors


@pytest.mark.parametrize("sizes", [(6, 5), (1, 1), (4, 0), (0, 3), (ORDERS, ORDERS)])
@pytest.mark.parametrize("weighted", [False, True])
def test_kernels_equal_the_twin(sizes, weighted, level):
    radial, angular = sizes
    model = chebyshev_model(("O", "H"), radial=radial, angular=angular, weighted=weighted)
    assert largest_errors(model).max() < 1e-12 * (1 + max(sizes) ** 2 / 10)


def test_single_precision(level):
    """Descriptors in float: 24 bits, times the slopes of T_m, m^2."""
    errors = largest_errors(chebyshev_model(("O", "H"), radial=8, angular=6), "mixed")
    assert np.all(errors > 1e-12) and np.all(errors < 5e-5)


def test_a_choice_of_functions_in_any_number_of_elements(level):
    """What a committee or a selection leaves: some orders, of three elements, whose middle one weighs nothing."""
    model = chebyshev_model(("O", "H", "Cu"), radial=6, angular=5)
    some = tuple(functions[::3] for functions in model.symmetry_functions)
    rng = np.random.default_rng(1)
    wanted, n = Block(model, environments()), 4
    full, part = networks_of(model), networks_of(chebyshev_model(("O", "H", "Cu"), functions=some))
    values, few = full.values(*wanted.arguments()), part.values(*wanted.arguments())
    np.testing.assert_array_equal(values[:, ::3][:, : few.shape[1]], few)
    slopes = rng.normal(size=few.shape)
    spread = np.zeros(values.shape)
    spread[:, ::3] = slopes
    got, want = part.vjp(*wanted.arguments(), slopes), full.vjp(*wanted.arguments(), spread)
    np.testing.assert_allclose(got, want, rtol=0, atol=1e-12 * np.abs(want).max())
    assert n < few.shape[1] and weights(3).tolist() == [-1, 0, 1] and weights(2).tolist() == [-1, 1]


def test_an_environment_does_not_know_its_block(level):
    model, found = chebyshev_model(("O", "H")), environments()
    networks, block = networks_of(model), Block(model, found)
    values = networks.values(*block.arguments())
    for a, environment in enumerate(found):
        assert networks.values(*Block(model, [environment]).arguments()).tobytes() == values[a].tobytes()


def test_a_committee_of_them_differs_and_falls_apart_again():
    one = chebyshev_model(("O", "H"), weights_seed=1)
    both = committee([one, chebyshev_model(("O", "H"), weights_seed=2)])
    system = scattered(30, 4.6 * TRICLINIC, seed=8, symbols=("O", "H"), closest=0.9)
    found = [
        Simulation(system, HDNNPotential(m)).snapshot().forces for m in (both, single(both, 0), single(both, 1))
    ]
    np.testing.assert_allclose(found[0], (found[1] + found[2]) / 2, atol=1e-8)
    sim = Simulation(system, HDNNPotential(both))
    assert max(sim.findings.values(), key=np.max) is not None
    with pytest.raises(InputError, match="has symmetry in place of chebyshev"):
        committee([one, random_model(("O", "H"))])


def test_forces_are_continuous():
    contract.assert_continuous(lambda: HDNNPotential(chebyshev_model(("O", "H"))), ("O", "H", "O"), "metal", force=True)


def test_threads_change_nothing():
    system = scattered(60, 5.6 * TRICLINIC, seed=9, symbols=("O", "H"), closest=0.9)
    one, three = (
        Simulation(system, HDNNPotential(chebyshev_model(("O", "H")), threads=n)).snapshot().forces for n in (1, 3)
    )
    assert one.tobytes() == three.tobytes()


def test_every_kind_has_kernels_and_a_plan():
    assert _hdnnp.kinds() == tuple(KINDS) == tuple(CANDIDATES) == ("symmetry", "chebyshev")


def test_refuses(tmp_path):
    model = chebyshev_model(("O", "H"))
    with pytest.raises(InputError, match=r"n2p2 knows symmetry functions, .*: keep it as \.h5"):
        write_n2p2(model, tmp_path / "folder")
    with pytest.raises(InputError, match="not all of the kind chebyshev"):
        replace(model, symmetry_functions=(model.symmetry_functions[0], random_model(("O", "H")).symmetry_functions[1]))
    with pytest.raises(InputError, match="the cutoffs 2 and 3"):
        make_plan((*near("H", 2.0), *near("H", 3.0)), ("H",))
    with pytest.raises(InputError, match="need two elements"):
        make_plan(chebyshev("H", radial=1, cutoff=3.0, angular=0, angular_cutoff=3.0, weighted=True), ("H",))
    wrong = [("both", 1, 3.0), ("radial", ORDERS, 3.0), ("radial", -1, 3.0), ("radial", 1, np.nan), ("radial", 1, "3")]
    for part, order, cutoff in (*wrong, ("radial", "1", 3.0), ("radial", 1.5, 3.0), ("radial", True, 3.0)):
        with pytest.raises(InputError, match="expected"):
            ChebyshevFunction(center="H", part=part, order=order, cutoff=cutoff)
    plan = make_plan(near("H", 2.0), ("H",))
    network = [(plan, [[]], np.ones(1), np.zeros(1), 0.0, 1.0, 0.0)]
    for other in (replace(plan, kind="cheby"), replace(plan, tables=plan.tables[:2])):
        with pytest.raises(ValueError, match=r"no kernels for|tables of that kind"):
            _hdnnp.Networks([(other, *network[0][1:])])


SHORT = {
    "seed": 3, "network": {"hidden": [6]}, "optimizer": {"type": "kalman", "epochs": 3},
    "descriptors": {"kind": "chebyshev", "cutoff": 4.0, "radial": 5, "angular": 4, "angular_cutoff": 3.5},
}  # fmt: skip


def test_files_give_back_what_was_written(tmp_path):
    model = chebyshev_model(("O", "H"))
    both = committee([model, chebyshev_model(("O", "H"), weights_seed=2)])
    for k, one in enumerate((model, both)):
        write_h5(one, path := tmp_path / f"{k}.h5")
        found = read_model(path)
        assert fingerprint(found) == fingerprint(one) and found.symmetry_functions == one.symmetry_functions
    with h5py.File(path, "r+") as file:
        file["elements/H/descriptors"].attrs["kind"] = "newer"
    with pytest.raises(InputError, match="of the kind 'newer', which this mdcore does not know"):
        read_model(path)


def test_trains(folder, capsys):
    """From Python and by the command, the same bits; info, evaluate, verify and convert know what is made."""
    found = mdcore.train("data.xyz", **SHORT)
    start = mdcore.train("data.xyz", **SHORT | {"optimizer": {"type": "kalman", "epochs": 1}})
    assert found.rmse("force") < 0.9 * start.rmse("force")
    Path("train.toml").write_text(
        'seed = 3\n[data]\nfile = "data.xyz"\n[network]\nhidden = [6]\n[descriptors]\n'
        'kind = "chebyshev"\ncutoff = 4.0\n'
        'radial = 5\nangular = 4\nangular_cutoff = 3.5\n[optimizer]\ntype = "kalman"\nepochs = 3\n'
        '[output]\nplot = false\n'
    )
    assert main(["train", "train.toml", "--quiet"]) == 0
    model = read_model("train.h5")
    assert [own.flat().tobytes() for own in model.networks] == [own.flat().tobytes() for own in found.model.networks]
    capsys.readouterr()
    assert main(["info", "train.h5"]) == main(["evaluate", "train.h5", "data.xyz"]) == 0
    told = capsys.readouterr().out
    assert "Chebyshev polynomials" in told and "radial orders, weighted by element, rc = 4 angstrom" in told
    assert main(["verify", "train.h5"]) == main(["convert", "train.h5", "other.h5"]) == 0
    assert fingerprint(read_model("other.h5")) == fingerprint(model)
    assert main(["convert", "train.h5", "folder/"]) == 2
    assert "n2p2 knows symmetry functions" in capsys.readouterr().err


@pytest.mark.parametrize(
    "more, match",
    [
        ({"descriptors": {"kind": "cheby", "cutoff": 4.0}}, "kind"),
        ({"descriptors": {"kind": "chebyshev"}}, "cutoff"),
        ({"descriptors": {"kind": "chebyshev", "cutoff": 4.0, "zetas": [1]}}, 'zetas.*applies to kind = "symmetry"'),
    ],
)
def test_wrong_settings(folder, more, match):
    with pytest.raises(InputError, match=match):
        mdcore.train("data.xyz", **SHORT | more)


def near(center, cutoff):
    return chebyshev(center, radial=1, cutoff=cutoff, angular=0, angular_cutoff=cutoff, weighted=False)
