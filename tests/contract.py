"""What must hold for every potential, in every cell? Each check takes a potential and a system.

Checks raise AssertionError. They know nothing of the potential but its protocol (mdcore/potentials/base.py), so a new
potential needs one line in tests/test_contract.py and no test of its own for what is checked here.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from mdcore.base.exact import FORCE_BITS
from mdcore.dynamics.simulation import Simulation
from mdcore.engine.single import Engine
from mdcore.structure.box import Box
from mdcore.structure.system import System

VOIGT = ((0, 0), (1, 1), (2, 2), (1, 2), (0, 2), (0, 1))
STENCIL = ((-2, 1 / 12), (-1, -2 / 3), (1, 2 / 3), (2, -1 / 12))  # fourth-order central difference
STEP = 2.0**-11
NOISE = 1e-6  # of finite differences: energies are rounded to 2^-36 a pair, over STEP
SLOPE = 2e-8  # relative: terms of order STEP^4
STRAIN_SLOPE = 1e-5  # the same; pairs move farther, and where one crosses a cutoff the second derivative may jump
ROUNDING = 1e-10  # relative: positions are multiples of 2^-40; forces, of each pair, of 2^-36


@dataclass(frozen=True)
class Answer:
    """energy; forces [n, 3]; virial [3, 3], sum of x (x) F; atom_energies [n]: internal units, order of the input."""

    energy: float
    forces: np.ndarray
    virial: np.ndarray
    atom_energies: np.ndarray

    @property
    def largest(self) -> float:
        """Errors are relative to the largest force, or component of the virial."""
        return max(np.abs(self.forces).max(initial=0.0), np.abs(self.virial).max())


def evaluate(potential, system, **options) -> Answer:
    sim = Simulation(system, potential, **options)
    virial = sim.virial
    if all(sim.box.periodic):
        stress = [-virial[pair] / (sim.box.volume * sim.units.pressure) for pair in VOIGT]
        np.testing.assert_allclose(sim.stress, stress, rtol=1e-12, atol=1e-12)
    energy, forces = sim.potential_energy, sim.snapshot().forces
    atoms, shares = sim.atoms, np.zeros(sim.atoms.n_total + 1)
    sim.work.forces(True, shares)
    energies = np.empty(sim.system.n_atoms)
    energies[atoms.tags[: atoms.n_owned]] = shares[: atoms.n_owned]
    return Answer(energy, forces, virial, energies)


@lru_cache(maxsize=1)
def answer_of(potential, system) -> Answer:
    """`evaluate`, once for all checks of these two that are made one after the other."""
    return evaluate(potential, system)


class Nearby:
    """The atoms of a system elsewhere, or its cell strained: an engine for all of them, which lives on as in a run."""

    def __init__(self, potential, system):
        self.system, self.engine = system, Engine(potential, system.symbols, 0.05, system.units)
        self.place(system.box, system.positions)

    def place(self, box, positions) -> float:
        """The energy in this cell."""
        s = self.system
        self.engine.place(box, positions, s.species, s.columns, s.masses, s.bonds)
        return self.engine.compute().energy

    def move(self, positions):
        self.engine.move(positions)
        return self.engine.compute()


def changed(system, positions=None, matrix=None, order=slice(None), symbols=None, species=None) -> System:
    """The system with other positions, cell or names of species, or its atoms in another order."""
    box, positions = system.box, system.positions if positions is None else positions
    new = System(
        box if matrix is None else Box(matrix, box.periodic, box.origin),
        positions[order],
        species=(system.species if species is None else np.asarray(species))[order],
        symbols=symbols or system.symbols,
        masses=system.masses[order],
        columns={name: values[order] for name, values in system.columns.items()},
        units=system.units,
    )
    place = np.argsort(np.arange(system.n_atoms)[order])  # where an atom is now
    new.bonds = np.column_stack([place[system.bonds[:, :2]], system.bonds[:, 2]])
    return new


def assert_same(got: Answer, want: Answer, where: str, turn=None) -> None:
    """The same energy and atomic energies, and forces and virial that have turned with the system."""
    q, tolerance = np.eye(3) if turn is None else turn, ROUNDING * (10.0 + want.largest)
    np.testing.assert_allclose(got.energy, want.energy, rtol=ROUNDING, atol=tolerance, err_msg=f"{where}: energy")
    np.testing.assert_allclose(got.forces, want.forces @ q, rtol=0, atol=tolerance, err_msg=f"{where}: forces")
    np.testing.assert_allclose(
        got.virial, q.T @ want.virial @ q, rtol=0, atol=10 * tolerance, err_msg=f"{where}: virial"
    )
    np.testing.assert_allclose(
        got.atom_energies, want.atom_energies, rtol=ROUNDING, atol=tolerance, err_msg=f"{where}: atom energies"
    )


# --- the energy is the only truth ---------------------------------------------------------------------


def assert_forces_match_energy(potential, system, force_jump=0.0) -> None:
    """Forces are minus the gradient: along random directions of all atoms, and for single components.

    force_jump : by how much the force of a pair jumps at the cutoff, where a difference may step over it
    """
    answer, rng, n = answer_of(potential, system), np.random.default_rng(11), len(system.positions)
    near = Nearby(potential, system)
    directions = [rng.normal(size=(n, 3)) for _ in range(3)] + [np.zeros((n, 3)) for _ in range(3)]
    for d in range(3):
        directions[3 + d][rng.integers(n), d] = 1.0
    for direction in directions:
        direction /= np.linalg.norm(direction)
        steps = ((system.positions + k * STEP * direction, c) for k, c in STENCIL)
        slope = sum(c * near.move(x).energy for x, c in steps) / STEP
        want = -(answer.forces * direction).sum()
        assert abs(slope - want) < NOISE + SLOPE * answer.largest + force_jump, f"dE = {slope}, by forces {want}"


def assert_stress_matches_energy(potential, system, force_jump=0.0) -> None:
    """The virial is minus the derivative by strain; in cells without periodicity, of all distances."""
    answer, near = answer_of(potential, system), Nearby(potential, system)
    for a, b in VOIGT:
        slope = 0.0
        for k, c in STENCIL:
            strain = np.eye(3)
            strain[a, b] += 0.5 * k * STEP
            strain[b, a] += 0.5 * k * STEP
            origin = system.box.origin
            x = origin + (system.positions - origin) @ strain
            box = Box(system.box.matrix @ strain, system.box.periodic, origin)
            slope += c * near.place(box, x) / STEP
        error = abs(slope + answer.virial[a, b])
        tolerance = NOISE + STRAIN_SLOPE * answer.largest + 2 * force_jump * potential.cutoff
        assert error < tolerance, f"dE/dstrain {a}{b} = {slope}, by the virial {-answer.virial[a, b]}"


def assert_atom_energies_add_up(potential, system) -> None:
    answer = answer_of(potential, system)
    np.testing.assert_allclose(answer.atom_energies.sum(), answer.energy, rtol=1e-12, atol=1e-9)


def assert_atom_virials_make_the_heat_current(potential, system, force_jump=0.0) -> None:
    """They add up to the virial; and of a cluster, the heat current is what the sum of x_i e_i does in time."""
    if not potential.tells_virials:
        return
    sim = Simulation(system, potential)
    largest = np.abs(sim.virial).max() + np.abs(sim.forces).max(initial=0.0)
    np.testing.assert_allclose(sim.atom_virials.sum(axis=0), sim.virial, rtol=0, atol=ROUNDING * (10.0 + largest))
    if any(system.box.periodic):
        return
    v = np.random.default_rng(12).normal(size=(system.n_atoms, 3))
    rates = sim.forces / sim.masses[:, None]
    sim.velocities = v / system.units.velocity
    slope, near = np.zeros(3), Nearby(potential, system)
    for k, c in STENCIL:
        x, now = system.positions + k * STEP * v, v + k * STEP * rates
        energies = near.move(x).energies
        slope += c * (energies + 0.5 * sim.masses * (now**2).sum(axis=1)) @ x / STEP
    error = np.abs(slope - sim.heat_current * system.units.velocity).max()
    reach = np.abs(system.positions).max() + potential.cutoff
    assert error < reach * (NOISE + STRAIN_SLOPE * (1.0 + largest) + 3.0 * force_jump), f"heat current {slope}"


# --- symmetries ----------------------------------------------------------------------------------------


def assert_translation_changes_nothing(potential, system) -> None:
    answer = answer_of(potential, system)
    for shift in ((0.3, -0.1, 0.2), (-31.0, 17.5, 5.25)):  # in a periodic cell also far outside of it
        moved = evaluate(potential, changed(system, system.positions + shift))
        assert_same(moved, answer, f"moved by {shift}")


def assert_rotation_turns_forces(potential, system) -> None:
    """Rotations and the inversion; the origin of the cell turns along, so each atom stays in its image."""
    answer = answer_of(potential, system)
    rotation = np.linalg.qr(np.random.default_rng(5).normal(size=(3, 3)))[0]
    rotation *= np.linalg.det(rotation)
    for name, q in (("rotated", rotation), ("inverted", -np.eye(3)), ("rotated and inverted", -rotation)):
        box = Box(system.box.matrix @ q, system.box.periodic, system.box.origin @ q)
        turned = System(
            box, system.positions @ q, species=system.species, symbols=system.symbols, masses=system.masses,
            columns=dict(system.columns), units=system.units,
        )  # fmt: skip
        turned.bonds = system.bonds
        assert_same(evaluate(potential, turned), answer, name, q)


def assert_order_does_not_matter(potential, system) -> None:
    answer = answer_of(potential, system)
    order = np.random.default_rng(6).permutation(len(system.positions))
    want = Answer(answer.energy, answer.forces[order], answer.virial, answer.atom_energies[order])
    assert_same(evaluate(potential, changed(system, order=order)), want, "permuted")


def assert_extensive(potential, system) -> None:
    """n copies have n times the energy: replicas of a periodic cell, distant copies of what is not periodic."""
    answer, n = answer_of(potential, system), len(system.positions)
    repeat = [k if periodic else 1 for k, periodic in zip((2, 2, 2), system.box.periodic, strict=True)]
    copies = system.replicate(repeat)
    for d in range(3):
        if not system.box.periodic[d]:
            # along the normal of the cell's other two vectors, farther than any interaction
            normal = np.linalg.inv(system.box.matrix)[:, d]
            normal /= np.linalg.norm(normal)
            gap = np.ptp(copies.positions @ normal) + potential.cutoff + 0.5
            x = np.vstack([copies.positions, copies.positions + gap * normal])
            copies = System(
                copies.box, x, species=np.tile(copies.species, 2), symbols=copies.symbols,
                masses=np.tile(copies.masses, 2), units=copies.units,
            )  # fmt: skip
    k = len(copies.positions) // n
    assert k > 1
    want = Answer(
        k * answer.energy, np.tile(answer.forces, (k, 1)), k * answer.virial, np.tile(answer.atom_energies, k)
    )
    assert_same(evaluate(potential, copies), want, f"{k} copies")


def assert_list_does_not_matter(potential, system) -> None:
    """The list holds more than what is within the cutoff; how much more changes no bit, nor does where atoms were when
    it was made, as they are elsewhere where a run that was stopped makes its list: which of two lists the other, and
    their order in memory."""
    answers = [evaluate(potential, system, skin=skin) for skin in (0.05, 0.4, 1.3)]
    for other in answers[1:]:
        assert other.energy == answers[0].energy
        assert other.forces.tobytes() == answers[0].forces.tobytes()
    s, engine = system, Engine(potential, system.symbols, 1.3, system.units)
    moves = np.random.default_rng(13).normal(size=(2, *s.positions.shape))
    moves *= 0.6 / np.linalg.norm(moves, axis=2, keepdims=True)
    for move in moves:
        engine.place(s.box, s.positions + move, s.species, s.columns, s.masses, s.bonds)
        engine.move(s.positions)
        found = engine.compute()
        assert found.energy == answers[0].energy
        assert found.forces.tobytes() == answers[0].forces.tobytes()
        assert found.virial.tobytes() == answers[0].virial.tobytes()


def assert_sums_are_of_multiples(potential, system) -> None:
    """What is summed over ghosts and their owners, forces and columns declared so, are multiples of a grid."""
    sim = Simulation(system, potential)
    atoms, bound, reverse = sim.atoms, sim.work.bound, sim.domain.reverse_add

    def check(name, bits):
        units = getattr(atoms, name)[: atoms.n_total] * 2.0**bits
        assert (units == np.rint(units)).all() and np.abs(units).max(initial=0.0) < 2.0**53, f"{name}: off its grid"

    def watched(atoms, *names):
        for name in names:
            check(name, atoms.columns[name].grid)
        reverse(atoms, *names)

    sim.domain.reverse_add = watched
    atoms.clear_forces()
    sim.results.reset(True)
    bound.compute(atoms, sim.neighbors, sim.domain, sim.results)
    check("f", FORCE_BITS)


# --- few atoms, and the cutoff ---------------------------------------------------------------------------
# These make their own systems of the species `symbols`; `make` returns a potential.


def assert_alone_is_alone(make, symbols, units) -> None:
    """An atom without neighbours feels nothing and has one energy, in any cell, however many atoms there are."""
    rc, single = make().cutoff, {}
    for name in symbols:
        found = []
        for size, periodic in ((9.0, False), (1.3, True), (40.0, True)):
            box = Box(size * rc * np.eye(3), (periodic,) * 3)
            system = System(box, [[0.2, 0.1, 0.3]], name, masses=[1.0], units=units)
            answer = evaluate(make(), system, skin=0.1)
            assert not answer.forces.any() and not answer.virial.any(), f"{name}: a force from nothing"
            found.append(answer.energy)
        assert found == [found[0]] * 3, f"{name}: {found}"
        single[name] = found[0]
    for a in symbols:
        for b in symbols:
            for distance in (1.0 + 1e-9, 3.0):
                x = [[0.0, 0.0, 0.0], [0.0, distance * rc, 0.0]]
                system = System(Box(9.0 * rc * np.eye(3), (False,) * 3), x, [a, b], masses=[1.0] * 2, units=units)
                answer = evaluate(make(), system)
                assert not answer.forces.any(), f"{a}-{b}: a force beyond the cutoff"
                np.testing.assert_allclose(answer.energy, single[a] + single[b], rtol=1e-13, atol=1e-13)


def assert_absent_species_do_not_matter(make, system, symbols) -> None:
    """A system of one species, in a simulation that knows others as well."""
    for name in symbols:
        answers = []
        for known in ((name,), symbols, symbols[::-1]):
            species = np.full(len(system.positions), known.index(name))
            answers.append(evaluate(make(), changed(system, symbols=known, species=species)))
        for other in answers[1:]:
            assert_same(other, answers[0], f"{name} among {', '.join(symbols)}")


def assert_continuous(make, names, units, force=True, points=600) -> None:
    """Energy (and force) have no jump where a third atom comes within reach of two others, one after the other.

    names : species of the three. The largest difference between neighbouring points of the way is looked at closer
    and closer: where a function is continuous it shrinks with the distance of the points, a jump stays.
    """
    potential = make()
    rc = potential.cutoff
    box = Box(20.0 * rc * np.eye(3), (False,) * 3)
    here, there = np.array([-0.5, 1.2, 0.1]) * rc, np.array([0.35, 0.66, 0.1]) * rc

    def where(s):
        return np.array([[0.0, 0.0, 0.0], [0.7 * rc, 0.0, 0.0], here + s * (there - here)])

    system = System(box, where(0.0), list(names), masses=[1.0] * 3, units=units)
    engine = Engine(potential, system.symbols, 0.3, system.units)
    engine.place(box, system.positions, system.species, system.columns)

    def state(s):
        engine.move(where(s))
        found = engine.compute()
        return np.array([found.energy, *(found.forces.ravel() if force else ())])

    low, high, steps = 0.0, 1.0, []
    for n in (points, 20, 20, 20):
        s = np.linspace(low, high, n)
        sizes = np.abs(np.diff([state(one) for one in s], axis=0)).max(axis=1)
        k = int(sizes.argmax())
        low, high = s[k], s[k + 1]
        steps.append(sizes[k])
    assert steps[-1] < 0.01 * steps[0] + 1e-8, f"a jump by {steps[-1]} at {low}"


# --- what is wrong on purpose ------------------------------------------------------------------------------


def spoilt(bound, spoil):
    """A bound potential that does something after it has computed."""
    compute = bound.compute

    def both(atoms, neighbors, domain, out):
        compute(atoms, neighbors, domain, out)
        spoil(atoms, neighbors, domain, out)

    bound.compute = both
    return bound
