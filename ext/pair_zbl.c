/* Screened nuclear repulsion over a half list: E = sum_{i<j} u(r) + S(r).
 *
 * u(r) = sum_k C_k exp(-D_k r) / r, and S(r) = SHIFT + (t S4 + S3) t^3 with t = r - INNER past INNER, SHIFT before:
 * energy, slope and curvature vanish at the cutoff (potentials/zbl.py). Rounded and summed as in pair_lj.c.
 * A wall acts on few of the pairs in a list made for another potential: four that are all outside are skipped. */
#include "fixed.h"
#include "kernels.h"
#include "md_types.h"
#include "pair_sums.h"
#include "vfun.h"

MD_INLINE int64_t zbl_half(const md_atoms *atoms, const md_list *list, const double *table, int64_t n_species,
                        int64_t *energy_limbs, double *atom_energy, const int want_energy)
{
    const double *MD_RESTRICT x = atoms->x;
    double *MD_RESTRICT f = atoms->f;
    const int32_t *MD_RESTRICT index = list->index;
    const v4d big = v_set1(FORCE_BIG), one = v_set1(1.0), zero = v_set1(0.0);
    md_i128 total = 0;
    v4d worst = zero; /* with energy: the largest force component or energy of a pair */
    int64_t bad_row = -1;

    for (int64_t i = 0; i < atoms->n_owned; i++) {
        const v4d xi = v_set1(x[4 * i]), yi = v_set1(x[4 * i + 1]), zi = v_set1(x[4 * i + 2]);
        const double *row = table + ZBL_ROW * n_species * (int64_t)x[4 * i + 3];
        v4d fx = zero, fy = zero, fz = zero, e = zero;

        for (int64_t k = list->first[i]; k < list->first[i + 1]; k += 4) {
            const int64_t j0 = index[k], j1 = index[k + 1], j2 = index[k + 2], j3 = index[k + 3];
            v4d dx, dy, dz, species;
            v_transpose(v_load(x + 4 * j0), v_load(x + 4 * j1), v_load(x + 4 * j2),
                        v_load(x + 4 * j3), &dx, &dy, &dz, &species);
            dx -= xi, dy -= yi, dz -= zi;
            const v4d r2 = v_fma(dz, dz, v_fma(dy, dy, dx * dx));
            if (!v_bits((v4i)(r2 < v_set1(row[ZBL_FARTHEST2])))) /* of all pairs alike */
                continue;

            const double *a = row + ZBL_ROW * (int64_t)species[0], *b = row + ZBL_ROW * (int64_t)species[1];
            const double *c = row + ZBL_ROW * (int64_t)species[2], *d = row + ZBL_ROW * (int64_t)species[3];
            v4d c0, c1, c2, c3, d0, d1, d2, d3, shift, s3, s4, inner;
            v_transpose(v_load(a + ZBL_C), v_load(b + ZBL_C), v_load(c + ZBL_C), v_load(d + ZBL_C), &c0, &c1, &c2, &c3);
            v_transpose(v_load(a + ZBL_D), v_load(b + ZBL_D), v_load(c + ZBL_D), v_load(d + ZBL_D), &d0, &d1, &d2, &d3);
            v_transpose(v_load(a + ZBL_SHIFT), v_load(b + ZBL_SHIFT), v_load(c + ZBL_SHIFT), v_load(d + ZBL_SHIFT),
                        &shift, &s3, &s4, &inner);
            const v4i inside = r2 < (v4d){a[ZBL_CUT2], b[ZBL_CUT2], c[ZBL_CUT2], d[ZBL_CUT2]};
            const v4d r = v_sqrt(r2), inverse = one / r;
            const v4d t = v_larger(r - inner, zero), t2 = t * t;
            c0 *= v_exp(-d0 * r), c1 *= v_exp(-d1 * r), c2 *= v_exp(-d2 * r), c3 *= v_exp(-d3 * r);
            const v4d u = ((c0 + c1) + (c2 + c3)) * inverse;
            const v4d fall = v_fma(d0, c0, v_fma(d1, c1, v_fma(d2, c2, d3 * c3))); /* -(r u)' */
            const v4d rise = t2 * v_fma(v_set1(4.0) * s4, t, v_set1(3.0) * s3);    /* S' */
            const v4d g = v_mask((rise - (fall + u) * inverse) * inverse, inside);
            if (want_energy) {
                v4d pair = u + v_fma(t * t2, v_fma(s4, t, s3), shift);
                pair = v_mask(pair + big - big, inside);
                worst = v_worst(worst, v_size(pair));
                e += pair;
                if (atom_energy)
                    pair_halves(atom_energy, i, j0, j1, j2, j3, pair);
            }
            const v4d gx = v_fma(g, dx, big) - big, gy = v_fma(g, dy, big) - big;
            const v4d gz = v_fma(g, dz, big) - big;
            fx += gx, fy += gy, fz += gz;
            if (want_energy)
                worst = v_worst(worst, v_worst(v_size(gx), v_worst(v_size(gy), v_size(gz))));
            pair_subtract(f, j0, j1, j2, j3, gx, gy, gz);
        }
        v_store(f + 4 * i, v_load(f + 4 * i) + (v4d){v_sum(fx), v_sum(fy), v_sum(fz), 0.0});
        if (want_energy)
            pair_total(&total, &bad_row, i, e, worst);
    }
    if (want_energy)
        md_limbs(total, energy_limbs);
    return bad_row;
}

static int64_t pair_zbl(const md_atoms *atoms, const md_list *list, const double *table, int64_t n_species,
                     int variant, int64_t *energy_limbs, double *atom_energy)
{
    if (variant & PAIR_ENERGY)
        return zbl_half(atoms, list, table, n_species, energy_limbs, atom_energy, 1);
    return zbl_half(atoms, list, table, n_species, energy_limbs, NULL, 0);
}
