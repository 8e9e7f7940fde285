/* The same channels with tangents, for the gradient of a loss on forces; a part of channels.c.
 *
 * Along a tangent of the positions numbers a have rates a_dot. The objective is a function of features m and their rates; the
 * derivatives with respect to a (a_bar) and to a_dot (a_hat) go backwards side by side. Positions have none: they are given. */

static void first_forward_dot(const dn_model *it, int64_t species, const dn_edges *e, dn_work *w)
{
    const int64_t mixed = it->n.mixed, wide = e->wide, size = it->n.species * mixed * wide;
    const REAL *phi = e->phi, *y = e->y;
    const REAL *phi_dot = e->phi_dot, *y_dot = e->y_dot;
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
    const REAL *y = e->y, *y_dot = e->y_dot;
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
    const int64_t mixed = it->n.mixed, wide = e->wide, row = it->n.parts * it->n.channels, step = (L + 1) * mixed * LANES;
    const REAL *phi_dot = e->phi_dot, *y_dot = e->y_dot;
    const REAL *y = e->y;
    const REAL *message = e->message, *message_dot = e->message_dot;
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
            radial_of(mix, phi_dot + j * mixed, mixed, r_dot, L, 1);
            const int64_t from = (int64_t)e->atom[j] * row + block * LANES;
            const vr g = r_load(message + from), g_dot = r_load(message_dot + from);
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

/* D_dot of a block and of one part of messages, as part_forward_of */
MD_INLINE void part_forward_dot_of(const dn_edges *e, const REAL *r, const REAL *r_dot, const REAL *y, const REAL *y_dot,
                                   const REAL *message, const REAL *message_dot, int64_t row, REAL *to, const int L)
{
    vr a[(DN_DEGREE + 1) * (DN_DEGREE + 1)];
#pragma GCC unroll 32
    for (int k = 0; k < (L + 1) * (L + 1); k++)
        a[k] = r_set1(0);
    for (int64_t j = 0; j < e->n; j++) {
        const vr g = r_load(message + (int64_t)e->atom[j] * row), g_dot = r_load(message_dot + (int64_t)e->atom[j] * row);
#pragma GCC unroll 8
        for (int l = 0; l <= L; l++) {
            const vr own = r_load(r + (j * (L + 1) + l) * LANES), rate = r_load(r_dot + (j * (L + 1) + l) * LANES);
            const vr v = own * g, v_dot = r_fma(own, g_dot, rate * g);
#pragma GCC unroll 16
            for (int k = l * l; k < (l + 1) * (l + 1); k++)
                a[k] = r_fma(r_set1(y[j * e->wide + k]), v_dot, r_fma(r_set1(y_dot[j * e->wide + k]), v, a[k]));
        }
    }
#pragma GCC unroll 32
    for (int k = 0; k < (L + 1) * (L + 1); k++)
        r_store(to + k * LANES, a[k]);
}

MD_INLINE void vectors_forward_dot_of(const dn_model *it, int64_t t, const dn_edges *e, dn_work *w, const int L)
{
    const int64_t channels = it->n.channels, row = it->n.parts * channels;
    const REAL *y = e->y, *y_dot = e->y_dot;
    const REAL *message = e->message, *message_dot = e->message_dot;
    for (int64_t block = 0; block < w->blocks; block++) {
        const int64_t radial = block * w->most * (L + 1) * LANES;
        REAL *d = ROW(w->v_dot, block * w->n_v);
        for (int64_t part = 0; part < it->n.parts - 1; part++) {
            const int64_t from = (part + 1) * channels + block * LANES;
            part_forward_dot_of(e, w->r + radial, w->r_dot + radial, y, y_dot, message + from, message_dot + from, row,
                                ROW(d, part * w->n_lm), L);
        }
        couple(&it->program, couple_of(it, it->layer[t].couple, block), d, ROW(w->x_dot, block * w->n_x));
    }
}

/* Derivatives by the paths' weights are added */
static void couple_dot_back(const dn_model *it, const dn_work *w, void *couple_bar)
{
    const dn_program *program = &it->program;
    const REAL *values = program->couple_values;
    for (int64_t block = 0; block < w->blocks; block++) {
        const REAL *d = ROW(w->v, block * w->n_v), *d_dot = ROW(w->v_dot, block * w->n_v);
        const REAL *x_bar = ROW(w->x_bar, block * w->n_x), *x_hat = ROW(w->x_hat, block * w->n_x);
        for (int64_t k = 0; k < program->n_couples; k++) {
            const int32_t *own = program->couples + 3 * k;
            REAL *to = ROW(couple_of(it, couple_bar, block), own[1]);
            const vr both = r_fma(r_load(ROW(d, own[2])), r_load(ROW(x_bar, own[0])),
                                  r_load(ROW(d_dot, own[2])) * r_load(ROW(x_hat, own[0])));
            r_store(to, r_fma(r_set1(values[k]), both, r_load(to)));
        }
    }
}

/* s and s_hat [neighbour][l][LANES] are those of one block: derivatives of the radial functions; then phi_bar, phi_hat and mix_bar
 * of the block follow for all neighbours. */
MD_INLINE void mix_back(int64_t n, int64_t mixed, const REAL *mix, const REAL *phi, const REAL *phi_dot, const REAL *s,
                        const REAL *s_hat, REAL *phi_bar, REAL *phi_hat, REAL *mix_bar, const int L)
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
            REAL *to = phi_bar + j * mixed + b, *to_hat = phi_hat + j * mixed + b;
            r_store4(to, r_sums(sum[0], sum[1], sum[2], sum[3]) + r_load4(to));
            r_store4(to_hat, r_sums(hat[0], hat[1], hat[2], hat[3]) + r_load4(to_hat));
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
                                       const int L, const int parts)
{
    const int64_t mixed = it->n.mixed, wide = e->wide, channels = it->n.channels, step = (L + 1) * mixed * LANES;
    const REAL *y = e->y, *y_dot = e->y_dot;
    const REAL *phi = e->phi, *phi_dot = e->phi_dot;
    const REAL *message = e->message, *message_dot = e->message_dot;
    memset(e->phi_bar, 0, (size_t)(e->n * mixed) * sizeof(REAL));
    memset(e->phi_hat, 0, (size_t)(e->n * mixed) * sizeof(REAL));
    for (int64_t block = 0; block < w->blocks; block++) {
        for (int64_t j = 0; j < e->n; j++) {
            const REAL *a_bar = w->x_bar + block * w->n_x * LANES, *a_hat = w->x_hat + block * w->n_x * LANES;
            const REAL *r = w->r + ((block * w->most + j) * (L + 1)) * LANES;
            const REAL *r_dot = w->r_dot + ((block * w->most + j) * (L + 1)) * LANES;
            vr s[DN_DEGREE + 1], s_hat[DN_DEGREE + 1];
#pragma GCC unroll 8
            for (int l = 0; l <= L; l++)
                s[l] = s_hat[l] = r_set1(0);
            for (int part = 0; part < parts; part++) {
                const int64_t from = ((int64_t)e->atom[j] * parts + part) * channels + block * LANES;
                const int64_t to = (j * parts + part) * channels + block * LANES;
                const vr g = r_load(message + from), g_dot = r_load(message_dot + from);
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
                    s[l] = r_fma(sum, g, r_fma(hat, g_dot, s[l]));
                    s_hat[l] = r_fma(hat, g, s_hat[l]);
                }
                r_to(e->pull + to, pull);
                r_to(e->pull_hat + to, pull_hat);
                a_bar = ROW(w->v_bar, block * w->n_v + part * w->n_lm); /* of the next */
                a_hat = ROW(w->v_hat, block * w->n_v + part * w->n_lm);
            }
#pragma GCC unroll 8
            for (int l = 0; l <= L; l++) {
                r_store(w->s + (j * (L + 1) + l) * LANES, s[l]);
                r_store(w->s_hat + (j * (L + 1) + l) * LANES, s_hat[l]);
            }
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
    if (it->n.parts == 1)
        return;
#define CALL(L) vectors_forward_dot_of(it, t, e, w, L)
    FOR_DEGREE(CALL)
#undef CALL
}

static void message_backward_dot(const dn_model *it, int64_t t, int64_t species, const dn_edges *e, dn_work *w, const dn_layer *to)
{
    if (it->n.parts == 1) {
#define CALL(L) message_backward_dot_of(it, t, species, e, w, to->mix, L, 1)
        FOR_DEGREE(CALL)
#undef CALL
        return;
    }
    uncouple_all(it, t, w, w->x_bar, w->v_bar);
    uncouple_all(it, t, w, w->x_hat, w->v_hat);
    couple_dot_back(it, w, to->couple);
#define CALL(L) message_backward_dot_of(it, t, species, e, w, to->mix, L, 4)
    FOR_DEGREE(CALL)
#undef CALL
}

static void forward_dot(const dn_model *it, int64_t t, int64_t species, const dn_edges *e, void *work, double *m, double *m_dot,
                        double *v, double *v_dot)
{
    dn_work *w = work;
    forward(it, t, species, e, work, m, v);
    if (t == 0)
        first_forward_dot(it, species, e, w);
    else
        message_forward_dot(it, t, species, e, w);
    for (int64_t block = 0; block < w->blocks; block++) {
        REAL *x = ROW(w->x, block * w->n_x), *x_dot = ROW(w->x_dot, block * w->n_x);
        r_to(m_dot + block * LANES, products_dot(&it->program, w->n_lm, w->n_x, ROW(w->x_bar, block * w->n_x), x, x_dot));
        if (!v)
            continue;
        vr own[3];
        vectors_dot(&it->program, ROW(vector_of(it, t, species, w), block * it->program.n_vectors), x, x_dot, own);
        for (int q = 0; q < 3; q++)
            r_to(v_dot + q * it->n.channels + block * LANES, own[q]);
    }
}

static void backward_dot(const dn_model *it, int64_t t, int64_t species, const dn_edges *e, void *work, const double *m_bar,
                         const double *m_hat, const double *v_bar, const double *v_hat, const dn_model *to)
{
    dn_work *w = work;
    const int64_t step = it->program.n_invariants * LANES, n_vectors = it->program.n_vectors, channels = it->n.channels;
    const REAL *product = (const REAL *)it->layer[t].product + species * w->blocks * step;
    REAL *product_bar = (REAL *)to->layer[t].product + species * w->blocks * step;
    const REAL *vector = v_bar ? vector_of(it, t, species, w) : NULL;
    REAL *vector_bar = v_bar ? (REAL *)to->layer[t].vector + species * w->blocks * n_vectors * LANES : NULL;
    for (int64_t block = 0; block < w->blocks; block++) {
        const int64_t own = block * w->n_x * LANES;
        vr bar[3], hat[3];
        for (int q = 0; v_bar && q < 3; q++) {
            bar[q] = take_lanes(v_bar + q * channels + block * LANES);
            hat[q] = take_lanes(v_hat + q * channels + block * LANES);
        }
        products_dot_back(&it->program, w->n_lm, w->n_x, product + block * step, v_bar ? ROW(vector, block * n_vectors) : NULL,
                          w->x + own, w->x_dot + own, take_lanes(m_bar + block * LANES), take_lanes(m_hat + block * LANES), bar, hat,
                          w->x_bar + own, w->x_hat + own, product_bar + block * step,
                          v_bar ? ROW(vector_bar, block * n_vectors) : NULL);
    }
    if (t == 0)
        first_backward_dot(it, species, e, w, to->layer[t].mix);
    else
        message_backward_dot(it, t, species, e, w, to->layer + t);
}
