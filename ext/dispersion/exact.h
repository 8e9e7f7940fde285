/* What kernels of dispersion share: rounding to their grid, and what atoms of a pair are to each other. */
#ifndef DISPERSION_EXACT_H
#define DISPERSION_EXACT_H

#include "core/md_types.h"
#include "core/vfun.h"
#include "dispersion/dispersion.h"

MD_INLINE v4d d3_product(v4d a, v4d b) /* a b, rounded once */
{
    const v4d big = v_set1(D3_BIG);
    return v_fma(a, b, big) - big;
}

/* From atom i to four of its neighbours. */
typedef struct {
    v4d dx, dy, dz, r2;
    int64_t j[4], species[4];
} d3_four;

MD_INLINE d3_four d3_gather(const double *x, const int32_t *index, const double *xi)
{
    d3_four p;
    v4d species;
    for (int lane = 0; lane < 4; lane++)
        p.j[lane] = index[lane];
    v_transpose(v_load(x + 4 * p.j[0]), v_load(x + 4 * p.j[1]), v_load(x + 4 * p.j[2]), v_load(x + 4 * p.j[3]), &p.dx,
                &p.dy, &p.dz, &species);
    p.dx -= v_set1(xi[0]), p.dy -= v_set1(xi[1]), p.dz -= v_set1(xi[2]);
    p.r2 = v_fma(p.dz, p.dz, v_fma(p.dy, p.dy, p.dx * p.dx));
    for (int lane = 0; lane < 4; lane++)
        p.species[lane] = (int64_t)species[lane];
    return p;
}

/* Fetch what the neighbours AHEAD places on will need: there are as many atoms around one as no first-level cache
 * holds. */
enum { D3_AHEAD = 24 };
MD_INLINE void d3_fetch(const double *x, const double *rows, const int32_t *ahead)
{
    for (int lane = 0; lane < 4; lane++) {
        __builtin_prefetch(x + 4 * (int64_t)ahead[lane]);
        __builtin_prefetch(rows + 4 * (int64_t)ahead[lane]);
    }
}

/* Rows of four atoms lose (x, y, z, w). */
MD_INLINE void d3_subtract(double *rows, const int64_t *j, v4d x, v4d y, v4d z, v4d w)
{
    v4d r[4];
    v_transpose(x, y, z, w, r, r + 1, r + 2, r + 3);
    for (int lane = 0; lane < 4; lane++)
        v_store(rows + 4 * j[lane], v_load(rows + 4 * j[lane]) - r[lane]);
}

/* 1 up to cutoff - width, 0 from the cutoff on, and 1 - 10 x^3 + 15 x^4 - 6 x^5 between; *slope: its derivative / r. */
MD_INLINE v4d d3_switch(v4d r2, double cutoff, double width, v4d *slope)
{
    const v4d zero = v_set1(0.0), one = v_set1(1.0), per = v_set1(1.0 / width), r = v_sqrt(r2);
    const v4d x = v_smaller(v_larger((r - v_set1(cutoff - width)) * per, zero), one), rest = one - x;
    *slope = v_set1(-30.0) * per * (x * x) * (rest * rest) / r;
    return v_fma(x * x * x, v_fma(x, v_fma(v_set1(-6.0), x, v_set1(15.0)), v_set1(-10.0)), one);
}

/* Y and dY/dN of an atom [n_species][2 refs] times the signs of C6 with each species. */
MD_INLINE void d3_sign(const md_d3 *it, int64_t species, const double *y, double *signed_y, const int refs)
{
    const double *sign = it->signs + refs * it->n_species * species;
    for (int64_t s = 0; s < it->n_species; s++, sign += refs, y += 2 * refs, signed_y += 2 * refs)
        for (int k = 0; k < refs; k += 4) {
            v_store(signed_y + k, v_load(sign + k) * v_load(y + k));
            v_store(signed_y + refs + k, v_load(sign + k) * v_load(y + refs + k));
        }
}

/* One of eight variants of a kernel, RUN(refs, flag, energy), whose loops the compiler knows the kind of. */
#define D3_CASE(RUN, refs, flag, energy)                                                                               \
    case (refs) + 2 * (flag) + (energy): RUN(refs, flag, energy); break
#define D3_CASES(RUN, refs)                                                                                            \
    D3_CASE(RUN, refs, 0, 0); D3_CASE(RUN, refs, 0, 1); D3_CASE(RUN, refs, 1, 0); D3_CASE(RUN, refs, 1, 1)
#define D3_VARIANTS(RUN, refs, flag, energy)                                                                           \
    switch ((refs) + 2 * (flag) + (energy)) {                                                                          \
        D3_CASES(RUN, 4);                                                                                              \
        D3_CASES(RUN, 8);                                                                                              \
    }

#endif
