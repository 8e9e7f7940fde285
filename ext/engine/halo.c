/* Copies of atoms: which are needed across a face, and moving rows between
 * owners and ghosts. */
#include <math.h>

#include "core/md_types.h"
#include "core/simd.h"

MD_INLINE void fractional(const double *x, const double *inverse, const double *origin, double s[3])
{
    for (int d = 0; d < 3; d++)
        s[d] = (x[0] - origin[0]) * inverse[d] + (x[1] - origin[1]) * inverse[3 + d] +
               (x[2] - origin[2]) * inverse[6 + d];
}

/* Domain of a fractional coordinate: k / n <= s < (k + 1) / n, the outer ones without end. */
MD_INLINE int64_t domain_of(double s, int64_t n)
{
    const double guess = s * (double)n;
    int64_t k = !(guess > 0.0) ? 0 : guess < (double)n ? (int64_t)guess : n - 1;
    while (k > 0 && s < (double)k / (double)n)
        k--;
    while (k < n - 1 && s >= (double)(k + 1) / (double)n)
        k++;
    return k;
}

/* Bring owned atoms back into the cell along periodic directions: exact, the rows
 * of `matrix` are multiples of the position grid. Twice, since rounding can leave
 * an atom on the far face. images: [n_owned][3].
 * Returns how many then belong to another domain; left: [n_owned] their rows, away:
 * [n_owned][3] how many domains on (the short way round), farthest: the largest -away and +away. */
static int64_t wrap(md_atoms *atoms, int32_t *images, const double *matrix, const double *inverse,
                    const double *origin, const md_place *place, int32_t *left, int32_t *away, double farthest[6])
{
    int64_t leaving = 0;
    double low[3], high[3]; /* of this domain */
    for (int d = 0; d < 3; d++) {
        const int64_t k = place->coords[d], n = place->grid[d];
        low[d] = k > 0 ? (double)k / (double)n : -INFINITY;
        high[d] = k < n - 1 ? (double)(k + 1) / (double)n : INFINITY;
        farthest[d] = farthest[3 + d] = 0.0;
    }
    for (int64_t i = 0; i < atoms->n_owned; i++) {
        double *x = atoms->x + 4 * i, s[3];
        fractional(x, inverse, origin, s);
        for (int again = 0; again < 2; again++) {
            if (s[0] >= 0.0 && s[0] < 1.0 && s[1] >= 0.0 && s[1] < 1.0 && s[2] >= 0.0 && s[2] < 1.0)
                break;
            for (int d = 0; d < 3; d++) {
                const double n = place->periodic >> d & 1 ? floor(s[d]) : 0.0;
                if (n == 0.0 || !(fabs(n) < 1e9))
                    continue;
                for (int k = 0; k < 3; k++)
                    x[k] -= n * matrix[3 * d + k];
                images[3 * i + d] += (int32_t)n;
            }
            fractional(x, inverse, origin, s);
        }
        if (!(s[0] < low[0] || s[0] >= high[0] || s[1] < low[1] || s[1] >= high[1] || s[2] < low[2] || s[2] >= high[2]))
            continue;
        left[leaving] = (int32_t)i;
        for (int d = 0; d < 3; d++) {
            const int64_t n = place->grid[d];
            int64_t steps = domain_of(s[d], n) - place->coords[d];
            if (place->periodic >> d & 1)
                steps += steps < -(n / 2) ? n : steps >= n - n / 2 ? -n : 0;
            away[3 * leaving + d] = (int32_t)steps;
            farthest[d] = fmax(farthest[d], -(double)steps);
            farthest[3 + d] = fmax(farthest[3 + d], (double)steps);
        }
        leaving++;
    }
    return leaving;
}

/* out[k]: the record of row rows[k] */
static void pack_records(const md_columns *columns, const int32_t *rows, int64_t n, char *out)
{
    for (int64_t k = 0; k < n; k++)
        for (int64_t c = 0; c < columns->n; out += columns->width[c++])
            memcpy(out, columns->data[c] + rows[k] * columns->width[c], (size_t)columns->width[c]);
}

/* Forget the rows (ascending) of `owned` atoms; the last atoms move into the gaps. */
static void remove_records(const md_columns *columns, const int32_t *rows, int64_t n, int64_t owned)
{
    int64_t last = owned - 1, tail = n - 1;
    for (int64_t k = 0; k < n && rows[k] < owned - n; k++, last--) {
        for (; tail >= 0 && rows[tail] == last; tail--)
            last--;
        for (int64_t c = 0; c < columns->n; c++) {
            const int64_t width = columns->width[c];
            memcpy(columns->data[c] + rows[k] * width, columns->data[c] + last * width, (size_t)width);
        }
    }
}

/* Records become rows from `begin` on. */
static void unpack_records(const md_columns *columns, int64_t begin, const char *in, int64_t n)
{
    for (int64_t row = begin; row < begin + n; row++)
        for (int64_t c = 0; c < columns->n; in += columns->width[c++])
            memcpy(columns->data[c] + row * columns->width[c], in, (size_t)columns->width[c]);
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

/* to[k] = from[rows[k]], rows of `width` bytes */
static void take_rows(char *to, const char *from, const int32_t *rows, int64_t n, int64_t width)
{
    if (width == 8) {
        for (int64_t k = 0; k < n; k++)
            memcpy(to + 8 * k, from + 8 * (int64_t)rows[k], 8);
        return;
    }
    for (int64_t k = 0; k < n; k++)
        memcpy(to + width * k, from + width * (int64_t)rows[k], (size_t)width);
}

/* to[rows[k]] += from[k], rows of so many numbers; of multiples of a grid, or the sum has an order */
static void add_numbers(double *to, const double *from, const int32_t *rows, int64_t n, int64_t numbers)
{
    for (int64_t k = 0; k < n; k++)
        for (int64_t m = 0; m < numbers; m++)
            to[numbers * (int64_t)rows[k] + m] += from[numbers * k + m];
}
