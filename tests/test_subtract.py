"""Is what is subtracted from labels before the fit the law, and does it come back wherever the potential runs?"""

from dataclasses import replace

import h5py
import numpy as np
import pytest

import mdcore
from mdcore import D3, Box, HDNNPotential, InputError, LennardJones, Sum, System, evaluate
from mdcore.base.files import seal
from mdcore.base.units import GIGAPASCAL
from mdcore.cli import main
from mdcore.config.load_training import parse_training
from mdcore.potentials.base import leaves
from mdcore.potentials.families import committee, potential_of, single
from mdcore.potentials.networks.h5 import read_h5, write_h5
from mdcore.potentials.networks.trained import fingerprint
from mdcore.training.data.labelled import Labelled
from mdcore.verify.subject import networks_in
from tests import contract
from tests.density_twin import density as density_potential
from tests.reference.hdnnp_models import random_model

NEAR = LennardJones(4.0, 0.02, 1.6, truncation="force-shifted")  # what is left for the networks
CUTOFFS = {"cutoff": 9.0, "cn_cutoff": 8.0, "triple_cutoff": 6.0, "width": 2.0}
LAW = {"type": "d3", "functional": "pbe", "s9": 1.0, **CUTOFFS}
D3_OF_LAW = D3(**{key: value for key, value in LAW.items() if key != "type"})
SECTIONS = {
    "network": {"hidden": [5]}, "optimizer": {"type": "adam", "epochs": 3, "batch": 4}, "loss": {"stress": 1.0},
    "descriptors": {"cutoff": 4.0, "radial": 4, "angular": 1, "zetas": [1], "keep": 6, "rare": 0},
    "split": {"validation": 0.25},
}  # fmt: skip


def structures(potential, n=12) -> list[Labelled]:
    """Cells of C and H, labelled by a potential."""
    found, rng = [], np.random.default_rng(2)
    sites = 2.1 * np.stack(np.meshgrid(*(np.arange(2),) * 3, indexing="ij"), axis=-1).reshape(-1, 3)
    for k in range(n):
        cell = (4.2 + 0.1 * (k % 3)) * np.eye(3)
        x = sites + rng.normal(scale=0.15, size=(8, 3))
        answer = evaluate(potential, System(Box(cell), x, ["C", "H"] * 4))
        own = {"energy": answer.energy - 30.0, "forces": answer.forces, "stress": answer.stress * GIGAPASCAL}
        found.append(Labelled(symbols=("C", "H") * 4, positions=x, cell=cell, periodic=(True,) * 3, **own))
    return found


@pytest.fixture(scope="module")
def whole():
    return structures(Sum(NEAR, D3_OF_LAW))


@pytest.fixture(scope="module")
def trained(whole):
    return mdcore.train(whole, subtract=LAW, card={"contains": ["dispersion"]}, **SECTIONS)


def test_networks_learn_what_the_law_leaves(whole, trained):
    """The same weights as of a training on labels without it; errors are those of the sum, on labels as they are."""
    plain = mdcore.train(structures(NEAR), **SECTIONS)
    for own, other in zip(trained.model.networks, plain.model.networks, strict=True):
        np.testing.assert_allclose(own.flat(), other.flat(), rtol=1e-6, atol=1e-8)
    np.testing.assert_allclose(trained.model.atom_energies, plain.model.atom_energies, rtol=1e-9)
    for quantity in ("energy", "force", "stress"):
        assert trained.rmse(quantity) == pytest.approx(plain.rmse(quantity), rel=1e-5) != pytest.approx(0.0)
        best = trained.histories[0][f"validation {quantity}"][trained.best_epochs[0]]
        assert trained.rmse(quantity) == pytest.approx(best, rel=1e-5)
    assert trained.model.known == pytest.approx(plain.model.known) or trained.model.known is not None
    said, kept = trained.predictions["train"]
    assert {s.energy for s in said} <= {s.energy for s in whole}  # labels as they were given
    assert np.isfinite(kept.energies).all()


@pytest.mark.parametrize("make", ["networks", "density"])
def test_a_file_keeps_it_with_all_its_numbers(trained, make, tmp_path):
    """Energy, forces and stress are those of the networks and of the law, for all who read the file."""
    model = trained.model if make == "networks" else density_potential(("H", "C")).model
    law = D3_OF_LAW if make == "networks" else D3(damping="zero", s8=1.1, sr6=1.2, alpha6=13.0, cutoff=7.0)
    model = replace(model, subtracted=(law,))
    write_h5(model, tmp_path / "own.h5")
    read = read_h5(tmp_path / "own.h5")
    assert read.subtracted[0].arguments == law.arguments and fingerprint(read) == fingerprint(model)
    assert fingerprint(read) != fingerprint(replace(model, subtracted=()))
    system = System(Box(9.0 * np.eye(3)), structures(NEAR, 1)[0].positions, ["C", "H"] * 4)
    both = evaluate(tmp_path / "own.h5", system)
    networks, alone = (evaluate(p, system) for p in (potential_of(replace(read, subtracted=())), law))
    for name in ("energy", "forces", "stress", "energies"):
        sums = getattr(networks, name) + getattr(alone, name)
        np.testing.assert_allclose(getattr(both, name), sums, rtol=1e-10, atol=1e-9)
    assert alone.energy < -0.01
    potential = potential_of(read)
    assert potential.cutoff == law.cutoff and not potential.tells_virials and potential.truncated == law.truncated
    assert repr(law) in potential.describe()


@pytest.mark.parametrize(
    "check",
    ["forces_match_energy", "stress_matches_energy", "sums_are_of_multiples", "order_does_not_matter", "extensive"],
)
def test_the_contract_of_potentials_holds(trained, check):
    """It is a term of its own to the engine, one potential to all others; in any precision (verify)."""
    potential = networks_in(HDNNPotential(trained.model), "double")
    assert len(leaves(potential)) == 1 and len(leaves(potential.bind(("C", "H")))) == 2
    s = structures(NEAR, 1)[0]
    getattr(contract, f"assert_{check}")(potential, System(s.box, s.positions, list(s.symbols)))


def test_in_a_run_ase_and_info(trained, tmp_path, monkeypatch, capsys):
    from mdcore.ase import MDCore

    ase = pytest.importorskip("ase")
    monkeypatch.chdir(tmp_path)
    trained.write("own.h5")
    s = structures(NEAR, 1)[0]
    atoms = ase.Atoms(s.symbols, s.positions, cell=s.cell, pbc=True, calculator=MDCore("own.h5"))
    want = evaluate("own.h5", atoms)
    np.testing.assert_array_equal(atoms.get_forces(), want.forces)
    atoms.calc = None
    atoms.write("start.extxyz")
    text = '[structure]\nfile = "start.extxyz"\n[potential]\ntype = "hdnnp"\nfile = "own.h5"\n'
    (tmp_path / "run.toml").write_text(text + '[stage]\nensemble = "nve"\ntimestep = 0.1\nsteps = 4\n')
    assert main(["run", "run.toml"]) == 0
    assert "subtracted in training" in capsys.readouterr().out
    assert main(["info", "own.h5"]) == 0
    told = capsys.readouterr().out
    assert "subtracted" in told and "pbe" in told and "added back" in told


def test_committees_share_it(trained):
    model = trained.model
    other = replace(model, subtracted=(D3("pbe0"),))
    both = committee([model, model])
    assert both.subtracted == model.subtracted and single(both, 1).subtracted == model.subtracted
    s = structures(NEAR, 1)[0]
    one, mean = (evaluate(HDNNPotential(m), s.structure) for m in (model, both))
    assert mean.energy == pytest.approx(one.energy, abs=1e-9)
    for wrong in (other, replace(model, subtracted=())):
        with pytest.raises(InputError, match="a committee shares what was subtracted before training; number 2"):
            committee([model, wrong])


def test_what_no_file_can_keep_is_refused(trained, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    trained.write("own.h5")
    assert main(["convert", "own.h5", "folder/"]) != 0
    assert "a folder of n2p2 has no place for; keep it as .h5" in capsys.readouterr().err
    with h5py.File("own.h5", "r+") as file:
        assert file.attrs["version"] == 6  # which those who know nothing of it refuse
        file["subtracted/0"].attrs["type"] = "d5"
    seal("own.h5", "mdcore-hdnnp 6")
    with pytest.raises(InputError, match=r"own\.h5: 'd5' was subtracted in training, which this mdcore does not know"):
        read_h5("own.h5")


START = '[[data]]\nfile = "tests/training_sets.py"\n[descriptors]\ncutoff = 4.0\n'
START += '[optimizer]\ntype = "adam"\nepochs = 1\n'
BJ = '[[subtract]]\ntype = "d3"\nfunctional = "pbe"\n'


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('[[subtract]]\ntype = "d3"\n', ("[[subtract]] #1 functional", "none is given, and no s8, a1, a2")),
        ('[[subtract]]\ntype = "d4"\n', ('[[subtract]] #1 type = "d4"', 'expected one of "d3"')),
        ("#", ('[[subtract]] #1 = "d3"', "expected a section, [subtract], with the keys type, functional")),
        (BJ + BJ, ('[[subtract]] #2 type = "d3"', "subtracted twice; keep one")),
        (BJ + "[output]\nn2p2 = true\n", ("[output] n2p2 = true", "has no place in such a folder")),
        (BJ + '[card]\ncontains = ["electrostatics"]\n', ("[card] contains", "labels without dispersion have none")),
        (BJ + '[card]\ncontains = ["nothing"]\n', ("[card] contains", "leave [[subtract]] out")),
        ('[card]\ncontains = "dispersion"\n', ('[card] contains = "dispersion"', "expected a list of dispersion")),
        ('[card]\ncontains = ["d3"]\n', ("[card] contains", '"dispersion"')),
        ('[card]\ncontains = ["nothing", "dispersion"]\n', ("[card] contains", 'or ["nothing"]')),
        ('[card]\nlicence = ["nothing"]\n', ("[card] licence", "expected a text in quotes")),
    ],
)
def test_what_is_wrong_in_an_input_is_told(text, says):
    with pytest.raises(InputError) as caught:
        parse_training('subtract = ["d3"]\n' + START if text == "#" else START + text)
    for part in says:
        assert part in str(caught.value)


def test_a_law_that_labels_can_not_have_is_told(whole):
    """What only the structures show."""
    tight = replace(whole[0], positions=np.linspace(0.0, 1e-3, 24).reshape(8, 3))
    with pytest.raises(InputError):
        mdcore.train([tight, *whole], subtract=LAW, **SECTIONS)


def test_random_models_have_none():
    assert random_model().subtracted == () and random_model().has == {}
