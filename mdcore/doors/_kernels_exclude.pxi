# Lists without the pairs that bonds join: door to ext/engine/exclude.c; a part of _kernels.pyx.

def leave_out(AtomRows atoms, VerletList whole, VerletList rest, int64_t[::1] first, int64_t[::1] others,
              double nearest2):
    """`rest` becomes the list `whole` without pairs whose tags are joined and that are nearer than sqrt(nearest2).

    first [n_tags + 1], others [first[-1]] : of each tag the tags that are joined to it, in order; ghosts have their tags
    """
    cdef int64_t n = atoms.rows.n_owned, used
    cdef int32_t[::1] index
    if first[first.shape[0] - 1] != others.shape[0]:
        raise ValueError("others are [first[-1]]")
    used = whole.rows.first[n] + LIST_AHEAD
    if rest.index is None or rest.rows.capacity < used:
        rest._allocate_index(used + used // 16)
    rest.index[:used] = whole.index[:used]
    rest.half, rest.first, rest.rows.first = whole.half, whole.first, whole.rows.first
    rest.rows.n_pairs = whole.rows.n_pairs
    index = rest.index
    if others.shape[0]:
        with nogil:
            K.leave_out(&atoms.rows, &whole.rows, &first[0], &others[0], nearest2, &index[0])
