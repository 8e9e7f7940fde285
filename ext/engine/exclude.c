/* Pairs that are left out of a list, because bonds join their atoms. */
#include "kernels.h"

/* first, others: of each tag the tags that are left out, in order, others[first[tag]] ... An entry of a list, index, that is
 * one of them and not farther than sqrt(nearest2) (the image that is meant) becomes the padding row. tags: of ghosts, too. */
static void leave_out(const md_atoms *atoms, const md_list *list, const int64_t *first, const int64_t *others,
                      double nearest2, int32_t *index)
{
    const int32_t padding = (int32_t)(atoms->n_owned + atoms->n_ghost);
    for (int64_t i = 0; i < atoms->n_owned; i++) {
        const int64_t begin = first[atoms->tags[i]], end = first[atoms->tags[i] + 1];
        if (begin == end)
            continue;
        const int64_t least = others[begin], most = others[end - 1];
        const double *xi = atoms->x + 4 * i;
        for (int64_t k = list->first[i]; k < list->first[i + 1]; k++) {
            const int32_t j = index[k];
            if (j == padding)
                continue;
            const int64_t tag = atoms->tags[j];
            if (tag < least || tag > most)
                continue;
            int64_t m = begin;
            while (others[m] < tag)
                m++;
            const double *xj = atoms->x + 4 * (int64_t)j, dx = xj[0] - xi[0], dy = xj[1] - xi[1], dz = xj[2] - xi[2];
            if (others[m] == tag && dx * dx + dy * dy + dz * dz < nearest2)
                index[k] = padding;
        }
    }
}
