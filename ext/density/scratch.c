/* Memory for one atom and its neighbours; a part of density.c. */

enum { PANEL = 8 }; /* columns of a map that several atoms read (maps.c) */

typedef struct {
    dn_edges e;
    hd_environment env;
    double *v, *v_bar, *v_dot, *v_hat; /* [3][channels], where messages have vectors; else NULL */
    int32_t *row;  /* [most] of the neighbours' messages */
    double *panel; /* [layers channels][PANEL] columns of a map */
    void *work;    /* of the channels */
} dn_scratch;

static size_t scratch_of(const dn_model *it, const dn_channels *channels, int64_t most, int tangents, char *memory)
{
    hd_heap heap = {memory};
    const int64_t room = most + DN_PAST, mixed = it->n.mixed, bytes = channels->bytes;
    dn_scratch *s = take(&heap, 1, sizeof *s), own = {0};
    dn_edges e = {.wide = it->n.l_max < 4 ? 16 : DN_WIDEST};
    double **rows[] = {&own.env.x, &own.env.y, &own.env.z, e.g, e.g + 1, e.g + 2};
    for (size_t k = 0; k < sizeof rows / sizeof *rows; k++)
        *rows[k] = take(&heap, room, 8);
    own.env.atom = take(&heap, room, 4);
    own.row = take(&heap, room, 4);
    own.env.first = take(&heap, it->n.species + 1, 8);
    own.env.nearest = take(&heap, it->n.species, 8);
    double **vectors[] = {&own.v, &own.v_bar, &own.v_dot, &own.v_hat};
    for (int k = 0; it->n.parts > 1 && k < 4; k++)
        *vectors[k] = take(&heap, 3 * it->n.channels, 8);
    e.phi = take(&heap, room * mixed, bytes);
    e.y = take(&heap, room * e.wide, bytes);
    e.phi_bar = take(&heap, room * mixed, bytes);
    e.y_bar = take(&heap, room * e.wide, bytes);
    if (tangents) {
        e.phi_dot = take(&heap, room * mixed, bytes);
        e.phi_hat = take(&heap, room * mixed, bytes);
        e.y_dot = take(&heap, room * e.wide, bytes);
    }
    own.panel = take(&heap, it->n.layers * it->n.channels * PANEL, 8);
    e.pull = take(&heap, room * it->n.parts * it->n.channels, 8);
    e.pull_hat = take(&heap, tangents ? room * it->n.parts * it->n.channels : 0, 8);
    own.e = e;
    const size_t size = taken(&heap, memory);
    own.work = heap.at;
    if (memory) {
        memset(memory, 0, size);
        *s = own;
        s->e.d[0] = s->env.x, s->e.d[1] = s->env.y, s->e.d[2] = s->env.z;
        s->e.first = s->env.first;
        s->e.atom = s->env.atom;
    }
    return size + channels->work(it, most, tangents, memory ? heap.at : NULL);
}

/* The neighbours are those of s->env, all of them; geometry() of the channels comes next. */
static void surround(const dn_model *it, const dn_channels *channels, dn_scratch *s)
{
    const int64_t n = s->env.first[it->n.species];
    s->e.n = n;
    for (int64_t k = n; k < n + channels->lanes; k++)
        s->env.x[k] = it->n.cutoff, s->env.y[k] = s->env.z[k] = 0.0, s->env.atom[k] = 0;
}

/* Four numbers from place `at` on of an array of doubles or of floats */
MD_INLINE void put(void *to, int64_t at, v4d a, const int64_t bytes)
{
    if (bytes == 8)
        v_store((double *)to + at, a);
    else
        v_store_float((float *)to + at, a);
}
