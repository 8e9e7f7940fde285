/* Global sums that feed back into the dynamics, exact (fixed.h). */
#include "core/fixed.h"
#include "core/md_types.h"
#include "core/simd.h"

/* limbs of m v v as xx, yy, zz, yz, xz, xy, then m v as x, y, z; on 2^-40. */
static void kinetic_sums(const md_atoms *atoms, int64_t *limbs)
{
    md_i128 sum[9] = {0};
    for (int64_t i = 0; i < atoms->n_owned; i++) {
        const double *v = atoms->v + 4 * i, m = atoms->masses[i];
        const double px = m * v[0], py = m * v[1], pz = m * v[2];
        sum[0] += md_energy(px * v[0]), sum[1] += md_energy(py * v[1]), sum[2] += md_energy(pz * v[2]);
        sum[3] += md_energy(py * v[2]), sum[4] += md_energy(px * v[2]), sum[5] += md_energy(px * v[1]);
        sum[6] += md_energy(px), sum[7] += md_energy(py), sum[8] += md_energy(pz);
    }
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
