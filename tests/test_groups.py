"""Which atoms are a group, and do they stay the same?"""

import h5py
import numpy as np
import pytest

from mdcore import (
    InputError,
    Langevin,
    LennardJones,
    Simulation,
    System,
    ThermoLog,
    VelocityVerlet,
    maxwell_boltzmann,
    select,
)  # fmt: skip
from mdcore.base.comm import SelfComm
from mdcore.base.names import TAKEN
from mdcore.cli import assemble
from mdcore.cli.run import run
from mdcore.config import load
from mdcore.config.load import parse
from mdcore.structure.atoms import COLUMNS
from mdcore.structure.box import Box
from mdcore.structure.groups import group_of
from tests.systems import SKEW, scattered


@pytest.fixture
def salt():
    system = System(
        Box(np.diag([6.0, 8.0, 10.0])), [[0, 0, k] for k in range(8)], ["Na", "Cl"] * 4, charges=[1.0, -1.0] * 4,
        columns={"layer": np.arange(8) // 2, "spin": np.eye(8, 2), "site": list("abababab")},
    )  # fmt: skip
    system.velocities = np.tile([0.0, 0.0, 0.001], (8, 1)) * np.arange(8)[:, None]
    system.columns["top"] = select(system, where="z >= 6")
    return system


@pytest.mark.parametrize(
    ("where", "want"),
    [
        ("z > 5", [6, 7]),
        ("1 <= z < 3", [1, 2]),
        ("z > 2 and charge < 0", [3, 5, 7]),
        ("z < 1 or species == 'Na' and z > 5", [0, 6]),
        ("not top", [0, 1, 2, 3, 4, 5]),
        ("c >= 0.5", [5, 6, 7]),
        ("species in ('Na', 'K')", [0, 2, 4, 6]),
        ("species not in ['Na']", [1, 3, 5, 7]),
        ("index in range(2, 8, 3)", [2, 5]),
        ("layer == 1", [2, 3]),
        ("spin[1] > 0", [1]),
        ("site == 'a' and top", [6]),
        ("distance(0, 0, 9) < 2.5", [0, 1, 7]),
        ("sqrt(abs(z - 4) ** 2) % 3 == 1 and mass > 30", [3, 5]),
        ("-vz < -0.0055", [6, 7]),
        ("mass * (z + 1) / 2 > 130", [7]),
    ],
)
def test_a_condition_chooses_atoms(salt, where, want):
    assert np.flatnonzero(select(salt, where=where)).tolist() == want


def test_all_that_is_said_must_hold(salt):
    assert np.flatnonzero(select(salt, species="Na", indices=["1:5"], where="z > 2")).tolist() == [4]
    assert np.flatnonzero(select(salt, indices=[0, ":2", "6:"])).tolist() == [0, 1, 6, 7]


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"where": "z"}, "no condition"),
        ({"where": "z >"}, "invalid syntax"),
        ({"where": "zz > 1"}, "did you mean z"),
        ({"where": "species == 3"}, "expected a number"),
        ({"where": "species < 'Na'"}, "words are equal or not"),
        ({"where": "z in ('Na',)"}, "numbers for numbers"),
        ({"where": "__import__('os').getcwd() == ''"}, "no function"),
        ({"where": "x.real > 0"}, "not known here"),
        ({"where": "[k for k in z] == z"}, "not known here"),
        ({"where": "z > 1 & top"}, "write and"),
        ({"where": "spin > 0"}, "choose one"),
        ({"where": "spin[2] > 0"}, "one of its 2 numbers"),
        ({"where": "index in range(10**12)"}, "too many"),
        ({"where": "-" * 990 + "z > 1"}, "too many|too deep|nested"),
        ({"where": "z > 1" + " and z > 1" * 200}, "up to 1000 characters"),
        ({"species": "K"}, "the structure has Na, Cl"),
        ({"indices": [8]}, "from 0 to 7"),
        ({"indices": [-1]}, "from 0 to 7"),
        ({"indices": ["5:5"]}, "a range of atoms"),
        ({"indices": ["0:9"]}, "a range of atoms"),
        ({"indices": [True]}, "whole numbers"),
    ],
)
def test_what_can_not_be_is_told(salt, given, told):
    with pytest.raises(InputError, match=told):
        select(salt, **given)


def test_distances_are_to_the_nearest_image():
    system = scattered(40, 6.0 * SKEW, origin=(-1.0, 2.0, 0.5))
    point, cells = np.array([5.0, -2.0, 1.0]), np.array(list(np.ndindex(7, 7, 7))) - 3
    away = np.linalg.norm((system.positions - point)[:, None] + cells @ system.box.matrix, axis=2).min(axis=1)
    for radius in (1.0, 2.0, 3.0):
        np.testing.assert_array_equal(select(system, where=f"distance(5, -2, 1) < {radius}"), away < radius)


def test_names_that_mean_something_are_taken():
    assert set(COLUMNS) <= TAKEN


INPUT = """\
units = "lj"
[structure]
build = "fcc"
species = "A"
density = 0.8
replicate = [3, 3, 3]
[[group]]
name = "wall"
where = "z < 1.8"
[[group]]
name = "rest"
where = "not wall"
[velocities]
temperature = 1.0
[potential]
type = "lj"
cutoff = 2.5
[potential.species.A]
epsilon = 1.0
sigma = 1.0
[stage]
ensemble = "nve"
timestep = 0.004
steps = 10
"""


def test_groups_of_an_input_are_columns_of_the_structure():
    system = assemble.make_system(parse(INPUT))
    wall, rest = (group_of(system.columns, name) for name in ("wall", "rest"))
    assert 0 < wall.sum() < len(wall) and (wall != rest).all()
    with pytest.raises(InputError, match="no group 'walls'; there are: wall, rest"):
        group_of(system.columns, "walls")


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('"wall"', '"x"', "expected a word of letters"),
        ('"wall"', '"my wall"', "expected a word of letters"),
        ('"rest"', '"wall"', "group #1 has this name too"),
        ("z < 1.8", "z < -1", "no atom is in this group"),
        ("z < 1.8", "zz < 1", "did you mean z"),
        ('where = "z < 1.8"', "", "all atoms are a group"),
        ('where = "z < 1.8"', "indices = [500]", "from 0 to 107"),
        ('where = "z < 1.8"', 'species = "Cu"', "the structure has A"),
        ("where", "were", "did you mean 'where'"),
    ],
)
def test_wrong_groups_are_told(old, new, told):
    with pytest.raises(InputError, match=told):
        assemble.make_system(parse(INPUT.replace(old, new, 1)))


def test_groups_go_through_runs(tmp_path):
    """Into dump and checkpoint; a restart has those of the start, wherever atoms are by then."""
    path = tmp_path / "in.toml"
    path.write_text(INPUT)
    outputs = [f"output.directory={tmp_path}", "output.dump_every=5", "output.checkpoint_every=10"]
    run(load(path, outputs), SelfComm(), quiet=True)
    first, last = (System.read(tmp_path / "in.extxyz", frame, "lj") for frame in (0, -1))
    run(load(path, [*outputs, "stage.steps=20"]), SelfComm(), quiet=True, restart=True)
    later = System.read(tmp_path / "in.extxyz", -1, "lj")
    assert later.info["Step"] == 20
    want = assemble.make_system(load(path)).columns
    for system in (first, last, later):
        assert (group_of(system.columns, "wall") == want["wall"]).all()


def test_groups_are_columns_in_python():
    system = System.build("fcc", density=0.8, units="lj").replicate((3, 3, 3))
    system.columns["wall"] = select(system, where="z < 1.8")
    maxwell_boltzmann(system, 1.0, seed=1)
    sim = Simulation(system, LennardJones(2.5, 1.0, 1.0), Langevin(0.004, 1.0, 1.0))
    sim.run(20)
    assert (group_of(sim.snapshot().columns, "wall") == system.columns["wall"]).all()


# --- what they do, all together -----------------------------------------------------------------------------------


def test_measures_of_a_group():
    system = System.build("fcc", density=0.8, species="A", units="lj").replicate((3, 3, 3))
    rng = np.random.default_rng(1)
    system.positions += np.add(rng.normal(0, 0.05, (108, 3)), [0.0, 0.0, 30.0])
    system.velocities, system.masses[::3] = rng.normal(0, 1, (108, 3)), 2.5
    wall = system.columns["wall"] = select(system, indices=[":40"])
    fixed = np.zeros((108, 3), dtype=bool)
    fixed[30:50] = [True, True, False]
    system.fixed = fixed
    sim = Simulation(system, LennardJones(2.3, 1.0, 1.0), VelocityVerlet(0.004))
    sim.run(3)
    group, v, m = sim.group("wall"), sim.velocities[wall], sim.masses[wall]
    x = sim.snapshot()
    x = (x.positions + x.images @ sim.cell.matrix)[wall]
    assert group.count == 40 and group.motions == 120 - 20
    assert group.kinetic == pytest.approx(0.5 * (m[:, None] * v**2).sum(), rel=1e-9)
    assert group.temperature == pytest.approx((m[:, None] * v**2).sum() / 100, rel=1e-9)
    np.testing.assert_allclose(group.center, m @ x / m.sum(), atol=1e-9)
    np.testing.assert_allclose(group.velocity, m @ v / m.sum(), atol=1e-9)
    bare = sim.snapshot().to_system()
    bare.fixed = None
    np.testing.assert_allclose(
        group.force, Simulation(bare, LennardJones(2.3, 1.0, 1.0)).forces[wall].sum(axis=0), atol=1e-8
    )
    with pytest.raises(InputError, match="no group 'walls'"):
        sim.group("walls")


def test_columns_of_the_thermo_log(tmp_path):
    path = tmp_path / "in.toml"
    measures = '"temperature", "kinetic", "center", "velocity", "force"'
    path.write_text(INPUT.replace('name = "wall"', f'name = "wall"\nfixed = "xyz"\nmeasure = [{measures}]'))
    run(load(path, [f"output.directory={tmp_path}", "output.thermo_every=5"]), SelfComm(), quiet=True)
    with h5py.File(tmp_path / "in.h5md") as file:
        thermo = file["thermo"]
        vectors = [f"wall_{what}_{axis}" for what in ("center", "velocity", "force") for axis in "xyz"]
        assert {name for name in thermo if "wall" in name} == {"wall_temperature", "wall_kinetic", *vectors}
        assert thermo["wall_force_x"].shape == (3,) and np.abs(thermo["wall_force_z"][:]).max() > 0.0
        assert not thermo["wall_temperature"][:].any() and np.ptp(thermo["wall_center_z"][:]) == 0.0
        assert thermo["wall_force_x"].attrs["unit"] == "epsilon/sigma"
    with pytest.raises(InputError, match="no measure 'entropy'; there are temperature"):
        ThermoLog(5, groups={"wall": ["entropy"]})


def test_a_restart_has_the_groups_of_the_start(tmp_path, capsys):
    path = tmp_path / "in.toml"
    path.write_text(INPUT)
    outputs = [f"output.directory={tmp_path}", "output.checkpoint_every=10"]
    run(load(path, outputs), SelfComm(), quiet=True)
    path.write_text(INPUT.replace("z < 1.8", "z < 2.8"))
    with pytest.raises(InputError, match=r"group.wall.where = .*, was .*restore it, or start anew"):
        run(load(path, [*outputs, "stage.steps=20"]), SelfComm(), quiet=True, restart=True)
    path.write_text(INPUT.replace('name = "wall"', 'name = "wall"\nmeasure = ["force"]'))
    run(load(path, [*outputs, "stage.steps=20"]), SelfComm(), quiet=True, restart=True)
    told = " ".join(capsys.readouterr().err.split())
    assert "begun without wall_force_x, wall_force_y, wall_force_z: not kept" in told
    restraint = '[[potential]]\ntype = "position-restraint"\nstiffness = 1.0\n'
    path.write_text(INPUT.replace("[potential]", "[[potential]]").replace("[stage]", restraint + "[stage]"))
    with pytest.raises(InputError, match="such restraints begin with a run"):
        run(load(path, [*outputs, "stage.steps=30"]), SelfComm(), quiet=True, restart=True)
