"""Potentials that listen to the members of a committee: is the energy what is promised, and are forces its gradient?"""

import itertools
from dataclasses import replace

import numpy as np
import pytest

import mdcore
from mdcore import BiasedPotential, FallbackPotential, HDNNPotential, Simulation, System, VelocityVerlet
from mdcore.base.errors import InputError
from mdcore.potentials.base import Sum
from mdcore.potentials.committees.fallback import WEIGHT
from mdcore.potentials.families import single
from mdcore.potentials.networks.committee import committee
from mdcore.potentials.networks.model import Normalisation
from tests import contract, eam_files
from tests.density_twin import density
from tests.mpi import mpirun, needs_mpi
from tests.reference.hdnnp_models import charged_model, random_model
from tests.systems import TRICLINIC, scattered

SPECIES = ("O", "H")
ZEROS = [0.5, -0.2, -0.3]  # eV, of the members about oxygen
CALIBRATION = {"O": 1.5, "H": 0.7}


def networks(seeds=(2, 3, 4), **options):
    models = [random_model(SPECIES, types=[2, 3], activations="ppl", seed=1, weights_seed=k) for k in seeds]
    return HDNNPotential(committee(models), **options)


def dense(members=3, **options):
    return density(SPECIES[::-1], members, layers=2, l_max=2, settings=options)


def morse():
    own = {pair: {"depth": 1.0, "alpha": 2.3, "r0": 1.1} for pair in (("O", "O"), ("O", "H"), ("H", "H"))}
    return mdcore.Morse(2.5, pairs=own, truncation="force-shifted")


def three_bodies():
    """Stillinger-Weber's form, shorter and softer."""
    own = [0.4, 1.0, 2.4, 4.0, 1.2, -0.333333333333, 7.049556277, 0.6022245584, 4.0, 0.0, 0.0]
    return mdcore.StillingerWeber({key: own for key in itertools.product(SPECIES, repeat=3)})


def pairs_and_charges():
    return Sum(morse(), mdcore.Coulomb(2.4, {"O": 0.3, "H": -0.2}))


def embedded():
    own = eam_files.tables()
    own.elements = SPECIES
    return mdcore.EAM(own)


def system_of(name):
    matrix = {"triclinic": 5.5 * TRICLINIC, "small": 1.65 * TRICLINIC, "cluster": 4.5 * np.eye(3)}[name]
    n, periodic = {"triclinic": (24, True), "small": (2, True), "cluster": (12, False)}[name]
    found = scattered(n, matrix, (periodic,) * 3)
    species = np.arange(n) % 2
    return System(found.box, found.positions, species=species, symbols=SPECIES, masses=np.full(n, 4.0))


# {name: (a new potential of these settings, where each weight or bias is far from its ends)}
POTENTIALS = {
    "bias of the whole": lambda: BiasedPotential(networks(), depth=3.0, width=0.5),
    "bias of atoms": lambda: BiasedPotential(dense(), depth=0.2, width=0.9, of="atoms"),
    "fallback of the whole": lambda: FallbackPotential(
        networks(), morse(), uncertainty=0.3, calibration=CALIBRATION, shifts={"O": -1.0}
    ),
    "fallback of atoms": lambda: FallbackPotential(
        dense(), networks((7,)), uncertainty=0.8, weights="atoms", calibration=CALIBRATION
    ),
    "fallback on three bodies": lambda: FallbackPotential(
        networks(), three_bodies(), uncertainty=0.2, weights="atoms", calibration=CALIBRATION
    ),
    "fallback on pairs": lambda: FallbackPotential(
        networks(), pairs_and_charges(), uncertainty=0.2, weights="atoms", calibration=CALIBRATION
    ),
    "fallback on embedded atoms": lambda: FallbackPotential(
        networks(), embedded(), uncertainty=0.2, weights="atoms", calibration=CALIBRATION
    ),
    "fallback of a correction": lambda: FallbackPotential(
        networks(), Sum(morse()), uncertainty=1.0, weights="correction", calibration=1.2, zeros={"O": ZEROS}
    ),
}
LOCAL = (
    "bias of atoms", "fallback of atoms", "fallback on three bodies", "fallback on pairs", "fallback on embedded atoms",
    "fallback of a correction",
)  # fmt: skip
every_potential = pytest.mark.parametrize("name", POTENTIALS)


# --- twins: the energy as the papers write it, of members that are evaluated one by one -------------------------------


def shares(potential, system):
    """E_im float64 [n, M]"""
    model = potential.model
    alone = [type(potential)(single(model, k)) for k in range(len(model.members))]
    return np.array([mdcore.evaluate(own, system).energies for own in alone]).T


def zeros(potential, system):
    """What an atom has in any surroundings, [n]."""
    model = potential.model
    if isinstance(potential, HDNNPotential):
        own = np.array(model.atom_energies) + model.normalisation.mean_energy
    else:
        own = np.mean([model.design.views(member)["E0"] for member in model.members], axis=0)
    return np.array([own[model.elements.index(symbol)] for symbol in system.names])


def twin(name, potential, system) -> float:
    own = shares(potential.network, system)
    m, n = own.shape[1], len(own)
    mean, std = own.mean(axis=1), own.std(axis=1)
    if name == "bias of the whole":  # Kulichenko et al.: sigma_E^2 = 1/2 sum_m (E_m - <E>)^2
        energies = own.sum(axis=0)
        sigma2 = 0.5 * ((energies - energies.mean()) ** 2).sum()
        return energies.mean() + 3.0 * (np.exp(-sigma2 / (m * n * 0.5**2)) - 1.0)
    if name == "bias of atoms":
        return (mean + 0.2 * (np.exp(-(std**2) / (2 * 0.9**2)) - 1.0)).sum()
    zero = zeros(potential.network, system)
    if name == "fallback of a correction":
        known = np.outer(np.array(system.names) == "O", ZEROS)
        s = 1.2 * (own - known).std(axis=1) / 1.0
        return mdcore.evaluate(morse(), system).energy + (zero + (mean - zero) / (1 + s**2)).sum()
    alpha = np.array([CALIBRATION[symbol] for symbol in system.names])
    s = alpha * std / potential.uncertainty
    theirs = mdcore.evaluate(potential.baseline, system).energies
    if potential.weights == "atoms":
        theirs = theirs + zero - (zeros(potential.baseline, system) if name == "fallback of atoms" else 0.0)
        return (theirs + (mean - theirs) / (1 + s**2)).sum()
    theirs = theirs + np.where(np.array(system.names) == "O", -1.0, zero)
    return theirs.sum() + (mean - theirs).sum() / (1 + (s**4).sum())


@every_potential
def test_energies_are_those_of_the_papers(name):
    potential, system = POTENTIALS[name](), system_of("triclinic")
    found = mdcore.evaluate(potential, system, findings=True)
    assert found.energy == pytest.approx(twin(name, potential, system), rel=1e-11)
    if "fallback" in name:
        assert 0.02 < found.findings["network_weight"] < 0.9, "nothing to see"
        assert found.findings["uncertainty"].shape == (24,)
    else:
        assert -2.9 < found.findings["bias_energy"] < -0.1, "nothing to see"
        plain = mdcore.evaluate(potential.network, system).energy
        assert found.energy - plain == pytest.approx(found.findings["bias_energy"], abs=1e-9)


# --- the contract -----------------------------------------------------------------------------------------------------


CELLS = {
    "triclinic": tuple(POTENTIALS),
    "small": ("bias of atoms", "fallback of the whole", "fallback on three bodies"),
    "cluster": ("bias of the whole", "fallback of the whole", "fallback of a correction"),
}


@pytest.mark.parametrize("cell, name", [(cell, name) for cell, names in CELLS.items() for name in names])
def test_contract(cell, name):
    make, system = POTENTIALS[name], system_of(cell)
    contract.assert_forces_match_energy(make(), system)
    contract.assert_stress_matches_energy(make(), system)
    for check in (
        contract.assert_atom_energies_add_up, contract.assert_translation_changes_nothing,
        contract.assert_rotation_turns_forces, contract.assert_order_does_not_matter,
        contract.assert_list_does_not_matter, contract.assert_sums_are_of_multiples,
    ):  # fmt: skip
        check(make(), system)
    if name in LOCAL:
        contract.assert_extensive(make(), system)


def test_tersoff_takes_over_atom_by_atom():
    own = [3.0, 1.0, 0.2, 1.0, 1.2, -0.6, 0.8, 0.5, 1.5, 20.0, 2.0, 0.3, 2.5, 80.0]
    baseline = mdcore.Tersoff({key: own for key in itertools.product(SPECIES, repeat=3)})
    potential = FallbackPotential(networks(), baseline, uncertainty=0.2, weights="atoms")
    contract.assert_forces_match_energy(potential, system_of("triclinic"))
    weight = mdcore.evaluate(potential, system_of("triclinic"), findings=True).findings["network_weight"]
    assert 0.02 < weight < 0.9, "nothing to see"


def test_forces_are_continuous_where_a_third_atom_comes():
    contract.assert_continuous(POTENTIALS["fallback of the whole"], ("O", "H", "O"), "metal", points=150)


# --- dynamics ---------------------------------------------------------------------------------------------------------


def pair(r):
    box = mdcore.Box(20.0 * np.eye(3), (False,) * 3)
    return System(box, [[0.0, 0.0, 0.0], [r, 0.3 * r, 0.1 * r]], ["O", "H"], masses=[16.0, 1.0])


def test_energy_is_conserved_while_the_baseline_takes_over_and_back():
    """A pair vibrates so widely that it swings from the baseline, near, to the network, far: the error of the energy
    falls with the square of the time step."""
    model = replace(networks().model, normalisation=Normalisation(-1.25, 0.1))
    network = HDNNPotential(model, extrapolation="ignore")
    shifts = mdcore.fitted_shifts(network, morse(), [pair(1.3)])
    known = {"zeros": mdcore.member_zeros(network, [pair(8.0)]), "shifts": shifts}
    held = {(a, b): {"depth": 3.0, "alpha": 1.2, "r0": 1.6} for a in SPECIES for b in SPECIES}
    held = mdcore.Morse(6.0, pairs=held, truncation="force-shifted")
    errors, weights = [], []
    for step in (0.3, 0.15):
        potential = FallbackPotential(network, morse(), uncertainty=0.2, **known)
        sim = Simulation(pair(1.1), Sum(potential, held), VelocityVerlet(step))
        energies = []
        for _ in range(round(75 / step)):
            sim.run(1)
            energies.append(sim.potential_energy + sim.kinetic_energy)
            weights.append(sim.work.bound.terms[0].find(sim.work, (WEIGHT,))[WEIGHT])
        errors.append(np.ptp(energies))
        turns = np.flatnonzero(np.diff(np.sign(np.array(weights) - 0.5)))
        assert min(weights) < 0.1 and max(weights) > 0.9 and len(turns) >= 4, "there and back, twice"
        weights.clear()
    assert errors[1] < 0.3 * errors[0] and errors[1] < 0.005


PROGRAM = """
import sys
from hashlib import sha256
import numpy as np
from mdcore import Simulation, VelocityVerlet
from mdcore.base.comm import connect
from tests.test_bias_fallback import POTENTIALS, system_of

system = system_of("triclinic").replicate((2, 1, 1))
system.velocities = np.random.default_rng(1).normal(size=system.positions.shape) * 0.01
for name, make in POTENTIALS.items():
    potential = make()
    for term in potential.terms:
        if hasattr(term, "threads"):
            term.threads = int(sys.argv[1])
    sim = Simulation(system, potential, VelocityVerlet(0.5))
    sim.run(3)
    found = sim.findings
    forces, energies, energy, virial = sim.forces, sim.atom_energies, sim.potential_energy, sim.virial
    if connect().rank == 0:
        told = {"forces": forces, "energies": energies, "virial": virial, **found}
        told = {key: sha256(np.asarray(value).tobytes()).hexdigest()[:12] for key, value in sorted(told.items())}
        print(name, float(energy).hex(), told)
"""


@pytest.mark.parametrize("ranks", [pytest.param(3, marks=needs_mpi)])
def test_same_bits_on_ranks_and_threads(ranks, tmp_path):
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    one, several = mpirun(1, program, 2).stdout, mpirun(ranks, program, 1).stdout
    assert one.count("\n") == len(POTENTIALS) and one == several


# --- inputs and messages ----------------------------------------------------------------------------------------------


def test_what_makes_no_sense_is_refused():
    alone = networks((2,))
    with pytest.raises(InputError, match="is one network, which can't disagree with itself"):
        BiasedPotential(alone, depth=1.0, width=0.1)
    with pytest.raises(InputError, match="expected a committee of networks"):
        FallbackPotential(morse(), networks(), uncertainty=0.1)
    lj = mdcore.LennardJones(3.0, 1.0, 1.0, tail_corrections=True)
    far = (mdcore.Electrostatics({"O": 0.3, "H": -0.2}, cutoff=3.0), mdcore.LongLennardJones(3.0, 1.0, 1.0))
    networked = (HDNNPotential(charged_model(SPECIES)), POTENTIALS["bias of atoms"]())
    for baseline in (lj, Sum(morse(), lj), *far, *networked):
        with pytest.raises(InputError, match="the energies of atoms of the baseline can't be weighted"):
            FallbackPotential(networks(), baseline, uncertainty=0.1, weights="atoms")
    for model in (subtracted().model, committee([charged_model(SPECIES)] * 2)):
        with pytest.raises(InputError, match="which is not asked of each member; take a committee without"):
            BiasedPotential(HDNNPotential(model), depth=1.0, width=0.1)
        with pytest.raises(InputError, match="which is not asked of each member; take a committee without"):
            mdcore.member_zeros(HDNNPotential(model), [system_of("cluster")])
    with pytest.raises(InputError, match="acts from outside"):
        FallbackPotential(networks(), Sum(morse(), mdcore.ElectricField((0.1, 0.0, 0.0))), uncertainty=0.1)
    with pytest.raises(InputError, match="choose one of structure, atoms, correction"):
        FallbackPotential(networks(), morse(), uncertainty=0.1, weights="atom")
    with pytest.raises(InputError, match="shifts: no species 'C'; there are O, H"):
        Simulation(system_of("cluster"), FallbackPotential(networks(), morse(), uncertainty=0.1, shifts={"C": 1.0}))


def subtracted(seeds=(2, 3)):
    """A committee, or one network, with D3 that was subtracted in training."""
    return HDNNPotential(replace(networks(seeds).model, subtracted=(mdcore.D3("pbe", cutoff=8.0),)))


def test_a_baseline_is_there_in_place_of_the_network():
    """So both may have dispersion, unless the network was trained on what the baseline lacks."""
    model = replace(networks().model, provenance={"contains": "dispersion"})
    for baseline, shifts in ((mdcore.D3("pbe", cutoff=8.0), dict.fromkeys(SPECIES, 0.0)), (subtracted((7,)), None)):
        whole = FallbackPotential(HDNNPotential(model), baseline, uncertainty=0.3, shifts=shifts)
        found = mdcore.evaluate(whole, system_of("cluster"), findings=True)
        own, other = (mdcore.evaluate(term, system_of("cluster")).energy for term in (HDNNPotential(model), baseline))
        assert 0.0 < found.findings["network_weight"] < 1.0
        if shifts is None:
            continue  # the network's zero
        w = found.findings["network_weight"]
        assert found.energy == pytest.approx(w * own + (1.0 - w) * other, rel=1e-9)
        with pytest.raises(InputError, match="dispersion twice"):
            FallbackPotential(HDNNPotential(model), baseline, uncertainty=0.3, weights="correction")
        FallbackPotential(
            HDNNPotential(model), baseline, uncertainty=0.3, weights="correction", double_counting="allow"
        )


def test_how_members_share_the_energy_among_elements_is_no_disagreement():
    """Three members that are one but for constants, which cancel in HOH: no atom is uncertain once that is known."""
    model, members = networks((2,)).model, []
    for constant in (-0.6, 0.1, 0.5):
        own = [replace(net, biases=(*net.biases[:-1], net.biases[-1] + constant * (-2.0 if e == "O" else 1.0)))
               for e, net in zip(model.elements, model.networks, strict=True)]  # fmt: skip
        members.append(replace(model, networks=tuple(own), test_vectors=()))
    network, water = HDNNPotential(committee(members)), system_of("cluster")
    water = water.take([1, 3, 0, 5, 7, 2])
    zeros = mdcore.member_zeros(network, [water])
    assert zeros["H"] == pytest.approx(np.array([-0.6, 0.1, 0.5]) / model.normalisation.conv_energy)
    for own, least, most in ((None, 0.1, 1.0), (zeros, 0.0, 1e-9)):
        potential = FallbackPotential(network, morse(), uncertainty=0.1, zeros=own)
        found = mdcore.evaluate(potential, water, findings=True).findings["uncertainty"]
        assert least <= found.min() and found.max() <= most
    with pytest.raises(InputError, match="expected 3 numbers, one of each member, which add up to 0"):
        FallbackPotential(network, morse(), uncertainty=0.1, zeros={"O": [1.0, 0.0, 0.0]})


@pytest.mark.parametrize("name", ["bias of the whole", "fallback of a correction"])
def test_mdcore_verify_knows_them(name):
    from mdcore.verify import examine, subject
    from mdcore.verify.symmetries import extensivity, rotation

    whole = Sum(POTENTIALS[name](), Sum(mdcore.ExternalForce((0.1, 0.0, 0.0))))
    it, alone = subject(whole, system_of("triclinic")), mdcore.evaluate(POTENTIALS[name](), system_of("triclinic"))
    assert it.base.energy == pytest.approx(alone.energy, rel=1e-12)
    rows = list(examine(it, (rotation, extensivity)))
    assert not any(row.ok is False for row in rows) and rows[0].ok
    assert any("whole structure" in row.note for row in rows) == (name == "bias of the whole")


def test_shifts_bring_a_baseline_to_the_zero_of_a_network():
    systems = [scattered(8, 4.0 * np.eye(3), symbols=SPECIES, seed=k) for k in range(6)]
    systems = [System(s.box, s.positions, species=s.species, symbols=SPECIES) for s in systems]
    truth = {"O": -3.0, "H": 0.25}

    def moved(positions, cell, species, periodic):
        system = System(mdcore.Box(cell, periodic), positions, species.tolist())
        found = mdcore.evaluate(morse(), system)
        return found.energy + sum(truth[name] for name in species), found.forces

    assert mdcore.fitted_shifts(moved, morse(), systems) == pytest.approx(truth, abs=1e-8)


INPUT = """
[structure]
file = "start.extxyz"

[[potential]]
type = "zbl"
inner = 0.4
cutoff = 0.9

[[potential]]
type = "morse"
cutoff = 2.5
truncation = "force-shifted"
pair = [
    { species = ["O", "O"], depth = 1.0, alpha = 2.3, r0 = 1.1 },
    { species = ["O", "H"], depth = 1.0, alpha = 2.3, r0 = 1.1 },
    { species = ["H", "H"], depth = 1.0, alpha = 2.3, r0 = 1.1 },
]

[[potential]]
type = "hdnnp"
file = "net.h5"
extrapolation = "ignore"

[potential.fallback]
baseline = ["morse"]
uncertainty = 0.3
calibration = { O = 1.5, H = 0.7 }
shifts = { O = -1.0 }

[[stage]]
ensemble = "nve"
timestep = 0.1
steps = 4

[output]
thermo_every = 2
trajectory_every = 2
checkpoint_every = 2
progress = "off"
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    from mdcore.potentials.networks.h5 import write_h5
    from mdcore.structure.extxyz import write_frame

    monkeypatch.chdir(tmp_path)
    write_h5(networks().model, "net.h5")
    with open("start.extxyz", "w") as stream:
        write_frame(stream, system_of("cluster"))
    (tmp_path / "water.toml").write_text(INPUT)
    return tmp_path


def test_an_input_names_what_takes_over(folder, capsys):
    """zbl is not named and adds up; the log has the weight; a run that goes on ends as one that was not stopped."""
    from mdcore.cli import main

    assert main(["run", "water.toml"]) == 0
    told = capsys.readouterr().out
    assert "morse takes over by the weight of the structure, half at an uncertainty of 0.3 eV of an atom" in told
    log = mdcore.Trajectory("water.h5md").thermo()
    whole = Sum(POTENTIALS["fallback of the whole"](), mdcore.ZBL(0.4, 0.9))
    first = mdcore.evaluate(whole, system_of("cluster"), findings=True)
    assert log["potential"][0] == pytest.approx(first.energy, rel=1e-12)
    assert log["network_weight"][0] == first.findings["network_weight"]
    reference = 'reference = "start.extxyz"'
    (folder / "water.toml").write_text(INPUT.replace("shifts = { O = -1.0 }", reference))
    assert main(["run", "water.toml", "--overwrite"]) == 0
    log, network = mdcore.Trajectory("water.h5md").thermo(), networks()
    own = {"zeros": mdcore.member_zeros(network, [system_of("cluster")]),
           "shifts": mdcore.fitted_shifts(network, morse(), [system_of("cluster")])}  # fmt: skip
    whole = FallbackPotential(network, morse(), uncertainty=0.3, calibration=CALIBRATION, **own)
    whole = Sum(whole, mdcore.ZBL(0.4, 0.9))
    assert log["potential"][0] == pytest.approx(mdcore.evaluate(whole, system_of("cluster")).energy, rel=1e-9)
    assert main(["info", "water.toml"]) == 0 and "fallback" in capsys.readouterr().out


@pytest.mark.parametrize("wrong, said", [
    (('["morse"]', '["lj"]'), "no other [[potential]] has type = 'lj'; there are: zbl, morse"),
    (("O = 1.5", "C = 1.5"), "no species 'C' in the structure, which has O, H"),
    (("[potential.fallback]", "[potential.bias]"), "unknown key"),
    (("[[stage]]", '[potential.bias]\ndepth = 1.0\nwidth = 0.1\n[[stage]]'), "there is a fallback too"),
])  # fmt: skip
def test_mistakes_in_inputs_are_told(folder, capsys, wrong, said):
    from mdcore.cli import main

    (folder / "water.toml").write_text(INPUT.replace(*wrong))
    assert main(["check", "water.toml"]) == 2
    assert said in " ".join(capsys.readouterr().err.split())
