// What attention shares between tiers: writing the cache and grouping rows that can share its blocks.
#include "tiers.h"

void resa_kv_store(const resa_kv_cache *cache, const resa_attention_row *row, const float *k, const float *v) {
    const ptrdiff_t dim = cache->headDim, slot = row->position % RESA_KV_BLOCK_TOKENS;
    const ptrdiff_t block = row->blockTable[row->position / RESA_KV_BLOCK_TOKENS];
    const ptrdiff_t base = block * resa_kv_block_elements(cache);
    for (ptrdiff_t head = 0; head < cache->kvHeads; head++) {
        const ptrdiff_t headBase = base + head * dim * RESA_KV_BLOCK_TOKENS;
        const ptrdiff_t key = headBase + slot, value = headBase + slot * dim;
        for (ptrdiff_t d = 0; d < dim; d++) {
            const ptrdiff_t to = key + d * RESA_KV_BLOCK_TOKENS;
            if (cache->bf16) {
                ((uint16_t *)cache->keys)[to] = resa_round(k[head * dim + d]);
                ((uint16_t *)cache->values)[value + d] = resa_round(v[head * dim + d]);
            } else {
                ((float *)cache->keys)[to] = k[head * dim + d];
                ((float *)cache->values)[value + d] = v[head * dim + d];
            }
        }
    }
}

/// A row leads a group when the row before it has another block table, or at fixed places in a long run.
static inline bool leads(const resa_attention *call, ptrdiff_t row) {
    return row % RESA_ATTENTION_ROWS == 0 || call->rows[row].blockTable != call->rows[row - 1].blockTable;
}

void resa_attention_task(const resa_kernels *kernels, const resa_attention *call, ptrdiff_t count, ptrdiff_t task) {
    // Later rows of a prompt have more keys: taking them first keeps the threads busy to the end.
    const ptrdiff_t row = count - 1 - task / call->cache.kvHeads, kvHead = task % call->cache.kvHeads;
    if (!leads(call, row)) { return; }
    ptrdiff_t end = row + 1;
    while (end < count && !leads(call, end)) { end += 1; }
    kernels->attend(call, row, end - row, kvHead);
}
