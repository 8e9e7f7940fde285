/* Which CPU is this, and which table of kernels runs best on it? */
#include <stddef.h>
#include <string.h>

#include "kernels.h"

extern const md_kernels md_kernels_baseline;
#if defined(MD_X86_LEVELS)
extern const md_kernels md_kernels_avx2, md_kernels_avx512;

static int has_avx2(void) { return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"); }

static int has_avx512(void)
{
    return has_avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
           __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512cd");
}
#endif

const md_kernels *md_select(const char *wanted)
{
#if defined(MD_X86_LEVELS)
    __builtin_cpu_init();
    if (has_avx512() && (!wanted || !strcmp(wanted, "avx512")))
        return &md_kernels_avx512;
    if (has_avx2() && (!wanted || !strcmp(wanted, "avx2")))
        return &md_kernels_avx2;
#endif
    return !wanted || !strcmp(wanted, "baseline") ? &md_kernels_baseline : NULL;
}

const char *const *md_levels(void)
{
    static const char *const all[] = {"avx512", "avx2", "baseline", NULL};
#if defined(MD_X86_LEVELS)
    __builtin_cpu_init();
    return all + (has_avx512() ? 0 : has_avx2() ? 1 : 2);
#else
    return all + 2;
#endif
}
