"""Is every input the project ships right, and does it run?"""

from pathlib import Path

import pytest

from mdcore.cli import main
from mdcore.config import load
from mdcore.output.trajectory import Trajectory

FOLDER = Path(__file__).resolve().parents[1] / "inputs"
INPUTS = sorted(path for path in FOLDER.glob("*.toml") if not path.stem.startswith("train_"))  # those need their data
TRAININGS = sorted(path for path in FOLDER.glob("train_*.toml") if path.stem != "train_labels")  # test_documents.py
REFERENCE = FOLDER.parents[1] / "shared" / "reference"
FEW = 4  # steps a stage


@pytest.fixture
def mdcore(tmp_path, monkeypatch, capsys):
    """mdcore(*words): standard output of the command; the test fails with its message if it fails."""
    monkeypatch.chdir(tmp_path)

    def command(*words) -> str:
        code = main(list(map(str, words)))
        told = capsys.readouterr()
        assert code == 0, f"{words}\n{told.out}\n{told.err}"
        return told.out

    return command


def test_there_are_inputs():
    assert "argon" in [path.stem for path in INPUTS]


@pytest.mark.parametrize("path", INPUTS, ids=lambda path: path.stem)
def test_check(path, tmp_path, mdcore):
    assert "the input is right" in mdcore("check", path)
    assert not list(tmp_path.iterdir()), "checking writes nothing"


@pytest.mark.reference
@pytest.mark.skipif(not REFERENCE.exists(), reason="reference data are not beside the repository")
@pytest.mark.parametrize("path", TRAININGS, ids=lambda path: path.stem)
def test_check_of_a_training(path, mdcore):
    """What scripts of inputs/ would make is stood for by the training set."""
    made = {"_taught": (2,), "_tight_binding": (2, 3)}
    rows = next((own for end, own in made.items() if path.stem.endswith(end)), ())
    data = REFERENCE / "datasets" / "Si_mlearn_train.xyz"
    words = [word for k in rows for word in ("--set", f"data.{k}.file={data}")]
    assert "the input is right" in mdcore("check", path, *words)


@pytest.mark.parametrize("path", INPUTS, ids=lambda path: path.stem)
def test_a_few_steps(path, tmp_path, mdcore):
    stages = load(str(path), []).stage
    few = [f"stage.{k}.steps={FEW}" for k in range(len(stages))]
    few += [f"stage.{k}.{key}_every=1" for k in range(len(stages)) for key in ("thermo", "trajectory")]
    settings = [*few, "output.dump_every=2", "output.directory=out"]
    output = mdcore("run", path, *(word for one in settings for word in ("--set", one)))
    last = FEW * len(stages)
    assert f"{last:,} steps of" in output
    with Trajectory(tmp_path / "out" / f"{path.stem}.h5md") as trajectory:
        assert trajectory.steps.tolist() == list(range(last + 1))
        assert trajectory.thermo()["step"].tolist() == list(range(last + 1))
    assert (tmp_path / "out" / f"{path.stem}.extxyz").exists()
