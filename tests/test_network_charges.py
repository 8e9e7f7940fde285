"""Charges from networks: are they, their energy and its forces those of the papers, of n2p2, and of steps before?"""

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from mdcore.doors._kernels import Factors

from mdcore import (
    Electrostatics,
    HDNNPotential,
    Simulation,
    StrainRate,
    Sum,
    System,
    VelocityVerlet,
    evaluate,
    read_model,
)
from mdcore.base import exact
from mdcore.base.comm import SelfComm
from mdcore.base.errors import InputError, SimulationError
from mdcore.base.units import BOHR, HARTREE
from mdcore.cli import main
from mdcore.output.dump import ExtxyzDump
from mdcore.output.trajectory import Trajectory
from mdcore.output.trajectory_writer import H5MDWriter
from mdcore.potentials.charges import equilibration
from mdcore.potentials.charges.truncated import Truncation
from mdcore.potentials.networks.charge_model import ChargeModel, Screening
from mdcore.potentials.networks.charge_settings import ChargeSettings
from mdcore.potentials.networks.frozen import identical
from mdcore.potentials.networks.h5 import read_h5, write_h5
from mdcore.potentials.networks.n2p2.data import read_input_data
from mdcore.potentials.networks.n2p2.read import read_n2p2
from mdcore.potentials.networks.n2p2.write import write_n2p2
from mdcore.potentials.networks.vectors import check_test_vectors, make_test_vectors
from mdcore.structure.box import Box
from mdcore.structure.columns import CHARGES
from tests.reference import equilibration as twin
from tests.reference.hdnnp_models import INPUT, N_INPUTS, charged_model, random_cluster, random_model, write_folder
from tests.systems import TRICLINIC, scattered

REFERENCE = Path(__file__).parents[2] / "shared" / "reference" / "n2p2"
NATIVE = {"length": "bohr", "energy": "hartree"}
PLAIN = {"types": [2], "normalisation": False}
VARIANTS = {
    "equilibrated": charged_model(**PLAIN, charge_options={"constant": 3.0}),
    "screened, own descriptors": charged_model(**PLAIN, own=True, screening=Screening(0.8, 2.4)),
    "own energy": charged_model(types=[2], charge_options={"own_energy": True, "input_scale": 0.7}),
    "predicted": charged_model(**PLAIN, kind="predicted"),
    "latent": charged_model(
        **PLAIN, kind="predicted", screening=Screening(0.3, 2.0, "p3"),
        charge_options={"conserve": False, "output_scale": 0.4},
    ),
    "predicted, seen": charged_model(**PLAIN, kind="predicted", as_input=True, own=True),
}
FINE = ChargeSettings(accuracy=1e-10, cutoff=3.5, method="ewald", residual=1e-13)
WATER = ("O", "H", "H", "O", "H", "H")


def species(system):
    """The atoms of a system as O and H."""
    n = len(system.positions)
    return System(system.box, system.positions, species=np.arange(n) % 2, symbols=("O", "H"), masses=np.ones(n))


def moving(n=30, edge=4.7, seed=8, closest=0.9):
    system = species(scattered(n, edge * np.eye(3), seed=seed, closest=closest))
    system.velocities = 0.3 * np.random.default_rng(1).normal(size=(n, 3))
    return system


@pytest.mark.parametrize("model", VARIANTS.values(), ids=VARIANTS)
def test_a_cluster_is_as_the_papers_say(model):
    positions, total = random_cluster(WATER, seed=3), 0.5 * model.charges.conserve
    system = System(Box.around(positions, 1.0), positions, species=[0, 1, 1, 0, 1, 1], symbols=("O", "H"),
                    info={"charge": total})  # fmt: skip
    found = evaluate(HDNNPotential(model), system, findings=True)
    energy, charges = twin.evaluate(model, WATER, positions, total=total)
    assert found.energy == pytest.approx(energy, rel=1e-10)
    np.testing.assert_allclose(found.findings[CHARGES], charges, rtol=0, atol=1e-10)
    assert np.ptp(charges) > 0.01
    if model.charges.conserve:
        assert found.findings[CHARGES].sum() == pytest.approx(total, abs=1e-12)
    for atom, axis in ((0, 0), (4, 2)):
        assert found.forces[atom, axis] == pytest.approx(
            twin.force(model, WATER, positions, atom, axis, total=total), abs=2e-8
        )
    assert found.energies.sum() == pytest.approx(found.energy, rel=1e-12)


@pytest.mark.parametrize("name", ["equilibrated", "screened, own descriptors", "latent"])
def test_a_cell_is_as_the_papers_say(name):
    model, cell = VARIANTS[name], 4.6 * TRICLINIC
    system = species(scattered(8, cell, seed=5))
    symbols = [system.symbols[k] for k in system.species]
    energy, charges = twin.evaluate(model, symbols, system.positions, cell)
    found = evaluate(HDNNPotential(model, charges=FINE), system, findings=True)
    np.testing.assert_allclose(found.findings[CHARGES], charges, rtol=0, atol=1e-9)
    assert found.energy == pytest.approx(energy, abs=2e-8)


@pytest.mark.parametrize("method", ["ewald", "mesh"])
def test_a_mesh_finds_the_same_within_the_accuracy(method):
    model, system = VARIANTS["screened, own descriptors"], moving()
    fine = evaluate(HDNNPotential(model, charges=FINE), system, findings=True)
    settings = ChargeSettings(accuracy=1e-6, cutoff=3.0, method=method)
    found = evaluate(HDNNPotential(model, charges=settings), system, findings=True)
    assert 0.0 < np.abs(found.findings[CHARGES] - fine.findings[CHARGES]).max() < 3e-6
    assert np.abs(found.forces - fine.forces).max() < 1e-5 * np.abs(fine.forces).max()


def test_points_may_be_predicted():
    """Charges without a width: what is left of the energy of Gaussians that never overlap."""
    model = charged_model(**PLAIN, kind="predicted", widths=(1e-3, 1e-3))
    points = replace(model, charges=replace(model.charges, widths=(0.0, 0.0)))
    for system in (moving(12, 4.6), species(scattered(10, 4.0 * np.eye(3), (False,) * 3))):
        narrow, point = (evaluate(HDNNPotential(m, charges=FINE), system) for m in (model, points))
        assert point.energy == pytest.approx(narrow.energy, abs=1e-9)
        np.testing.assert_allclose(point.forces, narrow.forces, rtol=0, atol=1e-8)


# --- the equations -----------------------------------------------------------------------------------------


def test_direct_and_iterated_solutions_agree(monkeypatch):
    model = VARIANTS["screened, own descriptors"]
    for system in (moving(20, 4.5), species(scattered(20, 4.5 * np.eye(3), (False,) * 3))):
        found = []
        for dense, steps in ((0, 500), (300, 0)):
            monkeypatch.setattr(equilibration, "DENSE", dense)
            monkeypatch.setattr(equilibration, "MOST_STEPS", steps)
            found.append(evaluate(HDNNPotential(model, charges=FINE), system, findings=True))
        np.testing.assert_allclose(found[0].findings[CHARGES], found[1].findings[CHARGES], rtol=0, atol=1e-10)
        np.testing.assert_allclose(found[0].forces, found[1].forces, rtol=0, atol=1e-8)
    monkeypatch.setattr(equilibration, "MOST_DENSE", 10)
    with pytest.raises(SimulationError, match="charges of 20 atoms are not found in 0 steps"):
        evaluate(HDNNPotential(model, charges=FINE), moving(20, 4.5))


def test_negative_hardness_is_solved_directly(monkeypatch):
    monkeypatch.setattr(equilibration, "DENSE", 0)
    model = VARIANTS["equilibrated"]
    model = replace(model, charges=replace(model.charges, hardness=(-30.0, 25.0)))
    positions = random_cluster(WATER, seed=3)
    system = System(Box.around(positions, 1.0), positions, species=[0, 1, 1, 0, 1, 1], symbols=("O", "H"))
    found = evaluate(HDNNPotential(model), system, findings=True)
    np.testing.assert_allclose(found.findings[CHARGES], twin.evaluate(model, WATER, positions)[1], rtol=0, atol=1e-9)


def test_factors_solve():
    rng = np.random.default_rng(1)
    for n in (2, 15, 16, 17, 37, 64, 101):  # of blocks of 16
        a = rng.normal(size=(n, n))
        a[0, 0] = 0.0  # needs a pivot
        b = rng.normal(size=n)
        np.testing.assert_allclose(Factors(a).solve(b), np.linalg.solve(a, b), rtol=1e-9, atol=1e-12)
    for n in (3, 40):
        with pytest.raises(np.linalg.LinAlgError):
            Factors(np.ones((n, n)))


def test_dots_are_exact_to_52_bits():
    rng = np.random.default_rng(2)
    a, tiny = rng.normal(size=1000), 1e-30 * rng.normal(size=1000)
    found = exact.dots(SelfComm(), a, tiny, np.zeros(3), np.array([1.0, np.nan]))
    assert found[0] == pytest.approx(math.fsum(a), abs=1e-12) and found[1] == pytest.approx(math.fsum(tiny), abs=1e-42)
    assert found[2] == 0.0 and math.isnan(found[3])
    assert exact.dots(SelfComm(), a[::-1])[0] == found[0]


def test_guesses_go_on_by_a_polynomial():
    past = np.array([[(10.0 - k) ** p for k in range(4)] for p in range(4)])
    for n in range(1, 5):
        assert equilibration.extrapolated(past, n)[:n] == pytest.approx([11.0**p for p in range(n)])
    assert equilibration.extrapolated(past, 0) is None


# --- dynamics ----------------------------------------------------------------------------------------------


def test_energy_is_conserved_as_with_a_small_residual():
    """A residual of 1e-6 changes the energy along a run by less than what the time step does; guesses save steps."""
    model, totals, steps = VARIANTS["screened, own descriptors"], [], []
    for residual in (1e-6, 1e-12):
        settings = ChargeSettings(accuracy=1e-7, cutoff=3.0, method="ewald", residual=residual)
        potential = HDNNPotential(model, charges=settings, extrapolation="ignore")
        sim = Simulation(moving(), potential, VelocityVerlet(0.005))
        sim.run(5)
        totals.append([])
        steps.append(0)
        for _ in range(60):
            sim.run(1)
            totals[-1].append(sim.total_energy)
            steps[-1] += sim.work.bound.steps
    loose, tight = map(np.array, totals)
    assert np.abs((loose - loose[0]) - (tight - tight[0])).max() < 0.02 * np.ptp(tight) + 1e-8
    assert steps[0] < 0.5 * steps[1]


def test_waves_stay_while_a_cell_changes(monkeypatch):
    """Not a new mesh at each step of a barostat; a restart goes on with the same."""
    made, plan = [], Electrostatics.plan
    monkeypatch.setattr(Electrostatics, "plan", lambda it, matrix: made.append(matrix) or plan(it, matrix))
    settings = ChargeSettings(accuracy=1e-5, cutoff=3.0, method="mesh")

    def started(system, **state):
        potential = HDNNPotential(VARIANTS["equilibrated"], charges=settings, extrapolation="ignore")
        mover = VelocityVerlet(0.005, barostat=StrainRate([0.4, 0, 0, 0.2, 0, 0]))
        return Simulation(system, potential, mover, **state)

    sim = started(moving())
    sim.run(3)
    again = started(None, state=sim.state())
    for run in (sim, again):
        run.run(3)
    assert sim.box.matrix[0, 0] > 4.7 and again.positions.tobytes() == sim.positions.tobytes()
    first, second = made
    assert np.array_equal(first, second) and first[0, 0] == pytest.approx(4.7)


def test_the_same_place_has_the_same_charges():
    """Forces that are computed twice are the same bits, and single evaluations know of none before."""
    model = VARIANTS["equilibrated"]
    settings = ChargeSettings(accuracy=1e-5, cutoff=3.0, residual=1e-4)
    sim = Simulation(moving(), HDNNPotential(model, charges=settings, extrapolation="ignore"), VelocityVerlet(0.005))
    sim.run(3)
    before, charges = sim.forces, sim.findings[CHARGES]
    sim.work.forces(want_energy=True)
    assert sim.forces.tobytes() == before.tobytes() and sim.findings[CHARGES].tobytes() == charges.tobytes()
    alone = System(sim.box, sim.positions, species=sim.snapshot().species, symbols=("O", "H"), masses=np.ones(30))
    potential = HDNNPotential(model, charges=settings)
    first, _, third = evaluate(potential, [alone, moving(), alone])
    assert first.forces.tobytes() == third.forces.tobytes()


def test_another_potential_does_not_go_on_with_charges():
    sim = Simulation(moving(), HDNNPotential(VARIANTS["equilibrated"], extrapolation="ignore"), VelocityVerlet(0.005))
    sim.run(2)
    state = sim.state()
    assert not np.isnan(state["memory"]["charges_before"][:, :3]).any()
    other = replace(VARIANTS["equilibrated"], charges=replace(VARIANTS["equilibrated"].charges, hardness=(25.0, 27.0)))
    for model, same in ((VARIANTS["equilibrated"], True), (other, False)):
        potential = HDNNPotential(model, extrapolation="ignore")
        again = Simulation(None, potential, VelocityVerlet(0.005), state=state)
        fresh = evaluate(potential, System(again.box, again.positions, species=again.snapshot().species,
                                           symbols=("O", "H"), masses=np.ones(30)), findings=True)  # fmt: skip
        np.testing.assert_allclose(again.findings[CHARGES], fresh.findings[CHARGES], rtol=0, atol=1e-5)
        assert (again.findings[CHARGES].tobytes() == sim.findings[CHARGES].tobytes()) is same


# --- files -------------------------------------------------------------------------------------------------

FOURTH = (
    INPUT.replace("symfunction_short", "symfunction")
    + """
nnp_generation 4
use_electrostatics
global_hidden_layers_electrostatic 2
global_nodes_electrostatic 4 3
global_activation_electrostatic t t l
fixed_gausswidth H 0.6
fixed_gausswidth O 1.2
screen_electrostatics 3.0 5.0 p2
ewald_truncation_error_method 1
ewald_prec 1.0e-5 0.4
four_pi_epsilon 2.0
mean_energy -1.5
conv_energy 10.0
conv_length 1.5
conv_charge 4.0
"""
)


def fourth(folder, text=FOURTH, own=()):
    """A small folder of the fourth generation; own : symmetry functions of charges alone."""
    write_folder(folder, text, sizes={z: (n + 1, 3, 2, 1) for z, n in N_INPUTS.items()})
    rng = np.random.default_rng(8)
    for z, n in N_INPUTS.items():
        n = len(own) // 2 or n
        weights = rng.normal(size=(n + 1) * 4 + 5 * 3 + 4)
        (folder / f"weightse.{z:03d}.data").write_text("\n".join(map(repr, weights.tolist())) + "\n")
        (folder / f"hardness.{z:03d}.data").write_text(f"  {20.0 + z:.3f}\n")
    if own:
        rows = [f"{e} {f} 0.0 {1.0 + f} 0.5" for e in (1, 2) for f in range(1, len(own) // 2 + 1)]
        (folder / "scalinge.data").write_text("\n".join(rows) + "\n")
        (folder / "input.nn").write_text(text + "\n".join(own) + "\n")
    return folder


def test_a_folder_of_the_fourth_generation(tmp_path):
    model = read_n2p2(fourth(tmp_path / "a"), NATIVE)
    own = model.charges
    assert own.widths == (0.6, 1.2) and own.hardness == (21.0, 28.0) and own.constant == 0.5
    assert own.screening == Screening(3.0, 5.0, "p2") and (own.input_scale, own.output_scale) == (4.0, 0.4)
    assert own.truncation == Truncation("kolafa-perram", 1e-5, 0.4) and own.as_input and not own.own_energy
    assert own.symmetry_functions is model.symmetry_functions
    assert [n.layer_sizes[0] - len(f) for n, f in zip(model.networks, model.symmetry_functions, strict=True)] == [1, 1]
    write_h5(model, tmp_path / "a.h5")
    assert identical(read_h5(tmp_path / "a.h5"), model)
    lines = [f"symfunction_elec {e} 2 {o} {eta} 0.0 4.0" for e in "HO" for o, eta in (("H", 0.1), ("O", 0.2))]
    other = read_n2p2(fourth(tmp_path / "b", own=lines), NATIVE)
    assert [len(f) for f in other.charges.symmetry_functions] == [2, 2]
    write_h5(other, tmp_path / "b.h5")
    assert identical(read_h5(tmp_path / "b.h5"), other)
    with pytest.raises(InputError, match="folders of the fourth generation are read, not written"):
        write_n2p2(model, tmp_path / "c")


def test_a_folder_as_runner_left_it(tmp_path):
    """What published ones have: a head of RuNNer's, comments behind !, functions for all neighbours at once, a power
    that is negative, sums that say nothing of charges, no screening. It runs, and forces are its energy's."""
    head = """
nnp_gen 4 # nnp_type_gen --> nnp_gen
use_electrostatics
use_short_nn
runner_mode 3
remove_atom_energies
initial_hardness H 10.0 ## fixed_atomhardness --> initial_hardness
fitting_unit eV
ewald_prec 1.0e-6 # for optimal combination of ewald parameters
kalman_lambda_charge 0.98000
"""
    text = FOURTH[: FOURTH.index("screen_electrostatics")].replace("\nnnp_generation 4\nuse_electrostatics\n", head)
    old = "symfunction H 3 O H 0.2 1.0 1.0 6.0"
    assert old in text
    text = text.replace(old, "symfunction H 3 O H 0.0 1.0 -1.0 6.0     ! central_atom type neighbours eta lambda zeta")
    lines = ["element_symfunction_electrostatic H 2 0.1 0.0 4.0", "global_symfunction_ewald 2 0.2 0.0 4.0 ! all"]
    folder = fourth(tmp_path / "a", "\n".join([text, *lines]))  # four functions of charges of H, and of O two
    rows = [f"{e} {k + 1} 0.0 {1.0 + k} 0.5" for e, n in ((1, 4), (2, 2)) for k in range(n)]
    (folder / "scalinge.data").write_text("\n".join(rows))
    for z, n in ((1, 4), (8, 2)):
        own = np.random.default_rng(z).normal(size=(n + 1) * 4 + 5 * 3 + 4).tolist()
        (folder / f"weightse.{z:03d}.data").write_text("\n".join(map(repr, own)))
    model = read_n2p2(folder, NATIVE)
    assert [len(f) for f in model.charges.symmetry_functions] == [4, 2] and model.symmetry_functions[0][2].zeta == -1.0
    own = model.charges
    assert own.screening is None and own.constant == 1.0 and own.truncation == Truncation("jackson-catlow", 1e-6)
    positions = random_cluster(WATER, seed=3)
    system = System(Box.around(positions, 1.0), positions, species=[0, 1, 1, 0, 1, 1], symbols=("O", "H"))
    found = evaluate(HDNNPotential(model), system, findings=True)
    energy, charges = twin.evaluate(model, WATER, positions / BOHR)
    assert found.energy / HARTREE == pytest.approx(energy, rel=1e-10)
    np.testing.assert_allclose(found.findings[CHARGES], charges, rtol=0, atol=1e-10)
    force = twin.force(model, WATER, positions / BOHR, 1, 0)
    assert found.forces[1, 0] * BOHR / HARTREE == pytest.approx(force, abs=1e-7)


@pytest.mark.parametrize(
    "replaced, by, message",
    [
        ("fixed_gausswidth H 0.6", "", "fixed_gausswidth H, the width of its charges, is missing"),
        ("fixed_gausswidth H 0.6", "fixed_gausswidth H -1", "a width must be positive"),
        ("3.0 5.0 p2", "5.0 3.0", "screening of charges from 5 to 3"),
        ("3.0 5.0 p2", "3.0", r"screen_electrostatics: the outer radius is missing$"),
        ("screen_electrostatics", "screen_electrostatic", "keyword; did you mean 'screen_electrostatics'"),
        ("3.0 5.0 p2", "3.0 5.0 q", "expected two radii and one of c, p1, p2, p3, p4, e"),
        ("1.0e-5 0.4", "1.0e-5 0.4 1 1", "expected a precision, a charge and perhaps a cutoff"),
        ("error_method 1", "error_method 2", "2: expected 0 or 1"),
        ("four_pi_epsilon 2.0", "four_pi_epsilon 0", "it must be positive"),
        ("conv_charge 4.0", "conv_charge 0", "it must be positive"),
        ("nnp_generation 4", "nnp_generation 5", "mdcore reads generations 2 and 4 only"),
        ("nnp_generation 4", "", "third generation; the fourth is nnp_generation 4"),
        ("electrostatic 4 3", "electrostatic 4 9", "weightse.001.data: .* expected"),
    ],
)
def test_wrong_folders_are_told(tmp_path, replaced, by, message):
    assert replaced in FOURTH
    with pytest.raises(InputError, match=message):
        read_n2p2(fourth(tmp_path / "a", FOURTH.replace(replaced, by)), NATIVE)


def test_files_of_charges_that_are_not_whole(tmp_path):
    folder = fourth(tmp_path / "a")
    (folder / "hardness.008.data").write_text("1.0\n2.0\n")
    with pytest.raises(InputError, match="2 numbers, expected one, the hardness of O"):
        read_n2p2(folder, NATIVE)
    folder = fourth(tmp_path / "b")
    weights = (folder / "weights.001.data").read_text().splitlines()
    (folder / "weights.001.data").write_text("\n".join(weights[:-3]) + "\n")
    with pytest.warns(UserWarning, match="the others are taken for 0"):
        model = read_n2p2(folder, NATIVE)
    assert not model.networks[0].flat()[-3:].any() and model.networks[0].flat()[-4]


@pytest.mark.parametrize(
    "change, message",
    [
        ({"kind": "guessed"}, "kind 'guessed'"),
        ({"hardness": ()}, "needs a hardness"),
        ({"widths": (0.1,)}, "needs descriptors, scaling, a network and a width"),
        ({"widths": (0.1, 0.0)}, "points"),
        ({"widths": (0.1, -1.0)}, "no width below 0"),
        ({"own_energy": True, "screening": Screening(0.0, 1.0)}, "no energy of their own"),
        ({"conserve": False}, "conserve the total charge"),
        ({"constant": 0.0}, "must be positive"),
    ],
)
def test_wrong_models_are_told(change, message):
    own = vars(VARIANTS["equilibrated"].charges)
    with pytest.raises(InputError, match=message):
        ChargeModel(**own | change)


def test_test_vectors_and_what_is_refused(tmp_path):
    model = VARIANTS["screened, own descriptors"]
    vectors = make_test_vectors(HDNNPotential(model).answers)
    assert len(vectors) == 2
    model = replace(model, test_vectors=vectors)
    write_h5(model, tmp_path / "a.h5")
    potential = HDNNPotential(read_model(tmp_path / "a.h5"))
    worse = replace(model, charges=replace(model.charges, hardness=(20.0, 23.1)))
    with pytest.raises(InputError, match="test vector 0"):
        HDNNPotential(worse)
    check_test_vectors(potential.answers)
    with pytest.raises(InputError, match="are clusters, without a cell"):
        potential.answers.respond(("O",), np.zeros((1, 3)), np.eye(3))
    wire = species(scattered(6, np.diag([3.0, 9.0, 9.0]), (True, False, False)))
    with pytest.raises(InputError, match="wires"):
        evaluate(HDNNPotential(model), wire)
    with pytest.raises(InputError, match="does not say how n2p2 cuts sums off"):
        HDNNPotential(model, charges=ChargeSettings(sums="n2p2"))
    with pytest.raises(InputError, match="Gaussians of width"):
        HDNNPotential(model, charges=ChargeSettings(cutoff=1.0))
    with pytest.raises(InputError, match="the charge of the structure is no number"):
        evaluate(HDNNPotential(model), System(wire.box, wire.positions, species=wire.species, symbols=("O", "H"),
                                              masses=np.ones(6), info={"charge": "some"}))  # fmt: skip
    for wrong in ({"accuracy": 1.0}, {"residual": 1.0}, {"method": "fast"}, {"sums": "mine"}, {"total": math.inf}):
        with pytest.raises(InputError):
            ChargeSettings(**wrong)


# --- what users see ----------------------------------------------------------------------------------------


def test_charges_are_in_trajectories_dumps_and_findings(tmp_path):
    system = moving(10, 4.2)
    system.charges = np.ones(10)  # which those of the network replace
    sim = Simulation(system, HDNNPotential(VARIANTS["equilibrated"], extrapolation="ignore"), VelocityVerlet(0.01))
    sim.add_observer(H5MDWriter(tmp_path / "a.h5md", 2))
    sim.add_observer(ExtxyzDump(tmp_path / "a.extxyz", 2))
    told = []
    sim.every(2, lambda s: told.append(s.findings[CHARGES]))
    sim.run(4)
    with Trajectory(tmp_path / "a.h5md") as frames:
        np.testing.assert_array_equal([frame.columns["charge"] for frame in frames], told)
    dumped = System.read(tmp_path / "a.extxyz")
    np.testing.assert_array_equal(dumped.charges, told[-1])
    assert abs(told[-1] - 1.0).max() > 0.1


def test_ase_is_told_charges_and_dipole():
    ase = pytest.importorskip("ase")
    from mdcore.ase import MDCore

    positions = random_cluster(WATER, seed=3)
    atoms = ase.Atoms("OHHOHH", positions, calculator=MDCore(HDNNPotential(VARIANTS["equilibrated"])))
    energy, charges = twin.evaluate(VARIANTS["equilibrated"], WATER, positions)
    np.testing.assert_allclose(atoms.get_charges(), charges, rtol=0, atol=1e-9)
    np.testing.assert_allclose(atoms.get_dipole_moment(), charges @ positions, rtol=0, atol=1e-8)
    assert atoms.get_potential_energy() == pytest.approx(energy)
    atoms.info["charge"] = -1
    atoms.rattle(1e-3)
    assert atoms.get_charges().sum() == pytest.approx(-1.0)
    atoms.set_cell(5.0 * np.eye(3))
    atoms.pbc = True
    with pytest.raises(Exception, match="dipole"):
        atoms.get_dipole_moment()


def test_charges_of_the_network_count_where_others_are_given():
    model, system = VARIANTS["equilibrated"], moving(10, 4.2)
    alone = HDNNPotential(model, extrapolation="ignore")
    both = Sum(Electrostatics({"O": -0.8, "H": 0.8}), alone, double_counting="allow")
    told = [evaluate(p, system, findings=True).findings for p in (alone, both)]
    np.testing.assert_array_equal(told[1]["charges"], told[0]["charges"])
    assert "electric_potential" in told[1]


def test_inputs_say_how_charges_are_computed(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    model = VARIANTS["screened, own descriptors"]
    write_h5(replace(model, test_vectors=make_test_vectors(HDNNPotential(model).answers)), tmp_path / "a.h5")
    rows = enumerate(moving(12, 4.3).positions.tolist())
    atoms = "\n".join(f"{'OH'[k % 2]} {x[0]!r} {x[1]!r} {x[2]!r}" for k, x in rows)
    head = 'Lattice="4.3 0 0 0 4.3 0 0 0 4.3" Properties=species:S:1:pos:R:3'
    (tmp_path / "a.extxyz").write_text(f"12\n{head}\n{atoms}\n")
    text = """
[structure]
file = "a.extxyz"
[[potential]]
type = "hdnnp"
file = "a.h5"
extrapolation = "ignore"
charge_cutoff = 3.0
charge_method = "mesh"
charge_accuracy = 1e-4
charge_residual = 1e-7
total_charge = 1.0
[[stage]]
ensemble = "nve"
timestep = 0.1
steps = 2
[output]
dump_every = 1
"""
    (tmp_path / "b.toml").write_text(text)
    assert main(["run", str(tmp_path / "b.toml")]) == 0
    how = "charges by equilibration (pairs within 3 Angstrom, accuracy 0.0001, residual 1e-07 e)"
    assert how in capsys.readouterr().out
    assert System.read(tmp_path / "b.extxyz").charges.sum() == pytest.approx(1.0)
    plain = random_model(types=[2], normalisation=False)
    write_h5(plain, tmp_path / "a.h5", overwrite=True)
    assert main(["check", str(tmp_path / "b.toml")]) == 2
    assert "total_charge = 1.0: a.h5 has no charges; take the key out" in capsys.readouterr().err


# --- n2p2 --------------------------------------------------------------------------------------------------


def expected(name):
    """(energy, charges, forces, structure) of n2p2's own run."""
    folder = REFERENCE / name
    if not folder.is_dir():
        pytest.skip(f"no reference data beside the repository ({folder})")
    energy, charges, forces = (np.loadtxt(folder / "expected" / f"{f}.out") for f in ("energy", "nnatoms", "nnforces"))
    s = read_input_data(folder / "input.data", NATIVE)[0].in_metal_units()
    box = Box(s.cell) if s.cell is not None else Box.around(s.positions, 1.0)
    symbols = tuple(dict.fromkeys(s.symbols))
    system = System(box, s.positions, species=[symbols.index(x) for x in s.symbols], symbols=symbols)
    return energy[3], charges[:, 4], forces[:, 5:], system


@pytest.mark.reference
@pytest.mark.filterwarnings("ignore:.*are taken for 0")
@pytest.mark.parametrize("name, sums", [("Carbon_chain_4G", "converged"), ("H2O_RPBE-D3_4G", "n2p2")])
def test_reference_folders(name, sums):
    """Published potentials of the fourth generation, as n2p2 computes them, its cutoffs of sums included."""
    energy, charges, forces, system = expected(name)
    potential = HDNNPotential(read_model(REFERENCE / name, NATIVE), charges=ChargeSettings(sums=sums))
    found = evaluate(potential, system, findings=True)
    assert found.energy / HARTREE == pytest.approx(energy, rel=1e-13)
    np.testing.assert_allclose(found.findings[CHARGES], charges, rtol=0, atol=1e-11)
    np.testing.assert_allclose(found.forces * (BOHR / HARTREE), forces, rtol=0, atol=1e-10)


@pytest.mark.reference
def test_converged_sums_are_near_those_of_n2p2():
    energy, charges, forces, system = expected("H2O_RPBE-D3_4G")
    potential = HDNNPotential(read_model(REFERENCE / "H2O_RPBE-D3_4G", NATIVE))
    found = evaluate(potential, system, findings=True)
    assert found.energy / HARTREE == pytest.approx(energy, rel=1e-7)
    assert 1e-7 < np.abs(found.findings[CHARGES] - charges).max() < 1e-5
    np.testing.assert_allclose(found.forces * (BOHR / HARTREE), forces, rtol=0, atol=1e-5)
