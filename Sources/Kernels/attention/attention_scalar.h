// Attention and the KV cache of the scalar tier: plain loops over one query head at a time.

enum { KEYS = RESA_KV_BLOCK_TOKENS };

/// Where element `element` of token `slot` lies in a head of keys.
static inline ptrdiff_t key_place(const resa_kv_cache *cache, ptrdiff_t slot, ptrdiff_t element) {
    if (cache->format == RESA_KV_F32) { return element * KEYS + slot; }
    return element / 2 * 2 * KEYS + slot * 2 + element % 2;
}

static inline float element_at(const resa_kv_cache *cache, char *head, ptrdiff_t slot, ptrdiff_t place) {
    switch (cache->format) {
        case RESA_KV_F32: return ((const float *)head)[place];
        case RESA_KV_BF16: return resa_widen(((const uint16_t *)head)[place]);
        default: return (float)((const int8_t *)head)[place] * resa_kv_scales(cache, head)[slot];
    }
}

/// The Walsh-Hadamard transform of each run of the largest power of two that divides the width.
static void spread(const resa_kv_cache *cache, float *x) {
    const ptrdiff_t width = resa_kv_width(cache), run = width & -width;
    for (ptrdiff_t distance = 1; distance < run; distance *= 2) {
        for (ptrdiff_t i = 0; i < width; i++) {
            if ((i & distance) != 0) { continue; }
            const float a = x[i], b = x[i + distance];
            x[i] = a + b;
            x[i + distance] = a - b;
        }
    }
    for (ptrdiff_t i = 0; i < width; i++) { x[i] /= sqrtf((float)run); }
}

static void copy_head(const resa_kv_cache *cache, const float *x, float *out) {
    for (ptrdiff_t d = 0; d < resa_kv_width(cache); d++) { out[d] = d < cache->headDim ? x[d] : 0; }
    if (cache->format == RESA_KV_INT8) { spread(cache, out); }
}

static void store_head(
    const resa_kv_cache *cache, char *head, ptrdiff_t slot, const float *x,
    ptrdiff_t (*place)(const resa_kv_cache *, ptrdiff_t, ptrdiff_t)) {
    const ptrdiff_t width = resa_kv_width(cache);
    float row[RESA_ATTENTION_MAX_HEAD_DIM], largest = 0;
    copy_head(cache, x, row);
    for (ptrdiff_t d = 0; d < width; d++) { largest = fabsf(row[d]) > largest || !isfinite(row[d]) ? fabsf(row[d]) : largest; }
    for (ptrdiff_t d = 0; d < width; d++) { largest = isfinite(row[d]) ? largest : NAN; }
    const float inverse = largest > 0 ? 127 / largest : 0;
    if (cache->format == RESA_KV_INT8) { resa_kv_scales(cache, head)[slot] = largest / 127; }
    for (ptrdiff_t d = 0; d < width; d++) {
        const ptrdiff_t to = place(cache, slot, d);
        switch (cache->format) {
            case RESA_KV_F32: ((float *)head)[to] = row[d]; break;
            case RESA_KV_BF16: ((uint16_t *)head)[to] = resa_round(row[d]); break;
            default: {
                // A NaN or an infinity gives no number to round.
                const float whole = rintf(row[d] * inverse);
                ((int8_t *)head)[to] = whole >= -127 && whole <= 127 ? (int8_t)whole : 0;
                break;
            }
        }
    }
}

static void store_kv(const resa_kv_cache *cache, const resa_attention_row *row, const float *k, const float *v) {
    const ptrdiff_t slot = row->position % KEYS, block = row->blockTable[row->position / KEYS];
    for (ptrdiff_t head = 0; head < cache->kvHeads; head++) {
        store_head(cache, resa_kv_head(cache, cache->keys, block, head), slot, k + head * cache->headDim, key_place);
        store_head(cache, resa_kv_head(cache, cache->values, block, head), slot, v + head * cache->headDim, resa_value_place);
    }
}

/// Folds a chunk's largest score, sum of weights and weighted values into those so far.
static void fold(ptrdiff_t width, const float *chunk, float *running) {
    const float largest = fmaxf(chunk[width], running[width]);
    const float now = expf(chunk[width] - largest), before = expf(running[width] - largest);
    for (ptrdiff_t d = 0; d < width; d++) { running[d] = running[d] * before + chunk[d] * now; }
    running[width] = largest;
    running[width + 1] = running[width + 1] * before + chunk[width + 1] * now;
}

static void finish(const resa_kv_cache *cache, float *running, float *out) {
    const float total = running[resa_kv_width(cache) + 1];
    if (cache->format == RESA_KV_INT8) { spread(cache, running); }
    for (ptrdiff_t d = 0; d < cache->headDim; d++) { out[d] = running[d] / total; }
}

/// The weighted values of one query head over some keys of a chunk, then the largest score and the sum of the weights.
static void attend_chunk(
    const resa_attention *call, const int32_t *table, resa_keys keys, ptrdiff_t kvHead, const float *query, float *result) {
    const resa_kv_cache *const cache = &call->cache;
    const ptrdiff_t width = resa_kv_width(cache);
    float scores[RESA_ATTENTION_CHUNK], largest = -INFINITY, total = 0;
    for (ptrdiff_t key = keys.start; key < keys.end; key++) {
        char *const head = resa_kv_head(cache, cache->keys, table[key / KEYS], kvHead);
        float score = 0;
        for (ptrdiff_t d = 0; d < width; d++) {
            score += query[d] * element_at(cache, head, key % KEYS, key_place(cache, key % KEYS, d));
        }
        scores[key] = call->cap > 0 ? capped(call->cap, score * call->scale) : score * call->scale;
        largest = fmaxf(scores[key], largest);
    }
    for (ptrdiff_t d = 0; d < width; d++) { result[d] = 0; }
    for (ptrdiff_t key = keys.start; key < keys.end; key++) {
        char *const head = resa_kv_head(cache, cache->values, table[key / KEYS], kvHead);
        const float weight = expf(scores[key] - largest);
        total += weight;
        for (ptrdiff_t d = 0; d < width; d++) {
            result[d] += weight * element_at(cache, head, key % KEYS, resa_value_place(cache, key % KEYS, d));
        }
    }
    result[width] = largest;
    result[width + 1] = total;
}

static void attend(const resa_attention *call, const resa_attention_task *task, ptrdiff_t kvHead, char *scratch) {
    (void)scratch;
    const ptrdiff_t perKey = call->heads / call->cache.kvHeads, width = resa_kv_width(&call->cache);
    ptrdiff_t partial = task->partial;
    for (ptrdiff_t r = task->firstRow; r < task->firstRow + task->rows; r++) {
        const resa_attention_row *const row = &call->rows[r];
        const ptrdiff_t seen = resa_first_chunk(call, row);
        for (ptrdiff_t head = kvHead * perKey; head < (kvHead + 1) * perKey; head++) {
            float query[RESA_ATTENTION_MAX_HEAD_DIM], running[RESA_ATTENTION_MAX_HEAD_DIM + 2];
            copy_head(&call->cache, call->queries + r * call->queryStride + head * call->cache.headDim, query);
            for (ptrdiff_t chunk = task->firstChunk; chunk < task->endChunk; chunk++) {
                const resa_keys keys = resa_chunk_keys(call, row, chunk);
                if (keys.start >= keys.end) { continue; }
                float result[RESA_ATTENTION_MAX_HEAD_DIM + 2];
                attend_chunk(call, row->blockTable + chunk * (RESA_ATTENTION_CHUNK / KEYS), keys, kvHead, query, result);
                float *const to = partial < 0
                    ? running
                    : call->partials + (partial + (chunk - seen) * call->heads + head) * resa_attention_partial_count(&call->cache);
                if (partial < 0 && chunk > seen) {
                    fold(width, result, running);
                } else {
                    for (ptrdiff_t i = 0; i < width + 2; i++) { to[i] = result[i]; }
                }
            }
            if (partial < 0) { finish(&call->cache, running, call->outputs + r * call->outputStride + head * call->cache.headDim); }
        }
        if (partial >= 0) { partial += resa_chunks(call, row) * call->heads; }
    }
}

static void attend_fold(const resa_attention *call, ptrdiff_t row, ptrdiff_t partial, ptrdiff_t chunks, ptrdiff_t kvHead) {
    const ptrdiff_t perKey = call->heads / call->cache.kvHeads, size = resa_attention_partial_count(&call->cache);
    for (ptrdiff_t head = kvHead * perKey; head < (kvHead + 1) * perKey; head++) {
        float *const running = call->partials + (partial + head) * size;
        for (ptrdiff_t chunk = 1; chunk < chunks; chunk++) {
            fold(resa_kv_width(&call->cache), running + chunk * call->heads * size, running);
        }
        finish(&call->cache, running, call->outputs + row * call->outputStride + head * call->cache.headDim);
    }
}
