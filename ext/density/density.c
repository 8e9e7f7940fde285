/* Density networks for one CPU level: compiled once a level with MD_LEVEL set. What is done for neighbours and channels is compiled
 * twice a level (channels.c). */
#include <math.h>
#include <string.h>

#define MD_BITS 64 /* hidden nodes are computed in doubles, as many as registers hold (core/lanes.h) */
#include "core/heap.h"
#include "core/vfun.h"
#include "density/density.h"

#include "networks/environment.c"

#include "density/scratch.c"
#include "density/readout.c"
#include "density/maps.c"
#include "density/passes.c"
#include "density/graph.c"

extern const dn_channels DN_TABLE_OF(64), DN_TABLE_OF(32);

#define TEXT_(a) #a
#define TEXT(a) TEXT_(a)
#define JOIN_(a, b) a##b
#define JOIN(a, b) JOIN_(a, b)

const dn_kernels JOIN(dn_kernels_, MD_LEVEL) = {
    .name = TEXT(MD_LEVEL),
    .precision = {&DN_TABLE_OF(64), &DN_TABLE_OF(32)},
    .scratch = scratch_of,
    .pass = pass,
    .evaluate = evaluate,
    .gradient = gradient,
    .densities = densities_of,
#if defined(_OPENMP)
    .openmp = 1,
#endif
};
