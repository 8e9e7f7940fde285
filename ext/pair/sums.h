/* What pair potentials over a half list do with four pairs (i, j) they have computed: add them up exactly. */
#ifndef PAIR_SUMS_H
#define PAIR_SUMS_H

#include "core/fixed.h"
#include "core/md_types.h"
#include "core/vfun.h"

/* Fetch what the pairs LIST_AHEAD places on will need: beyond some 100,000 atoms the rows of the next layer of
 * cells have left the second-level cache by the time they are wanted again. */
MD_INLINE void pair_fetch(const double *x, const double *f, const int32_t *ahead)
{
    for (int k = 0; k < 4; k++) {
        __builtin_prefetch(x + 4 * (int64_t)ahead[k]);
        __builtin_prefetch(f + 4 * (int64_t)ahead[k]);
    }
}

/* What pairs of an atom add up to. worst, with energy: the largest force component or energy of any pair so far. */
typedef struct {
    v4d fx, fy, fz, energy, worst;
} pair_sums;

/* f_j -= g_ij, as rows: 32-byte loads and stores, no scatter. */
MD_INLINE void pair_subtract(double *MD_RESTRICT f, int64_t j0, int64_t j1, int64_t j2, int64_t j3,
                             v4d gx, v4d gy, v4d gz)
{
    v4d f0, f1, f2, f3;
    v_transpose(gx, gy, gz, v_set1(0.0), &f0, &f1, &f2, &f3);
    v_store(f + 4 * j0, v_load(f + 4 * j0) - f0);
    v_store(f + 4 * j1, v_load(f + 4 * j1) - f1);
    v_store(f + 4 * j2, v_load(f + 4 * j2) - f2);
    v_store(f + 4 * j3, v_load(f + 4 * j3) - f3);
}

/* Half of each pair's energy to either atom. */
MD_INLINE void pair_halves(double *atom_energy, int64_t i, int64_t j0, int64_t j1, int64_t j2, int64_t j3, v4d pair)
{
    pair *= v_set1(0.5);
    atom_energy[i] += v_sum(pair);
    atom_energy[j0] += pair[0], atom_energy[j1] += pair[1];
    atom_energy[j2] += pair[2], atom_energy[j3] += pair[3];
}

/* W_i and W_j of four pairs: of_i d is dE_i/dd, of_j d is dE_j/dd, d = r_j - r_i (md_types.h). */
MD_INLINE void pair_virials(double *virial, int64_t i, int64_t j0, int64_t j1, int64_t j2, int64_t j3, v4d dx, v4d dy,
                            v4d dz, v4d of_i, v4d of_j)
{
    const v4d d[3] = {dx, dy, dz}, big = v_set1(FORCE_BIG);
    double *const to[4] = {virial + 9 * j0, virial + 9 * j1, virial + 9 * j2, virial + 9 * j3};
    for (int a = 0; a < 3; a++)
        for (int b = 0; b < 3; b++) {
            const v4d area = d[a] * d[b], mine = area * of_j + big - big, theirs = area * of_i + big - big;
            virial[9 * i + 3 * a + b] -= v_sum(mine);
            for (int lane = 0; lane < 4; lane++)
                to[lane][3 * a + b] -= theirs[lane];
        }
}

/* The energy e of row i joins the total, unless a pair (`worst`) or the row was beyond the range of exact sums, even if
 * forces cancel by symmetry: such a row is remembered. */
MD_INLINE void pair_total(md_i128 *total, int64_t *bad_row, int64_t i, v4d e, v4d worst)
{
    if (*bad_row < 0 && (v_bits((v4i)(worst < v_set1(FORCE_LIMIT))) != 15 || !(fabs(v_sum(e)) < ROW_LIMIT)))
        *bad_row = i;
    if (*bad_row < 0)
        *total += (int64_t)(v_sum(e) * (1.0 / FORCE_GRID));
}

/* Four pairs (i, j), d = r_j - r_i: each g d, rounded to FORCE_GRID by the fused multiply-add that makes it, joins the sums
 * of i and leaves the forces of j; with want_energy so do energies, half of each in the shares unless they are NULL. g and
 * energy are 0 where pairs don't count. */
MD_INLINE void pair_add(pair_sums *sums, double *MD_RESTRICT f, const md_shares *shares, int64_t i, int64_t j0,
                        int64_t j1, int64_t j2, int64_t j3, v4d dx, v4d dy, v4d dz, v4d g, v4d energy,
                        const int want_energy)
{
    const v4d big = v_set1(FORCE_BIG);
    if (want_energy) {
        sums->worst = v_worst(sums->worst, v_abs(energy));
        sums->energy += energy;
        if (shares)
            pair_halves(shares->energy, i, j0, j1, j2, j3, energy);
    }
    const v4d gx = v_fma(g, dx, big) - big, gy = v_fma(g, dy, big) - big, gz = v_fma(g, dz, big) - big;
    sums->fx += gx, sums->fy += gy, sums->fz += gz;
    if (want_energy)
        sums->worst = v_worst(sums->worst, v_worst(v_abs(gx), v_worst(v_abs(gy), v_abs(gz))));
    pair_subtract(f, j0, j1, j2, j3, gx, gy, gz);
}

/* The sums of atom i, whose pairs are all there, join its force and the total. */
MD_INLINE void pair_close(const pair_sums *sums, double *MD_RESTRICT f, int64_t i, md_i128 *total, int64_t *bad_row,
                          const int want_energy)
{
    v_store(f + 4 * i, v_load(f + 4 * i) + (v4d){v_sum(sums->fx), v_sum(sums->fy), v_sum(sums->fz), 0.0});
    if (want_energy)
        pair_total(total, bad_row, i, sums->energy, sums->worst);
}

#endif
