/* Three bodies of dispersion (Axilrod, Teller, Muto), each triple at the lowest of its atoms.
 *
 *   E = s9 sqrt(C6_ij C6_ik C6_jk) (1 + 3 cos cos cos) / (r_ij r_ik r_jk)^3 f
 *   f = 1 / (1 + 6 (R0_ij R0_ik R0_jk / r_ij r_ik r_jk)^{2 beta})
 *
 * J. Chem. Phys. 132, 154104 (2010), eqs. 11 to 14. With x, y, z the squared distances, Q = x y z and P the product of
 * the three (x + y - z), 3 cos cos cos = 3/8 P / Q.
 *
 * The neighbours of an atom in the half list stand above it, so triples of the atom and two of them are all that it was
 * the lowest of when the list was made. What each triple adds to an atom is rounded to the grid. Four third atoms of
 * one species at a time. */
#include "kernels.h"
#include "dispersion/exact.h"

/* abc, the same for any order of the three; ab, ac, bc: their products. */
MD_INLINE v4d d3_product_of_three(v4d a, v4d b, v4d c, v4d ab, v4d ac, v4d bc)
{
    return v_larger(v_larger(ab * c, ac * b), bc * a);
}

/* C6 of an atom and four others, and its derivatives by both numbers; v: of the one (d3_sign), y: of the others. */
MD_INLINE v4d d3_side(const double *v, const double *y, int64_t pitch, const int refs, v4d *of_one, v4d *of_other)
{
    v4d c = v_set1(0.0), one = c, other = c;
    for (int k = 0; k < refs; k++) {
        const v4d own = v_set1(v[k]), there = v_load(y + pitch * k);
        c = v_fma(own, there, c), one = v_fma(v_set1(v[refs + k]), there, one);
        other = v_fma(own, v_load(y + pitch * (refs + k)), other);
    }
    *of_one = one, *of_other = other;
    return c;
}

/* Into the slots: Y and dY/dN of the atoms in slots from `begin` to `end`, as partners of a species. */
MD_INLINE void d3_lay(const md_d3_room *room, int64_t begin, int64_t end, const double *projected, int64_t n_species,
                      int64_t species, const int refs)
{
    const double *of = projected + 2 * refs * species;
    const int64_t pitch = room->pitch, width = 2 * refs * n_species;
    double *const to = room->slots + pitch * D3_SLOT_COLUMNS;
    for (int64_t m = begin; m < end; m += 4) {
        const double *y[4];
        for (int lane = 0; lane < 4; lane++)
            y[lane] = of + width * room->rows[m + lane];
        for (int k = 0; k < 2 * refs; k += 4) {
            v4d c[4];
            v_transpose(v_load(y[0] + k), v_load(y[1] + k), v_load(y[2] + k), v_load(y[3] + k), c, c + 1, c + 2, c + 3);
            for (int lane = 0; lane < 4; lane++)
                v_store(to + pitch * (k + lane) + m, c[lane]);
        }
    }
}

/* The neighbours of atom i that are closer than the cutoff, species after species, each species filled up to a multiple
 * of four by the padding row. Returns how many; room->first: where each species begins. */
MD_INLINE int64_t d3_collect(const md_atoms *atoms, const md_list *list, const md_d3 *it, const md_d3_room *room,
                             int64_t i)
{
    const double *x = atoms->x;
    const v4d cutoff2 = v_set1(it->triple_cutoff * it->triple_cutoff);
    const int64_t species = it->n_species;
    int64_t n = 0, m = 0, *const first = room->first, *const next = room->next;
    memset(next, 0, sizeof(int64_t) * (size_t)species);
    for (int64_t k = list->first[i]; k < list->first[i + 1]; k += 4) {
        const d3_four p = d3_gather(x, list->index + k, x + 4 * i);
        const unsigned lanes = v_bits((v4i)(p.r2 < cutoff2));
        for (int lane = 0; lane < 4; lane++) {
            const int inside = lanes >> lane & 1;
            room->near[n] = (int32_t)p.j[lane];
            n += inside, next[p.species[lane]] += inside;
        }
    }
    for (int64_t s = 0; s < species; s++) {
        const int64_t end = m + next[s], full = (end + 3) & ~INT64_C(3);
        first[s] = next[s] = m;
        for (m = end; m < full; m++)
            room->rows[m] = (int32_t)(atoms->n_owned + atoms->n_ghost);
    }
    first[species] = m;
    for (int64_t k = 0; k < n; k++)
        room->rows[next[(int64_t)x[4 * (int64_t)room->near[k] + 3]]++] = room->near[k];
    return m;
}

/* What the slots know of atom i and its n neighbours; sums are 0. own: species of i, v: of i (d3_sign). */
MD_INLINE void d3_fill(const md_atoms *atoms, const md_d3 *it, const md_d3_room *room, int64_t i, int64_t n,
                       const double *projected, int64_t own, const double *v, const int refs, const int smooth)
{
    const int64_t pitch = room->pitch;
    d3_lay(room, 0, n, projected, it->n_species, own, refs);
    for (int64_t s = 0; s < it->n_species; s++)
        for (int64_t k = room->first[s]; k < room->first[s + 1]; k += 4) {
            double *const to = room->slots + k;
            const d3_four p = d3_gather(atoms->x, room->rows + k, atoms->x + 4 * i);
            v4d of_i, of_other;
            const v4d c6 = d3_side(v + 2 * refs * s, to + pitch * D3_SLOT_COLUMNS, pitch, refs, &of_i, &of_other);
            const v4d per = v_mask(v_set1(1.0) / c6, (v4i)(c6 > v_set1(0.0))); /* 0 of the padding row */
            v_store(to + pitch * D3_X, p.dx), v_store(to + pitch * D3_Y, p.dy), v_store(to + pitch * D3_Z, p.dz);
            v_store(to + pitch * D3_R2, p.r2), v_store(to + pitch * D3_C6, c6);
            v_store(to + pitch * D3_OF_I, of_i * per), v_store(to + pitch * D3_OF_OTHER, of_other * per);
            if (smooth) {
                v4d slope;
                v_store(to + pitch * D3_SWITCH, d3_switch(p.r2, it->triple_cutoff, it->width, &slope));
                v_store(to + pitch * D3_SWITCH_SLOPE, slope);
            }
        }
    for (int k = D3_FX; k < D3_SLOT_COLUMNS; k++)
        memset(room->slots + pitch * k, 0, sizeof(double) * (size_t)n);
}

MD_INLINE void d3_gain(double *sum, v4d more) { v_store(sum, v_load(sum) + more); }

/* a b - c d, both rounded to the grid: one subtraction less than of d3_product. */
MD_INLINE v4d d3_difference(v4d a, v4d b, v4d c, v4d d)
{
    const v4d big = v_set1(D3_BIG);
    return v_fma(a, b, big) - v_fma(c, d, big);
}

/* All triples of atom i and its neighbour a with neighbours b > a; own: species of i, other: of a. v: of a (d3_sign);
 * *pull_i: what they add to the pull on i. */
MD_INLINE void d3_triples_with(const md_d3 *it, const md_d3_room *room, int64_t a, int64_t own, int64_t other,
                               const double *v, v4d *pull_i, const int refs, const int smooth, const int want_energy)
{
    const int64_t n = it->n_species, pitch = room->pitch;
    double *const at = room->slots + a;
    const v4d zero = v_set1(0.0), half = v_set1(0.5), one = v_set1(1.0), two = v_set1(2.0);
    const v4d three_eighths = v_set1(0.375), third = v_set1(1.0 / 3.0), beta = v_set1(it->beta), s9 = v_set1(it->s9);
    const v4d cutoff2 = v_set1(it->triple_cutoff * it->triple_cutoff);
    const v4d ax = v_set1(at[pitch * D3_X]), ay = v_set1(at[pitch * D3_Y]), az = v_set1(at[pitch * D3_Z]);
    const v4d x = v_set1(at[pitch * D3_R2]), c6a = v_set1(at[pitch * D3_C6]), i_of_a = v_set1(at[pitch * D3_OF_I]);
    const v4d a_of_i = v_set1(at[pitch * D3_OF_OTHER]);
    v4d fx = zero, fy = zero, fz = zero, e_all = zero, pull = zero;
    for (int64_t s = other; s < n; s++) { /* species come in order, and b after a */
        const v4d ra = v_set1(it->radii2[own * n + other]), rb = v_set1(it->radii2[own * n + s]);
        const v4d rc = v_set1(it->radii2[other * n + s]);
        const v4d radii = d3_product_of_three(ra, rb, rc, ra * rb, ra * rc, rb * rc);
        const int64_t begin = s == other ? (a + 1) & ~INT64_C(3) : room->first[s];
        for (int64_t k = begin; k < room->first[s + 1]; k += 4) {
            double *const to = room->slots + k;
            const v4d bx = v_load(to + pitch * D3_X), by = v_load(to + pitch * D3_Y), bz = v_load(to + pitch * D3_Z);
            const v4d dx = bx - ax, dy = by - ay, dz = bz - az;
            const v4d z = v_fma(dz, dz, v_fma(dy, dy, dx * dx));
            v4i inside = (v4i)(z < cutoff2);
            if (k <= a)
                inside &= (v4i){k, k + 1, k + 2, k + 3} > (v4i){a, a, a, a};
            if (!v_bits(inside))
                continue;
            v4d a_of_b, b_of_a;
            const v4d c = d3_side(v + 2 * refs * s, to + pitch * D3_SLOT_COLUMNS, pitch, refs, &a_of_b, &b_of_a);
            const v4d y = v_load(to + pitch * D3_R2), xy = x * y, xz = x * z, yz = y * z;
            const v4d per_q = one / d3_product_of_three(x, y, z, xy, xz, yz);
            const v4d p = x + y - z, q = x + z - y, r = y + z - x, pq = p * q, pr = p * r, qr = q * r;
            const v4d part = three_eighths * per_q, m = part * d3_product_of_three(p, q, r, pq, pr, qr);
            const v4d t = v_set1(6.0) * v_exp(beta * v_log(radii * per_q)), damping = one / (one + t);
            const v4d c6b = v_load(to + pitch * D3_C6);
            const v4d ccc = d3_product_of_three(c6a, c6b, c, c6a * c6b, c6a * c, c6b * c);
            v4d front = s9 * damping * per_q * v_sqrt(ccc * per_q);
            v4d e = front * (one + m), slope_x = zero, slope_y = zero, slope_z = zero;
            if (smooth) {
                v4d bend;
                const v4d here = v_set1(at[pitch * D3_SWITCH]), there = v_load(to + pitch * D3_SWITCH);
                const v4d between = d3_switch(z, it->triple_cutoff, it->width, &bend);
                const v4d hb = here * between, tb = there * between, ht = here * there;
                slope_x = e * v_set1(at[pitch * D3_SWITCH_SLOPE]) * tb;
                slope_y = e * v_load(to + pitch * D3_SWITCH_SLOPE) * hb;
                slope_z = e * bend * ht;
                const v4d all = d3_product_of_three(here, there, between, ht, hb, tb);
                front *= all, e *= all;
            }
            /* twice dE/dx is dE/dr / r; 1 - damping = t damping */
            const v4d both = two * front;
            const v4d common = per_q * v_fma(beta * t * damping, one + m, v_fma(v_set1(-2.5), m, v_set1(-1.5)));
            const v4d gx = v_mask(v_fma(both, v_fma(common, yz, part * (qr + pr - pq)), slope_x), inside);
            const v4d gy = v_mask(v_fma(both, v_fma(common, xz, part * (qr + pq - pr)), slope_y), inside);
            const v4d gz = v_mask(v_fma(both, v_fma(common, xy, part * (pq + pr - qr)), slope_z), inside);
            fx += d3_difference(gz, dx, gx, ax), fy += d3_difference(gz, dy, gx, ay);
            fz += d3_difference(gz, dz, gx, az);
            d3_gain(to + pitch * D3_FX, d3_difference(-gy, bx, gz, dx));
            d3_gain(to + pitch * D3_FY, d3_difference(-gy, by, gz, dy));
            d3_gain(to + pitch * D3_FZ, d3_difference(-gy, bz, gz, dz));
            e = v_mask(e, inside);
            const v4d h = half * e, per_c = v_mask(one / c, inside);
            *pull_i += d3_difference(h, v_load(to + pitch * D3_OF_I), -h, i_of_a);
            pull += d3_difference(h, a_of_b * per_c, -h, a_of_i);
            d3_gain(to + pitch * D3_PULL, d3_difference(h, b_of_a * per_c, -h, v_load(to + pitch * D3_OF_OTHER)));
            if (want_energy) {
                const v4d share = d3_product(e, third);
                e_all += share;
                d3_gain(to + pitch * D3_E, share);
            }
        }
    }
    at[pitch * D3_E] += v_sum(e_all), at[pitch * D3_PULL] += v_sum(pull);
    at[pitch * D3_FX] += v_sum(fx), at[pitch * D3_FY] += v_sum(fy), at[pitch * D3_FZ] += v_sum(fz);
}

/* What triples of atom i sum up to leaves for i and its neighbours. */
MD_INLINE void d3_leave(const md_d3_room *room, int64_t n, int64_t i, v4d pull, const md_d3_sums *sums)
{
    const int64_t pitch = room->pitch;
    v4d fx = v_set1(0.0), fy = fx, fz = fx, energy = fx;
    for (int64_t k = 0; k < n; k += 4) {
        const double *at = room->slots + k;
        const v4d gx = v_load(at + pitch * D3_FX), gy = v_load(at + pitch * D3_FY), gz = v_load(at + pitch * D3_FZ);
        const v4d e = v_load(at + pitch * D3_E);
        v4d rows[4];
        v_transpose(gx, gy, gz, v_load(at + pitch * D3_PULL), rows, rows + 1, rows + 2, rows + 3);
        for (int lane = 0; lane < 4; lane++) {
            double *row = sums->rows + 4 * (int64_t)room->rows[k + lane];
            v_store(row, v_load(row) + rows[lane]);
            if (sums->energy)
                sums->energy[room->rows[k + lane]] += e[lane];
        }
        fx -= gx, fy -= gy, fz -= gz, energy += e;
    }
    double *row = sums->rows + 4 * i;
    v_store(row, v_load(row) + (v4d){v_sum(fx), v_sum(fy), v_sum(fz), v_sum(pull)});
    if (sums->energy)
        sums->energy[i] += 0.5 * v_sum(energy); /* each triple is in two slots */
}

MD_INLINE void d3_triples_of(const md_atoms *atoms, const md_list *list, const md_d3 *it, const double *projected,
                             const md_d3_room *room, const md_d3_sums *sums, const int refs, const int smooth,
                             const int want_energy)
{
    const int64_t nowhere = atoms->n_owned + atoms->n_ghost, width = 2 * refs * it->n_species;
    for (int64_t i = 0; i < atoms->n_owned; i++) {
        const int64_t own = (int64_t)atoms->x[4 * i + 3], n = d3_collect(atoms, list, it, room, i);
        d3_sign(it, own, projected + width * i, room->own, refs);
        d3_fill(atoms, it, room, i, n, projected, own, room->own, refs, smooth);
        v4d pull = v_set1(0.0);
        for (int64_t other = 0; other < it->n_species; other++) {
            if (room->first[other] == room->first[other + 1])
                continue;
            d3_lay(room, room->first[other], n, projected, it->n_species, other, refs);
            for (int64_t a = room->first[other]; a < room->first[other + 1]; a++) {
                const int64_t j = room->rows[a];
                if (j == nowhere)
                    break;
                d3_sign(it, other, projected + width * j, room->own, refs);
                d3_triples_with(it, room, a, own, other, room->own, &pull, refs, smooth, want_energy);
            }
        }
        d3_leave(room, n, i, pull, sums);
    }
}

/* Forces, pulls and energies of all triples join the sums. projected [n_owned + n_ghost + 1][n_species][2 refs] */
static void d3_triples(const md_atoms *atoms, const md_list *list, const md_d3 *it, const double *projected,
                       const md_d3_room *room, const md_d3_sums *sums)
{
#define D3_RUN(refs, smooth, energy) d3_triples_of(atoms, list, it, projected, room, sums, refs, smooth, energy)
    D3_VARIANTS(D3_RUN, it->refs, it->width > 0.0, sums->energy != NULL)
#undef D3_RUN
}
