/* Structure factors and what they do to atoms: the part of an Ewald sum that is in reciprocal space.
 *
 *     S(k) = sum_i q_i exp(i k.r_i)
 *     F_i = q_i sum_k k [ sin(k.r_i) Re w(k) - cos(k.r_i) Im w(k) ],    p_i = sum_k [ cos(k.r_i) Re w(k) + sin(k.r_i) Im w(k) ]
 *
 * with w(k), what the caller makes of S. exp(i k.r) is a product of powers of exp(i b.r) for the three reciprocal vectors b.
 * Each q_i exp(i k.r_i) is rounded to a grid, and S added up in integers: the same on any number of ranks. */
#include "kernels.h"
#include "charges/home.h"
#include "core/fixed.h"
#include "core/md_types.h"
#include "core/vfun.h"

/* b.r of four atoms */
MD_INLINE v4d wave_turn(const double *b, const double (*r)[WAVES_ATOMS], int a)
{
    return v_fma(v_set1(b[2]), v_load(r[2] + a), v_fma(v_set1(b[1]), v_load(r[1] + a), v_set1(b[0]) * v_load(r[0] + a)));
}

/* Powers 0 to `most` of exp(i b.r) of WAVES_ATOMS atoms, [power][atom]: real and imaginary parts. */
MD_INLINE void wave_powers(const double *b, const double (*r)[WAVES_ATOMS], int64_t most, double *re, double *im)
{
    for (int a = 0; a < WAVES_ATOMS; a += 4) {
        v4d c, s, x = v_set1(1.0), y = v_set1(0.0);
        v_cos_sin(wave_turn(b, r, a), &c, &s);
        for (int64_t n = 0; n <= most; n++) {
            v_store(re + n * WAVES_ATOMS + a, x);
            v_store(im + n * WAVES_ATOMS + a, y);
            const v4d next = v_fma(x, c, -(y * s));
            y = v_fma(x, s, y * c);
            x = next;
        }
    }
}

/* What a kernel knows of up to WAVES_ATOMS atoms. */
typedef struct wave_atoms {
    int n;
    double *re1, *im1, *re2, *im2; /* [power][atom], powers from 0 on */
    double *re3, *im3;             /* [atom][length], powers from -most on */
    double charge[WAVES_ATOMS];
} wave_atoms;

MD_INLINE void wave_prepare(const md_atoms *atoms, const double *charge, const md_waves *it, int64_t begin, wave_atoms *own)
{
    const int64_t length = WAVES_LENGTH(it->most), n3 = it->most[2];
    double r[3][WAVES_ATOMS];
    own->n = atoms->n_owned - begin < WAVES_ATOMS ? (int)(atoms->n_owned - begin) : WAVES_ATOMS;
    for (int a = 0; a < WAVES_ATOMS; a++) {
        const int64_t i = begin + (a < own->n ? a : 0);
        own->charge[a] = charge[i];
        const double *x = atoms->x + 4 * i, *b = it->vectors;
        double fractions[3], home[3], turns[3];
        for (int k = 0; k < 3; k++)
            fractions[k] = WAVES_TURNS * (b[3 * k] * x[0] + b[3 * k + 1] * x[1] + b[3 * k + 2] * x[2]);
        charge_home(x, fractions, it->cell, home, turns);
        for (int k = 0; k < 3; k++)
            r[k][a] = home[k];
    }
    own->re1 = it->room, own->im1 = own->re1 + WAVES_ATOMS * (it->most[0] + 1);
    own->re2 = own->im1 + WAVES_ATOMS * (it->most[0] + 1), own->im2 = own->re2 + WAVES_ATOMS * (it->most[1] + 1);
    own->re3 = own->im2 + WAVES_ATOMS * (it->most[1] + 1), own->im3 = own->re3 + WAVES_ATOMS * length;
    wave_powers(it->vectors, r, it->most[0], own->re1, own->im1);
    wave_powers(it->vectors + 3, r, it->most[1], own->re2, own->im2);
    for (int a = 0; a < own->n; a += 4) { /* as wave_powers, each atom for itself */
        v4d c, s, x = v_set1(1.0), y = v_set1(0.0);
        v_cos_sin(wave_turn(it->vectors + 6, r, a), &c, &s);
        for (int64_t n = 0; n <= n3 + 4; n++) {
            for (int lane = 0; lane < 4; lane++) {
                double *re = own->re3 + (a + lane) * length + n3, *im = own->im3 + (a + lane) * length + n3;
                re[n] = x[lane], im[n] = y[lane];
                if (n <= n3)
                    re[-n] = x[lane], im[-n] = n ? -y[lane] : y[lane];
            }
            const v4d next = v_fma(x, c, -(y * s));
            y = v_fma(x, s, y * c);
            x = next;
        }
    }
}

/* exp(i (n1 b1 + n2 b2).r) of an atom */
MD_INLINE void wave_column(const wave_atoms *own, const int32_t *column, int a, double *re, double *im)
{
    const int64_t first = column[0] * WAVES_ATOMS + a, second = (column[1] < 0 ? -column[1] : column[1]) * WAVES_ATOMS + a;
    const double c = own->re2[second], s = column[1] < 0 ? -own->im2[second] : own->im2[second];
    *re = own->re1[first] * c - own->im1[first] * s;
    *im = own->re1[first] * s + own->im1[first] * c;
}

typedef uint64_t wave_bits __attribute__((vector_size(32))); /* of doubles near WAVES_BIG, whose differences count */

/* Adds the owned atoms to S: re, im [n_waves], multiples of 2^-WAVES_BITS. |charge| < 2^10, and less than 2^23 all together. */
static void wave_sums(const md_atoms *atoms, const double *charge, const md_waves *it, int64_t *re, int64_t *im)
{
    const int64_t length = WAVES_LENGTH(it->most);
    const v4d big = v_set1(WAVES_BIG);
    for (int64_t begin = 0; begin < atoms->n_owned; begin += WAVES_ATOMS) {
        wave_atoms own;
        wave_prepare(atoms, charge, it, begin, &own);
        const wave_bits none = (wave_bits)big * (uint64_t)own.n;
        int64_t wave = 0;
        for (int64_t k = 0; k < it->n_columns; k++) {
            const int32_t *column = it->columns + 4 * k;
            double c[WAVES_ATOMS], s[WAVES_ATOMS];
            for (int a = 0; a < own.n; a++) {
                wave_column(&own, column, a, c + a, s + a);
                c[a] *= own.charge[a], s[a] *= own.charge[a];
            }
            const double *re3 = own.re3 + it->most[2] + column[2], *im3 = own.im3 + it->most[2] + column[2];
            for (int64_t four = 0; four < column[3]; four++, wave += 4) {
                wave_bits x = -none, y = -none;
                for (int a = 0; a < own.n; a++) {
                    const v4d e = v_load(re3 + a * length + 4 * four), o = v_load(im3 + a * length + 4 * four);
                    x += (wave_bits)(v_fma(v_set1(c[a]), e, -(v_set1(s[a]) * o)) + big);
                    y += (wave_bits)(v_fma(v_set1(c[a]), o, v_set1(s[a]) * e) + big);
                }
                for (int lane = 0; lane < 4; lane++)
                    re[wave + lane] += (int64_t)x[lane], im[wave + lane] += (int64_t)y[lane];
            }
        }
    }
}

MD_INLINE void wave_pulls(const md_atoms *atoms, const double *charge, const md_waves *it, const double *re,
                          const double *im, double *potential, const int forces)
{
    const int64_t length = WAVES_LENGTH(it->most);
    const v4d count = {0.0, 1.0, 2.0, 3.0}, big = v_set1(FORCE_BIG);
    for (int64_t begin = 0; begin < atoms->n_owned; begin += WAVES_ATOMS) {
        wave_atoms own;
        wave_prepare(atoms, charge, it, begin, &own);
        for (int a = 0; a < own.n; a++) {
            const v4d zero = v_set1(0.0);
            v4d f1 = zero, f2 = zero, f3 = zero, p = zero;
            int64_t wave = 0;
            for (int64_t k = 0; k < it->n_columns; k++) {
                const int32_t *column = it->columns + 4 * k;
                double c, s;
                wave_column(&own, column, a, &c, &s);
                const double *re3 = own.re3 + a * length + it->most[2] + column[2];
                const double *im3 = own.im3 + a * length + it->most[2] + column[2];
                v4d sum = zero, n3 = count + v_set1(column[2]);
                for (int64_t four = 0; four < column[3]; four++, wave += 4) {
                    const v4d e = v_load(re3 + 4 * four), o = v_load(im3 + 4 * four);
                    const v4d x = v_fma(v_set1(c), e, -(v_set1(s) * o)), y = v_fma(v_set1(c), o, v_set1(s) * e);
                    const v4d u = v_load(re + wave), v = v_load(im + wave);
                    p = v_fma(x, u, v_fma(y, v, p));
                    if (!forces)
                        continue;
                    const v4d t = v_fma(y, u, -(x * v));
                    sum += t;
                    f3 = v_fma(n3, t, f3);
                    n3 += v_set1(4.0);
                }
                f1 = v_fma(v_set1(column[0]), sum, f1);
                f2 = v_fma(v_set1(column[1]), sum, f2);
            }
            potential[begin + a] = v_sum(p);
            if (!forces)
                continue;
            const double n1 = v_sum(f1), n2 = v_sum(f2), n3 = v_sum(f3), *b = it->vectors;
            const v4d along = {n1 * b[0] + n2 * b[3] + n3 * b[6], n1 * b[1] + n2 * b[4] + n3 * b[7],
                               n1 * b[2] + n2 * b[5] + n3 * b[8], 0.0};
            double *f = atoms->f + 4 * (begin + a);
            v_store(f, v_load(f) + (v_set1(own.charge[a]) * along + big - big));
        }
    }
}

/* p [n_owned], and where wanted forces on owned atoms, from w(k): re, im [n_waves]. */
static void wave_forces(const md_atoms *atoms, const double *charge, const md_waves *it, const double *re, const double *im,
                        double *potential, int forces)
{
    if (forces)
        wave_pulls(atoms, charge, it, re, im, potential, 1);
    else
        wave_pulls(atoms, charge, it, re, im, potential, 0);
}
