"""Do structures train that have some labels and lack others?"""

import os
import re
import warnings

import h5py
import numpy as np
import pytest

from mdcore.cli import main
from mdcore.engine.evaluation import evaluate
from mdcore.potentials.networks.files import read_model
from mdcore.potentials.pair.lj import LennardJones
from mdcore.training.data.labelled import Labelled
from tests.test_train_summary import structure

pytestmark = pytest.mark.filterwarnings("error")
INPUT = """\
seed = 3
[[data]]
file = "data.xyz"
[split]
validation = {validation}
[descriptors]
cutoff = 4.0
radial = 4
angular = 2
zetas = [1, 4]
keep = 10
rare = 0
[network]
hidden = [6, 6]
[loss]
energy = {energy}
forces = {forces}
stress = {stress}
[[optimizer]]
type = "{kind}"
epochs = 3
[output]
plot = false
"""


def frames(n=12) -> list[dict]:
    """Boxes of the Lennard-Jones mixture with all labels; every third is a cluster and has no stress."""
    lj, found = LennardJones(3.9, species={"H": (0.05, 1.2), "O": (0.08, 1.5)}, truncation="force-shifted"), []
    for k in range(n):
        s = structure(k, "OHHOHH")
        if k % 3 == 2:
            s = Labelled(symbols=s.symbols, positions=s.positions)
        answer = evaluate(lj, s.structure)
        stress = None if s.cell is None else answer.stress / 160.21766
        found.append({"symbols": s.symbols, "positions": s.positions, "cell": s.cell, "energy": answer.energy,
                      "forces": answer.forces, "stress": stress})  # fmt: skip
    return found


def written(frame: dict) -> str:
    """As extended xyz, without labels that are None."""
    cell, n = frame["cell"], len(frame["symbols"])
    columns = "species:S:1:pos:R:3" + ("" if frame["forces"] is None else ":forces:R:3")
    head = [f"Properties={columns}", 'pbc="F F F"' if cell is None else 'pbc="T T T"']
    head += [] if cell is None else ['Lattice="{}"'.format(" ".join(map(repr, map(float, cell.ravel()))))]
    head += [] if frame["energy"] is None else [f"energy={float(frame['energy'])!r}"]
    if frame["stress"] is not None:
        head.append('stress="{}"'.format(" ".join(map(repr, map(float, frame["stress"].ravel())))))
    rows = frame["positions"] if frame["forces"] is None else np.hstack([frame["positions"], frame["forces"]])
    lines = [f"{s} {' '.join(map(repr, map(float, row)))}" for s, row in zip(frame["symbols"], rows, strict=True)]
    return "\n".join([str(n), " ".join(head), *lines, ""])


@pytest.fixture
def trained(tmp_path, monkeypatch, capsys):
    """trained(frames, options of INPUT) : (exit code, what was told); told once more by `check`"""
    monkeypatch.chdir(tmp_path)

    def run(data, *overrides, **given):
        options = {"validation": 0, "energy": 3.0, "forces": 1.0, "stress": 0.0, "kind": "kalman"} | given
        (tmp_path / "train.toml").write_text(INPUT.format(**options))
        (tmp_path / "data.xyz").write_text("".join(map(written, data)))
        sets = [part for item in overrides for part in ("--set", item)]
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            code = main(["train", "train.toml", "--overwrite", *sets])
            told = "".join(capsys.readouterr())
            assert main(["check", "train.toml", *sets]) == code
        return code, told, "".join(capsys.readouterr())

    return run


@pytest.mark.parametrize("kind", ["kalman", "adam", "lbfgs"])
def test_missing_labels_do_not_count(kind, trained):
    data = frames()
    data[3]["forces"] = data[4]["energy"] = data[6]["stress"] = data[7]["stress"] = None
    code, told, checked = trained(data, stress=1.0, kind=kind, validation=0.2)
    assert code == 0
    for text in (told, checked):
        assert "no energy in 1 of 12 structures (data.xyz: structure 4): what is missing does not count" in text
        assert "no forces in 1 of 12 structures (data.xyz: structure 3)" in text
        assert re.search(r"no stress in 6 of 12 structures \(data.xyz: structure \d and 5 more\)", text)
    assert "energy 11 of 12, forces 11 of 12, stress 6 of 12" in checked
    with h5py.File("train.training.h5") as file:
        for name in ("energy", "force", "stress"):
            course = file[f"member 0/history/train {name}"][()]
            assert np.isfinite(course).all() and (name != "force" or course[-1] < course[0])
        assert sum(np.isnan(file[f"data/{name}/energy"][()]).sum() for name in ("train", "validation")) == 1


def test_stress_that_is_not_trained_on_is_told(trained):
    """Labels of one volume leave pressure unknown, and the default weight of stress is 0."""
    bare = [{**frame, "stress": None} for frame in frames()]
    for data, weight, expected in ((frames(), 0.0, True), (frames(), 1.0, False), (bare, 0.0, False)):
        for text in trained(data, stress=weight, validation=0.25)[1:]:
            found = re.search(r"stress: \d+ structures .* \[loss\] stress = 1 trains on them", text)
            assert bool(found) == expected, text


@pytest.mark.parametrize("kind", ["kalman", "adam", "lbfgs"])
@pytest.mark.parametrize("only", ["energy", "forces", "stress"])
def test_one_kind_of_label_alone(kind, only, trained):
    data = [{**frame, **dict.fromkeys({"energy", "forces", "stress"} - {only})} for frame in frames()]
    weights = {name: float(name == only) for name in ("energy", "forces", "stress")}
    code, told, _ = trained(data, kind=kind, validation=0.25, **weights)
    assert code == 0 and "best: epoch 0" not in told, told
    history = {"energy": "energy", "forces": "force", "stress": "stress"}[only]
    with h5py.File("train.training.h5") as file:
        course = file[f"member 0/history/train {history}"][()]
    assert course.min() < course[0]


def test_a_weight_without_any_label_is_refused(trained):
    for name in ("energy", "forces", "stress"):
        code, told, _ = trained([{**frame, name: None} for frame in frames()], stress=1.0)
        assert code == 2 and f"no {name}. Name the key" in told and f"set the weight of {name} in the loss to 0" in told
        assert "data.xyz: structure 0 (and 11 more)" in told and not os.path.exists("train.h5")
    only = [{**frame, "cell": None, "stress": None} for frame in frames()]
    code, told, _ = trained(only, stress=1.0)
    assert code == 2 and "not periodic along three directions" in told


@pytest.mark.parametrize(
    ("n", "validation", "told"), [(1, 0.1, True), (4, 0.1, True), (4, 0.0, False), (9, 0.1, False)]
)
def test_so_few_that_nothing_validates(trained, n, validation, told):
    """Told, unless it was asked for."""
    code, *texts = trained(frames(9)[:n], validation=validation)
    assert code == 0
    for text in texts:
        assert (f"nothing validates: of {n} structures to train on none is held back" in text) == told


def test_a_validation_set_without_labels(trained):
    """Of one kind: told. Of all kinds: refused."""
    data = frames(9)
    for frame in data[6:]:
        frame["forces"] = None
    both = 'data=[{file="data.xyz", use="train"}, {file="other.xyz", use="validation"}]'
    with open("other.xyz", "w") as stream:
        stream.writelines(written(frame) for frame in data[6:])
    code, told, checked = trained(data[:6], both)
    assert code == 0
    for text in (told, checked):
        assert "no forces in structures that validate: other errors decide which epoch is the best" in text
    code, told, _ = trained(data[:6], both, energy=0.0)
    assert code == 2 and "no structure that validates has forces" in told


def lone(element: str, energy: float) -> dict:
    return {"symbols": [element], "positions": np.zeros((1, 3)), "cell": None, "energy": energy,
            "forces": np.zeros((1, 3)), "stress": None}  # fmt: skip


@pytest.mark.parametrize("how", ['"fit"', '"isolated"', '"none"', "{H=-1.0, C=-2.0, N=-3.0, O=-4.0}"])
def test_lone_atoms_of_elements_that_no_structure_has(how, trained):
    """They are left out, with a word; those of the others count."""
    data = [lone(e, x) for e, x in (("H", -1.0), ("C", -2.0), ("N", -3.0), ("O", -4.0))] + frames()
    for frame in data[4:]:
        frame["energy"] += -1.0 * frame["symbols"].count("H") - 4.0 * frame["symbols"].count("O")
    code, told, checked = trained(data, f"network.atom_energies={how}")
    assert code == 0
    for text in (told, checked):
        assert "left out: lone atoms of C, N (data.xyz: structure 1), which no structure to train on contains" in text
        assert "structures: 14 train" in text
    model = read_model("train.h5")
    assert model.elements == ("H", "O")
    if how != '"none"':
        np.testing.assert_allclose(model.atom_energies, (-1.0, -4.0), atol=0.1)


def test_a_table_of_atom_energies_is_still_checked(trained):
    code, told, _ = trained(frames(), "network.atom_energies={H=-1.0, N=-3.0, O=-4.0}")
    assert code == 2 and "the data have no N" in told


@pytest.mark.parametrize("kind", ["kalman", "adam", "lbfgs"])
def test_weights_mean_the_same_to_all_optimisers(kind, trained):
    """The same weights lead each of them to forces, or a hundred times the weight to energies."""
    errors = {}
    for energy in (0.1, 10.0):
        code, told, _ = trained(frames(), "optimizer.epochs=15", kind=kind, energy=energy)
        assert code == 0 and "weights have no units" not in told
        with h5py.File("train.training.h5") as file:
            errors[energy] = [file[f"member 0/history/train {name}"][()] for name in ("energy", "force")]
        serious = errors[energy][int(energy < 1.0)]
        assert serious.min() < 0.95 * serious[0]
    assert errors[10.0][0][-1] / errors[10.0][1][-1] < errors[0.1][0][-1] / errors[0.1][1][-1]
    _, told, checked = trained(frames(), kind=kind, energy=1e5)
    assert all("[loss]: energy = 100000 beside forces = 1: weights have no units" in text for text in (told, checked))
