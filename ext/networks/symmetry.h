/* Symmetry functions: their plan, views of an environment, chunks of triplets.
 *
 * The functions of a central element form a *plan*, made once from the model
 * (mdcore/potentials/networks/plans.py), in which functions that share terms stand together:
 *   family    functions with one radial window F(r), cutoff and shift rs included
 *   exponent  P(r) = F(r) exp(-eta (r - rs)^2); a power of another exponent's where etas are multiples
 *   group     angular functions of one pair of neighbour elements in a family, narrow (with r_jk) or wide
 *   angle     a(theta) = (1 + lambda cos)^zeta or a window of theta
 *   term      one angular function: G += scale sum_{j<k} P(r_ij) P(r_ik) [P(r_jk)] a(theta)
 *   radial    one radial function: G += sum_j P(r_ij) */
#ifndef MD_SYMMETRY_H
#define MD_SYMMETRY_H

#include "core/lanes.h"
#include "networks/hdnnp.h"
#include "networks/window.h"

enum { HD_INTEGER_POWER, HD_REAL_POWER, HD_ANGLE_WINDOW };                           /* kinds of angles */
enum { HD_ALL = -1 };    /* neighbours of every element, weighted with their charges */
enum { HD_DEGREE = 8 };  /* highest power of 1 + lambda cos that is expanded in cos */
enum { HD_LIMIT = 32 };  /* most exponents, angles of one group */

typedef struct {
    double eta;
    int32_t base, power; /* exp(-eta a) = (that of exponent `base` of the list)^power; base < 0: 1 */
    int32_t column;      /* in the list of the family */
    int32_t unused;
} hd_exponent;

typedef struct {
    int32_t element, exponent, out;
} hd_radial;

typedef struct {
    hd_window window; /* of theta */
    double lambda, zeta;
    int32_t kind, power;
} hd_angle;

typedef struct {
    double scale;
    double series[HD_DEGREE + 1]; /* scale (1 + lambda c)^zeta in powers of c */
    int32_t exponent, angle, out, degree; /* degree < 0: no such series */
} hd_term;

typedef struct {
    double cutoff2; /* of r_jk */
    int32_t element1, element2, narrow, expanded /* every term has a series */, sine /* some angle needs it */;
    int32_t exponents, n_exponents, angles, n_angles, terms, n_terms; /* terms sorted by exponent */
    int32_t unused;
} hd_group;

typedef struct {
    hd_window window;
    double shift, cutoff2;
    uint64_t elements; /* a bit for each element that is looked at */
    int32_t exponents, n_exponents, radials, n_radials, groups, n_groups;
} hd_family;

/* How many there are */
typedef struct {
    int64_t families, elements, functions;
} hd_counts;

/* The tables of a central element, as Python gives them (mdcore/potentials/networks/plans.py) */
typedef struct {
    const hd_counts *n;
    const hd_family *families;
    const hd_exponent *exponents;
    const hd_radial *radials;
    const hd_group *groups;
    const hd_angle *angles;
    const hd_term *terms;
    const double *charges; /* [n_elements] nuclear charges */
} hd_symmetry;

enum {
    CHUNK = 512,         /* triplets that are computed together: their columns fit the first-level cache */
    BLOCKS = 512,        /* ... from at most so many vectors of neighbours */
    STORE = 512 << 10,   /* bytes of triplets an environment keeps for its reverse pass (second-level cache) */
    CHUNKS = 512         /* ... at most so many chunks */
};
#define HD_FAR 1e13 /* where padding stands; its square is a finite float */

/* What triplets need of LANES neighbours, and (`radial_sum` and below) what they give back to them as k:
 * sum phi X0 + J - kappa X1 - C c / (2 s), sum K r_j */
typedef struct {
    vr x, y, z, inverse, square, phi; /* 1/r, 1/r^2, F' / (2 r F) */
    vr radial_sum, vector_sum_x, vector_sum_y, vector_sum_z;
} hd_vector;

/* One neighbour's numbers in its vector: x, y, z, ... are at 0, LANES, 2 LANES, ... */
MD_INLINE const REAL *lane_of(const hd_vector *vectors, uint64_t i)
{
    return (const REAL *)(vectors + i / LANES) + i % LANES;
}

/* The neighbours within the cutoff of one family, elements ascending: those of element e are rows begin[e] ...
 * end[e]-1. Each element begins at a multiple of LANES; the rows between are padding, far away and with P = 0.
 * Families with the same window share everything but p. */
typedef struct {
    int64_t n;                            /* with padding */
    int64_t base;                         /* the first family that has this view */
    int32_t *begin, *end;                 /* [n_elements] */
    int32_t *source;                      /* [n] neighbour's number in the environment */
    hd_vector *vectors;                   /* [n / LANES] */
    REAL *x, *y, *z, *r, *f, *charge;     /* [n] F */
    REAL *p;                              /* [n_exponents][stride] P */
    REAL *as_j;                           /* [n][4] what triplets give back as j: sum K r_k in x, y, z, `radial_sum` */
} hd_view;

enum { ROOM = CHUNK + LANES };

/* Triplets (j, k) of one group, in the order in which vectors of k (multiples of LANES) were scanned for each j.
 * Columns are [ROOM]. */
typedef struct {
    const hd_group *group;
    int32_t n;                            /* a multiple of LANES: padding has w = 0 */
    int32_t begin_j, begin_k, end_j, end_k; /* the first vector, and the one after the last */
    uint16_t *bits;                       /* [BLOCKS] of every vector scanned, one a lane: is it a triplet? */
    REAL *cosine, *inverse;               /* of theta; 1/(r_ij r_ik) */
    REAL *w;                              /* [n_exponents][ROOM] P(r_ij) P(r_ik) P(r_jk) */
    REAL *sine, *phi, *kappa;             /* or NULL; F' / (2 r F) and (r - rs)/r of r_jk */
} hd_chunk;

/* Columns of the chunk at hand */
typedef struct {
    REAL s[ROOM], f[ROOM], x0[ROOM], x1[ROOM], c[ROOM], rest[ROOM];
    REAL angle[HD_LIMIT][CHUNK], slope[HD_LIMIT][CHUNK]; /* a(theta), da/dcos */
    REAL base[HD_LIMIT][CHUNK];                          /* exp(-eta a) of base exponents */
} hd_columns;

typedef struct {
    int64_t stride;                       /* of view columns: room for every neighbour and padding */
    hd_view *views, *current;             /* [families] memory; what this environment uses of it */
    r_orders *orders;
    REAL *column[4];                      /* [stride] */
    double *g;                            /* [n_functions][LANES] */
    hd_columns *columns;
    char *transient;                      /* a chunk that is not kept */
    char *store;                          /* [STORE] */
    hd_chunk *chunks;                     /* [CHUNKS] */
    int64_t n_chunks, used;
    int full;                             /* a chunk did not fit: keep no more */
} hd_work;

#endif
