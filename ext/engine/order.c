/* In which order do an atom's neighbours stand?
 *
 * A full Verlet list is brought into canonical order once it is built: a row's neighbours by species, then
 * tag, then displacement, so that an atom's environment is the same sequence on whichever rank it lives and
 * however its list came about. */
#include "kernels.h"
#include "core/md_types.h"

/* Atoms by (key, position), or, with key NULL, plain numbers. */
MD_INLINE int comes_before(const int64_t *key, const double *x, int32_t a, int32_t b)
{
    if (!key)
        return a < b;
    if (key[a] != key[b])
        return key[a] < key[b];
    for (int d = 0; d < 3; d++) /* images of one atom differ by lattice vectors: by displacement, too */
        if (x[4 * (int64_t)a + d] != x[4 * (int64_t)b + d])
            return x[4 * (int64_t)a + d] < x[4 * (int64_t)b + d];
    return 0;
}

/* Merge sort; the sorted numbers are in the array that is returned, a or work (both [n]). */
MD_INLINE int32_t *merge_sort(int32_t *a, int32_t *work, int64_t n, const int64_t *key, const double *x)
{
    for (int64_t width = 1; width < n; width *= 2) {
        for (int64_t low = 0; low < n; low += 2 * width) {
            const int64_t middle = low + width < n ? low + width : n, high = low + 2 * width < n ? low + 2 * width : n;
            int64_t i = low, j = middle, k = low;
            while (i < middle && j < high) {
                const int right = comes_before(key, x, a[j], a[i]);
                work[k++] = right ? a[j] : a[i];
                j += right;
                i += !right;
            }
            while (i < middle)
                work[k++] = a[i++];
            while (j < high)
                work[k++] = a[j++];
        }
        int32_t *swap = a;
        a = work;
        work = swap;
    }
    return a;
}

/* Sort each row of a full list; bounds [n_owned][n_species + 1]: where, from the row's beginning, each
 * species begins. Ghosts need their tags.
 * work: [3 n_total + most + 4], most: the longest row. */
static void canonical_order(const md_atoms *atoms, int64_t n_species, const md_list *list, int32_t *bounds, int64_t *work)
{
    const int64_t n_owned = atoms->n_owned, n_total = n_owned + atoms->n_ghost, *first = list->first, *tags = atoms->tags;
    const double *x = atoms->x;
    int32_t *index = list->index;
    int64_t *key = work;
    int32_t *order = (int32_t *)(work + n_total), *spare = order + n_total + 1, *rank = spare + n_total + 1;
    int32_t *row_work = rank + n_total + 2;
    for (int64_t i = 0; i < n_total; i++) {
        key[i] = (int64_t)x[4 * i + 3] << 48 | tags[i];
        order[i] = (int32_t)i;
    }
    const int32_t *sorted = merge_sort(order, spare, n_total, key, x);
    for (int64_t i = 0; i < n_total; i++)
        rank[sorted[i]] = (int32_t)i;
    rank[n_total] = (int32_t)n_total; /* the padding row stays last */
    for (int64_t i = 0; i < n_owned; i++) {
        int32_t *row = index + first[i], *bound = bounds + i * (n_species + 1);
        const int64_t n = first[i + 1] - first[i];
        for (int64_t t = 0; t < n; t++)
            row[t] = rank[row[t]];
        const int32_t *found = merge_sort(row, row_work, n, NULL, NULL);
        int64_t species = 0;
        bound[0] = 0;
        for (int64_t t = 0; t < n; t++) {
            const int32_t atom = found[t] < n_total ? sorted[found[t]] : (int32_t)n_total;
            const int64_t own = atom < n_total ? (int64_t)x[4 * (int64_t)atom + 3] : n_species;
            while (species < own)
                bound[++species] = (int32_t)t;
            row[t] = atom;
        }
        while (species < n_species)
            bound[++species] = (int32_t)n;
    }
}
