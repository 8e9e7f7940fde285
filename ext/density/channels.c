/* Neighbours of an atom, LANES of them at a time; densities, their products and messages in all channels, LANES of these (density.h).
 *
 * Compiled for double and, for mixed precision, float. What goes in and out is double in either case, but for what is REAL in density.h. */
#include "core/fixed.h"
#include "core/heap.h"
#include "core/vfun.h"
#include "density/density.h"

#include "density/geometry.c"

/* Memory for one atom. Blocks are of LANES channels: x, x_bar ... [block][n_x][LANES]: A first, then pairs P, then 1 (products.c). */
typedef struct dn_work {
    dn_rows rows;
    int64_t blocks, n_lm, n_x, n_v; /* n_v: densities of the parts of a message that are vectors */
    REAL *d, *d_bar;       /* [species][mixed][wide] of the first layer */
    REAL *r;               /* [block][most][l_max + 1][LANES] radial functions of a message */
    REAL *x, *x_bar;       /* [block][n_x][LANES] */
    REAL *s;               /* [block][l_max + 1][LANES] */
    REAL *v, *v_bar;       /* [block][n_v][LANES]: D of vectors */
    REAL *d_dot, *d_hat, *r_dot, *x_dot, *x_hat, *s_hat, *v_dot, *v_hat; /* tangents, and what belongs to them */
    int64_t most;
} dn_work;

#include "density/products.c"

static size_t work_of(const dn_model *it, int64_t most, int tangents, void *memory)
{
    hd_heap heap = {memory};
    const int64_t wide = DN_WIDEST, l = it->n.l_max + 1, room = most + 2;
    dn_work *work = take(&heap, 1, sizeof *work);
    dn_work own = {.rows = rows_of(it, most, tangents, &heap), .blocks = it->n.channels / LANES, .n_lm = l * l, .most = room};
    own.n_x = own.n_lm + it->program.n_pairs + 1;
    own.n_v = (it->n.parts - 1) * own.n_lm;
    REAL **some[] = {&own.d, &own.d_bar, &own.r, &own.x, &own.x_bar, &own.s, &own.v, &own.v_bar,
                     &own.d_dot, &own.d_hat, &own.r_dot, &own.x_dot, &own.x_hat, &own.s_hat, &own.v_dot, &own.v_hat};
    const int64_t density = it->n.species * it->n.mixed * wide, x = own.blocks * own.n_x * LANES, v = own.blocks * own.n_v * LANES;
    const int64_t sizes[] = {density, density, own.blocks * room * l * LANES, x, x,
                             (room > 2 * own.blocks ? room : 2 * own.blocks) * l * LANES, v, v};
    for (int k = 0; k < (tangents ? 16 : 8); k++)
        *some[k] = take(&heap, sizes[k % 8], sizeof(REAL));
    for (int64_t block = 0; memory && block < own.blocks; block++)
        for (int k = 0; k < (tangents ? 2 : 1); k++)
            r_store((k ? own.x_dot : own.x) + ((block + 1) * own.n_x - 1) * LANES, r_set1((REAL)(1 - k)));
    if (memory)
        *work = own;
    return taken(&heap, memory);
}

MD_INLINE vr take_lanes(const double *p) { return r_from(p, LANES); }

/* to += a, rounded to the grid of forces */
MD_INLINE void add_rounded(double *to, vr a)
{
#if MD_BITS == 64
    r_store(to, r_load(to) + (a + r_set1(FORCE_BIG) - r_set1(FORCE_BIG)));
#elif LANE_BYTES == 64
    const __m512d big = _mm512_set1_pd(FORCE_BIG), low = _mm512_cvtps_pd(_mm512_castps512_ps256((__m512)a));
    const __m512d high = _mm512_cvtps_pd(_mm512_extractf32x8_ps((__m512)a, 1));
    _mm512_storeu_pd(to, _mm512_loadu_pd(to) + (low + big - big));
    _mm512_storeu_pd(to + 8, _mm512_loadu_pd(to + 8) + (high + big - big));
#else
    double own[LANES];
    r_to(own, a);
    for (int lane = 0; lane < LANES; lane += 4)
        v_store(to + lane, v_load(to + lane) + (v_load(own + lane) + v_set1(FORCE_BIG) - v_set1(FORCE_BIG)));
#endif
}

/* `a` is read from memory once, and stays in a register: gcc 12 reads it again where it is used again */
#if defined(__AVX512F__) && defined(__GNUC__)
#define KEEP(a) __asm__("" : "+v"(a))
#elif defined(__AVX__) && defined(__GNUC__)
#define KEEP(a) __asm__("" : "+x"(a))
#else
#define KEEP(a) (void)(a)
#endif

#define L_OF(k) ((k) < 1 ? 0 : (k) < 4 ? 1 : (k) < 9 ? 2 : (k) < 16 ? 3 : 4) /* l of l^2 + l + m */

/* ---- the first layer: densities of each species are mixed to those of the channels --------------------------------------- */

/* d [species][mixed][wide] += sum over neighbours of phi y */
static void gather_densities(const dn_model *it, const dn_edges *e, const REAL *phi, const REAL *y, REAL *d)
{
    const int64_t mixed = it->n.mixed, wide = e->wide;
    for (int64_t s = 0; s < it->n.species; s++)
        for (int64_t v = 0; v < wide && e->first[s] < e->first[s + 1]; v += LANES)
            for (int64_t b = 0; b < mixed; b += 4) {
                REAL *to = d + (s * mixed + b) * wide + v;
                vr sum[4];
                for (int k = 0; k < 4; k++)
                    sum[k] = r_load(to + k * wide);
                for (int64_t j = e->first[s]; j < e->first[s + 1]; j++) {
                    const vr own = r_load(y + j * wide + v);
                    for (int k = 0; k < 4; k++)
                        sum[k] = r_fma(r_set1(phi[j * mixed + b + k]), own, sum[k]);
                }
                for (int k = 0; k < 4; k++)
                    r_store(to + k * wide, sum[k]);
            }
}

MD_INLINE const REAL *mix_of(const dn_model *it, const REAL *mix, int64_t species, int64_t other, int64_t block)
{
    const int64_t l = it->n.l_max + 1, blocks = it->n.channels / LANES;
    return mix + (((species * it->n.species + other) * blocks) + block) * l * it->n.mixed * LANES;
}

MD_INLINE void mix_densities_of(const dn_model *it, int64_t species, const dn_edges *e, const REAL *d, const dn_work *w, REAL *x,
                                const int L)
{
    const int64_t mixed = it->n.mixed, wide = e->wide;
    for (int64_t block = 0; block < w->blocks; block++) {
        vr a[(DN_DEGREE + 1) * (DN_DEGREE + 1)];
#pragma GCC unroll 32
        for (int k = 0; k < (L + 1) * (L + 1); k++)
            a[k] = r_set1(0);
        for (int64_t s = 0; s < it->n.species; s++) {
            const REAL *mix = mix_of(it, it->layer[0].mix, species, s, block);
            for (int64_t b = 0; b < mixed && e->first[s] < e->first[s + 1]; b++) {
                const REAL *own = d + (s * mixed + b) * wide;
#pragma GCC unroll 8
                for (int l = 0; l <= L; l++) {
                    const vr m = r_load(mix + (l * mixed + b) * LANES);
#pragma GCC unroll 16
                    for (int k = l * l; k < (l + 1) * (l + 1); k++)
                        a[k] = r_fma(r_set1(own[k]), m, a[k]);
                }
            }
        }
#pragma GCC unroll 32
        for (int k = 0; k < (L + 1) * (L + 1); k++)
            r_store(x + (block * w->n_x + k) * LANES, a[k]);
    }
}

/* d_bar [species][mixed][wide] = sum over channels of mix x_bar: of two mixed functions and four harmonics side by side */
MD_INLINE void unmix_densities_of(const dn_model *it, int64_t species, const dn_edges *e, const REAL *x_bar, const dn_work *w,
                                  REAL *d_bar, const int L)
{
    const int64_t mixed = it->n.mixed, wide = e->wide, step = (L + 1) * mixed * LANES;
    const int n_lm = (L + 1) * (L + 1);
    for (int64_t s = 0; s < it->n.species; s++) {
        if (e->first[s] == e->first[s + 1])
            continue;
        for (int64_t b = 0; b < mixed; b += 2)
#pragma GCC unroll 8
            for (int k = 0; k < n_lm; k += 4) {
                const REAL *m = mix_of(it, it->layer[0].mix, species, s, 0) + b * LANES, *own = x_bar + k * LANES;
                vr one[4] = {r_set1(0), r_set1(0), r_set1(0), r_set1(0)}, two[4] = {r_set1(0), r_set1(0), r_set1(0), r_set1(0)};
                for (int64_t block = 0; block < w->blocks; block++, m += step, own += w->n_x * LANES)
#pragma GCC unroll 4
                    for (int q = 0; q < 4; q++) {
                        if (k + q >= n_lm)
                            break;
                        const vr x = r_load(own + q * LANES);
                        one[q] = r_fma(r_load(m + L_OF(k + q) * mixed * LANES), x, one[q]);
                        two[q] = r_fma(r_load(m + (L_OF(k + q) * mixed + 1) * LANES), x, two[q]);
                    }
                REAL *to = d_bar + (s * mixed + b) * wide + k; /* zeros behind n_lm */
                r_store4(to, r_sums(one[0], one[1], one[2], one[3]));
                r_store4(to + wide, r_sums(two[0], two[1], two[2], two[3]));
            }
    }
}

static void unmix_densities(const dn_model *it, int64_t species, const dn_edges *e, const REAL *x_bar, const dn_work *w, REAL *d_bar)
{
#define CALL(L) unmix_densities_of(it, species, e, x_bar, w, d_bar, L)
    FOR_DEGREE(CALL)
#undef CALL
}

/* to [n][mixed] (+)= sum of d y */
static void phi_of_densities(const dn_model *it, const dn_edges *e, const REAL *d, const REAL *y, REAL *to, const int more)
{
    const int64_t mixed = it->n.mixed, wide = e->wide;
    for (int64_t s = 0; s < it->n.species; s++)
        for (int64_t j = e->first[s]; j < e->first[s + 1]; j++)
            for (int64_t b = 0; b < mixed; b += 4) {
                vr sum[4] = {r_set1(0), r_set1(0), r_set1(0), r_set1(0)};
                for (int64_t v = 0; v < wide; v += LANES) {
                    const vr own = r_load(y + j * wide + v);
                    for (int q = 0; q < 4; q++)
                        sum[q] = r_fma(own, r_load(d + (s * mixed + b + q) * wide + v), sum[q]);
                }
                REAL *row = to + j * mixed + b;
                const v4r sums = r_sums(sum[0], sum[1], sum[2], sum[3]);
                r_store4(row, more ? sums + r_load4(row) : sums);
            }
}

static void first_forward(const dn_model *it, int64_t species, const dn_edges *e, dn_work *w)
{
    const int64_t size = it->n.species * it->n.mixed * e->wide;
    const REAL *phi = e->phi, *y = e->y;
    memset(w->d, 0, (size_t)size * sizeof(REAL));
    gather_densities(it, e, phi, y, w->d);
#define CALL(L) mix_densities_of(it, species, e, w->d, w, w->x, L)
    FOR_DEGREE(CALL)
#undef CALL
}

static void first_backward(const dn_model *it, int64_t species, const dn_edges *e, dn_work *w)
{
    const int64_t mixed = it->n.mixed, wide = e->wide;
    const REAL *phi = e->phi, *y = e->y;
    memset(w->d_bar, 0, (size_t)(it->n.species * mixed * wide) * sizeof(REAL));
    unmix_densities(it, species, e, w->x_bar, w, w->d_bar);
    phi_of_densities(it, e, w->d_bar, y, e->phi_bar, 0);
    for (int64_t s = 0; s < it->n.species; s++)
        for (int64_t j = e->first[s]; j < e->first[s + 1]; j++)
            for (int64_t v = 0; v < wide; v += LANES) {
                vr sum = r_set1(0);
                for (int64_t b = 0; b < mixed; b++)
                    sum = r_fma(r_set1(phi[j * mixed + b]), r_load(w->d_bar + (s * mixed + b) * wide + v), sum);
                r_store((REAL *)e->y_bar + j * wide + v, sum);
            }
}

/* ---- messages ---------------------------------------------------------------------------------------------------------- */

/* Radial functions of a block at `many` neighbours, r [many][l]: mix [l][mixed][LANES] times phi [many][mixed] */
MD_INLINE void radial_of(const REAL *mix, const REAL *phi, int64_t mixed, vr *r, const int L, const int many)
{
#pragma GCC unroll 16
    for (int l = 0; l < many * (L + 1); l++)
        r[l] = r_set1(0);
    for (int64_t b = 0; b < mixed; b++)
#pragma GCC unroll 8
        for (int l = 0; l <= L; l++) {
            const vr own = r_load(mix + (l * mixed + b) * LANES);
#pragma GCC unroll 2
            for (int q = 0; q < many; q++)
                r[q * (L + 1) + l] = r_fma(r_set1(phi[q * mixed + b]), own, r[q * (L + 1) + l]);
        }
}

/* Densities a [lm] of a block += those of `many` neighbours from j on; their radial functions to keep [neighbour][l][LANES] */
MD_INLINE void add_messages(const dn_edges *e, const REAL *mix, int64_t mixed, const REAL *message, int64_t row, int64_t j, REAL *keep,
                            vr *a, const int L, const int many)
{
    const REAL *y = e->y;
    vr r[2 * (DN_DEGREE + 1)];
    radial_of(mix, (const REAL *)e->phi + j * mixed, mixed, r, L, many);
#pragma GCC unroll 2
    for (int q = 0; q < many; q++) {
        const vr g = r_load(message + (int64_t)e->atom[j + q] * row);
#pragma GCC unroll 8
        for (int l = 0; l <= L; l++) {
            r_store(keep + ((j + q) * (L + 1) + l) * LANES, r[q * (L + 1) + l]);
            const vr v = r[q * (L + 1) + l] * g;
#pragma GCC unroll 16
            for (int k = l * l; k < (l + 1) * (l + 1); k++)
                a[k] = r_fma(r_set1(y[(j + q) * e->wide + k]), v, a[k]);
        }
    }
}

MD_INLINE void message_forward_of(const dn_model *it, int64_t t, int64_t species, const dn_edges *e, dn_work *w, const int L)
{
    const int64_t mixed = it->n.mixed, row = it->n.parts * it->n.channels, step = (L + 1) * mixed * LANES;
    for (int64_t block = 0; block < w->blocks; block++) {
        const REAL *mix = (const REAL *)it->layer[t].mix + (species * w->blocks + block) * step;
        const REAL *message = (const REAL *)e->message + block * LANES;
        REAL *keep = w->r + block * w->most * (L + 1) * LANES;
        vr a[(DN_DEGREE + 1) * (DN_DEGREE + 1)];
#pragma GCC unroll 32
        for (int k = 0; k < (L + 1) * (L + 1); k++)
            a[k] = r_set1(0);
        int64_t j = 0;
        for (; j + 2 <= e->n; j += 2)
            add_messages(e, mix, mixed, message, row, j, keep, a, L, 2);
        if (j < e->n)
            add_messages(e, mix, mixed, message, row, j, keep, a, L, 1);
#pragma GCC unroll 32
        for (int k = 0; k < (L + 1) * (L + 1); k++)
            r_store(w->x + (block * w->n_x + k) * LANES, a[k]);
    }
}

/* D [(l_max + 1)^2] of a block and of one part of messages, with the radial functions r [neighbour][l][LANES] */
MD_INLINE void part_forward_of(const dn_edges *e, const REAL *r, const REAL *y, const REAL *message, int64_t row, REAL *to, const int L)
{
    vr a[(DN_DEGREE + 1) * (DN_DEGREE + 1)];
#pragma GCC unroll 32
    for (int k = 0; k < (L + 1) * (L + 1); k++)
        a[k] = r_set1(0);
    for (int64_t j = 0; j < e->n; j++) {
        const vr g = r_load(message + (int64_t)e->atom[j] * row);
#pragma GCC unroll 8
        for (int l = 0; l <= L; l++) {
            const vr v = r_load(r + (j * (L + 1) + l) * LANES) * g;
#pragma GCC unroll 16
            for (int k = l * l; k < (l + 1) * (l + 1); k++)
                a[k] = r_fma(r_set1(y[j * e->wide + k]), v, a[k]);
        }
    }
#pragma GCC unroll 32
    for (int k = 0; k < (L + 1) * (L + 1); k++)
        r_store(to + k * LANES, a[k]);
}

/* What vectors add to densities x [.. LANES] of a block, from their D */
MD_INLINE void couple(const dn_program *it, const REAL *u, const REAL *d, REAL *x)
{
    const REAL *values = it->couple_values;
    for (int64_t k = 0; k < it->n_couples;) {
        const int32_t dest = it->couples[3 * k];
        vr sum = r_load(ROW(x, dest));
        for (; k < it->n_couples && it->couples[3 * k] == dest; k++)
            sum = r_fma(r_set1(values[k]) * r_load(ROW(u, it->couples[3 * k + 1])),
                        r_load(ROW(d, it->couples[3 * k + 2])), sum);
        r_store(ROW(x, dest), sum);
    }
}

/* d_bar [n_v][LANES], zeros before, of x_bar */
MD_INLINE void uncouple(const dn_program *it, const REAL *u, const REAL *x_bar, REAL *d_bar)
{
    const REAL *values = it->couple_values;
    for (int64_t k = 0; k < it->n_couples; k++) {
        const int32_t *own = it->couples + 3 * k;
        REAL *to = ROW(d_bar, own[2]);
        r_store(to, r_fma(r_set1(values[k]) * r_load(ROW(u, own[1])), r_load(ROW(x_bar, own[0])), r_load(to)));
    }
}

MD_INLINE REAL *couple_of(const dn_model *it, void *couple, int64_t block)
{
    return (REAL *)couple + block * it->program.n_paths * LANES;
}

static void uncouple_all(const dn_model *it, int64_t t, const dn_work *w, const REAL *x_bar, REAL *d_bar)
{
    memset(d_bar, 0, (size_t)(w->blocks * w->n_v * LANES) * sizeof(REAL));
    for (int64_t block = 0; block < w->blocks; block++)
        uncouple(&it->program, couple_of(it, it->layer[t].couple, block), ROW(x_bar, block * w->n_x), ROW(d_bar, block * w->n_v));
}

MD_INLINE void vectors_forward_of(const dn_model *it, int64_t t, const dn_edges *e, dn_work *w, const int L)
{
    const int64_t channels = it->n.channels, row = it->n.parts * channels;
    const REAL *y = e->y, *message = e->message;
    for (int64_t block = 0; block < w->blocks; block++) {
        REAL *d = w->v + block * w->n_v * LANES;
        for (int64_t part = 0; part < it->n.parts - 1; part++)
            part_forward_of(e, w->r + block * w->most * (L + 1) * LANES, y, message + (part + 1) * channels + block * LANES, row,
                            ROW(d, part * w->n_lm), L);
        couple(&it->program, couple_of(it, it->layer[t].couple, block), d, w->x + block * w->n_x * LANES);
    }
}

/* phi_bar [many][mixed] of `many` neighbours from s [many][block][l][LANES] */
MD_INLINE void phi_of_radial(const dn_model *it, int64_t t, int64_t species, const dn_work *w, const REAL *s, REAL *to,
                             const int L, const int many)
{
    const int64_t mixed = it->n.mixed, step = (L + 1) * mixed * LANES, n_s = w->blocks * (L + 1) * LANES;
    const REAL *mix = (const REAL *)it->layer[t].mix + species * w->blocks * step;
    for (int64_t b = 0; b < mixed; b += 4) {
        vr sum[2][4];
        for (int k = 0; k < many; k++)
            for (int q = 0; q < 4; q++)
                sum[k][q] = r_set1(0);
        for (int64_t block = 0; block < w->blocks; block++)
#pragma GCC unroll 8
            for (int l = 0; l <= L; l++) {
                const REAL *row = mix + block * step + (l * mixed + b) * LANES, *own = s + (block * (L + 1) + l) * LANES;
                for (int q = 0; q < 4; q++) {
                    const vr m = r_load(row + q * LANES);
                    for (int k = 0; k < many; k++)
                        sum[k][q] = r_fma(r_load(own + k * n_s), m, sum[k][q]);
                }
            }
        for (int k = 0; k < many; k++)
            r_store4(to + k * mixed + b, r_sums(sum[k][0], sum[k][1], sum[k][2], sum[k][3]));
    }
}

MD_INLINE void message_backward_of(const dn_model *it, int64_t t, int64_t species, const dn_edges *e, dn_work *w, const int L,
                                   const int parts)
{
    enum { M = (DN_DEGREE + 1) * (DN_DEGREE + 1) };
    const int64_t mixed = it->n.mixed, wide = e->wide, channels = it->n.channels;
    const REAL *y = e->y, *message = e->message;
    REAL *phi_to = e->phi_bar, *y_to = e->y_bar;
    vr most = r_set1(0); /* of what is rounded */
    for (int64_t j = 0; j < e->n; j++) {
        REAL *s_rows = w->s + (j & 1) * w->blocks * (L + 1) * LANES;
        vr y_bar[M + 3];
#pragma GCC unroll 32
        for (int k = 0; k < (((L + 1) * (L + 1) + 3) & ~3); k++)
            y_bar[k] = r_set1(0);
        for (int64_t block = 0; block < w->blocks; block++) {
            const REAL *r = w->r + ((block * w->most + j) * (L + 1)) * LANES, *a_bar = w->x_bar + block * w->n_x * LANES;
            const int64_t to = j * parts * channels + block * LANES;
            vr s[DN_DEGREE + 1];
#pragma GCC unroll 8
            for (int l = 0; l <= L; l++)
                s[l] = r_set1(0);
            for (int part = 0; part < parts; part++) {
                const int64_t from = ((int64_t)e->atom[j] * parts + part) * channels + block * LANES;
                const vr g = r_load(message + from);
                vr pull = r_set1(0);
#pragma GCC unroll 8
                for (int l = 0; l <= L; l++) {
                    const vr own = r_load(r + l * LANES), v = own * g;
                    vr sum = r_set1(0);
#pragma GCC unroll 16
                    for (int k = l * l; k < (l + 1) * (l + 1); k++) {
                        vr a = r_load(a_bar + k * LANES);
                        KEEP(a);
                        sum = r_fma(a, r_set1(y[j * wide + k]), sum);
                        y_bar[k] = r_fma(a, v, y_bar[k]);
                    }
                    pull = r_fma(sum, own, pull);
                    s[l] = r_fma(sum, g, s[l]);
                }
                if (e->pulls) {
                    add_rounded(e->pulls + from, pull);
                    most = v_larger(v_abs(pull), most);
                } else {
                    r_to(e->pull + to + part * channels, pull);
                }
                a_bar = ROW(w->v_bar, block * w->n_v + part * w->n_lm); /* of the next */
            }
#pragma GCC unroll 8
            for (int l = 0; l <= L; l++)
                r_store(s_rows + (block * (L + 1) + l) * LANES, s[l]);
        }
#pragma GCC unroll 8
        for (int k = 0; k < (L + 1) * (L + 1); k += 4)
            r_store4(y_to + j * wide + k, r_sums(y_bar[k], y_bar[k + 1], y_bar[k + 2], y_bar[k + 3]));
        if (j & 1)
            phi_of_radial(it, t, species, w, w->s, phi_to + (j - 1) * mixed, L, 2);
        else if (j + 1 == e->n)
            phi_of_radial(it, t, species, w, w->s, phi_to + j * mixed, L, 1);
    }
    for (int lane = 0; lane < LANES; lane++)
        if (!(most[lane] < (REAL)PULL_LIMIT))
            y_to[0] = NAN; /* so are the atom's forces, which is noticed */
}

static void message_forward(const dn_model *it, int64_t t, int64_t species, const dn_edges *e, dn_work *w)
{
#define CALL(L) message_forward_of(it, t, species, e, w, L)
    FOR_DEGREE(CALL)
#undef CALL
    if (it->n.parts == 1)
        return;
#define CALL(L) vectors_forward_of(it, t, e, w, L)
    FOR_DEGREE(CALL)
#undef CALL
}

static void message_backward(const dn_model *it, int64_t t, int64_t species, const dn_edges *e, dn_work *w)
{
    if (it->n.parts == 1) {
#define CALL(L) message_backward_of(it, t, species, e, w, L, 1)
        FOR_DEGREE(CALL)
#undef CALL
        return;
    }
    uncouple_all(it, t, w, w->x_bar, w->v_bar);
#define CALL(L) message_backward_of(it, t, species, e, w, L, 4)
    FOR_DEGREE(CALL)
#undef CALL
}

/* ---- a layer ------------------------------------------------------------------------------------------------------------ */

/* Blocks from `block` on, `many` of them: their pairs, the slopes Q and, unless m is NULL, features */
MD_INLINE void features_of(const dn_model *it, dn_work *w, const REAL *product, int64_t block, double *m, const int many)
{
    vr own[SIDE];
    REAL *x = ROW(w->x, block * w->n_x);
    pairs_of(&it->program, w->n_lm, w->n_x, x, many);
    products(&it->program, w->n_x, ROW(product, block * it->program.n_invariants), x, ROW(w->x_bar, block * w->n_x), own, many);
    for (int q = 0; m && q < many; q++)
        r_to(m + (block + q) * LANES, own[q]);
}

MD_INLINE void features_back(const dn_model *it, dn_work *w, const REAL *vector, int64_t block, const double *m_bar,
                             const double *v_bar, const int many)
{
    vr own[SIDE], of_vectors[3 * SIDE];
    for (int q = 0; q < many; q++) {
        own[q] = take_lanes(m_bar + (block + q) * LANES);
        for (int m = 0; v_bar && m < 3; m++)
            of_vectors[3 * q + m] = take_lanes(v_bar + m * it->n.channels + (block + q) * LANES);
    }
    products_back(&it->program, w->n_lm, w->n_x, v_bar ? ROW(vector, block * it->program.n_vectors) : NULL,
                  ROW(w->x, block * w->n_x), own, of_vectors, ROW(w->x_bar, block * w->n_x), many);
}

/* Weights of an atom's vectors */
static const REAL *vector_of(const dn_model *it, int64_t t, int64_t species, const dn_work *w)
{
    return (const REAL *)it->layer[t].vector + species * w->blocks * it->program.n_vectors * LANES;
}

static void forward(const dn_model *it, int64_t t, int64_t species, const dn_edges *e, void *work, double *m, double *v)
{
    dn_work *w = work;
    const REAL *product = (const REAL *)it->layer[t].product + species * w->blocks * it->program.n_invariants * LANES;
    if (t == 0)
        first_forward(it, species, e, w);
    else
        message_forward(it, t, species, e, w);
    int64_t block = 0;
    for (; block + SIDE <= w->blocks; block += SIDE)
        features_of(it, w, product, block, m, SIDE);
    for (; block < w->blocks; block++)
        features_of(it, w, product, block, m, 1);
    for (block = 0; v && block < w->blocks; block++) {
        vr own[3];
        vectors_of(&it->program, ROW(vector_of(it, t, species, w), block * it->program.n_vectors), ROW(w->x, block * w->n_x), own);
        for (int q = 0; q < 3; q++)
            r_to(v + q * it->n.channels + block * LANES, own[q]);
    }
}

static void backward(const dn_model *it, int64_t t, int64_t species, const dn_edges *e, void *work, const double *m_bar,
                     const double *v_bar)
{
    dn_work *w = work;
    int64_t block = 0;
    const REAL *vector = v_bar ? vector_of(it, t, species, w) : NULL;
    for (; block + SIDE <= w->blocks; block += SIDE)
        features_back(it, w, vector, block, m_bar, v_bar, SIDE);
    for (; block < w->blocks; block++)
        features_back(it, w, vector, block, m_bar, v_bar, 1);
    if (t == 0)
        first_backward(it, species, e, w);
    else
        message_backward(it, t, species, e, w);
}

static void densities(const dn_model *it, const void *work, double *to)
{
    const dn_work *w = work;
    for (int64_t block = 0; block < w->blocks; block++)
        for (int64_t k = 0; k < w->n_lm; k++)
            for (int lane = 0; lane < LANES; lane++)
                to[k * it->n.channels + block * LANES + lane] = w->x[(block * w->n_x + k) * LANES + lane];
}

#include "density/channels_dot.c"

const dn_channels DN_TABLE = {
    .lanes = LANES, .bytes = sizeof(REAL), .work = work_of, .geometry = geometry, .positions_back = positions_back, .rates = rates,
    .radial_back = radial_back, .forward = forward, .backward = backward, .forward_dot = forward_dot, .backward_dot = backward_dot,
    .densities = densities,
};
