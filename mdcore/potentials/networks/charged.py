"""Network potentials with charges in the engine: third and fourth generation, and latent charges (charge_model.py).

    E = sum_i E_i(G_i, [q_i])  +  energy of the charges q

Charges are predicted, q_i = q(G_i), and the same more for each so that they keep the total, or equilibrated
(equilibration.py). Forces are exact: with dE/dq, where all that charges do to the energy meets, predicted charges pull
at their descriptors by one more vector-Jacobian product. Of equilibrated ones electronegativities chi pull by the
adjoint charges l, which solve the same equations for -dE/dq, and so does the field of q and l:

    L = E + sum_i l_i (A q + chi + mu)_i,    F = -dL/dr at fixed q and l

L is what is reported. It differs from the energy of the exact charges by a product of two residuals: what is left of a
finite residual does not show in the conservation of energy. T. W. Ko et al., Nat. Commun. 12, 398 (2021).
"""

import hashlib

import numpy as np

from mdcore.base import exact
from mdcore.doors import _hdnnp
from mdcore.potentials.base import Finding
from mdcore.potentials.charges.bound import LARGEST
from mdcore.potentials.charges.equilibration import Equilibrium, extrapolated
from mdcore.potentials.charges.field import TRIAL
from mdcore.potentials.charges.slab import refuse
from mdcore.potentials.charges.truncated import Truncated
from mdcore.potentials.networks.outside import DESCRIPTORS, RANGE, TOLD
from mdcore.potentials.networks.running import BoundTrained
from mdcore.potentials.networks.trained import fingerprint
from mdcore.structure import columns
from mdcore.structure.atoms import Column

CHARGES = Finding(columns.CHARGES, "charge", per_atom=True)
ALONE = 1e-11  # e, residual of charges that follow from no others: one number to rounding for one structure
KEPT = 4  # steps before, of which what charges feel of each other is guessed at the next one
COLUMN, PAST, ADJOINT, PLACE = "network_charge", "charges_before", "adjoints_before", "charges_at"


class WithCharges(BoundTrained):
    """What one network with charges and a committee of such have in common."""

    virial_of_forces = False

    @property
    def memory_key(self) -> str:
        it = self.potential
        if not it.model.charges.equilibrated:
            return ""
        return hashlib.sha256(f"{fingerprint(it.model)} {it.charge_settings} {it.precision}".encode()).hexdigest()

    def find(self, work, wanted=None):
        found = super().find(work, wanted)
        if wanted is None or CHARGES in wanted:
            found[CHARGES] = getattr(work.atoms, COLUMN)[: work.atoms.n_owned].copy()
        return found


class BoundCharged(WithCharges):
    """A network potential with charges, for a system of these species.

    steps : of conjugate gradients, of the last forces
    """

    def __init__(self, potential, symbols):
        super().__init__(potential, symbols)
        model, self.settings = potential.model.charges, potential.charge_settings
        self.charge_tables, self._ev, self.steps = potential.charge_tables, potential.units.ev, 0
        self.interaction = self.settings.interaction(model, potential.units, self.element_of)
        self.columns = {COLUMN: Column("f8", output=CHARGES.name), TRIAL: Column("f8")}
        self._box, self._shared = None, potential.shares_descriptors
        if model.equilibrated:
            several = Column("f8", (1 + KEPT,), "memory")  # a solution, and what charges felt of each other
            self.columns |= {PAST: several, ADJOINT: several, PLACE: Column("f8", (3,), "memory")}
            self._hardness = np.array(model.hardness)[self.element_of] * self._ev

    @property
    def width(self) -> int:
        return self.tables.n_functions

    def state(self) -> dict:
        return self.interaction.plans.state()

    def restore(self, state) -> None:
        self.interaction.plans.restore(state)

    def compute(self, atoms, neighbors, domain, out) -> None:
        it, n, comm = self.potential, atoms.n_owned, domain.comm
        model, species = it.model.charges, atoms.species
        seen = neighbors.of(it.short).full
        engine = (atoms.x, seen.first, seen.index, seen.bounds, self.species_of, self.element_of)
        g, of_charges = self._descriptors(atoms, engine)
        networks = atoms.x, self.element_of
        raw, raw_slopes, _ = _hdnnp.answers_of(self.charge_tables, *networks, of_charges[:n], threads=self.threads)
        scale = model.output_scale * (self._ev if model.equilibrated else 1.0)
        raw *= scale
        total = out.total_charge if self.settings.total is None else self.settings.total
        if not np.isfinite(total):
            refuse("the charge of the structure is no number; correct it, or say total_charge")
        field = self._field(atoms, neighbors, domain)
        if model.equilibrated:
            charges, kept = self._equilibrate(atoms, field, species, raw, total)
        else:
            missing = (total - exact.dots(comm, raw)[0]) / field.n_atoms if model.conserve else 0.0
            charges, kept = raw + missing, None
        if not comm.maximum(np.array([np.abs(charges).max(initial=0.0)]))[0] < LARGEST:
            refuse(f"a charge of the network potential is beyond {LARGEST:g} e, or no number: are atoms too close?")
        # energies, and what charges do to them
        more = charges * model.input_scale if model.as_input else None
        energies, slopes, of_charge = _hdnnp.answers_of(self.tables, *networks, g[:n], more, threads=self.threads)
        energies *= self._ev
        own = self.interaction.own[species] if model.own_energy else 0.0
        screened = field.screened(charges)
        rest = screened + own * charges
        if model.as_input:
            rest += (self._ev * model.input_scale) * of_charge
        if model.equilibrated:
            pulls = self._adjoint(atoms, field, kept, rest)
            felt = field.act(charges, pulls, total, out)
            missing = self._diagonal(species) * charges + felt + raw
            energies += pulls * (missing - exact.dots(comm, missing)[0] / field.n_atoms)
        else:
            felt = field.act(charges, None, self._sum(comm, charges, total), out)
            pulls = rest + felt
            if model.conserve:
                pulls = pulls - exact.dots(comm, pulls)[0] / field.n_atoms
        energies += 0.5 * charges * (felt + screened + own * charges)
        raw_slopes *= (pulls * (scale / self._ev))[:, None]
        self._pull(atoms, engine, slopes, raw_slopes)
        getattr(atoms, COLUMN)[:n] = charges
        if out.want_energy:
            out.add_shares(energies)
        if self.walls:
            self.walls.compute(atoms, neighbors.of(self.walls.potential), domain, out)

    def _field(self, atoms, neighbors, domain):
        it = self.potential
        if self.settings.sums == "n2p2" and any(domain.box.periodic):
            own = it.model.charges
            return Truncated(self.interaction, own.truncation, it.units.angstrom, own.constant, atoms, domain)
        return self.interaction.field(atoms, neighbors.of(it.near).full, domain)

    def _sum(self, comm, charges, total):
        return total if self.potential.model.charges.conserve else exact.dots(comm, charges)[0]

    def _diagonal(self, species):
        return self._hardness[species] + self.interaction.own[species]

    # --- networks ------------------------------------------------------------------------------------

    def _descriptors(self, atoms, engine):
        """Those of the short-range networks, and those of the networks of charges, perhaps the same, [n, functions]."""
        it, n, notes = self.potential, atoms.n_owned, {}
        if self.wanted:
            room = self._room(n, {*self.wanted, *RANGE})  # the kernel tells of ranges all or nothing
            notes = {TOLD[finding]: room[finding] for finding in RANGE}
        g = np.zeros((max(n, 1), self.tables.n_functions))
        _hdnnp.descriptors_of(self.tables, *engine, it.native, g, atoms.n_total, self.threads, **notes)
        if DESCRIPTORS in self.wanted:
            self.beside[DESCRIPTORS][:n] = g[:n]
        if self._shared:
            return g, g
        own = np.zeros((max(n, 1), self.charge_tables.n_functions))
        _hdnnp.descriptors_of(self.charge_tables, *engine, it.native, own, atoms.n_total, self.threads)
        return g, own

    def _pull(self, atoms, engine, slopes, of_charges):
        """Forces of dE/dG, native, of the short-range networks, and of those of charges."""
        x, *lists = engine
        parts = [(self.tables, slopes), (self.charge_tables, of_charges)]
        if self._shared:
            slopes += of_charges
            parts.pop()
        for tables, own in parts:
            _hdnnp.pull(tables, x, atoms.f, *lists, self.potential.native, own, atoms.n_total, self.threads)

    # --- equilibration -------------------------------------------------------------------------------

    def _equilibrate(self, atoms, field, species, chi, total):
        """(charges, what `_adjoint` needs to know)"""
        equations = Equilibrium(field, self._diagonal(species), self.settings.residual)
        same, n_past = (False, 0) if equations.direct else self._past(atoms, field)
        if not n_past:
            equations.residual = min(equations.residual, ALONE)
        n, past = atoms.n_owned, getattr(atoms, PAST)
        if same:
            charges = past[:n, 0].copy()
            return charges, (equations, same, n_past, None, charges)
        charges, felt = equations.solve(-chi, total, extrapolated(past[:n, 1:], n_past))
        return charges, (equations, same, n_past, felt, charges)

    def _adjoint(self, atoms, field, kept, rest):
        """The adjoint charges; rest : dE/dq without what charges feel of each other"""
        equations, same, n_past, felt, charges = kept
        n, past, before = atoms.n_owned, getattr(atoms, PAST), getattr(atoms, ADJOINT)
        if same:
            return before[:n, 0].copy()
        pulls, of_pulls = equations.solve(-(felt + rest), 0.0, extrapolated(before[:n, 1:], n_past))
        self.steps = equations.steps
        if not equations.direct:
            for columns, *newest in ((past, charges, felt), (before, pulls, of_pulls)):
                columns[:n, 2:] = columns[:n, 1:-1]
                columns[:n, 0], columns[:n, 1] = newest
            getattr(atoms, PLACE)[:n] = field.domain.box.wrap(atoms.positions)[0]
            self._box = field.domain.box.matrix.copy()
        return pulls

    def _past(self, atoms, field) -> tuple[bool, int]:
        """(are all atoms where they were when charges were found last, how many solutions are there) (collective)"""
        n, box = atoms.n_owned, field.domain.box
        unknown = np.isnan(getattr(atoms, PAST)[:n, 1:]).any(axis=0)
        moved = not np.array_equal(box.wrap(atoms.positions)[0], getattr(atoms, PLACE)[:n])
        strained = self._box is not None and not np.array_equal(self._box, box.matrix)
        flags = field.comm.maximum(np.array([*unknown, moved or strained], dtype=float))
        n_past = int(np.argmax(flags[:KEPT])) if flags[:KEPT].any() else KEPT
        return n_past > 0 and not flags[KEPT], n_past
