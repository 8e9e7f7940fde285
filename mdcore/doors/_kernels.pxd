# cython: language_level=3
"""What ext/kernels.h declares, for the door to these kernels (_kernels.pyx)."""

from libc.stdint cimport int32_t, int64_t, uint32_t, uint8_t, uint64_t

cdef extern from "kernels.h" nogil:
    ctypedef struct md_atoms:
        double *x
        double *v
        double *f
        double *start
        const double *masses
        const int64_t *tags
        int64_t n_owned
        int64_t n_ghost

    ctypedef struct md_columns:
        int64_t n, record
        char *data[16]
        int64_t width[16]

    ctypedef struct md_shares:
        double *energy
        double *virial

    ctypedef struct md_strain:
        double matrix[9]
        double inverse[9]
        double origin[3]
        double changed[9]
        double corner[3]
        double map[9]
        double turn[9]
        double grid_big
        int periodic

    ctypedef struct md_place:
        int64_t grid[3]
        int64_t coords[3]
        int periodic

    ctypedef struct md_list:
        int64_t *first
        int32_t *index
        int64_t capacity
        int64_t n_pairs

    ctypedef struct md_bins:
        double *x, *y, *z
        int32_t *atom
        double *near_x, *near_y, *near_z
        float *above_x, *above_y, *above_z
        int32_t *near
        int32_t *above
        int32_t *bin
        int32_t *start
        int64_t capacity

    ctypedef struct md_baths:
        const uint8_t *bath
        const double *rows
        int64_t n

    ctypedef struct md_motion:
        double step2
        double total2

    enum:
        MD_OK, MD_FULL, MD_OVERLAP
        MD_COLUMNS
        BINS_PER_ATOM, BINS_FLOOR, LIST_AHEAD
        PAIR_ENERGY, PAIR_MANY, PAIR_LINEAR, PAIR_WEIGHED
        NEAR_POINTS, NEAR_GAUSSIANS, NEAR_DAMPED

    ctypedef struct md_pair_table:
        const double *rows
        const double *more
        int64_t n_species
        double farthest2
        const double *scale
        const double *weights
        int64_t begin, end

    ctypedef int64_t md_pair(const md_atoms *, const md_list *, const md_pair_table *, int, int64_t *,
                             const md_shares *) noexcept nogil

    ctypedef struct md_pair_entry:
        const char *name
        md_pair *kernel
        int columns, scaled

    ctypedef struct md_eam:
        int64_t n_species, n_r, n_rho
        double per_r, per_rho
        double cutoff2, most_rho
        const double *pairs
        const double *embedding

    ctypedef struct md_d3:
        int64_t n_species, refs
        double s6, alpha
        int zero, half_alpha
        double cutoff, number_cutoff, triple_cutoff
        double width, steepness
        double s9, beta
        const double *covalent
        const double *reference
        const double *pairs
        const double *factors
        const double *signs
        const double *radii2

    ctypedef struct md_d3_sums:
        double *rows
        double *energy

    ctypedef struct md_d3_room:
        double *own
        int32_t *near
        int32_t *rows
        int64_t *first
        int64_t *next
        double *slots
        int64_t pitch

    enum:
        D3_COLUMNS, D3_SLOT_COLUMNS

    ctypedef struct md_slot:
        pass

    ctypedef struct md_room:
        int64_t longest
        const double *weights
        int32_t *near
        int64_t *first
        md_slot *slots
        void *species

    enum:
        ROOM_SPECIES
        SW_COLUMNS, SW_TRIPLE_COLUMNS
        TS_COLUMNS, TS_TRIPLE_COLUMNS

    ctypedef struct md_mesh:
        double inverse[9]
        double cell[9]
        double origin[3]
        int64_t size[3]
        int64_t low[3]
        int64_t length[3]
        double self[3]
        int order

    ctypedef struct md_batch_state:
        int64_t next, done, lost

    ctypedef struct md_batches:
        const double *x
        const double *charge
        const double *mesh
        double *found
        int64_t n
        md_batch_state *state

    enum:
        MESH_OPEN
        MESH_DONE
        MESH_BITS
        MESH_SQUARE_BITS
        MESH_MORE

    ctypedef struct md_planes:
        int64_t size[3]
        int64_t width
        const int64_t *begin
        const double *turns[4]
        double *room

    ctypedef struct md_pieces:
        double **waves
        const int64_t *cuts
        int64_t n, first, last

    ctypedef struct md_weights:
        double vectors[9]
        double scale, falls
        int attraction
        const double *factors[3]
        const double *own[3]
        const double *next[3]
        double squares[3]

    enum:
        PLANES_SUMS, PLANES_SELF, PLANES_ENERGY

    int64_t PLANES_ROOM(int64_t, int64_t, int64_t, int64_t)

    ctypedef struct md_waves:
        double vectors[9]
        double cell[9]
        int64_t most[3]
        int64_t n_columns, n_waves
        const int32_t *columns
        double *room

    enum:
        WAVES_BITS

    int64_t WAVES_ROOM(const int64_t *most)

    ctypedef struct md_gaussians:
        const double *gamma
        int64_t n_species
        double constant
        double alpha, cutoff, shift, slope
        double inner, outer
        int core

    ctypedef struct md_neighbours:
        const double *x
        const double *y
        const int64_t *first
        const int32_t *index
        const int32_t *count
        int64_t n

    ctypedef struct md_sw:
        int64_t n_species
        double farthest2
        int p, q
        const double *pairs
        const double *triples

    ctypedef struct md_tersoff:
        int64_t n_species
        double farthest2
        int exponential
        const double *pairs
        const double *triples

    ctypedef struct md_kernels:
        const char *name
        int (*verlet_list)(const md_atoms *, double, int, md_bins *, md_list *, int64_t *) noexcept nogil
        int (*list_is_stale)(const md_atoms *, const md_bins *, double, double, double) noexcept nogil
        void (*spatial_order)(const md_atoms *, double, int64_t *, int64_t *) noexcept nogil
        void (*leave_out)(const md_atoms *, const md_list *, const int64_t *, const int64_t *, double,
                          int32_t *) noexcept nogil
        void (*canonical_order)(const md_atoms *, int64_t, const md_list *, int32_t *, int64_t *) noexcept nogil
        const md_pair_entry *pairs
        void (*verlet_first)(const md_atoms *, double, double, md_motion *) noexcept nogil
        void (*langevin_first)(const md_atoms *, double, double, uint64_t, uint64_t, double, double,
                               const md_baths *, int64_t *, md_motion *) noexcept nogil
        int64_t (*second_kick)(const md_atoms *, double) noexcept nogil
        void (*scale_velocities)(const md_atoms *, double) noexcept nogil
        void (*drift)(const md_atoms *, const double *, double, md_motion *) noexcept nogil
        void (*strain)(const md_atoms *, const md_strain *) noexcept nogil
        void (*normals)(uint64_t, uint64_t, uint64_t, const int64_t *, int64_t, double *) noexcept nogil
        void (*philox_words)(uint64_t, uint64_t, uint64_t, const int64_t *, int64_t, uint32_t *) noexcept nogil
        int64_t (*philox_below)(uint64_t, uint64_t, uint64_t, const int64_t *, int64_t, uint64_t,
                                int64_t *) noexcept nogil
        void (*kinetic_sums)(const md_atoms *, int64_t *) noexcept nogil
        void (*virial_sums)(const md_atoms *, double, int64_t *) noexcept nogil
        int64_t (*select_beyond)(const double *, int64_t, int64_t, const double *, const double *, double, int,
                                 int32_t *) noexcept nogil
        int64_t (*wrap)(md_atoms *, int32_t *, const double *, const double *, const double *, const md_place *,
                        int32_t *, int32_t *, double *) noexcept nogil
        void (*pack_records)(const md_columns *, const int32_t *, int64_t, char *) noexcept nogil
        void (*remove_records)(const md_columns *, const int32_t *, int64_t, int64_t) noexcept nogil
        void (*unpack_records)(const md_columns *, int64_t, const char *, int64_t) noexcept nogil
        void (*copy_shifted)(double *, const double *, const int32_t *, int64_t, const double *) noexcept nogil
        void (*add_rows)(double *, const double *, const int32_t *, int64_t) noexcept nogil
        void (*take_rows)(char *, const char *, const int32_t *, int64_t, int64_t) noexcept nogil
        void (*add_numbers)(double *, const double *, const int32_t *, int64_t, int64_t) noexcept nogil
        void (*eam_density)(const md_atoms *, const md_list *, const md_eam *, double *, md_list *) noexcept nogil
        int64_t (*eam_embedding)(const md_atoms *, const md_eam *, const double *, double *, int64_t *,
                                 const md_shares *) noexcept nogil
        int64_t (*eam_forces)(const md_atoms *, const md_list *, const md_eam *, const double *, const double *,
                              int64_t *, const md_shares *) noexcept nogil
        int64_t (*mesh_spread)(const md_atoms *, const double *, const md_mesh *, int64_t *) noexcept nogil
        void (*near_rows)(const double *, const double *, int64_t, const int64_t *, const int32_t *, double, int64_t *,
                          int32_t *, int32_t *) noexcept nogil
        void (*gaussian_matrix)(const md_neighbours *, const md_gaussians *, double *, double *) noexcept nogil
        void (*gaussian_product)(const md_neighbours *, const double *, const double *, double *) noexcept nogil
        void (*gaussian_forces)(const md_neighbours *, const md_gaussians *, const double *, const double *,
                                const double *, const double *, int32_t *, double *) noexcept nogil
        int (*lu_factor)(int64_t, int64_t, double *, int64_t *) noexcept nogil
        void (*lu_solve)(int64_t, int64_t, const double *, const int64_t *, double *) noexcept nogil
        int64_t (*mesh_gather)(const md_atoms *, const double *, const md_mesh *, const double *, double *,
                               int) noexcept nogil
        void (*mesh_help)(const md_mesh *, const md_batches *, int) noexcept nogil
        void (*mesh_offer)(md_batch_state *, int) noexcept nogil
        int (*mesh_state)(const md_batches *) noexcept nogil
        void (*mesh_collect)(const md_atoms *, const double *, double *, int) noexcept nogil
        void (*mesh_squares)(const md_atoms *, const double *, const md_mesh *, int64_t *) noexcept nogil
        void (*mesh_reach)(const md_atoms *, const md_mesh *, int64_t *) noexcept nogil
        void (*planes_forward)(const md_planes *, const int64_t *, int64_t, double, double *) noexcept nogil
        void (*planes_weighted)(const md_planes *, const md_weights *, const md_pieces *, double *, int) noexcept nogil
        void (*planes_back)(const md_planes *, const double *, int64_t, double *) noexcept nogil
        void (*charge_pairs)(const md_atoms *, const double *, const double *, int64_t, double, double, double,
                             double, double, double *, int) noexcept nogil
        void (*charge_potentials)(const md_atoms *, const md_list *, const md_pair_table *, int, const double *,
                                  double *) noexcept nogil
        void (*wave_sums)(const md_atoms *, const double *, const md_waves *, int64_t *, int64_t *) noexcept nogil
        void (*wave_forces)(const md_atoms *, const double *, const md_waves *, const double *, const double *,
                            double *, int) noexcept nogil
        void (*d3_numbers)(const md_atoms *, const md_list *, const md_d3 *, double *) noexcept nogil
        void (*d3_weights)(const md_atoms *, const md_d3 *, const double *, double *) noexcept nogil
        void (*d3_project)(const md_atoms *, const md_d3 *, const double *, double *) noexcept nogil
        void (*d3_number_forces)(const md_atoms *, const md_list *, const md_d3 *, const double *,
                                 double *) noexcept nogil
        void (*d3_pairs)(const md_atoms *, const md_list *, const md_d3 *, const double *, const md_d3_room *,
                         const md_d3_sums *) noexcept nogil
        void (*d3_triples)(const md_atoms *, const md_list *, const md_d3 *, const double *, const md_d3_room *,
                           const md_d3_sums *) noexcept nogil
        int64_t (*stillinger_weber)(const md_atoms *, const md_list *, const md_sw *, md_room *, int64_t *,
                                    const md_shares *) noexcept nogil
        int64_t (*tersoff)(const md_atoms *, const md_list *, const md_tersoff *, md_room *, int64_t *,
                           const md_shares *) noexcept nogil

    const md_kernels *md_select(const char *)
    const char *const *md_levels()
