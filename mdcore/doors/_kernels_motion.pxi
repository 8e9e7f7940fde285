# How do atoms move? Doors to ext/engine/integrate.c; a part of _kernels.pyx.

def verlet_first(AtomRows atoms, double dt, double grid_big):
    """Half kick and drift. Returns (largest squared step, largest squared distance from `start`)."""
    cdef md_motion motion
    with nogil:
        K.verlet_first(&atoms.rows, dt, grid_big, &motion)
    return motion.step2, motion.total2


def langevin_first(AtomRows atoms, double dt, double grid_big, uint64_t seed, uint64_t step, double decay,
                   double spread, int64_t[:, ::1] heat, const uint8_t[::1] bath=None, const double[:, ::1] rows=None):
    """B A O A of BAOAB; heat (limbs [baths, 3]) gets the energy the O step put in. bath : of each tag; rows : [baths, 8]
    of baths (md_types.h), instead of decay and spread. Returns as verlet_first."""
    cdef md_motion motion
    cdef md_baths own
    cdef int64_t n = 1 if rows is None else rows.shape[0]
    if heat.shape[0] != n or heat.shape[1] != 3 or n > 256 or (rows is not None and rows.shape[1] != 8):
        raise ValueError("heat is [baths, 3], rows [baths, 8]")
    if rows is not None:
        own.bath, own.rows, own.n = &bath[0], &rows[0, 0], n
    with nogil:
        K.langevin_first(&atoms.rows, dt, grid_big, seed, step, decay, spread, NULL if rows is None else &own,
                         &heat[0, 0], &motion)
    return motion.step2, motion.total2


def second_kick(AtomRows atoms, double dt):
    """The closing half kick. Returns the row of an atom with an impossible force, or -1."""
    return K.second_kick(&atoms.rows, dt)


def scale_velocities(AtomRows atoms, double factor):
    """All velocities of owned atoms times `factor`."""
    with nogil:
        K.scale_velocities(&atoms.rows, factor)


def drift(AtomRows atoms, hop, double grid_big):
    """Positions move by velocities times `hop`, float64 [3, 3], internal units of time. Returns as verlet_first."""
    cdef md_motion motion
    cdef double[:, ::1] by = np.array(hop, dtype=np.float64, order="C").reshape(3, 3)
    with nogil:
        K.drift(&atoms.rows, &by[0, 0], grid_big, &motion)
    return motion.step2, motion.total2


def strain(AtomRows atoms, before, after, turn, double grid_big):
    """Owned atoms go along as the cell changes from `before` to `after` (box.Box, all numbers on the position grid):
    they keep their fractional coordinates, and so do the places in `start`. turn : float64 [3, 3], rows of velocities
    and forces times this."""
    cdef md_strain it
    corners, matrices = (before.origin, after.origin), (before.matrix, before.inverse, after.matrix)
    rows = [np.ravel(matrix) for matrix in (*matrices, before.inverse @ after.matrix, turn)]
    for k in range(3):
        it.origin[k], it.corner[k] = corners[0][k], corners[1][k]
    for k in range(9):
        it.matrix[k], it.inverse[k], it.changed[k], it.map[k], it.turn[k] = (row[k] for row in rows)
    it.grid_big = grid_big
    it.periodic = sum(1 << d for d in range(3) if before.periodic[d])
    with nogil:
        K.strain(&atoms.rows, &it)


def normals(uint64_t seed, uint64_t step, uint64_t stream, const int64_t[::1] tags):
    """Standard normal numbers float64 [n, 3] that belong to (seed, step, tag, stream)."""
    cdef int64_t n = tags.shape[0]
    cdef double[:, ::1] out = np.empty((max(n, 1), 3))
    with nogil:
        K.normals(seed, step, stream, &tags[0] if n else NULL, n, &out[0, 0])
    return np.asarray(out)[:n]


def philox_words(uint64_t seed, uint64_t step, uint64_t stream, const int64_t[::1] tags):
    """The raw Philox4x32-10 words uint32 [n, 4] behind `normals`."""
    cdef int64_t n = tags.shape[0]
    cdef uint32_t[:, ::1] out = np.empty((max(n, 1), 4), dtype=np.uint32)
    K.philox_words(seed, step, stream, &tags[0] if n else NULL, n, &out[0, 0])
    return np.asarray(out)[:n]


def philox_below(uint64_t seed, uint64_t step, uint64_t stream, const int64_t[::1] tags, double chance):
    """Which of these tags are hit, each with that chance (0 to 1)? int64, ascending: those whose first word is below it."""
    cdef int64_t n = tags.shape[0], found
    cdef uint64_t limit = int(np.ceil(chance * 2.0**32))
    cdef int64_t[::1] rows = np.empty(max(n, 1), dtype=np.int64)
    with nogil:
        found = K.philox_below(seed, step, stream, &tags[0] if n else NULL, n, limit, &rows[0])
    return np.asarray(rows)[:found]
