"""What does the network of one element answer, and how do its derivatives follow? Slow and plain.

y^k = f((y^(k-1) W + b) / n), n = 1, or the number of inputs of the layer with `normalize_nodes`.
Everything is batched: x is [n_samples, n_inputs].
"""

from itertools import pairwise

import numpy as np

# letter: (f, f', f'') as functions of x. `e` is exp(-x) in both programs' documentation.
_logistic = lambda x: 0.5 * (1 + np.tanh(0.5 * x))  # noqa: E731  1 / (1 + exp(-x)) without overflow
ACTIVATIONS = {
    "l": (lambda x: x, lambda x: np.ones_like(x), lambda x: np.zeros_like(x)),
    "t": (
        np.tanh,
        lambda x: 1 - np.tanh(x) ** 2,
        lambda x: -2 * np.tanh(x) * (1 - np.tanh(x) ** 2),
    ),
    "s": (
        _logistic,
        lambda x: _logistic(x) * _logistic(-x),
        lambda x: _logistic(x) * _logistic(-x) * (1 - 2 * _logistic(x)),
    ),
    "S": (
        lambda x: _logistic(-x),
        lambda x: -_logistic(x) * _logistic(-x),
        lambda x: -_logistic(x) * _logistic(-x) * (1 - 2 * _logistic(x)),
    ),
    "p": (lambda x: np.logaddexp(0, x), _logistic, lambda x: _logistic(x) * _logistic(-x)),
    "r": (lambda x: np.maximum(x, 0), lambda x: (x > 0) * 1.0, lambda x: np.zeros_like(x)),
    "g": (
        lambda x: np.exp(-(x**2) / 2),
        lambda x: -x * np.exp(-(x**2) / 2),
        lambda x: (x**2 - 1) * np.exp(-(x**2) / 2),
    ),
    "c": (np.cos, lambda x: -np.sin(x), lambda x: -np.cos(x)),
    "e": (lambda x: np.exp(-x), lambda x: -np.exp(-x), lambda x: np.exp(-x)),
    "h": (lambda x: x**2, lambda x: 2 * x, lambda x: np.full_like(x, 2.0)),
}


def layers(network):
    """(W, b, f, f', f'') of each layer; `normalize_nodes` divides W and b by the layer's inputs."""
    for weights, biases, letter in zip(network.weights, network.biases, network.activations, strict=True):
        scale = 1 / weights.shape[0] if network.normalize_nodes else 1.0
        yield (weights * scale, biases * scale, *ACTIVATIONS[letter])


def value(network, x):
    """E(x), [n_samples]."""
    y = x
    for weights, biases, f, _, _ in layers(network):
        y = f(y @ weights + biases)
    return y[:, 0]


def gradients(network, x):
    """E [n], dE/dx [n, n_inputs] and, summed over samples, dE/dparameters in the order of ``flat()``."""
    return double_backward(network, x, np.zeros_like(x), np.ones(len(x)))[:3]


def double_backward(network, x, v, w):
    """The derivatives of L = sum_n [w_n E(x_n) + v_n . dE/dx(x_n)], as a force loss needs them.

    E [n]; dE/dx [n, n_inputs]; dL/dparameters [n_parameters]; dL/dx [n, n_inputs]. v . dE/dx is the
    directional derivative of E along v: a forward pass carries (y, dy) with dy = dx = v at the input, then one
    reverse pass through that forward pass gives the rest (Pearlmutter, Neural Comput. 6, 147 (1994)).
    """
    ys, dys, zs, dzs = [x], [v], [], []
    for weights, biases, f, df, _ in layers(network):
        z, dz = ys[-1] @ weights + biases, dys[-1] @ weights
        zs.append(z)
        dzs.append(dz)
        ys.append(f(z))
        dys.append(df(z) * dz)
    y_bar = np.zeros_like(ys[-1]) + w[:, None]  # dL/dy
    dy_bar = np.ones_like(ys[-1])  # dL/d(dy): becomes dE/dx at the input, for that is what multiplies v
    parameters = []
    for k, (weights, _, _, df, ddf) in reversed(list(enumerate(layers(network)))):
        z_bar = df(zs[k]) * y_bar + ddf(zs[k]) * dzs[k] * dy_bar
        dz_bar = df(zs[k]) * dy_bar
        scale = 1 / weights.shape[0] if network.normalize_nodes else 1.0
        w_bar = (ys[k].T @ z_bar + dys[k].T @ dz_bar) * scale
        parameters = [w_bar.ravel(), z_bar.sum(axis=0) * scale, *parameters]
        y_bar, dy_bar = z_bar @ weights.T, dz_bar @ weights.T
    return ys[-1][:, 0], dy_bar, np.concatenate(parameters), y_bar


def jacobian(network, x, v, w, segments):
    """`double_backward`'s dL/dparameters of the samples segments[s] ... segments[s + 1] - 1, a row each."""
    rows = [slice(*ends) for ends in pairwise(segments)]
    return np.array([double_backward(network, x[s], v[s], w[s])[2] for s in rows])
