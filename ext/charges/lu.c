/* Systems of linear equations, small ones: LU factors with partial pivoting (G. H. Golub, C. F. Van Loan, Matrix Computations,
 * 4th ed., algorithms 3.4.1 and 3.2.3), a block of columns at a time. Not BLAS: the same bits whatever libraries and threads. */
#include "core/simd.h"

enum { LU_BLOCK = 16 }; /* columns, a multiple of four */

/* Of `rows` rows from `to` on less factors [row][count] times count rows from `top` on: columns [begin, end), multiples of four. */
MD_INLINE void lu_less(int64_t stride, double *to, const double *factors, const double *top, int64_t count, int64_t begin,
                       int64_t end, const int rows, const int fours)
{
    for (int64_t j = begin; j + 4 * fours <= end; j += 4 * fours) {
        v4d own[4][2];
        for (int r = 0; r < rows; r++)
            for (int c = 0; c < fours; c++)
                own[r][c] = v_load(to + r * stride + j + 4 * c);
        for (int64_t k = 0; k < count; k++)
            for (int r = 0; r < rows; r++) {
                const v4d minus = v_set1(-factors[r * stride + k]);
                for (int c = 0; c < fours; c++)
                    own[r][c] = v_fma(minus, v_load(top + k * stride + j + 4 * c), own[r][c]);
            }
        for (int r = 0; r < rows; r++)
            for (int c = 0; c < fours; c++)
                v_store(to + r * stride + j + 4 * c, own[r][c]);
    }
}

/* Columns [k, last) of rows k, ... become their factors; 1 if there is no pivot. */
static int lu_columns(int64_t n, int64_t stride, double *a, int64_t *pivots, int64_t k, int64_t last)
{
    for (; k < last; k++) {
        int64_t best = k;
        for (int64_t i = k + 1; i < n; i++)
            if (__builtin_fabs(a[i * stride + k]) > __builtin_fabs(a[best * stride + k]))
                best = i;
        pivots[k] = best;
        if (!(__builtin_fabs(a[best * stride + k]) > 0.0))
            return 1;
        for (int64_t j = 0; best != k && j < stride; j += 4) {
            const v4d swap = v_load(a + k * stride + j);
            v_store(a + k * stride + j, v_load(a + best * stride + j));
            v_store(a + best * stride + j, swap);
        }
        const double *MD_RESTRICT top = a + k * stride;
        const double inverse = 1.0 / top[k];
        for (int64_t i = k + 1; i < n; i++) {
            double *MD_RESTRICT row = a + i * stride;
            const double times = row[k] * inverse;
            row[k] = times;
            const v4d minus = v_set1(-times);
            int64_t j = k + 1;
            for (; j < last && j % 4; j++)
                row[j] = v_fma(minus, v_set1(top[j]), v_set1(row[j]))[0];
            for (; j < last; j += 4)
                v_store(row + j, v_fma(minus, v_load(top + j), v_load(row + j)));
        }
    }
    return 0;
}

/* a [n][stride] becomes its factors, stride n up to a multiple of four, what is beyond n zeros; pivots [n], which row changed
 * places with row k. 1 if it is singular. */
static int lu_factor(int64_t n, int64_t stride, double *a, int64_t *pivots)
{
    for (int64_t k = 0; k < n; k += LU_BLOCK) {
        const int64_t last = k + LU_BLOCK < n ? k + LU_BLOCK : n, right = k + LU_BLOCK;
        if (lu_columns(n, stride, a, pivots, k, last))
            return 1;
        const double *top = a + k * stride;
        for (int64_t i = k + 1; i < last; i++)
            lu_less(stride, a + i * stride, a + i * stride + k, top, i - k, right, stride, 1, 1);
        int64_t i = last;
        const int64_t even = right + ((stride - right) & ~INT64_C(7));
        for (; i + 4 <= n; i += 4) {
            lu_less(stride, a + i * stride, a + i * stride + k, top, last - k, right, even, 4, 2);
            lu_less(stride, a + i * stride, a + i * stride + k, top, last - k, even, stride, 4, 1);
        }
        for (; i < n; i++)
            lu_less(stride, a + i * stride, a + i * stride + k, top, last - k, right, stride, 1, 1);
    }
    return 0;
}

/* b [n] becomes the solution of a x = b. */
static void lu_solve(int64_t n, int64_t stride, const double *a, const int64_t *pivots, double *b)
{
    for (int64_t k = 0; k < n; k++) {
        const double swap = b[k];
        b[k] = b[pivots[k]];
        b[pivots[k]] = swap;
    }
    for (int64_t i = 0; i < n; i++) {
        double sum = b[i];
        for (int64_t j = 0; j < i; j++)
            sum -= a[i * stride + j] * b[j];
        b[i] = sum;
    }
    for (int64_t i = n - 1; i >= 0; i--) {
        double sum = b[i];
        for (int64_t j = i + 1; j < n; j++)
            sum -= a[i * stride + j] * b[j];
        b[i] = sum / a[i * stride + i];
    }
}
