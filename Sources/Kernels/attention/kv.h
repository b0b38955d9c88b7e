// Where the numbers of a KV cache lie, and what of a chunk a row sees.
#pragma once

#include "resa_kernels.h"

enum {
    /// Floats between the scores of two queries: not a power of two, so that they do not fall on one another in the caches.
    RESA_ATTENTION_SCORE_STRIDE = RESA_ATTENTION_CHUNK + 16,
};

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

/// The first position that a row sees.
static inline ptrdiff_t resa_first_position(const resa_attention *call, const resa_attention_row *row) {
    return call->window > 0 && row->position >= call->window ? row->position - call->window + 1 : 0;
}

/// The first chunk that a row sees something of, and how many there are.
static inline ptrdiff_t resa_first_chunk(const resa_attention *call, const resa_attention_row *row) {
    return resa_first_position(call, row) / RESA_ATTENTION_CHUNK;
}
static inline ptrdiff_t resa_chunks(const resa_attention *call, const resa_attention_row *row) {
    return row->position / RESA_ATTENTION_CHUNK + 1 - resa_first_chunk(call, row);
}

/// Keys start..<end of a chunk; none when start is not below end.
typedef struct {
    ptrdiff_t start, end;
} resa_keys;

/// What a row sees of chunk `chunk`.
static inline resa_keys resa_chunk_keys(const resa_attention *call, const resa_attention_row *row, ptrdiff_t chunk) {
    const ptrdiff_t first = resa_first_position(call, row) - chunk * RESA_ATTENTION_CHUNK;
    const ptrdiff_t left = row->position + 1 - chunk * RESA_ATTENTION_CHUNK;
    return (resa_keys){first > 0 ? first : 0, left < RESA_ATTENTION_CHUNK ? left : RESA_ATTENTION_CHUNK};
}
