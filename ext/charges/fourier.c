/* One-dimensional Fourier transforms, four lines at a time: one in each lane, so a line has the same bits wherever it stands.
 *
 * X_k = sum_j x_j exp(-2 pi i j k / n), n = 2^a 3^b 5^c, by the autosort algorithm of Stockham (C. Van Loan, Computational
 * Frameworks for the Fast Fourier Transform, SIAM 1992, section 1.7). That of the other sign is the same with real and imaginary
 * parts exchanged, on the way in and out. */
#include "core/simd.h"

typedef struct fourier_four {
    v4d re, im;
} fourier_four;

MD_INLINE fourier_four f_add(fourier_four a, fourier_four b) { return (fourier_four){a.re + b.re, a.im + b.im}; }
MD_INLINE fourier_four f_less(fourier_four a, fourier_four b) { return (fourier_four){a.re - b.re, a.im - b.im}; }
MD_INLINE fourier_four f_turned(fourier_four a) { return (fourier_four){a.im, -a.re}; } /* times -i */

/* a (c + i s) */
MD_INLINE fourier_four f_times(fourier_four a, v4d c, v4d s)
{
    return (fourier_four){v_fma(a.re, c, -(a.im * s)), v_fma(a.re, s, a.im * c)};
}

/* a + c b */
MD_INLINE fourier_four f_plus(fourier_four a, double c, fourier_four b)
{
    return (fourier_four){v_fma(v_set1(c), b.re, a.re), v_fma(v_set1(c), b.im, a.im)};
}

MD_INLINE fourier_four f_scaled(double c, fourier_four a) { return (fourier_four){v_set1(c) * a.re, v_set1(c) * a.im}; }

/* The transform of 2 to 5 numbers, in place. */
MD_INLINE void f_few(fourier_four *a, const int radix)
{
    if (radix == 2) {
        const fourier_four b = a[1];
        a[1] = f_less(a[0], b), a[0] = f_add(a[0], b);
    } else if (radix == 3) {
        const double half_root = 0.86602540378443864676; /* sin(2 pi / 3) */
        const fourier_four sum = f_add(a[1], a[2]), turned = f_scaled(half_root, f_turned(f_less(a[1], a[2])));
        const fourier_four middle = f_plus(a[0], -0.5, sum);
        a[0] = f_add(a[0], sum), a[1] = f_add(middle, turned), a[2] = f_less(middle, turned);
    } else if (radix == 4) {
        const fourier_four b = f_add(a[0], a[2]), c = f_less(a[0], a[2]), d = f_add(a[1], a[3]);
        const fourier_four e = f_turned(f_less(a[1], a[3]));
        a[0] = f_add(b, d), a[2] = f_less(b, d), a[1] = f_add(c, e), a[3] = f_less(c, e);
    } else {
        const double c1 = 0.30901699437494742410, c2 = -0.80901699437494742410; /* cos(2 pi / 5), cos(4 pi / 5) */
        const double s1 = 0.95105651629515357212, s2 = 0.58778525229247312917;  /* sines */
        const fourier_four b = f_add(a[1], a[4]), c = f_add(a[2], a[3]);
        const fourier_four d = f_turned(f_less(a[1], a[4])), e = f_turned(f_less(a[2], a[3]));
        const fourier_four m1 = f_plus(f_plus(a[0], c1, b), c2, c), m2 = f_plus(f_plus(a[0], c2, b), c1, c);
        const fourier_four t1 = f_plus(f_scaled(s1, d), s2, e), t2 = f_plus(f_scaled(s2, d), -s1, e);
        a[0] = f_add(a[0], f_add(b, c));
        a[1] = f_add(m1, t1), a[4] = f_less(m1, t1), a[2] = f_add(m2, t2), a[3] = f_less(m2, t2);
    }
}

/* One pass: n / length transforms of `length`, interleaved, become shorter ones. */
MD_INLINE void f_pass(const fourier_four *x, fourier_four *y, int64_t length, int64_t stride, const double *turns,
                      const int radix)
{
    const int64_t part = length / radix;
    for (int64_t p = 0; p < part; p++) {
        v4d c[5], s[5];
        for (int k = 1; k < radix; k++)
            c[k] = v_set1(turns[2 * (p * k * stride)]), s[k] = v_set1(turns[2 * (p * k * stride) + 1]);
        for (int64_t q = 0; q < stride; q++) {
            fourier_four a[5];
            for (int j = 0; j < radix; j++)
                a[j] = x[q + stride * (p + part * j)];
            f_few(a, radix);
            fourier_four *to = y + q + stride * radix * p;
            to[0] = a[0];
            for (int k = 1; k < radix; k++)
                to[stride * k] = f_times(a[k], c[k], s[k]);
        }
    }
}

/* The transform of x [n]; y [n] is room for it, and one of both is the result. turns : cos and sin of -2 pi k / n, k < n */
static fourier_four *fourier(fourier_four *x, fourier_four *y, int64_t n, const double *turns)
{
    for (int64_t length = n, stride = 1; length > 1;) {
        const int radix = length % 4 == 0 ? 4 : length % 2 == 0 ? 2 : length % 3 == 0 ? 3 : 5;
        switch (radix) {
            case 2: f_pass(x, y, length, stride, turns, 2); break;
            case 3: f_pass(x, y, length, stride, turns, 3); break;
            case 4: f_pass(x, y, length, stride, turns, 4); break;
            default: f_pass(x, y, length, stride, turns, 5);
        }
        fourier_four *other = x;
        x = y, y = other;
        length /= radix, stride *= radix;
    }
    return x;
}
