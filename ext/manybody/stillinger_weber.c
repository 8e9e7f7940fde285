/* Stillinger-Weber (threebody.h) in time proportional to the neighbours, not to their pairs.
 *
 * (cos - c0)^2 is a polynomial of the unit vectors u of both neighbours, so with the moments of an atom's neighbours of
 * each species b, M = sum g, M_x = sum g u_x, M_xy = sum g u_x u_y,
 *
 *   sum_{j<k} LAMBDA (cos - c0)^2 g_j g_k = 1/2 sum_{a,b} LAMBDA_ab (M_xy^a M_xy^b - 2 c0 M_x^a M_x^b + c0^2 M^a M^b)
 *                                           - 1/2 sum_j LAMBDA (1 - c0)^2 g_j^2.
 *
 * R. Biswas, D. R. Hamann, Phys. Rev. Lett. 55, 2001 (1985): three-body energies that are separable so. */
#include "kernels.h"
#include "manybody/four.h"

enum { M, M_X, M_Y, M_Z, M_XX, M_YY, M_ZZ, M_YZ, M_XZ, M_XY, MOMENTS };

/* r^-power of four pairs; whole: the power of all of them, or -1 */
MD_INLINE v4d sw_power(v4d inverse_r, int whole, v4d power)
{
    return whole >= 0 ? v_power(inverse_r, whole) : v_exp(power * v_log(inverse_r));
}

/* Pairs, half of each, and what they add to the moments m of species b. own: 0 u's factor in the gradient, 1 g, 2 dg/dr */
MD_INLINE v4d sw_pairs(const md_sw *it, const v4d *c, md_slot *slot, int64_t n, v4d *m)
{
    const v4d zero = v_set1(0.0);
    v4d energy = zero;
    for (int k = 0; k < MOMENTS; k++)
        m[k] = zero;
    for (; n > 0; n--, slot++) {
        const v4d r = slot->r, x = slot->x, y = slot->y, z = slot->z, inverse_r = slot->inverse_r;
        const v4i inside = (v4i)(r * r < c[SW_CUT2]);
        const v4d s = v_set1(1.0) / v_smaller(r - c[SW_CUT], v_set1(-1e-9)), ss = s * s;
        const v4d g = v_mask(v_exp(c[SW_SIGMA_GAMMA] * s), inside), e = v_mask(v_exp(c[SW_SIGMA] * s), inside);
        const v4d p = c[SW_HALF_P] * sw_power(inverse_r, it->p, c[SW_POWER_P]);
        const v4d q = c[SW_HALF_Q] * sw_power(inverse_r, it->q, c[SW_POWER_Q]), pq = p - q;
        energy = v_fma(pq, e, energy);
        slot->own[0] = e * v_fma(v_fma(c[SW_POWER_Q], q, -c[SW_POWER_P] * p), inverse_r, -c[SW_SIGMA] * ss * pq);
        slot->own[1] = g;
        slot->own[2] = -c[SW_SIGMA_GAMMA] * ss * g;
        const v4d gx = g * x, gy = g * y, gz = g * z;
        m[M] += g, m[M_X] += gx, m[M_Y] += gy, m[M_Z] += gz;
        m[M_XX] = v_fma(gx, x, m[M_XX]), m[M_YY] = v_fma(gy, y, m[M_YY]), m[M_ZZ] = v_fma(gz, z, m[M_ZZ]);
        m[M_YZ] = v_fma(gy, z, m[M_YZ]), m[M_XZ] = v_fma(gx, z, m[M_XZ]), m[M_XY] = v_fma(gx, y, m[M_XY]);
    }
    return energy;
}

/* Derivatives by the places of neighbours of a species. d : of the energy by its moments; self : LAMBDA (1 - c0)^2.
 * Returns the energy of the pairs j = k that the moments have too much. */
MD_INLINE v4d sw_gradient(const v4d *d, v4d self, md_slot *slot, int64_t n)
{
    v4d energy = v_set1(0.0);
    for (; n > 0; n--, slot++) {
        const v4d x = slot->x, y = slot->y, z = slot->z, g = slot->own[1], own = self * g;
        energy = v_fma(own, g, energy);
        /* t = D_xy u_y, v = D_x + 2 t; dE = (D + D_x u_x + t_x u_x - own) dg + g v_x du_x */
        const v4d tx = v_fma(d[M_XZ], z, v_fma(d[M_XY], y, d[M_XX] * x));
        const v4d ty = v_fma(d[M_YZ], z, v_fma(d[M_XY], x, d[M_YY] * y));
        const v4d tz = v_fma(d[M_YZ], y, v_fma(d[M_XZ], x, d[M_ZZ] * z));
        const v4d vx = v_fma(v_set1(2.0), tx, d[M_X]), vy = v_fma(v_set1(2.0), ty, d[M_Y]);
        const v4d vz = v_fma(v_set1(2.0), tz, d[M_Z]);
        const v4d tu = v_fma(tz, z, v_fma(ty, y, tx * x)), vu = v_fma(vz, z, v_fma(vy, y, vx * x));
        const v4d turn = g * slot->inverse_r;
        const v4d along = v_fma(slot->own[2], d[M] + vu - tu - own, v_fma(-turn, vu, slot->own[0]));
        slot->gx = v_fma(turn, vx, along * x), slot->gy = v_fma(turn, vy, along * y), slot->gz = v_fma(turn, vz, along * z);
    }
    return v_set1(-0.5) * energy;
}

/* Adds forces over a full list in canonical order; with energy_limbs energies: pairs half to either atom, angles to the
 * atom at their vertex. Returns (with energies) the row of an atom with a force or energy beyond FORCE_LIMIT, or -1. */
static int64_t stillinger_weber(const md_atoms *atoms, const md_list *list, const md_sw *it, md_room *room,
                                int64_t *energy_limbs, const md_shares *shares)
{
    const int64_t n_species = it->n_species;
    int64_t bad_row = -1, own[4];
    md_i128 total = 0;
    for (int64_t i = 0; i < atoms->n_owned; i += 4) {
        const int64_t lanes = atoms->n_owned - i < 4 ? atoms->n_owned - i : 4;
        const int64_t n = four_collect(atoms, list, i, lanes, it->farthest2, n_species, room, own), *first = room->first;
        const double *row[4];
        v4d energy = v_set1(0.0);
        for (int64_t b = 0; b < n_species; b++) {
            v4d c[SW_COLUMNS];
            for (int lane = 0; lane < 4; lane++)
                row[lane] = it->pairs + SW_COLUMNS * (own[lane] * n_species + b);
            four_rows(row, SW_COLUMNS, c);
            energy += sw_pairs(it, c, room->slots + first[b], first[b + 1] - first[b], room->species + ROOM_SPECIES * b);
        }
        for (int64_t a = 0; a < n_species; a++) {
            v4d d[MOMENTS], c[SW_TRIPLE_COLUMNS], self = v_set1(0.0);
            for (int k = 0; k < MOMENTS; k++)
                d[k] = v_set1(0.0);
            if (first[a] == first[a + 1])
                continue;
            for (int64_t b = 0; b < n_species; b++) {
                const v4d *m = room->species + ROOM_SPECIES * b;
                for (int lane = 0; lane < 4; lane++)
                    row[lane] = it->triples + SW_TRIPLE_COLUMNS * ((own[lane] * n_species + a) * n_species + b);
                four_rows(row, SW_TRIPLE_COLUMNS, c);
                d[M] = v_fma(c[SW_LAMBDA_CC], m[M], d[M]);
                for (int k = M_X; k <= M_Z; k++)
                    d[k] = v_fma(v_set1(-2.0) * c[SW_LAMBDA_C], m[k], d[k]);
                for (int k = M_XX; k < MOMENTS; k++)
                    d[k] = v_fma(c[SW_LAMBDA], m[k], d[k]);
                if (a == b)
                    self = c[SW_LAMBDA_SELF];
            }
            const v4d *m = room->species + ROOM_SPECIES * a;
            v4d all = d[M] * m[M];
            for (int k = M_X; k <= M_ZZ; k++)
                all = v_fma(d[k], m[k], all);
            for (int k = M_YZ; k < MOMENTS; k++)
                all = v_fma(v_set1(2.0) * d[k], m[k], all);
            energy = v_fma(v_set1(0.5), all, energy);
            energy += sw_gradient(d, self, room->slots + first[a], first[a + 1] - first[a]);
        }
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
