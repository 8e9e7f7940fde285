"""From an input with [long_range] to a potential that runs: every kind of charges, and what is refused."""

import itertools
from dataclasses import replace

import h5py
import numpy as np
import pytest

import mdcore
from mdcore.base.errors import InputError, Interrupted
from mdcore.cli import main
from mdcore.cli.train import train
from mdcore.config.load_training import load_training, parse_training
from mdcore.potentials.families import single
from mdcore.potentials.networks.charge_settings import ChargeSettings
from mdcore.potentials.networks.h5 import read_h5
from mdcore.training.charged_sets import without_charges
from mdcore.training.data import sources
from mdcore.training.data.labels import Labels
from mdcore.training.environments import Environments
from mdcore.training.loss import NetworkRegression
from mdcore.training.members import Members
from mdcore.training.outcome import answers_of
from mdcore.training.prepare import fitted_on, prepare
from mdcore.training.settings import LongRangeSettings
from tests.mpi import ROOT, mpirun, needs_mpi
from tests.reference import charged as twin

SCRIPT = ROOT / "tests" / "mpi_training.py"
WIDTHS = {"Na": 0.8, "Cl": 0.6}
START = """
[[data]]
file = "salt.xyz"
[descriptors]
cutoff = 4.0
radial = 4
angular = 1
zetas = [1]
keep = 6
rare = 0
[network]
hidden = [5]
[output]
plot = false
"""
ADAM = '[[optimizer]]\ntype = "adam"\nepochs = 3\nbatch = 4\n'
KALMAN = '[[optimizer]]\ntype = "kalman"\nepochs = 3\n'
MODES = {
    "latent": '[long_range]\ncharges = "latent"\n' + ADAM.replace("adam", "soap"),
    "fixed": "[long_range]\ncharges = { Na = 0.9, Cl = -0.9 }\n" + ADAM,
    "labels": '[long_range]\ncharges = "labels"\n' + ADAM + KALMAN,
    "joint": '[long_range]\ncharges = "labels"\njoint = true\nhidden = [4]\n' + KALMAN,
    "equilibrated": '[long_range]\ncharges = "labels"\nequilibrate = true\nas_input = true\n' + ADAM
        + '[[optimizer]]\ntype = "lbfgs"\nepochs = 3\n',
    "latent, equilibrated": '[long_range]\nequilibrate = true\n' + ADAM,
}  # fmt: skip


def salt(n, seed=0) -> str:
    """Clusters and cells of Na and Cl in extended xyz. Charges follow from the nearest neighbour, energies are those of
    the charges as they are, and a repulsion."""
    rng, text = np.random.default_rng(seed), ""
    for k in range(n):
        symbols = ["Na", "Cl", "Na", "Cl", "Na"][: 4 + k % 2]
        cell = 5.3 * np.eye(3) if k % 6 == 4 else None
        sites = 2.6 * np.array([(0, 0, 0), (1, 0, 0), (1, 1, 0), (0, 1, 0), (0, 0, 1)][: len(symbols)])
        x = sites + rng.normal(scale=0.12, size=sites.shape)
        near = np.sort(np.linalg.norm(x[:, None] - x, axis=-1), axis=1)[:, 1]
        q = np.array([0.9 if s == "Na" else -0.9 for s in symbols]) * (1.0 - 0.3 * (near - 2.5))
        total = float(len(x) == 5)
        q += (total - q.sum()) / len(x)
        widths = np.array([WIDTHS[s] for s in symbols])

        def energy(x, q=q, widths=widths, cell=cell):
            r = np.linalg.norm(x[:, None] - x, axis=-1)[np.triu_indices(len(x), 1)]
            return 0.5 * q @ twin.matrix_of(x, widths, cell, 0.6, 3, 4) @ q + 500.0 * np.exp(-r / 0.33).sum()

        forces = np.zeros_like(x)
        for place in np.ndindex(x.shape) if cell is None else ():
            step = np.zeros_like(x)
            step[place] = 1e-3
            forces[place] = (energy(x - step) - energy(x + step)) / 2e-3
        lattice = "" if cell is None else 'Lattice="5.3 0 0 0 5.3 0 0 0 5.3" '
        column = "" if cell is not None else ":forces:R:3"
        text += f"{len(x)}\n{lattice}Properties=species:S:1:pos:R:3:q:R:1{column} energy={energy(x):.10f} Q={total}\n"
        for symbol, place, charge, force in zip(symbols, x, q, forces, strict=True):
            row = [*place, charge, *(force if cell is None else ())]
            text += f"{symbol} {' '.join(f'{number:.10f}' for number in row)}\n"
    return text


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("long_range")
    text = START.replace('salt.xyz"', 'salt.xyz"\ncharges = "q"\ntotal_charge = "Q"')
    (folder / "salt.xyz").write_text(salt(18))
    for name, own in MODES.items():
        (folder / f"{name}.toml").write_text(text + own)
    return folder


def structures(folder):
    labels = Labels(needed=("energy", "forces", "charges", "total_charge"), charges="q", total_charge="Q")
    return sources.read(folder / "salt.xyz", labels=labels)


@pytest.mark.parametrize("mode", list(MODES))
def test_every_kind_of_charges(folder, mode, monkeypatch):
    """Errors fall; the potential in the file says what training did, and what the slow twin says of it."""
    monkeypatch.chdir(folder)
    assert main(["train", f"{mode}.toml", "--quiet"]) == 0
    with h5py.File(f"{mode}.training.h5") as file:
        own = file["member 0"]
        best = own["best_epoch"][()]
        for name in {"train energy", "train force", "train charge"} & set(own["history"]):
            assert own["history"][name][best] < own["history"][name][0], name
        told = {name: own[f"predictions/train/{name}"][()] for name in ("energy", "forces", "charges")}
        labels = file["data/train/energy"][()]
        error = 1e3 * np.sqrt(np.mean(((told["energy"] - labels) / file["data/train/n_atoms"][()]) ** 2))
        assert own["history/train energy"][best] == pytest.approx(error, rel=1e-4)  # sums of cells have an accuracy
        assert ("history/train charge" in own) == (mode in ("labels", "joint", "equilibrated"))
    model = read_h5(f"{mode}.h5")
    assert model.charges.equilibrated == ("equilibrated" in mode) and model.charges.as_input == (mode == "equilibrated")
    kind = {"fixed": "fixed; ", "latent": "latent, ", "latent, equilibrated": "latent, "}.get(mode, "trained on labels")
    assert model.provenance["charges"].startswith(kind)
    potential = mdcore.HDNNPotential(model, charges=ChargeSettings(accuracy=1e-10))
    for s in structures(folder)[:5:2]:
        found = answers_of(potential, [s], 1)[0]
        energy, q = twin.evaluate(model, s.symbols, s.positions, s.cell, s.total_charge)
        assert found.energy == pytest.approx(energy, abs=2e-6 if s.cell is not None else 1e-8)
        np.testing.assert_allclose(found.findings["charges"], q, rtol=0, atol=1e-7)
        assert q.sum() == pytest.approx(s.total_charge, abs=1e-12)
    if mode == "fixed":
        np.testing.assert_allclose(model.charges.networks[0].biases[-1], [0.9])


def test_a_committee(folder, monkeypatch):
    """Latent charges of members are of one sign; the file has all, and errors are those of the mean."""
    monkeypatch.chdir(folder)
    neutral = [s for s in structures(folder) if s.total_charge == 0.0]
    result = mdcore.train(
        neutral, descriptors={"cutoff": 4.0, "radial": 4, "angular": 1, "zetas": [1], "keep": 6, "rare": 0},
        network={"hidden": [5]}, long_range={"charges": "latent"}, committee={"members": 4},
        optimizer={"type": "kalman", "epochs": 2},
    )  # fmt: skip
    result.write(folder / "members.h5")
    model = read_h5(folder / "members.h5")
    assert len(model.charges.others) == 3 and model.known.disagreement > 0.0
    each = [answers_of(mdcore.HDNNPotential(single(model, k)), neutral, 1) for k in range(4)]
    charges = [np.concatenate([a.findings["charges"] for a in own]) for own in each]
    assert all(charges[0] @ own > 0.0 for own in charges)
    mean = answers_of(mdcore.HDNNPotential(model), neutral, 1)
    for k, answer in enumerate(mean):
        assert answer.energy == pytest.approx(np.mean([own[k].energy for own in each]), abs=1e-7)


def test_fixed_charges_are_subtracted(folder):
    """Networks that are trained beside fixed charges, or on labels without the energy and forces that these have by
    `Electrostatics`, find the same errors: the fit is in two steps."""
    clusters = [s for s in structures(folder) if s.cell is None and s.total_charge == 0.0]
    charges = {"Na": 0.9, "Cl": -0.9}
    law = mdcore.Electrostatics(charges, widths=WIDTHS)
    answers = mdcore.evaluate(law, [s.structure for s in clusters])
    left = [
        replace(s, energy=s.energy - a.energy, forces=s.forces - a.forces)
        for s, a in zip(clusters, answers, strict=True)
    ]
    plan = parse_training(START.replace("salt.xyz", str(folder / "salt.xyz")) + ADAM).plan
    plan = replace(plan, split=replace(plan.split, validation=0.0))
    both = replace(plan, long_range=LongRangeSettings(charges=charges, widths=WIDTHS))
    charged = Members(both, prepare(both, lambda: [("train", clusters)])).fit(0).training
    alone = without_charges(charged.fitted())
    plain = NetworkRegression(alone, Environments(alone, fitted_on(left, both.needed)))
    assert charged.errors().energy == pytest.approx(plain.errors().energy, rel=1e-7)
    assert charged.errors().forces == pytest.approx(plain.errors().forces, rel=1e-7)
    every = np.arange(len(clusters))
    for one, other in zip(charged.residuals(every), plain.residuals(every), strict=True):
        for of_charged, of_plain in zip(one, other, strict=True):
            np.testing.assert_allclose(of_charged, of_plain, rtol=1e-6, atol=1e-8)


def test_charges_first_stay(folder, monkeypatch):
    """What the first optimiser found is what the potential has; energies are fitted to what that leaves."""
    monkeypatch.chdir(folder)
    assert main(["train", "labels.toml", "--quiet", "--set", "output.name=first", "--overwrite"]) == 0
    with h5py.File("first.training.h5") as file:
        charge, energy = (file[f"member 0/history/train {name}"][()] for name in ("charge", "energy"))
    assert charge[3] < charge[0] and np.ptp(charge[4:]) < 1e-9
    assert energy[-1] < energy[3]


@pytest.mark.parametrize(("mode", "epochs"), [("labels", 4), ("latent, equilibrated", 1)])
def test_stop_and_go_on(folder, mode, epochs, monkeypatch):
    """The same potential as in one go, stopped once charges stand still, or while all is trained."""
    monkeypatch.chdir(folder)
    assert main(["train", f"{mode}.toml", "--quiet", "--set", "output.name=whole", "--overwrite"]) == 0
    settings, calls = load_training(f"{mode}.toml", ["output.name=parts"]), itertools.count()
    with pytest.raises(Interrupted):
        train(settings, overwrite=True, say=lambda text="": None, stop=lambda: next(calls) == epochs)
    train(settings, restart=True, say=lambda text="": None)
    one, other = (read_h5(f"{name}.h5") for name in ("whole", "parts"))
    for a, b in ((one.networks, other.networks), (one.charges.networks, other.charges.networks)):
        assert all(x.flat().tobytes() == y.flat().tobytes() for x, y in zip(a, b, strict=True))
    assert one.charges.hardness == other.charges.hardness


@needs_mpi[0]
@needs_mpi[1]
def test_ranks_find_the_same(folder, monkeypatch):
    """Sums over two ranks are rounded in another order; that is all."""
    monkeypatch.chdir(folder)
    modes = ("labels", "latent, equilibrated")
    mpirun(2, SCRIPT, "-1", "0", *(f"{mode}.toml:{mode} ranks" for mode in modes), cwd=folder)
    for mode in modes:
        assert main(["train", f"{mode}.toml", "--quiet", "--set", "output.name=whole", "--overwrite"]) == 0
        histories = []
        for name in ("whole", f"{mode} ranks"):
            with h5py.File(f"{name}.training.h5") as file:
                histories.append(file["member 0/history/validation force"][()])
        np.testing.assert_allclose(*histories, rtol=1e-5)


def test_from_python(folder):
    """The same sections, and structures at hand."""
    result = mdcore.train(
        structures(folder), descriptors={"cutoff": 4.0, "radial": 4, "angular": 1, "zetas": [1], "keep": 6, "rare": 0},
        network={"hidden": [5]}, long_range={"charges": "labels", "joint": True},
        optimizer={"type": "lbfgs", "epochs": 4},
    )  # fmt: skip
    assert "charge, me" in str(result) and 0.0 < result.rmse("charge") < 200.0
    best = result.histories[0]["validation charge"][result.best_epochs[0]]
    assert best == pytest.approx(result.rmse("charge"), rel=1e-6)


WRONG = {
    "[long_range]\ncharges = 'labels'": ("optimizer", "the first one trains the charges alone"),
    "[long_range]\njoint = true": ("joint", 'applies to charges = "labels" only'),
    "[long_range]\ncharges = {Na = 1.0}\nequilibrate = true": ("equilibrate", "fixed charges are as they are"),
    "[long_range]\nequilibrate = true\nconserve = false": ("conserve", "add up to the total charge"),
    "[long_range]\ncharges = {Xx = 1.0}": ("charges", "'Xx' is no chemical element"),
    "[long_range]\n[output]\nn2p2 = true": ("n2p2", "written as .h5 files only"),
    "[loss]\ncharges = 1.0": ("charges", "applies to charges with labels"),
}


@pytest.mark.parametrize("own", list(WRONG))
def test_what_does_not_go_together(own):
    key, told = WRONG[own]
    start = START.partition("[output]")[0].replace('"salt.xyz"', f'"{__file__}"')
    with pytest.raises(InputError, match=r"train\.toml") as error:
        parse_training(start + '[[optimizer]]\ntype = "adam"\nepochs = 1\n' + own, "train.toml")
    assert told in str(error.value) and key in str(error.value)


def test_what_does_not_suit_the_data(folder, monkeypatch, capsys):
    """Charges that are not there, or do not add up; cells that are slabs; elements without a charge."""
    monkeypatch.chdir(folder)
    text = (folder / "joint.toml").read_text()
    cases = {
        "none": (text.replace('charges = "q"\n', ""), "no charges"),
        "total": (text.replace('total_charge = "Q"\n', ""), "its charges add up to 1 e, and its total charge is 0"),
        "key": (text.replace('"Q"', '"X"'), "no X, the key of the total charge"),
        "elements": (text.replace('charges = "labels"\njoint = true\nhidden = [4]', "charges = { Na = 1.0 }"), "Cl"),
        "widths": (text.replace("joint = true", "joint = true\nwidths = { Na = 1.0 }"), "Cl"),
    }
    (folder / "slab.xyz").write_text((folder / "salt.xyz").read_text().replace("Lattice", 'pbc="T T F" Lattice'))
    cases["slab"] = (text.replace("salt.xyz", "slab.xyz"), "periodic along some axes")
    for name, (own, told) in cases.items():
        (folder / f"wrong_{name}.toml").write_text(own)
        assert main(["train", f"wrong_{name}.toml", "--quiet"]) == 2, name
        error = capsys.readouterr().err
        assert told in error and ("salt.xyz" in error or f"wrong_{name}.toml" in error), (name, error)


def test_fixed_charges_that_do_not_add_up_are_told(folder, monkeypatch, capsys):
    """One line with the amount where they are trained, and where they run; where it is as large as the charges it is
    refused; what is as the structure says, or rounding, is not worth a word."""
    monkeypatch.chdir(folder)
    said = "fixed charges do not add up to the total charge in "
    text = (folder / "fixed.toml").read_text()

    def told(charges, command="check"):
        (folder / "sum.toml").write_text(text.replace("{ Na = 0.9, Cl = -0.9 }", charges))
        code = main([command, "sum.toml"])
        return code, capsys.readouterr().err

    code, error = told("{ Na = 0.9, Cl = 0.9 }")
    assert code == 2 and "sum.toml: [long_range] charges" in error and "each atom would have -0.9 e more, and" in error
    assert told("{ Na = 1.0, Cl = -1.0 }") == told("{ Na = 1.0, Cl = -0.99999999 }") == (0, "")
    assert "fixed" not in told("{ Na = 1.0, Cl = -0.9 }\nconserve = false")[1]
    code, error = told("{ Na = 1.0, Cl = -0.9 }", "train")
    assert code == 0 and error.count(said) == 1  # a fault of all structures is told as one of all
    assert said + "18 of 18 structures: in salt.xyz: structure 0 each atom gets -0.05 e more, the most" in error
    (folder / "pair.extxyz").write_text("3\n\nNa 0 0 0\nCl 2.6 0 0\nCl -2.6 0 0\n")
    (folder / "pair.toml").write_text(
        '[structure]\nfile = "pair.extxyz"\n[potential]\ntype = "hdnnp"\nfile = "sum.h5"\n'
        '[[stage]]\nensemble = "nve"\ntimestep = 1.0\nsteps = 1\n'
    )
    assert main(["check", "pair.toml"]) == 0
    found = "charges of sum add up to -0.8 e, and the charge of the structure is 0: each of 3 atoms gets +0.267 e more"
    assert found in " ".join(capsys.readouterr().out.split())
    assert main(["check", "pair.toml", "--set", "potential.0.total_charge=-0.8"]) == 0
    assert "the fixed charges" not in capsys.readouterr().out
