# cython: language_level=3
"""What ext/networks/hdnnp.h declares, for the door to these kernels (_hdnnp.pyx)."""

from libc.stdint cimport int32_t, int64_t

cdef extern from "networks/hdnnp.h" nogil:
    enum:
        HD_MEMBERS
        HD_ELEMENTS
        HD_TABLES

    ctypedef struct hd_plan:
        const void *descriptor
        int64_t n_functions

    ctypedef struct hd_layer:
        double *weights
        double *transposed
        double *biases
        int64_t n_in, n_out
        double scale
        int32_t activation

    ctypedef struct hd_network:
        const hd_layer *layers
        int64_t n_layers, widest

    ctypedef struct hd_distances:
        const double *low
        const double *high
        const double *per_below
        const double *per_above

    ctypedef struct hd_element:
        hd_plan plan
        hd_network *members
        int64_t n_members
        const double *slope
        const double *shift
        double base, factor, offset
        const double *low
        const double *high
        const double *per_width
        hd_distances nearest

    ctypedef struct hd_environment:
        double *x
        double *y
        double *z
        int64_t *first
        int32_t *atom

    ctypedef struct hd_descriptors

    ctypedef struct hd_scratch:
        const hd_descriptors *kernels
        void *work

    ctypedef struct hd_atoms:
        const double *x
        double *f
        const int64_t *first
        const int32_t *index
        const int32_t *bounds
        int64_t n_species
        const int32_t *species_of
        const int32_t *element_of

    ctypedef struct hd_notes:
        double *energy
        double *virial
        int32_t *outside
        int32_t *worst
        double *excess
        double *apart
        double *nearest
        double *descriptors
        int64_t row

    ctypedef struct hd_answers:
        const double *g
        const double *more
        double *values
        double *slopes
        double *of_more
        int64_t row

    ctypedef struct hd_units:
        double per_length, energy, gradient, cutoff

    ctypedef struct hd_descriptors:
        const char *kind
        size_t rows[HD_TABLES]
        void (*values)(const void *, const hd_environment *, void *, double *) noexcept nogil
        void (*vjp)(const void *, const hd_environment *, void *, const double *, double *, double *,
                    double *) noexcept nogil

    ctypedef struct hd_kind:
        const hd_descriptors *precision[2]

    ctypedef struct hd_kernels:
        const hd_kind *descriptors
        size_t (*scratch)(const hd_descriptors *, const hd_element *, int64_t, int64_t, char *) noexcept nogil
        void (*jacobian)(const hd_plan *, const hd_environment *, int64_t, hd_scratch *, double *) noexcept nogil
        void (*network)(const hd_network *, int64_t, const double *, double *, double *, double *) noexcept nogil
        int64_t (*gradients_work)(const hd_network *) noexcept nogil
        void (*network_gradients)(const hd_network *, int64_t, const double *, int64_t, const double *, const double *,
                                  int64_t, int64_t, const int64_t *, double *, double *, double *, double *,
                                  double *) noexcept nogil
        void (*set_parameters)(const double *, hd_network *) noexcept nogil
        void (*keep_tangents)(int64_t, int64_t, const double *, const double *, const double *, const double *,
                              const int32_t *, int64_t, double *, float *, float *) noexcept nogil
        void (*tangent_forces)(int64_t, int64_t, const int64_t *, const int32_t *, const float *, const double *,
                               int64_t, double *) noexcept nogil
        void (*tangent_rates)(int64_t, int64_t, const int64_t *, const int32_t *, const float *, const double *,
                              double *) noexcept nogil
        void (*energy_forces)(const hd_element *, int64_t, const hd_units *, const hd_atoms *, int64_t, int64_t,
                              int64_t, hd_scratch **, double *, int64_t *, const hd_notes *) noexcept nogil
        void (*deviations)(const hd_element *, int64_t, const hd_units *, const hd_atoms *, int64_t, int64_t, int64_t,
                           hd_scratch **, double *, int64_t *) noexcept nogil
        void (*descriptors_of)(const hd_element *, int64_t, const hd_units *, const hd_atoms *, int64_t, int64_t,
                               hd_scratch **, const hd_notes *) noexcept nogil
        void (*answers_of)(const hd_element *, const hd_atoms *, int64_t, int64_t, hd_scratch **,
                           const hd_answers *) noexcept nogil
        void (*pull)(const hd_element *, int64_t, const hd_units *, const hd_atoms *, int64_t, int64_t, int64_t,
                     hd_scratch **, double *, const double *, int64_t) noexcept nogil
        int openmp

    const hd_kernels *hd_select(const char *)
