/* Charges on a mesh, for the part of a sum that is smooth (mesh.c). */
#ifndef MD_MESH_H
#define MD_MESH_H

#include <stdint.h>

/* Points n1 a1 / size1 + ..., which repeat. In memory is a window of them, [length1][length2][length3 + MESH_MORE], from `low` on; a
 * window as long as the mesh repeats, but along the third axis, where the last points stand for the first ones: planes.c
 * adds and copies them; a shorter one has all that its atoms reach. */
typedef struct md_mesh {
    double inverse[9]; /* of the cell, whose vectors are rows: (x - origin) . inverse are fractions */
    double cell[9];
    double origin[3];
    int64_t size[3], low[3], length[3];
    double self[3];    /* what a charge has of itself, q^2 self cos(2 pi u) along each axis, is taken away */
    int order;         /* of splines: 4, 6 or 8 points along each axis */
} md_mesh;

/* Atoms of a rank in memory that ranks of a machine share: their positions and charges, potentials on the points of its window, and what
 * is found, [n][4]: forces and potentials. state : where the next batch begins, how many atoms are done, the row of one that is outside */
typedef struct md_batch_state {
    int64_t next, done, lost, pad[5];
} md_batch_state;

typedef struct md_batches {
    const double *x, *charge, *mesh;
    double *found;
    int64_t n;
    md_batch_state *state;
} md_batches;

enum { MESH_BATCH = 256, MESH_OPEN = 1, MESH_DONE = 2 };
#define MESH_CLOSED ((int64_t)1 << 60) /* `next`, where nobody may take any */

enum { MESH_MORE = 8, MESH_BITS = 40, MESH_SQUARE_BITS = 30 }; /* charges on points are multiples of 2^-40 */
#define MESH_BIG 0x1.8p12                                      /* 1.5 * 2^52 * 2^-MESH_BITS */
#define MESH_SQUARE_BIG 0x1.8p22

#endif
