/* What does an atom's environment look like to its network?  Symmetry functions: values, vjp, jvp.
 *
 * Behler, J. Chem. Phys. 134, 074106 (2011), eqs 9 and 10 (types 2, 3) and its kin (types 9, 12, 13, 20-25,
 * see tests/reference/hdnnp.py, which reads like the papers). One environment at a time; nothing is stored
 * beyond its neighbours and a bounded number of triplets. The order of every sum is that of the neighbours,
 * which the caller keeps canonical, so the bits of the result belong to the environment. */
#include "symmetry.h"
#include "window.h"

#include "triplets.c"

/* The neighbours of `env` that the family sees. */
static void fill_view(const hd_plan *plan, const hd_family *family, const hd_environment *env, hd_view *view)
{
    int32_t n = 0;
    for (int64_t e = 0; e < plan->n_elements; e++) {
        view->begin[e] = view->end[e] = n;
        if (!(family->elements >> e & 1))
            continue;
        for (int64_t i = env->first[e]; i < env->first[e + 1]; i++) {
            const double x = env->x[i], y = env->y[i], z = env->z[i];
            view->x[n] = x, view->y[n] = y, view->z[n] = z;
            view->source[n] = (int32_t)i;
            n += x * x + y * y + z * z < family->cutoff2;
        }
        view->end[e] = n;
        if (view->end[e] == view->begin[e])
            continue;
        for (const int32_t stop = (n + 6) & ~3; n < stop; n++) {
            view->x[n] = HD_FAR * (n + 1);
            view->y[n] = view->z[n] = 0.0;
        }
        for (int32_t i = view->begin[e]; i < n; i++)
            view->charge[i] = plan->charges[e];
    }
    view->n = n;
}

/* F of every neighbour; r, 1/r, phi, rows */
static void view_window(const hd_family *family, const hd_view *view, double *MD_RESTRICT f)
{
    const hd_window w = family->window;
    const v4d one = v_set1(1.0), two = v_set1(2.0);
#define LOOP(core, shape)                                                                                      \
    for (int64_t t = 0; t < view->n; t += 4) {                                                                 \
        const v4d x = v_load(view->x + t), y = v_load(view->y + t), z = v_load(view->z + t);                   \
        const v4d r = v_sqrt(v_fma(z, z, v_fma(y, y, x * x))), inverse = one / r;                              \
        v4d value, slope, r0, r1, r2, r3;                                                                      \
        window_at(core, shape, &w, r, two * r, &value, &slope);                                                \
        v_store(f + t, value);                                                                                 \
        v_store(view->phi + t, slope);                                                                         \
        v_store(view->r + t, r);                                                                               \
        v_store(view->inverse + t, inverse);                                                                   \
        v_transpose(x, y, z, inverse, &r0, &r1, &r2, &r3);                                                     \
        v_store(view->rows + 4 * t, r0);                                                                       \
        v_store(view->rows + 4 * t + 4, r1);                                                                   \
        v_store(view->rows + 4 * t + 8, r2);                                                                   \
        v_store(view->rows + 4 * t + 12, r3);                                                                  \
    }
    WINDOW_CASES(&w, LOOP)
#undef LOOP
}

/* P_q = F exp(-eta_q (r - rs)^2), zero where padding stands */
static void view_factors(const hd_plan *plan, const hd_family *family, const hd_view *view, hd_scratch *scratch)
{
    const hd_exponent *exponents = plan->exponents + family->exponents;
    double *MD_RESTRICT f = scratch->column[0], *MD_RESTRICT a = scratch->column[1];
    const v4d shift = v_set1(family->shift), one = v_set1(1.0);
    view_window(family, view, f);
    for (int64_t e = 0; e < plan->n_elements; e++) {
        const int64_t stop = e + 1 < plan->n_elements ? view->begin[e + 1] : view->n;
        for (int64_t i = view->end[e]; i < stop; i++)
            f[i] = 0.0;
    }
    for (int64_t t = 0; t < view->n; t += 4) {
        const v4d d = v_load(view->r + t) - shift;
        v_store(a + t, d * d);
    }
    for (int64_t q = 0; q < family->n_exponents; q++) {
        const hd_exponent *e = exponents + q;
        double *MD_RESTRICT p = view->p + q * scratch->stride;
        if (e->base < 0) {
            for (int64_t t = 0; t < view->n; t += 4)
                v_store(p + t, one);
        } else if (e->base == q) {
            const v4d eta = v_set1(-e->eta);
            for (int64_t t = 0; t < view->n; t += 4)
                v_store(p + t, v_exp(eta * v_load(a + t)));
        } else {
            const double *base = view->p + e->base * scratch->stride;
            for (int64_t t = 0; t < view->n; t += 4)
                v_store(p + t, v_power(v_load(base + t), e->power));
        }
    }
    for (int64_t q = 0; q < family->n_exponents; q++) {
        double *MD_RESTRICT p = view->p + q * scratch->stride;
        for (int64_t t = 0; t < view->n; t += 4)
            v_store(p + t, v_load(p + t) * v_load(f + t));
    }
}

static void range_of_radial(const hd_radial *radial, const hd_view *view, int64_t *begin, int64_t *end)
{
    *begin = radial->element == HD_ALL ? 0 : view->begin[radial->element];
    *end = radial->element == HD_ALL ? view->n : view->end[radial->element];
}

static void radial_values(const hd_plan *plan, const hd_family *family, const hd_view *view, hd_scratch *scratch)
{
    for (int64_t m = 0; m < family->n_radials; m++) {
        const hd_radial *radial = plan->radials + family->radials + m;
        const double *p = view->p + radial->exponent * scratch->stride;
        v4d sum = v_set1(0.0);
        int64_t begin, end;
        range_of_radial(radial, view, &begin, &end);
        if (radial->element == HD_ALL)
            for (int64_t t = begin; t < end; t += 4)
                sum = v_fma(v_load(p + t), v_load(view->charge + t), sum);
        else
            for (int64_t t = begin; t < end; t += 4)
                sum += v_load(p + t);
        scratch->g[radial->out] = sum;
    }
}

/* G of one environment. What the reverse pass needs stays in `scratch`. */
static void values(const hd_plan *plan, const hd_environment *env, hd_scratch *scratch, double *g)
{
    for (int64_t i = 0; i < plan->n_functions; i++)
        scratch->g[i] = v_set1(0.0);
    scratch->n_chunks = scratch->used = scratch->full = 0;
    for (int64_t m = 0; m < plan->n_families; m++) {
        const hd_family *family = plan->families + m;
        hd_view *view = scratch->views + m;
        fill_view(plan, family, env, view);
        if (view->n == 0)
            continue;
        view_factors(plan, family, view, scratch);
        radial_values(plan, family, view, scratch);
        for (int64_t i = 0; i < family->n_groups; i++)
            group_values(plan, family, plan->groups + family->groups + i, view, scratch);
    }
    for (int64_t m = 0; m < plan->n_families; m++) /* the factor 2^(1-zeta) of the angular functions */
        for (int64_t i = 0; i < plan->families[m].n_groups; i++) {
            const hd_group *group = plan->groups + plan->families[m].groups + i;
            for (int64_t t = 0; t < group->n_terms; t++)
                scratch->g[plan->terms[group->terms + t].out] *= v_set1(plan->terms[group->terms + t].scale);
        }
    for (int64_t i = 0; i < plan->n_functions; i++)
        g[i] = v_sum(scratch->g[i]);
}

/* Radial functions and the sums over triplets become gradients, added to those of the environment. */
static void finish(const hd_plan *plan, const hd_family *family, const hd_view *view, const double *de_dg,
                   hd_scratch *scratch, double *gx, double *gy, double *gz)
{
    double *MD_RESTRICT x0 = scratch->column[0], *MD_RESTRICT x1 = scratch->column[1];
    double *MD_RESTRICT hx = scratch->column[2], *MD_RESTRICT hy = scratch->column[3];
    const v4d zero = v_set1(0.0), two = v_set1(2.0), shift = v_set1(family->shift);
    memset(x0, 0, (size_t)view->n * 8);
    memset(x1, 0, (size_t)view->n * 8);
    for (int64_t m = 0; m < family->n_radials; m++) {
        const hd_radial *radial = plan->radials + family->radials + m;
        const double *p = view->p + radial->exponent * scratch->stride;
        const v4d slope = v_set1(de_dg[radial->out]);
        const v4d eta = v_set1(plan->exponents[family->exponents + radial->exponent].eta);
        int64_t begin, end;
        range_of_radial(radial, view, &begin, &end);
        for (int64_t t = begin; t < end; t += 4) {
            v4d term = slope * v_load(p + t);
            if (radial->element == HD_ALL)
                term *= v_load(view->charge + t);
            v_store(x0 + t, v_load(x0 + t) + term);
            v_store(x1 + t, v_fma(eta, term, v_load(x1 + t)));
        }
    }
    for (int64_t t = 0; t < view->n; t += 4) {
        const v4d inverse = v_load(view->inverse + t);
        v4d a = v_load(x0 + t), b = v_load(x1 + t), rest = -b, q = zero, tx = zero, ty = zero, tz = zero;
        if (family->n_groups) {
            const double *sums = view->sums + 4 * t, *turn = view->turn + 4 * t;
            v4d sum0, sum1, sum2, sum3, unused;
            v_transpose(v_load(sums), v_load(sums + 4), v_load(sums + 8), v_load(sums + 12), &sum0, &sum1, &sum2, &sum3);
            v_transpose(v_load(turn), v_load(turn + 4), v_load(turn + 8), v_load(turn + 12), &tx, &ty, &tz, &unused);
            a += sum0, rest += sum1, q += sum2, b += sum3;
        }
        rest = v_fma(shift * inverse, b, v_fma(v_load(view->phi + t), a, rest));
        const v4d along = v_fma(two, rest, -(q * inverse * inverse));
        v_store(hx + t, v_fma(along, v_load(view->x + t), tx));
        v_store(hy + t, v_fma(along, v_load(view->y + t), ty));
        v_store(x0 + t, v_fma(along, v_load(view->z + t), tz));
    }
    for (int64_t e = 0; e < plan->n_elements; e++)
        for (int64_t t = view->begin[e]; t < view->end[e]; t++) {
            gx[view->source[t]] += hx[t];
            gy[view->source[t]] += hy[t];
            gz[view->source[t]] += x0[t];
        }
}

/* g_ij += sum_f de_dg_f dG_f/dr_ij; after `values` of the same environment and scratch. */
static void vjp(const hd_plan *plan, const hd_environment *env, hd_scratch *scratch, const double *de_dg, double *gx,
                double *gy, double *gz)
{
    int64_t number = 0;
    (void)env;
    for (int64_t m = 0; m < plan->n_families; m++) {
        const hd_family *family = plan->families + m;
        const hd_view *view = scratch->views + m;
        if (view->n == 0)
            continue;
        if (family->n_groups) {
            memset(view->turn, 0, (size_t)view->n * 32);
            memset(view->sums, 0, (size_t)view->n * 32);
        }
        for (int64_t i = 0; i < family->n_groups; i++)
            group_vjp(plan, family, plan->groups + family->groups + i, view, de_dg, scratch, &number);
        finish(plan, family, view, de_dg, scratch, gx, gy, gz);
    }
}

/* Tangents of the neighbours: rows (t_x, t_y, t_z, r.t / s); dG of the radial functions. */
static void radial_jvp(const hd_plan *plan, const hd_family *family, const hd_view *view, hd_scratch *scratch,
                       const double *tx, const double *ty, const double *tz)
{
    double *MD_RESTRICT ds = scratch->column[0];
    memset(view->tangent, 0, (size_t)view->n * 32);
    memset(ds, 0, (size_t)view->n * 8);
    for (int64_t e = 0; e < plan->n_elements; e++)
        for (int64_t i = view->begin[e]; i < view->end[e]; i++) {
            double *row = view->tangent + 4 * i;
            row[0] = tx[view->source[i]], row[1] = ty[view->source[i]], row[2] = tz[view->source[i]];
            ds[i] = 2.0 * (view->x[i] * row[0] + view->y[i] * row[1] + view->z[i] * row[2]);
            row[3] = 0.5 * ds[i] * view->inverse[i] * view->inverse[i];
        }
    const v4d one = v_set1(1.0), shift = v_set1(family->shift);
    for (int64_t m = 0; m < family->n_radials; m++) {
        const hd_radial *radial = plan->radials + family->radials + m;
        const double *p = view->p + radial->exponent * scratch->stride;
        const v4d eta = v_set1(plan->exponents[family->exponents + radial->exponent].eta);
        v4d sum = v_set1(0.0);
        int64_t begin, end;
        range_of_radial(radial, view, &begin, &end);
        for (int64_t t = begin; t < end; t += 4) {
            const v4d kappa = one - shift * v_load(view->inverse + t);
            v4d term = v_load(p + t) * (v_load(view->phi + t) - eta * kappa);
            if (radial->element == HD_ALL)
                term *= v_load(view->charge + t);
            sum = v_fma(term, v_load(ds + t), sum);
        }
        scratch->g[radial->out] = sum;
    }
}

/* column[k] of four pairs */
MD_INLINE v4d pick(const double *column, const hd_pair *pairs)
{
    return (v4d){column[pair_k(pairs[0])], column[pair_k(pairs[1])], column[pair_k(pairs[2])], column[pair_k(pairs[3])]};
}

/* Along the tangent, of each triplet: sum phi ds into x0, sum kappa ds into x1, dcos into c */
static void chunk_tangents(const hd_family *family, const hd_view *view, const hd_chunk *chunk, hd_scratch *scratch)
{
    const v4d one = v_set1(1.0), two = v_set1(2.0), shift = v_set1(family->shift);
    for (int64_t t = 0; t < chunk->n; t += 4) {
        const int64_t j = pair_j(chunk->pairs[t]);
        const double *row = view->rows + 4 * j, *tangent = view->tangent + 4 * j;
        const v4d xj = v_set1(row[0]), yj = v_set1(row[1]), zj = v_set1(row[2]), ij = v_set1(row[3]);
        const v4d ax = v_set1(tangent[0]), ay = v_set1(tangent[1]), az = v_set1(tangent[2]), uj = v_set1(tangent[3]);
        const v4d ds_j = two * uj / (ij * ij), phi_j = v_set1(view->phi[j]), kappa_j = one - shift * ij;
        const hd_pair *pairs = chunk->pairs + t;
        v4d x, y, z, ik, bx, by, bz, uk;
        load_k(view->rows, 4, pairs, &x, &y, &z, &ik);
        load_k(view->tangent, 4, pairs, &bx, &by, &bz, &uk);
        const v4d ds_k = two * uk / (ik * ik);
        v4d radial = phi_j * ds_j + pick(view->phi, pairs) * ds_k;
        v4d gauss = kappa_j * ds_j + (one - shift * ik) * ds_k;
        if (chunk->phi) {
            const v4d ds = two * ((x - xj) * (bx - ax) + (y - yj) * (by - ay) + (z - zj) * (bz - az));
            radial += v_load(chunk->phi + t) * ds;
            gauss += chunk->kappa ? v_load(chunk->kappa + t) * ds : ds;
        }
        const v4d dot = ax * x + ay * y + az * z + bx * xj + by * yj + bz * zj;
        v_store(scratch->x0 + t, radial);
        v_store(scratch->x1 + t, gauss);
        v_store(scratch->c + t, dot * v_load(chunk->inverse + t) - v_load(chunk->cosine + t) * (uj + uk));
    }
}

static void group_jvp(const hd_plan *plan, const hd_family *family, const hd_group *group, const hd_view *view,
                      hd_scratch *scratch)
{
    const hd_term *terms = plan->terms + group->terms;
    hd_chunk chunk = {.next_j = range_of(group, view).begin, .next_k = -1};
    fill_group_rows(group, plan->exponents + group->exponents, view, scratch);
    while (next_chunk(plan, family, group, view, &chunk, scratch, 0)) {
        chunk_tangents(family, view, &chunk, scratch);
        for (int64_t m = 0; m < group->n_angles; m++)
            angle_slopes(plan->angles + group->angles + m, &chunk, scratch->angle + m * CHUNK, scratch->slope + m * CHUNK);
        for (int64_t m = 0; m < group->n_terms;) { /* dG_f = sum w [a (sum phi ds - eta sum kappa ds) + a' dcos] */
            const int32_t q = terms[m].exponent;
            const v4d eta = v_set1(plan->exponents[group->exponents + q].eta);
            const double *w = chunk.w + (int64_t)q * chunk.n;
            for (int64_t t = 0; t < chunk.n; t += 4) {
                const v4d weight = v_load(w + t);
                v_store(scratch->s + t, weight * (v_load(scratch->x0 + t) - eta * v_load(scratch->x1 + t)));
                v_store(scratch->f + t, weight * v_load(scratch->c + t));
            }
            term_dots(terms, m, group->n_terms, scratch->s, chunk.n, scratch->angle, scratch->g);
            m = term_dots(terms, m, group->n_terms, scratch->f, chunk.n, scratch->slope, scratch->g);
        }
    }
    for (int64_t m = 0; m < group->n_terms; m++)
        scratch->g[terms[m].out] *= v_set1(terms[m].scale);
}

/* dG_f = sum_ij dG_f/dr_ij . t_ij; after `values` of the same environment and scratch. */
static void jvp(const hd_plan *plan, const hd_environment *env, hd_scratch *scratch, const double *tx, const double *ty,
                const double *tz, double *dg)
{
    (void)env;
    for (int64_t i = 0; i < plan->n_functions; i++)
        scratch->g[i] = v_set1(0.0);
    for (int64_t m = 0; m < plan->n_families; m++) {
        const hd_family *family = plan->families + m;
        const hd_view *view = scratch->views + m;
        if (view->n == 0)
            continue;
        radial_jvp(plan, family, view, scratch, tx, ty, tz);
        for (int64_t i = 0; i < family->n_groups; i++)
            group_jvp(plan, family, plan->groups + family->groups + i, view, scratch);
    }
    for (int64_t i = 0; i < plan->n_functions; i++)
        dg[i] = v_sum(scratch->g[i]);
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
    static hd_scratch nowhere;
    static const hd_view no_view;
    hd_heap heap = {memory};
    hd_scratch *s = take(&heap, 1, sizeof *s);
    hd_scratch local = nowhere;
    int64_t families = 0, exponents = 1, functions = 0, work = 0;
    for (int64_t e = 0; e < n_elements; e++) {
        const hd_plan *plan = &elements[e].plan;
        families = plan->n_families > families ? plan->n_families : families;
        functions = plan->n_functions > functions ? plan->n_functions : functions;
        for (int64_t m = 0; m < plan->n_families; m++)
            exponents = plan->families[m].n_exponents > exponents ? plan->families[m].n_exponents : exponents;
        const int64_t own = network_work(&elements[e].network);
        work = own > work ? own : work;
    }
    const int64_t n = (most + 7 * n_elements + 11) & ~INT64_C(3);
    local.stride = n;
    local.views = take(&heap, families, sizeof(hd_view));
    for (int64_t m = 0; m < families; m++) {
        hd_view view = no_view;
        view.begin = take(&heap, n_elements, 4);
        view.end = take(&heap, n_elements, 4);
        view.source = take(&heap, n, 4);
        double **columns[] = {&view.x, &view.y, &view.z, &view.r, &view.inverse, &view.phi, &view.charge};
        for (int i = 0; i < 7; i++)
            *columns[i] = take(&heap, n, 8);
        view.p = take(&heap, exponents * n, 8);
        double **rows[] = {&view.rows, &view.turn, &view.sums, &view.tangent};
        for (int i = 0; i < 4; i++)
            *rows[i] = take(&heap, n, 32);
        if (memory)
            local.views[m] = view;
    }
    for (int i = 0; i < 4; i++)
        local.column[i] = take(&heap, n, 8);
    local.group_rows = take(&heap, n * HD_LIMIT, 8);
    local.g = take(&heap, functions, sizeof(v4d));
    local.descriptors = take(&heap, functions + 4, 8);
    local.slopes = take(&heap, functions + 4, 8);
    local.edge = take(&heap, 3 * n, 8);
    local.x = take(&heap, n, 8);
    local.y = take(&heap, n, 8);
    local.z = take(&heap, n, 8);
    local.first = take(&heap, n_elements + 1, 8);
    local.atom = take(&heap, n, 4);
    local.network = take(&heap, work, 8);
    double **chunk[] = {&local.s, &local.f, &local.x0, &local.x1, &local.c};
    for (int i = 0; i < 5; i++)
        *chunk[i] = take(&heap, CHUNK + 4, 8);
    double **tables[] = {&local.angle, &local.slope, &local.base};
    for (int i = 0; i < 3; i++)
        *tables[i] = take(&heap, HD_LIMIT * CHUNK, 8);
    local.transient = take(&heap, (HD_LIMIT + 5) * CHUNK * 8 + CHUNK * 4 + 128, 1);
    local.store = take(&heap, STORE, 1);
    local.chunks = take(&heap, CHUNKS, sizeof(hd_chunk));
    if (memory)
        *s = local;
    return (size_t)(heap.at - memory);
}
