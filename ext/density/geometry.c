/* Around an atom: radial functions and spherical harmonics of its neighbours, and the way back to their positions; a part of
 * channels.c, so in doubles or floats. Differences of positions come in doubles and are rounded once. */

/* What radial functions have in common: sqrt(2 / cutoff), 1 / cutoff, n pi / cutoff; of the window 1 - a u^p + b u^(p + 1) - c u^(p + 2)
 * -a, b, -c, p - 1 and what its slope is of u^(p - 1) (1 - u)^2; the same is (1 - u)^3 times the sum of sum[k] u^k, k < p */
typedef struct {
    REAL factor, per_cutoff, own, above, top, fall, wave[DN_RADIAL], sum[DN_ENVELOPE + 2];
    int64_t power;
} dn_waves;

/* Rows [most] of neighbours; f, f_slope: [most][radial, rounded up to 4]; phi_slope: [mixed][most], in columns */
typedef struct {
    REAL *ux, *uy, *uz, *per_r, *r_dot; /* direction; rate of the distance */
    REAL *cosine, *sine, *height, *fall; /* of pi r / cutoff; what they are times in radial functions and in their slopes */
    REAL *f, *f_slope, *phi_slope;
    int64_t f_wide, most;
    dn_waves waves;
} dn_rows;

static dn_waves waves_of(const dn_sizes *n)
{
    const double pi = 3.141592653589793, p = (double)n->envelope;
    dn_waves own = {.factor = (REAL)sqrt(2.0 / n->cutoff), .per_cutoff = (REAL)(1.0 / n->cutoff), .power = n->envelope - 1};
    own.own = (REAL)(-0.5 * (p + 1.0) * (p + 2.0)), own.above = (REAL)(p * (p + 2.0)), own.top = (REAL)(-0.5 * p * (p + 1.0));
    own.fall = (REAL)(-0.5 * p * (p + 1.0) * (p + 2.0) / n->cutoff);
    for (int64_t m = 0; m < n->radial; m++)
        own.wave[m] = (REAL)((double)(m + 1) * pi / n->cutoff);
    for (int64_t k = 0; k < n->envelope; k++)
        own.sum[k] = (REAL)((double)((k + 1) * (k + 2)) / 2.0);
    return own;
}

/* Memory of them; tangents: f and f_slope, too */
static dn_rows rows_of(const dn_model *it, int64_t most, int tangents, hd_heap *heap)
{
    dn_rows own = {.f_wide = (it->n.radial + 3) & ~INT64_C(3), .most = most + DN_PAST, .waves = waves_of(&it->n)};
    REAL **rows[] = {&own.ux, &own.uy, &own.uz, &own.per_r, &own.r_dot, &own.cosine, &own.sine, &own.height, &own.fall};
    for (size_t k = 0; k < sizeof rows / sizeof *rows; k++)
        *rows[k] = take(heap, own.most, sizeof(REAL));
    own.phi_slope = take(heap, own.most * it->n.mixed, sizeof(REAL));
    own.f = take(heap, tangents ? own.most * own.f_wide : 0, sizeof(REAL));
    own.f_slope = take(heap, tangents ? own.most * own.f_wide : 0, sizeof(REAL));
    return own;
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
                *own = r_set1((REAL)top);
            else if (l == m + 1)
                *own = r_set1((REAL)(2 * m + 1)) * z * plain[m * (m + 1) / 2 + m];
            else
                *own = (r_set1((REAL)(2 * l - 1)) * z * plain[(l - 1) * l / 2 + m] -
                        r_set1((REAL)(l + m - 1)) * plain[(l - 2) * (l - 1) / 2 + m]) *
                       r_set1((REAL)(1.0 / (double)(l - m)));
        }
        top *= (double)(2 * m + 1);
    }
#pragma GCC unroll 8
    for (int l = 0; l <= L; l++)
#pragma GCC unroll 8
        for (int m = 0; m <= l; m++) {
            const int k = l * (l + 1) / 2 + m;
            p->q[k] = r_set1((REAL)y_norm[k]) * plain[k];
            p->higher[k] = m < l ? r_set1((REAL)y_norm[k]) * plain[k + 1] : r_set1(0.0);
        }
}

/* Four columns from rows of four, or rows from columns: those of LANES neighbours, of which vector q has numbers q, q + 4, ... in blocks
 * of four */
MD_INLINE void transpose(vr a, vr b, vr c, vr d, vr *to)
{
#if MD_BITS == 32
    const vr ab = R_SHUFFLE(a, b, R_LOW), ba = R_SHUFFLE(a, b, R_HIGH), cd = R_SHUFFLE(c, d, R_LOW), dc = R_SHUFFLE(c, d, R_HIGH);
    to[0] = R_SHUFFLE(ab, cd, R_LOW_PAIRS);
    to[1] = R_SHUFFLE(ab, cd, R_HIGH_PAIRS);
    to[2] = R_SHUFFLE(ba, dc, R_LOW_PAIRS);
    to[3] = R_SHUFFLE(ba, dc, R_HIGH_PAIRS);
#elif LANE_BYTES == 64
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
MD_INLINE void four_columns(const REAL *rows, int64_t wide, vr *to)
{
    vr own[4];
    for (int q = 0; q < 4; q++)
        own[q] = r_fours(rows + q * wide, 4 * wide);
    transpose(own[0], own[1], own[2], own[3], to);
}

/* Columns of LANES neighbours to their rows [wide], from k and from column q on */
MD_INLINE void four_to_rows(const vr *columns, REAL *rows, int64_t k, int64_t q, int64_t wide)
{
    vr r[4];
    transpose(columns[0], columns[1], columns[2], columns[3], r);
    for (int64_t lane = 0; lane < 4; lane++)
        r_store_fours(rows + (k + lane) * wide + q, 4 * wide, r[lane]);
}

MD_INLINE void to_rows(const vr *columns, REAL *rows, int64_t k, int64_t wide)
{
    for (int64_t q = 0; q < wide; q += 4)
        four_to_rows(columns + q, rows, k, q, wide);
}

/* phi [LANES from k on][mixed] = radial functions of LANES neighbours, f [radial], mixed by c [radial][mixed]; likewise their slopes, in
 * columns */
MD_INLINE void mixed_of(const dn_sizes *sizes, const REAL *c, const vr *f, const vr *f_slope, dn_rows *rows, REAL *phi, int64_t k,
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
        four_to_rows(sum, phi, k, b, mixed);
        for (int q = 0; slopes && q < 4; q++)
            r_store(rows->phi_slope + (b + q) * rows->most + k, slope[q]);
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
MD_INLINE void distances_of(const dn_edges *e, dn_rows *rows, int64_t k)
{
    const dn_waves *waves = &rows->waves;
    const vr one = r_set1(1.0), factor = r_set1(waves->factor);
    const vr dx = r_from(e->d[0] + k, LANES), dy = r_from(e->d[1] + k, LANES), dz = r_from(e->d[2] + k, LANES);
    const vr r = r_sqrt(r_fma(dz, dz, r_fma(dy, dy, dx * dx))), per_r = one / r, u = r * r_set1(waves->per_cutoff);
    r_store(rows->per_r + k, per_r);
    r_store(rows->ux + k, dx * per_r);
    r_store(rows->uy + k, dy * per_r);
    r_store(rows->uz + k, dz * per_r);
    vr cosine, sine;
    v_cos_sin_pi(u, &cosine, &sine);
    r_store(rows->cosine + k, cosine);
    r_store(rows->sine + k, sine);
    const vr below = power_of(u, waves->power), rest = one - u;
#if MD_BITS == 64
    const vr window = r_fma(below * u, r_fma(u, r_fma(u, r_set1(waves->top), r_set1(waves->above)), r_set1(waves->own)), one);
#else /* the same as (1 - u)^3 sum_k<p (k + 1) (k + 2) / 2 u^k: what cancels near the cutoff would leave floats 2e-6 */
    const vr square = u * u;
    vr even = r_set1(0.0), odd = r_set1(0.0);
    for (int64_t k = waves->power & ~INT64_C(1); k >= 0; k -= 2) {
        even = r_fma(even, square, r_set1(waves->sum[k]));
        odd = r_fma(odd, square, r_set1(waves->sum[k + 1]));
    }
    const vr window = r_fma(odd, u, even) * (rest * rest * rest);
#endif
    const vr fall = r_set1(waves->fall) * below * rest * rest; /* d window / dr */
    r_store(rows->height + k, factor * per_r * window);
    r_store(rows->fall + k, factor * per_r * (fall - window * per_r));
}

/* Radial functions of LANES neighbours from k on, of one species; rows of a next one that are among them are written again with it.
 * sin((n + 1) t) = 2 cos t sin n t - sin((n - 1) t). */
MD_INLINE void functions_of(const dn_model *it, const dn_edges *e, dn_rows *rows, int64_t k, const REAL *c, int keep, const int slopes)
{
    const vr zero = r_set1(0.0), cosine = r_load(rows->cosine + k), sine = r_load(rows->sine + k), two = cosine + cosine;
    const vr a = r_load(rows->height + k), b = r_load(rows->fall + k);
    const int64_t N = it->n.radial;
    vr f[DN_RADIAL + 4], slope[DN_RADIAL + 4], sin_n = sine, sin_before = zero, cos_n = cosine, cos_before = r_set1(1.0);
    for (int64_t m = 0; m < N; m++) {
        f[m] = a * sin_n;
        const vr next = r_fma(two, sin_n, -sin_before);
        if (slopes) {
            slope[m] = r_fma(a * r_set1(rows->waves.wave[m]), cos_n, b * sin_n);
            const vr next_c = r_fma(two, cos_n, -cos_before);
            cos_before = cos_n, cos_n = next_c;
        }
        sin_before = sin_n, sin_n = next;
    }
    mixed_of(&it->n, c, f, slope, rows, e->phi, k, slopes);
    if (keep) {
        for (int64_t m = N; m < rows->f_wide; m++)
            f[m] = slope[m] = zero;
        to_rows(f, rows->f, k, rows->f_wide);
        to_rows(slope, rows->f_slope, k, rows->f_wide);
    }
}

/* Harmonics of LANES neighbours from k on */
MD_INLINE void harmonics_of(const dn_edges *e, const dn_rows *rows, int64_t k, const int L)
{
    y_parts p;
    vr y[DN_WIDEST];
    y_parts_of(r_load(rows->ux + k), r_load(rows->uy + k), r_load(rows->uz + k), L, &p);
    for (int64_t q = 0; q < e->wide; q++)
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
    to_rows(y, e->y, k, e->wide);
}

static void geometry(const dn_model *it, int64_t t, int64_t species, const dn_edges *e, void *work, int wanted)
{
    dn_rows *rows = work; /* which begins with them */
    const int64_t kinds = it->n.species, n = e->n;
    for (int64_t k = 0; k < n; k += LANES)
        distances_of(e, rows, k);
    for (int64_t other = 0; other < kinds; other++) {
        const REAL *c = (const REAL *)it->layer[t].radial + (species * kinds + other) * it->n.radial * it->n.mixed;
        for (int64_t k = e->first[other]; k < e->first[other + 1]; k += LANES) {
            if (wanted)
                functions_of(it, e, rows, k, c, wanted & DN_ROWS, 1);
            else
                functions_of(it, e, rows, k, c, 0, 0);
        }
    }
#define CALL(L) \
    for (int64_t k = 0; k < n; k += LANES) \
        harmonics_of(e, rows, k, L)
    FOR_DEGREE(CALL)
#undef CALL
}

/* Ones in the lanes below n, else zeros */
MD_INLINE vi first_lanes(int64_t n)
{
    vi lane;
    for (int k = 0; k < LANES; k++)
        lane[k] = k;
    return (vi)(lane < (lane_int)n);
}

MD_INLINE void positions_back_of(const dn_model *it, const dn_edges *e, const dn_rows *rows, const int L)
{
    const int64_t n = e->n, mixed = it->n.mixed, wide = e->wide;
    const REAL *phi_bar = e->phi_bar, *y_bar = e->y_bar;
    for (int64_t k = 0; k < n; k += LANES) {
        vr sums[4], own[4], bar[DN_WIDEST];
        for (int q = 0; q < 4; q++)
            sums[q] = r_set1(0.0);
        for (int64_t b = 0; b < mixed; b += 4) {
            four_columns(phi_bar + k * mixed + b, mixed, own);
            for (int q = 0; q < 4; q++)
                sums[q] = r_fma(own[q], r_load(rows->phi_slope + (b + q) * rows->most + k), sums[q]);
        }
        for (int64_t q = 0; q < wide; q += 4)
            four_columns(y_bar + k * wide + q, wide, bar + q);
        const vr x = r_load(rows->ux + k), y = r_load(rows->uy + k), z = r_load(rows->uz + k), per_r = r_load(rows->per_r + k);
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
                const vr c = r_set1((REAL)m) * p.c[m - 1], sine = r_set1((REAL)m) * p.s[m - 1];
                gx = r_fma(a, c, r_fma(b, sine, gx));
                gy = r_fma(b, c, r_fma(-a, sine, gy));
            }
        }
        const vr inside = r_fma(gz, z, r_fma(gy, y, gx * x)), rise = ((sums[0] + sums[1]) + (sums[2] + sums[3])) - inside * per_r;
        const vi wanted = first_lanes(n - k);
        r_to(e->g[0] + k, (vr)((vi)(r_fma(rise, x, gx * per_r)) & wanted));
        r_to(e->g[1] + k, (vr)((vi)(r_fma(rise, y, gy * per_r)) & wanted));
        r_to(e->g[2] + k, (vr)((vi)(r_fma(rise, z, gz * per_r)) & wanted));
    }
}

/* g [n] = dE/d(r_j - r_i), from phi_bar and y_bar; zeros up to a multiple of LANES */
static void positions_back(const dn_model *it, const dn_edges *e, const void *work)
{
#define CALL(L) positions_back_of(it, e, work, L)
    FOR_DEGREE(CALL)
#undef CALL
}

MD_INLINE void rates_of(const dn_edges *e, dn_rows *rows, const int L)
{
    for (int64_t k = 0; k < e->n; k += LANES) {
        const vr x = r_load(rows->ux + k), y = r_load(rows->uy + k), z = r_load(rows->uz + k), per_r = r_load(rows->per_r + k);
        vr vx = r_from(e->g[0] + k, LANES), vy = r_from(e->g[1] + k, LANES), vz = r_from(e->g[2] + k, LANES);
        const vr along = r_fma(vz, z, r_fma(vy, y, vx * x));
        r_store(rows->r_dot + k, along);
        vx = (vx - x * along) * per_r, vy = (vy - y * along) * per_r, vz = (vz - z * along) * per_r;
        y_parts p;
        vr rate[DN_WIDEST];
        y_parts_of(x, y, z, L, &p);
        for (int64_t q = 0; q < e->wide; q++)
            rate[q] = r_set1(0.0);
#pragma GCC unroll 8
        for (int l = 0; l <= L; l++) {
            rate[l * l + l] = p.higher[l * (l + 1) / 2] * vz;
#pragma GCC unroll 8
            for (int m = 1; m <= l; m++) {
                const int q = l * (l + 1) / 2 + m;
                const vr c = r_set1((REAL)m) * p.c[m - 1], sine = r_set1((REAL)m) * p.s[m - 1], up = p.higher[q] * vz;
                rate[l * l + l + m] = r_fma(p.q[q], vx * c - vy * sine, up * p.c[m]);
                rate[l * l + l - m] = r_fma(p.q[q], vx * sine + vy * c, up * p.s[m]);
            }
        }
        to_rows(rate, e->y_dot, k, e->wide);
    }
}

/* r_dot, y_dot and phi_dot = phi_slope r_dot from the rates g of r_j - r_i */
static void rates(const dn_model *it, const dn_edges *e, void *work)
{
    dn_rows *rows = work; /* which begins with them */
#define CALL(L) rates_of(e, rows, L)
    FOR_DEGREE(CALL)
#undef CALL
    for (int64_t k = 0; k < e->n; k += LANES)
        for (int64_t b = 0; b < it->n.mixed; b += 4) {
            vr own[4];
            for (int q = 0; q < 4; q++)
                own[q] = r_load(rows->phi_slope + (b + q) * rows->most + k) * r_load(rows->r_dot + k);
            four_to_rows(own, e->phi_dot, k, b, it->n.mixed);
        }
}

/* Derivatives with respect to the coefficients of the radial functions, from phi_bar and phi_hat, are added to those in `to`. */
static void radial_back(const dn_model *it, int64_t t, int64_t species, const dn_edges *e, const void *work, const dn_model *to)
{
    const dn_rows *rows = work;
    const int64_t mixed = it->n.mixed, N = it->n.radial;
    const REAL *phi_bar = e->phi_bar, *phi_hat = e->phi_hat;
    for (int64_t other = 0; other < it->n.species; other++) {
        REAL *c = (REAL *)to->layer[t].radial + (species * it->n.species + other) * N * mixed;
        for (int64_t j = e->first[other]; j < e->first[other + 1]; j++)
            for (int64_t m = 0; m < N; m++) {
                const REAL f = rows->f[j * rows->f_wide + m], rate = rows->f_slope[j * rows->f_wide + m] * rows->r_dot[j];
                for (int64_t b = 0; b < mixed; b += 4) {
                    REAL *own = c + m * mixed + b;
                    r_store4(own, r_fma4(r_set4(f), r_load4(phi_bar + j * mixed + b),
                                         r_fma4(r_set4(rate), r_load4(phi_hat + j * mixed + b), r_load4(own))));
                }
            }
    }
}
