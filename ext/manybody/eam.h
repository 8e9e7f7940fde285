/* The embedded-atom method: E = sum_i F(rho_i) + sum_{i<j} z(r_ij) / r_ij, rho_i = sum_j d(r_ij).
 *
 * Three kernels, between which densities of ghosts go home and slopes of the embedding go out (potentials/manybody/eam.py). A
 * density is rounded to FORCE_GRID where a pair adds to it, so sums have no order.
 * Functions are cubic polynomials between points at equal distances: f = c[0] + c[1] t + c[2] t^2 + c[3] t^3. */
#ifndef EAM_H
#define EAM_H

#include <stdint.h>

typedef struct md_eam {
    int64_t n_species, n_r, n_rho;
    double per_r, per_rho; /* 1 / distance of the points */
    double cutoff2, most_rho;
    /* [n_species][n_species][n_r][8]: of a pair (first, second) the density at the first, then z */
    const double *pairs;
    const double *embedding; /* [n_species][n_rho][4] */
} md_eam;

#endif
