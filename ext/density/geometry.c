/* Around an atom: radial functions and spherical harmonics of its neighbours, and the way back to their positions; a part of density.c. */

enum { DN_RADIAL = 32 }; /* most radial functions */
enum { DN_SLOPES = 1, DN_ROWS = 2 }; /* what is wanted of them (geometry) */
enum { PANEL = 8 }; /* columns of a map that several atoms read (maps.c) */

/* What radial functions have in common: sqrt(2 / cutoff), 1 / cutoff, n pi / cutoff; of the window 1 - a u^p + b u^(p + 1) - c u^(p + 2)
 * -a, b, -c, p - 1 and what its slope is of u^(p - 1) (1 - u)^2 */
typedef struct {
    double factor, per_cutoff, own, above, top, fall, wave[DN_RADIAL];
    int64_t power;
} dn_waves;

/* Memory for one atom. Rows [most] of neighbours; f, f_slope: [most][radial, rounded up to 4] */
typedef struct {
    dn_edges e;
    hd_environment env;
    double *ux, *uy, *uz, *per_r, *r_dot, *dx, *dy, *dz; /* direction; rate of the distance; gx, gy, gz are in dx, dy, dz */
    dn_waves waves;
    double *f, *f_slope, *phi_slope;
    double *v, *v_bar, *v_dot, *v_hat; /* [3][channels], where messages have vectors; else NULL */
    int64_t f_wide, most, bytes; /* of a REAL */
    int32_t *row;  /* [most] of the neighbours' messages */
    double *panel; /* [layers channels][PANEL] columns of a map */
    void *work;    /* of the channels */
} dn_scratch;

static dn_waves waves_of(const dn_sizes *n)
{
    const double pi = 3.141592653589793;
    const double p = (double)n->envelope;
    dn_waves own = {.factor = sqrt(2.0 / n->cutoff), .per_cutoff = 1.0 / n->cutoff, .power = n->envelope - 1};
    own.own = -0.5 * (p + 1.0) * (p + 2.0), own.above = p * (p + 2.0), own.top = -0.5 * p * (p + 1.0);
    own.fall = -0.5 * p * (p + 1.0) * (p + 2.0) / n->cutoff;
    for (int64_t m = 0; m < n->radial; m++)
        own.wave[m] = (double)(m + 1) * pi / n->cutoff;
    return own;
}

static size_t scratch_of(const dn_model *it, const dn_channels *channels, int64_t most, int tangents, char *memory)
{
    hd_heap heap = {memory};
    const int64_t room = ((most + 3) & ~INT64_C(3)) + 16, mixed = it->n.mixed, wide = it->n.l_max < 4 ? 16 : DN_WIDEST;
    dn_scratch *s = take(&heap, 1, sizeof *s), own = {.f_wide = (it->n.radial + 3) & ~INT64_C(3), .most = most, .bytes = channels->bytes};
    double **rows[] = {&own.env.x, &own.env.y, &own.env.z, &own.ux, &own.uy, &own.uz, &own.per_r, &own.r_dot, &own.dx, &own.dy, &own.dz};
    for (size_t k = 0; k < sizeof rows / sizeof *rows; k++)
        *rows[k] = take(&heap, room, 8);
    own.env.atom = take(&heap, room, 4);
    own.row = take(&heap, room, 4);
    own.env.first = take(&heap, it->n.species + 1, 8);
    own.env.nearest = take(&heap, it->n.species, 8);
    own.f = take(&heap, room * own.f_wide, 8);
    own.f_slope = take(&heap, room * own.f_wide, 8);
    own.phi_slope = take(&heap, room * mixed, 8);
    double **vectors[] = {&own.v, &own.v_bar, &own.v_dot, &own.v_hat};
    for (int k = 0; it->n.parts > 1 && k < 4; k++)
        *vectors[k] = take(&heap, 3 * it->n.channels, 8);
    dn_edges e = {.wide = wide};
    e.phi = take(&heap, room * mixed, 8);
    e.y = take(&heap, room * wide, 8);
    e.phi_bar = take(&heap, room * mixed, 8);
    e.y_bar = take(&heap, room * wide, 8);
    if (tangents) {
        e.phi_dot = take(&heap, room * mixed, 8);
        e.phi_hat = take(&heap, room * mixed, 8);
        e.y_dot = take(&heap, room * wide, 8);
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
        s->waves = waves_of(&it->n);
        s->e.first = s->env.first;
        s->e.atom = s->env.atom;
    }
    return size + channels->work(it, most, tangents, memory ? heap.at : NULL);
}

/* n_lm of sqrt((2l + 1) (2 - delta_m0) (l - m)! / (l + m)!) at l (l + 1) / 2 + m: the mean of Y^2 over the sphere is 1 */
static const double y_norm[] = {
    1.0, 1.7320508075688772, 1.7320508075688772, 2.23606797749979, 1.2909944487358056, 0.6454972243679028,
    2.6457513110645907, 1.0801234497346435, 0.3415650255319866, 0.13944333775567927,
    3.0, 0.9486832980505138, 0.22360679774997896, 0.05976143046671968, 0.021128856368212914};

/* Powers of a direction: c + i s = (x + i y)^m, and q [l (l + 1) / 2 + m] = d^m P_l / dz^m times its norm; higher [..] likewise
 * its derivative with respect to z */
typedef struct {
    v4d c[DN_DEGREE + 1], s[DN_DEGREE + 1], q[15], higher[15];
} y_parts;

MD_INLINE void y_parts_of(v4d x, v4d y, v4d z, const int L, y_parts *p)
{
    v4d plain[(DN_DEGREE + 1) * (DN_DEGREE + 2) / 2];
    double top = 1.0;
    p->c[0] = v_set1(1.0), p->s[0] = v_set1(0.0);
#pragma GCC unroll 8
    for (int m = 0; m < L; m++) {
        p->c[m + 1] = x * p->c[m] - y * p->s[m];
        p->s[m + 1] = x * p->s[m] + y * p->c[m];
    }
#pragma GCC unroll 8
    for (int m = 0; m <= L; m++) {
#pragma GCC unroll 8
        for (int l = m; l <= L; l++) {
            v4d *own = plain + l * (l + 1) / 2 + m;
            if (l == m)
                *own = v_set1(top);
            else if (l == m + 1)
                *own = v_set1((double)(2 * m + 1)) * z * plain[m * (m + 1) / 2 + m];
            else
                *own = (v_set1((double)(2 * l - 1)) * z * plain[(l - 1) * l / 2 + m] -
                        v_set1((double)(l + m - 1)) * plain[(l - 2) * (l - 1) / 2 + m]) *
                       v_set1(1.0 / (double)(l - m));
        }
        top *= (double)(2 * m + 1);
    }
#pragma GCC unroll 8
    for (int l = 0; l <= L; l++)
#pragma GCC unroll 8
        for (int m = 0; m <= l; m++) {
            const int k = l * (l + 1) / 2 + m;
            p->q[k] = v_set1(y_norm[k]) * plain[k];
            p->higher[k] = m < l ? v_set1(y_norm[k]) * plain[k + 1] : v_set1(0.0);
        }
}

/* Four numbers from place `at` on of an array of doubles or of floats */
MD_INLINE void put(void *to, int64_t at, v4d a, const int64_t bytes)
{
    if (bytes == 8)
        v_store((double *)to + at, a);
    else
        v_store_float((float *)to + at, a);
}

/* Columns [DN_WIDEST] of four neighbours to their rows, from k on */
MD_INLINE void to_rows(const v4d *columns, void *rows, int64_t k, int64_t wide, const int64_t bytes)
{
    for (int64_t q = 0; q < wide; q += 4) {
        v4d r[4];
        v_transpose(columns[q], columns[q + 1], columns[q + 2], columns[q + 3], r, r + 1, r + 2, r + 3);
        for (int lane = 0; lane < 4; lane++)
            put(rows, (k + lane) * wide + q, r[lane], bytes);
    }
}

/* phi [4 from k on][mixed] = radial functions of four neighbours, f [radial], mixed by c [radial][mixed]; likewise their slopes */
MD_INLINE void mixed_of(const dn_sizes *sizes, const double *c, const v4d *f, const v4d *f_slope, dn_scratch *s, int64_t k,
                        const int slopes)
{
    const int64_t mixed = sizes->mixed, N = sizes->radial;
    for (int64_t b = 0; b < mixed; b += 4) {
        v4d sum[4], slope[4], row[4];
        for (int q = 0; q < 4; q++)
            sum[q] = slope[q] = v_set1(0.0);
        for (int64_t m = 0; m < N; m++)
            for (int q = 0; q < 4; q++) {
                const v4d own = v_set1(c[m * mixed + b + q]);
                sum[q] = v_fma(own, f[m], sum[q]);
                if (slopes)
                    slope[q] = v_fma(own, f_slope[m], slope[q]);
            }
        v_transpose(sum[0], sum[1], sum[2], sum[3], row, row + 1, row + 2, row + 3);
        for (int lane = 0; lane < 4; lane++)
            put(s->e.phi, (k + lane) * mixed + b, row[lane], s->bytes);
        if (!slopes)
            continue;
        v_transpose(slope[0], slope[1], slope[2], slope[3], row, row + 1, row + 2, row + 3);
        for (int lane = 0; lane < 4; lane++)
            v_store(s->phi_slope + (k + lane) * mixed + b, row[lane]);
    }
}

/* u^n, n >= 1, by squares */
MD_INLINE v4d power_of(v4d u, int64_t n)
{
    v4d found = n & 1 ? u : v_set1(1.0);
    while (n >>= 1) {
        u = u * u;
        if (n & 1)
            found = found * u;
    }
    return found;
}

/* Four neighbours from k on, of one species; rows of a next one that are among them are written again with it */
MD_INLINE void four_of(const dn_model *it, dn_scratch *s, int64_t k, const double *c, int wanted, const int L)
{
    const double pi = 3.141592653589793;
    const dn_waves *waves = &s->waves;
    const v4d one = v_set1(1.0), factor = v_set1(waves->factor), zero = v_set1(0.0);
    const int64_t N = it->n.radial;
    const v4d dx = v_load(s->env.x + k), dy = v_load(s->env.y + k), dz = v_load(s->env.z + k);
    const v4d r = v_sqrt(v_fma(dz, dz, v_fma(dy, dy, dx * dx))), per_r = one / r, u = r * v_set1(waves->per_cutoff);
    v_store(s->per_r + k, per_r);
    v_store(s->ux + k, dx * per_r);
    v_store(s->uy + k, dy * per_r);
    v_store(s->uz + k, dz * per_r);
    /* f_n = sin(n t) / r times the window, by sin((n + 1) t) = 2 cos t sin n t - sin((n - 1) t) */
    v4d cosine, sine, f[DN_RADIAL + 4], slope[DN_RADIAL + 4];
    v_cos_sin(u * v_set1(pi), &cosine, &sine);
    const v4d below = power_of(u, waves->power), rest = one - u;
    const v4d window = v_fma(below * u, v_fma(u, v_fma(u, v_set1(waves->top), v_set1(waves->above)), v_set1(waves->own)), one);
    const v4d fall = v_set1(waves->fall) * below * rest * rest; /* d window / dr */
    const v4d a = factor * per_r * window, b = factor * per_r * (fall - window * per_r), two = cosine + cosine;
    v4d sin_n = sine, sin_before = zero, cos_n = cosine, cos_before = one;
    for (int64_t m = 0; m < N; m++) {
        f[m] = a * sin_n;
        const v4d next = v_fma(two, sin_n, -sin_before);
        if (wanted) {
            slope[m] = v_fma(a * v_set1(waves->wave[m]), cos_n, b * sin_n);
            const v4d next_c = v_fma(two, cos_n, -cos_before);
            cos_before = cos_n, cos_n = next_c;
        }
        sin_before = sin_n, sin_n = next;
    }
    if (wanted & DN_SLOPES)
        mixed_of(&it->n, c, f, slope, s, k, 1);
    else
        mixed_of(&it->n, c, f, slope, s, k, 0);
    if (wanted & DN_ROWS) {
        for (int64_t m = N; m < s->f_wide; m++)
            f[m] = slope[m] = zero;
        to_rows(f, s->f, k, s->f_wide, 8);
        to_rows(slope, s->f_slope, k, s->f_wide, 8);
    }
    y_parts p;
    v4d y[DN_WIDEST];
    y_parts_of(dx * per_r, dy * per_r, dz * per_r, L, &p);
    for (int64_t q = 0; q < s->e.wide; q++)
        y[q] = zero;
#pragma GCC unroll 8
    for (int l = 0; l <= L; l++) {
        y[l * l + l] = p.q[l * (l + 1) / 2];
#pragma GCC unroll 8
        for (int m = 1; m <= l; m++) {
            y[l * l + l + m] = p.q[l * (l + 1) / 2 + m] * p.c[m];
            y[l * l + l - m] = p.q[l * (l + 1) / 2 + m] * p.s[m];
        }
    }
    to_rows(y, s->e.y, k, s->e.wide, s->bytes);
}

/* Radial functions of layer t and harmonics of the neighbours of an atom in s->env; wanted: DN_SLOPES of radial functions, DN_ROWS,
 * too, of those that are mixed */
static void geometry(const dn_model *it, dn_scratch *s, int64_t t, int64_t species, int wanted)
{
    const int64_t kinds = it->n.species, n = s->env.first[kinds];
    s->e.n = n;
    for (int64_t k = n; k < n + 4; k++)
        s->env.x[k] = it->n.cutoff, s->env.y[k] = s->env.z[k] = 0.0, s->env.atom[k] = 0;
    for (int64_t other = 0; other < kinds; other++) {
        const double *c = it->layer[t].radial + (species * kinds + other) * it->n.radial * it->n.mixed;
        for (int64_t k = s->env.first[other]; k < s->env.first[other + 1]; k += 4) {
#define CALL(L) four_of(it, s, k, c, wanted, L)
            FOR_DEGREE(CALL)
#undef CALL
        }
    }
}

MD_INLINE void positions_back_of(const dn_model *it, dn_scratch *s, const int L)
{
    const int64_t n = s->e.n, mixed = it->n.mixed, wide = s->e.wide;
    for (int64_t k = 0; k < n; k += 4) {
        double along[4] = {0.0};
        for (int64_t j = k; j < k + 4 && j < n; j++) {
            v4d sum = v_set1(0.0);
            for (int64_t b = 0; b < mixed; b += 4)
                sum = v_fma(v_load(s->e.phi_bar + j * mixed + b), v_load(s->phi_slope + j * mixed + b), sum);
            along[j - k] = v_sum(sum);
        }
        v4d bar[DN_WIDEST];
        for (int64_t q = 0; q < wide; q += 4)
            v_transpose(v_load(s->e.y_bar + k * wide + q), v_load(s->e.y_bar + (k + 1) * wide + q),
                        v_load(s->e.y_bar + (k + 2) * wide + q), v_load(s->e.y_bar + (k + 3) * wide + q), bar + q, bar + q + 1,
                        bar + q + 2, bar + q + 3);
        const v4d x = v_load(s->ux + k), y = v_load(s->uy + k), z = v_load(s->uz + k), per_r = v_load(s->per_r + k);
        v4d gx = v_set1(0.0), gy = gx, gz = gx;
        y_parts p;
        y_parts_of(x, y, z, L, &p);
#pragma GCC unroll 8
        for (int m = 0; m <= L; m++) {
            v4d a = v_set1(0.0), b = a, az = a, bz = a; /* of cosines and sines */
#pragma GCC unroll 8
            for (int l = m; l <= L; l++) {
                const int q = l * (l + 1) / 2 + m;
                a = v_fma(bar[l * l + l + m], p.q[q], a);
                az = v_fma(bar[l * l + l + m], p.higher[q], az);
                if (m) {
                    b = v_fma(bar[l * l + l - m], p.q[q], b);
                    bz = v_fma(bar[l * l + l - m], p.higher[q], bz);
                }
            }
            gz = v_fma(az, p.c[m], v_fma(bz, p.s[m], gz));
            if (m) {
                const v4d c = v_set1((double)m) * p.c[m - 1], sine = v_set1((double)m) * p.s[m - 1];
                gx = v_fma(a, c, v_fma(b, sine, gx));
                gy = v_fma(b, c, v_fma(-a, sine, gy));
            }
        }
        const v4d inside = v_fma(gz, z, v_fma(gy, y, gx * x)), rise = v_load(along) - inside * per_r;
        v4i wanted = (v4i){k, k + 1, k + 2, k + 3} < n;
        v_store(s->dx + k, v_mask(v_fma(rise, x, gx * per_r), wanted));
        v_store(s->dy + k, v_mask(v_fma(rise, y, gy * per_r), wanted));
        v_store(s->dz + k, v_mask(v_fma(rise, z, gz * per_r), wanted));
    }
}

/* dx, dy, dz [n] = dE/d(r_j - r_i), from phi_bar and y_bar; zeros up to a multiple of four */
static void positions_back(const dn_model *it, dn_scratch *s)
{
#define CALL(L) positions_back_of(it, s, L)
    FOR_DEGREE(CALL)
#undef CALL
}

MD_INLINE void rates_of(dn_scratch *s, const int L)
{
    const int64_t n = s->e.n;
    for (int64_t k = 0; k < n; k += 4) {
        const v4d x = v_load(s->ux + k), y = v_load(s->uy + k), z = v_load(s->uz + k), per_r = v_load(s->per_r + k);
        v4d vx = v_load(s->dx + k), vy = v_load(s->dy + k), vz = v_load(s->dz + k);
        const v4d along = v_fma(vz, z, v_fma(vy, y, vx * x));
        v_store(s->r_dot + k, along);
        vx = (vx - x * along) * per_r, vy = (vy - y * along) * per_r, vz = (vz - z * along) * per_r;
        y_parts p;
        v4d rate[DN_WIDEST];
        y_parts_of(x, y, z, L, &p);
        for (int64_t q = 0; q < s->e.wide; q++)
            rate[q] = v_set1(0.0);
#pragma GCC unroll 8
        for (int l = 0; l <= L; l++) {
            rate[l * l + l] = p.higher[l * (l + 1) / 2] * vz;
#pragma GCC unroll 8
            for (int m = 1; m <= l; m++) {
                const int q = l * (l + 1) / 2 + m;
                const v4d c = v_set1((double)m) * p.c[m - 1], sine = v_set1((double)m) * p.s[m - 1], up = p.higher[q] * vz;
                rate[l * l + l + m] = v_fma(p.q[q], vx * c - vy * sine, up * p.c[m]);
                rate[l * l + l - m] = v_fma(p.q[q], vx * sine + vy * c, up * p.s[m]);
            }
        }
        to_rows(rate, s->e.y_dot, k, s->e.wide, s->bytes);
    }
}

/* r_dot and y_dot from the rates dx, dy, dz of r_j - r_i */
static void rates(const dn_model *it, dn_scratch *s)
{
#define CALL(L) rates_of(s, L)
    FOR_DEGREE(CALL)
#undef CALL
}

/* phi_dot = phi_slope r_dot */
static void radial_rates(const dn_model *it, dn_scratch *s)
{
    for (int64_t j = 0; j < s->e.n; j++)
        for (int64_t b = 0; b < it->n.mixed; b += 4)
            put(s->e.phi_dot, j * it->n.mixed + b, v_load(s->phi_slope + j * it->n.mixed + b) * v_set1(s->r_dot[j]), s->bytes);
}

/* Derivatives with respect to the coefficients of the radial functions, from phi_bar and phi_hat, are added to those in `to`. */
static void radial_back(const dn_model *it, int64_t t, int64_t species, const dn_scratch *s, const dn_model *to)
{
    const int64_t mixed = it->n.mixed, N = it->n.radial;
    for (int64_t other = 0; other < it->n.species; other++) {
        double *c = to->layer[t].radial + (species * it->n.species + other) * N * mixed;
        for (int64_t j = s->env.first[other]; j < s->env.first[other + 1]; j++)
            for (int64_t m = 0; m < N; m++) {
                const v4d f = v_set1(s->f[j * s->f_wide + m]), rate = v_set1(s->f_slope[j * s->f_wide + m] * s->r_dot[j]);
                for (int64_t b = 0; b < mixed; b += 4) {
                    double *own = c + m * mixed + b;
                    v_store(own, v_fma(f, v_load(s->e.phi_bar + j * mixed + b),
                                       v_fma(rate, v_load(s->e.phi_hat + j * mixed + b), v_load(own))));
                }
            }
    }
}
