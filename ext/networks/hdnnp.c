/* Kernels of networks of atoms for one CPU level: compiled once a level with MD_LEVEL set. Which descriptors there are
 * says descriptors.h; each is compiled twice a level. */
#include "networks/descriptors.h"

#include "networks/environment.c"
#include "networks/network.c"
#include "networks/network_gradients.c"
#include "networks/scratch.c"
#include "networks/tangents.c"

enum { LARGEST_BLOCK = 32, BLOCKS_PER_WORKER = 32 };

/* How many atoms a worker takes at a time */
static int64_t block_size(int64_t n_owned, int64_t threads)
{
    const int64_t share = n_owned / (threads * BLOCKS_PER_WORKER);
    return share < 1 ? 1 : share < LARGEST_BLOCK ? share : LARGEST_BLOCK;
}

/* Takes the next owned atoms [begin, end), if there are any left. */
static int next_block(int64_t *next, int64_t size, int64_t n_owned, int64_t *begin, int64_t *end)
{
    *begin = __atomic_fetch_add(next, size, __ATOMIC_RELAXED);
    *end = *begin + size < n_owned ? *begin + size : n_owned;
    return *begin < n_owned;
}

#include "networks/committee.c"

/* How many descriptors g [n] of an atom are outside the range of training, and which one by how much? */
static int32_t compare(const hd_element *element, const double *g, int32_t *worst, double *excess)
{
    int32_t outside = 0, at = -1;
    double most = ROUNDING;
    for (int64_t m = 0; m < element->plan.n_functions; m++) {
        const double below = element->low[m] - g[m], above = g[m] - element->high[m];
        const double out = (below > above ? below : above) * element->per_width[m];
        outside += out > ROUNDING;
        at = out > most ? (int32_t)m : at;
        most = out > most ? out : most;
    }
    *worst = at;
    *excess = at < 0 ? 0.0 : most;
    return outside;
}

/* Tell what is asked about the descriptors g of owned atom i, and its nearest neighbours. */
static void note(const hd_notes *notes, const hd_element *element, int64_t n_elements, int64_t i, const double *g,
                 const hd_environment *env)
{
    if (notes->outside)
        notes->outside[i] = compare(element, g, notes->worst + i, notes->excess + i);
    if (notes->nearest) {
        const int32_t outside = distances_outside(&element->nearest, n_elements, env->nearest, notes->apart + i);
        if (notes->outside)
            notes->outside[i] += outside;
        memcpy(notes->nearest + i * n_elements, env->nearest, (size_t)n_elements * 8);
    }
    if (notes->descriptors) {
        double *row = notes->descriptors + i * notes->row;
        for (int64_t m = 0; m < notes->row; m++)
            row[m] = m < element->plan.n_functions ? g[m] : 0.0;
    }
}

/* Energy (on the force grid, the sum is returned) and forces, added to atoms->f, of owned atoms [begin, end). */
static md_i128 block(const hd_element *elements, int64_t n_elements, const hd_units *units, const hd_atoms *atoms,
                     int64_t begin, int64_t end, hd_scratch *s, const hd_notes *notes)
{
    hd_environment env = {s->x, s->y, s->z, s->first, s->atom, s->nearest};
    double *gx = s->edge, *gy = gx + s->stride, *gz = gy + s->stride;
    md_i128 total = 0;
    for (int64_t i = begin; i < end; i++) {
        const hd_element *element = elements + atoms->element_of[(int64_t)atoms->x[4 * i + 3]];
        const int64_t n_functions = element->plan.n_functions;
        gather(atoms, units, n_elements, i, &env);
        const int64_t n = env.first[n_elements];
        s->kernels->values(element->plan.descriptor, &env, s->work, s->descriptors);
        note(notes, element, n_elements, i, s->descriptors, &env);
        const double energy = answer(element, s);
        for (int64_t m = 0; m < n_functions; m++)
            s->slopes[m] *= element->slope[m] * element->factor;
        for (int64_t m = 0; m < 3; m++)
            memset(s->edge + m * s->stride, 0, (size_t)(n + 4) * 8);
        s->kernels->vjp(element->plan.descriptor, &env, s->work, s->slopes, gx, gy, gz);
        scatter(atoms, units->gradient, i, &env, n, gx, gy, gz);
        if (notes->virial)
            scatter_virials(notes->virial, units->per_length, units->gradient, &env, n, gx, gy, gz);
        const double own = units->energy * (element->factor * energy + element->offset);
        const md_i128 rounded = md_share(own);
        total += rounded;
        if (notes->energy)
            notes->energy[i] += (double)rounded * FORCE_GRID;
    }
    return total;
}

/* Forces of all workers but the first, which are zeros afterwards, are added to those of the first. */
static void join_forces(double *f, double *spare, int64_t n_total, int64_t threads)
{
#pragma omp parallel for schedule(static) num_threads(threads)
    for (int64_t i = 0; i < n_total; i++) {
        v4d sum = v_load(f + 4 * i);
        for (int64_t m = 0; m < threads - 1; m++) {
            double *row = spare + 4 * (m * n_total + i);
            sum += v_load(row);
            v_store(row, v_set1(0.0));
        }
        v_store(f + 4 * i, sum);
    }
}

/* Energy and forces of all owned atoms. Workers take blocks of atoms as they get to them; each adds to forces
 * of its own. What they add are multiples of the grids, so who took which block can't be seen in the sums.
 * Without OpenMP the first worker does it all. */
static void energy_forces(const hd_element *elements, int64_t n_elements, const hd_units *units, const hd_atoms *atoms,
                          int64_t n_owned, int64_t n_total, int64_t threads, hd_scratch **scratch, double *spare,
                          int64_t *energy_limbs, const hd_notes *notes)
{
    if (threads < 2) {
        md_limbs(block(elements, n_elements, units, atoms, 0, n_owned, *scratch, notes), energy_limbs);
        return;
    }
    const int64_t size = block_size(n_owned, threads);
    int64_t next = 0;
#pragma omp parallel for schedule(static, 1) num_threads(threads)
    for (int64_t worker = 0; worker < threads; worker++) {
        hd_atoms own = *atoms;
        if (worker > 0)
            own.f = spare + (worker - 1) * 4 * n_total;
        md_i128 total = 0;
        int64_t begin, end, limbs[3];
        while (next_block(&next, size, n_owned, &begin, &end)) {
            total += block(elements, n_elements, units, &own, begin, end, scratch[worker], notes);
        }
        md_limbs(total, limbs);
        for (int m = 0; m < 3; m++)
            __atomic_fetch_add(energy_limbs + m, limbs[m], __ATOMIC_RELAXED);
    }
    join_forces(atoms->f, spare, n_total, threads);
}

#include "networks/charged.c"

#define JOIN_(a, b) a##b
#define JOIN(a, b) JOIN_(a, b)
#define TEXT_(a) #a
#define TEXT(a) TEXT_(a)

#define DESCRIPTOR(name) {{&HD_TABLE_OF(name, 64), &HD_TABLE_OF(name, 32)}},
static const hd_kind kinds[] = {HD_DESCRIPTORS {{NULL, NULL}}};
#undef DESCRIPTOR

const hd_kernels JOIN(hd_kernels_, MD_LEVEL) = {
    .name = TEXT(MD_LEVEL),
    .descriptors = kinds,
    .scratch = scratch_of,
    .jacobian = jacobian_of,
    .network = network,
    .gradients_work = gradients_work,
    .network_gradients = network_gradients,
    .set_parameters = set_parameters,
    .keep_tangents = keep_tangents,
    .tangent_forces = tangent_forces,
    .tangent_rates = tangent_rates,
    .energy_forces = energy_forces,
    .deviations = deviations,
    .descriptors_of = descriptors_of,
    .answers_of = answers_of,
    .pull = pull,
#if defined(_OPENMP)
    .openmp = 1,
#endif
};
