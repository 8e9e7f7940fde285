/* What do charges that are Gaussians feel of each other, again and again for the same places?
 *
 * Charges that follow from each other are found by many products with one matrix (potentials/charges/equilibration.py): its
 * elements are computed once and kept. Rows hold neighbours within reach alone, in canonical order, so that what is summed in
 * floating point has the same bits whatever lists and ranks. */
#include "kernels.h"
#include "core/fixed.h"
#include "core/md_types.h"
#include "core/vfun.h"
#include "pair/coulomb.h"

#define TWO_OVER_SQRT_PI 1.1283791670955126

/* Which of `index`, rows of y, are within `reach` of the atoms? to_first [n + 1], to_count [n], to_index: room for all and three
 * more an atom. */
static void near_rows(const double *x, const double *y, int64_t n, const int64_t *first, const int32_t *index, double reach,
                      int64_t *to_first, int32_t *to_count, int32_t *to_index)
{
    int64_t at = 0;
    for (int64_t i = 0; i < n; i++) {
        const double *xi = x + 4 * i;
        const int64_t begin = at;
        for (int64_t t = first[i]; t < first[i + 1]; t++) {
            const double *xj = y + 4 * (int64_t)index[t];
            const double dx = xj[0] - xi[0], dy = xj[1] - xi[1], dz = xj[2] - xi[2], r2 = dx * dx + dy * dy + dz * dz;
            to_index[at] = index[t];
            at += r2 < reach * reach && r2 > 0.0;
        }
        to_first[i] = begin;
        to_count[i] = (int32_t)(at - begin);
        while (at % 4) {
            to_index[at] = to_index[begin];
            at++;
        }
    }
    to_first[n] = at;
}

typedef struct gaussian_pairs {
    v4d dx, dy, dz, r, inverse, gamma;
    v4i there;
    int64_t j[4];
} gaussian_pairs;

/* Four neighbours of atom i; index : there are `left` from here on, and some of y up to the fourth. */
MD_INLINE gaussian_pairs gaussian_four(const md_neighbours *rows, const md_gaussians *it, const int32_t *index, int64_t i,
                                       int64_t left)
{
    static const int64_t lanes[4] = {0, 1, 2, 3};
    gaussian_pairs p;
    const double *x = rows->x + 4 * i, *gamma = it->gamma + (int64_t)x[3] * it->n_species;
    for (int lane = 0; lane < 4; lane++)
        p.j[lane] = index[lane];
    v4d species;
    v_transpose(v_load(rows->y + 4 * p.j[0]), v_load(rows->y + 4 * p.j[1]), v_load(rows->y + 4 * p.j[2]),
                v_load(rows->y + 4 * p.j[3]), &p.dx, &p.dy, &p.dz, &species);
    p.dx -= v_set1(x[0]), p.dy -= v_set1(x[1]), p.dz -= v_set1(x[2]);
    p.gamma = (v4d){gamma[(int64_t)species[0]], gamma[(int64_t)species[1]], gamma[(int64_t)species[2]],
                    gamma[(int64_t)species[3]]};
    p.r = v_sqrt(v_fma(p.dz, p.dz, v_fma(p.dy, p.dy, p.dx * p.dx)));
    p.inverse = v_set1(1.0) / p.r;
    p.there = (v4i){lanes[0] < left ? -1 : 0, lanes[1] < left ? -1 : 0, lanes[2] < left ? -1 : 0, lanes[3] < left ? -1 : 0};
    return p;
}

/* K and dK/dr */
MD_INLINE v4d gaussian_kernel(const md_gaussians *it, const gaussian_pairs *p, v4d *slope)
{
    const v4d x = v_set1(it->alpha) * p->r, y = p->gamma * p->r, c = v_set1(TWO_OVER_SQRT_PI);
    const v4d fall = v_exp(-x * x), narrow = v_exp(-y * y);
    const v4d u = (fall * v_erfcx(x) - narrow * v_erfcx(y)) * p->inverse;
    const v4i near = p->there & (v4i)(p->r < v_set1(it->cutoff));
    const v4d down = c * (p->gamma * narrow - v_set1(it->alpha) * fall) - u;
    *slope = v_mask(v_fma(down, p->inverse, v_set1(it->slope)), near);
    return v_mask(u + v_fma(v_set1(it->slope), p->r, v_set1(it->shift)), near);
}

/* g and dg/dx for x from 0 to 1 */
MD_INLINE v4d gaussian_core(const int core, v4d x, v4d *slope)
{
    const v4d one = v_set1(1.0), x2 = x * x, left = x - one, left2 = left * left;
    switch (core) {
    case GAUSSIANS_P1:
        *slope = v_set1(6.0) * x * left;
        return (v_set1(2.0) * x - v_set1(3.0)) * x2 + one;
    case GAUSSIANS_P2:
        *slope = v_set1(-30.0) * x2 * left2;
        return ((v_set1(15.0) - v_set1(6.0) * x) * x - v_set1(10.0)) * x2 * x + one;
    case GAUSSIANS_P3:
        *slope = v_set1(140.0) * x2 * x * left2 * left;
        return (x * (x * (v_set1(20.0) * x - v_set1(70.0)) + v_set1(84.0)) - v_set1(35.0)) * x2 * x2 + one;
    case GAUSSIANS_P4:
        *slope = v_set1(-630.0) * x2 * x2 * left2 * left2;
        return (x * (x * ((v_set1(315.0) - v_set1(70.0) * x) * x - v_set1(540.0)) + v_set1(420.0)) - v_set1(126.0)) * x2 * x2 * x +
               one;
    case GAUSSIANS_EXP: {
        const v4d gap = v_larger(one - x2, v_set1(1e-3)), f = v_mask(v_exp(one - one / gap), (v4i)(one - x2 > v_set1(1e-3)));
        *slope = v_set1(-2.0) * x * f / (gap * gap);
        return f;
    }
    default: {
        v4d cosine, sine;
        v_cos_sin(v_set1(3.141592653589793) * x, &cosine, &sine);
        *slope = v_set1(-0.5 * 3.141592653589793) * sine;
        return v_set1(0.5) * (one + cosine);
    }
    }
}

/* S and dS/dr */
MD_INLINE v4d gaussian_screen(const md_gaussians *it, const gaussian_pairs *p, v4d *slope)
{
    const v4d zero = v_set1(0.0), one = v_set1(1.0), y = p->gamma * p->r, narrow = v_exp(-y * y);
    const v4i inside = p->there & (v4i)(p->r < v_set1(it->outer)), beyond = (v4i)(p->r > v_set1(it->inner));
    const double per = 1.0 / (it->outer - it->inner);
    const v4d e = (one - narrow * v_erfcx(y)) * p->inverse;
    const v4d de = (v_set1(TWO_OVER_SQRT_PI) * p->gamma * narrow - e) * p->inverse;
    v4d dg;
    const v4d x = v_smaller(v_larger((p->r - v_set1(it->inner)) * v_set1(per), zero), one);
    const v4d g = gaussian_core(it->core, x, &dg);
    dg = v_mask(dg * v_set1(per), beyond);
    *slope = v_mask(-(de * g + e * dg), inside);
    return v_mask(-(e * g), inside);
}

/* values and, with a screening, screens, as index: C K and C S of each neighbour */
static void gaussian_matrix(const md_neighbours *rows, const md_gaussians *it, double *values, double *screens)
{
    const v4d c = v_set1(it->constant);
    for (int64_t i = 0; i < rows->n; i++)
        for (int64_t t = 0; t < rows->count[i]; t += 4) {
            const gaussian_pairs p = gaussian_four(rows, it, rows->index + rows->first[i] + t, i, rows->count[i] - t);
            v4d unused;
            v_store(values + rows->first[i] + t, c * gaussian_kernel(it, &p, &unused));
            if (screens)
                v_store(screens + rows->first[i] + t, c * gaussian_screen(it, &p, &unused));
        }
}

/* p_i = sum_j values_ij q_j, q of y */
static void gaussian_product(const md_neighbours *rows, const double *values, const double *q, double *p)
{
    for (int64_t i = 0; i < rows->n; i++) {
        v4d sum = v_set1(0.0), other = sum;
        int64_t t = rows->first[i];
        const int64_t last = t + rows->count[i];
        const int32_t *j = rows->index;
        for (; t + 4 < last; t += 8) {
            sum = v_fma(v_load(values + t), (v4d){q[j[t]], q[j[t + 1]], q[j[t + 2]], q[j[t + 3]]}, sum);
            other = v_fma(v_load(values + t + 4), (v4d){q[j[t + 4]], q[j[t + 5]], q[j[t + 6]], q[j[t + 7]]}, other);
        }
        for (; t < last; t += 4)
            sum = v_fma(v_load(values + t), (v4d){q[j[t]], q[j[t + 1]], q[j[t + 2]], q[j[t + 3]]}, sum);
        p[i] = v_sum(sum + other);
    }
}

/* Of the neighbours `index` [n] of an atom at x those that are above it, by (z, y, x): the pairs that are its own. */
static int64_t gaussian_above(const double *x, const double *y, const int32_t *index, int64_t n, int32_t *above)
{
    int64_t m = 0;
    for (int64_t t = 0; t < n; t++) {
        const double *other = y + 4 * (int64_t)index[t];
        const double dx = other[0] - x[0], dy = other[1] - x[1], dz = other[2] - x[2];
        above[m] = index[t];
        m += dz > 0.0 || (dz == 0.0 && (dy > 0.0 || (dy == 0.0 && dx > 0.0)));
    }
    for (int64_t t = m; t < m + 3; t++)
        above[t] = index[0];
    return m;
}

/* Forces of C sum over pairs of [(q_i q_j + l_i q_j + q_i l_j) K + q_i q_j S], added to f [n][4]; q, l of x; more_q, more_l of y.
 * Each is rounded to the force grid. With y = x and what follows it (room, for the longest row and four more), a pair belongs to the
 * lower of its atoms, and acts on both; without, every row has its own. */
static void gaussian_forces(const md_neighbours *rows, const md_gaussians *it, const double *q, const double *l,
                            const double *more_q, const double *more_l, int32_t *room, double *f)
{
    const v4d big = v_set1(FORCE_BIG), zero = v_set1(0.0), scale = v_set1(it->constant);
    for (int64_t i = 0; i < rows->n; i++) {
        v4d fx = zero, fy = zero, fz = zero;
        const v4d qi = v_set1(q[i]), li = v_set1(l[i]);
        const int32_t *index = rows->index + rows->first[i];
        int64_t n = rows->count[i];
        if (room && n) {
            n = gaussian_above(rows->x + 4 * i, rows->y, index, n, room);
            index = room;
        }
        for (int64_t t = 0; t < n; t += 4) {
            const gaussian_pairs p = gaussian_four(rows, it, index + t, i, n - t);
            const v4d qj = {more_q[p.j[0]], more_q[p.j[1]], more_q[p.j[2]], more_q[p.j[3]]};
            const v4d lj = {more_l[p.j[0]], more_l[p.j[1]], more_l[p.j[2]], more_l[p.j[3]]};
            v4d dk, ds = zero;
            gaussian_kernel(it, &p, &dk);
            if (it->outer > 0.0)
                gaussian_screen(it, &p, &ds);
            const v4d qq = qi * qj, g = scale * v_fma(qq + (li * qj + qi * lj), dk, qq * ds) * p.inverse;
            const v4d x = v_fma(g, p.dx, big) - big, y = v_fma(g, p.dy, big) - big, z = v_fma(g, p.dz, big) - big;
            fx += x, fy += y, fz += z;
            if (room) {
                v4d row[4];
                v_transpose(x, y, z, zero, &row[0], &row[1], &row[2], &row[3]);
                for (int64_t lane = 0; lane < 4 && t + lane < n; lane++)
                    v_store(f + 4 * p.j[lane], v_load(f + 4 * p.j[lane]) - row[lane]);
            }
        }
        v_store(f + 4 * i, v_load(f + 4 * i) + (v4d){v_sum(fx), v_sum(fy), v_sum(fz), 0.0});
    }
}
