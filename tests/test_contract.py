"""Does every potential keep the contract, in every kind of cell? And does the contract notice what breaks it?

A new potential is one line in POTENTIALS.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import pytest

import mdcore
from mdcore.base.errors import InputError
from mdcore.base.exact import FORCE_BITS
from mdcore.potentials.base import Potential, Sum
from mdcore.potentials.charges.electrostatics import Electrostatics
from mdcore.potentials.dispersion.d3 import D3
from mdcore.potentials.manybody.eam import EAM
from mdcore.potentials.manybody.stillinger_weber import StillingerWeber
from mdcore.potentials.manybody.tersoff import Tersoff
from mdcore.potentials.networks.charge_model import Screening
from mdcore.potentials.networks.charge_settings import ChargeSettings
from mdcore.potentials.networks.committee import committee
from mdcore.potentials.networks.hdnnp import HDNNPotential
from mdcore.potentials.networks.model import Normalisation
from mdcore.potentials.pair.coulomb import Coulomb
from mdcore.potentials.pair.lj import LennardJones
from mdcore.potentials.pair.soft_core import SoftCore
from mdcore.potentials.pair.tabulated import Tabulated
from mdcore.potentials.pair.zbl import ZBL
from mdcore.structure.atoms import Column
from mdcore.structure.system import System
from tests import contract, eam_files
from tests import threebody_files as files
from tests.density_twin import density as density_potential
from tests.reference.hdnnp_models import charged_model, chebyshev_model, random_model
from tests.systems import TRICLINIC, cells, scattered


@dataclass(frozen=True)
class Case:
    """make : a potential; symbols : its species; force_jump : of a pair at the cutoff, 0: continuous
    points : at which continuity is looked for first
    far : it reaches past any cutoff, so copies feel each other; not in cells that are periodic along one axis"""

    make: Callable
    symbols: tuple[str, ...]
    units: str = "metal"
    force_jump: float = 0.0
    far: bool = False
    points: int = 600

    def of(self, system) -> System:
        """The atoms of `system` as those of this case, its species in turn."""
        n, species = len(system.positions), np.arange(len(system.positions)) % len(self.symbols)
        return System(
            system.box, system.positions, species=species, symbols=self.symbols, masses=np.ones(n), units=self.units
        )


def lj(symbols, force_jump=0.0, **options):
    return Case(lambda: LennardJones(2.5, **options), symbols, "lj", force_jump)


def hdnnp(*elements, wall=None, activations="ppl", conv_energy=0.1, **options):
    """Softplus does not saturate: every descriptor counts, also in crowded cells."""
    model = random_model(elements, activations=activations, **options)
    model = replace(model, normalisation=Normalisation(-1.25, conv_energy))
    return Case(lambda: HDNNPotential(model) if wall is None else Sum(HDNNPotential(model), wall()), elements)


def charged(*elements, **options):
    """A network potential with charges, in units that are not the engine's."""
    model = replace(charged_model(elements, activations="ppl", **options), normalisation=Normalisation(-1.25, 0.1))
    settings = ChargeSettings(accuracy=1e-7, cutoff=3.0, method="ewald", residual=1e-11)
    return Case(lambda: HDNNPotential(model, charges=settings), elements, far=True, points=150)


def density(*elements, members=1, **options):
    """A density network, or a committee of them."""
    return Case(lambda: density_potential(elements, members, **options), elements)


def charges(**options):
    options |= {"method": "ewald", "accuracy": 1e-10, "cutoff": 2.5, "constant": 1.0}
    return Case(lambda: Electrostatics({"A": 1.0, "B": -0.7}, **options), ("A", "B"), "lj", far=True)


def d3(*symbols, **options):
    return Case(lambda: D3("pbe0", cutoff=6.0, width=1.5, **options), symbols)


def pairs(kind, one, other, **options):
    own = {("A", "A"): one, ("A", "B"): other, ("B", "B"): one}
    return Case(lambda: kind(2.5, pairs=own, truncation="force-shifted", **options), ("A", "B"), "lj")


def table(strength):
    r = np.linspace(0.3, 2.5, 300)
    return r, strength * np.cos(4.0 * r) / r * (1.0 - (r / 2.5) ** 2) ** 3


TABLES = {("A", "A"): table(1.0), ("A", "B"): table(-0.4), ("B", "B"): table(0.2)}
TABULATED = Tabulated(TABLES, truncation="force-shifted")  # splines take a while
COMMITTEE = committee(
    [random_model(("O", "H"), types=[2, 3], activations="ppl", seed=1, weights_seed=k) for k in (2, 3, 4)]
)
ONE, TWO = {"epsilon": 1.0, "sigma": 1.0}, {"A": (1.0, 1.0), "B": (0.5, 0.88)}
POTENTIALS = {
    "lj force-shifted": lj("A", **ONE, truncation="force-shifted"),
    "lj shifted": lj("A", 0.039, **ONE, truncation="shifted"),
    "lj mixture": lj(("A", "B"), species=TWO, truncation="force-shifted"),
    "lj pairs": lj(("B", "A"), species=TWO, pairs={("B", "A"): (1.5, 0.8, 2.1)}, truncation="force-shifted"),
    "zbl": Case(lambda: ZBL(1.1, 2.5), ("O", "H", "Cu")),
    "morse": pairs(mdcore.Morse, {"depth": 1.0, "alpha": 2.3, "r0": 1.1}, {"depth": 0.6, "alpha": 3.0, "r0": 0.9}),
    "buckingham": pairs(
        mdcore.Buckingham, {"a": 900.0, "rho": 0.15, "c": 1.5}, {"a": 700.0, "rho": 0.17, "c": 0.0, "cutoff": 2.3}
    ),
    "soft core": pairs(SoftCore, {"epsilon": 1.0, "sigma": 1.0}, {"epsilon": 2.0, "sigma": 1.3}, coupling=0.6, n=2),
    "coulomb": Case(lambda: Coulomb(2.5, {"A": 1.0, "B": -0.7}, 0.9, constant=1.0), ("A", "B"), "lj"),
    "electrostatics": charges(),
    "electrostatics, gaussians": charges(widths={"A": 0.12, "B": 0.17}),
    "electrostatics, damped": charges(damping="polynomial", inner=0.4, outer=1.8),
    "tabulated": Case(lambda: TABULATED, ("A", "B"), "lj"),
    "eam": Case(lambda: EAM(eam_files.tables()), ("Al", "Cu")),
    "eam finnis-sinclair": Case(lambda: EAM(eam_files.tables(finnis_sinclair=True)), ("Cu", "Al")),
    "stillinger-weber": Case(lambda: StillingerWeber(files.SW), ("Si", "C")),
    "stillinger-weber, any powers": Case(lambda: StillingerWeber(files.SW_POWERS), ("Si",)),
    "tersoff": Case(lambda: Tersoff(files.TERSOFF), ("Si", "C")),
    "tersoff, no exponential": Case(lambda: Tersoff(files.TERSOFF_PLAIN), ("Si",)),
    "hdnnp radial": hdnnp("O", "H", types=[2, 12], cutoff_type=1),
    "hdnnp angular": hdnnp("O", "H", types=[3, 9, 13], cutoff_type=2),
    "hdnnp compact": hdnnp("O", "H", types=[20, 21, 22, 23, 24, 25]),
    "hdnnp of all types": hdnnp("O", "H", cutoff_type=7, conv_energy=1.0),
    "hdnnp inner cutoff": hdnnp("H", "O", types=[2, 3, 9], cutoff_type=6, alpha=0.3),
    "hdnnp one element": hdnnp("Cu", types=[2, 3], cutoff_type=5),
    "hdnnp three elements": hdnnp("O", "H", "Cu", types=[2, 9], cutoff_type=4),
    "hdnnp steep cutoff": hdnnp("O", "H", types=[2, 3, 13], cutoff_type=8, activations="tsl"),
    # all T_m are 1 at the cutoff, where the second derivative of the cosine jumps: a difference may step over it
    "chebyshev": Case(
        lambda: HDNNPotential(chebyshev_model(("O", "H"), activations="ppl")), ("O", "H"), force_jump=3e-5
    ),
    "committee": Case(lambda: HDNNPotential(COMMITTEE), ("O", "H")),
    "charges, equilibrated": charged("O", "H", types=[2], screening=Screening(0.8, 2.6, "p2")),
    "charges, predicted": charged("O", "H", types=[2], kind="predicted", own=True, as_input=True),
    "density": density("H", "O"),
    "density, vectors": density("H", "O", message_l=1),
    "density, three layers": density("Cu", layers=3, factors=2, hidden=0),
    "density, committee of two designs": density(
        "H", "O", unlike=[{"layers": 1, "channels": 32, "element_rank": 2, "envelope": 12}]
    ),
    "density, committee of one layer": density("H", "O", layers=1, l_max=2, factors=4, members=2),
    "d3": d3("O", "H"),
    "d3, triples": d3("H", "C", s9=1.0, triple_cutoff=4.6),
    "d3, zero damping, triples": d3("O", "H", damping="zero", alpha6=13.0, s9=1.0),
    "network + wall": hdnnp("O", "H", types=[2, 3, 9], cutoff_type=3, wall=lambda: ZBL(0.6, 1.4)),
}
CELLS = {cutoff: dict(cells(cutoff)) for cutoff in {case.make().cutoff for case in POTENTIALS.values()}}
NAMES = list(next(iter(CELLS.values())))

every_potential = pytest.mark.parametrize("case", POTENTIALS.values(), ids=POTENTIALS)
every_cell = pytest.mark.parametrize("cell", NAMES)


def the(case, cell):
    """A potential of the case and a system of its species in this cell."""
    if cell == "wire" and case.far:
        pytest.skip("wires are refused")
    potential = case.make()
    return potential, case.of(CELLS[potential.cutoff][cell])


@every_cell
@every_potential
def test_forces_match_energy(case, cell):
    contract.assert_forces_match_energy(*the(case, cell), case.force_jump)


@every_cell
@every_potential
def test_stress_matches_energy(case, cell):
    contract.assert_stress_matches_energy(*the(case, cell), case.force_jump)


@every_cell
@every_potential
def test_atom_virials_make_the_heat_current(case, cell):
    contract.assert_atom_virials_make_the_heat_current(*the(case, cell), case.force_jump)


@every_cell
@every_potential
def test_symmetries(case, cell):
    """And that energies add up, lists leave no trace, sums are of multiples."""
    potential, system = the(case, cell)
    contract.assert_atom_energies_add_up(potential, system)
    contract.assert_translation_changes_nothing(potential, system)
    contract.assert_rotation_turns_forces(potential, system)
    contract.assert_order_does_not_matter(potential, system)
    if not case.far or all(system.box.periodic):  # copies feel each other
        contract.assert_extensive(potential, system)
    contract.assert_list_does_not_matter(potential, system)
    contract.assert_sums_are_of_multiples(potential, system)


@pytest.mark.parametrize("name", [name for name, case in POTENTIALS.items() if not case.far])
def test_alone_is_alone(name):
    case = POTENTIALS[name]
    contract.assert_alone_is_alone(case.make, case.symbols, case.units)


def test_a_potential_of_an_input_binds_before_a_structure_is_known():
    """`mdcore evaluate` reads inputs for structures that come later; networks are bound when these are there."""
    made = [case.make() for case in POTENTIALS.values()]
    own = [potential for potential in made if not potential.trained]
    assert len(own) > 10
    for potential in own:
        potential.bind(())


@pytest.mark.parametrize("cell", ["triclinic", "small triclinic", "cluster", "one atom"])
@every_potential
def test_absent_species_do_not_matter(case, cell):
    _, system = the(case, cell)
    contract.assert_absent_species_do_not_matter(case.make, system, tuple(case.symbols))


@pytest.mark.parametrize("kinds", [(0, 0, 0), (0, -1, -1), (0, -1, 0)])
@every_potential
def test_continuous(case, kinds):
    names = [case.symbols[k] for k in kinds]
    contract.assert_continuous(case.make, names, case.units, force=not case.force_jump, points=case.points)


# --- what the contract must notice -----------------------------------------------------------------------


class Spoilt(Potential):
    """A good potential, and something that goes wrong after it: spoil(bound, atoms, neighbors, domain, out)."""

    tells_virials = True

    def __init__(self, spoil):
        self.good, self.spoil = POTENTIALS["lj mixture"].make(), spoil
        self.cutoff = self.good.cutoff

    def bind(self, symbols):
        bound = self.good.bind(symbols)
        bound.columns = {"density": Column("f8", adds=True, grid=FORCE_BITS)}
        return contract.spoilt(bound, lambda *step: self.spoil(bound, *step))


def add(out, energy):
    out.energy += round(float(energy) * 2**36)


def forces_too_large(self, atoms, neighbors, domain, out):
    atoms.f[: atoms.n_total] *= 1.0 + 3e-4


def one_force_too_large(self, atoms, neighbors, domain, out):
    atoms.f[atoms.tags[: atoms.n_owned].argmin(), 1] += 0.01


def forces_of_ghosts_sent_home_too_early(self, atoms, neighbors, domain, out):
    """Right forces, wrong virial."""
    domain.reverse_forces(atoms)
    atoms.f[atoms.n_owned : atoms.n_total] = 0.0


def energy_of_place(self, atoms, neighbors, domain, out):
    add(out, 1e-6 * atoms.positions[:, 0].sum())


def energy_of_direction(self, atoms, neighbors, domain, out):
    add(out, 1e-6 * atoms.positions[:, 0].var())


def energy_of_order(self, atoms, neighbors, domain, out):
    distances = np.linalg.norm(atoms.positions - atoms.positions.mean(axis=0), axis=1)
    add(out, 1e-6 * distances @ atoms.tags[: atoms.n_owned])


def constant_energy(self, atoms, neighbors, domain, out):
    add(out, 1e-4)


def energy_of_ghosts(self, atoms, neighbors, domain, out):
    add(out, 1e-4 * atoms.n_ghost)


def energy_beyond_the_cutoff(self, atoms, neighbors, domain, out):
    add(out, 1e-6 * neighbors.list.n_pairs)


def force_off_the_grid(self, atoms, neighbors, domain, out):
    atoms.f[0, 0] += 2.0**-38


def density_off_the_grid(self, atoms, neighbors, domain, out):
    atoms.density[: atoms.n_total] = 1e-9 * atoms.x[: atoms.n_total, 0]
    domain.reverse_add(atoms, "density")


def half_the_atom_energies(self, atoms, neighbors, domain, out):
    if out.atom_energies is not None:
        out.atom_energies[: atoms.n_owned] *= 0.999


def atom_virials_too_large(self, atoms, neighbors, domain, out):
    if out.atom_virials is not None:
        out.atom_virials[: atoms.n_owned] *= 1.001


def atom_virials_of_others(self, atoms, neighbors, domain, out):
    if out.atom_virials is not None:
        out.atom_virials[: atoms.n_owned] = np.roll(out.atom_virials[: atoms.n_owned], 1, axis=0)


def energy_of_names(self, atoms, neighbors, domain, out):
    add(out, 1e-6 * len(self.symbols) * atoms.n_owned)


@pytest.mark.parametrize(
    ("spoil", "check"),
    [
        (forces_too_large, contract.assert_forces_match_energy),
        (one_force_too_large, contract.assert_forces_match_energy),
        (one_force_too_large, contract.assert_order_does_not_matter),
        (forces_too_large, contract.assert_stress_matches_energy),
        (forces_of_ghosts_sent_home_too_early, contract.assert_stress_matches_energy),
        (forces_of_ghosts_sent_home_too_early, contract.assert_translation_changes_nothing),
        (energy_of_place, contract.assert_translation_changes_nothing),
        (energy_of_direction, contract.assert_rotation_turns_forces),
        (energy_of_order, contract.assert_order_does_not_matter),
        (constant_energy, contract.assert_extensive),
        (energy_of_ghosts, contract.assert_extensive),
        (energy_of_ghosts, contract.assert_list_does_not_matter),
        (energy_beyond_the_cutoff, contract.assert_list_does_not_matter),
        (half_the_atom_energies, contract.assert_atom_energies_add_up),
        (atom_virials_too_large, contract.assert_atom_virials_make_the_heat_current),
        (force_off_the_grid, contract.assert_sums_are_of_multiples),
        (density_off_the_grid, contract.assert_sums_are_of_multiples),
    ],
)
def test_notices(spoil, check):
    case = POTENTIALS["lj mixture"]
    system = case.of(scattered(25, 4.4 * TRICLINIC, seed=4))
    check(case.make(), system)
    with pytest.raises(AssertionError):
        check(Spoilt(spoil), system)


@pytest.mark.parametrize(
    ("columns", "told"),
    [
        ({"density": Column("f8", adds=True)}, "LennardJones: column 'density': .*float64 of a grid.*exact.FORCE_BITS"),
        ({"density": Column("i8", adds=True, grid=36)}, "column 'density': .*float64 of a grid"),
        ({"density": Column("f8", source="file")}, "source = 'file': expected one of structure, computed"),
        ({"masses": Column("f8")}, "column 'masses': the engine has a column of that name"),
    ],
)
def test_declarations_that_cant_be_kept_are_refused(columns, told):
    class Wrong(Spoilt):
        def bind(self, symbols):
            bound = super().bind(symbols)
            bound.columns = columns
            return bound

    case = POTENTIALS["lj mixture"]
    with pytest.raises(InputError, match=told):
        mdcore.Simulation(case.of(scattered(25, 4.4 * TRICLINIC, seed=4)), Sum(case.make(), Wrong(forces_too_large)))


def test_two_terms_may_not_mean_one_column_differently():
    case = POTENTIALS["lj mixture"]
    one, other = Spoilt(forces_too_large), Spoilt(forces_too_large)
    other.bind = lambda symbols, bind=other.bind: with_columns(bind(symbols), density=Column("f8"))
    with pytest.raises(InputError, match="another term has one of that name"):
        mdcore.Simulation(case.of(scattered(25, 4.4 * TRICLINIC, seed=4)), Sum(one, other))


def with_columns(bound, **columns):
    bound.columns = columns
    return bound


def test_notices_more():
    case, system = POTENTIALS["lj mixture"], scattered(25, 4.4 * TRICLINIC, seed=4)
    with pytest.raises(AssertionError):
        contract.assert_alone_is_alone(lambda: Spoilt(energy_of_ghosts), case.symbols, case.units)
    with pytest.raises(AssertionError):
        contract.assert_absent_species_do_not_matter(lambda: Spoilt(energy_of_names), system, case.symbols)
    cluster = case.of(scattered(25, 4.4 * TRICLINIC, (False, False, False), seed=4))
    with pytest.raises(AssertionError, match="heat current"):
        contract.assert_atom_virials_make_the_heat_current(Spoilt(atom_virials_of_others), cluster)
    with pytest.raises(AssertionError, match=r"a jump by 0\.0[0-9]* at"):
        contract.assert_continuous(lj("A", **ONE).make, "AAA", "lj", force=False)  # energy
    with pytest.raises(AssertionError, match=r"a jump by 0\.03[0-9]* at"):
        contract.assert_continuous(POTENTIALS["lj shifted"].make, "AAA", "lj")  # force
    with pytest.raises(AssertionError, match="a jump"):
        contract.assert_continuous(hdnnp("O", types=[2], cutoff_type=0).make, "OOO", "metal")


def test_forces_of_ghosts_sent_home_too_early_are_right():
    """So the stress has to be checked for itself."""
    case = POTENTIALS["lj mixture"]
    system = case.of(scattered(25, 4.4 * TRICLINIC, seed=4))
    contract.assert_forces_match_energy(Spoilt(forces_of_ghosts_sent_home_too_early), system)
