/* Charges that are Gaussians, in rows of neighbours (gaussians.c). */
#ifndef MD_GAUSSIANS_H
#define MD_GAUSSIANS_H

#include <stdint.h>

/* What two unit charges at a distance r have, over C:
 *
 *     K(r) = [erfc(ALPHA r) - erfc(gamma r)] / r + SHIFT + SLOPE r  up to the cutoff;    S(r) = -g(x) erf(gamma r) / r  up to OUTER
 *
 * g(x), x = (r - INNER) / (OUTER - INNER), is 1 below x = 0. */
typedef struct md_gaussians {
    const double *gamma; /* [n_species][n_species] 1 / sqrt(2 (s_i^2 + s_j^2)) */
    int64_t n_species;
    double constant;     /* C */
    double alpha, cutoff, shift, slope;
    double inner, outer; /* outer <= 0: S = 0 */
    int core;            /* GAUSSIANS_COSINE ... */
} md_gaussians;

enum { GAUSSIANS_COSINE, GAUSSIANS_P1, GAUSSIANS_P2, GAUSSIANS_P3, GAUSSIANS_P4, GAUSSIANS_EXP };

/* Atoms x [n][4], whose fourth number is the species, and their neighbours among y: those of atom i are
 * index[first[i]] ... index[first[i] + count[i] - 1]; first is a multiple of four, and what is left up to the next is some of y. */
typedef struct md_neighbours {
    const double *x, *y;
    const int64_t *first; /* [n + 1] */
    const int32_t *index, *count;
    int64_t n;
} md_neighbours;

#endif
