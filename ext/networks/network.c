/* What does a network answer, and how does the answer follow its inputs?
 *
 * Layers y = f(x W + b), one number at the end. Lanes are the outputs of a layer; the sum over inputs runs in
 * order, so an atom's result does not depend on its batch. */
#include "core/vfun.h"
#include "networks/hdnnp.h"

static inline int64_t wide(int64_t n) { return (n + 3) & ~INT64_C(3); }

/* out[0 .. 4 count) = (bias +) sum_i x_i w[i] */
MD_INLINE void product_tile(const double *MD_RESTRICT w, int64_t stride, const double *MD_RESTRICT bias,
                            const double *MD_RESTRICT x, int64_t n_in, double *MD_RESTRICT out, const int count)
{
    v4d sum[4];
    for (int t = 0; t < count; t++)
        sum[t] = bias ? v_load(bias + 4 * t) : v_set1(0.0);
    for (int64_t i = 0; i < n_in; i++) {
        const v4d xi = v_set1(x[i]);
        for (int t = 0; t < count; t++)
            sum[t] = v_fma(v_load(w + i * stride + 4 * t), xi, sum[t]);
    }
    for (int t = 0; t < count; t++)
        v_store(out + 4 * t, sum[t]);
}

static void product(const double *w, int64_t stride, const double *bias, const double *x, int64_t n_in, double *out)
{
    for (int64_t o = 0; o < stride; o += 16) {
        const double *b = bias ? bias + o : NULL;
        switch ((stride - o) / 4) {
        case 1: product_tile(w + o, stride, b, x, n_in, out + o, 1); break;
        case 2: product_tile(w + o, stride, b, x, n_in, out + o, 2); break;
        case 3: product_tile(w + o, stride, b, x, n_in, out + o, 3); break;
        default: product_tile(w + o, stride, b, x, n_in, out + o, 4);
        }
    }
}

/* f and f' of activation number `kind` in "ltsprgcSeh" */
MD_INLINE void activation_at(const int kind, v4d x, v4d *f, v4d *df)
{
    const v4d one = v_set1(1.0), two = v_set1(2.0), zero = v_set1(0.0);
    switch (kind) {
    case 1: { /* tanh: (1 - e)/(1 + e), e = exp(-2 |x|) */
        const v4d e = v_exp(v_set1(-2.0) * v_abs(x)), t = (one - e) / (one + e);
        *f = (v4d)((v4i)t | ((v4i)x & INT64_MIN));
        *df = v_fma(-t, t, one);
        break;
    }
    case 2:   /* logistic */
    case 3:   /* softplus */
    case 7: { /* 1 - logistic */
        const v4d e = v_exp(-v_abs(x)), small = e / (one + e), large = one / (one + e);
        const v4i positive = (v4i)(x > zero);
        const v4d s = v_select(positive, large, small);
        *f = kind == 2 ? s : kind == 3 ? v_larger(x, zero) + v_log1p(e) : v_select(positive, small, large);
        *df = kind == 3 ? s : kind == 2 ? small * large : -(small * large);
        break;
    }
    case 4: *f = v_larger(x, zero), *df = v_select((v4i)(x > zero), one, zero); break;
    case 5: *f = v_exp(v_set1(-0.5) * x * x), *df = -x * *f; break;
    case 6: v_cos_sin(x, f, df), *df = -*df; break;
    case 8: *f = v_exp(-x), *df = -*f; break;
    case 9: *f = x * x, *df = two * x; break;
    default: *f = x, *df = one;
    }
}

/* z becomes f(z); df gets f'(z) */
static void activate(int kind, int64_t n, double *MD_RESTRICT z, double *MD_RESTRICT df)
{
#define CASE(kind)                                                                                             \
    case kind:                                                                                                 \
        for (int64_t t = 0; t < n; t += 4) {                                                                   \
            v4d f, d;                                                                                          \
            activation_at(kind, v_load(z + t), &f, &d);                                                        \
            v_store(z + t, f);                                                                                 \
            v_store(df + t, d);                                                                                \
        }                                                                                                      \
        break
    switch (kind) {
        CASE(0); CASE(1); CASE(2); CASE(3); CASE(4); CASE(5); CASE(6); CASE(7); CASE(8); CASE(9);
    }
#undef CASE
}

/* energy [n] and de_dx [n][wide(n_in)] of inputs x [n][wide(n_in)]; work [network_work] */
static void network(const hd_network *net, int64_t n, const double *x, double *energy, double *de_dx, double *work)
{
    const int64_t row = wide(net->layers[0].n_in), last = net->n_layers - 1;
    double *slopes = work + net->n_layers * net->widest, *delta = slopes + net->n_layers * net->widest;
    for (int64_t a = 0; a < n; a++) {
        const double *in = x + a * row;
        for (int64_t m = 0; m <= last; m++) {
            const hd_layer *layer = net->layers + m;
            double *y = work + m * net->widest;
            product(layer->weights, wide(layer->n_out), layer->biases, in, layer->n_in, y);
            activate(layer->activation, wide(layer->n_out), y, slopes + m * net->widest);
            in = y;
        }
        energy[a] = in[0];
        delta[0] = 1.0;
        for (int64_t m = last; m >= 0; m--) { /* dE/dz = f' dE/dy; dE/dx = W dE/dz */
            const hd_layer *layer = net->layers + m;
            double *slope = slopes + m * net->widest;
            for (int64_t o = 0; o < layer->n_out; o++)
                slope[o] *= delta[o];
            product(layer->transposed, wide(layer->n_in), NULL, slope, layer->n_out, m ? delta : de_dx + a * row);
        }
    }
}
