/* Copies of atoms: which are needed across a face, and moving rows between
 * owners and ghosts. */
#include <math.h>

#include "md_types.h"
#include "simd.h"

/* Bring owned atoms back into the cell along periodic directions (bits of
 * `periodic`): exact, the rows of `matrix` are multiples of the position grid.
 * Twice, since rounding can leave an atom on the far face. images: [n_owned][3]. */
static void wrap(md_atoms *atoms, int32_t *images, const double *matrix, const double *inverse,
                 const double *origin, int periodic)
{
    for (int64_t i = 0; i < atoms->n_owned; i++) {
        double *x = atoms->x + 4 * i;
        for (int again = 0; again < 2; again++) {
            double s[3];
            for (int d = 0; d < 3; d++)
                s[d] = (x[0] - origin[0]) * inverse[d] + (x[1] - origin[1]) * inverse[3 + d] +
                       (x[2] - origin[2]) * inverse[6 + d];
            if (s[0] >= 0.0 && s[0] < 1.0 && s[1] >= 0.0 && s[1] < 1.0 && s[2] >= 0.0 && s[2] < 1.0)
                break;
            for (int d = 0; d < 3; d++) {
                const double n = periodic >> d & 1 ? floor(s[d]) : 0.0;
                if (n == 0.0 || !(fabs(n) < 1e9))
                    continue;
                for (int k = 0; k < 3; k++)
                    x[k] -= n * matrix[3 * d + k];
                images[3 * i + d] += (int32_t)n;
            }
        }
    }
}

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
