/* The pair potentials: formula; columns of its table, how many of them the force wants, and with PAIR_LINEAR; traits of it
 * (loop.h). A new one is a line here and its formula in a file of this folder. */
#ifndef PAIR_LIST_H
#define PAIR_LIST_H
#include "pair/loop.h"
#include "pair/buckingham.h"
#include "pair/coulomb.h"
#include "pair/damped.h"
#include "pair/lj.h"
#include "pair/lj_images.h"
#include "pair/morse.h"
#include "pair/soft_core.h"
#include "pair/tabulated.h"
#include "pair/zbl.h"

#define PAIR_LIST(PAIR)                                                                                                \
    PAIR(buckingham, 8, 4, 8, 0)                                                                                       \
    PAIR(charges, 8, 4, 8, PAIR_SCALED)                                                                                \
    PAIR(coulomb, 8, 4, 8, 0)                                                                                          \
    PAIR(damped, 8, 8, 8, PAIR_SPARSE)                                                                                 \
    PAIR(damped_charges, 8, 8, 8, PAIR_SPARSE | PAIR_SCALED)                                                           \
    PAIR(gaussian_charges, 8, 8, 8, PAIR_SCALED)                                                                       \
    PAIR(gaussians, 8, 8, 8, 0)                                                                                        \
    PAIR(lj, 8, 4, 4, 0)                                                                                               \
    PAIR(lj_images, 8, 8, 8, 0)                                                                                        \
    PAIR(morse, 8, 4, 8, 0)                                                                                            \
    PAIR(soft_core, 8, 4, 8, 0)                                                                                        \
    PAIR(tabulated, 4, 4, 4, 0)                                                                                        \
    PAIR(zbl, 16, 16, 16, PAIR_SPARSE)

#endif
