// The two products of attention, queries by keys and weights by values, in the tier's vector vocabulary.
// Every sum is one chain in ascending order, so how many queries and vectors a tile takes changes no result.

enum {
    KEYS = RESA_KV_BLOCK_TOKENS,
    KEY_VECTORS = KEYS / LANES,
    CHUNK = RESA_ATTENTION_CHUNK,
    SCORE_STRIDE = RESA_ATTENTION_SCORE_STRIDE,
    /// Vectors of value columns in one tile.
    TILE_VECTORS = 4,
};

/// Bytes of one lane's step as stored, the tokens (or dimensions) it holds, and the words of the other factor.
static inline __attribute__((always_inline)) ptrdiff_t step_bytes(resa_kv_format format) { return format == RESA_KV_INT8 ? 2 : 4; }
static inline __attribute__((always_inline)) ptrdiff_t step_elements(resa_kv_format format) { return format == RESA_KV_F32 ? 1 : 2; }
static inline __attribute__((always_inline)) int query_words(resa_kv_format format) {
    return format == RESA_KV_BF16 ? BF16_QUERY_WORDS : 1;
}
static inline __attribute__((always_inline)) int weight_words(resa_kv_format format) {
    return format == RESA_KV_BF16 ? BF16_WEIGHT_WORDS : 1;
}

/// What a tile of scores works on.
typedef struct {
    /// Words of the first query's vector, and to the next query's.
    const uint32_t *words;
    ptrdiff_t wordStride;
    /// Where the first query's scores go, SCORE_STRIDE floats apart.
    float *out;
    /// int8: factors of each query and of each key.
    const float *queryScales, *keyScales;
    /// A block of keys, the one to ask for meanwhile, and the steps (along the head) in both.
    const char *keys, *ahead;
    ptrdiff_t steps;
} score_product;

/// What a tile of weighted values works on: some blocks of one chunk, one section of the columns.
typedef struct {
    /// The first query's weights; the next query's are SCORE_STRIDE words further.
    const uint32_t *words;
    float *out;
    ptrdiff_t outStride;
    /// int8: factor of each query.
    const float *queryScales;
    /// The chunk's part of the block table; this tile's columns of block 0; bytes from block to block and from step to step.
    const int32_t *table;
    const char *values;
    ptrdiff_t blockBytes, stepStride;
    /// Blocks to take, whether they go on with what lies in `out`, and whether they are the chunk's last.
    ptrdiff_t firstBlock, endBlock;
    bool continues, last;
    /// How many blocks ahead to ask for the same columns, up to the chunk's last block.
    ptrdiff_t ahead, lastBlock;
    /// Where the tokens of each query in the chunk end. With a window, where they start, and the step up to which `open_values` has taken them.
    const int32_t *counts, *starts;
    int32_t *opened;
} value_product;

/// `vectors` vectors of one step for all queries of a tile.
#define TAKE_STEP(words_, shared_, stride_) \
    _Pragma("clang loop unroll(full)") for (int q = 0; q < queries; q++) { \
        _Pragma("clang loop unroll(full)") for (int w = 0; w < (words_); w++) { \
            const steps word = v_share((shared_) + q * (stride_) + w); \
            _Pragma("clang loop unroll(full)") for (int v = 0; v < vectors; v++) { \
                sums[q][v] = v_dot(format, w, sums[q][v], loaded[v], word); \
            } \
        } \
    }

/// Scores of `queries` queries against one block of keys.
static inline __attribute__((always_inline)) void score_tile(const resa_kv_format format, const int queries, const score_product *p) {
    const int vectors = KEY_VECTORS, words = query_words(format);
    const ptrdiff_t bytes = step_bytes(format), rowBytes = KEYS * bytes;
    vf sums[TILE_QUERIES][KEY_VECTORS];
#pragma clang loop unroll(full)
    for (int q = 0; q < queries; q++) {
#pragma clang loop unroll(full)
        for (int v = 0; v < vectors; v++) { sums[q][v] = v_set(0); }
    }
    for (ptrdiff_t step = 0; step < p->steps; step++) {
        steps loaded[KEY_VECTORS];
#pragma clang loop unroll(full)
        for (int v = 0; v < vectors; v++) { loaded[v] = v_load_steps(format, p->keys + step * rowBytes + v * LANES * bytes); }
#pragma clang loop unroll(full)
        for (ptrdiff_t line = 0; line < rowBytes; line += 64) { _mm_prefetch(p->ahead + step * rowBytes + line, _MM_HINT_T1); }
        TAKE_STEP(words, p->words + step * words, p->wordStride)
    }
#pragma clang loop unroll(full)
    for (int q = 0; q < queries; q++) {
#pragma clang loop unroll(full)
        for (int v = 0; v < vectors; v++) {
            vf score = sums[q][v];
            if (format == RESA_KV_INT8) {
                score = v_mul(v_mul(v_from_whole(score), v_load(p->keyScales + v * LANES)), v_set(p->queryScales[q]));
            }
            v_store(p->out + q * SCORE_STRIDE + v * LANES, score);
        }
    }
}

/// Weighted values of `queries` queries, each over its own count of tokens, for `vectors` vectors of columns. What lies in a block after
/// a query's last token is never multiplied: it may be anything.
static inline __attribute__((always_inline)) void value_tile(
    const resa_kv_format format, const bool windowed, const int queries, const int vectors, const value_product *p) {
    const int words = weight_words(format);
    const ptrdiff_t bytes = step_bytes(format), elements = step_elements(format), perBlock = KEYS / elements;
    vf sums[TILE_QUERIES][TILE_VECTORS];
    ptrdiff_t common = CHUNK;
#pragma clang loop unroll(full)
    for (int q = 0; q < queries; q++) {
        common = p->counts[q] < common ? p->counts[q] : common;
#pragma clang loop unroll(full)
        for (int v = 0; v < vectors; v++) { sums[q][v] = windowed || p->continues ? v_load(p->out + q * p->outStride + v * LANES) : v_set(0); }
    }
    const ptrdiff_t shared = common / elements;
    ptrdiff_t begin = 0;
    if (windowed) {
        for (int q = 0; q < queries; q++) { begin = p->opened[q] > begin ? p->opened[q] : begin; }
    }
    for (ptrdiff_t block = p->firstBlock; block < p->endBlock && block * perBlock < shared; block++) {
        const char *const rows = p->values + p->table[block] * p->blockBytes;
        const ptrdiff_t next = block + p->ahead < p->lastBlock ? block + p->ahead : p->lastBlock;
        const char *const ahead = p->values + p->table[next] * p->blockBytes;
        const uint32_t *const weights = p->words + block * perBlock * words;
        const ptrdiff_t count = shared - block * perBlock < perBlock ? shared - block * perBlock : perBlock;
        for (ptrdiff_t step = windowed && begin > block * perBlock ? begin - block * perBlock : 0; step < count; step++) {
            steps loaded[TILE_VECTORS];
#pragma clang loop unroll(full)
            for (int v = 0; v < vectors; v++) { loaded[v] = v_load_steps(format, rows + step * p->stepStride + v * LANES * bytes); }
#pragma clang loop unroll(full)
            for (ptrdiff_t line = 0; line < vectors * LANES * bytes; line += 64) {
                _mm_prefetch(ahead + step * p->stepStride + line, _MM_HINT_T1);
            }
            TAKE_STEP(words, weights + step * words, SCORE_STRIDE)
        }
    }
    if (p->last) {
        // Tokens that not all queries see, and the last token of an odd count.
#pragma clang loop unroll(full)
        for (int q = 0; q < queries; q++) {
            const ptrdiff_t from = windowed && p->opened[q] > shared ? p->opened[q] : shared;
            for (ptrdiff_t step = from; step * elements < p->counts[q]; step++) {
                const char *const row = p->values + p->table[step / perBlock] * p->blockBytes + step % perBlock * p->stepStride;
                const bool half = (step + 1) * elements > p->counts[q];
#pragma clang loop unroll(full)
                for (int v = 0; v < vectors; v++) {
                    steps loaded = v_load_steps(format, row + v * LANES * bytes);
                    if (half) { loaded = v_first_of_pairs(loaded); }
#pragma clang loop unroll(full)
                    for (int w = 0; w < words; w++) {
                        sums[q][v] = v_dot(format, w, sums[q][v], loaded, v_share(p->words + q * SCORE_STRIDE + step * words + w));
                    }
                }
            }
        }
    }
#pragma clang loop unroll(full)
    for (int q = 0; q < queries; q++) {
#pragma clang loop unroll(full)
        for (int v = 0; v < vectors; v++) {
            vf sum = sums[q][v];
            if (format == RESA_KV_INT8 && p->last) { sum = v_mul(v_from_whole(sum), v_set(p->queryScales[q])); }
            v_store(p->out + q * p->outStride + v * LANES, sum);
        }
    }
}
#undef TAKE_STEP

/// The first steps of each query whose window begins within the chunk, up to one that all queries of the tile take whole. What lies before a
/// query's first token is never multiplied.
static inline __attribute__((always_inline)) void open_tile(
    const resa_kv_format format, const int queries, const int vectors, const value_product *p) {
    const int words = weight_words(format);
    const ptrdiff_t bytes = step_bytes(format), elements = step_elements(format), perBlock = KEYS / elements;
    ptrdiff_t common = CHUNK, latest = 0;
    for (int q = 0; q < queries; q++) {
        common = p->counts[q] < common ? p->counts[q] : common;
        latest = p->starts[q] > latest ? p->starts[q] : latest;
    }
    const ptrdiff_t shared = common / elements, whole = (latest + elements - 1) / elements, begin = whole < shared ? whole : shared;
    for (int q = 0; q < queries; q++) {
        const ptrdiff_t start = p->starts[q], own = (start + elements - 1) / elements;
        p->opened[q] = (int32_t)(own > begin ? own : begin);
        vf sums[TILE_VECTORS];
        for (int v = 0; v < vectors; v++) { sums[v] = v_set(0); }
        for (ptrdiff_t step = start / elements; step < p->opened[q]; step++) {
            const char *const row = p->values + p->table[step / perBlock] * p->blockBytes + step % perBlock * p->stepStride;
            const bool half = step * elements < start;
            for (int v = 0; v < vectors; v++) {
                steps loaded = v_load_steps(format, row + v * LANES * bytes);
                if (half) { loaded = v_second_of_pairs(loaded); }
                for (int w = 0; w < words; w++) {
                    sums[v] = v_dot(format, w, sums[v], loaded, v_share(p->words + q * SCORE_STRIDE + step * words + w));
                }
            }
        }
        for (int v = 0; v < vectors; v++) { v_store(p->out + q * p->outStride + v * LANES, sums[v]); }
    }
}

// The number of queries must be a constant for the sums to live in registers: one instance for each.
#if TILE_QUERIES > 2
#define FOR_QUERIES(call) \
    switch (queries) { \
        case 1: call(1); break; \
        case 2: call(2); break; \
        case 3: call(3); break; \
        case 4: call(4); break; \
        case 5: call(5); break; \
        default: call(6); break; \
    }
#else
#define FOR_QUERIES(call) \
    switch (queries) { \
        case 1: call(1); break; \
        default: call(2); break; \
    }
#endif
#define FOR_FORMATS(call) \
    switch (format) { \
        case RESA_KV_F32: call(RESA_KV_F32); break; \
        case RESA_KV_BF16: call(RESA_KV_BF16); break; \
        default: call(RESA_KV_INT8); break; \
    }

static __attribute__((noinline)) void scores_of(resa_kv_format format, int queries, const score_product *p) {
#define QUERIES_CALL(q) score_tile(FORMAT, q, p)
#define FORMAT_CALL(f) \
    { \
        enum { FORMAT = f }; \
        FOR_QUERIES(QUERIES_CALL) \
    }
    FOR_FORMATS(FORMAT_CALL)
#undef QUERIES_CALL
}

static __attribute__((noinline)) void open_values(resa_kv_format format, int queries, int vectors, const value_product *p) {
    switch (format) {
        case RESA_KV_F32: open_tile(RESA_KV_F32, queries, vectors, p); break;
        case RESA_KV_BF16: open_tile(RESA_KV_BF16, queries, vectors, p); break;
        default: open_tile(RESA_KV_INT8, queries, vectors, p); break;
    }
}

/// `vectors` is 1, 2 or 4.
static __attribute__((noinline)) void values_of(resa_kv_format format, int queries, int vectors, const value_product *p) {
#define QUERIES_CALL(q) \
    (vectors == 4 ? value_tile(FORMAT, false, q, 4, p) : vectors == 2 ? value_tile(FORMAT, false, q, 2, p) : value_tile(FORMAT, false, q, 1, p))
    FOR_FORMATS(FORMAT_CALL)
#undef QUERIES_CALL
}

/// The same after `open_values`.
static __attribute__((noinline)) void windowed_values_of(resa_kv_format format, int queries, int vectors, const value_product *p) {
#define QUERIES_CALL(q) \
    (vectors == 4 ? value_tile(FORMAT, true, q, 4, p) : vectors == 2 ? value_tile(FORMAT, true, q, 2, p) : value_tile(FORMAT, true, q, 1, p))
    FOR_FORMATS(FORMAT_CALL)
#undef QUERIES_CALL
#undef FORMAT_CALL
}
#undef FOR_QUERIES
#undef FOR_FORMATS
