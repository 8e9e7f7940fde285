# The embedded-atom method: doors to ext/manybody/eam.c; a part of _kernels.pyx.

cdef class EAM:
    """Tables of the embedded-atom method, and its three kernels (ext/manybody/eam.h).

    pairs : float64 [n_species, n_species, n_r, 8]; embedding [n_species, n_rho, 4]; dr, drho : distances of points
    """

    cdef md_eam tables
    cdef md_list near
    cdef object arrays, first, index

    def __init__(self, double[:, :, :, ::1] pairs, double[:, :, ::1] embedding, double dr, double drho, double cutoff):
        n = pairs.shape[0]
        if pairs.shape[1] != n or pairs.shape[2] < 2 or pairs.shape[3] != 8:
            raise ValueError("pairs are [n_species, n_species, n_r, 8]")
        if embedding.shape[0] != n or embedding.shape[1] < 2 or embedding.shape[2] != 4:
            raise ValueError("embedding is [n_species, n_rho, 4]")
        self.arrays = pairs, embedding
        self.tables.n_species, self.tables.n_r, self.tables.n_rho = n, pairs.shape[2], embedding.shape[1]
        self.tables.per_r, self.tables.per_rho = 1.0 / dr, 1.0 / drho
        self.tables.cutoff2, self.tables.most_rho = cutoff * cutoff, drho * (embedding.shape[1] - 1)
        self.tables.pairs, self.tables.embedding = &pairs[0, 0, 0, 0], &embedding[0, 0, 0]

    def density(self, AtomRows atoms, VerletList pairs, double[::1] rho):
        """Add the densities of listed pairs to rho [n_total + 1] of owned atoms and ghosts; `forces` comes after."""
        cdef int64_t n = atoms.rows.n_owned, room = pairs.rows.first[n] + 4 * n + 8
        cdef int64_t[::1] first
        cdef int32_t[::1] index
        self._check(atoms, pairs, rho)
        if self.first is None or self.first.shape[0] < n + 1:
            self.first = first = np.empty(n + n // 8 + 2, dtype=np.int64)
            self.near.first = &first[0]
        if self.index is None or self.near.capacity < room:
            self.index = index = np.empty(room + room // 16, dtype=np.int32)
            self.near.index, self.near.capacity = &index[0], index.shape[0]
        with nogil:
            K.eam_density(&atoms.rows, &pairs.rows, &self.tables, &rho[0], &self.near)

    def embed(self, AtomRows atoms, VerletList pairs, double[::1] rho, double[::1] slope, bint energy,
              int64_t[::1] limbs, double[::1] energies=None):
        """slope of owned atoms from their rho; with `energy` the embedding energies. Returns a bad row, or -1."""
        cdef int64_t row
        self._check(atoms, pairs, rho)
        self._check(atoms, pairs, slope)
        cdef md_shares shares = shares_of(atoms, energies, None)
        cdef const md_shares *each = NULL if energies is None else &shares
        with nogil:
            row = K.eam_embedding(&atoms.rows, &self.tables, &rho[0], &slope[0], &limbs[0] if energy else NULL, each)
        return row

    def forces(self, AtomRows atoms, VerletList pairs, double[::1] slope, bint energy, int64_t[::1] limbs,
               double[::1] energies=None, double[:, ::1] virials=None, double[::1] weights=None):
        """Add forces of the pairs that `density` found near; with `energy` those of pairs. Returns a bad row, or -1.

        weights [n_total + 1] : forces are those of the energies of atoms times these, without `energy`; the slopes are
        multiplied already.
        """
        cdef int64_t row
        self._check(atoms, pairs, slope)
        if self.first is None:
            raise ValueError("densities come before forces")
        cdef const double *by = NULL
        if weights is not None:
            self._check(atoms, pairs, weights)
            if energy:
                raise ValueError("weights are for forces without energies")
            by = &weights[0]
        cdef md_shares shares = shares_of(atoms, energies, virials)
        cdef const md_shares *each = NULL if energies is None else &shares
        with nogil:
            row = K.eam_forces(&atoms.rows, &self.near, &self.tables, &slope[0], by, &limbs[0] if energy else NULL,
                               each)
        return row

    cdef _check(self, AtomRows atoms, VerletList pairs, double[::1] column):
        if column.shape[0] < atoms.rows.n_owned + atoms.rows.n_ghost + 1:
            raise ValueError("columns are [n_owned + n_ghost + 1]")
        if not pairs.half:
            raise ValueError("the embedded-atom method runs over a half list")
