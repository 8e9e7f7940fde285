/* The same channels with tangents, for the gradient of a loss on forces; a part of channels.c.
 *
 * Along a tangent of the positions numbers a have rates a_dot. The objective is a function of features m and their rates; the
 * derivatives with respect to a (a_bar) and to a_dot (a_hat) go backwards side by side. Positions have none: they are given. */

static void first_forward_dot(const dn_model *it, int64_t species, const dn_edges *e, dn_work *w)
{
    const int64_t mixed = it->n.mixed, wide = e->wide, size = it->n.species * mixed * wide;
    const REAL *phi = reals(e->phi, 0, w->phi), *y = reals(e->y, 0, w->y);
    const REAL *phi_dot = reals(e->phi_dot, e->n * mixed, w->phi_dot), *y_dot = reals(e->y_dot, e->n * wide, w->y_dot);
    memset(w->d_dot, 0, (size_t)size * sizeof(REAL));
    gather_densities(it, e, phi_dot, y, w->d_dot);
    gather_densities(it, e, phi, y_dot, w->d_dot);
#define CALL(L) mix_densities_of(it, species, e, w->d_dot, w, w->x_dot, L)
    FOR_DEGREE(CALL)
#undef CALL
}

static void first_backward_dot(const dn_model *it, int64_t species, const dn_edges *e, dn_work *w, REAL *mix_bar)
{
    const int64_t mixed = it->n.mixed, wide = e->wide, size = it->n.species * mixed * wide, L = it->n.l_max;
    const REAL *y = reals(e->y, 0, w->y), *y_dot = reals(e->y_dot, 0, w->y_dot);
    memset(w->d_bar, 0, (size_t)size * sizeof(REAL));
    memset(w->d_hat, 0, (size_t)size * sizeof(REAL));
    unmix_densities(it, species, e, w->x_bar, w, w->d_bar);
    unmix_densities(it, species, e, w->x_hat, w, w->d_hat);
    phi_of_densities(it, e, w->d_bar, y, e->phi_bar, 0);
    phi_of_densities(it, e, w->d_hat, y_dot, e->phi_bar, 1);
    phi_of_densities(it, e, w->d_hat, y, e->phi_hat, 0);
    for (int64_t s = 0; s < it->n.species; s++)
        for (int64_t block = 0; block < w->blocks && e->first[s] < e->first[s + 1]; block++) {
            REAL *to = mix_bar + (((species * it->n.species + s) * w->blocks) + block) * (L + 1) * mixed * LANES;
            const REAL *x_bar = w->x_bar + block * w->n_x * LANES, *x_hat = w->x_hat + block * w->n_x * LANES;
            for (int64_t l = 0; l <= L; l++)
                for (int64_t b = 0; b < mixed; b++) {
                    const REAL *d = w->d + (s * mixed + b) * wide, *d_dot = w->d_dot + (s * mixed + b) * wide;
                    vr sum = r_load(to + (l * mixed + b) * LANES);
                    for (int64_t k = l * l; k < (l + 1) * (l + 1); k++) {
                        sum = r_fma(r_set1(d[k]), r_load(ROW(x_bar, k)), sum);
                        sum = r_fma(r_set1(d_dot[k]), r_load(ROW(x_hat, k)), sum);
                    }
                    r_store(to + (l * mixed + b) * LANES, sum);
                }
        }
}

MD_INLINE void message_forward_dot_of(const dn_model *it, int64_t t, int64_t species, const dn_edges *e, dn_work *w, const int L)
{
    enum { M = (DN_DEGREE + 1) * (DN_DEGREE + 1) };
    const int64_t mixed = it->n.mixed, wide = e->wide, channels = it->n.channels, step = (L + 1) * mixed * LANES;
    const REAL *phi_dot = reals(e->phi_dot, e->n * mixed, w->phi_dot), *y_dot = reals(e->y_dot, e->n * wide, w->y_dot);
    const REAL *y = reals(e->y, 0, w->y);
    for (int64_t block = 0; block < w->blocks; block++) {
        const REAL *mix = (const REAL *)it->layer[t].mix + (species * w->blocks + block) * step;
        const REAL *radial = w->r + block * w->most * (L + 1) * LANES;
        REAL *keep = w->r_dot + block * w->most * (L + 1) * LANES;
        vr a[M];
#pragma GCC unroll 32
        for (int k = 0; k < (L + 1) * (L + 1); k++)
            a[k] = r_set1(0);
        for (int64_t j = 0; j < e->n; j++) {
            vr r_dot[DN_DEGREE + 1];
            radial_of(mix, phi_dot + j * mixed, mixed, r_dot, L);
            const int64_t from = (int64_t)e->atom[j] * channels + block * LANES;
            const vr g = take_lanes(e->message + from), g_dot = take_lanes(e->message_dot + from);
#pragma GCC unroll 8
            for (int l = 0; l <= L; l++) {
                const vr r = r_load(radial + (j * (L + 1) + l) * LANES);
                r_store(keep + (j * (L + 1) + l) * LANES, r_dot[l]);
                const vr v = r * g, v_dot = r_fma(r, g_dot, r_dot[l] * g);
#pragma GCC unroll 16
                for (int k = l * l; k < (l + 1) * (l + 1); k++)
                    a[k] = r_fma(r_set1(y[j * wide + k]), v_dot, r_fma(r_set1(y_dot[j * wide + k]), v, a[k]));
            }
        }
#pragma GCC unroll 32
        for (int k = 0; k < (L + 1) * (L + 1); k++)
            r_store(w->x_dot + (block * w->n_x + k) * LANES, a[k]);
    }
}

/* s and s_hat [neighbour][l][LANES] are those of one block: derivatives of the radial functions; then phi_bar, phi_hat and mix_bar
 * of the block follow for all neighbours. */
MD_INLINE void mix_back(int64_t n, int64_t mixed, const REAL *mix, const REAL *phi, const REAL *phi_dot, const REAL *s,
                        const REAL *s_hat, double *phi_bar, double *phi_hat, REAL *mix_bar, const int L)
{
    for (int64_t b = 0; b < mixed; b += 4)
        for (int64_t j = 0; j < n; j++) {
            vr sum[4] = {r_set1(0), r_set1(0), r_set1(0), r_set1(0)}, hat[4] = {r_set1(0), r_set1(0), r_set1(0), r_set1(0)};
#pragma GCC unroll 8
            for (int l = 0; l <= L; l++) {
                const vr own = r_load(s + (j * (L + 1) + l) * LANES), other = r_load(s_hat + (j * (L + 1) + l) * LANES);
                for (int q = 0; q < 4; q++) {
                    const vr m = r_load(mix + (l * mixed + b + q) * LANES);
                    sum[q] = r_fma(own, m, sum[q]);
                    hat[q] = r_fma(other, m, hat[q]);
                }
            }
            const v4d before = v_load(phi_bar + j * mixed + b), also = v_load(phi_hat + j * mixed + b);
            put_sums(phi_bar + j * mixed + b, sum[0], sum[1], sum[2], sum[3]);
            put_sums(phi_hat + j * mixed + b, hat[0], hat[1], hat[2], hat[3]);
            v_store(phi_bar + j * mixed + b, v_load(phi_bar + j * mixed + b) + before);
            v_store(phi_hat + j * mixed + b, v_load(phi_hat + j * mixed + b) + also);
        }
    for (int l = 0; l <= L; l++)
        for (int64_t b = 0; b < mixed; b += 4) {
            vr sum[4];
            REAL *to = mix_bar + (l * mixed + b) * LANES;
            for (int q = 0; q < 4; q++)
                sum[q] = r_load(to + q * LANES);
            for (int64_t j = 0; j < n; j++) {
                const vr own = r_load(s + (j * (L + 1) + l) * LANES), other = r_load(s_hat + (j * (L + 1) + l) * LANES);
                for (int q = 0; q < 4; q++) {
                    sum[q] = r_fma(r_set1(phi[j * mixed + b + q]), own, sum[q]);
                    sum[q] = r_fma(r_set1(phi_dot[j * mixed + b + q]), other, sum[q]);
                }
            }
            for (int q = 0; q < 4; q++)
                r_store(to + q * LANES, sum[q]);
        }
}

MD_INLINE void message_backward_dot_of(const dn_model *it, int64_t t, int64_t species, const dn_edges *e, dn_work *w, REAL *mix_bar,
                                       const int L)
{
    const int64_t mixed = it->n.mixed, wide = e->wide, channels = it->n.channels, step = (L + 1) * mixed * LANES;
    const REAL *y = reals(e->y, 0, w->y), *y_dot = reals(e->y_dot, 0, w->y_dot);
    const REAL *phi = reals(e->phi, 0, w->phi), *phi_dot = reals(e->phi_dot, 0, w->phi_dot);
    memset(e->phi_bar, 0, (size_t)(e->n * mixed) * sizeof(double));
    memset(e->phi_hat, 0, (size_t)(e->n * mixed) * sizeof(double));
    for (int64_t block = 0; block < w->blocks; block++) {
        const REAL *a_bar = w->x_bar + block * w->n_x * LANES, *a_hat = w->x_hat + block * w->n_x * LANES;
        for (int64_t j = 0; j < e->n; j++) {
            const REAL *r = w->r + ((block * w->most + j) * (L + 1)) * LANES;
            const REAL *r_dot = w->r_dot + ((block * w->most + j) * (L + 1)) * LANES;
            const int64_t from = (int64_t)e->atom[j] * channels + block * LANES;
            const vr g = take_lanes(e->message + from), g_dot = take_lanes(e->message_dot + from);
            vr pull = r_set1(0), pull_hat = r_set1(0);
#pragma GCC unroll 8
            for (int l = 0; l <= L; l++) {
                vr sum = r_set1(0), hat = r_set1(0);
#pragma GCC unroll 16
                for (int k = l * l; k < (l + 1) * (l + 1); k++) {
                    const vr p = r_load(ROW(a_hat, k)), own = r_set1(y[j * wide + k]);
                    sum = r_fma(r_load(ROW(a_bar, k)), own, r_fma(p, r_set1(y_dot[j * wide + k]), sum));
                    hat = r_fma(p, own, hat);
                }
                const vr radial = r_load(r + l * LANES), rate = r_load(r_dot + l * LANES);
                pull = r_fma(sum, radial, r_fma(hat, rate, pull));
                pull_hat = r_fma(hat, radial, pull_hat);
                r_store(w->s + (j * (L + 1) + l) * LANES, r_fma(sum, g, hat * g_dot));
                r_store(w->s_hat + (j * (L + 1) + l) * LANES, hat * g);
            }
            put_lanes(e->pull + j * channels + block * LANES, pull);
            put_lanes(e->pull_hat + j * channels + block * LANES, pull_hat);
        }
        const int64_t own = (species * w->blocks + block) * step;
        mix_back(e->n, mixed, (const REAL *)it->layer[t].mix + own, phi, phi_dot, w->s, w->s_hat, e->phi_bar, e->phi_hat,
                 mix_bar + own, L);
    }
}

static void message_forward_dot(const dn_model *it, int64_t t, int64_t species, const dn_edges *e, dn_work *w)
{
#define CALL(L) message_forward_dot_of(it, t, species, e, w, L)
    FOR_DEGREE(CALL)
#undef CALL
}

static void message_backward_dot(const dn_model *it, int64_t t, int64_t species, const dn_edges *e, dn_work *w, REAL *to)
{
#define CALL(L) message_backward_dot_of(it, t, species, e, w, to, L)
    FOR_DEGREE(CALL)
#undef CALL
}

static void forward_dot(const dn_model *it, int64_t t, int64_t species, const dn_edges *e, void *work, double *m, double *m_dot)
{
    dn_work *w = work;
    const int64_t step = it->program.n_invariants * LANES;
    const REAL *product = (const REAL *)it->layer[t].product + species * w->blocks * step;
    forward(it, t, species, e, work, m);
    if (t == 0)
        first_forward_dot(it, species, e, w);
    else
        message_forward_dot(it, t, species, e, w);
    for (int64_t block = 0; block < w->blocks; block++)
        put_lanes(m_dot + block * LANES, products_dot(&it->program, w->n_lm, product + block * step,
                                                      w->x + block * w->n_x * LANES, w->x_dot + block * w->n_x * LANES));
}

static void backward_dot(const dn_model *it, int64_t t, int64_t species, const dn_edges *e, void *work, const double *m_bar,
                         const double *m_hat, const dn_model *to)
{
    dn_work *w = work;
    const int64_t step = it->program.n_invariants * LANES;
    const REAL *product = (const REAL *)it->layer[t].product + species * w->blocks * step;
    REAL *product_bar = (REAL *)to->layer[t].product + species * w->blocks * step, *mix_bar = to->layer[t].mix;
    for (int64_t block = 0; block < w->blocks; block++) {
        const int64_t own = block * w->n_x * LANES;
        products_dot_back(&it->program, w->n_lm, w->n_x, product + block * step, w->x + own, w->x_dot + own,
                          take_lanes(m_bar + block * LANES), take_lanes(m_hat + block * LANES), w->x_bar + own, w->x_hat + own,
                          product_bar + block * step);
    }
    if (t == 0)
        first_backward_dot(it, species, e, w, mix_bar);
    else
        message_backward_dot(it, t, species, e, w, mix_bar);
}
