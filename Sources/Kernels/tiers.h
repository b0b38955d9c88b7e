// The tables that dispatch.c chooses from; each is defined by one file.
#pragma once

#include "resa_kernels.h"

extern const resa_kernels resa_kernels_scalar;
#if defined(__x86_64__)
extern const resa_kernels resa_kernels_avx2;
extern const resa_kernels resa_kernels_avx512;
#endif

// The scalar tier's attention, in a file of its own.
void resa_scalar_store_kv(const resa_kv_cache *cache, const resa_attention_row *row, const float *k, const float *v);
void resa_scalar_attend(const resa_attention *call, const resa_attention_task *task, ptrdiff_t kvHead, char *scratch);
void resa_scalar_attend_fold(const resa_attention *call, ptrdiff_t row, ptrdiff_t partial, ptrdiff_t chunks, ptrdiff_t kvHead);

// And its part of latent selection.
float resa_scalar_ordered_dot(ptrdiff_t count, const float *x, const void *row, bool brain);
void resa_scalar_add_row(ptrdiff_t count, float a, const void *row, bool brain, float *y);
uint32_t resa_scalar_latent_mask(
    const float *sums, const float *lines, float norm, float error, float threshold, float *lower, float *upper);

#if defined(__x86_64__)
void resa_frozen_block_avx2(
    const resa_frozen *w, bool across, ptrdiff_t first, ptrdiff_t count, ptrdiff_t rows, const float *x, ptrdiff_t xStride, float *y,
    ptrdiff_t yStride, bool add);
#endif

enum {
    /// Floats between the scores of two queries: not a power of two, so that they do not fall on one another in the caches.
    RESA_ATTENTION_SCORE_STRIDE = RESA_ATTENTION_CHUNK + 16,
};

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

/// Elements of a head as it is stored.
static inline ptrdiff_t resa_kv_width(const resa_kv_cache *cache) {
    return (cache->headDim + RESA_KV_WIDTH_STEP - 1) / RESA_KV_WIDTH_STEP * RESA_KV_WIDTH_STEP;
}

/// Columns of the section of a head's values that begins at column `start`.
static inline ptrdiff_t resa_value_section(ptrdiff_t width, ptrdiff_t start) {
    return width - start >= 64 ? 64 : width - start >= 32 ? 32 : 16;
}

/// Where element `element` of token `slot` lies in a head of values.
static inline ptrdiff_t resa_value_place(const resa_kv_cache *cache, ptrdiff_t slot, ptrdiff_t element) {
    const ptrdiff_t width = resa_kv_width(cache);
    ptrdiff_t start = 0;
    while (element - start >= resa_value_section(width, start)) { start += resa_value_section(width, start); }
    const ptrdiff_t columns = resa_value_section(width, start), column = element - start;
    const ptrdiff_t place = cache->format == RESA_KV_F32 ? slot * columns + column : (slot / 2 * columns + column) * 2 + slot % 2;
    return start * RESA_KV_BLOCK_TOKENS + place;
}

/// The bytes of head `kvHead` in block `block` of keys (or of values).
static inline char *resa_kv_head(const resa_kv_cache *cache, void *base, ptrdiff_t block, ptrdiff_t kvHead) {
    return (char *)base + (block * cache->kvHeads + kvHead) * resa_kv_head_bytes(cache->headDim, cache->format);
}

/// The scales of an int8 head, after its elements.
static inline float *resa_kv_scales(const resa_kv_cache *cache, char *head) {
    return (float *)(head + resa_kv_width(cache) * RESA_KV_BLOCK_TOKENS);
}

/// Keys of chunk `chunk` that a row sees; none when it is not positive.
static inline ptrdiff_t resa_chunk_keys(const resa_attention_row *row, ptrdiff_t chunk) {
    const ptrdiff_t left = row->position + 1 - chunk * RESA_ATTENTION_CHUNK;
    return left < RESA_ATTENTION_CHUNK ? left : RESA_ATTENTION_CHUNK;
}
