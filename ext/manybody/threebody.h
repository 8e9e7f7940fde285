/* Potentials of three bodies over a full list in canonical order: their tables, and the room that their caller gives them. */
#ifndef THREEBODY_H
#define THREEBODY_H

#include <stdint.h>

#include "core/simd.h"

/* The neighbours of four atoms, one a lane: from the atom to it, as a unit vector and its length; the derivative of the
 * atom's energy by its place; numbers of the potential's own. */
typedef struct md_slot {
    v4d x, y, z, r, inverse_r;
    v4d gx, gy, gz;
    v4d own[6];
    int64_t j[4];
} md_slot;

/* Work space for four atoms. longest : neighbours in the list of an atom, at most
 * weights : [n_owned] by which forces of each atom's energy are multiplied, or NULL */
typedef struct md_room {
    int64_t longest;
    const double *weights;
    int32_t *near;  /* [4][longest + 4] */
    int64_t *first; /* [n_species + 1] slot at which each species begins */
    md_slot *slots; /* [min(4, n_species) longest] */
    v4d *species;   /* [n_species][ROOM_SPECIES] */
} md_room;
enum { ROOM_SPECIES = 20 };

/* Stillinger-Weber, E = sum_{i<j} (P r^-p - Q r^-q) e^{SIGMA s} + sum_i sum_{j<k} LAMBDA (cos - c0)^2 g_ij g_ik, with
 * s = 1 / (r - CUT) and g = e^{SIGMA_GAMMA s}. */
enum { SW_CUT2, SW_CUT, SW_SIGMA_GAMMA, SW_SIGMA, SW_HALF_P, SW_HALF_Q, SW_POWER_P, SW_POWER_Q, SW_COLUMNS };
enum { SW_LAMBDA, SW_LAMBDA_C, SW_LAMBDA_CC, SW_LAMBDA_SELF, SW_TRIPLE_COLUMNS }; /* LAMBDA (1, c0, c0^2, (1 - c0)^2) */
typedef struct md_sw {
    int64_t n_species;
    double farthest2;
    int p, q;              /* powers of all pairs, if these are whole numbers, or -1 */
    const double *pairs;   /* [n_species (centre)][n_species][SW_COLUMNS] */
    const double *triples; /* [n_species (centre)][n_species][n_species][SW_TRIPLE_COLUMNS] */
} md_sw;

/* Tersoff, E = 1/2 sum_{i,j} fc(r) (A e^{-LAMBDA1 r} + b B e^{-LAMBDA2 r}), b = (1 + (BETA zeta)^N)^{-1/(2 N)},
 * zeta = sum_k fc(r_k) (G + G_C y^2 / (D_D + y^2)) e^{x (EX + EX3 x^2)}, y = COSINE - cos, x = r - r_k. */
enum { TS_R, TS_PER_D, TS_HALF_A, TS_LAMBDA1, TS_HALF_B, TS_LAMBDA2, TS_BETA, TS_N, TS_COLUMNS };
enum { TS_TRIPLE_R, TS_TRIPLE_PER_D, TS_G, TS_G_C, TS_D_D, TS_COSINE, TS_EX, TS_EX3, TS_TRIPLE_COLUMNS };
typedef struct md_tersoff {
    int64_t n_species;
    double farthest2;
    int exponential;       /* EX and EX3 are not all 0 */
    const double *pairs;   /* [n_species (centre)][n_species][TS_COLUMNS] */
    const double *triples; /* [n_species (centre)][n_species (j)][n_species (k)][TS_TRIPLE_COLUMNS] */
} md_tersoff;

#endif
