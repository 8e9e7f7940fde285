/* Invariant products of the densities of a block of channels, by the program that is told (density.h); a part of channels.c.
 *
 * With X = [A, P, 1], the pairs P and a row of ones after the densities A, features are m = 1/2 X . Q, Q = W X, with a symmetric W
 * of weights. So Q is the slope of m before that of the pairs is known, and what m costs is a part of what its slope costs.
 * x, q [n_x][LANES]. */

#define ROW(p, k) ((p) + (int64_t)(k) * LANES)
enum { SIDE = 4 }; /* most blocks side by side: so many numbers are read once for each term */

/* P of `many` blocks, n_x rows apart */
MD_INLINE void pairs_of(const dn_program *it, int64_t n_lm, int64_t n_x, REAL *x, const int many)
{
    const REAL *values = it->pair_values;
    for (int64_t k = 0; k < it->n_pair_terms;) {
        const int32_t dest = it->pairs[3 * k];
        vr sum[SIDE];
        for (int q = 0; q < many; q++)
            sum[q] = r_set1(0);
        for (; k < it->n_pair_terms && it->pairs[3 * k] == dest; k++) {
            const REAL *a = ROW(x, it->pairs[3 * k + 1]), *b = ROW(x, it->pairs[3 * k + 2]);
            const vr value = r_set1(values[k]);
            for (int q = 0; q < many; q++)
                sum[q] = r_fma(value * r_load(ROW(a, q * n_x)), r_load(ROW(b, q * n_x)), sum[q]);
        }
        for (int q = 0; q < many; q++)
            r_store(ROW(x, q * n_x + n_lm + dest), sum[q]);
    }
}

/* Q = W X, and m [many] = 1/2 X . Q; weights w of `many` blocks, too */
MD_INLINE void products(const dn_program *it, int64_t n_x, const REAL *w, const REAL *x, REAL *to, vr *m, const int many)
{
    const int64_t n_w = it->n_invariants;
    for (int q = 0; q < many; q++)
        m[q] = r_set1(0);
    for (int64_t row = 0, k = 0; row < n_x; row++) {
        vr sum[SIDE];
        for (int q = 0; q < many; q++)
            sum[q] = r_set1(0);
        for (; k < it->first_link[row + 1]; k++) {
            const REAL *weight = ROW(w, it->links[2 * k]), *other = ROW(x, it->links[2 * k + 1]);
            for (int q = 0; q < many; q++)
                sum[q] = r_fma(r_load(ROW(weight, q * n_w)), r_load(ROW(other, q * n_x)), sum[q]);
        }
        for (int q = 0; q < many; q++) {
            r_store(ROW(to, q * n_x + row), sum[q]);
            m[q] = r_fma(sum[q], r_load(ROW(x, q * n_x + row)), m[q]);
        }
    }
    for (int q = 0; q < many; q++)
        m[q] *= r_set1((REAL)0.5);
}

/* Slopes of [many][n_x][LANES], with respect to A and P as if they were independent, become those with respect to A, in the rows of A */
MD_INLINE void pairs_back(const dn_program *it, int64_t n_lm, int64_t n_x, const REAL *x, REAL *x_bar, const int many)
{
    const REAL *values = it->slope_values;
    const int32_t *own = it->slopes, *end = own + 3 * it->n_pair_terms;
    while (own < end) {
        const int32_t i = own[0];
        vr sum[SIDE], a[SIDE];
        for (int q = 0; q < many; q++)
            sum[q] = r_load(ROW(x_bar, q * n_x + i)), a[q] = r_load(ROW(x, q * n_x + i));
        while (own < end && own[0] == i) {
            const int32_t j = own[1];
            vr slope[SIDE];
            for (int q = 0; q < many; q++)
                slope[q] = r_set1(0);
            for (; own < end && own[0] == i && own[1] == j; own += 3, values++)
                for (int q = 0; q < many; q++)
                    slope[q] = r_fma(r_set1(*values), r_load(ROW(x_bar, q * n_x + n_lm + own[2])), slope[q]);
            for (int q = 0; q < many; q++)
                sum[q] = r_fma(slope[q], r_load(ROW(x, q * n_x + j)), sum[q]);
            for (int q = 0; j != i && q < many; q++) /* where j is i, values are twice those of the pair */
                r_store(ROW(x_bar, q * n_x + j), r_fma(slope[q], a[q], r_load(ROW(x_bar, q * n_x + j))));
        }
        for (int q = 0; q < many; q++)
            r_store(ROW(x_bar, q * n_x + i), sum[q]);
    }
}

/* v [3] = sum over vectors of w B, of one block */
MD_INLINE void vectors_of(const dn_program *it, const REAL *w, const REAL *x, vr *v)
{
    const REAL *vector_values = it->vector_values;
    v[0] = v[1] = v[2] = r_set1(0);
    for (int64_t k = 0; k < it->n_vector_terms; k++) {
        const int32_t *own = it->vectors + 3 * k;
        const vr a = r_set1(vector_values[k]) * r_load(ROW(w, own[0] / 3)) * r_load(ROW(x, own[1]));
        v[own[0] % 3] = own[2] < 0 ? v[own[0] % 3] + a : r_fma(a, r_load(ROW(x, own[2])), v[own[0] % 3]);
    }
}

/* x_bar += v_bar dv/dx */
MD_INLINE void vectors_back(const dn_program *it, const REAL *w, const REAL *x, const vr *v_bar, REAL *x_bar)
{
    const REAL *vector_values = it->vector_values;
    for (int64_t k = 0; k < it->n_vector_terms; k++) {
        const int32_t *own = it->vectors + 3 * k;
        const vr s = r_set1(vector_values[k]) * v_bar[own[0] % 3] * r_load(ROW(w, own[0] / 3));
        REAL *a = ROW(x_bar, own[1]), *b = ROW(x_bar, own[2]);
        if (own[2] < 0) {
            r_store(a, r_load(a) + s);
            continue;
        }
        r_store(a, r_fma(s, r_load(ROW(x, own[2])), r_load(a)));
        r_store(b, r_fma(s, r_load(ROW(x, own[1])), r_load(b)));
    }
}

/* Q in x_bar [many][n_x][LANES] becomes m_bar dm/dA, in the rows of A, and v_bar [many][3] dv/dA is added unless vector, the weights,
 * is NULL */
MD_INLINE void products_back(const dn_program *it, int64_t n_lm, int64_t n_x, const REAL *vector, const REAL *x, const vr *m_bar,
                             const vr *v_bar, REAL *x_bar, const int many)
{
    pairs_back(it, n_lm, n_x, x, x_bar, many);
    for (int64_t row = 0; row < n_lm; row++)
        for (int q = 0; q < many; q++)
            r_store(ROW(x_bar, q * n_x + row), m_bar[q] * r_load(ROW(x_bar, q * n_x + row)));
    for (int q = 0; vector && q < many; q++)
        vectors_back(it, ROW(vector, q * it->n_vectors), ROW(x, q * n_x), v_bar + 3 * q, ROW(x_bar, q * n_x));
}

/* m_dot along x_dot, whose pairs are added; q is that of `products` */
MD_INLINE vr products_dot(const dn_program *it, int64_t n_lm, int64_t n_x, const REAL *q, const REAL *x, REAL *x_dot)
{
    const REAL *values = it->pair_values;
    for (int64_t k = 0; k < it->n_pair_terms;) {
        const int32_t dest = it->pairs[3 * k];
        vr sum = r_set1(0);
        for (; k < it->n_pair_terms && it->pairs[3 * k] == dest; k++) {
            const int32_t *own = it->pairs + 3 * k;
            const vr both = r_fma(r_load(ROW(x, own[1])), r_load(ROW(x_dot, own[2])),
                                  r_load(ROW(x_dot, own[1])) * r_load(ROW(x, own[2])));
            sum = r_fma(r_set1(values[k]), both, sum);
        }
        r_store(ROW(x_dot, n_lm + dest), sum);
    }
    vr m = r_set1(0);
    for (int64_t row = 0; row < n_x; row++)
        m = r_fma(r_load(ROW(q, row)), r_load(ROW(x_dot, row)), m);
    return m;
}

/* v_dot [3] along x_dot */
MD_INLINE void vectors_dot(const dn_program *it, const REAL *w, const REAL *x, const REAL *x_dot, vr *v_dot)
{
    const REAL *vector_values = it->vector_values;
    v_dot[0] = v_dot[1] = v_dot[2] = r_set1(0);
    for (int64_t k = 0; k < it->n_vector_terms; k++) {
        const int32_t *own = it->vectors + 3 * k;
        vr both = r_load(ROW(x_dot, own[1]));
        if (own[2] >= 0)
            both = r_fma(both, r_load(ROW(x, own[2])), r_load(ROW(x, own[1])) * r_load(ROW(x_dot, own[2])));
        v_dot[own[0] % 3] = r_fma(r_set1(vector_values[k]) * r_load(ROW(w, own[0] / 3)), both, v_dot[own[0] % 3]);
    }
}

/* Of vectors: the derivatives of v_bar v + v_hat v_dot are added to x_bar, to x_hat, and to vector_bar, those by the weights */
MD_INLINE void vectors_dot_back(const dn_program *it, const REAL *w, const REAL *x, const REAL *x_dot, const vr *v_bar,
                                const vr *v_hat, REAL *x_bar, REAL *x_hat, REAL *w_bar)
{
    const REAL *values = it->vector_values;
    for (int64_t k = 0; k < it->n_vector_terms; k++) {
        const int32_t *own = it->vectors + 3 * k, eta = own[0] / 3, m = own[0] % 3;
        const vr value = r_set1(values[k]), weight = value * r_load(ROW(w, eta)), q = weight * v_bar[m], p = weight * v_hat[m];
        const vr a = r_load(ROW(x, own[1])), ad = r_load(ROW(x_dot, own[1]));
        REAL *ab = ROW(x_bar, own[1]), *ah = ROW(x_hat, own[1]), *to = ROW(w_bar, eta);
        if (own[2] < 0) {
            r_store(ab, r_load(ab) + q);
            r_store(ah, r_load(ah) + p);
            r_store(to, r_fma(value, r_fma(v_bar[m], a, v_hat[m] * ad), r_load(to)));
            continue;
        }
        const vr b = r_load(ROW(x, own[2])), bd = r_load(ROW(x_dot, own[2]));
        REAL *bb = ROW(x_bar, own[2]), *bh = ROW(x_hat, own[2]);
        r_store(ab, r_fma(q, b, r_fma(p, bd, r_load(ab))));
        r_store(bb, r_fma(q, a, r_fma(p, ad, r_load(bb))));
        r_store(ah, r_fma(p, b, r_load(ah)));
        r_store(bh, r_fma(p, a, r_load(bh)));
        r_store(to, r_fma(value, r_fma(v_bar[m], a * b, v_hat[m] * r_fma(a, bd, ad * b)), r_load(to)));
    }
}

/* Q in x_bar becomes the derivatives of m_bar m + m_hat m_dot with respect to A, in its rows; x_hat likewise those with respect to A_dot;
 * derivatives by the weights are added to w_bar. Likewise of v, unless vector, its weights, is NULL. */
MD_INLINE void products_dot_back(const dn_program *it, int64_t n_lm, int64_t n_x, const REAL *w, const REAL *vector, const REAL *x,
                                 const REAL *x_dot, vr m_bar, vr m_hat, const vr *v_bar, const vr *v_hat, REAL *x_bar, REAL *x_hat,
                                 REAL *w_bar, REAL *vector_bar)
{
    for (int64_t row = 0, k = 0; row < n_x; row++) {
        const vr own = r_load(ROW(x_bar, row));
        vr rate = r_set1(0); /* of Q */
        for (; k < it->first_link[row + 1]; k++)
            rate = r_fma(r_load(ROW(w, it->links[2 * k])), r_load(ROW(x_dot, it->links[2 * k + 1])), rate);
        r_store(ROW(x_bar, row), r_fma(m_bar, own, m_hat * rate));
        r_store(ROW(x_hat, row), m_hat * own);
    }
    for (int64_t k = 0; k < it->n_terms;) {
        const int32_t eta = it->terms[3 * k];
        vr b = r_set1(0), rate = r_set1(0);
        for (; k < it->n_terms && it->terms[3 * k] == eta; k++) {
            const int32_t *own = it->terms + 3 * k;
            const vr one = r_load(ROW(x, own[1])), two = r_load(ROW(x, own[2]));
            b = r_fma(one, two, b);
            rate = r_fma(one, r_load(ROW(x_dot, own[2])), r_fma(two, r_load(ROW(x_dot, own[1])), rate));
        }
        r_store(ROW(w_bar, eta), r_fma(m_bar, b, r_fma(m_hat, rate, r_load(ROW(w_bar, eta)))));
    }
    const REAL *values = it->slope_values;
    const int32_t *own = it->slopes, *end = own + 3 * it->n_pair_terms;
    while (own < end) {
        const int32_t i = own[0], j = own[1];
        vr bar = r_set1(0), hat = r_set1(0);
        for (; own < end && own[0] == i && own[1] == j; own += 3, values++) {
            bar = r_fma(r_set1(*values), r_load(ROW(x_bar, n_lm + own[2])), bar);
            hat = r_fma(r_set1(*values), r_load(ROW(x_hat, n_lm + own[2])), hat);
        }
        for (int side = 0; side < 1 + (i != j); side++) {
            const int32_t to = side ? j : i, from = side ? i : j;
            r_store(ROW(x_bar, to), r_fma(bar, r_load(ROW(x, from)), r_fma(hat, r_load(ROW(x_dot, from)), r_load(ROW(x_bar, to)))));
            r_store(ROW(x_hat, to), r_fma(hat, r_load(ROW(x, from)), r_load(ROW(x_hat, to))));
        }
    }
    if (vector)
        vectors_dot_back(it, vector, x, x_dot, v_bar, v_hat, x_bar, x_hat, vector_bar);
}
