/* Lennard-Jones with a soft core: E = E0 (d^-2 - d^-1), d = SOFT + S6 r^6; g = G r^4 (d^-2 - 2 d^-3), G = 6 S6 E0. */
enum { SOFT_S6 = PAIR_OWN, SOFT_SOFT, SOFT_G, SOFT_E0 = PAIR_OWN_ENERGY };

MD_INLINE v4d soft_core(const md_pair_table *table, const v4d *c, v4d r2, int variant, v4d *energy)
{
    (void)table;
    const v4d one = v_set1(1.0), r4 = r2 * r2, i = one / v_fma(c[SOFT_S6], r4 * r2, c[SOFT_SOFT]), i2 = i * i;
    const v4d r = variant & PAIR_LINEAR ? v_sqrt(r2) : one, inverse = variant & PAIR_LINEAR ? one / r : one;
    if (variant & PAIR_ENERGY)
        *energy = c[SOFT_E0] * (i2 - i);
    return pair_truncated(c, c[SOFT_G] * r4 * v_fma(v_set1(-2.0) * i, i2, i2), r, inverse, variant, energy);
}
