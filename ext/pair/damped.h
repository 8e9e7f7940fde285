/* What damping takes away from charges that are close: E = -QQ h(r) e(r), e = 1 / r, or erf(GAMMA r) / r where GAMMA > 0
 * (potentials/charges/damping.py). h falls from 1 to 0, x = (r - INNER) OVER: more[0] says how,
 *     0    (1 + cos(pi x)) / 2
 *     1    1 - 10 x^3 + 15 x^4 - 6 x^5
 *     2    (1 + OVER t) exp(-t), t = INNER r */
#ifndef PAIR_DAMPED_H
#define PAIR_DAMPED_H

#include "pair/coulomb.h"

enum { DAMPED_QQ = PAIR_OWN, DAMPED_INNER, DAMPED_OVER, DAMPED_GAMMA = PAIR_OWN_ENERGY, DAMPED_NARROW };

MD_INLINE v4d damped(const md_pair_table *table, const v4d *c, v4d r2, int variant, v4d *energy)
{
    const v4d zero = v_set1(0.0), one = v_set1(1.0), r = v_sqrt(r2), inverse = one / r;
    v4d h, slope;
    if (table->more[0] == 2.0) {
        const v4d t = c[DAMPED_INNER] * r, fall = v_exp(-t);
        h = v_fma(c[DAMPED_OVER], t, one) * fall;
        slope = c[DAMPED_INNER] * fall * (c[DAMPED_OVER] - v_fma(c[DAMPED_OVER], t, one));
    } else {
        v4d x = (r - c[DAMPED_INNER]) * c[DAMPED_OVER];
        x = v_mask(x, (v4i)(x > zero));
        x = v_select((v4i)(x < one), x, one);
        if (table->more[0] == 1.0) {
            const v4d rest = one - x;
            h = v_fma(x * x * x, v_fma(x, v_fma(v_set1(-6.0), x, v_set1(15.0)), v_set1(-10.0)), one);
            slope = v_set1(-30.0) * c[DAMPED_OVER] * (x * x) * (rest * rest);
        } else {
            v4d cosine, sine;
            v_cos_sin(v_set1(0x1.921fb54442d18p1) * x, &cosine, &sine);
            h = v_fma(v_set1(0.5), cosine, v_set1(0.5));
            slope = v_set1(-0x1.921fb54442d18p0) * c[DAMPED_OVER] * sine;
        }
    }
    const v4i wide = (v4i)(c[DAMPED_GAMMA] > zero);
    const v4d y = c[DAMPED_GAMMA] * r, narrow = v_mask(v_exp(-y * y), wide);
    const v4d e = v_fma(-narrow, v_erfcx(y), one) * inverse; /* its slope is (NARROW narrow - e) / r */
    if (variant & PAIR_ENERGY)
        *energy = -c[DAMPED_QQ] * h * e;
    const v4d g = -c[DAMPED_QQ] * inverse * v_fma(slope, e, h * inverse * v_fma(c[DAMPED_NARROW], narrow, -e));
    return pair_truncated(c, g, r, inverse, variant, energy);
}

/* The same for unit charges, scaled by those of the atoms (PAIR_SCALED). */
MD_INLINE v4d damped_charges(const md_pair_table *table, const v4d *c, v4d r2, int variant, v4d *energy)
{
    return damped(table, c, r2, variant, energy);
}

#endif
