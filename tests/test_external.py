"""Do forces, fields, walls and restraints push as they should, and add up on any number of ranks?"""

import numpy as np
import pytest

import mdcore
from mdcore import (
    AngleRestraint,
    Box,
    DistanceRestraint,
    ElectricField,
    ExternalForce,
    HarmonicWall,
    InputError,
    Langevin,
    LennardJones,
    LJWall,
    Piston,
    PositionRestraint,
    Simulation,
    SimulationError,
    Sum,
    System,
    VelocityVerlet,
    evaluate,
    maxwell_boltzmann,
)
from mdcore.cli import assemble
from mdcore.config.load import parse
from mdcore.verify import subject
from tests import contract
from tests.systems import cells

CELLS = dict(cells(2.5))
POTENTIALS = {
    "force": lambda: ExternalForce([0.3, -0.2, 0.5], "some"),
    "force on the whole": lambda: ExternalForce([0.3, -0.2, 0.5], "some", total=True),
    "piston": lambda: Piston(0.4, "-z", "some", units="lj"),
    "field": lambda: ElectricField([0.3, -0.2, 0.5], {"A": 0.7}),
    "field on charges": lambda: ElectricField([0.3, -0.2, 0.5], group="some"),
    "soft wall": lambda: HarmonicWall("y", 1.5, "above", 3.0),
    "soft wall of a group": lambda: HarmonicWall("z", 1.0, "below", 3.0, "some"),
    "wall": lambda: LJWall("x", -60.0, "above", 0.8, 20.0, 70.0),
    "places": lambda: PositionRestraint(2.0, "some"),
    "planes": lambda: PositionRestraint(2.0, axes="xz"),
}  # fmt: skip
RESTRAINTS = {
    "distance": lambda: DistanceRestraint([0, 5], 2.0, 1.1),
    "distance of groups": lambda: DistanceRestraint(["some", "others"], 2.0, 0.3),
    "distance to a group": lambda: DistanceRestraint([3, "some"], 2.0, 0.3),
    "angle": lambda: AngleRestraint([0, 5, 3], 2.0, 80.0),
    "angle of groups": lambda: AngleRestraint(["some", 5, "others"], 2.0, 80.0),
}
LARGE = ["cubic", "triclinic", "skew", "slab", "wire", "cluster", "atoms outside"]


def the(cell):
    system = CELLS[cell]
    rng, n = np.random.default_rng(4), system.n_atoms
    some = np.arange(n) % 3 == 0
    anchor = system.positions + rng.normal(0, 0.2, (n, 3))
    system.columns = {"some": some, "others": np.arange(n) % 3 == 1, "anchor": anchor}
    system.charges = rng.normal(size=n)
    return system


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("make", POTENTIALS.values(), ids=POTENTIALS)
def test_forces_on_atoms_match_energy(make, cell):
    system = the(cell)
    contract.assert_forces_match_energy(make(), system)
    contract.assert_atom_energies_add_up(make(), system)
    contract.assert_sums_are_of_multiples(make(), system)
    contract.assert_list_does_not_matter(Sum(make(), LennardJones(2.5, 0.1, 0.8)), system)


@pytest.mark.parametrize("make", POTENTIALS.values(), ids=POTENTIALS)
def test_what_acts_from_outside_is_no_pressure(make):
    system = the("triclinic")
    assert not contract.evaluate(make(), system).virial.any()
    plain = LennardJones(2.5, 1.0, 0.8)
    np.testing.assert_array_equal(
        contract.evaluate(Sum(plain, make()), system).virial, contract.evaluate(plain, system).virial
    )


@pytest.mark.parametrize("cell", LARGE)
@pytest.mark.parametrize("make", RESTRAINTS.values(), ids=RESTRAINTS)
def test_restraints_keep_the_contract(make, cell):
    """Centres of groups are of unwrapped atoms, so strain is tested where only atoms are named."""
    system, potential = the(cell), make()
    contract.assert_forces_match_energy(potential, system)
    contract.assert_atom_energies_add_up(potential, system)
    contract.assert_sums_are_of_multiples(potential, system)
    contract.assert_translation_changes_nothing(potential, system)
    contract.assert_rotation_turns_forces(potential, system)
    contract.assert_stress_matches_energy(potential, system)


def two(distance, **columns):
    return System(Box(20.0 * np.eye(3)), [[1, 2, 3], [1 + distance, 2, 3]], ["A", "B"], units="lj", columns=columns)


def test_energies_by_hand():
    """Numbers worked out beside the code."""
    it = two(18.0, anchor=np.array([[0.5, 2.0, 3.0], [19.0, 2.0, 2.0]]))  # 2 apart, through the face
    for potential, energy, force in (
        (DistanceRestraint([0, 1], 3.0, 1.5), 0.375, -1.5),
        (ExternalForce([2.0, 0, 0]), -2.0 * (1.0 + 19.0), 2.0),
        (ElectricField([2.0, 0, 0], {"A": 0.5, "B": -1.0}), -1.0 + 38.0, 1.0),
        (HarmonicWall("x", 3.0, "above", 0.5), 1.0, 1.0),
        (HarmonicWall("x", 18.0, "below", 0.5), 0.25, 0.0),
        (LJWall("x", 0.0, "above", 1.0, 1.0, 2.0), -13 / 15 - (2 / 15 / 512 - 1 / 8), -1.8),
        (PositionRestraint(2.0), 0.25 + 1.0, -1.0),
        (PositionRestraint(2.0, axes="z"), 1.0, 0.0),
        (Piston(0.01, "x", "both", units="lj"), -2.0 * (1.0 + 19.0), 2.0),
    ):
        it.columns["both"] = [True, True]
        found = evaluate(potential, it)
        assert found.energy == pytest.approx(energy, abs=1e-9), potential
        assert found.forces[0, 0] == pytest.approx(force, abs=1e-9), potential
    corner = System(Box(20.0 * np.eye(3)), [[1, 0, 0], [0, 0, 0], [0, 19, 0]], "A", units="lj")
    assert evaluate(AngleRestraint([0, 1, 2], 2.0, 60.0), corner).energy == pytest.approx((np.pi / 6) ** 2)


def test_walls_hold_what_is_between_them():
    """A gas in a slab: no atom is ever outside, energy is conserved, momentum along the walls is, too."""
    system = System.build("sc", density=0.1, species="A", units="lj", repeat=(6, 6, 6), periodic=(True, True, False))
    maxwell_boltzmann(system, 1.5, seed=3)
    top = float(system.box.matrix[2, 2])
    walls = [LJWall("z", -1.0, "above", 1.0, 1.0, 2.5), LJWall("z", top + 1.0, "below", 1.0, 1.0, 2.5)]
    potential = Sum(LennardJones(2.5, 1.0, 1.0, truncation="force-shifted"), *walls)
    sim = Simulation(system, potential, VelocityVerlet(0.002), seed=1)
    before = sim.thermo()
    sim.run(1500)
    assert sim.thermo().total == pytest.approx(before.total, abs=0.05)
    assert sim.positions[:, 2].min() > -1.0 and sim.positions[:, 2].max() < top + 1.0
    assert sim.degrees_of_freedom == 3 * 216 - 2
    assert np.abs((sim.masses @ sim.velocities)[:2]).max() < 1e-7


@pytest.mark.parametrize(
    "make",
    [
        lambda: HarmonicWall("z", 0.0, "above", 2.0, velocity=0.7),
        lambda: PositionRestraint(2.0, "some", velocity=[0.0, 0.5, 0.0]),
        lambda: DistanceRestraint([0, 7], 5.0, 2.0, rate=0.8),
        lambda: AngleRestraint([0, 7, 11], 5.0, 60.0, rate=20.0),
        lambda: DistanceRestraint(["some", "others"], 50.0, 0.1, rate=0.3),
    ],
)
def test_the_work_of_what_moves_is_booked(make):
    """Energy changes, what is conserved does not, to the error of the time step."""
    system = the("cluster")
    maxwell_boltzmann(system, 0.5, seed=2)
    system.columns["anchor"] = system.positions
    potential = Sum(LennardJones(2.5, 1.0, 0.8, truncation="force-shifted"), make())
    sim = Simulation(system, potential, VelocityVerlet(0.001))
    before = sim.thermo()
    sim.run(1500)
    after = sim.thermo()
    assert abs(after.total - before.total) > 0.3
    assert after.conserved == pytest.approx(before.conserved, abs=0.02)


def test_a_piston_presses():
    """The layer sinks until the springs below carry the pressure: p A = N k d."""
    system = System.build("sc", 2.0, "A", units="lj", repeat=(4, 4, 1), periodic=(True, True, False))
    system.columns["layer"] = np.ones(16, dtype=bool)
    system.columns["anchor"] = system.positions
    potential = Sum(Piston(0.3, "-z", "layer", units="lj"), PositionRestraint(1.5))
    sim = Simulation(system, potential, Langevin(0.02, 0.0, 1.0), skin=0.5)
    sim.run(1500)
    np.testing.assert_allclose(sim.positions[:, 2], -0.3 * 4.0 / 1.5, atol=1e-5)


def test_charges_drift_in_a_field():
    """Without friction a charge falls: x = q E t^2 / 2 m; the energy goes on through the faces of the cell."""
    system = System(Box(5.0 * np.eye(3)), [[0.1, 1, 1], [3.0, 1, 1]], "A", units="lj", charges=[1.0, -2.0])
    sim = Simulation(system, ElectricField([0.5, 0.0, 0.0]), VelocityVerlet(0.01), skin=0.5)
    before = sim.thermo()
    sim.run(1000)
    np.testing.assert_allclose(sim.velocities[:, 0], [5.0, -10.0], rtol=1e-9)
    assert sim.thermo().total == pytest.approx(before.total, abs=1e-6)
    assert sim.snapshot().images[:, 0].tolist() == [5, -10]


def test_an_atom_behind_a_wall_is_told():
    wall = LJWall("x", 1.5, "above", 1.0, 1.0, 2.5)
    told = r"atom 0 .* is in the wall at x = 1.5, or on its wrong side"
    with pytest.raises(SimulationError, match=told):
        evaluate(wall, two(3.0))
    with pytest.raises(SimulationError, match=told):
        Simulation(two(3.0), wall)


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda: ExternalForce([1.0, 2.0]), "expected three numbers"),
        (lambda: ExternalForce([1.0, 2.0, float("nan")]), "expected a"),
        (lambda: ExternalForce([1.0, 2.0, 3.0], 5), "expected the name of a group"),
        (lambda: ExternalForce([1.0, 2.0, 3.0], "none"), "needs 'none' of each atom"),
        (lambda: Piston(1.0, "w", "both"), 'expected "x"'),
        (lambda: ElectricField([1.0, 0, 0], {"A": 1.0}), "species B has no charge"),
        (lambda: ElectricField([1.0, 0, 0]), "needs 'charge' of each atom"),
        (lambda: HarmonicWall("w", 1.0, "above", 1.0), "choose one of x, y, z"),
        (lambda: HarmonicWall("x", 1.0, "left", 1.0), "choose one of above, below"),
        (lambda: HarmonicWall("x", 1.0, "above", -1.0), "positive number"),
        (lambda: PositionRestraint(1.0), "needs 'anchor' of each atom"),
        (lambda: PositionRestraint(1.0, axes="xx"), 'some of "xyz"'),
        (lambda: DistanceRestraint([0], 1.0, 1.0), "expected 2 atoms"),
        (lambda: DistanceRestraint([0, 0], 1.0, 1.0), "must differ"),
        (lambda: DistanceRestraint([0, 2], 1.0, 1.0), "there is no atom 2"),
        (lambda: DistanceRestraint([0, "empty"], 1.0, 1.0), "group empty is empty"),
        (lambda: AngleRestraint([0, 1, -2], 1.0, 1.0), "expected 3 atoms"),
        (lambda: AngleRestraint([0, 1, 2], 1.0, 200.0), "degrees, 0 to 180"),
    ],
)
def test_what_can_not_be_is_told(make, told):
    with pytest.raises(InputError, match=told):
        Simulation(two(3.0, empty=[False, False]), make())


def test_centres_are_of_masses_however_they_are_evaluated():
    """A simulation, an evaluation, side by side, ASE's calculator."""
    it, species, heavy = the("cluster"), np.arange(20) % 2, np.linspace(1.0, 20.0, 20)
    system = System(it.box, it.positions, species, ("O", "H"), masses=heavy, columns=it.columns)
    potential = DistanceRestraint(["some", "others"], 2.0, 0.3)
    want = Simulation(system, potential).potential_energy
    other = System(system.box, system.positions, system.species, ("O", "H"), columns=system.columns)
    found = [result.energy for result in evaluate(potential, [system, other, system])]
    assert found == [want, Simulation(other, potential).potential_energy, want] and found[0] != found[1]
    ase = pytest.importorskip("mdcore.ase")
    atoms = system.to_ase()
    atoms.calc = ase.MDCore(potential)
    assert atoms.get_potential_energy() == pytest.approx(want, rel=1e-12)
    atoms.set_masses(other.masses)
    atoms.calc = ase.MDCore(potential)
    assert atoms.get_potential_energy() == pytest.approx(found[1], rel=1e-9)


def test_inputs_name_what_there_is(tmp_path):
    rest = """
units = "lj"
[structure]
build = "sc"
species = "A"
density = 0.5
replicate = [3, 3, 3]
[[stage]]
ensemble = "nve"
timestep = 0.001
steps = 1
[[potential]]
"""
    for text, told in (
        ('type = "electric-field"\nfield = [1, 0, 0]', "the structure has no charges"),
        ('type = "electric-field"\nfield = [1, 0, 0]\ncharges = { B = 1 }', "no such species"),
        ('type = "force"\nforce = [1, 0, 0]\ngroup = "wall"', "no group 'wall'"),
        ('type = "distance-restraint"\nsites = [0, 27]\nstiffness = 1\nlength = 1', "there is no atom 27"),
        ('type = "distance-restraint"\nsites = [0, 1, 2]\nstiffness = 1\nlength = 1', "expected two"),
        ('type = "angle-restraint"\nsites = [0, 1]\nstiffness = 1\nangle = 1', "expected three"),
        ('type = "lj-wall"\naxis = "z"\nposition = 1\nkeeps = "over"', 'expected one of "above", "below"'),
        ('type = "addforce"', 'a force on a group is type = "force"'),
    ):
        with pytest.raises(InputError, match=told):
            assemble.make_system(parse(rest + text))


def test_verify_leaves_them_out():
    system = the("cubic")
    inner = LennardJones(2.5, 0.1, 0.8, truncation="force-shifted")
    it = subject(Sum(inner, ExternalForce([1.0, 0.0, 0.0], "some"), DistanceRestraint([0, 1], 1.0, 1.0)), system)
    assert it.potential == inner and "without what acts from outside" in it.origin
    with pytest.raises(InputError, match="no symmetries to verify"):
        subject(ExternalForce([1.0, 0.0, 0.0]), system)


def test_all_of_them_are_public():
    for name in ("ExternalForce", "Piston", "ElectricField", "HarmonicWall", "LJWall"):
        assert getattr(mdcore, name).__doc__
