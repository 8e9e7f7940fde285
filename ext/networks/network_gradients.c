/* How must the parameters of a network change, when a loss looks at energies and forces?
 *
 * L = sum_i (a_i E(x_i) + v_i . dE/dx(x_i)), exactly, in one pass over blocks of atoms. The second term is the
 * derivative of E along v: each layer carries the tangent dy beside y, and one reverse pass through both gives
 * dL/dw and dL/dx (B. A. Pearlmutter, Neural Comput. 6, 147 (1994)). For a layer z = y W + b, y' = f(z):
 *
 *   forward   dz = dy W,                                            dy' = f' dz
 *   reverse   Z  = f' Y' + f'' dz D',   dZ = f' D',                 where Y = dL/dy, D = dL/d(dy) = dE/dy
 *             dL/dW = y^T Z + dy^T dZ,  dL/db = sum Z,              Y = Z W^T, D = dZ W^T
 *
 * An atom is two lines of every matrix, (y, dy), (f', f'' dz), (Z, dZ), or one where there is no v; so each
 * formula is one product of matrices. A column of (1, 0) behind y makes the biases one more row of dL/dW. Lanes
 * are columns of a product; its sums run over inputs, or over atoms, in order: E and dE/dx are the bits of
 * `network`, and no result depends on where blocks begin. */
#include "core/vfun.h"
#include "networks/hdnnp.h"

enum { ATOMS = 24 }; /* in a block: a multiple of the heights of tiles; the block stays in the second-level cache */

/* Columns of a block's matrix for n numbers and the column of biases. */
static inline int64_t columns_of(int64_t n) { return wide(n + 1); }

/* Doubles of work memory `network_gradients` needs. */
static int64_t gradients_work(const hd_network *net)
{
    const int64_t lines = 2 * ATOMS;
    int64_t total = lines * (columns_of(net->layers[0].n_in) + columns_of(net->widest));
    for (int64_t m = 0; m < net->n_layers; m++) {
        const hd_layer *layer = net->layers + m;
        total += 2 * lines * columns_of(layer->n_out) + (layer->n_in + 1) * wide(layer->n_out);
    }
    return total;
}

/* A matrix in memory: element (i, k) is at[i row + k step]. */
typedef struct {
    const double *at;
    int64_t row, step;
} hd_matrix;

/* Vectors of products: eight doubles where registers are that wide, the last ones of a row by a mask. */
#if defined(__AVX512F__)
enum { P_LANES = 8, HEIGHT_2 = 8, HEIGHT_3 = 8, HEIGHT_4 = 6 }; /* of tiles 2, 3, 4 vectors wide */
typedef __m512d p_vector;
typedef __mmask8 p_mask;
MD_INLINE p_mask first_lanes(int64_t n) { return n < 8 ? (p_mask)((1u << n) - 1) : 0xff; }
MD_INLINE p_vector p_load(const double *at, p_mask m) { return _mm512_maskz_loadu_pd(m, at); }
MD_INLINE void p_store(double *at, p_mask m, p_vector a) { _mm512_mask_storeu_pd(at, m, a); }
MD_INLINE p_vector p_set1(double a) { return _mm512_set1_pd(a); }
MD_INLINE p_vector p_fma(p_vector a, p_vector b, p_vector c) { return _mm512_fmadd_pd(a, b, c); }
#else
enum { P_LANES = 4, HEIGHT_2 = 6, HEIGHT_3 = 4, HEIGHT_4 = 3 };
typedef v4d p_vector;
typedef int p_mask;
MD_INLINE p_mask first_lanes(int64_t n) { return (int)n; } /* always four */
MD_INLINE p_vector p_load(const double *at, p_mask m) { return (void)m, v_load(at); }
MD_INLINE void p_store(double *at, p_mask m, p_vector a) { (void)m, v_store(at, a); }
MD_INLINE p_vector p_set1(double a) { return v_set1(a); }
MD_INLINE p_vector p_fma(p_vector a, p_vector b, p_vector c) { return v_fma(a, b, c); }
#endif

/* out[r][0 .. columns) (+)= sum_k a(r, k) b[k][0 .. columns), r < n_rows: one tile, held in registers; `last` are
 * the lanes of the last of its n_vectors columns of vectors */
MD_INLINE void tile(const int n_rows, const int n_vectors, const int add, p_mask last, int64_t n_k, hd_matrix a,
                    const double *b, int64_t b_row, double *out, int64_t out_row)
{
    p_vector sum[8][4], bk[4];
    p_mask lanes[4];
#pragma GCC unroll 4
    for (int c = 0; c < n_vectors; c++)
        lanes[c] = c + 1 < n_vectors ? first_lanes(P_LANES) : last;
#pragma GCC unroll 8
    for (int r = 0; r < n_rows; r++)
#pragma GCC unroll 4
        for (int c = 0; c < n_vectors; c++)
            sum[r][c] = add ? p_load(out + r * out_row + P_LANES * c, lanes[c]) : p_set1(0.0);
    for (int64_t k = 0; k < n_k; k++, a.at += a.step, b += b_row) {
#pragma GCC unroll 4
        for (int c = 0; c < n_vectors; c++)
            bk[c] = p_load(b + P_LANES * c, lanes[c]);
#pragma GCC unroll 8
        for (int r = 0; r < n_rows; r++)
#pragma GCC unroll 4
            for (int c = 0; c < n_vectors; c++)
                sum[r][c] = p_fma(p_set1(a.at[r * a.row]), bk[c], sum[r][c]);
    }
#pragma GCC unroll 8
    for (int r = 0; r < n_rows; r++)
#pragma GCC unroll 4
        for (int c = 0; c < n_vectors; c++)
            p_store(out + r * out_row + P_LANES * c, lanes[c], sum[r][c]);
}

/* All of out, [n_rows][n_columns], in tiles: at most four vectors wide, as high as registers last. */
MD_INLINE void matrix_product(const int add, int64_t n_rows, int64_t n_columns, int64_t n_k, hd_matrix a,
                              const double *b, int64_t b_row, double *out, int64_t out_row)
{
#define TILES(height, width)                                                                                   \
    for (; n_rows - r >= height; r += height)                                                                  \
        tile(height, width, add, last, n_k, (hd_matrix){a.at + r * a.row, a.row, a.step}, b, b_row,            \
             out + r * out_row, out_row)
    for (int64_t left = (n_columns + P_LANES - 1) / P_LANES, take; left; left -= take, b += P_LANES * take) {
        take = left == 5 || left == 6 ? 3 : left < 4 ? left : 4; /* no narrow rest */
        const p_mask last = first_lanes(n_columns - P_LANES * (take - 1));
        int64_t r = 0;
        switch (take) {
        case 1: TILES(8, 1); TILES(2, 1); TILES(1, 1); break;
        case 2: TILES(HEIGHT_2, 2); TILES(2, 2); TILES(1, 2); break;
        case 3: TILES(HEIGHT_3, 3); TILES(2, 3); TILES(1, 3); break;
        default: TILES(HEIGHT_4, 4); TILES(2, 4); TILES(1, 4);
        }
        out += P_LANES * take;
        n_columns -= P_LANES * take;
    }
#undef TILES
}

static void set_product(int64_t n_rows, int64_t n_columns, int64_t n_k, hd_matrix a, const double *b, int64_t b_row,
                        double *out, int64_t out_row)
{
    matrix_product(0, n_rows, n_columns, n_k, a, b, b_row, out, out_row);
}

static void add_product(int64_t n_rows, int64_t n_columns, int64_t n_k, hd_matrix a, const double *b, int64_t b_row,
                        double *out, int64_t out_row)
{
    matrix_product(1, n_rows, n_columns, n_k, a, b, b_row, out, out_row);
}

/* f'' where x, f and f' are known; `kind` as in activation_at */
MD_INLINE v4d second_derivative(const int kind, v4d x, v4d f, v4d df)
{
    const v4d one = v_set1(1.0), two = v_set1(2.0);
    switch (kind) {
    case 1: return v_set1(-2.0) * f * df;
    case 2: return df * v_fma(-two, f, one);
    case 3: return df * (one - df);
    case 5: return v_fma(x, x, -one) * f;
    case 6: return -f;
    case 7: return df * v_fma(two, f, -one);
    case 8: return f;
    case 9: return two;
    default: return v_set1(0.0); /* pieces of straight lines */
    }
}

/* n_rows lines of z [columns], and of their tangents below each if there are two a row, become f(z) and
 * f'(z) dz; slopes gets f'(z) and f''(z) dz; the column after the n_out outputs becomes 1 and 0. */
static void activate_lines(int kind, int64_t n_rows, int64_t lines, int64_t n_out, double *MD_RESTRICT z,
                           double *MD_RESTRICT slopes)
{
    const int64_t width = columns_of(n_out);
#define CASE(kind)                                                                                             \
    case kind:                                                                                                 \
        for (int64_t t = 0; t < wide(n_out); t += 4) {                                                         \
            const v4d x = v_load(row + t);                                                                     \
            v4d f, df;                                                                                         \
            activation_at(kind, x, &f, &df);                                                                   \
            v_store(row + t, f);                                                                               \
            v_store(slope + t, df);                                                                            \
            if (lines == 2) {                                                                                  \
                const v4d dz = v_load(row + width + t);                                                        \
                v_store(row + width + t, df * dz);                                                             \
                v_store(slope + width + t, second_derivative(kind, x, f, df) * dz);                            \
            }                                                                                                  \
        }                                                                                                      \
        break
    for (int64_t r = 0; r < n_rows; r++) {
        double *row = z + r * lines * width, *slope = slopes + r * lines * width;
        switch (kind) {
            CASE(0); CASE(1); CASE(2); CASE(3); CASE(4); CASE(5); CASE(6); CASE(7); CASE(8); CASE(9);
        }
        row[n_out] = 1.0;
        if (lines == 2)
            row[width + n_out] = 0.0;
    }
#undef CASE
}

/* slopes (f', f'' dz) become (Z, dZ) of the reverse pass; bars are (Y, D) */
static void chain(int64_t n_rows, int64_t lines, int64_t n_out, int64_t bar_width, const double *MD_RESTRICT bars,
                  double *MD_RESTRICT slopes)
{
    const int64_t width = columns_of(n_out);
    for (int64_t r = 0; r < n_rows; r++, slopes += lines * width, bars += lines * bar_width)
        for (int64_t t = 0; t < wide(n_out); t += 4) {
            const v4d df = v_load(slopes + t);
            v4d z = df * v_load(bars + t);
            if (lines == 2) {
                const v4d tangent = v_load(bars + bar_width + t);
                z = v_fma(v_load(slopes + width + t), tangent, z);
                v_store(slopes + width + t, df * tangent);
            }
            v_store(slopes + t, z);
        }
}

/* Sums over the atoms of each segment [bounds[s], bounds[s+1]), one row of parameters a segment. */
typedef struct {
    int64_t n, n_parameters;
    const int64_t *bounds;
    double *dl_dw;
} hd_segments;

/* One layer's part of dL/dw from a block of atoms that begins in segment `first`: (y, 1)^T (Z, dZ) is added to
 * `sums` [n_in + 1][wide(n_out)], and stored from parameter number `at` on where a segment ends. */
static void add_block(const hd_segments *segments, int64_t first, int64_t begin, int64_t n_rows, int64_t lines,
                      const hd_layer *layer, const double *y, const double *z, int64_t at, double *sums)
{
    const int64_t n_in = layer->n_in, n_out = layer->n_out, row = wide(n_out), end = begin + n_rows;
    for (int64_t s = first; s < segments->n && segments->bounds[s] < end; s++) {
        const int64_t own = segments->bounds[s], next = segments->bounds[s + 1];
        const int64_t from = own > begin ? own : begin, to = next < end ? next : end;
        if (from >= to)
            continue;
        const int64_t skip = (from - begin) * lines, n_lines = (to - from) * lines;
        const hd_matrix transposed = {y + skip * columns_of(n_in), 1, columns_of(n_in)};
        (from == own ? set_product : add_product)(n_in + 1, row, n_lines, transposed,
                                                  z + skip * columns_of(n_out), columns_of(n_out), sums, row);
        if (to == next) {
            double *out = segments->dl_dw + s * segments->n_parameters + at;
            for (int64_t i = 0; i <= n_in; i++)
                for (int64_t o = 0; o < n_out; o++)
                    *out++ = layer->scale * sums[i * row + o];
        }
    }
}

static int64_t count_parameters(const hd_network *net)
{
    int64_t count = 0;
    for (int64_t m = 0; m < net->n_layers; m++)
        count += (net->layers[m].n_in + 1) * net->layers[m].n_out;
    return count;
}

/* Inputs x and, unless NULL, v: n rows, the next one x_row and v_row doubles away; a [n]. Outputs: dl_dw
 * [n_segments][n_parameters], weights input-major, then biases, layer by layer, the sums over atoms bounds[s] ...
 * bounds[s+1]-1; and unless NULL energy [n], dl_dx and (with v) de_dx [n][n_in]. work [gradients_work] */
static void network_gradients(const hd_network *net, int64_t n, const double *x, int64_t x_row, const double *a,
                              const double *v, int64_t v_row, int64_t n_segments, const int64_t *bounds,
                              double *dl_dw, double *energy, double *de_dx, double *dl_dx, double *work)
{
    const hd_segments segments = {n_segments, count_parameters(net), bounds, dl_dw};
    const int64_t lines = v ? 2 : 1, n_in = net->layers[0].n_in, space = 2 * ATOMS;
    double *input = work, *bars = input + space * columns_of(n_in), *z = bars + space * columns_of(net->widest);
    int64_t segment = 0;
    for (int64_t s = 0; s < n_segments; s++)
        if (bounds[s] == bounds[s + 1])
            memset(dl_dw + s * segments.n_parameters, 0, (size_t)segments.n_parameters * 8);
    for (int64_t begin = 0; begin < n; begin += ATOMS) {
        const int64_t n_rows = n - begin < ATOMS ? n - begin : ATOMS, n_lines = lines * n_rows;
        while (segment < n_segments && bounds[segment + 1] <= begin)
            segment++;
        for (int64_t r = 0; r < n_rows; r++) {
            double *line = input + r * lines * columns_of(n_in);
            memcpy(line, x + (begin + r) * x_row, (size_t)n_in * 8);
            line[n_in] = 1.0;
            if (v) {
                memcpy(line + columns_of(n_in), v + (begin + r) * v_row, (size_t)n_in * 8);
                line[columns_of(n_in) + n_in] = 0.0;
            }
        }
        const double *y = input;
        for (int64_t m = 0; m < net->n_layers; m++) {
            const hd_layer *layer = net->layers + m;
            const int64_t width = columns_of(layer->n_out), filled = wide(layer->n_out);
            for (int64_t r = 0; r < n_lines; r += lines) {
                memcpy(z + r * width, layer->biases, (size_t)filled * 8);
                if (v)
                    memset(z + (r + 1) * width, 0, (size_t)filled * 8);
            }
            add_product(n_lines, filled, layer->n_in, (hd_matrix){y, columns_of(layer->n_in), 1}, layer->weights,
                        filled, z, width);
            activate_lines(layer->activation, n_rows, lines, layer->n_out, z, z + space * width);
            y = z;
            z += 2 * space * width;
        }
        for (int64_t r = 0; r < n_rows; r++) { /* of E itself: dL/dE = a, dL/d(dE) = 1 */
            if (energy)
                energy[begin + r] = y[r * lines * columns_of(1)];
            v_store(bars + 4 * r * lines, (v4d){a[begin + r], 0.0, 0.0, 0.0});
            if (v)
                v_store(bars + 4 * (r * lines + 1), (v4d){1.0, 0.0, 0.0, 0.0});
        }
        int64_t at = segments.n_parameters;
        double *sums = work + gradients_work(net);
        for (int64_t m = net->n_layers - 1; m >= 0; m--) {
            const hd_layer *layer = net->layers + m;
            const int64_t width = columns_of(layer->n_out);
            z -= 2 * space * width;
            y = m ? z - 2 * space * columns_of(layer->n_in) : input;
            chain(n_rows, lines, layer->n_out, wide(layer->n_out), bars, z + space * width);
            at -= (layer->n_in + 1) * layer->n_out;
            sums -= (layer->n_in + 1) * wide(layer->n_out);
            add_block(&segments, segment, begin, n_rows, lines, layer, y, z + space * width, at, sums);
            if (m || de_dx || dl_dx)
                set_product(n_lines, wide(layer->n_in), layer->n_out, (hd_matrix){z + space * width, width, 1},
                            layer->transposed, wide(layer->n_in), bars, wide(layer->n_in));
        }
        for (int64_t r = 0; r < n_rows; r++) {
            const double *bar = bars + r * lines * wide(n_in);
            if (dl_dx)
                memcpy(dl_dx + (begin + r) * n_in, bar, (size_t)n_in * 8);
            if (v && de_dx)
                memcpy(de_dx + (begin + r) * n_in, bar + wide(n_in), (size_t)n_in * 8);
        }
    }
}

/* New parameters, in the order of dl_dw, into the tables of a network. */
static void set_parameters(const double *parameters, hd_network *net)
{
    for (int64_t m = 0; m < net->n_layers; m++) {
        const hd_layer *layer = net->layers + m;
        const int64_t n_in = layer->n_in, n_out = layer->n_out;
        for (int64_t i = 0; i < n_in; i++)
            for (int64_t o = 0; o < n_out; o++) {
                const double w = layer->scale * *parameters++;
                layer->weights[i * wide(n_out) + o] = w;
                layer->transposed[o * wide(n_in) + i] = w;
            }
        for (int64_t o = 0; o < n_out; o++)
            layer->biases[o] = layer->scale * *parameters++;
    }
}
