"""How fast do a loss's gradients pass through a network, next to the same formulas in NumPy and its BLAS?

L = sum_i (a_i E_i + v_i . dE_i/dx), dL/dw (docs/theory.md, Gradients for training), tanh networks. Processor time, so
that other programs disturb little; run it with OPENBLAS_NUM_THREADS=1. GFLOP/s count the products of matrices alone.
NumPy is quicker in chunks of atoms that its intermediate arrays fit the cache with.
"""

import statistics
import time
from functools import partial
from itertools import pairwise

import numpy as np
from common import alternate, machine, median_ratio, parser, table

from mdcore.potentials.networks.hdnnp import networks_of
from mdcore.potentials.networks.model import HDNNP, ElementNetwork, Scaling, SymmetryFunction, n_parameters


def potential(sizes, activations="ttl") -> HDNNP:
    """One element with a random network; its descriptors don't matter."""
    n = sizes[0]
    functions = [SymmetryFunction(type=2, center="H", neighbors=("H",), eta=1.0 + k, cutoff=3.0) for k in range(n)]
    parameters = np.random.default_rng(0).normal(size=n_parameters(sizes)) * 0.4
    return HDNNP(
        elements=("H",),
        symmetry_functions=(tuple(functions),),
        scaling=(Scaling(*np.zeros((4, n))),),
        networks=(ElementNetwork.from_flat(parameters, sizes, activations),),
    )


CHUNKS = (128, 1024)


def in_chunks(network, x, a, v, chunk):
    """dL/dw in NumPy, `chunk` atoms at a time."""
    parts = [slice(k, k + chunk) for k in range(0, len(a), chunk)]
    return sum(with_blas(network, x[part], a[part], v[part]) for part in parts)


def with_blas(network, x, a, v):
    """dL/dw in NumPy: whole arrays, the fewest products."""
    ys, dys, slopes, bends = [x], [v], [], []
    for k, (weights, biases) in enumerate(zip(network.weights, network.biases, strict=True)):
        y, dy = ys[-1] @ weights, dys[-1] @ weights
        y += biases
        if network.activations[k] == "t":
            np.tanh(y, out=y)
            slopes.append(1 - y * y)
            bends.append(-2 * y * slopes[-1] * dy)
            dy *= slopes[-1]
        ys.append(y)
        dys.append(dy)
    z, dz = a[:, None], np.ones((len(a), 1))  # the last layer is linear
    parts = []
    for k in range(len(network.weights) - 1, -1, -1):
        if k < len(slopes):
            z = slopes[k] * z
            z += bends[k] * dz
            dz = slopes[k] * dz
        of_weights = ys[k].T @ z
        of_weights += dys[k].T @ dz
        parts = [of_weights.ravel(), z.sum(axis=0), *parts]
        if k:
            z, dz = z @ network.weights[k].T, dz @ network.weights[k].T
    return np.concatenate(parts)


def flops(sizes) -> int:
    """Of one atom: forward and reverse products of values and tangents, and the outer products."""
    products = [i * o for i, o in pairwise(sizes)]
    return 4 * (sum(products) + sum(products[1:]) + n_parameters(sizes))


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--atoms", type=int, default=10_000)
    options.add_argument("--repeats", type=int, default=9)
    args = options.parse_args()
    print(machine(), end="\n\n")
    rows = []
    for sizes in ((30, 25, 25, 1), (90, 15, 15, 1)):
        model = potential(sizes)
        kernels, network = networks_of(model), model.networks[0]
        rng = np.random.default_rng(1)
        x, v = rng.normal(size=(2, args.atoms, sizes[0]))
        a = rng.normal(size=args.atoms)
        gradient, expected = kernels.gradients(0, x, a, v)[0], with_blas(network, x, a, v)
        assert np.abs(gradient - expected).max() < 1e-12 * np.abs(expected).max()

        def timed(function, *arguments):
            start = time.process_time()
            function(*arguments)
            return 1e3 * (time.process_time() - start)

        runs = {"mdcore": partial(timed, kernels.gradients, 0, x, a, v)}
        for chunk in CHUNKS:
            runs[f"NumPy, {chunk} atoms at a time"] = partial(timed, in_chunks, network, x, a, v, chunk)
        seen = alternate(runs, args.repeats)
        for name, ms in seen.items():
            median = statistics.median(ms)
            rate = args.atoms * flops(sizes) / median / 1e6
            ratio = "" if name == "mdcore" else median_ratio(ms, seen["mdcore"])
            rows.append(("-".join(map(str, sizes)), name, f"{median:.2f}", f"{rate:.1f}", ratio))
    print(table(("network", "program", "ms", "GFLOP/s", "times mdcore's"), rows))


if __name__ == "__main__":
    main()
