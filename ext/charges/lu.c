/* Systems of linear equations, small ones: LU factors with partial pivoting (G. H. Golub, C. F. Van Loan, Matrix Computations,
 * 4th ed., algorithm 3.4.1). Not BLAS: the same bits whatever libraries and threads. */
#include "core/simd.h"

/* a [n][n] becomes its factors; pivots [n], which row changed places with row k. 1 if it is singular. */
static int lu_factor(int64_t n, double *a, int64_t *pivots)
{
    for (int64_t k = 0; k < n; k++) {
        int64_t best = k;
        for (int64_t i = k + 1; i < n; i++)
            if (__builtin_fabs(a[i * n + k]) > __builtin_fabs(a[best * n + k]))
                best = i;
        pivots[k] = best;
        if (!(__builtin_fabs(a[best * n + k]) > 0.0))
            return 1;
        for (int64_t j = 0; best != k && j < n; j++) {
            const double swap = a[k * n + j];
            a[k * n + j] = a[best * n + j];
            a[best * n + j] = swap;
        }
        const double *MD_RESTRICT top = a + k * n;
        const double inverse = 1.0 / top[k];
        for (int64_t i = k + 1; i < n; i++) {
            double *MD_RESTRICT row = a + i * n;
            const double times = row[k] * inverse;
            const v4d minus = v_set1(-times);
            row[k] = times;
            int64_t j = k + 1;
            for (; j + 4 <= n; j += 4)
                v_store(row + j, v_fma(minus, v_load(top + j), v_load(row + j)));
            for (; j < n; j++)
                row[j] = v_fma(minus, v_set1(top[j]), v_set1(row[j]))[0];
        }
    }
    return 0;
}

/* b [n] becomes the solution of a x = b. */
static void lu_solve(int64_t n, const double *a, const int64_t *pivots, double *b)
{
    for (int64_t k = 0; k < n; k++) {
        const double swap = b[k];
        b[k] = b[pivots[k]];
        b[pivots[k]] = swap;
    }
    for (int64_t i = 0; i < n; i++) {
        double sum = b[i];
        for (int64_t j = 0; j < i; j++)
            sum -= a[i * n + j] * b[j];
        b[i] = sum;
    }
    for (int64_t i = n - 1; i >= 0; i--) {
        double sum = b[i];
        for (int64_t j = i + 1; j < n; j++)
            sum -= a[i * n + j] * b[j];
        b[i] = sum / a[i * n + i];
    }
}
