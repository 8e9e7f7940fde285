/* Lennard-Jones over a half list: E = sum_{i<j} 4 eps [(s/r)^12 - (s/r)^6] + shift.
 *
 * g_ij = dE/dr_ij with r_ij = r_j - r_i; F_i += g_ij, F_j -= g_ij. Each g_ij is
 * rounded to FORCE_GRID by the fused multiply-add that makes it, so the sums are
 * exact (fixed.h). Four neighbours at a time, as rows that are transposed into
 * columns and back: 32-byte loads and stores, no gathers. */
#include "fixed.h"
#include "kernels.h"
#include "md_types.h"
#include "pair_sums.h"

MD_INLINE int64_t lj_half(const md_atoms *atoms, const md_list *list, const double *table,
                       int64_t n_species, int64_t *energy_limbs, double *atom_energy, const int variant)
{
    const int want_energy = variant & PAIR_ENERGY, many = variant & LJ_MANY;
    const int slope = variant & LJ_FORCE_SHIFTED;
    const double *MD_RESTRICT x = atoms->x;
    double *MD_RESTRICT f = atoms->f;
    const int32_t *MD_RESTRICT index = list->index;
    const v4d big = v_set1(FORCE_BIG), one = v_set1(1.0), zero = v_set1(0.0);
    md_i128 total = 0;
    v4d worst = zero; /* energy variants: the largest force component or energy of a pair */
    int64_t bad_row = -1;

    v4d g12 = v_set1(table[LJ_G12]), g6 = v_set1(table[LJ_G6]), cut2 = v_set1(table[LJ_CUT2]);
    v4d gslope = v_set1(table[LJ_GSLOPE]), e12 = v_set1(table[LJ_E12]), e6 = v_set1(table[LJ_E6]);
    v4d eshift = v_set1(table[LJ_ESHIFT]), eslope = v_set1(table[LJ_ESLOPE]);

    for (int64_t i = 0; i < atoms->n_owned; i++) {
        const v4d xi = v_set1(x[4 * i]), yi = v_set1(x[4 * i + 1]), zi = v_set1(x[4 * i + 2]);
        const double *row = many ? table + LJ_ROW * n_species * (int64_t)x[4 * i + 3] : table;
        v4d fx = zero, fy = zero, fz = zero, e = zero;

        for (int64_t k = list->first[i]; k < list->first[i + 1]; k += 4) {
            const int64_t j0 = index[k], j1 = index[k + 1], j2 = index[k + 2], j3 = index[k + 3];
            pair_fetch(x, f, index + k + LIST_AHEAD);
            v4d dx, dy, dz, species;
            v_transpose(v_load(x + 4 * j0), v_load(x + 4 * j1), v_load(x + 4 * j2),
                        v_load(x + 4 * j3), &dx, &dy, &dz, &species);
            dx -= xi, dy -= yi, dz -= zi;
            const v4d r2 = v_fma(dz, dz, v_fma(dy, dy, dx * dx));
            if (many) {
                const double *a = row + LJ_ROW * (int64_t)species[0], *b = row + LJ_ROW * (int64_t)species[1];
                const double *c = row + LJ_ROW * (int64_t)species[2], *d = row + LJ_ROW * (int64_t)species[3];
                v_transpose(v_load(a), v_load(b), v_load(c), v_load(d), &g12, &g6, &cut2, &gslope);
                if (want_energy)
                    v_transpose(v_load(a + 4), v_load(b + 4), v_load(c + 4), v_load(d + 4), &e12, &e6,
                                &eshift, &eslope);
            }
            const v4i inside = r2 < cut2;
            const v4d i2 = one / r2, i6 = i2 * i2 * i2;
            v4d g = i2 * (i6 * v_fma(g12, i6, g6));
            const v4d r = slope ? v_sqrt(r2) : one;
            if (slope)
                g = v_fma(gslope, r * i2, g);
            if (want_energy) {
                v4d pair = v_fma(i6, v_fma(e12, i6, e6), eshift);
                if (slope)
                    pair = v_fma(eslope, r, pair);
                pair = v_mask(pair + big - big, inside);
                worst = v_worst(worst, v_size(pair));
                e += pair;
                if (atom_energy)
                    pair_halves(atom_energy, i, j0, j1, j2, j3, pair);
            }
            g = v_mask(g, inside);
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

static int64_t pair_lj(const md_atoms *atoms, const md_list *list, const double *table, int64_t n_species,
                    int variant, int64_t *energy_limbs, double *atom_energy)
{
    switch (variant) {
#define VARIANT(v) case v: return lj_half(atoms, list, table, n_species, energy_limbs, atom_energy, v)
        VARIANT(0); VARIANT(1); VARIANT(2); VARIANT(3); VARIANT(4); VARIANT(5); VARIANT(6); VARIANT(7);
#undef VARIANT
    }
    return -1;
}
