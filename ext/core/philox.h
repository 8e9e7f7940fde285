/* Random numbers that belong to (seed, step, atom, stream), not to a place in a queue.
 *
 * Philox4x32-10: Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy
 * as 1, 2, 3", SC'11, doi:10.1145/2063384.2063405. Counter: step (64 bits), tag
 * (40 bits), stream (24 bits, may carry more of a wide tag); key: seed. */
#ifndef MD_PHILOX_H
#define MD_PHILOX_H

#include <math.h>
#include <stdint.h>

#include "core/vmath.h"

typedef struct {
    uint64_t c0, c1, c2, c3; /* each 32 bits; kept wide so that loops over atoms vectorise */
} md_philox;

static inline __attribute__((always_inline)) md_philox philox(uint64_t seed, uint64_t step, uint64_t tag,
                                                              uint64_t stream)
{
    const uint64_t low = 0xffffffffu;
    md_philox c = {step & low, step >> 32, tag & low, ((tag >> 32) << 8 ^ stream) & low};
    uint64_t k0 = seed & low, k1 = seed >> 32;
    for (int round = 0; round < 10; round++) {
        const uint64_t p0 = (c.c0 & low) * UINT64_C(0xd2511f53), p1 = (c.c2 & low) * UINT64_C(0xcd9e8d57);
        const md_philox next = {(p1 >> 32) ^ c.c1 ^ k0, p1 & low, (p0 >> 32) ^ c.c3 ^ k1, p0 & low};
        c = next;
        k0 = (k0 + 0x9e3779b9u) & low;
        k1 = (k1 + 0xbb67ae85u) & low;
    }
    return c;
}

/* Three standard normal numbers (Box-Muller on two pairs; the fourth is not used). */
static inline __attribute__((always_inline)) void philox_normals(uint64_t seed, uint64_t step, uint64_t tag,
                                                                 uint64_t stream, double out[3])
{
    const md_philox c = philox(seed, step, tag, stream);
    /* 32 bits to (0, 1]: 2^52 + n + 1 built from bits, minus 2^52 */
    const int64_t base = INT64_C(0x4330000000000000);
    const double u0 = (vm_from_bits(base | (int64_t)c.c0) - (0x1p52 - 1.0)) * 0x1p-32;
    const double u1 = (vm_from_bits(base | (int64_t)c.c1) - 0x1p52) * 0x1p-32;
    const double u2 = (vm_from_bits(base | (int64_t)c.c2) - (0x1p52 - 1.0)) * 0x1p-32;
    const double u3 = (vm_from_bits(base | (int64_t)c.c3) - 0x1p52) * 0x1p-32;
    const double r0 = sqrt(-2.0 * vm_log(u0)), r1 = sqrt(-2.0 * vm_log(u2));
    double cos0, sin0, cos1, sin1;
    vm_turn(u1, &cos0, &sin0);
    vm_turn(u3, &cos1, &sin1);
    out[0] = r0 * cos0;
    out[1] = r0 * sin0;
    out[2] = r1 * cos1;
}

#endif
