/* Numbers of neighbours, the weights of reference systems that they make, and forces of what the energy owes them.
 *
 * N_i = sum_j c(r_ij), c = 1 / (1 + e^{-k (R / r - 1)}), R the sum of both atoms' covalent radii; J. Chem. Phys. 132,
 * 154104 (2010), eq. 15; times d3_switch near its cutoff. W_a = e^{-4 (N - N_a)^2} / sum_b e^{-4 (N - N_b)^2}, eq. 16.
 * */
#include "kernels.h"
#include "dispersion/exact.h"

/* c of four pairs; *slope: dc/dr / r. */
MD_INLINE v4d d3_count(const md_d3 *it, const d3_four *p, double own, v4d *slope)
{
    const double *q = it->covalent;
    const v4d one = v_set1(1.0), k = v_set1(it->steepness), inverse_r = one / v_sqrt(p->r2);
    const v4d radius = v_set1(own) + (v4d){q[p->species[0]], q[p->species[1]], q[p->species[2]], q[p->species[3]]};
    const v4d c = one / (one + v_exp(k - k * (radius * inverse_r)));
    *slope = -k * radius * inverse_r * inverse_r * inverse_r * c * (one - c);
    if (it->width == 0.0)
        return c;
    v4d bend;
    const v4d part = d3_switch(p->r2, it->number_cutoff, it->width, &bend);
    *slope = v_fma(*slope, part, c * bend);
    return c * part;
}

/* numbers [n_owned + n_ghost + 1], zeros: what the pairs of this rank's list add to them. */
static void d3_numbers(const md_atoms *atoms, const md_list *list, const md_d3 *it, double *MD_RESTRICT numbers)
{
    const double *MD_RESTRICT x = atoms->x;
    const v4d cutoff2 = v_set1(it->number_cutoff * it->number_cutoff), big = v_set1(D3_NUMBER_BIG);
    for (int64_t i = 0; i < atoms->n_owned; i++) {
        const double own = it->covalent[(int64_t)x[4 * i + 3]];
        v4d sum = v_set1(0.0);
        for (int64_t k = list->first[i]; k < list->first[i + 1]; k += 4) {
            const d3_four p = d3_gather(x, list->index + k, x + 4 * i);
            const v4i inside = (v4i)(p.r2 < cutoff2);
            if (!v_bits(inside))
                continue;
            v4d slope;
            const v4d c = v_mask(d3_count(it, &p, own, &slope) + big - big, inside);
            sum += c;
            for (int lane = 0; lane < 4; lane++)
                numbers[p.j[lane]] += c[lane];
        }
        numbers[i] += v_sum(sum);
    }
}

/* weights [n_owned][2 refs]: W, and dW/dN. The nearest reference system is taken out of all exponents, so they have a
 * sum however far N is from all of them. */
static void d3_weights(const md_atoms *atoms, const md_d3 *it, const double *numbers, double *weights)
{
    const int64_t refs = it->refs;
    const v4d four = v_set1(4.0), eight = v_set1(-8.0);
    for (int64_t i = 0; i < atoms->n_owned; i++) {
        const double *reference = it->reference + refs * (int64_t)atoms->x[4 * i + 3];
        double *w = weights + 2 * refs * i, nearest = 1e300, sum = 0.0, slope = 0.0;
        for (int64_t a = 0; a < refs; a++) {
            const double x = numbers[i] - reference[a];
            nearest = x * x < nearest ? x * x : nearest;
        }
        for (int64_t a = 0; a < refs; a += 4) {
            const v4d x = v_set1(numbers[i]) - v_load(reference + a);
            const v4d e = v_exp(four * (v_set1(nearest) - x * x)), de = eight * x * e;
            v_store(w + a, e), v_store(w + refs + a, de);
            sum += v_sum(e), slope += v_sum(de);
        }
        for (int64_t a = 0; a < refs; a += 4) {
            const v4d e = v_load(w + a) / v_set1(sum);
            v_store(w + a, e);
            v_store(w + refs + a, (v_load(w + refs + a) - e * v_set1(slope)) / v_set1(sum));
        }
    }
}

/* projected [n_owned + n_ghost + 1][n_species][2 refs]: Y and dY/dN of all atoms' weights (dispersion.h). */
MD_INLINE void d3_project_of(const md_atoms *atoms, const md_d3 *it, const double *weights, double *projected,
                             const int refs)
{
    const int64_t n = it->n_species;
    for (int64_t i = 0; i < atoms->n_owned + atoms->n_ghost + 1; i++, weights += 2 * refs) {
        const double *factor = it->factors + refs * refs * n * (int64_t)atoms->x[4 * i + 3];
        for (int64_t s = 0; s < n; s++, factor += refs * refs, projected += 2 * refs)
            for (int k = 0; k < refs; k += 4) {
                v4d sum = v_set1(0.0), slope = sum;
                for (int a = 0; a < refs; a++) {
                    const v4d f = v_load(factor + refs * a + k);
                    sum = v_fma(v_set1(weights[a]), f, sum), slope = v_fma(v_set1(weights[refs + a]), f, slope);
                }
                v_store(projected + k, sum), v_store(projected + refs + k, slope);
            }
    }
}

static void d3_project(const md_atoms *atoms, const md_d3 *it, const double *weights, double *projected)
{
    if (it->refs == 4)
        d3_project_of(atoms, it, weights, projected, 4);
    else
        d3_project_of(atoms, it, weights, projected, 8);
}

/* Forces of pairs whose numbers change, from the pulls dE/dN of both atoms, join the rows. */
static void d3_number_forces(const md_atoms *atoms, const md_list *list, const md_d3 *it,
                             const double *MD_RESTRICT pull, double *MD_RESTRICT rows)
{
    const double *MD_RESTRICT x = atoms->x;
    const v4d zero = v_set1(0.0), cutoff2 = v_set1(it->number_cutoff * it->number_cutoff);
    for (int64_t i = 0; i < atoms->n_owned; i++) {
        const double own = it->covalent[(int64_t)x[4 * i + 3]];
        v4d fx = zero, fy = zero, fz = zero;
        for (int64_t k = list->first[i]; k < list->first[i + 1]; k += 4) {
            const d3_four p = d3_gather(x, list->index + k, x + 4 * i);
            const v4i inside = (v4i)(p.r2 < cutoff2);
            if (!v_bits(inside))
                continue;
            v4d slope;
            d3_count(it, &p, own, &slope);
            const v4d both = v_set1(pull[i]) + (v4d){pull[p.j[0]], pull[p.j[1]], pull[p.j[2]], pull[p.j[3]]};
            const v4d g = v_mask(both * slope, inside);
            const v4d gx = d3_product(g, p.dx), gy = d3_product(g, p.dy), gz = d3_product(g, p.dz);
            fx += gx, fy += gy, fz += gz;
            d3_subtract(rows, p.j, gx, gy, gz, zero);
        }
        v_store(rows + 4 * i, v_load(rows + 4 * i) + (v4d){v_sum(fx), v_sum(fy), v_sum(fz), 0.0});
    }
}
