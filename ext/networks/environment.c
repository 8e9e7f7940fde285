/* Who is around an atom, and where do its edge gradients go? Rows of neighbours are in canonical order (order.c). */
#include "core/fixed.h"
#include "core/simd.h"
#include "networks/hdnnp.h"

/* Beyond the range of training by less than this share of it is rounding: the text files have few digits. */
#define ROUNDING 1e-9

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

/* Neighbours of owned atom i closer than the cutoff, native lengths, in canonical order, and where env->nearest is there how far
 * the nearest of each element is. Distances are differences of positions on the grid of the run, hence exact and the same on
 * every rank. */
static void gather(const hd_atoms *atoms, const hd_units *units, int64_t n_elements, int64_t i, hd_environment *env)
{
    const double *x = atoms->x;
    const v4d xi = v_set1(x[4 * i]), yi = v_set1(x[4 * i + 1]), zi = v_set1(x[4 * i + 2]);
    const v4d scale = v_set1(units->per_length), cut2 = v_set1(units->cutoff * units->cutoff);
    const int32_t *bound = atoms->bounds + i * (atoms->n_species + 1);
    int64_t n = 0;
    for (int64_t e = 0; e < n_elements; e++) {
        env->first[e] = n;
        v4d least = cut2;
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
                const v4d r2 = v_fma(dz, dz, v_fma(dy, dy, dx * dx));
                const v4i nearer = (v4i)(r2 < least);
                least = (v4d)(((v4i)r2 & nearer) | ((v4i)least & ~nearer));
                lanes &= v_bits((v4i)(r2 < cut2));
                compress(env->x + n, dx, lanes);
                compress(env->y + n, dy, lanes);
                compress(env->z + n, dz, lanes);
                for (int lane = 0; lane < 4; lane++) {
                    env->atom[n] = j[lane];
                    n += lanes >> lane & 1;
                }
            }
        }
        if (env->nearest) {
            const double a = least[0] < least[1] ? least[0] : least[1], b = least[2] < least[3] ? least[2] : least[3];
            env->nearest[e] = sqrt(a < b ? a : b);
        }
    }
    env->first[n_elements] = n;
}

/* How many of an atom's distances to the nearest of each element, r [n], are outside of what training saw, and how far is the
 * farthest (0: none is outside)? */
static int32_t distances_outside(const hd_distances *seen, int64_t n, const double *r, double *excess)
{
    int32_t outside = 0;
    double most = 0.0;
    for (int64_t e = 0; e < n; e++) {
        const double below = (seen->low[e] - r[e]) * seen->per_below[e], above = (r[e] - seen->high[e]) * seen->per_above[e];
        const double out = below > above ? below : above;
        outside += out > ROUNDING;
        most = out > most && out > ROUNDING ? out : most;
    }
    *excess = most;
    return outside;
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

/* W of the neighbours of an atom (md_types.h): - r_ij (x) g_ij each, rounded to the force grid. */
static void scatter_virials(double *virial, double per_length, double scale, const hd_environment *env, int64_t n,
                            const double *gx, const double *gy, const double *gz)
{
    for (int64_t t = 0; t < n; t++) {
        const double r[3] = {env->x[t] / per_length, env->y[t] / per_length, env->z[t] / per_length};
        const double g[3] = {gx[t] * scale, gy[t] * scale, gz[t] * scale};
        double *to = virial + 9 * (int64_t)env->atom[t];
        for (int a = 0; a < 3; a++)
            for (int b = 0; b < 3; b++)
                to[3 * a + b] -= r[a] * g[b] + FORCE_BIG - FORCE_BIG;
    }
}
