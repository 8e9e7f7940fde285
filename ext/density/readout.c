/* From features x [c] of an atom to its energy and to the messages that it sends; a part of density.c.
 *
 * E = energy + linear x + out . tanh(bias + x hidden) */

enum { DN_HIDDEN = 128 };

/* tanh of p [n], n a multiple of four, in its place; the next four numbers are written, too */
MD_INLINE void tanh_of(double *p, int64_t n)
{
    const vr one = r_set1(1.0);
    v_store(p + n, v_set1(0.0));
    for (int64_t h = 0; h < n; h += LANES) {
        const vr own = r_load(p + h), e = v_exp(r_set1(-2.0) * v_abs(own)), t = (one - e) / (one + e);
        r_store(p + h, (vr)((vi)t | ((vi)own & R_SIGN)));
    }
}

/* Sums over the lanes of four vectors, as r_sums */
MD_INLINE v4d v_sums(v4d a, v4d b, v4d c, v4d d)
{
#if LANE_BYTES == 64
    const v4d ab = V_SHUFFLE(a, b, 0, 4, 2, 6) + V_SHUFFLE(a, b, 1, 5, 3, 7);
    const v4d cd = V_SHUFFLE(c, d, 0, 4, 2, 6) + V_SHUFFLE(c, d, 1, 5, 3, 7);
    return V_SHUFFLE(ab, cd, 0, 1, 4, 5) + V_SHUFFLE(ab, cd, 2, 3, 6, 7);
#else
    return r_sums(a, b, c, d);
#endif
}

/* `many` times four columns of `atoms` rows x [n]: to [from `at` on] = start + x w [n][wide]; even and odd rows of w apart, for the
 * sake of latency */
MD_INLINE void columns(int64_t n, int64_t wide, const double *const *x, const double *w, const double *start, void *to,
                       const int64_t *at, int64_t bytes, const int atoms, const int many)
{
    v4d even[2][4], odd[2][4];
    for (int a = 0; a < atoms; a++)
        for (int q = 0; q < many; q++)
            even[a][q] = start ? v_load(start + 4 * q) : v_set1(0.0), odd[a][q] = v_set1(0.0);
    for (int64_t c = 0; c < n; c += 2)
        for (int a = 0; a < atoms; a++)
            for (int q = 0; q < many; q++) {
                even[a][q] = v_fma(v_set1(x[a][c]), v_load(w + c * wide + 4 * q), even[a][q]);
                odd[a][q] = v_fma(v_set1(x[a][c + 1]), v_load(w + (c + 1) * wide + 4 * q), odd[a][q]);
            }
    for (int a = 0; a < atoms; a++)
        for (int q = 0; q < many; q++)
            put(to, at[a] + 4 * q, even[a][q] + odd[a][q], bytes);
}

/* to [wide, from `at` on] = start + x [n] w [n][wide]; n is even, wide a multiple of four; bytes: of the numbers of `to` */
static void forward_map(int64_t n, int64_t wide, const double *x, const double *w, const double *start, void *to, int64_t at,
                        int64_t bytes)
{
    int64_t k = 0;
    for (; k + 16 <= wide; k += 16)
        columns(n, wide, &x, w + k, start ? start + k : NULL, to, (int64_t[]){at + k}, bytes, 1, 4);
    for (; k < wide; k += 4)
        columns(n, wide, &x, w + k, start ? start + k : NULL, to, (int64_t[]){at + k}, bytes, 1, 1);
}

/* to [n] = start + w [n][wide] bar [wide]; n and wide are multiples of four */
static void backward_map(int64_t n, int64_t wide, const double *bar, const double *w, const double *start, double *to)
{
    for (int64_t c = 0; c < n; c += 4) {
        v4d sum[4] = {v_set1(0.0), v_set1(0.0), v_set1(0.0), v_set1(0.0)};
        for (int64_t k = 0; k < wide; k += 4)
            for (int q = 0; q < 4; q++)
                sum[q] = v_fma(v_load(bar + k), v_load(w + (c + q) * wide + k), sum[q]);
        v_store(to + c, (start ? v_load(start + c) : v_set1(0.0)) + v_sums(sum[0], sum[1], sum[2], sum[3]));
    }
}

/* Vectors v [3][channels] of layer t to the parts of message i that follow its first, or back */
static void send_vectors(const dn_model *it, int64_t t, int64_t i, const double *v, void *message, int64_t bytes)
{
    const int64_t K = it->n.channels;
    for (int m = 0; m < 3; m++)
        forward_map(K, K, v + m * K, it->layer[t].carry_vector, NULL, message, (i * it->n.parts + 1 + m) * K, bytes);
}

static void return_vectors(const dn_model *it, int64_t t, const double *pull, double *v_bar)
{
    const int64_t K = it->n.channels;
    for (int m = 0; m < 3; m++)
        backward_map(K, K, pull + (1 + m) * K, it->layer[t].carry_vector, NULL, v_bar + m * K);
}

/* The energy of an atom, and x_bar [n] = dE/dx */
static double readout(const dn_model *it, int64_t species, const double *x, double *x_bar)
{
    const int64_t n = it->n.layers * it->n.channels, hidden = it->n.hidden;
    const double *linear = it->linear + species * n, *w = it->hidden + species * n * hidden, *out = it->out + species * hidden;
    double p[DN_HIDDEN + 4];
    v4d sum = v_set1(0.0);
    forward_map(n, hidden, x, w, it->bias + species * hidden, p, 0, 8);
    tanh_of(p, hidden);
    for (int64_t h = 0; h < hidden; h += 4) {
        const v4d t = v_load(p + h), o = v_load(out + h);
        sum = v_fma(o, t, sum);
        v_store(p + h, o * (v_set1(1.0) - t * t));
    }
    for (int64_t c = 0; c < n; c += 4)
        sum = v_fma(v_load(linear + c), v_load(x + c), sum);
    backward_map(n, hidden, p, w, linear, x_bar);
    return it->energy[species] + v_sum(sum);
}

/* Of weight E + E_dot: x_bar, x_hat [n], and the derivatives that are added to `to` */
static void readout_dot(const dn_model *it, int64_t species, double weight, const double *x, const double *x_dot, double *x_bar,
                        double *x_hat, const dn_model *to)
{
    const int64_t n = it->n.layers * it->n.channels, hidden = it->n.hidden;
    const double *linear = it->linear + species * n, *w = it->hidden + species * n * hidden, *out = it->out + species * hidden;
    double *linear_bar = to->linear + species * n, *w_bar = to->hidden + species * n * hidden;
    double *bias_bar = to->bias + species * hidden, *out_bar = to->out + species * hidden;
    const v4d a = v_set1(weight), one = v_set1(1.0);
    double own[2][DN_HIDDEN + 4];
    v4d p[DN_HIDDEN / 4], rate[DN_HIDDEN / 4];
    forward_map(n, hidden, x, w, it->bias + species * hidden, own[0], 0, 8);
    forward_map(n, hidden, x_dot, w, NULL, own[1], 0, 8);
    tanh_of(own[0], hidden);
    for (int64_t h = 0; h < hidden / 4; h++) {
        const v4d t = v_load(own[0] + 4 * h), slope = one - t * t, o = v_load(out + 4 * h), t_dot = v_load(own[1] + 4 * h);
        v_store(out_bar + 4 * h, v_load(out_bar + 4 * h) + v_fma(a, t, slope * t_dot));
        p[h] = o * slope * (a - (t + t) * t_dot); /* p_bar */
        rate[h] = o * slope;                      /* p_hat */
        v_store(bias_bar + 4 * h, v_load(bias_bar + 4 * h) + p[h]);
    }
    for (int64_t c = 0; c < n; c++) {
        v4d bar = v_set1(0.0), hat = bar;
        for (int64_t h = 0; h < hidden / 4; h++) {
            double *own = w_bar + c * hidden + 4 * h;
            const v4d m = v_load(w + c * hidden + 4 * h);
            bar = v_fma(p[h], m, bar);
            hat = v_fma(rate[h], m, hat);
            v_store(own, v_fma(v_set1(x[c]), p[h], v_fma(v_set1(x_dot[c]), rate[h], v_load(own))));
        }
        x_bar[c] = weight * linear[c] + v_sum(bar);
        x_hat[c] = linear[c] + v_sum(hat);
        linear_bar[c] += weight * x[c] + x_dot[c];
    }
    to->energy[species] += weight;
}
