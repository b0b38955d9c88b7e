// Kernels: the arithmetic of ResaServe in C. It knows numbers, rows and blocks; it knows nothing of layers, files or Swift.
//
// One table of function pointers per instruction-set tier. A process normally uses one tier, chosen once (`resa_kernels_current`);
// tests reach every tier that the CPU has through `resa_kernels_for`. Tiers may differ in the last bits. Within a tier each result
// is one fixed sequence of operations: it never depends on how many rows there are, on the thread or on neighbouring rows.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

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

/// One query token of attention: it attends to positions 0...position, found through its sequence's block table.
typedef struct resa_attention_row {
    int32_t position;
    const int32_t *blockTable;
} resa_attention_row;

/// KV cache of one layer. Key block: [kvHeads][headDim][32]; value block: [kvHeads][32][headDim]; elements f32, or bf16 when `bf16`.
typedef struct resa_kv_cache {
    void *keys;
    void *values;
    ptrdiff_t kvHeads;
    ptrdiff_t headDim;
    bool bf16;
} resa_kv_cache;

/// What `attend` needs; one call of `attend` handles one key/value head for a few rows that share a block table.
typedef struct resa_attention {
    resa_kv_cache cache;
    const resa_attention_row *rows;
    ptrdiff_t heads;
    float scale;
    const float *queries;
    ptrdiff_t queryStride;
    float *outputs;
    ptrdiff_t outputStride;
} resa_attention;

enum {
    /// Rows that share key and value blocks in one call of `attend`.
    RESA_ATTENTION_ROWS = 8,
    RESA_ATTENTION_MAX_HEAD_DIM = 512,
};

/// A tile of a product with a quantised matrix and where its sums go: the driver's business, see resa_quantised.h.
typedef struct resa_quant_tile resa_quant_tile;
typedef struct resa_quant_store resa_quant_store;

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

    // Rows.

    /// y += a * x.
    void (*axpy)(ptrdiff_t count, float a, const float *x, float *y);
    /// y += x.
    void (*add)(ptrdiff_t count, const float *x, float *y);
    float (*dot)(ptrdiff_t count, const float *a, const float *b);
    float (*sum_of_squares)(ptrdiff_t count, const float *x);
    /// out = x / sqrt(mean(x^2) + epsilon) * weight.
    void (*rms_norm)(ptrdiff_t count, const float *x, const float *weight, float epsilon, float *out);
    /// out = gate / (1 + exp(-gate)) * up.
    void (*swiglu)(ptrdiff_t count, const float *gate, const float *up, float *out);
    /// Rotates (x[i], x[i + half]) by (cosine[i], sine[i]).
    void (*rotate_half)(ptrdiff_t half, const float *cosine, const float *sine, float *x);
    /// Rotates (x[2i], x[2i + 1]) by (cosine[i], sine[i]).
    void (*rotate_interleaved)(ptrdiff_t half, const float *cosine, const float *sine, float *x);
    void (*exponential)(ptrdiff_t count, const float *x, float *out);
    /// In place. A row of -infinity gives zeros.
    void (*softmax)(ptrdiff_t count, float *x);
    float (*log_sum_exp)(ptrdiff_t count, const float *x);
    /// The largest element that is not NaN; -infinity when there is none.
    float (*maximum)(ptrdiff_t count, const float *x);
    /// The first index >= start with x[index] > threshold, or count.
    ptrdiff_t (*find_greater)(ptrdiff_t count, const float *x, ptrdiff_t start, float threshold);

    // Attention.

    /// Rows firstRow..<firstRow + rowCount share a block table; query heads of key/value head `kvHead`; key blocks in ascending order
    /// with an online softmax per block of 32.
    void (*attend)(const resa_attention *call, ptrdiff_t firstRow, ptrdiff_t rowCount, ptrdiff_t kvHead);

    // Probes.

    /// Reads `bytes` (a multiple of 256) in order; returns a digest of them so that the reads are not removed.
    uint64_t (*probe_read)(const void *start, ptrdiff_t bytes);
    /// Run `rounds` of the peak instruction mix; return the operations done (a multiply-add counts two).
    double (*probe_f32)(ptrdiff_t rounds);
    double (*probe_bf16)(ptrdiff_t rounds);
    double (*probe_int8)(ptrdiff_t rounds);
} resa_kernels;

/// The table of a tier, or null when this CPU lacks it.
const resa_kernels *_Nullable resa_kernels_for(resa_tier tier);
/// The best tier, or the one that the environment's RESA_ISA (scalar, avx2, avx512) asks for when the CPU has it. Chosen once.
const resa_kernels *resa_kernels_current(void);

// Packed bf16 weights.

/// Elements of W [outputs, inputs] packed into panels.
ptrdiff_t resa_packed_count(ptrdiff_t outputs, ptrdiff_t inputs);
/// Packs rows `firstOutput`..<`firstOutput + rows` (row-major f32, stride `inputs`); firstOutput is a multiple of 64 and rows is 64 or
/// reaches the last output. Values are rounded to nearest even.
void resa_pack_panel(
    ptrdiff_t outputs, ptrdiff_t inputs, ptrdiff_t firstOutput, ptrdiff_t rows, const float *source, uint16_t *packed);
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

/// Writes key and value of one token (row `row` of `k` and `v`, [kvHeads * headDim]) to its place in the cache.
void resa_kv_store(const resa_kv_cache *cache, const resa_attention_row *row, const float *k, const float *v);
/// Task `task` of count * kvHeads: does the rows that begin at its row when that row leads a group, else nothing.
void resa_attention_task(const resa_kernels *kernels, const resa_attention *call, ptrdiff_t count, ptrdiff_t task);

// Selection and tables: the same code for every tier.

/// The k largest of a row, descending, ties to the lower index, NaN below everything. Returns min(k, count).
ptrdiff_t resa_top_k(
    const resa_kernels *kernels, ptrdiff_t count, const float *x, ptrdiff_t k, int32_t *indices, float *values);
/// The largest of each of `groups` equal runs of the row, in order of the runs; ties to the lower index. count is a multiple of groups.
void resa_group_max(
    const resa_kernels *kernels, ptrdiff_t count, const float *x, ptrdiff_t groups, int32_t *indices, float *values);
ptrdiff_t resa_argmax(const resa_kernels *kernels, ptrdiff_t count, const float *x);
/// cosine and sine of position * frequencies[i], each times `scale`; the angle is rounded to f32 first.
void resa_rotary_row(ptrdiff_t half, int32_t position, const float *frequencies, float scale, float *cosine, float *sine);

#pragma clang assume_nonnull end
