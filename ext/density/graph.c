/* Structures to train on, one at a time: energies, forces, and the gradient of a loss; a part of density.c. */

/* x, x_bar, x_dot, x_hat [n][layers channels], and of each layer messages, pulls, and theirs [n][parts][channels] */
typedef struct {
    double *x, *x_bar, *x_dot, *x_hat, *message[DN_LAYERS], *pull[DN_LAYERS], *message_dot[DN_LAYERS], *pull_hat[DN_LAYERS];
} dn_room;

static dn_room room_of(const dn_model *it, int64_t n, double *memory)
{
    const int64_t row = it->n.parts * it->n.channels, all = it->n.layers * it->n.channels * n;
    dn_room room = {memory, memory + all, memory + 2 * all, memory + 3 * all, {0}, {0}, {0}, {0}};
    memory += 4 * all;
    for (int64_t t = 0; t < it->n.layers; t++, memory += 4 * row * n) {
        room.message[t] = memory, room.pull[t] = memory + row * n;
        room.message_dot[t] = memory + 2 * row * n, room.pull_hat[t] = memory + 3 * row * n;
    }
    return room;
}

/* The neighbours of atom i, with the rates of a tangent unless it is NULL */
static void around(const dn_model *it, const dn_channels *channels, const dn_graph *graph, int64_t i, int64_t t,
                   const double *tangent, const double *strain, dn_scratch *s)
{
    const int64_t begin = graph->first[i], n = graph->first[i + 1] - begin, species = graph->species[i];
    const double *d = graph->d + 3 * begin;
    const int32_t *j = graph->j + begin;
    int64_t other = 0;
    s->e.pulls = NULL, s->e.atom = s->env.atom;
    s->env.first[0] = 0;
    for (int64_t k = 0; k < n; k++) {
        s->env.x[k] = d[3 * k], s->env.y[k] = d[3 * k + 1], s->env.z[k] = d[3 * k + 2];
        s->env.atom[k] = j[k];
        while (other < graph->species[j[k]])
            s->env.first[++other] = k;
    }
    while (other < it->n.species)
        s->env.first[++other] = n;
    surround(it, channels, s);
    channels->geometry(it, t, species, &s->e, s->work, tangent ? DN_SLOPES | DN_ROWS : DN_SLOPES);
    if (!tangent)
        return;
    for (int64_t k = 0; k < n; k++) {
        double v[3];
        for (int a = 0; a < 3; a++)
            v[a] = tangent[3 * j[k] + a] - tangent[3 * i + a] + d[3 * k] * strain[a] + d[3 * k + 1] * strain[3 + a] +
                   d[3 * k + 2] * strain[6 + a];
        s->e.g[0][k] = v[0], s->e.g[1][k] = v[1], s->e.g[2][k] = v[2];
    }
    channels->rates(it, &s->e, s->work);
}

/* The message of atom i of a structure, of its features x, and of v unless it is NULL; shifted: unless these are rates */
static void send(const dn_model *it, int64_t t, int64_t species, int64_t i, const double *x, const double *v, void *message,
                 int64_t bytes, const int shifted)
{
    const int64_t K = it->n.channels, n = (t + 1) * K;
    forward_map(n, K, x, it->layer[t].carry + species * n * K, shifted ? it->layer[t].shift + species * K : NULL, message,
                i * it->n.parts * K, bytes);
    if (v)
        send_vectors(it, t, i, v, message, bytes);
}

/* a [rows of the neighbours][row] += b */
static void add_rows_of(const dn_scratch *s, int64_t row, double *a, const double *b)
{
    for (int64_t j = 0; j < s->e.n; j++) {
        double *to = a + (int64_t)s->env.atom[j] * row;
        for (int64_t k = 0; k < row; k += 4)
            v_store(to + k, v_load(to + k) + v_load(b + j * row + k));
    }
}

static void add_forces(const dn_scratch *s, int64_t i, double *forces, double *virial)
{
    for (int64_t k = 0; k < s->e.n; k++) {
        const double g[3] = {s->e.g[0][k], s->e.g[1][k], s->e.g[2][k]}, d[3] = {s->env.x[k], s->env.y[k], s->env.z[k]};
        for (int a = 0; a < 3; a++) {
            forces[3 * i + a] += g[a];
            forces[3 * s->env.atom[k] + a] -= g[a];
            for (int b = 0; b < 3; b++)
                virial[3 * a + b] -= d[a] * g[b];
        }
    }
}

static void evaluate(const dn_model *it, const dn_channels *channels, const dn_graph *graph, void *scratch, double *memory,
                     double *energies, double *forces, double *virial, double *x)
{
    dn_scratch *s = scratch;
    const int64_t n = graph->n, K = it->n.channels, T = it->n.layers, n_x = T * K, row = it->n.parts * K;
    dn_room room = room_of(it, n, memory);
    room.x = x;
    memset(forces, 0, (size_t)(3 * n) * 8);
    memset(virial, 0, 9 * 8);
    for (int64_t t = 1; t < T; t++)
        memset(room.pull[t], 0, (size_t)(n * row) * 8);
    for (int64_t step = 0; step < 2 * T - 1; step++) {
        const int64_t t = step < T ? step : 2 * T - 2 - step;
        for (int64_t i = 0; i < n; i++) {
            const int64_t species = graph->species[i];
            around(it, channels, graph, i, t, NULL, NULL, s);
            s->e.message = room.message[t];
            channels->forward(it, t, species, &s->e, s->work, step < T ? x + i * n_x + t * K : NULL, step < T - 1 ? s->v : NULL);
            if (step < T - 1) {
                send(it, t, species, i, x + i * n_x, s->v, room.message[t + 1], channels->bytes, 1);
                continue;
            }
            if (step == T - 1) {
                energies[i] = readout(it, species, x + i * n_x, room.x_bar + i * n_x);
            } else {
                backward_map((t + 1) * K, K, room.pull[t + 1] + i * row, it->layer[t].carry + species * (t + 1) * K * K,
                             room.x_bar + i * n_x, room.x_bar + i * n_x);
                if (s->v)
                    return_vectors(it, t, room.pull[t + 1] + i * row, s->v_bar);
            }
            channels->backward(it, t, species, &s->e, s->work, room.x_bar + i * n_x + t * K, step < T ? NULL : s->v_bar);
            channels->positions_back(it, &s->e, s->work);
            add_forces(s, i, forces, virial);
            if (t)
                add_rows_of(s, row, room.pull[t], s->e.pull);
        }
    }
}

/* w_bar [n][wide] += x g + x_dot g_hat */
static void map_back(int64_t n, int64_t wide, const double *x, const double *x_dot, const double *g, const double *g_hat, double *w_bar)
{
    for (int64_t c = 0; c < n; c++)
        for (int64_t k = 0; k < wide; k += 4) {
            double *own = w_bar + c * wide + k;
            v_store(own, v_fma(v_set1(x[c]), v_load(g + k), v_fma(v_set1(x_dot[c]), v_load(g_hat + k), v_load(own))));
        }
}

static void gradient(const dn_model *it, const dn_channels *channels, const dn_graph *graph, void *scratch, double *memory,
                     const double *weights, const double *tangent, const double *strain, const dn_model *to)
{
    dn_scratch *s = scratch;
    const int64_t n = graph->n, K = it->n.channels, T = it->n.layers, n_x = T * K, row = it->n.parts * K;
    const dn_room room = room_of(it, n, memory);
    for (int64_t t = 1; t < T; t++) {
        memset(room.pull[t], 0, (size_t)(n * row) * 8);
        memset(room.pull_hat[t], 0, (size_t)(n * row) * 8);
    }
    for (int64_t step = 0; step < 2 * T - 1; step++) {
        const int64_t t = step < T ? step : 2 * T - 2 - step;
        for (int64_t i = 0; i < n; i++) {
            const int64_t species = graph->species[i];
            double *x = room.x + i * n_x, *x_bar = room.x_bar + i * n_x, *x_dot = room.x_dot + i * n_x, *x_hat = room.x_hat + i * n_x;
            around(it, channels, graph, i, t, tangent, strain, s);
            s->e.message = room.message[t], s->e.message_dot = room.message_dot[t];
            channels->forward_dot(it, t, species, &s->e, s->work, x + t * K, x_dot + t * K, t < T - 1 ? s->v : NULL, s->v_dot);
            if (step < T - 1) {
                send(it, t, species, i, x, s->v, room.message[t + 1], channels->bytes, 1);
                send(it, t, species, i, x_dot, s->v_dot, room.message_dot[t + 1], channels->bytes, 0);
                continue;
            }
            if (step == T - 1) {
                readout_dot(it, species, weights[i], x, x_dot, x_bar, x_hat, to);
            } else {
                const int64_t m = (t + 1) * K;
                const double *carry = it->layer[t].carry + species * m * K, *g = room.pull[t + 1] + i * row;
                const double *g_hat = room.pull_hat[t + 1] + i * row;
                double *carry_bar = to->layer[t].carry + species * m * K, *shift_bar = to->layer[t].shift + species * K;
                backward_map(m, K, g, carry, x_bar, x_bar);
                backward_map(m, K, g_hat, carry, x_hat, x_hat);
                for (int64_t k = 0; k < K; k++)
                    shift_bar[k] += g[k];
                map_back(m, K, x, x_dot, g, g_hat, carry_bar);
                if (s->v) {
                    return_vectors(it, t, g, s->v_bar);
                    return_vectors(it, t, g_hat, s->v_hat);
                    for (int64_t q = 0; q < 3; q++)
                        map_back(K, K, s->v + q * K, s->v_dot + q * K, g + (1 + q) * K, g_hat + (1 + q) * K, to->layer[t].carry_vector);
                }
            }
            const int returned = step >= T;
            channels->backward_dot(it, t, species, &s->e, s->work, x_bar + t * K, x_hat + t * K, returned ? s->v_bar : NULL,
                                   returned ? s->v_hat : NULL, to);
            channels->radial_back(it, t, species, &s->e, s->work, to);
            if (t) {
                add_rows_of(s, row, room.pull[t], s->e.pull);
                add_rows_of(s, row, room.pull_hat[t], s->e.pull_hat);
            }
        }
    }
}

static void densities_of(const dn_model *it, const dn_channels *channels, const dn_graph *graph, void *scratch, double *memory,
                         int64_t layer, double *to)
{
    dn_scratch *s = scratch;
    const int64_t n = graph->n, K = it->n.channels, n_x = it->n.layers * K, size = (it->n.l_max + 1) * (it->n.l_max + 1) * K;
    const dn_room room = room_of(it, n, memory);
    for (int64_t t = 0; t <= layer; t++)
        for (int64_t i = 0; i < n; i++) {
            around(it, channels, graph, i, t, NULL, NULL, s);
            s->e.message = room.message[t];
            channels->forward(it, t, graph->species[i], &s->e, s->work, room.x + i * n_x + t * K, t < layer ? s->v : NULL);
            if (t < layer)
                send(it, t, graph->species[i], i, room.x + i * n_x, s->v, room.message[t + 1], channels->bytes, 1);
            else
                channels->densities(it, s->work, to + i * size);
        }
}
