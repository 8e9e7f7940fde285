# Sums over charges, past the pairs: doors to ext/charges/; a part of _kernels.pyx.

WAVES_GRID = 2.0 ** -WAVES_BITS

cdef class Waves:
    """Wave vectors k = n1 b1 + n2 b2 + n3 b3, and two kernels that sum over them (ext/charges/waves.h).

    vectors : float64 [3, 3], rows b1, b2, b3, factor 2 pi included; columns : int32 [n, 4], n1 >= 0, n2, first n3 and
    how many fours of waves from there on; n_waves is the sum of these times four
    """

    cdef md_waves it
    cdef object arrays
    cdef readonly int64_t n_waves

    def __init__(self, const double[:, ::1] vectors, const int32_t[:, ::1] columns):
        cdef double[::1] room
        cdef int64_t[::1] most
        if vectors.shape[0] != 3 or vectors.shape[1] != 3 or columns.shape[0] < 1 or columns.shape[1] != 4:
            raise ValueError("vectors are [3, 3] and columns [n, 4]")
        whole = np.asarray(columns, dtype=np.int64)
        last = whole[:, 2] + 4 * whole[:, 3] - 1
        # powers go four beyond the largest n3
        most = np.array([whole[:, 0].max(), np.abs(whole[:, 1]).max(), max(-whole[:, 2].min(), last.max() - 4, 0)])
        if whole[:, 0].min() < 0 or whole[:, 3].min() < 1:
            raise ValueError("columns: n1 is not negative, and each has waves")
        for k in range(9):
            self.it.vectors[k] = vectors[k // 3, k % 3]
        for k in range(3):
            self.it.most[k] = most[k]
        room = np.empty(WAVES_ROOM(&most[0]))
        self.n_waves = self.it.n_waves = 4 * int(whole[:, 3].sum())
        self.it.n_columns, self.it.columns, self.it.room = columns.shape[0], &columns[0, 0], &room[0]
        self.arrays = columns, room

    def sums(self, AtomRows atoms, const double[::1] charges):
        """int64 [2, n_waves], multiples of WAVES_GRID: sum of q exp(i k.r) over owned atoms, real and imaginary parts."""
        cdef int64_t[:, ::1] out = np.zeros((2, self.n_waves), dtype=np.int64)
        self._check(atoms, charges)
        with nogil:
            K.wave_sums(&atoms.rows, &charges[0], &self.it, &out[0, 0], &out[1, 0])
        return np.asarray(out)

    def forces(self, AtomRows atoms, const double[::1] charges, const double[:, ::1] weighted, double[::1] potential):
        """Adds to the forces on owned atoms; potential [>= n_owned] becomes theirs. weighted : [2, n_waves]"""
        self._check(atoms, charges)
        if weighted.shape[0] != 2 or weighted.shape[1] != self.n_waves or potential.shape[0] < atoms.rows.n_owned + 1:
            raise ValueError("weighted is [2, n_waves], potential [n_total + 1]")
        with nogil:
            K.wave_forces(&atoms.rows, &charges[0], &self.it, &weighted[0, 0], &weighted[1, 0], &potential[0])

    cdef _check(self, AtomRows atoms, const double[::1] charges):
        if charges.shape[0] < atoms.rows.n_owned + 1:
            raise ValueError("charges are [n_total + 1]")


MESH_GRID = 2.0 ** -MESH_BITS

cdef class Mesh:
    """A mesh of points in a cell, and two kernels that spread charges over it and read potentials (ext/charges/mesh.h).

    inverse : float64 [3, 3] of the cell, whose vectors are rows; size : points along each, at least 8; order : 4, 6 or 8
    """

    cdef md_mesh it
    cdef readonly tuple shape

    def __init__(self, const double[:, ::1] inverse, size, int order):
        if inverse.shape[0] != 3 or inverse.shape[1] != 3 or len(size) != 3 or min(size) < 8 or order not in (4, 6, 8):
            raise ValueError("inverse is [3, 3], size three numbers from 8 on, order 4, 6 or 8")
        for k in range(9):
            self.it.inverse[k] = inverse[k // 3, k % 3]
        for k in range(3):
            self.it.size[k] = size[k]
        self.it.order = order
        self.shape = (size[0], size[1], size[2] + MESH_MORE)

    def spread(self, AtomRows atoms, const double[::1] charges):
        """int64 [size], multiples of MESH_GRID: the owned atoms."""
        cdef int64_t[:, :, ::1] out = np.zeros(self.shape, dtype=np.int64)
        if charges.shape[0] < atoms.rows.n_owned + 1:
            raise ValueError("charges are [n_total + 1]")
        with nogil:
            K.mesh_spread(&atoms.rows, &charges[0], &self.it, &out[0, 0, 0])
        whole, n = np.asarray(out), self.it.size[2]
        whole[:, :, :MESH_MORE] += whole[:, :, n:]
        return np.ascontiguousarray(whole[:, :, :n])

    def read(self, AtomRows atoms, mesh, double[::1] potential):
        """potential [>= n_owned + 1] becomes that of the owned atoms. mesh : float64 [size]"""
        cdef const double[:, :, ::1] whole = np.concatenate([mesh, mesh[:, :, :MESH_MORE]], axis=2)
        if (<object>whole).shape != self.shape or potential.shape[0] < atoms.rows.n_owned + 1:
            raise ValueError("mesh is [size]; potential [n_total + 1]")
        with nogil:
            K.mesh_read(&atoms.rows, &self.it, &whole[0, 0, 0], &potential[0])

    def gather(self, AtomRows atoms, const double[::1] charges, mesh, double[::1] potential):
        """Adds to the forces on owned atoms; potential [>= n_owned + 1] becomes theirs. mesh : float64 [size]"""
        cdef const double[:, :, ::1] whole = np.concatenate([mesh, mesh[:, :, :MESH_MORE]], axis=2)
        if (<object>whole).shape != self.shape or min(charges.shape[0], potential.shape[0]) < atoms.rows.n_owned + 1:
            raise ValueError("mesh is [size]; charges and potential [n_total + 1]")
        with nogil:
            K.mesh_gather(&atoms.rows, &charges[0], &self.it, &whole[0, 0, 0], &potential[0])


def charge_pairs(AtomRows atoms, const double[::1] charges, const double[:, ::1] others, double constant, double alpha,
                 double cutoff, double shift, double slope, double[::1] potential):
    """What all pairs have beside those closer than the cutoff (ext/charges/direct.c): adds to forces on owned atoms;
    potential [n_total + 1] gets theirs. others : [4, n], x, y, z and charge of all atoms, n a multiple of four"""
    cdef int64_t n = others.shape[1], rows = atoms.rows.n_owned + 1
    if others.shape[0] != 4 or n % 4 or charges.shape[0] < rows or potential.shape[0] < rows:
        raise ValueError("others are [4, n], n a multiple of four; charges and potential [n_total + 1]")
    with nogil:
        K.charge_pairs(&atoms.rows, &charges[0], &others[0, 0], n, constant, alpha, cutoff, shift, slope,
                       &potential[0])
