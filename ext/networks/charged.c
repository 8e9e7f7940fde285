/* Networks whose answers meet before forces are known: descriptors first, then what the caller makes of them, then the way back.
 *
 * Charges of atoms follow from descriptors, and energies from descriptors and charges of all atoms; so dE/dG is known when all of
 * them are. What a way back needs of an environment is not kept till then (100 kB an atom): triplets are found twice, but each
 * time only what that way needs is made of them. */

/* G of owned atoms [begin, end), to notes. */
static void block_descriptors(const hd_element *elements, int64_t n_elements, const hd_units *units, const hd_atoms *atoms,
                              int64_t begin, int64_t end, hd_scratch *s, const hd_notes *notes)
{
    hd_environment env = {s->x, s->y, s->z, s->first, s->atom, s->nearest};
    for (int64_t i = begin; i < end; i++) {
        const hd_element *element = elements + atoms->element_of[(int64_t)atoms->x[4 * i + 3]];
        gather(atoms, units, n_elements, i, &env);
        s->kernels->once(element->plan.descriptor, &env, s->work, s->descriptors);
        note(notes, element, n_elements, i, s->descriptors, &env);
    }
}

/* What networks say of owned atoms [begin, end). */
static void block_answers(const hd_element *elements, const hd_atoms *atoms, int64_t begin, int64_t end, hd_scratch *s,
                          const hd_answers *to)
{
    for (int64_t i = begin; i < end; i++) {
        const hd_element *element = elements + atoms->element_of[(int64_t)atoms->x[4 * i + 3]];
        const int64_t n = element->plan.n_functions;
        const double *g = to->g + i * to->row;
        double *slopes = to->slopes + i * to->row, energy;
        for (int64_t m = 0; m < n; m++)
            s->descriptors[m] = element->slope[m] * (g[m] - element->shift[m]) + element->base;
        if (to->more)
            s->descriptors[n] = to->more[i];
        network(element->members, 1, s->descriptors, &energy, s->slopes, s->network);
        to->values[i] = element->factor * energy + element->offset;
        for (int64_t m = 0; m < n; m++)
            slopes[m] = element->factor * element->slope[m] * s->slopes[m];
        for (int64_t m = n; m < to->row; m++)
            slopes[m] = 0.0;
        if (to->more)
            to->of_more[i] = element->factor * s->slopes[n];
    }
}

/* The forces of owned atoms [begin, end), of which slopes [n_owned][row], native dE/dG, are given. */
static void block_pull(const hd_element *elements, int64_t n_elements, const hd_units *units, const hd_atoms *atoms,
                       int64_t begin, int64_t end, hd_scratch *s, const double *slopes, int64_t row)
{
    hd_environment env = {s->x, s->y, s->z, s->first, s->atom, NULL};
    double *gx = s->edge, *gy = gx + s->stride, *gz = gy + s->stride;
    for (int64_t i = begin; i < end; i++) {
        const hd_element *element = elements + atoms->element_of[(int64_t)atoms->x[4 * i + 3]];
        gather(atoms, units, n_elements, i, &env);
        const int64_t n = env.first[n_elements];
        s->kernels->once(element->plan.descriptor, &env, s->work, NULL);
        for (int64_t m = 0; m < 3; m++)
            memset(s->edge + m * s->stride, 0, (size_t)(n + 4) * 8);
        s->kernels->vjp(element->plan.descriptor, &env, s->work, slopes + i * row, gx, gy, gz);
        scatter(atoms, units->gradient, i, &env, n, gx, gy, gz);
    }
}

/* Of all owned atoms, as energy_forces shares them among workers. */
static void descriptors_of(const hd_element *elements, int64_t n_elements, const hd_units *units, const hd_atoms *atoms,
                           int64_t n_owned, int64_t threads, hd_scratch **scratch, const hd_notes *notes)
{
    const int64_t size = block_size(n_owned, threads);
    int64_t next = 0;
#pragma omp parallel for schedule(static, 1) num_threads(threads)
    for (int64_t worker = 0; worker < threads; worker++) {
        int64_t begin, end;
        while (next_block(&next, size, n_owned, &begin, &end)) {
            block_descriptors(elements, n_elements, units, atoms, begin, end, scratch[worker], notes);
        }
    }
}

static void answers_of(const hd_element *elements, const hd_atoms *atoms, int64_t n_owned, int64_t threads, hd_scratch **scratch,
                       const hd_answers *to)
{
    const int64_t size = block_size(n_owned, threads);
    int64_t next = 0;
#pragma omp parallel for schedule(static, 1) num_threads(threads)
    for (int64_t worker = 0; worker < threads; worker++) {
        int64_t begin, end;
        while (next_block(&next, size, n_owned, &begin, &end)) {
            block_answers(elements, atoms, begin, end, scratch[worker], to);
        }
    }
}

static void pull(const hd_element *elements, int64_t n_elements, const hd_units *units, const hd_atoms *atoms, int64_t n_owned,
                 int64_t n_total, int64_t threads, hd_scratch **scratch, double *spare, const double *slopes, int64_t row)
{
    const int64_t size = block_size(n_owned, threads);
    int64_t next = 0;
#pragma omp parallel for schedule(static, 1) num_threads(threads)
    for (int64_t worker = 0; worker < threads; worker++) {
        hd_atoms own = *atoms;
        if (worker > 0)
            own.f = spare + (worker - 1) * 4 * n_total;
        int64_t begin, end;
        while (next_block(&next, size, n_owned, &begin, &end)) {
            block_pull(elements, n_elements, units, &own, begin, end, scratch[worker], slopes, row);
        }
    }
    if (threads > 1)
        join_forces(atoms->f, spare, n_total, threads);
}
