# cython: language_level=3
"""What ext/density/density.h declares, for the door to these kernels (_density.pyx)."""

from libc.stdint cimport int32_t, int64_t

from mdcore.doors._hdnnp cimport hd_atoms, hd_distances

cdef extern from "density/density.h" nogil:
    enum:
        DN_LAYERS
        DN_DEGREE
        DN_SEND
        DN_FINISH
        DN_RETURN

    ctypedef struct dn_sizes:
        int64_t species, layers, channels, l_max, radial, mixed, hidden, envelope, parts
        double cutoff

    ctypedef struct dn_program:
        const int32_t *pairs
        const int32_t *terms
        const int32_t *vectors
        const int32_t *couples
        const int32_t *slopes
        const int32_t *links
        const int32_t *first_link
        const void *pair_values
        const void *vector_values
        const void *couple_values
        const void *slope_values
        int64_t n_pairs, n_pair_terms, n_terms, n_invariants, n_vector_terms, n_vectors, n_couples, n_paths

    ctypedef struct dn_layer:
        void *radial
        void *mix
        void *product
        void *vector
        void *couple
        double *carry
        double *shift
        double *carry_vector

    ctypedef struct dn_model:
        dn_sizes n
        dn_program program
        dn_layer layer[4]
        double *energy
        double *linear
        double *hidden
        double *bias
        double *out

    ctypedef struct dn_channels:
        int64_t lanes, bytes

    ctypedef struct dn_atoms:
        hd_atoms rows
        int64_t n_owned, n_total
        double *x
        double *x_bar
        const int32_t *home
        void *message[4]
        double *pull[4]
        double *energies
        double *virials
        const double *weights
        const hd_distances *seen
        int32_t *outside
        double *apart
        double *nearest

    ctypedef struct dn_graph:
        int64_t n, most
        const int64_t *first
        const int32_t *j
        const int32_t *species
        const double *d

    ctypedef struct dn_kernels:
        const dn_channels *precision[2]
        size_t (*scratch)(const dn_model *, const dn_channels *, int64_t, int, char *) noexcept nogil
        void (*run "pass")(const dn_model *, const dn_channels *, int, int64_t, const dn_atoms *, int64_t, void **,
                           double *, int64_t *) noexcept nogil
        void (*evaluate)(const dn_model *, const dn_channels *, const dn_graph *, void *, double *, double *, double *,
                         double *, double *) noexcept nogil
        void (*gradient)(const dn_model *, const dn_channels *, const dn_graph *, void *, double *, const double *,
                         const double *, const double *, const dn_model *) noexcept nogil
        void (*densities)(const dn_model *, const dn_channels *, const dn_graph *, void *, double *, int64_t,
                          double *) noexcept nogil
        int openmp

    int64_t dn_graph_room(const dn_sizes *, int64_t)
    const dn_kernels *dn_select(const char *)
