/* Any function of the distance, as cubic polynomials of r^2 in bins of equal width: no root, no division.
 *
 * E = k[0] + k[1] t + k[2] t^2 + k[3] t^3, t from 0 to 1 in bin (r^2 - START) PER_WIDTH of the pair, whose k are at
 * more + 4 (FIRST + bin). Nearer than START nothing is known: the result is not a number, which is noticed. */
enum { TABULATED_START = PAIR_OWN, TABULATED_PER_WIDTH, TABULATED_FIRST };
typedef int32_t v4w __attribute__((vector_size(16)));

MD_INLINE v4d tabulated(const md_pair_table *table, const v4d *c, v4d r2, int variant, v4d *energy)
{
    const v4i far = r2 >= c[TABULATED_START], here = far & (v4i)(r2 < c[PAIR_CUT2]);
    const v4d u = v_mask((r2 - c[TABULATED_START]) * c[TABULATED_PER_WIDTH], here);
    const v4w bin = __builtin_convertvector(u, v4w), place = bin + __builtin_convertvector(c[TABULATED_FIRST], v4w);
    const v4d t = u - __builtin_convertvector(bin, v4d), unknown = (v4d)(~far & (v4i)v_set1(__builtin_nan("")));
    const double *more = table->more;
    v4d k0, k1, k2, k3;
    v_transpose(v_load(more + 4 * (int64_t)place[0]), v_load(more + 4 * (int64_t)place[1]),
                v_load(more + 4 * (int64_t)place[2]), v_load(more + 4 * (int64_t)place[3]), &k0, &k1, &k2, &k3);
    if (variant & PAIR_ENERGY)
        *energy = v_fma(t, v_fma(t, v_fma(t, k3, k2), k1), k0) + unknown;
    const v4d slope = v_fma(t, v_fma(v_set1(3.0) * k3, t, v_set1(2.0) * k2), k1);
    return v_set1(2.0) * c[TABULATED_PER_WIDTH] * slope + unknown;
}
