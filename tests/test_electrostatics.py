"""Charges with all their images: Ewald's sum next to closed forms and slow sums.

Forces, stress and symmetries are in test_contract.py, ranks in test_parallel.py.
"""

import math
from functools import partial

import numpy as np
import pytest

from mdcore import Box, Coulomb, Electrostatics, InputError, Simulation, System, VelocityVerlet, evaluate
from mdcore.base.units import COULOMB
from tests.reference import ewald
from tests.systems import TRICLINIC

Ewald = partial(Electrostatics, method="ewald")
SALT = {"Na": 1.0, "Cl": -1.0}
# energy of an ion times the distance of neighbours, both ions' halves; C. Kittel, Introduction to Solid State Physics,
# and Y. Sakamoto, J. Chem. Phys. 28, 164 (1958), to more digits
MADELUNG = {"NaCl": 1.7475645946331822, "CsCl": 1.7626747730709884, "ZnS": 1.6380550533887877}


def energy_of(potential, *systems):
    found = [answer.energy for answer in evaluate(potential, systems)]
    return found if len(found) > 1 else found[0]


def crystal(name):
    """(System, distance of neighbours) of a conventional cell, or two times two times two."""
    face = np.array([[0, 0, 0], [0, 1, 1], [1, 0, 1], [1, 1, 0]]) / 2.0
    basis, other, near = {
        "NaCl": (face, [0.5, 0.5, 0.5], 0.5),
        "CsCl": (np.zeros((1, 3)), [0.5, 0.5, 0.5], math.sqrt(3.0) / 2.0),
        "ZnS": (face, [0.25, 0.25, 0.25], math.sqrt(3.0) / 4.0),
    }[name]
    a = 5.64
    x = np.vstack([basis, basis + other]) * a
    return System(Box.cubic(a), x, ["Na"] * len(basis) + ["Cl"] * len(basis)), near * a


def neutral(n=30, matrix=None, periodic=(True, True, True), seed=1, apart=1.6):
    """Ions at random, not closer than `apart`."""
    rng, matrix = np.random.default_rng(seed), 9.0 * TRICLINIC if matrix is None else matrix
    x = np.empty((0, 3))
    shifts = ewald._images(matrix, [k for k in range(3) if periodic[k]], 1)
    while len(x) < n:
        new = rng.random(3) @ matrix
        if not len(x) or np.linalg.norm(x[:, None] - new - shifts, axis=-1).min() > apart:
            x = np.vstack([x, new])
    return System(Box(matrix, periodic), x, ["Na", "Cl"] * (n // 2) + ["Na"] * (n % 2))


def charges_of(system, charges=SALT):
    return np.array([charges[system.symbols[k]] for k in system.species])


@pytest.mark.parametrize("name", MADELUNG)
def test_madelung(name):
    system, near = crystal(name)
    energy = energy_of(Ewald(SALT, accuracy=1e-10, cutoff=9.0), system)
    found = -energy * near / (COULOMB * system.n_atoms / 2.0)
    assert found == pytest.approx(MADELUNG[name], abs=1e-9)


@pytest.mark.parametrize("widths", [None, {"Na": 0.7, "Cl": 1.1}], ids=["points", "gaussians"])
@pytest.mark.parametrize("n", [10, 11], ids=["neutral", "charged"])
def test_crystal_is_as_the_slow_sum(n, widths):
    system = neutral(n)
    own = None if widths is None else charges_of(system, widths)
    want = ewald.crystal(system.box.matrix, system.positions, charges_of(system), 0.45, 2, 9, own)
    found = energy_of(Ewald(SALT, accuracy=1e-10, cutoff=15.5, widths=widths), system) / COULOMB
    assert found == pytest.approx(want, abs=1e-9)


@pytest.mark.parametrize("n", [8, 9], ids=["neutral", "charged"])
def test_slab_is_as_the_sum_over_two_axes(n):
    matrix = np.array([[8.0, 0.0, 0.0], [2.0, 7.0, 0.0], [0.0, 0.0, 9.0]])
    system = neutral(n, matrix, (True, True, False))
    want = ewald.slab(matrix, system.positions, charges_of(system), 0.5, 3, 6)
    found = energy_of(Ewald(SALT, accuracy=1e-10, cutoff=9.0), system) / COULOMB
    assert found == pytest.approx(want, abs=1e-8)


@pytest.mark.parametrize("axes", [(0, 1, 2), (2, 0, 1), (1, 2, 0)])
def test_a_slab_may_lie_in_any_plane(axes):
    matrix = np.array([[8.0, 0.0, 0.0], [2.0, 7.0, 0.0], [0.0, 0.0, 9.0]])
    flat = neutral(12, matrix, (True, True, False))
    turned = System(
        Box(matrix[np.ix_(axes, axes)], [flat.box.periodic[k] for k in axes]), flat.positions[:, axes],
        [flat.symbols[k] for k in flat.species],
    )  # fmt: skip
    one, other = evaluate(Ewald(SALT, accuracy=1e-10), [flat, turned])
    assert other.energy == pytest.approx(one.energy, abs=1e-8)
    np.testing.assert_allclose(other.forces, one.forces[:, axes], rtol=0, atol=1e-8)


def test_a_charged_plate_has_its_field():
    """2 pi C sigma q, however far away: what vacuum and images add is taken away."""
    box = Box(np.diag([1.0, 1.0, 40.0]), (True, True, False))
    for height in (6.0, 25.0):
        system = System(box, np.array([[0.0, 0.0, 5.0], [0.5, 0.5, 5.0 + height]]), ["Na", "Na"])
        forces = evaluate(Ewald({"Na": 1.0}, accuracy=1e-9, cutoff=4.0), [system])[0].forces
        np.testing.assert_allclose(forces[:, 2], [-2 * math.pi * COULOMB, 2 * math.pi * COULOMB], rtol=1e-9)


@pytest.mark.parametrize("widths", [None, {"Na": 0.7, "Cl": 1.1}], ids=["points", "gaussians"])
def test_cluster_is_the_sum_over_all_pairs(widths):
    system = neutral(31, 25.0 * np.eye(3), (False, False, False))
    own = None if widths is None else charges_of(system, widths)
    want = ewald.cluster(system.positions, charges_of(system), own)
    for accuracy in (1e-4, 1e-10):
        found = evaluate(Ewald(SALT, accuracy=accuracy, cutoff=15.5, widths=widths), [system])[0]
        assert found.energy / COULOMB == pytest.approx(want, abs=max(1e-9, accuracy))
        assert not found.forces.sum(axis=0).any()  # each pair's is exactly minus that of the other


def liquids():
    """Kinds of neighbourhoods: a dense salt, a thin one, ions beside their partners."""
    yield "melt", neutral(64, 14.0 * np.eye(3), apart=2.3)
    yield "gas", neutral(24, 30.0 * np.eye(3), apart=4.0)
    ions = neutral(20, 18.0 * np.eye(3), apart=3.0)
    x = np.vstack([ions.positions, ions.positions + np.random.default_rng(2).normal(scale=0.4, size=(20, 3)) + 0.6])
    yield "dipoles", System(ions.box, x, ["Na"] * 20 + ["Cl"] * 20)


LIQUIDS = dict(liquids())


@pytest.mark.parametrize("cutoff", [5.0, 8.0])
@pytest.mark.parametrize("accuracy", [1e-3, 1e-5, 1e-8])
@pytest.mark.parametrize("name", LIQUIDS)
def test_forces_are_as_accurate_as_asked(name, accuracy, cutoff):
    system = LIQUIDS[name]
    settings = {"accuracy": 1e-10, "cutoff": 9.0}, {"accuracy": accuracy, "cutoff": cutoff}
    want, found = (evaluate(Ewald(SALT, **own), [system])[0].forces for own in settings)
    error = math.sqrt(((found - want) ** 2).mean() / (want**2).mean())
    assert 1e-4 * accuracy < error < accuracy


@pytest.mark.parametrize("charges", [{"Na": 1.0, "Cl": 1.0}, {"Na": 1.0, "Cl": -0.8}], ids=["alike", "unlike"])
@pytest.mark.parametrize("accuracy", [1e-3, 1e-5])
def test_a_total_charge_has_its_background_whatever_the_cutoff(charges, accuracy):
    system, _ = crystal("CsCl")
    system = system.replicate((3, 3, 3))
    system.positions += np.random.default_rng(4).normal(scale=0.1, size=system.positions.shape)
    want = evaluate(Ewald(charges, accuracy=1e-10, cutoff=9.0), [system])[0]
    for cutoff in (6.0, 14.0):
        found = evaluate(Ewald(charges, accuracy=accuracy, cutoff=cutoff), [system])[0]
        assert found.energy == pytest.approx(want.energy, rel=accuracy)
        np.testing.assert_allclose(found.stress, want.stress, rtol=0, atol=3 * accuracy * np.abs(want.stress).max())


def test_a_slab_may_be_anywhere():
    matrix = np.diag([8.0, 7.0, 9.0])
    system = neutral(9, matrix, (True, True, False))
    names = [system.symbols[k] for k in system.species]
    far = System(system.box, system.positions + np.array([0.0, 0.0, 2000.0]), names)
    one, other = evaluate(Ewald(SALT), [system, far])
    assert other.energy == pytest.approx(one.energy, abs=1e-8)
    np.testing.assert_allclose(other.forces, one.forces, rtol=0, atol=1e-8)


def test_each_structure_is_looked_at():
    """A potential is bound once for many structures, whose charges may be too large."""
    good, bad = neutral(4), neutral(4)
    for system, size in ((good, 1.0), (bad, 1e4)):
        system.columns["charge"] = size * np.array([1.0, -1.0, 1.0, -1.0])
    with pytest.raises(InputError, match="must be finite and less than 1000"):
        evaluate(Ewald(), [good, bad])


def test_joined_atoms_do_not_feel_each_other():
    """A pair in a large cell: what is left is what its images do, which a cell twice as large has less of."""
    ions = System(Box.cubic(30.0), np.array([[0.0, 0, 0], [1.0, 0, 0]]), ["Na", "Cl"])
    apart = energy_of(Ewald(SALT, accuracy=1e-10), ions)
    ions.bonds = np.array([[0, 1, 1]])
    joined = Ewald(SALT, accuracy=1e-10)
    joined.exclude_bonded = 1
    assert energy_of(joined, ions) - apart == pytest.approx(COULOMB, rel=1e-9)
    with pytest.raises(InputError, match="these charges are Gaussians"):
        Ewald(SALT, widths={"Na": 1.0, "Cl": 1.0}).exclude_bonded = 1


WIDTHS = {"Na": 0.7, "Cl": 1.1}
CELLS = {"crystal": (True, True, True), "slab": (True, True, False), "cluster": (False, False, False)}
MATRIX = np.array([[8.0, 0.0, 0.0], [2.0, 7.0, 0.0], [0.0, 0.0, 9.0]])


def slow(kind, system, charges, widths):
    """The slow sum of a cell of this kind."""
    if kind == "crystal":
        return ewald.crystal(system.box.matrix, system.positions, charges, 0.45, 2, 8, widths)
    if kind == "slab":
        return ewald.slab(system.box.matrix, system.positions, charges, 0.5, 3, 6)
    return ewald.cluster(system.positions, charges, widths)


@pytest.mark.parametrize(
    ("kind", "widths"),
    [("crystal", None), ("crystal", WIDTHS), ("slab", None), ("cluster", None), ("cluster", WIDTHS)],
)  # fmt: skip
def test_potentials_are_derivatives_of_slow_sums(kind, widths):
    """dE/dq, of one atom without a charge too: differences of a quadratic function are exact."""
    system = neutral(7, MATRIX, CELLS[kind])
    q = np.array([1.0, -0.8, 0.0, 0.3, 1.0, -1.2, 0.5])
    system.columns["charge"] = q
    own = None if widths is None else charges_of(system, widths)
    want = []
    for atom in range(7):
        step = np.eye(7)[atom]
        want.append(0.5 * (slow(kind, system, q + step, own) - slow(kind, system, q - step, own)))
    how = {"accuracy": 1e-10, "cutoff": 15.5 if widths else 9.0, "widths": widths}
    found = evaluate(Ewald(**how), [system], findings=True)[0]
    phi = found.findings["electric_potential"]
    np.testing.assert_allclose(phi / COULOMB, want, rtol=0, atol=1e-8)
    assert 0.5 * phi @ q == pytest.approx(found.energy, abs=1e-9)


@pytest.mark.parametrize("method", ["ewald", "mesh"])
@pytest.mark.parametrize("kind", CELLS)
def test_potentials_times_charges_are_the_energy(kind, method):
    system = neutral(21, MATRIX * 1.5, CELLS[kind])
    system.bonds = np.array([[0, 1, 1], [1, 2, 1], [5, 9, 1]])
    potential = Electrostatics(SALT, accuracy=1e-4, cutoff=10.0, method=method)
    potential.exclude_bonded = 2
    found = evaluate(potential, [system], findings=True)[0]
    shares = 0.5 * found.findings["electric_potential"] * charges_of(system)
    np.testing.assert_allclose(shares, found.energies, rtol=0, atol=1e-9)


def test_potential_in_a_crystal_is_madelungs():
    system, near = crystal("CsCl")
    found = evaluate(Ewald(SALT, accuracy=1e-10, cutoff=9.0), [system], findings=True)[0]
    want = -MADELUNG["CsCl"] * COULOMB / near * charges_of(system)
    np.testing.assert_allclose(found.findings["electric_potential"], want, rtol=0, atol=1e-8)


@pytest.mark.parametrize("kind", CELLS)
def test_potentials_of_other_charges(kind):
    """A matrix times charges: linear and symmetric, whatever charges the potential has."""
    system = neutral(20, MATRIX * 1.5, CELLS[kind])
    sim = Simulation(system, Electrostatics(SALT, accuracy=1e-4, cutoff=6.0, method="mesh"))
    work, rng = sim.work, np.random.default_rng(3)

    def times(charges):
        rows = np.zeros(work.atoms.n_total + 1)
        rows[: work.atoms.n_owned] = charges
        return work.bound.potentials_of(work.atoms, rows, work.neighbors, work.domain)

    one, other = rng.normal(size=(2, 20))
    np.testing.assert_allclose(times(one + 2.0 * other), times(one) + 2.0 * times(other), rtol=0, atol=1e-8)
    assert one @ times(other) == pytest.approx(other @ times(one), abs=1e-8)
    with pytest.raises(InputError, match="must be finite and less than 1000"):
        times(np.full(20, np.nan))


def test_potentials_are_a_column_of_the_dump(tmp_path):
    from mdcore.output.dump import ExtxyzDump

    system = neutral(8)
    sim = Simulation(system, Ewald(SALT))
    writer = ExtxyzDump(tmp_path / "a.extxyz", 1)
    writer.observe(sim)
    text = (tmp_path / "a.extxyz").read_text().splitlines()
    assert ":electric_potential:R:1" in text[1]
    want = sim.findings["electric_potential"]
    np.testing.assert_allclose([float(line.split()[-1]) for line in text[2:]], want, rtol=1e-6)


@pytest.mark.parametrize("make", [lambda q: Ewald(q), lambda q: Coulomb(5.0, q)], ids=["electrostatics", "coulomb"])
@pytest.mark.parametrize("charges", [SALT, None], ids=["by species", "of the structure"])
def test_charges_are_told_wherever_results_are(tmp_path, make, charges):
    """Findings, trajectory (once), dump, calculator of ASE with the dipole moment of a cluster."""
    ase = pytest.importorskip("ase")
    from mdcore.ase import MDCore
    from mdcore.output.dump import ExtxyzDump
    from mdcore.output.trajectory import Trajectory
    from mdcore.output.trajectory_writer import H5MDWriter

    system = neutral(9, 20.0 * np.eye(3), (False, False, False))
    want = charges_of(system)
    if charges is None:
        system.charges = want
    sim = Simulation(system, make(charges), VelocityVerlet(0.1))
    np.testing.assert_array_equal(sim.findings["charges"], want)
    for observer in (H5MDWriter(tmp_path / "a.h5md", 1), ExtxyzDump(tmp_path / "a.extxyz", 1)):
        sim.add_observer(observer)
    sim.run(2)
    with Trajectory(tmp_path / "a.h5md") as frames:
        assert len(frames) == 3
        np.testing.assert_array_equal([frame.columns["charge"] for frame in frames], [want] * 3)
    np.testing.assert_array_equal(System.read(tmp_path / "a.extxyz").charges, want)
    names = [system.symbols[k] for k in system.species]
    atoms = ase.Atoms(names, system.positions, charges=None if charges else want, calculator=MDCore(make(charges)))
    np.testing.assert_array_equal(atoms.get_charges(), want)
    np.testing.assert_allclose(atoms.get_dipole_moment(), want @ system.positions, rtol=0, atol=1e-12)


def test_charges_of_the_structure():
    system = neutral(12)
    own = System(system.box, system.positions, ["Na"] * 12, charges=charges_of(system))
    one, other = (evaluate(p, [s])[0] for p, s in ((Ewald(SALT), system), (Ewald(), own)))
    assert one.energy == pytest.approx(other.energy, abs=1e-9)
    np.testing.assert_allclose(one.forces, other.forces, rtol=0, atol=1e-9)


def test_energy_is_conserved():
    """Rock salt with a repulsion that holds it: the error of Verlet falls with the square of the step, as it must."""
    from mdcore import Buckingham, Sum, maxwell_boltzmann

    cell, _ = crystal("NaCl")
    system = cell.replicate((2, 2, 2))
    maxwell_boltzmann(system, 600.0, seed=3)
    repulsion = Buckingham(5.5, a=1000.0, rho=0.32, c=0.0, truncation="force-shifted")
    spreads = []
    for step in (4.0, 2.0):
        potential = Sum(Ewald(SALT, accuracy=1e-6, cutoff=5.5), repulsion)
        sim, found = Simulation(system, potential, VelocityVerlet(step)), []
        for _ in range(round(200.0 / step)):
            sim.run(1)
            found.append(sim.potential_energy + sim.kinetic_energy)
        spreads.append(np.std(found))
    assert spreads[1] < 3e-3 and 3.0 < spreads[0] / spreads[1] < 5.0


def test_a_wire_is_refused():
    wire = neutral(6, periodic=(False, True, False))
    with pytest.raises(InputError, match="wires, periodic along one axis, are not supported"):
        Simulation(wire, Ewald(SALT))
    Simulation(wire, Coulomb(5.0, SALT))


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: Ewald(SALT, accuracy=0.1), "accuracy = 0.1: expected 1e-10 to 0.01"),
        (lambda: Ewald(SALT, cutoff=-1.0), "cutoff = -1"),
        (lambda: Ewald({"Na": "one"}), "charge of Na = 'one'"),
        (lambda: Ewald(SALT, widths={"Na": 0.0, "Cl": 1.0}), "width of Na = 0"),
        (lambda: Ewald(SALT, cutoff=10.0, widths={"Na": 4.0, "Cl": 1.0}), "cutoff = 10: too short for Gaussians"),
        (lambda: Ewald(SALT, widths={}), "widths = {}: give one for each species"),
        (lambda: Ewald(SALT, widths={"Na": 1.0}).bind(("Na", "Cl")), "species Cl has no width"),
        (lambda: Ewald({"Na": 1.0}).bind(("Na", "Cl")), "species Cl has no charge"),
        (
            lambda: energy_of(Ewald(SALT, cutoff=0.4), neutral(4, 300.0 * np.eye(3))),
            "waves in a cell of 300 x 300 x 300 are too many",
        ),
        (lambda: energy_of(Ewald({"Na": 1e4, "Cl": -1.0}), neutral(4)), "must be finite and less than 1000"),
    ],
)  # fmt: skip
def test_what_is_refused(make, text):
    with pytest.raises(InputError) as caught:
        make()
    assert text in str(caught.value)


def displaced():
    """Rock salt whose ions are displaced by 0.2 Angstrom."""
    cell, _ = crystal("NaCl")
    system = cell.replicate((3, 3, 3))
    system.positions += np.random.default_rng(1).normal(scale=0.2 / 3**0.5, size=system.positions.shape)
    return system


@pytest.mark.parametrize("method", ["ewald", "mesh"])
def test_forces_of_a_crystal_are_as_accurate_as_asked(method):
    """Where those of neighbours cancel, and errors do not."""
    system = displaced()
    want = evaluate(Ewald(SALT, accuracy=1e-10, cutoff=9.0), [system])[0].forces
    for accuracy in (1e-2, 1e-3, 1e-4, 1e-5, 1e-8):
        found = evaluate(Electrostatics(SALT, accuracy=accuracy, method=method), [system])[0].forces
        assert math.sqrt(((found - want) ** 2).mean() / (want**2).mean()) < accuracy
