/* What does an atom's environment look like to its network?  Symmetry functions: values, vjp, jvp.
 *
 * Behler, J. Chem. Phys. 134, 074106 (2011), eqs 9 and 10 (types 2, 3) and its kin (types 9, 12, 13, 20-25,
 * see tests/reference/hdnnp.py, which reads like the papers). One environment at a time; nothing is stored
 * beyond its neighbours and a bounded number of triplets. The order of every sum is that of the neighbours,
 * which the caller keeps canonical, so the bits of the result belong to the environment.
 *
 * Compiled for double and, for mixed precision, float (lanes.h). What goes in and out is double in either case,
 * and so are sums over more than a chunk of triplets. */
#include "symmetry.h"
#include "window.h"

#include "triplets.c"

#define JOIN_(a, b, c, d) a##b##c##d
#define JOIN(a, b, c, d) JOIN_(a, b, c, d)
#define HD_DESCRIPTORS JOIN(hd_descriptors_, MD_BITS, _, MD_LEVEL)
extern const hd_descriptors HD_DESCRIPTORS;

/* The neighbours of `env` that the family sees. */
static void fill_view(const hd_plan *plan, const hd_family *family, const hd_environment *env, const hd_view *view,
                      const r_orders *orders, int64_t *n_rows)
{
    const vr cut2 = r_set1((REAL)family->cutoff2);
    int64_t n = 0;
    for (int64_t e = 0; e < plan->n_elements; e++) {
        const int64_t begin = n, stop = env->first[e + 1];
        for (int64_t i = env->first[e]; i < stop && family->elements >> e & 1; i += LANES) {
            const vr x = r_from(env->x + i, stop - i), y = r_from(env->y + i, stop - i);
            const vr z = r_from(env->z + i, stop - i);
            const unsigned seen = r_less(r_fma(z, z, r_fma(y, y, x * x)), cut2) & lanes_below(stop - i);
            const r_order order = r_packing(orders, seen);
            r_store(view->x + n, r_pack(x, order));
            r_store(view->y + n, r_pack(y, order));
            r_store(view->z + n, r_pack(z, order));
            if (seen == lanes_below(stop - i)) {
                for (int lane = 0; lane < LANES; lane++)
                    view->source[n + lane] = (int32_t)i + lane;
                n += stop - i < LANES ? stop - i : LANES;
            } else {
                for (int lane = 0; lane < LANES; lane++) {
                    view->source[n] = (int32_t)i + lane;
                    n += seen >> lane & 1;
                }
            }
        }
        view->begin[e] = (int32_t)begin;
        view->end[e] = (int32_t)n;
        for (; n % LANES; n++) {
            view->x[n] = (REAL)HD_FAR * (REAL)(n + 1);
            view->y[n] = view->z[n] = 0;
        }
        for (int64_t i = begin; i < n; i++)
            view->charge[i] = (REAL)plan->charges[e];
    }
    *n_rows = n;
}

/* F of every neighbour, zero where padding stands; r; vectors of neighbours */
static void view_window(const hd_plan *plan, const hd_family *family, const hd_view *view)
{
    const hd_window w = family->window;
    const vr one = r_set1(1), two = r_set1(2);
#define LOOP(core, shape)                                                                                      \
    for (int64_t t = 0; t < view->n; t += LANES) {                                                             \
        const vr x = r_load(view->x + t), y = r_load(view->y + t), z = r_load(view->z + t);                    \
        const vr r = r_sqrt(r_fma(z, z, r_fma(y, y, x * x))), inverse = one / r;                               \
        vr value, slope;                                                                                       \
        window_at(core, shape, &w, r, two * r, &value, &slope);                                                \
        r_store(view->f + t, value);                                                                           \
        r_store(view->r + t, r);                                                                               \
        hd_vector *v = view->vectors + (uint64_t)t / LANES;                                                    \
        v->x = x, v->y = y, v->z = z, v->inverse = inverse, v->square = inverse * inverse, v->phi = slope;     \
    }
    WINDOW_CASES(&w, LOOP)
#undef LOOP
    for (int64_t e = 0; e < plan->n_elements; e++)
        for (int64_t i = view->end[e]; i % LANES; i++)
            view->f[i] = 0;
}

/* P_q = F exp(-eta_q (r - rs)^2) */
static void view_factors(const hd_plan *plan, const hd_family *family, const hd_view *view, const hd_work *work)
{
    const hd_exponent *exponents = plan->exponents + family->exponents;
    REAL *MD_RESTRICT a = work->column[0];
    const REAL *f = view->f;
    const vr shift = r_set1((REAL)family->shift);
    for (int64_t t = 0; t < view->n; t += LANES) {
        const vr d = r_load(view->r + t) - shift;
        r_store(a + t, d * d);
    }
    for (int64_t q = 0; q < family->n_exponents; q++) {
        const hd_exponent *e = exponents + q;
        REAL *MD_RESTRICT p = view->p + q * work->stride;
        if (e->base < 0) {
            for (int64_t t = 0; t < view->n; t += LANES)
                r_store(p + t, r_set1(1));
        } else if (is_direct(e, q)) {
            const vr eta = r_set1((REAL)-e->eta);
            for (int64_t t = 0; t < view->n; t += LANES)
                r_store(p + t, v_exp(eta * r_load(a + t)));
        } else {
            const REAL *base = view->p + e->base * work->stride;
            for (int64_t t = 0; t < view->n; t += LANES)
                r_store(p + t, v_power(r_load(base + t), e->power));
        }
    }
    for (int64_t q = 0; q < family->n_exponents; q++) {
        REAL *MD_RESTRICT p = view->p + q * work->stride;
        for (int64_t t = 0; t < view->n; t += LANES)
            r_store(p + t, r_load(p + t) * r_load(f + t));
    }
}

/* Where the neighbours of a radial function stand; whole vectors, since padding has P = 0 */
static void range_of_radial(const hd_radial *radial, const hd_view *view, int64_t *begin, int64_t *end)
{
    *begin = radial->element == HD_ALL ? 0 : view->begin[radial->element];
    *end = radial->element == HD_ALL ? view->n : view->end[radial->element];
}

static void radial_values(const hd_plan *plan, const hd_family *family, const hd_view *view, const hd_work *work)
{
    for (int64_t m = 0; m < family->n_radials; m++) {
        const hd_radial *radial = plan->radials + family->radials + m;
        const REAL *p = view->p + radial->exponent * work->stride;
        vr sum = r_set1(0);
        int64_t begin, end;
        range_of_radial(radial, view, &begin, &end);
        if (radial->element == HD_ALL)
            for (int64_t t = begin; t < end; t += LANES)
                sum = r_fma(r_load(p + t), r_load(view->charge + t), sum);
        else
            for (int64_t t = begin; t < end; t += LANES)
                sum += r_load(p + t);
        r_add(work->g + LANES * (int64_t)radial->out, sum);
    }
}

/* The sums of work->g, with the factors 2^(1-zeta) of the angular functions */
static void read_out(const hd_plan *plan, const hd_work *work, double *g)
{
    for (int64_t i = 0; i < plan->n_functions; i++) {
        v4d sum = v_load(work->g + LANES * i);
        for (int lane = 4; lane < LANES; lane += 4)
            sum += v_load(work->g + LANES * i + lane);
        g[i] = v_sum(sum);
    }
    for (int64_t m = 0; m < plan->n_families; m++)
        for (int64_t i = 0; i < plan->families[m].n_groups; i++) {
            const hd_group *group = plan->groups + plan->families[m].groups + i;
            for (int64_t t = 0; t < group->n_terms; t++)
                g[plan->terms[group->terms + t].out] *= plan->terms[group->terms + t].scale;
        }
}

/* The first family with the same view as family m, except for P */
static int64_t same_view(const hd_plan *plan, int64_t m)
{
    const hd_family *own = plan->families + m;
    for (int64_t i = 0; i < m; i++) {
        const hd_family *other = plan->families + i;
        if (!memcmp(&other->window, &own->window, sizeof own->window) && other->elements == own->elements &&
            other->cutoff2 == own->cutoff2)
            return i;
    }
    return m;
}

/* G of one environment. What the reverse pass needs stays in `scratch`. */
static void values(const hd_plan *plan, const hd_environment *env, hd_scratch *scratch, double *g)
{
    hd_work *work = scratch->work;
    memset(work->g, 0, (size_t)plan->n_functions * LANES * 8);
    work->n_chunks = work->used = work->full = 0;
    for (int64_t m = 0; m < plan->n_families; m++) {
        const hd_family *family = plan->families + m;
        const int64_t base = same_view(plan, m);
        hd_view *view = work->current + m;
        *view = base < m ? work->current[base] : work->views[m];
        view->base = base;
        view->p = work->views[m].p;
        if (base == m) {
            fill_view(plan, family, env, view, work->orders, &view->n);
            view_window(plan, family, view);
        }
        if (view->n == 0)
            continue;
        view_factors(plan, family, view, work);
        radial_values(plan, family, view, work);
        for (int64_t i = 0; i < family->n_groups; i++)
            group_values(plan, family, plan->groups + family->groups + i, view, work);
    }
    read_out(plan, work, g);
}

/* `along` of the radial functions: sum_f de_dg_f P (phi - eta kappa) */
static void radial_slopes(const hd_plan *plan, const hd_family *family, const hd_view *view, const double *de_dg,
                          const hd_work *work)
{
    const vr one = r_set1(1), shift = r_set1((REAL)family->shift);
    for (int64_t m = 0; m < family->n_radials; m++) {
        const hd_radial *radial = plan->radials + family->radials + m;
        const REAL *p = view->p + radial->exponent * work->stride;
        const vr slope = r_set1((REAL)de_dg[radial->out]);
        const vr eta = r_set1((REAL)plan->exponents[family->exponents + radial->exponent].eta);
        int64_t begin, end;
        range_of_radial(radial, view, &begin, &end);
        for (int64_t t = begin; t < end; t += LANES) {
            hd_vector *v = view->vectors + (uint64_t)t / LANES;
            vr term = slope * r_load(p + t);
            if (radial->element == HD_ALL)
                term *= r_load(view->charge + t);
            v->along = r_fma(term, v->phi - eta * (one - shift * v->inverse), v->along);
        }
    }
}

MD_INLINE void add_column(double *MD_RESTRICT to, const REAL *MD_RESTRICT from, int64_t n)
{
    int64_t t = 0;
    for (; t + LANES <= n; t += LANES)
        r_add(to + t, r_load(from + t));
    for (; t < n; t++)
        to[t] += from[t];
}

/* What neighbours have collected becomes gradients, added to those of the environment. */
static void finish(const hd_plan *plan, const hd_view *view, const hd_work *work, double *gx, double *gy, double *gz)
{
    REAL *MD_RESTRICT hx = work->column[0], *MD_RESTRICT hy = work->column[1], *MD_RESTRICT hz = work->column[2];
    const vr two = r_set1(2);
    for (int64_t t = 0; t < view->n; t += LANES) {
        const hd_vector *v = view->vectors + (uint64_t)t / LANES;
        vr x, y, z, along;
        r_columns(view->own + 4 * t, &x, &y, &z, &along);
        along = two * (along + v->along);
        r_store(hx + t, r_fma(along, v->x, v->turn_x + x));
        r_store(hy + t, r_fma(along, v->y, v->turn_y + y));
        r_store(hz + t, r_fma(along, v->z, v->turn_z + z));
    }
    for (int64_t e = 0; e < plan->n_elements; e++) {
        const int64_t begin = view->begin[e], n = view->end[e] - begin;
        const int32_t *source = view->source + begin;
        if (n && source[n - 1] - source[0] == n - 1) { /* all that follow one another */
            add_column(gx + source[0], hx + begin, n);
            add_column(gy + source[0], hy + begin, n);
            add_column(gz + source[0], hz + begin, n);
        } else {
            for (int64_t t = 0; t < n; t++) {
                gx[source[t]] += hx[begin + t];
                gy[source[t]] += hy[begin + t];
                gz[source[t]] += hz[begin + t];
            }
        }
    }
}

/* Nothing collected yet. */
static void clear_view(const hd_view *view)
{
    for (int64_t t = 0; t < view->n / LANES; t++) {
        hd_vector *v = view->vectors + t;
        v->along = v->turn_x = v->turn_y = v->turn_z = r_set1(0);
    }
    memset(view->own, 0, (size_t)view->n * 4 * sizeof(REAL));
}

/* g_ij += sum_f de_dg_f dG_f/dr_ij; after `values` of the same environment and scratch. */
static void vjp(const hd_plan *plan, const hd_environment *env, hd_scratch *scratch, const double *de_dg, double *gx,
                double *gy, double *gz)
{
    hd_work *work = scratch->work;
    int64_t number = 0;
    (void)env;
    for (int64_t m = 0; m < plan->n_families; m++) {
        const hd_family *family = plan->families + m;
        const hd_view *view = work->current + m;
        if (view->n == 0)
            continue;
        if (view->base == m)
            clear_view(view);
        for (int64_t i = 0; i < family->n_groups; i++)
            group_vjp(plan, family, plan->groups + family->groups + i, view, de_dg, work, &number);
        radial_slopes(plan, family, view, de_dg, work);
    }
    for (int64_t m = 0; m < plan->n_families; m++)
        if (work->current[m].n && work->current[m].base == m)
            finish(plan, work->current + m, work, gx, gy, gz);
}

/* to[f][3][n] = dG_f/dr_ij of every function and neighbour (n: neighbours of `env`); after `values` of the same
 * environment and scratch. One reverse pass a function, through its own group only. */
static void jacobian(const hd_plan *plan, const hd_environment *env, hd_scratch *scratch, double *to)
{
    hd_work *work = scratch->work;
    const int64_t n = env->first[plan->n_elements] - env->first[0];
    const double one = 1.0;
    memset(to, 0, (size_t)(plan->n_functions * 3 * n) * 8);
    to -= env->first[0]; /* a view's `source` counts from the block's beginning */
    for (int64_t m = 0; m < plan->n_families; m++) {
        const hd_family *family = plan->families + m;
        const hd_view *view = work->current + m;
        if (view->n == 0)
            continue;
        for (int64_t i = 0; i < family->n_radials; i++) {
            hd_radial radial = plan->radials[family->radials + i];
            double *out = to + 3 * n * radial.out;
            hd_plan own = *plan;
            hd_family alone = *family;
            radial.out = 0, own.radials = &radial, alone.radials = 0, alone.n_radials = 1;
            clear_view(view);
            radial_slopes(&own, &alone, view, &one, work);
            finish(plan, view, work, out, out + n, out + 2 * n);
        }
        for (int64_t i = 0; i < family->n_groups; i++) {
            const hd_group *group = plan->groups + family->groups + i;
            int64_t first = 0;
            while (first < work->n_chunks && work->chunks[first].group != group)
                first++;
            for (int64_t t = 0; t < group->n_terms; t++) {
                double *out = to + 3 * n * plan->terms[group->terms + t].out;
                clear_view(view);
                term_vjp(plan, family, group, view, plan->terms + group->terms + t, first, work);
                finish(plan, view, work, out, out + n, out + 2 * n);
            }
        }
    }
}

/* Tangents t of the neighbours, and r.t / s */
static void fill_tangents(const hd_plan *plan, const hd_view *view, const double *tx, const double *ty,
                          const double *tz)
{
    REAL *const columns[] = {view->tangent_x, view->tangent_y, view->tangent_z, view->radial};
    for (int i = 0; i < 4; i++)
        memset(columns[i], 0, (size_t)view->n * sizeof(REAL));
    for (int64_t e = 0; e < plan->n_elements; e++)
        for (int64_t i = view->begin[e]; i < view->end[e]; i++) {
            const int64_t from = view->source[i];
            view->tangent_x[i] = (REAL)tx[from];
            view->tangent_y[i] = (REAL)ty[from];
            view->tangent_z[i] = (REAL)tz[from];
            const double dot = view->x[i] * tx[from] + view->y[i] * ty[from] + view->z[i] * tz[from];
            view->radial[i] = (REAL)dot / (view->r[i] * view->r[i]);
        }
}

/* dG of the radial functions */
static void radial_jvp(const hd_plan *plan, const hd_family *family, const hd_view *view, const hd_work *work)
{
    const vr one = r_set1(1), two = r_set1(2), shift = r_set1((REAL)family->shift);
    for (int64_t m = 0; m < family->n_radials; m++) {
        const hd_radial *radial = plan->radials + family->radials + m;
        const REAL *p = view->p + radial->exponent * work->stride;
        const vr eta = r_set1((REAL)plan->exponents[family->exponents + radial->exponent].eta);
        vr sum = r_set1(0);
        int64_t begin, end;
        range_of_radial(radial, view, &begin, &end);
        for (int64_t t = begin; t < end; t += LANES) {
            const hd_vector *v = view->vectors + (uint64_t)t / LANES;
            const vr r = r_load(view->r + t);
            vr term = r_load(p + t) * (v->phi - eta * (one - shift * v->inverse));
            if (radial->element == HD_ALL)
                term *= r_load(view->charge + t);
            sum = r_fma(term, two * r_load(view->radial + t) * r * r, sum);
        }
        r_add(work->g + LANES * (int64_t)radial->out, sum);
    }
}

/* Along the tangent, of each triplet: sum phi ds into x0, sum kappa ds into x1, dcos into c */
static void chunk_tangents(const hd_family *family, hd_range range, const hd_view *view, const hd_chunk *chunk,
                           const hd_work *work)
{
    hd_columns *columns = work->columns;
    const vr one = r_set1(1), two = r_set1(2), shift = r_set1((REAL)family->shift);
    int64_t n = 0, block = 0;
    int32_t k = chunk->begin_k;
    for (int32_t j = chunk->begin_j; j < range.end; j++, k = range.k_begin) {
        const int32_t stop = j == chunk->end_j ? chunk->end_k : row_end(range, j);
        const REAL *own = lane_of(view->vectors, j);
        const vr xj = r_set1(own[0]), yj = r_set1(own[LANES]), zj = r_set1(own[2 * LANES]);
        const vr ij = r_set1(own[3 * LANES]);
        const vr ax = r_set1(view->tangent_x[j]), ay = r_set1(view->tangent_y[j]), az = r_set1(view->tangent_z[j]);
        const vr uj = r_set1(view->radial[j]), ds_j = two * uj / (ij * ij), kappa_j = one - shift * ij;
        const vr phi_ds_j = r_set1(own[5 * LANES]) * ds_j;
        for (; k < stop; k += LANES) {
            const unsigned bits = chunk->bits[block++];
            const r_order order = r_packing(work->orders, bits);
            const hd_vector *v = view->vectors + (uint32_t)k / LANES;
            const vr x = v->x, y = v->y, z = v->z;
            const vr bx = r_load(view->tangent_x + k), by = r_load(view->tangent_y + k);
            const vr bz = r_load(view->tangent_z + k);
            const vr ik = v->inverse, uk = r_load(view->radial + k), ds_k = two * uk / (ik * ik);
            const vr ds = two * ((x - xj) * (bx - ax) + (y - yj) * (by - ay) + (z - zj) * (bz - az));
            const vr dot = ax * x + ay * y + az * z + bx * xj + by * yj + bz * zj;
            const vr cosine = (x * xj + y * yj + z * zj) * (ij * ik);
            r_store(columns->x0 + n, r_pack(phi_ds_j + v->phi * ds_k, order));
            r_store(columns->x1 + n, r_pack(kappa_j * ds_j + (one - shift * ik) * ds_k, order));
            r_store(columns->c + n, r_pack(dot * (ij * ik) - cosine * (uj + uk), order));
            r_store(columns->rest + n, r_pack(ds, order));
            n += __builtin_popcount(bits);
        }
        if (j == chunk->end_j)
            break;
    }
    REAL *const filled[] = {columns->x0, columns->x1, columns->c, columns->rest};
    for (int i = 0; i < 4; i++)
        r_store(filled[i] + n, r_set1(0));
    for (int64_t t = 0; t < chunk->n && chunk->phi; t += LANES) {
        const vr ds = r_load(columns->rest + t), kappa = chunk->kappa ? r_load(chunk->kappa + t) : one;
        r_store(columns->x0 + t, r_fma(r_load(chunk->phi + t), ds, r_load(columns->x0 + t)));
        r_store(columns->x1 + t, r_fma(kappa, ds, r_load(columns->x1 + t)));
    }
}

static void group_jvp(const hd_plan *plan, const hd_family *family, const hd_group *group, const hd_view *view,
                      hd_work *work)
{
    const hd_term *terms = plan->terms + group->terms;
    hd_columns *columns = work->columns;
    hd_chunk chunk = no_chunk(group, view);
    while (next_chunk(plan, family, group, view, &chunk, work, 0)) {
        chunk_tangents(family, range_of(group, view), view, &chunk, work);
        for (int64_t m = 0; m < group->n_angles; m++)
            angle_slopes(plan->angles + group->angles + m, &chunk, columns->angle[m], columns->slope[m]);
        for (int64_t m = 0; m < group->n_terms;) { /* dG_f = sum w [a (sum phi ds - eta sum kappa ds) + a' dcos] */
            const int32_t q = terms[m].exponent;
            const vr eta = r_set1((REAL)plan->exponents[group->exponents + q].eta);
            const REAL *w = chunk.w + q * ROOM;
            for (int64_t t = 0; t < chunk.n; t += LANES) {
                const vr weight = r_load(w + t);
                r_store(columns->s + t, weight * (r_load(columns->x0 + t) - eta * r_load(columns->x1 + t)));
                r_store(columns->f + t, weight * r_load(columns->c + t));
            }
            term_dots(terms, m, group->n_terms, columns->s, chunk.n, (const REAL(*)[CHUNK])columns->angle, work->g);
            m = term_dots(terms, m, group->n_terms, columns->f, chunk.n, (const REAL(*)[CHUNK])columns->slope, work->g);
        }
    }
}

/* dG_f = sum_ij dG_f/dr_ij . t_ij; after `values` of the same environment and scratch. */
static void jvp(const hd_plan *plan, const hd_environment *env, hd_scratch *scratch, const double *tx, const double *ty,
                const double *tz, double *dg)
{
    hd_work *work = scratch->work;
    (void)env;
    memset(work->g, 0, (size_t)plan->n_functions * LANES * 8);
    for (int64_t m = 0; m < plan->n_families; m++) {
        const hd_family *family = plan->families + m;
        const hd_view *view = work->current + m;
        if (view->n == 0)
            continue;
        if (view->base == m)
            fill_tangents(plan, view, tx, ty, tz);
        radial_jvp(plan, family, view, work);
        for (int64_t i = 0; i < family->n_groups; i++)
            group_jvp(plan, family, plan->groups + family->groups + i, view, work);
    }
    read_out(plan, work, dg);
}

/* --- memory ---------------------------------------------------------------------------------------- */

typedef struct {
    char *at;
} hd_heap;

static void *take(hd_heap *heap, int64_t n, size_t size)
{
    char *p = heap->at;
    heap->at += ((size_t)n * size + 63) & ~(size_t)63;
    return p;
}

/* Lay out scratch for environments of up to `most` neighbours in `memory` (aligned to 64 bytes), or, with
 * memory NULL, say how many bytes that takes. */
static size_t lay_out(const hd_element *elements, int64_t n_elements, int64_t most, char *memory)
{
    hd_heap heap = {memory};
    int64_t families = 0, exponents = 1, functions = 0, network = 0, members = 0;
    for (int64_t e = 0; e < n_elements; e++) {
        const hd_plan *plan = &elements[e].plan;
        families = plan->n_families > families ? plan->n_families : families;
        functions = plan->n_functions > functions ? plan->n_functions : functions;
        for (int64_t m = 0; m < plan->n_families; m++)
            exponents = plan->families[m].n_exponents > exponents ? plan->families[m].n_exponents : exponents;
        for (int64_t m = 0; m < elements[e].n_members; m++) {
            const int64_t own = network_work(&elements[e].members[m]);
            network = own > network ? own : network;
        }
        members = elements[e].n_members > members ? elements[e].n_members : members;
    }
    const int64_t n = (most + n_elements * (LANES - 1) + 3 * LANES - 1) & ~(LANES - 1);
    hd_scratch *scratch = take(&heap, 1, sizeof *scratch);
    hd_work *work = take(&heap, 1, sizeof *work), own = {.stride = n};
    own.views = take(&heap, families, sizeof(hd_view));
    own.current = take(&heap, families, sizeof(hd_view));
    for (int64_t m = 0; m < families; m++) {
        hd_view view = {0};
        view.begin = take(&heap, n_elements, 4);
        view.end = take(&heap, n_elements, 4);
        view.source = take(&heap, n, 4);
        REAL **columns[] = {&view.x, &view.y, &view.z, &view.r, &view.f, &view.charge, &view.tangent_x,
                            &view.tangent_y, &view.tangent_z, &view.radial};
        for (size_t i = 0; i < sizeof columns / sizeof *columns; i++)
            *columns[i] = take(&heap, n, sizeof(REAL));
        view.vectors = take(&heap, n / LANES, sizeof(hd_vector));
        view.p = take(&heap, exponents * n, sizeof(REAL));
        view.own = take(&heap, 4 * n, sizeof(REAL));
        if (memory)
            own.views[m] = view;
    }
    for (int i = 0; i < 3; i++)
        own.column[i] = take(&heap, n, sizeof(REAL));
    own.orders = take(&heap, 1, sizeof *own.orders);
    own.g = take(&heap, functions * LANES, 8);
    own.columns = take(&heap, 1, sizeof *own.columns);
    own.transient = take(&heap, (HD_LIMIT + 5) * ROOM * (int64_t)sizeof(REAL) + 2 * BLOCKS, 1);
    own.store = take(&heap, STORE, 1);
    own.chunks = take(&heap, CHUNKS, sizeof(hd_chunk));

    hd_scratch outer = {.stride = n, .work = work, .row = (functions + 7) & ~INT64_C(7)};
    double **doubles[] = {&outer.x, &outer.y, &outer.z};
    for (int i = 0; i < 3; i++)
        *doubles[i] = take(&heap, n, 8);
    outer.edge = take(&heap, 3 * n, 8);
    outer.descriptors = take(&heap, functions + 4, 8);
    outer.slopes = take(&heap, functions + 4, 8);
    outer.energies = take(&heap, members > 1 ? members : 0, 8);
    outer.members = take(&heap, members > 1 ? members * outer.row : 0, 8);
    outer.network = take(&heap, network, 8);
    outer.first = take(&heap, n_elements + 1, 8);
    outer.atom = take(&heap, n, 4);
    if (memory) {
        fill_orders(own.orders);
        *work = own;
        *scratch = outer;
        scratch->kernels = &HD_DESCRIPTORS;
    }
    return (size_t)(heap.at - memory);
}

const hd_descriptors HD_DESCRIPTORS = {.scratch = lay_out, .values = values, .vjp = vjp, .jvp = jvp, .jacobian = jacobian};
