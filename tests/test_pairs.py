"""Pair potentials against their formulas, computed slowly, and what they refuse."""

import itertools
import math

import numpy as np
import pytest

from mdcore import InputError, Simulation, System, VelocityVerlet
from mdcore.potentials.base import Sum
from mdcore.potentials.pair.buckingham import Buckingham
from mdcore.potentials.pair.coulomb import Coulomb
from mdcore.potentials.pair.lj import LennardJones
from mdcore.potentials.pair.morse import Morse
from mdcore.potentials.pair.soft_core import SoftCore
from mdcore.potentials.pair.tabulated import FEWEST, Spline, Tabulated, read_table
from mdcore.structure.velocities import maxwell_boltzmann
from tests.systems import TRICLINIC, scattered

CUTOFF = 2.5
MORSE = {("A", "A"): {"depth": 0.9, "alpha": 2.0, "r0": 1.1}, ("A", "B"): {"depth": 0.5, "alpha": 1.5, "r0": 1.3},
         ("B", "B"): {"depth": 0.2, "alpha": 2.5, "r0": 0.9}}  # fmt: skip
BUCKINGHAM = {("A", "A"): {"a": 900.0, "rho": 0.15, "c": 1.5}, ("A", "B"): {"a": 90.0, "rho": 0.3, "c": 0.0},
              ("B", "B"): {"a": 0.0, "rho": 0.2, "c": 0.4}}  # fmt: skip
SOFT = {("A", "A"): {"epsilon": 1.0, "sigma": 1.0}, ("A", "B"): {"epsilon": 0.7, "sigma": 1.2},
        ("B", "B"): {"epsilon": 0.0, "sigma": 1.0}}  # fmt: skip
CHARGES = {"A": 1.0, "B": -0.8}
TRUNCATIONS = ("cut", "shifted", "force-shifted")


def morse(p, r):
    return p["depth"] * ((1.0 - math.exp(-p["alpha"] * (r - p["r0"]))) ** 2 - 1.0)


def buckingham(p, r):
    return p["a"] * math.exp(-r / p["rho"]) - p["c"] / r**6


def soft_core(p, r, coupling=0.4, n=2):
    d = 0.5 * (1.0 - coupling) ** 2 + (r / p["sigma"]) ** 6
    return 4.0 * coupling**n * p["epsilon"] * (1.0 / d**2 - 1.0 / d)


def damped(r, alpha=0.9):
    return math.erfc(alpha * r) / r


def slow(system, pair_energy) -> float:
    """The sum over all pairs and images; pair_energy(a, b, r)."""
    total, names = 0.0, [system.symbols[k] for k in system.species]
    reach = np.ceil(CUTOFF / system.box.widths).astype(int) * np.array(system.box.periodic)
    shifts = np.array(list(itertools.product(*(range(-k, k + 1) for k in reach)))) @ system.box.matrix
    for i, j in itertools.product(range(len(names)), repeat=2):
        r = np.linalg.norm(system.positions[j] + shifts - system.positions[i], axis=1)
        total += sum(0.5 * pair_energy(names[i], names[j], one) for one in r[(r > 0.0) & (r < CUTOFF)].tolist())
    return total


def truncated(u, kind, step=1e-5):
    """u as it ends at the cutoff."""
    end, slope = u(CUTOFF), (u(CUTOFF + step) - u(CUTOFF - step)) / (2.0 * step)
    if kind == "cut":
        return u
    return lambda r: u(r) - end - ((r - CUTOFF) * slope if kind == "force-shifted" else 0.0)


def of_pairs(parameters, formula, kind):
    ends = {frozenset(pair): truncated(lambda r, p=p: formula(p, r), kind) for pair, p in parameters.items()}
    return lambda a, b, r: ends[frozenset((a, b))](r)


SYSTEMS = {
    "triclinic": scattered(30, 4.0 * TRICLINIC, symbols=("A", "B"), seed=2),
    "small": scattered(3, 1.9 * np.eye(3), symbols=("B", "A"), seed=3),
    "cluster": scattered(12, 3.0 * np.eye(3), (False,) * 3, symbols=("A", "B"), seed=4),
    "one species": scattered(20, 3.6 * np.eye(3), seed=5),
}
CASES = {
    "morse": (lambda t: Morse(CUTOFF, pairs=MORSE, truncation=t), MORSE, morse),
    "buckingham": (lambda t: Buckingham(CUTOFF, pairs=BUCKINGHAM, truncation=t), BUCKINGHAM, buckingham),
    "soft core": (lambda t: SoftCore(CUTOFF, pairs=SOFT, truncation=t, coupling=0.4, n=2), SOFT, soft_core),
}


@pytest.mark.parametrize("truncation", TRUNCATIONS)
@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("system", SYSTEMS.values(), ids=SYSTEMS)
def test_equals_its_formula(system, name, truncation, level):
    make, parameters, formula = CASES[name]
    want = slow(system, of_pairs(parameters, formula, truncation))
    assert Simulation(system, make(truncation)).potential_energy == pytest.approx(want, rel=2e-9, abs=2e-8)


@pytest.mark.parametrize("truncation", TRUNCATIONS[1:])
@pytest.mark.parametrize("alpha", [0.0, 0.9, 3.0])
@pytest.mark.parametrize("system", SYSTEMS.values(), ids=SYSTEMS)
def test_damped_charges(system, alpha, truncation, level):
    end = truncated(lambda r: damped(r, alpha), truncation)
    want = slow(system, lambda a, b, r: 2.0 * CHARGES[a] * CHARGES[b] * end(r))
    near = 1e-6  # its own field: half of what is left there without 1 / r
    own = 0.5 * (end(near) - 1.0 / near)
    want += sum(2.0 * CHARGES[system.symbols[k]] ** 2 * own for k in system.species)
    potential = Coulomb(CUTOFF, CHARGES, alpha, constant=2.0, truncation=truncation)
    assert Simulation(system, potential).potential_energy == pytest.approx(want, rel=1e-6, abs=1e-6)


def test_madelung_constant():
    """Rock salt, energy of an ion pair at distance 1: 1.747565; damped charges come near it with the cutoff."""
    salt = System.build("sc", 1.0, "Na", units="lj").replicate((4, 4, 4))
    salt = System(salt.box, salt.positions, [("Na", "Cl")[round(x.sum()) % 2] for x in salt.positions], units="lj")
    errors = []
    for cutoff, alpha in ((3.0, 0.7), (5.0, 0.5), (9.0, 0.3)):
        sim = Simulation(salt, Coulomb(cutoff, {"Na": 1.0, "Cl": -1.0}, alpha, constant=1.0, truncation="shifted"))
        errors.append(abs(sim.potential_energy / 32 + 1.747565))
    assert errors[0] < 0.02 and errors[2] < 5e-4


def test_soft_core_ends_as_lennard_jones():
    system = SYSTEMS["one species"]
    soft = Simulation(system, SoftCore(CUTOFF, epsilon=1.0, sigma=1.0, coupling=1.0, truncation="force-shifted"))
    hard = Simulation(system, LennardJones(CUTOFF, 1.0, 1.0, truncation="force-shifted"))
    assert soft.potential_energy == pytest.approx(hard.potential_energy, rel=1e-9)
    np.testing.assert_allclose(soft.forces, hard.forces, rtol=1e-9, atol=1e-8)
    on_top = System(system.box, [[0.0, 0, 0], [1e-3, 0, 0]], "A", units="lj")
    begun = Simulation(on_top, SoftCore(CUTOFF, epsilon=1.0, sigma=1.0, coupling=0.1))
    assert np.abs(begun.forces).max() < 1.0


# --- tables --------------------------------------------------------------------------------------------


def lj_table(n=2000, low=0.7):
    r = np.linspace(low, CUTOFF, n)
    return r, 4.0 * (r**-12 - r**-6)


@pytest.mark.parametrize("truncation", TRUNCATIONS)
def test_a_table_is_the_function_it_is_of(truncation, level):
    system = SYSTEMS["one species"]
    table = Simulation(system, Tabulated({("A", "A"): lj_table()}, truncation=truncation))
    formula = Simulation(system, LennardJones(CUTOFF, 1.0, 1.0, truncation=truncation))
    assert table.potential_energy == pytest.approx(formula.potential_energy, rel=1e-6)
    np.testing.assert_allclose(table.forces, formula.forces, rtol=1e-4, atol=2e-4)


def test_a_spline_goes_through_its_points_smoothly():
    r = np.array([1.0, 1.3, 1.9, 2.2, 3.0, 3.1])
    u = np.array([5.0, -2.0, 1.0, 0.5, 4.0, 4.0])
    spline = Spline(r, u)
    np.testing.assert_allclose(spline.at(r)[0], u, atol=1e-12)
    h = 1e-5
    curvature = [(spline.at(r[1:-1] + s * h)[1] - spline.at(r[1:-1])[1]) / (s * h) for s in (-1, 1)]
    np.testing.assert_allclose(curvature[0], curvature[1], atol=2e-2)  # one curvature from both sides
    x = np.linspace(1.001, 3.099, 50)
    np.testing.assert_allclose((spline.at(x + h)[0] - spline.at(x - h)[0]) / (2 * h), spline.at(x)[1], atol=1e-5)


def test_energy_is_conserved_with_a_table():
    system = System.build("fcc", density=0.8, species="A", units="lj").replicate((3, 3, 3))
    maxwell_boltzmann(system, 1.0, seed=1)
    potential = Tabulated({("A", "A"): lj_table(60, 0.8)}, truncation="force-shifted")
    sim = Simulation(system, potential, VelocityVerlet(0.002))
    before = sim.total_energy
    sim.run(1000)
    assert abs(sim.total_energy - before) < 0.02 * sim.kinetic_energy
    assert len(potential.more) > FEWEST


def test_nearer_than_the_table_is_told():
    x = [[0.0, 0.0, 0.0], [0.69, 0.0, 0.0]]
    system = System(SYSTEMS["one species"].box, x, "A", units="lj")
    with pytest.raises(Exception, match=r"force on atom 0 .*nearest neighbour, atom 1, is 0.69"):
        Simulation(system, Tabulated({("A", "A"): lj_table()}))


LAMMPS = """\
# made by hand
MORSE
N 5 FP 1.0 2.0

1 1.0 5.0 3.0
2 1.5 1.0 2.0 # half way
3 2.0 -0.5 1.0
4 2.5 -0.1 0.5
5 3.0 0.0 0.0

OTHER
N 4
1 1 1 0
2 2 0.5 0
3 3 0.25 0
4 4D0 0 0
"""


def test_reads_tables(tmp_path):
    path = tmp_path / "pair.table"
    path.write_text(LAMMPS)
    r, u = read_table(path, "MORSE")
    assert r.tolist() == [1.0, 1.5, 2.0, 2.5, 3.0] and u.tolist() == [5.0, 1.0, -0.5, -0.1, 0.0]
    assert read_table(path, "OTHER")[0].tolist() == [1.0, 2.0, 3.0, 4.0]
    with pytest.raises(InputError, match=r"pair\.table: the file has several sections \(MORSE, OTHER\); the keyword"):
        read_table(path)
    path.write_text("# r u\n1 2\n2 1\n3 0 7\n4 0\n")
    assert read_table(path)[1].tolist() == [2.0, 1.0, 0.0, 0.0]
    with pytest.raises(InputError, match="leave the keyword out"):
        read_table(path, "MORSE")


@pytest.mark.parametrize(
    ("text", "needle"),
    [
        ("1 2\nx 3\n", "expected the numbers r, u in each line, not 'x'"),
        ("1 2\n2\n", "expected the numbers r, u"),
        ("A\nN 9\n1 1 1 1\n", "9 points are announced"),
        ("A\nN 2 RSQ 1 2\n1 1 1 1\n2 2 2 2\n", "RSQ"),
        ("A\nM 2\n1 1 1 1\n", "a line N and the number of points"),
        ("", "the table is empty"),
    ],
)
def test_refuses_files_that_are_no_tables(tmp_path, text, needle):
    path = tmp_path / "t"
    path.write_text(text)
    with pytest.raises(InputError, match=needle):
        Tabulated({("A", "A"): read_table(path)})


# --- what they refuse ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "needle"),
    [
        (lambda: Morse(-1.0, depth=1.0, alpha=1.0, r0=1.0), "Morse: cutoff = -1.0"),
        (lambda: Morse(2.0, depth=1.0, alpha=1.0), "expected the parameters depth, alpha, r0; see r0"),
        (lambda: Morse(2.0, depth=1.0, alpha=0.0, r0=1.0), "alpha = 0.0"),
        (lambda: Morse(2.0, pairs={("A", "B"): {"depth": 1.0, "alpha": 1.0, "r0": 1.0, "d": 2}}), "A-B: .*see d"),
        (lambda: Morse(2.0, depth=1.0, alpha=1.0, r0=1.0, truncation="smooth"), "truncation = 'smooth'"),
        (lambda: Buckingham(2.0, a=-1.0, rho=1.0, c=0.0), "a = -1.0"),
        (lambda: Buckingham(2.0, a=math.nan, rho=1.0, c=0.0), "a = nan"),
        (lambda: SoftCore(2.0, epsilon=1.0, sigma=1.0, coupling=1.5), "coupling = 1.5"),
        (lambda: SoftCore(2.0, epsilon=1.0, sigma=1.0, n=0), "n = 0"),
        (lambda: Coulomb(2.0, {"A": "one"}), "charge of A = 'one'"),
        (lambda: Coulomb(2.0, {"A": 1.0}, -0.1), "alpha = -0.1"),
        (lambda: Coulomb(2.0, {"A": 1.0}, truncation="cut"), "truncation = 'cut'"),
        (lambda: Tabulated({}), "no tables"),
        (lambda: Tabulated({("A", "A"): ([1, 2, 3], [1, 2, 3])}), "4 points"),
        (lambda: Tabulated({("A", "A"): ([1, 2, 2, 3], [1, 2, 3, 4])}), "rise from point to point"),
        (lambda: Tabulated({("A", "A"): ([1, 2, 3, 4], [1, 2, math.inf, 4])}), "not a finite number"),
        (lambda: Tabulated({("A", "A"): lj_table()}, cutoff=3.0), "choose a cutoff inside"),
    ],
)
def test_refuses(make, needle):
    with pytest.raises(InputError, match=needle):
        make()


@pytest.mark.parametrize(
    ("potential", "needle"),
    [
        (Morse(2.0, pairs={("A", "A"): {"depth": 1.0, "alpha": 1.0, "r0": 1.0}}), "no parameters for the pair A-B"),
        (Coulomb(2.0, {"A": 1.0}), "species B has no charge"),
        (Tabulated({("A", "A"): lj_table()}), "no table for the pair A-B"),
    ],
)
def test_refuses_species_without_parameters(potential, needle):
    with pytest.raises(InputError, match=needle):
        potential.bind(("A", "B"))


def test_they_add_up():
    system = SYSTEMS["triclinic"]
    terms = Morse(CUTOFF, pairs=MORSE), Coulomb(2.0, CHARGES, constant=1.0)
    both = Simulation(system, Sum(*terms)).potential_energy
    assert both == pytest.approx(sum(Simulation(system, term).potential_energy for term in terms), rel=1e-12)
    assert "Morse(" in repr(Sum(*terms)) and "charges={'A': 1.0" in repr(Sum(*terms))
