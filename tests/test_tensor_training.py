"""Are tensors learnt: are labels read as they are meant, is the gradient that of the loss, is a known law found?"""

from dataclasses import fields

import h5py
import numpy as np
import pytest

from mdcore import InputError, TensorPotential, evaluate
from mdcore.base.errors import Interrupted
from mdcore.base.units import BOHR
from mdcore.cli import main
from mdcore.cli.train_tensors import train
from mdcore.config import reference
from mdcore.config.load_training import load_training, parse_training
from mdcore.config.training_tensors import (
    TensorDataSettings,
    TensorLossSettings,
    TensorModelSettings,
    TensorTrainingSettings,
)
from mdcore.faces.schema import is_required, keys
from mdcore.potentials.networks.frozen import identical
from mdcore.potentials.tensors.h5 import read_tensors
from mdcore.potentials.tensors.model import Design
from mdcore.training.tensors import settings as library
from mdcore.training.tensors.data import TensorLabelled, of_source
from mdcore.training.tensors.regression import TensorRegression, TensorSet, start
from mdcore.training.tensors.settings import TensorLoss, TensorSource
from tests.mpi import ROOT, mpirun, needs_mpi

WATER = np.array([[0.0, 0.0, 0.0], [0.76, 0.59, 0.0], [-0.76, 0.59, 0.0]])
CHARGE = 0.35  # e, of H


def molecule(rng):
    """(positions, dipole, polarizability) of a bent and turned water with fixed charges, whose electrons are the softer
    the longer bonds are."""
    turn = np.linalg.qr(rng.normal(size=(3, 3)))[0]
    x = (WATER + rng.normal(scale=0.08, size=(3, 3))) @ turn.T + rng.uniform(-3, 3, 3)
    a, b = x[1] - x[0], x[2] - x[0]
    alpha = 1.2 * np.eye(3) + sum(0.3 * np.linalg.norm(r) * np.outer(r, r) for r in (a, b))
    return x, CHARGE * (a + b), alpha


def structures(n, seed=1):
    rng, found = np.random.default_rng(seed), []
    for k in range(n):
        x, dipole, alpha = molecule(rng)
        six = alpha[[0, 1, 2, 1, 0, 0], [0, 1, 2, 2, 2, 1]]
        nothing = np.full((3, 3), np.nan)
        atomic = nothing.copy()
        atomic[0] = dipole
        own = {"dipole": dipole} if k % 2 else {"atomic_dipole": atomic}
        found.append(TensorLabelled(symbols=("O", "H", "H"), positions=x, polarizability=six, index=k, **own))
    return found


def design(**changes):
    usual = {"dipole": "vectors", "ions": (), "centers": ("O",)} | changes
    return Design(("H", "O"), usual["centers"], 4.0, 5, 3, (8, 6), usual["dipole"], True, usual["ions"])


def as_extxyz(path, data, **keys_of):
    names = {"dipole": "dipole", "polarizability": "polarizability", "atomic": "atomic_dipole"} | keys_of
    with open(path, "w") as file:
        for s in data:
            info = "" if s.dipole is None else f' {names["dipole"]}="{" ".join(map(str, s.dipole))}"'
            info += f' {names["polarizability"]}="{" ".join(map(str, s.polarizability))}"'
            own = s.atomic_dipole if s.atomic_dipole is not None else np.full((3, 3), np.nan)
            print(f"3\nProperties=species:S:1:pos:R:3:{names['atomic']}:R:3 pbc=\"F F F\"{info}", file=file)
            for symbol, x, mu in zip(s.symbols, s.positions, own, strict=True):
                print(symbol, *x, *mu, file=file)


# --- labels ------------------------------------------------------------------------------------------------


def test_extxyz_with_names_and_units(tmp_path):
    data = structures(4)
    as_extxyz(tmp_path / "a.xyz", data)
    found = of_source(TensorSource(file=str(tmp_path / "a.xyz")))
    assert np.array_equal(found[1].dipole, data[1].dipole) and found[0].dipole is None
    assert np.array_equal(found[0].atomic_dipole, data[0].atomic_dipole, equal_nan=True)
    assert np.array_equal(found[3].polarizability, data[3].polarizability)
    as_extxyz(tmp_path / "b.xyz", data, dipole="mu", polarizability="alpha", atomic="own")
    other = of_source(TensorSource(
        file=str(tmp_path / "b.xyz"), dipole="mu", polarizability="alpha", atomic_dipole="own", dipole_unit="e bohr",
        polarizability_unit="bohr3",
    ))  # fmt: skip
    assert np.allclose(other[1].dipole, BOHR * data[1].dipole, rtol=1e-14)
    assert np.allclose(other[0].polarizability, BOHR**3 * data[0].polarizability, rtol=1e-14)
    with pytest.raises(InputError, match="no structure has a dipole moment or a polarizability"):
        of_source(TensorSource(file=str(tmp_path / "b.xyz")))
    with pytest.raises(InputError, match=r'periodic = true is for folders of DeePMD'):
        of_source(TensorSource(file=str(tmp_path / "a.xyz"), periodic=True))


def folder_of(path, cluster=False, n=3):
    rng = np.random.default_rng(1)
    part = path / "set.000"
    part.mkdir(parents=True)
    (path / "type.raw").write_text("0 1 1\n")
    (path / "type_map.raw").write_text("O\nH\n")
    if cluster:
        (path / "nopbc").touch()
    arrays = {
        "coord": np.array([molecule(rng)[0].ravel() for _ in range(n)]),
        "box": np.tile(10.0 * np.eye(3).ravel(), (n, 1)),
        "dipole": rng.normal(size=(n, 3)), "atomic_dipole": rng.normal(size=(n, 9)),
        "polarizability": np.tile([1.0, 0.2, 0.0, 0.4, 2.0, 0.0, 0.0, 0.0, 3.0], (n, 1)),
        "atomic_polarizability": np.tile(np.arange(27.0), (n, 1)),
    }  # fmt: skip
    for name, values in arrays.items():
        np.save(part / f"{name}.npy", values)
    return arrays


def test_folders_of_deepmd(tmp_path):
    arrays = folder_of(tmp_path / "a", cluster=True)
    with pytest.warns(UserWarning, match=r"frame 0 \(and \d+ more\): .*polarizability is not symmetric"):
        cluster = of_source(TensorSource(file=str(tmp_path / "a")))
    assert not any(cluster[0].periodic)
    with pytest.warns(UserWarning):
        found = of_source(TensorSource(file=str(tmp_path / "a"), periodic=True, tag="water"))
    assert all(found[0].periodic) and found[0].cell[1, 1] == 10.0 and found[0].tag == "water"
    assert np.array_equal(found[2].dipole, arrays["dipole"][2])
    assert np.array_equal(found[2].atomic_dipole, arrays["atomic_dipole"][2].reshape(3, 3))
    assert np.allclose(found[0].polarizability, [1.0, 2.0, 3.0, 0.0, 0.0, 0.3])
    assert np.allclose(found[0].atomic_polarizability[1], [9, 13, 17, 15, 13, 11])
    np.save(tmp_path / "a/set.000/dipole.npy", np.zeros((3, 4)))
    with pytest.raises(InputError, match=r"dipole\.npy: an array of shape \(3, 4\), expected \[3, 3\]"):
        of_source(TensorSource(file=str(tmp_path / "a")))


# --- loss and gradient -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "changes",
    [{}, {"centers": ("H", "O")}, {"ions": (("H", 0.5),)}, {"dipole": "charges and vectors", "centers": ("H", "O")}],
)
def test_the_gradient_is_that_of_the_loss(changes):
    data = TensorSet(design(**changes), structures(6))
    counts = TensorLoss(dipole=1.5, polarizability=0.7)
    model, spread = start(data.design, data, counts, 1)
    own = TensorRegression(model, data, counts, spread)
    rng = np.random.default_rng(2)
    begin = own.parameters + 0.1 * rng.normal(size=own.n_parameters)
    for chosen in (None, np.array([4, 1, 2])):
        own.set(begin)
        loss, gradient = own.loss(chosen)
        assert loss > 0.0
        for _ in range(4):
            way = rng.normal(size=own.n_parameters)
            sides = []
            for sign in (1.0, -1.0):
                own.set(begin + sign * 1e-5 * way)
                sides.append(own.loss(chosen)[0])
            assert (sides[0] - sides[1]) / 2e-5 == pytest.approx(gradient @ way, rel=1e-6, abs=1e-9)


def test_the_loss_is_that_of_the_formula():
    data = TensorSet(design(centers=("O",)), structures(2))
    model, spread = start(data.design, data, TensorLoss(), 1)
    own = TensorRegression(model, data, TensorLoss(dipole=2.0), spread)
    wholes, atomic = own.predict()
    first, second = data.structures
    off = [wholes["dipole"][1] - second.dipole, atomic[0]["dipole"][0] - first.atomic_dipole[0]]
    six = wholes["polarizability"] - [first.polarizability, second.polarizability]
    right = sum(own @ own for own in off) * (2.0 / spread["dipole"]) ** 2 / 3.0
    right += np.sum(six**2 * [1, 1, 1, 2, 2, 2]) / spread["polarizability"] ** 2 / 9.0
    assert own.loss()[0] == pytest.approx(right, rel=1e-9)


def test_far_dipoles_are_taken_off_labels_and_given_back():
    """Of the law of Clausius and Mossotti, whether atoms or the whole are known; as a run tells it."""
    rng, cell = np.random.default_rng(3), np.diag([5.0, 5.5, 6.0])
    x, _, one = molecule(rng)
    y, _, two = molecule(rng)
    pairs = [0, 1, 2, 1, 0, 0], [0, 1, 2, 2, 2, 1]
    f = np.linalg.inv(np.eye(3) - 4.0 * np.pi / 3.0 / np.linalg.det(cell) * (one + two))
    own = [0.5 * (a @ f + f @ a) for a in (one, two)]
    atomic = np.full((6, 6), np.nan)
    atomic[[0, 3]] = [a[pairs] for a in own]
    usual = {"symbols": ("O", "H", "H") * 2, "positions": np.concatenate([x - x[0], y - y[0] + 2.6]), "cell": cell,
             "periodic": (True,) * 3}  # fmt: skip
    known = [{"atomic_polarizability": atomic}, {"polarizability": sum(own)[pairs]}]
    data = [TensorLabelled(index=k, **usual, **each) for k, each in enumerate(known)]
    there = Design(("H", "O"), ("O",), 2.0, 4, 2, (4,), "none", True, (), True)
    told = TensorSet(there, data)
    assert np.allclose(told.labels("polarizability", 0)[:2], [one[pairs], two[pairs]], atol=1e-12)
    assert np.allclose(told.wholes("polarizability")[1], (one + two)[pairs], atol=1e-12)
    assert np.array_equal(told.wholes("polarizability", far=True)[1], sum(own)[pairs])
    model, spread = start(there, told, TensorLoss(), 1)
    regression = TensorRegression(model, told, TensorLoss(), spread)
    wholes, (atoms,) = regression.predict()
    assert np.allclose(wholes["polarizability"][1], atoms["polarizability"][2:].sum(axis=0), atol=1e-12)
    found = evaluate(TensorPotential(regression.fitted()), data[0].structure, findings=True).findings
    six = [found[f"polarizability_{axis}"] for axis in ("xx", "yy", "zz", "yz", "xz", "xy")]
    assert np.allclose(wholes["polarizability"][0], six, atol=1e-9)
    atomic[3] = np.nan
    with pytest.raises(InputError, match="give it, or local_field = false"):
        TensorSet(there, data[:1]).labels("polarizability", 0)


@pytest.mark.parametrize("changes", [{"dipole": "charges", "centers": ("H", "O")}, {"ions": (("H", CHARGE),)}])
def test_charges_that_are_right_are_found_at_once(changes):
    """The linear start knows that they are the same for all atoms; ions leave nothing to learn."""
    data = TensorSet(design(**changes), structures(40))
    if "ions" in changes:
        assert np.nanmax(np.abs(data.labels("dipole", 0))) < 1e-12
        return
    _, spread = start(data.design, data, TensorLoss(), 1)
    whole = [s for s in structures(40) if s.dipole is not None]
    data = TensorSet(data.design, whole)
    model, spread = start(data.design, data, TensorLoss(), 1)
    silent = TensorRegression(model, data, TensorLoss(), spread)
    for (w, _), in ([layers[-1]] for layers in silent.networks):
        w[...] = 0.0  # what is random
    assert silent.errors().cell_dipole < 1e-5 * spread["dipole"]


# --- the command -------------------------------------------------------------------------------------------

INPUT = """
[[data]]
file = "all.xyz"

[split]
validation = 0.1
test = 0.1

[model]
type = "tensors"
centers = ["O"]
cutoff = 4.0
radial = 5
mixed = 3
hidden = [8]

[optimizer]
type = "adam"
epochs = 12
batch = 4
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    as_extxyz("all.xyz", structures(120))
    (tmp_path / "t.toml").write_text(INPUT)
    return tmp_path


def test_training_finds_a_law(folder, capsys):
    """Of charges and bonds, to a few per cent of the spread on structures never seen; files, a run's potential."""
    assert main(["check", "t.toml"]) == 0
    assert "of the whole of 60 structures, of atoms of 60" in capsys.readouterr().out
    assert main(["train", "t.toml", "--set", "optimizer.0.epochs=30"]) == 0
    out = capsys.readouterr().out
    assert "valid cell-polarizability" in out and "test RMSE" in out
    for suffix in (".h5", ".training.h5", ".errors.txt", ".parity.png", ".learning.png"):
        assert (folder / f"t{suffix}").exists()
    potential = TensorPotential("t.h5")
    fresh = structures(30, seed=9)
    found = [evaluate(potential, s.structure, findings=True).findings for s in fresh]
    six = ("xx", "yy", "zz", "yz", "xz", "xy")
    for quantity, axes, most in (("dipole", "xyz", 0.025), ("polarizability", six, 0.03)):  # a tenth, a fifth
        told = np.array([[own[f"{quantity}_{axis}"] for axis in axes] for own in found])
        label = [molecule_of(s, quantity) for s in fresh]
        assert np.sqrt(np.mean((told - label) ** 2)) < most, quantity
    assert potential.model.training["epochs"] == 30 and "120" not in potential.model.provenance["structures"]
    assert main(["info", "t.training.h5"]) == 0 and "elements     H, O" in capsys.readouterr().out


def molecule_of(s, quantity):
    own = s.whole(quantity)
    return own if own is not None else s.atomic(quantity)[0]


def test_restart_goes_on_bit_by_bit(folder, capsys):
    """Stopped after four epochs of twelve, and gone on with: the file of the model has the same numbers."""
    quiet = ["--quiet", "--set", "output.plot=false"]
    assert main(["train", "t.toml", *quiet, "--set", "output.name=whole"]) == 0
    calls = iter(range(100))
    with pytest.raises(Interrupted, match="stopped after epoch 4"):
        train(load_training("t.toml", ["output.plot=false"]), say=lambda text="": None, stop=lambda: next(calls) == 4)
    assert main(["train", "t.toml"]) != 0 and "results exist; go on with --restart" in capsys.readouterr().err
    assert main(["train", "t.toml", "--restart", "--set", "output.plot=false"]) == 0
    assert "training goes on after epoch 4" in capsys.readouterr().out
    assert identical(read_tensors("t.h5").parameters, read_tensors("whole.h5").parameters)
    with h5py.File("t.training.h5") as file:
        assert np.array_equal(file["member 0/history/epoch"], np.arange(13.0))
        assert set(file["data/train"]) >= {"dipole", "atomic_polarizability"}
        assert file["model"].attrs["type"] == "tensors" and file["member 0/predictions/test/dipole"].shape == (12, 3)
    as_extxyz("all.xyz", structures(120, seed=8))
    assert main(["train", "t.toml", "--restart"]) != 0
    assert "began with other data or labels to train on" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (("centers = [\"O\"]", "centers = [\"C\"]"), '[model] centers = ["C"]: the data have no C; they have H, O'),
        (("centers = [\"O\"]", "centers = [\"Q\"]"), "'Q' is no chemical element"),
        (("hidden = [8]", "ions = { O = 1.0 }"), "O carries tensors itself"),
        (("hidden = [8]", 'dipole = "charges"\nions = { H = 1.0 }'), 'ions'),
        (("batch = 4", "forces = 1.0"), "weighs labels of potentials; [loss] says what counts of tensors"),
        (('type = "adam"', 'type = "kalman"'), "expected one of"),
        (("[optimizer]", "[loss]\ndipole = 0\npolarizability = 0\n[optimizer]"), "nothing counts"),
        (("[optimizer]", "[output]\nn2p2 = true\n[optimizer]"), "n2p2 knows no tensors"),
        (("[optimizer]", "[descriptors]\ncutoff = 4\n[optimizer]"), "descriptors"),
        (('file = "all.xyz"', 'file = "all.xyz"\ndipole_unit = "D"'), "Debye"),
        (('file = "all.xyz"', 'file = "all.xyz"\ndipole = "mu"\npolarizability = "al"\natomic_dipole = "q"'),
         "no structure has a dipole moment or a polarizability"),
        (('validation = 0.1', 'validation = 0.95'), "0.9"),
    ],
)  # fmt: skip
def test_wrong_inputs_are_told(folder, capsys, change, says):
    text = INPUT.replace(*change)
    assert text != INPUT
    (folder / "t.toml").write_text(text)
    code = main(["check", "t.toml"])
    err = capsys.readouterr().err
    assert code != 0 and says in err and "Traceback" not in err, err


def test_labels_of_other_atoms_do_not_count(folder, capsys):
    """Dipole moments of O alone, polarizabilities under another name, and H is to carry them."""
    text = (folder / "all.xyz").read_text().replace(" dipole=", " a=").replace(" polariz", " b")
    (folder / "all.xyz").write_text(text)
    (folder / "t.toml").write_text(INPUT.replace('["O"]', '["H"]'))
    assert main(["check", "t.toml"]) != 0
    assert "no structure to train on has a label that counts" in capsys.readouterr().err


def test_charges_in_a_cell_are_refused(folder, capsys):
    text = (folder / "all.xyz").read_text().replace('pbc="F F F"', 'Lattice="20 0 0 0 20 0 0 0 20" pbc="T T T"')
    (folder / "all.xyz").write_text(text)
    (folder / "t.toml").write_text(INPUT.replace("hidden = [8]", 'dipole = "charges"'))
    assert main(["train", "t.toml"]) != 0
    assert 'is periodic, and charges times positions are a dipole moment of clusters alone' in capsys.readouterr().err


@pytest.mark.parametrize("ranks", [pytest.param(2, marks=needs_mpi)])
def test_several_ranks_are_refused(folder, ranks):
    done = mpirun(ranks, "-m", "mdcore", "train", "t.toml", cwd=folder, check=False)
    assert done.returncode and "tensors are trained by one process, and these are 2" in done.stderr


# --- settings ----------------------------------------------------------------------------------------------


def test_reference_page():
    message = "run: python -m mdcore.config.reference tensors > docs/tensors-input.md"
    assert (ROOT / "docs" / "tensors-input.md").read_text() == reference.tensors_page(), message
    assert isinstance(parse_training(reference.TENSORS_EXAMPLE.replace(
        "water_dipoles.extxyz", str(ROOT / "inputs/water.extxyz")), "t.toml"), TensorTrainingSettings)  # fmt: skip


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (TensorDataSettings, library.TensorSource), (TensorModelSettings, library.TensorSettings),
        (TensorLossSettings, library.TensorLoss),
    ],
)  # fmt: skip
def test_an_input_has_what_the_library_has_and_the_same_defaults(ours, theirs):
    own, there = keys(ours), {f.name: f for f in fields(theirs)}
    assert set(own) - {"type"} == set(there)
    for name, field in there.items():
        if not is_required(own[name]):
            mine = own[name]
            given = [f.default_factory() if callable(f.default_factory) else f.default for f in (mine, field)]
            assert given[0] == given[1], name


@pytest.mark.reference
def test_water_of_deepmd():
    """Wannier centres at O: the best weights that are the same for all atoms leave less than a fifth of the spread."""
    folder = ROOT.parent / "shared/reference/datasets/water_tensors/dipole/training/atomic_system"
    if not folder.exists():
        pytest.skip("reference data not at hand")
    data = of_source(TensorSource(file=str(folder), periodic=True))[::8]
    assert data[0].n == 192 and 0.2 < np.linalg.norm(data[0].atomic_dipole[0]) < 0.45
    own = TensorSet(Design(("H", "O"), ("O",), 6.0, 8, 6, (8,), "vectors", False), data)
    model, spread = start(own.design, own, TensorLoss(), 1)
    assert TensorRegression(model, own, TensorLoss(), spread).errors().dipole < 0.2 * spread["dipole"]
