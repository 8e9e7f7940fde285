/* Networks of atoms: what the kernels are told of a potential, and what they offer.
 *
 * What an atom's environment looks like to its network is a descriptor; its kind is an entry of descriptors.h, its kernels
 * are a table of functions (hd_descriptors), its parameters tables that they alone can read. */
#ifndef MD_HDNNP_H
#define MD_HDNNP_H

#include <stddef.h>
#include <stdint.h>

enum { HD_MEMBERS = 100 };  /* most members of a committee */
enum { HD_ELEMENTS = 64 };
enum { HD_TABLES = 8 };     /* most tables of a descriptor */

/* The descriptors of one central element. `descriptor` is a struct of pointers to tables, which its kind knows. */
typedef struct {
    const void *descriptor;
    int64_t n_functions;
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

/* What training saw of the distances from an atom of an element to the nearest one of each, [n_elements] native lengths, infinite where
 * unknown. An excess counts in units of what is far (mdcore/potentials/networks/nearest.py), 1 / per_below or 1 / per_above. */
typedef struct {
    const double *low, *high, *per_below, *per_above;
} hd_distances;

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
    hd_distances nearest;
} hd_element;

/* The neighbours of one atom, r_ij = r_j - r_i, elements ascending: those of element e are first[e] ... first[e+1]-1 */
typedef struct {
    double *x, *y, *z;
    int64_t *first;
    int32_t *atom; /* rows of the neighbours (MD only) */
    double *nearest; /* [n_elements] distances, the cutoff without a neighbour, or NULL (MD only) */
} hd_environment;

/* Doubles of work memory of `network` */
static inline int64_t network_work(const hd_network *net) { return (2 * net->n_layers + 1) * net->widest; }

/* Memory for one environment at a time. What the driver uses is double; `work` is known to the descriptor alone. */
typedef struct {
    const struct hd_descriptors *kernels; /* whose work it is */
    int64_t stride;                       /* room for every neighbour, and more */
    double *x, *y, *z, *edge;             /* [stride] an environment; [3][stride] its gradients */
    double *descriptors, *slopes;         /* [n_functions] */
    double *energies, *members;           /* [n_members], [n_members][row]: E and dE/dx of each, of a committee only */
    int64_t row;                          /* >= n_functions */
    double *network;                      /* [network_work] */
    int64_t *first;                       /* [n_elements + 1] */
    int32_t *atom;                        /* [stride] */
    double *nearest;                      /* [n_elements] */
    void *work;
} hd_scratch;

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
    int32_t *outside;    /* [n_owned] how many descriptors and distances are outside the range of training */
    int32_t *worst;      /* [n_owned] the descriptor that is farthest outside, or -1 ... */
    double *excess;      /* [n_owned] ... and how far, in units of high - low */
    double *apart;       /* [n_owned] likewise the distance to a nearest neighbour, in units of what is far; with `nearest` */
    double *nearest;     /* [n_owned][n_elements] these distances, native */
    double *descriptors; /* [n_owned][row] G, zeros behind them */
    int64_t row;
} hd_notes;

/* What networks are asked, and say, of owned atoms; native units. `more`: a number beside the descriptors, if they see one. */
typedef struct {
    const double *g, *more;   /* [n_owned][row] G; [n_owned], or NULL */
    double *values;           /* [n_owned] factor * E_NN + offset */
    double *slopes, *of_more; /* its derivatives: [n_owned][row] over G, zeros behind them; [n_owned], or NULL */
    int64_t row;
} hd_answers;

typedef struct {
    double per_length;       /* native lengths per Angstrom */
    double energy, gradient; /* eV per native energy; eV/Angstrom per native gradient */
    double cutoff;           /* native */
} hd_units;

/* A kind of descriptor in one precision. Functions are those of one central element and one environment; `descriptor` is
 * hd_plan's, `env` has the native length. What is computed depends on the order of the neighbours, which is canonical. */
typedef struct hd_descriptors {
    const char *kind;
    size_t rows[HD_TABLES]; /* bytes of a row of each table, in the order of the pointers of `descriptor`; then 0 */
    /* How much memory do environments of up to `most` neighbours need? Lays it out in `memory` (64-byte aligned), if any. */
    size_t (*work)(int64_t n_elements, const hd_plan *const *plans, int64_t most, void *memory);
    void (*values)(const void *descriptor, const hd_environment *, void *work, double *g);
    /* the same for who wants one alone: g, or, with NULL, what vjp needs (which then computes the rest as it goes) */
    void (*once)(const void *descriptor, const hd_environment *, void *work, double *g);
    /* after `values` or `once` of the same environment and memory: g_ij += sum_f de_dg_f dG_f/dr_ij */
    void (*vjp)(const void *descriptor, const hd_environment *, void *work, const double *de_dg, double *gx, double *gy,
                double *gz);
    /* likewise: dG_f/dr_ij [f][3][n], n neighbours; NULL: made of one vjp a function */
    void (*jacobian)(const void *descriptor, const hd_environment *, void *work, double *dg_dr);
} hd_descriptors;

/* Its kernels for double and for mixed precision */
typedef struct hd_kind {
    const hd_descriptors *precision[2];
} hd_kind;

typedef struct hd_kernels {
    const char *name;
    const hd_kind *descriptors; /* descriptors.h; the last has no kernels */
    /* scratch.c: memory for environments of up to `most` neighbours, in `memory` (64-byte aligned; then it is the hd_scratch)
     * or, with NULL, how much of it is needed */
    size_t (*scratch)(const hd_descriptors *, const hd_element *, int64_t n_elements, int64_t most, char *memory);
    void (*jacobian)(const hd_plan *, const hd_environment *, int64_t n_elements, hd_scratch *, double *dg_dr);
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
    /* charged.c: descriptors of owned atoms, and what else `notes` ask of them; what networks answer; then forces of dE/dG
     * slopes [n_owned][row] */
    void (*descriptors_of)(const hd_element *, int64_t n_elements, const hd_units *, const hd_atoms *, int64_t n_owned,
                           int64_t threads, hd_scratch **scratch, const hd_notes *);
    void (*answers_of)(const hd_element *, const hd_atoms *, int64_t n_owned, int64_t threads, hd_scratch **scratch,
                       const hd_answers *);
    void (*pull)(const hd_element *, int64_t n_elements, const hd_units *, const hd_atoms *, int64_t n_owned, int64_t n_total,
                 int64_t threads, hd_scratch **scratch, double *spare, const double *slopes, int64_t row);
    int openmp; /* are the workers threads? */
} hd_kernels;

const hd_kernels *hd_select(const char *wanted);

#endif
