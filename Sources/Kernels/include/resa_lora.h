// Low-rank updates: y += scale * B (A x), for rows of which each segment has its own A and B; and before it, where an update has magnitudes
// (DoRA), y += strength * gain * (y - bias).
//
// All segments of one projection, and of projections that share their input, run in two rounds of tasks: first A x of every job, then
// B (A x) of every job, shared out by runs of output columns. The factors are packed as other weights are, and their products are those of
// `resa_gemm_bf16_panels` and `resa_gemm_quant_panels`; f32 factors are rows and take plain dot products. So what a row gets depends on
// nothing but the row and its updates: not on the rows of its job, on the other jobs, or on how tasks are shared out.
#pragma once

#include "resa_kernels.h"
#include "resa_quantised.h"

#pragma clang assume_nonnull begin

enum {
    /// The most rows of a job.
    RESA_LORA_ROWS = 96,
    /// `resa_lora_expand` takes columns from multiples of this on.
    RESA_LORA_COLUMNS = 64,
};

typedef enum resa_lora_kind {
    /// Row-major f32.
    RESA_LORA_F32 = 0,
    RESA_LORA_BF16 = 1,
    RESA_LORA_QUANTISED = 2,
} resa_lora_kind;

/// W [outputs, inputs] of a product x W^T.
typedef struct resa_lora_factor {
    resa_lora_kind kind;
    /// Of quantised weights, with what each of them is multiplied with.
    resa_quant_format format;
    float factor;
    ptrdiff_t outputs, inputs;
    const void *weights;
} resa_lora_factor;

/// A [rank, inputs], B [outputs, rank].
typedef struct resa_lora {
    resa_lora_factor a, b;
    float scale;
    /// [outputs] each; without magnitudes both are NULL.
    const float *_Nullable gain;
    const float *_Nullable bias;
    float strength;
} resa_lora;

/// One update of up to RESA_LORA_ROWS rows.
typedef struct resa_lora_job {
    const resa_lora *update;
    ptrdiff_t rows;
    /// The rows in the form that A takes, `xStride` bytes apart: f32; bf16 as `resa_round_row` leaves it, resa_activation_stride elements
    /// apart; or as `resa_quantise_row` leaves it, resa_quant_row_bytes apart.
    const void *x;
    ptrdiff_t xStride;
    float *y;
    ptrdiff_t yStride;
    /// resa_lora_scratch_bytes of it, 64-byte aligned: A x goes from one round to the other there.
    char *scratch;
} resa_lora_job;

ptrdiff_t resa_lora_scratch_bytes(const resa_lora *update, ptrdiff_t rows);
/// The first round: A x, in the form that B takes.
void resa_lora_reduce(const resa_kernels *kernels, const resa_lora_job *job);
/// The second: the magnitudes, then y += scale * B (A x), in columns `firstColumn`..<`endColumn`; the first is a multiple of RESA_LORA_COLUMNS, and so is the
/// end unless it is the last.
void resa_lora_expand(const resa_kernels *kernels, const resa_lora_job *job, ptrdiff_t firstColumn, ptrdiff_t endColumn);

#pragma clang assume_nonnull end
