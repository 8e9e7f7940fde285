/* Dispersion after Grimme (D3): E = - sum_{i<j} C6_ij phi(r_ij) + three bodies, C6_ij by both numbers of neighbours.
 *
 * C6_ij = sum_ab W_a(N_i) W_b(N_j) C6_ab over reference systems a, b of both elements; N_i = sum_j c(r_ij). Kernels, in
 * this order (potentials/dispersion/d3.py): numbers N, which ghosts send home; weights W and dW/dN of owned atoms,
 * which go out to ghosts; weights of all atoms projected; pairs and triples: forces, and pulls dE/dN, which go home and
 * out again; forces that the pulls make.
 *
 * What is summed over pairs and triples is rounded to a grid of 2^-48 first (fixed.h): finer than that of forces, as an
 * atom has ten thousand pairs, each of little energy. Sums are exact below 2^5, contributions below 2^3; of numbers of
 * neighbours, on 2^-46, below 2^7.
 *
 * Which atom of a pair or triple lists the others depends on where they were when the list was made, so no arithmetic
 * may tell them apart: sums are of two terms, products of three are d3_product_of_three, and C6_ij = sum_k s_k Y_k(i)
 * Y_k(j) of weights that are projected, Y_k = sum_a W_a F_ak, with C6_ab = sum_k s_k F_ak F'_bk, s_k = 1 or -1
 * (potentials/dispersion/reference.py).
 *
 * S. Grimme, J. Antony, S. Ehrlich, H. Krieg, J. Chem. Phys. 132, 154104 (2010), eqs. 3 to 16; rational damping: S.
 * Grimme, S. Ehrlich, L. Goerigk, J. Comput. Chem. 32, 1456 (2011), eqs. 4 to 7. */
#ifndef DISPERSION_H
#define DISPERSION_H

#include <stdint.h>

#define D3_BIG 0x1.8p4 /* 1.5 * 2^52 * 2^-48, of forces, pulls and energies */
#define D3_NUMBER_BIG 0x1.8p6 /* of 2^-46, of numbers of neighbours */

/* Columns of a pair of species. Rational damping: R0^6, R0^8, s8 C8/C6; zero damping: (sr6 R0)^2, (sr8 R0)^2 and that. */
enum { D3_FIRST, D3_SECOND, D3_EIGHT, D3_COLUMNS = 4 };

typedef struct md_d3 {
    int64_t n_species, refs; /* refs: weights of an atom, 4 or 8; those that its element does not need are 0 */
    double s6;
    int zero, half_alpha; /* zero damping? half of its exponent alpha, if that is a whole number, or -1 */
    double alpha;
    double cutoff, number_cutoff, triple_cutoff; /* of pairs, of numbers of neighbours, of triples */
    double width; /* distance before each cutoff over which all goes to 0, or 0 */
    double steepness; /* of numbers of neighbours */
    double s9, beta; /* of triples; damping 1 / (1 + 6 (R0^2 / r^2)^beta) */
    const double *covalent; /* [n_species] radii; those of a pair are added */
    const double *reference; /* [n_species][refs] numbers of neighbours of the reference systems */
    const double *pairs; /* [n_species][n_species][D3_COLUMNS] */
    const double *factors; /* [n_species][n_species][refs][refs] F of the first for neighbours of the second */
    const double *signs; /* [n_species][n_species][refs] */
    const double *radii2; /* [n_species][n_species] squares of R0 of the damping of triples */
} md_d3;

/* Sums of atoms, rows [n_owned + n_ghost + 1]. */
typedef struct md_d3_sums {
    double *rows; /* [4] force, dE/dN */
    double *energy; /* or NULL: half of each pair, a third of each triple */
} md_d3_sums;

/* Work space. own [n_species][2 refs]; of triples: */
typedef struct md_d3_room {
    double *own;
    int32_t *near, *rows; /* [pitch] */
    int64_t *first, *next; /* [n_species + 1] */
    double *slots; /* [D3_SLOT_COLUMNS + 2 refs][pitch] */
    int64_t pitch; /* longest + 4 n_species, a multiple of four */
} md_d3_room;

enum {
    D3_X, D3_Y, D3_Z, D3_R2, D3_C6, D3_OF_I, D3_OF_OTHER, D3_SWITCH, D3_SWITCH_SLOPE, /* of a neighbour */
    D3_FX, D3_FY, D3_FZ, D3_E, D3_PULL, /* sums over triples that it is in */
    D3_SLOT_COLUMNS
};

#endif
