/* What does a pair of neighbours contribute?  Angular symmetry functions, forward and in reverse.
 *
 * Triplets come in chunks of up to CHUNK. For each j the candidates k are scanned in vectors of LANES neighbours:
 * geometry and the products P(r_ij) P(r_ik) are computed for all of them, and those with r_jk beyond the cutoff
 * are dropped by packing what is left into columns. What costs most (radial and angular factors, contraction)
 * then runs over full columns, and its results are unpacked again to be added to neighbours, vector by vector.
 * Nothing is gathered or scattered one number at a time.
 *
 * Reverse pass. For given de_dg a triplet needs, whatever the number of functions,
 *   X0 = sum_q w_q S_q,  X1 = sum_q eta_q w_q S_q,  C = sum_q w_q dS_q/dc,  S_q(c) = sum_f de_dg_f a_f(c),
 * with w_q = P_q(r_ij) P_q(r_ik) P_q(r_jk), since dP/ds = P (phi - eta kappa) for s = r^2, phi = F'/(2 r F),
 * kappa = (r - rs)/r. With J = dE/ds_jk = phi_jk X0 - kappa_jk X1, K = C/(r_ij r_ik) - 2 J:
 *   g_ij += 2 [phi_ij X0 - kappa_ij X1 + J - C c / (2 s_ij)] r_ij + K r_ik, and the same with j and k exchanged.
 * So j and k each collect the scalar in brackets and one vector; `finish` in symmetry.c does the rest. */
#include "networks/symmetry.h"
#include "networks/window.h"

/* Rows of a group: j over [begin, end), k over [k_begin, k_end), or k < j. k_begin is a multiple of LANES. */
typedef struct {
    int32_t begin, end, k_begin, k_end, triangle;
} hd_range;

static hd_range range_of(const hd_group *group, const hd_view *view)
{
    if (group->element1 == HD_ALL)
        return (hd_range){0, (int32_t)view->n, 0, (int32_t)view->n, 1};
    int a = group->element1, b = group->element2;
    if (view->end[a] - view->begin[a] > view->end[b] - view->begin[b]) { /* long rows waste fewer lanes */
        a = group->element2;
        b = group->element1;
    }
    return (hd_range){view->begin[a], view->end[a], view->begin[b], view->end[b], a == b};
}

MD_INLINE int32_t row_end(hd_range range, int32_t j) { return range.triangle ? j : range.k_end; }

/* Fill the columns of a chunk from where the last one stopped: cos(theta), 1/(r_ij r_ik), s_jk, [sin(theta)],
 * w_q = P_q(r_ij) P_q(r_ik). p: columns P_q; `count` of them, known at compile time, or 0. Nothing branches on what
 * was found: vectors of results are late, and a branch on them would be mispredicted row by row. */
MD_INLINE void scan(const hd_group *group, hd_range range, const hd_view *view, const REAL *const *p,
                    const r_orders *orders, hd_chunk *chunk, REAL *MD_RESTRICT s, const int count, const int sine,
                    const int weighted)
{
    const int n_exponents = count ? count : group->n_exponents;
    const vr cut2 = r_set1((REAL)group->cutoff2), zero = r_set1(0);
    const hd_vector *const vectors = view->vectors;
    REAL *MD_RESTRICT cosine = chunk->cosine; /* 1/(r_ij r_ik) and the w_q are the columns that follow */
    uint16_t *MD_RESTRICT bits = chunk->bits;
    const int narrow = group->narrow;
    int64_t n = 0, block = 0;
    int32_t j = chunk->begin_j, k = chunk->begin_k;
    for (; j < range.end; j++, k = range.k_begin) {
        const REAL *own = lane_of(vectors, j);
        const vr xj = r_set1(own[0]), yj = r_set1(own[LANES]), zj = r_set1(own[2 * LANES]);
        const vr ij = r_set1(own[3 * LANES]);
        const int32_t stop = row_end(range, j);
        vr pj[HD_LIMIT];
#pragma GCC unroll 4
        for (int q = 0; q < n_exponents; q++)
            pj[q] = r_set1(weighted ? p[q][j] * view->charge[j] : p[q][j]);
        for (; k < stop && n <= CHUNK - LANES && block < BLOCKS; k += LANES) {
            const hd_vector *v = vectors + (uint32_t)k / LANES;
            const vr x = v->x, y = v->y, z = v->z, dx = x - xj, dy = y - yj, dz = z - zj;
            const vr s_jk = r_fma(dz, dz, r_fma(dy, dy, dx * dx));
            const unsigned found = r_less(s_jk, cut2) & lanes_below(stop - k);
            const r_order order = r_packing(orders, found);
            const vr inverse = ij * v->inverse, dot = r_fma(z, zj, r_fma(y, yj, x * xj));
            bits[block++] = (uint16_t)found;
            if (narrow)
                r_store(s + n, r_pack(s_jk, order));
            r_store(cosine + n, r_pack(dot * inverse, order));
            r_store(cosine + ROOM + n, r_pack(inverse, order));
            if (sine) {
                const vr a = r_fma(y, zj, -(z * yj)), b = r_fma(z, xj, -(x * zj)), c = r_fma(x, yj, -(y * xj));
                r_store(chunk->sine + n, r_pack(r_sqrt(r_fma(c, c, r_fma(b, b, a * a))) * inverse, order));
            }
#pragma GCC unroll 4
            for (int q = 0; q < n_exponents; q++) {
                vr w = pj[q] * r_load(p[q] + k);
                if (weighted)
                    w *= r_load(view->charge + k);
                r_store(cosine + (2 + q) * ROOM + n, r_pack(w, order));
            }
            n += __builtin_popcount(found);
        }
        if (k < stop) /* full */
            break;
    }
    r_store(s + n, r_set1(1)); /* padding */
    for (int i = 0; i < 2 + n_exponents; i++)
        r_store(cosine + i * ROOM + n, zero);
    if (sine)
        r_store(chunk->sine + n, zero);
    chunk->end_j = j;
    chunk->end_k = k;
    chunk->n = (int32_t)((n + LANES - 1) & ~(LANES - 1));
}

static void scan_group(const hd_group *group, hd_range range, const hd_view *view, const REAL *const *p,
                       const hd_work *work, hd_chunk *chunk)
{
    const int weighted = group->element1 == HD_ALL;
    const int count = weighted || group->sine || group->n_exponents > 4 ? 0 : group->n_exponents;
    REAL *s = work->columns->s;
    switch (count) {
    case 1: scan(group, range, view, p, work->orders, chunk, s, 1, 0, 0); break;
    case 2: scan(group, range, view, p, work->orders, chunk, s, 2, 0, 0); break;
    case 3: scan(group, range, view, p, work->orders, chunk, s, 3, 0, 0); break;
    case 4: scan(group, range, view, p, work->orders, chunk, s, 4, 0, 0); break;
    default: scan(group, range, view, p, work->orders, chunk, s, 0, group->sine, weighted);
    }
}

/* F and phi of r_jk; s becomes what exponents multiply, (r - rs)^2 */
static void chunk_window(const hd_family *family, const hd_chunk *chunk, REAL *MD_RESTRICT s, REAL *MD_RESTRICT f)
{
    const hd_window w = family->window;
    const vr shift = r_set1(family->shift), tiny = r_set1(1e-30), two = r_set1(2.0);
    REAL *MD_RESTRICT phi = chunk->phi, *MD_RESTRICT kappa = chunk->kappa;
    vr next = r_sqrt(v_larger(r_load(s), tiny));
#define LOOP(core, shape)                                                                                      \
    for (int64_t t = 0; t < chunk->n; t += LANES) {                                                            \
        const vr r = next; /* square roots run one vector ahead: they take long */                             \
        next = r_sqrt(v_larger(r_load(s + t + LANES), tiny));                                                  \
        vr value, slope;                                                                                       \
        window_at(core, shape, &w, r, two * r, &value, &slope);                                                \
        r_store(f + t, value);                                                                                 \
        r_store(phi + t, slope);                                                                               \
        if (kappa) {                                                                                           \
            const vr d = r - shift;                                                                            \
            r_store(s + t, d * d);                                                                             \
            r_store(kappa + t, d / r);                                                                         \
        }                                                                                                      \
    }
    WINDOW_CASES(&w, LOOP)
#undef LOOP
}

/* Is exp(-eta a) computed as such, not as a power of another one? In float, high powers cost digits. */
MD_INLINE int is_direct(const hd_exponent *e, int64_t q) { return e->base == q || (MD_BITS == 32 && e->power > 4); }

/* w_q *= F(r_jk) exp(-eta_q a), a in s */
static void narrow_weights(const hd_exponent *exponents, int64_t n_exponents, const hd_chunk *chunk,
                           hd_columns *columns)
{
    const REAL *MD_RESTRICT s = columns->s, *MD_RESTRICT f = columns->f;
    const int64_t n = chunk->n;
    for (int64_t q = 0; q < n_exponents; q++) {
        const hd_exponent *e = exponents + q;
        REAL *MD_RESTRICT w = chunk->w + q * ROOM;
        if (e->base < 0) {
            for (int64_t t = 0; t < n; t += LANES)
                r_store(w + t, r_load(w + t) * r_load(f + t));
        } else if (is_direct(e, q)) {
            REAL *MD_RESTRICT own = columns->base[q];
            const vr eta = r_set1(-e->eta);
            for (int64_t t = 0; t < n; t += LANES) {
                const vr u = v_exp(eta * r_load(s + t));
                r_store(own + t, u);
                r_store(w + t, r_load(w + t) * r_load(f + t) * u);
            }
        } else {
            const REAL *MD_RESTRICT own = columns->base[e->base];
#define POWER(power)                                                                                           \
    for (int64_t t = 0; t < n; t += LANES)                                                                     \
        r_store(w + t, r_load(w + t) * r_load(f + t) * v_power(r_load(own + t), power));                       \
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
MD_INLINE void angle_columns(const hd_angle *angle, const hd_chunk *chunk, REAL *MD_RESTRICT a, REAL *MD_RESTRICT da,
                             const int derivative)
{
    const vr one = r_set1(1.0), lambda = r_set1(angle->lambda), zero = r_set1(0.0);
    const REAL *MD_RESTRICT cosine = chunk->cosine, *MD_RESTRICT sine = chunk->sine;
    const int64_t n = chunk->n;
    if (angle->kind == HD_INTEGER_POWER) {
        const vr outer = r_set1(angle->zeta) * lambda;
#define POWER(power)                                                                                           \
    for (int64_t t = 0; t < n; t += LANES) {                                                                   \
        const vr b = r_fma(lambda, r_load(cosine + t), one);                                                   \
        if (derivative) {                                                                                      \
            const vr low = v_power(b, (power) - 1);                                                            \
            r_store(a + t, low * b);                                                                           \
            r_store(da + t, outer * low);                                                                      \
        } else {                                                                                               \
            r_store(a + t, v_power(b, power));                                                                 \
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
        const vr zeta = r_set1(angle->zeta);
        for (int64_t t = 0; t < n; t += LANES) {
            const vr b = v_larger(r_fma(lambda, r_load(cosine + t), one), r_set1(MD_BITS == 32 ? 1e-30 : 1e-100));
            const vr value = v_exp(zeta * v_log(b));
            r_store(a + t, value);
            if (derivative)
                r_store(da + t, zeta * lambda * (value / b));
        }
    } else {
        const hd_window w = angle->window;
        const vr straight = r_set1(MD_BITS == 32 ? 1e-4 : 1e-12);
#define LOOP(core, shape)                                                                                      \
    for (int64_t t = 0; t < n; t += LANES) {                                                                   \
        const vr st = r_load(sine + t);                                                                        \
        vr value, slope;                                                                                       \
        window_at(core, shape, &w, v_angle(r_load(cosine + t), st), one, &value, &slope);                      \
        r_store(a + t, value);                                                                                 \
        if (derivative) /* dtheta/dcos = -1/sin; a straight line has dcos = 0 */                               \
            r_store(da + t, v_select((vi)(st > straight), -(value * slope) / v_larger(st, straight), zero));   \
    }
        WINDOW_CASES(&w, LOOP)
#undef LOOP
    }
}

static void angle_values(const hd_angle *angle, const hd_chunk *chunk, REAL *a)
{
    angle_columns(angle, chunk, a, NULL, 0);
}

static void angle_slopes(const hd_angle *angle, const hd_chunk *chunk, REAL *a, REAL *da)
{
    angle_columns(angle, chunk, a, da, 1);
}

/* The next chunk of a group; 0 when there are no more triplets. With `keep` it stays in the store if it fits. */
static int next_chunk(const hd_symmetry *plan, const hd_family *family, const hd_group *group, const hd_view *view,
                      hd_chunk *chunk, hd_work *work, int keep)
{
    const hd_exponent *exponents = plan->exponents + group->exponents;
    const hd_range range = range_of(group, view);
    const int shifted = group->narrow && family->shift != 0.0;
    const int64_t columns = 2 + group->sine + group->narrow + shifted + group->n_exponents;
    const int64_t bytes = columns * ROOM * (int64_t)sizeof(REAL) + BLOCKS * 2;
    const int kept = keep && !work->full && work->n_chunks < CHUNKS && work->used + bytes <= STORE;
    work->full |= keep && !kept;

    REAL *column = (REAL *)(kept ? work->store + work->used : work->transient);
    const REAL *p[HD_LIMIT];
    for (int q = 0; q < group->n_exponents; q++)
        p[q] = view->p + exponents[q].column * work->stride;
    chunk->group = group;
    chunk->cosine = column, column += ROOM;
    chunk->inverse = column, column += ROOM;
    chunk->w = column, column += group->n_exponents * ROOM;
    chunk->sine = group->sine ? column : NULL, column += group->sine ? ROOM : 0;
    chunk->phi = group->narrow ? column : NULL, column += group->narrow ? ROOM : 0;
    chunk->kappa = shifted ? column : NULL, column += shifted ? ROOM : 0;
    chunk->bits = (uint16_t *)column;
    do {
        if (chunk->end_j >= range.end)
            return 0;
        chunk->begin_j = chunk->end_j;
        chunk->begin_k = chunk->end_k;
        scan_group(group, range, view, p, work, chunk);
    } while (chunk->n == 0);
    if (group->narrow) {
        chunk_window(family, chunk, work->columns->s, work->columns->f);
        narrow_weights(exponents, group->n_exponents, chunk, work->columns);
    }
    if (kept) {
        work->used += bytes;
        work->chunks[work->n_chunks++] = *chunk;
    }
    return 1;
}

/* Before the first chunk of a group */
static hd_chunk no_chunk(const hd_group *group, const hd_view *view)
{
    const hd_range range = range_of(group, view);
    return (hd_chunk){.end_j = range.begin, .end_k = range.k_begin};
}

/* g[i] += sum_t w a_i for up to four columns a_i */
MD_INLINE void dots(const REAL *MD_RESTRICT w, const REAL *const *a, int64_t n, double *const *g, const int count)
{
    vr sum[4] = {r_set1(0), r_set1(0), r_set1(0), r_set1(0)};
    for (int64_t t = 0; t < n; t += LANES) {
        const vr weight = r_load(w + t);
#pragma GCC unroll 4
        for (int i = 0; i < count; i++)
            sum[i] = r_fma(weight, r_load(a[i] + t), sum[i]);
    }
#pragma GCC unroll 4
    for (int i = 0; i < count; i++)
        r_add(g[i], sum[i]);
}

/* g[term.out] += sum_t w_q a_term for all terms of exponent q, from terms[begin]; returns where the next begins. */
static int64_t term_dots(const hd_term *terms, int64_t begin, int64_t end, const REAL *w, int64_t n,
                         const REAL (*angle)[CHUNK], double *g)
{
    int64_t stop = begin;
    while (stop < end && terms[stop].exponent == terms[begin].exponent)
        stop++;
    for (int64_t m = begin; m < stop; m += 4) {
        const int64_t count = stop - m < 4 ? stop - m : 4;
        const REAL *a[4];
        double *out[4];
        for (int64_t i = 0; i < count; i++) {
            a[i] = angle[terms[m + i].angle];
            out[i] = g + LANES * (int64_t)terms[m + i].out;
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

static void group_values(const hd_symmetry *plan, const hd_family *family, const hd_group *group, const hd_view *view,
                         hd_work *work)
{
    const hd_term *terms = plan->terms + group->terms;
    hd_columns *columns = work->columns;
    hd_chunk chunk = no_chunk(group, view);
    while (next_chunk(plan, family, group, view, &chunk, work, 1)) {
        for (int64_t m = 0; m < group->n_angles; m++)
            angle_values(plan->angles + group->angles + m, &chunk, columns->angle[m]);
        for (int64_t m = 0; m < group->n_terms;)
            m = term_dots(terms, m, group->n_terms, chunk.w + terms[m].exponent * ROOM, chunk.n,
                          (const REAL(*)[CHUNK])columns->angle, work->g);
    }
}

/* What is collected from a vector of triplets: X0, rest = J - X1, K, q = C c / 2 and, for shifted Gaussians, X1 */
MD_INLINE void settle(const hd_chunk *chunk, hd_columns *columns, int64_t t, vr x0, vr x1, vr c)
{
    vr rest = -x1, factor = c * r_load(chunk->inverse + t);
    if (chunk->phi) {
        const vr jk = r_fma(r_load(chunk->phi + t), x0, chunk->kappa ? -(r_load(chunk->kappa + t) * x1) : -x1);
        rest = jk - x1;
        factor = r_fma(r_set1(-2), jk, factor);
    }
    r_store(columns->x0 + t, x0);
    r_store(columns->x1 + t, x1);
    r_store(columns->rest + t, rest);
    r_store(columns->s + t, factor);
    r_store(columns->c + t, r_set1(0.5) * c * r_load(chunk->cosine + t));
}

/* X0, X1, C with S_q polynomials of cos(theta), coefficients in series [n_q][HD_DEGREE + 1] */
MD_INLINE void contract_series(const REAL *series, const REAL *eta, int n_q, const hd_chunk *chunk,
                               hd_columns *columns, const int degree)
{
    for (int64_t t = 0; t < chunk->n; t += LANES) {
        const vr u = r_load(chunk->cosine + t);
        vr x0 = r_set1(0), x1 = x0, c = x0;
        for (int q = 0; q < n_q; q++) {
            const REAL *own = series + q * (HD_DEGREE + 1);
            const vr weight = r_load(chunk->w + q * ROOM + t);
            vr value = r_set1(own[degree]), slope = value;
#pragma GCC unroll 8
            for (int p = degree - 1; p >= 0; p--) {
                slope = p == degree - 1 ? value : r_fma(slope, u, value);
                value = r_fma(value, u, r_set1(own[p]));
            }
            value *= weight;
            x0 += value;
            x1 = r_fma(r_set1(eta[q]), value, x1);
            c = r_fma(weight, slope, c);
        }
        settle(chunk, columns, t, x0, x1, c);
    }
}

/* The same for any angle: S and S' by columns. */
static void contract_columns(const hd_group *group, const hd_term *terms, const double *de_dg, const REAL *eta,
                             const hd_chunk *chunk, hd_columns *columns)
{
    for (int64_t t = 0; t < chunk->n; t += LANES) {
        vr x0 = r_set1(0), x1 = x0, c = x0;
        for (int64_t m = 0; m < group->n_terms;) {
            const int32_t q = terms[m].exponent;
            const vr weight = r_load(chunk->w + q * ROOM + t);
            vr value = r_set1(0), slope = value;
            for (; m < group->n_terms && terms[m].exponent == q; m++) {
                const vr g = r_set1((REAL)(terms[m].scale * de_dg[terms[m].out]));
                value = r_fma(g, r_load(columns->angle[terms[m].angle] + t), value);
                slope = r_fma(g, r_load(columns->slope[terms[m].angle] + t), slope);
            }
            value *= weight;
            x0 += value;
            x1 = r_fma(r_set1(eta[q]), value, x1);
            c = r_fma(weight, slope, c);
        }
        settle(chunk, columns, t, x0, x1, c);
    }
}

/* What to contract a group with: its polynomials S_q, their degree, its eta */
typedef struct {
    REAL series[HD_LIMIT][HD_DEGREE + 1], eta[HD_LIMIT];
    int degree;
} hd_contraction;

static void prepare(const hd_symmetry *plan, const hd_group *group, const double *de_dg, hd_contraction *to)
{
    const hd_term *terms = plan->terms + group->terms;
    to->degree = 1;
    for (int q = 0; q < group->n_exponents; q++) {
        double series[HD_DEGREE + 1] = {0.0};
        to->eta[q] = (REAL)plan->exponents[group->exponents + q].eta;
        if (!group->expanded)
            continue;
        for (int m = 0; m < group->n_terms; m++) {
            if (terms[m].exponent != q)
                continue;
            to->degree = terms[m].degree > to->degree ? terms[m].degree : to->degree;
            for (int p = 0; p <= HD_DEGREE; p++)
                series[p] += de_dg[terms[m].out] * terms[m].series[p];
        }
        for (int p = 0; p <= HD_DEGREE; p++)
            to->series[q][p] = (REAL)series[p];
    }
}

static void contract(const hd_symmetry *plan, const hd_group *group, const double *de_dg, const hd_contraction *with,
                     const hd_chunk *chunk, hd_columns *columns)
{
    if (!group->expanded) {
        for (int64_t m = 0; m < group->n_angles; m++)
            angle_slopes(plan->angles + group->angles + m, chunk, columns->angle[m], columns->slope[m]);
        contract_columns(group, plan->terms + group->terms, de_dg, with->eta, chunk, columns);
        return;
    }
#define SERIES(degree)                                                                                         \
    case degree: contract_series(with->series[0], with->eta, group->n_exponents, chunk, columns, degree); break
    switch (with->degree) {
        SERIES(1); SERIES(2); SERIES(3); SERIES(4); SERIES(5); SERIES(6); SERIES(7); SERIES(8);
    }
#undef SERIES
}

/* What j and k collect from the triplets of a chunk */
MD_INLINE void collect(hd_range range, const hd_view *view, const hd_chunk *chunk, const hd_columns *columns,
                       const r_orders *orders, REAL shift, const int shifted)
{
    hd_vector *const vectors = view->vectors;
    const uint16_t *bits = chunk->bits;
    int64_t n = 0;
    int32_t k = chunk->begin_k;
    for (int32_t j = chunk->begin_j; j < range.end; j++, k = range.k_begin) {
        const int32_t stop = j == chunk->end_j ? chunk->end_k : row_end(range, j);
        const REAL *own = lane_of(vectors, j);
        const vr xj = r_set1(own[0]), yj = r_set1(own[LANES]), zj = r_set1(own[2 * LANES]);
        const vr shift_j = r_set1(shift * own[3 * LANES]), square_j = r_set1(-own[4 * LANES]);
        const vr phi_j = r_set1(own[5 * LANES]);
        vr ax = r_set1(0), ay = ax, az = ax, a = ax;
        for (; k < stop; k += LANES) {
            hd_vector *v = vectors + (uint32_t)k / LANES;
            const r_order order = r_unpacking(orders, *bits);
            const vr factor = r_unpack(r_load(columns->s + n), order), x0 = r_unpack(r_load(columns->x0 + n), order);
            const vr rest = r_unpack(r_load(columns->rest + n), order), q = r_unpack(r_load(columns->c + n), order);
            vr mine = a + rest, its = v->radial_sum + rest;
            if (shifted) {
                const vr x1 = r_unpack(r_load(columns->x1 + n), order);
                mine = r_fma(shift_j, x1, mine);
                its = r_fma(r_set1(shift) * v->inverse, x1, its);
            }
            a = r_fma(phi_j, x0, r_fma(square_j, q, mine));
            v->radial_sum = r_fma(v->phi, x0, r_fma(-v->square, q, its));
            ax = r_fma(factor, v->x, ax);
            ay = r_fma(factor, v->y, ay);
            az = r_fma(factor, v->z, az);
            v->vector_sum_x = r_fma(factor, xj, v->vector_sum_x);
            v->vector_sum_y = r_fma(factor, yj, v->vector_sum_y);
            v->vector_sum_z = r_fma(factor, zj, v->vector_sum_z);
            n += __builtin_popcount(*bits++);
        }
        *(v4r_u *)(view->as_j + 4 * j) += r_sums(ax, ay, az, a);
        if (j == chunk->end_j)
            break;
    }
}

/* Reverse pass of a group; `number` counts the chunks of the environment: the first n_chunks were kept. */
static void group_vjp(const hd_symmetry *plan, const hd_family *family, const hd_group *group, const hd_view *view,
                      const double *de_dg, hd_work *work, int64_t *number)
{
    const hd_range range = range_of(group, view);
    hd_chunk chunk = no_chunk(group, view);
    hd_contraction with;
    prepare(plan, group, de_dg, &with);
    for (;;) {
        if (*number < work->n_chunks && work->chunks[*number].group == group)
            chunk = work->chunks[*number];
        else if (!work->full || !next_chunk(plan, family, group, view, &chunk, work, 0))
            return;
        ++*number;
        contract(plan, group, de_dg, &with, &chunk, work->columns);
        if (family->shift != 0.0)
            collect(range, view, &chunk, work->columns, work->orders, (REAL)family->shift, 1);
        else
            collect(range, view, &chunk, work->columns, work->orders, 0, 0);
    }
}

/* Reverse pass of one function of a group, whose kept chunks begin at `number`. */
static void term_vjp(const hd_symmetry *plan, const hd_family *family, const hd_group *group, const hd_view *view,
                     const hd_term *term, int64_t number, hd_work *work)
{
    const hd_range range = range_of(group, view);
    hd_columns *columns = work->columns;
    hd_chunk chunk = no_chunk(group, view);
    hd_group alone = *group;
    hd_term own = *term;
    REAL series[HD_DEGREE + 1], eta = (REAL)plan->exponents[group->exponents + term->exponent].eta;
    const double one = 1.0;
    alone.n_terms = 1, own.exponent = 0, own.out = 0;
    for (int p = 0; p <= HD_DEGREE; p++)
        series[p] = (REAL)term->series[p];
    for (;;) {
        if (number < work->n_chunks && work->chunks[number].group == group)
            chunk = work->chunks[number++];
        else if (!work->full || !next_chunk(plan, family, group, view, &chunk, work, 0))
            return;
        hd_chunk weighted = chunk;
        weighted.w += term->exponent * ROOM;
#define SERIES(degree)                                                                                         \
    case degree: contract_series(series, &eta, 1, &weighted, columns, degree); break
        switch (group->expanded ? term->degree : -1) {
            SERIES(1); SERIES(2); SERIES(3); SERIES(4); SERIES(5); SERIES(6); SERIES(7); SERIES(8);
        default:
            angle_slopes(plan->angles + group->angles + own.angle, &chunk, columns->angle[own.angle],
                         columns->slope[own.angle]);
            contract_columns(&alone, &own, &one, &eta, &weighted, columns);
        }
#undef SERIES
        if (family->shift != 0.0)
            collect(range, view, &chunk, columns, work->orders, (REAL)family->shift, 1);
        else
            collect(range, view, &chunk, columns, work->orders, 0, 0);
    }
}
