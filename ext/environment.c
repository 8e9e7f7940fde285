/* Who is around an atom, in which order, and where do its edge gradients go?
 *
 * A full Verlet list is brought into canonical order once it is built: a row's neighbours by species, then
 * tag, then displacement, so that an atom's environment is the same sequence on whichever rank it lives and
 * however its list came about. */
#include "fixed.h"
#include "hdnnp.h"
#include "simd.h"

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
 * species begins. x: rows (x, y, z, species), and tags, of owned atoms and ghosts [n_total].
 * work: [3 n_total + most + 4], most: the longest row. */
static void canonical_order(const double *x, const int64_t *tags, int64_t n_owned, int64_t n_total, int64_t n_species,
                            const int64_t *first, int32_t *index, int32_t *bounds, int64_t *work)
{
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
    rank[n_total] = (int32_t)n_total; /* nobody stays last */
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

/* Append the lanes of `a` whose bit is set to out (room for four). */
MD_INLINE void compress(double *out, v4d a, unsigned bits)
{
#if defined(__AVX2__)
    static const int32_t lanes[16][8] __attribute__((aligned(32))) = {
        {0, 1, 2, 3, 4, 5, 6, 7}, {0, 1, 2, 3, 4, 5, 6, 7}, {2, 3, 2, 3, 4, 5, 6, 7}, {0, 1, 2, 3, 4, 5, 6, 7},
        {4, 5, 2, 3, 4, 5, 6, 7}, {0, 1, 4, 5, 4, 5, 6, 7}, {2, 3, 4, 5, 4, 5, 6, 7}, {0, 1, 2, 3, 4, 5, 6, 7},
        {6, 7, 2, 3, 4, 5, 6, 7}, {0, 1, 6, 7, 4, 5, 6, 7}, {2, 3, 6, 7, 4, 5, 6, 7}, {0, 1, 2, 3, 6, 7, 6, 7},
        {4, 5, 6, 7, 4, 5, 6, 7}, {0, 1, 4, 5, 6, 7, 6, 7}, {2, 3, 4, 5, 6, 7, 6, 7}, {0, 1, 2, 3, 4, 5, 6, 7}};
    const __m256i p = _mm256_load_si256((const __m256i *)lanes[bits]);
    v_store(out, (v4d)_mm256_permutevar8x32_ps((__m256)a, p));
#else
    for (int lane = 0, n = 0; lane < 4; lane++) {
        out[n] = a[lane];
        n += (bits >> lane) & 1;
    }
#endif
}

/* Neighbours of owned atom i closer than the cutoff, native lengths, in canonical order. Distances are
 * differences of positions on the grid of the run, hence exact and the same on every rank. */
static void gather(const hd_atoms *atoms, const hd_units *units, int64_t n_elements, int64_t i, hd_environment *env)
{
    const double *x = atoms->x;
    const v4d xi = v_set1(x[4 * i]), yi = v_set1(x[4 * i + 1]), zi = v_set1(x[4 * i + 2]);
    const v4d scale = v_set1(units->per_length), cut2 = v_set1(units->cutoff * units->cutoff);
    const int32_t *bound = atoms->bounds + i * (atoms->n_species + 1);
    int64_t n = 0;
    for (int64_t e = 0; e < n_elements; e++) {
        env->first[e] = n;
        const int64_t start = atoms->species_of[e];
        const int32_t *row = atoms->index + atoms->first[i];
        for (int64_t species = start < 0 ? atoms->n_species : start; species < atoms->n_species; species++) {
            if (atoms->element_of[species] != e)
                continue;
            for (int64_t t = bound[species]; t < bound[species + 1]; t += 4) {
                const int64_t last = bound[species + 1] - 1;
                int32_t j[4];
                unsigned lanes = 15;
                if (t + 3 <= last) {
                    memcpy(j, row + t, sizeof j);
                } else {
                    for (int lane = 0; lane < 4; lane++)
                        j[lane] = row[t + lane < last ? t + lane : last];
                    lanes = (1u << (last - t + 1)) - 1;
                }
                v4d dx, dy, dz, unused;
                v_transpose(v_load(x + 4 * (int64_t)j[0]), v_load(x + 4 * (int64_t)j[1]), v_load(x + 4 * (int64_t)j[2]),
                            v_load(x + 4 * (int64_t)j[3]), &dx, &dy, &dz, &unused);
                dx = (dx - xi) * scale, dy = (dy - yi) * scale, dz = (dz - zi) * scale;
                lanes &= v_bits((v4i)(v_fma(dz, dz, v_fma(dy, dy, dx * dx)) < cut2));
                compress(env->x + n, dx, lanes);
                compress(env->y + n, dy, lanes);
                compress(env->z + n, dz, lanes);
                for (int lane = 0; lane < 4; lane++) {
                    env->atom[n] = j[lane];
                    n += lanes >> lane & 1;
                }
            }
        }
    }
    env->first[n_elements] = n;
}

/* Edge gradients g_ij (native) become forces F_i += g_ij, F_j -= g_ij, each rounded to the force grid. */
static void scatter(const hd_atoms *atoms, double scale, int64_t i, const hd_environment *env, int64_t n,
                    const double *gx, const double *gy, const double *gz)
{
    const v4d factor = v_set1(scale), big = v_set1(FORCE_BIG), zero = v_set1(0.0);
    double *f = atoms->f;
    v4d fx = zero, fy = zero, fz = zero;
    for (int64_t t = 0; t < n; t += 4) { /* g is zero past n */
        const v4d x = v_fma(v_load(gx + t), factor, big) - big, y = v_fma(v_load(gy + t), factor, big) - big;
        const v4d z = v_fma(v_load(gz + t), factor, big) - big;
        fx += x, fy += y, fz += z;
        v4d row[4];
        v_transpose(x, y, z, zero, &row[0], &row[1], &row[2], &row[3]);
        for (int64_t lane = 0; lane < 4 && t + lane < n; lane++) {
            double *to = f + 4 * (int64_t)env->atom[t + lane];
            v_store(to, v_load(to) - row[lane]);
        }
    }
    v_store(f + 4 * i, v_load(f + 4 * i) + (v4d){v_sum(fx), v_sum(fy), v_sum(fz), 0.0});
}
