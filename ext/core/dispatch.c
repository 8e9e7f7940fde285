/* Which CPU is this, and which table of kernels runs best on it?
 *
 * Compiled once for each family of kernels: MD_FAMILY is md (kernels.h), hd (hdnnp.h) or dn (density.h). */
#include <stddef.h>
#include <string.h>

#include "density/density.h"
#include "kernels.h"
#include "networks/hdnnp.h"

#define JOIN_(a, b) a##b
#define JOIN(a, b) JOIN_(a, b)
#define NAMED(what) JOIN(MD_FAMILY, what)
#define TABLE NAMED(_kernels)

extern const TABLE NAMED(_kernels_baseline);
#if defined(MD_X86_LEVELS)
extern const TABLE NAMED(_kernels_avx2), NAMED(_kernels_avx512);

static int has_avx2(void) { return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"); }

static int has_avx512(void)
{
    return has_avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
           __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512cd");
}
#endif

const TABLE *NAMED(_select)(const char *wanted)
{
#if defined(MD_X86_LEVELS)
    __builtin_cpu_init();
    if (has_avx512() && (!wanted || !strcmp(wanted, "avx512")))
        return &NAMED(_kernels_avx512);
    if (has_avx2() && (!wanted || !strcmp(wanted, "avx2")))
        return &NAMED(_kernels_avx2);
#endif
    return !wanted || !strcmp(wanted, "baseline") ? &NAMED(_kernels_baseline) : NULL;
}

const char *const *NAMED(_levels)(void)
{
    static const char *const all[] = {"avx512", "avx2", "baseline", NULL};
#if defined(MD_X86_LEVELS)
    __builtin_cpu_init();
    return all + (has_avx512() ? 0 : has_avx2() ? 1 : 2);
#else
    return all + 2;
#endif
}
