# Dispersion after Grimme (D3): doors to ext/dispersion/; a part of _kernels.pyx.

cdef class D3Kernels:
    """Tables of dispersion, and its kernels (ext/dispersion/dispersion.h).

    covalent : float64 [n_species]; reference [n_species, refs]; pairs [n_species, n_species, D3_COLUMNS];
    factors [n_species, n_species, refs, refs]; signs [n_species, n_species, refs]; radii2 [n_species, n_species];
    refs : 4 or 8; numbers : {name: float}, the other members of md_d3

    numbers, pulls : float64 [n_total + 1]; weights [n_total + 1, 2 refs]; projected [n_total + 1, n_species, 2 refs];
    rows [n_total + 1, 4], forces and pulls; energies [n_total + 1] or None. Lists are half lists.
    """

    cdef md_d3 it
    cdef md_d3_room room
    cdef object tables, arrays

    def __init__(self, double[::1] covalent, double[:, ::1] reference, double[:, :, ::1] pairs,
                 double[:, :, :, ::1] factors, double[:, :, ::1] signs, double[:, ::1] radii2, dict numbers):
        cdef int64_t n = covalent.shape[0], refs = reference.shape[1]
        cdef double[::1] own = np.empty(2 * refs * n)
        if refs not in (4, 8) or reference.shape[0] != n:
            raise ValueError("reference is [n_species, 4 or 8]")
        if not pairs.shape[0] == pairs.shape[1] == n or pairs.shape[2] != D3_COLUMNS:
            raise ValueError(f"pairs are [n_species, n_species, {D3_COLUMNS}]")
        if not factors.shape[0] == factors.shape[1] == n or not factors.shape[2] == factors.shape[3] == refs:
            raise ValueError("factors are [n_species, n_species, refs, refs]")
        if not signs.shape[0] == signs.shape[1] == n or signs.shape[2] != refs:
            raise ValueError("signs are [n_species, n_species, refs]")
        if not radii2.shape[0] == radii2.shape[1] == n:
            raise ValueError("radii2 are [n_species, n_species]")
        self.tables = covalent, reference, pairs, factors, signs, radii2, own
        self.it.n_species, self.it.refs = n, refs
        self.it.s6, self.it.alpha = numbers["s6"], numbers["alpha"]
        self.it.zero, self.it.half_alpha = bool(numbers["zero"]), numbers["half_alpha"]
        self.it.cutoff, self.it.number_cutoff = numbers["cutoff"], numbers["number_cutoff"]
        self.it.triple_cutoff, self.it.width = numbers["triple_cutoff"], numbers["width"]
        self.it.steepness, self.it.s9, self.it.beta = numbers["steepness"], numbers["s9"], numbers["beta"]
        self.it.covalent, self.it.reference, self.it.pairs = &covalent[0], &reference[0, 0], &pairs[0, 0, 0]
        self.it.factors, self.it.signs, self.it.radii2 = &factors[0, 0, 0, 0], &signs[0, 0, 0], &radii2[0, 0]
        self.room.own = &own[0]

    def numbers(self, AtomRows atoms, VerletList near, double[::1] numbers):
        """What the listed pairs add to the numbers of neighbours of owned atoms and ghosts."""
        self._check(atoms, near, numbers)
        with nogil:
            K.d3_numbers(&atoms.rows, &near.rows, &self.it, &numbers[0])

    def weights(self, AtomRows atoms, double[::1] numbers, double[:, ::1] weights):
        """weights of owned atoms from their numbers."""
        self._check_weights(atoms, weights)
        if numbers.shape[0] < weights.shape[0]:
            raise ValueError("columns are [n_total + 1]")
        with nogil:
            K.d3_weights(&atoms.rows, &self.it, &numbers[0], &weights[0, 0])

    def project(self, AtomRows atoms, double[:, ::1] weights, double[:, :, ::1] projected):
        """Weights of owned atoms, ghosts and the padding row, projected for partners of each species."""
        self._check_weights(atoms, weights)
        self._check_projected(atoms, projected)
        with nogil:
            K.d3_project(&atoms.rows, &self.it, &weights[0, 0], &projected[0, 0, 0])

    def pairs(self, AtomRows atoms, VerletList near, double[:, :, ::1] projected, double[:, ::1] rows,
              double[::1] energies=None):
        """Add forces, pulls and energies of listed pairs."""
        cdef md_d3_sums sums = self._sums(atoms, near, rows, energies)
        self._check_projected(atoms, projected)
        with nogil:
            K.d3_pairs(&atoms.rows, &near.rows, &self.it, &projected[0, 0, 0], &self.room, &sums)

    def triples(self, AtomRows atoms, VerletList near, double[:, :, ::1] projected, double[:, ::1] rows,
                double[::1] energies=None):
        """Add forces, pulls and energies of triples of listed pairs."""
        cdef md_d3_sums sums = self._sums(atoms, near, rows, energies)
        self._check_projected(atoms, projected)
        self._prepare(atoms, near)
        with nogil:
            K.d3_triples(&atoms.rows, &near.rows, &self.it, &projected[0, 0, 0], &self.room, &sums)

    def number_forces(self, AtomRows atoms, VerletList near, double[::1] pulls, double[:, ::1] rows):
        """Add the forces that pulls on both atoms of a pair make."""
        self._sums(atoms, near, rows, None)
        self._check(atoms, near, pulls)
        with nogil:
            K.d3_number_forces(&atoms.rows, &near.rows, &self.it, &pulls[0], &rows[0, 0])

    cdef md_d3_sums _sums(self, AtomRows atoms, VerletList near, double[:, ::1] rows, double[::1] energies) except *:
        cdef md_d3_sums sums
        sums.energy = NULL
        self._check(atoms, near, energies)
        if rows.shape[0] < atoms.rows.n_owned + atoms.rows.n_ghost + 1 or rows.shape[1] != 4:
            raise ValueError("rows are [n_total + 1, 4]")
        sums.rows = &rows[0, 0]
        if energies is not None:
            sums.energy = &energies[0]
        return sums

    cdef _check(self, AtomRows atoms, VerletList near, double[::1] column):
        if column is not None and column.shape[0] < atoms.rows.n_owned + atoms.rows.n_ghost + 1:
            raise ValueError("columns are [n_total + 1]")
        if not near.half:
            raise ValueError("dispersion runs over half lists")

    cdef _check_weights(self, AtomRows atoms, double[:, ::1] weights):
        if weights.shape[0] < atoms.rows.n_owned + atoms.rows.n_ghost + 1 or weights.shape[1] != 2 * self.it.refs:
            raise ValueError(f"weights are [n_total + 1, {2 * self.it.refs}]")

    cdef _check_projected(self, AtomRows atoms, double[:, :, ::1] projected):
        cdef int64_t n = self.it.n_species, width = 2 * self.it.refs
        if projected.shape[0] < atoms.rows.n_owned + atoms.rows.n_ghost + 1 or projected.shape[1] != n or \
                projected.shape[2] != width:
            raise ValueError(f"projected are [n_total + 1, {n}, {width}]")

    cdef _prepare(self, AtomRows atoms, VerletList near):
        """Room for the triples of the atom whose row of the list is longest."""
        cdef int64_t i, longest = 0, n = atoms.rows.n_owned, kinds = self.it.n_species
        for i in range(n):
            longest = max(longest, near.rows.first[i + 1] - near.rows.first[i])
        cdef int64_t pitch = (longest + 4 * kinds + 7) // 4 * 4
        cdef int64_t[:, ::1] ends = np.empty((2, kinds + 1), dtype=np.int64)
        cdef int32_t[:, ::1] lines = np.empty((2, pitch), dtype=np.int32)
        cdef double[:, ::1] slots = np.empty((D3_SLOT_COLUMNS + 2 * self.it.refs, pitch))
        self.arrays = ends, lines, slots
        self.room.first, self.room.next = &ends[0, 0], &ends[1, 0]
        self.room.near, self.room.rows = &lines[0, 0], &lines[1, 0]
        self.room.slots, self.room.pitch = &slots[0, 0], pitch
