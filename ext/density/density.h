/* Density networks: what the kernels are told of a potential, and what they offer.
 *
 * Neighbours make densities A = sum_j phi(r) Y(r) g_j in spherical harmonics, one for each of K channels; invariant products of
 * them B(A) are mixed to features m; these are sent to the neighbours as messages g, layer after layer; a small network makes
 * the energy of all features. The numbers are those of the folded model (mdcore/potentials/density/model.py). */
#ifndef MD_DENSITY_H
#define MD_DENSITY_H

#include <stddef.h>
#include <stdint.h>

#include "networks/hdnnp.h"

enum { DN_LAYERS = 4, DN_DEGREE = 4, DN_WIDEST = 32 }; /* most layers; largest l; room for (l + 1)^2 */
enum { DN_RADIAL = 32, DN_ENVELOPE = 32, DN_PAST = 19 }; /* most radial functions; largest exponent; room past the last neighbour */
enum { DN_SLOPES = 1, DN_ROWS = 2 }; /* what is wanted of radial functions (geometry) */

/* call(L) for the l_max of the model `it`, known at compile time */
#define FOR_DEGREE(call) \
    switch (it->n.l_max) { \
    case 0: call(0); break; \
    case 1: call(1); break; \
    case 2: call(2); break; \
    case 3: call(3); break; \
    default: call(4); \
    }

typedef struct dn_sizes {
    int64_t species, layers, channels, l_max, radial, mixed, hidden; /* channels: a multiple of 16, mixed: of 4, hidden: of 4 */
    int64_t envelope; /* exponent of the window */
    int64_t parts; /* of a message, each of all channels: 1, a number; 4, and a vector's y, z, x */
    double cutoff;
} dn_sizes;

/* Invariants as sums of products (coupling.Steps): P_dest += value A_i A_j; B_eta += X_a X_b, X = [A, P, 1]. Rows are sorted by what
 * they add to. The same by what derivatives are added to: slopes (i, j, dest) are the pairs, where i = j with twice the value; of
 * links (eta, b) those of row a are first_link[a] ... first_link[a + 1] - 1, Q_a += w_eta X_b. Vectors: component m of vector eta, at
 * 3 eta + m, += value A_a A_b, b < 0: A_a alone. What is made of messages that are vectors is coupled to densities: A_dest += value
 * u_path D_source, source = part (l_max + 1)^2 + lm, of parts 0, 1, 2. */
typedef struct dn_program {
    const int32_t *pairs, *terms, *vectors, *couples, *slopes; /* [n][3]; couples: (dest, path, source) */
    const int32_t *links, *first_link;                         /* [n][2], [n_x + 1] */
    const void *pair_values, *vector_values, *couple_values, *slope_values; /* REAL */
    int64_t n_pairs, n_pair_terms, n_terms, n_invariants, n_vector_terms, n_vectors, n_couples, n_paths;
} dn_program;

/* Numbers of a layer, or their derivatives. mix, product, vector and couple are REAL, of blocks of LANES channels:
 * [...][block][l][mixed][LANES], [species][block][invariant or vector][LANES], [block][path][LANES]. mix: [species][species] of the first
 * layer, [species] of the others. */
typedef struct dn_layer {
    void *radial; /* REAL [species][species][radial][mixed] */
    void *mix, *product, *vector, *couple; /* vector: not of the last layer; couple: not of the first */
    double *carry, *shift; /* [species][(t + 1) channels][channels], [species][channels]; not of the last layer */
    double *carry_vector;  /* [channels][channels] */
} dn_layer;

typedef struct dn_model {
    dn_sizes n;
    dn_program program;
    dn_layer layer[DN_LAYERS];
    double *energy, *linear, *hidden, *bias, *out; /* [species], [species][c], [species][c][h], [species][h] twice */
} dn_model;

/* The neighbours of one atom as channels see them, species ascending: those of species s are first[s] ... first[s+1]-1. Rows of y
 * are `wide` long, zeros behind (l_max + 1)^2. What channels read is REAL: it is rounded once. _dot: along a tangent; _bar: what an
 * objective's derivative with respect to a number is, _hat: ... to its tangent. */
typedef struct dn_edges {
    int64_t n, wide;
    const int64_t *first;
    const int32_t *atom; /* rows of messages */
    void *phi, *y, *phi_dot, *y_dot;     /* REAL */
    const void *message, *message_dot;   /* REAL [rows][parts][channels] */
    void *phi_bar, *y_bar, *phi_hat;     /* REAL */
    double *d[3], *g[3]; /* [n]: x, y and z of r_j - r_i, past the last neighbour the cutoff along x; derivatives by it, or its tangent */
    double *pull, *pull_hat;             /* [n][parts][channels]: _bar and _hat of the neighbours' messages */
    double *pulls;                       /* [rows][parts][channels] or NULL: pull is rounded to the force grid and added to these instead */
} dn_edges;

/* The kernels of channels in one precision. `forward` of an atom comes before its `backward`, in the same work memory. */
typedef struct dn_channels {
    int64_t lanes, bytes; /* of a REAL */
    /* memory for `most` neighbours, in `memory` (64-byte aligned), or how much of it is needed */
    size_t (*work)(const dn_model *, int64_t most, int tangents, void *memory);
    /* phi and y of the neighbours at d in layer t; wanted: DN_SLOPES of radial functions, DN_ROWS, too, of those that are mixed */
    void (*geometry)(const dn_model *, int64_t t, int64_t species, const dn_edges *, void *work, int wanted);
    /* g, from phi_bar and y_bar */
    void (*positions_back)(const dn_model *, const dn_edges *, const void *work);
    /* phi_dot and y_dot, from g */
    void (*rates)(const dn_model *, const dn_edges *, void *work);
    /* derivatives by coefficients of radial functions, from phi_bar and phi_hat, are added to those in `to` */
    void (*radial_back)(const dn_model *, int64_t t, int64_t species, const dn_edges *, const void *work, const dn_model *to);
    /* features m [channels] and vectors v [3][channels] of layer t of an atom of a species, or NULL where nobody needs them */
    void (*forward)(const dn_model *, int64_t t, int64_t species, const dn_edges *, void *work, double *m, double *v);
    /* phi_bar, y_bar, and beyond the first layer pull, from m_bar and v_bar, which may be NULL */
    void (*backward)(const dn_model *, int64_t t, int64_t species, const dn_edges *, void *work, const double *m_bar,
                     const double *v_bar);
    /* the same with tangents; derivatives of the objective are added to those of mix, product, vector and couple in `to` */
    void (*forward_dot)(const dn_model *, int64_t t, int64_t species, const dn_edges *, void *work, double *m, double *m_dot,
                        double *v, double *v_dot);
    void (*backward_dot)(const dn_model *, int64_t t, int64_t species, const dn_edges *, void *work, const double *m_bar,
                         const double *m_hat, const double *v_bar, const double *v_hat, const dn_model *to);
    /* A [(l_max + 1)^2][channels] of the last forward */
    void (*densities)(const dn_model *, const void *work, double *to);
} dn_channels;

/* What MD passes are told: atoms as networks see them, and columns */
typedef struct dn_atoms {
    hd_atoms rows;
    int64_t n_owned, n_total;
    double *x, *x_bar;           /* [n_owned][layers channels] features, and derivatives of the energy */
    const int32_t *home;         /* [n_total] rows of atoms' messages and pulls, or NULL: their own */
    void *message[DN_LAYERS];    /* REAL [n_total + 1][parts][channels] of layers t >= 1 */
    double *pull[DN_LAYERS];     /* ... dE/dmessage, multiples of FORCE_GRID */
    double *energies, *virials;  /* or NULL (hd_notes) */
    const hd_distances *seen;    /* [species] */
    int32_t *outside;            /* told with energies of distances alone (hd_notes), all three or NULL */
    double *apart, *nearest;
    const double *weights;       /* [n_owned] or NULL: forces are those of the energies times these, which stay */
} dn_atoms;

/* dE/dmessage of one neighbour, eV, is less, or it is a blow-up: 512 of them are less than 2^17 together, and summed exactly
 * (core/fixed.h). Where forces are 1000 eV/Angstrom potentials that are trained have some 50. */
#define PULL_LIMIT 0x1p8

/* What is done in layer t: send the next message; energies and forces; forces, from the pull of the next message */
enum { DN_SEND, DN_FINISH, DN_RETURN };

/* A structure to train on: all ordered pairs closer than the cutoff, first[i] ... first[i+1]-1 around atom i, by species; d = r_j - r_i */
typedef struct dn_graph {
    int64_t n, most; /* atoms; most neighbours of one */
    const int64_t *first;
    const int32_t *j, *species; /* [edges], [n] */
    const double *d;            /* [edges][3] */
} dn_graph;

typedef struct dn_kernels {
    const char *name;
    const dn_channels *precision[2];
    size_t (*scratch)(const dn_model *, const dn_channels *, int64_t most, int tangents, char *memory);
    /* a pass over owned atoms; energy_limbs where energies are wanted; spare [threads - 1][n_total (4 + parts channels)]: zeros, and again
     * afterwards */
    void (*pass)(const dn_model *, const dn_channels *, int what, int64_t t, const dn_atoms *, int64_t threads, void **scratch,
                 double *spare, int64_t *energy_limbs);
    /* energies [n], forces [n][3], virial [9] of a structure; x [n][layers channels]; `room` doubles as graph_room says */
    void (*evaluate)(const dn_model *, const dn_channels *, const dn_graph *, void *scratch, double *room, double *energies,
                     double *forces, double *virial, double *x);
    /* the derivatives of sum of weights_i E_i + sum over edges of (tangent_j - tangent_i + d strain) . dE/dd are added to `to` */
    void (*gradient)(const dn_model *, const dn_channels *, const dn_graph *, void *scratch, double *room, const double *weights,
                     const double *tangent, const double *strain, const dn_model *to);
    /* A of layer t of all atoms, [n][(l_max + 1)^2][channels] */
    void (*densities)(const dn_model *, const dn_channels *, const dn_graph *, void *scratch, double *room, int64_t t, double *to);
    int openmp;
} dn_kernels;

/* Doubles that evaluate and gradient need for n atoms: x, x_bar, and messages and pulls of each layer, and their tangents */
static inline int64_t dn_graph_room(const dn_sizes *n, int64_t atoms) { return 4 * (1 + n->parts) * n->layers * n->channels * atoms; }

const dn_kernels *dn_select(const char *wanted);

#define DN_JOIN_(a, b, c) a##_##b##_##c
#define DN_JOIN(a, b, c) DN_JOIN_(a, b, c)
#define DN_TABLE_OF(bits) DN_JOIN(dn_channels, bits, MD_LEVEL)
#define DN_TABLE DN_TABLE_OF(MD_BITS)

#endif
