/* What does a committee say, and how much do its members differ?
 *
 * Members share the descriptors. Energy and forces are means over the members, the forces the exact gradient of the mean
 * energy: one reverse pass with the mean of dE/dG. What single members say is asked for now and then only (Schran,
 * Brezina, Marsalek, J. Chem. Phys. 153, 104105 (2020)): it takes a reverse pass a member. */

/* x of the descriptors G in s->descriptors; E_NN and, in s->slopes, dE_NN/dx: of the mean of all members. Of a
 * committee, those of each member stay in s->energies and s->members. */
static double answer(const hd_element *element, hd_scratch *s)
{
    const int64_t n_functions = element->plan.n_functions, n_members = element->n_members;
    for (int64_t m = 0; m < n_functions; m++)
        s->descriptors[m] = element->slope[m] * (s->descriptors[m] - element->shift[m]) + element->base;
    double energy;
    if (n_members == 1) {
        network(element->members, 1, s->descriptors, &energy, s->slopes, s->network);
        return energy;
    }
    for (int64_t k = 0; k < n_members; k++)
        network(element->members + k, 1, s->descriptors, s->energies + k, s->members + k * s->row, s->network);
    const double share = 1.0 / (double)n_members;
    energy = 0.0;
    memset(s->slopes, 0, (size_t)n_functions * 8);
    for (int64_t k = 0; k < n_members; k++) {
        energy += s->energies[k];
        for (int64_t m = 0; m < n_functions; m++)
            s->slopes[m] += s->members[k * s->row + m];
    }
    for (int64_t m = 0; m < n_functions; m++)
        s->slopes[m] *= share;
    return share * energy;
}

/* Of owned atoms [begin, end): energy of each member (on the force grid) added to total [n_members], and the forces of
 * each but the last less the mean's, added to f [n_members - 1][4 n_total]. The deviations of all add up to zero. */
static void block_deviations(const hd_element *elements, int64_t n_elements, const hd_units *units,
                             const hd_atoms *atoms, int64_t begin, int64_t end, int64_t n_total, hd_scratch *s,
                             double *f, md_i128 *total)
{
    hd_environment env = {s->x, s->y, s->z, s->first, s->atom, NULL};
    hd_atoms own = *atoms;
    double *gx = s->edge, *gy = gx + s->stride, *gz = gy + s->stride;
    for (int64_t i = begin; i < end; i++) {
        const hd_element *element = elements + atoms->element_of[(int64_t)atoms->x[4 * i + 3]];
        const int64_t n_functions = element->plan.n_functions, n_members = element->n_members;
        gather(atoms, units, n_elements, i, &env);
        const int64_t n = env.first[n_elements];
        s->kernels->values(element->plan.descriptor, &env, s->work, s->descriptors);
        answer(element, s);
        for (int64_t k = 0; k < n_members; k++) {
            double *member = s->members + k * s->row;
            const double energy = units->energy * (element->factor * s->energies[k] + element->offset);
            total[k] += md_share(energy);
            if (k == n_members - 1)
                break;
            for (int64_t m = 0; m < n_functions; m++)
                member[m] = (member[m] - s->slopes[m]) * (element->slope[m] * element->factor);
            for (int64_t m = 0; m < 3; m++)
                memset(s->edge + m * s->stride, 0, (size_t)(n + 4) * 8);
            s->kernels->vjp(element->plan.descriptor, &env, s->work, member, gx, gy, gz);
            own.f = f + k * 4 * n_total;
            scatter(&own, units->gradient, i, &env, n, gx, gy, gz);
        }
    }
}

/* The same of all owned atoms, as energy_forces shares them among workers; f [threads][n_members - 1][4 n_total]. */
static void deviations(const hd_element *elements, int64_t n_elements, const hd_units *units, const hd_atoms *atoms,
                       int64_t n_owned, int64_t n_total, int64_t threads, hd_scratch **scratch, double *f,
                       int64_t *energy_limbs)
{
    const int64_t n_members = elements->n_members, share = (n_members - 1) * 4 * n_total;
    const int64_t size = block_size(n_owned, threads);
    int64_t next = 0;
#pragma omp parallel for schedule(static, 1) num_threads(threads)
    for (int64_t worker = 0; worker < threads; worker++) {
        md_i128 total[HD_MEMBERS] = {0};
        int64_t begin, end, limbs[3];
        while (next_block(&next, size, n_owned, &begin, &end)) {
            block_deviations(elements, n_elements, units, atoms, begin, end, n_total, scratch[worker],
                             f + worker * share, total);
        }
        for (int64_t k = 0; k < n_members; k++) {
            md_limbs(total[k], limbs);
            for (int m = 0; m < 3; m++)
                __atomic_fetch_add(energy_limbs + 3 * k + m, limbs[m], __ATOMIC_RELAXED);
        }
    }
#pragma omp parallel for schedule(static) num_threads(threads)
    for (int64_t i = 0; i < share; i += 4) {
        v4d sum = v_load(f + i);
        for (int64_t worker = 1; worker < threads; worker++)
            sum += v_load(f + worker * share + i);
        v_store(f + i, sum);
    }
}
