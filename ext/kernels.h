/* The kernels, as one table a CPU level. Who calls them sees no instruction set. */
#ifndef MD_KERNELS_H
#define MD_KERNELS_H

#include <stdint.h>

#include "charges/gaussians.h"
#include "charges/mesh.h"
#include "charges/planes.h"
#include "charges/waves.h"
#include "core/md_types.h"
#include "dispersion/dispersion.h"
#include "manybody/eam.h"
#include "manybody/threebody.h"

/* What a pair potential knows of each pair of species: rows [n_species][n_species][columns], multiples of four. Columns of a
 * row: these, and the formula's own (ext/pair/), first those that the force wants. */
enum { PAIR_CUT2, PAIR_OWN, PAIR_SHIFT = 4, PAIR_SLOPE, PAIR_OWN_ENERGY, PAIR_COLUMNS = 16 };
typedef struct md_pair_table {
    const double *rows;
    const double *more; /* other numbers of the formula, or NULL */
    int64_t n_species;
    double farthest2; /* largest CUT2 */
    const double *scale; /* [n + 1] of each atom, ghosts too: what a PAIR_SCALED formula is multiplied with, or NULL */
    const double *weights; /* likewise, with PAIR_WEIGHED: a pair is multiplied with the mean of both */
    int64_t begin, end;    /* of the list only rows begin ... end - 1 */
} md_pair_table;

/* A pair potential over a half list: adds forces; energies in the variants with PAIR_ENERGY. energy_limbs: the exact sum on
 * FORCE_GRID. shares: NULL, or what gets half of each pair on either atom. Returns
 * (with PAIR_ENERGY) the row of an atom with a neighbour so close that a force or energy is beyond FORCE_LIMIT, or -1. */
typedef int64_t md_pair(const md_atoms *, const md_list *, const md_pair_table *, int variant, int64_t *energy_limbs,
                        const md_shares *);
/* variants, or-ed: energies are wanted; there are several species; SLOPE r is added to the energy (force-shifted); forces
 * are those of weighted energies of atoms, which have half of each pair. One for all of these: with PAIR_MANY and
 * PAIR_LINEAR (one species is many, too, and SLOPE is 0 where it is not added), without energies. */
enum { PAIR_ENERGY = 1, PAIR_MANY = 2, PAIR_LINEAR = 4, PAIR_WEIGHED = 8 };
typedef struct md_pair_entry {
    const char *name;
    md_pair *kernel;
    int columns, scaled; /* scaled: table.scale is read */
} md_pair_entry;

enum { NEAR_POINTS, NEAR_GAUSSIANS, NEAR_DAMPED }; /* charges/near.c */

enum { LIMBS = 3 }; /* of an exact sum (fixed.h) */

typedef struct md_kernels {
    const char *name;
    /* cells.c */
    int (*verlet_list)(const md_atoms *, double cutoff, int half, md_bins *, md_list *, int64_t *needed);
    int (*list_is_stale)(const md_atoms *, const md_bins *, double cutoff, double skin, double farthest);
    void (*spatial_order)(const md_atoms *, double size, int64_t *order, int64_t *work);
    /* order.c */
    void (*canonical_order)(const md_atoms *, int64_t n_species, const md_list *, int32_t *bounds, int64_t *work);
    /* exclude.c */
    void (*leave_out)(const md_atoms *, const md_list *, const int64_t *first, const int64_t *others, double nearest2,
                      int32_t *index);
    const md_pair_entry *pairs; /* pair/list.h; the last has no name */
    /* manybody/eam.c */
    void (*eam_density)(const md_atoms *, const md_list *, const md_eam *, double *rho, md_list *near);
    int64_t (*eam_embedding)(const md_atoms *, const md_eam *, const double *rho, double *slope, int64_t *energy_limbs,
                             const md_shares *);
    int64_t (*eam_forces)(const md_atoms *, const md_list *, const md_eam *, const double *slope, const double *weights,
                          int64_t *energy_limbs, const md_shares *);
    /* manybody/stillinger_weber.c, manybody/tersoff.c */
    int64_t (*stillinger_weber)(const md_atoms *, const md_list *, const md_sw *, md_room *, int64_t *energy_limbs,
                                const md_shares *);
    int64_t (*tersoff)(const md_atoms *, const md_list *, const md_tersoff *, md_room *, int64_t *energy_limbs,
                       const md_shares *);
    /* charges/waves.c */
    void (*wave_sums)(const md_atoms *, const double *charge, const md_waves *, int64_t *re, int64_t *im);
    void (*wave_forces)(const md_atoms *, const double *charge, const md_waves *, const double *re, const double *im,
                        double *potential, int forces);
    /* charges/mesh.c */
    int64_t (*mesh_spread)(const md_atoms *, const double *charge, const md_mesh *, int64_t *mesh);
    /* charges/gaussians.c */
    void (*near_rows)(const double *x, const double *y, int64_t n, const int64_t *first, const int32_t *index, double reach,
                      int64_t *to_first, int32_t *to_count, int32_t *to_index);
    void (*gaussian_matrix)(const md_neighbours *, const md_gaussians *, double *values, double *screens);
    void (*gaussian_product)(const md_neighbours *, const double *values, const double *q, double *p);
    void (*gaussian_forces)(const md_neighbours *, const md_gaussians *, const double *q, const double *l,
                            const double *more_q, const double *more_l, int32_t *room, double *f);
    /* charges/lu.c */
    int (*lu_factor)(int64_t n, int64_t stride, double *a, int64_t *pivots);
    void (*lu_solve)(int64_t n, int64_t stride, const double *a, const int64_t *pivots, double *b);
    /* dispersion/coordination.c */
    void (*d3_numbers)(const md_atoms *, const md_list *, const md_d3 *, double *numbers);
    void (*d3_weights)(const md_atoms *, const md_d3 *, const double *numbers, double *weights);
    void (*d3_project)(const md_atoms *, const md_d3 *, const double *weights, double *projected);
    void (*d3_number_forces)(const md_atoms *, const md_list *, const md_d3 *, const double *pull, double *rows);
    /* dispersion/pairs.c, dispersion/triples.c */
    void (*d3_pairs)(const md_atoms *, const md_list *, const md_d3 *, const double *projected, const md_d3_room *,
                     const md_d3_sums *);
    void (*d3_triples)(const md_atoms *, const md_list *, const md_d3 *, const double *projected, const md_d3_room *,
                       const md_d3_sums *);
    int64_t (*mesh_gather)(const md_atoms *, const double *charge, const md_mesh *, const double *mesh, double *potential,
                           int forces);
    void (*mesh_help)(const md_mesh *, const md_batches *, int forces);
    void (*mesh_offer)(md_batch_state *, int open);
    int (*mesh_state)(const md_batches *);
    void (*mesh_collect)(const md_atoms *, const double *found, double *potential, int forces);
    void (*mesh_squares)(const md_atoms *, const double *charge, const md_mesh *, int64_t *sums);
    void (*mesh_reach)(const md_atoms *, const md_mesh *, int64_t *ends);
    /* charges/planes.c */
    void (*planes_forward)(const md_planes *, const int64_t *mesh, int64_t count, double grid, double *waves);
    void (*planes_weighted)(const md_planes *, const md_weights *, const md_pieces *, double *sums, int wanted);
    void (*planes_back)(const md_planes *, const double *waves, int64_t count, double *mesh);
    /* charges/direct.c */
    void (*charge_pairs)(const md_atoms *, const double *charge, const double *others, int64_t n, double constant,
                         double alpha, double cutoff, double shift, double slope, double *potential, int forces);
    /* charges/near.c */
    void (*charge_potentials)(const md_atoms *, const md_list *, const md_pair_table *, int kind, const double *charge,
                              double *potential);
    /* integrate.c */
    void (*verlet_first)(const md_atoms *, double dt, double grid_big, md_motion *);
    void (*langevin_first)(const md_atoms *, double dt, double grid_big, uint64_t seed, uint64_t step,
                           double decay, double spread, const md_baths *, int64_t *heat_limbs, md_motion *);
    int64_t (*second_kick)(const md_atoms *, double dt);
    void (*scale_velocities)(const md_atoms *, double factor);
    void (*drift)(const md_atoms *, const double *hop, double grid_big, md_motion *);
    void (*strain)(const md_atoms *, const md_strain *);
    void (*normals)(uint64_t seed, uint64_t step, uint64_t stream, const int64_t *tags, int64_t n, double *out);
    void (*philox_words)(uint64_t seed, uint64_t step, uint64_t stream, const int64_t *tags, int64_t n,
                         uint32_t *out);
    int64_t (*philox_below)(uint64_t seed, uint64_t step, uint64_t stream, const int64_t *tags, int64_t n,
                            uint64_t limit, int64_t *rows);
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
    void (*take_rows)(char *to, const char *from, const int32_t *rows, int64_t n, int64_t width);
    void (*add_numbers)(double *to, const double *from, const int32_t *rows, int64_t n, int64_t numbers);
} md_kernels;

/* The best table this CPU runs, or the one `wanted` names (NULL: best); NULL if
 * it does not exist or the CPU lacks it. */
const md_kernels *md_select(const char *wanted);
/* Names of the levels this CPU runs, best first; NULL-terminated. */
const char *const *md_levels(void);

#endif
