/* All kernels of one CPU level: compiled once a level with MD_LEVEL set. */
#include "kernels.h"

#include "charges/direct.c"
#include "charges/gaussians.c"
#include "charges/lu.c"
#include "charges/mesh.c"
#include "charges/near.c"
#include "charges/planes.c"
#include "charges/waves.c"
#include "engine/cells.c"
#include "engine/exclude.c"
#include "engine/halo.c"
#include "engine/integrate.c"
#include "engine/order.c"
#include "engine/reduce.c"
#include "dispersion/coordination.c"
#include "dispersion/pairs.c"
#include "dispersion/triples.c"
#include "manybody/eam.c"
#include "manybody/stillinger_weber.c"
#include "manybody/tersoff.c"
#include "pair/list.h"

#define JOIN_(a, b) a##b
#define JOIN(a, b) JOIN_(a, b)
#define TEXT_(a) #a
#define TEXT(a) TEXT_(a)

#define PAIR_ENTRY(NAME, columns, n_force, n_linear, traits) {#NAME, pair_##NAME, columns, ((traits)&PAIR_SCALED) != 0},
PAIR_LIST(PAIR_KERNEL)
static const md_pair_entry pair_entries[] = {PAIR_LIST(PAIR_ENTRY){NULL, NULL, 0, 0}};

const md_kernels JOIN(md_kernels_, MD_LEVEL) = {
    .name = TEXT(MD_LEVEL),
    .verlet_list = verlet_list,
    .list_is_stale = list_is_stale,
    .spatial_order = spatial_order,
    .canonical_order = canonical_order,
    .leave_out = leave_out,
    .pairs = pair_entries,
    .charge_pairs = charge_pairs,
    .near_rows = near_rows,
    .gaussian_matrix = gaussian_matrix,
    .gaussian_product = gaussian_product,
    .gaussian_forces = gaussian_forces,
    .lu_factor = lu_factor,
    .lu_solve = lu_solve,
    .charge_potentials = charge_potentials,
    .mesh_spread = mesh_spread,
    .mesh_gather = mesh_gather,
    .mesh_help = mesh_help,
    .mesh_offer = mesh_offer,
    .mesh_state = mesh_state,
    .mesh_collect = mesh_collect,
    .mesh_squares = mesh_squares,
    .mesh_reach = mesh_reach,
    .planes_forward = planes_forward,
    .planes_weighted = planes_weighted,
    .planes_back = planes_back,
    .wave_sums = wave_sums,
    .wave_forces = wave_forces,
    .verlet_first = verlet_first,
    .langevin_first = langevin_first,
    .second_kick = second_kick,
    .scale_velocities = scale_velocities,
    .drift = drift,
    .strain = strain,
    .normals = normals,
    .philox_words = philox_words,
    .philox_below = philox_below,
    .kinetic_sums = kinetic_sums,
    .virial_sums = virial_sums,
    .wrap = wrap,
    .pack_records = pack_records,
    .remove_records = remove_records,
    .unpack_records = unpack_records,
    .select_beyond = select_beyond,
    .copy_shifted = copy_shifted,
    .add_rows = add_rows,
    .take_rows = take_rows,
    .add_numbers = add_numbers,
    .eam_density = eam_density,
    .eam_embedding = eam_embedding,
    .eam_forces = eam_forces,
    .stillinger_weber = stillinger_weber,
    .tersoff = tersoff,
    .d3_numbers = d3_numbers,
    .d3_weights = d3_weights,
    .d3_project = d3_project,
    .d3_number_forces = d3_number_forces,
    .d3_pairs = d3_pairs,
    .d3_triples = d3_triples,
};
