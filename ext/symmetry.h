/* What the descriptor kernels share: scratch memory, views of an environment, chunks of triplets. */
#ifndef MD_SYMMETRY_H
#define MD_SYMMETRY_H

#include "hdnnp.h"
#include "lanes.h"

enum {
    CHUNK = 512,         /* triplets that are computed together: their columns fit the first-level cache */
    BLOCKS = 512,        /* ... from at most so many vectors of neighbours */
    STORE = 256 << 10,   /* bytes of triplets an environment keeps for its reverse pass (second-level cache) */
    CHUNKS = 512         /* ... at most so many chunks */
};
#define HD_FAR 1e13 /* where padding stands; its square is a finite float */

/* The neighbours within the cutoff of one family, elements ascending: those of element e are rows begin[e] ...
 * end[e]-1. Each element begins at a multiple of LANES; the rows between are padding, far away and with P = 0.
 * Families with the same window share all columns but p. */
typedef struct {
    int64_t n;                            /* with padding */
    int32_t *begin, *end;                 /* [n_elements] */
    int32_t *source;                      /* [n] neighbour's number in the environment */
    REAL *x, *y, *z, *r, *inverse, *square, *phi; /* [n]; 1/r, 1/r^2, F' / (2 r F) */
    REAL *f;                              /* [n] F */
    REAL *p;                              /* [n_exponents][stride] P */
    REAL *charge;                         /* [n] */
    REAL *along, *turn_x, *turn_y, *turn_z; /* [n] of neighbours as k: sum phi X0 + J - kappa X1 - C c / (2 s), sum K r_j */
    REAL *own;                            /* [n][4] ... as j: sum K r_k in x, y, z, and `along` */
    REAL *tangent_x, *tangent_y, *tangent_z, *radial; /* [n] of jvp: t, r.t / s */
} hd_view;

/* Triplets (j, k) of one group, in the order in which vectors of k (multiples of LANES) were scanned for each j. */
typedef struct {
    const hd_group *group;
    int32_t n;                            /* a multiple of LANES: padding has w = 0 */
    int32_t begin_j, begin_k, end_j, end_k; /* the first vector, and the one after the last */
    const uint16_t *bits;                 /* of every vector scanned, one a lane: is it a triplet? */
    int64_t stride;                       /* of w */
    REAL *cosine, *inverse, *sine;        /* [n] of theta; 1/(r_ij r_ik) */
    REAL *phi, *kappa;                    /* [n] F' / (2 r F) and (r - rs)/r of r_jk */
    REAL *w;                              /* [n_exponents][stride] P(r_ij) P(r_ik) P(r_jk) */
} hd_chunk;

struct hd_work {
    int64_t stride;                       /* of view columns: room for every neighbour and padding */
    hd_view *views, *current;             /* [families] memory; what this environment uses of it */
    r_orders *orders;
    REAL *column[4];                      /* [stride] */
    double *g;                            /* [n_functions][LANES] */
    /* triplets */
    REAL *s, *f;                          /* [CHUNK + LANES] */
    REAL *angle, *slope;                  /* [HD_LIMIT][CHUNK] a(theta), da/dcos */
    REAL *base;                           /* [HD_LIMIT][CHUNK] exp(-eta a) of base exponents */
    REAL *x0, *x1, *c, *rest;             /* [CHUNK + LANES] */
    char *transient;                      /* a chunk that is not kept */
    char *store;                          /* [STORE] */
    hd_chunk *chunks;                     /* [CHUNKS] */
    int64_t n_chunks, used;
    int full;                             /* a chunk did not fit: keep no more */
};

#endif
