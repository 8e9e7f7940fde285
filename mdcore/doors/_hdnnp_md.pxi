# What does the engine ask beside energies and forces? The members of a committee one by one (ext/networks/committee.c); a part of
# _hdnnp.pyx.

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
    if members < 2:
        raise ValueError("a committee has two members at least")
    threads = networks._workers(first, threads)
    cdef double[:, :, :, ::1] f = np.zeros((threads, members - 1, n_total, 4))
    if n:
        with nogil:
            k.deviations(networks.elements, networks.n_elements, &u, &atoms, n, n_total, threads, networks.scratch,
                         &f[0, 0, 0, 0], &limbs[0, 0])
    return np.asarray(f)[0], np.asarray(limbs)
