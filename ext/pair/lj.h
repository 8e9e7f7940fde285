/* Lennard-Jones: g = r^-2 (G12 r^-12 + G6 r^-6) + GSLOPE / r, E = E12 r^-12 + E6 r^-6 + SHIFT + SLOPE r. */
enum { LJ_G12 = PAIR_OWN, LJ_G6, LJ_GSLOPE, LJ_E12 = PAIR_OWN_ENERGY, LJ_E6 };

MD_INLINE v4d lj(const md_pair_table *table, const v4d *c, v4d r2, int variant, v4d *energy)
{
    (void)table;
    const v4d one = v_set1(1.0), i2 = one / r2, i6 = i2 * i2 * i2;
    v4d g = i2 * (i6 * v_fma(c[LJ_G12], i6, c[LJ_G6]));
    const v4d r = variant & PAIR_LINEAR ? v_sqrt(r2) : one;
    if (variant & PAIR_LINEAR)
        g = v_fma(c[LJ_GSLOPE], r * i2, g);
    if (variant & PAIR_ENERGY) {
        *energy = v_fma(i6, v_fma(c[LJ_E12], i6, c[LJ_E6]), c[PAIR_SHIFT]);
        if (variant & PAIR_LINEAR)
            *energy = v_fma(c[PAIR_SLOPE], r, *energy);
    }
    return g;
}
