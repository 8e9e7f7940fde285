/* Global sums that feed back into the dynamics, exact (fixed.h). */
#include <string.h>

#include "core/fixed.h"
#include "core/md_types.h"
#include "core/simd.h"

enum { KINETIC_BLOCK = 512 }; /* atoms whose sums are sure to fit in 64 bits a lane */

/* Adds atoms from `first` on, one by one: all numbers are told. */
static void kinetic_slowly(const md_atoms *atoms, int64_t first, int64_t end, md_i128 *sum)
{
    for (int64_t i = first; i < end; i++) {
        const double *v = atoms->v + 4 * i, m = atoms->masses[i];
        const double px = m * v[0], py = m * v[1], pz = m * v[2];
        sum[0] += md_energy(px * v[0]), sum[1] += md_energy(py * v[1]), sum[2] += md_energy(pz * v[2]);
        sum[3] += md_energy(py * v[2]), sum[4] += md_energy(px * v[2]), sum[5] += md_energy(px * v[1]);
        sum[6] += md_energy(px), sum[7] += md_energy(py), sum[8] += md_energy(pz);
    }
}

/* The same for four atoms at a time; returns 0, and has added nothing, if a number is too large for that. */
MD_INLINE int kinetic_block(const md_atoms *atoms, int64_t first, int64_t end, md_i128 *sum)
{
    v4i sums[9], fine = {-1, -1, -1, -1};
    memset(sums, 0, sizeof sums);
    for (int64_t i = first; i < end; i += 4) {
        const double *row = atoms->v + 4 * i;
        v4d x, y, z, inverse;
        v_transpose(v_load(row), v_load(row + 4), v_load(row + 8), v_load(row + 12), &x, &y, &z, &inverse);
        const v4d m = v_load(atoms->masses + i), px = m * x, py = m * y, pz = m * z;
        const v4d xx = px * x, yy = py * y, zz = pz * z, limit = v_set1(ENERGY_SMALL);
        fine &= (v4i)(xx + yy + zz < limit) & (v4i)(px < limit) & (v4i)(py < limit) & (v4i)(pz < limit);
        fine &= (v4i)(px > -limit) & (v4i)(py > -limit) & (v4i)(pz > -limit);
        sums[0] += v_energy(xx), sums[1] += v_energy(yy), sums[2] += v_energy(zz);
        sums[3] += v_energy(py * z), sums[4] += v_energy(px * z), sums[5] += v_energy(px * y);
        sums[6] += v_energy(px), sums[7] += v_energy(py), sums[8] += v_energy(pz);
    }
    if (v_bits(fine) != 15)
        return 0;
    for (int k = 0; k < 9; k++)
        for (int lane = 0; lane < 4; lane++)
            sum[k] += sums[k][lane];
    return 1;
}

/* limbs of m v v as xx, yy, zz, yz, xz, xy, then m v as x, y, z; on 2^-40. */
static void kinetic_sums(const md_atoms *atoms, int64_t *limbs)
{
    md_i128 sum[9] = {0};
    const int64_t whole = atoms->n_owned & ~INT64_C(3);
    for (int64_t first = 0; first < whole; first += KINETIC_BLOCK) {
        const int64_t end = first + KINETIC_BLOCK < whole ? first + KINETIC_BLOCK : whole;
        if (!kinetic_block(atoms, first, end, sum))
            kinetic_slowly(atoms, first, end, sum);
    }
    kinetic_slowly(atoms, whole, atoms->n_owned, sum);
    for (int k = 0; k < 9; k++)
        md_limbs(sum[k], limbs + 3 * k);
}

/* sum of x (x) F over owned atoms and ghosts, before ghost forces go home: exactly the
 * sum of r_ij (x) F_ij over all interactions, whichever images carry them, since both
 * factors are integers (units of the position grid and of FORCE_GRID).
 * limbs of xx, yy, zz, yz, xz, xy. */
static void virial_sums(const md_atoms *atoms, double positions_per_unit, int64_t *limbs)
{
    md_i128 sum[6] = {0};
    for (int64_t i = 0; i < atoms->n_owned + atoms->n_ghost; i++) {
        const double *px = atoms->x + 4 * i, *pf = atoms->f + 4 * i;
        md_i128 x[3];
        int64_t f[3];
        for (int d = 0; d < 3; d++) {
            x[d] = (int64_t)(px[d] * positions_per_unit);
            f[d] = (int64_t)(pf[d] * (1.0 / FORCE_GRID));
        }
        sum[0] += x[0] * f[0], sum[1] += x[1] * f[1], sum[2] += x[2] * f[2];
        sum[3] += x[1] * f[2], sum[4] += x[0] * f[2], sum[5] += x[0] * f[1];
    }
    for (int k = 0; k < 6; k++)
        md_limbs(sum[k], limbs + 3 * k);
}
