# What does the engine ask beside energies and forces? The members of a committee one by one (ext/networks/committee.c), and, where
# networks of charges are in between, descriptors and the way back from them (ext/networks/charged.c); a part of _hdnnp.pyx.

cdef hd_notes notes_of(Networks networks, int64_t n, int32_t[::1] outside, int32_t[::1] worst, double[::1] excess,
                       double[::1] apart, double[:, ::1] nearest, double[:, ::1] descriptors,
                       double[::1] energy=None) except *:
    """What is told of n atoms, where arrays are given; ValueError for one that is too small."""
    cdef hd_notes notes
    if ((outside is not None and min(outside.shape[0], worst.shape[0], excess.shape[0]) < n)
            or (nearest is not None and (nearest.shape[0] < n or (apart is not None and apart.shape[0] < n)))
            or (descriptors is not None and descriptors.shape[0] < n) or (energy is not None and energy.shape[0] < n)):
        raise ValueError("what is told of atoms has a row for each of n_owned")
    if descriptors is not None and descriptors.shape[1] != networks.n_functions:
        raise ValueError("descriptors are [n_owned, n_functions]")
    if (nearest is None) != (apart is None) or (nearest is not None and nearest.shape[1] != networks.n_elements):
        raise ValueError("nearest is [n_owned, n_elements], with apart [n_owned]")
    notes.virial = notes.energy = notes.excess = notes.apart = notes.nearest = notes.descriptors = NULL
    notes.outside = notes.worst = NULL
    notes.row = networks.n_functions
    if n == 0:
        return notes
    if outside is not None:
        notes.outside, notes.worst, notes.excess = &outside[0], &worst[0], &excess[0]
    if nearest is not None:
        notes.apart, notes.nearest = &apart[0], &nearest[0, 0]
    if descriptors is not None:
        notes.descriptors = &descriptors[0, 0]
    if energy is not None:
        notes.energy = &energy[0]
    return notes


def distances(seen, int64_t n):
    """What training saw of the distances between n elements, as hd_distances has it, float64 [4, n, n]; of None, all."""
    if seen is None:
        seen = np.ones((4, n, n)) * np.array([-np.inf, np.inf, 1.0, 1.0])[:, None, None]
    seen = np.array(seen, dtype=np.float64)
    if seen.shape != (4, n, n) or np.isnan(seen).any():
        raise ValueError("low, high, per_below, per_above of distances are [n_elements, n_elements] each")
    return seen


cdef void distances_of(hd_distances *to, uintptr_t seen, int64_t n, int64_t e) noexcept:
    """Those around element e."""
    cdef const double *at = <const double *>seen + n * e
    to.low, to.high, to.per_below, to.per_above = at, at + n * n, at + 2 * n * n, at + 3 * n * n


def deviations(Networks networks, double[:, ::1] x, int64_t[::1] first, int32_t[::1] index, int32_t[:, ::1] bounds,
               int32_t[::1] species_of, int32_t[::1] element_of, units, int64_t n_total, int64_t threads=1):
    """How the forces of each member of a committee differ from the mean, and the energies of the members.

    Arguments as of `Networks.energy_forces`. Returns (deviations float64 [n_members - 1, n_total, 4], on owned atoms
    and ghosts, whose last column is zero; limbs int64 [n_members, 3] of the energies). The deviations of all members
    add up to zero: the last one's is minus the sum of the others.
    """
    cdef int64_t n = first.shape[0] - 1, members = networks.n_members
    cdef hd_atoms atoms = networks._atoms(x, first, index, bounds, species_of, element_of, n_total)
    cdef const hd_kernels *k = kernels()
    cdef int64_t[:, ::1] limbs = np.zeros((members, 3), dtype=np.int64)
    cdef hd_units u
    u.per_length, u.energy, u.gradient, u.cutoff = units
    if members < 2 or networks.n_more:
        raise ValueError("a committee has two members at least, which see descriptors alone")
    threads = networks._workers(first, threads)
    cdef double[:, :, :, ::1] f = np.zeros((threads, members - 1, n_total, 4))
    if n:
        with nogil:
            k.deviations(networks.elements, networks.n_elements, &u, &atoms, n, n_total, threads, networks.scratch,
                         &f[0, 0, 0, 0], &limbs[0, 0])
    return np.asarray(f)[0], np.asarray(limbs)


def descriptors_of(Networks networks, double[:, ::1] x, int64_t[::1] first, int32_t[::1] index, int32_t[:, ::1] bounds,
                   int32_t[::1] species_of, int32_t[::1] element_of, units, double[:, ::1] g, int64_t n_total,
                   int64_t threads=1, int32_t[::1] outside=None, int32_t[::1] worst=None, double[::1] excess=None,
                   double[::1] apart=None, double[:, ::1] nearest=None):
    """g float64 [>= n_owned, n_functions] become the descriptors of owned atoms, zeros behind them.

    Arguments as of `Networks.energy_forces`; outside, worst and excess all or none, apart and nearest both or none.
    """
    cdef int64_t n = first.shape[0] - 1
    cdef hd_atoms atoms = networks._atoms(x, first, index, bounds, species_of, element_of, n_total)
    cdef const hd_kernels *k = kernels()
    cdef hd_units u
    cdef hd_notes notes = notes_of(networks, n, outside, worst, excess, apart, nearest, g)
    u.per_length, u.energy, u.gradient, u.cutoff = units
    threads = networks._workers(first, threads)
    if n == 0:
        return
    with nogil:
        k.descriptors_of(networks.elements, networks.n_elements, &u, &atoms, n, threads, networks.scratch, &notes)


def answers_of(Networks networks, double[:, ::1] x, int32_t[::1] element_of, const double[:, ::1] g,
               const double[::1] more=None, int64_t threads=1):
    """What the networks, one an element, say of owned atoms, native units: (values [n], factor * E_NN + offset; their
    slopes over g float64 [n, n_functions]; and over `more` [n], or None).

    x : [>= n, 4], of which the species count; g : [n, n_functions], descriptors; more : [n], the number that the networks
    see beside them, if they do
    """
    cdef int64_t n = g.shape[0], row = networks.n_functions
    cdef const hd_kernels *k = kernels()
    cdef hd_atoms atoms
    cdef hd_answers to
    if x.shape[1] != 4 or x.shape[0] < n or g.shape[1] != row or (more is None) == bool(networks.n_more):
        raise ValueError("x is [>= n, 4], g [n, n_functions], and more is there where networks see it")
    if networks.n_members != 1 or (more is not None and more.shape[0] < n):
        raise ValueError("one member; more is [n]")
    cdef double[::1] values = np.empty(n), of_more = np.empty(0 if more is None else n)
    cdef double[:, ::1] slopes = np.empty((n, row))
    if n:
        threads = networks._workers(np.zeros(n + 1, dtype=np.int64), threads)
        atoms.x, atoms.element_of = &x[0, 0], &element_of[0]
        to.g, to.row, to.values, to.slopes = &g[0, 0], row, &values[0], &slopes[0, 0]
        to.more, to.of_more = NULL, NULL
        if more is not None:
            to.more, to.of_more = &more[0], &of_more[0]
        with nogil:
            k.answers_of(networks.elements, &atoms, n, threads, networks.scratch, &to)
    return np.asarray(values), np.asarray(slopes), None if more is None else np.asarray(of_more)


def pull(Networks networks, double[:, ::1] x, double[:, ::1] f, int64_t[::1] first, int32_t[::1] index,
         int32_t[:, ::1] bounds, int32_t[::1] species_of, int32_t[::1] element_of, units, const double[:, ::1] slopes,
         int64_t n_total, int64_t threads=1):
    """Add the forces of slopes = dE/dG float64 [>= n_owned, n_functions], native, to f; arguments as of
    `Networks.energy_forces`."""
    cdef int64_t n = first.shape[0] - 1
    cdef hd_atoms atoms = networks._atoms(x, first, index, bounds, species_of, element_of, n_total)
    cdef const hd_kernels *k = kernels()
    cdef hd_units u
    u.per_length, u.energy, u.gradient, u.cutoff = units
    if f.shape[1] != 4 or f.shape[0] != x.shape[0] or slopes.shape[0] < n or slopes.shape[1] != networks.n_functions:
        raise ValueError("f is as x, slopes are [n_owned, n_functions]")
    threads = networks._workers(first, threads)
    cdef int64_t room = 4 * n_total * (threads - 1)
    if networks.spare.shape[0] < room:
        networks.spare = np.zeros(room + room // 8)
    cdef double *spare = &networks.spare[0] if room else NULL
    if n == 0:
        return
    atoms.f = &f[0, 0]
    with nogil:
        k.pull(networks.elements, networks.n_elements, &u, &atoms, n, n_total, threads, networks.scratch, spare,
               &slopes[0, 0], slopes.shape[1])
