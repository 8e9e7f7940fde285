/* Elementary functions of four doubles at a time, without branches.
 *
 * Polynomials interpolate in Chebyshev nodes (computed with 60 digits); their errors are
 * below the rounding error of the coefficients unless said otherwise. Reduction of exp: Cody and
 * Waite, Software Manual for the Elementary Functions, 1980. */
#ifndef MD_VFUN_H
#define MD_VFUN_H

#include "simd.h"

MD_INLINE v4d v_select(v4i m, v4d a, v4d b) { return (v4d)(((v4i)a & m) | ((v4i)b & ~m)); } /* m ? a : b */
MD_INLINE v4d v_magnitude(v4d a) { return (v4d)((v4i)a & INT64_MAX); }

MD_INLINE v4d v_larger(v4d a, v4d b)
{
#if defined(__AVX__)
    return (v4d)_mm256_max_pd((__m256d)a, (__m256d)b);
#else
    return v_select((v4i)(a > b), a, b);
#endif
}

MD_INLINE v4d v_smaller(v4d a, v4d b)
{
#if defined(__AVX__)
    return (v4d)_mm256_min_pd((__m256d)a, (__m256d)b);
#else
    return v_select((v4i)(a < b), a, b);
#endif
}

/* c[0] + c[1] x + ... + c[n-1] x^(n-1), n <= 16; c and n known at compile time. Pairs, then pairs of pairs
 * (Estrin): a few multiplications more than Horner's rule, but short chains that overlap. */
MD_INLINE v4d v_polynomial(const double *c, const int n, v4d x)
{
    v4d p[8];
#pragma GCC unroll 8
    for (int i = 0; i < (n + 1) / 2; i++)
        p[i] = 2 * i + 1 < n ? v_fma(v_set1(c[2 * i + 1]), x, v_set1(c[2 * i])) : v_set1(c[2 * i]);
#pragma GCC unroll 4
    for (int left = (n + 1) / 2; left > 1; left = (left + 1) / 2) {
        x *= x;
#pragma GCC unroll 8
        for (int i = 0; i < (left + 1) / 2; i++)
            p[i] = 2 * i + 1 < left ? v_fma(p[2 * i + 1], x, p[2 * i]) : p[2 * i];
    }
    return p[0];
}

/* exp(x) for x <= 709; 3e-308 or less where exp(x) is. */
MD_INLINE v4d v_exp(v4d x)
{
    static const double c[] = {
        1.0, 1.0, 0.5000000000000019, 0.1666666666666668, 0.0416666666664881, 0.008333333333319601,
        0.0013888888952314775, 0.00019841269890047113, 2.4801485482328494e-05, 2.755724091857897e-06,
        2.763263963904103e-07, 2.5110037605963777e-08};
    const v4d big = v_set1(0x1.8p52);
    x = v_larger(x, v_set1(-708.0));
    const v4d t = v_fma(x, v_set1(1.4426950408889634), big), n = t - big;
    const v4d r = v_fma(n, v_set1(-1.9082149292705877e-10), v_fma(n, v_set1(-0x1.62e42feep-1), x));
    return (v4d)((v4i)v_polynomial(c, 12, r) + ((v4i)t << 52));
}

/* 2 atanh(z) for |z| <= 1/3 */
MD_INLINE v4d v_twice_atanh(v4d z)
{
    static const double c[] = {2.0, 0.6666666666666615, 0.4000000000018575, 0.28571428545454114,
                               0.22222224080747674, 0.18181740832504806, 0.1538661404230401,
                               0.13300374032674625, 0.12110168728069218, 0.0832450651186082,
                               0.17044163562781398};
    return z * v_polynomial(c, 11, z * z);
}

/* ln(1 + x) for 0 <= x <= 1 */
MD_INLINE v4d v_log1p(v4d x) { return v_twice_atanh(x / (v_set1(2.0) + x)); }

/* ln(x) for normal x > 0 */
MD_INLINE v4d v_log(v4d x)
{
    const v4i b = (v4i)x - INT64_C(0x3fe6a09e667f3bcd); /* 1/sqrt(2) */
    const v4i shift = b & INT64_C(-0x10000000000000);
    const v4d m = (v4d)((v4i)x - shift), one = v_set1(1.0);
    const v4i biased = ((shift + INT64_C(0x4000000000000000)) >> 52 & 0xfff) + INT64_C(0x4330000000000000);
    const v4d e = (v4d)biased - v_set1(0x1p52 + 1024.0);
    return v_fma(e, v_set1(0.6931471805599453), v_twice_atanh((m - one) / (m + one)));
}

/* tanh(x/2) for |x| <= 1 */
MD_INLINE v4d v_tanh_half(v4d x)
{
    static const double c[] = {0.49999999999999994, -0.04166666666665585, 0.0041666666663085945,
                               -0.00042162697952141247, 4.271381463014264e-05, -4.3276377855561695e-06,
                               4.3822864428950054e-07, -4.4047370446504587e-08, 4.161635317217189e-09,
                               -2.7987532117168754e-10};
    return x * v_polynomial(c, 10, x * x);
}

/* sin(pi/2 x) for |x| <= 1 */
MD_INLINE v4d v_sin_quarter(v4d x)
{
    static const double c[] = {1.5707963267948966, -0.6459640975062462, 0.07969262624616565,
                               -0.004681754135304255, 0.0001604411847130916, -3.5988430204672576e-06,
                               5.6921364280986254e-08, -6.684416831856085e-10, 5.87297574479995e-12};
    return x * v_polynomial(c, 9, x * x);
}

/* cos(x) and sin(x) for |x| < 1e5: turns off by rounding, then quarters by symmetry */
MD_INLINE void v_cos_sin(v4d x, v4d *cosine, v4d *sine)
{
    const v4d big = v_set1(0x1.8p52), t = v_fma(x, v_set1(0.6366197723675814), big), n = t - big;
    /* pi/2 in two parts of 33 and 53 bits */
    const v4d r = v_fma(n, v_set1(-6.077100506506192e-11), v_fma(n, v_set1(-0x1.921fb544p0), x));
    const v4d y = r * v_set1(0.6366197723675814), one = v_set1(1.0);
    const v4d s = v_sin_quarter(y), c = v_fma(v_set1(-2.0) * v_sin_quarter(v_set1(0.5) * y),
                                              v_sin_quarter(v_set1(0.5) * y), one);
    const v4i quarter = (v4i)t & 3, odd = -(quarter & 1);
    const v4d a = v_select(odd, s, c), b = v_select(odd, c, s);
    *cosine = (v4d)((v4i)a ^ ((quarter + 1) & 2) << 62);
    *sine = (v4d)((v4i)b ^ (quarter & 2) << 62);
}

/* The angle in [0, pi] of the direction (cosine, sine), sine >= 0; not both zero */
MD_INLINE v4d v_angle(v4d cosine, v4d sine)
{
    static const double c[] = {1.0, -0.3333333333333312, 0.19999999999940893, -0.14285714279250245,
                               0.11111110744919658, -0.09090896809064027, 0.07692045330902225,
                               -0.06662951813629191, 0.05846878297330872, -0.05035102456601552,
                               0.03796525745386593, -0.017805397205419446};
    const v4d side = v_magnitude(cosine), low = v_smaller(side, sine), high = v_larger(side, sine), zero = v_set1(0.0);
    /* atan(low/high) <= pi/4; beyond pi/8: pi/4 + atan((low - high)/(low + high)) */
    const v4i far = (v4i)(low > v_set1(0.41421356237309503) * high);
    const v4d z = v_select(far, low - high, low) / v_select(far, low + high, high);
    v4d a = v_fma(z, v_polynomial(c, 12, z * z), v_select(far, v_set1(0.7853981633974483), zero));
    a = v_select((v4i)(sine > side), v_set1(1.5707963267948966) - a, a);
    return v_select((v4i)(cosine < zero), v_set1(3.141592653589793) - a, a);
}

/* x^n for n >= 0 by squaring */
MD_INLINE v4d v_power(v4d x, int n)
{
    v4d p = n & 1 ? x : v_set1(1.0);
    for (n >>= 1; n; n >>= 1) {
        x *= x;
        if (n & 1)
            p *= x;
    }
    return p;
}

#endif
