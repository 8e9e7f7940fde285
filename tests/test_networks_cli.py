"""Network potentials from an input file: what is read, said, saved and refused; the same bits however it is run."""

import json
import re
from pathlib import Path

import h5py
import numpy as np
import pytest

from mdcore.base.comm import SelfComm
from mdcore.base.errors import Interrupted
from mdcore.base.files import seal
from mdcore.cli import main
from mdcore.cli.run import run
from mdcore.config import load
from mdcore.doors import _hdnnp
from mdcore.dynamics.simulation import Simulation
from mdcore.output import checkpoint
from mdcore.output.h5md import load_text
from mdcore.output.trajectory import Trajectory
from mdcore.potentials.networks.files import read_model
from mdcore.potentials.networks.h5 import write_h5
from mdcore.potentials.networks.hdnnp import HDNNPotential
from mdcore.potentials.networks.n2p2.write import write_n2p2
from mdcore.potentials.networks.trained import fingerprint
from mdcore.potentials.networks.vectors import make_test_vectors
from mdcore.potentials.pair.lj import LennardJones
from mdcore.structure.box import Box
from mdcore.structure.extxyz import write_frame
from mdcore.structure.system import System
from tests.mpi import mpirun, needs_mpi
from tests.reference import hdnnp as twin
from tests.reference import trained
from tests.reference.hdnnp_models import random_model
from tests.test_cli import StopAfter, never, results

REFERENCE = Path(__file__).parents[2] / "shared" / "reference" / "n2p2"
SYSTEM = trained.structure()
MODEL = trained.trained_on(SYSTEM, margin=0.02)

INPUT = """\
[structure]
file = "start.extxyz"

[velocities]
temperature = 3000

[[potential]]
type = "hdnnp"
file = "net"
extrapolation = "warn"

[[stage]]
ensemble = "langevin"
temperature = 3000
friction = 0.01
timestep = 0.1
steps = 40

[output]
thermo_every = 4
trajectory_every = 10
checkpoint_every = 10
progress = "off"
"""


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MDCORE_NUM_THREADS", raising=False)
    write_n2p2(MODEL, "net")
    with open("start.extxyz", "w") as stream:
        write_frame(stream, SYSTEM)
    Path("water.toml").write_text(INPUT)
    return tmp_path


def command(*arguments) -> int:
    return main(["run", "water.toml", *arguments])


def sets(**values) -> list[str]:
    return [word for key, value in values.items() for word in ("--set", f"potential.0.{key}={value}")]


SAVE = sets(extrapolation="save", extrapolation_every=7)


def test_runs_what_the_file_says(capsys):
    """The banner, the outputs and the answer: a folder, an .h5 file made from it, and the potential in Python."""
    assert command() == 0
    out, err = capsys.readouterr()
    line = r"potential +hdnnp net: \d+ H \+ \d+ O descriptors, cutoff 2.8 Angstrom \(angstrom, ev\), double precision"
    assert re.search(line, out)
    assert re.search(r"threads +1\n", out)
    assert "mdcore: warning: step " in err and "atoms out of range, by" in err
    assert re.search(r"\nextrapolation: \d+ of 41 steps had atoms outside", out)
    with h5py.File("water.h5md") as file:
        written = load_text(file["provenance"])
    assert written["threads"] == "1" and written["potential"].startswith("hdnnp net: ")
    with Trajectory("water.h5md") as trajectory:
        energy = trajectory.thermo()["potential"][0]
    about = json.loads(written["potential_files"])
    assert checkpoint.read_provenance("water.checkpoint")["potential_files"] == written["potential_files"]
    assert about[0]["sha256"] == fingerprint(read_model("net")) and about[0]["file"] == "net"
    assert about[0]["provenance"] == dict(MODEL.provenance)
    assert energy == Simulation(SYSTEM, HDNNPotential(MODEL, extrapolation="ignore")).potential_energy
    before = results("water.h5md")
    assert main(["convert", "net", "net.h5"]) == 0
    assert command("--overwrite", "--quiet", *sets(file="net.h5")) == 0
    assert_same(before, results("water.h5md"))


def assert_same(a, b):
    assert a.keys() == b.keys()
    for name in a:
        np.testing.assert_array_equal(a[name], b[name], err_msg=name)


def test_check_reads_the_potential(capsys):
    assert main(["check", "water.toml", "--set", "parallel.threads=2", *SAVE]) == 0
    out = capsys.readouterr().out
    policy = r"extrapolation: save; not verified.*\nread from +net\nthreads +[12] of each rank"
    assert re.search(r"potential +hdnnp, net: .*" + policy, out)
    assert "water-extrapolated.extxyz (structures outside the range of training, if there are any)" in out
    assert main(["check", "water.toml"]) == 0
    assert "extrapolated" not in capsys.readouterr().out


def test_threads(monkeypatch, capsys):
    """[parallel] threads, or the environment, or one."""
    most = min(3, _hdnnp.most_threads())
    for environment, arguments, expected in (
        ("", [], 1),
        ("3", [], most),
        ("3", ["--set", "parallel.threads=1"], 1),
        ("", ["--set", "parallel.threads=3"], most),
    ):
        monkeypatch.setenv("MDCORE_NUM_THREADS", environment)
        assert main(["check", "water.toml", *arguments]) == 0
        assert f"threads     {expected} of each rank" in capsys.readouterr().out
    monkeypatch.setenv("MDCORE_NUM_THREADS", "many")
    assert main(["check", "water.toml"]) == 2
    err = capsys.readouterr().err
    assert "MDCORE_NUM_THREADS = 'many': expected a whole number from 1 to 512" in err and err.count("\n") == 1


def test_restart_and_saved_structures(capsys):
    """A run that is stopped time and again leaves the same files, structures from outside included."""
    assert command("--quiet", *SAVE) == 0
    straight, saved = results("water.h5md"), Path("water-extrapolated.extxyz").read_bytes()
    steps = [int(s) for s in re.findall(rb"Step=(\d+)", saved)]
    assert len(steps) > 2 and min(np.diff(steps)) == 7
    said = capsys.readouterr().err.splitlines()
    assert said and all(line.startswith("mdcore: warning: ") for line in said)  # these stay with --quiet
    settings = load("water.toml", [f"potential.0.{k}" for k in ("extrapolation=save", "extrapolation_every=7")])
    restart = None
    with pytest.raises(Interrupted):
        run(settings, SelfComm(), StopAfter(steps[0] + 4), overwrite=True, quiet=True)
    assert Path("water-extrapolated.extxyz").read_bytes() == saved[: len(saved) // len(steps) + 200][
        : Path("water-extrapolated.extxyz").stat().st_size
    ]
    restart = True
    with pytest.raises(Interrupted):
        run(settings, SelfComm(), StopAfter(9), restart=restart, quiet=True)
    run(settings, SelfComm(), never, restart=restart, quiet=True)
    assert_same(straight, results("water.h5md"))
    assert Path("water-extrapolated.extxyz").read_bytes() == saved
    # a checkpoint of long ago: what came later goes, and comes again
    Path("water.checkpoint").unlink()
    Path("water.checkpoint.previous").rename("water.checkpoint")
    run(settings, SelfComm(), never, restart=restart, quiet=True)
    assert Path("water-extrapolated.extxyz").read_bytes() == saved


def test_saved_structures_are_results(capsys):
    """They are not written over unless told; --overwrite leaves no old ones."""
    Path("water-extrapolated.extxyz").write_text("1\nmdcore=0.1.0\n")
    assert command("--quiet", *SAVE) == 4
    assert "water-extrapolated.extxyz: results exist" in capsys.readouterr().err
    assert command("--quiet", "--overwrite", *SAVE, "--set", "stage.0.steps=0") == 0
    assert not Path("water-extrapolated.extxyz").exists()  # nobody is outside at the start
    Path("water-extrapolated.extxyz").write_text("1\nof=another mdcore=0.1.0\n")
    assert command("--quiet", "--overwrite", "--set", "stage.0.steps=0") == 0  # the policy is to warn
    assert not Path("water-extrapolated.extxyz").exists()


def test_restart_with_another_network_is_told(capsys):
    assert command("--quiet", "--set", "stage.0.steps=10") == 0
    assert command("--quiet", "--restart", "--set", "stage.0.steps=12") == 0
    assert "other network" not in capsys.readouterr().err
    spoil("weights.001.data", lambda text: text.replace("1", "2", 3))()
    assert command("--quiet", "--restart", "--set", "stage.0.steps=14") == 0
    assert "water.checkpoint was written with other network potentials" in capsys.readouterr().err


def test_broken_physics_tells_what_networks_saw(capsys):
    restless = ("--set", "stage.0.friction=5", "--set", "output.thermo_every=2")  # some look finds more than 3000 K
    assert command(*restless, "--set", "limits.max_temperature=3002") == 3
    out, err = capsys.readouterr()
    assert re.search(r"extrapolation: \d+ of \d+ steps had atoms outside", out) and "beyond the limit" in err


def test_stop(capsys):
    """Exit code 5, a checkpoint and the structure; again outside after a restart; on with another policy."""
    assert command("--quiet", "--set", "potential.0.extrapolation=ignore") == 0
    straight = results("water.h5md")
    assert command("--overwrite", *sets(extrapolation="stop", extrapolation_limit=2)) == 5
    err = capsys.readouterr().err
    step = int(re.search(r"error: step (\d+): ([2-9]) of 60 atoms are outside", err)[1])
    assert "the limit is 2" in err and "go on with --restart" in err and "water-extrapolated.extxyz" in err
    assert checkpoint.read("water.checkpoint")["step"] == step
    saved = Path("water-extrapolated.extxyz").read_text()
    assert re.findall(r"Step=(\d+)", saved)[-1] == str(step)
    assert command("--restart", "--quiet", *sets(extrapolation="stop", extrapolation_limit=2)) == 5
    assert f"step {step}:" in capsys.readouterr().err
    assert Path("water-extrapolated.extxyz").read_text() == saved
    assert command("--restart", "--quiet") == 0
    assert_same(straight, results("water.h5md"))


def test_sum_with_lennard_jones():
    lj = '[[potential]]\ntype = "lj"\ncutoff = 2.0\ntruncation = "shifted"\n' + "".join(
        f"[potential.species.{name}]\nepsilon = 0.1\nsigma = {sigma}\n" for name, sigma in (("O", 0.8), ("H", 0.7))
    )
    Path("water.toml").write_text(INPUT.replace("[[stage]]", lj + "[[stage]]").replace("steps = 40", "steps = 0"))
    assert command("--quiet") == 0
    terms = (
        HDNNPotential(MODEL, extrapolation="ignore"),
        LennardJones(2.0, species={"O": (0.1, 0.8), "H": (0.1, 0.7)}, truncation="shifted"),
    )
    parts = [Simulation(SYSTEM, term).potential_energy for term in terms]
    assert abs(parts[1]) > 0.1
    assert results("water.h5md")["thermo/potential"][0] == pytest.approx(sum(parts), rel=1e-13)


class TestRanks:
    pytestmark = needs_mpi

    def test_same_bits_on_any_number_of_ranks_and_threads(self, folder, capsys):
        """Results, saved structures and reports; a restart on other numbers of ranks."""
        seen = {}
        for ranks, threads in ((1, 1), (1, 2), (1, 3), (2, 1), (4, 1), (2, 2)):
            words = ["run", "water.toml", "--overwrite", *SAVE, "--set", f"parallel.threads={threads}"]
            if ranks == 1:
                assert main(words) == 0
                said = "".join(capsys.readouterr()).splitlines()
            else:
                done = mpirun(ranks, "-m", "mdcore", *words)
                said = (done.stdout + done.stderr).splitlines()
            told = [line for line in said if re.search("extrapolation:|out of range|verdict:", line)]
            assert len([line for line in told if "warning" in line]) == 1 and len(told) == 4
            mine = (results("water.h5md"), Path("water-extrapolated.extxyz").read_bytes(), sorted(told))
            one = seen.setdefault("one", mine)
            assert_same(one[0], mine[0])
            assert one[1:] == mine[1:], f"{ranks} ranks, {threads} threads"
        stopped = load("water.toml", ["potential.0.extrapolation=save", "potential.0.extrapolation_every=7"])
        with pytest.raises(Interrupted):
            run(stopped, SelfComm(), StopAfter(21), overwrite=True, quiet=True)
        mpirun(
            2, "-m", "mdcore", "run", "water.toml", "--restart", "--quiet", *SAVE, MDCORE_NUM_THREADS="2"
        )
        assert_same(one[0], results("water.h5md"))
        assert Path("water-extrapolated.extxyz").read_bytes() == one[1]

    def test_one_message_from_one_rank(self, folder):
        stop = sets(extrapolation="stop", extrapolation_limit=2)
        done = mpirun(3, "-m", "mdcore", "run", "water.toml", "--quiet", *stop, check=False)
        assert done.returncode == 5 and done.stderr.count("mdcore: error: step ") == 1
        assert checkpoint.read("water.checkpoint")["step"] > 0
        for arguments, says in ((sets(file="nowhere"), "no such file"), (sets(units="{ length = 'bohr' }"), "energy")):
            done = mpirun(2, "-m", "mdcore", "run", "water.toml", "--overwrite", *arguments, check=False)
            assert done.returncode == 2 and says in done.stderr and done.stderr.count("mdcore: error") == 1


def spoil(name, edit):
    def apply():
        path = Path("net") / name
        path.write_text(edit(path.read_text()))

    return apply


def no_units():
    (Path("net") / "mdcore.toml").unlink()


def strange_species():
    text = Path("start.extxyz").read_text()
    Path("start.extxyz").write_text(text.replace("\nO ", "\nC ", 1))


@pytest.mark.parametrize(
    ("prepare", "arguments", "says"),
    [
        (None, sets(file="nett"), ('file=nett: [[potential]] #1 file = "nett": no such file or folder',)),
        (None, sets(file="start.extxyz"), ('[[potential]] #1 file = "start.extxyz": ', "not an HDF5 file")),
        (None, sets(file="."), ("a folder without input.nn",)),
        (None, sets(precision="half"), ('precision = "half": expected one of "double", "mixed"',)),
        (None, sets(extrapolation="sav"), ("did you mean 'save'?",)),
        (None, sets(extrapolation_limit=2), ('extrapolation_limit = 2: applies with extrapolation = "stop" only',)),
        (None, sets(extrapolation_every=2), ('every = 2: applies with extrapolation = "save" or "stop" only',)),
        (None, sets(extrapolation="stop", extrapolation_limit=0), ("expected an integer >= 1",)),
        (None, sets(units="{ length = 'bohr' }"), ("[[potential]] #1 units", "energy is missing; state both")),
        (None, sets(units="{ length = 'bor', energy = 'ev' }"), ("unknown unit", "did you mean 'bohr'?")),
        (None, sets(units="{ length = 'bohr', energy = 'ev' }"), ("bohr, ev given, but", "states angstrom, ev")),
        (None, sets(cutoff=3), ('cutoff = 3: does not apply to type "hdnnp"',)),
        (None, ["--set", "units=lj"], ('[[potential]] #1 type = "hdnnp"', 'with units = "metal"')),
        (None, ["--set", "parallel.threads=0"], ("[parallel] threads = 0: expected", "integer >= 1 and <= 512")),
        (no_units, [], ("[[potential]] #1 units: net: its units are not stated", "mdcore.toml beside it")),
        (strange_species, [], ('file = "net": no network for C, which the structure contains; it knows H, O',)),
        (spoil("scaling.data", lambda t: t[:300]), [], ("net/scaling.data", "missing")),
        (spoil("weights.001.data", lambda t: t + "0.5\n"), [], ("net/weights.001.data", "biases, expected")),
        (spoil("input.nn", lambda t: t + "use_electrostatics\n"), [], ("net/input.nn", "use_electrostatics")),
    ],
)  # fmt: skip
def test_refuses(prepare, arguments, says, folder, capsys):
    if prepare:
        prepare()
    before = sorted(folder.rglob("*"))
    for how in ("run", "check"):
        assert main([how, "water.toml", *arguments]) == 2
        out, err = capsys.readouterr()
        assert out == "" and err.count("mdcore: error") == 1 and len(err.splitlines()) == 1
        for fragment in says:
            assert fragment in err, err
    assert sorted(folder.rglob("*")) == before


# --- convert, and test vectors ---------------------------------------------------------------------


def test_convert_and_back(capsys):
    assert main(["convert", "net", "net.h5", "--structure", "start.extxyz"]) == 0
    assert re.fullmatch(r"net.h5: net: .* \(angstrom, ev\), 4 test vectors\n", capsys.readouterr().out)
    native = read_model("net.h5")
    assert [len(v.symbols) for v in native.test_vectors] == [8, 12, 8, 60]
    for vector in native.test_vectors:  # the twin says the same
        want = twin.evaluate(native, vector.symbols, vector.positions, vector.cell)
        assert vector.energy == pytest.approx(want.energy, rel=1e-10)
        np.testing.assert_allclose(vector.forces, want.forces, atol=1e-9 * (1 + np.abs(want.forces).max()))
    assert main(["convert", "net.h5", "again"]) == 0
    assert "its 4 test vectors have no place there" in capsys.readouterr().out
    assert fingerprint(read_model("again")) == fingerprint(read_model("net")) == fingerprint(native)
    assert dict(read_model("again").provenance) == dict(MODEL.provenance)


def test_convert_refuses(capsys):
    no_units()
    for arguments, code, says in (
        (["net", "a.h5"], 2, "net: its units are not stated; give them, e.g. --units length=bohr,energy=hartree"),
        (["net", "a.h5", "--units", "length=bohr,energy=erg"], 2, "unknown unit"),
        (["nett", "a.h5"], 2, "nett: no such file or folder; expected a folder with input.nn, or a .h5 file"),
        (["net", "start.extxyz", "--units", "length=bohr,energy=ev"], 2, "start.extxyz: is a file"),
        (["net", "net", "--units", "length=bohr,energy=ev"], 2, "net/scaling.data: is what is read"),
        (["net", "b", "--units", "length=bohr,energy=ev", "--structure", "start.extxyz"], 2, "for .h5 files only"),
    ):
        assert main(["convert", *arguments]) == code
        err = capsys.readouterr().err
        assert says in err and err.count("\n") == 1
    assert not Path("a.h5").exists() and not Path("b").exists()
    assert main(["convert", "net", "a.h5", "--units", "length=bohr,energy=ev"]) == 0
    assert main(["convert", "net", "a.h5", "--units", "length=bohr,energy=ev"]) == 4
    assert "a.h5 already exists" in capsys.readouterr().err
    assert main(["convert", "net", "a.h5", "--units", "length=bohr,energy=ev", "--overwrite"]) == 0


@pytest.mark.parametrize("vectors", [0, 1, 2])
@pytest.mark.parametrize("damage", ["weight", "force", "energy", "descriptor", "nan"])
def test_a_damaged_file_is_refused(vectors, damage, capsys):
    """Whatever in an .h5 file is off by a little, its answers give it away."""
    model = random_model(types=[2, 3, 9])
    object.__setattr__(model, "test_vectors", make_test_vectors(HDNNPotential(model).answers)[vectors:])
    write_h5(model, "net.h5")
    HDNNPotential(read_model("net.h5"))
    with h5py.File("net.h5", "r+") as file:
        if damage == "weight":
            file["elements/O/weights/1"][2, 1] *= 1 + 1e-6
        elif damage == "force":
            file["test_vectors/0/forces"][4, 2] += 1e-6
        elif damage == "energy":
            file["test_vectors/0"].attrs["energy"] *= 1 + 1e-8
        elif damage == "nan":
            file["test_vectors/0"].attrs["energy"] = np.nan
        else:
            row = file["elements/H/symmetry_functions"][0]
            row["eta"] *= 1 - 1e-6  # the order of functions stays
            file["elements/H/symmetry_functions"][0] = row
    assert main(["check", "water.toml", *sets(file="net.h5")]) == 2
    assert damage == "nan" or "does not match its checksum" in capsys.readouterr().err
    seal("net.h5", "mdcore-hdnnp 1")  # as if it were whole
    assert main(["check", "water.toml", *sets(file="net.h5")]) == 2
    err = capsys.readouterr().err
    if damage == "nan":
        assert "net.h5: test vector: a number that is not finite" in err
        return
    what = "force on atom 4 along z" if damage == "force" else "energy is"
    assert "test vector 0 (" in err and what in err and "expected" in err and "damaged" in err


def test_vectors_agree_on_every_cpu():
    """The smallest difference between instruction sets is far below what is refused."""
    from mdcore.doors import _kernels

    model = random_model()
    object.__setattr__(model, "test_vectors", make_test_vectors(HDNNPotential(model).answers))
    try:
        for level in _kernels.cpu_levels():
            _kernels.select_cpu(level)
            HDNNPotential(model)
    finally:
        _kernels.select_cpu()


@pytest.mark.reference
@pytest.mark.skipif(not REFERENCE.exists(), reason="reference data are not beside the repository")
def test_published_water(capsys):
    """docs/networks.md, run: RPBE-D3 water of Morawietz et al. at 300 K for a moment."""
    from mdcore.potentials.networks.n2p2.data import read_input_data

    potential = REFERENCE / "H2O_RPBE-D3"
    structure = next(iter(read_input_data(potential / "input.data")))
    angstrom = read_model(potential, {"length": "bohr", "energy": "hartree"}).units.angstrom
    symbols = ("O", "H")
    system = System(
        Box(structure.cell * angstrom), structure.positions * angstrom,
        species=np.array([symbols.index(s) for s in structure.symbols]), symbols=symbols,
    )  # fmt: skip
    with open("start.extxyz", "w") as stream:
        write_frame(stream, system)
    page = (Path(__file__).parents[1] / "docs" / "networks.md").read_text()
    text = re.search(r"```toml\n(.*?)```", page, re.DOTALL)[1]
    Path("water.toml").write_text(text)
    arguments = ["--set", f"potential.0.file={potential}", "--set", "structure.file=start.extxyz"]
    units = 'potential.0.units={ length = "bohr", energy = "hartree" }'
    for item in ("stage.0.steps=20", "stage.1.steps=20", "output.thermo_every=1", units):
        arguments += ["--set", item]
    assert command(*arguments) == 0
    assert "extrapolation: none in 41 steps" in capsys.readouterr().out
    with Trajectory("water.h5md") as trajectory:
        thermo = trajectory.thermo()
    kinetic, conserved = thermo["kinetic"][20:], thermo["conserved"][20:]
    assert 0 < np.ptp(conserved) < 0.02 * np.ptp(kinetic)
