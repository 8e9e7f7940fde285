"""Are atoms that are held at rest, and those that are not as warm as they should be?"""

import re

import h5py
import numpy as np
import pytest

from mdcore import (
    Andersen,
    Bath,
    Baths,
    Berendsen,
    CellRescaling,
    ExternalForce,
    InputError,
    Langevin,
    LennardJones,
    MartynaTobiasKlein,
    NoseHoover,
    Simulation,
    StrainRate,
    Sum,
    System,
    VelocityRescaling,
    VelocityVerlet,
    maxwell_boltzmann,
    select,
)
from mdcore.cli import assemble
from mdcore.config.load import parse
from mdcore.output import checkpoint
from tests.mpi import commands, needs_mpi


def crystal(temperature=0.5):
    """A layer is held, and one atom along x; 256 atoms."""
    system = System.build("fcc", density=0.9, species="A", units="lj", repeat=(4, 4, 4))
    system.columns["wall"] = select(system, where="z < 1.2")
    fixed = np.repeat(system.columns["wall"][:, None], 3, axis=1)
    fixed[200, 0] = True
    system.fixed = fixed
    system.masses[::2] = 3.0
    if temperature:
        maxwell_boltzmann(system, temperature, seed=1)
    return system


def potential():
    return LennardJones(2.3, 1.0, 1.0, truncation="force-shifted")


def gas(n=1728):
    """Atoms that do not feel each other, of two masses."""
    system = System.build("sc", density=0.1, species="A", units="lj", repeat=(12, 12, 12))
    system.masses[::2] = 4.0
    return system


def nothing():
    return LennardJones(1.0, 0.0, 1.0)


@pytest.mark.parametrize(
    "integrator",
    [
        lambda: VelocityVerlet(0.004),
        lambda: Langevin(0.004, 0.5, 5.0),
        lambda: Langevin(0.004, 0.5, 5.0, barostat=CellRescaling(0.5, 1.0, 0.05)),
        lambda: VelocityVerlet(0.004, VelocityRescaling(0.5, 0.1)),
        lambda: VelocityVerlet(0.004, VelocityRescaling(0.5, 0.1), CellRescaling(0.5, 1.0, 0.05)),
        lambda: VelocityVerlet(0.004, barostat=StrainRate([0.02, 0, 0, 0, 0, 0.01])),
        lambda: VelocityVerlet(0.004, NoseHoover(0.5, 0.1)),
        lambda: VelocityVerlet(0.004, Andersen(0.5, 0.5)),
        lambda: VelocityVerlet(0.004, Berendsen(0.5, 0.1)),
        lambda: VelocityVerlet(0.001, NoseHoover(0.5, 0.1), MartynaTobiasKlein(-4.4, 1.0)),
        lambda: VelocityVerlet(0.001, NoseHoover(0.5, 0.1), MartynaTobiasKlein(-4.4, 1.0, coupling="flexible")),
        lambda: VelocityVerlet(0.004, VelocityRescaling(0.5, 0.1), CellRescaling(0.5, 1.0, 0.05, coupling="flexible")),
    ],
)
def test_what_is_held_stays(integrator):
    system, integrator = crystal(), integrator()
    sim = Simulation(system, potential(), integrator, seed=3)
    before, first = sim.positions, sim.thermo().conserved
    sim.run(150)
    box = sim.cell
    s = sim.box.fractional(sim.positions) - system.box.fractional(before)
    moved = (s - np.rint(s)) @ box.matrix
    wall = system.columns["wall"]
    assert np.abs(moved[wall]).max() <= 1e-9 and np.abs(moved[~wall]).max(axis=1).min() > 1e-4
    if integrator.barostat is None:
        np.testing.assert_array_equal(sim.positions[system.fixed], before[system.fixed])
        assert abs(moved[200, 1]) > 1e-4
    assert not sim.velocities[system.fixed].any() and not sim.forces[system.fixed].any()
    assert sim.thermo().conserved == pytest.approx(first, abs=0.2)  # of -1300


def test_motions_that_are_left():
    """Held: 64 atoms, x of another one; nothing along x, y, z is conserved."""
    system = crystal(0.7)
    free = 3 * 256 - 3 * 64 - 1
    sim = Simulation(system, potential(), VelocityVerlet(0.004))
    assert sim.temperature == pytest.approx(0.7, rel=1e-9)
    sim.run(5)
    assert sim.degrees_of_freedom == free
    system = crystal(None)
    system.fixed = system.fixed & [False, False, True]
    maxwell_boltzmann(system, 0.7, seed=1)
    assert np.abs(system.masses @ system.velocities)[:2].max() < 1e-9
    sim = Simulation(system, potential(), VelocityVerlet(0.004))
    sim.run(1)
    assert sim.degrees_of_freedom == 3 * 256 - 64 - 2  # x and y are conserved, and at rest
    sim.velocities = np.add(sim.velocities, [0.1, 0.0, 0.3])
    assert not sim.velocities[system.fixed].any() and sim.degrees_of_freedom == 3 * 256 - 64
    sim.run(1, Langevin(0.004, 0.7, 1.0))
    assert sim.degrees_of_freedom == 3 * 256 - 64
    sim.run(0, VelocityVerlet(0.004))  # the momentum is removed where it is conserved
    momentum = sim.masses @ sim.velocities
    assert np.abs(momentum[:2]).max() < 1e-9 < abs(momentum[2])


def test_nothing_is_left():
    system = crystal(None)
    system.fixed = np.ones(256, dtype=bool)
    with pytest.raises(InputError, match="nothing is left to be warm"):
        maxwell_boltzmann(system, 1.0, seed=1)
    sim = Simulation(system, potential(), Langevin(0.004, 1.0, 1.0))
    sim.run(5)
    assert sim.temperature == 0.0 and not sim.velocities.any()
    with pytest.raises(InputError, match="at rest"):
        sim.run(5, VelocityVerlet(0.004, VelocityRescaling(1.0, 1.0)))


@pytest.mark.parametrize("values", [np.zeros(5, dtype=bool), np.ones((256, 2), dtype=bool), np.arange(256)])
def test_masks_that_are_none(values):
    with pytest.raises(InputError, match='"fixed" says which atoms are held'):
        crystal(None).columns["fixed"] = values


def test_each_group_has_the_temperature_of_its_bath():
    """m v^2 is k T along each axis, of both masses: 864 samples a group and snapshot, 20 snapshots; 2 %."""
    system = gas()
    system.columns["hot"], system.columns["cold"] = select(system, where="a < 0.4"), select(system, where="a > 0.6")
    fixed = np.zeros((1728, 3), dtype=bool)
    fixed[5::10, 1] = True
    system.fixed = fixed
    system.velocities = np.full((1728, 3), 0.1)
    sim = Simulation(
        system, nothing(), Langevin(0.05, 2.0, 2.0, group="hot", others=[Bath("cold", 0.5, 2.0)]), seed=2, skin=1.0
    )
    first, seen = sim.thermo().conserved, []
    sim.run(100)
    sim.every(30, lambda sim: seen.append(sim.masses[:, None] * sim.velocities**2))
    sim.run(600)
    seen = np.array(seen)
    for name, want in (("hot", 2.0), ("cold", 0.5)):
        for heavy in (0, 1):
            atoms = system.columns[name] & (np.arange(1728) % 2 == heavy)
            for axis in range(3):
                free = atoms & ~fixed[:, axis]
                assert seen[:, free, axis].mean() == pytest.approx(want, rel=0.1)
    others = ~(system.columns["hot"] | system.columns["cold"])
    np.testing.assert_array_equal(sim.velocities[others & ~fixed[:, 1]], 0.1)  # Newton: no force
    assert sim.thermo().conserved == pytest.approx(first, abs=1e-6)


def test_heat_flows_from_hot_to_cold():
    """Through a crystal; what goes in comes out, and the books hold."""
    system = System.build("fcc", density=0.95, species="A", units="lj", repeat=(3, 3, 8))
    maxwell_boltzmann(system, 0.3, seed=1)
    slabs = {"hot": (0, 0.2), "between": (0.2, 0.5), "cold": (0.5, 0.7)}
    for name, (low, high) in slabs.items():
        system.columns[name] = select(system, where=f"{low} <= c < {high}")
    integrator = Langevin(0.004, 0.5, 5.0, group="hot", others=[Bath("cold", 0.1, 5.0)])
    sim = Simulation(system, potential(), integrator, seed=3)
    first, seen = sim.thermo().conserved, []
    sim.run(500)
    before = sim.thermo().total - first  # put in so far
    sim.every(10, lambda sim: seen.append([sim.group(name).temperature for name in slabs]))
    sim.run(1500)
    hot, between, cold = np.mean(seen, axis=0)
    heats = [sim.group(name).heat for name in ("hot", "cold")]
    assert heats[0] > 5.0 > -5.0 > heats[1] and np.isnan(sim.group("between").heat)
    assert sum(heats) == pytest.approx(sim.thermo().total - first - before, abs=0.3)
    assert 0.5 > hot > between + 0.05 > cold + 0.1 > 0.2
    assert sim.thermo().conserved == pytest.approx(first, abs=0.3)  # of -2000


def test_one_bath_for_all_is_the_plain_one():
    """A group of all atoms has the bits of no group."""
    found = []
    for group in (None, "everything"):
        system = gas()
        system.columns["everything"] = np.ones(1728, dtype=bool)
        system.velocities = np.full((1728, 3), 0.1)
        sim = Simulation(system, nothing(), Langevin(0.05, 2.0, 2.0, group=group), seed=2, skin=1.0)
        sim.run(5)
        found.append((sim.velocities.tobytes(), sim.positions.tobytes(), sim.heat))
    assert found[0] == found[1]


@pytest.mark.parametrize(
    ("group", "others", "told"),
    [
        ("hot", [("cold", 1.0, 1.0)], "no group 'cold'; there are: hot, warm"),
        ("hot", [("warm", 1.0, 1.0)], "groups 'hot' and 'warm' share atoms"),
        (None, [("hot", 1.0, 1.0)], "expected different ones"),
        ("hot", [("hot", 1.0, 1.0)], "expected different ones"),
    ],
)
def test_baths_that_can_not_be(group, others, told):
    system = gas()
    system.columns["hot"], system.columns["warm"] = select(system, where="a < 0.4"), select(system, where="a < 0.5")
    with pytest.raises(InputError, match=told):
        integrator = Langevin(0.05, 2.0, 2.0, group=group, others=[Bath(*other) for other in others])
        Simulation(system, nothing(), integrator, skin=1.0).run(1)


INPUT = """\
units = "lj"
[structure]
build = "fcc"
species = "A"
density = 0.9
replicate = [4, 4, 5]
[velocities]
temperature = 0.5
[[group]]
name = "wall"
where = "z < 1.2"
fixed = "xyz"
[[group]]
name = "hot"
where = "2 < z < 4"
[[group]]
name = "cold"
where = "z > 6"
fixed = "y"
measure = ["temperature", "center", "force", "heat"]
[[potential]]
type = "lj"
cutoff = 2.3
truncation = "force-shifted"
species.A = { epsilon = 1.0, sigma = 1.0 }
[[stage]]
ensemble = "langevin"
group = "hot"
temperature = 1.0
friction = 5.0
timestep = 0.004
steps = 60
bath = [{ group = "cold", temperature = 0.3, friction = 5.0 }]
[[stage]]
ensemble = "npt"
temperature = 0.5
relaxation = 0.1
pressure = 0.5
pressure_relaxation = 1.0
compressibility = 0.1
timestep = 0.004
steps = 30
[output]
checkpoint_every = 10
thermo_every = 10
"""


OUTSIDE = """
[[potential]]
type = "force"
force = [0.1, 0.0, -0.2]
group = "hot"
[[potential]]
type = "piston"
pressure = 0.2
axis = "-z"
group = "cold"
[[potential]]
type = "electric-field"
field = [0.0, 0.3, 0.0]
charges = { A = 0.5 }
[[potential]]
type = "harmonic-wall"
axis = "x"
position = 0.4
keeps = "above"
stiffness = 3.0
velocity = 0.5
[[potential]]
type = "lj-wall"
axis = "z"
position = -1.0
keeps = "above"
epsilon = 0.5
sigma = 1.0
cutoff = 2.5
[[potential]]
type = "position-restraint"
stiffness = 1.0
group = "cold"
velocity = [0.5, 0.0, 0.0]
[[potential]]
type = "distance-restraint"
sites = ["hot", 7]
stiffness = 20.0
length = 2.0
rate = 1.0
[[potential]]
type = "angle-restraint"
sites = [100, "hot", "cold"]
stiffness = 20.0
angle = 90
"""


CHAINS = 'ensemble = "nvt"\nthermostat = "nose-hoover"\nrelaxation = 0.1\ngroup = "hot"\ntemperature = 1.0\ntimestep'
DRIFTING = re.sub("fixed = .*\n", "", INPUT).replace("steps =", "remove_drift_every = 7\nsteps =")
DRIFTING = re.sub("ensemble = .langevin.*?timestep", CHAINS, DRIFTING, flags=re.DOTALL)
DRIFTING = DRIFTING.replace("friction = 5.0 }", "relaxation = 0.2 }")
HOT = 'bath = [{ group = "hot", temperature = 1, relaxation = 0.2 }]'
PRESSED = INPUT.replace('"npt"', f'"npt"\ngroup = "wall"\n{HOT}')
PRESSED = PRESSED.replace('fixed = "xyz"', 'measure = ["heat", "temperature"]')


STAGES = {"held": INPUT, "pushed": INPUT + OUTSIDE, "drifting": DRIFTING, "pressed": PRESSED}


@needs_mpi[0]
@needs_mpi[1]
def test_the_same_bits_on_any_ranks_and_across_restarts(tmp_path):
    """Two baths, then constant pressure; held atoms, all that acts from outside, chains of groups, drift."""
    for name, text in STAGES.items():
        (tmp_path / f"{name}.toml").write_text(text)

    def run(ranks, folder, *more):
        where = ("--quiet", "--set", f"output.directory={tmp_path}/{folder}", *more)
        commands(ranks, *(("run", tmp_path / f"{name}.toml", *where) for name in STAGES))

    run(1, "one")
    run(4, "four")
    run(3, "parts", "--set", "stage.0.steps=40", "--set", "stage.1.steps=0")
    run(1, "parts", "--restart")
    for name in STAGES:
        found = []
        for folder in ("one", "four", "parts"):
            state = checkpoint.read(tmp_path / folder / f"{name}.checkpoint")
            assert state["step"] == 90
            found.append([np.asarray(state[name]).tobytes() for name in ("positions", "velocities", "heat", "matrix")])
            with h5py.File(tmp_path / folder / f"{name}.h5md") as file:
                found[-1] += [file["thermo"][name][:].tobytes() for name in sorted(file["thermo"])]
        assert found[1:] == [found[0]] * 2, name


# --- thermostats that rescale, of groups --------------------------------------------------------------------------


def test_each_group_has_the_temperature_of_its_thermostat():
    """Two free gases that do not feel each other, at the start in between: K of each is that of its bath, with its
    fluctuations: variance of K is motions T^2 / 2, of 150 samples, to 45 %."""
    system = gas()
    system.columns["hot"], system.columns["cold"] = select(system, where="a < 0.2"), select(system, where="a > 0.8")
    fixed = np.zeros((1728, 3), dtype=bool)
    fixed[5::10, 1] = True
    system.fixed = fixed
    maxwell_boltzmann(system, 1.0, seed=1)
    baths = Baths({"hot": VelocityRescaling(2.0, 0.5), "cold": VelocityRescaling(0.5, 0.5)})
    sim = Simulation(system, nothing(), VelocityVerlet(0.05, baths), seed=2, skin=1.0)
    others = ~(system.columns["hot"] | system.columns["cold"])
    first, still, seen = sim.thermo().conserved, sim.velocities[others], []
    sim.run(100)
    before = sim.thermo().total
    sim.every(20, lambda sim: seen.append([sim.group(name).kinetic for name in ("hot", "cold")]))
    sim.run(3000)
    seen = np.array(seen)
    heats = [sim.group(name).heat for name in ("hot", "cold")]
    assert sum(heats) == pytest.approx(sim.thermo().total - before, abs=1e-6) and all(heats)
    for k, (name, want) in enumerate((("hot", 2.0), ("cold", 0.5))):
        motions = sim.group(name).motions
        assert motions == 3 * system.columns[name].sum() - fixed[system.columns[name]].sum()
        assert seen[:, k].mean() == pytest.approx(0.5 * motions * want, rel=0.03)
        assert seen[:, k].var() == pytest.approx(0.5 * motions * want**2, rel=0.45)
    assert abs(np.corrcoef(seen.T)[0, 1]) < 0.3  # random numbers of their own
    np.testing.assert_array_equal(sim.velocities[others], still)
    assert sim.thermo().conserved == pytest.approx(first, abs=1e-6)
    assert sim.degrees_of_freedom == 3 * 1728 - fixed.sum()


def test_chains_of_groups():
    """Each group has a chain of its own, with its state in the checkpoint."""
    system = gas()
    system.columns["hot"], system.columns["cold"] = select(system, where="a < 0.2"), select(system, where="a > 0.8")
    maxwell_boltzmann(system, 1.0, seed=1)

    def integrator():
        return VelocityVerlet(0.05, Baths({"hot": NoseHoover(2.0, 1.5), "cold": Berendsen(0.5, 0.5)}))

    sim = Simulation(system, nothing(), integrator(), seed=2, skin=1.0)
    first = sim.thermo().conserved
    sim.run(400)
    sim.begin_stage(800, integrator())
    sim.run_until(600)
    state, begun = sim.state(), sim.driven.first_step
    seen = []
    sim.every(5, lambda sim: seen.append(sim.group("hot").temperature))
    sim.run_until(1200)
    assert np.mean(seen) == pytest.approx(2.0, rel=0.05)
    assert sim.group("cold").temperature == pytest.approx(0.5, rel=1e-3)
    assert sim.thermo().conserved == pytest.approx(first, abs=0.2)
    again = Simulation(None, nothing(), integrator(), seed=2, skin=1.0, state=state)
    again.begin_stage(800, again.integrator, first_step=begun)
    again.run_until(1200)
    np.testing.assert_array_equal(again.velocities, sim.velocities)
    assert again.group("hot").heat == sim.group("hot").heat != 0.0


@pytest.mark.parametrize("thermostat", ["velocity-rescaling", "nose-hoover", "langevin", "berendsen"])
def test_stages_with_baths_of_groups(thermostat):
    stage = f'ensemble = "nvt"\nthermostat = "{thermostat}"\nrelaxation = 0.1\ngroup = "hot"\ntemperature = 1.0'
    text = re.sub(r"ensemble = .langevin.*?timestep", stage + "\ntimestep", INPUT, flags=re.DOTALL)
    text = text.replace("friction = 5.0 }", "relaxation = 0.2 }")
    settings = parse(text)
    system, made = assemble.make_system(settings), settings.stage[0].build()
    sim = Simulation(system, potential(), made, seed=1)
    sim.run(10)
    assert set(settings.temperatures) == {0.3, 0.5, 1.0} and sim.group("hot").heat != 0.0 != sim.group("cold").heat
    under = '"npt"\npressure = 1\npressure_relaxation = 1\ncompressibility = 0.1'
    pressed = text.replace('"nvt"', under)
    made = parse(pressed).stage[0].build()
    sim, size = Simulation(assemble.make_system(settings), potential(), made, seed=1), system.box.volume
    sim.run(20)
    assert sim.group("hot").heat != 0.0 != sim.group("cold").heat and sim.cell.volume != size
    with pytest.raises(InputError, match='"andersen" is for all atoms'):
        parse(text.replace(f'"{thermostat}"', '"andersen"'))
    with pytest.raises(InputError, match="this group has a bath already"):
        parse(text.replace('bath = [{ group = "cold"', 'bath = [{ group = "hot"'))


@pytest.mark.parametrize(
    ("thermostats", "told"),
    [
        ({}, "expected {name of a group: thermostat}"),
        ({"hot": Langevin(0.05, 1.0, 1.0)}, "expected a thermostat that rescales velocities"),
        ({"hot": VelocityRescaling}, "expected a thermostat that rescales velocities"),
        ({"hot": VelocityRescaling(1.0, 1.0), "warm": VelocityRescaling(1.0, 1.0)}, "atom 0 .* is in two groups"),
        ({"none": VelocityRescaling(1.0, 1.0)}, "no group 'none'"),
        ({"hot": VelocityRescaling(1.0, 1.0), "held": VelocityRescaling(1.0, 1.0)}, "held are held in place"),
    ],
)
def test_thermostats_that_can_not_be(thermostats, told):
    system = gas()
    system.columns["hot"], system.columns["warm"] = select(system, where="a < 0.4"), select(system, where="a < 0.5")
    system.fixed = system.columns["held"] = select(system, where="a > 0.9")
    maxwell_boltzmann(system, 1.0, seed=1)
    with pytest.raises(InputError, match=told):
        Simulation(system, nothing(), VelocityVerlet(0.05, Baths(thermostats)), skin=1.0).run(1)


def test_drift_is_removed():
    """A force pushes the whole; a cluster turns. What is taken away is booked."""
    system = System.build("sc", density=0.1, species="A", units="lj", repeat=(6, 6, 6), periodic=False)
    maxwell_boltzmann(system, 1.0, seed=1)
    spin = np.cross([0.0, 0.0, 0.1], system.positions)
    system.velocities += np.add(spin, [0.3, 0.0, 0.0])
    pushing = Sum(nothing(), ExternalForce([0.0, 0.1, 0.0]))
    sim = Simulation(system, pushing, VelocityVerlet(0.02), skin=1.0)
    sim.remove_drift_every = 5
    before = sim.thermo()
    sim.run(26)
    after = sim.thermo()
    momentum = sim.masses @ sim.velocities / sim.masses.sum()
    np.testing.assert_allclose(momentum, [0.0, 0.1 * 0.02, 0.0], atol=1e-9)  # one step since
    x = sim.positions - sim.positions.mean(axis=0)
    assert np.abs(np.cross(x, sim.velocities).sum(axis=0)).max() < 1e-6
    assert after.kinetic < before.kinetic - 5.0
    assert after.conserved == pytest.approx(before.conserved, abs=1e-6)
    held = crystal(0.5)
    sim = Simulation(held, potential(), VelocityVerlet(0.004))
    sim.remove_drift_every = 1
    sim.run(3)
    assert np.abs(sim.masses @ sim.velocities).min() > 1e-3  # it is not free
