"""Density networks in the engine: do they equal their twin, and is nothing else different from other networks?"""

from dataclasses import replace

import numpy as np
import pytest

import mdcore
from mdcore import Disagreement, ExtxyzDump, Simulation, System, VelocityVerlet, evaluate
from mdcore.base.errors import DisagreementError, ExtrapolationError, InputError, SimulationError
from mdcore.doors import _density, _kernels
from mdcore.engine.domain import Domain
from mdcore.potentials.base import Sum
from mdcore.potentials.density.committee import single
from mdcore.potentials.density.potential import DensityPotential
from mdcore.potentials.networks.h5 import write_h5
from mdcore.potentials.networks.vectors import make_test_vectors
from mdcore.potentials.networks.walls import Wall
from mdcore.potentials.pair.zbl import ZBL
from tests.density_twin import Twin, density, random_network
from tests.reference.hdnnp_models import random_model
from tests.systems import TRICLINIC, cells, scattered

CELLS = dict(cells(2.5))
GROUP = density(members=3, layers=2)
UNLIKE = density(members=1, unlike=[{"layers": 1, "channels": 32, "hidden": 0}, {"message_l": 1, "channels": 32}])
PAIR = ("H", "O")


def system_of(cell: System) -> System:
    n = len(cell.positions)
    return System(cell.box, cell.positions, species=np.arange(n) % 2, symbols=("O", "H"))


def twin_of(model, system) -> Twin:
    species = [model.elements.index(system.symbols[s]) for s in system.species]
    cell = system.box.matrix if all(system.box.periodic) else None
    return Twin(model, species, system.positions, cell)


SYSTEM = system_of(scattered(30, 4.2 * TRICLINIC, seed=7, closest=0.9))


@pytest.mark.parametrize("cell", ["triclinic", "small", "atoms outside"])
@pytest.mark.parametrize(
    "design", [{"layers": 1}, {"layers": 2}, {"layers": 3, "factors": 2, "hidden": 0}, {"message_l": 1}]
)
def test_equals_twin(cell, design):
    system, potential = system_of(CELLS[cell]), density(**design)
    found, twin = evaluate(potential, system), twin_of(potential.model, system)
    assert found.energies == pytest.approx(twin.energies(), abs=1e-10)
    if system.n_atoms < 9:
        assert found.forces == pytest.approx(twin.forces(), abs=1e-9)
        assert found.virial == pytest.approx(twin.virial(), abs=1e-8)


@pytest.mark.parametrize("precision, tolerance", [("double", 1e-10), ("mixed", 1e-5)])
def test_every_processor_answers_alike(level, precision, tolerance):
    found = evaluate(density(settings={"precision": precision}), SYSTEM)
    _kernels.select_cpu("baseline")
    same = evaluate(density(), SYSTEM)
    assert found.forces == pytest.approx(same.forces, abs=tolerance)
    assert found.energies == pytest.approx(same.energies, abs=tolerance)


@pytest.mark.parametrize("potential", [GROUP, density(members=2, message_l=1)], ids=["numbers", "vectors"])
def test_threads_change_no_bit(potential):
    one, two, three = (evaluate(potential, SYSTEM, threads=n, findings=True, descriptors=True) for n in (1, 2, 3))
    for other in (two, three):
        assert one.forces.tobytes() == other.forces.tobytes() and one.energy == other.energy
        assert one.energies.tobytes() == other.energies.tobytes() and one.virial.tobytes() == other.virial.tobytes()
        assert np.array_equal(one.findings["force_disagreement"], other.findings["force_disagreement"])
        assert np.array_equal(one.descriptors, other.descriptors)


@pytest.mark.parametrize("precision", ["double", "mixed"])
@pytest.mark.parametrize("design", [{"layers": 3}, {"message_l": 1, "channels": 48}], ids=["numbers", "vectors"])
def test_a_rank_alone_reads_messages_where_they_are(monkeypatch, precision, design):
    """The same bits as those of several ranks, which copy messages to ghosts and add their pulls to owners."""
    system = SYSTEM.replicate((2, 1, 1))  # more atoms of a species than one batch of maps takes
    potential = density(settings={"precision": precision}, **design)
    there = [evaluate(potential, system, threads=n) for n in (1, 2)]
    monkeypatch.setattr(Domain, "homes", lambda self, atoms: None)
    for one in there:
        other = evaluate(potential, system, threads=2)
        assert one.forces.tobytes() == other.forces.tobytes() and one.energy == other.energy
        assert one.energies.tobytes() == other.energies.tobytes()


def test_descriptors_are_the_features():
    found = evaluate(GROUP, SYSTEM, descriptors=True).descriptors
    wanted = [twin_of(single(GROUP.model, k), SYSTEM).messages() for k in range(3)]
    assert np.array(found) == pytest.approx(np.concatenate(wanted, axis=1), abs=1e-9)
    assert GROUP.n_descriptors("H") == 96 and GROUP.label("H", 3 * 16 + 5) == "H member 2, layer 2, channel 6"


def test_walls_push():
    walls = (Wall(PAIR, 0.7, 1.1), Wall(("O", "O"), 0.7, 1.1))
    bare, guarded = evaluate(density(), SYSTEM), evaluate(density(walls=walls), SYSTEM)
    wall = evaluate(ZBL(pairs={own.pair: (own.inner, own.cutoff) for own in walls}), SYSTEM)
    assert guarded.energy - bare.energy == pytest.approx(wall.energy, abs=1e-9) and wall.energy > 1.0
    assert guarded.forces - bare.forces == pytest.approx(wall.forces, abs=1e-9)


def test_networks_of_several_widths_in_one_sum():
    """Each has columns of its own."""
    terms = [density(), density(channels=32), density(message_l=1), density()]
    found = evaluate(Sum(*terms), SYSTEM)
    assert found.energy == pytest.approx(sum(evaluate(term, SYSTEM).energy for term in terms), abs=1e-9)


def test_energy_is_conserved():
    """Of second order in the time step: a fourth of the error at half the step."""
    spread = []
    for dt in (0.02, 0.01):
        system = system_of(scattered(30, 4.2 * TRICLINIC, seed=7, closest=0.9))
        system.velocities = 0.02 * np.random.default_rng(1).normal(size=(30, 3))
        sim, energies = Simulation(system, density(), VelocityVerlet(dt), skin=0.2), []
        sim.every(1, lambda s, energies=energies: energies.append(s.thermo().total))
        sim.run(round(1.0 / dt))
        spread.append(np.std(energies))
    assert 3.0 < spread[0] / spread[1] < 5.0


def test_heat_currents_need_energies_of_pairs():
    """With messages an atom's energy depends on more than its neighbours."""
    assert Simulation(SYSTEM, density(layers=1)).atom_virials.shape == (30, 3, 3)
    with pytest.raises(InputError, match="does not tell the virial of each atom"):
        Simulation(SYSTEM, density()).atom_virials  # noqa: B018


def test_refuses():
    with pytest.raises(InputError, match=r"no network for species C; it knows H, O"):
        density().bind(("O", "C"))
    with pytest.raises(InputError, match=r"DensityPotential\('a.h5'\): expected a model"):
        DensityPotential("a.h5")
    with pytest.raises(InputError, match=r"DensityPotential\(a HDNNP\): expected a model"):
        DensityPotential(random_model())
    with pytest.raises(InputError, match="precision = 'single'"):
        density(settings={"precision": "single"})
    with pytest.raises(InputError, match="bohr, ev given, but the potential states angstrom, ev"):
        DensityPotential(random_network(), {"length": "bohr", "energy": "ev"})
    with pytest.raises(InputError, match="is one network, which can't disagree"):
        density(settings={"disagreement": Disagreement(10)})
    far = random_network()
    flat = far.parameters.copy()
    far.design.views(flat)["E0"][1] = 1e9
    with pytest.raises(InputError, match="energy offset of O is 1e"):
        DensityPotential(replace(far, parameters=flat))


# --- test vectors --------------------------------------------------------------------------------------------


def test_vectors_tell_whether_a_file_is_whole(tmp_path):
    model = replace(GROUP.model, test_vectors=make_test_vectors(GROUP.answers))
    assert len(model.test_vectors) == 3 and all(np.abs(v.forces).max() > 1e-3 for v in model.test_vectors)
    for precision in ("double", "mixed"):
        DensityPotential(model, precision=precision)
    flat = model.others[0].copy()
    model.design.views(flat)["W.1"][0, 0, 0] += 1e-3
    with pytest.raises(InputError, match="test vector 0"):
        DensityPotential(replace(model, others=(flat, *model.others[1:])))


def sent_smaller(potential, by: float) -> DensityPotential:
    """The same energies, by messages so many times smaller that are seen so many times larger."""
    flat = potential.model.parameters.copy()
    p = potential.model.design.views(flat)
    for name in {"V.1", "V1.1"} & p.keys():
        p[name] /= by
    p["W.1"] *= by
    return DensityPotential(replace(potential.model, parameters=flat))


@pytest.mark.parametrize("message_l", [0, 1])
def test_pulls_that_can_not_be_summed_are_an_error(message_l):
    """Forces are the same whatever messages are counted in; derivatives by them are not, and have a limit."""
    own = density(message_l=message_l)
    wanted = evaluate(own, SYSTEM).forces
    assert evaluate(sent_smaller(own, 10.0), SYSTEM).forces == pytest.approx(wanted, abs=1e-9)
    for precision, threads in (("double", 1), ("mixed", 1), ("double", 3)):
        model = sent_smaller(own, 1e9).model
        with pytest.raises(SimulationError, match=r"force on atom .* is not a finite number; its nearest neighbour"):
            evaluate(DensityPotential(model, precision=precision, threads=threads), SYSTEM)


# --- what it does not know ------------------------------------------------------------------------------------


def ranged(potential=None, margin=0.02) -> DensityPotential:
    """One that knows what SYSTEM has, and a little beyond."""
    potential = potential or density()
    x = np.array(evaluate(potential, SYSTEM, descriptors=True).descriptors)
    symbols = [SYSTEM.symbols[s] for s in SYSTEM.species]
    model = potential.model
    low, high = (np.array([end(x[[s == e for s in symbols]], axis=0) for e in PAIR]) for end in (np.min, np.max))
    low, high = low - margin * (high - low), high + margin * (high - low)
    ranges = np.split(np.array([low, high]), model.ends[:-1], axis=2)
    return DensityPotential(replace(model, ranges=tuple(ranges)))


@pytest.mark.parametrize("potential", [density(), density(members=2), UNLIKE], ids=["one", "two", "unlike"])
def test_outside_the_range_of_training(potential):
    potential = ranged(potential)
    assert len(evaluate(potential, SYSTEM).extrapolation.atoms) == 0
    moved = System(SYSTEM.box, SYSTEM.positions + 0.02 * np.sin(np.arange(90).reshape(30, 3)), SYSTEM.species,
                   SYSTEM.symbols)  # fmt: skip
    found = evaluate(potential, moved, descriptors=True)
    low, high = np.concatenate(potential.model.ranges, axis=2)
    x, kinds = np.array(found.descriptors), [PAIR.index(moved.symbols[s]) for s in moved.species]
    excess = np.maximum(low[kinds] - x, x - high[kinds]) / (high - low)[kinds]
    assert np.array_equal(found.extrapolation.count, (excess > 0).sum(axis=1)) and found.extrapolation.count.any()
    assert found.extrapolation.excess == pytest.approx(np.maximum(excess.max(axis=1), 0.0), abs=1e-9)
    atom = int(found.extrapolation.excess.argmax())
    label = potential.label(moved.symbols[moved.species[atom]], int(excess[atom].argmax()))
    assert found.extrapolation.worst[atom] == label


def test_rounding_of_floats_is_not_outside():
    model = ranged(margin=0.0).model
    for precision in ("double", "mixed"):
        assert not len(evaluate(DensityPotential(model, precision=precision), SYSTEM).extrapolation.atoms)


def moving(potential, **options) -> Simulation:
    system = System(SYSTEM.box, SYSTEM.positions, SYSTEM.species, SYSTEM.symbols)
    system.velocities = 0.02 * np.random.default_rng(1).normal(size=(30, 3))
    return Simulation(system, potential, VelocityVerlet(0.2), skin=0.2, **options)


def test_a_run_is_stopped_and_saved(tmp_path):
    watch = mdcore.Extrapolation("stop", dump=ExtxyzDump(tmp_path / "outside.extxyz", 0))
    sim = moving(DensityPotential(ranged().model, extrapolation=watch))
    with pytest.raises(ExtrapolationError, match="atoms are outside the range the network potential was trained on"):
        sim.run(200)
    assert System.read(tmp_path / "outside.extxyz").info["atoms_outside"] == watch.total.atoms > 0
    assert any("doubtful" in text or "at its edge" in text for _, text in sim.verdicts())


def test_without_ranges_nobody_looks():
    sim = moving(density())
    sim.run(3)
    assert sim.verdicts() == [] and evaluate(density(), SYSTEM).extrapolation is None


# --- committees ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("group", [GROUP, UNLIKE], ids=["alike", "unlike"])
def test_a_committee_is_the_mean_and_tells_how_members_differ(group):
    each = [evaluate(DensityPotential(single(group.model, k)), SYSTEM) for k in range(3)]
    forces, energies = np.array([own.forces for own in each]), np.array([own.energy for own in each])
    found = evaluate(group, SYSTEM, findings=True)
    assert found.forces == pytest.approx(forces.mean(axis=0), abs=3e-9)  # each member's share is rounded
    assert found.energy == pytest.approx(energies.mean(), abs=1e-10)
    wanted = np.sqrt(((forces - forces.mean(axis=0)) ** 2).sum(axis=2).mean(axis=0))
    assert found.findings["force_disagreement"] == pytest.approx(wanted, abs=1e-9) and wanted.max() > 1e-3
    assert found.findings["energy_disagreement"] == pytest.approx(energies.std() / 30, rel=1e-8)


def test_disagreement_stops_a_run_and_looks_change_nothing():
    quiet, loud = moving(GROUP), moving(DensityPotential(GROUP.model, disagreement=Disagreement(2)))
    quiet.run(5), loud.run(5)
    assert quiet.snapshot().positions.tobytes() == loud.snapshot().positions.tobytes()
    with pytest.raises(DisagreementError, match="members of"):
        moving(DensityPotential(GROUP.model, disagreement=Disagreement(1, stop=1e-4))).run(5)


def test_ase(tmp_path):
    ase = pytest.importorskip("ase")
    from mdcore.ase import MDCore

    write_h5(GROUP.model, tmp_path / "group.h5")
    atoms = ase.Atoms([SYSTEM.symbols[s] for s in SYSTEM.species], SYSTEM.positions, cell=SYSTEM.box.matrix, pbc=True)
    atoms.calc = MDCore(tmp_path / "group.h5", precision="mixed")
    assert atoms.get_forces() == pytest.approx(evaluate(GROUP, SYSTEM).forces, abs=1e-5)
    assert atoms.calc.get_property("force_disagreement", atoms).shape == (30,)


def test_precisions_are_those_of_the_kernels():
    from mdcore.potentials.networks.running import PRECISIONS

    assert PRECISIONS == _density.PRECISIONS
