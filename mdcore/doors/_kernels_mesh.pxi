# Charges on a mesh: doors to ext/charges/mesh.c and planes.c; a part of _kernels.pyx.

cdef double MESH_UNIT = 2.0 ** -MESH_BITS
MESH_GRID = MESH_UNIT
SQUARE_GRID = 2.0 ** -MESH_SQUARE_BITS
BESIDE = MESH_MORE  # points beside those of a window, along the third axis
WITH_SELF, WITH_ENERGY = PLANES_SELF, PLANES_ENERGY

cdef class Batches:
    """Owned atoms of a rank, which any rank of its machine may help with: all in memory that they share.

    positions : float64 [n, 4]; charges : float64 [n]; found : float64 [n, 4], forces and potentials; state : int64 [8]
    """

    cdef md_batches it
    cdef object arrays

    def __init__(self, const double[:, ::1] positions, const double[::1] charges, double[:, ::1] found,
                 int64_t[::1] state):
        n = self.it.n = charges.shape[0]
        if not positions.shape[0] == found.shape[0] == n or not positions.shape[1] == found.shape[1] == 4:
            raise ValueError("positions and found are [n, 4], charges [n]")
        if state.shape[0] != 8:
            raise ValueError("state is [8]")
        self.it.state = <md_batch_state *>&state[0]
        if n:
            self.it.x, self.it.charge, self.it.found = &positions[0, 0], &charges[0], &found[0, 0]
        self.arrays = positions, charges, found, state

    def offer(self, bint now):
        """Positions, charges and potentials on the mesh are there: others may help; or not yet."""
        K.mesh_offer(self.it.state, now)

    @property
    def offered(self):
        """May others help, or have they?"""
        return bool(K.mesh_state(&self.it) & MESH_OPEN)

    @property
    def done(self):
        """Is all found?"""
        return bool(K.mesh_state(&self.it) & MESH_DONE)


cdef class Mesh:
    """A mesh of points in a cell, and kernels that spread charges over it and read potentials (ext/charges/mesh.h).

    size : points along each vector of the cell, at least 8, which `move` and `stand_at` tell; order : 4, 6, 8
    shape : of the window of points that is in memory, the whole mesh until `look_at` says otherwise
    """

    cdef md_mesh it
    cdef readonly tuple shape

    def __init__(self, size, int order):
        if len(size) != 3 or min(size) < 8 or order not in (4, 6, 8):
            raise ValueError("size is three numbers from 8 on, order 4, 6 or 8")
        for k in range(3):
            self.it.size[k] = size[k]
            self.it.self[k] = self.it.origin[k] = 0.0
        self.it.order = order
        self.move(np.eye(3), np.eye(3))
        self.look_at((0, 0, 0), size)

    def move(self, const double[:, ::1] cell, const double[:, ::1] inverse):
        """The cell is another one, [3, 3], rows are its vectors."""
        if not cell.shape[0] == cell.shape[1] == inverse.shape[0] == inverse.shape[1] == 3:
            raise ValueError("cell and inverse are [3, 3]")
        for k in range(9):
            self.it.cell[k], self.it.inverse[k] = cell[k // 3, k % 3], inverse[k // 3, k % 3]

    def stand_at(self, const double[::1] origin):
        """Point 0 of the mesh lies here, [3]."""
        if origin.shape[0] != 3:
            raise ValueError("origin is [3]")
        for k in range(3):
            self.it.origin[k] = origin[k]

    def reach(self, AtomRows atoms):
        """int64 [2, 3]: of the points below owned atoms the lowest and the highest along each axis, also beyond it."""
        cdef int64_t[:, ::1] out = np.empty((2, 3), dtype=np.int64)
        with nogil:
            K.mesh_reach(&atoms.rows, &self.it, &out[0, 0])
        return np.asarray(out)

    def look_at(self, low, length):
        """The window: `length` points from `low` on along each axis; all, or as many as owned atoms reach."""
        for k in range(3):
            if not (0 <= low[k] < self.it.size[k] and self.it.order <= length[k] <= self.it.size[k]):
                raise ValueError("a window is in the mesh, and as wide as the order")
            self.it.low[k], self.it.length[k] = low[k], length[k]
        self.shape = (length[0], length[1], length[2] + MESH_MORE)

    def take_away(self, double first, double second, double third):
        """What a unit charge has of itself along each axis."""
        self.it.self[0], self.it.self[1], self.it.self[2] = first, second, third

    def spread(self, AtomRows atoms, const double[::1] charges, int64_t[:, :, ::1] out):
        """out int64 [shape], zeros, gets the owned atoms, multiples of MESH_GRID."""
        cdef int64_t lost
        self._check(atoms, charges)
        if (<object>out).shape != self.shape:
            raise ValueError("out is [shape]")
        with nogil:
            lost = K.mesh_spread(&atoms.rows, &charges[0], &self.it, &out[0, 0, 0])
        self._check_held(lost)

    def squares(self, AtomRows atoms, const double[::1] charges):
        """int64 [3], multiples of SQUARE_GRID: sums of q^2 cos(2 pi u) over owned atoms."""
        cdef int64_t[::1] out = np.empty(3, dtype=np.int64)
        self._check(atoms, charges)
        with nogil:
            K.mesh_squares(&atoms.rows, &charges[0], &self.it, &out[0])
        return np.asarray(out)

    def gather(self, AtomRows atoms, const double[::1] charges, const double[:, :, ::1] mesh, double[::1] potential,
               bint forces=True):
        """potential [>= n_owned + 1] becomes that of owned atoms; where wanted adds to the forces on them.
        mesh : float64 [shape]"""
        cdef int64_t lost
        self._check(atoms, charges)
        if (<object>mesh).shape != self.shape or potential.shape[0] < atoms.rows.n_owned + 1:
            raise ValueError("mesh is [shape], potential [n_total + 1]")
        with nogil:
            lost = K.mesh_gather(&atoms.rows, &charges[0], &self.it, &mesh[0, 0, 0], &potential[0], forces)
        self._check_held(lost)

    def help(self, Batches of, const double[:, :, ::1] mesh, bint forces=True):
        """Takes batches of a rank's atoms, as `gather` of all, as long as there are any. mesh : float64 [shape], of that
        rank"""
        if (<object>mesh).shape != self.shape:
            raise ValueError("mesh is [shape]")
        of.it.mesh = &mesh[0, 0, 0]
        with nogil:
            K.mesh_help(&self.it, &of.it, forces)

    def collect(self, AtomRows atoms, Batches of, double[::1] potential, bint forces=True):
        """What was found for owned atoms, as `gather`."""
        if atoms.rows.n_owned != of.it.n or potential.shape[0] < of.it.n + 1:
            raise ValueError("batches are of the owned atoms, potential [n_total + 1]")
        self._check_held(of.it.state.lost)
        with nogil:
            K.mesh_collect(&atoms.rows, of.it.found, &potential[0], forces)

    cdef _check_held(self, int64_t lost):
        if lost >= 0:
            raise ValueError(f"the atom in row {lost} is outside of the window")

    cdef _check(self, AtomRows atoms, const double[::1] charges):
        if charges.shape[0] < atoms.rows.n_owned + 1:
            raise ValueError("charges are [n_total + 1]")


cdef class Planes:
    """A mesh transformed by planes, so that ranks can share them (ext/charges/planes.h).

    size : points along each axis, even along the third, with the prime factors 2, 3 and 5 alone
    width : most numbers n3 of a row of waves; tables : float64, (factors, own, next) of each axis: [size], [size],
    [width] each; begin : int64 [size2 + 1], where numbers n3 of each n2 begin, of all together: multiples of four, for n2 and
    -n2 as many
    """

    cdef md_planes it
    cdef md_weights weights
    cdef readonly tuple size
    cdef readonly int64_t width
    cdef readonly object begin
    cdef object arrays

    def __init__(self, size, tables, begin):
        cdef double[::1] room
        cdef double[:, ::1] turns
        cdef double[::1] numbers
        cdef int64_t[::1] begins = np.array(begin, dtype=np.int64)
        self.size = tuple(int(n) for n in size)
        self.width = self.it.width = self.width_of(self.size[2])
        wide = np.diff(begins)
        if len(wide) != self.size[1] or begins[0] or wide.min() < 0 or wide.max() > self.width or (wide % 4).any():
            raise ValueError("begin is [size2 + 1], from 0 on, in steps of multiples of four up to the width")
        self.begin = np.asarray(begins)
        self.it.begin = &begins[0]
        self.arrays = []
        for k, n in enumerate((*self.size, self.size[2] // 2)):
            rest = n
            for prime in (2, 3, 5):
                while rest % prime == 0 and rest:
                    rest //= prime
            if rest != 1 or self.size[2] % 2:
                raise ValueError("sizes have the factors 2, 3 and 5, the third is even")
            angle = -2.0 * np.pi * np.arange(n) / n
            turns = np.ascontiguousarray(np.column_stack([np.cos(angle), np.sin(angle)]))
            self.it.turns[k] = &turns[0, 0]
            self.arrays.append(turns)
        for axis in range(3):
            self.it.size[axis] = self.size[axis]
            for kind in range(3):
                numbers = np.ascontiguousarray(tables[axis][kind], dtype=np.float64)
                if numbers.shape[0] != (self.width if axis == 2 else self.size[axis]):
                    raise ValueError("tables are [size], [size], [width]")
                if kind == 0:
                    self.weights.factors[axis] = &numbers[0]
                elif kind == 1:
                    self.weights.own[axis] = &numbers[0]
                else:
                    self.weights.next[axis] = &numbers[0]
                self.arrays.append(numbers)
        room = np.empty(PLANES_ROOM(self.it.size[0], self.it.size[1], self.it.size[2], self.width))
        self.it.room = &room[0]
        self.arrays.append(room)

    @staticmethod
    def width_of(int64_t size3):
        """size3 / 2 + 1, up to a multiple of four"""
        return (size3 // 2 + 4) // 4 * 4

    def move(self, const double[:, ::1] vectors, double scale, double falls, bint attraction=False):
        """The cell is another one: g of charges, or of attraction as r^-6. vectors : [3, 3] rows b1, b2, b3"""
        if vectors.shape[0] != 3 or vectors.shape[1] != 3:
            raise ValueError("vectors are [3, 3]")
        for k in range(9):
            self.weights.vectors[k] = vectors[k // 3, k % 3]
        self.weights.scale, self.weights.falls, self.weights.attraction = scale, falls, attraction

    def forward(self, const int64_t[:, :, ::1] mesh, double[::1] out):
        """out float64 [2 * count * begin[size2]] become the waves of planes [count, size2, size3 + BESIDE], multiples
        of MESH_GRID."""
        cdef int64_t count = mesh.shape[0]
        if mesh.shape[1] != self.it.size[1] or mesh.shape[2] != self.it.size[2] + MESH_MORE:
            raise ValueError("planes are [count, size2, size3 + BESIDE]")
        self._check_waves(out, count)
        with nogil:
            if count:
                K.planes_forward(&self.it, &mesh[0, 0, 0], count, MESH_UNIT, &out[0])

    cdef _check_waves(self, const double[::1] waves, int64_t count):
        if waves.shape[0] != 2 * count * self.it.begin[self.it.size[1]]:
            raise ValueError("waves are [2 * count * begin[size2]]")

    def weighted(self, waves, const int64_t[::1] cuts, int64_t first, int64_t last, const double[::1] squares,
                 int wanted):
        """Waves of n2 = first ... last - 1 become those of potentials; float64 [last - first, 10]: where
        WITH_ENERGY their energies and sums of these times k k (2 / k^2 + 2 falls) (xx yy zz yz xz xy), where WITH_SELF
        what a charge has of itself along each axis.

        waves : float64 [2 * (cuts[k + 1] - cuts[k]) * (begin[last] - begin[first])], pieces with n1 = cuts[k] ...
        squares : [3], Mesh.squares of all ranks
        """
        cdef int64_t n = len(waves), count = last - first, k
        cdef md_pieces pieces
        cdef double[::1] own
        if first < 0 or count < 0 or last > self.it.size[1] or squares.shape[0] != 3:
            raise ValueError("first to last are planes of the mesh; squares are [3]")
        if cuts.shape[0] != n + 1 or cuts[0] != 0 or cuts[n] != self.it.size[0] or (np.diff(cuts) < 0).any():
            raise ValueError("cuts are [pieces + 1], from 0 to size1")
        cdef int64_t[::1] addresses = np.zeros(n, dtype=np.int64)
        for k in range(n):
            own = waves[k]
            if own.shape[0] != 2 * (cuts[k + 1] - cuts[k]) * (self.it.begin[last] - self.it.begin[first]):
                raise ValueError("a piece is [2 * planes of n1 * numbers n3 of its n2]")
            if own.shape[0]:
                addresses[k] = <int64_t>&own[0]
        cdef double[:, ::1] out = np.zeros((max(count, 1), PLANES_SUMS))
        for k in range(3):
            self.weights.squares[k] = squares[k]
        pieces.waves, pieces.cuts, pieces.n = <double **>&addresses[0], &cuts[0], n
        pieces.first, pieces.last = first, last
        with nogil:
            K.planes_weighted(&self.it, &self.weights, &pieces, &out[0, 0], wanted)
        return np.asarray(out)[:count]

    def back(self, const double[::1] waves, double[:, :, ::1] out):
        """out float64 [count, size2, size3 + BESIDE] become the planes of waves [2 * count * begin[size2]]."""
        cdef int64_t count = out.shape[0]
        self._check_waves(waves, count)
        if (out.shape[1], out.shape[2]) != (self.it.size[1], self.it.size[2] + MESH_MORE):
            raise ValueError("out is [count, size2, size3 + BESIDE]")
        with nogil:
            if count:
                K.planes_back(&self.it, &waves[0], count, &out[0, 0, 0])
