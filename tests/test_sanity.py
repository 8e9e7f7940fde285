"""Are lengths that can't be Angstrom refused before the first force, and odd but possible ones left alone?"""

import numpy as np
import pytest

import mdcore
from mdcore import ZBL, Box, LennardJones, Simulation, System, VelocityVerlet
from mdcore.base.errors import InputError, SimulationError
from mdcore.cli import main
from mdcore.engine import sanity
from mdcore.potentials.networks.hdnnp import HDNNPotential
from mdcore.training.data import dataset
from mdcore.training.data.labelled import Labelled
from tests.mpi import mpirun, needs_mpi
from tests.reference.hdnnp_models import random_model

LJ = {"cutoff": 8.5, "epsilon": 0.0103, "sigma": 3.4}
WATER = np.array([[0.0, 0, 0], [0.96, 0, 0], [-0.24, 0.93, 0]])


def argon(repeat=4, a=5.26):
    return System.build("fcc", a, "Ar", (repeat,) * 3)


def shrunk(system, factor):
    return System(Box(system.box.matrix * factor, system.box.periodic), system.positions * factor, system.names)


@pytest.mark.parametrize("repeat", [1, 4, 14])
@pytest.mark.parametrize("name", ["evaluate", "run"])
def test_lengths_in_nm(repeat, name):
    system, lj = shrunk(argon(repeat), 0.1), LennardJones(**LJ)
    with pytest.raises(InputError, match=r"atoms? 0 \(Ar.* 0\.372 Angstrom apart, .* are lengths in nm\?"):
        mdcore.evaluate(lj, system) if name == "evaluate" else Simulation(system, lj, VelocityVerlet(1.0))


@pytest.mark.parametrize("symbol", ["H", "He", "C", "Na", "Si", "Ar", "Fe", "Mo", "Xe", "Cs", "W", "Au", "U"])
def test_crystals_and_molecules_of_any_element(symbol):
    """At half its bond no element is refused, at a tenth each is, as a crystal, a pair, or in a run beside networks."""
    bond = 2.0 * sanity.radius(symbol)
    for factor, refused in ((0.5, False), (0.1, True)):
        crystal = System.build("fcc", factor * bond * np.sqrt(2.0), symbol, (3, 3, 3))
        pair = System(Box.cubic(30.0, False), [[0, 0, 0], [factor * bond, 0, 0]], symbol)
        for system in (crystal, pair):
            if refused:
                with pytest.raises(InputError, match="are lengths in nm"):
                    sanity.refuse(system.box, system.positions, system.species, system.symbols)
            else:
                sanity.refuse(system.box, system.positions, system.species, system.symbols)


def test_molecules_in_nm():
    for positions in (0.1 * WATER, 0.1 * WATER + 5.0):
        system = System(Box.cubic(20.0), positions, ["O", "H", "H"])
        with pytest.raises(InputError, match="are lengths in nm"):
            mdcore.evaluate(HDNNPotential(random_model(types=[2])), system)


def test_fractional_coordinates():
    system = argon()
    wrong = System(system.box, system.box.fractional(system.positions) * 0.98, "Ar")
    with pytest.raises(InputError, match=r"fractional coordinates|in nm"):
        mdcore.evaluate(LennardJones(**LJ), wrong)


@pytest.mark.parametrize("off", [0.0, 1e-4, -1e-4])
@pytest.mark.parametrize("axis", [0, 1, 2])
def test_an_atom_given_twice_through_the_boundary(off, axis):
    """As programs write that repeat x = 0 at x = L."""
    system = argon()
    again = system.positions[7] + system.box.matrix[axis] + off
    twice = System(system.box, np.vstack([system.positions, again]), "Ar")
    for potential in (LennardJones(**LJ), LennardJones(8.5, 0.0, 3.4), ZBL(1.0, 2.0)):
        with pytest.raises(InputError, match=r"atoms 7 \(Ar\) and 256 \(Ar\), .* at the same place: remove one"):
            mdcore.evaluate(potential, twice)
        with pytest.raises(InputError, match="at the same place"):
            Simulation(twice, potential, VelocityVerlet(1.0))


def test_a_cell_that_is_too_small():
    system = System(Box.orthorhombic(0.4, 9, 9), [[0.0, 0, 0]], "Ar")
    with pytest.raises(InputError, match=r"atom 0 \(Ar, counting from 0\) and its own image are 0.4 Angstrom"):
        mdcore.evaluate(LennardJones(**LJ), system)


def test_networks_know_nothing_of_a_single_pair_that_is_too_close():
    box, rng = Box.cubic(12.0), np.random.default_rng(2)
    grid = np.array([[i, j, k] for i in range(3) for j in range(3) for k in range(3)]) * 4.0 + rng.random((27, 3))
    grid[5] = grid[11] + (0.05, 0.05, 0.0)
    names = ["H", "O"] * 13 + ["H"]
    network = HDNNPotential(random_model(types=[2]))
    with pytest.raises(InputError, match=r"atoms 5 \(O\) and 11 \(O\), .* 0\.0707 Angstrom apart, closer than"):
        mdcore.evaluate(network, System(box, grid, names))
    mdcore.evaluate(mdcore.Sum(network, ZBL(0.5, 1.0, numbers={})), System(box, WATER * 3, ["O", "H", "H"]))


def test_what_is_odd_but_possible():
    rng = np.random.default_rng(1)
    ideal = System(Box.cubic(37.0), rng.random((1000, 3)) * 37.0, "Ar")  # thrown in: pairs 0.3 Angstrom apart
    mdcore.evaluate(LennardJones(8.5, 0.0, 3.4), ideal)
    mdcore.evaluate(ZBL(1.0, 2.0), System(Box.cubic(30.0, False), [[0, 0, 0], [0.15, 0, 0]], "H"))
    dense = System.build("fcc", 2.2, "Ar", (4, 4, 4))  # 25 g/cm3
    mdcore.evaluate(LennardJones(4.0, 0.0103, 1.6), dense)
    gas = System(Box.cubic(1000.0), rng.random((50, 3)) * 1000.0, "Ar")
    mdcore.evaluate(LennardJones(**LJ), gas)
    reduced = System(Box.cubic(5.0), rng.random((30, 3)) * 5.0, "A", units="lj")
    mdcore.evaluate(LennardJones(2.5, 1e-9, 0.1), reduced)


def test_structures_of_a_training():
    good = Labelled(symbols=("O", "H", "H"), positions=WATER, energy=0.0)
    dataset.check_distances([good, good])
    bad = Labelled(symbols=("O", "H", "H"), positions=0.1 * WATER, energy=0.0, file="x.xyz", index=3)
    with pytest.raises(InputError, match=r"x.xyz: structure 3: atoms 0 \(O\) and 1 \(H\).* are lengths in nm"):
        dataset.check_distances([good, bad])


INPUT = """
[structure]
build = "fcc"
species = "Ar"
lattice_constant = {a}
replicate = [4, 4, 4]

[potential]
type = "lj"
cutoff = 8.5
species.Ar = {{ epsilon = 0.0103, sigma = 3.4 }}

[[stage]]
ensemble = "nve"
timestep = 2.0
steps = 1
"""


def test_check_tells_distance_and_density(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for a, told in (
        (5.26, ["closest     Ar-Ar 3.719 Angstrom", "density     1.82325 g/cm3"]),
        (1.9, ["warning     Ar and Ar are 1.34 Angstrom", "warning     the density is 38.69 g/cm3"]),
    ):
        (tmp_path / "a.toml").write_text(INPUT.format(a=a))
        assert main(["check", "a.toml"]) == 0
        out = capsys.readouterr().out
        assert all(text in out for text in told)
    (tmp_path / "a.toml").write_text(INPUT.format(a=0.526))
    for command in ("check", "run"):
        assert main([command, "a.toml"]) == 2
        error = capsys.readouterr().err
        assert 'a.toml: [structure] build = "fcc": atom' in error and "are lengths in nm" in error


@pytest.mark.parametrize("command", ["check", "run"])
def test_units_of_cutoff_and_timestep_are_doubted(tmp_path, monkeypatch, capsys, command):
    """A cutoff in nm lets nobody interact, a timestep in ps moves nobody: the run would go on, and mean nothing."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.toml").write_text(INPUT.format(a=5.26))
    for setting, told in (
        ("potential.0.cutoff=0.85", "within the cutoff of 0.85 Angstrom, the closest are 3.719 apart"),
        ("stage.0.timestep=0.002", "no timestep is longer than 0.002 fs"),
    ):
        for given, doubted in ((["--set", setting], True), ([], False)):
            assert main([command, "a.toml", *given, *(["--overwrite"] if command == "run" else [])]) == 0
            text = " ".join("".join(capsys.readouterr()).split())
            assert (told in text) == doubted


def test_counts_are_weighed_before_memory_is_taken(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.toml").write_text(INPUT.format(a=5.26))
    for repeat in ("[400, 400, 4000]", "[100000, 100000, 1]", "[1000000, 1000000, 1000000]"):
        for command in ("check", "run"):
            assert main([command, "a.toml", "--set", f"structure.replicate={repeat}"]) == 2
            error = capsys.readouterr().err
            assert error.count("replicate = ") == 1 and "atoms" in error


@pytest.mark.parametrize("n", [pytest.param(2, marks=needs_mpi), pytest.param(4, marks=needs_mpi)])
def test_all_ranks_refuse_together(tmp_path, monkeypatch, n):
    (tmp_path / "a.toml").write_text(INPUT.format(a=0.526))
    monkeypatch.chdir(tmp_path)
    done = mpirun(n, "-m", "mdcore", "run", "a.toml", check=False)
    assert done.returncode == 2
    assert done.stderr.count("are lengths in nm") == 1
    assert "Traceback" not in done.stderr


def test_a_cluster_denser_than_memory():
    rng = np.random.default_rng(1)
    with pytest.raises(InputError):
        mdcore.evaluate(LennardJones(**LJ), System(Box.cubic(300.0), rng.random((20_000, 3)), "Ar"))


def test_the_closest_distance_by_brute_force():
    rng = np.random.default_rng(4)
    system = System(Box([[8, 0, 0], [3, 9, 0], [-2, 1, 7.0]]), rng.random((40, 3)) * 8.0, ["C", "H"] * 20)
    found = sanity.closest(system.box, system.positions, system.species, system.symbols)
    shifts = np.array([[i, j, k] for i in (-1, 0, 1) for j in (-1, 0, 1) for k in (-1, 0, 1)]) @ system.box.matrix
    x = system.positions
    away = np.linalg.norm(x[:, None, None] - x[None, :, None] + shifts, axis=3).min(axis=2)
    away[np.arange(40), np.arange(40)] = np.inf
    for (a, b), r in found.items():
        pair = np.ix_(np.array(system.names) == a, np.array(system.names) == b)
        assert r == pytest.approx(away[pair].min(), abs=1e-9)
    assert set(found) == {("C", "C"), ("C", "H"), ("H", "H")}


def test_radii():
    assert sanity.radius("O") == 0.66 and sanity.radius("Ow") == sanity.radius("H")
    assert np.allclose(sanity.limits(("O", "H")), 0.15 * np.array([[1.32, 0.97], [0.97, 0.62]]))


def test_a_run_tells_distance_and_density(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.toml").write_text(INPUT.format(a=5.26))
    assert main(["run", "a.toml"]) == 0
    told = capsys.readouterr()
    assert "closest    Ar-Ar 3.719 Angstrom" in told.out and "density    1.82325 g/cm3" in told.out
    assert "warning" not in told.err


@pytest.mark.parametrize(("cutoff", "told"), [
    (20.0, "no nearer than bonds are, and 2,898 are within its cutoff of 20 Angstrom: take a shorter one"),
    (4.0, "no nearer than bonds are: check the parameters of the potential, and their units"),
])  # fmt: skip
def test_atoms_that_do_not_overlap_are_not_said_to(cutoff, told):
    """Thousands of neighbours, or a potential that is far too strong, are no overlap."""
    copper = System.build("fcc", lattice_constant=3.615, species="Cu", repeat=(4, 4, 4))
    strong = LennardJones(cutoff=cutoff, epsilon=0.4, sigma=9.0)
    for calculate in (lambda: Simulation(copper, strong), lambda: mdcore.evaluate(strong, copper)):
        with pytest.raises(SimulationError) as error:
            calculate()
        assert told in str(error.value) and "overlap" not in str(error.value)
