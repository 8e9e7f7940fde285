# Potentials of three bodies: doors to ext/manybody/stillinger_weber.c and tersoff.c; a part of _kernels.pyx.

cdef class ThreeBody:
    """Room for four atoms and their neighbours (ext/manybody/threebody.h)."""

    cdef md_room room
    cdef int64_t n_species
    cdef object tables, arrays

    cdef _prepare(self, AtomRows atoms, VerletList pairs, int64_t[::1] limbs):
        """Checks, and room for the longest row of the list."""
        cdef int64_t i, longest = 0, n = atoms.rows.n_owned
        cdef const int64_t *first = pairs.rows.first
        if pairs.half:
            raise ValueError("potentials of three bodies run over a full list")
        if limbs.shape[0] != 3:
            raise ValueError("limbs are [3]")
        for i in range(n):
            longest = max(longest, first[i + 1] - first[i])
        if self.arrays is None or longest > self.room.longest:
            self._allocate(longest + 16)

    cdef _weigh(self, AtomRows atoms, const double[::1] weights):
        """By which the next call multiplies forces of each atom's energy; None: it does not."""
        if weights is not None and weights.shape[0] != atoms.rows.n_owned:
            raise ValueError("weights are [n_owned]")
        self.room.weights = &weights[0] if weights is not None and weights.shape[0] else NULL

    cdef _keep(self, double[:, :, ::1] pairs, double[:, :, :, ::1] triples, int64_t columns, int64_t triple_columns):
        """The tables stay where they are."""
        n = pairs.shape[0]
        if pairs.shape[1] != n or pairs.shape[2] != columns:
            raise ValueError(f"pairs are [n_species, n_species, {columns}]")
        if not triples.shape[0] == triples.shape[1] == triples.shape[2] == n or triples.shape[3] != triple_columns:
            raise ValueError(f"triples are [n_species, n_species, n_species, {triple_columns}]")
        self.tables = pairs, triples
        self.n_species = n

    cdef _allocate(self, int64_t longest):
        cdef int32_t[::1] near = np.empty(4 * (longest + 4), dtype=np.int32)
        cdef int64_t[::1] first = np.empty(self.n_species + 1, dtype=np.int64)
        cdef size_t slots = min(4, self.n_species) * longest * sizeof(md_slot)
        cdef size_t species = self.n_species * ROOM_SPECIES * 32
        cdef char[::1] block = np.empty(slots + species + 64, dtype=np.int8)
        cdef size_t begin = <size_t>&block[0]
        begin += -begin & 63  # vectors are aligned
        self.room.longest, self.room.near, self.room.first = longest, &near[0], &first[0]
        self.room.slots, self.room.species = <md_slot *>begin, <void *>(begin + slots)
        self.arrays = near, first, block


cdef class StillingerWeber(ThreeBody):
    """Stillinger-Weber: tables and kernel (ext/manybody/threebody.h).

    pairs : float64 [n_species, n_species, SW_COLUMNS]; triples [n_species, n_species, n_species, SW_TRIPLE_COLUMNS]
    p, q : powers of all pairs, if these are whole numbers, or -1
    """

    cdef md_sw it

    def __init__(self, double[:, :, ::1] pairs, double[:, :, :, ::1] triples, double cutoff, int p, int q):
        self._keep(pairs, triples, SW_COLUMNS, SW_TRIPLE_COLUMNS)
        self.it.n_species, self.it.farthest2, self.it.p, self.it.q = self.n_species, cutoff * cutoff, p, q
        self.it.pairs, self.it.triples = &pairs[0, 0, 0], &triples[0, 0, 0, 0]

    def compute(self, AtomRows atoms, VerletList pairs, bint energy, int64_t[::1] limbs, double[::1] energies=None,
                double[:, ::1] virials=None, const double[::1] weights=None):
        """Add forces, those of each owned atom's energy times its weight [n_owned]; with `energy` energies, which are not
        weighted (limbs [3], of atoms [n_total + 1]), and virials [n_total + 1, 9]. Returns a bad row, or -1."""
        cdef int64_t row
        self._prepare(atoms, pairs, limbs)
        self._weigh(atoms, weights)
        cdef md_shares shares = shares_of(atoms, energies, virials)
        cdef const md_shares *each = NULL if energies is None else &shares
        with nogil:
            row = K.stillinger_weber(&atoms.rows, &pairs.rows, &self.it, &self.room, &limbs[0] if energy else NULL, each)
        return row


cdef class Tersoff(ThreeBody):
    """Tersoff: tables and kernel (ext/manybody/threebody.h).

    pairs : float64 [n_species, n_species, TS_COLUMNS]; triples [n_species, n_species, n_species, TS_TRIPLE_COLUMNS]
    exponential : EX and EX3 are not all 0
    """

    cdef md_tersoff it

    def __init__(self, double[:, :, ::1] pairs, double[:, :, :, ::1] triples, double cutoff, bint exponential):
        self._keep(pairs, triples, TS_COLUMNS, TS_TRIPLE_COLUMNS)
        self.it.n_species, self.it.farthest2, self.it.exponential = self.n_species, cutoff * cutoff, exponential
        self.it.pairs, self.it.triples = &pairs[0, 0, 0], &triples[0, 0, 0, 0]

    def compute(self, AtomRows atoms, VerletList pairs, bint energy, int64_t[::1] limbs, double[::1] energies=None,
                double[:, ::1] virials=None, const double[::1] weights=None):
        """Add forces, those of each owned atom's energy times its weight [n_owned]; with `energy` energies, which are not
        weighted (limbs [3], of atoms [n_total + 1]), and virials [n_total + 1, 9]. Returns a bad row, or -1."""
        cdef int64_t row
        self._prepare(atoms, pairs, limbs)
        self._weigh(atoms, weights)
        cdef md_shares shares = shares_of(atoms, energies, virials)
        cdef const md_shares *each = NULL if energies is None else &shares
        with nogil:
            row = K.tersoff(&atoms.rows, &pairs.rows, &self.it, &self.room, &limbs[0] if energy else NULL, each)
        return row
