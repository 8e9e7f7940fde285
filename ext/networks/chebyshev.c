/* How do distances and angles around an atom look in Chebyshev polynomials?
 *
 *   radial    G_m = sum_j w_j fc(r_ij) T_m(2 r_ij / rc - 1)
 *   angular   G_m = sum_{j<k} w_j w_k fc(r_ij) fc(r_ik) T_m(cos theta_jik),       fc = (1 + cos(pi r / rc)) / 2
 *
 * Artrith, Urban, Ceder, Phys. Rev. B 96, 014112 (2017), a set with w = 1, and one with a weight of each element.
 * T_m(cos theta) = cos(m theta) is smooth also where three atoms are in line. One environment at a time, in the order of its
 * neighbours; compiled for double and for float (lanes.h). */
#include "core/heap.h"
#include "core/vfun.h"
#include "networks/descriptors.h"

enum { RADIAL, ANGULAR, PARTS, SETS = 2, ORDERS = 32 };

/* The tables of a central element, as Python gives them (mdcore/potentials/networks/chebyshev.py) */
typedef struct {
    double cutoff[PARTS];
    int64_t orders[PARTS], sets, elements, functions;
} hd_shape;
typedef struct {
    const hd_shape *shape;
    const double *weights; /* [sets][elements] */
    const int64_t *place;  /* [functions] in [sets][RADIAL orders, ANGULAR orders] */
} hd_chebyshev;

/* The neighbours within the cutoff of a part. Padding follows: at the cutoff, with no weight. */
typedef struct {
    int64_t n;
    int32_t *source;                          /* [n] number in the environment */
    REAL *x, *y, *z, *r, *inverse, *f, *slope; /* 1/r; fc, dfc/dr */
    REAL *weight[SETS];
    REAL *gx, *gy, *gz;                       /* what the reverse pass collects */
} hd_shell;

typedef struct {
    hd_shell shell[PARTS];
    double *sums; /* [sets][orders][LANES] */
} hd_work;

/* Where the sums of a part of a set begin */
static int64_t first_of(const hd_shape *shape, int64_t set, int part)
{
    return set * (shape->orders[RADIAL] + shape->orders[ANGULAR]) + (part == ANGULAR ? shape->orders[RADIAL] : 0);
}

static void fill_shell(const hd_chebyshev *own, int part, const hd_environment *env, hd_shell *shell)
{
    const hd_shape *shape = own->shape;
    const double cutoff = shape->cutoff[part];
    const int64_t looked_at = shape->orders[part] ? shape->elements : 0;
    int64_t n = 0;
    for (int64_t e = 0; e < looked_at; e++)
        for (int64_t i = env->first[e]; i < env->first[e + 1]; i++) {
            const double x = env->x[i], y = env->y[i], z = env->z[i];
            if (x * x + y * y + z * z >= cutoff * cutoff)
                continue;
            shell->source[n] = (int32_t)(i - env->first[0]);
            shell->x[n] = (REAL)x, shell->y[n] = (REAL)y, shell->z[n] = (REAL)z;
            for (int64_t s = 0; s < shape->sets; s++)
                shell->weight[s][n] = (REAL)own->weights[s * shape->elements + e];
            n++;
        }
    shell->n = n;
    for (int64_t i = n; i < n + 2 * LANES; i++) {
        shell->x[i] = (REAL)cutoff, shell->y[i] = shell->z[i] = 0;
        for (int64_t s = 0; s < shape->sets; s++)
            shell->weight[s][i] = 0;
    }
    const vr one = r_set1(1), inverse_cutoff = r_set1((REAL)(1.0 / cutoff));
    const vr steepest = r_set1((REAL)(-3.141592653589793 / cutoff));
    for (int64_t t = 0; t < n + LANES; t += LANES) {
        const vr x = r_load(shell->x + t), y = r_load(shell->y + t), z = r_load(shell->z + t);
        const vr r = r_sqrt(r_fma(z, z, r_fma(y, y, x * x)));
        const vr left = v_larger(one - r * inverse_cutoff, r_set1(0));
        const vr sine = v_sin_quarter(left), cosine = v_sin_quarter(one - left);
        r_store(shell->r + t, r);
        r_store(shell->inverse + t, one / r);
        r_store(shell->f + t, sine * sine);
        r_store(shell->slope + t, steepest * sine * cosine);
    }
}

/* T_{m+1} = 2 x T_m - T_{m-1} and its derivative, from T_{-1} = x, T_0 = 1 */
typedef struct {
    vr x2, before, now, slope_before, slope;
} hd_polynomial;

MD_INLINE hd_polynomial first_order(vr x)
{
    return (hd_polynomial){.x2 = x + x, .before = x, .now = r_set1(1), .slope_before = r_set1(1), .slope = r_set1(0)};
}

MD_INLINE void next_order(hd_polynomial *p)
{
    const vr now = p->x2 * p->now - p->before, slope = p->now + p->now + p->x2 * p->slope - p->slope_before;
    p->before = p->now, p->slope_before = p->slope;
    p->now = now, p->slope = slope;
}

/* Where neighbour vector t stands between 0 (-1) and the cutoff (1) */
MD_INLINE vr radial_x(const hd_shape *shape, const hd_shell *shell, int64_t t)
{
    return r_fma(r_load(shell->r + t), r_set1((REAL)(2.0 / shape->cutoff[RADIAL])), r_set1(-1));
}

MD_INLINE vr cosine_of(const hd_shell *shell, int64_t j, int64_t t)
{
    const vr x = r_load(shell->x + t), y = r_load(shell->y + t), z = r_load(shell->z + t);
    const vr dot = x * shell->x[j] + y * shell->y[j] + z * shell->z[j];
    return dot * (r_load(shell->inverse + t) * shell->inverse[j]);
}

/* G; NULL: what the reverse pass needs alone. */
static void values(const void *descriptor, const hd_environment *env, void *memory, double *g)
{
    const hd_chebyshev *own = descriptor;
    const hd_shape *shape = own->shape;
    hd_work *work = memory;
    const hd_shell *near = work->shell + RADIAL, *pairs = work->shell + ANGULAR;
    for (int part = 0; part < PARTS; part++)
        fill_shell(own, part, env, work->shell + part);
    if (!g)
        return;
    memset(work->sums, 0, (size_t)(first_of(shape, shape->sets, RADIAL) * LANES) * 8);
    for (int64_t t = 0; t < near->n; t += LANES) {
        const vr f = r_load(near->f + t);
        hd_polynomial p = first_order(radial_x(shape, near, t));
        for (int64_t m = 0; m < shape->orders[RADIAL]; m++, next_order(&p))
            for (int64_t s = 0; s < shape->sets; s++)
                r_add(work->sums + LANES * (first_of(shape, s, RADIAL) + m), f * r_load(near->weight[s] + t) * p.now);
    }
    for (int64_t j = 0; j < pairs->n; j++) {
        vr sum[SETS][ORDERS] = {{{0}}};
        for (int64_t t = j + 1; t < pairs->n; t += LANES) {
            const vr f = r_load(pairs->f + t) * pairs->f[j];
            vr weight[SETS];
            for (int64_t s = 0; s < shape->sets; s++)
                weight[s] = f * (r_load(pairs->weight[s] + t) * pairs->weight[s][j]);
            hd_polynomial p = first_order(cosine_of(pairs, j, t));
            for (int64_t m = 0; m < shape->orders[ANGULAR]; m++, next_order(&p))
                for (int64_t s = 0; s < shape->sets; s++)
                    sum[s][m] = r_fma(weight[s], p.now, sum[s][m]);
        }
        for (int64_t s = 0; s < shape->sets; s++)
            for (int64_t m = 0; m < shape->orders[ANGULAR]; m++)
                r_add(work->sums + LANES * (first_of(shape, s, ANGULAR) + m), sum[s][m]);
    }
    for (int64_t i = 0; i < shape->functions; i++) {
        g[i] = 0.0;
        for (int lane = 0; lane < LANES; lane++)
            g[i] += work->sums[LANES * own->place[i] + lane];
    }
}

/* sum_sm a w_s T_m and its derivative by x, a [SETS][ORDERS] */
MD_INLINE void series(const hd_shape *shape, int part, const REAL (*a)[ORDERS], const vr *weight, vr x, vr *value, vr *slope)
{
    hd_polynomial p = first_order(x);
    *value = *slope = r_set1(0);
    for (int64_t m = 0; m < shape->orders[part]; m++, next_order(&p)) {
        vr factor = weight[0] * a[0][m];
        for (int64_t s = 1; s < shape->sets; s++)
            factor = r_fma(weight[s], r_set1(a[s][m]), factor);
        *value = r_fma(factor, p.now, *value);
        *slope = r_fma(factor, p.slope, *slope);
    }
}

MD_INLINE REAL sum_of(vr a)
{
    REAL sum = 0;
    for (int lane = 0; lane < LANES; lane++)
        sum += a[lane];
    return sum;
}

MD_INLINE void add_to(REAL *to, vr a) { r_store(to, r_load(to) + a); }

static void vjp(const void *descriptor, const hd_environment *env, void *memory, const double *de_dg, double *gx, double *gy,
                double *gz)
{
    const hd_chebyshev *own = descriptor;
    const hd_shape *shape = own->shape;
    const hd_work *work = memory;
    const hd_shell *near = work->shell + RADIAL, *pairs = work->shell + ANGULAR;
    const int64_t per_set = first_of(shape, 1, RADIAL);
    REAL a[PARTS][SETS][ORDERS] = {{{0}}};
    vr value, slope, weight[SETS];
    for (int64_t i = 0; i < shape->functions; i++) {
        const int64_t s = own->place[i] / per_set, m = own->place[i] % per_set;
        const int part = m < shape->orders[RADIAL] ? RADIAL : ANGULAR;
        a[part][s][m - (part == ANGULAR ? shape->orders[RADIAL] : 0)] += (REAL)de_dg[i];
    }
    for (int64_t t = 0; t < near->n; t += LANES) {
        for (int64_t s = 0; s < shape->sets; s++)
            weight[s] = r_load(near->weight[s] + t);
        series(shape, RADIAL, (const REAL(*)[ORDERS])a[RADIAL], weight, radial_x(shape, near, t), &value, &slope);
        const vr per_length = r_set1((REAL)(2.0 / shape->cutoff[RADIAL])) * slope;
        const vr g = r_load(near->inverse + t) * (r_load(near->slope + t) * value + r_load(near->f + t) * per_length);
        r_store(near->gx + t, g * r_load(near->x + t));
        r_store(near->gy + t, g * r_load(near->y + t));
        r_store(near->gz + t, g * r_load(near->z + t));
    }
    memset(pairs->gx, 0, (size_t)(pairs->n + LANES) * sizeof(REAL));
    memset(pairs->gy, 0, (size_t)(pairs->n + LANES) * sizeof(REAL));
    memset(pairs->gz, 0, (size_t)(pairs->n + LANES) * sizeof(REAL));
    for (int64_t j = 0; j < pairs->n; j++) {
        const REAL xj = pairs->x[j], yj = pairs->y[j], zj = pairs->z[j], inverse_j = pairs->inverse[j];
        vr sum_x = r_set1(0), sum_y = r_set1(0), sum_z = r_set1(0);
        for (int64_t t = j + 1; t < pairs->n; t += LANES) {
            const vr x = r_load(pairs->x + t), y = r_load(pairs->y + t), z = r_load(pairs->z + t);
            const vr f = r_load(pairs->f + t), inverse = r_load(pairs->inverse + t), cosine = cosine_of(pairs, j, t);
            for (int64_t s = 0; s < shape->sets; s++)
                weight[s] = r_load(pairs->weight[s] + t) * pairs->weight[s][j];
            series(shape, ANGULAR, (const REAL(*)[ORDERS])a[ANGULAR], weight, cosine, &value, &slope);
            slope *= f * pairs->f[j];
            const vr both = slope * inverse * inverse_j; /* of k's vector on j's gradient, and the other way round */
            const vr on_j = inverse_j * (f * value * pairs->slope[j] - slope * cosine * inverse_j);
            const vr on_k = inverse * (r_load(pairs->slope + t) * value * pairs->f[j] - slope * cosine * inverse);
            sum_x += on_j * xj + both * x, sum_y += on_j * yj + both * y, sum_z += on_j * zj + both * z;
            add_to(pairs->gx + t, on_k * x + both * xj);
            add_to(pairs->gy + t, on_k * y + both * yj);
            add_to(pairs->gz + t, on_k * z + both * zj);
        }
        pairs->gx[j] += sum_of(sum_x), pairs->gy[j] += sum_of(sum_y), pairs->gz[j] += sum_of(sum_z);
    }
    for (int part = 0; part < PARTS; part++) {
        const hd_shell *shell = work->shell + part;
        for (int64_t i = 0; i < shell->n; i++) {
            const int64_t to = env->first[0] + shell->source[i];
            gx[to] += shell->gx[i], gy[to] += shell->gy[i], gz[to] += shell->gz[i];
        }
    }
}

static size_t lay_out(int64_t n_elements, const hd_plan *const *plans, int64_t most, void *memory)
{
    hd_heap heap = {memory};
    const int64_t n = most + 3 * LANES;
    hd_work *work = take(&heap, 1, sizeof *work), own;
    for (int part = 0; part < PARTS; part++) {
        hd_shell *shell = own.shell + part;
        shell->n = 0;
        shell->source = take(&heap, n, 4);
        REAL **columns[] = {&shell->x, &shell->y, &shell->z, &shell->r, &shell->inverse, &shell->f, &shell->slope,
                            &shell->weight[0], &shell->weight[1], &shell->gx, &shell->gy, &shell->gz};
        for (size_t i = 0; i < sizeof columns / sizeof *columns; i++)
            *columns[i] = take(&heap, n, sizeof(REAL));
    }
    int64_t sums = 0;
    for (int64_t e = 0; e < n_elements; e++) {
        const hd_shape *shape = ((const hd_chebyshev *)plans[e]->descriptor)->shape;
        const int64_t wanted = first_of(shape, shape->sets, RADIAL);
        sums = wanted > sums ? wanted : sums;
    }
    own.sums = take(&heap, sums * LANES, 8);
    if (memory)
        *work = own;
    return taken(&heap, memory);
}

const hd_descriptors HD_TABLE(chebyshev) = {
    .kind = "chebyshev",
    .rows = {sizeof(hd_shape), sizeof(double), sizeof(int64_t)},
    .work = lay_out, .values = values, .once = values, .vjp = vjp,
};
