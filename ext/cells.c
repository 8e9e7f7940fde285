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

/* Bins of about `size` around the owned atoms; at most `most` of them. */
static void owned_grid(const md_atoms *atoms, double size, int64_t most, md_grid *grid)
{
    v4d low = v_set1(INFINITY), high = v_set1(-INFINITY);
    for (int64_t i = 0; i < atoms->n_owned; i++) {
        const v4d a = v_load(atoms->x + 4 * i);
        const v4i below = a < low, above = a > high;
        low = (v4d)(((v4i)a & below) | ((v4i)low & ~below));
        high = (v4d)(((v4i)a & above) | ((v4i)high & ~above));
    }
    double bins;
    do { /* a few far-flung atoms must not ask for a sea of empty bins */
        bins = 1.0;
        for (int d = 0; d < 3; d++) {
            const double span = atoms->n_owned ? high[d] - low[d] : 0.0;
            const double n = fmax(1.0, floor(span / size));
            grid->low[d] = atoms->n_owned ? low[d] : 0.0;
            grid->width[d] = fmax(span / n, size);
            grid->inverse[d] = 1.0 / grid->width[d];
            grid->n[d] = n < 1e9 ? (int64_t)n : (int64_t)1e9;
            bins *= n;
        }
        size *= 1.25;
    } while (bins > (double)most);
}

static inline int64_t grid_clamp(const md_grid *grid, int d, double x)
{
    const double q = (x - grid->low[d]) * grid->inverse[d];
    if (!(q > 0.0))
        return 0;
    return q < (double)grid->n[d] ? (int64_t)q : grid->n[d] - 1;
}

/* An order of the owned atoms in which neighbours in space are neighbours in
 * memory: bins of `size`, walked in columns of 8 x 32 bins along z so that what
 * a row of atoms touches stays in the second-level cache.
 * order: [n_owned]; work: [2 n_owned + BINS_FLOOR + 2]. */
static void spatial_order(const md_atoms *atoms, double size, int64_t *order, int64_t *work)
{
    enum { TILE_X = 32, TILE_Y = 8 };
    const int64_t n = atoms->n_owned;
    md_grid grid;
    owned_grid(atoms, size, n + BINS_FLOOR, &grid);
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

/* Sort all atoms by bin: the bins of spatial_order, continued outwards to hold the ghosts. */
static void fill_bins(const md_atoms *atoms, double cutoff, md_bins *bins, md_grid *grid)
{
    const int64_t n = atoms->n_owned + atoms->n_ghost, most = BINS_PER_ATOM * n + BINS_FLOOR;
    double size = 0.5 * cutoff, n_bins;
    do {
        owned_grid(atoms, size, most, grid);
        n_bins = 1.0;
        for (int d = 0; d < 3; d++) {
            const int64_t rim = (int64_t)ceil(cutoff * grid->inverse[d]);
            grid->low[d] -= (double)rim * grid->width[d];
            grid->n[d] += 2 * rim;
            n_bins *= (double)grid->n[d];
        }
        size *= 1.25;
    } while (n_bins > (double)most);

    int32_t *start = bins->start;
    memset(start, 0, (size_t)(n_bins + 2.0) * sizeof *start);
    start++; /* shifted by one so that the fill below leaves first atoms behind */
    for (int64_t i = 0; i < n; i++) {
        const double *row = atoms->x + 4 * i;
        const int64_t bz = grid_clamp(grid, 2, row[2]), by = grid_clamp(grid, 1, row[1]);
        bins->bin[i] = (int32_t)((bz * grid->n[1] + by) * grid->n[0] + grid_clamp(grid, 0, row[0]));
        start[bins->bin[i] + 1]++;
    }
    for (int64_t b = 0; b < (int64_t)n_bins; b++)
        start[b + 1] += start[b];
    const md_points *sorted = &bins->sorted;
    for (int64_t i = 0; i < n; i++) {
        const int32_t at = start[bins->bin[i]]++;
        sorted->x[at] = atoms->x[4 * i];
        sorted->y[at] = atoms->x[4 * i + 1];
        sorted->z[at] = atoms->x[4 * i + 2];
        sorted->atom[at] = (int32_t)i;
    }
}

/* Append to `near` [n...] the atoms of layer cz within `cutoff` of any point of bin (bx, by, bz). */
static int64_t gather_layer(const md_bins *bins, const md_grid *grid, double cutoff, const int64_t b[3],
                            int64_t cz, int64_t n)
{
    const md_points *from = &bins->sorted, *to = &bins->near;
    const int64_t reach_y = (int64_t)ceil(cutoff * grid->inverse[1]);
    const int64_t low_y = b[1] > reach_y ? b[1] - reach_y : 0;
    const int64_t steps_z = cz > b[2] ? cz - b[2] - 1 : (cz < b[2] ? b[2] - cz - 1 : 0);
    const double gap_z = (double)steps_z * grid->width[2];
    for (int64_t cy = low_y; cy <= b[1] + reach_y && cy < grid->n[1]; cy++) {
        const int64_t steps_y = cy > b[1] ? cy - b[1] - 1 : (cy < b[1] ? b[1] - cy - 1 : 0);
        const double gap_y = (double)steps_y * grid->width[1];
        /* slack: bin edges are rounded, atoms on them may sit in either bin */
        const double left = cutoff * cutoff * (1.0 + 1e-9) - gap_y * gap_y - gap_z * gap_z;
        if (left < 0.0)
            continue;
        const int64_t reach_x = (int64_t)(sqrt(left) * grid->inverse[0]) + 1;
        const int64_t low_x = b[0] > reach_x ? b[0] - reach_x : 0;
        const int64_t high_x = b[0] + reach_x < grid->n[0] ? b[0] + reach_x : grid->n[0] - 1;
        const int32_t *row = bins->start + (cz * grid->n[1] + cy) * grid->n[0];
        const int64_t begin = row[low_x], count = row[high_x + 1] - begin;
        for (int64_t k = 0; k < count; k += 4) {
            v_store(to->x + n + k, v_load(from->x + begin + k));
            v_store(to->y + n + k, v_load(from->y + begin + k));
            v_store(to->z + n + k, v_load(from->z + begin + k));
            memcpy(to->atom + n + k, from->atom + begin + k, 4 * sizeof *to->atom);
        }
        n += count;
    }
    return n;
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

/* Append to `out` the atoms of points [begin, end) within the cutoff of (x, y, z).
 * rule 0: all but the atom itself; 1: the upper half in (z, y, x), tested;
 * 2: all, known to be above. `coincident` counts pairs at distance zero. */
MD_INLINE int64_t scan(const md_points *points, int64_t begin, int64_t end, v4d xi, v4d yi, v4d zi, v4d cut2,
                       const int rule, int32_t *out, v4i *coincident)
{
    const v4d zero = v_set1(0.0);
    int64_t found = 0;
    for (int64_t j = begin; j < end; j += 4) {
        const v4d dx = v_load(points->x + j) - xi, dy = v_load(points->y + j) - yi;
        const v4d dz = v_load(points->z + j) - zi;
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
        found += append(out + found, points->atom + j, v_bits(take));
    }
    return found;
}

/* Verlet list of the owned atoms, half or full; index row n_owned + n_ghost is
 * "nobody". MD_FULL: list->index was too small, *needed says what would do.
 * MD_OVERLAP: two atoms at one place, *needed is the row of one. */
MD_INLINE int build_list(const md_atoms *atoms, double cutoff, const int half, md_bins *bins, md_list *list,
                         int64_t *needed)
{
    const int64_t n = atoms->n_owned;
    const int32_t nobody = (int32_t)(n + atoms->n_ghost);
    const v4d cut2 = v_set1(cutoff * cutoff);
    md_grid grid;
    fill_bins(atoms, cutoff, bins, &grid);
    const int64_t reach_z = (int64_t)ceil(cutoff * grid.inverse[2]);
    int64_t at = 0, pairs = 0, level = 0, around = 0; /* near: [0, level) to be tested, [level, around) above */
    int32_t here = -1;

    for (int64_t i = 0; i < n; i++) {
        if (bins->bin[i] != here) { /* atoms are sorted: a bin's atoms follow one another */
            here = bins->bin[i];
            const int64_t b[3] = {here % grid.n[0], here / grid.n[0] % grid.n[1], here / grid.n[0] / grid.n[1]};
            level = gather_layer(bins, &grid, cutoff, b, b[2], 0);
            around = level;
            for (int64_t cz = b[2] + 1; cz <= b[2] + reach_z && cz < grid.n[2]; cz++)
                around = gather_layer(bins, &grid, cutoff, b, cz, around);
            for (int64_t cz = b[2] - 1; !half && cz >= b[2] - reach_z && cz >= 0; cz--)
                around = gather_layer(bins, &grid, cutoff, b, cz, around);
        }
        if (at + around + 16 > list->capacity) {
            *needed = (int64_t)(1.1 * (double)at * (double)n / (double)(i + 1)) + around + 1024;
            return MD_FULL;
        }
        const v4d x = v_set1(atoms->x[4 * i]), y = v_set1(atoms->x[4 * i + 1]), z = v_set1(atoms->x[4 * i + 2]);
        const int64_t first = at;
        v4i coincident = {0, 0, 0, 0};
        list->first[i] = at;
        if (half) {
            at += scan(&bins->near, 0, level, x, y, z, cut2, 1, list->index + at, &coincident);
            at += scan(&bins->near, level, around, x, y, z, cut2, 2, list->index + at, &coincident);
        } else {
            at += scan(&bins->near, 0, around, x, y, z, cut2, 0, list->index + at, &coincident);
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
