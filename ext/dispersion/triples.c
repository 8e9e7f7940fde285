/* Three bodies of dispersion (Axilrod, Teller, Muto), each triple at the lowest of its atoms.
 *
 *   E = s9 sqrt(C6_ij C6_ik C6_jk) (1 + 3 cos cos cos) / (r_ij r_ik r_jk)^3 f
 *   f = 1 / (1 + 6 (R0_ij R0_ik R0_jk / r_ij r_ik r_jk)^{2 beta})
 *
 * J. Chem. Phys. 132, 154104 (2010), eqs. 11 to 14. With x, y, z the squared distances, Q = x y z and P the product of
 * the three (x + y - z), 3 cos cos cos = 3/8 P / Q.
 *
 * The neighbours of an atom in the half list stand above it, so triples of the atom and two of them are all that it is
 * the lowest of. They are brought into an order that is the same on any rank (species, place), so sums over them need
 * no grid: they are rounded once, when they leave the atom. Four third atoms of one species at a time. */
#include "kernels.h"
#include "dispersion/exact.h"

/* The neighbours of atom i that are closer than the cutoff, species after species, each species filled up to a multiple
 * of four by atoms that are nowhere (row -1). Returns how many; room->first: where each species begins. */
MD_INLINE int64_t d3_collect(const md_atoms *atoms, const md_list *list, const md_d3 *it, const double *weights,
                             const md_d3_room *room, int64_t i, const double *contracted)
{
    const double *x = atoms->x, *xi = x + 4 * i, cutoff2 = it->triple_cutoff * it->triple_cutoff;
    const int64_t refs = it->refs, pitch = room->pitch;
    double *const slot = room->slots, *const w = slot + pitch * D3_SLOT_COLUMNS;
    int64_t n = 0, m = 0;
    for (int64_t k = list->first[i]; k < list->first[i + 1]; k += 4) {
        const d3_four p = d3_gather(x, list->index + k, xi);
        const unsigned lanes = v_bits((v4i)(p.r2 < v_set1(cutoff2)));
        for (int lane = 0; lane < 4; lane++) {
            room->near[n] = (int32_t)p.j[lane];
            n += lanes >> lane & 1;
        }
    }
    const int32_t *sorted = merge_sort(room->near, room->spare, n, room->key, x);
    for (int64_t s = 0, k = 0; s < it->n_species; s++) {
        room->first[s] = m;
        for (; k < n && room->key[sorted[k]] == s; k++, m++) {
            const int64_t o = sorted[k];
            const double *v = contracted + 2 * refs * s, *own = weights + 2 * refs * o;
            const double dx = x[4 * o] - xi[0], dy = x[4 * o + 1] - xi[1], dz = x[4 * o + 2] - xi[2];
            const double r2 = v_fma(v_set1(dz), v_set1(dz), v_fma(v_set1(dy), v_set1(dy), v_set1(dx * dx)))[0];
            double c6 = 0.0, of_i = 0.0, of_other = 0.0;
            for (int64_t b = 0; b < refs; b++) {
                c6 += v[b] * own[b], of_i += v[refs + b] * own[b], of_other += v[b] * own[refs + b];
                w[pitch * b + m] = own[b], w[pitch * (refs + b) + m] = own[refs + b];
            }
            slot[pitch * D3_X + m] = dx, slot[pitch * D3_Y + m] = dy, slot[pitch * D3_Z + m] = dz;
            slot[pitch * D3_R2 + m] = r2, slot[pitch * D3_PER_R2 + m] = 1.0 / r2, slot[pitch * D3_C6 + m] = c6;
            slot[pitch * D3_OF_I + m] = of_i / c6, slot[pitch * D3_OF_OTHER + m] = of_other / c6;
            room->rows[m] = (int32_t)o;
        }
        for (; m & 3; m++) {
            for (int c = 0; c < D3_G; c++)
                slot[pitch * c + m] = 1.0;
            for (int64_t b = 0; b < 2 * refs; b++)
                w[pitch * b + m] = 0.0;
            slot[pitch * D3_X + m] = 1e30;
            room->rows[m] = -1;
        }
    }
    room->first[it->n_species] = m;
    for (int k = D3_G; k < D3_SLOT_COLUMNS; k++)
        memset(slot + pitch * k, 0, sizeof(double) * (size_t)m);
    for (int64_t k = 0; it->width > 0.0 && k < m; k += 4) {
        v4d slope;
        v_store(slot + pitch * D3_SWITCH + k,
                d3_switch(v_load(slot + pitch * D3_R2 + k), it->triple_cutoff, it->width, &slope));
        v_store(slot + pitch * D3_SWITCH_SLOPE + k, slope);
    }
    return m;
}

MD_INLINE void d3_gain(double *sum, v4d more) { v_store(sum, v_load(sum) + more); }

/* All triples of atom i and its neighbour a with neighbours b > a; own: species of i, other: of a. v: of a's weights.
 * */
MD_INLINE void d3_triples_with(const md_d3 *it, const md_d3_room *room, int64_t a, int64_t own, int64_t other,
                               const double *v, const int smooth)
{
    const int64_t n = it->n_species, refs = it->refs, pitch = room->pitch;
    double *const slot = room->slots;
    const double *const w = slot + pitch * D3_SLOT_COLUMNS;
    const double *const at = slot + a;
    const v4d zero = v_set1(0.0), one = v_set1(1.0), three_eighths = v_set1(0.375), beta = v_set1(it->beta);
    const v4d ax = v_set1(at[pitch * D3_X]), ay = v_set1(at[pitch * D3_Y]), az = v_set1(at[pitch * D3_Z]);
    const v4d xx = v_set1(at[pitch * D3_R2]), per_x = v_set1(at[pitch * D3_PER_R2]), c6a = v_set1(at[pitch * D3_C6]);
    const v4d cutoff2 = v_set1(it->triple_cutoff * it->triple_cutoff), s9 = v_set1(it->s9);
    v4d g = zero, fx = zero, fy = zero, fz = zero, e_all = zero, pull = zero;
    for (int64_t s = other; s < n; s++) { /* species come in order, and b after a */
        const double *vs = v + 2 * refs * s;
        const v4d radii = v_set1(it->radii2[own * n + other] * it->radii2[own * n + s] * it->radii2[other * n + s]);
        const int64_t begin = s == other ? (a + 1) & ~INT64_C(3) : room->first[s];
        v4d by_weight[8];
        for (int64_t o = 0; o < refs; o++)
            by_weight[o] = zero;
        for (int64_t k = begin; k < room->first[s + 1]; k += 4) {
            double *const to = slot + k;
            const v4d dx = v_load(to + pitch * D3_X) - ax, dy = v_load(to + pitch * D3_Y) - ay;
            const v4d dz = v_load(to + pitch * D3_Z) - az;
            const v4d z = v_fma(dz, dz, v_fma(dy, dy, dx * dx));
            v4i inside = (v4i)(z < cutoff2);
            if (k <= a)
                inside &= (v4i){k, k + 1, k + 2, k + 3} > (v4i){a, a, a, a};
            if (!v_bits(inside))
                continue;
            v4d c = zero, of_b = zero;
            for (int64_t o = 0; o < refs; o++) {
                c = v_fma(v_set1(vs[o]), v_load(w + pitch * o + k), c);
                of_b = v_fma(v_set1(vs[o]), v_load(w + pitch * (refs + o) + k), of_b);
            }
            const v4d y = v_load(to + pitch * D3_R2), per_y = v_load(to + pitch * D3_PER_R2);
            const v4d per_q = one / (xx * y * z), per_z = per_q * xx * y;
            const v4d p = xx + y - z, q = xx - y + z, r = y + z - xx, pq = p * q, pr = p * r, qr = q * r;
            const v4d part = three_eighths * per_q, m = part * (pq * r);
            const v4d t = v_set1(6.0) * v_exp(beta * v_log(radii * per_q)), damping = one / (one + t);
            const v4d c9 = s9 * v_sqrt(c6a * v_load(to + pitch * D3_C6) * c);
            v4d front = v_mask(c9 * damping * per_q * v_sqrt(per_q), inside);
            v4d e = front * (one + m), slope_x = zero, slope_y = zero, slope_z = zero;
            if (smooth) {
                v4d bend;
                const v4d here = v_set1(at[pitch * D3_SWITCH]), there = v_load(to + pitch * D3_SWITCH);
                const v4d between = d3_switch(z, it->triple_cutoff, it->width, &bend);
                slope_x = e * there * between * v_set1(at[pitch * D3_SWITCH_SLOPE]);
                slope_y = e * here * between * v_load(to + pitch * D3_SWITCH_SLOPE);
                slope_z = e * here * there * bend;
                const v4d all = here * there * between;
                front *= all, e *= all;
            }
            /* twice dE/dx is dE/dr / r; 1 - damping = t damping */
            const v4d both = v_set1(2.0) * front;
            const v4d common = v_fma(beta * t * damping, one + m, v_fma(v_set1(-2.5), m, v_set1(-1.5)));
            const v4d gx = v_fma(both, v_fma(common, per_x, part * (qr + pr - pq)), slope_x);
            const v4d gy = v_fma(both, v_fma(common, per_y, part * (qr + pq - pr)), slope_y);
            const v4d gz = v_fma(both, v_fma(common, per_z, part * (pq + pr - qr)), slope_z);
            const v4d per_c = v_mask(v_set1(0.5) * e / c, inside);
            for (int64_t o = 0; o < refs; o++)
                by_weight[o] = v_fma(per_c, v_load(w + pitch * o + k), by_weight[o]);
            const v4d mz = v_mask(gz, inside), mx = v_mask(gx, inside), my = v_mask(gy, inside);
            const v4d px = mz * dx, py = mz * dy, pz = mz * dz;
            e = v_mask(e, inside);
            g += mx, fx += px, fy += py, fz += pz, e_all += e;
            d3_gain(to + pitch * D3_G, my), d3_gain(to + pitch * D3_E, e);
            d3_gain(to + pitch * D3_FX, -px), d3_gain(to + pitch * D3_FY, -py), d3_gain(to + pitch * D3_FZ, -pz);
            d3_gain(to + pitch * D3_PULL, per_c * of_b);
        }
        for (int64_t o = 0; o < refs; o++)
            pull = v_fma(v_set1(vs[refs + o]), by_weight[o], pull);
    }
    double *const from = slot + a;
    from[pitch * D3_G] += v_sum(g), from[pitch * D3_E] += v_sum(e_all), from[pitch * D3_PULL] += v_sum(pull);
    from[pitch * D3_FX] += v_sum(fx), from[pitch * D3_FY] += v_sum(fy), from[pitch * D3_FZ] += v_sum(fz);
}

/* What triples of atom i sum up to leaves for i and its neighbours. */
MD_INLINE void d3_leave(const md_d3_room *room, int64_t n, int64_t i, const md_d3_sums *sums, md_i128 *total)
{
    const int32_t *j = room->rows;
    const int64_t pitch = room->pitch;
    const double third = 1.0 / 3.0;
    const v4d zero = v_set1(0.0), half = v_set1(0.5), share = v_set1(third);
    v4d fx = zero, fy = zero, fz = zero, pull = zero, energy = zero;
    d3_virial w = {{zero, zero, zero, zero, zero, zero}};
    for (int64_t k = 0; k < n; k += 4) {
        const double *at = room->slots + k;
        const v4i there = (v4i){j[k], j[k + 1], j[k + 2], j[k + 3]} >= (v4i){0, 0, 0, 0};
        const v4d dx = v_load(at + pitch * D3_X), dy = v_load(at + pitch * D3_Y), dz = v_load(at + pitch * D3_Z);
        const v4d g = v_load(at + pitch * D3_G), e = v_load(at + pitch * D3_E);
        const v4d ux = v_mask(v_fma(-g, dx, v_load(at + pitch * D3_FX)), there);
        const v4d uy = v_mask(v_fma(-g, dy, v_load(at + pitch * D3_FY)), there);
        const v4d uz = v_mask(v_fma(-g, dz, v_load(at + pitch * D3_FZ)), there);
        const v4d gx = d3_round(ux), gy = d3_round(uy), gz = d3_round(uz);
        const v4d own = half * e, of_i = d3_product(own, v_load(at + pitch * D3_OF_I));
        const v4d of_j = d3_round(v_fma(own, v_load(at + pitch * D3_OF_OTHER), v_load(at + pitch * D3_PULL)));
        v4d rows[4];
        v_transpose(gx, gy, gz, of_j, rows, rows + 1, rows + 2, rows + 3);
        for (int lane = 0; lane < 4; lane++)
            if (j[k + lane] >= 0) {
                double *row = sums->rows + 4 * (int64_t)j[k + lane];
                v_store(row, v_load(row) + rows[lane]);
            }
        fx -= gx, fy -= gy, fz -= gz, pull += of_i;
        if (sums->energy) {
            const v4d part = d3_product(e, share);
            for (int lane = 0; lane < 4; lane++)
                if (j[k + lane] >= 0)
                    sums->energy[j[k + lane]] += part[lane];
            energy += d3_product(half * e, share);
            const v4d d[3] = {dx, dy, dz}, u[3] = {ux, uy, uz};
            static const int pair[6][2] = {{0, 0}, {1, 1}, {2, 2}, {1, 2}, {0, 2}, {0, 1}};
            for (int c = 0; c < 6; c++)
                w.sum[c] += v_mask(d3_product(d[pair[c][0]], u[pair[c][1]]), there);
        }
    }
    double *row = sums->rows + 4 * i;
    v_store(row, v_load(row) + (v4d){v_sum(fx), v_sum(fy), v_sum(fz), v_sum(pull)});
    if (sums->energy) {
        sums->energy[i] += v_sum(energy);
        d3_virial_close(&w, total);
    }
}

/* Forces, pulls and with energies the virial of all triples join the sums. weights [n_owned + n_ghost + 1][2 refs] */
static void d3_triples(const md_atoms *atoms, const md_list *list, const md_d3 *it, const double *weights,
                       const md_d3_room *room, const md_d3_sums *sums)
{
    const int64_t n_total = atoms->n_owned + atoms->n_ghost, width = 2 * it->refs * it->n_species;
    md_i128 total[6] = {0};
    for (int64_t i = 0; i < n_total; i++) {
        const int64_t own = room->key[i] = (int64_t)atoms->x[4 * i + 3];
        if (it->refs == 4)
            d3_contract(it, own, weights + 8 * i, room->contracted + width * i, 4);
        else
            d3_contract(it, own, weights + 16 * i, room->contracted + width * i, 8);
    }
    for (int64_t i = 0; i < atoms->n_owned; i++) {
        const int64_t own = room->key[i];
        const int64_t n = d3_collect(atoms, list, it, weights, room, i, room->contracted + width * i);
        for (int64_t a = 0; a < n; a++) {
            const int64_t j = room->rows[a];
            if (j < 0)
                continue;
            const double *v = room->contracted + width * j;
            if (it->width > 0.0)
                d3_triples_with(it, room, a, own, room->key[j], v, 1);
            else
                d3_triples_with(it, room, a, own, room->key[j], v, 0);
        }
        d3_leave(room, n, i, sums, total);
    }
    for (int k = 0; sums->energy && k < 6; k++)
        md_limbs(total[k], sums->virial + LIMBS * k);
}
