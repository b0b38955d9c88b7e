// Which tiers the CPU has.
#include "tiers/tiers.h"

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
