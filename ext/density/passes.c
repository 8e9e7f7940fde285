/* Passes over the atoms of a rank in molecular dynamics; a part of density.c. */

enum { LARGEST_BLOCK = 16, BLOCKS_PER_WORKER = 32 };

/* What a worker does to owned atoms [begin, end); energies on the force grid, the sum is returned. */
static md_i128 atoms_of(const dn_model *it, const dn_channels *channels, int what, int64_t t, const dn_atoms *atoms, int64_t begin,
                        int64_t end, dn_scratch *s, int want_energy)
{
    const hd_units units = {1.0, 1.0, 1.0, it->n.cutoff};
    const int64_t K = it->n.channels, n_x = it->n.layers * K, row = it->n.parts * K; /* of messages */
    md_i128 total = 0;
    if (what == DN_RETURN)
        carried(it, what, t, atoms, begin, end, s->panel, channels->bytes);
    for (int64_t i = begin; i < end; i++) {
        const int64_t species = species_of(atoms, i);
        double *x = atoms->x + i * n_x, *x_bar = atoms->x_bar + i * n_x;
        gather(&atoms->rows, &units, it->n.species, i, &s->env);
        surround(it, channels, s);
        channels->geometry(it, t, species, &s->e, s->work, what == DN_SEND ? 0 : DN_SLOPES);
        s->e.message = atoms->message[t], s->e.pulls = atoms->pull[t], s->e.atom = s->env.atom;
        if (t && atoms->home) {
            for (int64_t k = 0; k < s->e.n; k++)
                s->row[k] = atoms->home[s->env.atom[k]];
            s->e.atom = s->row;
        }
        channels->forward(it, t, species, &s->e, s->work, what == DN_RETURN ? NULL : x + t * K, what == DN_SEND ? s->v : NULL);
        if (what == DN_SEND) {
            if (s->v)
                send_vectors(it, t, i, s->v, atoms->message[t + 1], channels->bytes);
            continue;
        }
        if (what == DN_FINISH) {
            const double energy = readout(it, species, x, x_bar);
            for (int64_t c = 0; atoms->weights && c < n_x; c++)
                x_bar[c] *= atoms->weights[i];
            if (atoms->nearest) {
                atoms->outside[i] = distances_outside(atoms->seen + species, it->n.species, s->env.nearest, atoms->apart + i);
                memcpy(atoms->nearest + i * it->n.species, s->env.nearest, (size_t)it->n.species * 8);
            }
            if (want_energy) {
                const md_i128 rounded = md_share(energy);
                total += rounded;
                if (atoms->energies)
                    atoms->energies[i] += (double)rounded * FORCE_GRID;
            }
        } else if (s->v) {
            return_vectors(it, t, atoms->pull[t + 1] + i * row, s->v_bar);
        }
        channels->backward(it, t, species, &s->e, s->work, x_bar + t * K, what == DN_RETURN ? s->v_bar : NULL);
        channels->positions_back(it, &s->e, s->work);
        scatter(&atoms->rows, 1.0, i, &s->env, s->e.n, s->e.g[0], s->e.g[1], s->e.g[2]);
        if (atoms->virials)
            scatter_virials(atoms->virials, 1.0, 1.0, &s->env, s->e.n, s->e.g[0], s->e.g[1], s->e.g[2]);
    }
    if (what == DN_SEND)
        carried(it, what, t, atoms, begin, end, s->panel, channels->bytes);
    return total;
}

/* Workers take blocks of atoms as they get to them; each adds to forces and pulls of its own. What they add are multiples of
 * the grid, so who took which block can't be seen in the sums. */
static void pass(const dn_model *it, const dn_channels *channels, int what, int64_t t, const dn_atoms *atoms, int64_t threads,
                 void **scratch, double *spare, int64_t *energy_limbs)
{
    const int64_t n_owned = atoms->n_owned, n_total = atoms->n_total, K = it->n.parts * it->n.channels;
    const int64_t n_pulled = t == 0 ? 0 : atoms->home ? n_owned : n_total;
    int64_t next = 0, limbs[3] = {0, 0, 0}, size = n_owned / (threads * BLOCKS_PER_WORKER);
    if (threads < 2) {
        md_limbs(atoms_of(it, channels, what, t, atoms, 0, n_owned, *scratch, !!energy_limbs), energy_limbs ? energy_limbs : limbs);
        return;
    }
    size = size < 1 ? 1 : size < LARGEST_BLOCK ? size : LARGEST_BLOCK;
#pragma omp parallel for schedule(static, 1) num_threads(threads)
    for (int64_t worker = 0; worker < threads; worker++) {
        dn_atoms own = *atoms;
        double *mine = spare + (worker - 1) * n_total * (4 + K);
        if (worker > 0) {
            own.rows.f = mine;
            own.pull[t] = mine + 4 * n_total;
        }
        md_i128 total = 0;
        int64_t begin, part[3];
        while ((begin = __atomic_fetch_add(&next, size, __ATOMIC_RELAXED)) < n_owned) {
            const int64_t end = begin + size < n_owned ? begin + size : n_owned;
            total += atoms_of(it, channels, what, t, &own, begin, end, scratch[worker], !!energy_limbs);
        }
        md_limbs(total, part);
        for (int m = 0; m < 3; m++)
            __atomic_fetch_add(limbs + m, part[m], __ATOMIC_RELAXED);
    }
    if (energy_limbs)
        memcpy(energy_limbs, limbs, sizeof limbs);
    if (what == DN_SEND)
        return;
#pragma omp parallel for schedule(static) num_threads(threads)
    for (int64_t i = 0; i < n_total; i++)
        for (int64_t m = 0; m < threads - 1; m++) {
            double *from = spare + m * n_total * (4 + K);
            for (int part = 0; part < (i < n_pulled ? 2 : 1); part++) {
                const int64_t n = part ? K : 4;
                double *row = from + (part ? 4 * n_total : 0) + i * n, *to = (part ? atoms->pull[t] : atoms->rows.f) + i * n;
                for (int64_t k = 0; k < n; k += 4) {
                    v_store(to + k, v_load(to + k) + v_load(row + k));
                    v_store(row + k, v_set1(0.0));
                }
            }
        }
}
