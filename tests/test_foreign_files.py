"""Does a command leave alone what isn't its own, and say so before it writes anything?"""

import errno
import os
import shutil
import stat
from pathlib import Path

import h5py
import pytest

from mdcore.base.comm import SelfComm
from mdcore.base.errors import Interrupted, OutputError
from mdcore.cli import main
from mdcore.cli.clashes import clash
from mdcore.cli.run import run
from mdcore.cli.train import train
from mdcore.config import load
from mdcore.config.load_training import load_training
from mdcore.output import checkpoint
from mdcore.output.trajectory import Trajectory
from tests.test_networks_cli import MODEL
from tests.test_train_cli import folder as training  # noqa: F401  (a fixture)

ARGON = """
structure = { file = "start.extxyz" }
velocities = { temperature = 94.4 }
potential = { type = "lj", cutoff = 5.0, species = { Ar = { epsilon = 0.0104, sigma = 3.40 } } }
stage = [{ ensemble = "nve", timestep = 4.0, steps = 12 }]
output = { thermo_every = 2, trajectory_every = 2, dump_every = 2, checkpoint_every = 4 }
"""
START = '2\nLattice="12 0 0 0 12 0 0 0 12" Properties=species:S:1:pos:R:3\nAr 0 0 0\nAr 3.8 0 0\n'
OURS = ["argon.checkpoint", "argon.checkpoint.previous", "argon.extxyz", "argon.h5md"]


@pytest.fixture
def argon(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("argon.toml").write_text(ARGON)
    Path("start.extxyz").write_text(START)
    return tmp_path


def content(folder="."):
    return {
        str(path): path.read_bytes() if path.is_file() else None for path in sorted(Path(folder).rglob("*"))
    }


def refused(arguments, says, code, capsys):
    """One sentence, the exit code, and nothing changed."""
    before = content()
    assert main(arguments) == code
    err = capsys.readouterr().err
    assert err.startswith("mdcore: error: ") and err.count("\n") == 1 and "internal" not in err
    for text in [says] if isinstance(says, str) else says:
        assert text in err
    assert content() == before
    return err


FOREIGN = [
    "argon.lock", "argon.h5md.tmp", "argon.checkpoint.tmp", "argon.extxyz.tmp", "argon.checkpoint.previous.tmp",
    "argon.analysis.json.tmp", ".argon.h5md.tmp", ".argon.lock",
]  # fmt: skip


def test_files_of_others_beside_a_run(argon):
    for name in FOREIGN:
        Path(name).write_text("precious")
    Path("precious").write_text("precious")
    for name in ("argon.lock", "argon.checkpoint.tmp"):
        Path(name).unlink()
        Path(name).symlink_to("precious")
    before = content()
    for more in ([], ["--overwrite"], ["--restart"]):
        assert main(["run", "argon.toml", "--quiet", *more]) == 0
        after = content()
        assert {name: after[name] for name in before} == before
        assert sorted(after.keys() - before.keys()) == OURS
        assert Path("argon.lock").is_symlink() and Path("argon.checkpoint.tmp").is_symlink()


def test_overwrite_forgets_only_what_mdcore_wrote(argon):
    assert main(["run", "argon.toml", "--quiet"]) == 0
    for name in ("argon-extrapolated.extxyz", "argon-disputed.extxyz"):
        Path(name).write_text(START)  # not ours: no word of mdcore in it
    Path("argon.checkpoint.previous").write_text("precious")
    every = ["--set", "output.checkpoint_every=0"]
    assert main(["run", "argon.toml", "--quiet", "--overwrite", *every]) == 0
    assert not Path("argon.checkpoint").exists()
    assert Path("argon.checkpoint.previous").read_text() == "precious"
    assert Path("argon-extrapolated.extxyz").read_text() == Path("argon-disputed.extxyz").read_text() == START


@pytest.mark.parametrize("foreign", [False, True])
def test_a_replaced_run_leaves_nothing_to_a_restart(argon, foreign):
    """Files that the new run has not begun yet, when it is stopped with a checkpoint."""
    assert main(["run", "argon.toml", "--quiet"]) == 0
    text = ARGON.replace(
        "stage = [", 'stage = [{ ensemble = "nve", timestep = 4.0, steps = 8, thermo_every = 0, trajectory_every = 0, '
        "dump_every = 0 }, "
    )  # fmt: skip
    Path("argon.toml").write_text(text.replace("94.4", "50.0"))
    if foreign:
        Path("argon.extxyz").write_text(START)
    with pytest.raises(Interrupted):
        run(load("argon.toml"), SelfComm(), lambda: True, overwrite=True, quiet=True)
    assert not Path("argon.h5md").exists() and Path("argon.extxyz").exists() == foreign
    if not foreign:
        assert main(["run", "argon.toml", "--quiet", "--restart"]) == 0
        with Trajectory("argon.h5md") as trajectory:
            assert trajectory.steps.tolist() == list(range(8, 21, 2))


@pytest.mark.parametrize("name", OURS)
def test_linked_outputs_are_written_where_the_links_lead(argon, name):
    Path("there").mkdir()
    target = Path("there") / "target"
    Path(name).symlink_to("there/target")
    assert main(["run", "argon.toml", "--quiet"]) == 0  # a link to nothing yet
    for how, steps in (("--overwrite", 8), ("--overwrite", 12), ("--restart", 16)):
        assert main(["run", "argon.toml", "--quiet", how, "--set", f"stage.0.steps={steps}"]) == 0, how
        assert os.readlink(name) == "there/target" and target.is_file()
        assert os.listdir("there") == ["target"]
    assert sorted(os.listdir()) == sorted([*OURS, "argon.toml", "start.extxyz", "there"])
    with Trajectory("argon.h5md") as trajectory:
        assert trajectory.steps[-1] == 16
    assert checkpoint.read("argon.checkpoint")["step"] == 16
    assert checkpoint.read("argon.checkpoint.previous")["step"] == 12


@pytest.mark.parametrize("name", OURS)
@pytest.mark.parametrize("where", ["missing/x", "start.extxyz/x", "/proc/nowhere/x", "second"])
def test_links_that_lead_into_no_folder_are_told_before_the_run(argon, name, where, capsys):
    Path("second").symlink_to("missing/x")
    Path(name).symlink_to(where)
    says = "start.extxyz/x, can't write: Not a dir" if where.startswith("start") else "can't write: No such file or dir"
    for command in ("check", "run"):
        refused([command, "argon.toml"], f"{name}, a link to ", 4, capsys)
        refused([command, "argon.toml"], says, 4, capsys)
    assert not any(os.path.exists(other) for other in OURS)


def test_results_of_a_linked_folder_and_permissions(argon):
    Path("disk").mkdir()
    Path("results").symlink_to("disk")
    sets = ["--quiet", "--set", "output.directory=results"]
    assert main(["run", "argon.toml", *sets]) == 0
    os.chmod("disk/argon.h5md", 0o600)
    assert main(["run", "argon.toml", "--overwrite", *sets]) == 0
    assert Path("results").is_symlink() and sorted(os.listdir("disk")) == OURS
    assert stat.S_IMODE(os.stat("disk/argon.h5md").st_mode) == 0o600


@pytest.mark.parametrize("make", [os.mkdir, os.mkfifo, lambda path: os.symlink("/dev/null", path)])
@pytest.mark.parametrize("name", OURS)
def test_what_is_no_file_is_refused_at_once(argon, name, make, capsys):
    make(name)
    for more in ([], ["--overwrite"], ["--restart"]):
        refused(["run", "argon.toml", *more], [name, "can't be replaced"], 4, capsys)


def test_write_protected_results_stay(argon, capsys):
    assert main(["run", "argon.toml", "--quiet"]) == 0
    os.chmod("argon.h5md", 0o444)
    refused(["run", "argon.toml", "--overwrite"], "argon.h5md: is write-protected", 4, capsys)


SAME = {
    "the name": lambda path: shutil.copy("start.extxyz", path),
    "a link": lambda path: os.symlink("start.extxyz", path),
    "a link to it": lambda path: (os.rename("start.extxyz", path), os.symlink(path, "start.extxyz")),
    "a hard link": lambda path: os.link("start.extxyz", path),
}


@pytest.mark.parametrize("how", SAME)
@pytest.mark.parametrize("more", [[], ["--overwrite"], ["--restart"]])
def test_a_run_never_writes_over_its_structure(argon, how, more, capsys):
    SAME[how]("argon.extxyz")
    file = "./../" + os.path.basename(os.getcwd()) + "/argon.extxyz" if how == "the name" else "start.extxyz"
    arguments = ["run", "argon.toml", "--set", f"structure.file={file}", *more]
    refused(arguments, ["[output] name", "write over its own input", "argon.extxyz: is what is read"], 2, capsys)
    assert main(["check", *arguments[1:4]]) == 2


def test_a_run_never_writes_over_anything_it_reads(argon, capsys):
    from mdcore.potentials.networks.h5 import write_h5

    Path("table.csv").write_text("r,Ar-Ar\n1,1\n2,1\n")
    write_h5(MODEL, "net.h5")
    for output in ("argon.toml", "net.h5", "table.csv"):
        os.symlink(output, "argon.h5md")
        text = 'potential = { type = "hdnnp", file = "net.h5" }\nanalysis = { reference = { rdf = "table.csv" } }'
        Path("argon.toml").write_text("\n".join(line if "lj" not in line else text for line in ARGON.splitlines()))
        refused(["run", "argon.toml", "--overwrite"], f"argon.h5md: is what is read ({output})", 2, capsys)
        os.unlink("argon.h5md")


def test_a_kill_between_two_names_of_one_checkpoint(argon):
    assert main(["run", "argon.toml", "--quiet"]) == 0
    os.unlink("argon.checkpoint.previous")
    os.link("argon.checkpoint", "argon.checkpoint.previous")
    for how in ("--restart", "--overwrite"):
        assert main(["run", "argon.toml", "--quiet", how, "--set", "stage.0.steps=16"]) == 0


def test_two_outputs_are_two_files(argon, capsys):
    Path("argon.h5md").symlink_to("argon.extxyz")
    refused(["run", "argon.toml"], "argon.extxyz and argon.h5md are one file", 2, capsys)


def test_what_is_read_in_a_folder(tmp_path):
    (tmp_path / "data" / "set.000").mkdir(parents=True)
    for name in ("type.raw", "set.000/coord.npy", "results.extxyz"):
        (tmp_path / "data" / name).touch()
    (tmp_path / "link").symlink_to("data/set.000")
    assert "is what is read" in clash([tmp_path / "link" / "coord.npy"], [tmp_path / "data"])
    assert "is what is read" in clash([tmp_path / "data" / "type.raw"], [tmp_path / "data"])
    assert clash([tmp_path / "data" / "results.extxyz", tmp_path / "new"], [tmp_path / "data"]) is None


@pytest.mark.parametrize(("name", "says"), [("a\\nb", "printable"), ("a\\tb", "printable"), ("a" * 300, "shorter")])
def test_names(argon, name, says, capsys):
    text = ARGON.replace("output = {", f'output = {{ name = "{name}",')
    Path("argon.toml").write_text(text)
    assert main(["run", "argon.toml"]) in (2, 4)
    err = capsys.readouterr().err
    assert says in err and "internal" not in err and sorted(os.listdir()) == ["argon.toml", "start.extxyz"]


@pytest.mark.parametrize("name", [b"\xff\xfe.toml", "αργόν $x$.toml".encode(), b"a b'c\".toml"])
def test_file_names_of_any_bytes(argon, name, capsys):
    source = os.fsdecode(name)
    Path(source).write_text(ARGON.replace("start.extxyz", "\\u00e9.extxyz"))
    os.rename("start.extxyz", "\u00e9.extxyz")
    more = ["--set", 'analysis={"rdf_max"=5.0, "rdf_bins"=10}']
    assert main(["check", source]) == 0
    assert main(["run", source, *more]) == 0
    assert main(["run", source, "--restart", *more]) == 0
    assert "internal" not in capsys.readouterr().err
    stem = source.removesuffix(".toml")
    assert {f"{stem}.h5md", f"{stem}.extxyz", f"{stem}.analysis.json"} < set(os.listdir())
    with Trajectory(f"{stem}.h5md") as trajectory:
        assert "command" in trajectory.provenance


# --- files that go while a run writes them ---------------------------------------------------------------------------


def meddling(at_step, act):
    """What a run asks whether to stop: at that step, somebody does something to its files."""
    calls = []

    def stop():
        calls.append(1)
        if len(calls) == at_step:
            act()
        return False

    return stop


@pytest.mark.parametrize("name", ["argon.h5md", "argon.extxyz"])
@pytest.mark.parametrize("how", ["removed", "moved", "replaced"])
def test_an_output_that_goes_is_noticed_at_the_next_checkpoint(argon, name, how):
    def act():
        os.rename(name, "elsewhere")
        if how == "removed":
            os.unlink("elsewhere")
        if how == "replaced":
            Path(name).write_text("precious")

    with pytest.raises(OutputError) as caught:
        run(load("argon.toml"), SelfComm(), meddling(6, act), quiet=True)
    told = str(caught.value)
    assert told.startswith(f"{name}: was removed, replaced or changed by somebody else while this run was writing it")
    assert "The last checkpoint is intact: argon.checkpoint; then continue with --restart" in told
    assert checkpoint.read("argon.checkpoint")["step"] == 4
    assert how != "replaced" or Path(name).read_text() == "precious"
    if how == "moved":  # put back, nothing is lost
        os.rename("elsewhere", name)
        assert main(["run", "argon.toml", "--restart", "--quiet"]) == 0
        with Trajectory("argon.h5md") as trajectory:
            assert trajectory.steps.tolist() == list(range(0, 13, 2))


def test_a_folder_that_goes_is_noticed(argon):
    settings = load("argon.toml", ["output.directory=out"])
    with pytest.raises(OutputError, match=r"was removed, replaced .* There is no checkpoint: begin again"):
        run(settings, SelfComm(), meddling(6, lambda: shutil.rmtree("out")), quiet=True)
    assert not Path("out").exists()


def test_a_checkpoint_that_goes_comes_again(argon):
    run(load("argon.toml"), SelfComm(), meddling(6, lambda: os.unlink("argon.checkpoint")), quiet=True)
    assert checkpoint.read("argon.checkpoint")["step"] == 12


def test_results_that_are_open_here_are_analysed_but_not_continued(argon, capsys):
    assert main(["run", "argon.toml", "--quiet"]) == 0
    with h5py.File("argon.h5md"):
        with Trajectory("argon.h5md") as trajectory:
            assert len(trajectory) == 7
        assert main(["run", "argon.toml", "--quiet", "--restart", "--set", "stage.0.steps=16"]) == 4
        err = capsys.readouterr().err
        assert "argon.h5md: can't be continued" in err and "close it, it is open in this process" in err
    assert main(["run", "argon.toml", "--quiet", "--restart", "--set", "stage.0.steps=16"]) == 0


# --- full disks -----------------------------------------------------------------------------------------------------


def no_space(*_, **__):
    raise OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize("call", ["mdcore.output.h5md.allocate", "mdcore.output.dump.write_frame"])
def test_a_disk_full_before_the_first_checkpoint(argon, monkeypatch, capsys, call):
    with monkeypatch.context() as patched:
        patched.setattr(call, no_space)
        assert main(["run", "argon.toml", "--quiet"]) == 4
    err = capsys.readouterr().err
    assert err.count("\n") == 1 and "No space left on device; free some space, or write elsewhere" in err
    assert "There is no checkpoint: begin again" in err
    assert set(os.listdir()) <= {"argon.toml", "start.extxyz", "argon.h5md"}
    assert main(["run", "argon.toml", "--quiet", "--overwrite"]) == 0  # the advice can be followed


def test_a_disk_full_in_training(training, capsys, request):  # noqa: F811
    real, count, limit = os.fsync, [], [0]

    def fsync(handle):
        count.append(1)
        return no_space() if len(count) > limit[0] else real(handle)

    patched = pytest.MonkeyPatch()
    request.addfinalizer(patched.undo)
    request.addfinalizer(patched.undo)
    patched.setattr(os, "fsync", fsync)
    options = [part for k in (1, 2) for part in ("--set", f"optimizer.{k}.epochs=1")]
    command = ["train", "train.toml", "--quiet", *options]
    before = sorted(os.listdir())
    assert main(command) == 4
    err = capsys.readouterr().err
    assert err == (
        "mdcore: error: train.training.h5: can't write: No space left on device; free some space, or write elsewhere\n"
    )
    assert sorted(os.listdir()) == before
    count.clear()
    limit[0] = 2 * 2  # what is known before, and the state: file and folder each
    assert main(command) == 4
    err = capsys.readouterr().err
    assert "No space left on device" in err and err.count("\n") == 1
    assert "The last state is intact: train.training.h5; then go on with --restart" in err
    assert sorted(os.listdir()) == sorted([*before, "train.training.h5"])
    patched.undo()
    assert main([*command, "--restart"]) == 0 and Path("train.h5").exists()


def test_a_training_file_that_goes_comes_again(training, capsys):  # noqa: F811
    settings = load_training("train.toml", ["optimizer.1.epochs=1", "optimizer.2.epochs=1"])
    train(settings, say=lambda text="": None, stop=meddling(2, lambda: os.unlink("train.training.h5")))
    assert "train.training.h5 was removed meanwhile: it is written anew" in capsys.readouterr().err
    with h5py.File("train.training.h5") as file:
        assert {"input", "data", "descriptors", "member 0"} <= file.keys()
    train(settings, say=lambda text="": None, restart=True)


# --- training, evaluate, convert ------------------------------------------------------------------------------------


def test_a_training_never_writes_over_its_data(training, capsys):  # noqa: F811
    for name in ("train.h5", "train.training.h5", "train.errors.txt"):
        for link in (os.symlink, os.link):
            link("data.xyz", name)
            refused(
                ["train", "train.toml", "--overwrite"],
                ["[output] name", f"{name}: is what is read (data.xyz)"], 2, capsys,
            )  # fmt: skip
            os.unlink(name)
    os.mkdir("train.errors.txt")
    refused(["train", "train.toml", "--overwrite"], "train.errors.txt: a folder: it can't be replaced", 4, capsys)
    os.rmdir("train.errors.txt")
    Path("train-n2p2").write_text("precious")
    arguments = ["train", "train.toml", "--overwrite", "--set", "output.n2p2=true"]
    refused(arguments, "train-n2p2: is no folder, and one of that name is to be written", 4, capsys)


@pytest.fixture
def nets(tmp_path, monkeypatch):
    from mdcore.potentials.networks.h5 import write_h5
    from mdcore.potentials.networks.n2p2.write import write_n2p2

    monkeypatch.chdir(tmp_path)
    write_h5(MODEL, "net.h5")
    write_n2p2(MODEL, "net")
    Path("data.xyz").write_text(START.replace("Ar", "O"))


@pytest.mark.parametrize("output", ["net.h5", "data.xyz", "link", "hard", "./net/../net.h5"])
def test_evaluate_never_writes_over_what_it_reads(nets, output, capsys):
    os.symlink("net.h5", "link")
    os.link("data.xyz", "hard")
    refused(["evaluate", "net.h5", "data.xyz", "--output", output, "--overwrite"], "is what is read", 4, capsys)


def test_evaluate_refuses_before_it_computes(nets, capsys):
    more = ["evaluate", "net", "data.xyz", "--overwrite"]
    refused([*more, "--output", "net/input.nn"], "net/input.nn: is what is read", 4, capsys)
    refused([*more, "--output", "a.png", "--plot", "./a.png"], "are one file", 4, capsys)
    refused([*more, "--plot", "a.txt"], "end the name with .png, .pdf, .svg", 2, capsys)
    refused([*more, "--plot", "a"], "end the name with .png", 2, capsys)
    refused([*more, "--output", "none/a.xyz"], "none/a.xyz: there is no such folder", 4, capsys)
    os.symlink("none/a.xyz", "away")
    refused([*more, "--output", "away"], "none/a.xyz, can't write: No such file", 4, capsys)
    refused([*more, "--output", "net"], "net: a folder: it can't be replaced", 4, capsys)
    refused([*more, "--output", "/dev/null"], "/dev/null: a device: it can't be replaced", 4, capsys)


@pytest.mark.parametrize(
    "target", ["b.txt", "b.pt", "b.h5md", "there/b.nn", "b.json", "b.H5x", "b.h5.bak", "b.extxyz", "net.d/x.yaml"]
)
def test_convert_asks_which_kind_is_meant(nets, target, capsys):
    says = [f"{target}: which kind is meant?", "end its name with .h5", f"{target}/"]
    refused(["convert", "net.h5", target], says, 2, capsys)


@pytest.mark.parametrize(("target", "made"), [("b.txt/", "b.txt"), ("b-1.2", "b-1.2"), ("b", "b"), ("b.H5", "b.H5")])
def test_convert_where_it_is_clear(nets, target, made, capsys):
    assert main(["convert", "net.h5", target]) == 0
    assert Path(made).is_dir() == (made != "b.H5")
    assert main(["evaluate", made, "data.xyz"]) == 0


def test_convert_never_writes_over_what_it_reads(nets, capsys):
    os.symlink("net.h5", "link.h5")
    os.link("net.h5", "hard.h5")
    for target in ("net.h5", "link.h5", "hard.h5"):
        refused(["convert", "net.h5", target, "--overwrite"], f"{target}: is what is read", 2, capsys)
    os.symlink("net", "other")
    for target in ("net", "other", "net/"):
        refused(["convert", "net", target, "--overwrite"], "is what is read", 2, capsys)
    Path("b").mkdir()
    Path("b/scaling.data").write_text("precious")
    refused(["convert", "net", "b"], "b/scaling.data already exists", 4, capsys)
    os.mkfifo("pipe.h5")
    refused(["convert", "net", "pipe.h5", "--overwrite"], "pipe.h5: a pipe: it can't be replaced", 4, capsys)
    refused(["convert", "net", "data.xyz"], "data.xyz: is a file", 2, capsys)


def test_a_read_only_folder(argon, monkeypatch, capsys):
    os.mkdir("out", 0o555)
    real = os.access
    monkeypatch.setattr(os, "access", lambda path, mode: str(path) != "out" and real(path, mode))  # root may do all
    refused(["run", "argon.toml", "--set", "output.directory=out"], "may not be written", 4, capsys)


def test_no_file_systems_are_left_out(argon, monkeypatch):
    """Neither hard links nor locks nor permissions: slower, not worse."""

    def unable(*_, **__):
        raise OSError(errno.ENOSYS, "Function not implemented")

    for call in ("link", "fchmod", "fchown"):
        monkeypatch.setattr(os, call, unable)
    monkeypatch.setattr("fcntl.flock", unable)
    for more in ([], ["--overwrite"], ["--restart", "--set", "stage.0.steps=16"]):
        assert main(["run", "argon.toml", "--quiet", *more]) == 0
    assert sorted(os.listdir()) == sorted([*OURS, "argon.toml", "start.extxyz"])
    assert checkpoint.read("argon.checkpoint.previous")["step"] == 12


@pytest.mark.parametrize(
    ("directory", "says"),
    [("file", "there is a file of that name"), ("nowhere", "a link that leads nowhere"), ("loop", "in a circle"),
     ("/proc", "/proc/.argon.mdcore-lock: can't be made"), ("/dev/null/x", "Not a directory")],
)  # fmt: skip
def test_folders_that_are_none(argon, directory, says, capsys):
    Path("file").touch()
    os.symlink("gone", "nowhere")
    os.symlink("loop", "loop")
    refused(["run", "argon.toml", "--set", f'output.directory="{directory}"'], says, 4, capsys)


@pytest.mark.parametrize("path", [".", "/", "..", "start.extxyz", "/dev/zero", "pipe", "none"])
def test_what_is_no_checkpoint(argon, path, capsys):
    os.mkfifo("pipe")
    refused(["run", "argon.toml", f"--restart={path}"], path, 4, capsys)


def test_a_current_folder_that_is_gone(argon, tmp_path, monkeypatch, capsys):
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    assert main(["run", str(tmp_path / "argon.toml")]) == 4
    assert "the current directory was removed: go to another one (cd)" in capsys.readouterr().err
