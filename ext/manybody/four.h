/* Four atoms and their neighbours at a time: what potentials of three bodies share.
 *
 * The lanes of a vector are four atoms that stand together in memory. Their neighbours closer than the cutoff go into slots,
 * species by species, each lane's in the canonical order of the list; where a lane has fewer than the others its slots hold
 * the padding row, and add nothing. So nothing is summed across lanes, and an atom's sums have the same order whichever atoms
 * stand beside it. Forces and energies are rounded to the grid before they leave the four (fixed.h). */
#ifndef FOUR_H
#define FOUR_H

#include "core/fixed.h"
#include "core/md_types.h"
#include "core/vfun.h"
#include "manybody/threebody.h"
#include "pair/sums.h"

/* Four rows of a table, one for each lane, as columns (a multiple of four). */
MD_INLINE void four_rows(const double *const row[4], const int columns, v4d *c)
{
#pragma GCC unroll 4
    for (int k = 0; k < columns; k += 4)
        v_transpose(v_load(row[0] + k), v_load(row[1] + k), v_load(row[2] + k), v_load(row[3] + k), c + k, c + k + 1,
                    c + k + 2, c + k + 3);
}

/* Which of an atom's listed neighbours are closer than the cutoff? Returns how many. */
MD_INLINE int64_t four_near(const double *MD_RESTRICT x, const md_list *list, int64_t i, double cutoff2,
                            int32_t *MD_RESTRICT near)
{
    const v4d xi = v_set1(x[4 * i]), yi = v_set1(x[4 * i + 1]), zi = v_set1(x[4 * i + 2]);
    int64_t n = 0;
    for (int64_t k = list->first[i]; k < list->first[i + 1]; k += 4) {
        const int32_t *j = list->index + k;
        v4d dx, dy, dz, species;
        v_transpose(v_load(x + 4 * (int64_t)j[0]), v_load(x + 4 * (int64_t)j[1]), v_load(x + 4 * (int64_t)j[2]),
                    v_load(x + 4 * (int64_t)j[3]), &dx, &dy, &dz, &species);
        dx -= xi, dy -= yi, dz -= zi;
        const unsigned lanes = v_bits((v4i)(v_fma(dz, dz, v_fma(dy, dy, dx * dx)) < v_set1(cutoff2)));
        for (int lane = 0; lane < 4; lane++) {
            near[n] = j[lane];
            n += lanes >> lane & 1;
        }
    }
    return n;
}

/* The neighbours of `lanes` atoms from i on. Returns the number of slots. species [4]: of the atoms */
MD_INLINE int64_t four_collect(const md_atoms *atoms, const md_list *list, int64_t i, int64_t lanes, double cutoff2,
                               int64_t n_species, md_room *room, int64_t species[4])
{
    const double *MD_RESTRICT x = atoms->x;
    const int64_t padding = atoms->n_owned + atoms->n_ghost, pitch = room->longest + 4;
    int64_t begin[4], end[4], count[4];
    const double *row[4];
    for (int64_t lane = 0; lane < 4; lane++) { /* past the last atom: that one again, without neighbours */
        row[lane] = x + 4 * (lane < lanes ? i + lane : i);
        count[lane] = lane < lanes ? four_near(x, list, i + lane, cutoff2, room->near + pitch * lane) : 0;
        species[lane] = (int64_t)row[lane][3];
        end[lane] = 0;
    }
    v4d xi[4];
    four_rows(row, 4, xi);
    int64_t n = 0;
    for (int64_t b = 0; b < n_species; b++) {
        int64_t most = 0;
        for (int lane = 0; lane < 4; lane++) {
            const int32_t *near = room->near + pitch * lane;
            begin[lane] = end[lane];
            if (n_species == 1)
                end[lane] = count[lane];
            while (end[lane] < count[lane] && (int64_t)x[4 * (int64_t)near[end[lane]] + 3] == b)
                end[lane]++;
            most = end[lane] - begin[lane] > most ? end[lane] - begin[lane] : most;
        }
        room->first[b] = n;
        for (int64_t s = 0; s < most; s++, n++) {
            md_slot *slot = room->slots + n;
            v4d d[4];
            for (int lane = 0; lane < 4; lane++) {
                const int64_t place = begin[lane] + s;
                slot->j[lane] = place < end[lane] ? room->near[pitch * lane + place] : padding;
                row[lane] = x + 4 * slot->j[lane];
            }
            four_rows(row, 4, d);
            d[0] -= xi[0], d[1] -= xi[1], d[2] -= xi[2];
            slot->r = v_sqrt(v_fma(d[2], d[2], v_fma(d[1], d[1], d[0] * d[0])));
            slot->inverse_r = v_set1(1.0) / slot->r;
            slot->x = d[0] * slot->inverse_r, slot->y = d[1] * slot->inverse_r, slot->z = d[2] * slot->inverse_r;
        }
    }
    room->first[n_species] = n;
    return n;
}

/* W of the neighbours in a slot (md_types.h). */
MD_INLINE void four_virials(double *virial, const md_slot *slot)
{
    const v4d d[3] = {slot->r * slot->x, slot->r * slot->y, slot->r * slot->z}, big = v_set1(FORCE_BIG);
    const v4d g[3] = {slot->gx, slot->gy, slot->gz};
    for (int a = 0; a < 3; a++)
        for (int b = 0; b < 3; b++) {
            const v4d share = d[a] * g[b] + big - big;
            for (int lane = 0; lane < 4; lane++)
                virial[9 * slot->j[lane] + 3 * a + b] -= share[lane];
        }
}

/* Derivatives of the energies of `lanes` atoms, multiplied by their weights. */
MD_INLINE void four_weigh(const double *weights, int64_t lanes, md_slot *slots, int64_t n)
{
    v4d w = v_set1(0.0);
    for (int64_t lane = 0; lane < lanes; lane++)
        w[lane] = weights[lane];
    for (int64_t s = 0; s < n; s++)
        slots[s].gx *= w, slots[s].gy *= w, slots[s].gz *= w;
}

/* Forces of `lanes` atoms from i on, and on their neighbours in n slots; with energy_limbs their energies join the total.
 * Returns the row of an atom with a force or energy beyond FORCE_LIMIT, or -1. */
MD_INLINE int64_t four_add(const md_atoms *atoms, int64_t i, int64_t lanes, const md_slot *slots, int64_t n, v4d energy,
                           const int want_energy, md_i128 *total, const md_shares *shares)
{
    const v4d big = v_set1(FORCE_BIG);
    double *MD_RESTRICT f = atoms->f;
    v4d fx = v_set1(0.0), fy = fx, fz = fx, worst = fx, rows[4];
    for (int64_t s = 0; s < n; s++) {
        const int64_t *j = slots[s].j;
        const v4d gx = slots[s].gx + big - big, gy = slots[s].gy + big - big, gz = slots[s].gz + big - big;
        fx += gx, fy += gy, fz += gz;
        if (want_energy)
            worst = v_worst(worst, v_worst(v_abs(gx), v_worst(v_abs(gy), v_abs(gz))));
        pair_subtract(f, j[0], j[1], j[2], j[3], gx, gy, gz);
        if (want_energy && shares && shares->virial)
            four_virials(shares->virial, slots + s);
    }
    v_transpose(fx, fy, fz, v_set1(0.0), rows, rows + 1, rows + 2, rows + 3);
    for (int64_t lane = 0; lane < lanes; lane++)
        v_store(f + 4 * (i + lane), v_load(f + 4 * (i + lane)) + rows[lane]);
    if (!want_energy)
        return -1;
    energy = energy + big - big;
    worst = v_worst(worst, v_abs(energy));
    for (int64_t lane = 0; lane < lanes; lane++) {
        if (!(worst[lane] < FORCE_LIMIT))
            return i + lane;
        *total += (int64_t)(energy[lane] * (1.0 / FORCE_GRID));
        if (shares)
            shares->energy[i + lane] += energy[lane];
    }
    return -1;
}

#endif
