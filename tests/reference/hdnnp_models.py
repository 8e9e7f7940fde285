"""Small random potentials with every feature of the format, and structures to try them on."""

from dataclasses import replace

import numpy as np

from mdcore.base.elements import ATOMIC_NUMBERS
from mdcore.potentials.networks.charge_model import ChargeModel
from mdcore.potentials.networks.chebyshev import chebyshev
from mdcore.potentials.networks.model import (
    HDNNP,
    ElementNetwork,
    Normalisation,
    Scaling,
    SymmetryFunction,
    n_parameters,
)
from mdcore.potentials.networks.native_units import Units

ALL_TYPES = (2, 3, 9, 12, 13, 20, 21, 22, 23, 24, 25)


def functions_of(center, elements, types=ALL_TYPES, cutoff=3.0, cutoff_type=1, alpha=0.0, subtype="p2a"):
    """Two functions of each type and neighbour combination, in network-input order."""
    functions = []
    for kind in types:
        common = {"type": kind, "center": center, "cutoff_type": cutoff_type, "alpha": alpha}
        one, two = [(e,) for e in elements], [(a, b) for i, a in enumerate(elements) for b in elements[i:]]
        for neighbors in one if kind in (2, 20) else two if kind in (3, 9, 21, 22) else [()]:
            for k in (0, 1):
                if kind in (2, 12):
                    own = {"eta": 0.3 + 0.4 * k, "rs": 0.9 * k, "cutoff": cutoff}
                elif kind in (3, 9, 13):
                    own = {
                        "eta": 0.1,
                        "rs": 0.4 * k,
                        "lambda_": 1.0 - 2 * k,
                        "zeta": 1.0 + 2 * k,
                        "cutoff": cutoff,
                    }
                else:
                    own = {"rl": (-cutoff, 0.5)[k], "cutoff": cutoff, "subtype": subtype}
                    if kind not in (20, 23):
                        own |= {"thl": (-60.0, 20.0)[k], "thr": (180.0, 160.0)[k]}
                functions.append(SymmetryFunction(**common, **own, neighbors=neighbors))
    return tuple(sorted(functions, key=lambda f: f.sort_key))


def random_model(
    elements=("H", "O"), mode="scale_center", hidden=(5, 4), activations="tpl", normalize_nodes=False, seed=1,
    normalisation=True, weights_seed=None, functions=None, **options,
):  # fmt: skip
    """A potential of random weights; `options` go to `functions_of`. weights_seed : other weights, all else the same"""
    rng = np.random.default_rng(seed)
    elements = tuple(sorted(elements, key=ATOMIC_NUMBERS.__getitem__))
    functions = functions or tuple(functions_of(e, elements, **options) for e in elements)
    scaling, networks = [], []
    for own in functions:
        low = rng.uniform(-0.2, 0.2, len(own))
        width = rng.uniform(2.0, 4.0, len(own))
        scaling.append(Scaling(low, low + width, low + width / 3, width / 5, mode, -0.5, 1.5))
        sizes = (len(own), *hidden, 1)
        weights = rng.normal(size=n_parameters(sizes)) * 0.5
        if weights_seed is not None:
            weights = np.random.default_rng([weights_seed, len(networks)]).normal(size=n_parameters(sizes)) * 0.5
        networks.append(ElementNetwork.from_flat(weights, sizes, activations, normalize_nodes))
    return HDNNP(
        elements=elements,
        symmetry_functions=functions,
        scaling=tuple(scaling),
        networks=tuple(networks),
        atom_energies=tuple(rng.normal(size=len(elements))),
        normalisation=Normalisation(-1.25, 3.5, 1.7) if normalisation else None,
        units=Units("angstrom", "ev"),
        provenance={"program": "tests", "note": 'a "quoted" \\ line'},
        training={"force_rmse": 0.04213, "epochs": 12},
        name="random",
    )


def charged_model(
    elements=("H", "O"), kind="equilibrated", seed=3, widths=None, hardness=20.0, own=False, as_input=None,
    screening=None, charge_options=None, **options,
):  # fmt: skip
    """A potential of random weights with charges of random networks, of about 1 e; own : descriptors of their own"""
    model = random_model(elements, **options)
    elements, equilibrated = model.elements, kind == "equilibrated"
    as_input = equilibrated if as_input is None else as_input
    other = random_model(
        elements, seed=seed, weights_seed=seed, **options | ({"types": [2], "cutoff": 2.5} if own else {})
    )
    networks = model.networks
    if as_input:
        rng = np.random.default_rng(seed)
        networks = tuple(
            ElementNetwork((np.vstack([n.weights[0], rng.normal(size=(1, n.weights[0].shape[1]))]), *n.weights[1:]),
                           n.biases, n.activations, n.normalize_nodes)
            for n in networks
        )  # fmt: skip
    charges = ChargeModel(
        kind=kind,
        symmetry_functions=other.symmetry_functions if own else model.symmetry_functions,
        scaling=other.scaling if own else model.scaling,
        networks=other.networks,
        widths=tuple(widths or np.linspace(0.16, 0.22, len(elements))),
        hardness=tuple(hardness + 3.0 * k for k in range(len(elements))) if equilibrated else (),
        as_input=as_input,
        screening=screening,
        **charge_options or {},
    )
    return replace(model, networks=networks, charges=charges)


def chebyshev_model(
    elements, radial=6, angular=5, cutoff=3.0, angular_cutoff=2.3, weighted=True, functions=None, **options
):
    """A potential of random weights on Chebyshev descriptors."""
    elements = tuple(sorted(elements, key=ATOMIC_NUMBERS.__getitem__))
    sizes = {"radial": radial, "cutoff": cutoff, "angular": angular, "angular_cutoff": angular_cutoff}
    functions = functions or tuple(chebyshev(e, **sizes, weighted=weighted) for e in elements)
    return random_model(elements, functions=functions, **options)


def random_cluster(symbols, seed=0, spread=1.6, closest=0.7):
    """Positions [n, 3] of atoms not closer than `closest`, within a cube of edge 2 * spread."""
    rng = np.random.default_rng(seed)
    while True:
        positions = rng.uniform(-spread, spread, (len(symbols), 3))
        distances = np.linalg.norm(positions[:, None] - positions[None], axis=-1)
        if distances[np.triu_indices(len(symbols), 1)].min(initial=np.inf) > closest:
            return positions


# A folder as both programs might have written it (no header lines, 5 columns, closing energies).
INPUT = """
number_of_elements 2  # a comment
elements O H
cutoff_type 1
scale_symmetry_functions
center_symmetry_functions
global_hidden_layers_short 2
global_nodes_short 3 2
global_activation_short t p l
random_seed 1234      # training only
kalman_epsilon 1.0E-2
symfunction_short H 2 O 0.30 0.9 6.0
symfunction_short H 2 H 0.01 0.0 6.0 # inline comment
symfunction_short H 3 O H 0.2 1.0 1.0 6.0
symfunction_short O 9 H H 0.07 -1 4.0 6.0 0.5
symfunction_short O 2 H 1.0d-2 0.0 6.00
"""
N_INPUTS = {1: 3, 8: 2}


def write_folder(folder, text=INPUT, hidden=(3, 2), scaling=None, sizes=None):
    """A small potential as files; returns the folder."""
    folder.mkdir(exist_ok=True)
    (folder / "input.nn").write_text(text)
    rng = np.random.default_rng(7)
    rows = []
    for e, (z, n) in enumerate(N_INPUTS.items(), start=1):
        layers = (sizes or {}).get(z, (n, *hidden, 1))
        lines = (f"  {w:.16E}" for w in rng.normal(size=n_parameters(layers)))
        (folder / f"weights.{z:03d}.data").write_text("\n".join(lines) + "\n")
        rows += [f"{e:10d}{f:10d}  {0.1 * f!r}  {0.1 * f + 2!r}  {0.1 * f + 1!r}" for f in range(1, n + 1)]
    (folder / "scaling.data").write_text(scaling or "\n".join(rows) + "\n -0.25 0.75\n")
    return folder
