/* A mesh transformed by planes, so that ranks can share them (planes.c). */
#ifndef MD_PLANES_H
#define MD_PLANES_H

#include <stdint.h>

/* Waves of a mesh [size1][size2][size3]: of each n2 and n1 those of n3 = 0, 1 ..., real parts, then imaginary ones. Those that weigh next to
 * nothing are left out: n2 has begin[n2 + 1] - begin[n2] numbers n3, a multiple of four up to `width`, size3 / 2 + 1 filled up to one.
 * Waves of `count` planes of n1 are [size2][count][2][of n2]. `turns` : cos and sin of -2 pi k / n for n = size1, size2, size3 and
 * size3 / 2, k < n. */
typedef struct md_planes {
    int64_t size[3], width;
    const int64_t *begin; /* [size2 + 1] */
    const double *turns[4];
    double *room; /* PLANES_ROOM */
} md_planes;

/* Waves of n2 = first ... last - 1 in pieces, as many as ranks: piece k has those of n1 = cuts[k] ... cuts[k + 1] - 1, as above. */
typedef struct md_pieces {
    double *const *waves;
    const int64_t *cuts; /* [n + 1] */
    int64_t n, first, last;
} md_pieces;

#define PLANES_LONGEST(size1, size2, size3) \
    ((size1) > (size2) ? ((size1) > (size3) ? (size1) : (size3)) : ((size2) > (size3) ? (size2) : (size3)))
#define PLANES_ROOM(size1, size2, size3, width) (2 * (size2) * (width) + 16 * PLANES_LONGEST(size1, size2, size3) + 8)

/* What waves weigh: g = scale exp(-x^2) / k^2 of charges, of attraction as r^-6 scale ((1 - 2 x^2) exp(-x^2) + 2 sqrt(pi) x^3 erfc(x)),
 * x = k / (2 alpha), times the factors of its three numbers. */
typedef struct md_weights {
    double vectors[9]; /* rows b1, b2, b3, 2 pi included */
    double scale, falls; /* 4 pi C / V; 1 / (4 alpha^2) */
    int attraction;
    const double *factors[3]; /* [size] of splines; of the third [width], 0 where it only fills up */
    const double *own[3], *next[3]; /* the same: what a charge has of itself (mesh.py) */
    double squares[3]; /* sums of q^2 cos(2 pi u) along each axis, which take that away */
} md_weights;

enum { PLANES_SUMS = 10, PLANES_SELF = 1, PLANES_ENERGY = 2 };

#endif
