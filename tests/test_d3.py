"""Dispersion after Grimme next to s-dftd3 and to a slow twin; functionals, lists of its own, what is told.

Forces, stress and symmetries are in test_contract.py, ranks in test_parallel.py.
"""

import json

import numpy as np
import pytest

from mdcore import D3, Box, InputError, LennardJones, Simulation, SimulationError, System, VelocityVerlet, evaluate
from mdcore.base.elements import SYMBOLS
from mdcore.base.units import BOHR, HARTREE
from mdcore.config import parse, validate_species
from mdcore.doors import _kernels
from mdcore.potentials.base import Sum
from mdcore.potentials.dispersion.damping import DAMPINGS, functionals, spellings
from mdcore.potentials.dispersion.reference import factors, reference
from mdcore.verify.smoothness import smoothness
from mdcore.verify.subject import Subject
from tests import d3_answers
from tests.reference.d3 import Twin
from tests.systems import TRICLINIC, scattered

GRID = 2.0**-36  # of forces and energies of an atom
CLOSE = 1e-10  # relative, beside the grid
KEPT = json.loads(d3_answers.KEPT.read_text())
FREE = Box(60.0 * np.eye(3), (False,) * 3)


def potential(damping, s9=0.0, parameters=None, cutoff=60.0, triple_cutoff=40.0, cn_cutoff=40.0, width=0.0):
    """Cutoffs in bohr."""
    return D3(
        damping=damping, s9=s9, cutoff=cutoff * BOHR, triple_cutoff=triple_cutoff * BOHR, cn_cutoff=cn_cutoff * BOHR,
        width=width * BOHR, **(parameters or d3_answers.PBE0[damping]),
    )  # fmt: skip


def assert_is(it, system, energy, forces, virial):
    sim, n = Simulation(system, it), system.n_atoms
    np.testing.assert_allclose(sim.potential_energy, energy, rtol=CLOSE, atol=n * GRID)
    np.testing.assert_allclose(sim.forces, forces, rtol=0, atol=GRID + CLOSE * np.abs(forces).max())
    np.testing.assert_allclose(sim.virial, virial, rtol=0, atol=n * GRID + CLOSE * np.abs(virial).max())


@pytest.mark.parametrize("kept", KEPT["answers"], ids=lambda kept: f"{kept['name']} {kept['damping']} {kept['s9']:g}")
def test_energy_forces_and_stress_are_those_that_were_kept(kept):
    box = FREE if kept["matrix"] is None else Box(np.array(kept["matrix"]))
    system = System(box, np.array(kept["positions"]), kept["species"])
    it = potential(kept["damping"], kept["s9"], **kept["cutoffs"])
    assert_is(it, system, kept["energy"], np.array(kept["forces"]), np.array(kept["virial"]))


def test_c6_is_a_product_of_what_either_atom_has():
    """For each element with itself, with hydrogen and with the last one."""
    it = reference()
    for z in range(1, it.last + 1):
        for other in (z, 1, it.last):
            (one, signs), (two, same), c6 = factors(it, z, other), factors(it, other, z), it.c6(z, other)
            assert (signs == same).all() and (np.abs(signs) == 1.0).all()
            np.testing.assert_allclose((one * signs) @ two.T, c6, rtol=0, atol=1e-14 * c6.min())


def test_all_elements_have_their_reference_systems():
    it = potential("bj")
    for name, energy in KEPT["elements"].items():
        found = evaluate(it, System(FREE, d3_answers.trimer(), [name, name, "C"])).energy
        assert found == pytest.approx(energy, rel=CLOSE, abs=3 * GRID), name
    assert len(KEPT["elements"]) == 103


@pytest.mark.reference
@pytest.mark.parametrize("s9", [0.0, 1.0])
@pytest.mark.parametrize("damping", DAMPINGS)
def test_ten_molecules_and_five_crystals_next_to_dftd3(damping, s9):
    pytest.importorskip("dftd3", reason="pip install dftd3, to be compared with it")
    pytest.importorskip("ase")
    for atoms in d3_answers.structures().values():
        bulk = atoms.pbc.all()
        matrix = np.array(atoms.cell) if bulk else None
        where = atoms.numbers, atoms.positions, matrix
        system = System(Box(matrix) if bulk else FREE, atoms.positions, atoms.get_chemical_symbols())
        for cutoffs in [d3_answers.SHORT if s9 else d3_answers.FULL] if bulk else [d3_answers.FULL, d3_answers.SMOOTH]:
            want = d3_answers.answer(*where, damping, d3_answers.PBE0[damping], s9, **cutoffs)
            assert_is(potential(damping, s9, **cutoffs), system, *want)


@pytest.mark.reference
@pytest.mark.parametrize("damping", DAMPINGS)
def test_parameters_of_all_functionals_are_those_of_dftd3(damping):
    pytest.importorskip("dftd3", reason="pip install dftd3, to be compared with it")
    x, absent = d3_answers.trimer(), []
    for name in functionals(damping):
        answer = next(filter(None, (of_library(one, damping) for one in spellings(name))), None)
        if answer is None:
            absent.append(name)
            continue
        want, forces, _ = answer
        found = evaluate(D3(name, damping=damping), System(FREE, x, ["O", "O", "C"]))
        assert found.energy == pytest.approx(want, rel=CLOSE, abs=3 * GRID), name
        np.testing.assert_allclose(found.forces, forces, rtol=0, atol=GRID + CLOSE * np.abs(forces).max())
    assert absent == {"bj": [], "zero": ["dsdblyp", "slaterdirac"]}[damping]  # its table has them, its library has not


def of_library(name, damping):
    """What dftd3 says of a functional, None if it knows none of that name."""
    try:
        return d3_answers.answer([8, 8, 6], d3_answers.trimer(), None, damping, {"method": name})
    except RuntimeError:
        return None


# --- the slow twin -------------------------------------------------------------------------------------------


def crowd(symbols, matrix=None, periodic=(True, True, True), n=5):
    found = scattered(n, 4.0 * TRICLINIC if matrix is None else matrix, periodic, symbols, seed=21, closest=1.0)
    return System(found.box, found.positions, [symbols[k] for k in found.species])


def twin(system, x, cutoffs, width, damping, parameters, s9, alpha):
    """Energy of positions, eV."""
    it = Twin([system.symbols[k] for k in system.species], x / BOHR, system.box.matrix / BOHR, system.box.periodic,
              [c / BOHR for c in cutoffs], width / BOHR)  # fmt: skip
    energy = it.pairs(**{"s6": 0.9, **parameters}, alpha=alpha)
    return HARTREE * (energy + (it.triples(s9, alpha) if s9 else 0.0))


@pytest.mark.parametrize(
    ("symbols", "periodic", "damping", "s9", "alpha"),
    [
        (("O", "H"), (True, True, True), "bj", 0.0, 14.0),
        (("C", "O", "H"), (True, True, False), "bj", 0.7, 14.0),  # more than four reference systems
        (("U", "H"), (True, False, False), "zero", 0.0, 14.0),
        (("C", "H"), (False, False, False), "zero", 1.0, 13.0),
    ],
)
def test_energy_and_forces_are_those_of_the_twin(level, symbols, periodic, damping, s9, alpha):
    system, width = crowd(symbols, periodic=periodic), 1.1
    cutoffs = (8.0, 4.5, 6.0)
    parameters = {"bj": {"s8": 1.2, "a1": 0.4, "a2": 4.8}, "zero": {"s8": 0.9, "sr6": 1.2, "sr8": 1.1}}[damping]
    it = D3(
        damping=damping, s6=0.9, s9=s9, alpha6=alpha, cutoff=cutoffs[0], triple_cutoff=cutoffs[1], cn_cutoff=cutoffs[2],
        width=width, **parameters,
    )  # fmt: skip
    found = evaluate(it, system)
    rest = cutoffs, width, damping, parameters, s9, alpha
    assert found.energy == pytest.approx(twin(system, system.positions, *rest), rel=1e-10, abs=5 * GRID)
    x = system.positions.astype(complex)
    x[1, 2] += 1e-20j
    assert found.forces[1, 2] == pytest.approx(-twin(system, x, *rest).imag / 1e-20, rel=1e-9, abs=2 * GRID)


def test_levels_agree():
    system, it, found = crowd(("C", "O", "H"), n=5), D3("pbe", s9=1.0, cutoff=9.0, triple_cutoff=5.0), []
    for name in _kernels.cpu_levels():
        _kernels.select_cpu(name)
        found.append(evaluate(it, system).forces)
    _kernels.select_cpu()
    for other in found[1:]:
        np.testing.assert_allclose(other, found[0], rtol=0, atol=1e-11)


# --- in an engine --------------------------------------------------------------------------------------------


def argon():
    return System.build("fcc", 5.3, "Ar", repeat=(3, 3, 3)).displace(0.1)


def test_it_has_lists_of_its_own_in_a_sum():
    lj, it = LennardJones(6.0, 0.0104, 3.4), D3("pbe", s9=1.0, cutoff=14.0, cn_cutoff=9.0, triple_cutoff=7.0)
    sim = Simulation(argon(), Sum(lj, it))
    one, two = Simulation(argon(), lj), Simulation(argon(), it)
    np.testing.assert_allclose(sim.forces, one.forces + two.forces, rtol=0, atol=1e-14)
    own = sim.neighbors.of(lj)
    assert own.list.n_pairs == one.neighbors.list.n_pairs
    lists = [sim.neighbors.of(it).half(cutoff).n_pairs for cutoff in (it.pair_cutoff, it.cn_cutoff, it.triple_cutoff)]
    assert lists == sorted(lists, reverse=True) and lists[2] < lists[0] / 5


def test_a_small_cell_is_as_good_as_many():
    """Two atoms, cutoffs of ten cells."""
    small = System.build("diamond", 3.57, "C")
    small = System(small.box, small.positions + np.random.default_rng(1).normal(0.0, 0.05, small.positions.shape), "C")
    it = D3("pbe0", s9=1.0, triple_cutoff=6.0)
    assert it.cutoff > 8.0 * small.box.matrix[0, 0]
    one, many = Simulation(small, it), Simulation(small.replicate((2, 1, 2)), it)
    assert many.potential_energy == pytest.approx(4.0 * one.potential_energy, rel=1e-12)
    np.testing.assert_allclose(many.forces, np.tile(one.forces, (4, 1)), rtol=0, atol=2 * GRID)


def test_energy_is_kept():
    """Of krypton between walls of Lennard-Jones: what ends smoothly, and counts neighbours, is a gradient all along."""
    system = System.build("fcc", 5.7, "Kr", repeat=(2, 2, 2)).displace(0.25)
    it = Sum(LennardJones(8.0, 0.003, 3.6, truncation="force-shifted"), D3("pbe", cutoff=9.0, width=2.0))
    sim = Simulation(system, it, VelocityVerlet(2.0), seed=1)
    before = sim.thermo()
    sim.run(150)
    after = sim.thermo()
    assert after.kinetic > 0.01
    assert after.total == pytest.approx(before.total, abs=2e-3 * after.kinetic)


def test_too_strong_is_told():
    """Sums would not be exact."""
    system = System(FREE, [[0.0, 0.0, 0.0], [0.0, 0.0, 1.2]], "Cs")
    with pytest.raises(SimulationError, match=r"^atom 0 \(counting from 0\): its dispersion is beyond 16 eV"):
        evaluate(D3(damping="zero", s6=100.0, s8=100.0, sr6=0.2), system)


# --- names and messages --------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["b3lyp", "B3LYP", "B3-LYP", "b3lyp5"])
def test_a_functional_in_any_spelling(name):
    assert D3(name).parameters == {"s6": 1.0, "s8": 1.9889, "a1": 0.3981, "a2": 4.4211}


def test_parameters_may_be_given():
    assert D3("pbe", s8=0.5).parameters == {"s6": 1.0, "s8": 0.5, "a1": 0.4289, "a2": 4.4407}
    assert D3("opbe", damping="zero").parameters["s8"] == 2.055 and D3("cf22d", damping="zero").parameters["s8"] == 0.0
    assert D3("b2plyp", damping="zero").parameters == {"s6": 0.64, "s8": 1.022, "sr6": 1.427, "sr8": 1.0}
    assert D3(damping="zero", s8=0.7, sr6=1.2).parameters == {"s6": 1.0, "s8": 0.7, "sr6": 1.2, "sr8": 1.0}


def test_defaults_are_those_of_s_dftd3():
    it = D3("pbe0")
    assert (it.pair_cutoff, it.cn_cutoff, it.triple_cutoff) == (60.0 * BOHR, 40.0 * BOHR, 40.0 * BOHR)
    assert it.s9 == it.width == 0.0 and it.alpha == 14.0
    assert it.lists == (("half", 60.0 * BOHR), ("half", 40.0 * BOHR))
    short = D3("pbe0", cutoff=12.0)
    assert (short.cn_cutoff, short.triple_cutoff, short.cutoff) == (12.0, 12.0, 12.0)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"functional": "pbee"}, "no parameters for 'pbee'; did you mean 'pbe'"),
        ({"functional": "xyzzyx"}, "no parameters for 'xyzzyx'; give s8, a1, a2 instead"),
        ({"functional": "slaterdirac"}, "no parameters of 'bj' damping for 'slaterdirac'; take damping = \"zero\""),
        ({}, "functional = None: none is given, and no s8, a1, a2"),
        ({"functional": "pbe", "sr6": 1.2}, "sr6 = 1.2: no parameter of 'bj' damping, which has s6, s8, a1, a2"),
        ({"functional": "pbe", "a1": -0.4}, "a1 = -0.4: expected 0 to 100"),
        ({"functional": "pbe", "damping": "zero", "sr6": 0.0}, "sr6 = 0.0: expected more than 0"),
        ({"functional": "pbe", "damping": "rational"}, "damping = 'rational': choose one of bj, zero"),
        ({"functional": "pbe", "width": 40.0}, "width = 40: expected less than the cutoffs, 21.17"),
        ({"functional": 3}, 'functional = 3: expected a name, e.g. "pbe0"'),
        ({"functional": "pbe", "s9": -1.0}, "s9 = -1.0"),
    ],
)
def test_what_is_wrong_is_told(arguments, says):
    with pytest.raises(InputError, match=r"^D3: ") as caught:
        D3(**arguments)
    assert says in str(caught.value)


def test_elements_without_parameters_are_told():
    assert told_of(("H", "Rf")) == "D3: no parameters for species Rf; there are some for H to Lr"
    assert "D3: no parameters for species X1" in told_of(("X1",))
    D3("pbe").bind(("D", "O"))  # deuterium is hydrogen
    assert len(KEPT["elements"]) == SYMBOLS.index("Lr")


def told_of(symbols) -> str:
    with pytest.raises(InputError) as caught:
        D3("pbe").bind(symbols)
    return str(caught.value)


INPUT = """
[structure]
build = "fcc"
lattice_constant = 5.3
species = "Ar"
[velocities]
temperature = 300
[[stage]]
ensemble = "nve"
timestep = 1.0
steps = 1
[[potential]]
type = "d3"
"""


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('functional = "b3lip"', "functional = \"b3lip\": no parameters for 'b3lip'; did you mean 'b3lyp'"),
        ('functional = "pbe"\nsr6 = 1.0', "sr6 = 1.0: no parameter of 'bj' damping"),
        ('functional = "slaterdirac"', 'take damping = "zero", or give s8, a1, a2'),
        ('functional = "pbe"\ndamping = "rational"', 'Becke and Johnson\'s, rational, is damping = "bj"'),
        ('functional = "pbe"\nwidth = 32.0', "width = 32.0: expected less than the cutoffs, 21.17 Angstrom"),
        ('functional = "pbe"\ntriple_cutoff = 9.0', "there are no triples; give s9 = 1.0"),
        ('functional = "pbe"\nrs6 = 1.0', "unknown key; did you mean 'sr6'?"),
        ("s8 = 1.0", "functional: none is given, and no a1, a2"),
        ('functional = "pbe"\ncutoff = -3.0', "cutoff = -3.0: expected a number > 0 in Angstrom"),
    ],
)
def test_what_is_wrong_in_an_input_is_told(text, says):
    with pytest.raises(InputError) as caught:
        parse(INPUT + text + "\n", "a.toml")
    assert says in str(caught.value) and str(caught.value).count("\n") == 0, str(caught.value)


def test_an_input_with_an_element_that_has_none():
    settings = parse(INPUT + 'functional = "pbe"\n', "a.toml")
    with pytest.raises(InputError, match='type = "d3": no parameters for species Rf'):
        validate_species(settings, ("H", "Rf"))


def test_verify_says_what_lets_it_end_smoothly():
    """Not what is right for pairs of Lennard-Jones."""
    system = System(Box(30.0 * np.eye(3)), [[0.0, 0.0, 0.0], [0.0, 0.0, 3.8]], ["Ar", "Ar"])
    for width, right in ((0.0, False), (1.0, True)):
        rows = list(smoothness(Subject(D3("pbe", cutoff=5.0, width=width), system)))
        assert all(row.ok for row in rows) is right
        assert right or any("give it a width, e.g. width = 2.0" in row.note for row in rows)
        assert not any("force-shifted" in row.note for row in rows)
