"""With which charges does training begin?

Networks of charges are random, of the size that charges usually have; where there are labels they begin at the mean of
each element, and in units of what labels differ by. Those of energies begin as without charges, then offsets of
energies are fitted again. Fixed charges are networks without weights.
"""

from dataclasses import replace

import numpy as np

from mdcore.base.elements import radius
from mdcore.base.units import COULOMB
from mdcore.potentials.networks.charge_model import EQUILIBRATED, PREDICTED, ChargeModel
from mdcore.potentials.networks.model import HDNNP, ElementNetwork, n_parameters
from mdcore.training.charged import ChargedRegression
from mdcore.training.charged_sets import ChargedEnvironments, without_charges
from mdcore.training.misfit import LEAST_CHARGE
from mdcore.training.settings import ACTIVATIONS, LABELLED, LATENT, LATENT_WIDTH, LongRangeSettings, NetworkSettings
from mdcore.training.start import initialised, with_offsets, xavier

USUAL = 0.3  # e: how far charges of an element are apart
HARDNESS = 5.0  # eV / e^2, at the start; likewise what electronegativities are apart by, eV / e


def widths_of(settings: LongRangeSettings, elements) -> tuple[float, ...]:
    """Of the Gaussians, Angstrom."""
    own = settings.widths
    if isinstance(own, dict):
        return tuple(own[e] for e in elements)
    usual = LATENT_WIDTH if settings.charges == LATENT and not settings.equilibrate else None
    return tuple(own or usual or radius(e) for e in elements)


def with_charges(model: HDNNP, settings: LongRangeSettings, network: NetworkSettings) -> HDNNP:
    """A model with networks of charges of the right size, that say nothing yet."""
    hidden = settings.hidden or network.hidden
    activations = ACTIVATIONS[network.activation] * len(hidden) + "l"
    networks, short = [], list(model.networks)
    for e, functions in enumerate(model.symmetry_functions):
        if settings.fixed:
            charge = np.array([settings.charges[model.elements[e]]])
            networks.append(ElementNetwork((np.zeros((len(functions), 1)),), (charge,), "l"))
            continue
        sizes = (len(functions), *hidden, 1)
        networks.append(ElementNetwork.from_flat(np.zeros(n_parameters(sizes)), sizes, tuple(activations)))
    if settings.as_input:
        short = [_with_input(own) for own in short]
    kind = EQUILIBRATED if settings.equilibrate else PREDICTED
    charges = ChargeModel(
        kind=kind, symmetry_functions=model.symmetry_functions, scaling=model.scaling, networks=tuple(networks),
        widths=widths_of(settings, model.elements), conserve=settings.conserve, as_input=settings.as_input,
        hardness=(HARDNESS,) * len(networks) if settings.equilibrate else (), own_energy=True, constant=COULOMB,
        output_scale=1.0 if settings.fixed else HARDNESS if settings.equilibrate else USUAL, input_scale=1.0 / USUAL,
    )  # fmt: skip
    return replace(model, networks=tuple(short), charges=charges)


def initialised_with_charges(
    model: HDNNP, environments: ChargedEnvironments, settings: LongRangeSettings, seed: int
) -> HDNNP:
    """The model with random networks that suit the data; all ranks call it."""
    short = initialised(without_charges(model), environments, seed)
    networks = tuple(map(_with_input, short.networks)) if settings.as_input else short.networks
    found = replace(short, networks=networks, charges=_charges(model.charges, environments, settings, seed))
    regression = ChargedRegression(found, environments, fixed=settings.fixed)
    return with_offsets(regression)


def _charges(own: ChargeModel, environments, settings: LongRangeSettings, seed: int) -> ChargeModel:
    if settings.fixed:
        return own
    # another stream than that of the networks of energies, which are the same with and without charges
    rng, scale, means = np.random.default_rng([seed, 1]), own.output_scale, np.zeros(len(own.networks))
    if settings.charges == LABELLED and not settings.equilibrate:
        scale = max(environments.spread_of_charges(), LEAST_CHARGE)
        means = environments.mean_charges()
    networks = []
    for network, mean in zip(own.networks, means, strict=True):
        flat = xavier(rng, network.layer_sizes)
        flat[-1] = mean / scale
        networks.append(ElementNetwork.from_flat(flat, network.layer_sizes, network.activations))
    return replace(own, networks=tuple(networks), output_scale=scale)


def _with_input(network: ElementNetwork) -> ElementNetwork:
    """The network with one input more, which it does not look at yet."""
    weights = np.vstack([network.weights[0], np.zeros((1, network.weights[0].shape[1]))])
    return ElementNetwork((weights, *network.weights[1:]), network.biases, network.activations, network.normalize_nodes)
