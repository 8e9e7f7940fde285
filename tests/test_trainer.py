"""Does mdcore.train train as the command does, from files and from structures at hand?"""

from pathlib import Path

import numpy as np
import pytest

import mdcore
from mdcore.base.errors import InputError
from mdcore.cli import main
from mdcore.potentials.networks.files import read_model
from mdcore.training.data import sources
from tests.mpi import mpirun, needs_mpi
from tests.test_train_cli import folder  # noqa: F401

SECTIONS = {
    "seed": 3, "split": {"validation": 0.2, "test": 0.2}, "network": {"hidden": [6, 6]}, "loss": {"tags": {"hot": 2.0}},
    "descriptors": {"cutoff": 4.0, "radial": 4, "angular": 2, "zetas": [1, 4], "keep": 10},
    "optimizer": [{"type": "kalman", "structures": 1, "epochs": 4}, {"type": "adam", "epochs": 2, "batch": 8},
                  {"type": "lbfgs", "epochs": 2}],
}  # fmt: skip

SHORT = {
    "seed": 3, "network": {"hidden": [4]}, "optimizer": {"type": "adam", "epochs": 1, "batch": 8},
    "descriptors": {"cutoff": 4.0, "radial": 3, "angular": 1, "zetas": [1, 2], "keep": 6},
}  # fmt: skip


def weights(result) -> bytes:
    return b"".join(own.flat().tobytes() for own in result.model.networks)


def test_the_same_bits_as_the_command(folder):  # noqa: F811
    assert main(["train", "train.toml", "--quiet"]) == 0
    want, rows = read_model("train.h5"), []
    found = [mdcore.train("data.xyz", progress=rows.append, **SECTIONS)]
    found.append(mdcore.train(sources.read("data.xyz"), **SECTIONS))
    for result in found:
        for own, network in zip(result.model.networks, want.networks, strict=True):
            assert own.flat().tobytes() == network.flat().tobytes()
        assert result.rmse("force") > 0 and "force" in str(result)
    assert [row["epoch"] for row in rows] == found[0].histories[0]["epoch"]


def test_wrong_arguments_are_told_as_an_input_is(folder):  # noqa: F811
    with pytest.raises(InputError, match="did you mean 'cutoff'"):
        mdcore.train("data.xyz", descriptors={"cutof": 4.0}, optimizer={"type": "kalman", "epochs": 1})
    with pytest.raises(InputError, match="keep"):
        mdcore.train("data.xyz", **SECTIONS | {"descriptors": {"cutoff": 4.0, "keep": {"H": 3}}})


def test_values_of_numpy_tuples_and_paths_are_what_they_say(folder):  # noqa: F811
    own = {
        "seed": np.int64(3), "network": {"hidden": np.array([4])}, "optimizer": (SHORT["optimizer"],),
        "descriptors": {"cutoff": np.float32(4), "radial": np.int8(3), "angular": 1, "zetas": (1, 2),
                        "keep": np.array(6), "method": None},
    }  # fmt: skip
    want = weights(mdcore.train("data.xyz", **SHORT))
    for data in (Path("data.xyz"), {"file": Path("data.xyz")}, [[{"file": "data.xyz"}]]):
        assert weights(mdcore.train(data, **own)) == want


def test_atoms_of_ase_train_like_their_file(folder):  # noqa: F811
    io = pytest.importorskip("ase.io")
    atoms, want = io.read("data.xyz", ":"), weights(mdcore.train("data.xyz", **SHORT))
    assert weights(mdcore.train(atoms, **SHORT)) == want
    assert weights(mdcore.train((one for one in atoms), **SHORT)) == want
    for one in atoms:
        one.calc = None
    with pytest.raises(InputError, match=r"^data: structure \d+ \(and \d+ more\): no energy"):
        mdcore.train(atoms, **SHORT)


def test_a_mapping_says_what_each_is_for(folder):  # noqa: F811
    own = sources.read("data.xyz")
    found = mdcore.train({"train": own[:20], "validation": own[20:25], "test": own[25:]}, **SHORT).predictions
    assert {name: len(data) for name, (data, _) in found.items()} == {"train": 20, "validation": 5, "test": 15}
    found = mdcore.train({"train": own, "test": Path("data.xyz")}, split={"validation": 0}, **SHORT).predictions
    assert {name: len(data) for name, (data, _) in found.items()} == {"train": 40, "test": 40}
    with pytest.raises(InputError, match="use = 'test' in what is for 'train'"):
        mdcore.train({"train": {"file": "data.xyz", "use": "test"}}, **SHORT)


def test_members_and_walls(folder):  # noqa: F811
    rows = []
    result = mdcore.train("data.xyz", committee={"members": 2}, zbl="auto", progress=rows.append, **SHORT)
    assert len(result.each) == len(result.histories) == 2 and {row["member"] for row in rows} == {0, 1}
    assert "the mean of 2 members" in str(result) and result.model.walls
    assert not mdcore.train("data.xyz", zbl="off", **SHORT).model.walls


@needs_mpi[0]
@needs_mpi[1]
def test_what_was_trained_is_written(folder):  # noqa: F811
    found = mdcore.train("data.xyz", **SHORT)
    found.write("own.h5")
    assert read_model("own.h5").networks[0].flat().tobytes() == found.model.networks[0].flat().tobytes()
    assert read_model("own.h5").name == "own" and main(["info", "own.h5"]) == 0
    with pytest.raises(mdcore.OutputError, match="already exists"):
        found.write("own.h5")
    found.write("own.h5", overwrite=True)
    with pytest.raises(InputError, match="name it so"):
        found.write("own.nn")


def test_ranks_of_a_communicator_share_the_work(folder):  # noqa: F811
    Path("ranks.py").write_text(
        "import mdcore\nfrom mpi4py import MPI\nfrom mdcore.training.data import sources\n"
        f"result = mdcore.train(sources.read('data.xyz'), comm=MPI.COMM_WORLD, **{SHORT!r})\n"
        "told = MPI.COMM_WORLD.gather(result.rmse('force'))\nif told: print(*map(repr, told))\n"
    )
    told = [float(word) for word in mpirun(2, "ranks.py").stdout.split()]
    want = mdcore.train("data.xyz", **SHORT).rmse("force")
    assert len(told) == 2 and told[0] == told[1] == pytest.approx(want, rel=1e-6)


ADAM = SHORT["optimizer"]


@pytest.mark.parametrize(
    "data, arguments, told",
    [
        ("data.xyz", {"optimizer": ADAM | {"epochs": -1}}, "mdcore.train: optimizer 1: epochs = -1: expected an"),
        ("data.xyz", {"optimizer": [ADAM, ADAM | {"epochs": "ten"}]}, "mdcore.train: optimizer 2: epochs = 'ten'"),
        ("data.xyz", {"optimizer": "kalman"}, "optimizer 1 = 'kalman': expected a dict with the keys type, epochs"),
        ("data.xyz", {"optimizer": []}, "optimizer = []: at least one dict is needed"),
        ("data.xyz", {"optimizer": {1: 2}}, "mdcore.train: optimizer: key 1: expected a text"),
        ("data.xyz", {"descriptors": None}, "mdcore.train: descriptors: required"),
        ("data.xyz", {"zbl": {("H", "O"): [0.1, 0.2]}}, "mdcore.train: zbl: key ('H', 'O'): expected a text"),
        ("data.xyz", {"card": {"licence": 3}}, "e.g. card = {'data': 'doi:10.1000/xyz', 'licence': 'CC-BY-4.0'"),
        ("data.xyz", {"optimiser": ADAM}, "mdcore.train: optimiser: unknown argument; did you mean optimizer?"),
        ("data.xyz", {"epochs": 3}, "epochs = 3: not an argument of its own; it belongs to optimizer"),
        ("data.xyz", {"walls": "auto"}, "walls = 'auto': unknown argument; did you mean 'zbl'?"),
        ("data.xyz", {"test": "data.xyz"}, 'test = \'data.xyz\': belongs to the data: {"train": ..., "test": ...}'),
        ("data.xyz", {"plot": False}, "plot = False: nothing is written; use mdcore.potentials.networks.h5.write_h5"),
        ("data.xyz", {"loss": {"tags": {"cool": 2.0}}}, "loss: tags.cool = 2.0: no structure has this tag"),
        ("data.xyz", {"progress": True}, "mdcore.train: progress = True: expected a function"),
        ("data.xyz", {"comm": 3}, "comm = 3: expected a communicator of mpi4py"),
        ([], {}, "mdcore.train: data = []: no structures"),
        (None, {}, "mdcore.train: data: expected a file, a dict with the key 'file'"),
        (b"data.xyz", {}, "a list of these; found bytes"),
        (np.ones(3), {}, "a list of these; found float64"),
        ({"fil": "data.xyz"}, {}, "mdcore.train: data 1: fil = 'data.xyz': unknown key; did you mean 'file'?"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_in_words_of_python(folder, data, arguments, told):  # noqa: F811
    with pytest.raises(InputError) as raised:
        mdcore.train(data, **SHORT | arguments)
    assert told in str(raised.value)


class TestProgressThatFails:
    pytestmark = needs_mpi

    def test_all_ranks_hear_of_it(self, folder):  # noqa: F811
        Path("fails.py").write_text(
            f"import mdcore\nfrom mdcore.base.comm import connect\ncomm = connect()\nSHORT = {SHORT!r}\n"
            "try:\n    mdcore.train('data.xyz', progress=lambda row: 1 / 0, comm=comm, **SHORT)\n"
            "except ZeroDivisionError:\n    print(f'rank {comm.rank} divided\\n', end='', flush=True)\n"
            "except mdcore.InputError as error:\n    print(f'rank {comm.rank} {error}\\n', end='', flush=True)\n"
        )
        told = mpirun(2, "fails.py").stdout
        assert "rank 0 divided" in told and "rank 1 mdcore.train: progress failed on rank 0: ZeroDivisionError" in told
