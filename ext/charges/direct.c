/* What all pairs have of a sum over charges where nothing repeats: the part that a sum over waves has elsewhere.
 *
 *     p_i = C sum_j q_j w(r_ij),    w = erf(alpha r) / r - SHIFT - SLOPE r up to the cutoff of the pairs, 1 / r beyond
 *
 * which have erfc(alpha r) / r + SHIFT + SLOPE r. w(0) = 2 alpha / sqrt(pi) - SHIFT, j = i too: the energy q p / 2 has that of a charge in
 * its own field, which pairs take away. */
#include "kernels.h"
#include "core/fixed.h"
#include "core/md_types.h"
#include "core/vfun.h"
#include "pair/coulomb.h"

/* erf(x) / x, and its slope over x, from x^2, exp(-x^2) and erfc(x); a series for x^2 < 1/2 */
MD_INLINE void charge_erf(v4d x2, v4d fall, v4d complement, v4d *value, v4d *slope)
{
    static const double c[] = { /* 2 / sqrt(pi) (-1)^n / (n! (2n + 1)) */
        1.1283791670955126, -0.37612638903183754, 0.11283791670955126, -0.026866170645131252, 0.005223977625442188,
        -0.0008548326023450852, 0.00012055332981789664, -1.492565035840625e-05, 1.6462114365889246e-06,
        -1.6365844691234924e-07, 1.4807192815879218e-08, -1.2290555301717926e-09, 9.422759064650411e-11,
        -6.7113668551641105e-12, 4.4632242632864775e-13};
    static const double d[] = { /* 2n + 2 times the next one */
        -0.7522527780636751, 0.45135166683820505, -0.16119702387078752, 0.0417918210035375, -0.008548327023450852,
        0.0014466399578147596, -0.00020895910501768752, 2.6339382985422794e-05, -2.9458520444222863e-06,
        2.961438563175844e-07, -2.7039221663779436e-08, 2.2614621755160987e-09, -1.7449553823426687e-10,
        1.2497027937202137e-11};
    const v4i near = (v4i)(x2 < v_set1(0.5));
    const v4d small = v_mask(x2, near), over = v_set1(1.0) / v_select(near, v_set1(1.0), v_sqrt(x2));
    const v4d far = (v_set1(1.0) - complement) * over;
    const v4d far_slope = v_fma(v_set1(1.1283791670955126), fall, -far) * over * over;
    *value = v_select(near, v_polynomial(c, sizeof c / sizeof *c, small), far);
    *slope = v_select(near, v_polynomial(d, sizeof d / sizeof *d, small), far_slope);
}

/* p [n_owned]; where wanted adds to the forces on owned atoms, each pair rounded (F_ij = -F_ji). others : [4][n], x, y, z and charge of all
 * atoms of all ranks, in one order; n a multiple of four */
static void charge_pairs(const md_atoms *atoms, const double *charge, const double *others, int64_t n, double constant,
                         double alpha, double cutoff, double shift, double slope, double *potential, int forces)
{
    const v4d big = v_set1(FORCE_BIG), a2 = v_set1(alpha * alpha), cubed = v_set1(alpha * alpha * alpha);
    const v4d zero = v_set1(0.0), one = v_set1(1.0);
    for (int64_t i = 0; i < atoms->n_owned; i++) {
        const double *x = atoms->x + 4 * i;
        v4d fx = zero, fy = fx, fz = fx, p = fx;
        for (int64_t j = 0; j < n; j += 4) {
            const v4d dx = v_load(others + j) - v_set1(x[0]), dy = v_load(others + n + j) - v_set1(x[1]);
            const v4d dz = v_load(others + 2 * n + j) - v_set1(x[2]), q = v_load(others + 3 * n + j);
            const v4d r2 = v_fma(dz, dz, v_fma(dy, dy, dx * dx)), x2 = a2 * r2;
            const v4d r = v_sqrt(r2);
            const v4i paired = (v4i)(r2 < v_set1(cutoff * cutoff)), other = paired & (v4i)(r2 > zero);
            const v4d fall = v_mask(v_exp(-x2), paired);
            v4d value, force;
            charge_erf(x2, fall, fall * v_erfcx(v_set1(alpha) * r), &value, &force);
            value = v_set1(alpha) * value - v_mask(v_fma(v_set1(slope), r, v_set1(shift)), paired);
            force = cubed * force - v_mask(v_set1(slope) / v_select(other, r, one), other);
            p = v_fma(q, value, p);
            if (!forces)
                continue;
            const v4d g = v_set1(constant) * (v_set1(charge[i]) * q) * force;
            fx += v_fma(g, dx, big) - big;
            fy += v_fma(g, dy, big) - big;
            fz += v_fma(g, dz, big) - big;
        }
        double *f = atoms->f + 4 * i;
        f[0] += v_sum(fx), f[1] += v_sum(fy), f[2] += v_sum(fz);
        potential[i] = constant * v_sum(p);
    }
}
