#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tiers.h"

static bool cpu_has(resa_tier tier) {
    switch (tier) {
        case RESA_TIER_SCALAR: return true;
#if defined(__x86_64__)
        case RESA_TIER_AVX2:
            return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("f16c");
        case RESA_TIER_AVX512:
            return cpu_has(RESA_TIER_AVX2) && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw")
                && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512vnni")
                && __builtin_cpu_supports("avx512bf16");
#endif
        default: return false;
    }
}

const resa_kernels *resa_kernels_for(resa_tier tier) {
    if (!cpu_has(tier)) { return NULL; }
    switch (tier) {
#if defined(__x86_64__)
        case RESA_TIER_AVX2: return &resa_kernels_avx2;
        case RESA_TIER_AVX512: return &resa_kernels_avx512;
#endif
        default: return &resa_kernels_scalar;
    }
}

static const resa_kernels *best(void) {
    for (int tier = RESA_TIER_AVX512; tier > RESA_TIER_SCALAR; tier--) {
        const resa_kernels *const kernels = resa_kernels_for((resa_tier)tier);
        if (kernels != NULL) { return kernels; }
    }
    return &resa_kernels_scalar;
}

static pthread_once_t once = PTHREAD_ONCE_INIT;
static const resa_kernels *current;

static void choose(void) {
    current = best();
    const char *const wanted = getenv("RESA_ISA");
    if (wanted == NULL || wanted[0] == 0) { return; }
    for (int tier = RESA_TIER_SCALAR; tier <= RESA_TIER_AVX512; tier++) {
        const resa_kernels *const kernels = resa_kernels_for((resa_tier)tier);
        if (kernels != NULL && strcmp(kernels->name, wanted) == 0) {
            current = kernels;
            return;
        }
    }
    fprintf(
        stderr, "RESA_ISA=%s is not a tier of this CPU (tiers: scalar, avx2, avx512); using %s\n", wanted, current->name);
}

const resa_kernels *resa_kernels_current(void) {
    pthread_once(&once, choose);
    return current;
}
