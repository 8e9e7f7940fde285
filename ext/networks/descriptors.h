/* The kinds of descriptors. Each is a file of its name, compiled for double and for float (setup.py reads this list), whose
 * table of functions is HD_TABLE(name). */
#ifndef MD_DESCRIPTORS_H
#define MD_DESCRIPTORS_H

#include "networks/hdnnp.h"

#define HD_DESCRIPTORS \
    DESCRIPTOR(symmetry) \
    DESCRIPTOR(chebyshev)

#define HD_JOIN_(a, b, c, d) a##_##b##_##c##_##d
#define HD_JOIN(a, b, c, d) HD_JOIN_(a, b, c, d)
#define HD_TABLE_OF(name, bits) HD_JOIN(hd, name, bits, MD_LEVEL)
#define HD_TABLE(name) HD_TABLE_OF(name, MD_BITS)

#define DESCRIPTOR(name) extern const hd_descriptors HD_TABLE_OF(name, 64), HD_TABLE_OF(name, 32);
HD_DESCRIPTORS
#undef DESCRIPTOR

#endif
