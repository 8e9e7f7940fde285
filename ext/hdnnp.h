/* Behler-Parrinello networks: what the kernels are told of a potential, and what they offer.
 *
 * The descriptors of a central element form a *plan*, made once from the model
 * (mdcore/potentials/hdnnp_plan.py), in which functions that share terms stand together:
 *   family    functions with one radial window F(r), cutoff and shift rs included
 *   exponent  P(r) = F(r) exp(-eta (r - rs)^2); a power of another exponent's where etas are multiples
 *   group     angular functions of one pair of neighbour elements in a family, narrow (with r_jk) or wide
 *   angle     a(theta) = (1 + lambda cos)^zeta or a window of theta
 *   term      one angular function: G += scale sum_{j<k} P(r_ij) P(r_ik) [P(r_jk)] a(theta)
 *   radial    one radial function: G += sum_j P(r_ij) */
#ifndef MD_HDNNP_H
#define MD_HDNNP_H

#include <stddef.h>
#include <stdint.h>

enum { HD_HARD, HD_COS, HD_TANH3, HD_BUMP, HD_POLY1, HD_POLY2, HD_POLY3, HD_POLY4 }; /* cores of windows */
enum { HD_CUTOFF, HD_COMPACT, HD_COMPACT_ASYMMETRIC };                               /* shapes of windows */
enum { HD_INTEGER_POWER, HD_REAL_POWER, HD_ANGLE_WINDOW };                           /* kinds of angles */
enum { HD_ALL = -1 };    /* neighbours of every element, weighted with their charges */
enum { HD_DEGREE = 8 };  /* highest power of 1 + lambda cos that is expanded in cos */
enum { HD_LIMIT = 32 };  /* most exponents, angles of one group; most elements */
enum { HD_MEMBERS = 100 }; /* most members of a committee */

/* A function that falls from 1 to 0: core(y) with y = (edge - r) * inverse, at most 1 (HD_CUTOFF), or
 * y = 1 - |r - edge| * inverse (HD_COMPACT), squared (HD_COMPACT_ASYMMETRIC). */
typedef struct {
    double edge, inverse, norm;
    int32_t core, shape;
} hd_window;

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

typedef struct {
    const hd_family *families;
    const hd_exponent *exponents;
    const hd_radial *radials;
    const hd_group *groups;
    const hd_angle *angles;
    const hd_term *terms;
    const double *charges; /* [n_elements] nuclear charges */
    int64_t n_families, n_elements, n_functions;
} hd_plan;

/* y = f(x W + b): W as [n_in][wide_out] and transposed [n_out][wide_in], wide = rounded up to 4. Both are `scale`
 * times the parameters of the model. */
typedef struct {
    double *weights, *transposed, *biases;
    int64_t n_in, n_out;
    double scale;
    int32_t activation, unused; /* index into "ltsprgcSeh" */
} hd_layer;

typedef struct {
    const hd_layer *layers;
    int64_t n_layers, widest; /* widest layer, inputs included, rounded up to 4 */
} hd_network;

/* One element: descriptors, scaling x = slope * (G - shift) + base, networks, energy = factor * E + offset; E is the
 * mean over the members of a committee, usually one. Training saw descriptors from low to high, infinite where unknown;
 * per_width = 1 / (high - low). */
typedef struct {
    hd_plan plan;
    hd_network *members;
    int64_t n_members; /* the same of all elements */
    const double *slope, *shift;
    double base, factor, offset;
    const double *low, *high, *per_width;
} hd_element;

/* The neighbours of one atom, r_ij = r_j - r_i, elements ascending: those of element e are first[e] ... first[e+1]-1 */
typedef struct {
    double *x, *y, *z;
    int64_t *first;
    int32_t *atom; /* rows of the neighbours (MD only) */
} hd_environment;

/* Doubles of work memory of `network` */
static inline int64_t network_work(const hd_network *net) { return (2 * net->n_layers + 1) * net->widest; }

/* Memory for one environment at a time. What the driver uses is double; `work` is known to symmetry.c alone. */
typedef struct {
    const struct hd_descriptors *kernels; /* that laid it out */
    int64_t stride;                       /* room for every neighbour, and more */
    double *x, *y, *z, *edge;             /* [stride] an environment; [3][stride] its gradients */
    double *descriptors, *slopes;         /* [n_functions] */
    double *energies, *members;           /* [n_members], [n_members][row]: E and dE/dx of each, of a committee only */
    int64_t row;                          /* >= n_functions */
    double *network;                      /* [network_work] */
    int64_t *first;                       /* [n_elements + 1] */
    int32_t *atom;                        /* [stride] */
    struct hd_work *work;
} hd_scratch;
typedef struct hd_work hd_work;

/* What the MD kernel sees of the engine: rows of four doubles (md_types.h), a full list in canonical order
 * with `bounds` [n_owned][n_species + 1], where each species of a row begins. */
typedef struct {
    const double *x;
    double *f;
    const int64_t *first;
    const int32_t *index, *bounds;
    int64_t n_species;
    const int32_t *species_of; /* [n_elements] first of the engine's species of an element, or -1; isotopes are several */
    const int32_t *element_of; /* [n_species] */
} hd_atoms;

/* What is told of each owned atom beside its force; NULL where nobody asks. */
typedef struct {
    double *energy;      /* [n_owned] eV, added */
    double *virial;      /* [n_owned + n_ghost][9] eV, added (md_types.h); with one worker only */
    int32_t *outside;    /* [n_owned] how many descriptors are outside the range of training */
    int32_t *worst;      /* [n_owned] the one that is farthest outside, or -1 ... */
    double *excess;      /* [n_owned] ... and how far, in units of high - low */
    double *descriptors; /* [n_owned][row] G, zeros behind them */
    int64_t row;
} hd_notes;

typedef struct {
    double per_length;       /* native lengths per Angstrom */
    double energy, gradient; /* eV per native energy; eV/Angstrom per native gradient */
    double cutoff;           /* native */
} hd_units;

/* symmetry.c, in one precision: one environment; vjp, jvp and jacobian come after values with the same scratch. `scratch` lays
 * out memory (64-byte aligned; then memory is the hd_scratch) or, with NULL, says how much of it is needed. */
typedef struct hd_descriptors {
    size_t (*scratch)(const hd_element *, int64_t n_elements, int64_t most_neighbors, char *memory);
    void (*values)(const hd_plan *, const hd_environment *, hd_scratch *, double *g);
    void (*vjp)(const hd_plan *, const hd_environment *, hd_scratch *, const double *de_dg, double *gx, double *gy,
                double *gz);
    void (*jvp)(const hd_plan *, const hd_environment *, hd_scratch *, const double *tx, const double *ty,
                const double *tz, double *dg);
    void (*jacobian)(const hd_plan *, const hd_environment *, hd_scratch *, double *dg_dr);
} hd_descriptors;

typedef struct hd_kernels {
    const char *name;
    const hd_descriptors *descriptors[2]; /* double, mixed precision */
    /* network.c */
    void (*network)(const hd_network *, int64_t n, const double *x, double *energy, double *de_dx, double *work);
    /* network_gradients.c */
    int64_t (*gradients_work)(const hd_network *);
    void (*network_gradients)(const hd_network *, int64_t n, const double *x, int64_t x_row, const double *a,
                              const double *v, int64_t v_row, int64_t n_segments, const int64_t *bounds,
                              double *dl_dw, double *energy, double *de_dx, double *dl_dx, double *work);
    void (*set_parameters)(const double *parameters, hd_network *);
    /* tangents.c */
    void (*keep_tangents)(int64_t n_f, int64_t n, const double *dg_dr, const double *x, const double *y,
                          const double *z, const int32_t *entry, int64_t n_entries, double *sums, float *t, float *s);
    void (*tangent_forces)(int64_t n, int64_t n_f, const int64_t *start, const int32_t *atom, const float *t,
                           const double *de_dg, int64_t row, double *forces);
    void (*tangent_rates)(int64_t n, int64_t n_f, const int64_t *start, const int32_t *atom, const float *t,
                          const double *along, double *rates);
    /* hdnnp.c: `threads` workers, each with a scratch, all but the first with a row of zeros of its own in
     * spare [threads - 1][4 n_total], which are zeros again afterwards */
    void (*energy_forces)(const hd_element *, int64_t n_elements, const hd_units *, const hd_atoms *, int64_t n_owned,
                          int64_t n_total, int64_t threads, hd_scratch **scratch, double *spare, int64_t *energy_limbs,
                          const hd_notes *);
    /* committee.c: likewise; f [threads][n_members - 1][4 n_total] are zeros, and the first worker's hold the sums
     * afterwards; energy_limbs [n_members][3] */
    void (*deviations)(const hd_element *, int64_t n_elements, const hd_units *, const hd_atoms *, int64_t n_owned,
                       int64_t n_total, int64_t threads, hd_scratch **scratch, double *f, int64_t *energy_limbs);
    int openmp; /* are the workers threads? */
} hd_kernels;

const hd_kernels *hd_select(const char *wanted);

#endif
