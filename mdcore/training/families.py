"""What differs between types of models while they are trained?

A family knows how large its models are, what they see of a set, where they begin, and which Regression is theirs.
`blank` : what is known before training; `seen` : what is kept of a training set, in words.
"""

from dataclasses import replace

import numpy as np

from mdcore.potentials.density.model import DensityNetwork
from mdcore.potentials.networks.model import HDNNP, ElementNetwork, n_parameters
from mdcore.potentials.networks.native_units import Units
from mdcore.training import warm
from mdcore.training.charge_start import initialised_with_charges, with_charges
from mdcore.training.charged import ChargedRegression
from mdcore.training.charged_sets import ChargedEnvironments
from mdcore.training.density import DensityRegression
from mdcore.training.density_start import initialised as density_start
from mdcore.training.environments import Environments
from mdcore.training.graphs import Graphs
from mdcore.training.loss import NetworkRegression
from mdcore.training.prepare import Prepared
from mdcore.training.settings import ACTIVATIONS, LABELLED, LATENT, Loss, Plan
from mdcore.training.start import initialised


class Networks:
    """A network an element on descriptors."""

    seen = "derivatives of descriptors"

    def __init__(self, plan: Plan, prepared: Prepared):
        networks = []
        for own in prepared.descriptors.functions:
            sizes = (len(own), *plan.network.hidden, 1)
            letters = ACTIVATIONS[plan.network.activation] * len(plan.network.hidden) + "l"
            networks.append(ElementNetwork.from_flat(np.zeros(n_parameters(sizes)), sizes, tuple(letters)))
        elements = prepared.descriptors.elements
        self.descriptors, self.old = prepared.descriptors, prepared.start
        self.blank = HDNNP(
            elements=elements, symmetry_functions=prepared.descriptors.functions, scaling=prepared.descriptors.scaling,
            networks=tuple(networks), atom_energies=tuple(prepared.atom_energies[e] for e in elements),
            walls=prepared.walls, subtracted=plan.subtract, units=Units("angstrom", "ev"), name=plan.name,
        )  # fmt: skip

    def __str__(self):
        each = zip(self.blank.elements, self.blank.networks, strict=True)
        sizes = [f"{e} {'-'.join(map(str, n.layer_sizes))}" for e, n in each]
        return f"{self.descriptors}\nnetworks: {', '.join(sizes)}, {self.n_parameters} parameters"

    @property
    def n_parameters(self) -> int:
        return sum(n.flat().size for n in self.blank.networks)

    def share(self, structures, threads: int, memory: float, comm) -> Environments:
        return Environments(self.blank, structures, threads, memory, comm)

    def start(self, share: Environments, seed: int, member: int) -> HDNNP:
        if self.old is None:
            return initialised(self.blank, share, seed)
        networks = warm.networks_of(self.old, member, self.blank.scaling)
        return replace(self.blank, networks=networks, normalisation=self.old.normalisation)

    def regression(self, model: HDNNP, share: Environments, threads: int, counts: Loss) -> NetworkRegression:
        return NetworkRegression(model, share, threads, counts)


class Charged(Networks):
    """Networks of energies and of charges on the same descriptors."""

    def __init__(self, plan: Plan, prepared: Prepared):
        super().__init__(plan, prepared)
        self.settings = plan.long_range
        self.blank = with_charges(self.blank, plan.long_range, plan.network)

    def __str__(self):
        return f"{super().__str__()}\ncharges: {self.told}"

    @property
    def told(self) -> str:
        """What charges there are, in words."""
        own, s = self.blank.charges, self.settings
        widths = ", ".join(f"{e} {width:.4g}" for e, width in zip(self.blank.elements, own.widths, strict=True))
        if s.fixed:
            what = "fixed, " + ", ".join(f"{e} {s.charges[e]:g} e" for e in self.blank.elements)
        else:
            how = {LATENT: "latent", LABELLED: "of labels, " + ("with the energies" if s.joint else "first")}[s.charges]
            what = f"{how}, {'equilibrated' if s.equilibrate else 'predicted'}"
            sizes = zip(self.blank.elements, own.networks, strict=True)
            what += ", networks " + ", ".join(f"{e} {'-'.join(map(str, n.layer_sizes))}" for e, n in sizes)
        adds = "" if own.conserve else ", they need not add up"
        return f"{what}; Gaussians of width {widths} Angstrom{adds}{', inputs of the energies' * own.as_input}"

    @property
    def n_parameters(self) -> int:
        own = self.blank.charges
        more = 0 if self.settings.fixed else sum(n.flat().size for n in own.networks) + len(own.hardness)
        return super().n_parameters + more

    def share(self, structures, threads: int, memory: float, comm) -> ChargedEnvironments:
        return ChargedEnvironments(self.blank, structures, threads, memory, comm)

    def start(self, share: ChargedEnvironments, seed: int, member: int) -> HDNNP:
        return initialised_with_charges(self.blank, share, self.settings, seed)

    def regression(self, model: HDNNP, share: ChargedEnvironments, threads: int, counts: Loss) -> ChargedRegression:
        return ChargedRegression(model, share, threads, counts, self.settings.fixed)


class Density:
    """A density network for all elements."""

    seen = "neighbours"

    def __init__(self, plan: Plan, prepared: Prepared):
        self.plan, self.prepared, self.blank = plan, prepared, prepared.design

    def __str__(self):
        own, layers = self.blank, "1 layer" if self.blank.layers == 1 else f"{self.blank.layers} layers"
        rank = f"elements of rank {own.element_rank}, " if own.element_rank else ""
        vectors = "messages with vectors, " if own.message_l else ""
        return (
            f"density network of {', '.join(own.elements)}: {layers} of {own.channels} channels, l to {own.l_max}, "
            f"{own.program.n_invariants} invariants of up to {own.factors} factors, {vectors}{rank}cutoff "
            f"{own.cutoff:g} Angstrom, {self.n_parameters} parameters"
        )

    @property
    def n_parameters(self) -> int:
        return self.blank.n_parameters

    def share(self, structures, threads: int, memory: float, comm) -> Graphs:
        return Graphs(self.blank.elements, self.blank.cutoff, structures, threads, comm)

    def start(self, share: Graphs, seed: int, member: int) -> DensityNetwork:
        old = self.prepared.start
        if old is None:
            model = density_start(self.blank, share, self.prepared.atom_energies, seed)
        else:
            model = DensityNetwork(design=old.member_designs[member], parameters=old.members[member])
        return replace(model, walls=self.prepared.walls, subtracted=self.plan.subtract, name=self.plan.name)

    def regression(self, model: DensityNetwork, share: Graphs, threads: int, counts: Loss) -> DensityRegression:
        return DensityRegression(model, share, threads, counts, self.plan.model.precision)


def family(plan: Plan, prepared: Prepared) -> Networks | Charged | Density:
    return (Density if plan.model else Charged if plan.long_range else Networks)(plan, prepared)
