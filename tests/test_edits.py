"""Are alloys, vacancies, slabs, displacements and packed molecules what they say, from Python and in inputs?"""

from pathlib import Path

import numpy as np
import pytest

from mdcore import Box, InputError, LennardJones, System, evaluate, maxwell_boltzmann
from mdcore.cli import main
from mdcore.cli.assemble import make_system
from mdcore.config import load
from mdcore.structure.packing import rotation
from tests.mpi import mpirun, needs_mpi

COPPER = System.build("fcc", 3.6, "Cu", (4, 4, 4))
WATER = System(Box.cubic(8.0, False), [[0, 0, 0], [0.76, 0.59, 0], [-0.76, 0.59, 0]], ["O", "H", "H"])
LJ = LennardJones(5.0, epsilon=0.4, sigma=2.3)


def shortest(system) -> np.ndarray:
    """Distances between all pairs of atoms, nearest images, [n, n]; the diagonal is infinite."""
    steps = system.box.fractional(system.positions)[:, None] - system.box.fractional(system.positions)[None]
    steps -= np.where(system.box.periodic, np.round(steps), 0.0)
    images = np.array(np.meshgrid(*[(-1, 0, 1) if flag else (0,) for flag in system.box.periodic])).reshape(3, -1).T
    r = np.sqrt((((steps[:, :, None] + images) @ system.box.matrix) ** 2).sum(axis=3).min(axis=2))
    np.fill_diagonal(r, np.inf)
    return r


def test_alloy():
    alloy = COPPER.substitute("Cu", "Ni", 0.25, seed=3)
    assert np.bincount(alloy.species).tolist() == [192, 64] and alloy.n_atoms == 256
    nickel = np.array(alloy.names) == "Ni"
    assert np.allclose(alloy.masses[nickel], 58.6934) and np.allclose(alloy.masses[~nickel], 63.546)
    assert alloy.names == COPPER.substitute("Cu", "Ni", 0.25, seed=3).names
    assert alloy.names != COPPER.substitute("Cu", "Ni", 0.25, seed=4).names
    assert np.array_equal(alloy.positions, COPPER.positions)
    assert 0.1 < nickel[:128].mean() < 0.4  # all over the crystal
    assert COPPER.substitute("Cu", "X", 0.5, masses={"X": 7.0}).masses.min() == 7.0
    for share in (0.0, 1.5, 0.001):
        with pytest.raises(InputError, match="fraction"):
            COPPER.substitute("Cu", "Ni", share)
    with pytest.raises(InputError, match="no atom is 'Fe'; there are Cu"):
        COPPER.substitute("Fe", "Ni", 0.5)
    with pytest.raises(InputError, match="has no mass"):
        COPPER.substitute("Cu", "X", 0.5)


def test_vacancies_keep_what_is_known_of_atoms():
    copper = COPPER.replicate((1, 1, 1))
    maxwell_boltzmann(copper, 300.0, seed=1)
    copper.columns["site"] = np.arange(256)
    less = copper.vacancies({"Cu": 6}, seed=2)
    site = less.columns["site"]
    assert less.n_atoms == 250 and len(set(site.tolist())) == 250
    assert np.array_equal(less.positions, copper.positions[site])
    assert np.array_equal(less.velocities, copper.velocities[site])
    for count in (257, -1, 1.5, 256):
        with pytest.raises(InputError, match="vacancies"):
            copper.vacancies({"Cu": count})


def test_displacements():
    moved = COPPER.displace(0.1, seed=5)
    step = moved.positions - COPPER.positions
    assert np.std(step) == pytest.approx(0.1, rel=0.05) and abs(step.mean()) < 0.01
    assert np.array_equal(COPPER.displace(0.0).positions, COPPER.positions)
    assert not np.array_equal(step, COPPER.displace(0.1, seed=6).positions - COPPER.positions)


@pytest.mark.parametrize("box", [COPPER.box, Box([[14.4, 0, 0], [3.0, 14.4, 0], [2.0, -3.0, 14.4]])])
def test_a_slab_is_whole_and_has_its_vacuum(box):
    crystal = System(box, box.cartesian(COPPER.box.fractional(COPPER.positions)) + np.array([0.3, 0.2, 30.0]), "Cu")
    slab = crystal.add_vacuum([0, 0, 12.0])
    assert slab.box.widths[2] == pytest.approx(box.widths[2] + 12.0)
    assert np.allclose(slab.box.matrix[:2], box.matrix[:2])
    height = np.sort(slab.box.fractional(slab.positions)[:, 2]) * slab.box.widths[2]
    assert height[0] > 6.0 - 1e-9 and height[-1] < slab.box.widths[2] - 6.0 + 1e-9
    inside = np.sort(shortest(crystal)[0])[:3]
    assert np.sort(shortest(slab), axis=1)[:, 0].min() == pytest.approx(inside[0])


@pytest.mark.parametrize(
    "rows", [[[1, -1, 0], [1, 1, -2], [1, 1, 1]], [[1, 1, 0], [-1, 1, 0], [0, 0, 1]], [[2, 1, 0], [0, 1, 1], [1, 0, 3]]]
)
@pytest.mark.parametrize("kind", ["fcc", "diamond", "hcp"])
def test_an_oriented_crystal_is_the_same_crystal(kind, rows):
    cell = System.build(kind, 3.6, "Cu")
    turned = cell.orient(rows)
    copies = round(np.linalg.det(rows))
    assert turned.n_atoms == copies * cell.n_atoms and turned.density == pytest.approx(cell.density)
    one, other = evaluate(LJ, cell), evaluate(LJ, turned)
    assert other.energy == pytest.approx(copies * one.energy, rel=1e-9)
    assert other.pressure == pytest.approx(one.pressure, rel=1e-6)
    assert turned.box.matrix[0, 1] == turned.box.matrix[0, 2] == turned.box.matrix[1, 2] == 0.0
    vectors = rows @ cell.box.matrix
    assert np.allclose(turned.box.matrix @ turned.box.matrix.T, vectors @ vectors.T)


def test_orientations_there_are_not():
    for rows, says in (
        ([[1, 0, 0], [0, 1, 0], [1, 1, 0]], "not in one plane"),
        ([[0, 1, 0], [1, 0, 0], [0, 0, 1]], "right-handed"),
        ([[1, 0], [0, 1]], "three rows"),
        ([[1.5, 0, 0], [0, 1, 0], [0, 0, 1]], "three rows of three integers"),
    ):
        with pytest.raises(InputError, match=says):
            COPPER.orient(rows)


@pytest.mark.parametrize("periodic", [True, (True, True, False)])
@pytest.mark.parametrize("matrix", [np.eye(3) * 14.0, [[14, 0, 0], [5, 13, 0], [-4, 3, 12]]])
def test_packed_molecules(matrix, periodic):
    box = Box(matrix, periodic)
    system = System.pack(box, [(WATER, 30)], 1.9, seed=7)
    assert len(system.names) == 90 and system.names[-3:] == WATER.names
    r = shortest(system)
    molecule = np.arange(90) // 3
    apart = r[molecule[:, None] != molecule[None]]
    assert apart.min() >= 1.9 and apart.min() < 2.3
    for k in range(30):  # each has its shape
        own = system.positions[3 * k : 3 * k + 3]
        assert np.allclose(np.linalg.norm(own[1:] - own[0], axis=1), np.linalg.norm(WATER.positions[1], axis=0))
    scaled = box.fractional(system.positions)
    assert (scaled[:, ~np.array(box.periodic)] > 0.0).all() and (scaled[:, ~np.array(box.periodic)] < 1.0).all()
    assert np.array_equal(System.pack(box, [(WATER, 30)], 1.9, seed=7).positions, system.positions)


def test_molecules_around_what_is_there():
    slab = System.build("fcc", 3.6, "Cu", (4, 4, 2)).add_vacuum([0, 0, 16.0])
    wet = slab.insert(WATER, 20, 2.2, seed=1)
    assert wet.names == [*slab.names, *WATER.names * 20] and np.array_equal(wet.positions[:128], slab.positions)
    assert shortest(wet)[128:, :128].min() >= 2.2
    slab.columns["site"] = np.arange(128)
    with pytest.raises(InputError, match="site: columns of the one"):
        slab.insert(WATER, 1, 2.2)


def test_bonds_go_along():
    molecule = WATER.take([0, 1, 2])
    molecule.bonds, molecule.charges = [[0, 1, 1], [0, 2, 2]], [-0.8, 0.4, 0.4]
    cell = System.pack(Box.cubic(14.0), [(molecule, 3)], 2.0).insert(molecule, 1, 2.0, seed=9)
    assert cell.bonds.tolist() == [row for k in range(0, 12, 3) for row in ([k, k + 1, 1], [k, k + 2, 2])]
    assert cell.charges.tolist() == [-0.8, 0.4, 0.4] * 4
    assert cell.take([3, 5, 4, 1]).bonds.tolist() == [[0, 1, 2], [0, 2, 1]]
    assert cell.displace(0.01).substitute("O", "S", 0.5).bonds.tolist() == cell.bonds.tolist()
    with pytest.raises(InputError, match="without bonds"):
        cell.orient(np.eye(3, dtype=int))
    across = System(Box.cubic(10.0), [[0, 0, 0.2], [0, 0, 9.9]], "H")
    across.bonds = [[0, 1]]
    assert len(across.add_vacuum([5, 0, 0]).bonds) == 1
    with pytest.raises(InputError, match="bonds cross the face"):
        across.add_vacuum([0, 0, 5])


def test_no_room():
    with pytest.raises(InputError, match=r"room for \d+ of 500 molecules, 2.5 apart, was found.*larger cell"):
        System.pack(Box.cubic(12.0), [(WATER, 500)], 2.5)
    with pytest.raises(InputError, match="has no room in a cell 3 wide"):
        System.pack(Box.cubic(3.0), [(WATER, 1)], 2.0)
    for count in (0, True, 1.5):
        with pytest.raises(InputError, match="count"):
            System.pack(Box.cubic(12.0), [(WATER, count)], 2.0)


def test_turns_are_all_alike():
    rng = np.random.default_rng(1)
    turns = np.array([rotation(rng) for _ in range(4000)])
    assert np.allclose(turns @ turns.transpose(0, 2, 1), np.eye(3)) and np.allclose(np.linalg.det(turns), 1.0)
    assert abs(turns.mean(axis=0)).max() < 0.04
    assert np.trace(turns, axis1=1, axis2=2).mean() == pytest.approx(0.0, abs=0.08)  # of the Haar measure


INPUT = """\
seed = 4
[structure]
build = "fcc"
species = "Cu"
lattice_constant = 3.6
orientation = [[1, -1, 0], [1, 1, -2], [1, 1, 1]]
replicate = [2, 1, 1]
vacancies = { Cu = 3 }
displace = 0.02
vacuum = [0.0, 0.0, 12.0]
masses = { Y = 5.0 }
[[structure.substitute]]
species = "Cu"
by = "Y"
fraction = 0.5
[[structure.insert]]
file = "atom.xyz"
count = 4
[potential]
type = "lj"
cutoff = 5.0
[potential.species.Cu]
epsilon = 0.4
sigma = 2.3
[potential.species.Y]
epsilon = 0.4
sigma = 2.3
[potential.species.He]
epsilon = 0.001
sigma = 2.0
[[stage]]
ensemble = "nve"
timestep = 1.0
steps = 2
[output]
dump_every = 1
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("atom.xyz").write_text("1\n\nHe 0 0 0\n")
    Path("a.toml").write_text(INPUT)
    return tmp_path


def test_all_of_it_in_an_input(folder, capsys):
    assert main(["check", "a.toml"]) == 0
    system = make_system(load("a.toml"))
    names = np.array(system.names)
    assert system.n_atoms == 48 - 3 + 4 and (names == "Y").sum() == 24 and (names == "Cu").sum() == 21
    assert system.masses[names == "Y"].tolist() == [5.0] * 24
    assert system.box.widths[2] == pytest.approx(3.6 * np.sqrt(3.0) + 12.0)
    empty = INPUT[INPUT.index("[[structure.insert]]") :]
    Path("b.toml").write_text("[structure]\ncell = [9, 9, 9]\n" + empty)
    assert make_system(load("b.toml")).names == ["He"] * 4


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("Cu = 3", "Cu = 300", "[structure] vacancies: 300 of Cu vacancies"),
        ("Cu = 3", "Ni = 3", "no atom is 'Ni'"),
        ('by = "Y"', 'by = "Q"', "species 'Q' is not a chemical element and has no mass"),
        ("count = 4", "count = 4000", "was found, none for one more"),
        ('file = "atom.xyz"', 'file = "atm.xyz"', "did you mean"),
        ("[1, 1, 1]]", "[1, 1, -2]]", "not in one plane"),
        ('build = "fcc"', 'build = "fcc"\ncell = [9, 9, 9]', "choose one"),
        ("fraction = 0.5", "fraction = 1.5", "fraction"),
    ],
)
def test_inputs_that_are_wrong(folder, capsys, old, new, says):
    Path("a.toml").write_text(INPUT.replace(old, new))
    assert main(["check", "a.toml"]) == 2
    assert says in capsys.readouterr().err


def test_an_empty_cell_alone(folder, capsys):
    Path("a.toml").write_text("[structure]\ncell = [9, 9, 9]\n" + INPUT[INPUT.index("[potential]") :])
    assert main(["check", "a.toml"]) == 2
    assert "put molecules into it" in capsys.readouterr().err
    insert = INPUT[INPUT.index("[[structure.insert]]") :]
    for wrong in ("replicate = [2, 2, 2]", "displace = 0.1", "vacancies = { He = 1 }", "vacuum = [0, 0, 5]"):
        Path("a.toml").write_text(f"[structure]\ncell = [9, 9, 9]\n{wrong}\n{insert}")
        assert main(["check", "a.toml"]) == 2
        assert "an empty cell has no atoms yet" in capsys.readouterr().err


class TestOnSeveralRanks:
    pytestmark = needs_mpi

    def test_same_bits(self, folder):
        main(["run", "a.toml", "--quiet", "--set", "output.name=one"])
        mpirun(2, "-m", "mdcore", "run", "a.toml", "--quiet", "--set", "output.name=two")
        assert Path("one.extxyz").read_bytes() == Path("two.extxyz").read_bytes()
