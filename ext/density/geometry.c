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
    double *cosine, *sine, *height, *fall; /* of pi r / cutoff; what they are times in radial functions and in their slopes */
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
    double **rows[] = {&own.env.x, &own.env.y, &own.env.z, &own.ux, &own.uy, &own.uz, &own.per_r, &own.r_dot, &own.dx, &own.dy, &own.dz,
                       &own.cosine, &own.sine, &own.height, &own.fall};
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
    vr c[DN_DEGREE + 1], s[DN_DEGREE + 1], q[15], higher[15];
} y_parts;

MD_INLINE void y_parts_of(vr x, vr y, vr z, const int L, y_parts *p)
{
    vr plain[(DN_DEGREE + 1) * (DN_DEGREE + 2) / 2];
    double top = 1.0;
    p->c[0] = r_set1(1.0), p->s[0] = r_set1(0.0);
#pragma GCC unroll 8
    for (int m = 0; m < L; m++) {
        p->c[m + 1] = x * p->c[m] - y * p->s[m];
        p->s[m + 1] = x * p->s[m] + y * p->c[m];
    }
#pragma GCC unroll 8
    for (int m = 0; m <= L; m++) {
#pragma GCC unroll 8
        for (int l = m; l <= L; l++) {
            vr *own = plain + l * (l + 1) / 2 + m;
            if (l == m)
                *own = r_set1(top);
            else if (l == m + 1)
                *own = r_set1((double)(2 * m + 1)) * z * plain[m * (m + 1) / 2 + m];
            else
                *own = (r_set1((double)(2 * l - 1)) * z * plain[(l - 1) * l / 2 + m] -
                        r_set1((double)(l + m - 1)) * plain[(l - 2) * (l - 1) / 2 + m]) *
                       r_set1(1.0 / (double)(l - m));
        }
        top *= (double)(2 * m + 1);
    }
#pragma GCC unroll 8
    for (int l = 0; l <= L; l++)
#pragma GCC unroll 8
        for (int m = 0; m <= l; m++) {
            const int k = l * (l + 1) / 2 + m;
            p->q[k] = r_set1(y_norm[k]) * plain[k];
            p->higher[k] = m < l ? r_set1(y_norm[k]) * plain[k + 1] : r_set1(0.0);
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

/* Four columns from rows, or rows from columns; of eight neighbours a row is that of one and that of the one four behind */
MD_INLINE void transpose(vr a, vr b, vr c, vr d, vr *to)
{
#if LANE_BYTES == 64
    const vr ab = R_SHUFFLE_(a, b, 0, 8, 2, 10, 4, 12, 6, 14), ba = R_SHUFFLE_(a, b, 1, 9, 3, 11, 5, 13, 7, 15);
    const vr cd = R_SHUFFLE_(c, d, 0, 8, 2, 10, 4, 12, 6, 14), dc = R_SHUFFLE_(c, d, 1, 9, 3, 11, 5, 13, 7, 15);
    to[0] = R_SHUFFLE_(ab, cd, 0, 1, 8, 9, 4, 5, 12, 13);
    to[1] = R_SHUFFLE_(ba, dc, 0, 1, 8, 9, 4, 5, 12, 13);
    to[2] = R_SHUFFLE_(ab, cd, 2, 3, 10, 11, 6, 7, 14, 15);
    to[3] = R_SHUFFLE_(ba, dc, 2, 3, 10, 11, 6, 7, 14, 15);
#else
    v_transpose(a, b, c, d, to, to + 1, to + 2, to + 3);
#endif
}

/* Four numbers of each of LANES neighbours, rows [wide]: columns */
MD_INLINE void four_columns(const double *rows, int64_t wide, vr *to)
{
    vr own[4];
    for (int lane = 0; lane < 4; lane++)
#if LANE_BYTES == 64
        own[lane] = (vr)_mm512_insertf64x4(_mm512_castpd256_pd512((__m256d)v_load(rows + lane * wide)),
                                           (__m256d)v_load(rows + (lane + 4) * wide), 1);
#else
        own[lane] = v_load(rows + lane * wide);
#endif
    transpose(own[0], own[1], own[2], own[3], to);
}

/* Columns of LANES neighbours to their rows [wide], from k and from column q on */
MD_INLINE void four_to_rows(const vr *columns, void *rows, int64_t k, int64_t q, int64_t wide, const int64_t bytes)
{
    vr r[4];
    transpose(columns[0], columns[1], columns[2], columns[3], r);
#if LANE_BYTES == 64
    for (int lane = 0; lane < 4; lane++) {
        const int64_t at = (k + lane) * wide + q, behind = at + 4 * wide;
        if (bytes == 4) {
            const __m256 both = _mm512_cvtpd_ps((__m512d)r[lane]);
            _mm_storeu_ps((float *)rows + at, _mm256_castps256_ps128(both));
            _mm_storeu_ps((float *)rows + behind, _mm256_extractf128_ps(both, 1));
        } else {
            _mm256_storeu_pd((double *)rows + at, _mm512_castpd512_pd256((__m512d)r[lane]));
            _mm256_storeu_pd((double *)rows + behind, _mm512_extractf64x4_pd((__m512d)r[lane], 1));
        }
    }
#else
    for (int lane = 0; lane < 4; lane++)
        put(rows, (k + lane) * wide + q, r[lane], bytes);
#endif
}

MD_INLINE void to_rows(const vr *columns, void *rows, int64_t k, int64_t wide, const int64_t bytes)
{
    for (int64_t q = 0; q < wide; q += 4)
        four_to_rows(columns + q, rows, k, q, wide, bytes);
}

/* phi [LANES from k on][mixed] = radial functions of LANES neighbours, f [radial], mixed by c [radial][mixed]; likewise their slopes */
MD_INLINE void mixed_of(const dn_sizes *sizes, const double *c, const vr *f, const vr *f_slope, dn_scratch *s, int64_t k,
                        const int slopes)
{
    const int64_t mixed = sizes->mixed, N = sizes->radial;
    for (int64_t b = 0; b < mixed; b += 4) {
        vr sum[4], slope[4];
        for (int q = 0; q < 4; q++)
            sum[q] = slope[q] = r_set1(0.0);
        for (int64_t m = 0; m < N; m++)
            for (int q = 0; q < 4; q++) {
                const vr own = r_set1(c[m * mixed + b + q]);
                sum[q] = r_fma(own, f[m], sum[q]);
                if (slopes)
                    slope[q] = r_fma(own, f_slope[m], slope[q]);
            }
        four_to_rows(sum, s->e.phi, k, b, mixed, s->bytes);
        if (slopes)
            four_to_rows(slope, s->phi_slope, k, b, mixed, 8);
    }
}

/* u^n, n >= 1, by squares */
MD_INLINE vr power_of(vr u, int64_t n)
{
    vr found = n & 1 ? u : r_set1(1.0);
    while (n >>= 1) {
        u = u * u;
        if (n & 1)
            found = found * u;
    }
    return found;
}

/* Directions and distances of LANES neighbours from k on, and what their radial functions are made of. These are
 * f_n = sin(n t) / r times the window, t = pi r / cutoff. */
MD_INLINE void distances_of(dn_scratch *s, int64_t k)
{
    const double pi = 3.141592653589793;
    const dn_waves *waves = &s->waves;
    const vr one = r_set1(1.0), factor = r_set1(waves->factor);
    const vr dx = r_load(s->env.x + k), dy = r_load(s->env.y + k), dz = r_load(s->env.z + k);
    const vr r = r_sqrt(r_fma(dz, dz, r_fma(dy, dy, dx * dx))), per_r = one / r, u = r * r_set1(waves->per_cutoff);
    r_store(s->per_r + k, per_r);
    r_store(s->ux + k, dx * per_r);
    r_store(s->uy + k, dy * per_r);
    r_store(s->uz + k, dz * per_r);
    vr cosine, sine;
    v_cos_sin(u * r_set1(pi), &cosine, &sine);
    r_store(s->cosine + k, cosine);
    r_store(s->sine + k, sine);
    const vr below = power_of(u, waves->power), rest = one - u;
    const vr window = r_fma(below * u, r_fma(u, r_fma(u, r_set1(waves->top), r_set1(waves->above)), r_set1(waves->own)), one);
    const vr fall = r_set1(waves->fall) * below * rest * rest; /* d window / dr */
    r_store(s->height + k, factor * per_r * window);
    r_store(s->fall + k, factor * per_r * (fall - window * per_r));
}

/* Radial functions of LANES neighbours from k on, of one species; rows of a next one that are among them are written again with it.
 * sin((n + 1) t) = 2 cos t sin n t - sin((n - 1) t). */
MD_INLINE void radial_of(const dn_model *it, dn_scratch *s, int64_t k, const double *c, int rows, const int slopes)
{
    const vr zero = r_set1(0.0), cosine = r_load(s->cosine + k), sine = r_load(s->sine + k), two = cosine + cosine;
    const vr a = r_load(s->height + k), b = r_load(s->fall + k);
    const int64_t N = it->n.radial;
    vr f[DN_RADIAL + 4], slope[DN_RADIAL + 4], sin_n = sine, sin_before = zero, cos_n = cosine, cos_before = r_set1(1.0);
    for (int64_t m = 0; m < N; m++) {
        f[m] = a * sin_n;
        const vr next = r_fma(two, sin_n, -sin_before);
        if (slopes) {
            slope[m] = r_fma(a * r_set1(s->waves.wave[m]), cos_n, b * sin_n);
            const vr next_c = r_fma(two, cos_n, -cos_before);
            cos_before = cos_n, cos_n = next_c;
        }
        sin_before = sin_n, sin_n = next;
    }
    mixed_of(&it->n, c, f, slope, s, k, slopes);
    if (rows) {
        for (int64_t m = N; m < s->f_wide; m++)
            f[m] = slope[m] = zero;
        to_rows(f, s->f, k, s->f_wide, 8);
        to_rows(slope, s->f_slope, k, s->f_wide, 8);
    }
}

/* Harmonics of LANES neighbours from k on */
MD_INLINE void harmonics_of(dn_scratch *s, int64_t k, const int L)
{
    y_parts p;
    vr y[DN_WIDEST];
    y_parts_of(r_load(s->ux + k), r_load(s->uy + k), r_load(s->uz + k), L, &p);
    for (int64_t q = 0; q < s->e.wide; q++)
        y[q] = r_set1(0.0);
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
 * too, of those that are mixed. One after the other, so that processors can do much at a time. */
static void geometry(const dn_model *it, dn_scratch *s, int64_t t, int64_t species, int wanted)
{
    const int64_t kinds = it->n.species, n = s->env.first[kinds];
    s->e.n = n;
    for (int64_t k = n; k < n + LANES; k++)
        s->env.x[k] = it->n.cutoff, s->env.y[k] = s->env.z[k] = 0.0, s->env.atom[k] = 0;
    for (int64_t k = 0; k < n; k += LANES)
        distances_of(s, k);
    for (int64_t other = 0; other < kinds; other++) {
        const double *c = it->layer[t].radial + (species * kinds + other) * it->n.radial * it->n.mixed;
        for (int64_t k = s->env.first[other]; k < s->env.first[other + 1]; k += LANES) {
            if (wanted)
                radial_of(it, s, k, c, wanted & DN_ROWS, 1);
            else
                radial_of(it, s, k, c, 0, 0);
        }
    }
#define CALL(L) \
    for (int64_t k = 0; k < n; k += LANES) \
        harmonics_of(s, k, L)
    FOR_DEGREE(CALL)
#undef CALL
}

/* Ones in the lanes below n, else zeros */
MD_INLINE vi first_lanes(int64_t n)
{
    vi lane;
    for (int k = 0; k < LANES; k++)
        lane[k] = k;
    return (vi)(lane < n);
}

MD_INLINE void positions_back_of(const dn_model *it, dn_scratch *s, const int L)
{
    const int64_t n = s->e.n, mixed = it->n.mixed, wide = s->e.wide;
    for (int64_t k = 0; k < n; k += LANES) {
        vr sums[4], bar[DN_WIDEST];
        v4d along[LANES];
        for (int j = 0; j < LANES; j++) {
            along[j] = v_set1(0.0);
            for (int64_t b = 0; b < mixed; b += 4)
                along[j] = v_fma(v_load(s->e.phi_bar + (k + j) * mixed + b), v_load(s->phi_slope + (k + j) * mixed + b), along[j]);
        }
        four_columns((const double *)along, 4, sums);
        for (int64_t q = 0; q < wide; q += 4)
            four_columns(s->e.y_bar + k * wide + q, wide, bar + q);
        const vr x = r_load(s->ux + k), y = r_load(s->uy + k), z = r_load(s->uz + k), per_r = r_load(s->per_r + k);
        vr gx = r_set1(0.0), gy = gx, gz = gx;
        y_parts p;
        y_parts_of(x, y, z, L, &p);
#pragma GCC unroll 8
        for (int m = 0; m <= L; m++) {
            vr a = r_set1(0.0), b = a, az = a, bz = a; /* of cosines and sines */
#pragma GCC unroll 8
            for (int l = m; l <= L; l++) {
                const int q = l * (l + 1) / 2 + m;
                a = r_fma(bar[l * l + l + m], p.q[q], a);
                az = r_fma(bar[l * l + l + m], p.higher[q], az);
                if (m) {
                    b = r_fma(bar[l * l + l - m], p.q[q], b);
                    bz = r_fma(bar[l * l + l - m], p.higher[q], bz);
                }
            }
            gz = r_fma(az, p.c[m], r_fma(bz, p.s[m], gz));
            if (m) {
                const vr c = r_set1((double)m) * p.c[m - 1], sine = r_set1((double)m) * p.s[m - 1];
                gx = r_fma(a, c, r_fma(b, sine, gx));
                gy = r_fma(b, c, r_fma(-a, sine, gy));
            }
        }
        const vr inside = r_fma(gz, z, r_fma(gy, y, gx * x)), rise = ((sums[0] + sums[1]) + (sums[2] + sums[3])) - inside * per_r;
        const vi wanted = first_lanes(n - k);
        r_store(s->dx + k, (vr)((vi)(r_fma(rise, x, gx * per_r)) & wanted));
        r_store(s->dy + k, (vr)((vi)(r_fma(rise, y, gy * per_r)) & wanted));
        r_store(s->dz + k, (vr)((vi)(r_fma(rise, z, gz * per_r)) & wanted));
    }
}

/* dx, dy, dz [n] = dE/d(r_j - r_i), from phi_bar and y_bar; zeros up to a multiple of LANES */
static void positions_back(const dn_model *it, dn_scratch *s)
{
#define CALL(L) positions_back_of(it, s, L)
    FOR_DEGREE(CALL)
#undef CALL
}

MD_INLINE void rates_of(dn_scratch *s, const int L)
{
    const int64_t n = s->e.n;
    for (int64_t k = 0; k < n; k += LANES) {
        const vr x = r_load(s->ux + k), y = r_load(s->uy + k), z = r_load(s->uz + k), per_r = r_load(s->per_r + k);
        vr vx = r_load(s->dx + k), vy = r_load(s->dy + k), vz = r_load(s->dz + k);
        const vr along = r_fma(vz, z, r_fma(vy, y, vx * x));
        r_store(s->r_dot + k, along);
        vx = (vx - x * along) * per_r, vy = (vy - y * along) * per_r, vz = (vz - z * along) * per_r;
        y_parts p;
        vr rate[DN_WIDEST];
        y_parts_of(x, y, z, L, &p);
        for (int64_t q = 0; q < s->e.wide; q++)
            rate[q] = r_set1(0.0);
#pragma GCC unroll 8
        for (int l = 0; l <= L; l++) {
            rate[l * l + l] = p.higher[l * (l + 1) / 2] * vz;
#pragma GCC unroll 8
            for (int m = 1; m <= l; m++) {
                const int q = l * (l + 1) / 2 + m;
                const vr c = r_set1((double)m) * p.c[m - 1], sine = r_set1((double)m) * p.s[m - 1], up = p.higher[q] * vz;
                rate[l * l + l + m] = r_fma(p.q[q], vx * c - vy * sine, up * p.c[m]);
                rate[l * l + l - m] = r_fma(p.q[q], vx * sine + vy * c, up * p.s[m]);
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
