/* How do kernels use vectors without intrinsics of one machine?
 *
 * Kernels are written once, with the vector extensions of gcc and clang, and
 * compiled once per instruction set (see dispatch.c). Four doubles is the unit
 * everywhere: one atom row (x, y, z, pad) or four pairs.
 *
 * The compiler may not contract a*b+c on its own (-ffp-contract=off): where a
 * fused multiply-add is wanted it is written `v_fma`, so a pair gets the same
 * bits in whichever variant of a kernel it is computed. */
#ifndef MD_SIMD_H
#define MD_SIMD_H

#include <stdint.h>
#include <string.h>
#if defined(__AVX__) || defined(__SSE2__)
#include <immintrin.h>
#endif

#define MD_INLINE static inline __attribute__((always_inline, unused))
#define MD_RESTRICT restrict
#if defined(__clang__)
#define MD_SIMD_LOOP _Pragma("clang loop vectorize(enable) interleave(enable)")
#else
#define MD_SIMD_LOOP _Pragma("GCC ivdep")
#endif

typedef double v4d __attribute__((vector_size(32)));
typedef int64_t v4i __attribute__((vector_size(32)));
typedef double v4d_u __attribute__((vector_size(32), aligned(8), may_alias));
typedef double v2d_u __attribute__((vector_size(16), aligned(8), may_alias));

MD_INLINE v4d v_set1(double a) { return (v4d){a, a, a, a}; }
MD_INLINE v4d v_load(const double *p) { return *(const v4d_u *)p; }
MD_INLINE void v_store(double *p, v4d a) { *(v4d_u *)p = a; }
MD_INLINE v4d v_mask(v4d a, v4i m) { return (v4d)((v4i)a & m); } /* a where m, else +0 */
MD_INLINE double v_sum(v4d a) { return (a[0] + a[1]) + (a[2] + a[3]); }

MD_INLINE v4d v_fma(v4d a, v4d b, v4d c)
{
#if defined(__FMA__)
    return (v4d)_mm256_fmadd_pd((__m256d)a, (__m256d)b, (__m256d)c);
#elif defined(__FP_FAST_FMA)
    return (v4d){__builtin_fma(a[0], b[0], c[0]), __builtin_fma(a[1], b[1], c[1]),
                 __builtin_fma(a[2], b[2], c[2]), __builtin_fma(a[3], b[3], c[3])};
#else
    return a * b + c;
#endif
}

/* The larger; not a number if either is not. */
MD_INLINE v4d v_worst(v4d a, v4d b)
{
    const v4i keep = (v4i)(a > b) | (v4i)(a != a);
    return (v4d)(((v4i)a & keep) | ((v4i)b & ~keep));
}

MD_INLINE v4d v_sqrt(v4d a)
{
#if defined(__AVX__)
    return (v4d)_mm256_sqrt_pd((__m256d)a);
#else
    return (v4d){__builtin_sqrt(a[0]), __builtin_sqrt(a[1]), __builtin_sqrt(a[2]), __builtin_sqrt(a[3])};
#endif
}

/* The largest whole number that is not larger; |a| < 2^51. */
MD_INLINE v4d v_floor(v4d a)
{
#if defined(__AVX__)
    return (v4d)_mm256_floor_pd((__m256d)a);
#else
    const v4d big = v_set1(0x1.8p52), nearest = a + big - big;
    return nearest - v_mask(v_set1(1.0), (v4i)(nearest > a));
#endif
}

#if defined(__clang__) || __GNUC__ >= 12
#define V_SHUFFLE(a, b, i, j, k, l) __builtin_shufflevector(a, b, i, j, k, l)
#else
#define V_SHUFFLE(a, b, i, j, k, l) __builtin_shuffle(a, b, (v4i){i, j, k, l})
#endif

/* Rows of four atoms (x, y, z, w) into columns: 4x4 transpose. */
MD_INLINE void v_transpose(v4d r0, v4d r1, v4d r2, v4d r3, v4d *x, v4d *y, v4d *z, v4d *w)
{
    v4d a = V_SHUFFLE(r0, r1, 0, 4, 2, 6), b = V_SHUFFLE(r0, r1, 1, 5, 3, 7);
    v4d c = V_SHUFFLE(r2, r3, 0, 4, 2, 6), d = V_SHUFFLE(r2, r3, 1, 5, 3, 7);
    *x = V_SHUFFLE(a, c, 0, 1, 4, 5);
    *y = V_SHUFFLE(b, d, 0, 1, 4, 5);
    *z = V_SHUFFLE(a, c, 2, 3, 6, 7);
    *w = V_SHUFFLE(b, d, 2, 3, 6, 7);
}

/* Eight floats: for tests that need no last digit. */
typedef float v8f __attribute__((vector_size(32)));
typedef int32_t v8i __attribute__((vector_size(32)));
typedef float v8f_u __attribute__((vector_size(32), aligned(4), may_alias));
typedef float v4f __attribute__((vector_size(16)));
typedef float v4f_u __attribute__((vector_size(16), aligned(4), may_alias));

MD_INLINE v8f v8_set1(float a) { return (v8f){a, a, a, a, a, a, a, a}; }
MD_INLINE v8f v8_load(const float *p) { return *(const v8f_u *)p; }
MD_INLINE v4d v_load_float(const float *p) { return __builtin_convertvector(*(const v4f_u *)p, v4d); }
MD_INLINE void v_store_float(float *p, v4d a) { *(v4f_u *)p = __builtin_convertvector(a, v4f); }

MD_INLINE unsigned v8_bits(v8i m)
{
#if defined(__AVX__)
    return (unsigned)_mm256_movemask_ps((__m256)m);
#else
    unsigned bits = 0;
    for (int k = 0; k < 8; k++)
        bits |= (unsigned)(m[k] & 1) << k;
    return bits;
#endif
}

/* One bit a lane of a comparison's result. */
MD_INLINE unsigned v_bits(v4i m)
{
#if defined(__AVX__)
    return (unsigned)_mm256_movemask_pd((__m256d)m);
#else
    return (unsigned)((m[0] & 1) | (m[1] & 2) | (m[2] & 4) | (m[3] & 8));
#endif
}

#endif
