# Potentials of pairs: door to ext/pair/; a part of _kernels.pyx.

cdef const md_pair_entry *pair_entry(name) except NULL:
    cdef const md_pair_entry *entry = K.pairs
    cdef bytes wanted = name.encode()
    while entry.name != NULL:
        if entry.name == wanted:
            return entry
        entry += 1
    raise ValueError(f"no pair kernel is called {name!r}")


def pair_columns(name):
    """Columns of a row in the table of a pair kernel (ext/pair/list.h)."""
    return pair_entry(name).columns


def pair(name, AtomRows atoms, VerletList pairs, double[:, ::1] rows, int64_t n_species, double farthest2, bint energy,
         bint linear, int64_t[::1] limbs, double[::1] energies=None, double[:, ::1] virials=None,
         double[:, ::1] more=None, double[::1] scale=None, double[::1] weights=None, int64_t begin=0,
         int64_t end=-1):
    """Add the forces of a pair potential; with `energy` also energy (limbs [3]), energies [n + 1], virials [n + 1, 9].

    rows [n_species^2, columns], more : the tables of the formula; farthest2 : squared cutoff; linear : force-shifted;
    scale [n + 1] : of each atom, for formulas that are scaled; weights [n + 1] : forces are those of the energies of
    atoms times these, each of which has half of its pairs; without `energy`; begin, end : pairs of these rows of owned
    atoms alone (-1: all).
    Returns the row of an atom with an impossibly close neighbour (with energy), or -1.
    """
    cdef const md_pair_entry *entry = pair_entry(name)
    cdef md_pair_table table
    cdef int64_t row
    cdef int64_t every = atoms.rows.n_owned + atoms.rows.n_ghost + 1
    cdef int variant = (PAIR_ENERGY if energy else 0) | (PAIR_LINEAR if linear else 0)
    variant |= PAIR_MANY if n_species > 1 else 0
    if weights is not None:
        if energy or weights.shape[0] < every:
            raise ValueError("weights are [n_owned + n_ghost + 1], where no energy is wanted")
        variant = PAIR_MANY | PAIR_LINEAR | PAIR_WEIGHED
    if rows.shape[0] != n_species * n_species or rows.shape[1] != entry.columns or limbs.shape[0] != 3:
        raise ValueError(f"rows are [n_species^2, {entry.columns}], limbs [3]")
    if not pairs.half:
        raise ValueError("pair potentials run over a half list")
    table.rows, table.n_species, table.farthest2 = &rows[0, 0], n_species, farthest2
    table.more = NULL if more is None else &more[0, 0]
    if entry.scaled != (scale is not None) or (entry.scaled and scale.shape[0] < every):
        raise ValueError("scale is [n_owned + n_ghost + 1], of formulas that have it")
    table.scale = NULL if scale is None else &scale[0]
    table.weights = NULL if weights is None else &weights[0]
    table.begin, table.end = begin, atoms.rows.n_owned if end < 0 else end
    if not 0 <= table.begin <= table.end <= atoms.rows.n_owned:
        raise ValueError("begin to end are rows of owned atoms")
    cdef md_shares shares = shares_of(atoms, energies, virials)
    cdef const md_shares *each = &shares if energy and energies is not None else NULL
    with nogil:
        row = entry.kernel(&atoms.rows, &pairs.rows, &table, variant, &limbs[0], each)
    return row
