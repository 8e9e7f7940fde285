/* Two bodies of dispersion, - C6 phi(r) with phi = s6 f6 / r^6 + s8 (C8/C6) f8 / r^8 (dispersion.h).
 *
 * Rational damping: f6 / r^6 = 1 / (r^6 + R0^6), f8 / r^8 = 1 / (r^8 + R0^8); zero damping:
 * f6 = 1 / (1 + 6 (sr6 R0 / r)^alpha), f8 the same with sr8 and alpha + 2. C6 = sum_k s_k Y_k(i) Y_k(j), and so are its
 * derivatives by both numbers: the same bits whichever atom of the two is i. */
#include "kernels.h"
#include "dispersion/exact.h"

/* The sums of four vectors' elements. */
MD_INLINE v4d d3_totals(const v4d *a)
{
    const v4d x = V_SHUFFLE(a[0], a[1], 0, 4, 2, 6) + V_SHUFFLE(a[0], a[1], 1, 5, 3, 7);
    const v4d y = V_SHUFFLE(a[2], a[3], 0, 4, 2, 6) + V_SHUFFLE(a[2], a[3], 1, 5, 3, 7);
    return V_SHUFFLE(x, y, 0, 1, 4, 5) + V_SHUFFLE(x, y, 2, 3, 6, 7);
}

/* C6 of four pairs, and its derivatives by the number of the first atom and by that of the other. v: of the first atom
 * (d3_sign); projected: of all, as partners of its species. */
MD_INLINE v4d d3_c6(const double *v, const double *projected, int64_t n_species, const d3_four *p, const int refs,
                    v4d *of_i, v4d *of_j)
{
    v4d c[4], di[4], dj[4];
    for (int lane = 0; lane < 4; lane++) {
        const double *a = v + 2 * refs * p->species[lane], *w = projected + 2 * refs * n_species * p->j[lane];
        c[lane] = v_load(a) * v_load(w);
        di[lane] = v_load(a + refs) * v_load(w);
        dj[lane] = v_load(a) * v_load(w + refs);
        if (refs == 8) {
            c[lane] = v_fma(v_load(a + 4), v_load(w + 4), c[lane]);
            di[lane] = v_fma(v_load(a + refs + 4), v_load(w + 4), di[lane]);
            dj[lane] = v_fma(v_load(a + 4), v_load(w + refs + 4), dj[lane]);
        }
    }
    *of_i = d3_totals(di), *of_j = d3_totals(dj);
    return d3_totals(c);
}

/* 6 u^(alpha/2), kept from overflow. */
MD_INLINE v4d d3_any_power(v4d u, double alpha)
{
    return v_set1(6.0) * v_exp(v_smaller(v_set1(0.5 * alpha) * v_log(u), v_set1(600.0)));
}

/* phi, and its derivative / r; c: columns of the pairs. */
MD_INLINE v4d d3_phi(const md_d3 *it, const v4d *c, v4d r2, v4d *slope, const int zero)
{
    const v4d one = v_set1(1.0), s6 = v_set1(it->s6), r4 = r2 * r2, r6 = r4 * r2;
    if (!zero) {
        const v4d a = r6 + c[D3_FIRST], b = v_fma(r4, r4, c[D3_SECOND]), per = one / (a * b);
        const v4d t6 = per * b, t8 = per * a, t = c[D3_EIGHT] * t8;
        *slope = -v_fma(v_set1(6.0) * s6 * r4, t6 * t6, v_set1(8.0) * r6 * t * t8);
        return v_fma(s6, t6, t);
    }
    const v4d a6 = v_set1(it->alpha), a8 = a6 + v_set1(2.0), six = v_set1(6.0), r8 = r4 * r4;
    const v4d per_r2 = one / r2, u = c[D3_FIRST] * per_r2, w = c[D3_SECOND] * per_r2;
    v4d p6, p8;
    if (it->half_alpha >= 0)
        p6 = six * v_power(u, it->half_alpha), p8 = six * v_power(w, it->half_alpha + 1);
    else
        p6 = d3_any_power(u, it->alpha), p8 = d3_any_power(w, it->alpha + 2.0);
    const v4d per6 = one / v_fma(p6, r6, r6), per8 = one / v_fma(p8, r8, r8); /* f6 / r^6, f8 / r^8 */
    const v4d t6 = s6 * per6, t8 = c[D3_EIGHT] * per8;
    *slope = per_r2 * v_fma(t6, v_fma(a6 * p6, per6 * r6, -six), t8 * v_fma(a8 * p8, per8 * r8, v_set1(-8.0)));
    return t6 + t8;
}

MD_INLINE void d3_pairs_of(const md_atoms *atoms, const md_list *list, const md_d3 *it,
                           const double *MD_RESTRICT projected, const md_d3_room *room, const md_d3_sums *sums,
                           const int refs, const int zero_damping, const int want_energy)
{
    const double *MD_RESTRICT x = atoms->x;
    double *MD_RESTRICT rows = sums->rows, *MD_RESTRICT energy = sums->energy;
    const v4d zero = v_set1(0.0), cutoff2 = v_set1(it->cutoff * it->cutoff);
    const int64_t n_species = it->n_species, width = 2 * refs * n_species;
    for (int64_t i = 0; i < atoms->n_owned; i++) {
        const int64_t own = (int64_t)x[4 * i + 3];
        const double *columns = it->pairs + D3_COLUMNS * n_species * own, *of_own = projected + 2 * refs * own;
        d3_sign(it, own, projected + width * i, room->own, refs);
        v4d fx = zero, fy = zero, fz = zero, pull = zero, e = zero;
        for (int64_t k = list->first[i]; k < list->first[i + 1]; k += 4) {
            const d3_four p = d3_gather(x, list->index + k, x + 4 * i);
            d3_fetch(x, rows, list->index + k + D3_AHEAD);
            for (int lane = 0; lane < 4; lane++)
                for (int line = 0; line < 2 * refs; line += 8)
                    __builtin_prefetch(of_own + width * (int64_t)list->index[k + D3_AHEAD + lane] + line);
            const v4i inside = (v4i)(p.r2 < cutoff2);
            if (!v_bits(inside))
                continue;
            v4d c[D3_COLUMNS], slope, of_i, of_j;
            v_transpose(v_load(columns + D3_COLUMNS * p.species[0]), v_load(columns + D3_COLUMNS * p.species[1]),
                        v_load(columns + D3_COLUMNS * p.species[2]), v_load(columns + D3_COLUMNS * p.species[3]), c,
                        c + 1, c + 2, c + 3);
            v4d phi = d3_phi(it, c, p.r2, &slope, zero_damping);
            if (it->width > 0.0) {
                v4d bend;
                const v4d part = d3_switch(p.r2, it->cutoff, it->width, &bend);
                slope = v_fma(slope, part, phi * bend), phi *= part;
            }
            const v4d c6 = d3_c6(room->own, of_own, n_species, &p, refs, &of_i, &of_j);
            const v4d g = v_mask(-c6 * slope, inside);
            phi = v_mask(-phi, inside);
            const v4d gx = d3_product(g, p.dx), gy = d3_product(g, p.dy), gz = d3_product(g, p.dz);
            fx += gx, fy += gy, fz += gz;
            pull += d3_product(phi, of_i);
            d3_subtract(rows, p.j, gx, gy, gz, -d3_product(phi, of_j));
            if (want_energy) {
                const v4d half = d3_product(v_set1(0.5) * phi, c6);
                e += half;
                for (int lane = 0; lane < 4; lane++)
                    energy[p.j[lane]] += half[lane];
            }
        }
        v_store(rows + 4 * i, v_load(rows + 4 * i) + (v4d){v_sum(fx), v_sum(fy), v_sum(fz), v_sum(pull)});
        if (want_energy)
            energy[i] += v_sum(e);
    }
}

/* Forces, pulls and energies of all pairs join the sums. */
static void d3_pairs(const md_atoms *atoms, const md_list *list, const md_d3 *it, const double *projected,
                     const md_d3_room *room, const md_d3_sums *sums)
{
#define D3_RUN(refs, zero, energy) d3_pairs_of(atoms, list, it, projected, room, sums, refs, zero, energy)
    D3_VARIANTS(D3_RUN, it->refs, it->zero, sums->energy != NULL)
#undef D3_RUN
}
