/* What does a pair of neighbours contribute?  Angular symmetry functions, forward and in reverse.
 *
 * Triplets come in chunks of up to CHUNK, each computed column by column: the candidates (j, k) of a group
 * are scanned in order, those with r_jk beyond the cutoff dropped, then geometry, radial factors, angular
 * factors. The lanes of a vector share j.
 *
 * Reverse pass. For given de_dg a triplet needs, whatever the number of functions,
 *   X0 = sum_q w_q S_q,  X1 = sum_q eta_q w_q S_q,  C = sum_q w_q dS_q/dc,  S_q(c) = sum_f de_dg_f a_f(c),
 * with w_q = P_q(r_ij) P_q(r_ik) P_q(r_jk), since dP/ds = P (phi - eta kappa) for s = r^2, phi = F'/(2 r F),
 * kappa = (r - rs)/r. With J = dE/ds_jk = phi_jk X0 - kappa_jk X1, K = C/(r_ij r_ik) - 2 J:
 *   g_ij += [2 (phi_ij X0 - kappa_ij X1 + J) - C c / s_ij] r_ij + K r_ik, and the same with j and k exchanged.
 * So j and k each collect four scalars (X0, J - X1, C c, X1) and one vector; `finish` in symmetry.c does the rest. */
#include "symmetry.h"
#include "window.h"

/* Append `first` + lane, as neighbour k, for each lane whose bit is set; j stays as it is. */
MD_INLINE int64_t append_lanes(hd_pair *out, uint32_t first, unsigned bits)
{
#if defined(__AVX__)
    static const int32_t lanes[16][4] __attribute__((aligned(16))) = {
        {0, 0, 0, 0}, {0, 0, 0, 0}, {1, 0, 0, 0}, {0, 1, 0, 0}, {2, 0, 0, 0}, {0, 2, 0, 0},
        {1, 2, 0, 0}, {0, 1, 2, 0}, {3, 0, 0, 0}, {0, 3, 0, 0}, {1, 3, 0, 0}, {0, 1, 3, 0},
        {2, 3, 0, 0}, {0, 2, 3, 0}, {1, 2, 3, 0}, {0, 1, 2, 3}};
    const __m128i add = _mm_load_si128((const __m128i *)lanes[bits]);
    _mm_storeu_si128((__m128i *)out, _mm_add_epi32(add, _mm_set1_epi32((int32_t)first)));
    return __builtin_popcount(bits);
#else
    int64_t n = 0;
    for (unsigned lane = 0; lane < 4; lane++) {
        out[n] = first + lane;
        n += (bits >> lane) & 1;
    }
    return n;
#endif
}

/* Rows of a group: j over [begin, end), k over [k_begin, k_end), or k > j. */
typedef struct {
    int32_t begin, end, k_begin, k_end, triangle;
} hd_range;

static hd_range range_of(const hd_group *group, const hd_view *view)
{
    if (group->element1 == HD_ALL)
        return (hd_range){0, (int32_t)view->n - 3, 0, (int32_t)view->n - 3, 1};
    int a = group->element1, b = group->element2;
    if (view->end[a] - view->begin[a] > view->end[b] - view->begin[b]) { /* long rows waste fewer lanes */
        a = group->element2;
        b = group->element1;
    }
    return (hd_range){view->begin[a], view->end[a], view->begin[b], view->end[b], a == b};
}

/* Fill `pairs`, room for CHUNK + 4, from where the last chunk stopped. Nothing branches on what was found:
 * vectors of results are late, and a branch on them would be mispredicted row by row. */
static void scan(const hd_group *group, const hd_view *view, hd_chunk *chunk, hd_pair *pairs)
{
    const hd_range range = range_of(group, view);
    const uint32_t nobody = (uint32_t)view->n - 1;
    const v4d cut2 = v_set1(group->cutoff2);
    const double *const xs = view->x, *const ys = view->y, *const zs = view->z;
    int64_t n = 0;
    int32_t j = chunk->next_j, k = chunk->next_k;
    for (; j < range.end; j++, k = -1) {
        const v4d x = v_set1(xs[j]), y = v_set1(ys[j]), z = v_set1(zs[j]);
        const uint32_t row = (uint32_t)j << 16;
        if (k < 0)
            k = range.triangle ? j + 1 : range.k_begin;
        for (; k < range.k_end && n <= CHUNK - 4; k += 4) {
            const v4d dx = v_load(xs + k) - x, dy = v_load(ys + k) - y, dz = v_load(zs + k) - z;
            const v4d s = v_fma(dz, dz, v_fma(dy, dy, dx * dx));
            n += append_lanes(pairs + n, row + (uint32_t)k, v_bits((v4i)(s < cut2)));
        }
        pairs[n] = pairs[n + 1] = pairs[n + 2] = row + nobody;
        n = (n + 3) & ~3;
        if (k < range.k_end) /* full */
            break;
    }
    chunk->next_j = j;
    chunk->next_k = k;
    chunk->n = (int32_t)n;
    chunk->pairs = pairs;
}

MD_INLINE int64_t pair_j(hd_pair pair) { return pair >> 16; }
MD_INLINE int64_t pair_k(hd_pair pair) { return pair & 0xffff; }

/* Rows of four doubles of the neighbours k of four pairs, as columns */
MD_INLINE void load_k(const double *rows, int64_t width, const hd_pair *pairs, v4d *a, v4d *b, v4d *c, v4d *d)
{
    v_transpose(v_load(rows + width * pair_k(pairs[0])), v_load(rows + width * pair_k(pairs[1])),
                v_load(rows + width * pair_k(pairs[2])), v_load(rows + width * pair_k(pairs[3])), a, b, c, d);
}

/* cos(theta), 1/(r_ij r_ik), s_jk, [sin(theta)] */
MD_INLINE void geometry(const hd_view *view, const hd_chunk *chunk, double *MD_RESTRICT s, const int narrow,
                        const int sine)
{
    const double *MD_RESTRICT rows = view->rows;
    for (int64_t t = 0; t < chunk->n; t += 4) {
        const double *row = rows + 4 * pair_j(chunk->pairs[t]);
        const v4d xj = v_set1(row[0]), yj = v_set1(row[1]), zj = v_set1(row[2]), ij = v_set1(row[3]);
        v4d x, y, z, ik;
        load_k(rows, 4, chunk->pairs + t, &x, &y, &z, &ik);
        const v4d inverse = ij * ik, dot = v_fma(z, zj, v_fma(y, yj, x * xj));
        v_store(chunk->cosine + t, dot * inverse);
        v_store(chunk->inverse + t, inverse);
        if (sine) {
            const v4d a = v_fma(y, zj, -(z * yj)), b = v_fma(z, xj, -(x * zj)), c = v_fma(x, yj, -(y * xj));
            v_store(chunk->sine + t, v_sqrt(v_fma(c, c, v_fma(b, b, a * a))) * inverse);
        }
        if (narrow) {
            const v4d dx = x - xj, dy = y - yj, dz = z - zj;
            v_store(s + t, v_fma(dz, dz, v_fma(dy, dy, dx * dx)));
        }
    }
}

/* F and phi of r_jk; s becomes what exponents multiply, (r - rs)^2 */
static void chunk_window(const hd_family *family, const hd_chunk *chunk, double *MD_RESTRICT s, double *MD_RESTRICT f)
{
    const hd_window w = family->window;
    const v4d shift = v_set1(family->shift), tiny = v_set1(1e-30), two = v_set1(2.0);
    double *MD_RESTRICT phi = chunk->phi, *MD_RESTRICT kappa = chunk->kappa;
    v4d next = v_sqrt(v_larger(v_load(s), tiny));
#define LOOP(core, shape)                                                                                      \
    for (int64_t t = 0; t < chunk->n; t += 4) {                                                                \
        const v4d r = next; /* square roots run one vector ahead: they take long */                            \
        next = v_sqrt(v_larger(v_load(s + t + 4), tiny));                                                         \
        v4d value, slope;                                                                                      \
        window_at(core, shape, &w, r, two * r, &value, &slope);                                                \
        v_store(f + t, value);                                                                                 \
        v_store(phi + t, slope);                                                                               \
        if (kappa) {                                                                                           \
            const v4d d = r - shift;                                                                           \
            v_store(s + t, d * d);                                                                             \
            v_store(kappa + t, d / r);                                                                         \
        }                                                                                                      \
    }
    WINDOW_CASES(&w, LOOP)
#undef LOOP
}

/* w_q = P_q(r_ij) P_q(r_ik) for q in [block, block + 4) */
MD_INLINE void pair_weights(const hd_chunk *chunk, const double *MD_RESTRICT rows, int64_t width, int block, const int count)
{
    const int64_t n = chunk->n;
    double *MD_RESTRICT w = chunk->w + block * n;
    rows += block;
    for (int64_t t = 0; t < n; t += 4) {
        const double *row = rows + width * pair_j(chunk->pairs[t]);
        v4d a, b, c, d;
        load_k(rows, width, chunk->pairs + t, &a, &b, &c, &d);
        v_store(w + t, a * v_set1(row[0]));
        if (count > 1)
            v_store(w + n + t, b * v_set1(row[1]));
        if (count > 2)
            v_store(w + 2 * n + t, c * v_set1(row[2]));
        if (count > 3)
            v_store(w + 3 * n + t, d * v_set1(row[3]));
    }
}

/* w_q *= F(r_jk) exp(-eta_q a), a in s */
static void narrow_weights(const hd_exponent *exponents, int64_t n_exponents, const hd_chunk *chunk,
                           const double *MD_RESTRICT s, const double *MD_RESTRICT f, double *base)
{
    const int64_t n = chunk->n;
    for (int64_t q = 0; q < n_exponents; q++) {
        const hd_exponent *e = exponents + q;
        double *MD_RESTRICT w = chunk->w + q * n;
        if (e->base < 0) {
            for (int64_t t = 0; t < n; t += 4)
                v_store(w + t, v_load(w + t) * v_load(f + t));
        } else if (e->base == q) {
            double *MD_RESTRICT own = base + q * CHUNK;
            const v4d eta = v_set1(-e->eta);
            for (int64_t t = 0; t < n; t += 4) {
                const v4d u = v_exp(eta * v_load(s + t));
                v_store(own + t, u);
                v_store(w + t, v_load(w + t) * v_load(f + t) * u);
            }
        } else {
            const double *MD_RESTRICT own = base + e->base * CHUNK;
#define POWER(power)                                                                                           \
    for (int64_t t = 0; t < n; t += 4)                                                                         \
        v_store(w + t, v_load(w + t) * v_load(f + t) * v_power(v_load(own + t), power));                       \
    break
            switch (e->power) {
            case 2: POWER(2);
            case 3: POWER(3);
            case 4: POWER(4);
            case 5: POWER(5);
            case 6: POWER(6);
            case 7: POWER(7);
            case 8: POWER(8);
            case 10: POWER(10);
            case 20: POWER(20);
            case 30: POWER(30);
            default: POWER(e->power);
            }
#undef POWER
        }
    }
}

/* a(theta) of one angle for a chunk, and da/dcos where asked */
MD_INLINE void angle_columns(const hd_angle *angle, const hd_chunk *chunk, double *MD_RESTRICT a, double *MD_RESTRICT da,
                             const int derivative)
{
    const v4d one = v_set1(1.0), lambda = v_set1(angle->lambda), zero = v_set1(0.0);
    const double *MD_RESTRICT cosine = chunk->cosine, *MD_RESTRICT sine = chunk->sine;
    const int64_t n = chunk->n;
    if (angle->kind == HD_INTEGER_POWER) {
        const v4d outer = v_set1(angle->zeta) * lambda;
#define POWER(power)                                                                                           \
    for (int64_t t = 0; t < n; t += 4) {                                                                       \
        const v4d b = v_fma(lambda, v_load(cosine + t), one);                                                  \
        if (derivative) {                                                                                      \
            const v4d low = v_power(b, (power) - 1);                                                           \
            v_store(a + t, low * b);                                                                           \
            v_store(da + t, outer * low);                                                                      \
        } else {                                                                                               \
            v_store(a + t, v_power(b, power));                                                                 \
        }                                                                                                      \
    }                                                                                                          \
    break
        switch (angle->power) {
        case 1: POWER(1);
        case 2: POWER(2);
        case 3: POWER(3);
        case 4: POWER(4);
        case 6: POWER(6);
        case 8: POWER(8);
        case 16: POWER(16);
        default: POWER(angle->power);
        }
#undef POWER
    } else if (angle->kind == HD_REAL_POWER) {
        const v4d zeta = v_set1(angle->zeta);
        for (int64_t t = 0; t < n; t += 4) {
            const v4d b = v_larger(v_fma(lambda, v_load(cosine + t), one), v_set1(1e-100));
            const v4d value = v_exp(zeta * v_log(b));
            v_store(a + t, value);
            if (derivative)
                v_store(da + t, zeta * lambda * (value / b));
        }
    } else {
        const hd_window w = angle->window;
        const v4d straight = v_set1(1e-12);
#define LOOP(core, shape)                                                                                      \
    for (int64_t t = 0; t < n; t += 4) {                                                                       \
        const v4d st = v_load(sine + t);                                                                       \
        v4d value, slope;                                                                                      \
        window_at(core, shape, &w, v_angle(v_load(cosine + t), st), one, &value, &slope);                      \
        v_store(a + t, value);                                                                                 \
        if (derivative) /* dtheta/dcos = -1/sin; a straight line has dcos = 0 */                               \
            v_store(da + t, v_select((v4i)(st > straight), -(value * slope) / v_larger(st, straight), zero));     \
    }
        WINDOW_CASES(&w, LOOP)
#undef LOOP
    }
}

static void angle_values(const hd_angle *angle, const hd_chunk *chunk, double *a) { angle_columns(angle, chunk, a, NULL, 0); }
static void angle_slopes(const hd_angle *angle, const hd_chunk *chunk, double *a, double *da)
{
    angle_columns(angle, chunk, a, da, 1);
}

/* P of the group's exponents as rows, one a neighbour; weighted groups carry the charge. */
static void fill_group_rows(const hd_group *group, const hd_exponent *exponents, const hd_view *view, hd_scratch *scratch)
{
    const int64_t width = (group->n_exponents + 3) & ~3;
    const int weighted = group->element1 == HD_ALL;
    const v4d one = v_set1(1.0);
    for (int64_t block = 0; block < width; block += 4) {
        const double *p[4];
        for (int q = 0; q < 4; q++) {
            const int64_t own = block + q < group->n_exponents ? block + q : group->n_exponents - 1;
            p[q] = view->p + exponents[own].column * scratch->stride;
        }
        for (int64_t t = 0; t < view->n; t += 4) {
            const v4d charge = weighted ? v_load(view->charge + t) : one;
            v4d a, b, c, d;
            v_transpose(v_load(p[0] + t) * charge, v_load(p[1] + t) * charge, v_load(p[2] + t) * charge,
                        v_load(p[3] + t) * charge, &a, &b, &c, &d);
            double *row = scratch->group_rows + width * t + block;
            v_store(row, a);
            v_store(row + width, b);
            v_store(row + 2 * width, c);
            v_store(row + 3 * width, d);
        }
    }
}

/* The next chunk of a group; 0 when there are no more triplets. With `keep` it stays in the store if it fits. */
static int next_chunk(const hd_plan *plan, const hd_family *family, const hd_group *group, const hd_view *view,
                      hd_chunk *chunk, hd_scratch *scratch, int keep)
{
    const int shifted = group->narrow && family->shift != 0.0;
    const int64_t columns = 2 + group->sine + group->narrow + shifted + group->n_exponents;
    const int kept = keep && !scratch->full && scratch->n_chunks < CHUNKS &&
                     scratch->used + CHUNK * (8 * columns + 4) + 64 <= STORE;
    scratch->full |= keep && !kept;
    char *memory = kept ? scratch->store + scratch->used : scratch->transient;

    scan(group, view, chunk, (hd_pair *)memory);
    if (chunk->n == 0)
        return 0;
    const int64_t n = chunk->n;
    chunk->group = group;
    double *column = (double *)(memory + ((4 * n + 63) & ~63));
    chunk->cosine = column, column += n;
    chunk->inverse = column, column += n;
    chunk->sine = group->sine ? column : NULL, column += group->sine ? n : 0;
    chunk->phi = group->narrow ? column : NULL, column += group->narrow ? n : 0;
    chunk->kappa = shifted ? column : NULL, column += shifted ? n : 0;
    chunk->w = column;

    if (group->narrow && group->sine)
        geometry(view, chunk, scratch->s, 1, 1);
    else if (group->narrow)
        geometry(view, chunk, scratch->s, 1, 0);
    else if (group->sine)
        geometry(view, chunk, NULL, 0, 1);
    else
        geometry(view, chunk, NULL, 0, 0);
    const int64_t width = (group->n_exponents + 3) & ~3;
    for (int block = 0; block < group->n_exponents; block += 4)
        switch (group->n_exponents - block) {
        case 1: pair_weights(chunk, scratch->group_rows, width, block, 1); break;
        case 2: pair_weights(chunk, scratch->group_rows, width, block, 2); break;
        case 3: pair_weights(chunk, scratch->group_rows, width, block, 3); break;
        default: pair_weights(chunk, scratch->group_rows, width, block, 4);
        }
    if (group->narrow) {
        chunk_window(family, chunk, scratch->s, scratch->f);
        narrow_weights(plan->exponents + group->exponents, group->n_exponents, chunk, scratch->s, scratch->f, scratch->base);
    }
    if (kept) {
        scratch->used += ((char *)(column + group->n_exponents * n) - memory + 63) & ~INT64_C(63);
        scratch->chunks[scratch->n_chunks++] = *chunk;
    }
    return 1;
}

/* g[i] += sum_t w a_i for up to four columns a_i */
MD_INLINE void dots(const double *MD_RESTRICT w, const double *const *a, int64_t n, v4d *const *g, const int count)
{
    v4d g0 = *g[0], g1 = count > 1 ? *g[1] : g0, g2 = count > 2 ? *g[2] : g0, g3 = count > 3 ? *g[3] : g0;
    for (int64_t t = 0; t < n; t += 4) {
        const v4d weight = v_load(w + t);
        g0 = v_fma(weight, v_load(a[0] + t), g0);
        if (count > 1)
            g1 = v_fma(weight, v_load(a[1] + t), g1);
        if (count > 2)
            g2 = v_fma(weight, v_load(a[2] + t), g2);
        if (count > 3)
            g3 = v_fma(weight, v_load(a[3] + t), g3);
    }
    *g[0] = g0;
    if (count > 1)
        *g[1] = g1;
    if (count > 2)
        *g[2] = g2;
    if (count > 3)
        *g[3] = g3;
}

/* g[term.out] += sum_t w_q a_term for all terms of exponent q, from terms[begin]; returns where the next begins. */
static int64_t term_dots(const hd_term *terms, int64_t begin, int64_t end, const double *w, int64_t n,
                         const double *angle, v4d *g)
{
    int64_t stop = begin;
    while (stop < end && terms[stop].exponent == terms[begin].exponent)
        stop++;
    for (int64_t m = begin; m < stop; m += 4) {
        const int64_t count = stop - m < 4 ? stop - m : 4;
        const double *a[4];
        v4d *out[4];
        for (int64_t i = 0; i < count; i++) {
            a[i] = angle + (int64_t)terms[m + i].angle * CHUNK;
            out[i] = g + terms[m + i].out;
        }
        switch (count) {
        case 1: dots(w, a, n, out, 1); break;
        case 2: dots(w, a, n, out, 2); break;
        case 3: dots(w, a, n, out, 3); break;
        default: dots(w, a, n, out, 4);
        }
    }
    return stop;
}

static void group_values(const hd_plan *plan, const hd_family *family, const hd_group *group, const hd_view *view,
                         hd_scratch *scratch)
{
    const hd_term *terms = plan->terms + group->terms;
    hd_chunk chunk = {.next_j = range_of(group, view).begin, .next_k = -1};
    fill_group_rows(group, plan->exponents + group->exponents, view, scratch);
    while (next_chunk(plan, family, group, view, &chunk, scratch, 1)) {
        for (int64_t m = 0; m < group->n_angles; m++)
            angle_values(plan->angles + group->angles + m, &chunk, scratch->angle + m * CHUNK);
        for (int64_t m = 0; m < group->n_terms;)
            m = term_dots(terms, m, group->n_terms, chunk.w + (int64_t)terms[m].exponent * chunk.n, chunk.n, scratch->angle,
                          scratch->g);
    }
}

/* x0 (+)= w S, x1 (+)= eta w S, c (+)= w S', with S a polynomial of cos(theta) */
MD_INLINE void contract_series(const double *MD_RESTRICT series, const double *MD_RESTRICT w, double eta,
                               const hd_chunk *chunk, double *MD_RESTRICT x0, double *MD_RESTRICT x1,
                               double *MD_RESTRICT c, const int degree, const int add)
{
    const v4d e = v_set1(eta), zero = v_set1(0.0);
    const double *MD_RESTRICT cosine = chunk->cosine;
    for (int64_t t = 0; t < chunk->n; t += 4) {
        const v4d u = v_load(cosine + t), weight = v_load(w + t);
        v4d value = v_set1(series[degree]), slope = zero;
#pragma GCC unroll 8
        for (int p = degree - 1; p >= 0; p--) {
            slope = p == degree - 1 ? value : v_fma(slope, u, value);
            value = v_fma(value, u, v_set1(series[p]));
        }
        value *= weight;
        v_store(x0 + t, add ? v_load(x0 + t) + value : value);
        v_store(x1 + t, add ? v_fma(e, value, v_load(x1 + t)) : e * value);
        v_store(c + t, add ? v_fma(weight, slope, v_load(c + t)) : weight * slope);
    }
}

/* The same for any angle: S and S' by columns. */
static void contract_columns(const hd_term *terms, int64_t begin, int64_t end, const double *de_dg, const double *w,
                             double eta, const hd_chunk *chunk, hd_scratch *scratch, int add)
{
    const v4d e = v_set1(eta), zero = v_set1(0.0);
    for (int64_t t = 0; t < chunk->n; t += 4) {
        v4d value = zero, slope = zero;
        for (int64_t m = begin; m < end; m++) {
            const v4d g = v_set1(terms[m].scale * de_dg[terms[m].out]);
            value = v_fma(g, v_load(scratch->angle + (int64_t)terms[m].angle * CHUNK + t), value);
            slope = v_fma(g, v_load(scratch->slope + (int64_t)terms[m].angle * CHUNK + t), slope);
        }
        value *= v_load(w + t);
        slope *= v_load(w + t);
        v_store(scratch->x0 + t, add ? v_load(scratch->x0 + t) + value : value);
        v_store(scratch->x1 + t, add ? v_fma(e, value, v_load(scratch->x1 + t)) : e * value);
        v_store(scratch->c + t, add ? v_load(scratch->c + t) + slope : slope);
    }
}

/* X0, X1, C of a chunk */
static void contract(const hd_plan *plan, const hd_group *group, const double *de_dg, const hd_chunk *chunk,
                     hd_scratch *scratch)
{
    const hd_term *terms = plan->terms + group->terms;
    if (!group->expanded)
        for (int64_t m = 0; m < group->n_angles; m++)
            angle_slopes(plan->angles + group->angles + m, chunk, scratch->angle + m * CHUNK, scratch->slope + m * CHUNK);
    for (int64_t begin = 0, end; begin < group->n_terms; begin = end) {
        const int32_t q = terms[begin].exponent;
        const double eta = plan->exponents[group->exponents + q].eta, *w = chunk->w + (int64_t)q * chunk->n;
        double series[HD_DEGREE + 1] = {0.0};
        int degree = 1;
        for (end = begin; end < group->n_terms && terms[end].exponent == q; end++) {
            degree = terms[end].degree > degree ? terms[end].degree : degree;
            for (int p = 0; p <= HD_DEGREE; p++)
                series[p] += de_dg[terms[end].out] * terms[end].series[p];
        }
        if (!group->expanded) {
            contract_columns(terms, begin, end, de_dg, w, eta, chunk, scratch, begin > 0);
            continue;
        }
#define SERIES(degree)                                                                                         \
    case degree:                                                                                               \
        if (begin > 0)                                                                                         \
            contract_series(series, w, eta, chunk, scratch->x0, scratch->x1, scratch->c, degree, 1);           \
        else                                                                                                   \
            contract_series(series, w, eta, chunk, scratch->x0, scratch->x1, scratch->c, degree, 0);           \
        break
        switch (degree) {
            SERIES(1); SERIES(2); SERIES(3); SERIES(4); SERIES(5); SERIES(6); SERIES(7); SERIES(8);
        }
#undef SERIES
    }
}

/* What j and k collect from the triplets of a chunk */
MD_INLINE void collect(const hd_view *view, const hd_chunk *chunk, const hd_scratch *scratch, const int narrow,
                       const int shifted)
{
    const double *MD_RESTRICT rows = view->rows;
    double *MD_RESTRICT turn = view->turn, *MD_RESTRICT sums = view->sums;
    const v4d zero = v_set1(0.0);
    for (int64_t t = 0; t < chunk->n; t += 4) {
        const v4d x0 = v_load(scratch->x0 + t), x1 = v_load(scratch->x1 + t), c = v_load(scratch->c + t);
        v4d rest = -x1, factor = c * v_load(chunk->inverse + t); /* J - X1 and K */
        if (narrow) {
            const v4d jk = v_fma(v_load(chunk->phi + t), x0, shifted ? -(v_load(chunk->kappa + t) * x1) : -x1);
            rest = jk - x1;
            factor = v_fma(v_set1(-2.0), jk, factor);
        }
        const v4d q = c * v_load(chunk->cosine + t);
        v4d s0, s1, s2, s3;
        v_transpose(x0, rest, q, shifted ? x1 : zero, &s0, &s1, &s2, &s3);
        const hd_pair *pairs = chunk->pairs + t;
        const int64_t k0 = 4 * pair_k(pairs[0]), k1 = 4 * pair_k(pairs[1]), k2 = 4 * pair_k(pairs[2]);
        const int64_t k3 = 4 * pair_k(pairs[3]), j = 4 * pair_j(pairs[0]);
        const v4d f0 = V_SHUFFLE(factor, factor, 0, 0, 0, 0), f1 = V_SHUFFLE(factor, factor, 1, 1, 1, 1);
        const v4d f2 = V_SHUFFLE(factor, factor, 2, 2, 2, 2), f3 = V_SHUFFLE(factor, factor, 3, 3, 3, 3);
        const v4d row = v_load(rows + j);
        const v4d low = v_fma(f1, v_load(rows + k1), f0 * v_load(rows + k0));
        const v4d high = v_fma(f3, v_load(rows + k3), f2 * v_load(rows + k2));
        v_store(turn + j, v_load(turn + j) + (low + high));
        v_store(sums + j, v_load(sums + j) + ((s0 + s1) + (s2 + s3)));
        v_store(turn + k0, v_fma(f0, row, v_load(turn + k0)));
        v_store(sums + k0, v_load(sums + k0) + s0);
        v_store(turn + k1, v_fma(f1, row, v_load(turn + k1)));
        v_store(sums + k1, v_load(sums + k1) + s1);
        v_store(turn + k2, v_fma(f2, row, v_load(turn + k2)));
        v_store(sums + k2, v_load(sums + k2) + s2);
        v_store(turn + k3, v_fma(f3, row, v_load(turn + k3)));
        v_store(sums + k3, v_load(sums + k3) + s3);
    }
}

/* Reverse pass of a group; `number` counts the chunks of the environment: the first n_chunks were kept. */
static void group_vjp(const hd_plan *plan, const hd_family *family, const hd_group *group, const hd_view *view,
                      const double *de_dg, hd_scratch *scratch, int64_t *number)
{
    hd_chunk chunk = {.next_j = range_of(group, view).begin, .next_k = -1};
    int filled = 0;
    for (;;) {
        if (*number < scratch->n_chunks && scratch->chunks[*number].group == group) {
            chunk = scratch->chunks[*number];
        } else if (!scratch->full) {
            return;
        } else {
            if (!filled)
                fill_group_rows(group, plan->exponents + group->exponents, view, scratch);
            filled = 1;
            if (!next_chunk(plan, family, group, view, &chunk, scratch, 0))
                return;
        }
        ++*number;
        contract(plan, group, de_dg, &chunk, scratch);
        if (chunk.kappa)
            collect(view, &chunk, scratch, 1, 1);
        else if (chunk.phi)
            collect(view, &chunk, scratch, 1, 0);
        else if (family->shift != 0.0)
            collect(view, &chunk, scratch, 0, 1);
        else
            collect(view, &chunk, scratch, 0, 0);
    }
}
