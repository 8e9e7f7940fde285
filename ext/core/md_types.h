/* What does a kernel see of the simulation?  Nothing but these arrays. */
#ifndef MD_TYPES_H
#define MD_TYPES_H

#include <stdint.h>

/* Status of a kernel; Cython turns anything but MD_OK into an exception. */
enum { MD_OK = 0, MD_FULL = 1, MD_OVERLAP = 2 };

/* Rows of four doubles, one an atom; owned atoms first, ghosts after, then one
 * row of padding: far away, its force stays zero. */
typedef struct md_atoms {
    double *x; /* [n][4] x, y, z, species index */
    double *v; /* [n][4] vx, vy, vz, 1/mass; owned atoms only */
    double *f; /* [n][4] fx, fy, fz, 0 */
    double *start; /* [n][4] x at the last list build */
    const double *masses; /* [n_owned] */
    const int64_t *tags;  /* [n_owned] */
    int64_t n_owned, n_ghost;
} md_atoms;

/* What goes with an atom to its new owner: columns of `width` bytes an atom, side by side a record. */
enum { MD_COLUMNS = 16 };
typedef struct md_columns {
    int64_t n, record; /* columns; bytes of a record */
    char *data[MD_COLUMNS];
    int64_t width[MD_COLUMNS];
} md_columns;

/* This rank's place in the grid of domains. */
typedef struct md_place {
    int64_t grid[3], coords[3];
    int periodic; /* bits of the directions */
} md_place;

/* Verlet list: the neighbours of owned atom i are index[first[i] ... first[i+1]-1],
 * padded to a multiple of four with the index of the padding row; LIST_AHEAD more of these follow the last row. */
enum { LIST_AHEAD = 96 };

typedef struct md_list {
    int64_t *first; /* [n_owned + 1] */
    int32_t *index;
    int64_t capacity; /* of index */
    int64_t n_pairs;  /* without the padding */
} md_list;

/* Bins of equal size, x fastest. */
typedef struct md_grid {
    double low[3], width[3], inverse[3];
    int64_t n[3];
    int compact; /* no bin is wider than the cutoff and no atom far outside: single precision will do */
} md_grid;

/* Work space of a list build: all atoms sorted by bin, and those around one bin. */
typedef struct md_bins {
    double *x, *y, *z; /* [capacity + 8] sorted */
    int32_t *atom;     /* [capacity + 8] row of the sorted atom */
    double *near_x, *near_y, *near_z;    /* [capacity + 8] in the layer of the bin */
    float *above_x, *above_y, *above_z;  /* [capacity + 8] in the other layers, from the bin's corner */
    int32_t *near, *above;               /* [capacity + 8] their rows */
    int32_t *bin;   /* [capacity] bin of each atom */
    int32_t *start; /* [BINS_PER_ATOM * capacity + BINS_FLOOR + 2] first atom of each bin */
    int64_t capacity;
    md_grid grid;
} md_bins;

enum { BINS_PER_ATOM = 8, BINS_FLOOR = 512 };

/* What atoms have of the sums, rows [n_owned + n_ghost + 1], or NULL. virial: nine numbers an atom on FORCE_GRID,
 * W_j = sum over i of (r_i - r_j) (x) dE_i/d(r_j - r_i), E_i the energy of atom i: the W_j add up to the virial, and sum of
 * W_j v_j is what the potential adds to the heat current (Fan et al., Phys. Rev. B 92, 094301 (2015), eq. 21). */
typedef struct md_shares {
    double *energy, *virial;
} md_shares;

/* The cell changes its vectors (rows of `matrix`, all multiples of the position grid), and what is in it goes along. */
typedef struct md_strain {
    double matrix[9], inverse[9], origin[3]; /* of the cell as it was */
    double changed[9], corner[3];            /* matrix and origin of the cell as it will be */
    double map[9];                           /* inverse . changed: what a row vector is multiplied with */
    double turn[9];                          /* ... a velocity, and a force */
    double grid_big;                         /* rounds to the grid of positions */
    int periodic;                            /* bits of the directions */
} md_strain;

/* Baths of Langevin dynamics, at most 256. */
typedef struct md_baths {
    const uint8_t *bath; /* [tags] which one an atom has */
    const double *rows;  /* [n][8] decay along x, y, z, 1; spread along x, y, z, 0 */
    int64_t n;
} md_baths;

/* What a drift saw, squared; the caller decides what is too far. */
typedef struct md_motion {
    double step2;  /* largest displacement of an atom in this step */
    double total2; /* ... since `start` */
} md_motion;

#endif
