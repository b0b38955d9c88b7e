// The tables that dispatch.c chooses from; each is defined by one file.
#pragma once

#include "resa_kernels.h"

extern const resa_kernels resa_kernels_scalar;
#if defined(__x86_64__)
extern const resa_kernels resa_kernels_avx2;
extern const resa_kernels resa_kernels_avx512;
#endif

static inline float resa_widen(uint16_t value) {
    union {
        uint32_t bits;
        float value;
    } u = {.bits = (uint32_t)value << 16};
    return u.value;
}

/// Nearest even; a NaN stays a (quiet) NaN.
static inline uint16_t resa_round(float value) {
    union {
        float value;
        uint32_t bits;
    } u = {.value = value};
    const uint32_t rounded = (u.bits + 0x7fff + (u.bits >> 16 & 1)) >> 16;
    const uint32_t quiet = u.bits >> 16 | 0x40;
    return (uint16_t)((u.bits & 0x7fffffff) > 0x7f800000 ? quiet : rounded);
}

/// Elements of one block of keys (or of values).
static inline ptrdiff_t resa_kv_block_elements(const resa_kv_cache *cache) {
    return cache->kvHeads * cache->headDim * RESA_KV_BLOCK_TOKENS;
}
