# Who owns an atom, and where do its copies go? Doors to ext/engine/halo.c; a part of _kernels.pyx.

cdef class WrapAndFindLeavers:
    """This rank's part of the cell: brings atoms back into the cell and finds those that have left the part.

    matrix, inverse : float64 [3, 3] of the cell; origin : float64 [3]; periodic : bits 1, 2, 4
    grid, coords : int [3], domains along each direction, and which of them this is
    """

    cdef double[:, ::1] matrix, inverse
    cdef double[::1] origin
    cdef md_place place
    cdef int32_t[::1] left, away

    def __init__(self, matrix, inverse, origin, int periodic, grid, coords):
        self.matrix, self.inverse, self.origin = (np.array(array, order="C") for array in (matrix, inverse, origin))
        if not self.matrix.shape[0] == self.matrix.shape[1] == self.inverse.shape[0] == self.inverse.shape[1] \
                == self.origin.shape[0] == 3:
            raise ValueError("matrix and inverse are [3, 3], origin [3]")
        self.place.periodic = periodic
        for d in range(3):
            self.place.grid[d], self.place.coords[d] = grid[d], coords[d]

    def wrap(self, AtomRows atoms, int32_t[:, ::1] images):
        """Wrap owned atoms along periodic directions; `images` [>= n_owned, 3] follow.

        Returns (rows int32 [n] of those in another domain now, how many domains on int32 [n, 3], the largest
        -away and +away of any float64 [6]); valid until the next call.
        """
        cdef int64_t n, owned = atoms.rows.n_owned
        cdef double[::1] farthest = np.empty(6)
        if images.shape[0] < owned or images.shape[1] != 3:
            raise ValueError("images are [n_owned, 3]")
        if self.left is None or self.left.shape[0] < owned + 1:
            self.left = np.empty(owned + owned // 8 + 1, dtype=np.int32)
            self.away = np.empty(3 * self.left.shape[0], dtype=np.int32)
        with nogil:
            n = K.wrap(&atoms.rows, &images[0, 0], &self.matrix[0, 0], &self.inverse[0, 0], &self.origin[0],
                       &self.place, &self.left[0], &self.away[0], &farthest[0])
        return np.asarray(self.left)[:n], np.asarray(self.away)[: 3 * n].reshape(n, 3), np.asarray(farthest)


cdef class Face:
    """One face of a domain: which atoms have copies on its other side, and how their copies are shifted.

    normal, origin : float64 [3], fractional coordinate = (x - origin) . normal; bound; side : -1 below the
    bound, +1 not below; shift : float64 [3]
    """

    cdef double normal[3]
    cdef double origin[3]
    cdef double shift[3]
    cdef double bound
    cdef int side

    def __init__(self, normal, origin, double bound, int side, shift):
        for d in range(3):
            self.normal[d], self.origin[d], self.shift[d] = normal[d], origin[d], shift[d]
        self.bound, self.side = bound, side

    def select(self, AtomRows atoms, int64_t begin, int64_t end):
        """Rows of [begin, end) whose copies are needed beyond the face."""
        if not 0 <= begin <= end <= atoms.rows.n_owned + atoms.rows.n_ghost:
            raise ValueError("rows out of range")
        cdef Rows rows = Rows.__new__(Rows)
        index = np.empty(end - begin + 1, dtype=np.int32)
        cdef int32_t[::1] view = index
        rows.n = K.select_beyond(atoms.rows.x, begin, end, self.normal, self.origin, self.bound, self.side, &view[0])
        rows.index = index[:rows.n]
        rows.first = &view[0]
        rows.shift = self.shift
        return rows


cdef class Rows:
    """Atoms whose copies go one way. index : int32 [n], rows of the atoms (made by Face.select)."""

    cdef readonly object index
    cdef int32_t *first
    cdef double shift[3]
    cdef int64_t n

    def __len__(self):
        return self.n

    def shift_by(self, shift):
        """The copies lie elsewhere from now on: shift, float64 [3]."""
        for d in range(3):
            self.shift[d] = shift[d]

    def pack(self, AtomRows atoms, double[:, ::1] target):
        """target[k] = position of row k + shift"""
        if self.n > target.shape[0] or target.shape[1] != 4:
            raise ValueError("target is [n, 4]")
        if self.n:
            K.copy_shifted(&target[0, 0], atoms.rows.x, self.first, self.n, self.shift)

    def add(self, AtomRows atoms, double[:, ::1] source):
        """Add source[k] to the force of row k."""
        if self.n > source.shape[0] or source.shape[1] != 4:
            raise ValueError("source is [n, 4]")
        if self.n:
            K.add_rows(atoms.rows.f, &source[0, 0], self.first, self.n)

    def copy_ghosts(self, AtomRows atoms, int64_t start):
        """Positions of ghosts [start, start + n) from their owners on this rank."""
        K.copy_shifted(atoms.rows.x + 4 * start, atoms.rows.x, self.first, self.n, self.shift)

    def add_ghosts(self, AtomRows atoms, int64_t start):
        """Forces of ghosts [start, start + n) onto their owners on this rank."""
        K.add_rows(atoms.rows.f, atoms.rows.f + 4 * start, self.first, self.n)

    def take(self, const unsigned char[:, ::1] column, unsigned char[:, ::1] target):
        """target[k] = row k of a column uint8 [capacity, width]"""
        if self.n > target.shape[0] or target.shape[1] != column.shape[1]:
            raise ValueError("target is [n, width]")
        if self.n:
            K.take_rows(<char *>&target[0, 0], <const char *>&column[0, 0], self.first, self.n, column.shape[1])

    def add_column(self, double[:, ::1] column, const double[:, ::1] source):
        """Add source[k] to row k of a column float64 [capacity, numbers]."""
        if self.n > source.shape[0] or source.shape[1] != column.shape[1]:
            raise ValueError("source is [n, numbers]")
        if self.n:
            K.add_numbers(&column[0, 0], &source[0, 0], self.first, self.n, column.shape[1])
