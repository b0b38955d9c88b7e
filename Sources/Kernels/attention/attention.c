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

/// Rows that share a block table, at most as many as fill a tile, and the chunks that they see between them.
typedef struct {
    ptrdiff_t rows, firstChunk, endChunk;
} row_group;

/// The group that begins at `row`.
static row_group group(const resa_attention *call, ptrdiff_t row, ptrdiff_t count) {
    const ptrdiff_t perKey = call->heads / call->cache.kvHeads;
    const ptrdiff_t most = perKey < RESA_ATTENTION_QUERIES ? RESA_ATTENTION_QUERIES / perKey : 1;
    row_group found = {0};
    while (found.rows < most && row + found.rows < count && call->rows[row + found.rows].blockTable == call->rows[row].blockTable) {
        const resa_attention_row *const next = &call->rows[row + found.rows];
        const ptrdiff_t first = resa_first_chunk(call, next), end = first + resa_chunks(call, next);
        if (found.rows == 0 || first < found.firstChunk) { found.firstChunk = first; }
        if (end > found.endChunk) { found.endChunk = end; }
        found.rows += 1;
    }
    return found;
}

ptrdiff_t resa_attention_plan(
    const resa_attention *call, ptrdiff_t count, ptrdiff_t threads, resa_attention_task *tasks, ptrdiff_t *rowPartials,
    ptrdiff_t *partials) {
    ptrdiff_t groups = 0, taskCount = 0;
    for (ptrdiff_t row = 0; row < count; groups++) { row += group(call, row, count).rows; }
    // Many rows of a prompt keep all threads busy by themselves, and their partials would be large.
    const bool few = groups * call->cache.kvHeads < 4 * threads;
    *partials = 0;
    for (ptrdiff_t row = 0; row < count;) {
        const row_group here = group(call, row, count);
        const bool split = here.endChunk - here.firstChunk > 1 && (few || here.rows == 1);
        for (ptrdiff_t chunk = here.firstChunk; chunk < (split ? here.endChunk : here.firstChunk + 1); chunk++) {
            if (tasks != NULL) {
                tasks[taskCount] = (resa_attention_task){
                    .firstRow = (int32_t)row,
                    .rows = (int32_t)here.rows,
                    .firstChunk = (int32_t)chunk,
                    .endChunk = (int32_t)(split ? chunk + 1 : here.endChunk),
                    .partial = split ? *partials : -1,
                };
            }
            taskCount += 1;
        }
        for (ptrdiff_t r = row; r < row + here.rows; r++) {
            if (rowPartials != NULL) { rowPartials[r] = split ? *partials : -1; }
            // Rows keep their partials together: [row][chunk it sees][head], one chunk after another.
            if (split) { *partials += resa_chunks(call, &call->rows[r]) * call->heads; }
        }
        row += here.rows;
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
    if (partial >= 0) { kernels->attend_fold(call, row, partial, resa_chunks(call, &call->rows[row]), kvHead); }
}
