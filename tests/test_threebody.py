"""Stillinger-Weber and Tersoff against their papers, LAMMPS and damaged files; gradients: test_contract.py."""

import itertools

import numpy as np
import pytest

from mdcore import InputError, Simulation, SimulationError, StillingerWeber, System, Tersoff, VelocityVerlet, evaluate
from mdcore.__main__ import main
from mdcore.potentials.manybody.threebody import read_entries
from mdcore.structure.velocities import maxwell_boltzmann
from tests import threebody_files as files
from tests.reference import threebody as twins
from tests.systems import TRICLINIC, scattered

CELLS = {
    "triclinic": scattered(14, 3.0 * TRICLINIC, seed=2),
    "small": scattered(3, 1.9 * np.eye(3), seed=3),
    "cluster": scattered(10, 2.6 * np.eye(3), (False,) * 3, seed=4),
}
CASES = {
    "sw": (StillingerWeber, files.SW, twins.stillinger_weber),
    "sw, any powers": (StillingerWeber, files.SW_POWERS, twins.stillinger_weber),
    "tersoff": (Tersoff, files.TERSOFF, twins.tersoff),
    "tersoff, no exponential": (Tersoff, files.TERSOFF_PLAIN, twins.tersoff),
}


def of(system, symbols) -> System:
    names = [symbols[k % len(symbols)] for k in range(system.n_atoms)]
    return System(system.box, system.positions, names)


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("case", CASES)
def test_equals_its_paper(case, cell, level):
    kind, entries, twin = CASES[case]
    potential, system = kind(entries), of(CELLS[cell], ("Si", "C") if len(entries) > 1 else ("Si",))
    reach = np.ceil(2.5 / system.box.widths).astype(int) * np.array(system.box.periodic)
    shifts = np.array(list(itertools.product(*(range(-k, k + 1) for k in reach)))) @ system.box.matrix
    names, found = [system.symbols[k] for k in system.species], evaluate(potential, system)

    def energies(x):
        return twin(entries, names, x, shifts, potential.cutoff)

    np.testing.assert_allclose(found.energies, energies(system.positions), rtol=1e-11, atol=1e-9)
    for atom, axis in ((0, 0), (1, 2)):
        want = twins.force(energies, system.positions, atom, axis)
        assert found.forces[atom, axis] == pytest.approx(want, rel=1e-9, abs=1e-8)


def disturbed(lattice_constant, *symbols) -> System:
    """64 atoms near the sites of diamond, species in turn."""
    crystal = System.build("diamond", lattice_constant, "Si").replicate((2, 2, 2))
    x = np.arange(192.0).reshape(64, 3)
    names = [symbols[k % len(symbols)] for k in range(64)]
    return System(crystal.box, crystal.positions + 0.15 * np.sin(1.0 + 7.3 * x * (1.0 + x / 50)), names)


# pair_style sw and tersoff of LAMMPS (22 July 2025) with these files: energy, force on atom 7, pressures xx, yz in bar
LAMMPS = {
    "Si.sw": (
        StillingerWeber, files.SILICON_SW, 5.431, ("Si",),
        -256.9429417753552, [1.4402102613024421, 1.6333847855556818, -1.5348268148561348],
        (24885.53982355263, -7044.547714291449),
    ),
    "SiC.sw": (
        StillingerWeber, files.text(files.SW), 2.6, ("Si", "C"),
        9.980357926465643, [0.8368209193343576, -0.35904142738314565, -0.39761594378886844],
        (2012264.8101213737, -110713.97564681986),
    ),
    "Si.tersoff": (
        Tersoff, files.SILICON_TERSOFF, 5.432, ("Si",),
        -278.1638505535007, [1.0046097913804979, 1.0993602421089115, -1.0801765082687949],
        (46350.370079371205, -14569.198181477608),
    ),
    "SiC.tersoff": (
        Tersoff, files.CARBIDE_TERSOFF, 4.32, ("Si", "C"),
        -204.29276580921243, [4.76288558039342, -10.15309823952928, -3.569197179516779],
        (1541913.1244229984, 74554.5508544738),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", LAMMPS)
def test_numbers_of_lammps(tmp_path, name, level):
    kind, text, lattice_constant, symbols, energy, force, (xx, yz) = LAMMPS[name]
    (tmp_path / name).write_text(text)
    found = evaluate(kind(tmp_path / name), disturbed(lattice_constant, *symbols))
    assert found.energy == pytest.approx(energy, abs=1e-8)
    np.testing.assert_allclose(found.forces[7], force, atol=1e-9)
    np.testing.assert_allclose(-1e4 * found.stress[[0, 1], [0, 2]], [xx, yz], rtol=2e-7)  # LAMMPS's eV has seven digits


@pytest.mark.parametrize(
    ("kind", "text", "lattice_constant", "species", "energy"),
    [
        (StillingerWeber, files.SILICON_SW, 5.431, "Si", -4.3366),  # 2 epsilon, by construction
        (Tersoff, files.SILICON_TERSOFF, 5.432, "Si", -4.63),  # Phys. Rev. B 38, 9902, table II
        (Tersoff, files.CARBIDE_TERSOFF, 3.566, "C", -7.37),  # Phys. Rev. B 39, 5566, table I
    ],
)
def test_cohesive_energies(tmp_path, kind, text, lattice_constant, species, energy):
    (tmp_path / "x").write_text(text)
    crystal = System.build("diamond", lattice_constant, species)
    found = evaluate(kind(tmp_path / "x", (species,)), crystal)
    assert found.energy / 8 == pytest.approx(energy, abs=0.005)
    assert np.abs(found.forces).max() < 1e-9


@pytest.mark.parametrize(("kind", "text"), [(StillingerWeber, files.SILICON_SW), (Tersoff, files.SILICON_TERSOFF)])
def test_energy_is_conserved(tmp_path, kind, text):
    (tmp_path / "x").write_text(text)
    system = System.build("diamond", 5.431, "Si").replicate((3, 3, 3))
    maxwell_boltzmann(system, 2000.0, seed=1)
    sim = Simulation(system, kind(tmp_path / "x"), VelocityVerlet(0.5), skin=0.5)
    before, kinetic = sim.total_energy, sim.kinetic_energy
    sim.run(1000)
    assert abs(sim.total_energy - before) < 1e-3 * kinetic and sim.neighbors.builds > 1


def test_atoms_beside_an_atom_change_no_bit():
    """Four atoms are computed together; those of one cluster do not feel the other."""
    one = of(CELLS["cluster"], ("Si", "C"))
    away = np.vstack([one.positions, one.positions[:3] + 40.0])
    both = System(one.box, away, [*one.names, "C", "C", "Si"])
    for kind, entries in ((StillingerWeber, files.SW), (Tersoff, files.TERSOFF)):
        alone, found = evaluate(kind(entries), one), evaluate(kind(entries), both)
        assert found.forces[:10].tobytes() == alone.forces.tobytes()
        assert found.energies[:10].tobytes() == alone.energies.tobytes()


def test_what_sums_cannot_hold_is_told():
    """An energy of 1e6 eV, where one of 16,384 is the most."""
    system = System(CELLS["cluster"].box, [[0, 0, 0], [1.5, 0, 0]], "Si")
    for kind, entries, strength in ((StillingerWeber, files.SW, 0), (Tersoff, files.TERSOFF_PLAIN, 13)):
        numbers = list(entries["Si", "Si", "Si"])
        numbers[strength] *= 1e7
        with pytest.raises(SimulationError, match=r"atom [01]"):
            evaluate(kind({("Si",) * 3: numbers}), system)


# --- files ---------------------------------------------------------------------------------------------


def test_files(tmp_path):
    """Comments, entries over several lines, elements that are not wanted."""
    path = tmp_path / "x.tersoff"
    path.write_text("# DATE: today UNITS: metal\n\n" + files.CARBIDE_TERSOFF.replace(" 3 1.0 0.0", " 3  # m\n 1d0 0.0"))
    found = read_entries(path, "Tersoff", Tersoff.names)
    assert len(found) == 8 and found["C", "Si", "C"].where == f"{path}: line 11"
    assert found["Si", "C", "C"].values["lambda1"] == 2.9839 and found["C", "C", "C"].values["gamma"] == 1.0
    all_of_it, carbon = Tersoff(path), Tersoff(path, ["C"])
    assert all_of_it.cutoff == 3.0 and all_of_it.elements == ("C", "Si") and carbon.cutoff == pytest.approx(2.1)
    crystal = System.build("diamond", 3.6, "C")
    assert evaluate(all_of_it, crystal).energy == evaluate(carbon, crystal).energy


def test_short_cutoffs_of_lammps():
    """tol: where the exponential is that small; the energy jumps there, and is said to."""
    numbers = list(files.SW["Si", "Si", "Si"])
    assert StillingerWeber({("Si",) * 3: numbers}).cutoff == 2.5
    assert not StillingerWeber({("Si",) * 3: numbers}).truncated
    shorter = StillingerWeber({("Si",) * 3: [*numbers[:-1], 0.001]})
    assert shorter.cutoff == pytest.approx(2.5 + 1.25 / np.log(0.001)) and shorter.truncated


def test_bonds_may_end_at_once():
    """D = 0, as in J. Tersoff, Phys. Rev. Lett. 64, 1757 (1990): an atom at 2.5 - 1e-9 counts, one at 2.5 does not."""
    numbers = list(files.TERSOFF["Si", "Si", "Si"])
    numbers[10:12] = 2.5, 0.0
    potential = Tersoff({("Si",) * 3: numbers})
    box = CELLS["cluster"].box
    near, at = (evaluate(potential, System(box, [[0, 0, 0], [r, 0, 0]], "Si")) for r in (2.5 - 1e-9, 2.5))
    assert near.energy == pytest.approx(12.0 * np.exp(-5.25) - 3.0 * np.exp(-2.75), abs=1e-8)
    assert at.energy == 0.0 and not at.forces.any() and potential.truncated


SW, TERSOFF = files.SILICON_SW, files.CARBIDE_TERSOFF


@pytest.mark.parametrize(
    ("kind", "text", "needle"),
    [
        (StillingerWeber, "", "no entries; expected lines of three elements, epsilon"),
        (StillingerWeber, "# nothing\n\n", "no entries"),
        (StillingerWeber, SW.replace("UNITS: metal", "UNITS: real"), "line 1: the file is in units real"),
        (StillingerWeber, SW.replace(" 0.0 0.0 ", " 0.0"), "line 2: the file ends within an entry, which has 14 words"),
        (StillingerWeber, SW.replace(" 0.0 0.0 ", " 0.0 0.0 0.0"), "line 2: more than the 14 words"),
        (StillingerWeber, SW + SW, "line 5: Si Si Si once more; it stands in .* line 2"),
        (StillingerWeber, SW.replace("2.1683", "2,1683"), "line 2: epsilon = 2,1683: expected a number"),
        (StillingerWeber, SW.replace("2.1683", "nan"), "line 2: epsilon = nan"),
        (StillingerWeber, SW.replace("2.1683", "1e13"), "line 2: epsilon = 1e13: .* at most 1e.12"),
        (StillingerWeber, SW.replace("2.1683", "-2"), "line 2: epsilon = -2: expected a number >= 0"),
        (StillingerWeber, SW.replace("2.0951", "2095.1"), "line 2: a cutoff of 3771.18"),
        (StillingerWeber, SW.replace(" 4.0 0.0", " 400 0.0"), "line 2: p = 400: expected at most 64"),
        (StillingerWeber, SW.replace(" 1.80", " 0"), "nothing interacts"),
        (StillingerWeber, SW.replace("Si Si Si", "Si 14 Si"), "line 2: expected three elements, found 'Si 14 Si'"),
        (StillingerWeber, TERSOFF, "line 1: more than the 14 words of an entry"),
        (Tersoff, SW, "line 2: the file ends within"),
        (Tersoff, TERSOFF.replace("Si Si Si  3", "Si Si Si  2"), "line 2: m = 2: expected 1 or 3"),
        (Tersoff, TERSOFF.replace(" 0.15   2.4799", " 3.15   2.4799"), "line 2: R = 2.85, D = 3.15"),
        (Tersoff, TERSOFF.replace(" 4.3484", " 0"), "line 1: c = 38049, d = 0: expected c / d"),
        (Tersoff, TERSOFF.replace(" 0.72751", " 0", 1), "line 1: n = 0: expected 0.05 to 1000"),
    ],
)
def test_refuses_what_is_no_file(tmp_path, kind, text, needle):
    path = tmp_path / "x"
    path.write_text(text)
    with pytest.raises(InputError, match=needle):
        kind(path)


def test_refuses_what_does_not_fit(tmp_path):
    path = tmp_path / "x"
    path.write_text(TERSOFF)
    with pytest.raises(InputError, match=r"no parameters for species Ge; .*x has C, Si"):
        Tersoff(path).bind(("Si", "Ge"))
    with pytest.raises(InputError, match=r"x: no element Ge; it has C, Si"):
        Tersoff(path, ["Si", "Ge"])
    path.write_text(TERSOFF.replace("Si Si C ", "Si Ge C "))
    with pytest.raises(InputError, match=r"no entry Si Si C; each triple"):
        Tersoff(path).bind(("Si", "C"))
    path.write_text(TERSOFF.replace("1597.3111", "1697.3111", 1))
    with pytest.raises(InputError, match=r"Si C C and C Si Si say different energies of a pair"):
        Tersoff(path).bind(("Si", "C"))
    path.write_text(files.text({**files.SW, ("Si", "Si", "C"): (0.6, 0, 0, 2.2, 0, -0.3, 0, 0, 0, 0, 0)}))
    with pytest.raises(InputError, match=r"Si Si C and Si C Si say different energies of an angle"):
        StillingerWeber(path).bind(("Si", "C"))
    with pytest.raises(InputError, match=r"10 numbers; expected 11: epsilon, sigma"):
        StillingerWeber({("Si", "Si", "Si"): range(10)})
    with pytest.raises(InputError, match="expected three elements"):
        StillingerWeber({"Si": range(11)})


@pytest.mark.parametrize(("type", "text"), [("stillinger-weber", SW), ("tersoff", TERSOFF)])
def test_runs_by_the_command(tmp_path, monkeypatch, capsys, type, text):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "silicon").write_text(text)
    (tmp_path / "in.toml").write_text(
        '[structure]\nbuild = "diamond"\nspecies = "Si"\nlattice_constant = 5.43\nreplicate = [2, 2, 2]\n'
        f'[velocities]\ntemperature = 300\n[potential]\ntype = "{type}"\nfile = "silicon"\nelements = ["Si"]\n'
        '[[stage]]\nensemble = "nve"\ntimestep = 1.0\nsteps = 20\n[output]\nname = "out"\nthermo_every = 10\n'
    )
    assert main(["run", "in.toml"]) == 0
    assert (tmp_path / "out.h5md").exists() and "wrote out.h5md" in capsys.readouterr().out
    assert main(["check", "in.toml"]) == 0
    assert f"{type}, Si, cutoff 3" in capsys.readouterr().out
    text = (tmp_path / "in.toml").read_text()
    (tmp_path / "in.toml").write_text(text.replace('species = "Si"', 'species = "Fe"'))
    assert main(["run", "in.toml", "--overwrite"]) == 2
    assert "no parameters for species Fe" in capsys.readouterr().err
    (tmp_path / "in.toml").write_text(text.replace('["Si"]', '["Fe"]'))
    assert main(["run", "in.toml", "--overwrite"]) == 2
    assert "silicon: no element Fe; it has" in capsys.readouterr().err
