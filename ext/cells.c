/* Which atoms are close?  Cells and Verlet lists, O(N).
 *
 * Atoms (owned and ghosts alike: periodicity exists only as ghosts) are binned
 * into an orthorhombic grid around them, x fastest, so a row of bins along x is
 * one contiguous run that is tested four atoms at a time.
 *
 * Half list: of a pair the atom with the lower (z, y, x) lists the other, if it
 * is owned here. Positions are exact multiples of a grid (fixed.h), so every
 * rank and every image takes the same side without asking. */
#include <math.h>
#include <stdlib.h>

#include "md_types.h"
#include "simd.h"

typedef struct {
    double low[3], width[3], inverse[3];
    int64_t n[3];
} md_grid;

/* Bins of about `size` around rows [begin, end) of x; at most `most` bins. */
static void grid_around(const double *x, int64_t begin, int64_t end, const double size[3], int64_t most,
                        md_grid *grid)
{
    v4d low = v_set1(INFINITY), high = v_set1(-INFINITY);
    for (int64_t i = begin; i < end; i++) {
        const v4d a = v_load(x + 4 * i);
        const v4i below = a < low, above = a > high;
        low = (v4d)(((v4i)a & below) | ((v4i)low & ~below));
        high = (v4d)(((v4i)a & above) | ((v4i)high & ~above));
    }
    double bins = 1.0, scale = 1.0, span[3];
    for (int d = 0; d < 3; d++)
        span[d] = end > begin ? high[d] - low[d] : 0.0;
    do { /* a few far-flung atoms must not ask for a sea of empty bins */
        bins = 1.0;
        for (int d = 0; d < 3; d++) {
            const double n = fmax(1.0, floor(span[d] / (size[d] * scale)));
            grid->low[d] = end > begin ? low[d] : 0.0;
            grid->width[d] = fmax(span[d] / n, size[d] * scale);
            grid->inverse[d] = 1.0 / grid->width[d];
            grid->n[d] = n < 1e9 ? (int64_t)n : (int64_t)1e9;
            bins *= n;
        }
        scale *= 1.25;
    } while (bins > (double)most);
}

static inline int64_t grid_clamp(const md_grid *grid, int d, double x)
{
    const double q = (x - grid->low[d]) * grid->inverse[d];
    if (!(q > 0.0))
        return 0;
    return q < (double)grid->n[d] ? (int64_t)q : grid->n[d] - 1;
}

static inline int64_t grid_bin(const md_grid *grid, const double *row)
{
    return (grid_clamp(grid, 2, row[2]) * grid->n[1] + grid_clamp(grid, 1, row[1])) * grid->n[0] +
           grid_clamp(grid, 0, row[0]);
}

/* An order of the owned atoms in which neighbours in space are neighbours in
 * memory: bins of `size`, walked in columns of 8 x 32 bins along z so that what
 * a row of atoms touches stays in the second-level cache.
 * order: [n_owned]; work: [n_owned + 2 + bins] with bins <= n_owned + 64. */
static void spatial_order(const md_atoms *atoms, double size, int64_t *order, int64_t *work)
{
    enum { TILE_X = 32, TILE_Y = 8 };
    const int64_t n = atoms->n_owned;
    const double sizes[3] = {size, size, size};
    md_grid grid;
    grid_around(atoms->x, 0, n, sizes, n + 64, &grid);
    const int64_t nx = grid.n[0], ny = grid.n[1], nz = grid.n[2], bins = nx * ny * nz;
    int64_t *bin = work, *count = work + n;
    memset(count, 0, (size_t)(bins + 1) * sizeof *count);
    for (int64_t i = 0; i < n; i++) {
        const double *row = atoms->x + 4 * i;
        const int64_t bx = grid_clamp(&grid, 0, row[0]), by = grid_clamp(&grid, 1, row[1]);
        const int64_t tx = bx / TILE_X * TILE_X, ty = by / TILE_Y * TILE_Y;
        const int64_t wx = nx - tx < TILE_X ? nx - tx : TILE_X, wy = ny - ty < TILE_Y ? ny - ty : TILE_Y;
        bin[i] = (ty * nx + tx * wy) * nz + (grid_clamp(&grid, 2, row[2]) * wy + by - ty) * wx + bx - tx;
        count[bin[i] + 1]++;
    }
    for (int64_t b = 0; b < bins; b++)
        count[b + 1] += count[b];
    for (int64_t i = 0; i < n; i++)
        order[count[bin[i]]++] = i;
}

static void fill_bins(const md_atoms *atoms, double cutoff, md_bins *bins, md_grid *grid)
{
    const int64_t n = atoms->n_owned + atoms->n_ghost;
    const double size[3] = {cutoff / 4, cutoff / 2, cutoff / 2};
    grid_around(atoms->x, 0, n, size, BINS_PER_ATOM * n + BINS_FLOOR, grid);
    const int64_t n_bins = grid->n[0] * grid->n[1] * grid->n[2];
    int32_t *start = bins->start;
    memset(start, 0, (size_t)(n_bins + 2) * sizeof *start);
    start++; /* shifted by one so that the fill below leaves first atoms behind */
    for (int64_t i = 0; i < n; i++) {
        bins->bin[i] = (int32_t)grid_bin(grid, atoms->x + 4 * i);
        start[bins->bin[i] + 1]++;
    }
    for (int64_t b = 0; b < n_bins; b++)
        start[b + 1] += start[b];
    for (int64_t i = 0; i < n; i++) {
        const int32_t at = start[bins->bin[i]]++;
        bins->x[at] = atoms->x[4 * i];
        bins->y[at] = atoms->x[4 * i + 1];
        bins->z[at] = atoms->x[4 * i + 2];
        bins->atom[at] = (int32_t)i;
    }
}

/* Append the lanes of `atom` whose bit is set. */
MD_INLINE int64_t append(int32_t *out, const int32_t *atom, unsigned bits)
{
#if defined(__AVX__)
    static const int32_t lanes[16][4] = {
        {0, 1, 2, 3}, {0, 1, 2, 3}, {1, 1, 2, 3}, {0, 1, 2, 3}, {2, 1, 2, 3}, {0, 2, 2, 3},
        {1, 2, 2, 3}, {0, 1, 2, 3}, {3, 1, 2, 3}, {0, 3, 2, 3}, {1, 3, 2, 3}, {0, 1, 3, 3},
        {2, 3, 2, 3}, {0, 2, 3, 3}, {1, 2, 3, 3}, {0, 1, 2, 3}};
    const __m128 a = _mm_loadu_ps((const float *)atom);
    const __m128i p = _mm_loadu_si128((const __m128i *)lanes[bits]);
    _mm_storeu_ps((float *)out, _mm_permutevar_ps(a, p));
    return __builtin_popcount(bits);
#else
    int64_t n = 0;
    for (int k = 0; k < 4; k++) {
        out[n] = atom[k];
        n += (bits >> k) & 1;
    }
    return n;
#endif
}

/* Append to `out` the atoms of bins[begin, end) within the cutoff of (x, y, z).
 * rule 0: all but the atom itself; 1: the upper half in (z, y, x), tested;
 * 2: all, known to be above. `coincident` counts pairs at distance zero. */
MD_INLINE int64_t scan_row(const md_bins *bins, int64_t begin, int64_t end, double x, double y, double z,
                           double cutoff2, const int rule, int32_t *out, v4i *coincident)
{
    const v4d xi = v_set1(x), yi = v_set1(y), zi = v_set1(z), cut2 = v_set1(cutoff2), zero = v_set1(0.0);
    int64_t found = 0;
    for (int64_t j = begin; j < end; j += 4) {
        const v4d dx = v_load(bins->x + j) - xi, dy = v_load(bins->y + j) - yi;
        const v4d dz = v_load(bins->z + j) - zi;
        const v4d r2 = dx * dx + dy * dy + dz * dz;
        const int64_t left = end - j;
        v4i take = (v4i)(r2 <= cut2) & ((v4i){0, 1, 2, 3} < (v4i){left, left, left, left});
        if (rule != 2) {
            const v4i same = take & (v4i)(r2 == zero);
            *coincident -= same;
            take = rule == 0 ? take & ~same
                             : take & ((v4i)(dz > zero) |
                                       ((v4i)(dz == zero) &
                                        ((v4i)(dy > zero) | ((v4i)(dy == zero) & (v4i)(dx > zero)))));
        }
        found += append(out + found, bins->atom + j, v_bits(take));
    }
    return found;
}

/* Verlet list of the owned atoms, half or full. `nobody` is the row after the
 * last ghost. MD_FULL: list->index was too small, *needed says what would do.
 * MD_OVERLAP: two atoms at one place, *needed is the row of one. */
MD_INLINE int build_list(const md_atoms *atoms, double cutoff, const int half, md_bins *bins, md_list *list,
                         int64_t *needed)
{
    const int64_t n = atoms->n_owned;
    const int32_t nobody = (int32_t)(n + atoms->n_ghost);
    const double cutoff2 = cutoff * cutoff;
    md_grid grid;
    fill_bins(atoms, cutoff, bins, &grid);
    const int64_t nx = grid.n[0], ny = grid.n[1], nz = grid.n[2];
    const int64_t reach_y = (int64_t)ceil(cutoff * grid.inverse[1]);
    const int64_t reach_z = (int64_t)ceil(cutoff * grid.inverse[2]);
    int64_t at = 0, pairs = 0;

    for (int64_t i = 0; i < n; i++) {
        const double x = atoms->x[4 * i], y = atoms->x[4 * i + 1], z = atoms->x[4 * i + 2];
        const int64_t by = grid_clamp(&grid, 1, y), bz = grid_clamp(&grid, 2, z);
        const int64_t first = at;
        v4i coincident = {0, 0, 0, 0};
        list->first[i] = at;
        for (int64_t cz = half ? bz : (bz > reach_z ? bz - reach_z : 0); cz <= bz + reach_z && cz < nz; cz++) {
            const double low_z = grid.low[2] + (double)cz * grid.width[2];
            const double gap_z = cz == bz ? 0.0 : (cz > bz ? low_z - z : z - (low_z + grid.width[2]));
            for (int64_t cy = by > reach_y ? by - reach_y : 0; cy <= by + reach_y && cy < ny; cy++) {
                const double low_y = grid.low[1] + (double)cy * grid.width[1];
                const double gap_y = cy == by ? 0.0 : (cy > by ? low_y - y : y - (low_y + grid.width[1]));
                /* slack: bin edges are rounded, atoms on them may sit in either bin */
                const double left = cutoff2 * (1.0 + 1e-9) - gap_y * gap_y - gap_z * gap_z;
                if (left < 0.0)
                    continue;
                const double reach = sqrt(left);
                const int32_t *row = bins->start + (cz * ny + cy) * nx;
                const int64_t begin = row[grid_clamp(&grid, 0, x - reach)];
                const int64_t end = row[grid_clamp(&grid, 0, x + reach) + 1];
                if (at + (end - begin) + 16 > list->capacity) {
                    *needed = (int64_t)(1.1 * (double)(at + end - begin + 64) * (double)n / (double)(i + 1)) + 1024;
                    return MD_FULL;
                }
                if (!half)
                    at += scan_row(bins, begin, end, x, y, z, cutoff2, 0, list->index + at, &coincident);
                else if (cz == bz)
                    at += scan_row(bins, begin, end, x, y, z, cutoff2, 1, list->index + at, &coincident);
                else
                    at += scan_row(bins, begin, end, x, y, z, cutoff2, 2, list->index + at, &coincident);
            }
        }
        if (coincident[0] + coincident[1] + coincident[2] + coincident[3] > 1) { /* more than itself */
            *needed = i;
            return MD_OVERLAP;
        }
        pairs += at - first;
        while (at & 3)
            list->index[at++] = nobody;
    }
    list->first[n] = at;
    list->n_pairs = pairs;
    return MD_OK;
}

static int verlet_list(const md_atoms *atoms, double cutoff, int half, md_bins *bins, md_list *list,
                       int64_t *needed)
{
    return half ? build_list(atoms, cutoff, 1, bins, list, needed) : build_list(atoms, cutoff, 0, bins, list, needed);
}
