"""From parameters as papers write them to those that kernels know, and gradients back.

Kernels see products m^t of each layer and what is linear in them. With the features of an atom of species z
    h^1 = U^0 m^0 + h0[z],  h^(t+1) = U^t m^t + S^t[z] h^t,  g^t = V^t h^t,
each h^t is a[z] + sum_s H^s[z] m^s, so what a neighbour sends is carry_shift + m carry, and a readout of h is one of m.
Vectors are linear in what is sent already: their maps are only turned.
`docs/theory.md` has the model, `Design.shapes` and `Design.folded_shapes` the arrays, all flat, one after the other.
"""

import numpy as np

OF_ELEMENTS = ("centre", "other", "radial")  # factors of radial functions where these are of a rank


def fold(design, flat: np.ndarray) -> np.ndarray:
    """theta [n_folded] of parameters [n_parameters]."""
    p, theta = design.views(flat), np.zeros(design.n_folded, dtype=flat.dtype)
    out = design.folded_views(theta)
    for t in range(design.layers):
        if design.element_rank:
            out[f"radial.{t}"][...] = np.einsum("yq,zq,qbn->yzbn", *(p[f"{name}.{t}"] for name in OF_ELEMENTS))
        else:
            out[f"radial.{t}"][...] = p[f"radial.{t}"]
        out[f"mix.{t}"][...] = p[f"W.{t}"] / design.neighbours
        out[f"product.{t}"][...] = p[f"w.{t}"]
        for name, vectors, turned in _vectors(design, t):
            out[name][...] = p[vectors].T if turned else p[vectors]
    out["mix.0"] *= p["embedding"][None, :, None, None, :]
    size = design.scale
    out["energy"][...] = p["E0"]
    for t, (shift, maps) in enumerate(_features(design, p)):  # of h^(t+1)
        out["energy"] += size * shift @ p[f"c.{t}"]
        out["linear"][:, : maps.shape[1]] += size * maps @ p[f"c.{t}"]
        if t < design.layers - 1:
            out[f"carry_shift.{t}"][...] = shift @ p[f"V.{t + 1}"].T
            out[f"carry.{t}"][...] = maps @ p[f"V.{t + 1}"].T
    if design.hidden:
        out["hidden"][...] = maps @ p["W1"]
        out["bias"][...] = p["b1"] + shift @ p["W1"]
        out["out"][...] = size * p["w2"]
    return theta


def unfold(design, flat: np.ndarray, gradient: np.ndarray) -> np.ndarray:
    """The gradient [n_parameters] by parameters, of one [n_folded] by theta."""
    p, g, found = design.views(flat), design.folded_views(gradient), np.zeros(design.n_parameters)
    out = design.views(found)
    for t in range(design.layers):
        if design.element_rank:
            own = [p[f"{name}.{t}"] for name in OF_ELEMENTS]
            for name, others in zip(OF_ELEMENTS, ("zq,qbn->yq", "yq,qbn->zq", "yq,zq->qbn"), strict=True):
                rest = [values for key, values in zip(OF_ELEMENTS, own, strict=True) if key != name]
                out[f"{name}.{t}"][...] = np.einsum(f"yzbn,{others}", g[f"radial.{t}"], *rest)
        else:
            out[f"radial.{t}"][...] = g[f"radial.{t}"]
        out[f"w.{t}"][...] = g[f"product.{t}"]
        for name, vectors, turned in _vectors(design, t):
            out[vectors][...] = g[name].T if turned else g[name]
        by_species = g[f"mix.{t}"] if t else np.einsum("yzlbk,zk->ylbk", g["mix.0"], p["embedding"])
        out[f"W.{t}"][...] = by_species.sum(axis=0) / design.neighbours
    out["embedding"][...] = np.einsum("yzlbk,lbk->zk", g["mix.0"], p["W.0"]) / design.neighbours
    size, features = design.scale, list(_features(design, p))
    out["E0"][...] = g["energy"]
    g_shift, g_maps = (np.zeros_like(array) for array in features[-1])  # by shift and maps of h^(t+1)
    if design.hidden:
        shift, maps = features[-1]
        out["W1"][...] = _contracted(maps, g["hidden"]) + shift.T @ g["bias"]
        out["b1"][...] = g["bias"].sum(axis=0)
        out["w2"][...] = size * g["out"].sum(axis=0)
        g_shift += g["bias"] @ p["W1"].T
        g_maps += g["hidden"] @ p["W1"].T
    for t in range(design.layers - 1, -1, -1):
        shift, maps = features[t]
        width = maps.shape[1]
        linear = g["linear"][:, :width]
        out[f"c.{t}"][...] = size * (shift.T @ g["energy"] + maps.reshape(-1, maps.shape[2]).T @ linear.reshape(-1))
        g_shift += size * g["energy"][:, None] * p[f"c.{t}"]
        g_maps += size * linear[:, :, None] * p[f"c.{t}"]
        if t < design.layers - 1:
            by_shift, by_maps, v = g[f"carry_shift.{t}"], g[f"carry.{t}"], p[f"V.{t + 1}"]
            out[f"V.{t + 1}"][...] = by_shift.T @ shift + _contracted(by_maps, maps)
            g_shift += by_shift @ v
            g_maps += by_maps @ v
        before = width - design.channels
        out[f"U.{t}"][...] = g_maps[:, before:].sum(axis=0).T
        if t == 0:
            out["h0"][...] = g_shift
            break
        own, (shift, maps), g_maps = p[f"S.{t}"], features[t - 1], g_maps[:, :before]
        out[f"S.{t}"][...] = g_shift[:, :, None] * shift[:, None, :] + g_maps.transpose(0, 2, 1) @ maps
        g_shift, g_maps = np.einsum("zn,znk->zk", g_shift, own), g_maps @ own
    return found


def _contracted(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """sum_zs a_zsi b_zsj: np.tensordot, which takes as long to find out what is meant."""
    return a.reshape(-1, a.shape[2]).T @ b.reshape(-1, b.shape[2])


def _vectors(design, t: int):
    """(name in theta, name of the parameters, is it turned) of what belongs to vectors in layer t."""
    if design.message_l and t:
        yield f"couple.{t}", f"u.{t}", False
    if design.message_l and t < design.layers - 1:
        yield f"vector.{t}", f"w1.{t}", False
        yield f"carry_vector.{t}", f"V1.{t + 1}", True


def _features(design, p):
    """(shift [S, K], maps [S, (t + 1) K, K]) of each h^(t+1): shift[z] + x maps[z], x = m^0 ... m^t."""
    shift, maps = p["h0"], np.zeros((design.species, 0, design.channels))
    for t in range(design.layers):
        if t:
            own = p[f"S.{t}"].transpose(0, 2, 1)
            shift, maps = np.einsum("zk,zkn->zn", shift, own), maps @ own
        new = np.broadcast_to(p[f"U.{t}"].T, (design.species, design.channels, design.channels))
        maps = np.concatenate([maps, new], axis=1)
        yield shift, maps
