"""The embedded-atom method against its formulas, LAMMPS's numbers and damaged files; gradients: test_contract.py."""

import itertools

import numpy as np
import pytest

from mdcore import (
    EAM,
    ExtxyzDump,
    InputError,
    LennardJones,
    Simulation,
    SimulationError,
    Sum,
    System,
    VelocityVerlet,
    evaluate,
)
from mdcore.__main__ import main
from mdcore.potentials.manybody.eam import polynomials, read_eam
from mdcore.structure.atoms import Column
from mdcore.structure.velocities import maxwell_boltzmann
from tests import eam_files
from tests.systems import TRICLINIC, scattered

CELLS = {
    "triclinic": scattered(30, 4.0 * TRICLINIC, seed=2),
    "small": scattered(3, 1.9 * np.eye(3), seed=3),
    "cluster": scattered(12, 3.0 * np.eye(3), (False,) * 3, seed=4),
}


def of(system, symbols=("Al", "Cu")) -> System:
    names = [symbols[k % len(symbols)] for k in range(system.n_atoms)]
    return System(system.box, system.positions, names)


@pytest.mark.parametrize("finnis_sinclair", [False, True])
@pytest.mark.parametrize("cell", CELLS)
def test_equals_its_formulas(cell, finnis_sinclair, level):
    system, tables = of(CELLS[cell]), eam_files.tables(finnis_sinclair=finnis_sinclair)
    reach = np.ceil(2.5 / system.box.widths).astype(int) * np.array(system.box.periodic)
    shifts = np.array(list(itertools.product(*(range(-k, k + 1) for k in reach)))) @ system.box.matrix
    names = [system.symbols[k] for k in system.species]
    want = eam_files.energy(tables, names, system.positions, shifts)
    assert evaluate(EAM(tables), system).energy == pytest.approx(want, abs=2e-4)  # the twin interpolates linearly


@pytest.mark.parametrize(
    ("finnis_sinclair", "energy", "force"),
    [
        (False, -202.09248312922443, [-0.10517791281683495, -0.49788102540646684, -0.13146814014948785]),
        (True, -211.90438540191917, [-0.1698751418040604, -0.5800675440663278, -0.15376885966561218]),
    ],
)
def test_numbers_of_lammps(finnis_sinclair, energy, force, level):
    """pair_style eam/alloy and eam/fs of LAMMPS (22 July 2025) with these tables, and the force on atom 7."""
    tables = eam_files.tables(n_r=500, n_rho=500, finnis_sinclair=finnis_sinclair)
    found = evaluate(EAM(tables), of(scattered(200, 8.0 * np.eye(3), seed=21)))
    assert found.energy == pytest.approx(energy, abs=1e-8)
    np.testing.assert_allclose(found.forces[7], force, atol=1e-9)


def test_one_element_takes_the_shorter_way():
    """Of one species, and of one species among two: the same bits."""
    tables, system = eam_files.tables(), of(CELLS["triclinic"], ("Cu",))
    both = System(system.box, system.positions, np.ones(30, dtype=int), ("Al", "Cu"))
    one, two = evaluate(EAM(tables), system), evaluate(EAM(tables), both)
    assert one.energy == two.energy and np.array_equal(one.forces, two.forces)


def test_polynomials_go_through_the_points():
    values = np.random.default_rng(1).normal(size=(2, 12))
    found = polynomials(values)
    np.testing.assert_array_equal(found[..., 0], values)
    np.testing.assert_allclose(found[:, :-1].sum(axis=-1), values[:, 1:], atol=1e-14)
    slopes = found @ [0.0, 1.0, 2.0, 3.0]
    np.testing.assert_allclose(slopes[:, :-1], found[:, 1:, 1], atol=1e-13)


def test_energy_is_conserved():
    system = System.build("fcc", 1.7, "Al").replicate((3, 3, 3))
    maxwell_boltzmann(system, 300.0, seed=1)
    sim = Simulation(system, EAM(eam_files.tables(("Al",))), VelocityVerlet(1.0), skin=0.3)
    before, kinetic = sim.total_energy, sim.kinetic_energy
    sim.run(1000)
    assert abs(sim.total_energy - before) < 1e-3 * kinetic and sim.neighbors.builds > 1


def test_past_the_last_density_the_slope_stays():
    tables = eam_files.tables(("Al",))
    tables.embedding, tables.drho = tables.embedding[:, :20], tables.drho
    x = [[0.0, 0.0, 0.0], [0.9, 0.0, 0.0]]
    system = System(CELLS["cluster"].box, x, "Al")
    h = 1e-4
    energies = [evaluate(EAM(tables), System(system.box, [x[0], [0.9 + s * h, 0, 0]], "Al")).energy for s in (-1, 1)]
    force = evaluate(EAM(tables), system).forces[1, 0]
    assert -(energies[1] - energies[0]) / (2 * h) == pytest.approx(force, rel=1e-6)


def test_densities_that_sums_cannot_hold_are_told():
    tables, system = eam_files.tables(), of(CELLS["triclinic"])
    tables.density, tables.embedding = 1e6 * tables.density, 0.0 * tables.embedding  # of which no force tells
    with pytest.raises(SimulationError, match=r"the force on atom \d+ .*impossible ones"):
        evaluate(EAM(tables), system)


@pytest.mark.parametrize("finnis_sinclair", [False, True])
def test_files(tmp_path, finnis_sinclair):
    tables = eam_files.tables(n_r=200, n_rho=100, finnis_sinclair=finnis_sinclair)
    path = tmp_path / ("x.eam.fs" if finnis_sinclair else "x.eam.alloy")
    path.write_text(eam_files.setfl(tables, finnis_sinclair))
    found = read_eam(path)
    for name in ("embedding", "density", "z"):
        np.testing.assert_array_equal(getattr(found, name), getattr(tables, name))
    assert (found.elements, found.dr, found.drho, found.cutoff) == (tables.elements, tables.dr, tables.drho, 2.5)


def test_funcfl(tmp_path):
    tables = eam_files.tables(("Cu",), n_r=50, n_rho=60)
    charge = np.sqrt(np.abs(tables.z[0, 0]) / (27.2 * 0.529))
    parts = (tables.embedding[0], charge, tables.density[0, 0])
    text = f"copper\n29 63.5 3.6 fcc\n60 {tables.drho!r} 50 {tables.dr!r} 2.5\n"
    (tmp_path / "Cu.eam").write_text(text + "".join(eam_files._lines(part) for part in parts))
    found = read_eam(tmp_path / "Cu.eam")
    assert found.elements == ("Cu",)
    np.testing.assert_allclose(found.z[0, 0], np.abs(tables.z[0, 0]), atol=1e-15)


GOOD = eam_files.setfl(eam_files.tables(n_r=20, n_rho=10))


@pytest.mark.parametrize(
    ("text", "needle"),
    [
        ("", "too short"),
        (GOOD.replace("2 Al Cu", "3 Al Cu"), "line 4"),
        (GOOD.replace("2 Al Cu", "2 Al Al"), "line 4"),
        (GOOD.replace("\n10 ", "\n1e99 ", 1), "expected n_rho, drho"),
        (GOOD.replace("\n10 ", "\n10.5 ", 1), "expected n_rho, drho"),
        (GOOD.replace("\n10 ", "\n11 ", 1), "expected|ends|numbers"),
        (GOOD[:-200], "120 numbers and words .* say 128"),
        (GOOD + " 1.0", "129 numbers and words .* say 128"),
        (GOOD.replace("\n10 ", "\ninf ", 1), "expected n_rho, drho"),
        (GOOD.replace("\n10 ", "\n1000000 ", 1).replace("2 Al Cu", "900 " + " ".join(f"X{k}" for k in range(900))),
         "128 numbers and words .* say 9"),
        (GOOD.replace("e+00", "x+00", 9).replace("x+00", "e+00", 4), "expected 10 numbers"),
        (GOOD.replace("2.5", "9.5"), "the cutoff is 9.5"),
    ],
)
def test_refuses_what_is_no_file(tmp_path, text, needle):
    path = tmp_path / "x.eam.alloy"
    path.write_text(text)
    with pytest.raises(InputError, match=needle):
        EAM(path)


def test_refuses_other_elements_and_formats(tmp_path):
    with pytest.raises(InputError, match=r"no functions for species Fe; .* has Al, Cu"):
        EAM(eam_files.tables()).bind(("Al", "Fe"))
    with pytest.raises(InputError, match="format = 'meam'"):
        EAM(tmp_path / "x", "meam")


def test_runs_by_the_command(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "alcu.eam.alloy").write_text(eam_files.setfl(eam_files.tables(n_r=500, n_rho=500)))
    (tmp_path / "in.toml").write_text(
        '[structure]\nbuild = "fcc"\nspecies = "Al"\nlattice_constant = 1.7\nreplicate = [3, 3, 3]\n'
        '[velocities]\ntemperature = 300\n[potential]\ntype = "eam"\nfile = "alcu.eam.alloy"\n'
        '[[stage]]\nensemble = "nve"\ntimestep = 1.0\nsteps = 20\n[output]\nname = "out"\nthermo_every = 10\n'
    )
    assert main(["run", "in.toml"]) == 0
    assert (tmp_path / "out.h5md").exists() and "wrote out.h5md" in capsys.readouterr().out
    assert main(["check", "in.toml"]) == 0
    assert "eam, Al Cu, cutoff 2.5 Angstrom" in capsys.readouterr().out
    text = (tmp_path / "in.toml").read_text().replace('species = "Al"', 'species = "Fe"')
    (tmp_path / "in.toml").write_text(text)
    assert main(["run", "in.toml", "--overwrite"]) == 2
    assert "no functions for species Fe" in capsys.readouterr().err


def test_the_electron_density_is_told(tmp_path):
    """Of each atom: by its sum; a finding, and a column of the dump."""
    tables, system = eam_files.tables(), of(CELLS["cluster"])
    kinds = [tables.elements.index(name) for name in system.names]
    r = np.linalg.norm(system.positions[:, None] - system.positions, axis=2)
    near, grid = (r > 0.0) & (r < tables.cutoff), tables.dr * np.arange(tables.z.shape[-1])
    want = [
        sum(np.interp(r[i, j], grid, tables.density[kinds[i], kinds[j]]) for j in np.flatnonzero(near[i]))
        for i in range(len(r))
    ]
    sim = Simulation(system, EAM(tables), VelocityVerlet(0.1))
    np.testing.assert_allclose(sim.findings["electron_density"], want, atol=1e-5)
    found = evaluate(Sum(EAM(tables), LennardJones(2.0, 0.01, 0.5)), system, findings=True)
    np.testing.assert_array_equal(found.findings["electron_density"], sim.findings["electron_density"])
    dump = ExtxyzDump(tmp_path / "a.xyz", 1)
    dump.observe(sim)
    assert "electron_density:R:1" in (tmp_path / "a.xyz").read_text()


@pytest.mark.parametrize("wrong", [{"source": "structure"}, {"shape": (2,)}, {"dtype": "i8"}])
def test_outputs_are_computed_numbers(wrong):
    with pytest.raises(InputError, match="output: of computed numbers alone"):
        Column(**{"dtype": "f8", "output": "density"} | wrong).check("rho", "Mine")
