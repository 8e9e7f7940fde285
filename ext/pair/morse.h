/* Morse: E = DEPTH (p^2 - 2 p), p = exp(A_R0 - A r); g = G (p^2 - p) / r, G = -2 A DEPTH. */
enum { MORSE_A = PAIR_OWN, MORSE_A_R0, MORSE_G, MORSE_DEPTH = PAIR_OWN_ENERGY };

MD_INLINE v4d morse(const md_pair_table *table, const v4d *c, v4d r2, int variant, v4d *energy)
{
    (void)table;
    const v4d r = v_sqrt(r2), inverse = v_set1(1.0) / r, p = v_exp(v_fma(-c[MORSE_A], r, c[MORSE_A_R0]));
    if (variant & PAIR_ENERGY)
        *energy = c[MORSE_DEPTH] * v_fma(p, p, v_set1(-2.0) * p);
    return pair_truncated(c, c[MORSE_G] * v_fma(p, p, -p) * inverse, r, inverse, variant, energy);
}
