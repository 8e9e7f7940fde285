/* Kernels of Behler-Parrinello networks for one CPU level: compiled once a level with MD_LEVEL set. Descriptors
 * come from symmetry.c, compiled twice a level. */
#include "hdnnp.h"

#include "environment.c"
#include "network.c"

/* Energy and forces of owned atoms [begin, end), the unit that threads may share out: forces are added to
 * atoms->f, energies (on the force grid) to the limbs and, unless NULL, to atom_energy [n_owned]. */
static void energy_forces(const hd_element *elements, int64_t n_elements, const hd_units *units, const hd_atoms *atoms,
                          int64_t begin, int64_t end, hd_scratch *s, int64_t *energy_limbs, double *atom_energy)
{
    hd_environment env = {s->x, s->y, s->z, s->first, s->atom};
    double *gx = s->edge, *gy = gx + s->stride, *gz = gy + s->stride;
    md_i128 total = 0;
    for (int64_t i = begin; i < end; i++) {
        const hd_element *element = elements + atoms->element_of[(int64_t)atoms->x[4 * i + 3]];
        const int64_t n_functions = element->plan.n_functions;
        gather(atoms, units, n_elements, i, &env);
        const int64_t n = env.first[n_elements];
        s->kernels->values(&element->plan, &env, s, s->descriptors);
        for (int64_t m = 0; m < n_functions; m++)
            s->descriptors[m] = element->slope[m] * (s->descriptors[m] - element->shift[m]) + element->base;
        double energy;
        network(&element->network, 1, s->descriptors, &energy, s->slopes, s->network);
        for (int64_t m = 0; m < n_functions; m++)
            s->slopes[m] *= element->slope[m] * element->factor;
        for (int64_t m = 0; m < 3; m++)
            memset(s->edge + m * s->stride, 0, (size_t)(n + 4) * 8);
        s->kernels->vjp(&element->plan, &env, s, s->slopes, gx, gy, gz);
        scatter(atoms, units->gradient, i, &env, n, gx, gy, gz);
        const double own = units->energy * (element->factor * energy + element->offset);
        const int64_t rounded = (int64_t)__builtin_rint(own * (1.0 / FORCE_GRID));
        total += rounded;
        if (atom_energy)
            atom_energy[i] += (double)rounded * FORCE_GRID;
    }
    md_limbs(total, energy_limbs);
}

#define JOIN_(a, b) a##b
#define JOIN(a, b) JOIN_(a, b)
#define TEXT_(a) #a
#define TEXT(a) TEXT_(a)

extern const hd_descriptors JOIN(hd_descriptors_64_, MD_LEVEL), JOIN(hd_descriptors_32_, MD_LEVEL);

const hd_kernels JOIN(hd_kernels_, MD_LEVEL) = {
    .name = TEXT(MD_LEVEL),
    .canonical_order = canonical_order,
    .descriptors = {&JOIN(hd_descriptors_64_, MD_LEVEL), &JOIN(hd_descriptors_32_, MD_LEVEL)},
    .network = network,
    .energy_forces = energy_forces,
};
