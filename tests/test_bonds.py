"""Are bonded atoms found, in any cell and on any number of ranks, and left out of other potentials?"""

import itertools
import math

import numpy as np
import pytest

import mdcore
from mdcore import Bonds, Coulomb, Simulation, Sum, System, VelocityVerlet, evaluate
from mdcore.base.errors import InputError, SimulationError
from mdcore.cli import main
from mdcore.output.trajectory import Trajectory
from mdcore.structure.bonds import within
from mdcore.structure.box import Box
from tests import contract
from tests.bonded import molecules, springs, without
from tests.mpi import mpirun, needs_mpi
from tests.systems import TRICLINIC, cells, scattered

CELLS = {name: system for name, system in cells(2.5) if system.n_atoms > 2}


def chain(system) -> tuple[Bonds, System]:
    """From each atom to the next one, as long as they must be."""
    n = system.n_atoms
    atoms = System(system.box, system.positions, "A", masses=[1.0] * n, units="lj")
    atoms.bonds = np.stack([np.arange(n), np.roll(np.arange(n), 1)], axis=1)
    reach = np.abs(system.box.matrix).sum() + np.ptp(system.box.wrap(system.positions)[0], axis=0).sum()
    return springs(float(min(reach, 12.0))), atoms


@pytest.mark.parametrize(
    "check",
    [
        contract.assert_forces_match_energy,
        contract.assert_stress_matches_energy,
        contract.assert_atom_energies_add_up,
        contract.assert_atom_virials_make_the_heat_current,
        contract.assert_translation_changes_nothing,
        contract.assert_rotation_turns_forces,
        contract.assert_order_does_not_matter,
        contract.assert_list_does_not_matter,
        contract.assert_sums_are_of_multiples,
    ],
    ids=lambda check: check.__name__.removeprefix("assert_"),
)
@pytest.mark.parametrize("cell", CELLS)
def test_keeps_the_contract(cell, check):
    check(*chain(CELLS[cell]))


def images(system, shells=2):
    steps = np.stack(np.meshgrid(*[np.arange(-shells, shells + 1)] * 3), axis=-1).reshape(-1, 3)
    return steps @ system.box.matrix


@pytest.mark.parametrize("matrix", [5.0 * np.eye(3), 5.0 * TRICLINIC])
def test_the_nearest_image(matrix):
    """Against all images within two cells."""
    system = molecules(30, matrix)
    a, b, kind = system.bonds.T
    r = system.positions[b] - system.positions[a]
    d = np.linalg.norm(r[:, None] + images(system), axis=2).min(axis=1)
    k, r0 = np.where(kind == 1, 3.0, 2.0), np.where(kind == 1, 1.0, 0.8)
    assert abs(evaluate(springs(), system).energy - (0.5 * k * (d - r0) ** 2).sum()) < 1e-9


def joined(bonds, n, most):
    """Pairs that up to `most` bonds join, by walking."""
    near = {i: set() for i in range(n)}
    for a, b, _ in bonds.tolist():
        near[a].add(b), near[b].add(a)
    found = set()
    for start in range(n):
        seen, last = {start}, {start}
        for _ in range(most):
            last = set().union(*(near[i] for i in last)) - seen
            seen |= last
        found |= {(start, other) for other in seen - {start}}
    return found


def ring(n=48, matrix=6.0 * TRICLINIC):
    """Molecules of six atoms in a chain, near each other, and one that has no bonds at the end."""
    rng = np.random.default_rng(5)
    system = scattered(n, matrix, seed=8)
    for k in range(0, n, 6):
        system.positions[k : k + 6] = system.positions[k] + np.cumsum(rng.normal(scale=0.45, size=(6, 3)), axis=0)
    system.bonds = [[k + i, k + i + 1, 1] for k in range(0, n - 6, 6) for i in range(5)]
    return system


@pytest.mark.parametrize("most", [1, 2, 3])
def test_joined_pairs_are_left_out(most):
    """Against a sum over all pairs of images; the rest of the potential is as it was."""
    system, cutoff = ring(), 1.5
    n, out = system.n_atoms, joined(system.bonds, system.n_atoms, most)
    first, others = within(system.bonds, n, most)
    assert {(i, j) for i in range(n) for j in others[first[i] : first[i + 1]].tolist()} == out
    half = 0.5 * system.box.widths.min()
    energy, left_out = 0.0, 0
    for i, j in itertools.combinations(range(n), 2):
        d = np.linalg.norm(system.positions[j] - system.positions[i] + images(system), axis=1)
        d = d[(d < cutoff) & ~((d < half) & ((i, j) in out))]
        left_out += (i, j) in out
        x = (0.4 / d) ** 6
        edge = (0.4 / cutoff) ** 6
        energy += 0.004 * (x * x - x - edge * edge + edge).sum()
    found, whole = evaluate(without(most), system), evaluate(without(0), system)
    assert left_out > 20 and found.energy == pytest.approx(energy, abs=1e-8)
    assert abs(whole.energy - found.energy) > 1e-4


def test_terms_share_pairs_and_not_exclusions():
    """Of two terms of one cutoff one leaves out what the other keeps; one list is made, and one from it."""
    system = ring()
    potential = Sum(without(0), without(2), without(3, 1.2), springs())
    both = Simulation(system, potential, skin=0.4)
    alone = [Simulation(system, term, skin=0.4) for term in potential.terms]
    assert both.forces.tobytes() == sum(one.forces for one in alone).tobytes()
    assert alone[0].neighbors.rows is None  # nobody asked


@pytest.mark.parametrize("check", ["forces_match_energy", "list_does_not_matter", "order_does_not_matter"])
def test_what_is_left_keeps_the_contract(check):
    getattr(contract, f"assert_{check}")(Sum(without(2), springs(4.0)), ring())


def test_replicas_are_bonded_as_the_original():
    """Also over faces of the cell: four copies have four times the energy, and every bond its length."""
    system = molecules(24, 4.0 * TRICLINIC)
    for potential in (springs(), Sum(springs(), without(1, 1.0))):
        energy = evaluate(potential, system).energy
        assert evaluate(potential, system.replicate((2, 1, 2))).energy == pytest.approx(4.0 * energy, rel=1e-10)


def test_a_long_bond_ends_the_run():
    system = System(Box(20.0 * np.eye(3)), [[1.0, 1, 1], [2.0, 1, 1]], "A", units="lj", masses=[1.0, 1.0])
    system.bonds = [[0, 1]]
    system.velocities = np.array([[-3.0, 0, 0], [3.0, 0, 0]])
    sim = Simulation(system, Bonds({1: {"k": 0.01, "r0": 1.0}}), VelocityVerlet(0.01))
    with pytest.raises(SimulationError, match=r"the joined atoms 0 and 1 .* at most 2 is known"):
        sim.run(100)


@pytest.mark.parametrize(
    "bonds, match",
    [
        ([[0, 4]], "0-4, type 1: there are 4 atoms"),
        ([[1, 1]], "no bond with itself"),
        ([[0, 1, 0]], "types are counted from 1"),
        ([[0, 1, 10**18]], "types are counted from 1"),
        ([[0, 1], [1, 0]], "have a bond already"),
        ([[0.5, 1.0]], "whole numbers"),
        ([0, 1], "rows of two atoms"),
    ],
)
def test_wrong_bonds_are_refused(bonds, match):
    system = scattered(4, 9.0 * np.eye(3))
    with pytest.raises(InputError, match=match):
        system.bonds = bonds


def test_wrong_parameters_are_refused():
    good = {"k": 1.0, "r0": 1.0}
    for wrong in (
        {}, [1], {1: 3.0}, {1: {"k": 1.0}}, {0: good}, {1: {"k": -1.0, "r0": 1.0}}, {"A": good}, {(1, 2): good},
        {("A", "B", "C"): good},
    ):  # fmt: skip
        with pytest.raises(InputError, match="Bonds"):
            Bonds(wrong)
    with pytest.raises(InputError, match="a larger one"):
        Bonds({1: good}, longest=0.5)
    assert evaluate(Bonds({1: good}), scattered(4, 9.0 * np.eye(3))).energy == 0.0
    with pytest.raises(InputError, match="no parameters for bonds of type 2, here between A and A"):
        evaluate(Bonds({1: good}, longest=4.0), molecules(30))
    with pytest.raises(InputError, match="expected 0, 1, 2 or 3"):
        without(4)
    used = without(1)
    evaluate(used, molecules(30, 9.0 * np.eye(3)))
    with pytest.raises(InputError, match="set before the potential is used"):
        used.exclude_bonded = 2


@needs_mpi[0]
@needs_mpi[1]
def test_same_bits_on_any_number_of_ranks(tmp_path):
    runs = []
    for ranks in (1, 2, 3):
        mpirun(ranks, "-m", "tests.bonded", tmp_path)
        runs.append(np.load(tmp_path / f"{ranks}.npz"))
    for other in runs[1:]:
        for name in runs[0].files:
            assert other[name].tobytes() == runs[0][name].tobytes(), name


# --- charges ------------------------------------------------------------------------------------------


def charged(system, seed=2):
    system.charges = np.random.default_rng(seed).normal(size=system.n_atoms)
    return system


def coulomb(charges=None, most=0):
    found = Coulomb(2.2, charges, 0.4, constant=1.0)
    found.exclude_bonded = most
    return found


@pytest.mark.parametrize("most", [0, 2])
def test_charges_of_the_structure(most):
    """Against a sum over pairs of images; and as charges of species where these are what atoms have."""
    system = charged(ring())
    q, n, alpha, cutoff, joint = system.charges, system.n_atoms, 0.4, 2.2, joined(system.bonds, system.n_atoms, most)
    edge, slope = math.erfc(alpha * cutoff) / cutoff, coulomb().energy(cutoff)[1]
    energy = (q**2).sum() * (-0.5 * edge + 0.5 * cutoff * slope - alpha / math.sqrt(math.pi))
    shifts = images(system)
    for i, j in itertools.combinations_with_replacement(range(n), 2):
        d = np.linalg.norm(system.positions[j] - system.positions[i] + shifts, axis=1)
        if (i, j) in joint:
            energy -= q[i] * q[j] / d.min()
        d = d[(d < cutoff) & (d > 0.0)]
        v = np.array([math.erfc(alpha * r) / r - edge - (r - cutoff) * slope for r in d.tolist()])
        energy += q[i] * q[j] * v.sum() * (0.5 if i == j else 1.0)
    assert evaluate(coulomb(most=most), system).energy == pytest.approx(energy, abs=1e-7)
    names = np.where(np.arange(n) % 3 == 0, "A", "B")
    two = System(system.box, system.positions, names.tolist(), units="lj", masses=np.ones(n))
    two.bonds, two.charges = system.bonds, np.where(names == "A", 0.8, -0.4)
    by_atom, by_species = evaluate(coulomb(most=most), two), evaluate(coulomb({"A": 0.8, "B": -0.4}, most), two)
    assert by_atom.energy == pytest.approx(by_species.energy, abs=1e-8)
    np.testing.assert_allclose(by_atom.forces, by_species.forces, atol=1e-8)


@pytest.mark.parametrize(
    "check",
    ["forces_match_energy", "stress_matches_energy", "atom_energies_add_up", "order_does_not_matter",
     "atom_virials_make_the_heat_current", "list_does_not_matter", "sums_are_of_multiples"],
)  # fmt: skip
def test_charges_keep_the_contract(check):
    getattr(contract, f"assert_{check}")(coulomb(most=2), charged(ring()))


def test_charges_that_are_not_there():
    with pytest.raises(InputError, match="the potential needs 'charge' of each atom"):
        evaluate(coulomb(), ring())


# --- files --------------------------------------------------------------------------------------------

DATA = """two waters

6 atoms
4 bonds
2 atom types
2 bond types

0 20 xlo xhi
0 20 ylo yhi
0 20 zlo zhi

Masses

1 15.999 # O
2 1.008 # H

Atoms # full

11 1 1 -0.8 1.0 1.0 1.0
12 1 2 0.4 1.9 1.0 1.0
13 1 2 0.4 0.7 1.9 1.0
21 2 1 -0.8 19.5 1.0 4.0
22 2 2 0.4 0.4 1.0 4.0
23 2 2 0.4 19.2 1.9 4.0

Bonds

1 1 11 12
2 1 13 11
3 2 21 22
4 1 21 23
"""
INPUT = """units = "metal"
seed = 3
[structure]
file = "water.data"
replicate = [1, 2, 1]
[velocities]
temperature = 100.0
[[potential]]
type = "bonds"
[[potential.kind]]
bond = 2
k = 20.0
r0 = 1.0
[[potential.kind]]
species = ["O", "H"]
k = 30.0
r0 = 0.95
[[potential]]
type = "coulomb"
cutoff = 7.0
exclude_bonded = 2
[[potential]]
type = "lj"
cutoff = 6.0
truncation = "force-shifted"
exclude_bonded = 2
[potential.species.O]
epsilon = 0.0067
sigma = 3.166
[potential.species.H]
epsilon = 0.001
sigma = 1.0
[[stage]]
ensemble = "nve"
timestep = 0.5
steps = 40
[output]
checkpoint_every = 20
trajectory_every = 20
"""
OF_PAIRS = INPUT[INPUT.index('[[potential]]\ntype = "lj"') :]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "water.data").write_text(DATA)
    (tmp_path / "water.toml").write_text(INPUT)
    return tmp_path


def test_bonds_of_a_data_file(folder):
    assert System.read("water.data").bonds.tolist() == [[0, 1, 1], [0, 2, 1], [3, 4, 2], [3, 5, 1]]
    labels = DATA.replace("Bonds\n", "Bond Type Labels\n\n1 OH\n2 OD\n\nBonds\n").replace("\n3 2 21", "\n3 OD 21")
    (folder / "water.data").write_text(labels)
    assert System.read("water.data").bonds[:, 2].tolist() == [1, 1, 2, 1]


@pytest.mark.parametrize(
    "old, new, match",
    [
        ("4 bonds", "5 bonds", "Bonds: 4 lines, but the header says 5"),
        ("3 2 21 22", "3 3 21 22", r"line 30: expected a number, a type from 1 to 2"),
        ("3 2 21 22", "3 2 21 99", "line 30"),
        ("2 1 13 11", "2 1 12 11", "0-1, type 1: these two atoms have a bond already"),
    ],
)
def test_wrong_bonds_of_a_data_file(folder, old, new, match):
    (folder / "water.data").write_text(DATA.replace(old, new))
    with pytest.raises(InputError, match=match):
        System.read("water.data")


def test_a_run_and_its_restart(folder, capsys):
    """Bonds come out of the data file, of copies, and of the checkpoint: a run in two parts is the run in one."""
    assert main(["run", "water.toml"]) == 0
    whole = mdcore.Trajectory("water.h5md")[-1].positions
    assert main(["run", "water.toml", "--overwrite", "--set", "stage.0.steps=20"]) == 0
    assert main(["run", "water.toml", "--restart"]) == 0
    assert mdcore.Trajectory("water.h5md")[-1].positions.tobytes() == whole.tobytes()
    assert main(["verify", "water.toml"]) == 0, capsys.readouterr()


@pytest.mark.parametrize(
    "old, new, match",
    [
        ("bond = 2\nk", "k", "give either the type of the bonds or the two species"),
        ("bond = 2", 'bond = 2\nspecies = ["O", "H"]', "give either"),
        ('species = ["O", "H"]', 'species = ["O", "X"]', "no species 'X'"),
        ("exclude_bonded = 2", "exclude_bonded = 5", "exclude_bonded"),
        ('species = ["O", "H"]', "bond = 3", "no parameters for bonds of type 1"),
    ],
)
def test_wrong_inputs(folder, capsys, old, new, match):
    (folder / "water.toml").write_text(INPUT.replace(old, new, 1))
    assert main(["run", "water.toml"]) != 0
    assert match in capsys.readouterr().err.replace("\n", " ")


def test_a_structure_without_bonds_is_refused(folder, capsys):
    (folder / "water.data").write_text(DATA[: DATA.index("Bonds\n\n")])
    head = INPUT[: INPUT.index("[[potential]]")]
    for wrong, text in (('type = "bonds"', INPUT), ("exclude_bonded = 2", head + OF_PAIRS)):
        (folder / "water.toml").write_text(text)
        assert main(["run", "water.toml"]) != 0
        assert f"{wrong}: the structure has no bonds" in " ".join(capsys.readouterr().err.split())


def test_snapshots_and_trajectories_have_bonds_and_dumps_have_not(folder, capsys):
    system = System.read("water.data")
    sim = Simulation(system, Bonds({1: {"k": 1.0, "r0": 1.0}, 2: {"k": 1.0, "r0": 1.0}}))
    assert sim.snapshot().to_system().bonds.tolist() == system.bonds.tolist()
    assert main(["run", "water.toml", "--set", "stage.0.steps=20", "--set", "stage.0.dump_every=20"]) == 0
    assert main(["rerun", "water.toml", "water.h5md", "--output", "again.h5md"]) == 0
    with Trajectory("water.h5md") as run, Trajectory("again.h5md") as again:
        assert again.thermo()["potential"].tolist() == run.thermo()["potential"].tolist()
        assert again.bonds.tolist() == run.bonds.tolist() == system.replicate((1, 2, 1)).bonds.tolist()
    assert main(["convert", "water.h5md", "after.data"]) == 0
    assert len(System.read("after.data").bonds) == 8
    assert main(["rerun", "water.toml", "water.extxyz", "--output", "other.csv"]) == 2
    assert "these structures have no bonds: for runs, and trajectories" in " ".join(capsys.readouterr().err.split())


def test_bonds_that_nothing_reads_are_told(folder, capsys):
    text = INPUT[: INPUT.index("[[potential]]")] + OF_PAIRS
    (folder / "water.toml").write_text(text.replace("exclude_bonded = 2\n", ""))
    main(["check", "water.toml"])
    assert "bonds, which no potential reads" in " ".join("".join(capsys.readouterr()).split())
