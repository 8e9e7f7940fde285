/* Elementary functions of the lanes of a vector, without branches.
 *
 * Polynomials interpolate in Chebyshev nodes (those for double computed with 60 digits); their errors are
 * below the rounding error of the coefficients unless said otherwise: in float, the results are within
 * 1.2e-7 of the truth. Reduction of exp: Cody and
 * Waite, Software Manual for the Elementary Functions, 1980. */
#ifndef MD_VFUN_H
#define MD_VFUN_H

#include "core/lanes.h"

MD_INLINE vr v_select(vi m, vr a, vr b) { return (vr)(((vi)a & m) | ((vi)b & ~m)); } /* m ? a : b */
MD_INLINE vr v_abs(vr a) { return (vr)((vi)a & ~R_SIGN); }

MD_INLINE vr v_larger(vr a, vr b)
{
#if defined(__AVX__)
    return (vr)R_VECTOR(max)(a, b);
#else
    return v_select((vi)(a > b), a, b);
#endif
}

MD_INLINE vr v_smaller(vr a, vr b)
{
#if defined(__AVX__)
    return (vr)R_VECTOR(min)(a, b);
#else
    return v_select((vi)(a < b), a, b);
#endif
}

/* c[0] + c[1] x + ... + c[n-1] x^(n-1), n <= 16; c and n known at compile time. Pairs, then pairs of pairs
 * (Estrin): a few multiplications more than Horner's rule, but short chains that overlap. */
MD_INLINE vr v_polynomial(const REAL *c, const int n, vr x)
{
    vr p[8];
#pragma GCC unroll 8
    for (int i = 0; i < (n + 1) / 2; i++)
        p[i] = 2 * i + 1 < n ? r_fma(r_set1(c[2 * i + 1]), x, r_set1(c[2 * i])) : r_set1(c[2 * i]);
#pragma GCC unroll 4
    for (int left = (n + 1) / 2; left > 1; left = (left + 1) / 2) {
        x *= x;
#pragma GCC unroll 8
        for (int i = 0; i < (left + 1) / 2; i++)
            p[i] = 2 * i + 1 < left ? r_fma(p[2 * i + 1], x, p[2 * i]) : p[2 * i];
    }
    return p[0];
}

/* exp(x) for x <= 709 (float: 88); 3e-308 (2e-38) or less where exp(x) is. */
MD_INLINE vr v_exp(vr x)
{
#if MD_BITS == 32
    static const REAL c[] = {1.0f, 1.0f, 0.5f, 0.166664153f, 0.0416663513f, 0.00837513432f, 0.0013941119f};
    static const REAL least = -87.0f, rounder = 0x1.8p23f, step = 0x1.62e4p-1f, rest = 1.42860677e-06f;
    enum { MANTISSA = 23 };
#else
    static const REAL c[] = {
        1.0, 1.0, 0.5000000000000019, 0.1666666666666668, 0.0416666666664881, 0.008333333333319601,
        0.0013888888952314775, 0.00019841269890047113, 2.4801485482328494e-05, 2.755724091857897e-06,
        2.763263963904103e-07, 2.5110037605963777e-08};
    static const REAL least = -708.0, rounder = 0x1.8p52, step = 0x1.62e42feep-1, rest = 1.9082149292705877e-10;
    enum { MANTISSA = 52 };
#endif
    const vr big = r_set1(rounder);
    x = v_larger(x, r_set1(least));
    const vr t = r_fma(x, r_set1((REAL)1.4426950408889634), big), n = t - big;
    const vr r = r_fma(n, r_set1(-rest), r_fma(n, r_set1(-step), x)); /* step + rest = ln 2 */
    return (vr)((vi)v_polynomial(c, sizeof c / sizeof *c, r) + ((vi)t << MANTISSA));
}

/* 2 atanh(z) for |z| <= 1/3 */
MD_INLINE vr v_twice_atanh(vr z)
{
#if MD_BITS == 32
    static const REAL c[] = {2.0f, 0.666663229f, 0.400245965f, 0.279651582f, 0.281577796f};
#else
    static const REAL c[] = {2.0, 0.6666666666666615, 0.4000000000018575, 0.28571428545454114,
                               0.22222224080747674, 0.18181740832504806, 0.1538661404230401,
                               0.13300374032674625, 0.12110168728069218, 0.0832450651186082,
                               0.17044163562781398};
#endif
    return z * v_polynomial(c, sizeof c / sizeof *c, z * z);
}

/* ln(1 + x) for 0 <= x <= 1 */
MD_INLINE vr v_log1p(vr x) { return v_twice_atanh(x / (r_set1(2.0) + x)); }

/* ln(x) for normal x > 0 */
MD_INLINE vr v_log(vr x)
{
#if MD_BITS == 32
    const vi b = (vi)x - 0x3f3504f3; /* 1/sqrt(2) */
    const vr m = (vr)((vi)x - (b & -0x800000)), one = r_set1(1), e = __builtin_convertvector(b >> 23, vr);
#else
    const vi b = (vi)x - INT64_C(0x3fe6a09e667f3bcd); /* 1/sqrt(2) */
    const vi shift = b & INT64_C(-0x10000000000000);
    const vr m = (vr)((vi)x - shift), one = r_set1(1);
    const vi biased = ((shift + INT64_C(0x4000000000000000)) >> 52 & 0xfff) + INT64_C(0x4330000000000000);
    const vr e = (vr)biased - r_set1(0x1p52 + 1024.0);
#endif
    return r_fma(e, r_set1(0.6931471805599453), v_twice_atanh((m - one) / (m + one)));
}

/* tanh(x/2) for |x| <= 1 */
MD_INLINE vr v_tanh_half(vr x)
{
#if MD_BITS == 32
    static const REAL c[] = {0.5f, -0.0416663364f, 0.00416398467f, -0.000413939357f, 3.34596589e-05f};
#else
    static const REAL c[] = {0.49999999999999994, -0.04166666666665585, 0.0041666666663085945,
                               -0.00042162697952141247, 4.271381463014264e-05, -4.3276377855561695e-06,
                               4.3822864428950054e-07, -4.4047370446504587e-08, 4.161635317217189e-09,
                               -2.7987532117168754e-10};
#endif
    return x * v_polynomial(c, sizeof c / sizeof *c, x * x);
}

/* sin(pi/2 x) for |x| <= 1 */
MD_INLINE vr v_sin_quarter(vr x)
{
#if MD_BITS == 32
    static const REAL c[] = {1.57079637f, -0.645963788f, 0.0796899199f, -0.00467414362f, 0.000151671702f};
#else
    static const REAL c[] = {1.5707963267948966, -0.6459640975062462, 0.07969262624616565,
                               -0.004681754135304255, 0.0001604411847130916, -3.5988430204672576e-06,
                               5.6921364280986254e-08, -6.684416831856085e-10, 5.87297574479995e-12};
#endif
    return x * v_polynomial(c, sizeof c / sizeof *c, x * x);
}

/* cos and sin of pi/2 (y + quarter), |y| <= 1/2, the last bits of `quarter` a whole number, by symmetry */
MD_INLINE void v_cos_sin_quarter(vr y, vi quarter, vr *cosine, vr *sine)
{
    const vr s = v_sin_quarter(y), half = v_sin_quarter(r_set1(0.5) * y), c = r_fma(r_set1(-2.0) * half, half, r_set1(1.0));
    const vi odd = -(quarter & 1);
    const vr a = v_select(odd, s, c), b = v_select(odd, c, s);
    *cosine = (vr)((vi)a ^ ((quarter + 1) & 2) << (MD_BITS - 2));
    *sine = (vr)((vi)b ^ (quarter & 2) << (MD_BITS - 2));
}

#if MD_BITS == 64
/* cos(x) and sin(x) for |x| < 1e5: turns off by rounding, then quarters */
MD_INLINE void v_cos_sin(vr x, vr *cosine, vr *sine)
{
    const vr big = r_set1(0x1.8p52), t = r_fma(x, r_set1(0.6366197723675814), big), n = t - big;
    /* pi/2 in two parts of 33 and 53 bits */
    const vr r = r_fma(n, r_set1(-6.077100506506192e-11), r_fma(n, r_set1(-0x1.921fb544p0), x));
    v_cos_sin_quarter(r * r_set1(0.6366197723675814), (vi)t, cosine, sine);
}
#endif

/* cos(pi u) and sin(pi u) for |u| < 1e4 */
MD_INLINE void v_cos_sin_pi(vr u, vr *cosine, vr *sine)
{
#if MD_BITS == 64
    v_cos_sin(u * r_set1(3.141592653589793), cosine, sine);
#else
    const vr big = r_set1(0x1.8p23f), t = (u + u) + big;
    v_cos_sin_quarter((u + u) - (t - big), (vi)t, cosine, sine);
#endif
}

/* The angle in [0, pi] of the direction (cosine, sine), sine >= 0; not both zero */
MD_INLINE vr v_angle(vr cosine, vr sine)
{
#if MD_BITS == 32
    static const REAL c[] = {1.0f, -0.333333075f, 0.199981824f, -0.142395332f, 0.105698287f, -0.0602630526f};
#else
    static const REAL c[] = {1.0, -0.3333333333333312, 0.19999999999940893, -0.14285714279250245,
                               0.11111110744919658, -0.09090896809064027, 0.07692045330902225,
                               -0.06662951813629191, 0.05846878297330872, -0.05035102456601552,
                               0.03796525745386593, -0.017805397205419446};
#endif
    const vr side = v_abs(cosine), low = v_smaller(side, sine), high = v_larger(side, sine), zero = r_set1(0.0);
    /* atan(low/high) <= pi/4; beyond pi/8: pi/4 + atan((low - high)/(low + high)) */
    const vi far = (vi)(low > r_set1(0.41421356237309503) * high);
    const vr z = v_select(far, low - high, low) / v_select(far, low + high, high);
    vr a = r_fma(z, v_polynomial(c, sizeof c / sizeof *c, z * z), v_select(far, r_set1(0.7853981633974483), zero));
    a = v_select((vi)(sine > side), r_set1(1.5707963267948966) - a, a);
    return v_select((vi)(cosine < zero), r_set1(3.141592653589793) - a, a);
}

/* x^n for n >= 0 by squaring */
MD_INLINE vr v_power(vr x, int n)
{
    vr p = n & 1 ? x : r_set1(1.0);
    for (n >>= 1; n; n >>= 1) {
        x *= x;
        if (n & 1)
            p *= x;
    }
    return p;
}

#endif
