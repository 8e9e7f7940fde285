/* Potentials at charges of others closer than the cutoff: what pairs of a sum over charges have of them (pair/coulomb.h).
 *
 *     p_i = sum_j q_j u_ij,    u_ij: of unit charges
 *
 * Each q_j u_ij is rounded to the grid of forces, so sums are exact; ghosts get what is their owners'. */
#include "kernels.h"
#include "core/fixed.h"
#include "core/md_types.h"
#include "pair/damped.h"

MD_INLINE void charge_near(const md_atoms *atoms, const md_list *list, const md_pair_table *table, const double *charge,
                           double *potential, pair_formula *formula, const int many)
{
    enum { COLUMNS = 8 };
    const double *x = atoms->x;
    const v4d big = v_set1(FORCE_BIG);
    v4d c[PAIR_COLUMNS];
    for (int k = 0; k < COLUMNS; k++)
        c[k] = v_set1(table->rows[k]);
    for (int64_t i = table->begin; i < table->end; i++) {
        const v4d xi = v_set1(x[4 * i]), yi = v_set1(x[4 * i + 1]), zi = v_set1(x[4 * i + 2]);
        const double *row = table->rows + COLUMNS * table->n_species * (int64_t)x[4 * i + 3];
        v4d sum = v_set1(0.0);
        for (int64_t k = list->first[i]; k < list->first[i + 1]; k += 4) {
            const int32_t *j = list->index + k;
            v4d dx, dy, dz, species, u = v_set1(0.0);
            v_transpose(v_load(x + 4 * (int64_t)j[0]), v_load(x + 4 * (int64_t)j[1]), v_load(x + 4 * (int64_t)j[2]),
                        v_load(x + 4 * (int64_t)j[3]), &dx, &dy, &dz, &species);
            dx -= xi, dy -= yi, dz -= zi;
            const v4d r2 = v_fma(dz, dz, v_fma(dy, dy, dx * dx));
            if (many) {
                const double *p[4];
                for (int lane = 0; lane < 4; lane++)
                    p[lane] = row + COLUMNS * (int64_t)species[lane];
                for (int m = 0; m < COLUMNS; m += 4)
                    v_transpose(v_load(p[0] + m), v_load(p[1] + m), v_load(p[2] + m), v_load(p[3] + m), c + m, c + m + 1,
                                c + m + 2, c + m + 3);
            }
            formula(table, c, r2, PAIR_ENERGY | PAIR_LINEAR, &u);
            u = v_mask(u, (v4i)(r2 < c[PAIR_CUT2]));
            const v4d q = {charge[j[0]], charge[j[1]], charge[j[2]], charge[j[3]]};
            sum += v_mask(q * u + big - big, (v4i)(r2 < c[PAIR_CUT2]));
            const v4d back = v_set1(charge[i]) * u + big - big;
            for (int lane = 0; lane < 4; lane++)
                potential[j[lane]] += back[lane];
        }
        potential[i] += v_sum(sum);
    }
}

/* Adds p [n_total + 1], of charges [n_total + 1], over a half list. table : of unit charges; kind : points, Gaussians, what
 * damping takes away of either */
static void charge_potentials(const md_atoms *atoms, const md_list *list, const md_pair_table *table, int kind,
                              const double *charge, double *potential)
{
    switch (kind) {
        case NEAR_POINTS: charge_near(atoms, list, table, charge, potential, coulomb, 0); break;
        case NEAR_GAUSSIANS: charge_near(atoms, list, table, charge, potential, gaussians, 1); break;
        default: charge_near(atoms, list, table, charge, potential, damped, 1);
    }
}
