/* Buckingham: E = A exp(-r / RHO) - C r^-6; B = 1 / RHO, G = -A / RHO, C6 = 6 C. */
enum { BUCKINGHAM_B = PAIR_OWN, BUCKINGHAM_G, BUCKINGHAM_C6, BUCKINGHAM_A = PAIR_OWN_ENERGY, BUCKINGHAM_C };

MD_INLINE v4d buckingham(const md_pair_table *table, const v4d *c, v4d r2, int variant, v4d *energy)
{
    (void)table;
    const v4d r = v_sqrt(r2), inverse = v_set1(1.0) / r, i2 = inverse * inverse, i6 = i2 * i2 * i2;
    const v4d p = v_exp(-c[BUCKINGHAM_B] * r);
    if (variant & PAIR_ENERGY)
        *energy = v_fma(c[BUCKINGHAM_A], p, -c[BUCKINGHAM_C] * i6);
    const v4d g = v_fma(c[BUCKINGHAM_G] * p, inverse, c[BUCKINGHAM_C6] * i6 * i2);
    return pair_truncated(c, g, r, inverse, variant, energy);
}
