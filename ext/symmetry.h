/* What the descriptor kernels share: scratch memory, views of an environment, chunks of triplets. */
#ifndef MD_SYMMETRY_H
#define MD_SYMMETRY_H

#include "hdnnp.h"
#include "simd.h"

enum {
    CHUNK = 256,         /* triplets that are computed together: their columns fit the first-level cache */
    STORE = 256 << 10,   /* bytes of triplets an environment keeps for its reverse pass (second-level cache) */
    CHUNKS = 512         /* ... at most so many chunks */
};
#define HD_FAR 1e15 /* where padding stands */
#define HD_EVERYTHING 1e24 /* > any r_jk^2 of atoms, < any of padding */

/* The neighbours within the cutoff of one family, elements ascending. Element e is rows begin[e] ...
 * end[e]-1; at least three rows of padding follow, far away and with P = 0, so that vectors may overrun. */
typedef struct {
    int64_t n;
    int32_t *begin, *end;                 /* [n_elements] */
    int32_t *source;                      /* [n] neighbour's number in the environment */
    double *x, *y, *z, *r, *inverse, *phi; /* [n]; phi = F' / (2 r F) */
    double *p;                            /* [n_exponents][stride] P */
    double *charge;                       /* [n] */
    double *rows;                         /* [n][4] x, y, z, 1/r */
    double *turn;                         /* [n][4] sum K r_k over triplets, in x, y, z */
    double *sums;                         /* [n][4] sum X0, J - X1, C c, X1 over triplets */
    double *tangent;                      /* [n][4] of jvp */
} hd_view;

typedef uint32_t hd_pair; /* j << 16 | k: two neighbours in a view */

/* Triplets (j, k) of one group. Four in a row share j; padding (w = 0) fills them up. Columns are [n]. */
typedef struct {
    const hd_group *group;
    int32_t n;
    int32_t next_j, next_k;               /* where the next chunk starts */
    const hd_pair *pairs;                 /* [n] */
    double *cosine, *inverse, *sine;      /* of theta; 1/(r_ij r_ik) */
    double *phi, *kappa;                  /* F' / (2 r F) and (r - rs)/r of r_jk */
    double *w;                            /* [n_exponents][n] P(r_ij) P(r_ik) P(r_jk) */
} hd_chunk;

struct hd_scratch {
    int64_t stride;                       /* of view columns: room for every neighbour and padding */
    hd_view *views;                       /* [families] */
    double *column[4];                    /* [stride] */
    double *group_rows;                   /* [stride][exponents rounded up to 4] P of a group */
    v4d *g;                               /* [n_functions] */
    double *descriptors, *slopes;         /* [n_functions]: for the driver */
    double *edge;                         /* [3][stride]: for the driver */
    double *x, *y, *z;                    /* [stride]: an environment, for the driver */
    int64_t *first;
    int32_t *atom;
    double *network;
    /* triplets */
    double *s, *f;                        /* [CHUNK] */
    double *angle, *slope;                /* [HD_LIMIT][CHUNK] a(theta), da/dcos */
    double *base;                         /* [HD_LIMIT][CHUNK] exp(-eta a) of base exponents */
    double *x0, *x1, *c;                  /* [CHUNK] */
    char *transient;                      /* a chunk that is not kept */
    char *store;                          /* [STORE] */
    hd_chunk *chunks;                     /* [CHUNKS] */
    int64_t n_chunks, used;
    int full;                             /* a chunk did not fit: keep no more */
};

#endif
