/* The loop of every pair potential over a half list; a potential itself is a formula (a file of this folder).
 *
 * g_ij = dE/dr_ij with r_ij = r_j - r_i; F_i += g_ij, F_j -= g_ij. Each g_ij is rounded to FORCE_GRID by the fused
 * multiply-add that makes it, so the sums are exact (fixed.h). Four neighbours at a time, as rows that are transposed
 * into columns and back: 32-byte loads and stores, no gathers. */
#ifndef PAIR_LOOP_H
#define PAIR_LOOP_H

#include "kernels.h"
#include "core/fixed.h"
#include "core/md_types.h"
#include "core/vfun.h"
#include "pair/sums.h"

/* A formula: c[k] holds column k of the table (kernels.h) for each of four pairs whose squared distances are r2. Returns
 * dE/dr / r; with PAIR_ENERGY in `variant` the energy, too. What it says of pairs beyond their cutoff does not count. */
typedef v4d pair_formula(const md_pair_table *, const v4d *c, v4d r2, int variant, v4d *energy);

/* E + SHIFT + SLOPE r: what a truncation adds to the energy, and SLOPE / r to g. */
MD_INLINE v4d pair_truncated(const v4d *c, v4d g, v4d r, v4d inverse_r, int variant, v4d *energy)
{
    if (variant & PAIR_ENERGY)
        *energy += variant & PAIR_LINEAR ? v_fma(c[PAIR_SLOPE], r, c[PAIR_SHIFT]) : c[PAIR_SHIFT];
    return variant & PAIR_LINEAR ? v_fma(c[PAIR_SLOPE], inverse_r, g) : g;
}

enum { PAIR_SPARSE = 1, PAIR_SCALED = 2 }; /* traits of a formula, or-ed */

/* The loop. columns : of a row (a multiple of four), of which only the first n_used are wanted; variant : known to the
 * compiler, as they are. traits, of pairs: PAIR_SPARSE: in a list made for another potential few are near; four that are not are skipped;
 * PAIR_SCALED: E is multiplied with the numbers `scale` of both atoms (charges). */
MD_INLINE int64_t pair_loop(const md_atoms *atoms, const md_list *list, const md_pair_table *table,
                            int64_t *energy_limbs, const md_shares *shares, pair_formula *formula, const int columns,
                            const int n_used, const int traits, const int variant)
{
    const int want_energy = variant & PAIR_ENERGY, many = variant & PAIR_MANY;
    const int sparse = traits & PAIR_SPARSE, scaled = traits & PAIR_SCALED, weighed = variant & PAIR_WEIGHED;
    const double *MD_RESTRICT scale = table->scale;
    const double *MD_RESTRICT weight = table->weights;
    const double *MD_RESTRICT x = atoms->x;
    double *MD_RESTRICT f = atoms->f;
    const int32_t *MD_RESTRICT index = list->index;
    const v4d big = v_set1(FORCE_BIG), zero = v_set1(0.0);
    md_i128 total = 0;
    v4d worst = zero;
    int64_t bad_row = -1;

    v4d c[PAIR_COLUMNS];
#pragma GCC unroll 16
    for (int k = 0; k < n_used; k++)
        c[k] = v_set1(table->rows[k]);

    for (int64_t i = table->begin; i < table->end; i++) {
        const v4d xi = v_set1(x[4 * i]), yi = v_set1(x[4 * i + 1]), zi = v_set1(x[4 * i + 2]);
        const double *row = many ? table->rows + columns * table->n_species * (int64_t)x[4 * i + 3] : table->rows;
        pair_sums sums = {zero, zero, zero, zero, worst};

        for (int64_t k = list->first[i]; k < list->first[i + 1]; k += 4) {
            const int64_t j0 = index[k], j1 = index[k + 1], j2 = index[k + 2], j3 = index[k + 3];
            if (!sparse)
                pair_fetch(x, f, index + k + LIST_AHEAD);
            v4d dx, dy, dz, species;
            v_transpose(v_load(x + 4 * j0), v_load(x + 4 * j1), v_load(x + 4 * j2), v_load(x + 4 * j3), &dx, &dy, &dz,
                        &species);
            dx -= xi, dy -= yi, dz -= zi;
            const v4d r2 = v_fma(dz, dz, v_fma(dy, dy, dx * dx));
            if (sparse && !v_bits((v4i)(r2 < v_set1(table->farthest2))))
                continue;
            if (many) {
                const double *a = row + columns * (int64_t)species[0], *b = row + columns * (int64_t)species[1];
                const double *p = row + columns * (int64_t)species[2], *q = row + columns * (int64_t)species[3];
#pragma GCC unroll 4
                for (int m = 0; m < n_used; m += 4)
                    v_transpose(v_load(a + m), v_load(b + m), v_load(p + m), v_load(q + m), c + m, c + m + 1, c + m + 2,
                                c + m + 3);
            }
            const v4i inside = r2 < c[PAIR_CUT2];
            v4d pair = zero;
            v4d g = formula(table, c, r2, variant, &pair);
            if (scaled) {
                const v4d both = v_set1(scale[i]) * (v4d){scale[j0], scale[j1], scale[j2], scale[j3]};
                g *= both, pair *= both;
            }
            if (weighed)
                g *= v_set1(0.5) * (v_set1(weight[i]) + (v4d){weight[j0], weight[j1], weight[j2], weight[j3]});
            g = v_mask(g, inside);
            pair = v_mask(pair + big - big, inside);
            pair_add(&sums, f, shares, i, j0, j1, j2, j3, dx, dy, dz, g, pair, want_energy);
            if (want_energy && shares && shares->virial) {
                const v4d half = v_set1(0.5) * g;
                pair_virials(shares->virial, i, j0, j1, j2, j3, dx, dy, dz, half, half);
            }
        }
        pair_close(&sums, f, i, &total, &bad_row, want_energy);
        worst = sums.worst;
    }
    if (want_energy)
        md_limbs(total, energy_limbs);
    return bad_row;
}

/* pair_NAME: the loop over the formula NAME, compiled for every variant. n_force, n_linear : the columns that the force
 * wants, and with PAIR_LINEAR; energies want all. */
#define PAIR_KERNEL(NAME, columns, n_force, n_linear, traits)                                                          \
    static int64_t pair_##NAME(const md_atoms *atoms, const md_list *list, const md_pair_table *table, int variant,    \
                               int64_t *energy_limbs, const md_shares *shares)                                         \
    {                                                                                                                  \
        switch (variant) {                                                                                             \
            PAIR_VARIANT(0, NAME, columns, n_force, traits);                                                           \
            PAIR_VARIANT(PAIR_ENERGY, NAME, columns, columns, traits);                                                 \
            PAIR_VARIANT(PAIR_MANY, NAME, columns, n_force, traits);                                                   \
            PAIR_VARIANT(PAIR_MANY | PAIR_ENERGY, NAME, columns, columns, traits);                                     \
            PAIR_VARIANT(PAIR_LINEAR, NAME, columns, n_linear, traits);                                                \
            PAIR_VARIANT(PAIR_LINEAR | PAIR_ENERGY, NAME, columns, columns, traits);                                   \
            PAIR_VARIANT(PAIR_LINEAR | PAIR_MANY, NAME, columns, n_linear, traits);                                    \
            PAIR_VARIANT(PAIR_LINEAR | PAIR_MANY | PAIR_ENERGY, NAME, columns, columns, traits);                       \
            PAIR_VARIANT(PAIR_LINEAR | PAIR_MANY | PAIR_WEIGHED, NAME, columns, n_linear, traits);                     \
        }                                                                                                              \
        return -1;                                                                                                     \
    }
#define PAIR_VARIANT(v, NAME, columns, n_used, traits)                                                                 \
    case v: return pair_loop(atoms, list, table, energy_limbs, shares, NAME, columns, n_used, traits, v)

#endif
