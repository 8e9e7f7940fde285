"""Does `mdcore train` end with a potential that runs, and go on after a kill as if nothing had happened?"""

import functools
import io
import os
import re
from dataclasses import replace

import h5py
import numpy as np
import pytest

import mdcore
from mdcore import HDNNPotential
from mdcore.base.errors import InputError, Interrupted, SimulationError
from mdcore.cli import main
from mdcore.cli.train import check, train
from mdcore.config.load_training import load_training
from mdcore.engine.evaluation import evaluate
from mdcore.potentials.families import single
from mdcore.potentials.networks.files import read_model
from mdcore.potentials.networks.trained import fingerprint
from mdcore.potentials.networks.walls import SHORTEST
from mdcore.potentials.pair.lj import LennardJones
from mdcore.structure import extxyz
from mdcore.training.data import sources
from mdcore.training.fit import Fit, Stage
from mdcore.training.regression import Errors
from tests.test_train_summary import structure

INPUT = """\
title = "a liquid that never was"
seed = 3
card = { licence = "none" }

[[data]]
file = "data.xyz"

[split]
validation = 0.2
test = 0.2

[descriptors]
cutoff = 4.0
radial = 4
angular = 2
zetas = [1, 4]
keep = 10

[network]
hidden = [6, 6]

[loss]
tags = { hot = 2.0 }

[[optimizer]]
type = "kalman"
structures = 1
epochs = 4

[[optimizer]]
type = "adam"
epochs = 2
batch = 8

[[optimizer]]
type = "lbfgs"
epochs = 2

[output]
plot = false
"""


def of_density(text: str) -> str:
    """The same training of a small density network."""
    begin, end = text.index("[descriptors]"), text.index("[loss]")
    sizes = 'type = "density"\ncutoff = 4.0\nchannels = 16\nl_max = 2\nradial = 4\nmixed = 4\nhidden = 4\n\n'
    text = text[:begin] + "[model]\n" + sizes + text[end:]
    return text.replace('"kalman"\nstructures = 1', '"soap"\nwarmup = 20\nstep = 0.003')


INPUTS = {"symmetry": INPUT, "density": of_density(INPUT)}
BOTH = pytest.mark.parametrize("folder", INPUTS, indirect=True)


@functools.cache
def data() -> str:
    """Forty structures with the energies and forces of a Lennard-Jones mixture.

    Atoms are smaller than they come close: on the wall a few pairs would make up the errors of all.
    """
    lj = LennardJones(3.9, species={"H": (0.05, 1.2), "O": (0.08, 1.5)}, truncation="force-shifted")
    stream = io.StringIO()
    for k in range(40):
        s = structure(k, "OHHOHH").structure
        answer = evaluate(lj, s)
        s_atoms = type("Atoms", (), {"velocities": None, **{n: getattr(s, n) for n in vars(s)}})
        extxyz.write_frame(
            stream, s_atoms, units=s.units, energy=answer.energy, forces=answer.forces,
            info={"tag": "hot" if k % 2 else "cold"},
        )  # fmt: skip
    return stream.getvalue()


@pytest.fixture
def folder(tmp_path, monkeypatch, request):
    """data.xyz and train.toml."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data.xyz").write_text(data())
    (tmp_path / "train.toml").write_text(INPUTS[getattr(request, "param", "symmetry")])
    return tmp_path


def settings(*overrides):
    return load_training("train.toml", overrides)


def rows(text: str) -> list[list[str]]:
    """The epochs that were told, without times."""
    found = re.findall(r"^ +(\d+) +[\d.]+ ((?: +[-+.\de]+)+)", text, re.MULTILINE)
    return [[epoch, *numbers.split()] for epoch, numbers in found]


def test_from_data_to_a_potential(folder, capsys):
    assert main(["train", "train.toml", "--set", "output.n2p2=true"]) == 0
    told = capsys.readouterr().out
    assert "24 train, 8 validation, 8 test" in told and "H: 10 descriptors of 40 candidates" in told
    assert [int(row[0]) for row in rows(told)] == list(range(len(rows(told)))) and len(rows(told)) >= 8
    first, last = rows(told)[0], rows(told)[4]
    assert float(last[2]) < 0.2 * float(first[2])  # forces, already by the filter
    model = read_model("train.h5")
    assert model.units.length == "angstrom" and len(model.test_vectors) > 0
    assert model.provenance["licence"] == "none" and model.provenance["title"] == "a liquid that never was"
    assert "seed = 3" in model.provenance["settings"] and "H-O" in str(model.provenance)
    data = sources.read("data.xyz")
    answers = mdcore.evaluate("train.h5", [s.structure for s in data])
    error = np.sqrt(np.mean(np.concatenate([a.forces - s.forces for a, s in zip(answers, data, strict=True)]) ** 2))
    stated = [model.training[f"{name} force RMSE, meV/Angstrom"] for name in ("train", "validation", "test")]
    assert min(stated) < 1e3 * error < max(stated)  # the file says how good it is
    n2p2 = mdcore.evaluate("train-n2p2", data[0].structure)
    np.testing.assert_allclose(n2p2.forces, answers[0].forces, atol=1e-9)
    assert "tag hot" in (folder / "train.errors.txt").read_text()
    assert main(["train", "train.toml"]) == 4
    assert "train.h5" in (said := capsys.readouterr().err) and "--restart" in said and "--overwrite" in said


@BOTH
def test_a_stopped_training_goes_on_bit_by_bit(folder):
    whole, again = (train(settings(f"output.name={name}"), say=lambda text="": None) for name in ("whole", "again"))
    assert fingerprint(again) == fingerprint(whole)
    for stop_at in (1, 4, 5, 7):  # within and between optimisers
        name, count = f"output.name=stopped{stop_at}", []

        def stop(count=count, stop_at=stop_at):
            count.append(1)
            return len(count) > stop_at

        with pytest.raises(Interrupted, match="go on with --restart"):
            train(settings(name), say=lambda text="": None, stop=stop)
        assert not os.path.exists(f"stopped{stop_at}.h5")
        resumed = train(settings(name), restart=True, say=lambda text="": None)
        assert fingerprint(resumed) == fingerprint(whole), stop_at
    with h5py.File("stopped1.training.h5") as one, h5py.File("whole.training.h5") as other:
        for key in ("history/train force", "history/validation energy"):
            np.testing.assert_array_equal(one[f"member 0/{key}"][()], other[f"member 0/{key}"][()])


@BOTH
def test_threads_change_nothing(folder):
    runs = [settings(f"output.name=t{n}", f"parallel.threads={n}") for n in (1, 2)]
    models = [train(run, say=lambda text="": None) for run in runs]
    assert fingerprint(models[0]) == fingerprint(models[1])


@pytest.mark.parametrize("folder", ["density"], indirect=True)
def test_a_density_network_from_data_to_a_potential(folder, capsys):
    assert main(["train", "train.toml", "--set", "optimizer.0.epochs=80"]) == 0
    told = capsys.readouterr().out
    assert "density network of H, O: 2 layers of 16 channels, l to 2" in told and "neighbours: 0.00 GB, 100 %" in told
    first, last = rows(told)[0], rows(told)[-1]
    assert float(last[2]) < 0.3 * float(first[2])
    model = read_model("train.h5")
    assert model.design.channels == 16 and len(model.test_vectors) > 0 and len(model.ranges) == 1
    assert model.provenance["licence"] == "none" and "seed = 3" in model.provenance["settings"]
    assert [wall.name for wall in model.walls] == ["H-H", "H-O", "O-O"] and 0.0 < model.known.share < 1.0
    data = sources.read("data.xyz")
    answers = mdcore.evaluate("train.h5", [s.structure for s in data])
    error = np.sqrt(np.mean(np.concatenate([a.forces - s.forces for a, s in zip(answers, data, strict=True)]) ** 2))
    stated = [model.training[f"{name} force RMSE, meV/Angstrom"] for name in ("train", "validation", "test")]
    assert min(stated) < 1e3 * error < max(stated)
    with h5py.File("train.training.h5") as file:
        assert dict(file["model"].attrs)["channels"] == 16 and list(file["model/elements"].asstr()) == ["H", "O"]
        history = file["member 0/history/validation force"][()]
        best = file["member 0/best_epoch"][()]
    assert model.training["validation force RMSE, meV/Angstrom"] == pytest.approx(history[best], rel=1e-6)
    for command in (["info", "train.h5"], ["info", "train.training.h5"], ["verify", "train.h5"]):
        assert main(command) == 0
    assert "H, O" in capsys.readouterr().out


@pytest.mark.parametrize("folder", ["density"], indirect=True)
def test_members_of_density_networks(folder):
    own = settings("committee.members=2", "committee.bootstrap=true", "optimizer.0.epochs=1")
    model = train(own, say=lambda text="": None)
    assert len(model.members) == len(model.ranges) == 2
    assert fingerprint(single(model, 0)) != fingerprint(single(model, 1))
    assert fingerprint(read_model("train.h5")) == fingerprint(model) and model.known.disagreement > 0.0
    whole = mdcore.evaluate("train.h5", sources.read("data.xyz")[0].structure, findings=True)
    assert whole.findings["max_disagreement"] > 0.0


def test_members(folder):
    """One potential: each member from its own start and sample; the table tells of their mean, and of each."""
    told = []
    model = train(
        settings("committee.members=2", "committee.bootstrap=true", "optimizer.0.epochs=1", "output.n2p2=true"),
        say=lambda text="": told.append(text),
    )
    assert len(model.members) == 2 and fingerprint(single(model, 0)) != fingerprint(single(model, 1))
    assert fingerprint(read_model("train.h5")) == fingerprint(model)
    assert not os.path.exists("train-1.h5") and not os.path.exists("train-n2p2")
    data = sources.read("data.xyz")
    whole = mdcore.evaluate("train.h5", data[0].structure, findings=True)
    folders = [mdcore.evaluate(f"train-n2p2-{k}", data[0].structure) for k in (1, 2)]
    assert whole.energy == pytest.approx(np.mean([f.energy for f in folders]), abs=1e-8)
    np.testing.assert_allclose(whole.forces, np.mean([f.forces for f in folders], axis=0), atol=1e-9)
    assert whole.findings["max_disagreement"] > 0.0
    (table,) = [text for text in told if "member 1" in text and "RMSE" in text]
    assert table.startswith("the mean of 2 members\nenergy, meV/atom")
    words = [line.split() for line in table.splitlines() if line]
    lines = {line[0] + line[1]: line for line in words if line[0] == "member"}
    mean = next(line for line in words if line[0] == "mean")
    assert lines.keys() == {"member1", "member2"} and lines["member1"][2:] != lines["member2"][2:]
    names = ("energy RMSE, meV/atom", "force RMSE, meV/Angstrom")
    stated = [model.training[f"{subset} {name}"] for subset in ("validation", "test") for name in names]
    assert [float(x) for x in mean[1:5]] == pytest.approx(stated, rel=1e-3)
    with h5py.File("train.training.h5") as file:
        assert {"committee", "member 0", "member 1"} <= set(file)
        forces = [file[f"{who}/predictions/test/forces"][()] for who in ("committee", "member 0", "member 1")]
        np.testing.assert_allclose(forces[0], (forces[1] + forces[2]) / 2, atol=1e-9)


def test_check(folder, capsys):
    before = set(os.listdir())
    assert main(["check", "train.toml"]) == 0
    told = capsys.readouterr().out
    for text in ("train.toml: the input is right", "40 structures, 240 atoms", "cold (20), hot (20)", "H-O, Angstrom",
                 "up to 4 epochs", "writes train.h5"):  # fmt: skip
        assert text in told, text
    assert set(os.listdir()) == before


@pytest.mark.parametrize(
    "overrides, fragments",
    [
        (["loss.tags.warm=2.0"], ["=2.0: [loss] tags.warm", "no structure has this tag; tags: cold, hot"]),
        (["loss.stress=1.0"], ["data.xyz: structure", "no stress"]),
        (["data.energy=E0"], ["data.xyz: structure", "no energy"]),
        (["network.atom_energies=isolated"], ["[network] atom_energies", "no structure is one H atom alone"]),
        (["descriptors.cutoff=0.5"], ["[descriptors] cutoff = 0.5", "no atom ever comes closer"]),
        (["descriptors.keep={H=3}"], ["[descriptors] keep", "keep is of H; the data have H, O"]),
        (["descriptors.keep={H=3,O=2,Cu=2}"], ["[descriptors] keep", "keep is of H, O, Cu"]),
        (["descriptors.rare=0.01"], ["candidates of H are constant or rare|rare over the", "a larger rare (or 0)"]),
        (['split.test_tags=["hot"]', 'split.validation_tags=["hot"]'], ["[split] test_tags", "in validation_tags too"]),
        (["optimizer.0.rows=0", "loss.energy=0"], ["[optimizer]|[[optimizer]]", "nothing would be learned"]),
        (['card={settings="mine"}'], ["[card]", "'settings' is written by mdcore itself"]),
        (["network.hidden=[1000, 1000]"], ["[network] hidden", "the matrix of the Kalman filter would take 1"]),
        (["descriptors.cutoff=100"], ["[descriptors] cutoff = 100", "neighbours within 100 Angstrom"]),
        (["descriptors.cutoff=1e300"], ["[descriptors] cutoff", "(1e-06 to 1000)"]),
        (["network.atom_energies={H=1e300, O=1.0}"], ["[network] atom_energies", ">= -1e+08 and <= 1e+08"]),
        (["optimizer.1.step=1e300"], ["[[optimizer]] #2 step", "<= 100"]),
        (["optimizer.0.epochs=1000000000000000000000"], ["[[optimizer]] #1 epochs", "<= 1000000000"]),
        (['split.test_tags=["x"]'], ["[split]", "no structure to split has the tag 'x'"]),
        (['data.units={length="bohr", energy="ev"}', "data.format=ase"], ["[[data]] #1", "contradictory units"]),
    ],
)
def test_wrong_settings(overrides, fragments, folder, capsys):
    options = [part for item in overrides for part in ("--set", item)]
    assert main(["train", "train.toml", *options]) == 2
    told = capsys.readouterr().err
    for text in fragments:
        assert any(part in told for part in text.split("|")), told


def test_nothing_to_go_on_with(folder, capsys):
    assert main(["train", "train.toml", "--restart"]) == 4
    assert "train.training.h5: not there" in capsys.readouterr().err


OTHERS = {
    "symmetry": ["network.hidden=[8]", "network.activation=softplus", "descriptors.keep=5", "descriptors.cutoff=3.99",
                 "descriptors.scaling=sigma", "loss.forces=0"],
    "density": ["model.channels=32", "model.cutoff=3.9"],
}  # fmt: skip


@pytest.mark.parametrize(("folder", "others"), OTHERS.items(), indirect=["folder"])
def test_goes_on_with_the_same_networks_only(folder, others, capsys):
    """Parameters mean nothing with other inputs: no garbage in the place of a potential."""
    first = ["train", "train.toml", "--quiet"]
    assert main(first) == 0
    before = {name: (folder / name).read_bytes() for name in ("train.h5", "train.training.h5", "train.errors.txt")}
    for override in ("seed=9", "split.validation=0.3", *others):
        assert main([*first, "--restart", "--set", override]) == 2, override
        assert "train.training.h5: began with other data" in capsys.readouterr().err
        assert {name: (folder / name).read_bytes() for name in before} == before


@pytest.mark.parametrize("folder", ["density"], indirect=True)
@pytest.mark.parametrize(
    "override, told",
    [
        ("model.atom_energies=isolated", "[model] atom_energies"),
        ("model.cutoff=90", "neighbours within 90 Angstrom"),
        ("model.cutoff=0.7", "[model] cutoff = 0.7: no two atoms to train on are closer than 0.7 Angstrom; say more"),
        ("model={ type = 'density', layers = 1, message_l = 1 }", "[model]: message_l = 1: vectors are sent"),
        ("optimizer.0.type=kalman", "parameters are too many for the Kalman filter"),
        ("model.channels=20", "[model] channels = 20: expected a multiple of 16"),
        ("descriptors.cutoff=5", "[descriptors]"),
        ("output.n2p2=true", "n2p2 knows symmetry functions only"),
    ],
)
def test_wrong_settings_of_density_networks(override, told, folder, capsys):
    if "kalman" in override:
        text = (folder / "train.toml").read_text().replace("warmup = 20\nstep = 0.003\n", "")
        (folder / "train.toml").write_text(text.replace("channels = 16", "channels = 64"))
    assert main(["train", "train.toml", "--set", override]) == 2
    assert told in capsys.readouterr().err


def test_a_state_is_for_its_own_optimiser(folder, capsys):
    calls = iter([False, True])
    with pytest.raises(Interrupted):
        train(settings(), say=lambda text="": None, stop=lambda: next(calls))
    (folder / "train.toml").write_text(INPUT.replace('"kalman"\nstructures = 1', '"lbfgs"'))
    assert main(["train", "train.toml", "--restart"]) == 2
    assert "stopped within [[optimizer]] #1, kalman, which is lbfgs now" in capsys.readouterr().err


def test_fewer_members_leave_no_word_of_the_committee(folder):
    quiet = {"say": lambda text="": None}
    train(settings("committee.members=2", "optimizer.0.epochs=1"), **quiet)
    train(settings("optimizer.0.epochs=1"), restart=True, **quiet)
    with h5py.File("train.training.h5") as file:
        assert "committee" not in file


def test_what_can_not_begin_overwrites_nothing(folder, capsys):
    """--overwrite takes the old file away when the new training is ready, not before."""
    assert main(["train", "train.toml", "--quiet"]) == 0
    before = (folder / "train.training.h5").read_bytes()
    (folder / "empty.xyz").write_text("")
    assert main(["train", "train.toml", "--overwrite", "--set", "data.file=empty.xyz"]) == 2
    assert (folder / "train.training.h5").read_bytes() == before
    (folder / "train.training.h5").write_text("no such file")  # which it does not read either
    assert main(["train", "train.toml", "--overwrite", "--quiet"]) == 0


@pytest.mark.parametrize(
    "text, fragment",
    [
        ("energy=1e200 pbc=\"F F F\"\nH 0 0 0 0 0 0\nH 1 0 0 0 0 0\n", "energy = 1e+200 eV: no possible number"),
        ("energy=1 pbc=\"F F F\"\nH 0 0 0 0 0 0\nH 1 0 0 -1e200 0 0\n", "atom 1 (counting from 0) has [-1e+200"),
    ],
)
def test_labels_whose_squares_overflow(text, fragment, folder, capsys):
    (folder / "data.xyz").write_text("2\nProperties=species:S:1:pos:R:3:forces:R:3 " + text)
    for command in ("check", "train"):
        assert main([command, "train.toml"]) == 2
        told = capsys.readouterr().err
        assert fragment in told and "data.xyz: structure 0" in told and "internal" not in told


def test_clusters_have_no_stress(folder, capsys):
    pair = '2\nProperties=species:S:1:pos:R:3:forces:R:3 energy=-1 pbc="F F F"\nH 0 0 0 0 0 0\nH 1 0 0 0 0 0\n'
    (folder / "data.xyz").write_text(5 * pair)
    assert main(["train", "train.toml", "--set", "loss.tags={}", "--set", "loss.stress=1"]) == 2
    assert "data.xyz: structure 0: not periodic along three directions" in capsys.readouterr().err


def test_lone_atoms_train_nothing(folder, capsys):
    (folder / "data.xyz").write_text('1\nProperties=species:S:1:pos:R:3 energy=-1 pbc="F F F"\nH 0 0 0\n' * 5)
    assert main(["train", "train.toml", "--set", "loss.tags={}"]) == 2
    assert "all that are to train are lone atoms" in capsys.readouterr().err


def test_energies_that_no_potential_can_have(folder, capsys):
    """Told before the training, not at its end."""
    text = (folder / "data.xyz").read_text()
    (folder / "data.xyz").write_text(re.sub(r"energy=(\S+)", "energy=-2e9", text))
    for command in ("check", "train"):
        assert main([command, "train.toml"]) == 2
        assert "[network] atom_energies" in (told := capsys.readouterr().err) and "must lie within" in told


@pytest.mark.filterwarnings("error")
def test_steps_that_are_far_too_large(folder, capsys):
    """Numbers that overflow end in one sentence, without warnings of NumPy."""
    sets = "optimizer.0.epochs=1", "optimizer.1.epochs=30", "optimizer.1.step=100", "optimizer.1.decay=1e6"
    options = [part for s in sets for part in ("--set", s)]
    assert main(["train", "train.toml", "--quiet", *options]) == 3
    assert "the errors are no finite numbers after epoch" in capsys.readouterr().err


class Scripted:
    """A regression and its optimiser whose errors are given."""

    def __init__(self, errors):
        self.given, self.parameters = iter(errors), np.zeros(1)

    def set(self, parameters):
        self.parameters = np.array(parameters)

    def release(self, part):
        assert part == "all"

    def errors(self):
        return Errors(next(self.given), np.nan, np.nan)

    def epoch(self):
        self.parameters = self.parameters + 1


def test_patience_and_the_best_parameters():
    """Stops two epochs after the best one, goes on from it with the next optimiser, and ends there."""
    it = Scripted([9.0, 5.0, 4.0, 6.0, 7.0, 4.5, 3.0, 8.0])
    fit = Fit(it, None, [Stage("a", lambda r, seed: r, 50, 2), Stage("b", lambda r, seed: r, 3)])
    seen = [row["train energy"] for row in fit.epochs()]
    assert seen == [9e3, 5e3, 4e3, 6e3, 7e3, 4.5e3, 3e3, 8e3]
    assert fit.best_epoch == 6 and it.parameters[0] == 4.0  # 2 at the best of a, then two steps of b


def test_errors_that_are_no_numbers_end_the_training():
    fit = Fit(Scripted([1.0, np.inf]), None, [Stage("a", lambda r, seed: r, 5)])
    with pytest.raises(SimulationError, match="no finite numbers after epoch 1"):
        list(fit.epochs())


# --- walls -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("given", [False, True])
def test_no_structure_of_the_data_feels_the_walls(folder, given):
    """They are just inside the shortest distances; energies and forces of the data are those of the networks alone, to
    the last bit, so training need not know of them."""
    more = ["zbl.O-H=[0.3, 0.5]"] if given else []
    model = train(settings("optimizer.0.epochs=1", "split.test=0.0", *more), say=lambda text="": None)
    shortest = dict(entry.split(" ") for entry in model.provenance[SHORTEST].split(", "))
    assert [wall.name for wall in model.walls] == list(shortest) == ["H-H", "H-O", "O-O"]
    for wall in model.walls:
        if given and wall.name == "H-O":
            assert (wall.inner, wall.cutoff) == (0.3, 0.5)
        else:
            assert 0.97 * float(shortest[wall.name]) < wall.cutoff < float(shortest[wall.name])
    assert read_model("train.h5").walls == model.walls
    data = [s.structure for s in sources.read("data.xyz")]
    guarded, bare = (
        evaluate(HDNNPotential(m, extrapolation="ignore"), data) for m in (model, replace(model, walls=()))
    )
    for a, b in zip(guarded, bare, strict=True):
        assert a.energy == b.energy and a.forces.tobytes() == b.forces.tobytes()


def test_walls_off(folder):
    assert "walls: none" in check("train.toml", ['zbl="off"'])
    assert "walls: H-H " in check("train.toml")


@pytest.mark.parametrize(
    ("zbl", "says"),
    [
        ('"on"', r'zbl = "on": expected one of "auto", "off", or a table'),
        ("{ O-O = [0.5, 20.0] }", r"O-O = .*: the wall reaches to 20 Angstrom, and the data have O-O at \d"),
        ("{ O-O = [2.0, 1.0] }", r"0 <= inner < cutoff"),
        ("{ O-X = [1.0, 2.0] }", r"no chemical element"),
        ("{ O-Cu = [1.0, 2.0] }", r"no such pair of elements; they have H-H, H-O, O-O"),
        ("{ O = [1.0, 2.0] }", r"expected two elements"),
        ("{ O-O = [1.0] }", "a list of 2"),
    ],
)
def test_walls_that_are_refused(folder, zbl, says):
    text = (folder / "train.toml").read_text()
    (folder / "train.toml").write_text(f"zbl = {zbl}\n{text}")
    with pytest.raises(InputError, match=says):
        check("train.toml")
