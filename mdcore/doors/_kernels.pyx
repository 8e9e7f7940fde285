# cython: language_level=3, boundscheck=False, wraparound=False, initializedcheck=False, cdivision=True
# cython: freethreading_compatible=True
"""Where does Python meet the C kernels?  Here, and nowhere else.

Arrays are checked when they are bound; after that a call costs one pointer.
"""

import os

from libc.stdint cimport int32_t, int64_t, uint32_t, uint8_t, uint64_t

import numpy as np

from mdcore.base.errors import InputError, SimulationError

cdef const md_kernels *K = NULL


def cpu_levels():
    """Names of the kernel sets this CPU can run, best first."""
    cdef const char *const *level = md_levels()
    names = []
    while level[0] != NULL:
        names.append(level[0].decode())
        level += 1
    return names


def select_cpu(wanted=None):
    """Choose the kernel set by name (None: the best); returns its name. InputError if it cannot run here."""
    global K
    cdef const md_kernels *found
    if wanted is None:
        found = md_select(NULL)
    else:
        name = wanted.encode()
        found = md_select(name)
    if found == NULL:
        raise InputError(
            f"MDCORE_CPU = {wanted!r}: this CPU has no such kernels; use one of {', '.join(cpu_levels())}"
        )
    K = found
    return K.name.decode()


def cpu_name():
    """Name of the kernel set in use: baseline, avx2 or avx512."""
    return K.name.decode()


select_cpu(os.environ.get("MDCORE_CPU") or None)


cdef class AtomRows:
    """The atoms as kernels see them: rows of four doubles, owned first, ghosts after, one spare row.

    bind(x, v, f, start, masses, tags) checks the arrays and keeps them; `n_owned` and `n_ghost` say how
    many rows count.
    """

    cdef md_atoms rows
    cdef md_columns columns
    cdef object arrays, records

    def bind(self, double[:, ::1] x, double[:, ::1] v, double[:, ::1] f, double[:, ::1] start,
             double[::1] masses, int64_t[::1] tags):
        arrays = [x, v, f, start, masses, tags]
        if len({len(array) for array in arrays}) != 1 or x.shape[0] < 1:
            raise ValueError("columns differ in length")
        if not x.shape[1] == v.shape[1] == f.shape[1] == start.shape[1] == 4:
            raise ValueError("positions, velocities, forces and start are [capacity, 4]")
        self.arrays = arrays
        self.rows.x, self.rows.v, self.rows.f = &x[0, 0], &v[0, 0], &f[0, 0]
        self.rows.start, self.rows.masses = &start[0, 0], &masses[0]
        self.rows.tags = &tags[0]

    @property
    def n_owned(self):
        return self.rows.n_owned

    @n_owned.setter
    def n_owned(self, int64_t n):
        self._check_room(n, self.rows.n_ghost)
        self.rows.n_owned = n

    @property
    def n_ghost(self):
        return self.rows.n_ghost

    @n_ghost.setter
    def n_ghost(self, int64_t n):
        self._check_room(self.rows.n_owned, n)
        self.rows.n_ghost = n

    def bind_records(self, columns):
        """What goes with an atom to its new owner: columns uint8 [capacity, width], side by side a record."""
        cdef unsigned char[:, ::1] column
        if len(columns) > MD_COLUMNS:
            raise ValueError(f"at most {MD_COLUMNS} columns go with an atom")
        self.columns.record = 0
        for k, column in enumerate(columns):
            if column.shape[0] != self.arrays[0].shape[0]:
                raise ValueError("columns differ in length")
            self.columns.data[k], self.columns.width[k] = <char *>&column[0, 0], column.shape[1]
            self.columns.record += column.shape[1]
        self.columns.n = len(columns)
        self.records = list(columns)

    def pack(self, const int32_t[::1] rows):
        """Records uint8 [n, record] of the owned atoms `rows` (ascending)."""
        cdef int64_t n = self._owned_rows(rows)
        cdef unsigned char[:, ::1] out = np.empty((n, self.columns.record), dtype=np.uint8)
        if n:
            K.pack_records(&self.columns, &rows[0], n, <char *>&out[0, 0])
        return np.asarray(out)

    def remove(self, const int32_t[::1] rows):
        """Forget the owned atoms `rows` (ascending; no ghosts may be held); the last atoms move into the gaps."""
        cdef int64_t n = self._owned_rows(rows)
        if n:
            K.remove_records(&self.columns, &rows[0], n, self.rows.n_owned)
            self.rows.n_owned -= n

    def unpack(self, const unsigned char[:, ::1] records):
        """Records become owned atoms (no ghosts may be held; there must be room)."""
        cdef int64_t n = records.shape[0], owned = self.rows.n_owned
        if records.shape[1] != self.columns.record:
            raise ValueError("these are other atoms' records")
        self._check_room(owned + n, 0)
        if n:
            K.unpack_records(&self.columns, owned, <const char *>&records[0, 0], n)
            self.rows.n_owned += n

    cdef int64_t _owned_rows(self, const int32_t[::1] rows) except -1:
        cdef int64_t n = rows.shape[0]
        if n and (rows[0] < 0 or rows[n - 1] >= self.rows.n_owned):
            raise ValueError("rows out of range")
        return n

    cdef _check_room(self, int64_t owned, int64_t ghost):
        if self.arrays is None or owned < 0 or ghost < 0 or owned + ghost + 1 > self.arrays[0].shape[0]:
            raise ValueError("more atoms than the bound arrays have room for")


cdef class VerletList:
    """Who is near whom: rows of neighbours of the owned atoms.

    After `build(atoms, cutoff, half)`: `n_pairs` listed neighbours; `arrays()` gives (first [n_owned + 1],
    index) with each row padded to a multiple of four by the index of the padding row.
    """

    cdef md_list rows
    cdef md_bins bins
    cdef object first, index, columns
    cdef readonly bint half

    def __init__(self):
        self.rows.capacity = self.bins.capacity = 0
        self.rows.n_pairs = 0

    def build(self, AtomRows atoms, double cutoff, bint half=True):
        """List pairs within `cutoff` of each owned atom. SimulationError if two atoms coincide."""
        cdef int64_t n = atoms.rows.n_owned, total = n + atoms.rows.n_ghost, needed = 0
        cdef int64_t[::1] first
        cdef int status
        self.half = half
        if self.columns is None or total > self.bins.capacity:  # also for a rank without any atoms
            self._allocate_bins(total + total // 8 + 16)
        if self.first is None or self.first.shape[0] < n + 1:
            self.first = np.empty(n + n // 8 + 2, dtype=np.int64)
            first = self.first
            self.rows.first = &first[0]
        if self.index is None:
            self._allocate_index(64 * n + 1024 if n < 4096 else 48 * n)
        while True:
            with nogil:
                status = K.verlet_list(&atoms.rows, cutoff, half, &self.bins, &self.rows, &needed)
            if status != MD_FULL:
                break
            self._allocate_index(max(needed, self.rows.capacity + self.rows.capacity // 16))
        if status == MD_OVERLAP:
            raise SimulationError(
                f"atom {atoms.rows.tags[needed]} (counting from 0) sits exactly on another atom; "
                "remove the duplicate or move one of them"
            )

    def sort_rows(self, AtomRows atoms, int64_t n_species):
        """Bring the rows of a full list into canonical order (species, tag, displacement); ghosts have their tags.

        Returns bounds int32 [n_owned, n_species + 1]: where in its row each species begins.
        """
        cdef int64_t n = atoms.rows.n_owned, total = n + atoms.rows.n_ghost
        cdef int32_t[:, ::1] bounds = np.zeros((max(n, 1), n_species + 1), dtype=np.int32)
        cdef int64_t[::1] work
        if self.half:
            raise ValueError("only full lists have a canonical order")
        if n:
            longest = int(np.diff(self.first[: n + 1]).max())
            work = np.empty(3 * total + longest + 8, dtype=np.int64)
            with nogil:
                K.canonical_order(&atoms.rows, n_species, &self.rows, &bounds[0, 0], &work[0])
        return np.asarray(bounds)[:n]

    def is_stale(self, AtomRows atoms, double cutoff, double skin, double farthest):
        """May an unlisted pair have come within `cutoff`? Of a list built for cutoff + skin, ghosts up to date.

        farthest : bound on how far atoms have moved since, less than the skin
        """
        cdef int found
        with nogil:
            found = K.list_is_stale(&atoms.rows, &self.bins, cutoff, skin, farthest)
        return bool(found)

    cdef _allocate_bins(self, int64_t n):
        # pages that are never touched cost nothing, so the near and above columns may be this long
        cdef double[:, ::1] columns = np.zeros((6, n + 8))
        cdef float[:, ::1] floats = np.zeros((3, n + 8), dtype=np.float32)
        cdef int32_t[:, ::1] rows = np.zeros((3, n + 8), dtype=np.int32)
        cdef int32_t[::1] bin = np.empty(n, dtype=np.int32)
        cdef int32_t[::1] start = np.empty(BINS_PER_ATOM * n + BINS_FLOOR + 2, dtype=np.int32)
        self.columns = [columns, floats, rows, bin, start]
        self.bins.x, self.bins.y, self.bins.z = &columns[0, 0], &columns[1, 0], &columns[2, 0]
        self.bins.near_x, self.bins.near_y, self.bins.near_z = &columns[3, 0], &columns[4, 0], &columns[5, 0]
        self.bins.above_x, self.bins.above_y, self.bins.above_z = &floats[0, 0], &floats[1, 0], &floats[2, 0]
        self.bins.atom, self.bins.near, self.bins.above = &rows[0, 0], &rows[1, 0], &rows[2, 0]
        self.bins.bin, self.bins.start = &bin[0], &start[0]
        self.bins.capacity = n

    cdef _allocate_index(self, int64_t n):
        cdef int32_t[::1] index
        self.index = None  # the old one goes first: at 4 million atoms it is the largest array
        self.index = np.empty(n, dtype=np.int32)
        index = self.index
        self.rows.index = &index[0]
        self.rows.capacity = n

    @property
    def n_pairs(self):
        return self.rows.n_pairs

    def arrays(self, AtomRows atoms):
        """(first int64 [n_owned + 1], index int32 [first[-1]]): views, valid until the next build."""
        cdef int64_t n = atoms.rows.n_owned
        return self.first[: n + 1], self.index[: self.rows.first[n]]


cdef class SpatialOrder:
    """Near in space, near in memory: an order of the owned atoms. Keeps its memory from call to call."""

    cdef int64_t[::1] _order, _work

    def __call__(self, AtomRows atoms, double size):
        """Order [n_owned] of the owned atoms along bins of edge `size`; a view, valid until the next call."""
        cdef int64_t n = atoms.rows.n_owned
        if self._order is None or self._order.shape[0] < n + 1:
            self._order = np.empty(n + n // 8 + 1, dtype=np.int64)
            self._work = np.empty(2 * self._order.shape[0] + BINS_FLOOR + 2, dtype=np.int64)
        with nogil:
            K.spatial_order(&atoms.rows, size, &self._order[0], &self._work[0])
        return np.asarray(self._order)[:n]


cdef md_shares shares_of(AtomRows atoms, double[::1] energies, double[:, ::1] virials) except *:
    """What kernels fill in for each atom: energies [n_total + 1] or None, virials [n_total + 1, 9] or None."""
    cdef md_shares shares
    cdef int64_t rows = atoms.rows.n_owned + atoms.rows.n_ghost + 1
    shares.energy = shares.virial = NULL
    if energies is not None:
        if energies.shape[0] < rows:
            raise ValueError("energies of atoms are [n_owned + n_ghost + 1]")
        shares.energy = &energies[0]
    if virials is not None:
        if energies is None or virials.shape[0] < rows or virials.shape[1] != 9:
            raise ValueError("virials of atoms are [n_owned + n_ghost + 1, 9], beside energies")
        shares.virial = &virials[0, 0]
    return shares


def kinetic_sums(AtomRows atoms):
    """Limbs int64 [9, 3] of the sums of m v v (xx, yy, zz, yz, xz, xy) and m v (x, y, z)."""
    cdef int64_t[:, ::1] limbs = np.empty((9, 3), dtype=np.int64)
    K.kinetic_sums(&atoms.rows, &limbs[0, 0])
    return np.asarray(limbs)


def virial_sums(AtomRows atoms, double positions_per_unit):
    """Limbs int64 [6, 3] of the sum of x (x) F over owned atoms and ghosts (xx, yy, zz, yz, xz, xy)."""
    cdef int64_t[:, ::1] limbs = np.empty((6, 3), dtype=np.int64)
    K.virial_sums(&atoms.rows, positions_per_unit, &limbs[0, 0])
    return np.asarray(limbs)


include "_kernels_motion.pxi"
include "_kernels_halo.pxi"
include "_kernels_pair.pxi"
include "_kernels_eam.pxi"
include "_kernels_threebody.pxi"
include "_kernels_exclude.pxi"
include "_kernels_waves.pxi"
include "_kernels_gaussians.pxi"
