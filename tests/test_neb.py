"""Nudged elastic bands: the barriers of ASE, a known saddle, the same bits on any ranks, ends that don't fit."""

import json
from pathlib import Path

import numpy as np
import pytest

from mdcore import Box, InputError, LennardJones, PythonPotential, SimulationError, System, evaluate, neb, relax
from mdcore.cli import main
from mdcore.cli.neb import dips
from mdcore.dynamics.motion.lbfgs import LBFGS
from mdcore.properties.neb import shortest
from mdcore.structure import extxyz
from tests.mpi import mpirun, needs_mpi
from tests.test_minimise import INPUT

LJ = {"cutoff": 6.0, "epsilon": 0.01034, "sigma": 3.4, "truncation": "force-shifted"}
ARGON = LennardJones(**LJ)


def ends(n=2, a=5.3):
    """A vacancy of an fcc crystal, before and after a neighbour hops into it."""
    crystal = System.build("fcc", a, "Ar", repeat=(n, n, n))
    gone, hops = 0, int(np.argmin(np.linalg.norm(crystal.positions - [0.5 * a, 0.5 * a, 0.0], axis=1)))
    after = crystal.positions.copy()
    after[hops] = crystal.positions[gone]
    keep = np.arange(crystal.n_atoms) != gone
    return [System(crystal.box, x[keep], "Ar") for x in (crystal.positions, after)]


@pytest.fixture(scope="module")
def hop():
    return neb(ARGON, *ends(), images=5, max_force=5e-4, relax_ends=True)


def test_vacancy_hop_is_ases(hop):
    pytest.importorskip("ase")
    from ase.mep import NEB
    from ase.optimize import FIRE

    from mdcore.ase import MDCore

    images = [hop.systems[0].to_ase() for _ in range(6)] + [hop.systems[-1].to_ase()]
    for image in images:
        image.calc = MDCore(ARGON)
    band = NEB(images, k=0.1, climb=True, method="improvedtangent")
    band.interpolate(mic=True)
    FIRE(band, logfile=None).run(fmax=5e-4, steps=500)
    energies = [image.get_potential_energy() for image in images]
    assert hop.converged and hop.climbed and hop.saddle == 3
    assert hop.barrier == pytest.approx(max(energies) - energies[0], rel=1e-3)
    assert hop.energies == pytest.approx(energies, abs=2e-4) and hop.barrier > 0.05


def test_the_path(hop):
    """Symmetric; forces of the images are those of the potential; the curve has its energies and slopes."""
    assert hop.energies == pytest.approx(hop.energies[::-1], abs=1e-4)
    assert hop.backward == pytest.approx(hop.barrier, abs=1e-5)
    found = evaluate(ARGON, hop.systems[2])
    assert found.energy == hop.energies[2] and np.array_equal(found.forces, hop.forces[2])
    assert hop.largest_forces.max() <= 5e-4
    s, h = hop.coordinates, 1e-5
    assert hop.energy_at(s) == pytest.approx(hop.energies, abs=1e-12)
    slopes = (hop.energy_at(s[1:-1] + h) - hop.energy_at(s[1:-1] - h)) / (2.0 * h)
    assert slopes == pytest.approx(hop.slopes[1:-1], abs=1e-5) and abs(hop.slopes[3]) < 5e-4


def valley(positions):
    """x^4 - 2 x^2 along a bent valley: minima at (-1, 1), (1, 1), the saddle at (0, 0), 1 higher; z is a spring."""
    x, y, z = positions[0] - 5.0
    d = y - x * x
    forces = np.zeros((2, 3))
    forces[0] = -(4.0 * x**3 - 4.0 * x - 8.0 * d * x), -4.0 * d, -z
    return x**4 - 2.0 * x * x + 2.0 * d * d + 0.5 * z * z, forces


def plane(x, y):
    return System(Box(np.eye(3) * 10.0, (False,) * 3), [[x + 5.0, y + 5.0, 5.0], [1.0, 1.0, 1.0]], "Ar")


@pytest.mark.parametrize("images", [5, 6])
def test_a_saddle_that_is_known(images):
    found = neb(PythonPotential(valley), plane(-1.0, 1.0), plane(1.0, 1.0), images=images, max_force=1e-3)
    assert found.converged and found.climbed and found.barrier == pytest.approx(1.0, abs=1e-6)
    assert found.systems[found.saddle].positions[0] == pytest.approx([5.0, 5.0, 5.0], abs=1e-3)
    if images == 6:
        low = neb(PythonPotential(valley), plane(-1.0, 1.0), plane(1.0, 1.0), images=6, max_force=1e-3, climb=False)
        assert low.converged and not low.climbed and 0.8 < low.barrier < 0.99
        assert low.energy_at(np.linspace(0.0, low.coordinates[-1], 999)).max() == pytest.approx(0.0, abs=0.01)


def test_a_valley_on_the_way():
    """cos: from one minimum over the next to a third."""

    def waves(positions):
        forces = np.zeros((2, 3))
        forces[0, 0] = np.sin(positions[0, 0] - 5.0)
        return np.cos(positions[0, 0] - 5.0), forces

    for images, bottoms in ((7, [[4]]), (8, [[4], [5]])):  # of 8 two lie at one height
        start, end = plane(-np.pi, 0.0), plane(3.0 * np.pi, 0.0)
        found = neb(PythonPotential(waves), start, end, images=images, max_force=1e-3)
        assert found.converged and found.barrier == pytest.approx(2.0, abs=1e-5) and dips(found) in bottoms


def test_a_path_without_barrier():
    found = neb(PythonPotential(valley), plane(-0.2, 0.04), plane(1.0, 1.0), images=3, max_force=1e-3)
    assert found.converged and not found.climbed and found.saddle == 0 and found.barrier == 0.0


def test_what_is_fixed_stays():
    start, end = ends()
    fixed = np.zeros((start.n_atoms, 3), dtype=bool)
    fixed[20:] = True
    start.fixed = fixed
    found = neb(ARGON, start, end, images=1, max_force=0.002)
    for system in found.systems:
        assert np.array_equal(system.positions[20:], start.positions[20:])
    assert found.converged and not np.array_equal(found.systems[1].positions[:20], found.systems[0].positions[:20])
    end.positions[25] += 0.5
    with pytest.raises(InputError, match=r"atom 25 .* is held"):
        neb(ARGON, start, end)


def test_the_shortest_way_in_a_skewed_cell():
    rng = np.random.default_rng(1)
    box = Box([[4.0, 0.0, 0.0], [1.9, 4.0, 0.0], [-1.8, 1.9, 4.0]], (True, True, False))
    way = rng.uniform(-1.2, 1.2, (50, 3))
    n = rng.integers(-3, 4, (50, 3)) * [1, 1, 0]
    assert shortest(box, way + n @ box.matrix) == pytest.approx(way, abs=1e-12)


def test_ends_that_do_not_fit():
    start, end = ends()
    with pytest.raises(InputError, match="same structure"):
        neb(ARGON, start, start)
    with pytest.raises(InputError, match="atoms, the end"):
        neb(ARGON, start, System(end.box, end.positions[1:], "Ar"))
    with pytest.raises(InputError, match=r"atom 2 .* Ar at the start and Ne"):
        neb(ARGON, start, System(end.box, end.positions, ["Ar"] * 2 + ["Ne"] + ["Ar"] * (end.n_atoms - 3)))
    with pytest.raises(InputError, match="cells differ"):
        neb(ARGON, start, System(Box(end.box.matrix * 1.01), end.positions, "Ar"))
    with pytest.raises(InputError, match="images"):
        neb(ARGON, start, end, images=0)
    end.positions[[3, 4]] = end.positions[[4, 3]]
    for images in (3, 4):  # of which one meets them at the same place, one close together
        with pytest.raises((InputError, SimulationError), match=r"image 2 .* same order"):
            neb(ARGON, start, end, images=images)


@pytest.fixture
def files(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("lj.toml").write_text(INPUT.replace("METHOD", "fire"))
    for name, system in zip(("a.xyz", "b.xyz"), ends(), strict=True):
        with open(name, "w") as stream:
            extxyz.write_frame(stream, relax(ARGON, system, LBFGS(0.002)).system)
    return "a.xyz", "b.xyz", "--potential", "lj.toml", "--images", "3", "--max-force", "0.003"


def test_the_command(files, capsys):
    pytest.importorskip("matplotlib")
    assert main(["neb", *files, "--plot", "hop.png"]) == 0
    out = capsys.readouterr().out
    assert "barrier forward" in out and "saddle" in out and Path("hop.png").stat().st_size > 1000
    told = json.loads(Path("a.neb.json").read_text())
    assert told["converged"] and told["saddle"] == 2 and len(told["energies"]) == 5
    frame = extxyz.read("a.neb.xyz", 2)
    assert frame.energy == told["energies"][2] and frame.forces is not None
    assert main(["neb", *files]) == 4 and "exists" in capsys.readouterr().err
    assert main(["neb", *files, "--path", "b.xyz", "--overwrite"]) == 2 and "is what is read" in capsys.readouterr().err
    assert main(["neb", *files, "--steps", "1", "--overwrite"]) == 1 and "not converged" in capsys.readouterr().err


@pytest.mark.mpi
@needs_mpi[1]
def test_the_same_bits_on_any_ranks(files):
    told = []
    for ranks in (1, 2):
        arguments = "neb", *files, "--relax-ends", "--output", f"{ranks}.json", "--overwrite"
        assert main(arguments) == 0 if ranks == 1 else mpirun(ranks, "-m", "mdcore", *arguments)
        told.append((Path(f"{ranks}.json").read_text(), Path("a.neb.xyz").read_text()))
    assert told[0] == told[1]
    wrong = mpirun(2, "-m", "mdcore", "neb", "a.xyz", "a.xyz", *files[2:], "--overwrite", check=False)
    assert wrong.returncode == 2 and wrong.stderr.count("same structure") == 1
