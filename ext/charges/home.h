/* Which of its images does an atom count as?
 *
 * Images of an atom are the same to waves and points, but not to the last bit of what is computed with them; and when
 * an atom that has left the cell is taken back into it depends on when lists are made. */
#ifndef MD_HOME_H
#define MD_HOME_H

#include <stdint.h>

#include "core/simd.h"

#define HOME_EDGE 0.38 /* where the cell begins, in fractions below the origin: crystals have no atoms there */

/* home: the image of x in the cell that begins there, exactly, since positions and vectors are on one grid.
 * fractions: of x; cell: rows are its vectors; turns: how many of them were taken off */
MD_INLINE void charge_home(const double *x, const double *fractions, const double *cell, double *home, double *turns)
{
    for (int k = 0; k < 3; k++)
        turns[k] = __builtin_floor(fractions[k] + HOME_EDGE);
    for (int d = 0; d < 3; d++)
        home[d] = x[d] - (turns[0] * cell[d] + turns[1] * cell[3 + d] + turns[2] * cell[6 + d]);
}

#endif
