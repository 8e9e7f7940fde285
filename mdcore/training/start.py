"""With which parameters does training begin?

Random weights that keep the size of signals from layer to layer (X. Glorot, Y. Bengio, Proc. AISTATS 9, 249 (2010));
then the energy unit of the networks is chosen such that forces are as large as the data's, and the biases of the last
layers such that energies fit by least squares: training starts with the right size and offset, whatever the units.
"""

from dataclasses import replace
from itertools import pairwise

import numpy as np

from mdcore.potentials.networks.model import HDNNP, ElementNetwork, Normalisation
from mdcore.training.environments import Environments
from mdcore.training.loss import NetworkRegression
from mdcore.training.settings import SEED

NOTHING = 1e-10  # eV, eV/Angstrom, eV/Angstrom^3, and of the largest energy: rounding


def initialised(model: HDNNP, environments: Environments, seed: int = SEED) -> HDNNP:
    """The model with random networks that suit the data."""
    rng = np.random.default_rng(seed)
    networks = tuple(
        ElementNetwork.from_flat(xavier(rng, n.layer_sizes), n.layer_sizes, n.activations, n.normalize_nodes)
        for n in model.networks
    )
    sized = with_size(replace(model, networks=networks, test_vectors=()), environments)
    return with_offsets(NetworkRegression(sized, environments))


def with_size(model: HDNNP, environments: Environments) -> HDNNP:
    """The energy unit of the networks such that their forces (without such labels stress, or energies) have the data's
    size; labels that vanish, or that offsets fit, say nothing of it."""
    old = model.normalisation or Normalisation()
    regression = NetworkRegression(model, environments)
    p, comm = regression.predict(), environments.comm
    pairs = [(environments.forces, p.forces), (environments.stresses, p.stresses)]
    for labels, found in pairs:
        known = np.isfinite(labels) if found is not None else np.zeros_like(labels, dtype=bool)
        sums = [known.sum(), np.sum(labels[known] ** 2), np.sum(found[known] ** 2) if known.any() else 0.0]
        n, wanted, found = comm.sum(np.array(sums, dtype=np.float64))
        if min(wanted, found) > n * NOTHING**2:
            ratio = np.sqrt(wanted / found)
            break
    else:
        own = environments.counts.astype(float), environments.energies, p.energies
        counts, energies, predicted = map(comm.join, own)
        wanted, found = _rms(_residual(counts, energies)), _rms(_residual(counts, predicted))
        ratio = wanted / found if min(wanted, found) > NOTHING * np.nanmax(np.abs(energies), initial=1.0) else 1.0
    return replace(model, normalisation=replace(old, conv_energy=old.conv_energy / ratio))


def with_offsets(regression: NetworkRegression) -> HDNNP:
    """Biases of the last layers such that the energies of the training set fit by least squares, one an element."""
    model, environments = regression.model, regression.environments
    missing = (environments.energies - regression.predict().energies) / environments.n_atoms
    counts, missing = map(environments.comm.join, (environments.counts / environments.n_atoms[:, None], missing))
    known = np.isfinite(missing)
    if not known.any():
        return model
    offsets = np.linalg.lstsq(counts[known], missing[known], rcond=1e-10)[0]
    parameters = regression.parameters.copy()
    for own, network, offset in zip(regression.slices, model.networks, offsets, strict=True):
        if network.activations[-1] != "l":
            continue
        scale = network.layer_sizes[-2] if network.normalize_nodes else 1.0
        parameters[own.stop - 1] += offset / regression.factor * scale
    regression.set(parameters)
    return regression.fitted()


def xavier(rng, sizes) -> np.ndarray:
    """Random parameters of a network, [n_parameters]."""
    parts = []
    for layer, (n_in, n_out) in enumerate(pairwise(sizes)):
        last = layer == len(sizes) - 2
        parts += [rng.normal(size=n_in * n_out) / np.sqrt(n_in), 0.1 * rng.normal(size=n_out) * (not last)]
    return np.concatenate(parts)


def _residual(counts, values) -> np.ndarray:
    known = np.isfinite(values)
    return values[known] - counts[known] @ np.linalg.lstsq(counts[known], values[known], rcond=1e-10)[0]


def _rms(array) -> float:
    return float(np.sqrt(np.mean(np.square(array)))) if len(array) else 0.0
