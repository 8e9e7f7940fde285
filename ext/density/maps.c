/* Maps between features and messages of many atoms: of one species, BATCH at a time, which read a map once; a part of density.c.
 *
 * Each atom's sums have the order that they have in forward_map and backward_map. */

enum { BATCH = 16 };

MD_INLINE int64_t species_of(const dn_atoms *atoms, int64_t i)
{
    return atoms->rows.element_of[(int64_t)atoms->rows.x[4 * i + 3]];
}

/* Messages of n atoms of a species in layer t */
static void send_batch(const dn_model *it, int64_t t, int64_t species, const dn_atoms *atoms, const int64_t *atom, int64_t n,
                       double *panel, int64_t bytes)
{
    const int64_t K = it->n.channels, n_x = it->n.layers * K, rows = (t + 1) * K, row = it->n.parts * K;
    const double *carry = it->layer[t].carry + species * rows * K, *shift = it->layer[t].shift + species * K;
    for (int64_t k = 0; k < K; k += PANEL) {
        for (int64_t c = 0; c < rows; c++)
            memcpy(panel + c * PANEL, carry + c * K + k, PANEL * sizeof *panel);
        int64_t m = 0;
        for (; m + 2 <= n; m += 2) {
            const double *x[2] = {atoms->x + atom[m] * n_x, atoms->x + atom[m + 1] * n_x};
            const int64_t at[2] = {atom[m] * row + k, atom[m + 1] * row + k};
            columns(rows, PANEL, x, panel, shift + k, atoms->message[t + 1], at, bytes, 2, 2);
        }
        if (m < n) {
            const double *x = atoms->x + atom[m] * n_x;
            columns(rows, PANEL, &x, panel, shift + k, atoms->message[t + 1], (int64_t[]){atom[m] * row + k}, bytes, 1, 2);
        }
    }
}

/* Four rows c of a map of `many` atoms: to [c] += w [c][K] bar [K] */
MD_INLINE void four_rows(int64_t K, const double *w, const double *const *bar, double *const *to, const int many)
{
    v4d sum[2][4];
    for (int a = 0; a < many; a++)
        for (int q = 0; q < 4; q++)
            sum[a][q] = v_set1(0.0);
    for (int64_t k = 0; k < K; k += 4)
        for (int q = 0; q < 4; q++) {
            const v4d own = v_load(w + q * K + k);
            for (int a = 0; a < many; a++)
                sum[a][q] = v_fma(v_load(bar[a] + k), own, sum[a][q]);
        }
    for (int a = 0; a < many; a++)
        v_store(to[a], v_load(to[a]) + v_sums(sum[a][0], sum[a][1], sum[a][2], sum[a][3]));
}

/* What pulls at messages of n atoms of a species is added to x_bar of layers up to t */
static void return_batch(const dn_model *it, int64_t t, int64_t species, const dn_atoms *atoms, const int64_t *atom, int64_t n)
{
    const int64_t K = it->n.channels, n_x = it->n.layers * K, rows = (t + 1) * K, row = it->n.parts * K;
    const double *carry = it->layer[t].carry + species * rows * K;
    for (int64_t c = 0; c < rows; c += 4) {
        int64_t m = 0;
        for (; m + 2 <= n; m += 2) {
            const double *bar[2] = {atoms->pull[t + 1] + atom[m] * row, atoms->pull[t + 1] + atom[m + 1] * row};
            double *to[2] = {atoms->x_bar + atom[m] * n_x + c, atoms->x_bar + atom[m + 1] * n_x + c};
            four_rows(K, carry + c * K, bar, to, 2);
        }
        if (m < n) {
            const double *bar = atoms->pull[t + 1] + atom[m] * row;
            double *to = atoms->x_bar + atom[m] * n_x + c;
            four_rows(K, carry + c * K, &bar, &to, 1);
        }
    }
}

/* The maps of owned atoms [begin, end): messages (DN_SEND), or what comes back of them (DN_RETURN) */
static void carried(const dn_model *it, int what, int64_t t, const dn_atoms *atoms, int64_t begin, int64_t end, double *panel,
                    int64_t bytes)
{
    for (int64_t species = 0; species < it->n.species; species++) {
        int64_t atom[BATCH], n = 0;
        for (int64_t i = begin; i < end; i++) {
            if (species_of(atoms, i) == species)
                atom[n++] = i;
            if (n < BATCH && (i + 1 < end || !n))
                continue;
            if (what == DN_SEND)
                send_batch(it, t, species, atoms, atom, n, panel, bytes);
            else
                return_batch(it, t, species, atoms, atom, n);
            n = 0;
        }
    }
}
