# cython: language_level=3
"""What ext/hdnnp.h declares, for the door to these kernels (_hdnnp.pyx)."""

from libc.stdint cimport int32_t, int64_t

cdef extern from "hdnnp.h" nogil:
    enum:
        HD_MEMBERS

    ctypedef struct hd_window:
        pass

    ctypedef struct hd_exponent:
        pass

    ctypedef struct hd_radial:
        pass

    ctypedef struct hd_angle:
        pass

    ctypedef struct hd_term:
        pass

    ctypedef struct hd_group:
        pass

    ctypedef struct hd_family:
        pass

    ctypedef struct hd_plan:
        const hd_family *families
        const hd_exponent *exponents
        const hd_radial *radials
        const hd_group *groups
        const hd_angle *angles
        const hd_term *terms
        const double *charges
        int64_t n_families, n_elements, n_functions

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

    ctypedef struct hd_environment:
        double *x
        double *y
        double *z
        int64_t *first
        int32_t *atom

    ctypedef struct hd_descriptors

    ctypedef struct hd_scratch:
        const hd_descriptors *kernels

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
        double *descriptors
        int64_t row

    ctypedef struct hd_units:
        double per_length, energy, gradient, cutoff

    ctypedef struct hd_descriptors:
        size_t (*scratch)(const hd_element *, int64_t, int64_t, char *) noexcept nogil
        void (*values)(const hd_plan *, const hd_environment *, hd_scratch *, double *) noexcept nogil
        void (*vjp)(const hd_plan *, const hd_environment *, hd_scratch *, const double *, double *, double *,
                    double *) noexcept nogil
        void (*jvp)(const hd_plan *, const hd_environment *, hd_scratch *, const double *, const double *,
                    const double *,
                    double *) noexcept nogil
        void (*jacobian)(const hd_plan *, const hd_environment *, hd_scratch *, double *) noexcept nogil

    ctypedef struct hd_kernels:
        const hd_descriptors *descriptors[2]
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
        int openmp

    const hd_kernels *hd_select(const char *)
