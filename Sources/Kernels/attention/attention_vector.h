// Attention in the tier's vector vocabulary. A tile of query vectors (some rows, the heads of one key/value
// head) takes the keys chunk by chunk: scores, a softmax within the chunk, weighted values; then the chunk is folded into what the
// chunks before it gave. What a row gets never depends on the rows beside it.

enum { QUERIES = RESA_ATTENTION_QUERIES };

/// Softmax state of the queries of a tile: the largest score (times log2 e), the sum of the weights, and the weighted values.
typedef struct {
    float *values;
    float *largest;
    float *total;
} tile_sums;

/// A tile and its scratch memory.
typedef struct {
    const resa_attention *call;
    const resa_kv_cache *cache;
    const resa_attention_row *rows;
    /// Rows, and heads of each; query q is head q % heads of row q / heads.
    ptrdiff_t rowCount, heads, firstHead, kvHead, width;
    /// Query vectors as the score tiles take them, and int8's factor of each query's scores.
    uint32_t *queries;
    ptrdiff_t queryStride;
    float *queryScales;
    /// Scores, then weights, of each query; int8's factor of each query's weights.
    float *scores;
    float *weightScales;
    tile_sums running, chunk;
    /// What each query sees of the chunk: tokens starts..<counts; windowed: whether any starts after the chunk does.
    int32_t starts[QUERIES], counts[QUERIES];
    bool windowed;
} attention_tile;

/// 2^x for x <= 0: the Taylor series of degree 6, whose remainder is below 2^-22 of the result.
static inline vf v_exp2(vf x) {
    // Below the bound the result is 0. The bound comes first so that NaN passes.
    x = v_max(v_set(-200), x);
    const vf n = v_nearest(x), r = v_sub(x, n);
    vf p = v_set(1.54035303934e-4f);
    p = v_fma(p, r, v_set(1.33335581464e-3f));
    p = v_fma(p, r, v_set(9.61812910763e-3f));
    p = v_fma(p, r, v_set(5.55041086648e-2f));
    p = v_fma(p, r, v_set(2.40226506959e-1f));
    p = v_fma(p, r, v_set(6.93147180560e-1f));
    p = v_fma(p, r, v_set(1));
    return v_scale(p, n);
}

/// Prepares the words of query `q` from its head `x`, scaled so that scores are powers of two.
static __attribute__((noinline)) void prepare_query(attention_tile *tile, ptrdiff_t q, const float *x) {
    const resa_kv_cache *const cache = tile->cache;
    const float scale = tile->call->scale * 0x1.715476p+0f;
    uint32_t *const words = tile->queries + q * tile->queryStride;
    _Alignas(64) float row[RESA_ATTENTION_MAX_HEAD_DIM];
    for (ptrdiff_t d = 0; d < tile->width; d += LANES) {
        v_store(row + d, v_mul(v_load_part(v_first(cache->headDim - d), x + d), v_set(scale)));
    }
    switch (cache->format) {
        case RESA_KV_F32: memcpy(words, row, (size_t)tile->width * sizeof *row); break;
        case RESA_KV_BF16:
            for (ptrdiff_t d = 0; d < tile->width; d += LANES) { v_store_query_words(words + d, v_load(row + d)); }
            break;
        default:
            spread(cache, row);
            tile->queryScales[q] = quantise(tile->width, row, 32767, (int16_t *)words);
            break;
    }
}

/// Caps the scores of query `q` and masks those before its window.
static __attribute__((noinline)) void bend(attention_tile *tile, ptrdiff_t q) {
    const ptrdiff_t first = tile->starts[q] / KEYS * KEYS;
    float *const scores = tile->scores + q * SCORE_STRIDE + first;
    // The scores are times log2 e, and so must the cap be.
    if (tile->call->cap > 0) { cap(tile->counts[q] - first, tile->call->cap * 0x1.715476p+0f, scores); }
    // What is masked has weight 0, like what is beyond the count.
    for (ptrdiff_t before = tile->starts[q] - first, v = 0; v < before; v += LANES) {
        v_store(scores + v, v_select(v_first(before - v), v_set(-INFINITY), v_load(scores + v)));
    }
}

/// Turns the scores of the keys that query `q` sees into weights, in the form that the value tiles take.
static __attribute__((noinline)) void weigh(attention_tile *tile, ptrdiff_t q, ptrdiff_t chunk, float *largest, float *total) {
    float *const row = tile->scores + q * SCORE_STRIDE;
    const resa_kv_format format = tile->cache->format;
    const ptrdiff_t count = tile->counts[q], first = tile->starts[q] / KEYS, blocks = (count + KEYS - 1) / KEYS;
    vf most[KEY_VECTORS], totals[KEY_VECTORS], heaviest = v_set(0);
#pragma clang loop unroll(full)
    for (int v = 0; v < KEY_VECTORS; v++) {
        most[v] = v_set(-INFINITY);
        totals[v] = v_set(0);
        // The last block's scores beyond the count become -infinity, whose weight is 0.
        float *const last = row + (blocks - 1) * KEYS + v * LANES;
        const ptrdiff_t left = count - (blocks - 1) * KEYS - v * LANES;
        v_store(last, v_select(v_first(left > 0 ? left : 0), v_load(last), v_set(-INFINITY)));
    }
    for (ptrdiff_t block = first; block < blocks; block++) {
#pragma clang loop unroll(full)
        for (int v = 0; v < KEY_VECTORS; v++) { most[v] = v_max(v_load(row + block * KEYS + v * LANES), most[v]); }
    }
    for (int v = 1; v < KEY_VECTORS; v++) { most[0] = v_max(most[v], most[0]); }
    *largest = v_largest(most[0]);
    const vf shift = v_set(*largest);
    for (ptrdiff_t block = first; block < blocks; block++) {
        vf weights[KEY_VECTORS];
#pragma clang loop unroll(full)
        for (int v = 0; v < KEY_VECTORS; v++) { weights[v] = v_exp2(v_sub(v_load(row + block * KEYS + v * LANES), shift)); }
        if (format == RESA_KV_BF16) { v_store_weight_words((uint32_t *)row, block * KEYS, weights); }
        const float *scales = NULL;
        if (format == RESA_KV_INT8) {
            const ptrdiff_t entry = tile->rows[0].blockTable[chunk * (CHUNK / KEYS) + block];
            scales = resa_kv_scales(tile->cache, resa_kv_head(tile->cache, tile->cache->values, entry, tile->kvHead));
        }
#pragma clang loop unroll(full)
        for (int v = 0; v < KEY_VECTORS; v++) {
            totals[v] = v_add(totals[v], weights[v]);
            if (format == RESA_KV_INT8) {
                // Slots that hold no token may have any scale.
                const ptrdiff_t left = count - block * KEYS - v * LANES;
                weights[v] = v_mul(weights[v], v_load_part(v_first(left > 0 ? left : 0), scales + v * LANES));
                heaviest = v_max(weights[v], heaviest);
            }
            if (format != RESA_KV_BF16) { v_store(row + block * KEYS + v * LANES, weights[v]); }
        }
    }
    for (int v = 1; v < KEY_VECTORS; v++) { totals[0] = v_add(totals[0], totals[v]); }
    *total = v_sum(totals[0]);
    if (format == RESA_KV_INT8) {
        // 512 weights of at most 32767 times values of at most 127 stay below 2^31.
        const float bound = v_largest(heaviest), inverse = bound > 0 ? 32767 / bound : 0;
        tile->weightScales[q] = bound / 32767;
        for (ptrdiff_t key = first * KEYS; key < blocks * KEYS; key += LANES) {
            v_store_int16((int16_t *)row + key, v_mul(v_load(row + key), v_set(inverse)));
        }
    }
}

/// Folds query `q` of one chunk into the running sums.
static void fold(
    ptrdiff_t width, const float *values, float chunkLargest, float chunkTotal, float *running, float *largest, float *total) {
    const float most = chunkLargest > *largest ? chunkLargest : *largest;
    const vf before = v_exp2(v_set(*largest - most)), now = v_exp2(v_set(chunkLargest - most));
    v_store_part(v_first(1), total, v_fma(v_set(chunkTotal), now, v_mul(v_set(*total), before)));
    *largest = most;
    for (ptrdiff_t d = 0; d < width; d += LANES) {
        v_store(running + d, v_fma(v_load(values + d), now, v_mul(v_load(running + d), before)));
    }
}

/// One chunk for queries first..<end of a tile, whose counts are set: scores, weights and weighted values, into `sums`.
static void attend_chunk(attention_tile *tile, ptrdiff_t chunk, ptrdiff_t first, ptrdiff_t end, tile_sums sums) {
    const resa_kv_cache *const cache = tile->cache;
    const resa_kv_format format = cache->format;
    const int32_t *const table = tile->rows[0].blockTable + chunk * (CHUNK / KEYS);
    ptrdiff_t keys = 0, firstKey = CHUNK;
    for (ptrdiff_t q = first; q < end; q++) {
        if (tile->counts[q] > keys) { keys = tile->counts[q]; }
        if (tile->counts[q] > 0 && tile->starts[q] < firstKey) { firstKey = tile->starts[q]; }
    }
    const ptrdiff_t firstBlock = firstKey / KEYS, blocks = (keys + KEYS - 1) / KEYS;
    const ptrdiff_t queryTiles = (end - first + TILE_QUERIES - 1) / TILE_QUERIES;

    score_product scores = {.wordStride = tile->queryStride};
    // Spreading fills a head to its whole width.
    scores.steps = format == RESA_KV_INT8 ? tile->width / 2 : (cache->headDim + step_elements(format) - 1) / step_elements(format);
    const ptrdiff_t ahead = format == RESA_KV_INT8 ? 2 : 1;
    for (ptrdiff_t block = firstBlock; block < blocks; block++) {
        char *const keys = resa_kv_head(cache, cache->keys, table[block], tile->kvHead);
        scores.keys = keys;
        // After the last keys come the first values.
        const ptrdiff_t next = block + ahead, value = next - blocks + firstBlock;
        scores.ahead = next < blocks ? resa_kv_head(cache, cache->keys, table[next], tile->kvHead)
                                     : resa_kv_head(cache, cache->values, table[value < blocks ? value : firstBlock], tile->kvHead);
        if (format == RESA_KV_INT8) { scores.keyScales = resa_kv_scales(cache, keys); }
        for (ptrdiff_t t = 0; t < queryTiles; t++) {
            const ptrdiff_t q = first + (end - first) * t / queryTiles, after = first + (end - first) * (t + 1) / queryTiles;
            scores.words = tile->queries + q * tile->queryStride;
            scores.queryScales = tile->queryScales + q;
            scores.out = tile->scores + q * SCORE_STRIDE + block * KEYS;
            scores_of(format, (int)(after - q), &scores);
        }
    }

    for (ptrdiff_t q = first; q < end; q++) {
        if (tile->counts[q] == 0) { continue; }
        if (tile->call->cap > 0 || tile->starts[q] > 0) { bend(tile, q); }
        weigh(tile, q, chunk, &sums.largest[q], &sums.total[q]);
    }

    value_product values = {.outStride = tile->width, .table = table, .blockBytes = cache->kvHeads * resa_kv_head_bytes(cache->headDim, format),
        .ahead = ahead, .lastBlock = blocks - 1};
    int32_t opened[TILE_QUERIES];
    values.opened = opened;
    // A single tile reads each block once, in order; several read a section of the whole chunk each, with the sums in registers.
    const ptrdiff_t pass = queryTiles > 1 ? blocks : format == RESA_KV_INT8 ? 4 : 1;
    for (ptrdiff_t block = firstBlock; block < blocks; block += pass) {
        values.firstBlock = block;
        values.continues = block > firstBlock;
        values.endBlock = block + pass;
        values.last = block + pass >= blocks;
        for (ptrdiff_t t = 0; t < queryTiles; t++) {
            const ptrdiff_t q = first + (end - first) * t / queryTiles, after = first + (end - first) * (t + 1) / queryTiles;
            values.words = (const uint32_t *)(tile->scores + q * SCORE_STRIDE);
            values.counts = tile->counts + q;
            values.starts = tile->starts + q;
            values.queryScales = tile->weightScales + q;
            for (ptrdiff_t section = 0; section < tile->width; section += resa_value_section(tile->width, section)) {
                const ptrdiff_t columns = resa_value_section(tile->width, section);
                const ptrdiff_t vectors = columns / LANES < TILE_VECTORS ? columns / LANES : TILE_VECTORS;
                values.stepStride = columns * step_bytes(format);
                for (ptrdiff_t column = 0; column < columns; column += vectors * LANES) {
                    values.values = resa_kv_head(cache, cache->values, 0, tile->kvHead)
                        + (section * KEYS / step_elements(format) + column) * step_bytes(format);
                    values.out = sums.values + q * tile->width + section + column;
                    if (!tile->windowed) {
                        values_of(format, (int)(after - q), (int)vectors, &values);
                        continue;
                    }
                    if (!values.continues) { open_values(format, (int)(after - q), (int)vectors, &values); }
                    windowed_values_of(format, (int)(after - q), (int)vectors, &values);
                }
            }
        }
    }
}

/// out = values / total.
static void finish(const resa_kv_cache *cache, ptrdiff_t width, float *values, float total, float *out) {
    if (cache->format == RESA_KV_INT8) { spread(cache, values); }
    const vf inverse = v_set(1.0f / total);
    for (ptrdiff_t d = 0; d < width; d += LANES) { v_store_part(v_first(cache->headDim - d), out + d, v_mul(v_load(values + d), inverse)); }
}

/// Where a partial result of `head` lies: width values, the largest score, the total.
static inline float *partial_of(const resa_attention *call, ptrdiff_t index) {
    return call->partials + index * resa_attention_partial_count(&call->cache);
}

/// Heads firstHead..<firstHead + heads of a task.
static void attend_heads(
    const resa_attention *call, const resa_attention_task *task, ptrdiff_t kvHead, ptrdiff_t firstHead, ptrdiff_t heads, char *scratch) {
    const ptrdiff_t width = resa_kv_width(&call->cache);
    float *const memory = (float *)scratch;
    float *const small = memory + QUERIES * (3 * width + SCORE_STRIDE);
    attention_tile tile = {
        .call = call, .cache = &call->cache, .rows = call->rows + task->firstRow, .rowCount = task->rows, .heads = heads,
        .firstHead = firstHead, .kvHead = kvHead, .width = width,
        .queries = (uint32_t *)memory, .queryStride = width, .scores = memory + QUERIES * 3 * width,
        .running = {memory + QUERIES * width, small, small + QUERIES},
        .chunk = {memory + QUERIES * 2 * width, small + 2 * QUERIES, small + 3 * QUERIES},
        .queryScales = small + 4 * QUERIES, .weightScales = small + 5 * QUERIES,
    };
    const ptrdiff_t queries = task->rows * heads;
    for (ptrdiff_t q = 0; q < queries; q++) {
        const ptrdiff_t row = task->firstRow + q / heads;
        prepare_query(&tile, q, call->queries + row * call->queryStride + (firstHead + q % heads) * call->cache.headDim);
    }
    for (ptrdiff_t chunk = task->firstChunk; chunk < task->endChunk; chunk++) {
        ptrdiff_t first = queries, end = 0;
        tile.windowed = false;
        for (ptrdiff_t q = 0; q < queries; q++) {
            const resa_keys keys = resa_chunk_keys(call, &tile.rows[q / heads], chunk);
            const bool some = keys.start < keys.end;
            tile.starts[q] = some ? (int32_t)keys.start : 0;
            tile.counts[q] = some ? (int32_t)keys.end : 0;
            tile.windowed |= tile.starts[q] > 0;
            if (some) {
                first = q < first ? q : first;
                end = q + 1;
            }
        }
        // Rows far apart may leave a chunk between their windows.
        if (first >= end) { continue; }
        // The first chunk that a row sees starts its running sums.
        const tile_sums sums = chunk == task->firstChunk ? tile.running : tile.chunk;
        attend_chunk(&tile, chunk, first, end, sums);
        ptrdiff_t partial = task->partial;
        for (ptrdiff_t q = 0; q < queries; q++) {
            const resa_attention_row *const row = &tile.rows[q / heads];
            if (q > 0 && q % heads == 0) { partial += resa_chunks(call, row - 1) * call->heads; }
            if (tile.counts[q] == 0) { continue; }
            float *const values = sums.values + q * width;
            const ptrdiff_t seen = resa_first_chunk(call, row);
            if (task->partial >= 0) {
                float *const to = partial_of(call, partial + (chunk - seen) * call->heads + firstHead + q % heads);
                memcpy(to, values, (size_t)width * sizeof *to);
                to[width] = sums.largest[q];
                to[width + 1] = sums.total[q];
            } else if (chunk == seen) {
                if (chunk == task->firstChunk) { continue; }
                memcpy(tile.running.values + q * width, values, (size_t)width * sizeof *values);
                tile.running.largest[q] = sums.largest[q];
                tile.running.total[q] = sums.total[q];
            } else {
                fold(
                    width, values, sums.largest[q], sums.total[q], tile.running.values + q * width, &tile.running.largest[q],
                    &tile.running.total[q]);
            }
        }
    }
    if (task->partial >= 0) { return; }
    for (ptrdiff_t q = 0; q < queries; q++) {
        float *const out = call->outputs + (task->firstRow + q / heads) * call->outputStride + (firstHead + q % heads) * call->cache.headDim;
        finish(&call->cache, width, tile.running.values + q * width, tile.running.total[q], out);
    }
}

static void attend(const resa_attention *call, const resa_attention_task *task, ptrdiff_t kvHead, char *scratch) {
    const ptrdiff_t perKey = call->heads / call->cache.kvHeads;
    for (ptrdiff_t head = 0; head < perKey; head += QUERIES) {
        const ptrdiff_t heads = perKey - head < QUERIES ? perKey - head : QUERIES;
        attend_heads(call, task, kvHead, kvHead * perKey + head, heads, scratch);
    }
}

static void attend_fold(const resa_attention *call, ptrdiff_t row, ptrdiff_t partial, ptrdiff_t chunks, ptrdiff_t kvHead) {
    const ptrdiff_t perKey = call->heads / call->cache.kvHeads, width = resa_kv_width(&call->cache);
    for (ptrdiff_t head = kvHead * perKey; head < (kvHead + 1) * perKey; head++) {
        float *const running = partial_of(call, partial + head);
        for (ptrdiff_t chunk = 1; chunk < chunks; chunk++) {
            const float *const next = partial_of(call, partial + chunk * call->heads + head);
            fold(width, next, next[width], next[width + 1], running, &running[width], &running[width + 1]);
        }
        finish(&call->cache, width, running, running[width + 1], call->outputs + row * call->outputStride + head * call->cache.headDim);
    }
}
