"""Does `verify` pass what is right, and does each of its rows notice what is wrong?"""

import importlib.util
import os
import re
from pathlib import Path

import numpy as np
import pytest

from mdcore.base import exact
from mdcore.base.errors import InputError
from mdcore.cli import main
from mdcore.engine.evaluation import evaluate
from mdcore.engine.single import Engine
from mdcore.potentials.base import Sum
from mdcore.potentials.networks.files import read_model
from mdcore.potentials.networks.h5 import write_h5
from mdcore.potentials.networks.hdnnp import HDNNPotential
from mdcore.potentials.networks.n2p2.write import write_n2p2
from mdcore.potentials.networks.vectors import make_test_vectors
from mdcore.potentials.pair.lj import LennardJones
from mdcore.structure.box import Box
from mdcore.structure.system import System
from mdcore.verify import CHECKS, examine, failed, subject, verify
from mdcore.verify.gradients import error, forces, stress
from mdcore.verify.report import Row
from mdcore.verify.runs import energy_conservation, ranks
from mdcore.verify.sample import sample
from mdcore.verify.smoothness import smoothness
from mdcore.verify.symmetries import extensivity, inversion, permutation, rotation, translation
from tests.contract import spoilt
from tests.mpi import MPIEXEC, ROOT, mpirun, needs_mpi
from tests.reference.hdnnp_models import random_model
from tests.systems import TRICLINIC, scattered
from tests.test_hdnnp_potential import two_elements

REFERENCE = Path(__file__).parents[2] / "shared" / "reference" / "n2p2"
LJ = {"cutoff": 2.5, "epsilon": 0.3, "sigma": 0.9}
SMOOTH = {**LJ, "truncation": "force-shifted"}
MODEL = random_model(types=[2, 3, 9])
RANKS = "1 and 2 ranks: the same bits"
HAS_MPI = MPIEXEC is not None and importlib.util.find_spec("mpi4py") is not None


@pytest.fixture(autouse=True)
def importable(monkeypatch):
    """Other processes find the potentials of this file."""
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]))


def crowd(seed=3, n=40, cell=3.6 * TRICLINIC, periodic=(True, True, True)):
    return scattered(n, cell, periodic, seed=seed)


def verdicts(potential, system=None, checks=None) -> dict[str, Row]:
    """The rows by name; the runs on two ranks only where asked for: they take time."""
    checks = checks or [check for check in CHECKS if check is not ranks]
    return {row.quantity: row for row in examine(subject(potential, system), checks)}


def wrong(potential, system=None, checks=None) -> set[str]:
    """What the rows that FAIL are about."""
    rows = verdicts(potential, system, checks).items()
    return {name.split(":")[0].split(",")[0] for name, row in rows if row.ok is False}


# --- what is right passes ----------------------------------------------------------------------------


CELLS = ("bulk", "slab", "cluster", "one atom", "small")


@pytest.mark.parametrize(
    ("name", "cell"), [("sum", "bulk"), *((name, cell) for name in ("lj", "hdnnp") for cell in CELLS)]
)
def test_passes(name, cell):
    potential = {
        "lj": lambda: LennardJones(**SMOOTH),
        "hdnnp": lambda: HDNNPotential(MODEL),
        "sum": lambda: Sum(HDNNPotential(MODEL), LennardJones(**SMOOTH)),
    }[name]()
    system = {
        "bulk": lambda: crowd(),
        "slab": lambda: crowd(periodic=(True, True, False)),
        "cluster": lambda: crowd(n=20, periodic=(False, False, False)),
        "one atom": lambda: crowd(n=1, cell=1.3 * np.eye(3)),
        "small": lambda: crowd(n=2, cell=1.4 * TRICLINIC),
    }[cell]()
    system = two_elements(system)
    rows = list(verify(potential, system) if cell in ("bulk", "small") else verdicts(potential, system).values())
    assert not failed(rows), "\n".join(map(str, rows))
    names = " ".join(row.quantity for row in rows)
    for what in (
        "force - finite", "stress times volume - finite", "translation: energy", "rotation: forces",
        "inversion: virial", "permutation: forces", "extensivity", "smoothness: jump of the energy",
        "smoothness: jump of the force", "mixed", "threads", "NVE",
    ):  # fmt: skip
        assert what in names
    measured = [row for row in rows if row.quantity.startswith("force - finite")]
    assert cell == "one atom" or 0.0 < measured[0].measured < measured[0].limit < 1e-4
    if cell in ("bulk", "small"):
        assert [row.ok for row in rows if row.quantity == RANKS] == [True if HAS_MPI else None]


@pytest.mark.parametrize("cutoff_type", range(1, 9))
def test_cutoff_functions(cutoff_type):
    """All that end smoothly pass; smoothness is looked for in pairs and triples."""
    model = random_model(types=[2, 3, 9], cutoff_type=cutoff_type, seed=cutoff_type)
    rows = verdicts(HDNNPotential(model), two_elements(crowd(n=8, cell=2.1 * TRICLINIC)), (forces, smoothness))
    assert len(rows) == 4 and all(row.ok for row in rows.values())


def test_steps_that_pass_neighbours():
    """Strains of small cells bring many images within the cutoff: the row is of the potential, whatever the step."""
    for seed in (0, 5, 26, 54):
        rng = np.random.default_rng(seed)
        n = int(rng.integers(1, 7))
        edge = (rng.uniform(1.2, 2.2) * n) ** (1 / 3) * rng.uniform(1.0, 1.3)
        cell = edge * (np.eye(3) + rng.uniform(-0.25, 0.25, (3, 3)))
        model = random_model(seed=seed, **({} if seed % 2 else {"types": [2, 3, 9]}))
        system = two_elements(scattered(n, cell, seed=seed, closest=0.8))
        rows = verdicts(HDNNPotential(model), system, (stress,)).values()
        assert len(rows) == 2 and all(row.ok and not row.note for row in rows), "\n".join(map(str, rows))


def test_errors_of_slopes():
    """Of a bend as far as a small step passes it, of what is wrong, of what jumps."""
    curves = {
        "bent": lambda s: np.array([np.sin(s), 1e-3 * max(s - 2e-4, 0.0) ** 2]),
        "wrong": lambda s: np.array([1.001 * np.sin(s)]),
        "jumping": lambda s: np.array([np.sin(s) + 0.1 * (s > 0.0)]),
    }
    found = {name: error(curve, 1.0, 1e-7, 2.0**-9) for name, curve in curves.items()}
    assert abs(found["bent"]) < 1e-7 and found["wrong"] == pytest.approx(1e-3, rel=1e-6) and found["jumping"] is None


# --- each row notices --------------------------------------------------------------------------------


class Broken(LennardJones):
    """Lennard-Jones with something added to the energies of atoms (or forces), after all is computed.

    `ghosts` as full lists need them; `add(x, atoms, domain)` gives the energies of owned atoms at x [n, 3].
    """

    def __init__(self, **options):
        super().__init__(**{**SMOOTH, **options})

    def bind(self, symbols):
        return spoilt(super().bind(symbols), self.after)

    def after(self, atoms, neighbors, domain, out):
        n = atoms.n_owned
        extra = np.zeros(n)
        self.spoil(atoms, neighbors, domain, extra)
        extra = np.rint(extra * 2.0**exact.FORCE_BITS)
        if out.want_energy:
            out.energy += int(extra.sum())
        if out.atom_energies is not None:
            out.atom_energies[:n] += extra * 2.0**-exact.FORCE_BITS


class WrongForces(Broken):
    def spoil(self, atoms, neighbors, domain, extra):
        f = atoms.f[: atoms.n_total, :3]
        f[:] = np.rint(f * 1.0001 * 2.0**36) / 2.0**36


class Field(Broken):
    """An energy of absolute positions: a raw coordinate is no descriptor."""

    def spoil(self, atoms, neighbors, domain, extra):
        extra += 0.01 * np.sin(atoms.positions[:, 0])
        atoms.forces[:, 0] -= np.rint(0.01 * np.cos(atoms.positions[:, 0]) * 2.0**36) / 2.0**36


class Numbers(Broken):
    """An energy of the numbers of atoms."""

    def spoil(self, atoms, neighbors, domain, extra):
        radius = np.linalg.norm(atoms.positions - atoms.positions.mean(axis=0), axis=1)
        extra += 1e-3 * atoms.tags[: atoms.n_owned] * radius


class Surplus(Broken):
    """An energy that the system has once, however large it is."""

    def spoil(self, atoms, neighbors, domain, extra):
        extra[0] += 0.01


class Handed(Broken):
    """An energy that is another one in the mirror: of x, y and z distances to the first neighbours."""

    list_kinds = ("half", "full")
    ghost_columns = ("tags",)

    def spoil(self, atoms, neighbors, domain, extra):
        full = neighbors.full
        for i in range(atoms.n_owned):
            r = atoms.x[full.index[full.first[i] : full.first[i + 1]], :3] - atoms.x[i, :3]
            r = r[(r**2).sum(axis=1) < 4.0]
            w = (4.0 - (r**2).sum(axis=1)) ** 2
            moments = [w @ r, (w**2) @ r, (w**3) @ r]
            extra[i] += 1e-6 * np.linalg.det(np.array(moments))


class OtherOnTwoRanks(Broken):
    def spoil(self, atoms, neighbors, domain, extra):
        if domain.comm.size > 1:
            atoms.f[0, 0] += 2.0**-30


def test_wrong_forces():
    found = wrong(WrongForces(), crowd())
    assert found == {"force - finite difference", "stress times volume - finite strain"}


def test_raw_coordinates():
    assert {"translation", "rotation", "inversion"} <= wrong(Field(), crowd())


def test_numbers_of_atoms():
    assert "permutation" in wrong(Numbers(), crowd(periodic=(False,) * 3), (permutation,))


def test_energy_that_is_not_extensive():
    assert wrong(Surplus(), crowd()) == {"extensivity"}


def test_a_mirror_image():
    checks = (translation, rotation, inversion, permutation, extensivity)
    assert wrong(Handed(), crowd(n=16, cell=2.6 * TRICLINIC), checks) == {"inversion"}


@pytest.mark.skipif(not HAS_MPI, reason='no MPI: pip install "mdcore[mpi]"')
def test_other_numbers_on_two_ranks():
    row = verdicts(OtherOnTwoRanks(), crowd(), (ranks,))[RANKS]
    assert row.ok is False and "they differ in velocities, forces, stress after 10 steps" in row.note


def test_jumps_at_the_cutoff():
    """The honest answer for a truncated potential: where, how much, and what to do."""
    system = crowd()
    for truncation, energy_jumps in (("cut", True), ("shifted", False)):
        rows = verdicts(LennardJones(**LJ, truncation=truncation), system, (smoothness,))
        energy, force = rows["smoothness: jump of the energy"], rows["smoothness: jump of the force"]
        assert energy.ok is not energy_jumps and force.ok is False
        x = LJ["sigma"] / LJ["cutoff"]
        if energy_jumps:
            assert energy.measured == pytest.approx(4 * LJ["epsilon"] * (x**6 - x**12), rel=1e-6)
            assert "A-A at r = 2.5: the energy is not continuous" in energy.note
        slope = 4 * LJ["epsilon"] * (12 * x**12 - 6 * x**6) / LJ["cutoff"]
        assert force.measured == pytest.approx(-slope, rel=1e-6)
        assert "A-A at r = 2.5: the force is not continuous" in force.note
        assert 'use truncation = "force-shifted"' in force.note
    rows = verdicts(LennardJones(**SMOOTH), system, (smoothness,))
    assert rows["smoothness: jump of the force"].measured < 1e-9


def test_jumps_at_an_inner_cutoff():
    """A pair with a cutoff of its own, in a Sum that reaches farther."""
    inner = LennardJones(1.7, 0.1, 0.8)
    rows = verdicts(Sum(LennardJones(**SMOOTH), inner), crowd(), (smoothness,))
    assert "A-A at r = 1.7" in rows["smoothness: jump of the energy"].note


def test_jumps_of_triples_only():
    """A hard cutoff that only angular functions have."""
    hard = random_model(types=[9], cutoff_type=0)
    soft = random_model(types=[2], cutoff_type=1)
    rows = verdicts(Sum(HDNNPotential(hard), HDNNPotential(soft)), two_elements(crowd()), (smoothness,))
    energy = rows["smoothness: jump of the energy"]
    assert energy.ok is False and "before a group of 5 atoms" in energy.note and "cutoff functions" in energy.note


def test_threads_that_differ(monkeypatch):
    """If they did."""
    from mdcore.verify import runs

    def other(potential, structures, threads=None):
        found = evaluate(potential, structures)
        if threads == 2:
            found[1].forces[0, 0] += 1e-15
        return found

    monkeypatch.setattr(runs, "evaluate", other)
    assert "structures on 1 and 2 threads" in wrong(LennardJones(**SMOOTH), crowd())


def test_without_mpi(monkeypatch):
    from mdcore.verify import runs

    monkeypatch.setattr(runs.importlib.util, "find_spec", lambda name: None)
    row = verdicts(LennardJones(**SMOOTH), crowd(), (ranks,))[RANKS]
    assert row.ok is None and str(row).endswith('skipped: no MPI here; pip install "mdcore[mpi]"')


@pytest.mark.skipif(not HAS_MPI, reason='no MPI: pip install "mdcore[mpi]"')
@pytest.mark.parametrize("call", ["mdcore.verify.runs.tempfile.TemporaryDirectory", "pathlib.Path.write_bytes"])
def test_without_room_for_temporary_files(call, monkeypatch):
    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(call, full)
    row = verdicts(LennardJones(**SMOOTH), crowd(), (ranks,))[RANKS]
    assert row.ok is None and "No space left on device" in row.note


def test_a_check_that_breaks_down_is_a_row():
    """Extended twice, atoms may be too many for the kernel: the others go on."""

    class Fragile(Broken):
        def spoil(self, atoms, neighbors, domain, extra):
            if atoms.n_owned > 100:
                raise InputError("too many atoms")

    found = verdicts(Fragile(), crowd())
    assert found["extensivity"].ok is False and found["extensivity"].note == "too many atoms"
    assert found["permutation: energy"].ok


def test_rows_in_words():
    assert str(Row("x", 1.5e-9, 1e-8, True, "eV")).split() == ["x", "1.50e-09", "<", "1.0e-08", "eV", "ok"]
    words = str(Row("x", 1.5, 2.5, False, "", "why", above=True)).split()
    assert words == ["x", "1.50e+00", ">", "2.5e+00", "FAIL:", "why"]


# --- on which structure --------------------------------------------------------------------------------


def test_samples(tmp_path):
    """The structures of input.data; else a test vector or atoms at random, whichever is less outside."""
    potential = HDNNPotential(MODEL)
    system, origin = sample(potential)
    assert origin.startswith("48 atoms at random") and set(system.symbols) == {"H", "O"}
    write_n2p2(MODEL, tmp_path / "net")
    head, one, tail = ["begin", "lattice 5 0 0", "lattice 0 5 0", "lattice 0 0 5"], "atom 1 1 1 O 0 0 0 0 0", ["end"]
    small = [*head, one, "energy 0", "charge 0", *tail]
    large = [*head, one, "atom 3 1 1 H 0 0 0 0 0", "energy 0", "charge 0", *tail]
    (tmp_path / "net" / "input.data").write_text("\n".join([*large, *small]) + "\n")
    it = subject(tmp_path / "net")
    assert it.n == 1 and it.origin.startswith("structure 1 (counting from 0) of") and it.box.matrix[0, 0] == 5.0
    model = random_model(types=[2, 3])
    object.__setattr__(model, "test_vectors", make_test_vectors(HDNNPotential(model).answers))
    write_h5(model, tmp_path / "net.h5")
    it = subject(tmp_path / "net.h5")
    smallest = min(len(v.symbols) for v in model.test_vectors)
    assert (it.n, it.origin) in (
        (smallest, "a test vector of the potential, relaxed a little"), (48, "48 atoms at random, relaxed a little")
    )  # fmt: skip


def test_samples_of_classical_potentials():
    for potential, symbols, units in (
        (LennardJones(8.5, 0.01, 3.4), ("A",), "lj"),
        (LennardJones(8.5, species={"Ar": (0.01, 3.4), "Kr": (0.014, 3.6)}), ("Ar", "Kr"), "metal"),
        (LennardJones(8.5, pairs={("Ar", "Ar"): (0.01, 3.4)}), ("Ar",), "metal"),
    ):
        system, _ = sample(potential)
        assert system.symbols == symbols and system.units.name == units
        assert 0.3 < system.n_atoms * 3.5**3 / system.box.volume < 1.2
        assert np.isfinite(evaluate(potential, system).energy)


@pytest.mark.reference
@pytest.mark.skipif(not REFERENCE.exists(), reason="reference data are not beside the repository")
@pytest.mark.parametrize(
    "name, length, energy, first, ratio, density",
    [("H2O_RPBE-D3", "bohr", "hartree", "H", 2.0, (0.6, 1.6)), ("Cu2S_PBE", "angstrom", "ev", "Cu", 2.0, (4.0, 8.0))],
)
def test_samples_are_as_dense_as_the_training_set(name, length, energy, first, ratio, density):
    """Composition and density come out of the means of the descriptors."""
    potential = HDNNPotential(read_model(REFERENCE / name, {"length": length, "energy": energy}))
    system, _ = sample(potential)
    counts = dict(zip(system.symbols, np.bincount(system.species), strict=True))
    other = next(symbol for symbol in counts if symbol != first)
    assert counts[first] / counts[other] == pytest.approx(ratio, rel=0.35)
    assert density[0] < system.density < density[1]


@pytest.mark.reference
@pytest.mark.skipif(not REFERENCE.exists(), reason="reference data are not beside the repository")
def test_a_published_potential_passes(capsys):
    assert main(["verify", str(REFERENCE / "Cu2S_PBE"), "--units", "length=angstrom,energy=ev"]) == 0
    told = capsys.readouterr().out
    assert "structure 0 (counting from 0) of" in told and "all is well" in told and "FAIL" not in told


# --- the command -----------------------------------------------------------------------------------------


def test_command(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    write_n2p2(MODEL, tmp_path / "net")
    two = two_elements(crowd())
    lines = [f"{s} {x:.12f} {y:.12f} {z:.12f}" for s, (x, y, z) in zip(two.names, two.positions.tolist(), strict=True)]
    lattice = " ".join(map(repr, two.box.matrix.ravel().tolist()))
    comment = f'Lattice="{lattice}" Properties=species:S:1:pos:R:3'
    (tmp_path / "start.extxyz").write_text("\n".join([str(len(lines)), comment, *lines]) + "\n")
    assert main(["verify", "net", "start.extxyz"]) == 0
    told = capsys.readouterr().out
    assert told.startswith("net: cutoff 3 Angstrom\non 40 atoms (O, H): as given\n")
    assert "40 of them are outside the range of training" in told
    assert re.search(r"\nall is well \(\d+ rows\)\n$", told)
    text = (ROOT / "inputs" / "argon.toml").read_text().replace("[6, 6, 6]", "[3, 3, 3]")
    (tmp_path / "argon.toml").write_text(text.replace('truncation = "shifted"', 'truncation = "cut"'))
    assert main(["verify", "argon.toml"]) == 1
    told = capsys.readouterr().out
    assert "on 108 atoms (Ar): the structure of argon.toml" in told
    assert "FAIL: Ar-Ar at r = " in told and "rows FAIL" in told


@pytest.mark.parametrize(
    "arguments, says",
    [
        (["nowhere"], "nowhere: no such file or folder"),
        (["near"], "near: no such file or folder; did you mean near_PBE.h5?"),
        (["near.h5"], "near.h5: no such file or folder; did you mean near_PBE.h5?"),
        (["naer_PBE"], "naer_PBE: no such file or folder; did you mean near_PBE.h5?"),
        (["net", "nowhere.extxyz"], "nowhere.extxyz: no such file"),
        (["net", "carbon.xyz"], "no network for species C; it knows H, O"),
        (["net", "--units", "bohr"], "--units bohr: expected length=UNIT,energy=UNIT"),
        (["net", "--units", "length=bohr"], "--units length=bohr: energy is missing"),
        (["net", "--units", "length=bor,energy=ev"], "did you mean 'bohr'"),
        (["net", "--units", "length=bohr,energy=ev"], "bohr, ev given, but"),
        (["in.toml", "--units", "length=bohr,energy=ev"], "--units: an input file states the units"),
        (["in.toml"], "in.toml: no such input file"),
    ],
)
def test_command_refuses(arguments, says, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    write_n2p2(MODEL, tmp_path / "net")
    (tmp_path / "carbon.xyz").write_text("1\n\nC 0 0 0\n")
    (tmp_path / "near_PBE.h5").touch()
    for command in ("verify", "info") if len(arguments) == 1 or arguments[1] == "--units" else ("verify",):
        assert main([command, *arguments]) == 2
        captured = capsys.readouterr()
        assert says in captured.err and captured.err.startswith("mdcore: error: ") and not captured.out


class TestUnderMPI:
    pytestmark = needs_mpi

    def test_refuses_to_run_under_mpirun(self, tmp_path):
        write_n2p2(MODEL, tmp_path / "net")
        done = mpirun(2, "-m", "mdcore", "verify", tmp_path / "net", check=False)
        assert done.returncode == 2
        assert done.stderr.count("run it without mpirun") == 1


def test_box_of_the_subject_is_not_assumed_at_the_origin():
    """A cell with an origin, left-handed, atoms outside."""
    system = two_elements(crowd())
    matrix = system.box.matrix[[1, 0, 2]]
    system = System(Box(matrix, True, (3.0, -2.0, 1.0)), system.positions + 2 * matrix[0], system.species,
                    system.symbols, masses=system.masses, units="lj")  # fmt: skip
    assert not wrong(LennardJones(**SMOOTH), system)


@pytest.mark.parametrize("far", [30.0, 1e3, 1e6, 5e7])
def test_work_does_not_grow_with_the_extent(far, monkeypatch):
    """Two atoms out of each other's reach: the probe comes near the first alone."""
    asked = []
    move = Engine.move
    monkeypatch.setattr(Engine, "move", lambda self, x: asked.append(1) or move(self, x))
    positions = [[0.0, 0, 0], [far, 0.3, 0]]
    system = System(Box.around(positions), positions, "Ar")
    rows = list(examine(subject(LennardJones(8.5, 0.0103, 3.4, truncation="force-shifted"), system), (smoothness,)))
    assert rows and not failed(rows)
    assert len(asked) < 3000


@pytest.mark.parametrize("far", [1e3, 1e7])
def test_large_coordinates_are_rounded(far):
    """A stiff pair, and an atom far away that makes the others' coordinates coarse when all are moved."""
    positions = [[0.0, 0, 0], [2.1, 2.1, 0], [0, far, 0]]
    system = System(Box.around(positions), positions, "Ar")
    lj = LennardJones(8.5, 0.5, 3.4, truncation="force-shifted")
    assert not failed(examine(subject(lj, system), (translation, rotation, extensivity)))


@pytest.mark.parametrize("squeezed", [0.75, 0.65])
def test_a_strained_structure_conserves_energy_at_a_shorter_step(squeezed):
    system = System.build("fcc", 5.26 * squeezed, "Ar", (3, 3, 3))
    lj = LennardJones(5.0, 0.0103, 3.4, truncation="force-shifted")
    rng = np.random.default_rng(1)
    system.positions += rng.normal(size=system.positions.shape) * 0.25
    assert not failed(examine(subject(lj, system), (energy_conservation,)))


def test_a_shorter_step_is_no_excuse_for_wrong_forces():
    class Wrong(LennardJones):
        def bind(self, symbols):
            return spoilt(super().bind(symbols), self.after)

        def after(self, atoms, neighbors, domain, out):
            atoms.f[: atoms.n_total, 0] *= 0.9

    system = System.build("fcc", 5.26 * 0.8, "Ar", (3, 3, 3))
    system.positions += np.random.default_rng(1).normal(size=system.positions.shape) * 0.3
    rows = list(examine(subject(Wrong(5.0, 0.0103, 3.4, truncation="force-shifted"), system), (energy_conservation,)))
    assert failed(rows)
