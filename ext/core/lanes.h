/* How many numbers does a kernel compute at a time, and which?
 *
 * Descriptors are written in vectors `vr` of LANES numbers REAL. symmetry.c is compiled twice a CPU level
 * (setup.py), for double (MD_BITS 64) and float (MD_BITS 32), as wide as the registers are. Every other
 * source computes in four doubles: there vr is v4d; but density.c says MD_BITS 64 itself, for its geometry. */
#ifndef MD_LANES_H
#define MD_LANES_H

#include "core/simd.h"

#if !defined(MD_BITS)
#define MD_BITS 64
#define LANE_BYTES 32
#elif defined(__AVX512F__)
#define LANE_BYTES 64
#else
#define LANE_BYTES 32
#endif

#if MD_BITS == 32
typedef float REAL;
typedef int32_t lane_int;
#define R_KIND(op) op##_ps
#else
typedef double REAL;
typedef int64_t lane_int;
#define R_KIND(op) op##_pd
#endif

typedef REAL vr __attribute__((vector_size(LANE_BYTES)));
typedef lane_int vi __attribute__((vector_size(LANE_BYTES)));
typedef REAL vr_u __attribute__((vector_size(LANE_BYTES), aligned(MD_BITS / 8))); /* aliases REAL, as vectors do */
typedef REAL v4r __attribute__((vector_size(MD_BITS / 2)));
typedef REAL v4r_u __attribute__((vector_size(MD_BITS / 2), aligned(MD_BITS / 8)));
enum { LANES = LANE_BYTES * 8 / MD_BITS };
#define R_SIGN (~((lane_int)(~(uint64_t)0 >> 1 >> (64 - MD_BITS)))) /* the bit of the sign */

/* One operation of the machine on a vr, such as _mm512_sqrt_ps: R_VECTOR(sqrt). */
#if LANE_BYTES == 64
#define R_VECTOR(op) R_KIND(_mm512_##op)
#if MD_BITS == 32
#define R_COMPARE _mm512_cmp_ps_mask
#else
#define R_COMPARE _mm512_cmp_pd_mask
#endif
#else
#define R_VECTOR(op) R_KIND(_mm256_##op)
#endif

MD_INLINE vr r_set1(REAL a) { return a - (vr){0}; }
MD_INLINE vr r_load(const REAL *p) { return *(const vr_u *)p; }
MD_INLINE void r_store(REAL *p, vr a) { *(vr_u *)p = a; }

MD_INLINE vr r_fma(vr a, vr b, vr c)
{
#if defined(__FMA__)
    return (vr)R_VECTOR(fmadd)(a, b, c);
#elif defined(__FP_FAST_FMA)
    for (int lane = 0; lane < LANES; lane++)
        c[lane] = MD_BITS == 32 ? __builtin_fmaf(a[lane], b[lane], c[lane]) : __builtin_fma(a[lane], b[lane], c[lane]);
    return c;
#else
    return a * b + c;
#endif
}

MD_INLINE vr r_sqrt(vr a)
{
#if defined(__AVX__)
    return (vr)R_VECTOR(sqrt)(a);
#else
    for (int lane = 0; lane < LANES; lane++)
        a[lane] = MD_BITS == 32 ? __builtin_sqrtf(a[lane]) : __builtin_sqrt(a[lane]);
    return a;
#endif
}

/* The first `count` lanes: one bit each. */
MD_INLINE unsigned lanes_below(int64_t count) { return count < LANES ? (1u << count) - 1 : (1u << LANES) - 1; }

/* One bit for each lane with a < b */
MD_INLINE unsigned r_less(vr a, vr b)
{
#if LANE_BYTES == 64
    return R_COMPARE(a, b, _CMP_LT_OQ);
#elif defined(__AVX__)
    return (unsigned)R_VECTOR(movemask)(R_VECTOR(cmp)(a, b, _CMP_LT_OQ));
#else
    const vi m = (vi)(a < b);
    unsigned bits = 0;
    for (int lane = 0; lane < LANES; lane++)
        bits |= (unsigned)(m[lane] & 1) << lane;
    return bits;
#endif
}

/* Lanes that are wanted move to the front (r_pack), and from the front back to where they were (r_unpack, the
 * others 0). How they move is an r_order, made from one bit for each lane; without AVX-512 it comes from tables,
 * bytes of lane numbers that `fill_orders` makes. */
#define R_TABLES (LANE_BYTES == 32 ? 1 << LANES : 1)
typedef struct {
    int8_t pack[R_TABLES][8], unpack[R_TABLES][8];
} r_orders;

#if LANE_BYTES == 64
typedef unsigned r_order;
static inline void fill_orders(r_orders *orders) { memset(orders, 0, sizeof *orders); }
MD_INLINE r_order r_packing(const r_orders *orders, unsigned bits) { (void)orders; return bits; }
MD_INLINE r_order r_unpacking(const r_orders *orders, unsigned bits) { (void)orders; return bits; }
#if MD_BITS == 32
MD_INLINE vr r_pack(vr a, r_order order) { return (vr)_mm512_maskz_compress_ps((__mmask16)order, (__m512)a); }
MD_INLINE vr r_unpack(vr a, r_order order) { return (vr)_mm512_maskz_expand_ps((__mmask16)order, (__m512)a); }
#else
MD_INLINE vr r_pack(vr a, r_order order) { return (vr)_mm512_maskz_compress_pd((__mmask8)order, (__m512d)a); }
MD_INLINE vr r_unpack(vr a, r_order order) { return (vr)_mm512_maskz_expand_pd((__mmask8)order, (__m512d)a); }
#endif
#else
static inline void fill_orders(r_orders *orders)
{
#if defined(__AVX2__)
    enum { WORDS = MD_BITS / 32, NOWHERE = -1 }; /* numbers move as words of 32 bits */
#else
    enum { WORDS = 1, NOWHERE = LANES };
#endif
    memset(orders, NOWHERE, sizeof *orders);
    for (int bits = 0; bits < R_TABLES; bits++)
        for (int lane = 0, n = 0; lane < LANES; lane++)
            if (bits >> lane & 1) {
                for (int word = 0; word < WORDS; word++) {
                    orders->pack[bits][WORDS * n + word] = (int8_t)(WORDS * lane + word);
                    orders->unpack[bits][WORDS * lane + word] = (int8_t)(WORDS * n + word);
                }
                n++;
            }
}
#if defined(__AVX2__)
typedef __m256i r_order;
MD_INLINE r_order r_packing(const r_orders *orders, unsigned bits)
{
    return _mm256_cvtepi8_epi32(_mm_loadl_epi64((const __m128i *)orders->pack[bits]));
}
MD_INLINE r_order r_unpacking(const r_orders *orders, unsigned bits)
{
    return _mm256_cvtepi8_epi32(_mm_loadl_epi64((const __m128i *)orders->unpack[bits]));
}
MD_INLINE vr r_pack(vr a, r_order order) { return (vr)_mm256_permutevar8x32_ps((__m256)a, order); }
MD_INLINE vr r_unpack(vr a, r_order order)
{
    return (vr)_mm256_andnot_ps((__m256)_mm256_srai_epi32(order, 31), _mm256_permutevar8x32_ps((__m256)a, order));
}
#else
typedef const int8_t *r_order;
MD_INLINE r_order r_packing(const r_orders *orders, unsigned bits) { return orders->pack[bits]; }
MD_INLINE r_order r_unpacking(const r_orders *orders, unsigned bits) { return orders->unpack[bits]; }
MD_INLINE vr r_unpack(vr a, r_order order)
{
    REAL from[LANES + 1], to[LANES];
    r_store(from, a);
    from[LANES] = 0;
    for (int lane = 0; lane < LANES; lane++)
        to[lane] = from[order[lane]];
    return r_load(to);
}
MD_INLINE vr r_pack(vr a, r_order order) { return r_unpack(a, order); }
#endif
#endif

/* A list of 4, 8 or 16 lane numbers for this LANES */
#if LANE_BYTES * 8 / MD_BITS == 4
#define R_LIST(four, eight, sixteen) R_UNBRACE four
#elif LANE_BYTES * 8 / MD_BITS == 8
#define R_LIST(four, eight, sixteen) R_UNBRACE eight
#else
#define R_LIST(four, eight, sixteen) R_UNBRACE sixteen
#endif
#define R_UNBRACE(...) __VA_ARGS__
#if defined(__clang__) || __GNUC__ >= 12
#define R_SHUFFLE_(a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)
#else
#define R_SHUFFLE_(a, b, ...) __builtin_shuffle(a, b, (vi){__VA_ARGS__})
#endif
#define R_SHUFFLE(a, b, list) R_SHUFFLE_(a, b, list)
#define R_EVEN R_LIST((0, 2, 4, 6), (0, 2, 4, 6, 8, 10, 12, 14), \
                      (0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30))
#define R_ODD R_LIST((1, 3, 5, 7), (1, 3, 5, 7, 9, 11, 13, 15), \
                     (1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31))

#if MD_BITS == 32 /* of blocks of four: the first two of each, one after the other, or the last two; then pairs of them */
#define R_LOW R_LIST((), (0, 8, 1, 9, 4, 12, 5, 13), (0, 16, 1, 17, 4, 20, 5, 21, 8, 24, 9, 25, 12, 28, 13, 29))
#define R_HIGH R_LIST((), (2, 10, 3, 11, 6, 14, 7, 15), (2, 18, 3, 19, 6, 22, 7, 23, 10, 26, 11, 27, 14, 30, 15, 31))
#define R_LOW_PAIRS R_LIST((), (0, 1, 8, 9, 4, 5, 12, 13), (0, 1, 16, 17, 4, 5, 20, 21, 8, 9, 24, 25, 12, 13, 28, 29))
#define R_HIGH_PAIRS R_LIST((), (2, 3, 10, 11, 6, 7, 14, 15), (2, 3, 18, 19, 6, 7, 22, 23, 10, 11, 26, 27, 14, 15, 30, 31))
#endif

/* Four numbers */
MD_INLINE v4r r_set4(REAL a) { return a - (v4r){0}; }
MD_INLINE v4r r_load4(const REAL *p) { return *(const v4r_u *)p; }
MD_INLINE void r_store4(REAL *p, v4r a) { *(v4r_u *)p = a; }

MD_INLINE v4r r_fma4(v4r a, v4r b, v4r c)
{
#if MD_BITS == 64
    return (v4r)v_fma((v4d)a, (v4d)b, (v4d)c);
#elif defined(__FMA__)
    return (v4r)_mm_fmadd_ps((__m128)a, (__m128)b, (__m128)c);
#elif defined(__FP_FAST_FMA)
    for (int q = 0; q < 4; q++)
        c[q] = __builtin_fmaf(a[q], b[q], c[q]);
    return c;
#else
    return a * b + c;
#endif
}

/* Blocks of four numbers, `step` apart */
MD_INLINE vr r_fours(const REAL *p, int64_t step)
{
#if LANE_BYTES == 64 && MD_BITS == 64
    return (vr)_mm512_insertf64x4(_mm512_castpd256_pd512(_mm256_loadu_pd(p)), _mm256_loadu_pd(p + step), 1);
#elif LANE_BYTES == 64
    const __m256 low = _mm256_set_m128(_mm_loadu_ps(p + step), _mm_loadu_ps(p));
    const __m256 high = _mm256_set_m128(_mm_loadu_ps(p + 3 * step), _mm_loadu_ps(p + 2 * step));
    return (vr)_mm512_insertf32x8(_mm512_castps256_ps512(low), high, 1);
#elif MD_BITS == 64
    (void)step;
    return r_load(p);
#elif defined(__AVX__)
    return (vr)_mm256_set_m128(_mm_loadu_ps(p + step), _mm_loadu_ps(p));
#else
    vr a;
    memcpy(&a, p, 4 * sizeof *p);
    memcpy((REAL *)&a + 4, p + step, 4 * sizeof *p);
    return a;
#endif
}

MD_INLINE void r_store_fours(REAL *p, int64_t step, vr a)
{
#if LANE_BYTES == 64 && MD_BITS == 64
    _mm256_storeu_pd(p, _mm512_castpd512_pd256((__m512d)a));
    _mm256_storeu_pd(p + step, _mm512_extractf64x4_pd((__m512d)a, 1));
#elif LANE_BYTES == 64
    _mm_storeu_ps(p, _mm512_castps512_ps128((__m512)a));
    _mm_storeu_ps(p + step, _mm512_extractf32x4_ps((__m512)a, 1));
    _mm_storeu_ps(p + 2 * step, _mm512_extractf32x4_ps((__m512)a, 2));
    _mm_storeu_ps(p + 3 * step, _mm512_extractf32x4_ps((__m512)a, 3));
#elif MD_BITS == 64
    (void)step;
    r_store(p, a);
#elif defined(__AVX__)
    _mm_storeu_ps(p, _mm256_castps256_ps128((__m256)a));
    _mm_storeu_ps(p + step, _mm256_extractf128_ps((__m256)a, 1));
#else
    memcpy(p, &a, 4 * sizeof *p);
    memcpy(p + step, (const REAL *)&a + 4, 4 * sizeof *p);
#endif
}

/* LANES rows of four numbers as columns */
MD_INLINE void r_columns(const REAL *rows, vr *a, vr *b, vr *c, vr *d)
{
    const vr r0 = r_load(rows), r1 = r_load(rows + LANES), r2 = r_load(rows + 2 * LANES), r3 = r_load(rows + 3 * LANES);
    const vr ac0 = R_SHUFFLE(r0, r1, R_EVEN), ac1 = R_SHUFFLE(r2, r3, R_EVEN);
    const vr bd0 = R_SHUFFLE(r0, r1, R_ODD), bd1 = R_SHUFFLE(r2, r3, R_ODD);
    *a = R_SHUFFLE(ac0, ac1, R_EVEN);
    *c = R_SHUFFLE(ac0, ac1, R_ODD);
    *b = R_SHUFFLE(bd0, bd1, R_EVEN);
    *d = R_SHUFFLE(bd0, bd1, R_ODD);
}

/* Sums over the lanes of four vectors */
MD_INLINE v4r r_sums(vr a, vr b, vr c, vr d)
{
#if !defined(__AVX__)
    v4r sums = {0};
    for (int lane = 0; lane < LANES; lane++)
        sums += (v4r){a[lane], b[lane], c[lane], d[lane]};
    return sums;
#else
    const vr ab = (vr)R_VECTOR(unpacklo)(a, b) + (vr)R_VECTOR(unpackhi)(a, b);
    const vr cd = (vr)R_VECTOR(unpacklo)(c, d) + (vr)R_VECTOR(unpackhi)(c, d);
#if MD_BITS == 32
    const vr all = (vr)R_VECTOR(shuffle)(ab, cd, 0x44) + (vr)R_VECTOR(shuffle)(ab, cd, 0xee); /* a b c d a b c d ... */
#if LANE_BYTES == 64
    const __m256 half = _mm512_castps512_ps256((__m512)all) + _mm512_extractf32x8_ps((__m512)all, 1);
#else
    const __m256 half = (__m256)all;
#endif
    return (v4r)(_mm256_castps256_ps128(half) + _mm256_extractf128_ps(half, 1));
#else
#if LANE_BYTES == 64
    const __m256d low = _mm512_castpd512_pd256((__m512d)ab) + _mm512_extractf64x4_pd((__m512d)ab, 1);
    const __m256d high = _mm512_castpd512_pd256((__m512d)cd) + _mm512_extractf64x4_pd((__m512d)cd, 1);
#else
    const __m256d low = (__m256d)ab, high = (__m256d)cd;
#endif
    return (v4r)(_mm256_permute2f128_pd(low, high, 0x20) + _mm256_permute2f128_pd(low, high, 0x31));
#endif
#endif
}

/* to[lane] += a[lane], in double */
MD_INLINE void r_add(double *to, vr a)
{
#if MD_BITS == 64
    r_store(to, r_load(to) + a);
#elif LANE_BYTES == 64
    _mm512_storeu_pd(to, _mm512_loadu_pd(to) + _mm512_cvtps_pd(_mm512_castps512_ps256((__m512)a)));
    _mm512_storeu_pd(to + 8, _mm512_loadu_pd(to + 8) + _mm512_cvtps_pd(_mm512_extractf32x8_ps((__m512)a, 1)));
#elif defined(__AVX__)
    v_store(to, v_load(to) + (v4d)_mm256_cvtps_pd(_mm256_castps256_ps128((__m256)a)));
    v_store(to + 4, v_load(to + 4) + (v4d)_mm256_cvtps_pd(_mm256_extractf128_ps((__m256)a, 1)));
#else
    for (int lane = 0; lane < LANES; lane++)
        to[lane] += a[lane];
#endif
}

/* to[lane] = a[lane], in double */
MD_INLINE void r_to(double *to, vr a)
{
#if MD_BITS == 64
    r_store(to, a);
#elif LANE_BYTES == 64
    _mm512_storeu_pd(to, _mm512_cvtps_pd(_mm512_castps512_ps256((__m512)a)));
    _mm512_storeu_pd(to + 8, _mm512_cvtps_pd(_mm512_extractf32x8_ps((__m512)a, 1)));
#elif defined(__AVX__)
    v_store(to, (v4d)_mm256_cvtps_pd(_mm256_castps256_ps128((__m256)a)));
    v_store(to + 4, (v4d)_mm256_cvtps_pd(_mm256_extractf128_ps((__m256)a, 1)));
#else
    for (int lane = 0; lane < LANES; lane++)
        to[lane] = a[lane];
#endif
}

/* The first `count` of LANES doubles, or all; the other lanes are 0. */
MD_INLINE vr r_from(const double *p, int64_t count)
{
    double own[LANES] = {0.0};
    if (count < LANES) {
        memcpy(own, p, (size_t)count * sizeof *p);
        p = own;
    }
#if MD_BITS == 64
    return r_load(p);
#elif LANE_BYTES == 64
    return (vr)_mm512_insertf32x8(_mm512_castps256_ps512(_mm512_cvtpd_ps(_mm512_loadu_pd(p))),
                                  _mm512_cvtpd_ps(_mm512_loadu_pd(p + 8)), 1);
#elif defined(__AVX__)
    return (vr)_mm256_set_m128(_mm256_cvtpd_ps(_mm256_loadu_pd(p + 4)), _mm256_cvtpd_ps(_mm256_loadu_pd(p)));
#else
    vr a;
    for (int lane = 0; lane < LANES; lane++)
        a[lane] = (REAL)p[lane];
    return a;
#endif
}

#endif
