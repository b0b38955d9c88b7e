// Kernels: the arithmetic of ResaServe in C. It knows numbers, rows and blocks; it knows nothing of layers, files or Swift.
//
// One table of function pointers per instruction-set tier. Whoever calls a kernel says which: nothing here remembers a tier. Tiers may
// differ in the last bits. Within a tier each result is one fixed sequence of operations: it never depends on how many rows there are, on
// the thread or on neighbouring rows.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "resa_elements.h"

#pragma clang assume_nonnull begin

typedef enum resa_tier {
    RESA_TIER_SCALAR = 0,
    /// AVX2, FMA, F16C.
    RESA_TIER_AVX2 = 1,
    /// AVX-512 F, BW, DQ, VL, VNNI, BF16.
    RESA_TIER_AVX512 = 2,
} resa_tier;

enum {
    /// Output columns of a full panel of packed bf16 weights; the last panel may be narrower, in steps of `RESA_PANEL_STEP`.
    RESA_PANEL_COLUMNS = 64,
    RESA_PANEL_STEP = 16,
    /// The most rows one GEMM tile holds, and the most that one call of `resa_gemm_bf16_panels` takes.
    RESA_TILE_ROWS = 6,
    RESA_GEMM_ROWS = 384,
    /// Tokens in a block of the KV cache.
    RESA_KV_BLOCK_TOKENS = 32,
};

/// What a feed-forward layer applies to each element.
typedef enum resa_activation {
    /// x / (1 + exp(-x)).
    RESA_SILU = 0,
    /// x (1 + erf(x / sqrt 2)) / 2.
    RESA_GELU = 1,
    /// x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) / 2.
    RESA_GELU_TANH = 2,
} resa_activation;

/// One query token of attention: it attends to positions up to its own, found through its sequence's block table.
typedef struct resa_attention_row {
    int32_t position;
    const int32_t *blockTable;
} resa_attention_row;

/// How keys and values are held. int8: one symmetric scale per token and head, for the key and for the value.
typedef enum resa_kv_format {
    RESA_KV_F32 = 0,
    RESA_KV_BF16 = 1,
    RESA_KV_INT8 = 2,
} resa_kv_format;

enum {
    /// Positions whose scores are taken together: a row's partial softmax of a chunk, and the unit that tasks may share out. A constant,
    /// because a row's result depends on it.
    RESA_ATTENTION_CHUNK = 512,
    /// Query vectors (rows times heads of one key/value head) of one tile.
    RESA_ATTENTION_QUERIES = 48,
    RESA_ATTENTION_MAX_HEAD_DIM = 512,
    /// Heads are stored this wide, or the next multiple of it.
    RESA_KV_WIDTH_STEP = 16,
};

/// KV cache of one layer: blocks of [kvHeads], each head in one run of `resa_kv_head_bytes`, with width = headDim filled up to 16s.
/// Columns of values come in sections of 64, then at most one of 32 and one of 16, so that a tile of columns is read in order.
/// f32: key [width][32], value [section][32][columns]. bf16: key [width / 2][32][2], value [section][16][columns][2], so that the two
/// elements that a dot product takes together are neighbours. int8: as bf16, followed by the 32 tokens' f32 scales; keys and values are
/// held after a Walsh-Hadamard transform of each head, which spreads out what a few large elements would cost the others.
typedef struct resa_kv_cache {
    void *keys;
    void *values;
    ptrdiff_t kvHeads;
    ptrdiff_t headDim;
    resa_kv_format format;
} resa_kv_cache;

/// What attention needs. `partials` has room for what `resa_attention_plan` counted, `scratch` for `slots` times
/// `resa_attention_scratch_bytes`; `slotTaken` are `slots` zeros, as many as threads.
typedef struct resa_attention {
    resa_kv_cache cache;
    const resa_attention_row *rows;
    ptrdiff_t heads;
    float scale;
    /// Where not 0, a score s (already times `scale`) becomes cap * tanh(s / cap).
    float cap;
    /// Where not 0, a query sees no more than the last `window` positions up to its own. Nothing is read of blocks that no query sees any more.
    int32_t window;
    const float *queries;
    ptrdiff_t queryStride;
    float *outputs;
    ptrdiff_t outputStride;
    float *_Nullable partials;
    char *scratch;
    uint32_t *slotTaken;
    ptrdiff_t slots;
} resa_attention;

/// Chunks firstChunk..<endChunk of rows that share a block table. `partial` is the index of the first row's partial results, or -1 when the
/// task has all chunks of its rows and writes their outputs.
typedef struct resa_attention_task {
    int32_t firstRow, rows, firstChunk, endChunk;
    ptrdiff_t partial;
} resa_attention_task;

/// A tile of a product with a quantised matrix and where its sums go: the driver's business, see resa_quantised.h.
typedef struct resa_quant_tile resa_quant_tile;
typedef struct resa_quant_store resa_quant_store;
/// A row of weights on its way to codes and scales: the driver's business, see resa_search.h.
typedef struct resa_search_row resa_search_row;
/// A matrix of the training passes, see resa_training.h.
typedef struct resa_frozen resa_frozen;

typedef struct resa_kernels {
    const char *name;
    resa_tier tier;

    // GEMM, bf16 weights.

    /// sum[r][c] (+)= x[r] . w[:, c] for `rows` (1...6) rows and 16 * `groups` (1...4) columns, one chain per element over ascending k.
    /// x: bf16 rows, `xStride` elements apart, 2 * pairs long. w: [pairs][16 * groups][2]. sum: rows 64 floats apart, continued when `accumulate`.
    /// While it runs it asks for `aheadLines` (0, 1, 2, 4) cache lines per pair from `ahead` on.
    void (*gemm_tile)(
        ptrdiff_t rows, ptrdiff_t groups, ptrdiff_t pairs, const uint16_t *x, ptrdiff_t xStride, const uint16_t *w, float *sum,
        bool accumulate, const void *ahead, ptrdiff_t aheadLines);
    /// y = sum (+ bias).
    void (*store_row)(ptrdiff_t count, const float *sum, const float *_Nullable bias, float *y);

    // GEMM, quantised weights.

    void (*quant_tile)(const resa_quant_tile *tile);
    void (*quant_store)(const resa_quant_store *store, const float *sum, float *y);
    /// What resa_quantise_row does.
    void (*quantise_groups)(ptrdiff_t group, bool rotated, ptrdiff_t inputs, const float *x, void *row);

    // Products with frozen matrices, where the tier is faster at them than BLAS.

    /// y [rows, count] (+)= x times W^T, or W when `across`: columns first..<first + count of that matrix. Every element is the sum, in order, of
    /// one chain of fused multiply-adds for each part of W that is packed at once.
    void (*_Nullable frozen_block)(
        const resa_frozen *w, bool across, ptrdiff_t first, ptrdiff_t count, ptrdiff_t rows, const float *x, ptrdiff_t xStride, float *y,
        ptrdiff_t yStride, bool add);

    // Rows.

    /// y += a * x.
    void (*axpy)(ptrdiff_t count, float a, const float *x, float *y);
    /// y += x.
    void (*add)(ptrdiff_t count, const float *x, float *y);
    float (*dot)(ptrdiff_t count, const float *a, const float *b);
    float (*sum_of_squares)(ptrdiff_t count, const float *x);
    /// out = x / sqrt(mean(x^2) + epsilon) * weight.
    void (*rms_norm)(ptrdiff_t count, const float *x, const float *weight, float epsilon, float *out);
    /// out = (x - mean(x)) / sqrt(mean((x - mean(x))^2) + epsilon) * weight (+ bias). `out` may be x.
    void (*layer_norm)(
        ptrdiff_t count, const float *x, const float *weight, const float *_Nullable bias, float epsilon, float *out);
    /// x *= a.
    void (*scale)(ptrdiff_t count, float a, float *x);
    /// x = cap * tanh(x / cap).
    void (*cap)(ptrdiff_t count, float cap, float *x);
    /// out = activation(gate) (* up). `out` may be gate, or up.
    void (*activate)(resa_activation activation, ptrdiff_t count, const float *gate, const float *_Nullable up, float *out);
    /// Rotates (x[i], x[i + half]) by (cosine[i], sine[i]).
    void (*rotate_half)(ptrdiff_t half, const float *cosine, const float *sine, float *x);
    /// Rotates (x[2i], x[2i + 1]) by (cosine[i], sine[i]).
    void (*rotate_interleaved)(ptrdiff_t half, const float *cosine, const float *sine, float *x);
    void (*exponential)(ptrdiff_t count, const float *x, float *out);
    /// In place. A row of -infinity gives zeros.
    void (*softmax)(ptrdiff_t count, float *x);
    float (*log_sum_exp)(ptrdiff_t count, const float *x);
    /// x becomes exp((x - largest) * scale) where that is above `least`, else 0 (NaN too); returns the sum.
    float (*draw_weights)(ptrdiff_t count, float largest, float scale, float least, float *x);
    /// The largest element that is not NaN; -infinity when there is none.
    float (*maximum)(ptrdiff_t count, const float *x);
    /// The first index >= start with x[index] > threshold, or count.
    ptrdiff_t (*find_greater)(ptrdiff_t count, const float *x, ptrdiff_t start, float threshold);

    // Rows of a sparse autoencoder, see resa_latents.h. `row` is bf16 when `brain`, else f32.

    /// x . row, with the same bits in every tier: element i belongs to chain i % 64 of fused multiply-adds, ascending; then chain i takes in
    /// chain i + 32, then i + 16, ... i + 1. Never -0.
    float (*ordered_dot)(ptrdiff_t count, const float *x, const void *row, bool brain);
    /// y += a * row.
    void (*add_row)(ptrdiff_t count, float a, const void *row, bool brain, float *y);
    /// The 32 latents of a panel, from their code sums and the panel's lines (latents.h): v = fma(sum, line 0, line 1) lies within
    /// bound = fma(norm, line 2, fma(error, line 3, line 4)). Returns the bits of those whose v + bound is not less than `threshold`; when
    /// there are any, writes v - bound and v + bound of all 32.
    uint32_t (*latent_mask)(
        const float *sums, const float *lines, float norm, float error, float threshold, float *lower, float *upper);

    // Attention.

    /// Writes key and value of one token (k, v [kvHeads * headDim]) to its place in the cache.
    void (*store_kv)(const resa_kv_cache *cache, const resa_attention_row *row, const float *k, const float *v);
    /// One task for the query heads of key/value head `kvHead`. Chunks are taken in ascending order, each with a softmax of its own, and
    /// folded into the result so far; what a row gets never depends on the rows beside it or on where its partials were computed.
    void (*attend)(const resa_attention *call, const resa_attention_task *task, ptrdiff_t kvHead, char *scratch);
    /// Folds the `chunks` partials of one row (the chunks it sees), the first at index `partial`, for the query heads of `kvHead`.
    void (*attend_fold)(const resa_attention *call, ptrdiff_t row, ptrdiff_t partial, ptrdiff_t chunks, ptrdiff_t kvHead);

    // Probes.

    /// Reads `bytes` (a multiple of 256) in order; returns a digest of them so that the reads are not removed.
    uint64_t (*probe_read)(const void *start, ptrdiff_t bytes);
    /// Run `rounds` of the peak instruction mix; return the operations done (a multiply-add counts two).
    double (*probe_f32)(ptrdiff_t rounds);
    double (*probe_bf16)(ptrdiff_t rounds);
    double (*probe_int8)(ptrdiff_t rounds);

    // Packing.

    /// What resa_search_quantise does with one row, with the same bits in every tier.
    void (*quantise_weights)(const resa_search_row *row);
} resa_kernels;

/// The table of a tier, or null when this CPU lacks it.
const resa_kernels *_Nullable resa_kernels_for(resa_tier tier);

// Packed bf16 weights.

/// Elements of W [outputs, inputs] packed into panels.
ptrdiff_t resa_packed_count(ptrdiff_t outputs, ptrdiff_t inputs);
/// Packs rows `firstOutput`..<`firstOutput + rows` (row-major f32, stride `inputs`); firstOutput is a multiple of 64 and rows is 64 or
/// reaches the last output. Values are rounded to nearest even.
void resa_pack_panel(
    ptrdiff_t outputs, ptrdiff_t inputs, ptrdiff_t firstOutput, ptrdiff_t rows, const float *source, uint16_t *packed);
/// As `resa_pack_panel`, from the plain floats (f32, f16, bf16) that row `firstOutput + i` is stored as at `source[i]`, which needs no
/// alignment: the same bits, without the rows in f32 between.
/// Returns the largest magnitude of the source; infinity or NaN when there is any, and then what is packed means nothing.
float resa_pack_stored_panel(
    resa_element type, ptrdiff_t outputs, ptrdiff_t inputs, ptrdiff_t firstOutput, ptrdiff_t rows, const void *_Nonnull const *_Nonnull source,
    uint16_t *packed);
/// Row `output` of W as f32: the exact stored values.
void resa_unpack_row(ptrdiff_t outputs, ptrdiff_t inputs, ptrdiff_t output, const uint16_t *packed, float *out);

/// y (=|+= scale *) x W^T (+ bias). `x` is bf16 with an even, zero-padded row length.
typedef struct resa_gemm_bf16 {
    ptrdiff_t outputs, inputs, rows;
    const uint16_t *packed;
    const uint16_t *x;
    ptrdiff_t xStride;
    float *y;
    ptrdiff_t yStride;
    const float *_Nullable bias;
    bool add;
    float scale;
} resa_gemm_bf16;

/// Elements between rows of a bf16 activation matrix of `inputs` columns.
ptrdiff_t resa_activation_stride(ptrdiff_t inputs);
/// Rounds one row to bf16 (nearest even) and pads it with zeros to `stride`.
void resa_round_row(ptrdiff_t count, ptrdiff_t stride, const float *x, uint16_t *out);
/// Output panels `firstPanel`..<`endPanel` of activation rows `firstRow`..<`endRow`, at most RESA_GEMM_ROWS of them.
void resa_gemm_bf16_panels(
    const resa_kernels *kernels, const resa_gemm_bf16 *gemm, ptrdiff_t firstPanel, ptrdiff_t endPanel, ptrdiff_t firstRow,
    ptrdiff_t endRow);

// KV cache and attention.

/// Bytes of one head in a block of keys, or of values; a block has kvHeads of them.
ptrdiff_t resa_kv_head_bytes(ptrdiff_t headDim, resa_kv_format format);
/// Bytes of scratch memory one running task needs.
ptrdiff_t resa_attention_scratch_bytes(const resa_kv_cache *cache);
/// Floats of one partial result: the weighted values of one query head over one chunk, the largest score and the sum of the weights.
ptrdiff_t resa_attention_partial_count(const resa_kv_cache *cache);
/// Shares `count` rows out into tasks for `threads` threads, each to be run for every key/value head; which tasks there are changes no result.
/// Writes them to `tasks`, and each row's first partial (or -1) to `rowPartials`, unless these are null. Returns the number of tasks, and in
/// `partials` that of partial results.
ptrdiff_t resa_attention_plan(
    const resa_attention *call, ptrdiff_t count, ptrdiff_t threads, resa_attention_task *_Nullable tasks,
    ptrdiff_t *_Nullable rowPartials, ptrdiff_t *partials);
/// Runs a task with one of the scratch slots.
void resa_attention_run(const resa_kernels *kernels, const resa_attention *call, const resa_attention_task *task, ptrdiff_t kvHead);
/// Folds the partials of one row when it has any.
void resa_attention_fold(
    const resa_kernels *kernels, const resa_attention *call, ptrdiff_t row, ptrdiff_t partial, ptrdiff_t kvHead);

// Selection and tables: the same code for every tier.

/// The k largest of a row, descending, ties to the lower index, NaN below everything. Returns min(k, count).
ptrdiff_t resa_top_k(
    const resa_kernels *kernels, ptrdiff_t count, const float *x, ptrdiff_t k, int32_t *indices, float *values);
/// The largest of each of `groups` equal runs of the row, in order of the runs; ties to the lower index. count is a multiple of groups.
void resa_group_max(
    const resa_kernels *kernels, ptrdiff_t count, const float *x, ptrdiff_t groups, int32_t *indices, float *values);
ptrdiff_t resa_argmax(const resa_kernels *kernels, ptrdiff_t count, const float *x);

enum {
    /// Elements whose weights `resa_draw` sums together.
    RESA_DRAW_RUN = 1024,
};

/// Draws an index with probability in proportion to exp(x * scale), among those of at least `least` times the largest weight: the first whose
/// weights up to its own exceed `uniform` (0 to below 1) of their sum. Overwrites x. `sums` holds count / RESA_DRAW_RUN elements, rounded up.
/// NaN has no weight; -1 where the largest element is infinite, or none is a number.
ptrdiff_t resa_draw(
    const resa_kernels *kernels, ptrdiff_t count, float *x, float scale, float least, double uniform, float *sums);
/// cosine and sine of position * frequencies[i], each times `scale`; the angle is rounded to f32 first.
void resa_rotary_row(ptrdiff_t half, int32_t position, const float *frequencies, float scale, float *cosine, float *sine);

#pragma clang assume_nonnull end
