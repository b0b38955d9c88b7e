// What attention shares between tiers: sizes, and sharing rows and chunks out into tasks.
#include "attention/kv.h"
#include "machine/slots.h"

ptrdiff_t resa_kv_head_bytes(ptrdiff_t headDim, resa_kv_format format) {
    const ptrdiff_t elements = (headDim + RESA_KV_WIDTH_STEP - 1) / RESA_KV_WIDTH_STEP * RESA_KV_WIDTH_STEP * RESA_KV_BLOCK_TOKENS;
    switch (format) {
        case RESA_KV_F32: return elements * 4;
        case RESA_KV_BF16: return elements * 2;
        default: return elements + RESA_KV_BLOCK_TOKENS * (ptrdiff_t)sizeof(float);
    }
}

ptrdiff_t resa_attention_partial_count(const resa_kv_cache *cache) { return resa_kv_width(cache) + RESA_KV_WIDTH_STEP; }

ptrdiff_t resa_attention_scratch_bytes(const resa_kv_cache *cache) {
    const ptrdiff_t perQuery = 3 * resa_kv_width(cache) + RESA_ATTENTION_SCORE_STRIDE + 8;
    return RESA_ATTENTION_QUERIES * perQuery * (ptrdiff_t)sizeof(float);
}

static inline ptrdiff_t chunks_of(const resa_attention_row *row) { return row->position / RESA_ATTENTION_CHUNK + 1; }

/// Rows from `row` on that share its block table, at most as many as fill a tile; `chunks` is the largest number of chunks of any.
static ptrdiff_t group(const resa_attention *call, ptrdiff_t row, ptrdiff_t count, ptrdiff_t *chunks) {
    const ptrdiff_t perKey = call->heads / call->cache.kvHeads;
    const ptrdiff_t most = perKey < RESA_ATTENTION_QUERIES ? RESA_ATTENTION_QUERIES / perKey : 1;
    ptrdiff_t rows = 0;
    *chunks = 0;
    while (rows < most && row + rows < count && call->rows[row + rows].blockTable == call->rows[row].blockTable) {
        const ptrdiff_t here = chunks_of(&call->rows[row + rows]);
        *chunks = here > *chunks ? here : *chunks;
        rows += 1;
    }
    return rows;
}

ptrdiff_t resa_attention_plan(
    const resa_attention *call, ptrdiff_t count, ptrdiff_t threads, resa_attention_task *tasks, ptrdiff_t *rowPartials,
    ptrdiff_t *partials) {
    ptrdiff_t groups = 0, taskCount = 0, chunks = 0;
    for (ptrdiff_t row = 0; row < count; groups++) { row += group(call, row, count, &chunks); }
    // Many rows of a prompt keep all threads busy by themselves, and their partials would be large.
    const bool few = groups * call->cache.kvHeads < 4 * threads;
    *partials = 0;
    for (ptrdiff_t row = 0; row < count;) {
        const ptrdiff_t rows = group(call, row, count, &chunks);
        const bool split = chunks > 1 && (few || rows == 1);
        for (ptrdiff_t part = 0; part < (split ? chunks : 1); part++) {
            if (tasks != NULL) {
                tasks[taskCount] = (resa_attention_task){
                    .firstRow = (int32_t)row,
                    .rows = (int32_t)rows,
                    .firstChunk = (int32_t)part,
                    .endChunk = (int32_t)(split ? part + 1 : chunks),
                    .partial = split ? *partials : -1,
                };
            }
            taskCount += 1;
        }
        for (ptrdiff_t r = row; r < row + rows; r++) {
            if (rowPartials != NULL) { rowPartials[r] = split ? *partials : -1; }
            // Rows keep their partials together: [row][chunk][head], one chunk after another.
            if (split) { *partials += chunks_of(&call->rows[r]) * call->heads; }
        }
        row += rows;
    }
    return taskCount;
}

void resa_attention_run(const resa_kernels *kernels, const resa_attention *call, const resa_attention_task *task, ptrdiff_t kvHead) {
    const ptrdiff_t slot = take_slot(call->slotTaken, call->slots);
    kernels->attend(call, task, kvHead, call->scratch + slot * resa_attention_scratch_bytes(&call->cache));
    leave_slot(call->slotTaken, slot);
}

void resa_attention_fold(
    const resa_kernels *kernels, const resa_attention *call, ptrdiff_t row, ptrdiff_t partial, ptrdiff_t kvHead) {
    if (partial >= 0) { kernels->attend_fold(call, row, partial, chunks_of(&call->rows[row]), kvHead); }
}
