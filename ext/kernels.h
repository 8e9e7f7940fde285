/* The kernels, as one table a CPU level. Who calls them sees no instruction set. */
#ifndef MD_KERNELS_H
#define MD_KERNELS_H

#include <stdint.h>

#include "md_types.h"

/* A pair potential over a half list: adds forces; energies in the variants with PAIR_ENERGY.
 *
 * table: [n_species][n_species][row]. energy_limbs: the exact sum on FORCE_GRID. atom_energy: NULL, or
 * [n_owned + n_ghost + 1] that gets half of each pair's energy on either atom. Returns (with PAIR_ENERGY) the row of
 * an atom with a neighbour so close that a force or energy is beyond FORCE_LIMIT, or -1. */
typedef int64_t md_pair(const md_atoms *, const md_list *, const double *table, int64_t n_species, int variant,
                        int64_t *energy_limbs, double *atom_energy);
enum { PAIR_LJ, PAIR_ZBL, PAIRS };

/* variants, or-ed */
enum { PAIR_ENERGY = 1, LJ_MANY = 2, LJ_FORCE_SHIFTED = 4 };
/* columns of a pair-of-species row of pair_lj's table:
 * g = dE/dr / r = r^-2 (G12 r^-12 + G6 r^-6) + GSLOPE / r for r^2 < CUT2,
 * E = E12 r^-12 + E6 r^-6 + ESHIFT + ESLOPE r */
enum { LJ_G12, LJ_G6, LJ_CUT2, LJ_GSLOPE, LJ_E12, LJ_E6, LJ_ESHIFT, LJ_ESLOPE, LJ_ROW };

/* columns of a pair-of-species row of pair_zbl's table, lengths and energies as they come:
 * E = sum_k C_k exp(-D_k r) / r + SHIFT + S3 t^3 + S4 t^4, t = max(r - INNER, 0), for r^2 < CUT2;
 * INNER and CUT2 are the same in all rows */
enum { ZBL_C = 0, ZBL_D = 4, ZBL_SHIFT = 8, ZBL_S3, ZBL_S4, ZBL_INNER, ZBL_CUT2, ZBL_FARTHEST2, ZBL_ROW };

enum { LIMBS = 3 }; /* of an exact sum (fixed.h) */

typedef struct md_kernels {
    const char *name;
    /* cells.c */
    int (*verlet_list)(const md_atoms *, double cutoff, int half, md_bins *, md_list *, int64_t *needed);
    int (*list_outrun)(const md_atoms *, const md_bins *, double cutoff, double skin, double farthest);
    void (*spatial_order)(const md_atoms *, double size, int64_t *order, int64_t *work);
    /* order.c */
    void (*canonical_order)(const md_atoms *, int64_t n_species, const md_list *, int32_t *bounds, int64_t *work);
    /* pair_*.c */
    md_pair *pair[PAIRS];
    /* integrate.c */
    void (*verlet_first)(const md_atoms *, double dt, double grid_big, md_motion *);
    void (*langevin_first)(const md_atoms *, double dt, double grid_big, uint64_t seed, uint64_t step,
                           double decay, double spread, int64_t *heat_limbs, md_motion *);
    int64_t (*second_kick)(const md_atoms *, double dt);
    void (*normals)(uint64_t seed, uint64_t step, uint64_t stream, const int64_t *tags, int64_t n, double *out);
    void (*philox_words)(uint64_t seed, uint64_t step, uint64_t stream, const int64_t *tags, int64_t n,
                         uint32_t *out);
    /* reduce.c */
    void (*kinetic_sums)(const md_atoms *, int64_t *limbs);
    void (*virial_sums)(const md_atoms *, double positions_per_unit, int64_t *limbs);
    /* halo.c */
    int64_t (*wrap)(md_atoms *, int32_t *images, const double *matrix, const double *inverse, const double *origin,
                    const md_place *, int32_t *left, int32_t *away, double farthest[6]);
    void (*pack_records)(const md_columns *, const int32_t *rows, int64_t n, char *out);
    void (*remove_records)(const md_columns *, const int32_t *rows, int64_t n, int64_t owned);
    void (*unpack_records)(const md_columns *, int64_t begin, const char *in, int64_t n);
    int64_t (*select_beyond)(const double *x, int64_t begin, int64_t end, const double normal[3],
                             const double origin[3], double bound, int sign, int32_t *out);
    void (*copy_shifted)(double *to, const double *from, const int32_t *rows, int64_t n, const double shift[3]);
    void (*add_rows)(double *to, const double *from, const int32_t *rows, int64_t n);
} md_kernels;

/* The best table this CPU runs, or the one `wanted` names (NULL: best); NULL if
 * it does not exist or the CPU lacks it. */
const md_kernels *md_select(const char *wanted);
/* Names of the levels this CPU runs, best first; NULL-terminated. */
const char *const *md_levels(void);

#endif
