"""A committee is one potential: the mean of its members, at one's descriptors; how they differ is told beside."""

from dataclasses import replace
from itertools import pairwise

import h5py
import numpy as np
import pytest

import mdcore
from mdcore import Disagreement, ExtxyzDump, HDNNPotential, Simulation, System, Trajectory, VelocityVerlet, evaluate
from mdcore.base.errors import DisagreementError, InputError
from mdcore.potentials.networks.committee import committee, single
from mdcore.potentials.networks.frozen import identical
from mdcore.potentials.networks.h5 import read_h5, write_h5
from mdcore.potentials.networks.model import ElementNetwork
from mdcore.potentials.networks.native_units import Units
from mdcore.potentials.networks.trained import fingerprint
from mdcore.potentials.networks.vectors import make_test_vectors
from tests.contract import assert_forces_match_energy
from tests.reference.committees import MEMBERS, MODEL, SYSTEM, disagreement
from tests.reference.hdnnp_models import random_model
from tests.reference.trained import trained_on
from tests.test_extrapolation import frames_of, moving


def test_energy_and_forces_are_means():
    """Of potentials with other energy units, zeros and hidden layers."""
    for precision, tolerance in (("double", 1e-9), ("mixed", 3e-6)):
        found = evaluate(HDNNPotential(MODEL, precision=precision), SYSTEM)
        each = [evaluate(HDNNPotential(m), SYSTEM) for m in MEMBERS]
        assert np.std([e.energy for e in each]) > 0.1  # they differ
        for name in ("energy", "energies", "forces", "virial"):
            mean = np.mean([getattr(e, name) for e in each], axis=0)
            np.testing.assert_allclose(getattr(found, name), mean, atol=tolerance * max(1, np.abs(mean).max()))


def test_members_alone_say_what_they_said():
    for k, member in enumerate(MEMBERS):
        one, other = evaluate(HDNNPotential(single(MODEL, k)), SYSTEM), evaluate(HDNNPotential(member), SYSTEM)
        np.testing.assert_allclose(one.forces, other.forces, atol=1e-9)
        assert one.energy == pytest.approx(other.energy, abs=1e-8)
    assert identical(single(MODEL, 0).networks, MEMBERS[0].networks)


def test_a_committee_of_equals_is_its_member():
    model = committee([MEMBERS[0]] * 4)
    one, other = evaluate(HDNNPotential(model), SYSTEM, findings=True), evaluate(HDNNPotential(MEMBERS[0]), SYSTEM)
    np.testing.assert_array_equal(one.forces, other.forces)
    assert one.energy == other.energy
    assert one.findings["max_disagreement"] == one.findings["energy_disagreement"] == 0.0


def relatives() -> list:
    """Potentials of the same elements and nothing else in common: descriptors, cutoffs, scaling, normalisation."""
    first = random_model(types=[2, 3], cutoff=2.8)
    wider = tuple(replace(s, max=s.max + 1.0, mean=s.mean - 0.2) for s in first.scaling)
    return [
        first,
        random_model(types=[2, 9], cutoff=2.5, cutoff_type=6, mode="center", seed=2, activations="ttl"),
        replace(random_model(types=[2, 3], cutoff=2.8, weights_seed=3, normalize_nodes=True), scaling=wider),
        random_model(types=[3, 12], cutoff=2.8, mode="sigma", seed=4, normalisation=False, normalize_nodes=True),
    ]


def test_members_may_have_descriptors_of_their_own():
    """Each function once; energy and forces the means; each member taken out is what it was."""
    models = relatives()
    model = committee(models)
    for e, functions in enumerate(model.symmetry_functions):
        assert len(functions) == len({f for m in models for f in m.symmetry_functions[e]})
        assert len(functions) < sum(len(m.symmetry_functions[e]) for m in models)
    found, each = evaluate(HDNNPotential(model), SYSTEM), [evaluate(HDNNPotential(m), SYSTEM) for m in models]
    assert np.std([e.energy for e in each]) > 0.1
    for name in ("energy", "energies", "forces", "virial"):
        mean = np.mean([getattr(e, name) for e in each], axis=0)
        np.testing.assert_allclose(getattr(found, name), mean, atol=1e-9 * max(1, np.abs(mean).max()))
    for k, (one, own) in enumerate(zip(models, each, strict=True)):
        alone = single(model, k)
        assert alone.symmetry_functions == one.symmetry_functions and alone.cutoff == one.cutoff
        again = evaluate(HDNNPotential(alone), SYSTEM)
        np.testing.assert_allclose(again.forces, own.forces, atol=1e-9)
        assert again.energy == pytest.approx(own.energy, abs=1e-8)
    both = committee([committee(models[:2]), committee(models[2:])])
    np.testing.assert_allclose(evaluate(HDNNPotential(both), SYSTEM).forces, found.forces, atol=1e-9)
    assert_forces_match_energy(HDNNPotential(model), SYSTEM)


def test_a_function_given_twice_counts_twice():
    """As files of n2p2 may have it."""
    first, other = relatives()[0], relatives()[1]
    twice = replace(
        first,
        symmetry_functions=tuple((own[0], *own) for own in first.symmetry_functions),
        scaling=tuple(
            replace(s, **{k: np.insert(getattr(s, k), 0, getattr(s, k)[0]) for k in ("min", "max", "mean", "sigma")})
            for s in first.scaling
        ),
        networks=tuple(
            ElementNetwork((np.insert(n.weights[0], 0, 0.7, axis=0), *n.weights[1:]), n.biases, n.activations)
            for n in first.networks
        ),
    )
    mean = np.mean([evaluate(HDNNPotential(m), SYSTEM).forces for m in (twice, other)], axis=0)
    found = evaluate(HDNNPotential(committee([twice, other])), SYSTEM).forces
    np.testing.assert_allclose(found, mean, atol=1e-9)


def test_the_range_is_what_all_members_know():
    """Whatever their order, atoms are outside if they are so for one of them."""
    narrow = trained_on(SYSTEM, margin=-0.1)
    wide = trained_on(SYSTEM, margin=0.2)
    alone = [len(evaluate(HDNNPotential(m), SYSTEM).extrapolation.atoms) for m in (narrow, wide)]
    assert alone[0] > 0 == alone[1]
    for models in ([narrow, wide], [wide, narrow]):
        found = evaluate(HDNNPotential(committee(models)), SYSTEM)
        assert len(found.extrapolation.atoms) == alone[0]
        mean = np.mean([evaluate(HDNNPotential(m), SYSTEM).forces for m in models], axis=0)
        np.testing.assert_allclose(found.forces, mean, atol=1e-9)


def test_committees_join():
    model = committee([committee(MEMBERS[:2]), MEMBERS[2]])
    assert identical(model, MODEL)


def test_forces_are_the_gradient_of_the_energy():
    assert_forces_match_energy(HDNNPotential(MODEL), SYSTEM)


@pytest.mark.parametrize(("precision", "tolerance"), [("double", 1e-9), ("mixed", 3e-6)])
def test_disagreement_is_that_of_single_potentials(precision, tolerance):
    forces, energy = disagreement(MODEL)
    found = evaluate(HDNNPotential(MODEL, precision=precision), SYSTEM, findings=True).findings
    each = found["force_disagreement"]
    np.testing.assert_allclose(each, forces, atol=tolerance)
    assert found["energy_disagreement"] == pytest.approx(energy, rel=1e-6)
    assert found["max_disagreement"] == each.max() > 1e-3
    assert found["mean_disagreement"] == pytest.approx(each.mean(), abs=1e-6)
    assert evaluate(HDNNPotential(MODEL), SYSTEM).findings is None


def test_threads_change_no_bit():
    found = [evaluate(HDNNPotential(MODEL), SYSTEM, threads=n, findings=True) for n in (1, 2, 3)]
    for one, other in pairwise(found):
        np.testing.assert_array_equal(one.forces, other.forces)
        np.testing.assert_array_equal(one.findings["force_disagreement"], other.findings["force_disagreement"])
        assert one.energy == other.energy
        assert one.findings["energy_disagreement"] == other.findings["energy_disagreement"]
    many = evaluate(HDNNPotential(MODEL), [SYSTEM, SYSTEM], threads=2, findings=True)
    np.testing.assert_array_equal(many[1].findings["force_disagreement"], found[0].findings["force_disagreement"])


def test_ase():
    ase = pytest.importorskip("ase")
    from mdcore.ase import MDCore

    atoms = ase.Atoms("OH" * 30, SYSTEM.positions, cell=SYSTEM.box.matrix, pbc=True)
    atoms.calc = MDCore(HDNNPotential(MODEL))
    atoms.get_forces()
    assert "force_disagreement" not in atoms.calc.results
    found = evaluate(HDNNPotential(MODEL), atoms, findings=True).findings
    np.testing.assert_array_equal(atoms.calc.get_property("force_disagreement", atoms), found["force_disagreement"])
    assert atoms.calc.get_property("energy_disagreement", atoms) == found["energy_disagreement"]
    assert "force_disagreement" not in MDCore(HDNNPotential(MEMBERS[0])).implemented_properties


# --- files -----------------------------------------------------------------------------------------------


def test_file_keeps_all_members(tmp_path):
    path = tmp_path / "c.h5"
    model = replace(MODEL, test_vectors=make_test_vectors(HDNNPotential(MODEL).answers))
    write_h5(model, path)
    again = read_h5(path)
    assert identical(again, model) and fingerprint(again) == fingerprint(model)
    HDNNPotential(again)  # the answers to its test vectors are the mean's
    assert len({fingerprint(single(MODEL, k)) for k in range(3)} | {fingerprint(MODEL)}) == 4
    with h5py.File(path) as file:
        assert file.attrs["version"] == 2
    write_h5(MEMBERS[0], tmp_path / "one.h5")
    with h5py.File(tmp_path / "one.h5") as file:
        assert file.attrs["version"] == 1 and "members" not in file


@pytest.mark.parametrize("damage", ["weight", "gone", "fewer", "shape"])
def test_damaged_files(tmp_path, damage):
    path = tmp_path / "c.h5"
    write_h5(replace(MODEL, test_vectors=make_test_vectors(HDNNPotential(MODEL).answers)), path)
    with h5py.File(path, "r+") as file:
        if damage == "weight":
            file["members/2/O/weights/1"][0, 0] += 0.01
        elif damage == "gone":
            del file["members/2/O"]
        elif damage == "fewer":
            file["members"].attrs["n"] = 2
        else:
            del file["members/1/O/biases/0"]
            file["members/1/O/biases/0"] = np.zeros(3)
    with pytest.raises(InputError, match="damaged" if damage != "shape" else "do not fit together"):
        HDNNPotential(read_h5(path))


def test_strangers_make_no_committee():
    first = MEMBERS[0]
    with pytest.raises(InputError, match="shares elements, and those of number 2, random, are others"):
        committee([first, random_model(("O", "Si"))])
    with pytest.raises(InputError, match="shares units, and those of number 2"):
        committee([first, replace(first, units=Units("bohr", "hartree"))])
    unknown = random_model(types=[2, 9], mode="none")
    unknown = replace(unknown, scaling=tuple(replace(s, min=s.min * np.nan) for s in unknown.scaling))
    with pytest.raises(InputError, match=r"scales as the first of its potentials does \(scale\), and H 2 .* can't be"):
        committee([first, unknown])
    last = [replace(n, activations=(*n.activations[:-1], "t")) for n in first.networks]
    with pytest.raises(InputError, match="its last layer is not linear"):
        committee([first, replace(MEMBERS[1], networks=tuple(last))])
    small = ElementNetwork.from_flat(np.zeros(9), (2, 2, 1), ("t", "l"))  # two inputs
    with pytest.raises(InputError, match="member 2 of the committee: its networks do not fit the descriptors"):
        replace(first, others=((small, small),))
    with pytest.raises(InputError, match="101 members of a committee: 100 at most"):
        committee([first] * 101)


# --- runs ------------------------------------------------------------------------------------------------


def simulation(watch=None, model=MODEL, **options):
    return Simulation(
        moving(), HDNNPotential(model, extrapolation="ignore", disagreement=watch, **options), VelocityVerlet(0.05)
    )


def by_hand(steps=40):
    """The disagreement about each atom after 0, 1, ... steps."""
    sim, found = simulation(), []
    for _ in range(steps + 1):
        now = sim.snapshot()
        system = System(SYSTEM.box, now.positions, species=now.species, symbols=now.symbols)
        found.append(disagreement(MODEL, system)[0])
        sim.run(1)
    return found


BY_HAND = by_hand()
MOST = np.array([forces.max() for forces in BY_HAND])


def test_looks_change_nothing():
    sims = [simulation(), simulation(Disagreement(every=3))]
    for sim in sims:
        sim.run(40)
    one, other = (sim.snapshot() for sim in sims)
    assert one.positions.tobytes() == other.positions.tobytes() and one.forces.tobytes() == other.forces.tobytes()
    watch = sims[1].watchers[1][0]
    assert watch.looks == 14 and sims[0].watchers[1][0].looks == 0
    assert watch.largest[0] == pytest.approx(MOST[:40:3].max(), rel=1e-7)
    step = 3 * int(MOST[:40:3].argmax())
    assert f"atom {BY_HAND[step].argmax()} (counting from 0)" in watch.summary() and f"step {step}" in watch.summary()
    assert watch.sum / 14 == pytest.approx(np.mean(BY_HAND[:40:3]), rel=1e-5)


def test_saves_disputed_structures(tmp_path):
    limit, path = float(np.median(MOST)), tmp_path / "disputed.extxyz"
    sim = simulation(Disagreement(every=2, save=limit, pause=6, dump=ExtxyzDump(path, 0)))
    sim.run(40)
    want = []
    for step in range(0, 41, 2):
        if MOST[step] > limit and (not want or step >= want[-1] + 6):
            want.append(step)
    frames = frames_of(path)
    assert [f.info["Step"] for f in frames] == want and len(want) > 1
    assert sim.watchers[1][0].above == np.count_nonzero(MOST[:41:2] > limit)
    for frame in frames:
        most = BY_HAND[frame.info["Step"]]
        assert frame.info["most_disputed_atom"] == most.argmax()
        assert frame.info["disagreement"] == pytest.approx(most.max(), rel=1e-7)
    text = path.read_text().splitlines()
    assert ":force_disagreement:R:1" in text[1] and "energy=" not in text[1] and ":forces:" not in text[1]
    column = [float(line.split()[-1]) for line in text[2:62]]
    np.testing.assert_allclose(column, BY_HAND[want[0]], atol=1e-9)
    with pytest.raises(InputError, match="disagreement: save needs a file"):
        simulation(Disagreement(save=limit)).run(1)


def test_stops(tmp_path):
    limit, path = float(np.sort(MOST)[-6:-4].mean()), tmp_path / "last.extxyz"
    step = next(k for k in range(41) if MOST[k] > limit)
    sim = simulation(Disagreement(every=1, stop=limit, dump=ExtxyzDump(path, 0)))
    tag = BY_HAND[step].argmax()
    with pytest.raises(DisagreementError, match=rf"^step {step}: .* about the force on atom {tag} .*; the limit is"):
        sim.run(41)
    assert sim.step == step and frames_of(path)[-1].info["Step"] == step
    assert DisagreementError.exit_code == 5


def test_logs_and_dumps_tell_it(tmp_path, capsys):
    import sys

    sim = simulation()
    file = mdcore.H5MDWriter(tmp_path / "run.h5md", 20).file
    sim.add_observer(mdcore.ThermoLog(10, sys.stdout, file))
    sim.add_observer(ExtxyzDump(tmp_path / "run.extxyz", 20))
    sim.run(40)
    file.close()
    with Trajectory(tmp_path / "run.h5md") as found:
        thermo = found.thermo()
    np.testing.assert_allclose(thermo["max_disagreement"], MOST[:41:10], atol=1e-9)
    np.testing.assert_allclose(thermo["mean_disagreement"], np.mean(BY_HAND, axis=1)[:41:10], atol=1e-6)
    assert (thermo["energy_disagreement"] > 0).all()
    assert "max_disagreement" in capsys.readouterr().out
    lines = (tmp_path / "run.extxyz").read_text().splitlines()
    assert ":forces:R:3:force_disagreement:R:1" in lines[1]
    np.testing.assert_allclose([float(line.split()[-1]) for line in lines[2:62]], BY_HAND[0], atol=1e-9)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"every": 0}, r"every = 0: expected a whole number >= 1"),
        ({"save": -1.0}, r"save = -1\.0: expected a positive number"),
        ({"stop": np.inf}, r"stop = inf"),
        ({"pause": True}, r"pause = True"),
    ],
)
def test_refuses(wrong, says):
    with pytest.raises(InputError, match=says):
        Disagreement(**wrong)


def test_one_network_can_not_disagree():
    with pytest.raises(InputError, match=r"random is one network, which can't disagree with itself; make a committee"):
        simulation(Disagreement(stop=1.0), MEMBERS[0])
    with pytest.raises(InputError, match="findings: this potential has none; a committee"):
        evaluate(HDNNPotential(MEMBERS[0]), SYSTEM, findings=True)
    assert simulation(model=MEMBERS[0]).findings == {}
