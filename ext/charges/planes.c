/* A mesh of charges becomes potentials on its points: transformed, weighted, transformed back.
 *
 * Three steps, for ranks to share: planes of one n1 along the third and the second axis; then, of one n2, along the first
 * axis, there and back, with the weights in between; and planes of one n1 back. A plane fits into the second-level cache. Each line
 * is transformed in a lane of its own (fourier.c), and sums over waves are told for each n2: the same bits, whoever does what.
 * Waves that are left out (planes.h) are neither transformed further, nor sent, nor weighted. */
#include "kernels.h"
#include "charges/fourier.c"
#include "core/md_types.h"
#include "core/vfun.h"
#include "pair/coulomb.h"

/* g of waves of k^2 = k2, but for its scale; slope: that of - 2 log g over k^2. inverse : 1 / k2 */
MD_INLINE v4d plane_weights(const md_weights *w, v4d k2, v4d inverse, v4d *slope)
{
    const v4d one = v_set1(1.0), two = v_set1(2.0), falls = v_set1(w->falls), x2 = falls * k2, fall = v_exp(-x2);
    if (!w->attraction) {
        *slope = two * (inverse + falls);
        return fall * inverse;
    }
    const v4d x = v_sqrt(x2), left = one - v_set1(1.7724538509055159) * x * v_erfcx(x); /* sqrt(pi) */
    const v4d part = v_fma(-two * x2, left, one), few = v_set1(1e-3); /* beyond x = 6 only its size is right: they weigh nothing */
    const v4d value = v_select((v4i)(part > few), part, few);
    *slope = v_set1(6.0) * falls * left / value;
    return fall * value;
}

typedef struct plane_room {
    fourier_four *a, *b;
    double *plane; /* [size2][2][width] */
} plane_room;

MD_INLINE plane_room plane_rooms(const md_planes *it)
{
    double *begin = (double *)(((uintptr_t)it->room + 31) & ~(uintptr_t)31);
    const int64_t longest = PLANES_LONGEST(it->size[0], it->size[1], it->size[2]);
    return (plane_room){(fourier_four *)begin, (fourier_four *)(begin + 8 * longest), begin + 16 * longest};
}

/* How many numbers n3 does any n2 have? */
MD_INLINE int64_t planes_widest(const md_planes *it)
{
    int64_t most = 0;
    for (int64_t y = 0; y < it->size[1]; y++) {
        const int64_t wide = it->begin[y + 1] - it->begin[y];
        most = wide > most ? wide : most;
    }
    return most;
}

/* The first `widest` columns of rows [n][2][width], transformed where they are; back: with the other sign. */
MD_INLINE void plane_columns(double *rows, int64_t n, int64_t width, int64_t widest, const double *turns, const plane_room *own,
                             const int back)
{
    for (int64_t c = 0; c < widest; c += 4) {
        for (int64_t j = 0; j < n; j++) {
            const double *row = rows + 2 * width * j + c;
            own->a[j].re = v_load(back ? row + width : row), own->a[j].im = v_load(back ? row : row + width);
        }
        const fourier_four *z = fourier(own->a, own->b, n, turns);
        for (int64_t j = 0; j < n; j++) {
            double *row = rows + 2 * width * j + c;
            v_store(row, back ? z[j].im : z[j].re), v_store(row + width, back ? z[j].re : z[j].im);
        }
    }
}

/* Point j of four rows, and with `again` the point of these that stands for it beside the last ones */
MD_INLINE v4d plane_points(const int64_t *const *row, int64_t j, int64_t again)
{
    int64_t p[4];
    for (int lane = 0; lane < 4; lane++)
        p[lane] = row[lane][j] + (again ? row[lane][j + again] : 0);
    return (v4d){(double)p[0], (double)p[1], (double)p[2], (double)p[3]};
}

/* mesh : [count][size2][size3 + MESH_MORE], multiples of `grid`, of which the last points are the first ones, too, which they are
 * added to; waves : of these planes */
static void planes_forward(const md_planes *it, const int64_t *mesh, int64_t count, double grid, double *waves)
{
    const int64_t n2 = it->size[1], n3 = it->size[2], half = n3 / 2, width = it->width, widest = planes_widest(it);
    const int64_t last = widest <= half ? widest - 1 : half;
    const double *turns = it->turns[2];
    const plane_room own = plane_rooms(it);
    for (int64_t x = 0; x < count; x++) {
        for (int64_t y = 0; y < n2; y += 4) {
            const int64_t *row[4];
            const int lanes = n2 - y < 4 ? (int)(n2 - y) : 4;
            for (int lane = 0; lane < 4; lane++)
                row[lane] = mesh + (x * n2 + y + (lane < lanes ? lane : 0)) * (n3 + MESH_MORE);
            for (int64_t j = 0; j < MESH_MORE / 2; j++) {
                own.a[j].re = v_set1(grid) * plane_points(row, 2 * j, n3);
                own.a[j].im = v_set1(grid) * plane_points(row, 2 * j + 1, n3);
            }
            for (int64_t j = MESH_MORE / 2; j < half; j++) {
                own.a[j].re = v_set1(grid) * plane_points(row, 2 * j, 0);
                own.a[j].im = v_set1(grid) * plane_points(row, 2 * j + 1, 0);
            }
            const fourier_four *z = fourier(own.a, own.b, half, it->turns[3]);
            /* even and odd points apart: X_k = E_k + O_k exp(-2 pi i k / n) */
            for (int64_t k = 0; k <= last; k++) {
                const fourier_four one = z[k == half ? 0 : k], other = z[k == 0 ? 0 : half - k];
                const fourier_four even = {one.re + other.re, one.im - other.im};
                const fourier_four odd = {one.im + other.im, other.re - one.re};
                const fourier_four turned = f_times(odd, v_set1(turns[2 * k]), v_set1(turns[2 * k + 1]));
                const v4d re = v_set1(0.5) * (even.re + turned.re), im = v_set1(0.5) * (even.im + turned.im);
                for (int lane = 0; lane < lanes; lane++) {
                    double *to = own.plane + 2 * width * (y + lane) + k;
                    to[0] = re[lane], to[width] = im[lane];
                }
            }
        }
        for (int64_t y = 0; y < n2; y++)
            for (int64_t k = half + 1; k < widest; k++)
                own.plane[2 * width * y + k] = own.plane[2 * width * y + width + k] = 0.0;
        plane_columns(own.plane, n2, width, widest, it->turns[1], &own, 0);
        for (int64_t y = 0; y < n2; y++) {
            const int64_t wide = it->begin[y + 1] - it->begin[y];
            double *to = waves + 2 * (it->begin[y] * count + wide * x);
            memcpy(to, own.plane + 2 * width * y, sizeof(double) * wide);
            memcpy(to + wide, own.plane + 2 * width * y + width, sizeof(double) * wide);
        }
    }
}

/* The way back: mesh [count][size2][size3 + MESH_MORE], of which the last points repeat the first. */
static void planes_back(const md_planes *it, const double *waves, int64_t count, double *mesh)
{
    const int64_t n2 = it->size[1], n3 = it->size[2], half = n3 / 2, width = it->width, widest = planes_widest(it);
    const double *turns = it->turns[2];
    const plane_room own = plane_rooms(it);
    memset(own.plane, 0, sizeof(double) * 2 * width * n2);
    for (int64_t x = 0; x < count; x++) {
        for (int64_t y = 0; y < n2; y++) {
            const int64_t wide = it->begin[y + 1] - it->begin[y];
            const double *from = waves + 2 * (it->begin[y] * count + wide * x);
            double *re = own.plane + 2 * width * y, *im = re + width;
            memcpy(re, from, sizeof(double) * wide), memcpy(im, from + wide, sizeof(double) * wide);
            memset(re + wide, 0, sizeof(double) * (widest - wide)), memset(im + wide, 0, sizeof(double) * (widest - wide));
        }
        plane_columns(own.plane, n2, width, widest, it->turns[1], &own, 1);
        for (int64_t y = 0; y < n2; y += 4) {
            const double *row[4];
            const int lanes = n2 - y < 4 ? (int)(n2 - y) : 4;
            for (int lane = 0; lane < 4; lane++)
                row[lane] = own.plane + 2 * width * (y + (lane < lanes ? lane : 0));
            for (int lane = 0; lane < lanes; lane++) { /* of real numbers these waves are real */
                own.plane[2 * width * (y + lane) + width] = 0.0;
                own.plane[2 * width * (y + lane) + width + half] = 0.0;
            }
            for (int64_t k = 0; k < half; k++) {
                const int64_t m = half - k;
                const fourier_four one = {{row[0][k], row[1][k], row[2][k], row[3][k]},
                                          {row[0][width + k], row[1][width + k], row[2][width + k], row[3][width + k]}};
                const fourier_four other = {{row[0][m], row[1][m], row[2][m], row[3][m]},
                                            {row[0][width + m], row[1][width + m], row[2][width + m], row[3][width + m]}};
                const fourier_four even = {one.re + other.re, one.im - other.im};
                const fourier_four odd = f_times((fourier_four){one.re - other.re, one.im + other.im},
                                                 v_set1(turns[2 * k]), v_set1(-turns[2 * k + 1]));
                own.a[k] = (fourier_four){even.im + odd.re, even.re - odd.im}; /* E + i O, its parts exchanged */
            }
            const fourier_four *z = fourier(own.a, own.b, half, it->turns[3]);
            for (int lane = 0; lane < lanes; lane++) {
                double *to = mesh + (x * n2 + y + lane) * (n3 + MESH_MORE);
                for (int64_t j = 0; j < half; j++)
                    to[2 * j] = z[j].im[lane], to[2 * j + 1] = z[j].re[lane];
                memcpy(to + n3, to, sizeof(double) * MESH_MORE);
            }
        }
    }
}

/* Numbers n3 = c ... c + 3 of one n2 of all n1, from the pieces or, back, to them with real and imaginary parts exchanged */
MD_INLINE void pieces_line(const md_planes *it, const md_pieces *pieces, int64_t n, int64_t c, fourier_four *line, const int back)
{
    const int64_t before = it->begin[n] - it->begin[pieces->first], wide = it->begin[n + 1] - it->begin[n];
    for (int64_t k = 0; k < pieces->n; k++) {
        const int64_t begin = pieces->cuts[k], end = pieces->cuts[k + 1];
        double *row = pieces->waves[k] + 2 * before * (end - begin) + c;
        for (int64_t j = begin; j < end; j++, row += 2 * wide)
            if (back)
                v_store(row, line[j].im), v_store(row + wide, line[j].re);
            else
                line[j].re = v_load(row), line[j].im = v_load(row + wide);
    }
}

MD_INLINE void planes_middle(const md_planes *it, const md_weights *w, const md_pieces *pieces, double *sums, const int wanted)
{
    const int64_t n1 = it->size[0], n2 = it->size[1], n3 = it->size[2];
    const plane_room own = plane_rooms(it);
    const double *b = w->vectors;
    const v4d zero = v_set1(0.0), steps = {0.0, 1.0, 2.0, 3.0};
    for (int64_t n = pieces->first; n < pieces->last; n++, sums += PLANES_SUMS) {
        const int64_t signed2 = 2 * n < n2 ? n : n - n2, wide = it->begin[n + 1] - it->begin[n];
        v4d total[PLANES_SUMS];
        for (int k = 0; k < PLANES_SUMS; k++)
            total[k] = zero;
        for (int64_t c = 0; c < wide; c += 4) {
            const v4d third = v_set1((double)c) + steps;
            const v4d x2 = v_fma(v_set1(b[6]), third, v_set1(signed2 * b[3]));
            const v4d y2 = v_fma(v_set1(b[7]), third, v_set1(signed2 * b[4]));
            const v4d z2 = v_fma(v_set1(b[8]), third, v_set1(signed2 * b[5]));
            /* each stands for its opposite, too, but for the first and the last */
            const v4d both = v_set1(1.0) - v_mask(v_set1(0.5), (v4i)(third == zero) | (v4i)(third == v_set1(n3 / 2)));
            const v4d factor = v_set1(w->scale * w->factors[1][n]) * v_load(w->factors[2] + c);
            const v4d own3 = v_load(w->own[2] + c), next3 = v_load(w->next[2] + c);
            pieces_line(it, pieces, n, c, own.a, 0);
            fourier_four *s = fourier(own.a, own.b, n1, it->turns[0]);
            for (int64_t j = 0; j < n1; j++) {
                const int64_t signed1 = 2 * j < n1 ? j : j - n1;
                const v4d kx = x2 + v_set1(signed1 * b[0]), ky = y2 + v_set1(signed1 * b[1]);
                const v4d kz = z2 + v_set1(signed1 * b[2]);
                const v4d k2 = v_fma(kz, kz, v_fma(ky, ky, kx * kx));
                const v4i there = (v4i)(k2 > zero);
                const v4d inverse = v_set1(1.0) / v_select(there, k2, v_set1(1.0));
                v4d slope;
                const v4d g = v_mask(factor * v_set1(w->factors[0][j]) * plane_weights(w, k2, inverse, &slope), there);
                if (wanted) {
                    const v4d own1 = v_set1(w->own[0][j]), own2 = v_set1(w->own[1][n]), each = both * g;
                    const v4d t1 = v_set1(2.0 * w->next[0][j]) * own2 * own3;
                    const v4d t2 = own1 * v_set1(2.0 * w->next[1][n]) * own3;
                    const v4d t3 = own1 * own2 * (v_set1(2.0) * next3);
                    if (wanted & PLANES_SELF) {
                        total[7] = v_fma(each, t1, total[7]), total[8] = v_fma(each, t2, total[8]);
                        total[9] = v_fma(each, t3, total[9]);
                    }
                    if (wanted & PLANES_ENERGY) {
                        v4d size = v_fma(s[j].re, s[j].re, s[j].im * s[j].im);
                        size -= v_fma(v_set1(w->squares[0]), t1, v_fma(v_set1(w->squares[1]), t2, v_set1(w->squares[2]) * t3));
                        const v4d e = each * size;
                        slope *= e;
                        const v4d sx = slope * kx, sy = slope * ky;
                        total[0] += e;
                        total[1] = v_fma(sx, kx, total[1]), total[2] = v_fma(sy, ky, total[2]);
                        total[3] = v_fma(slope * kz, kz, total[3]), total[4] = v_fma(sy, kz, total[4]);
                        total[5] = v_fma(sx, kz, total[5]), total[6] = v_fma(sx, ky, total[6]);
                    }
                }
                s[j] = (fourier_four){g * s[j].im, g * s[j].re};
            }
            pieces_line(it, pieces, n, c, fourier(s, s == own.a ? own.b : own.a, n1, it->turns[0]), 1);
        }
        for (int k = 0; k < PLANES_SUMS; k++)
            sums[k] = v_sum(total[k]);
    }
}

/* Waves become those of potentials. sums : [last - first][PLANES_SUMS] of each n2, where wanted : energies, sums of -dE/d(strain) but
 * for the energies (xx yy zz yz xz xy), and what a charge has of itself */
static void planes_weighted(const md_planes *it, const md_weights *w, const md_pieces *pieces, double *sums, int wanted)
{
    switch (wanted) {
        case 0: planes_middle(it, w, pieces, sums, 0); break;
        case PLANES_SELF: planes_middle(it, w, pieces, sums, PLANES_SELF); break;
        case PLANES_ENERGY: planes_middle(it, w, pieces, sums, PLANES_ENERGY); break;
        default: planes_middle(it, w, pieces, sums, PLANES_SELF | PLANES_ENERGY);
    }
}
