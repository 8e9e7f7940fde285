# Charges that feel each other through one matrix, again and again: doors to ext/charges/gaussians.c and lu.c; a part of
# _kernels.pyx.

CORES = ("cosine", "p1", "p2", "p3", "p4", "exp")  # of a screening, as ext/charges/gaussians.h counts them


cdef class Gaussians:
    """What two unit charges have at a distance (ext/charges/gaussians.h).

    gamma : float64 [n_species, n_species], 1 / sqrt(2 (s_i^2 + s_j^2)); inner, outer, core : of a screening, None: there
    is none
    """

    cdef md_gaussians it
    cdef object gamma

    def __init__(self, gamma, double constant, double alpha, double cutoff, double shift, double slope, screening=None):
        cdef const double[:, ::1] whole = np.ascontiguousarray(gamma, dtype=np.float64)
        if whole.shape[0] != whole.shape[1] or whole.shape[0] < 1:
            raise ValueError("gamma is [n_species, n_species]")
        self.gamma = whole
        self.it.gamma, self.it.n_species, self.it.constant = &whole[0, 0], whole.shape[0], constant
        self.it.alpha, self.it.cutoff, self.it.shift, self.it.slope = alpha, cutoff, shift, slope
        self.it.inner, self.it.outer, self.it.core = -1.0, 0.0, 0
        if screening is not None:
            inner, outer, core = screening
            self.it.inner, self.it.outer, self.it.core = inner, outer, CORES.index(core)


cdef class NearRows:
    """The neighbours of atoms within reach, in the order of the rows that they are taken from.

    x : float64 [>= n, 4] and y [m, 4], atoms and what their neighbours are of, the species as the fourth number; first :
    int64 [n + 1], index : int32, rows of y; of these, those at distances above 0 and below `reach` are kept
    """

    cdef md_neighbours it
    cdef object arrays
    cdef int64_t most
    cdef readonly int64_t n

    def __init__(self, const double[:, ::1] x, const double[:, ::1] y, const int64_t[::1] first,
                 const int32_t[::1] index, double reach):
        cdef int64_t n = first.shape[0] - 1
        if n < 0 or x.shape[1] != 4 or y.shape[1] != 4 or x.shape[0] < n or index.shape[0] < first[n] or y.shape[0] < 1:
            raise ValueError("x is [>= n, 4], y [m, 4], first [n + 1], index what it counts")
        known = np.asarray(index)[first[0] : first[n]]
        if first[0] < 0 or (np.diff(first) < 0).any() or known.min(initial=0) < 0 or known.max(initial=0) >= y.shape[0]:
            raise ValueError("index has rows of y, one atom's after the other's")
        cdef int64_t room = first[n] + 4 * n + 8
        cdef int64_t[::1] to_first = np.zeros(n + 1, dtype=np.int64)
        cdef int32_t[::1] to_count = np.zeros(n + 1, dtype=np.int32), to_index = np.empty(room, dtype=np.int32)
        if n:
            with nogil:
                K.near_rows(&x[0, 0], &y[0, 0], n, &first[0], &index[0], reach, &to_first[0], &to_count[0],
                            &to_index[0])
        self.n, self.most = n, y.shape[0]
        self.arrays = x, y, to_first, to_count, to_index
        self.it.x, self.it.y = &x[0, 0] if x.shape[0] else NULL, &y[0, 0]
        self.it.first, self.it.index, self.it.count, self.it.n = &to_first[0], &to_index[0], &to_count[0], n

    def matrix(self, Gaussians it):
        """(C K, C S or None without a screening) of each neighbour, as `product` wants them."""
        cdef double[::1] values = np.zeros(self.it.first[self.n] + 8), screens = np.zeros_like(values)
        with nogil:
            K.gaussian_matrix(&self.it, &it.it, &values[0], &screens[0] if it.it.outer > 0.0 else NULL)
        return np.asarray(values), np.asarray(screens) if it.it.outer > 0.0 else None

    def dense(self, const double[::1] values):
        """The same as float64 [n, m]; neighbours that stand several times in a row are added."""
        first, count, index = (np.asarray(array) for array in self.arrays[2:])
        rows = np.repeat(np.arange(self.n), np.diff(first))
        at = np.flatnonzero(np.arange(len(rows)) - first[rows] < count[rows])
        entries = rows[at] * self.most + index[at]
        return np.bincount(entries, np.asarray(values)[at], self.n * self.most).reshape(self.n, self.most)

    def product(self, const double[::1] values, const double[::1] q):
        """float64 [n]: sum of values q over neighbours; q : [>= m]"""
        cdef double[::1] p = np.zeros(self.n + 1)
        if values.shape[0] < self.it.first[self.n] or q.shape[0] < self.most:
            raise ValueError("values are those of `matrix`, q has one number for each of y")
        with nogil:
            K.gaussian_product(&self.it, &values[0], &q[0], &p[0])
        return np.asarray(p)[: self.n]

    def forces(self, Gaussians it, const double[::1] q, const double[::1] l, const double[::1] more_q,
               const double[::1] more_l, bint both, double[:, ::1] f):
        """Adds the forces of C sum over pairs of [(q_i q_j + l_i q_j + q_i l_j) K + q_i q_j S]; q, l : [>= n] of the atoms,
        more_q, more_l [>= m] of y; both : y is x, and a pair acts on both of its atoms, else on those of the rows alone."""
        if min(q.shape[0], l.shape[0]) < self.n or min(more_q.shape[0], more_l.shape[0]) < self.most:
            raise ValueError("one charge an atom")
        if f.shape[1] != 4 or f.shape[0] < (self.most if both else self.n):
            raise ValueError("f is [n, 4]")
        cdef int32_t[::1] room = np.empty(np.asarray(self.arrays[3]).max(initial=0) + 8, dtype=np.int32)
        if self.n:
            with nogil:
                K.gaussian_forces(&self.it, &it.it, &q[0], &l[0], &more_q[0], &more_l[0], &room[0] if both else NULL,
                                  &f[0, 0])


class Factors:
    """LU factors of a matrix float64 [n, n]; LinAlgError if it is singular."""

    def __init__(self, matrix):
        matrix = np.asarray(matrix, dtype=np.float64)
        cdef int64_t n = len(matrix), stride = (n + 3) // 4 * 4
        cdef double[:, ::1] a = np.zeros((n, stride))
        cdef int64_t[::1] pivots = np.zeros(n, dtype=np.int64)
        cdef int singular
        if n < 1 or matrix.shape != (n, n):
            raise ValueError("a matrix is [n, n]")
        np.asarray(a)[:, :n] = matrix
        with nogil:
            singular = K.lu_factor(n, stride, &a[0, 0], &pivots[0])
        if singular:
            raise np.linalg.LinAlgError("singular matrix")
        self.factors, self.pivots = np.asarray(a), np.asarray(pivots)

    def solve(self, b):
        """x [n] of matrix x = b"""
        cdef double[::1] x = np.array(b, dtype=np.float64)
        cdef const double[:, ::1] a = self.factors
        cdef const int64_t[::1] pivots = self.pivots
        if x.shape[0] != a.shape[0]:
            raise ValueError("b is [n]")
        with nogil:
            K.lu_solve(a.shape[0], a.shape[1], &a[0, 0], &pivots[0], &x[0])
        return np.asarray(x)
