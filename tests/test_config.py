"""Does an input file become the settings it says, and does the reference page say what is accepted?"""

import dataclasses
import pickle
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from mdcore.base.errors import InputError
from mdcore.config import load, parse, reference, validate_species
from mdcore.config.settings import Settings
from mdcore.config.training import TrainingSettings
from mdcore.faces import POTENTIALS, STAGES
from mdcore.faces.potential import lj
from mdcore.faces.schema import NamedSections, Section, Sections, keys, toml
from mdcore.faces.stage import langevin, nve

ROOT = Path(__file__).parents[1]

MINIMAL = """
structure = { build = "fcc", species = "Ar", lattice_constant = 5 }
potential = { type = "lj", cutoff = 8.5, species = { Ar = { epsilon = 0.0104, sigma = 3.4 } } }
stage = { ensemble = "nve", timestep = 2, steps = 10 }
"""


def test_defaults():
    s = parse(MINIMAL, "runs/argon.toml")
    assert (s.title, s.units, s.seed, s.source) == ("", "metal", 1, "runs/argon.toml")
    assert s.structure.lattice_constant == 5.0 and isinstance(s.structure.lattice_constant, float)
    assert (s.structure.replicate, s.structure.periodic, s.structure.masses) == ((1, 1, 1), None, {})
    assert s.velocities.temperature is None
    assert s.neighbors.skin == 1.0
    assert s.parallel.grid == "auto"
    assert s.output.name == "argon"
    assert s.limits.max_temperature == "auto"
    assert s.analysis is None
    (potential,) = s.potential
    assert isinstance(potential, lj.Settings)
    assert potential.species["Ar"].sigma == 3.4
    assert (potential.truncation, potential.mixing, potential.tail_corrections) == (
        "cut",
        "lorentz-berthelot",
        False,
    )
    (stage,) = s.stage
    assert isinstance(stage, nve.Settings)
    assert (stage.name, stage.thermo_every, stage.trajectory_every, stage.zero_momentum) == (
        "stage1",
        100,
        0,
        "auto",
    )
    assert s.output_path(".h5md") == "argon.h5md"


def test_defaults_that_depend_on_the_units():
    s = parse('units = "lj"\n' + MINIMAL + "[analysis]\n[output]\ntrajectory_every = 5")
    assert s.neighbors.skin == 0.3
    assert s.analysis.rdf_max == 4.0
    assert s.analysis.stage == "stage1"
    assert s.unit_system.name == "lj"


def test_stages_take_their_intervals_from_output():
    text = (
        MINIMAL.split("stage =")[0]
        + """
[output]
thermo_every = 7
trajectory_every = 20
[[stage]]
ensemble = "langevin"
timestep = 2.0
steps = 1_000
temperature = [300, 100]
friction = 0.001
dump_every = 50
[[stage]]
name = "produce"
ensemble = "nve"
timestep = 2.0
steps = 0
trajectory_every = 0
"""
    )
    first, second = parse(text).stage
    assert isinstance(first, langevin.Settings)
    assert first.temperature == (300.0, 100.0) == first.temperatures
    assert (first.name, first.thermo_every, first.trajectory_every, first.dump_every) == ("stage1", 7, 20, 50)
    assert (second.name, second.thermo_every, second.trajectory_every, second.dump_every) == (
        "produce",
        7,
        0,
        0,
    )


def test_settings_are_frozen_and_travel_between_ranks():
    s = parse(MINIMAL)
    with pytest.raises(dataclasses.FrozenInstanceError):
        s.seed = 2
    assert pickle.loads(pickle.dumps(s)) == s


OVERRIDES = [
    ("seed=7", lambda s: s.seed == 7),
    ("title=liquid argon = cold", lambda s: s.title == "liquid argon = cold"),
    ("structure.replicate=[2, 3, 4]", lambda s: s.structure.replicate == (2, 3, 4)),
    ("structure.masses.Ar=40", lambda s: s.structure.masses == {"Ar": 40.0}),
    ("velocities.temperature = 94.4", lambda s: s.velocities.temperature == 94.4),
    ("velocities={temperature=10, zero_rotation=true}", lambda s: s.velocities.zero_rotation is True),
    ("output.name=test-1", lambda s: s.output.name == "test-1"),
    ('output.name="test 1"', lambda s: s.output.name == "test 1"),
    ("parallel.grid=auto", lambda s: s.parallel.grid == "auto"),
    ("stage.0.steps=100", lambda s: s.stage[0].steps == 100),
    ("stage.steps=100", lambda s: s.stage[0].steps == 100),
    ("potential.0.cutoff=9", lambda s: s.potential[0].cutoff == 9.0),
    ("potential.cutoff=9", lambda s: s.potential[0].cutoff == 9.0),
    ("potential.species.Ar.sigma=3", lambda s: s.potential[0].species["Ar"].sigma == 3.0),
    ('potential.0.species."Ar".sigma=3', lambda s: s.potential[0].species["Ar"].sigma == 3.0),
]


@pytest.mark.parametrize(("override", "holds"), OVERRIDES, ids=[text for text, _ in OVERRIDES])
def test_override(override, holds):
    settings = parse(MINIMAL, overrides=[override])
    assert holds(settings)
    assert settings.text.endswith(f"\n# --set {override}\n")
    tomllib.loads(settings.text)


def test_override_by_stage_name():
    text = MINIMAL.split("stage =")[0] + "".join(
        f'[[stage]]\nname = "{name}"\nensemble = "nve"\ntimestep = 1\nsteps = 1\n'
        for name in ("melt", "produce")
    )
    s = parse(text, overrides=["stage.produce.steps=50", "stage.0.steps=40", "stage.melt.timestep=0.5"])
    assert [(stage.steps, stage.timestep) for stage in s.stage] == [(40, 0.5), (50, 1.0)]


def test_all_errors_are_told_at_once(tmp_path):
    path = tmp_path / "argon.toml"
    path.write_text(
        MINIMAL.replace("cutoff = 8.5", "cutof = 8.5").replace("timestep = 2", 'timestep = "2fs"')
        + "[velocities]\ntemperature = -1\n"
    )
    with pytest.raises(InputError) as caught:
        load(path, ["seed=-1"])
    lines = str(caught.value).splitlines()
    assert lines == [
        "--set seed=-1: seed = -1: expected an integer >= 0 and < 2^63, e.g. seed = 2024",
        f"{path}: [velocities] temperature = -1: expected a number >= 0 in K (0, or 1e-09 to 1e+09), "
        "e.g. temperature = 94.4",
        f"{path}: [potential] cutof = 8.5: unknown key; did you mean 'cutoff'?",
        f'{path}: [stage] timestep = "2fs": expected a number > 0 in fs (1e-09 to 1e+06), e.g. timestep = 2.0',
    ]


def test_structure_file_is_relative_to_the_input(tmp_path):
    (tmp_path / "cell.extxyz").write_text("0\n\n")
    path = tmp_path / "a.toml"
    path.write_text(
        'structure = { file = "cell.extxyz" }'
        + MINIMAL.split("4 }", 1)[0].split("}", 1)[1]
        + "4 } } }\n"
        + 'stage = { ensemble = "nve", timestep = 2, steps = 10 }'
    )
    assert load(path).structure_path == str(tmp_path / "cell.extxyz")


def test_species_need_parameters_and_masses():
    validate_species(parse(MINIMAL), ("Ar",))
    with pytest.raises(
        InputError, match=r"\[potential\] species.Kr: the structure contains Kr, which has no par"
    ):
        validate_species(parse(MINIMAL), ("Ar", "Kr"))
    with pytest.raises(InputError, match="'Q' is no chemical element"):
        validate_species(parse(MINIMAL), ("Ar", "Q"))
    none = parse(
        MINIMAL.replace('"lj",', '"lj", mixing = "none",').replace(
            "{ Ar =", "{ Kr = { epsilon = 1, sigma = 1 }, Ar ="
        )
    )
    with pytest.raises(
        InputError, match=r"\[potential\] mixing = \"none\": the pair Ar-Kr has no parameters"
    ):
        validate_species(none, ("Ar", "Kr"))


def test_explicit_pairs_stand_for_species():
    pairs = "".join(
        f'[[potential.pair]]\nspecies = ["{a}", "{b}"]\nepsilon = 1\nsigma = 1\n'
        for a, b in ("AA", "AB", "BB")
    )
    text = f"""
units = "lj"
stage = {{ ensemble = "nve", timestep = 0.005, steps = 10 }}
structure = {{ build = "fcc", species = "A", density = 0.8 }}
[potential]
type = "lj"
cutoff = 2.5
{pairs}"""
    validate_species(parse(text), ("A", "B"))
    without = text.replace('["A", "B"]', '["A", "C"]')
    with pytest.raises(InputError) as caught:
        validate_species(parse(without), ("A", "B"))
    assert "no species 'C' in the structure" in str(caught.value)
    assert "the pair A-B has no parameters" in str(caught.value)


def every_key(settings):
    """(path, field) of each key of a settings class that holds a value."""

    def walk(cls, path):
        for name, field in keys(cls).items():
            kind = field.metadata["kind"]
            if isinstance(kind, Section | NamedSections):
                yield from walk(kind.cls, (*path, name))
            elif isinstance(kind, Sections):
                for inner in (kind.classes or {"": kind.cls}).values():
                    yield from walk(inner, (*path, name))
            else:
                yield ".".join((*path, name)), field

    return list(walk(settings, ()))


EVERY = [*every_key(Settings), *((f"training: {path}", field) for path, field in every_key(TrainingSettings))]


@pytest.mark.parametrize(("path", "field"), EVERY, ids=lambda x: x if isinstance(x, str) else "")
def test_every_key_is_documented_and_its_example_is_right(path, field):
    meta = field.metadata
    assert meta["doc"].strip().endswith(".")
    kind = meta["kind"]
    example = kind.convert(tomllib.loads(f"v = {toml(meta['example'])}")["v"])
    assert example is not None
    if field.default not in (None, dataclasses.MISSING, "", ()):
        assert kind.convert(field.default) == field.default


def test_reference_page_is_up_to_date():
    page = ROOT / "docs" / "input.md"
    assert page.read_text() == reference.page(), "run: python -m mdcore.config.reference > docs/input.md"


def test_reference_page_names_every_key():
    page = reference.page()
    for path, _ in every_key(Settings):
        assert f"| `{path.split('.')[-1]}` |" in page
    for word in (*POTENTIALS, *STAGES):
        assert f'"{word}"' in page


def test_example_of_the_reference_page_is_valid():
    settings = parse(reference.EXAMPLE, "argon.toml")
    assert [stage.name for stage in settings.stage] == ["equilibrate", "produce"]


def loaded_by_reading(text) -> set[str]:
    code = "import sys, mdcore.config; mdcore.config.parse(sys.argv[1]); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code, text], check=True, cwd=ROOT, capture_output=True, text=True)
    return set(done.stdout.split())


def test_reading_settings_loads_what_the_input_names():
    loaded = loaded_by_reading(MINIMAL)
    assert "numpy" not in loaded
    types = {name for name in loaded if name.startswith(("mdcore.faces.potential.", "mdcore.faces.stage."))}
    assert {name for name in types if "._" not in name} == {"mdcore.faces.potential.lj", "mdcore.faces.stage.nve"}


@pytest.mark.parametrize("faces", [POTENTIALS, STAGES], ids=lambda faces: faces.folder)
def test_every_face_is_a_type(faces):
    assert next(iter(faces)) == {"potential": "lj", "stage": "nve"}[faces.folder]
    for word in faces:
        assert faces[word].__module__.endswith(word.replace("-", "_"))
    for word in ("base", "_pairs", "", "no"):
        assert word not in faces
        with pytest.raises(KeyError):
            faces[word]
