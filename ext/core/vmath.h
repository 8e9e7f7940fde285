/* Branch-free elementary functions that vectorise inside plain loops.
 *
 * log: argument = m 2^e with m in [1/sqrt2, sqrt2), then the odd series of
 * log m = 2 atanh((m-1)/(m+1)); sin and cos of a turn: quadrant by rounding,
 * Taylor polynomials on |angle| <= pi/4. Errors below 3 ulp (tests/test_integrators.py). vf_*: the same for floats. */
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

static inline __attribute__((always_inline)) float vf_from_bits(int32_t b)
{
    float a;
    memcpy(&a, &b, sizeof a);
    return a;
}

static inline __attribute__((always_inline)) int32_t vf_bits(float a)
{
    int32_t b;
    memcpy(&b, &a, sizeof b);
    return b;
}

static inline __attribute__((always_inline)) float vf_fma(float a, float b, float c)
{
#if defined(__FMA__) || defined(__FP_FAST_FMAF)
    return __builtin_fmaf(a, b, c);
#else
    return a * b + c;
#endif
}

/* Natural logarithm of a normal positive number. */
static inline __attribute__((always_inline)) float vf_log(float a)
{
    const int32_t b = vf_bits(a) - 0x3f3504f3; /* 1/sqrt(2) */
    const int32_t shift = b & -0x800000;       /* e * 2^23 */
    const float m = vf_from_bits(vf_bits(a) - shift), e = (float)shift * 0x1p-23f;
    const float s = (m - 1.0f) / (m + 1.0f), q = s * s;
    float p = vf_fma(q, 2.0f / 9.0f, 2.0f / 7.0f);
    p = vf_fma(p, q, 2.0f / 5.0f);
    p = vf_fma(p, q, 2.0f / 3.0f);
    p = vf_fma(p, q, 2.0f);
    return vf_fma(e, 0.693147180559945309f, s * p);
}

/* cos and sin of k + x quarters of a turn: k, the upper two bits of `at`, and -1/2 <= x < 1/2, the others with their
 * sign. Polynomials: S. L. Moshier, Cephes, sinf.c. */
static inline __attribute__((always_inline)) void vf_turn(uint32_t at, float *cosine, float *sine)
{
    const float a = (float)(int32_t)(at << 2) * (1.57079632679489661923f * 0x1p-32f), q = a * a;
    float s = vf_fma(q, -1.9515295891e-4f, 8.3321608736e-3f);
    float c = vf_fma(q, 2.443315711809948e-5f, -1.388731625493765e-3f);
    s = vf_fma(s, q, -1.6666654611e-1f);
    s = vf_fma(s * q, a, a);
    c = vf_fma(c, q, 4.166664568298827e-2f);
    c = vf_fma(c, q, -0.5f);
    c = vf_fma(c, q, 1.0f);
    /* quadrants as above */
    const int32_t swap = -(int32_t)(at >> 30 & 1);
    const int32_t minus_c = (int32_t)((at ^ at << 1) & 0x80000000u), minus_s = (int32_t)(at & 0x80000000u);
    *cosine = vf_from_bits(((vf_bits(s) & swap) | (vf_bits(c) & ~swap)) ^ minus_c);
    *sine = vf_from_bits(((vf_bits(c) & swap) | (vf_bits(s) & ~swap)) ^ minus_s);
}

#endif
