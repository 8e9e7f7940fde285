/* Coulomb, damped: E = QQ erfc(ALPHA r) / r; its truncation makes it the damped shifted force (potentials/pair/coulomb.py).
 * g = -(QQ / r^2) (erfc(ALPHA r) / r + SPREAD exp(-ALPHA^2 r^2)), SPREAD = 2 ALPHA / sqrt(pi). */
#ifndef PAIR_COULOMB_H
#define PAIR_COULOMB_H

#include "pair/loop.h"

enum { COULOMB_QQ = PAIR_OWN, COULOMB_ALPHA, COULOMB_SPREAD, COULOMB_GAMMA = PAIR_OWN_ENERGY, COULOMB_NARROW };

/* exp(x^2) erfc(x) for x >= 0, to 1e-14 up to x = 6; beyond, erfc is less than any rounding. Of (x - 3) / (x + 3): the
 * mapping is that of M. Shepherd, J. Laframboise, Math. Comp. 36, 249 (1981). */
MD_INLINE v4d v_erfcx(v4d x)
{
    static const double c[] = {
        0.17900115118138996, -0.3262335600430388, 0.24560380171227697, -0.15011593650031027,
        0.07166583720556102, -0.024392499336946562, 0.004269136022346956, 0.0007077463868663031,
        -0.0005970568636987025, 4.5264434322860695e-05, 6.402765696212827e-05, -1.2969974193610968e-05,
        -8.028806920571878e-06, 2.4286855485475647e-06, 1.9352959608649944e-06, 3.297516319315196e-07};
    const v4d three = v_set1(3.0);
    return v_polynomial(c, sizeof c / sizeof *c, (x - three) / (x + three));
}

MD_INLINE v4d coulomb(const md_pair_table *table, const v4d *c, v4d r2, int variant, v4d *energy)
{
    (void)table;
    const v4d r = v_sqrt(r2), inverse = v_set1(1.0) / r, x = c[COULOMB_ALPHA] * r;
    const v4d fall = v_exp(-x * x), u = fall * v_erfcx(x) * inverse;
    if (variant & PAIR_ENERGY)
        *energy = c[COULOMB_QQ] * u;
    const v4d g = -c[COULOMB_QQ] * (inverse * inverse) * v_fma(c[COULOMB_SPREAD], fall, u);
    return pair_truncated(c, g, r, inverse, variant, energy);
}

/* The same for unit charges, scaled by those of the atoms (PAIR_SCALED). */
MD_INLINE v4d charges(const md_pair_table *table, const v4d *c, v4d r2, int variant, v4d *energy)
{
    return coulomb(table, c, r2, variant, energy);
}

/* Gaussians: QQ (erfc(ALPHA r) - erfc(GAMMA r)) / r; NARROW = 2 GAMMA / sqrt(pi) */
MD_INLINE v4d gaussians(const md_pair_table *table, const v4d *c, v4d r2, int variant, v4d *energy)
{
    (void)table;
    const v4d r = v_sqrt(r2), inverse = v_set1(1.0) / r, x = c[COULOMB_ALPHA] * r, y = c[COULOMB_GAMMA] * r;
    const v4d fall = v_exp(-x * x), narrow = v_exp(-y * y);
    const v4d u = (fall * v_erfcx(x) - narrow * v_erfcx(y)) * inverse;
    if (variant & PAIR_ENERGY)
        *energy = c[COULOMB_QQ] * u;
    const v4d slope = v_fma(c[COULOMB_SPREAD], fall, v_fma(-c[COULOMB_NARROW], narrow, u));
    return pair_truncated(c, -c[COULOMB_QQ] * (inverse * inverse) * slope, r, inverse, variant, energy);
}

/* The same for unit charges, scaled by those of the atoms (PAIR_SCALED). */
MD_INLINE v4d gaussian_charges(const md_pair_table *table, const v4d *c, v4d r2, int variant, v4d *energy)
{
    return gaussians(table, c, r2, variant, energy);
}

#endif
