// Attention in the vector vocabulary of the file that includes this one. One block of 32 keys at a time: scores, an online softmax,
// and the weighted values, for a few query heads that share the block. What a head gets never depends on the heads beside it.
//
// The including file defines SCORE_HEADS and VALUE_HEADS: how many heads fit the registers in the two products.

enum {
    KEYS = RESA_KV_BLOCK_TOKENS,
    KEY_VECTORS = KEYS / LANES,
    /// Query heads taken together; more share of a key/value head go in several passes.
    MAX_HEADS = 8,
    /// Their running values, filled up to whole vectors.
    HEAD_SLOTS = 16,
    /// Columns of values in one pass.
    VALUE_VECTORS = LANES == 16 ? 4 : 2,
};

/// Running softmax of some heads of one row.
typedef struct {
    _Alignas(64) float largest[HEAD_SLOTS];
    _Alignas(64) float total[HEAD_SLOTS];
} running_softmax;

static inline __attribute__((always_inline)) vf load_element(const void *base, bool bf16, ptrdiff_t index) {
    return bf16 ? v_load_bf16((const uint16_t *)base + index) : v_load((const float *)base + index);
}

static inline __attribute__((always_inline)) vf load_element_part(vmask mask, const void *base, bool bf16, ptrdiff_t index) {
    return bf16 ? v_load_bf16_part(mask, (const uint16_t *)base + index) : v_load_part(mask, (const float *)base + index);
}

/// scores[heads][32] = queries . keys * scale, one chain over the head's width per score.
static inline __attribute__((always_inline)) void scores_of(
    const int heads, const bool bf16, ptrdiff_t dim, const float *queries, const void *keys, ptrdiff_t key, float scale, float *scores) {
    vf sums[MAX_HEADS][KEY_VECTORS];
#pragma clang loop unroll(full)
    for (int h = 0; h < heads; h++) {
#pragma clang loop unroll(full)
        for (int v = 0; v < KEY_VECTORS; v++) { sums[h][v] = v_set(0); }
    }
    for (ptrdiff_t d = 0; d < dim; d++) {
        vf k[KEY_VECTORS];
#pragma clang loop unroll(full)
        for (int v = 0; v < KEY_VECTORS; v++) { k[v] = load_element(keys, bf16, key + d * KEYS + v * LANES); }
#pragma clang loop unroll(full)
        for (int h = 0; h < heads; h++) {
            const vf q = v_set(queries[h * dim + d]);
#pragma clang loop unroll(full)
            for (int v = 0; v < KEY_VECTORS; v++) { sums[h][v] = v_fma(q, k[v], sums[h][v]); }
        }
    }
#pragma clang loop unroll(full)
    for (int h = 0; h < heads; h++) {
#pragma clang loop unroll(full)
        for (int v = 0; v < KEY_VECTORS; v++) { v_store(scores + h * KEYS + v * LANES, v_mul(sums[h][v], v_set(scale))); }
    }
}

/// out[heads][columns] = out * corrections + sum over keys of weights * values, for `vectors` vectors of columns from `column` on.
static inline __attribute__((always_inline)) void add_values(
    const int heads, const int vectors, const bool bf16, vmask mask, ptrdiff_t dim, ptrdiff_t count, const float *weights,
    const float *corrections, const void *values, ptrdiff_t value, float *out) {
    vf sums[VALUE_HEADS][VALUE_VECTORS];
#pragma clang loop unroll(full)
    for (int h = 0; h < heads; h++) {
#pragma clang loop unroll(full)
        for (int v = 0; v < vectors; v++) {
            const float *const p = out + h * dim + v * LANES;
            sums[h][v] = v_mul(vectors == 1 ? v_load_part(mask, p) : v_load(p), v_set(corrections[h]));
        }
    }
    for (ptrdiff_t j = 0; j < count; j++) {
        vf row[VALUE_VECTORS];
#pragma clang loop unroll(full)
        for (int v = 0; v < vectors; v++) {
            const ptrdiff_t index = value + j * dim + v * LANES;
            row[v] = vectors == 1 ? load_element_part(mask, values, bf16, index) : load_element(values, bf16, index);
        }
#pragma clang loop unroll(full)
        for (int h = 0; h < heads; h++) {
            const vf w = v_set(weights[h * KEYS + j]);
#pragma clang loop unroll(full)
            for (int v = 0; v < vectors; v++) { sums[h][v] = v_fma(w, row[v], sums[h][v]); }
        }
    }
#pragma clang loop unroll(full)
    for (int h = 0; h < heads; h++) {
#pragma clang loop unroll(full)
        for (int v = 0; v < vectors; v++) {
            float *const p = out + h * dim + v * LANES;
            if (vectors == 1) {
                v_store_part(mask, p, sums[h][v]);
            } else {
                v_store(p, sums[h][v]);
            }
        }
    }
}

// The number of heads must be a constant for the sums to live in registers: one instance for each.
#define FOR_HEADS(n, call) \
    case n: { \
        enum { H = n }; \
        if (bf16) { \
            call(true); \
        } else { \
            call(false); \
        } \
        break; \
    }

static void score_pass(
    int heads, bool bf16, ptrdiff_t dim, const float *queries, const void *keys, ptrdiff_t key, float scale, float *scores) {
#define CALL(isBF16) scores_of(H, isBF16, dim, queries, keys, key, scale, scores)
    switch (heads) {
        FOR_HEADS(1, CALL)
        FOR_HEADS(2, CALL)
#if SCORE_HEADS > 2
        FOR_HEADS(3, CALL)
        FOR_HEADS(4, CALL)
        FOR_HEADS(5, CALL)
        FOR_HEADS(6, CALL)
        FOR_HEADS(7, CALL)
        FOR_HEADS(8, CALL)
#endif
        default: break;
    }
#undef CALL
}

static void value_pass(
    int heads, bool bf16, ptrdiff_t dim, ptrdiff_t count, const float *weights, const float *corrections, const void *values,
    ptrdiff_t value, float *out) {
#define CALL(isBF16) \
    ptrdiff_t column = 0; \
    for (; column + VALUE_VECTORS * LANES <= dim; column += VALUE_VECTORS * LANES) { \
        add_values( \
            H, VALUE_VECTORS, isBF16, v_first(LANES), dim, count, weights, corrections, values, value + column, out + column); \
    } \
    for (; column < dim; column += LANES) { \
        add_values(H, 1, isBF16, v_first(dim - column), dim, count, weights, corrections, values, value + column, out + column); \
    }
    switch (heads) {
        FOR_HEADS(1, CALL)
        FOR_HEADS(2, CALL)
        FOR_HEADS(3, CALL)
        FOR_HEADS(4, CALL)
#if VALUE_HEADS > 4
        FOR_HEADS(5, CALL)
        FOR_HEADS(6, CALL)
#endif
        default: break;
    }
#undef CALL
}
#undef FOR_HEADS

/// Takes one block of `count` valid keys (1...32) into the running softmax of `heads` heads.
static void attend_block(
    const resa_attention *call, ptrdiff_t base, ptrdiff_t count, int heads, const float *queries, running_softmax *running, float *out) {
    const resa_kv_cache *const cache = &call->cache;
    const ptrdiff_t dim = cache->headDim;
    _Alignas(64) float weights[MAX_HEADS * KEYS];
    _Alignas(64) float corrections[HEAD_SLOTS] = {0}, totals[HEAD_SLOTS] = {0};
    // The whole block of keys is read, also slots that hold no token yet; their scores are replaced before anything uses them.
    for (int h = 0; h < heads; h += SCORE_HEADS) {
        const int some = heads - h < SCORE_HEADS ? heads - h : SCORE_HEADS;
        score_pass(some, cache->bf16, dim, queries + h * dim, cache->keys, base, call->scale, weights + h * KEYS);
    }
    for (int h = 0; h < heads; h++) {
        vf scores[KEY_VECTORS], largest = v_set(running->largest[h]), total = v_set(0);
#pragma clang loop unroll(full)
        for (int v = 0; v < KEY_VECTORS; v++) {
            const ptrdiff_t valid = count > v * LANES ? count - v * LANES : 0;
            scores[v] = v_select(v_first(valid), v_load(weights + h * KEYS + v * LANES), v_set(-INFINITY));
            largest = v_max(scores[v], largest);
        }
        const float newLargest = v_largest(largest);
#pragma clang loop unroll(full)
        for (int v = 0; v < KEY_VECTORS; v++) {
            const vf weight = v_exp(v_sub(scores[v], v_set(newLargest)));
            v_store(weights + h * KEYS + v * LANES, weight);
            total = v_add(total, weight);
        }
        totals[h] = v_sum(total);
        corrections[h] = running->largest[h] - newLargest;
        running->largest[h] = newLargest;
    }
    for (int h = 0; h < HEAD_SLOTS; h += LANES) {
        const vf correction = v_exp(v_load(corrections + h));
        v_store(corrections + h, correction);
        v_store(running->total + h, v_fma(v_load(running->total + h), correction, v_load(totals + h)));
    }
    for (int h = 0; h < heads; h += VALUE_HEADS) {
        const int some = heads - h < VALUE_HEADS ? heads - h : VALUE_HEADS;
        value_pass(some, cache->bf16, dim, count, weights + h * KEYS, corrections + h, cache->values, base, out + h * dim);
    }
}

/// Heads firstHead..<firstHead + heads, all of key/value head `kvHead`, of a few rows: block after block, each block for all rows, so
/// that it is read from memory once.
static void attend_heads(
    const resa_attention *call, ptrdiff_t firstRow, ptrdiff_t rowCount, ptrdiff_t kvHead, ptrdiff_t firstHead, int heads) {
    const ptrdiff_t dim = call->cache.headDim, blockElements = resa_kv_block_elements(&call->cache);
    const int32_t *const blockTable = call->rows[firstRow].blockTable;
    running_softmax running[RESA_ATTENTION_ROWS];
    int32_t last = 0;
    for (ptrdiff_t r = 0; r < rowCount; r++) {
        const ptrdiff_t row = firstRow + r;
        for (int h = 0; h < HEAD_SLOTS; h++) {
            running[r].largest[h] = -INFINITY;
            running[r].total[h] = 0;
        }
        memset(call->outputs + row * call->outputStride + firstHead * dim, 0, (size_t)(heads * dim) * sizeof(float));
        last = call->rows[row].position > last ? call->rows[row].position : last;
    }
    for (int32_t start = 0; start <= last; start += KEYS) {
        const ptrdiff_t base = blockTable[start / KEYS] * blockElements + kvHead * dim * KEYS;
        for (ptrdiff_t r = 0; r < rowCount; r++) {
            const ptrdiff_t row = firstRow + r;
            const int32_t count = call->rows[row].position + 1 - start;
            if (count <= 0) { continue; }
            attend_block(
                call, base, count < KEYS ? count : KEYS, heads, call->queries + row * call->queryStride + firstHead * dim, &running[r],
                call->outputs + row * call->outputStride + firstHead * dim);
        }
    }
    for (ptrdiff_t r = 0; r < rowCount; r++) {
        for (int h = 0; h < heads; h++) {
            float *const out = call->outputs + (firstRow + r) * call->outputStride + (firstHead + h) * dim;
            const vf inverse = v_set(1.0f / running[r].total[h]);
            for (ptrdiff_t d = 0; d < dim; d += LANES) {
                const vmask mask = v_first(dim - d);
                v_store_part(mask, out + d, v_mul(v_load_part(mask, out + d), inverse));
            }
        }
    }
}

static void attend(const resa_attention *call, ptrdiff_t firstRow, ptrdiff_t rowCount, ptrdiff_t kvHead) {
    const ptrdiff_t perKey = call->heads / call->cache.kvHeads;
    for (ptrdiff_t h = 0; h < perKey; h += MAX_HEADS) {
        const int heads = (int)(perKey - h < MAX_HEADS ? perKey - h : MAX_HEADS);
        attend_heads(call, firstRow, rowCount, kvHead, kvHead * perKey + h, heads);
    }
}
