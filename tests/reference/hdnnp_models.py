"""Small random potentials with every feature of the format, and structures to try them on."""

import numpy as np

from mdcore.elements import ATOMIC_NUMBERS
from mdcore.potentials.hdnnp_model import (
    HDNNP,
    ElementNetwork,
    Normalisation,
    Scaling,
    SymmetryFunction,
    n_parameters,
)
from mdcore.potentials.native_units import Units

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
    normalisation=True, **options,
):  # fmt: skip
    """A potential of random weights; `options` go to `functions_of`."""
    rng = np.random.default_rng(seed)
    elements = tuple(sorted(elements, key=ATOMIC_NUMBERS.__getitem__))
    functions = tuple(functions_of(e, elements, **options) for e in elements)
    scaling, networks = [], []
    for own in functions:
        low = rng.uniform(-0.2, 0.2, len(own))
        width = rng.uniform(2.0, 4.0, len(own))
        scaling.append(Scaling(low, low + width, low + width / 3, width / 5, mode, -0.5, 1.5))
        sizes = (len(own), *hidden, 1)
        weights = rng.normal(size=n_parameters(sizes)) * 0.5
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


def random_cluster(symbols, seed=0, spread=1.6, closest=0.7):
    """Positions [n, 3] of atoms not closer than `closest`, within a cube of edge 2 * spread."""
    rng = np.random.default_rng(seed)
    while True:
        positions = rng.uniform(-spread, spread, (len(symbols), 3))
        distances = np.linalg.norm(positions[:, None] - positions[None], axis=-1)
        if distances[np.triu_indices(len(symbols), 1)].min(initial=np.inf) > closest:
            return positions
