/* Tersoff's bond order (threebody.h). For each bond i-j the others of i add up to zeta; what it changes by goes to them. */
#include "kernels.h"
#include "manybody/four.h"

/* The cutoff function: 1 below R - D, 0 above R + D, 1/2 - 1/2 sin(pi/2 (r - R) / D) between; its slope in *slope.
 * per_d may be infinite. */
MD_INLINE v4d ts_cutoff(v4d r, v4d middle, v4d per_d, v4d *slope)
{
    const v4d zero = v_set1(0.0), half = v_set1(0.5), one = v_set1(1.0), x = (r - middle) * per_d;
    const v4i between = (v4i)(v_abs(x) < one);
    const v4d y = v_mask(x, between), sine = v_sin_quarter(half * y);
    const v4d cosine = v_fma(v_set1(-2.0) * sine, sine, one); /* of pi/2 x */
    *slope = v_mask(v_set1(-0.78539816339744831) * per_d * cosine, between);
    return v_select(between, v_fma(-half, v_sin_quarter(y), half), v_select((v4i)(x < zero), one, zero));
}

/* b of zeta, and its derivative */
MD_INLINE v4d ts_order(const v4d *c, v4d zeta, v4d *slope)
{
    const v4d one = v_set1(1.0), zero = v_set1(0.0), least = v_set1(1e-300), n = c[TS_N];
    const v4d x = n * v_log(v_larger(c[TS_BETA] * zeta, least)); /* (BETA zeta)^N = e^x, whatever its size */
    const v4d small = v_exp(-v_abs(x)), share = one / (one + small);
    const v4d b = v_exp((v_larger(x, zero) + v_log1p(small)) * (v_set1(-0.5) / n));
    *slope = v_set1(-0.5) * b * share * v_select((v4i)(x > zero), one, small) / v_larger(zeta, least);
    return b;
}

/* Of bond j, what neighbours k add to zeta, their slot's own[0] being the cutoff function. Leaves 2 the cosine, 3 its factor
 * in zeta without the cutoff function, and derivatives of that: 4 by the cosine, 5 by r_ij. */
MD_INLINE v4d ts_zeta(const v4d *c, const md_slot *j, md_slot *k, int64_t n, v4d zeta, const int exponential)
{
    for (; n > 0; n--, k++) {
        if (k == j || !v_bits((v4i)(k->own[0] != v_set1(0.0))))
            continue;
        const v4d cosine = v_fma(j->z, k->z, v_fma(j->y, k->y, j->x * k->x)), away = c[TS_COSINE] - cosine;
        const v4d inverse = v_set1(1.0) / v_fma(away, away, c[TS_D_D]), share = c[TS_G_C] * inverse * away;
        v4d factor = v_fma(share, away, c[TS_G]), turn = v_set1(-2.0) * c[TS_D_D] * inverse * share;
        v4d stretch = v_set1(0.0);
        if (exponential) {
            const v4d x = j->r - k->r, xx = x * x, power = x * v_fma(c[TS_EX3], xx, c[TS_EX]), most = v_set1(69.0776);
            const v4d e = v_exp(v_smaller(power, most)); /* as in LAMMPS: 1e30 at most */
            factor *= e, turn *= e;
            stretch = factor * v_mask(v_fma(v_set1(3.0) * c[TS_EX3], xx, c[TS_EX]), (v4i)(power < most));
        }
        k->own[2] = cosine, k->own[3] = factor, k->own[4] = turn, k->own[5] = stretch;
        zeta = v_fma(k->own[0], factor, zeta);
    }
    return zeta;
}

/* The derivatives of rise zeta by the places of neighbours k and, returned, of j. */
MD_INLINE void ts_gradient(v4d rise, md_slot *j, md_slot *k, int64_t n, v4d g[3])
{
    for (; n > 0; n--, k++) {
        if (k == j || !v_bits((v4i)(k->own[0] != v_set1(0.0))))
            continue;
        const v4d share = rise * k->own[0], turn = share * k->own[4], stretch = share * k->own[5], cosine = k->own[2];
        const v4d by_j = turn * j->inverse_r, by_k = turn * k->inverse_r;
        const v4d along_k = v_fma(rise * k->own[1], k->own[3], -v_fma(by_k, cosine, stretch));
        const v4d along_j = v_fma(-by_j, cosine, stretch);
        k->gx += v_fma(along_k, k->x, by_k * j->x), g[0] += v_fma(along_j, j->x, by_j * k->x);
        k->gy += v_fma(along_k, k->y, by_k * j->y), g[1] += v_fma(along_j, j->y, by_j * k->y);
        k->gz += v_fma(along_k, k->z, by_k * j->z), g[2] += v_fma(along_j, j->z, by_j * k->z);
    }
}

/* Bonds of four atoms `own` with their neighbours of species b. Returns their energy. */
MD_INLINE v4d ts_bonds(const md_tersoff *it, md_room *room, const int64_t own[4], int64_t b, const int exponential)
{
    const int64_t n_species = it->n_species, *first = room->first;
    const double *row[4];
    v4d c[TS_COLUMNS], energy = v_set1(0.0);
    for (int lane = 0; lane < 4; lane++)
        row[lane] = it->pairs + TS_COLUMNS * (own[lane] * n_species + b);
    four_rows(row, TS_COLUMNS, c);
    for (int64_t a = 0; a < n_species; a++) { /* zeta's cutoff functions may depend on b */
        v4d *t = room->species + ROOM_SPECIES * a;
        for (int lane = 0; lane < 4; lane++)
            row[lane] = it->triples + TS_TRIPLE_COLUMNS * ((own[lane] * n_species + b) * n_species + a);
        four_rows(row, TS_TRIPLE_COLUMNS, t);
        for (md_slot *k = room->slots + first[a]; k < room->slots + first[a + 1]; k++)
            k->own[0] = ts_cutoff(k->r, t[TS_TRIPLE_R], t[TS_TRIPLE_PER_D], &k->own[1]);
    }
    for (md_slot *j = room->slots + first[b]; j < room->slots + first[b + 1]; j++) {
        v4d cut_slope, slope, zeta = v_set1(0.0);
        const v4d cut = ts_cutoff(j->r, c[TS_R], c[TS_PER_D], &cut_slope);
        if (!v_bits((v4i)(cut != v_set1(0.0))))
            continue;
        for (int64_t a = 0; a < n_species; a++)
            zeta = ts_zeta(room->species + ROOM_SPECIES * a, j, room->slots + first[a], first[a + 1] - first[a], zeta,
                           exponential);
        const v4d order = ts_order(c, zeta, &slope);
        const v4d repulsion = c[TS_HALF_A] * v_exp(-c[TS_LAMBDA1] * j->r);
        const v4d attraction = c[TS_HALF_B] * v_exp(-c[TS_LAMBDA2] * j->r), bond = v_fma(order, attraction, repulsion);
        const v4d fall = v_fma(c[TS_LAMBDA2] * order, attraction, c[TS_LAMBDA1] * repulsion);
        const v4d along = v_fma(cut_slope, bond, -cut * fall);
        v4d g[3] = {along * j->x, along * j->y, along * j->z};
        energy = v_fma(cut, bond, energy);
        for (int64_t a = 0; a < n_species; a++)
            ts_gradient(cut * attraction * slope, j, room->slots + first[a], first[a + 1] - first[a], g);
        j->gx += g[0], j->gy += g[1], j->gz += g[2];
    }
    return energy;
}

/* Adds forces over a full list in canonical order; with energy_limbs energies, of a bond i-j half the repulsion and what
 * zeta_ij orders to i. Returns (with energies) the row of an atom with a force or energy beyond FORCE_LIMIT, or -1. */
static int64_t tersoff(const md_atoms *atoms, const md_list *list, const md_tersoff *it, md_room *room,
                       int64_t *energy_limbs, const md_shares *shares)
{
    int64_t bad_row = -1, own[4];
    md_i128 total = 0;
    for (int64_t i = 0; i < atoms->n_owned; i += 4) {
        const int64_t lanes = atoms->n_owned - i < 4 ? atoms->n_owned - i : 4;
        const int64_t n = four_collect(atoms, list, i, lanes, it->farthest2, it->n_species, room, own);
        v4d energy = v_set1(0.0);
        for (md_slot *slot = room->slots; slot < room->slots + n; slot++)
            slot->gx = slot->gy = slot->gz = v_set1(0.0);
        for (int64_t b = 0; b < it->n_species; b++)
            if (room->first[b] < room->first[b + 1])
                energy += it->exponential ? ts_bonds(it, room, own, b, 1) : ts_bonds(it, room, own, b, 0);
        if (room->weights)
            four_weigh(room->weights + i, lanes, room->slots, n);
        const int64_t bad = energy_limbs ? four_add(atoms, i, lanes, room->slots, n, energy, 1, &total, shares)
                                         : four_add(atoms, i, lanes, room->slots, n, energy, 0, &total, NULL);
        bad_row = bad > bad_row ? bad : bad_row;
    }
    if (energy_limbs)
        md_limbs(total, energy_limbs);
    return bad_row;
}
