// What training needs beside the forward kernels: products of any orientation through OpenBLAS, attention that keeps no scores, and the
// backward passes of row operations. Every result is one fixed sequence of operations for given shapes: shared out in blocks of
// constant size, never by thread.
#pragma once

#include "resa_kernels.h"

#pragma clang assume_nonnull begin

/// c [m, n] = alpha * op(a) op(b) (+ c when `add`), row-major; op(a) is [m, k], op(b) is [k, n]. One BLAS thread.
typedef struct resa_product {
    bool transposeA, transposeB, add;
    float alpha;
    ptrdiff_t m, n, k;
    const float *a;
    ptrdiff_t aStride;
    const float *b;
    ptrdiff_t bStride;
    float *c;
    ptrdiff_t cStride;
} resa_product;

void resa_product_run(const resa_product *product);

enum {
    /// A block of a product with a frozen matrix: rows of x, outputs (or inputs) of W, and what is summed before the next part of W is
    /// expanded. 320 * 512 floats of W lie in the second-level cache.
    RESA_FROZEN_ROWS = 384,
    RESA_FROZEN_COLUMNS = 320,
    RESA_FROZEN_DEPTH = 512,
};

/// W [outputs, inputs] row-major, bf16 when `brain`, else f32, that gets no gradient.
struct resa_frozen {
    ptrdiff_t outputs, inputs;
    const void *weights;
    bool brain;
};

/// y [rows, count] (+)= x [rows, inputs] times rows first..<first + count of W, transposed; `y` begins at column `first`.
/// `scratch` holds RESA_FROZEN_COLUMNS * RESA_FROZEN_DEPTH floats; it may be null when W is f32.
void resa_frozen_product(
    const resa_kernels *kernels, const resa_frozen *w, ptrdiff_t first, ptrdiff_t count, ptrdiff_t rows, const float *x,
    ptrdiff_t xStride, float *y, ptrdiff_t yStride, bool add, float *_Nullable scratch);
/// dx [rows, count] (+)= dy [rows, outputs] times columns first..<first + count of W; `dx` begins at column `first`.
void resa_frozen_transposed(
    const resa_kernels *kernels, const resa_frozen *w, ptrdiff_t first, ptrdiff_t count, ptrdiff_t rows, const float *dy,
    ptrdiff_t dyStride, float *dx, ptrdiff_t dxStride, bool add, float *_Nullable scratch);

/// out [columns, rows] = the transpose of x [rows, columns].
void resa_transpose(ptrdiff_t rows, ptrdiff_t columns, const float *x, ptrdiff_t xStride, float *out, ptrdiff_t outStride);

/// Queries whose scores are in memory at once.
enum { RESA_CAUSAL_QUERIES = 64 };

/// One query head over its key/value head: q, k, v, out and their gradients are columns of row-major matrices.
typedef struct resa_causal_head {
    ptrdiff_t rows, headDim;
    float scale;
    const float *q, *k, *v;
    ptrdiff_t qStride, kvStride;
    float *out;
    ptrdiff_t outStride;
} resa_causal_head;

/// out = softmax(q k^T * scale) v for queries first..<first + count (at most RESA_CAUSAL_QUERIES), each over the keys up to its own
/// position. `scratch` holds RESA_CAUSAL_QUERIES * rows floats.
void resa_causal_forward(
    const resa_kernels *kernels, const resa_causal_head *head, ptrdiff_t first, ptrdiff_t count, float *scratch);
/// dq, dk, dv [rows, headDim] of one head from dOut; `head->out` is what the forward pass gave. Gradients are written, not added.
/// `scratch` holds 2 * RESA_CAUSAL_QUERIES * rows floats.
void resa_causal_backward(
    const resa_kernels *kernels, const resa_causal_head *head, const float *dOut, ptrdiff_t dOutStride, float *dq, ptrdiff_t dqStride,
    float *dk, float *dv, ptrdiff_t dkvStride, float *scratch);

/// dx += gradient of x / sqrt(mean(x^2) + epsilon) * weight for the gradient dy of its result. Overwrites dy.
void resa_rms_norm_backward(
    const resa_kernels *kernels, ptrdiff_t count, const float *x, const float *weight, float epsilon, float *dy, float *dx);
/// dGate and dUp of silu(gate) * up for the gradient dy of it.
void resa_swiglu_backward(
    const resa_kernels *kernels, ptrdiff_t count, const float *gate, const float *up, const float *dy, float *dGate, float *dUp);

/// Divergence of the distributions that two rows of logits stand for. `student` becomes its gradient by the student's logits times
/// `weight`. `scratch` holds `count` floats.
/// forward: KL(teacher || student). reverse: KL(student || teacher).
double resa_divergence_row(
    const resa_kernels *kernels, ptrdiff_t count, const float *teacher, float *student, bool reverse, float weight, float *scratch);
/// -log softmax(logits)[label]; `logits` becomes its gradient times `weight`.
double resa_cross_entropy_row(const resa_kernels *kernels, ptrdiff_t count, float *logits, ptrdiff_t label, float weight);

/// Constants of one AdamW step (decoupled weight decay, bias-corrected), as PyTorch computes it.
typedef struct resa_adamw {
    float decay;        // 1 - lr * weight decay
    float beta1, beta2;
    float stepSize;     // lr / (1 - beta1^t)
    float rootCorrection;  // sqrt(1 - beta2^t)
    float epsilon;
    float gradientScale;  // what clipping multiplies gradients with
} resa_adamw;

void resa_adamw_step(const resa_adamw *step, ptrdiff_t count, float *parameters, const float *gradients, float *first, float *second);
double resa_sum_of_squares(ptrdiff_t count, const float *x);

/// out = x with each element kept with probability 1 - `rate` and then divided by it, else 0. Which are kept follows from `key` and the
/// element's number `first + i` alone.
void resa_dropout_row(ptrdiff_t count, uint64_t key, uint64_t first, float rate, const float *x, float *out);

/// `count` numbers uniform in [-bound, bound), which follow from `key` alone.
void resa_uniform(ptrdiff_t count, uint64_t key, float bound, float *out);

/// Rounds to f16, to nearest even.
void resa_round_half(ptrdiff_t count, const float *x, uint16_t *out);

#pragma clang assume_nonnull end
