# Which kinds of descriptors are there, and how do they change along a direction? A part of _hdnnp.pyx.

def kinds():
    """Names of the kinds of descriptors that there are kernels for."""
    found, at = [], kernels().descriptors
    while at.precision[0] != NULL:
        found.append(at.precision[0].kind.decode())
        at += 1
    return tuple(found)


def _number_of(kind):
    found = kinds()
    if kind not in found:
        raise ValueError(f"no kernels for descriptors of the kind {kind!r}; there are {', '.join(found)}")
    return found.index(kind)


cdef int64_t _most_neighbors(Networks networks, int32_t[::1] centers, int64_t[:, ::1] first, double[::1] x,
                             double[::1] y, double[::1] z) except -1:
    """Of a block of environments, whose arrays are checked."""
    cdef int64_t n = centers.shape[0], n_edges = x.shape[0]
    if (first.shape[0] != n or first.shape[1] != networks.n_elements + 1 or y.shape[0] != n_edges
            or z.shape[0] != n_edges):
        raise ValueError("first is [n, n_elements + 1]; x, y, z are [n_edges]")
    bounds, elements = np.asarray(first), np.asarray(centers)
    if n and (np.diff(bounds, axis=1).min() < 0 or bounds.min() < 0 or bounds.max() > n_edges
              or elements.min() < 0 or elements.max() >= networks.n_elements):
        raise ValueError("centers or first out of range")
    return int((bounds[:, -1] - bounds[:, 0]).max(initial=0))


def jvp(Networks networks, int32_t[::1] centers, int64_t[:, ::1] first, double[::1] x, double[::1] y, double[::1] z,
        double[:, ::1] tangents):
    """Descriptor tangents sum_ij dG_f/dr_ij . t_ij, float64 [n, n_functions]; tangents : [3, n_edges], else as
    `values`.

    Of the jacobian that a training keeps, which this is a check of.
    """
    cdef int64_t n = centers.shape[0], most = _most_neighbors(networks, centers, first, x, y, z), a, own
    if tangents.shape[0] != 3 or tangents.shape[1] != x.shape[0]:
        raise ValueError("tangents are [3, n_edges]")
    cdef hd_scratch *scratch = networks._scratch(most)
    cdef const hd_kernels *k = kernels()
    cdef hd_environment env
    cdef const hd_plan *plan
    cdef double nothing = 0.0
    cdef double[::1] g = np.empty(networks.n_functions), dg_dr = np.empty(3 * networks.n_functions * most + 8)
    env.x = env.y = env.z = &nothing
    if x.shape[0]:
        env.x, env.y, env.z = &x[0], &y[0], &z[0]
    rates, t = np.zeros((n, networks.n_functions)), np.asarray(tangents)
    for a in range(n):
        env.first = &first[a, 0]
        own = first[a, networks.n_elements] - first[a, 0]
        plan = &networks.elements[centers[a]].plan
        with nogil:
            scratch.kernels.values(plan.descriptor, &env, scratch.work, &g[0])
            k.jacobian(plan, &env, networks.n_elements, scratch, &dg_dr[0])
        slopes = np.asarray(dg_dr)[: 3 * own * plan.n_functions].reshape(plan.n_functions, 3 * own)
        rates[a, : plan.n_functions] = slopes @ t[:, first[a, 0] : first[a, 0] + own].ravel()
    return rates
