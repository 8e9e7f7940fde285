# Sums over charges, past the pairs: doors to ext/charges/; a part of _kernels.pyx.

POINTS, GAUSSIANS, DAMPED = NEAR_POINTS, NEAR_GAUSSIANS, NEAR_DAMPED
WAVES_GRID = 2.0 ** -WAVES_BITS

cdef class Waves:
    """Wave vectors k = n1 b1 + n2 b2 + n3 b3, and two kernels that sum over them (ext/charges/waves.h).

    columns : int32 [n, 4], n1 >= 0, n2, first n3 and how many fours of waves from there on; n_waves is the sum of these
    times four; `move` tells the vectors
    """

    cdef md_waves it
    cdef object arrays
    cdef readonly int64_t n_waves

    def __init__(self, const int32_t[:, ::1] columns):
        cdef double[::1] room
        cdef int64_t[::1] most
        if columns.shape[0] < 1 or columns.shape[1] != 4:
            raise ValueError("columns are [n, 4]")
        whole = np.asarray(columns, dtype=np.int64)
        last = whole[:, 2] + 4 * whole[:, 3] - 1
        # powers go four beyond the largest n3
        most = np.array([whole[:, 0].max(), np.abs(whole[:, 1]).max(), max(-whole[:, 2].min(), last.max() - 4, 0)])
        if whole[:, 0].min() < 0 or whole[:, 3].min() < 1:
            raise ValueError("columns: n1 is not negative, and each has waves")
        self.move(np.eye(3), 2.0 * np.pi * np.eye(3))
        for k in range(3):
            self.it.most[k] = most[k]
        room = np.empty(WAVES_ROOM(&most[0]))
        self.n_waves = self.it.n_waves = 4 * int(whole[:, 3].sum())
        self.it.n_columns, self.it.columns, self.it.room = columns.shape[0], &columns[0, 0], &room[0]
        self.arrays = columns, room

    def move(self, const double[:, ::1] cell, const double[:, ::1] vectors):
        """The cell is another one, [3, 3], rows are its vectors; vectors [3, 3] : rows b1, b2, b3, 2 pi included."""
        if not cell.shape[0] == cell.shape[1] == vectors.shape[0] == vectors.shape[1] == 3:
            raise ValueError("cell and vectors are [3, 3]")
        for k in range(9):
            self.it.cell[k], self.it.vectors[k] = cell[k // 3, k % 3], vectors[k // 3, k % 3]

    def sums(self, AtomRows atoms, const double[::1] charges):
        """int64 [2, n_waves], multiples of WAVES_GRID: sum of q exp(i k.r) over owned atoms, real and imaginary parts."""
        cdef int64_t[:, ::1] out = np.zeros((2, self.n_waves), dtype=np.int64)
        self._check(atoms, charges)
        with nogil:
            K.wave_sums(&atoms.rows, &charges[0], &self.it, &out[0, 0], &out[1, 0])
        return np.asarray(out)

    def gather(self, AtomRows atoms, const double[::1] charges, const double[:, ::1] weighted, double[::1] potential,
               bint forces=True):
        """potential [>= n_owned + 1] becomes that of owned atoms; where wanted adds to the forces on them.
        weighted : [2, n_waves]"""
        self._check(atoms, charges)
        if weighted.shape[0] != 2 or weighted.shape[1] != self.n_waves or potential.shape[0] < atoms.rows.n_owned + 1:
            raise ValueError("weighted is [2, n_waves], potential [n_total + 1]")
        with nogil:
            K.wave_forces(&atoms.rows, &charges[0], &self.it, &weighted[0, 0], &weighted[1, 0], &potential[0], forces)

    cdef _check(self, AtomRows atoms, const double[::1] charges):
        if charges.shape[0] < atoms.rows.n_owned + 1:
            raise ValueError("charges are [n_total + 1]")


def charge_pairs(AtomRows atoms, const double[::1] charges, const double[:, ::1] others, double constant, double alpha,
                 double cutoff, double shift, double slope, double[::1] potential, bint forces=True):
    """What all pairs have beside those closer than the cutoff (ext/charges/direct.c): potential [n_total + 1] becomes
    that of owned atoms; where wanted adds to the forces on them. others : [4, n], x, y, z and charge of all atoms, n a multiple of four"""
    cdef int64_t n = others.shape[1], rows = atoms.rows.n_owned + 1
    if others.shape[0] != 4 or n % 4 or charges.shape[0] < rows or potential.shape[0] < rows:
        raise ValueError("others are [4, n], n a multiple of four; charges and potential [n_total + 1]")
    with nogil:
        K.charge_pairs(&atoms.rows, &charges[0], &others[0, 0], n, constant, alpha, cutoff, shift, slope,
                       &potential[0], forces)


def charge_potentials(AtomRows atoms, VerletList pairs, const double[:, ::1] rows, int64_t n_species, int kind,
                      const double[::1] charges, double[::1] potential, const double[:, ::1] more=None):
    """Adds to potential [n_total + 1], multiples of the grid of forces, what pairs of a half list have; charges
    [n_total + 1]; rows [n_species^2, 8] : of unit charges; kind : POINTS, GAUSSIANS, or DAMPED, with `more` (ext/pair/)
    """
    cdef md_pair_table table
    cdef int64_t every = atoms.rows.n_owned + atoms.rows.n_ghost + 1
    if rows.shape[0] != n_species * n_species or rows.shape[1] != 8 or not pairs.half:
        raise ValueError("rows are [n_species^2, 8], over a half list")
    if charges.shape[0] < every or potential.shape[0] < every or (kind == NEAR_DAMPED) != (more is not None):
        raise ValueError("charges and potential are [n_total + 1]; damping has more numbers")
    table.rows, table.more = &rows[0, 0], NULL
    table.n_species, table.scale, table.weights = n_species, NULL, NULL
    table.begin, table.end = 0, atoms.rows.n_owned
    if more is not None:  # no conditional expression: it would lose `const`
        table.more = &more[0, 0]
    with nogil:
        K.charge_potentials(&atoms.rows, &pairs.rows, &table, kind, &charges[0], &potential[0])
