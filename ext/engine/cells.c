/* Which atoms are close?  Cells and Verlet lists, O(N).
 *
 * Atoms (owned and ghosts alike: periodicity exists only as ghosts) are binned
 * into an orthorhombic grid, x fastest, so a row of bins along x is one
 * contiguous run. The runs around a bin are copied side by side once and then
 * tested against each atom of the bin.
 *
 * Half list: of a pair the atom with the lower (z, y, x) lists the other, if it
 * is owned here. Positions are exact multiples of a grid (fixed.h), so every
 * rank and every image takes the same side without asking. Layers of bins above
 * hold only upper atoms: there single precision, eight at a time, is enough (it
 * may list a pair farther than the cutoff by a few parts in a million), as long as
 * bins are no wider than the cutoff and hold their atoms. */
#include <math.h>
#include <stdlib.h>

#include "core/md_types.h"
#include "core/simd.h"

static inline double distance2(const double *a, const double *b)
{
    const double x = a[0] - b[0], y = a[1] - b[1], z = a[2] - b[2];
    return x * x + y * y + z * z;
}

/* Corners of the box around atoms [0, n). */
static void bounds(const md_atoms *atoms, int64_t n, v4d *low_corner, v4d *high_corner)
{
    v4d low = v_set1(INFINITY), high = v_set1(-INFINITY);
    for (int64_t i = 0; i < n; i++) {
        const v4d a = v_load(atoms->x + 4 * i);
        const v4i below = a < low, above = a > high;
        low = (v4d)(((v4i)a & below) | ((v4i)low & ~below));
        high = (v4d)(((v4i)a & above) | ((v4i)high & ~above));
    }
    *low_corner = low, *high_corner = high;
}

/* Bins of about 2 size x size x size around the owned atoms; at most `most` of them. */
static void owned_grid(const md_atoms *atoms, double size, int64_t most, md_grid *grid)
{
    v4d low, high;
    bounds(atoms, atoms->n_owned, &low, &high);
    const v4d span = high - low;
    if (atoms->n_owned && span[0] * span[1] * span[2] > 2.0 * size * size * size * (double)most) {
        /* a few atoms far away need no bins of their own: cover the bulk, the rim takes in the rest */
        v4d sum = v_set1(0.0), squares = v_set1(0.0);
        for (int64_t i = 0; i < atoms->n_owned; i++) {
            const v4d a = v_load(atoms->x + 4 * i) - low;
            sum += a, squares += a * a;
        }
        const v4d n = v_set1((double)atoms->n_owned), mean = sum / n;
        const v4d wide = v_sqrt(v_set1(9.0) * v_worst(squares / n - mean * mean, v_set1(0.0)));
        const v4d from = low + mean - wide, to = low + mean + wide;
        const v4i above = from > low, below = to < high;
        low = (v4d)(((v4i)from & above) | ((v4i)low & ~above));
        high = (v4d)(((v4i)to & below) | ((v4i)high & ~below));
    }
    double bins;
    do {
        bins = 1.0;
        for (int d = 0; d < 3; d++) {
            const double span = atoms->n_owned ? high[d] - low[d] : 0.0;
            const double edge = d == 0 ? 2.0 * size : size;
            const double n = fmax(1.0, floor(span / edge));
            grid->low[d] = atoms->n_owned ? low[d] : 0.0;
            grid->width[d] = fmax(span / n, edge);
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

static inline int64_t grid_bin(const md_grid *grid, const double *row)
{
    const int64_t bz = grid_clamp(grid, 2, row[2]), by = grid_clamp(grid, 1, row[1]);
    return (bz * grid->n[1] + by) * grid->n[0] + grid_clamp(grid, 0, row[0]);
}

/* An order of the owned atoms in which neighbours in space are neighbours in
 * memory: by the bins of the list. order: [n_owned]; work: [2 n_owned + BINS_FLOOR + 2]. */
static void spatial_order(const md_atoms *atoms, double size, int64_t *order, int64_t *work)
{
    const int64_t n = atoms->n_owned;
    md_grid grid;
    owned_grid(atoms, size, n + BINS_FLOOR, &grid);
    const int64_t bins = grid.n[0] * grid.n[1] * grid.n[2];
    int64_t *bin = work, *count = work + n;
    memset(count, 0, (size_t)(bins + 1) * sizeof *count);
    for (int64_t i = 0; i < n; i++) {
        bin[i] = grid_bin(&grid, atoms->x + 4 * i);
        count[bin[i] + 1]++;
    }
    for (int64_t b = 0; b < bins; b++)
        count[b + 1] += count[b];
    for (int64_t i = 0; i < n; i++)
        order[count[bin[i]]++] = i;
}

/* Sort all atoms by bin: the bins of spatial_order, continued outwards to hold the ghosts. */
static void fill_bins(const md_atoms *atoms, double cutoff, md_bins *bins)
{
    md_grid *grid = &bins->grid;
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

    v4d low, high;
    bounds(atoms, n, &low, &high);
    grid->compact = 1;
    for (int d = 0; d < 3; d++)
        if (grid->width[d] > 1.01 * cutoff || low[d] < grid->low[d] - 2.0 * cutoff ||
            high[d] > grid->low[d] + (double)grid->n[d] * grid->width[d] + 2.0 * cutoff)
            grid->compact = 0;

    int32_t *start = bins->start;
    memset(start, 0, (size_t)(n_bins + 2.0) * sizeof *start);
    start++; /* shifted by one so that the fill below leaves first atoms behind */
    for (int64_t i = 0; i < n; i++) {
        bins->bin[i] = (int32_t)grid_bin(grid, atoms->x + 4 * i);
        start[bins->bin[i] + 1]++;
    }
    for (int64_t b = 0; b < (int64_t)n_bins; b++)
        start[b + 1] += start[b];
    for (int64_t i = 0; i < n; i++) {
        const int32_t at = start[bins->bin[i]]++;
        bins->x[at] = atoms->x[4 * i];
        bins->y[at] = atoms->x[4 * i + 1];
        bins->z[at] = atoms->x[4 * i + 2];
        bins->atom[at] = (int32_t)i;
    }
}

/* Append the lanes of `atom` whose bit is set; lanes[bits] moves them to the front. */
#if defined(__AVX2__)
/* Byte k of row `bits` is the k-th lane whose bit is set: L(b, s) is what lane s adds to a row (as a
 * 64-bit word), shifted behind the lanes below. */
#define COUNT3(b) (((b)&1) + ((b) >> 1 & 1) + ((b) >> 2 & 1))
#define COUNT7(b) (COUNT3(b) + COUNT3((b) >> 3) + ((b) >> 6 & 1))
#define L(b, s) ((b) >> (s)&1 ? (uint64_t)(s) << 8 * COUNT7((b) & ((1 << (s)) - 1)) : 0)
#define ROW(b) (L(b, 1) | L(b, 2) | L(b, 3) | L(b, 4) | L(b, 5) | L(b, 6) | L(b, 7))
#define ROWS4(b) ROW(b), ROW(b + 1), ROW(b + 2), ROW(b + 3)
#define ROWS16(b) ROWS4(b), ROWS4(b + 4), ROWS4(b + 8), ROWS4(b + 12)
#define ROWS64(b) ROWS16(b), ROWS16(b + 16), ROWS16(b + 32), ROWS16(b + 48)
static const uint64_t front_lanes[256] = {ROWS64(0), ROWS64(64), ROWS64(128), ROWS64(192)};

MD_INLINE int64_t append8(int32_t *out, const int32_t *atom, unsigned bits)
{
    const __m256i lanes = _mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i *)&front_lanes[bits]));
    _mm256_storeu_si256((__m256i *)out, _mm256_permutevar8x32_epi32(_mm256_loadu_si256((const __m256i *)atom), lanes));
    return __builtin_popcount(bits);
}

MD_INLINE int64_t append(int32_t *out, const int32_t *atom, unsigned bits)
{
    const __m128i lanes = _mm_cvtepu8_epi32(_mm_loadl_epi64((const __m128i *)&front_lanes[bits]));
    _mm_storeu_ps((float *)out, _mm_permutevar_ps(_mm_loadu_ps((const float *)atom), lanes));
    return __builtin_popcount(bits);
}
#else
MD_INLINE int64_t append_lanes(int32_t *out, const int32_t *atom, unsigned bits, int width)
{
    int64_t n = 0;
    for (int k = 0; k < width; k++) {
        out[n] = atom[k];
        n += bits >> k & 1;
    }
    return n;
}

MD_INLINE int64_t append8(int32_t *out, const int32_t *atom, unsigned bits) { return append_lanes(out, atom, bits, 8); }
MD_INLINE int64_t append(int32_t *out, const int32_t *atom, unsigned bits) { return append_lanes(out, atom, bits, 4); }
#endif

/* How far along x (in bins) a row must be searched that lies steps_y and steps_z
 * whole bins away from the bin of the atom; -1: it is out of reach. */
static int64_t row_reach(const md_grid *grid, double cutoff, int64_t steps_y, int64_t steps_z)
{
    const double gap_y = (double)(steps_y > 1 ? steps_y - 1 : 0) * grid->width[1];
    const double gap_z = (double)(steps_z > 1 ? steps_z - 1 : 0) * grid->width[2];
    /* slack: bin edges are rounded, atoms on them may sit in either bin */
    const double left = cutoff * cutoff * (1.0 + 1e-9) - gap_y * gap_y - gap_z * gap_z;
    return left < 0.0 ? -1 : (int64_t)(sqrt(left) * grid->inverse[0]) + 1;
}

enum { MOST_STEPS = 8 }; /* bins are at least a quarter of the cutoff wide */
typedef int64_t md_reaches[MOST_STEPS + 1][MOST_STEPS + 1];

/* The atoms of layer cz that can be within reach of bin b: appended to the near
 * columns (layer of the bin: exact) or to the above columns (single precision). */
MD_INLINE int64_t gather_layer(const md_bins *bins, const md_grid *grid, md_reaches reaches, const int64_t b[3],
                               int64_t cz, int64_t n, const int exact, const double corner[3])
{
    const int64_t steps_z = cz > b[2] ? cz - b[2] : b[2] - cz;
    const v4d cx = v_set1(corner[0]), cy = v_set1(corner[1]), cz0 = v_set1(corner[2]);
    for (int64_t dy = -MOST_STEPS; dy <= MOST_STEPS; dy++) {
        const int64_t reach = reaches[dy < 0 ? -dy : dy][steps_z], y = b[1] + dy;
        if (reach < 0 || y < 0 || y >= grid->n[1])
            continue;
        const int64_t low = b[0] > reach ? b[0] - reach : 0;
        const int64_t high = b[0] + reach < grid->n[0] ? b[0] + reach : grid->n[0] - 1;
        const int32_t *row = bins->start + (cz * grid->n[1] + y) * grid->n[0];
        const int64_t begin = row[low], count = row[high + 1] - begin;
        for (int64_t k = 0; k < count; k += 4) {
            const v4d px = v_load(bins->x + begin + k), py = v_load(bins->y + begin + k);
            const v4d pz = v_load(bins->z + begin + k);
            if (exact) {
                v_store(bins->near_x + n + k, px);
                v_store(bins->near_y + n + k, py);
                v_store(bins->near_z + n + k, pz);
            } else {
                v_store_float(bins->above_x + n + k, px - cx);
                v_store_float(bins->above_y + n + k, py - cy);
                v_store_float(bins->above_z + n + k, pz - cz0);
            }
            memcpy((exact ? bins->near : bins->above) + n + k, bins->atom + begin + k, 16);
        }
        n += count;
    }
    return n;
}

/* Append to `out` the near atoms [0, n) within the cutoff of (x, y, z): with `half`
 * the upper ones in (z, y, x), else all but the atom itself. `coincident` counts
 * pairs at distance zero, the atom itself among them. */
MD_INLINE int64_t scan_near(const md_bins *bins, int64_t n, v4d xi, v4d yi, v4d zi, v4d cut2, const int half,
                            int32_t *MD_RESTRICT out, v4i *coincident)
{
    const double *MD_RESTRICT px = bins->near_x, *MD_RESTRICT py = bins->near_y, *MD_RESTRICT pz = bins->near_z;
    const int32_t *MD_RESTRICT atom = bins->near;
    const v4d zero = v_set1(0.0);
    v4i same_place = {0, 0, 0, 0};
    int64_t found = 0;
    for (int64_t j = 0; j < n; j += 4) {
        const v4d dx = v_load(px + j) - xi, dy = v_load(py + j) - yi, dz = v_load(pz + j) - zi;
        const v4d r2 = dx * dx + dy * dy + dz * dz;
        const v4i inside = (v4i)(r2 <= cut2), same = (v4i)(r2 == zero);
        same_place -= same;
        const v4i take = half ? (v4i)(dz > zero) | ((v4i)(dz == zero) &
                                    ((v4i)(dy > zero) | ((v4i)(dy == zero) & (v4i)(dx > zero))))
                              : ~same;
        found += append(out + found, atom + j, v_bits(inside & take));
    }
    *coincident += same_place;
    return found;
}

/* The same for the atoms [0, n) of the layers above, single precision. */
MD_INLINE int64_t scan_above(const md_bins *bins, int64_t n, v8f xi, v8f yi, v8f zi, v8f cut2,
                             int32_t *MD_RESTRICT out)
{
    const float *MD_RESTRICT px = bins->above_x, *MD_RESTRICT py = bins->above_y, *MD_RESTRICT pz = bins->above_z;
    const int32_t *MD_RESTRICT atom = bins->above;
    int64_t found = 0;
    for (int64_t j = 0; j < n; j += 8) {
        const v8f dx = v8_load(px + j) - xi, dy = v8_load(py + j) - yi, dz = v8_load(pz + j) - zi;
        found += append8(out + found, atom + j, v8_bits((v8i)(dx * dx + dy * dy + dz * dz <= cut2)));
    }
    return found;
}

/* Verlet list of the owned atoms, half or full; index row n_owned + n_ghost is
 * the padding row. MD_FULL: list->index was too small, *needed says what would do.
 * MD_OVERLAP: two atoms at one place, *needed is the row of one. */
MD_INLINE int build_list(const md_atoms *atoms, double cutoff, const int half, md_bins *bins, md_list *list,
                         int64_t *needed)
{
    const int64_t n = atoms->n_owned;
    const int32_t padding = (int32_t)(n + atoms->n_ghost);
    const v4d cut2 = v_set1(cutoff * cutoff), far = v_set1(1e18);
    const v8f loose2 = v8_set1((float)(cutoff * cutoff * (1.0 + 1e-5)));
    fill_bins(atoms, cutoff, bins);
    const md_grid grid = bins->grid;
    md_reaches reaches;
    for (int64_t y = 0; y <= MOST_STEPS; y++)
        for (int64_t z = 0; z <= MOST_STEPS; z++)
            reaches[y][z] = row_reach(&grid, cutoff, y, z);
    const int64_t reach_z = (int64_t)ceil(cutoff * grid.inverse[2]);
    int64_t at = 0, pairs = 0, n_near = 0, n_above = 0;
    double corner[3] = {0.0, 0.0, 0.0};
    int32_t here = -1;

    for (int64_t i = 0; i < n; i++) {
        if (bins->bin[i] != here) { /* atoms are sorted: a bin's atoms follow one another */
            here = bins->bin[i];
            const int64_t b[3] = {here % grid.n[0], here / grid.n[0] % grid.n[1], here / grid.n[0] / grid.n[1]};
            for (int d = 0; d < 3; d++)
                corner[d] = grid.low[d] + (double)b[d] * grid.width[d];
            n_near = n_above = 0;
            for (int64_t cz = half ? b[2] : b[2] - reach_z; cz <= b[2] + reach_z; cz++) {
                if (cz < 0 || cz >= grid.n[2])
                    continue;
                if (!half || cz == b[2] || !grid.compact)
                    n_near = gather_layer(bins, &grid, reaches, b, cz, n_near, 1, corner);
                else
                    n_above = gather_layer(bins, &grid, reaches, b, cz, n_above, 0, corner);
            }
            for (int64_t k = 0; k < 8; k += 4) { /* whoever fills up the last vectors is out of reach */
                v_store(bins->near_x + n_near + k, far);
                v_store_float(bins->above_x + n_above + k, far);
            }
        }
        if (at + n_near + n_above + 16 + LIST_AHEAD > list->capacity) {
            *needed = (int64_t)(1.1 * (double)at * (double)n / (double)(i + 1)) + n_near + n_above + 1024;
            return MD_FULL;
        }
        const double x = atoms->x[4 * i], y = atoms->x[4 * i + 1], z = atoms->x[4 * i + 2];
        const int64_t first = at;
        v4i coincident = {0, 0, 0, 0};
        list->first[i] = at;
        at += scan_near(bins, n_near, v_set1(x), v_set1(y), v_set1(z), cut2, half, list->index + at, &coincident);
        if (half)
            at += scan_above(bins, n_above, v8_set1((float)(x - corner[0])), v8_set1((float)(y - corner[1])),
                             v8_set1((float)(z - corner[2])), loose2, list->index + at);
        if (coincident[0] + coincident[1] + coincident[2] + coincident[3] > 1) { /* more than itself */
            *needed = i;
            return MD_OVERLAP;
        }
        pairs += at - first;
        while (at & 3)
            list->index[at++] = padding;
    }
    list->first[n] = at;
    for (int64_t k = 0; k < LIST_AHEAD; k++)
        list->index[at + k] = padding;
    list->n_pairs = pairs;
    return MD_OK;
}

static int verlet_list(const md_atoms *atoms, double cutoff, int half, md_bins *bins, md_list *list,
                       int64_t *needed)
{
    return half ? build_list(atoms, cutoff, 1, bins, list, needed) : build_list(atoms, cutoff, 0, bins, list, needed);
}

/* May a pair that is not listed have come within the cutoff since the list was built?  `cutoff` + `skin` is what
 * the list was built for; no atom has moved farther than `farthest`, which must be less than the skin.
 *
 * Two atoms that were r0 apart and have moved d_i and d_j are no closer than r0 - d_i - d_j. So a pair is
 * missing only if cutoff + skin < r0 < cutoff + d_i + d_j, and then one of the two has moved more than half
 * the skin. These are few: only around them is looked, at where everybody was (the bins are those of the build). */
static int list_is_stale(const md_atoms *atoms, const md_bins *bins, double cutoff, double skin, double farthest)
{
    const int64_t total = atoms->n_owned + atoms->n_ghost;
    const md_grid *grid = &bins->grid;
    const v4d listed2 = v_set1((cutoff + skin) * (cutoff + skin) * (1.0 - 1e-9));
    for (int64_t i = 0; i < total; i++) {
        const double *from = atoms->start + 4 * i;
        const double moved2 = distance2(atoms->x + 4 * i, from);
        if (moved2 <= 0.25 * skin * skin)
            continue;
        const double near = cutoff + sqrt(moved2), far = near + farthest;
        const v4d x = v_set1(from[0]), y = v_set1(from[1]), z = v_set1(from[2]), far2 = v_set1(far * far);
        int64_t low[3], high[3];
        for (int d = 0; d < 3; d++) {
            low[d] = grid_clamp(grid, d, from[d] - far);
            high[d] = grid_clamp(grid, d, from[d] + far);
        }
        for (int64_t bz = low[2]; bz <= high[2]; bz++)
            for (int64_t by = low[1]; by <= high[1]; by++) {
                const int32_t *row = bins->start + (bz * grid->n[1] + by) * grid->n[0];
                const int64_t end = row[high[0] + 1];
                for (int64_t k = row[low[0]]; k < end; k += 4) {
                    const v4d dx = v_load(bins->x + k) - x, dy = v_load(bins->y + k) - y, dz = v_load(bins->z + k) - z;
                    const v4d r2 = dx * dx + dy * dy + dz * dz;
                    unsigned lanes = v_bits((v4i)(r2 > listed2) & (v4i)(r2 < far2));
                    for (; lanes; lanes &= lanes - 1) {
                        const int lane = __builtin_ctz(lanes);
                        const int64_t j = bins->atom[k + lane];
                        if (k + lane >= end || (i >= atoms->n_owned && j >= atoms->n_owned))
                            continue;
                        const double close = near + sqrt(distance2(atoms->x + 4 * j, atoms->start + 4 * j));
                        if (r2[lane] < close * close)
                            return 1;
                    }
                }
            }
    }
    return 0;
}
