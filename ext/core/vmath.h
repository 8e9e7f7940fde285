/* Branch-free elementary functions that vectorise inside plain loops.
 *
 * log: argument = m 2^e with m in [1/sqrt2, sqrt2), then the odd series of
 * log m = 2 atanh((m-1)/(m+1)); sin and cos of a turn: quadrant by rounding,
 * Taylor polynomials on |angle| <= pi/4. Errors below 3 ulp (tests/test_integrators.py). */
#ifndef MD_VMATH_H
#define MD_VMATH_H

#include <stdint.h>
#include <string.h>

static inline __attribute__((always_inline)) double vm_from_bits(int64_t b)
{
    double a;
    memcpy(&a, &b, sizeof a);
    return a;
}

static inline __attribute__((always_inline)) int64_t vm_bits(double a)
{
    int64_t b;
    memcpy(&b, &a, sizeof b);
    return b;
}

/* Natural logarithm of a normal positive number. */
static inline __attribute__((always_inline)) double vm_log(double a)
{
    const int64_t b = vm_bits(a) - INT64_C(0x3fe6a09e667f3bcd); /* 1/sqrt(2) */
    const int64_t shift = b & INT64_C(-0x10000000000000);       /* e * 2^52 */
    const double m = vm_from_bits(vm_bits(a) - shift);
    /* e as a double, by the bits of 2^52 + 2^51: shift >> 52 without a signed vector shift */
    const double e = vm_from_bits((int64_t)((uint64_t)(shift + INT64_C(0x4000000000000000)) >> 52) +
                                  INT64_C(0x4330000000000000)) - (0x1p52 + 1024.0);
    const double s = (m - 1.0) / (m + 1.0), q = s * s;
    double p = 2.0 / 21.0;
    p = p * q + 2.0 / 19.0;
    p = p * q + 2.0 / 17.0;
    p = p * q + 2.0 / 15.0;
    p = p * q + 2.0 / 13.0;
    p = p * q + 2.0 / 11.0;
    p = p * q + 2.0 / 9.0;
    p = p * q + 2.0 / 7.0;
    p = p * q + 2.0 / 5.0;
    p = p * q + 2.0 / 3.0;
    return e * 0.693147180559945309 + (s * (p * q) + 2.0 * s);
}

/* cos and sin of 2 pi t for 0 <= t <= 1. */
static inline __attribute__((always_inline)) void vm_turn(double t, double *cosine, double *sine)
{
    const double big = 0x1.8p52;
    const double quarter = (4.0 * t + big) - big;
    const uint64_t k = (uint64_t)vm_bits(4.0 * t + big) & 3;
    const double a = (4.0 * t - quarter) * 1.57079632679489661923, q = a * a;
    double s = -1.0 / 1307674368000.0, c = 1.0 / 20922789888000.0;
    s = s * q + 1.0 / 6227020800.0;
    s = s * q - 1.0 / 39916800.0;
    s = s * q + 1.0 / 362880.0;
    s = s * q - 1.0 / 5040.0;
    s = s * q + 1.0 / 120.0;
    s = s * q - 1.0 / 6.0;
    s = s * q * a + a;
    c = c * q - 1.0 / 87178291200.0;
    c = c * q + 1.0 / 479001600.0;
    c = c * q - 1.0 / 3628800.0;
    c = c * q + 1.0 / 40320.0;
    c = c * q - 1.0 / 720.0;
    c = c * q + 1.0 / 24.0;
    c = c * q - 0.5;
    c = c * q + 1.0;
    /* quadrants 0..3: (c, s), (-s, c), (-c, -s), (s, -c), chosen by bit masks */
    const int64_t swap = -(int64_t)(k & 1);
    const int64_t minus_c = (int64_t)(((k + 1) & 2) << 62), minus_s = (int64_t)((k & 2) << 62); /* the sign bit */
    *cosine = vm_from_bits(((vm_bits(s) & swap) | (vm_bits(c) & ~swap)) ^ minus_c);
    *sine = vm_from_bits(((vm_bits(c) & swap) | (vm_bits(s) & ~swap)) ^ minus_s);
}

#endif
