/* Functions that fall from 1 to 0: cutoffs and compact supports.
 *
 * Each is computed from y, the distance from its zero, so that value and logarithmic derivative keep their
 * relative precision where the function vanishes. With x = 1 - y:
 *   hard 1; cos (1 + cos(pi x))/2 = sin^2(pi y/2); tanh^3(y); bump exp(1 - 1/(1 - x^2));
 *   smoothsteps y^m p(x): 1 - 3x^2 + 2x^3 = y^2 (1 + 2x) and so on.
 * Behler, J. Chem. Phys. 134, 074106 (2011); Bircher, Singraber, Dellago, Mach. Learn.: Sci. Technol. 2,
 * 035026 (2021). */
#ifndef MD_WINDOW_H
#define MD_WINDOW_H

#include "core/vfun.h"

enum { HD_HARD, HD_COS, HD_TANH3, HD_BUMP, HD_POLY1, HD_POLY2, HD_POLY3, HD_POLY4 }; /* cores of windows */
enum { HD_CUTOFF, HD_COMPACT, HD_COMPACT_ASYMMETRIC };                               /* shapes of windows */

/* A function that falls from 1 to 0: core(y) with y = (edge - r) * inverse, at most 1 (HD_CUTOFF), or
 * y = 1 - |r - edge| * inverse (HD_COMPACT), squared (HD_COMPACT_ASYMMETRIC). */
typedef struct {
    double edge, inverse, norm;
    int32_t core, shape;
} hd_window;

/* in place of y <= 0: no division by zero, and a value of nothing */
#define HD_TINY (MD_BITS == 32 ? 1e-12 : 1e-60)

/* F and (dF/dr) / (measure F) at r */
MD_INLINE void window_at(const int core, const int shape, const hd_window *w, vr r, vr measure, vr *value,
                         vr *slope)
{
    const vr one = r_set1(1.0), two = r_set1(2.0), tiny = r_set1(HD_TINY);
    const vr edge = r_set1(w->edge), inverse = r_set1(w->inverse);
    vr y, dy, f, over, under; /* dy = dy/dr; dF/dy = F over / under */
    if (shape == HD_CUTOFF) {
        y = v_larger(v_smaller((edge - r) * inverse, one), tiny);
        dy = -inverse;
    } else {
        const vr d = r - edge;
        y = v_larger(one - v_abs(d) * inverse, tiny);
        dy = (vr)((vi)inverse ^ (~(vi)d & R_SIGN));
        if (shape == HD_COMPACT_ASYMMETRIC) {
            dy *= two * y;
            y *= y;
        }
    }
    const vr x = one - y;
    switch (core) {
    case HD_COS:
        under = v_sin_quarter(y);
        f = under * under;
        over = r_set1(3.141592653589793) * v_sin_quarter(x);
        break;
    case HD_TANH3: { /* tanh(y) = 2 t / (1 + t^2), t = tanh(y/2): a shorter polynomial, and one division for all */
        const vr t = v_tanh_half(y), low = t * measure, u = r_fma(t, t, one), v = r_fma(-t, t, one);
        const vr inverse_all = one / (u * low), tanh_y = (t + t) * (low * inverse_all);
        *value = r_set1(w->norm) * tanh_y * (tanh_y * tanh_y);
        *slope = (r_set1(1.5) * dy) * (v * v) * inverse_all;
        return;
    }
    case HD_BUMP:
        under = y * (two - y);
        f = v_exp(one - one / under);
        under *= under;
        over = two * x;
        break;
    case HD_POLY1:
        under = r_fma(two, x, one);
        f = y * y * under;
        under *= y;
        over = r_set1(6.0) * x;
        break;
    case HD_POLY2:
        under = r_fma(r_fma(r_set1(6.0), x, r_set1(3.0)), x, one);
        f = y * y * y * under;
        under *= y;
        over = r_set1(30.0) * (x * x);
        break;
    case HD_POLY3:
        under = r_fma(r_fma(r_fma(r_set1(20.0), x, r_set1(10.0)), x, r_set1(4.0)), x, one);
        f = (y * y) * (y * y) * under;
        under *= y;
        over = r_set1(140.0) * (x * x * x);
        break;
    case HD_POLY4:
        under = r_fma(r_fma(r_fma(r_fma(r_set1(70.0), x, r_set1(35.0)), x, r_set1(15.0)), x, r_set1(5.0)), x, one);
        f = (y * y) * (y * y) * (y * under);
        under *= y;
        over = r_set1(630.0) * ((x * x) * (x * x));
        break;
    default: /* HD_HARD */
        f = v_select((vi)(r < edge), one, r_set1(0.0));
        over = r_set1(0.0);
        under = one;
    }
    *value = f;
    *slope = dy * over / (under * measure);
}

/* Run LOOP(core, shape) compiled for the window's own core and shape. */
#define WINDOW_SHAPES(w, core_, LOOP)                                                                          \
    switch ((w)->shape) {                                                                                      \
    case HD_CUTOFF: LOOP(core_, HD_CUTOFF); break;                                                             \
    case HD_COMPACT: LOOP(core_, HD_COMPACT); break;                                                           \
    default: LOOP(core_, HD_COMPACT_ASYMMETRIC); break;                                                        \
    }                                                                                                          \
    break
#define WINDOW_CASES(w, LOOP)                                                                                  \
    switch ((w)->core) {                                                                                       \
    case HD_HARD: LOOP(HD_HARD, HD_CUTOFF); break;                                                             \
    case HD_COS: LOOP(HD_COS, HD_CUTOFF); break;                                                               \
    case HD_TANH3: LOOP(HD_TANH3, HD_CUTOFF); break;                                                           \
    case HD_BUMP: WINDOW_SHAPES(w, HD_BUMP, LOOP);                                                             \
    case HD_POLY1: WINDOW_SHAPES(w, HD_POLY1, LOOP);                                                           \
    case HD_POLY2: WINDOW_SHAPES(w, HD_POLY2, LOOP);                                                           \
    case HD_POLY3: WINDOW_SHAPES(w, HD_POLY3, LOOP);                                                           \
    default: WINDOW_SHAPES(w, HD_POLY4, LOOP);                                                                 \
    }

#endif
