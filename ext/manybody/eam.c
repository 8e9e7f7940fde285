/* Densities, embedding and forces of the embedded-atom method (eam.h). Loops and sums as in pair/loop.h. */
#include "kernels.h"
#include "core/fixed.h"
#include "core/md_types.h"
#include "core/vfun.h"
#include "pair/sums.h"

typedef int32_t eam_w __attribute__((vector_size(16)));

/* Where four distances lie in a table; pairs that are not inside get its beginning. */
typedef struct {
    eam_w point;
    v4d t;
} eam_place;

MD_INLINE eam_place eam_find(const md_eam *it, v4d r, v4i inside)
{
    eam_place found;
    const v4d p = v_mask(r * v_set1(it->per_r), inside), last = v_set1((double)(it->n_r - 2));
    found.point = __builtin_convertvector(v_smaller(p, last), eam_w);
    found.t = v_smaller(p - __builtin_convertvector(found.point, v4d), v_set1(1.0));
    return found;
}

/* Polynomials of four pairs; half: 0 the density, 4 z. Returns f, and df/dr in *slope unless it is NULL. */
MD_INLINE v4d eam_at(const md_eam *it, const double *const table[4], eam_place at, int half, v4d *slope)
{
    v4d c0, c1, c2, c3;
    v_transpose(v_load(table[0] + 8 * (int64_t)at.point[0] + half), v_load(table[1] + 8 * (int64_t)at.point[1] + half),
                v_load(table[2] + 8 * (int64_t)at.point[2] + half), v_load(table[3] + 8 * (int64_t)at.point[3] + half),
                &c0, &c1, &c2, &c3);
    if (slope)
        *slope = v_set1(it->per_r) * v_fma(at.t, v_fma(v_set1(3.0) * c3, at.t, v_set1(2.0) * c2), c1);
    return v_fma(at.t, v_fma(at.t, v_fma(at.t, c3, c2), c1), c0);
}

/* Four neighbours of an atom of species `own`: from them to it, and the other way. */
typedef struct {
    v4d dx, dy, dz, r2;
    v4i inside;
    int64_t j[4];
    const double *here[4], *there[4];
} eam_four;

MD_INLINE eam_four eam_gather(const md_eam *it, const double *x, const int32_t *index, v4d xi, v4d yi, v4d zi,
                              int64_t own, const int many)
{
    eam_four p;
    for (int lane = 0; lane < 4; lane++)
        p.j[lane] = index[lane];
    v4d species;
    v_transpose(v_load(x + 4 * p.j[0]), v_load(x + 4 * p.j[1]), v_load(x + 4 * p.j[2]), v_load(x + 4 * p.j[3]), &p.dx,
                &p.dy, &p.dz, &species);
    p.dx -= xi, p.dy -= yi, p.dz -= zi;
    p.r2 = v_fma(p.dz, p.dz, v_fma(p.dy, p.dy, p.dx * p.dx));
    p.inside = (v4i)(p.r2 < v_set1(it->cutoff2));
    const int64_t n = it->n_species, step = 8 * it->n_r;
    for (int lane = 0; lane < 4; lane++) {
        const int64_t other = many ? (int64_t)species[lane] : 0;
        p.here[lane] = it->pairs + (many ? step * (own * n + other) : 0);
        p.there[lane] = it->pairs + (many ? step * (other * n + own) : 0);
    }
    return p;
}

/* rho [n_owned + n_ghost + 1], zeros: the densities that the pairs of this rank's list make. near : becomes the list of
 * those pairs that are closer than the cutoff, for eam_forces; it has as much room as the list. */
MD_INLINE void eam_density_of(const md_atoms *atoms, const md_list *list, const md_eam *it, double *MD_RESTRICT rho,
                              md_list *near, const int many)
{
    const double *MD_RESTRICT x = atoms->x;
    const v4d big = v_set1(FORCE_BIG);
    const int32_t padding = (int32_t)(atoms->n_owned + atoms->n_ghost);
    int64_t n = 0;
    for (int64_t i = 0; i < atoms->n_owned; i++) {
        const v4d xi = v_set1(x[4 * i]), yi = v_set1(x[4 * i + 1]), zi = v_set1(x[4 * i + 2]);
        const int64_t own = many ? (int64_t)x[4 * i + 3] : 0;
        v4d sum = v_set1(0.0);
        near->first[i] = n;
        for (int64_t k = list->first[i]; k < list->first[i + 1]; k += 4) {
            const eam_four p = eam_gather(it, x, list->index + k, xi, yi, zi, own, many);
            const unsigned lanes = v_bits(p.inside);
            if (!lanes)
                continue;
            for (int lane = 0; lane < 4; lane++) {
                near->index[n] = (int32_t)p.j[lane];
                n += lanes >> lane & 1;
            }
            const eam_place at = eam_find(it, v_sqrt(p.r2), p.inside);
            const v4d mine = v_mask(eam_at(it, p.here, at, 0, NULL) + big - big, p.inside);
            const v4d theirs = many ? v_mask(eam_at(it, p.there, at, 0, NULL) + big - big, p.inside) : mine;
            sum += mine;
            for (int lane = 0; lane < 4; lane++)
                rho[p.j[lane]] += theirs[lane];
        }
        rho[i] += v_sum(sum);
        while (n & 3)
            near->index[n++] = padding;
    }
    near->first[atoms->n_owned] = n;
}

static void eam_density(const md_atoms *atoms, const md_list *list, const md_eam *it, double *rho, md_list *near)
{
    if (it->n_species > 1)
        eam_density_of(atoms, list, it, rho, near, 1);
    else
        eam_density_of(atoms, list, it, rho, near, 0);
}

/* slope[i] = F'(rho_i) of owned atoms; with energy_limbs also the sum of F, and F in the shares unless they are NULL. Past
 * the last density F goes on with its slope there. Returns the row of an atom whose density or F is too large for exact
 * sums, or -1. */
static int64_t eam_embedding(const md_atoms *atoms, const md_eam *it, const double *rho, double *slope,
                             int64_t *energy_limbs, const md_shares *shares)
{
    md_i128 total = 0;
    int64_t bad_row = -1;
    for (int64_t i = 0; i < atoms->n_owned; i++) {
        const double p = rho[i] * it->per_rho, last = (double)(it->n_rho - 2);
        const double place = p > 0.0 ? (p < last ? p : last) : 0.0; /* not a number: 0 */
        const int64_t point = (int64_t)place;
        const double t = p - (double)point < 1.0 ? p - (double)point : 1.0;
        const double *c = it->embedding + 4 * (it->n_rho * (int64_t)atoms->x[4 * i + 3] + point);
        slope[i] = it->per_rho * (c[1] + t * (2.0 * c[2] + t * (3.0 * c[3])));
        if (!(fabs(rho[i]) < ROW_LIMIT))
            bad_row = i;
        if (!energy_limbs)
            continue;
        double energy = c[0] + t * (c[1] + t * (c[2] + t * c[3]));
        if (rho[i] > it->most_rho)
            energy += slope[i] * (rho[i] - it->most_rho);
        energy = energy + FORCE_BIG - FORCE_BIG;
        if (!(fabs(energy) < FORCE_LIMIT)) {
            bad_row = i;
            continue;
        }
        total += (int64_t)(energy * (1.0 / FORCE_GRID));
        if (shares)
            shares->energy[i] += energy;
    }
    if (energy_limbs)
        md_limbs(total, energy_limbs);
    return bad_row;
}

/* Forces of the pairs in the list `near`, from the slopes of both atoms; with energy_limbs the sum of z / r, half of it to
 * either atom. weighed : they are of weighted energies of atoms, slopes are weighted already. */
MD_INLINE int64_t eam_forces_of(const md_atoms *atoms, const md_list *list, const md_eam *it,
                                const double *MD_RESTRICT slope, const double *MD_RESTRICT weights,
                                int64_t *energy_limbs, const md_shares *shares, const int want_energy, const int many,
                                const int weighed)
{
    const double *MD_RESTRICT x = atoms->x;
    double *MD_RESTRICT f = atoms->f;
    const v4d big = v_set1(FORCE_BIG), one = v_set1(1.0), zero = v_set1(0.0);
    md_i128 total = 0;
    v4d worst = zero;
    int64_t bad_row = -1;
    for (int64_t i = 0; i < atoms->n_owned; i++) {
        const v4d xi = v_set1(x[4 * i]), yi = v_set1(x[4 * i + 1]), zi = v_set1(x[4 * i + 2]), si = v_set1(slope[i]);
        const int64_t own = many ? (int64_t)x[4 * i + 3] : 0;
        pair_sums sums = {zero, zero, zero, zero, worst};
        for (int64_t k = list->first[i]; k < list->first[i + 1]; k += 4) {
            const eam_four p = eam_gather(it, x, list->index + k, xi, yi, zi, own, many);
            const v4d r = v_sqrt(p.r2), inverse = one / r;
            const eam_place at = eam_find(it, r, p.inside);
            const v4d sj = {slope[p.j[0]], slope[p.j[1]], slope[p.j[2]], slope[p.j[3]]};
            v4d here, there, dz;
            eam_at(it, p.here, at, 0, &here);
            if (many)
                eam_at(it, p.there, at, 0, &there);
            else
                there = here;
            const v4d u = eam_at(it, p.here, at, 4, &dz) * inverse;
            v4d slope_of_pair = (dz - u) * inverse;
            if (weighed)
                slope_of_pair *= v_set1(0.5) * (v_set1(weights[i]) + (v4d){weights[p.j[0]], weights[p.j[1]],
                                                                           weights[p.j[2]], weights[p.j[3]]});
            const v4d rise = v_fma(si, here, v_fma(sj, there, slope_of_pair)); /* dE/dr */
            const v4d g = v_mask(rise * inverse, p.inside);
            const v4d pair = v_mask(u + big - big, p.inside);
            pair_add(&sums, f, shares, i, p.j[0], p.j[1], p.j[2], p.j[3], p.dx, p.dy, p.dz, g, pair, want_energy);
            if (want_energy && shares && shares->virial) {
                const v4d half = v_set1(0.5) * slope_of_pair, per_r = v_mask(inverse, p.inside);
                pair_virials(shares->virial, i, p.j[0], p.j[1], p.j[2], p.j[3], p.dx, p.dy, p.dz,
                             v_fma(si, here, half) * per_r, v_fma(sj, there, half) * per_r);
            }
        }
        pair_close(&sums, f, i, &total, &bad_row, want_energy);
        worst = sums.worst;
    }
    if (want_energy)
        md_limbs(total, energy_limbs);
    return bad_row;
}

static int64_t eam_forces(const md_atoms *atoms, const md_list *list, const md_eam *it, const double *slope,
                          const double *weights, int64_t *limbs, const md_shares *each)
{
    if (weights)
        return eam_forces_of(atoms, list, it, slope, weights, NULL, NULL, 0, 1, 1);
    if (it->n_species > 1)
        return limbs ? eam_forces_of(atoms, list, it, slope, NULL, limbs, each, 1, 1, 0)
                     : eam_forces_of(atoms, list, it, slope, NULL, NULL, NULL, 0, 1, 0);
    return limbs ? eam_forces_of(atoms, list, it, slope, NULL, limbs, each, 1, 0, 0)
                 : eam_forces_of(atoms, list, it, slope, NULL, NULL, NULL, 0, 0, 0);
}
