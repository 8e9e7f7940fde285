/* Copies of atoms: which are needed across a face, and moving rows between
 * owners and ghosts. */
#include "md_types.h"
#include "simd.h"

/* Rows of [begin, end) whose fractional coordinate along one direction,
 * (x - origin) . normal, is below (sign < 0) or not below (sign > 0) the bound. */
static int64_t select_beyond(const double *x, int64_t begin, int64_t end, const double normal[3],
                             const double origin[3], double bound, int sign, int32_t *out)
{
    int64_t n = 0;
    for (int64_t i = begin; i < end; i++) {
        const double *r = x + 4 * i;
        const double s = (r[0] - origin[0]) * normal[0] + (r[1] - origin[1]) * normal[1] +
                         (r[2] - origin[2]) * normal[2];
        out[n] = (int32_t)i;
        n += sign < 0 ? s < bound : s >= bound;
    }
    return n;
}

/* to[k] = from[rows[k]] + shift; positions are grid multiples, so the sum is exact. */
static void copy_shifted(double *to, const double *from, const int32_t *rows, int64_t n, const double shift[3])
{
    const v4d s = {shift[0], shift[1], shift[2], 0.0};
    for (int64_t k = 0; k < n; k++)
        v_store(to + 4 * k, v_load(from + 4 * (int64_t)rows[k]) + s);
}

/* to[rows[k]] += from[k] */
static void add_rows(double *to, const double *from, const int32_t *rows, int64_t n)
{
    for (int64_t k = 0; k < n; k++) {
        double *p = to + 4 * (int64_t)rows[k];
        v_store(p, v_load(p) + v_load(from + 4 * k));
    }
}
