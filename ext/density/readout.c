/* From features x [c] of an atom to its energy and to the messages that it sends; a part of density.c.
 *
 * E = energy + linear x + out . tanh(bias + x hidden) */

MD_INLINE v4d v_tanh(v4d p)
{
    const v4d one = v_set1(1.0), e = v_exp(v_set1(-2.0) * v_abs(p)), t = (one - e) / (one + e);
    return (v4d)((v4i)t | ((v4i)p & R_SIGN));
}

/* to [channels] = start + x [n] carry [n][channels] */
static void carried(int64_t n, int64_t channels, const double *x, const double *carry, const double *start, double *to)
{
    for (int64_t k = 0; k < channels; k += 16) {
        v4d sum[4];
        for (int q = 0; q < 4; q++)
            sum[q] = start ? v_load(start + k + 4 * q) : v_set1(0.0);
        for (int64_t c = 0; c < n; c++)
            for (int q = 0; q < 4; q++)
                sum[q] = v_fma(v_set1(x[c]), v_load(carry + c * channels + k + 4 * q), sum[q]);
        for (int q = 0; q < 4; q++)
            v_store(to + k + 4 * q, sum[q]);
    }
}

/* x_bar [n] += carry [n][channels] g_bar */
static void carried_back(int64_t n, int64_t channels, const double *g_bar, const double *carry, double *x_bar)
{
    for (int64_t c = 0; c < n; c++) {
        v4d sum = v_set1(0.0);
        for (int64_t k = 0; k < channels; k += 4)
            sum = v_fma(v_load(g_bar + k), v_load(carry + c * channels + k), sum);
        x_bar[c] += v_sum(sum);
    }
}

enum { DN_HIDDEN = 128 };

/* p [hidden] = start + x [n] hidden */
static void hidden_of(int64_t n, int64_t hidden, const double *x, const double *w, const double *start, v4d *p)
{
    for (int64_t h = 0; h < hidden / 4; h++)
        p[h] = start ? v_load(start + 4 * h) : v_set1(0.0);
    for (int64_t c = 0; c < n; c++)
        for (int64_t h = 0; h < hidden / 4; h++)
            p[h] = v_fma(v_set1(x[c]), v_load(w + c * hidden + 4 * h), p[h]);
}

/* The energy of an atom, and x_bar [n] = dE/dx */
static double readout(const dn_model *it, int64_t species, const double *x, double *x_bar)
{
    const int64_t n = it->n.layers * it->n.channels, hidden = it->n.hidden;
    const double *linear = it->linear + species * n, *w = it->hidden + species * n * hidden, *out = it->out + species * hidden;
    v4d p[DN_HIDDEN / 4], sum = v_set1(0.0);
    hidden_of(n, hidden, x, w, it->bias + species * hidden, p);
    for (int64_t h = 0; h < hidden / 4; h++) {
        const v4d t = v_tanh(p[h]), o = v_load(out + 4 * h);
        sum = v_fma(o, t, sum);
        p[h] = o * (v_set1(1.0) - t * t);
    }
    for (int64_t c = 0; c < n; c += 4)
        sum = v_fma(v_load(linear + c), v_load(x + c), sum);
    for (int64_t c = 0; c < n; c++) {
        v4d back = v_set1(0.0);
        for (int64_t h = 0; h < hidden / 4; h++)
            back = v_fma(p[h], v_load(w + c * hidden + 4 * h), back);
        x_bar[c] = linear[c] + v_sum(back);
    }
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
    v4d p[DN_HIDDEN / 4], rate[DN_HIDDEN / 4];
    hidden_of(n, hidden, x, w, it->bias + species * hidden, p);
    hidden_of(n, hidden, x_dot, w, NULL, rate);
    for (int64_t h = 0; h < hidden / 4; h++) {
        const v4d t = v_tanh(p[h]), slope = one - t * t, o = v_load(out + 4 * h);
        v_store(out_bar + 4 * h, v_load(out_bar + 4 * h) + v_fma(a, t, slope * rate[h]));
        p[h] = o * slope * (a - (t + t) * rate[h]); /* p_bar */
        rate[h] = o * slope;                        /* p_hat */
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
