"""Does a training on several ranks give what it gives on one?"""

import h5py
import numpy as np
import pytest

from mdcore.base.voigt import PAIRS
from mdcore.engine.evaluation import evaluate
from mdcore.potentials.pair.lj import LennardJones
from mdcore.structure import extxyz
from tests.mpi import ROOT, mpirun, needs_mpi
from tests.test_train_summary import structure

SCRIPT = ROOT / "tests" / "mpi_training.py"
ALONE = {"MDCORE_NUM_THREADS": "1"}
INPUT = """\
seed = 5

[[data]]
file = "data.xyz"

[split]
validation = 0.25

[descriptors]
cutoff = 4.0
radial = 4
angular = 2
zetas = [1, 4]
keep = 8

[network]
hidden = [12, 12]

[loss]
stress = 0.1
power = 1.0

[[optimizer]]
type = "{kind}"
epochs = 4
{more}

[committee]
members = 2
bootstrap = true

[output]
plot = false
"""
KINDS = {
    "kalman": 'fading = 0.999\nnoise = 1e-8\n[[optimizer]]\ntype = "kalman"\nepochs = 1\nstructures = 1\nrows = 8',
    "adam": "average = 0.9\ndecay = 0.01",
    "lbfgs": "l2 = 1e-3",
}
DENSITY = '[model]\ntype = "density"\ncutoff = 4.0\nchannels = 16\nl_max = 1\nmixed = 4\nradial = 4\nhidden = 4\n'
pytestmark = needs_mpi


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Twenty structures of two sizes, with energies, forces and stress of a Lennard-Jones mixture."""
    folder = tmp_path_factory.mktemp("ranks")
    lj = LennardJones(3.9, species={"H": (0.05, 1.2), "O": (0.08, 1.5)}, truncation="force-shifted")
    with open(folder / "data.xyz", "w") as stream:
        for k in range(20):
            s = structure(k, "OHHOHH" if k < 12 else "OHHOHHOHH").structure
            answer = evaluate(lj, s)
            atoms = type("Atoms", (), {"velocities": None, **{n: getattr(s, n) for n in vars(s)}})
            stress = np.array([answer.stress[pair] for pair in PAIRS])
            extxyz.write_frame(stream, atoms, units=s.units, energy=answer.energy, forces=answer.forces, stress=stress)
    for kind, more in KINDS.items():
        (folder / f"{kind}.toml").write_text(INPUT.format(kind=kind, more=more))
    text = INPUT.format(kind="adam", more=KINDS["adam"]).replace("epochs = 4", "epochs = 6")
    begin, end = text.index("[descriptors]"), text.index("[loss]")
    (folder / "density.toml").write_text(f"{text[:begin]}{DENSITY}\n{text[end:]}")
    linear = DENSITY.replace("hidden = 4", "hidden = 0\nlayers = 1") + text[end : text.index("[[optimizer]]")]
    steps = '[[optimizer]]\ntype = "adam"\nepochs = 2\nsmooth = 0.1\n'
    solver = steps + '[[optimizer]]\ntype = "least-squares"\nepochs = 4\n' + text[text.index("[committee]") :]
    (folder / "linear.toml").write_text(f"{text[:begin]}{linear}{solver}")
    rehearsing = text[:begin].replace("validation = 0.25", "validation = 0") + DENSITY + text[end : text.index("[[opt")]
    rehearsing = rehearsing.replace("hidden = 4", "hidden = 4\nlayers = 1") + text[text.index("[committee]") :]
    (folder / "rehearsing.toml").write_text(rehearsing)
    return folder


def train(folder, ranks, *jobs, stop_after=-1, restart=False, **environment):
    """Trainings KIND:NAME, one after the other."""
    jobs = (job.replace(":", ".toml:") for job in jobs)
    mpirun(ranks, SCRIPT, stop_after, int(restart), *jobs, cwd=folder, **{**ALONE, **environment})


def states(folder, name):
    """{member/key: what is in the state of a training}, without times and sums of other orders."""
    found = {}
    with h5py.File(folder / f"{name}.training.h5") as file:
        file.visititems(lambda key, item: found.update({key: item[()]}) if isinstance(item, h5py.Dataset) else None)
    return {key: value for key, value in found.items() if "seconds" not in key and key.startswith("member")}


def assert_alike(found, wanted):
    assert found.keys() == wanted.keys() and any("history/validation stress" in key for key in found)
    for key, value in wanted.items():
        if "history" in key or key.endswith("best"):
            scale = np.abs(value).max()
            np.testing.assert_allclose(found[key], value, rtol=1e-6, atol=1e-7 * scale, err_msg=key)


@pytest.mark.parametrize("kinds", [(*KINDS, "density"), pytest.param(("linear",), marks=pytest.mark.slow)])
def test_same_history_on_any_number_of_ranks(kinds, folder):
    for ranks, threads in ((1, 1), (2, 2), (3, 1)):
        train(folder, ranks, *(f"{kind}:{kind}-{ranks}" for kind in kinds), MDCORE_NUM_THREADS=str(threads))
    for kind in kinds:
        one = states(folder, f"{kind}-1")
        force = one["member 0/history/train force"]
        assert force[-1] < 0.9 * force[0], f"{kind}: nothing is learnt"
        for ranks in (2, 3):
            assert_alike(states(folder, f"{kind}-{ranks}"), one)


def test_restart_on_another_number_of_ranks(folder):
    """Stopped on 2 by one of them, within the filter; on 3 again; ended on 1."""
    train(folder, 1, "kalman:whole")
    train(folder, 2, "kalman:parts", stop_after=2)
    assert len(states(folder, "parts")["member 0/history/epoch"]) == 3
    train(folder, 3, "kalman:parts", stop_after=1, restart=True)
    train(folder, 1, "kalman:parts", restart=True)
    assert_alike(states(folder, "parts"), states(folder, "whole"))


@pytest.mark.slow
def test_a_rehearsal_on_ranks(folder):
    """Stopped within it on 2, ended on 1: the same decision."""
    train(folder, 1, "rehearsing:alone")
    train(folder, 2, "rehearsing:together", stop_after=155)
    train(folder, 1, "rehearsing:together", restart=True)
    texts = [(folder / f"{name}.errors.txt").read_text() for name in ("alone", "together")]
    one, two = (text[text.index("rehearsal: ") :] for text in texts)
    assert "errors of 3 of 20" in one and one.splitlines()[1] == two.splitlines()[1]


def test_one_message(folder, monkeypatch):
    """From one rank, whether all see the fault or one alone."""
    monkeypatch.chdir(folder)
    command = ("-m", "mdcore", "train", "adam.toml")
    for option, told in (
        ("data.file=nowhere.xyz", "nowhere.xyz"),
        ("descriptors.cutoff=0.5", "[descriptors] cutoff = 0.5"),
        ("split.validation=0.05", "2 ranks for a set of 1 structures"),
    ):
        done = mpirun(2, *command, "--set", option, "--set", "output.name=wrong", check=False)
        assert done.returncode == 2 and done.stderr.count("mdcore: error") == 1 and told in done.stderr, done.stderr
