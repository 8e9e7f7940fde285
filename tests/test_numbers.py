"""Every key of every section, given numbers and texts at their extremes: one message, or a run."""

import warnings

import numpy as np
import pytest

from mdcore import cli
from mdcore.base.errors import MdcoreError
from mdcore.config import load
from mdcore.config.load_training import load_training
from mdcore.config.settings import Settings
from mdcore.config.training import TrainingSettings
from mdcore.faces.schema import NamedSections, Section, Sections, keys, toml

EXTREMES = [
    "nan", "inf", "-inf", "-0.0", "0", "-1", "1", "1e308", "-1e308", "1e15", "1e6", "5e-324", "1e-320", "1e-300",
    "1e-15", "1e-6", *(str(n) for n in (2**31, 2**53 + 1, 2**63, 2**64, 10**4000)), "1" + 5000 * "0",
    "0x" + 5000 * "f", "true", '""', '" "', '"\\u0000"', '"a\\u0000b"', '"' + 5000 * "x" + '"', '"' + 300 * "x" + '"',
    '"../x"', "[]", "[[]]", "{}", "[1, 1, 1]", "[nan, inf, 1e308]", "[1e308, 1e308]", "[0.0, 1e-320]",
    2000 * "[" + 2000 * "]", 200 * "[" + 200 * "]", "1979-05-27", '{ Ar = 1e308, "" = nan }', "{ Ar = 5e-324 }",
]  # fmt: skip
FEW = ["nan", "1e308", "1e-320", str(2**63), '"a\\u0000b"']
SETS = [pytest.param(FEW, id="few"), pytest.param(EXTREMES, id="all", marks=pytest.mark.slow)]
RUN = {
    "structure": {"build": "fcc", "species": "Ar", "lattice_constant": 5.26, "replicate": [2, 2, 2]},
    "velocities": {"temperature": 50.0},
    "potential": [
        {
            "type": "lj", "cutoff": 6.0, "species": {"Ar": {"epsilon": 0.0103, "sigma": 3.4}},
            "pair": [{"species": ["Ar", "Ar"], "epsilon": 0.01, "sigma": 3.4, "cutoff": 6.0}],
        },
        {
            "type": "zbl", "inner": 1.0, "cutoff": 2.0,
            "pair": [{"species": ["Ar", "Ar"], "inner": 1.0, "cutoff": 2.0}],
        },
        {
            "type": "morse", "cutoff": 5.0,
            "pair": [{"species": ["Ar", "Ar"], "depth": 0.01, "alpha": 1.4, "r0": 3.8, "cutoff": 4.5}],
        },
        {
            "type": "buckingham", "cutoff": 5.0,
            "pair": [{"species": ["Ar", "Ar"], "a": 5000.0, "rho": 0.3, "c": 60.0, "cutoff": 4.5}],
        },
        {
            "type": "soft-core", "cutoff": 5.0, "coupling": 0.5,
            "pair": [{"species": ["Ar", "Ar"], "epsilon": 0.01, "sigma": 3.4, "cutoff": 4.5}],
        },
        {"type": "coulomb", "cutoff": 5.0, "charges": {"Ar": 0.1}, "constant": 14.4},
        {"type": "table", "cutoff": 5.0, "pair": [{"species": ["Ar", "Ar"], "file": "u.table", "keyword": "U"}]},
    ],
    "stage": [
        {"name": "a", "ensemble": "langevin", "timestep": 2.0, "steps": 2, "temperature": 50.0, "friction": 0.01},
        {"name": "b", "ensemble": "nve", "timestep": 2.0, "steps": 4},
    ],
    "output": {"thermo_every": 2, "trajectory_every": 1, "progress": "off"},
    "analysis": {"stage": "b", "plot": False, "rdf_max": 5.0, "reference": {"rdf_peak": 3.7}},
}  # fmt: skip
TRAIN = {
    "data": [{"file": "data.xyz"}],
    "descriptors": {"cutoff": 4.0},
    "network": {"hidden": [3]},
    "optimizer": [{"type": "kalman", "epochs": 1}, {"type": "adam", "epochs": 1}, {"type": "lbfgs", "epochs": 1}],
}


def paths(cls, document, path=()):
    """The path of every key of a class of settings and of the sections in it, as far as `document` has them."""
    for name, field in keys(cls).items():
        kind, inner = field.metadata["kind"], document.get(name, {}) if isinstance(document, dict) else {}
        if isinstance(kind, Section):
            yield from paths(kind.cls, inner, (*path, name))
        elif isinstance(kind, NamedSections):
            for key in inner:
                yield from paths(kind.cls, inner[key], (*path, name, key))
        elif isinstance(kind, Sections):
            for i, one in enumerate(inner or []):
                yield from paths(kind.cls or kind.classes[one[kind.tag]], one, (*path, name, i))
        yield (*path, name)


def changed(document, path, value: str) -> str:
    """The document as TOML with another value at a path."""
    mark = "@mark@"

    def put(here, rest):
        here = dict(here) if isinstance(here, dict) else list(here)
        if len(rest) == 1:
            here[rest[0]] = mark
        else:
            here[rest[0]] = put(here[rest[0]] if isinstance(here, list) else here.get(rest[0], {}), rest[1:])
        return here

    text = "\n".join(f"{key} = {toml(item)}" for key, item in put(document, path).items())
    return text.replace(toml(mark), value)


def is_told(capsys, code: int, what: str) -> None:
    error = capsys.readouterr().err
    assert "internal error" not in error and "Traceback" not in error, f"{what[:300]}\n{error}"
    assert code == 0 or error.strip(), what[:300]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(1)
    frames = []
    for _ in range(3):
        places = rng.normal(size=(3, 3)) * 2.0
        rows = "".join(f"{s} {x} {y} {z} 0 0 0\n" for s, (x, y, z) in zip("OHH", places, strict=True))
        frames.append(f'3\nProperties=species:S:1:pos:R:3:forces:R:3 energy=-1.0\n{rows}')
    (tmp_path / "data.xyz").write_text("".join(frames))
    rows = "".join(f"{k} {k} {10 - k} 0\n" for k in range(1, 7))
    (tmp_path / "u.table").write_text(f"U\nN 6\n\n{rows}")
    return tmp_path


@pytest.mark.parametrize("values", SETS)
@pytest.mark.parametrize("path", list(paths(Settings, RUN)), ids=lambda path: ".".join(map(str, path)))
def test_every_key_of_a_run(folder, path, values, capsys):
    for value in values:
        text = changed(RUN, path, value)
        (folder / "x.toml").write_text(text)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            code = cli.main(["check", "x.toml"])
        is_told(capsys, code, text)
        assert not [w for w in caught if "numpy" in str(w.filename)], (value, [str(w.message) for w in caught])
        if code == 0 and path[-1] not in ("steps", "directory", "replicate", "checkpoint_minutes"):
            code = cli.main(["run", "x.toml", "--overwrite", "--quiet"])
            is_told(capsys, code, text)


@pytest.mark.parametrize("values", SETS)
@pytest.mark.parametrize("path", list(paths(TrainingSettings, TRAIN)), ids=lambda path: ".".join(map(str, path)))
def test_every_key_of_a_training(folder, path, values, capsys):
    for value in values:
        text = changed(TRAIN, path, value)
        (folder / "x.toml").write_text(text)
        is_told(capsys, cli.main(["check", "x.toml"]), text)


@pytest.mark.parametrize(("loads", "document"), [(load, RUN), (load_training, TRAIN)])
def test_the_documents_are_right(folder, loads, document):
    (folder / "x.toml").write_text("\n".join(f"{key} = {toml(item)}" for key, item in document.items()))
    loads("x.toml")
    with pytest.raises(MdcoreError):
        loads("x.toml", ["output.name=" + "[" * 5000])
