/* Lennard-Jones whose attraction has all its images (potentials/dispersion/images.py): of a pair, what a sum over waves does not have,
 *
 *     E = r^-6 (A r^-6 + REST - CC w(b)),    w(b) = (1 + b^2 + b^4 / 2) exp(-b^2),    b = BETA r
 *
 * and g = -r^-8 (12 A r^-6 + 6 REST - CC exp(-b^2) (6 + 6 b^2 + 3 b^4 + b^6)); REST = CC - B, of mixing rules that waves don't know. */
enum { IMAGES_A = PAIR_OWN, IMAGES_REST, IMAGES_CC, IMAGES_BETA2 = PAIR_OWN_ENERGY };

MD_INLINE v4d lj_images(const md_pair_table *table, const v4d *c, v4d r2, int variant, v4d *energy)
{
    (void)table;
    const v4d one = v_set1(1.0), half = v_set1(0.5), six = v_set1(6.0), r = v_sqrt(r2), inverse = one / r;
    const v4d i2 = inverse * inverse, i6 = i2 * i2 * i2, b2 = c[IMAGES_BETA2] * r2;
    const v4d damped = c[IMAGES_CC] * v_exp(-b2), hard = c[IMAGES_A] * i6;
    if (variant & PAIR_ENERGY)
        *energy = i6 * (hard + v_fma(-damped, v_fma(b2, v_fma(half, b2, one), one), c[IMAGES_REST]));
    const v4d slope = v_fma(b2, v_fma(b2, b2 + v_set1(3.0), six), six);
    const v4d g = -i2 * i6 * v_fma(v_set1(12.0), hard, v_fma(six, c[IMAGES_REST], -(damped * slope)));
    return pair_truncated(c, g, r, inverse, variant, energy);
}
