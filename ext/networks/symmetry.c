/* What does an atom's environment look like to its network?  Symmetry functions: values, vjp, jacobian.
 *
 * Behler, J. Chem. Phys. 134, 074106 (2011), eqs 9 and 10 (types 2, 3) and its kin (types 9, 12, 13, 20-25,
 * see tests/reference/hdnnp.py, which reads like the papers). One environment at a time; nothing is stored
 * beyond its neighbours and a bounded number of triplets. The order of every sum is that of the neighbours,
 * which the caller keeps canonical, so the bits of the result belong to the environment.
 *
 * Compiled for double and, for mixed precision, float (lanes.h). What goes in and out is double in either case,
 * and so are sums over more than a chunk of triplets. */
#include "core/heap.h"
#include "networks/descriptors.h"
#include "networks/symmetry.h"

#include "networks/triplets.c"

/* The neighbours of `env` that the family sees. */
static void fill_view(const hd_symmetry *plan, const hd_family *family, const hd_environment *env, const hd_view *view,
                      const r_orders *orders, int64_t *n_rows)
{
    const vr cut2 = r_set1((REAL)family->cutoff2);
    int64_t n = 0;
    for (int64_t e = 0; e < plan->n->elements; e++) {
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
static void view_window(const hd_symmetry *plan, const hd_family *family, const hd_view *view)
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
    for (int64_t e = 0; e < plan->n->elements; e++)
        for (int64_t i = view->end[e]; i % LANES; i++)
            view->f[i] = 0;
}

/* P_q = F exp(-eta_q (r - rs)^2) */
static void view_factors(const hd_symmetry *plan, const hd_family *family, const hd_view *view, const hd_work *work)
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

static void radial_values(const hd_symmetry *plan, const hd_family *family, const hd_view *view, const hd_work *work)
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
static void read_out(const hd_symmetry *plan, const hd_work *work, double *g)
{
    for (int64_t i = 0; i < plan->n->functions; i++) {
        v4d sum = v_load(work->g + LANES * i);
        for (int lane = 4; lane < LANES; lane += 4)
            sum += v_load(work->g + LANES * i + lane);
        g[i] = v_sum(sum);
    }
    for (int64_t m = 0; m < plan->n->families; m++)
        for (int64_t i = 0; i < plan->families[m].n_groups; i++) {
            const hd_group *group = plan->groups + plan->families[m].groups + i;
            for (int64_t t = 0; t < group->n_terms; t++)
                g[plan->terms[group->terms + t].out] *= plan->terms[group->terms + t].scale;
        }
}

/* The first family with the same view as family m, except for P */
static int64_t same_view(const hd_symmetry *plan, int64_t m)
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

/* G of one environment; NULL: none. keep: the triplets that the reverse pass needs, not the neighbours alone, stay in `memory`. */
MD_INLINE void look_around(const void *descriptor, const hd_environment *env, void *memory, double *g, const int keep)
{
    const hd_symmetry *plan = descriptor;
    hd_work *work = memory;
    memset(work->g, 0, (size_t)plan->n->functions * LANES * 8);
    work->n_chunks = work->used = 0;
    work->full = !keep;
    for (int64_t m = 0; m < plan->n->families; m++) {
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
        if (!g)
            continue;
        radial_values(plan, family, view, work);
        for (int64_t i = 0; i < family->n_groups; i++)
            group_values(plan, family, plan->groups + family->groups + i, view, work);
    }
    if (g)
        read_out(plan, work, g);
}

static void values(const void *descriptor, const hd_environment *env, void *memory, double *g)
{
    look_around(descriptor, env, memory, g, 1);
}

static void once(const void *descriptor, const hd_environment *env, void *memory, double *g)
{
    look_around(descriptor, env, memory, g, 0);
}

/* `radial_sum` of the radial functions: sum_f de_dg_f P (phi - eta kappa) */
static void radial_slopes(const hd_symmetry *plan, const hd_family *family, const hd_view *view, const double *de_dg,
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
            v->radial_sum = r_fma(term, v->phi - eta * (one - shift * v->inverse), v->radial_sum);
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
static void finish(const hd_symmetry *plan, const hd_view *view, const hd_work *work, double *gx, double *gy, double *gz)
{
    REAL *MD_RESTRICT hx = work->column[0], *MD_RESTRICT hy = work->column[1], *MD_RESTRICT hz = work->column[2];
    const vr two = r_set1(2);
    for (int64_t t = 0; t < view->n; t += LANES) {
        const hd_vector *v = view->vectors + (uint64_t)t / LANES;
        vr x, y, z, radial_sum;
        r_columns(view->as_j + 4 * t, &x, &y, &z, &radial_sum);
        radial_sum = two * (radial_sum + v->radial_sum);
        r_store(hx + t, r_fma(radial_sum, v->x, v->vector_sum_x + x));
        r_store(hy + t, r_fma(radial_sum, v->y, v->vector_sum_y + y));
        r_store(hz + t, r_fma(radial_sum, v->z, v->vector_sum_z + z));
    }
    for (int64_t e = 0; e < plan->n->elements; e++) {
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
        v->radial_sum = v->vector_sum_x = v->vector_sum_y = v->vector_sum_z = r_set1(0);
    }
    memset(view->as_j, 0, (size_t)view->n * 4 * sizeof(REAL));
}

/* g_ij += sum_f de_dg_f dG_f/dr_ij; after `values` or `once` of the same environment and memory. */
static void vjp(const void *descriptor, const hd_environment *env, void *memory, const double *de_dg, double *gx,
                double *gy, double *gz)
{
    const hd_symmetry *plan = descriptor;
    hd_work *work = memory;
    int64_t number = 0;
    (void)env;
    for (int64_t m = 0; m < plan->n->families; m++) {
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
    for (int64_t m = 0; m < plan->n->families; m++)
        if (work->current[m].n && work->current[m].base == m)
            finish(plan, work->current + m, work, gx, gy, gz);
}

/* to[f][3][n] = dG_f/dr_ij of every function and neighbour (n: neighbours of `env`); after `values` of the same
 * environment and memory. One reverse pass a function, through its own group only. */
static void jacobian(const void *descriptor, const hd_environment *env, void *memory, double *to)
{
    const hd_symmetry *plan = descriptor;
    hd_work *work = memory;
    const int64_t n = env->first[plan->n->elements] - env->first[0];
    const double one = 1.0;
    memset(to, 0, (size_t)(plan->n->functions * 3 * n) * 8);
    to -= env->first[0]; /* a view's `source` counts from the block's beginning */
    for (int64_t m = 0; m < plan->n->families; m++) {
        const hd_family *family = plan->families + m;
        const hd_view *view = work->current + m;
        if (view->n == 0)
            continue;
        for (int64_t i = 0; i < family->n_radials; i++) {
            hd_radial radial = plan->radials[family->radials + i];
            double *out = to + 3 * n * radial.out;
            hd_symmetry own = *plan;
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

/* Lay out work for environments of up to `most` neighbours in `memory`, or, with NULL, say how many bytes that takes. */
static size_t lay_out(int64_t n_elements, const hd_plan *const *plans, int64_t most, void *memory)
{
    hd_heap heap = {memory};
    int64_t families = 0, exponents = 1, functions = 0;
    for (int64_t e = 0; e < n_elements; e++) {
        const hd_symmetry *plan = plans[e]->descriptor;
        families = plan->n->families > families ? plan->n->families : families;
        functions = plan->n->functions > functions ? plan->n->functions : functions;
        for (int64_t m = 0; m < plan->n->families; m++)
            exponents = plan->families[m].n_exponents > exponents ? plan->families[m].n_exponents : exponents;
    }
    const int64_t n = (most + n_elements * (LANES - 1) + 3 * LANES - 1) & ~(LANES - 1);
    hd_work *work = take(&heap, 1, sizeof *work), own = {.stride = n};
    own.views = take(&heap, families, sizeof(hd_view));
    own.current = take(&heap, families, sizeof(hd_view));
    for (int64_t m = 0; m < families; m++) {
        hd_view view = {0};
        view.begin = take(&heap, n_elements, 4);
        view.end = take(&heap, n_elements, 4);
        view.source = take(&heap, n, 4);
        REAL **columns[] = {&view.x, &view.y, &view.z, &view.r, &view.f, &view.charge};
        for (size_t i = 0; i < sizeof columns / sizeof *columns; i++)
            *columns[i] = take(&heap, n, sizeof(REAL));
        view.vectors = take(&heap, n / LANES, sizeof(hd_vector));
        view.p = take(&heap, exponents * n, sizeof(REAL));
        view.as_j = take(&heap, 4 * n, sizeof(REAL));
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
    if (memory) {
        fill_orders(own.orders);
        *work = own;
    }
    return taken(&heap, memory);
}

const hd_descriptors HD_TABLE(symmetry) = {
    .kind = "symmetry",
    .rows = {sizeof(hd_counts), sizeof(hd_family), sizeof(hd_exponent), sizeof(hd_radial), sizeof(hd_group),
             sizeof(hd_angle), sizeof(hd_term), sizeof(double)},
    .work = lay_out, .values = values, .once = once, .vjp = vjp, .jacobian = jacobian,
};
