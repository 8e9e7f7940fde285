"""Does a message say what is meant by a word of another program, a slip of the pen, or the wrong file?"""

import pytest

from mdcore.base.errors import InputError
from mdcore.cli import main
from mdcore.config import parse, synonyms
from mdcore.config.load import decode
from mdcore.config.load_training import parse_training
from mdcore.config.parse import _all_keys
from mdcore.config.settings import Settings
from mdcore.config.training import TrainingSettings
from mdcore.faces import POTENTIALS, STAGES
from tests.test_bad_inputs import GOOD

KNOWN = _all_keys(Settings) | _all_keys(TrainingSettings)


def message(text, overrides=(), parser=parse) -> str:
    with pytest.raises(InputError) as caught:
        parser(text, "argon.toml", overrides)
    return str(caught.value)


def test_every_hint_is_of_a_key_there_is():
    for word, ours in synonyms.KEYS.items():
        assert set(ours) <= KNOWN, word
    assert set(synonyms.VALUES) <= KNOWN
    assert not set(synonyms.MISSING) & KNOWN
    for key, faces in (("ensemble", STAGES), ("type", POTENTIALS)):
        assert not {word for words, _ in synonyms.VALUES[key] for word in words.split()} & set(faces)


@pytest.mark.parametrize(
    ("item", "says"),
    [
        ("stage.0.dt=1", "[[stage]] #1 dt = 1: unknown key; did you mean 'timestep'?"),
        ("stage.0.tau_t=100", "did you mean 'friction', the inverse of the relaxation time?"),
        ("stage.0.nsteps=100", "did you mean 'steps'?"),
        ("stage.0.T=100", "did you mean 'temperature'?"),
        ("stage.0.ref-p=1", "'pressure' is meant, which belongs to [[potential]] or [[stage]]"),
        ("dt=1", "dt = 1: unknown key here; 'timestep' is meant, which belongs to [[stage]]"),
        ("integrator.dt=1", "--set integrator.dt=1: [integrator]: unknown key; did you mean [[stage]]?"),
        ("model.file=x", "did you mean [[potential]]?"),
        ("stages.steps=1", "did you mean [[stage]]?"),
        ("thermo=10", "'thermo_every' is meant, which belongs to [[stage]] or [output]"),
        ("output.dump=10", "did you mean 'dump_every'?"),
        ("potential.pair_style=lj", "did you mean 'type'?"),
        ("potential.rcut=8.5", "did you mean 'cutoff'?"),
        ("structure.supercell=[1,1,1]", "did you mean 'replicate'?"),
        ("minimize=true", "to relax a structure"),
        ("timestp=1", "unknown key; did you mean 'timestep' of [[stage]]?"),
        ("output.temprature=1", "did you mean 'temperature' of [velocities] or [[stage]] or"),
        ("steps=1", "steps = 1: unknown key here; it belongs to [[stage]]"),
        ("stage.0.ensemble=nvt", "relaxation: required"),
        ("stage.0.ensemble=NVT", "did you mean 'nvt'?"),
        ("stage.0.ensemble=Nose-Hoover", 'constant temperature is ensemble = "nvt"'),
        ("stage.0.ensemble=v_rescale", 'constant temperature is ensemble = "nvt"'),
        ("stage.0.ensemble=parrinello-rahman", 'constant pressure is ensemble = "npt"'),
        ("stage.0.ensemble=verlet", 'constant energy is ensemble = "nve"'),
        ("stage.0.ensemble=nvee", "did you mean 'nve'?"),
        ("potential.type=lj/cut", 'Lennard-Jones is type = "lj"'),
        ("potential.type=NNP", 'a network potential is type = "hdnnp"'),
        ("potential.type=mace", 'networks of densities with messages are type = "density"'),
        ("potential.type=eam/alloy", 'the embedded-atom method is type = "eam"'),
        ("units=real", 'write units = "metal"'),
        ("structure.build=FCC", "did you mean 'fcc'?"),
    ],
)
def test_words_of_other_programs(item, says):
    told = message(GOOD, [item])
    assert says in told


def test_what_is_misspelt_is_not_missed_as_well():
    assert "required" not in message(GOOD.replace("timestep = 4.0", "dt = 4.0"))


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("x = 5 fs", "its unit is that of the key: x = 5"),
        ("x = 10K", "its unit is that of the key: x = 10"),
        ("x = nve", 'text stands in quotes: x = "nve"'),
        ("x = True", "write x = true"),
        ("x = None", "leave the line out"),
        ("x = 2,5", "decimals follow a point: x = 2.5"),
        ("x = .5", "write x = 0.5"),
        ("x = -5.", "write x = -5.0"),
        ("x = 1.0d-3", "write x = 1.0e-3"),
        ("x 3", "an equals sign is missing: x = ..."),
        ("x = (1, 2)", "a list is written x = [1, 2]"),
        ("x = 1 2 3", "a list is written x = [1, 2, 3]"),
        ("x = 3*5", "not a formula"),
        ("x: 3", "TOML, key = value"),
        ("! comment", "a comment begins with #"),
        ("[a]\n[a]", "written [[a]]"),
        ("pair_style lj/cut 8.5", "a script of LAMMPS"),
        ('{"a": 1}', "TOML, key = value"),
    ],
)
def test_lines_that_are_no_toml(line, says):
    with pytest.raises(InputError, match=r"argon.toml: line \d") as caught:
        decode(line, "argon.toml")
    assert str(caught.value).endswith(says) or says in str(caught.value).split("; ", 2)[2]


def test_an_integer_of_thousands_of_digits():
    with pytest.raises(InputError, match=r"^argon.toml: an integer of thousands of digits; all are below 2\^63$"):
        decode("seed = " + 5000 * "1", "argon.toml")


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("water.h5", "this is a potential; mdcore info water.h5 tells"),
        ("water.training.h5", "mdcore train input.toml --restart"),
        ("water.h5md", "the results of a run"),
        ("water.XYZ", '[structure] file = "water.XYZ"'),
        ("POSCAR", '[structure] file = "POSCAR"'),
        ("water.checkpoint", "mdcore run input.toml --restart water.checkpoint"),
        ("in.melt", "LAMMPS"),
        ("md.py", "python md.py"),
        ("md.yaml", "YAML"),
    ],
)
@pytest.mark.parametrize("command", ["run", "check", "train"])
def test_files_that_are_no_input(tmp_path, monkeypatch, capsys, name, says, command):
    monkeypatch.chdir(tmp_path)
    (tmp_path / name).write_bytes(b"\x89HDF\0")
    assert main([command, name]) == 2
    assert says in capsys.readouterr().err


def test_a_file_that_is_not_there(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "inputs").mkdir()
    (tmp_path / "inputs" / "argon.toml").write_text(GOOD)
    for name in ("argn.toml", "argon", "inputs/agron.toml"):
        assert main(["run", name]) == 2
        assert f"{name}: no such input file; did you mean inputs/argon.toml?" in capsys.readouterr().err
    for name, says in (("melt.toml", f"no such input file in {tmp_path};"), ("a/b.toml", f"no folder {tmp_path}/a")):
        (tmp_path / "c.toml").write_text(GOOD)  # an ending in common is no likeness
        assert main(["run", name]) == 2
        assert says in " ".join(capsys.readouterr().err.split())


def test_run_and_train_know_each_others_inputs():
    training = '[[data]]\nfile = "a.xyz"\n'
    assert message(training) == "argon.toml: this is the input of a training; the command is: mdcore train argon.toml"
    told = message(GOOD, parser=parse_training)
    assert told == "argon.toml: this is the input of a run; the command is: mdcore run argon.toml"


def test_what_makes_a_file_that_is_missing(tmp_path, monkeypatch, capsys):
    """A run of its name, beside it or beside the input, or a program beside it that names it; not the input itself."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data").mkdir()
    train = '[[data]]\nfile = "{}"\n[descriptors]\ncutoff = 5.0\n[[optimizer]]\ntype = "kalman"\nepochs = 1\n'
    cases = [("labels.extxyz", "mdcore run labels.toml"), ("data/labels.extxyz", "mdcore run labels.toml")]
    cases += [("data/made.extxyz", "python data/label.py"), ("data/other.extxyz", None), ("train.extxyz", None)]
    cases += [("fitted.extxyz", None)]  # fitted.toml is of a training, too
    (tmp_path / "fitted.toml").write_text(train.format("fitted.extxyz"))
    (tmp_path / "labels.toml").write_text(GOOD)
    (tmp_path / "data" / "label.py").write_text('write("made.extxyz")\n')
    (tmp_path / "data" / "zeros.py").write_bytes(bytes(10))
    for file, maker in cases:
        (tmp_path / "train.toml").write_text(train.format(file))
        assert main(["train", "train.toml"]) == 2
        told = " ".join(capsys.readouterr().err.split())
        assert f"no such file or folder; looked for {file}" in told
        assert ("made by" in told) == (maker is not None) and (maker or "") in told
    (tmp_path / "run.toml").write_text(GOOD.replace('build = "fcc"', 'file = "labels.extxyz"'))
    assert main(["check", "run.toml"]) == 2
    assert "perhaps made by: mdcore run labels.toml" in " ".join(capsys.readouterr().err.split())


def test_files_of_mdcore_in_the_place_of_structures(tmp_path, monkeypatch, capsys):
    pytest.importorskip("ase")
    monkeypatch.chdir(tmp_path)
    for name, says in (
        ("net.h5", "net.h5: no structure; mdcore info net.h5 tells what it is"),
        ("old.h5md", "old.h5md: the results of a run; mdcore convert old.h5md NAME.extxyz makes structures"),
        ("other.abc", "other.abc: ASE can't read"),
    ):
        (tmp_path / name).write_bytes(b"\x89HDF\r\n\x1a\n")
        structure = GOOD.replace('build = "fcc"', f'file = "{name}"')
        lines = [line for line in structure.splitlines() if not line.startswith(("species", "density", "lattice"))]
        (tmp_path / "run.toml").write_text("\n".join(lines))
        train = f'[[data]]\nfile = "{name}"\n[descriptors]\ncutoff = 5.0\n'
        (tmp_path / "train.toml").write_text(f'{train}[optimizer]\ntype = "kalman"\nepochs = 1\n')
        for command in ("run", "train"):
            assert main([command, f"{command}.toml"]) == 2
            assert says in " ".join(capsys.readouterr().err.split())
    (tmp_path / "lj.toml").write_text(GOOD)
    assert main(["analyse", "lj.toml"]) == 2
    assert "lj.toml: an input file; name the structures, or results" in " ".join(capsys.readouterr().err.split())
    assert main(["relax", "a.extxyz"]) == 2
    assert "e.g. mdcore relax structure.extxyz --potential net.h5" in " ".join(capsys.readouterr().err.split())
