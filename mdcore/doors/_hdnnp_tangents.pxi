# How do the descriptors of a training set follow its atoms? Doors to ext/networks/tangents.c; a part of _hdnnp.pyx.

def keep_tangents(Networks networks, int element, int64_t[:, ::1] first, double[::1] x, double[::1] y, double[::1] z,
                  const int32_t[::1] entry, const int64_t[::1] start, double[:, ::1] g, float[:, :, ::1] t,
                  float[:, :, ::1] s=None):
    """Descriptors and how they follow the atoms, of a block of environments of one element (ext/networks/tangents.c).

    networks : not used by another thread meanwhile; first, x, y, z : as for `Networks.values`; entry : of each edge,
    counted within its environment, whose entry 0 is the centre itself; start : [n + 1], where an environment's entries
    begin. Filled are g [n, n_f] = G, t [n_entries, 3, n_f] = dG/dR and, if given, s [n, 6, n_f] = sum r (x) dG/dr in
    Voigt's order.
    """
    networks._network(element)
    cdef const hd_plan *plan = &networks.elements[element].plan
    cdef int64_t n = first.shape[0], n_f = plan.n_functions, edges = x.shape[0], a, begin, own
    if (first.shape[1] != networks.n_elements + 1 or y.shape[0] != edges or z.shape[0] != edges
            or entry.shape[0] != edges or start.shape[0] != n + 1 or g.shape[0] != n or g.shape[1] != n_f):
        raise ValueError("first is [n, n_elements + 1]; x, y, z, entry are [n_edges]; start [n + 1]; g [n, n_f]")
    bounds, starts = np.asarray(first), np.asarray(start)
    if t.shape[0] < starts[n] or t.shape[1] != 3 or t.shape[2] != n_f or starts[0] != 0:
        raise ValueError("t is [n_entries, 3, n_f]")
    if s is not None and (s.shape[0] != n or s.shape[1] != 6 or s.shape[2] != n_f):
        raise ValueError("s is [n, 6, n_f]")
    if not n:
        return
    if np.diff(bounds, axis=1).min() < 0 or bounds.min() < 0 or bounds.max() > edges or np.diff(starts).min() < 1:
        raise ValueError("first or start out of range")
    lengths = np.repeat(np.diff(starts), bounds[:, -1] - bounds[:, 0])
    if bounds[0, 0] or (bounds[1:, 0] != bounds[:-1, -1]).any() or edges != bounds[-1, -1]:
        raise ValueError("environments follow one another")
    if edges and not (0 <= np.asarray(entry).min() and (np.asarray(entry) < lengths).all()):
        raise ValueError("entry out of range")
    cdef int64_t most = int((bounds[:, -1] - bounds[:, 0]).max()), most_entries = int(np.diff(starts).max())
    cdef hd_scratch *scratch = networks._scratch(most)
    cdef const hd_kernels *k = kernels()
    cdef double[::1] dg_dr = np.empty(3 * n_f * most + 8), sums = np.empty(3 * n_f * most_entries)
    cdef double nothing = 0.0
    cdef int32_t none = 0
    cdef hd_environment env
    env.x = env.y = env.z = &nothing
    if edges:
        env.x, env.y, env.z = &x[0], &y[0], &z[0]
    cdef const int32_t *entries = &entry[0] if edges else &none
    with nogil:
        for a in range(n):
            env.first = &first[a, 0]
            begin = first[a, 0]
            own = first[a, networks.n_elements] - begin
            scratch.kernels.values(plan.descriptor, &env, scratch.work, &g[a, 0])
            k.jacobian(plan, &env, networks.n_elements, scratch, &dg_dr[0])
            k.keep_tangents(n_f, own, &dg_dr[0], env.x + begin, env.y + begin, env.z + begin, entries + begin,
                            start[a + 1] - start[a], &sums[0], &t[start[a], 0, 0],
                            NULL if s is None else &s[a, 0, 0])


def _check_tangents(const int64_t[::1] start, const int32_t[::1] atom, const float[:, :, ::1] t, int64_t n):
    if start.shape[0] != n + 1 or t.shape[1] != 3 or atom.shape[0] != t.shape[0]:
        raise ValueError("start is [n + 1], atom [n_entries], t [n_entries, 3, n_f]")
    if n and (np.diff(start).min() < 0 or start[0] < 0 or start[n] > t.shape[0]):
        raise ValueError("start out of range")


def tangent_forces(const int64_t[::1] start, const int32_t[::1] atom, const float[:, :, ::1] t,
                   const double[:, ::1] de_dg, double[:, ::1] forces):
    """forces [n_atoms, 3] -= sum over environments and entries of dE/dG . T, as `keep_tangents` filled it.

    start : [n + 1], the entries of each environment; atom : [n_entries]; de_dg : [n, n_f]. The caller checks atom.
    """
    cdef int64_t n = de_dg.shape[0], n_f = t.shape[2]
    cdef const hd_kernels *k = kernels()
    _check_tangents(start, atom, t, n)
    if de_dg.shape[1] != n_f or forces.shape[1] != 3:
        raise ValueError("de_dg is [n, n_f], forces [n_atoms, 3]")
    if n and t.shape[0]:
        with nogil:
            k.tangent_forces(n, n_f, &start[0], &atom[0], &t[0, 0, 0], &de_dg[0, 0], n_f, &forces[0, 0])


def tangent_rates(const int64_t[::1] start, const int32_t[::1] atom, const float[:, :, ::1] t,
                  const double[:, ::1] along, double[:, ::1] rates):
    """rates [n, n_f] = how G changes when atoms move along [n_atoms, 3]; start, atom, t as in `tangent_forces`"""
    cdef int64_t n = rates.shape[0], n_f = t.shape[2]
    cdef const hd_kernels *k = kernels()
    _check_tangents(start, atom, t, n)
    if rates.shape[1] != n_f or along.shape[1] != 3:
        raise ValueError("rates are [n, n_f], along [n_atoms, 3]")
    if n and t.shape[0]:
        with nogil:
            k.tangent_rates(n, n_f, &start[0], &atom[0], &t[0, 0, 0], &along[0, 0], &rates[0, 0])
