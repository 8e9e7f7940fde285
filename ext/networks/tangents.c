/* How do an atom's descriptors follow each atom around it?  Kept once for training, since positions never change.
 *
 * An environment's *entries* are the atoms that move its descriptors: the centre and its neighbours, images of one
 * atom together, for they move together. T[entry][3][n_functions] = dG_f/dR_c, and for the stress
 * S[6][n_functions] = sum_j r_a dG_f/dr_b, xx yy zz yz xz xy. Then, exactly as the reverse pass over edges would,
 *   F_c -= sum_f T[entry][c][f] dE/dG_f,  V S gives the stress,  and a tangent of the atoms becomes one of G.
 * Stored in float, summed in double. */
#include "core/simd.h"
#include "networks/hdnnp.h"

/* T [n_entries][3][n_f] and S [6][n_f] of one environment from dg_dr [n_f][3][n]; entry [n]: of each neighbour, the
 * first one is the centre's. x, y, z: r_ij [n] */
static void keep_tangents(int64_t n_f, int64_t n, const double *dg_dr, const double *x, const double *y,
                          const double *z, const int32_t *entry, int64_t n_entries, double *sums, float *t, float *s)
{
    const double *r[] = {x, y, z};
    static const int pairs[6][2] = {{0, 0}, {1, 1}, {2, 2}, {1, 2}, {0, 2}, {0, 1}};
    memset(sums, 0, (size_t)(n_entries * 3 * n_f) * 8);
    for (int64_t f = 0; f < n_f; f++)
        for (int c = 0; c < 3; c++) {
            const double *g = dg_dr + (3 * f + c) * n;
            double *to = sums + c * n_f + f, centre = 0.0;
            for (int64_t i = 0; i < n; i++) {
                to[3 * n_f * entry[i]] += g[i];
                centre -= g[i];
            }
            to[0] += centre;
        }
    for (int64_t i = 0; i < n_entries * 3 * n_f; i++)
        t[i] = (float)sums[i];
    for (int p = 0; p < 6 && s; p++)
        for (int64_t f = 0; f < n_f; f++) {
            const double *g = dg_dr + (3 * f + pairs[p][1]) * n, *own = r[pairs[p][0]];
            double sum = 0.0;
            for (int64_t i = 0; i < n; i++)
                sum += own[i] * g[i];
            s[p * n_f + f] = (float)sum;
        }
}

/* For each of n rows T [n_f] of floats at t + n_f * row[i]: out[i] = sum_f T_f weight_f of its environment */
MD_INLINE double row_dot(int64_t n_f, const float *t, const double *w)
{
    v4d sum = v_set1(0.0);
    int64_t f = 0;
    for (; f + 4 <= n_f; f += 4) {
        const v4d a = {t[f], t[f + 1], t[f + 2], t[f + 3]};
        sum = v_fma(a, v_load(w + f), sum);
    }
    double rest = v_sum(sum);
    for (; f < n_f; f++)
        rest += t[f] * w[f];
    return rest;
}

/* forces [][3] of the entries' atoms -= sum_f T dE/dG_f, environments one after the other; atom [n_entries] */
static void tangent_forces(int64_t n, int64_t n_f, const int64_t *start, const int32_t *atom, const float *t,
                           const double *de_dg, int64_t row, double *forces)
{
    for (int64_t a = 0; a < n; a++)
        for (int64_t e = start[a]; e < start[a + 1]; e++)
            for (int c = 0; c < 3; c++)
                forces[3 * (int64_t)atom[e] + c] -= row_dot(n_f, t + (3 * e + c) * n_f, de_dg + a * row);
}

/* rates [n][n_f] = sum over entries of T along[atom] */
static void tangent_rates(int64_t n, int64_t n_f, const int64_t *start, const int32_t *atom, const float *t,
                          const double *along, double *rates)
{
    for (int64_t a = 0; a < n; a++) {
        double *MD_RESTRICT out = rates + a * n_f;
        memset(out, 0, (size_t)n_f * 8);
        for (int64_t e = start[a]; e < start[a + 1]; e++) {
            const double *u = along + 3 * (int64_t)atom[e];
            const float *MD_RESTRICT tx = t + 3 * e * n_f, *MD_RESTRICT ty = tx + n_f, *MD_RESTRICT tz = ty + n_f;
            for (int64_t f = 0; f < n_f; f++)
                out[f] += tx[f] * u[0] + ty[f] * u[1] + tz[f] * u[2];
        }
    }
}
