/* Sums over charges in reciprocal space (waves.c). */
#ifndef MD_WAVES_H
#define MD_WAVES_H

#include <stdint.h>

/* Wave vectors k = n1 b1 + n2 b2 + n3 b3 of half of space, in columns of equal n1 and n2: n3 = first ... first + 4 fours - 1,
 * one wave after the other. What a column has too many, up to a multiple of four, weighs nothing. */
typedef struct md_waves {
    double vectors[9];      /* rows b1, b2, b3, times 2 pi */
    double cell[9];         /* rows are its vectors */
    int64_t most[3];        /* largest |n1|, |n2|, |n3| */
    int64_t n_columns, n_waves;
    const int32_t *columns; /* [n_columns][4] n1 >= 0, n2, first n3, fours */
    double *room;           /* [WAVES_ROOM(most)] */
} md_waves;

enum { WAVES_ATOMS = 16 }; /* that many at a time */
/* rows of a table of powers, and of all a kernel needs */
#define WAVES_LENGTH(most) (2 * (most)[2] + 5)
#define WAVES_ROOM(most) (2 * WAVES_ATOMS * ((most)[0] + (most)[1] + 4 + WAVES_LENGTH(most)))

#define WAVES_TURNS 0x1.45f306dc9c883p-3 /* 1 / 2 pi */
#define WAVES_BIG 0x1.8p12 /* 1.5 * 2^52 * 2^-WAVES_BITS */
enum { WAVES_BITS = 40 };  /* structure factors: multiples of 2^-40 */

#endif
