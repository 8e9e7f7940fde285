/* How can a sum not depend on its order?
 *
 * Round every contribution to a grid first: sums of grid multiples are exact in
 * double while they stay below 2^53 grid units, and an exact sum has no order.
 * `x + BIG - BIG` with BIG = 1.5 * 2^52 * grid rounds x to the nearest multiple
 * (ties to even, so the rounding of -x is minus the rounding of x).
 *
 * Forces and pair energies live on FORCE_GRID = 2^-36, positions on the grid of
 * the run (2^-40 unless the cell is larger than 4096 length units). */
#ifndef MD_FIXED_H
#define MD_FIXED_H

#include <math.h>
#include <stdint.h>

#include "core/simd.h"

#define FORCE_BITS 36
#define FORCE_GRID 0x1p-36
#define FORCE_BIG 0x1.8p16 /* 1.5 * 2^52 * 2^-36 */
#define FORCE_LIMIT 0x1p14 /* largest force for which sums stay exact: larger is a blow-up */
#define ROW_LIMIT 0x1p16 /* largest energy of an atom's pairs that is sure to be exact */
#define SHARE_LIMIT 0x1p27 /* energies of atoms are less: 64 bits of FORCE_GRID */

#define ENERGY_BITS 40 /* sums of kinetic energies, momenta, heat */
#define ENERGY_SCALE 0x1p40

/* A contribution on the energy grid. Beyond 2^22 (or not a number) it stands for "far too
 * much": such a run is about to be refused, and must not wrap around to look harmless. */
static inline int64_t md_energy(double a)
{
    if (a > -0x1p22 && a < 0x1p22)
        return (int64_t)__builtin_rint(a * ENERGY_SCALE);
    return a < 0.0 ? -(INT64_C(1) << 62) : INT64_C(1) << 62;
}

/* The same for four numbers below ENERGY_SMALL. */
#define ENERGY_SMALL 0x1p11
#define ENERGY_BIG 0x1.8p12 /* 1.5 * 2^52 * 2^-ENERGY_BITS */

MD_INLINE v4i v_energy(v4d a)
{
    const v4d big = v_set1(ENERGY_BIG);
    return (v4i)(a + big) - (v4i)big;
}

/* 128-bit exact accumulator, handed on as three limbs that may be added as
 * int64 over up to 2^23 ranks: value = l0 + l1 * 2^40 + l2 * 2^80. */
typedef __int128 md_i128;

/* An atom's energy on FORCE_GRID. From SHARE_LIMIT on (or not a number) it stands for "far too much": of the order of
 * no sum that fits, and known by that (mdcore/base/exact.py). */
static inline md_i128 md_share(double a)
{
    if (a > -SHARE_LIMIT && a < SHARE_LIMIT)
        return (int64_t)__builtin_rint(a * (1.0 / FORCE_GRID));
    return (md_i128)1 << 100;
}

static inline void md_limbs(md_i128 a, int64_t *limbs)
{
    limbs[0] = (int64_t)((uint64_t)a & ((UINT64_C(1) << 40) - 1));
    limbs[1] = (int64_t)((uint64_t)(a >> 40) & ((UINT64_C(1) << 40) - 1));
    limbs[2] = (int64_t)(a >> 80);
}

#endif
