"""How must networks of charges change, so that energies, forces and charges come right?

Networks give x_i, charges or electronegativities, of which the charges of a structure are q = R x + q0. R takes the
mean away (predicted charges, which add up to the total) or, of equilibrated ones, is the response -B, B the inverse of
the matrix of the charge equilibration (potentials/networks/charge_model.py). With phi = A q, A the interaction,

    E = E_short + 1/2 q.A q,    F = -dE_short/dr - 1/2 q.(dA/dr) q - (R phi).(dx/dr + [(dA/dr) q])

where what stands in [] is of equilibrated charges, whose R follows the atoms. Latent charges are found by this alone
(B. Cheng, npj Comput. Mater. 11, 80 (2025)). The gradient of a loss is exact: residuals of forces and stress become a
motion t of atoms and cell, along which x, A and q change by x', A' = t.dA/dr and q' = R (x' + [A' q]). Then

    D = a E + t.dE/dr:    dD/dq = a phi + A q' + A' q,    dD/dq' = phi,

    dD/dx' = R phi,    dD/dx = R (dD/dq + [A' dD/dx'])

and one double-backward pass through the networks (ext/networks/network_gradients.c) makes dD/dw of these. With the
charge as an input of the short-range networks dD/dq and dD/dq' have what that adds.
"""

from dataclasses import dataclass, replace

import numpy as np

from mdcore.base.errors import InputError
from mdcore.potentials.networks.hdnnp import networks_of
from mdcore.potentials.networks.model import HDNNP
from mdcore.training.charged_sets import ChargedEnvironments
from mdcore.training.interactions import Interaction
from mdcore.training.loss import NetworkRegression, Stack, rows_of
from mdcore.training.misfit import Prediction, Weights
from mdcore.training.regression import Kind
from mdcore.training.responses import Hardness, Response, equilibrated, predicted
from mdcore.training.settings import ALL, CHARGES, SHORT, Loss


@dataclass(eq=False)
class Field:
    """What charges do in the structures of a chunk.

    slopes : dx/dinput of each element's atoms; responses, interactions, phi [n] : of each structure
    q : float64 [n_atoms]; at : bounds of the structures in it; atoms : of each element
    """

    slopes: list[np.ndarray]
    atoms: list[np.ndarray]
    at: np.ndarray
    responses: list[Response]
    interactions: list[Interaction]
    q: np.ndarray
    phi: np.ndarray

    def each(self):
        """(place of its atoms, Response, Interaction) of each structure."""
        places = [slice(a, b) for a, b in zip(self.at[:-1].tolist(), self.at[1:].tolist(), strict=True)]
        return zip(places, self.responses, self.interactions, strict=True)


class ChargedRegression(NetworkRegression):
    """Networks of energies and of charges as a function of their parameters, over a training set (loss.py).

    model : HDNNP with charges on the descriptors of the energies; environments : ChargedEnvironments
    fixed : the charges are no parameters
    parameters : the networks of energies, those of charges, logarithms of hardnesses over those of the model
    """

    def __init__(
        self, model: HDNNP, environments: ChargedEnvironments, threads: int = 1, counts: Loss | None = None,
        fixed: bool = False,
    ):  # fmt: skip
        own = model.charges
        if own.symmetry_functions != model.symmetry_functions or own.screening or not own.own_energy:
            raise InputError(
                "training: networks of charges see what those of energies see; charges are whole Gaussians"
            )
        self.charges, self.fixed, self.part = own, fixed, SHORT if fixed else ALL
        self._constant = self._of = None
        self._ready = False  # to compute
        super().__init__(model, environments, threads, counts)
        self._ready = True
        self._refresh()

    def weigh(self, counts: Loss) -> None:
        super().weigh(counts)
        if counts.charges:
            self.kinds = (*self.kinds, Kind("charges", counts.charges, "all"))

    def _lay_out(self, short: Stack, *more: Stack) -> None:
        own = self.charges
        self.of_charges = Stack(networks_of(self.model, of_charges=True), own.networks, short.n)
        weights = [short.is_weight, self.of_charges.is_weight, np.zeros(len(own.hardness), dtype=bool)]
        self._all_weights = short.is_weight if self.fixed else np.concatenate(weights)
        self.hardness = Hardness(own.hardness, short.n + self.of_charges.n)
        if self.fixed:
            self.of_charges.set(np.concatenate([np.zeros(short.n), self.of_charges.flat]))
            super()._lay_out(short)
            return
        super()._lay_out(short, self.of_charges, self.hardness)

    def set(self, parameters: np.ndarray) -> None:
        if self._of is not None and np.allclose(parameters[self.stack.n :], self._of, rtol=1e-9, atol=1e-12):
            parameters = np.append(parameters[: self.stack.n], self._of)  # averages of steps round them
        super().set(parameters)
        if not self.fixed:
            self.of_charges.set(self.parameters)
            self.hardness.set(self.parameters)
        self._refresh()

    def release(self, part: str) -> None:
        """Let optimisers change this part of the parameters from now on."""
        if self.fixed and part != SHORT:
            raise InputError("training: fixed charges are not trained")
        self.part, self._of = part, None
        self.is_weight = self.free & self._all_weights
        self._refresh()

    @property
    def free(self) -> np.ndarray:
        """bool [n_parameters]: which of them optimisers change."""
        found, n = np.ones(self.n_parameters, dtype=bool), self.stack.n
        found[:n] = self.part != CHARGES
        found[n:] = self.part != SHORT
        return found

    def fitted(self) -> HDNNP:
        found = super().fitted()
        if self.fixed:
            return found
        networks = self.of_charges.fitted(self.parameters)
        return replace(found, charges=replace(self.charges, networks=networks, hardness=tuple(self.hardness.now)))

    def _refresh(self) -> None:
        """Of charges that do not change: what they add is computed once."""
        if self.part != SHORT or self.charges.as_input or not self._ready:
            self._constant = self._of = None
            return
        of = self.parameters[self.stack.n :]
        if self._constant is None or self._of is None or not np.array_equal(of, self._of):
            self._of, self._constant = of.copy(), None
            parts = self.map(lambda chunk: self._alone(self._field(chunk), chunk), self.chunks)
            self._constant = Prediction(
                np.concatenate([p.energies for p in parts]), np.concatenate([p.forces for p in parts]),
                np.concatenate([p.stresses for p in parts]) if self.environments.has_stress else None,
                np.concatenate([p.charges for p in parts]),
            )  # fmt: skip

    # --- values --------------------------------------------------------------------------------------------

    def _field(self, chunk: range) -> Field:
        """The charges of some structures."""
        env, own = self.environments, self.charges
        begin, end = env.first[chunk.start], env.first[chunk.stop]
        x, slopes, atoms = np.empty(end - begin), [], []
        for e, (block, inputs) in enumerate(zip(env.blocks, self.inputs, strict=True)):
            rows, _ = rows_of(block, chunk)
            found, slope = self.of_charges.networks.network(e, inputs[rows])
            atoms.append(block.atom[rows] - begin)
            x[atoms[-1]] = own.output_scale * found
            slopes.append(slope)
        at = env.first[chunk.start : chunk.stop + 1] - begin
        q, phi, responses, interactions = np.empty(len(x)), np.empty(len(x)), [], []
        for k, a, b in zip(chunk, at[:-1].tolist(), at[1:].tolist(), strict=True):
            each, total = env.interaction(k), env.total_charges[k]
            if own.equilibrated:
                hardness = self.hardness.now[env.species[begin + a : begin + b]]
                response = equilibrated(x[a:b], total, each.a, hardness)
            else:
                response = predicted(x[a:b], total, own.conserve)
            q[a:b], phi[a:b] = response.q, each.a @ response.q
            responses.append(response)
            interactions.append(each)
        return Field(slopes, atoms, at, responses, interactions, q, phi)

    def _alone(self, field: Field, chunk: range) -> Prediction:
        """What charges add to energies, forces and stress of some structures."""
        return self._added(field, chunk, field.phi)

    def _added(self, field: Field, chunk: range, slopes: np.ndarray) -> Prediction:
        """The same, slopes : dE/dq at fixed atoms [n_atoms]"""
        env, own = self.environments, self.charges
        of_x, forces = np.empty(len(field.q)), np.empty((len(field.q), 3))
        energies, stress = np.empty(len(chunk)), np.zeros((len(chunk), 6)) if env.has_stress else None
        for k, (at, response, each) in enumerate(field.each()):
            q = field.q[at]
            of_x[at] = z = response.of(slopes[at])
            energies[k] = 0.5 * (q @ field.phi[at])
            by_q = np.tensordot(q, each.slopes, (0, 1)).T  # sum_i q_i dA_ij/dr_j
            forces[at] = -q[:, None] * by_q
            if own.equilibrated:
                forces[at] -= z[:, None] * by_q + q[:, None] * np.tensordot(z, each.slopes, (0, 1)).T
            if stress is not None:
                stress[k] = (each.strains @ q) @ (0.5 * q + z if own.equilibrated else 0.5 * q)
        de_dg = [
            (own.output_scale * of_x[atoms])[:, None] * (slope * dx)
            for atoms, slope, dx in zip(field.atoms, self.slopes, field.slopes, strict=True)
        ]
        forces += env.forces_of(de_dg, chunk)
        if stress is not None:
            stress = stress / env.volumes[chunk.start : chunk.stop, None] + self._stress_of(de_dg, chunk)
        return Prediction(energies, forces, stress, field.q)

    def _short(self, chunk: range, field: Field | None):
        """Inputs of the networks of energies, of each element's atoms."""
        found, scale = [], self.charges.input_scale
        for e, (block, inputs) in enumerate(zip(self.environments.blocks, self.inputs, strict=True)):
            rows, _ = rows_of(block, chunk)
            x = inputs[rows]
            found.append(np.column_stack([x, scale * field.q[field.atoms[e]]]) if self.charges.as_input else x)
        return found

    def _predict(self, chunk: range):
        """(Prediction, Field or None where it is constant)"""
        if self._constant is not None:
            p, _ = super()._predict(chunk)
            own, atoms = self.environments.places(chunk)
            stress = None if p.stresses is None else p.stresses + self._constant.stresses[own]
            return Prediction(
                p.energies + self._constant.energies[own], p.forces + self._constant.forces[atoms], stress,
                self._constant.charges[atoms],
            ), None  # fmt: skip
        env, field = self.environments, self._field(chunk)
        energies, de_dg, slopes = self.offsets[chunk.start : chunk.stop].copy(), [], field.phi.copy()
        for e, x in enumerate(self._short(chunk, field)):
            _, owner = rows_of(env.blocks[e], chunk)
            own, de_dx = self.networks.network(e, x)
            energies += self.factor * np.bincount(owner, own, minlength=len(chunk))
            de_dg.append(self.factor * self.slopes[e] * de_dx[:, : len(self.slopes[e])])
            if self.charges.as_input:
                slopes[field.atoms[e]] += self.factor * self.charges.input_scale * de_dx[:, -1]
        added = self._added(field, chunk, slopes)
        forces = env.forces_of(de_dg, chunk) + added.forces
        stress = None if added.stresses is None else self._stress_of(de_dg, chunk) + added.stresses
        return Prediction(energies + added.energies, forces, stress, field.q), field

    # --- the loss ------------------------------------------------------------------------------------------

    def _loss(self, weights: Weights, chunk: range) -> tuple[float, np.ndarray]:
        env = self.environments
        own, atoms = env.places(chunk)
        of_charges = None
        if weights.charges and self.part != SHORT:
            of_atom = weights.charges * np.repeat(env.weights[own], env.n_atoms[own])
        if self.part == CHARGES and not (weights.energy or weights.forces or weights.stress):
            field = self._field(chunk)
            off = np.nan_to_num(field.q - env.charges[atoms])
            return float(np.sum(of_atom * off**2)), self._pulled(field, chunk, gq=2.0 * of_atom * off)
        p, field = self._predict(chunk)
        cost, loss = self.cost(weights, chunk, p), 0.0
        if field is None:
            gradient = np.zeros(self.n_parameters)
            gradient[: self.stack.n] = self._gradient(cost, chunk)
        else:
            if weights.charges and self.part != SHORT:
                off = np.nan_to_num(p.charges - env.charges[atoms])
                loss, of_charges = float(np.sum(of_atom * off**2)), 2.0 * of_atom * off
            a = 2.0 * cost.share * cost.energy
            gradient = self._pulled(field, chunk, a, -cost.forces, cost.strain, of_charges)
        return cost.loss + loss, gradient

    def _pulled(self, field: Field, chunk: range, a=None, t=None, strain=None, gq=None) -> np.ndarray:
        """d/dw [n_parameters] of a.E + t.dE/dr + strain.dE/dstrain + gq.q of some structures.

        a : float64 [n]; t : [n_atoms, 3]; strain : [n, 6] or None; gq : [n_atoms] or None. None for a and t: charges
        alone
        """
        env, own, found = self.environments, self.charges, np.zeros(self.n_parameters)
        to_q = np.zeros(len(field.q)) if gq is None else gq.copy()
        to_rate, rate, rates = np.zeros(len(field.q)), None, [None] * len(env.blocks)
        turned = [None] * len(chunk)
        if t is not None:
            rates = env.rates_of(t, chunk)
            if strain is not None:
                for block, v in zip(env.blocks, rates, strict=True):
                    rows, owner = rows_of(block, chunk)
                    v += np.einsum("avf,av->af", block.s[rows], strain[owner])
            rates = [slope * v for slope, v in zip(self.slopes, rates, strict=True)]
            rate = np.empty(len(field.q))
            for e, atoms in enumerate(field.atoms):
                rate[atoms] = own.output_scale * np.einsum("af,af->a", field.slopes[e], rates[e])
            for k, (at, response, each) in enumerate(field.each()):
                q = field.q[at]
                turned[k] = each.along(t[at], None if strain is None else strain[k])
                by_q = turned[k] @ q
                rate[at] = response.of(rate[at] + by_q if own.equilibrated else rate[at])
                to_q[at] += a[k] * field.phi[at] + each.a @ rate[at] + by_q
            to_rate += field.phi
            self._pull_short(found, field, chunk, a, rates, rate, to_q, to_rate)
        if self.part == SHORT:
            return found
        to_x, to_x_rate = np.empty(len(field.q)), np.zeros(len(field.q))
        for k, (at, response, _) in enumerate(field.each()):
            pull = to_q[at]
            if t is not None:
                to_x_rate[at] = back = response.of(to_rate[at])
                if own.equilibrated:
                    pull = pull + turned[k] @ back
            to_x[at] = response.of(pull)
        for e, (block, inputs) in enumerate(zip(env.blocks, self.inputs, strict=True)):
            rows, _ = rows_of(block, chunk)
            atoms = field.atoms[e]
            v = None if t is None else (own.output_scale * to_x_rate[atoms])[:, None] * rates[e]
            found[self.of_charges.slices[e]] = self.of_charges.networks.gradients(
                e, inputs[rows], own.output_scale * to_x[atoms], v
            )[0]
            if own.equilibrated:
                pull = to_x[atoms] @ field.q[atoms] + (0.0 if t is None else to_x_rate[atoms] @ rate[atoms])
                found[self.hardness.own.start + e] = self.hardness.now[e] * pull
        return found

    def _pull_short(self, found, field: Field, chunk: range, a, rates, rate, to_q, to_rate) -> None:
        """What of `_pulled` goes through the networks of energies: their parameters, and charges that are inputs."""
        scale = self.charges.input_scale
        for e, x in enumerate(self._short(chunk, field)):
            _, owner = rows_of(self.environments.blocks[e], chunk)
            of_atom, atoms, v = self.factor * a[owner], field.atoms[e], self.factor * rates[e]
            if not self.charges.as_input:
                found[self.slices[e]] = self.networks.gradients(e, x, of_atom, v)[0]
                continue
            v = np.column_stack([v, self.factor * scale * rate[atoms]])
            sums, _, de_dx, dl_dx = self.networks.gradients(e, x, of_atom, v, inputs=True)
            found[self.slices[e]] = sums[0]
            to_q[atoms] += scale * dl_dx[:, -1]
            to_rate[atoms] += self.factor * scale * de_dx[:, -1]
        if self.part == CHARGES:
            found[: self.stack.n] = 0.0

    # --- single labels -------------------------------------------------------------------------------------

    def residuals(self, own: np.ndarray) -> list[tuple[np.ndarray, ...]]:
        found = super().residuals(own)
        if not self.counts.charges:
            return found
        env, predicted = self.environments, self.predict_each(own)
        labels = [env.charges[slice(*env.first[[k, k + 1]])] for k in own]
        return [(*of, q - p.charges) for of, q, p in zip(found, labels, predicted, strict=True)]

    def typical(self) -> np.ndarray:
        return np.append(super().typical(), self.errors().charges) if self.counts.charges else super().typical()

    def least(self, running: np.ndarray) -> np.ndarray:
        return np.append(super().least(running), np.zeros(len(running) - 3))

    def rows(self, kind: int, own: np.ndarray, components: np.ndarray, scale: np.ndarray) -> np.ndarray:
        """Gradients [m, n_parameters] of single numbers, times `scale` [m]; each a pass through its structure."""
        if self._constant is not None:
            return super().rows(kind, own, components, scale)
        if kind == 0:
            scale = scale / self._sizes(own)
        jobs = list(zip(own.tolist(), components.tolist(), scale.tolist(), strict=True))
        structures = sorted(set(own.tolist()))
        found = self.map(lambda k: self._field(range(k, k + 1)), structures)
        fields = dict(zip(structures, found, strict=True))

        def row(job):
            k, component, times = job
            n = int(self.environments.n_atoms[k])
            a, t, strain, gq = np.zeros(1), np.zeros((n, 3)), None, np.zeros(n)
            if kind == 0:
                a[0] = 1.0
            elif kind == 1:
                t[divmod(component, 3)] = -1.0
            elif kind == 2:
                strain = np.zeros((1, 6))
                strain[0, component] = 1.0 / self.environments.volumes[k]
            else:
                gq[component] = 1.0
                return self._pulled(fields[k], range(k, k + 1), gq=gq) * times
            return self._pulled(fields[k], range(k, k + 1), a, t, strain) * times

        return np.array(self.map(row, jobs)).reshape(len(jobs), self.n_parameters)
