// Products for training through OpenBLAS, one BLAS thread each, where the tier has no block of its own for them. Frozen bf16 weights are
// expanded block by block into cache.
#include "resa_blas.h"
#include "resa_elements.h"
#include "resa_training.h"
#include "sizes.h"

#include <cblas.h>
#include <string.h>

void resa_product_run(const resa_product *p) {
    resa_blas_use_one_thread();
    if (p->m == 0 || p->n == 0) { return; }
    cblas_sgemm(
        CblasRowMajor, p->transposeA ? CblasTrans : CblasNoTrans, p->transposeB ? CblasTrans : CblasNoTrans, (blasint)p->m, (blasint)p->n,
        (blasint)p->k, p->alpha, p->a, (blasint)p->aStride, p->b, (blasint)p->bStride, p->add ? 1.0f : 0.0f, p->c, (blasint)p->cStride);
}

/// Rows [row, row + rows) and columns [column, column + columns) of W as f32, rows `columns` apart, or where they lie when they are f32.
static const float *block(
    const resa_frozen *w, ptrdiff_t row, ptrdiff_t rows, ptrdiff_t column, ptrdiff_t columns, float *scratch, ptrdiff_t *stride) {
    if (!w->brain) {
        *stride = w->inputs;
        return (const float *)w->weights + row * w->inputs + column;
    }
    *stride = columns;
    for (ptrdiff_t r = 0; r < rows; r++) {
        resa_expand(
            RESA_ELEMENT_BF16, (const uint16_t *)w->weights + (row + r) * w->inputs + column, columns, scratch + r * columns);
    }
    return scratch;
}

/// Where W is expanded the tier's own block saves a pass over it; BLAS is faster at f32 as it lies.
static bool has_block(const resa_kernels *kernels, const resa_frozen *w) { return w->brain && kernels->frozen_block != NULL; }

/// Where nothing has to be expanded BLAS may have all of the sum at once.
static ptrdiff_t depth_at(const resa_frozen *w, ptrdiff_t left) { return w->brain ? smaller(RESA_FROZEN_DEPTH, left) : left; }

void resa_frozen_product(
    const resa_kernels *kernels, const resa_frozen *w, ptrdiff_t first, ptrdiff_t count, ptrdiff_t rows, const float *x,
    ptrdiff_t xStride, float *y, ptrdiff_t yStride, bool add, float *scratch) {
    if (has_block(kernels, w)) {
        kernels->frozen_block(w, false, first, count, rows, x, xStride, y, yStride, add);
        return;
    }
    for (ptrdiff_t k = 0, depth; k < w->inputs; k += depth) {
        depth = depth_at(w, w->inputs - k);
        ptrdiff_t stride;
        const float *const b = block(w, first, count, k, depth, scratch, &stride);
        resa_product_run(&(resa_product){
            .transposeB = true, .add = add || k > 0, .alpha = 1, .m = rows, .n = count, .k = depth, .a = x + k, .aStride = xStride,
            .b = b, .bStride = stride, .c = y, .cStride = yStride});
    }
}

void resa_frozen_transposed(
    const resa_kernels *kernels, const resa_frozen *w, ptrdiff_t first, ptrdiff_t count, ptrdiff_t rows, const float *dy,
    ptrdiff_t dyStride, float *dx, ptrdiff_t dxStride, bool add, float *scratch) {
    if (has_block(kernels, w)) {
        kernels->frozen_block(w, true, first, count, rows, dy, dyStride, dx, dxStride, add);
        return;
    }
    for (ptrdiff_t k = 0, depth; k < w->outputs; k += depth) {
        depth = depth_at(w, w->outputs - k);
        ptrdiff_t stride;
        const float *const b = block(w, k, depth, first, count, scratch, &stride);
        resa_product_run(&(resa_product){
            .add = add || k > 0, .alpha = 1, .m = rows, .n = count, .k = depth, .a = dy + k, .aStride = dyStride, .b = b,
            .bStride = stride, .c = dx, .cStride = dxStride});
    }
}

void resa_transpose(ptrdiff_t rows, ptrdiff_t columns, const float *x, ptrdiff_t xStride, float *out, ptrdiff_t outStride) {
    enum { TILE = 16 };
    for (ptrdiff_t row = 0; row < rows; row += TILE) {
        const ptrdiff_t end = smaller(row + TILE, rows);
        for (ptrdiff_t column = 0; column < columns; column++) {
            for (ptrdiff_t r = row; r < end; r++) { out[column * outStride + r] = x[r * xStride + column]; }
        }
    }
}

/// scores [count, keys] of queries first..., softmaxed, with zeros behind each query's own position. keys = first + count.
static void weights_of(
    const resa_kernels *kernels, const resa_causal_head *h, ptrdiff_t first, ptrdiff_t count, float *scores) {
    const ptrdiff_t keys = first + count;
    resa_product_run(&(resa_product){
        .transposeB = true, .alpha = h->scale, .m = count, .n = keys, .k = h->headDim, .a = h->q + first * h->qStride,
        .aStride = h->qStride, .b = h->k, .bStride = h->kvStride, .c = scores, .cStride = keys});
    for (ptrdiff_t i = 0; i < count; i++) {
        const ptrdiff_t visible = first + i + 1;
        kernels->softmax(visible, scores + i * keys);
        memset(scores + i * keys + visible, 0, (size_t)(keys - visible) * sizeof(float));
    }
}

void resa_causal_forward(
    const resa_kernels *kernels, const resa_causal_head *h, ptrdiff_t first, ptrdiff_t count, float *scratch) {
    weights_of(kernels, h, first, count, scratch);
    const ptrdiff_t keys = first + count;
    resa_product_run(&(resa_product){
        .alpha = 1, .m = count, .n = h->headDim, .k = keys, .a = scratch, .aStride = keys, .b = h->v, .bStride = h->kvStride,
        .c = h->out + first * h->outStride, .cStride = h->outStride});
}

// With P = softmax(S), out = P V: dV = P^T dO; dP = dO V^T; dS = P * (dP - rowsum(dO * out)); S = scale q k^T.
void resa_causal_backward(
    const resa_kernels *kernels, const resa_causal_head *h, const float *dOut, ptrdiff_t dOutStride, float *dq, ptrdiff_t dqStride,
    float *dk, float *dv, ptrdiff_t dkvStride, float *scratch) {
    float *const weights = scratch, *const slopes = scratch + RESA_CAUSAL_QUERIES * h->rows;
    for (ptrdiff_t row = 0; row < h->rows; row++) {
        memset(dk + row * dkvStride, 0, (size_t)h->headDim * sizeof(float));
        memset(dv + row * dkvStride, 0, (size_t)h->headDim * sizeof(float));
    }
    for (ptrdiff_t first = 0; first < h->rows; first += RESA_CAUSAL_QUERIES) {
        const ptrdiff_t count = smaller(RESA_CAUSAL_QUERIES, h->rows - first), keys = first + count;
        const float *const dO = dOut + first * dOutStride;
        weights_of(kernels, h, first, count, weights);
        resa_product_run(&(resa_product){
            .transposeA = true, .add = true, .alpha = 1, .m = keys, .n = h->headDim, .k = count, .a = weights, .aStride = keys,
            .b = dO, .bStride = dOutStride, .c = dv, .cStride = dkvStride});
        resa_product_run(&(resa_product){
            .transposeB = true, .alpha = 1, .m = count, .n = keys, .k = h->headDim, .a = dO, .aStride = dOutStride, .b = h->v,
            .bStride = h->kvStride, .c = slopes, .cStride = keys});
        for (ptrdiff_t i = 0; i < count; i++) {
            const float mean = kernels->dot(h->headDim, dO + i * dOutStride, h->out + (first + i) * h->outStride);
            float *const slope = slopes + i * keys;
            const float *const weight = weights + i * keys;
            for (ptrdiff_t j = 0; j < keys; j++) { slope[j] = weight[j] * (slope[j] - mean) * h->scale; }
        }
        resa_product_run(&(resa_product){
            .alpha = 1, .m = count, .n = h->headDim, .k = keys, .a = slopes, .aStride = keys, .b = h->k, .bStride = h->kvStride,
            .c = dq + first * dqStride, .cStride = dqStride});
        resa_product_run(&(resa_product){
            .transposeA = true, .add = true, .alpha = 1, .m = keys, .n = h->headDim, .k = count, .a = slopes, .aStride = keys,
            .b = h->q + first * h->qStride, .bStride = h->qStride, .c = dk, .cStride = dkvStride});
    }
}
