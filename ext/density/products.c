/* Invariant products of the densities of a block of channels, by the program that is told (density.h); a part of channels.c.
 *
 * x [n_x][LANES]: A, which is given, and the pairs P, which `products` adds. */

#define ROW(p, k) ((p) + (int64_t)(k) * LANES)
enum { SIDE = 4 }; /* most blocks side by side: so many numbers are read once for each term */

/* P of `many` blocks, n_x rows apart */
MD_INLINE void pairs_of(const dn_program *it, int64_t n_lm, int64_t n_x, REAL *x, const int many)
{
    const REAL *pair_values = it->pair_values;
    for (int64_t k = 0; k < it->n_pair_terms;) {
        const int32_t dest = it->pairs[3 * k];
        vr sum[SIDE];
        for (int q = 0; q < many; q++)
            sum[q] = r_set1(0);
        for (; k < it->n_pair_terms && it->pairs[3 * k] == dest; k++) {
            const REAL *a = ROW(x, it->pairs[3 * k + 1]), *b = ROW(x, it->pairs[3 * k + 2]);
            const vr value = r_set1(pair_values[k]);
            for (int q = 0; q < many; q++)
                sum[q] = r_fma(value * r_load(ROW(a, q * n_x)), r_load(ROW(b, q * n_x)), sum[q]);
        }
        for (int q = 0; q < many; q++)
            r_store(ROW(x, q * n_x + n_lm + dest), sum[q]);
    }
}

/* m [many] = sum over invariants of w B; w of `many` blocks, too */
MD_INLINE void products(const dn_program *it, int64_t n_x, const REAL *w, const REAL *x, vr *m, const int many)
{
    const REAL *term_values = it->term_values;
    const int64_t n_w = it->n_invariants;
    for (int q = 0; q < many; q++)
        m[q] = r_set1(0);
    for (int64_t k = 0; k < it->n_terms;) {
        const int32_t eta = it->terms[3 * k];
        vr sum[SIDE];
        for (int q = 0; q < many; q++)
            sum[q] = r_set1(0);
        for (; k < it->n_terms && it->terms[3 * k] == eta; k++) {
            const int32_t other = it->terms[3 * k + 2];
            const REAL *a = ROW(x, it->terms[3 * k + 1]), *b = ROW(x, other);
            const vr value = r_set1(term_values[k]);
            for (int q = 0; q < many; q++) {
                const vr own = value * r_load(ROW(a, q * n_x));
                sum[q] = other < 0 ? sum[q] + own : r_fma(own, r_load(ROW(b, q * n_x)), sum[q]);
            }
        }
        for (int q = 0; q < many; q++)
            m[q] = r_fma(r_load(ROW(w, q * n_w + eta)), sum[q], m[q]);
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

/* x_bar [many][n_x][LANES] = m_bar dm/dx, and v_bar [many][3] dv/dx unless vector, the weights, is NULL */
MD_INLINE void products_back(const dn_program *it, int64_t n_lm, int64_t n_x, const REAL *w, const REAL *vector, const REAL *x,
                             const vr *m_bar, const vr *v_bar, REAL *x_bar, const int many)
{
    const REAL *pair_values = it->pair_values;
    const REAL *term_values = it->term_values;
    const int64_t n_w = it->n_invariants;
    memset(x_bar, 0, (size_t)(many * n_x * LANES) * sizeof(REAL));
    for (int64_t k = 0; k < it->n_terms; k++) {
        const int32_t *own = it->terms + 3 * k;
        const vr value = r_set1(term_values[k]);
        for (int q = 0; q < many; q++) {
            const vr s = value * m_bar[q] * r_load(ROW(w, q * n_w + own[0]));
            REAL *a = ROW(x_bar, q * n_x + own[1]), *b = ROW(x_bar, q * n_x + own[2]);
            if (own[2] < 0) {
                r_store(a, r_load(a) + s);
                continue;
            }
            r_store(a, r_fma(s, r_load(ROW(x, q * n_x + own[2])), r_load(a)));
            r_store(b, r_fma(s, r_load(ROW(x, q * n_x + own[1])), r_load(b)));
        }
    }
    for (int q = 0; vector && q < many; q++)
        vectors_back(it, ROW(vector, q * it->n_vectors), ROW(x, q * n_x), v_bar + 3 * q, ROW(x_bar, q * n_x));
    for (int64_t k = 0; k < it->n_pair_terms; k++) {
        const int32_t *own = it->pairs + 3 * k;
        const vr value = r_set1(pair_values[k]);
        for (int q = 0; q < many; q++) {
            const vr s = value * r_load(ROW(x_bar, q * n_x + n_lm + own[0]));
            REAL *a = ROW(x_bar, q * n_x + own[1]), *b = ROW(x_bar, q * n_x + own[2]);
            r_store(a, r_fma(s, r_load(ROW(x, q * n_x + own[2])), r_load(a)));
            r_store(b, r_fma(s, r_load(ROW(x, q * n_x + own[1])), r_load(b)));
        }
    }
}

/* m_dot along x_dot, whose pairs are added; after `products` */
MD_INLINE vr products_dot(const dn_program *it, int64_t n_lm, const REAL *w, const REAL *x, REAL *x_dot)
{
    const REAL *pair_values = it->pair_values;
    const REAL *term_values = it->term_values;
    for (int64_t k = 0; k < it->n_pair_terms;) {
        const int32_t dest = it->pairs[3 * k];
        vr sum = r_set1(0);
        for (; k < it->n_pair_terms && it->pairs[3 * k] == dest; k++) {
            const int32_t *own = it->pairs + 3 * k;
            const vr both = r_fma(r_load(ROW(x, own[1])), r_load(ROW(x_dot, own[2])),
                                  r_load(ROW(x_dot, own[1])) * r_load(ROW(x, own[2])));
            sum = r_fma(r_set1(pair_values[k]), both, sum);
        }
        r_store(ROW(x_dot, n_lm + dest), sum);
    }
    vr m = r_set1(0);
    for (int64_t k = 0; k < it->n_terms; k++) {
        const int32_t *own = it->terms + 3 * k;
        vr both = r_load(ROW(x_dot, own[1]));
        if (own[2] >= 0)
            both = r_fma(both, r_load(ROW(x, own[2])), r_load(ROW(x, own[1])) * r_load(ROW(x_dot, own[2])));
        m = r_fma(r_set1(term_values[k]) * r_load(ROW(w, own[0])), both, m);
    }
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

/* One term of `value` times w m: m_bar and m_hat are of what it is added to */
MD_INLINE void term_dot_back(const int32_t *own, vr value, const REAL *w, const REAL *x, const REAL *x_dot, vr m_bar, vr m_hat,
                             REAL *x_bar, REAL *x_hat, REAL *w_bar)
{
    const vr weight = value * r_load(w), q = weight * m_bar, p = weight * m_hat;
    const vr a = r_load(ROW(x, own[1])), ad = r_load(ROW(x_dot, own[1]));
    REAL *ab = ROW(x_bar, own[1]), *ah = ROW(x_hat, own[1]);
    if (own[2] < 0) {
        r_store(ab, r_load(ab) + q);
        r_store(ah, r_load(ah) + p);
        r_store(w_bar, r_fma(value, r_fma(m_bar, a, m_hat * ad), r_load(w_bar)));
        return;
    }
    const vr b = r_load(ROW(x, own[2])), bd = r_load(ROW(x_dot, own[2]));
    REAL *bb = ROW(x_bar, own[2]), *bh = ROW(x_hat, own[2]);
    r_store(ab, r_fma(q, b, r_fma(p, bd, r_load(ab))));
    r_store(bb, r_fma(q, a, r_fma(p, ad, r_load(bb))));
    r_store(ah, r_fma(p, b, r_load(ah)));
    r_store(bh, r_fma(p, a, r_load(bh)));
    r_store(w_bar, r_fma(value, r_fma(m_bar, a * b, m_hat * r_fma(a, bd, ad * b)), r_load(w_bar)));
}

/* The derivatives of m_bar m + m_hat m_dot with respect to x (x_bar), x_dot (x_hat), and w, added to w_bar; likewise of v, unless
 * vector, its weights, is NULL */
MD_INLINE void products_dot_back(const dn_program *it, int64_t n_lm, int64_t n_x, const REAL *w, const REAL *vector, const REAL *x,
                                 const REAL *x_dot, vr m_bar, vr m_hat, const vr *v_bar, const vr *v_hat, REAL *x_bar, REAL *x_hat,
                                 REAL *w_bar, REAL *vector_bar)
{
    const REAL *pair_values = it->pair_values;
    const REAL *term_values = it->term_values;
    const REAL *vector_values = it->vector_values;
    memset(x_bar, 0, (size_t)(n_x * LANES) * sizeof(REAL));
    memset(x_hat, 0, (size_t)(n_x * LANES) * sizeof(REAL));
    for (int64_t k = 0; k < it->n_terms; k++) {
        const int32_t *own = it->terms + 3 * k;
        term_dot_back(own, r_set1(term_values[k]), ROW(w, own[0]), x, x_dot, m_bar, m_hat, x_bar, x_hat,
                      ROW(w_bar, own[0]));
    }
    for (int64_t k = 0; vector && k < it->n_vector_terms; k++) {
        const int32_t *own = it->vectors + 3 * k, eta = own[0] / 3, m = own[0] % 3;
        term_dot_back(own, r_set1(vector_values[k]), ROW(vector, eta), x, x_dot, v_bar[m], v_hat[m], x_bar, x_hat,
                      ROW(vector_bar, eta));
    }
    for (int64_t k = 0; k < it->n_pair_terms; k++) {
        const int32_t *own = it->pairs + 3 * k;
        const vr value = r_set1(pair_values[k]);
        const vr q = value * r_load(ROW(x_bar, n_lm + own[0])), p = value * r_load(ROW(x_hat, n_lm + own[0]));
        const vr a = r_load(ROW(x, own[1])), ad = r_load(ROW(x_dot, own[1]));
        const vr b = r_load(ROW(x, own[2])), bd = r_load(ROW(x_dot, own[2]));
        REAL *ab = ROW(x_bar, own[1]), *ah = ROW(x_hat, own[1]), *bb = ROW(x_bar, own[2]), *bh = ROW(x_hat, own[2]);
        r_store(ab, r_fma(q, b, r_fma(p, bd, r_load(ab))));
        r_store(bb, r_fma(q, a, r_fma(p, ad, r_load(bb))));
        r_store(ah, r_fma(p, b, r_load(ah)));
        r_store(bh, r_fma(p, a, r_load(bh)));
    }
}
