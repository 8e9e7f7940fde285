/* Screened nuclear repulsion: E = u(r) + S(r), u = sum_k C_k exp(-D_k r) / r and S = SHIFT + (t S4 + S3) t^3 with
 * t = r - INNER past INNER, SHIFT before: energy, slope and curvature vanish at the cutoff (potentials/pair/zbl.py). */
enum { ZBL_INNER = PAIR_OWN, ZBL_S3, ZBL_S4, ZBL_C = 8, ZBL_D = 12 };

MD_INLINE v4d zbl(const md_pair_table *table, const v4d *c, v4d r2, int variant, v4d *energy)
{
    (void)table;
    const v4d r = v_sqrt(r2), inverse = v_set1(1.0) / r, *d = c + ZBL_D;
    const v4d t = v_larger(r - c[ZBL_INNER], v_set1(0.0)), t2 = t * t;
    const v4d c0 = c[ZBL_C] * v_exp(-d[0] * r), c1 = c[ZBL_C + 1] * v_exp(-d[1] * r);
    const v4d c2 = c[ZBL_C + 2] * v_exp(-d[2] * r), c3 = c[ZBL_C + 3] * v_exp(-d[3] * r);
    const v4d u = ((c0 + c1) + (c2 + c3)) * inverse;
    const v4d fall = v_fma(d[0], c0, v_fma(d[1], c1, v_fma(d[2], c2, d[3] * c3)));       /* -(r u)' */
    const v4d rise = t2 * v_fma(v_set1(4.0) * c[ZBL_S4], t, v_set1(3.0) * c[ZBL_S3]); /* S' */
    if (variant & PAIR_ENERGY)
        *energy = u + v_fma(t * t2, v_fma(c[ZBL_S4], t, c[ZBL_S3]), c[PAIR_SHIFT]);
    return (rise - (fall + u) * inverse) * inverse;
}
