/* How do atoms move?  Half kicks, drifts, and the Ornstein-Uhlenbeck step.
 *
 * Positions stay on the grid of the run: each displacement is rounded to it
 * (x + (d + big - big), exact), so a position is the same number in every image
 * and on every rank. Rows are (x, y, z, pad) with the inverse mass in the pad of
 * the velocity; pads of positions and forces pass through unchanged. */
#include <math.h>
#include <string.h>

#include "core/fixed.h"
#include "core/md_types.h"
#include "core/philox.h"
#include "core/simd.h"

enum { MOST_BATHS = 256 };
enum { NO_NOISE, ONE_BATH, BATHS }; /* variants of `advance` */
enum { NOISE_LANGEVIN = 0 }; /* stream; Python numbers the others */

/* The sum of four energies, in units of the energy grid. */
MD_INLINE md_i128 energies(v4d a)
{
    return (md_i128)md_energy(a[0]) + md_energy(a[1]) + md_energy(a[2]) + md_energy(a[3]);
}

/* BAOAB (Leimkuhler & Matthews, J. Chem. Phys. 138, 174102 (2013)), first part: B A O A.
 * Without noise the two half drifts are one: velocity Verlet.
 * decay = exp(-friction dt); spread = sqrt(kT (1 - decay^2)); heat gets what the O step put in, each component on the
 * energy grid. Of BATHS, each atom has the decay and spread of its own along x, y and z, times these, and each bath its
 * heat. */
MD_INLINE void advance(const md_atoms *atoms, double dt, double grid_big, uint64_t seed, uint64_t step,
                       double decay, double spread, const md_baths *baths, md_i128 *heat, md_motion *motion,
                       const int langevin)
{
    const int64_t n = atoms->n_owned;
    const v4d big = {grid_big, grid_big, grid_big, 0.0};
    const double hop = langevin ? 0.5 * dt : dt;
    const v4d drift = {hop, hop, hop, 0.0}, keep = {decay, decay, decay, 1.0};
    v4d far_step = v_set1(0.0), far_total = v_set1(0.0);
    float noise[3][NOISE_BLOCK];
    const philox_key key = philox_for(seed, step, NOISE_LANGEVIN);
    md_i128 gained = 0;

    for (int64_t block = 0; block < n; block += NOISE_BLOCK) {
        const int64_t end = block + NOISE_BLOCK < n ? block + NOISE_BLOCK : n;
        v4i units = {0, 0, 0, 0}; /* of heat of this block, by component */
        if (langevin)
            noise_block(&key, atoms->tags + block, end - block, noise);
        for (int64_t i = block; i < end; i += 4) {
            v4d v[4], moved[4], away[4], heats[4], g[4], a, b, c, w;
            for (int k = 0; k < 4; k++)
                v[k] = i + k < end ? v_load(atoms->v + 4 * (i + k)) : v_set1(1.0);
            if (langevin) {
                const float *at = noise[0] + (i - block);
                v_transpose(v_load_float(at), v_load_float(at + NOISE_BLOCK), v_load_float(at + 2 * NOISE_BLOCK),
                            v_set1(0.0), g, g + 1, g + 2, g + 3);
            }
            v_transpose(v[0], v[1], v[2], v[3], &a, &b, &c, &w);
            const v4d widths = v_set1(spread) * v_sqrt(w), half_masses = v_set1(0.5) / w;
            for (int k = 0; k < 4; k++) {
                if (i + k >= end) {
                    moved[k] = away[k] = heats[k] = v_set1(0.0);
                    continue;
                }
                double *const px = atoms->x + 4 * (i + k);
                const v4d x = v_load(px);
                v[k] += v_set1(0.5 * dt * v[k][3]) * v_load(atoms->f + 4 * (i + k));
                v4d d = v[k] * drift + big - big;
                if (langevin) {
                    const v4d before = v[k] * v[k];
                    if (langevin == BATHS) {
                        const double *row = baths->rows + 8 * baths->bath[atoms->tags[i + k]];
                        v[k] = v[k] * v_load(row) + v_set1(widths[k]) * v_load(row + 4) * g[k];
                    } else {
                        v[k] = v[k] * keep + v_set1(widths[k]) * g[k];
                    }
                    heats[k] = (v[k] * v[k] - before) * v_set1(half_masses[k]);
                    if (langevin == BATHS)
                        heat[baths->bath[atoms->tags[i + k]]] += energies(heats[k]);
                    d += v[k] * drift + big - big;
                }
                v_store(atoms->v + 4 * (i + k), v[k]);
                v_store(px, x + d);
                moved[k] = d;
                away[k] = x + d - v_load(atoms->start + 4 * (i + k));
            }
            if (langevin == ONE_BATH) {
                const v4d limit = v_set1(ENERGY_SMALL);
                v4i fine = {-1, -1, -1, -1};
                for (int k = 0; k < 4; k++)
                    fine &= (v4i)(heats[k] < limit) & (v4i)(heats[k] > -limit);
                if (v_bits(fine) == 15)
                    for (int k = 0; k < 4; k++)
                        units += v_energy(heats[k]);
                else
                    for (int k = 0; k < 4; k++)
                        gained += energies(heats[k]);
            }
            v_transpose(moved[0], moved[1], moved[2], moved[3], &a, &b, &c, &w);
            const v4d step2 = a * a + b * b + c * c;
            v_transpose(away[0], away[1], away[2], away[3], &a, &b, &c, &w);
            const v4d total2 = a * a + b * b + c * c;
            far_step = v_worst(far_step, step2);
            far_total = v_worst(far_total, total2);
        }
        gained += (units[0] + units[1]) + (units[2] + units[3]);
    }
    far_step = v_worst(far_step, V_SHUFFLE(far_step, far_step, 2, 3, 0, 1));
    far_total = v_worst(far_total, V_SHUFFLE(far_total, far_total, 2, 3, 0, 1));
    motion->step2 = v_worst(far_step, V_SHUFFLE(far_step, far_step, 1, 0, 3, 2))[0];
    motion->total2 = v_worst(far_total, V_SHUFFLE(far_total, far_total, 1, 0, 3, 2))[0];
    if (langevin == ONE_BATH)
        *heat += gained;
}

static void verlet_first(const md_atoms *atoms, double dt, double grid_big, md_motion *motion)
{
    advance(atoms, dt, grid_big, 0, 0, 1.0, 0.0, NULL, NULL, motion, NO_NOISE);
}

static void langevin_first(const md_atoms *atoms, double dt, double grid_big, uint64_t seed, uint64_t step,
                           double decay, double spread, const md_baths *baths, int64_t *heat_limbs, md_motion *motion)
{
    md_i128 heat[MOST_BATHS] = {0};
    if (baths)
        advance(atoms, dt, grid_big, seed, step, 1.0, 1.0, baths, heat, motion, BATHS);
    else
        advance(atoms, dt, grid_big, seed, step, decay, spread, NULL, heat, motion, ONE_BATH);
    for (int64_t k = 0; k < (baths ? baths->n : 1); k++)
        md_limbs(heat[k], heat_limbs + 3 * k);
}

/* The closing half kick. Returns the row of an atom whose force is NaN or beyond
 * FORCE_LIMIT (where sums are no longer exact), or -1. */
static int64_t second_kick(const md_atoms *atoms, double dt)
{
    const v4d limit = v_set1(FORCE_LIMIT);
    v4i fine = {-1, -1, -1, -1};
    for (int64_t i = 0; i < atoms->n_owned; i++) {
        double *const pv = atoms->v + 4 * i;
        const v4d v = v_load(pv), f = v_load(atoms->f + 4 * i);
        fine &= (v4i)(f < limit) & (v4i)(f > -limit);
        v_store(pv, v + v_set1(0.5 * dt * v[3]) * f);
    }
    if (v_bits(fine) == 15)
        return -1;
    for (int64_t i = 0; i < atoms->n_owned; i++) {
        const v4d f = v_load(atoms->f + 4 * i);
        if (v_bits((v4i)(f < limit) & (v4i)(f > -limit)) != 15)
            return i;
    }
    return -1;
}

/* All velocities times `factor`. */
static void scale_velocities(const md_atoms *atoms, double factor)
{
    const v4d factors = {factor, factor, factor, 1.0};
    for (int64_t i = 0; i < atoms->n_owned; i++)
        v_store(atoms->v + 4 * i, v_load(atoms->v + 4 * i) * factors);
}

/* A 3x3 matrix as rows of four; rows are multiplied from the left. */
typedef struct {
    v4d a, b, c;
} matrix3;

MD_INLINE matrix3 rows_of(const double *m)
{
    return (matrix3){{m[0], m[1], m[2], 0.0}, {m[3], m[4], m[5], 0.0}, {m[6], m[7], m[8], 0.0}};
}

MD_INLINE v4d times(v4d row, const matrix3 *m)
{
    return v_set1(row[0]) * m->a + v_set1(row[1]) * m->b + v_set1(row[2]) * m->c;
}

/* Positions move by velocities times `hop` [3][3]. */
static void drift(const md_atoms *atoms, const double *hop, double grid_big, md_motion *motion)
{
    const matrix3 by = rows_of(hop);
    const v4d big = {grid_big, grid_big, grid_big, 0.0};
    v4d far_step = v_set1(0.0), far_total = v_set1(0.0);
    for (int64_t i = 0; i < atoms->n_owned; i++) {
        const v4d x = v_load(atoms->x + 4 * i), d = times(v_load(atoms->v + 4 * i), &by) + big - big;
        const v4d step2 = d * d, total = x + d - v_load(atoms->start + 4 * i), total2 = total * total;
        v_store(atoms->x + 4 * i, x + d);
        far_step = v_worst(far_step, v_set1(step2[0] + step2[1] + step2[2]));
        far_total = v_worst(far_total, v_set1(total2[0] + total2[1] + total2[2]));
    }
    motion->step2 = far_step[0], motion->total2 = far_total[0];
}

/* Owned atoms keep their fractional coordinates, now and where they were at the list build; velocities, and the forces that
 * the next half kick takes, are turned. An atom is brought into the cell, strained, rounded and put back: so it does not
 * matter in which image a rank holds it. */
static void strain(const md_atoms *atoms, const md_strain *it)
{
    const v4d big = {it->grid_big, it->grid_big, it->grid_big, 0.0};
    const v4d origin = {it->origin[0], it->origin[1], it->origin[2], 0.0};
    const v4d corner = {it->corner[0], it->corner[1], it->corner[2], 0.0};
    const matrix3 matrix = rows_of(it->matrix), inverse = rows_of(it->inverse), changed = rows_of(it->changed);
    const matrix3 map = rows_of(it->map), turn = rows_of(it->turn);
    const v4d repeats = {it->periodic & 1, it->periodic >> 1 & 1, it->periodic >> 2 & 1, 0.0};
    const v4i pad = {0, 0, 0, -1};
    for (int64_t i = 0; i < atoms->n_owned; i++) {
        double *const px = atoms->x + 4 * i, *const start = atoms->start + 4 * i;
        double *const pv = atoms->v + 4 * i, *const pf = atoms->f + 4 * i;
        const v4d x = v_load(px), v = v_load(pv);
        const v4d cells = v_floor(times(x - origin, &inverse)) * repeats;
        const v4d inside = x - origin - times(cells, &matrix);
        const v4d to = times(inside, &map) + big - big + corner + times(cells, &changed);
        v_store(px, v_mask(to, ~pad) + v_mask(x, pad));
        v_store(start, times(v_load(start) - origin, &map) + corner);
        v_store(pv, v_mask(times(v, &turn), ~pad) + v_mask(v, pad));
        v_store(pf, times(v_load(pf), &turn));
    }
}

/* out: [n][3] standard normals of (seed, step, tag, stream). */
static void normals(uint64_t seed, uint64_t step, uint64_t stream, const int64_t *tags, int64_t n, double *out)
{
    const philox_key key = philox_for(seed, step, stream);
    for (int64_t block = 0; block < n; block += NOISE_BLOCK) {
        const int64_t m = n - block < NOISE_BLOCK ? n - block : NOISE_BLOCK;
        double noise[3][NOISE_BLOCK];
        normals_block(&key, tags + block, m, noise);
        for (int64_t i = 0; i < m; i++)
            for (int d = 0; d < 3; d++)
                out[3 * (block + i) + d] = noise[d][i];
    }
}

/* out: [n][4] the raw 32-bit words, for known-answer tests. */
static void philox_words(uint64_t seed, uint64_t step, uint64_t stream, const int64_t *tags, int64_t n,
                         uint32_t *out)
{
    const philox_key key = philox_for(seed, step, stream);
    for (int64_t block = 0; block < n; block += NOISE_BLOCK) {
        const int64_t m = n - block < NOISE_BLOCK ? n - block : NOISE_BLOCK;
        uint32_t words[4][NOISE_BLOCK];
        philox_block(&key, tags + block, m, words);
        for (int64_t i = 0; i < m; i++)
            for (int k = 0; k < 4; k++)
                out[4 * (block + i) + k] = words[k][i];
    }
}

/* The rows of those tags whose first word is below `limit`, ascending; returns how many. */
static int64_t philox_below(uint64_t seed, uint64_t step, uint64_t stream, const int64_t *tags, int64_t n,
                            uint64_t limit, int64_t *rows)
{
    const philox_key key = philox_for(seed, step, stream);
    int64_t found = 0;
    for (int64_t block = 0; block < n; block += NOISE_BLOCK) {
        const int64_t m = n - block < NOISE_BLOCK ? n - block : NOISE_BLOCK;
        uint32_t words[4][NOISE_BLOCK];
        philox_block(&key, tags + block, m, words);
        for (int64_t i = 0; i < m; i++) {
            rows[found] = block + i;
            found += words[0][i] < limit;
        }
    }
    return found;
}
