/* Charges on a mesh, for the part of a sum that is smooth (mesh.c). */
#ifndef MD_MESH_H
#define MD_MESH_H

#include <stdint.h>

/* Points n1 a1 / size1 + ..., which repeat. A mesh in memory is [size1][size2][size3 + MESH_MORE]: the last points along the third
 * axis stand for the first ones, which the caller adds or copies. */
typedef struct md_mesh {
    double inverse[9]; /* of the cell, whose vectors are rows: x . inverse are fractions */
    int64_t size[3];
    int order;         /* of splines: 4, 6 or 8 points along each axis */
} md_mesh;

enum { MESH_MORE = 8, MESH_BITS = 40 }; /* charges on points are multiples of 2^-40 */
#define MESH_BIG 0x1.8p12               /* 1.5 * 2^52 * 2^-MESH_BITS */

#endif
