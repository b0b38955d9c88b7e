// The two rounds of low-rank updates, on top of the products that other weights take.
#include "resa_lora.h"

#include "quantised/quantised.h"

static inline ptrdiff_t panels(ptrdiff_t columns, ptrdiff_t width) { return (columns + width - 1) / width; }

/// Floats between rows of A x.
static inline ptrdiff_t sum_stride(const resa_lora *update) { return round_up(update->a.outputs, 16); }

/// Bytes of A x in f32; its form for B follows.
static inline ptrdiff_t sum_bytes(const resa_lora *update, ptrdiff_t rows) { return round_up(rows * sum_stride(update) * 4, 64); }

/// Bytes between rows of A x in the form that B takes.
static ptrdiff_t reduced_stride(const resa_lora *update) {
    switch (update->b.kind) {
        case RESA_LORA_F32: return sum_stride(update) * 4;
        case RESA_LORA_BF16: return resa_activation_stride(update->b.inputs) * 2;
        default: return resa_quant_row_bytes(update->b.format, update->b.inputs);
    }
}

static char *reduced(const resa_lora_job *job) {
    return job->update->b.kind == RESA_LORA_F32 ? job->scratch : job->scratch + sum_bytes(job->update, job->rows);
}

ptrdiff_t resa_lora_scratch_bytes(const resa_lora *update, ptrdiff_t rows) {
    const ptrdiff_t more = update->b.kind == RESA_LORA_F32 ? 0 : rows * reduced_stride(update);
    return sum_bytes(update, rows) + round_up(more, 64);
}

/// y (=|+= scale *) x W^T in columns first..<end; the first is a multiple of RESA_LORA_COLUMNS.
static void product(
    const resa_kernels *kernels, const resa_lora_factor *w, ptrdiff_t rows, const char *x, ptrdiff_t xStride, float *y, ptrdiff_t yStride,
    bool add, float scale, ptrdiff_t first, ptrdiff_t end) {
    if (w->kind == RESA_LORA_BF16) {
        const resa_gemm_bf16 gemm = {
            .outputs = w->outputs, .inputs = w->inputs, .rows = rows, .packed = w->weights, .x = (const uint16_t *)x,
            .xStride = xStride / 2, .y = y, .yStride = yStride, .bias = NULL, .add = add, .scale = scale,
        };
        resa_gemm_bf16_panels(kernels, &gemm, first / RESA_PANEL_COLUMNS, panels(end, RESA_PANEL_COLUMNS), 0, rows);
        return;
    }
    if (w->kind == RESA_LORA_QUANTISED) {
        const resa_gemm_quant gemm = {
            .format = w->format, .outputs = w->outputs, .inputs = w->inputs, .rows = rows, .factor = w->factor, .packed = w->weights,
            .x = x, .y = y, .yStride = yStride, .bias = NULL, .add = add, .scale = scale,
        };
        resa_gemm_quant_panels(kernels, &gemm, first / QUANT_COLUMNS, panels(end, QUANT_COLUMNS), 0, rows);
        return;
    }
    const float *const weights = w->weights;
    for (ptrdiff_t column = first; column < end; column += RESA_LORA_COLUMNS) {
        const ptrdiff_t count = end - column < RESA_LORA_COLUMNS ? end - column : RESA_LORA_COLUMNS;
        for (ptrdiff_t row = 0; row < rows; row++) {
            const float *const values = (const float *)(x + row * xStride);
            float sums[RESA_LORA_COLUMNS];
            for (ptrdiff_t i = 0; i < count; i++) { sums[i] = kernels->dot(w->inputs, values, weights + (column + i) * w->inputs); }
            float *const target = y + row * yStride + column;
            if (add) {
                kernels->axpy(count, scale, sums, target);
            } else {
                kernels->store_row(count, sums, NULL, target);
            }
        }
    }
}

void resa_lora_reduce(const resa_kernels *kernels, const resa_lora_job *job) {
    const resa_lora *const update = job->update;
    const ptrdiff_t rank = update->a.outputs, stride = sum_stride(update), rowBytes = reduced_stride(update);
    float *const sums = (float *)job->scratch;
    char *const rows = reduced(job);
    product(kernels, &update->a, job->rows, job->x, job->xStride, sums, stride, false, 1, 0, rank);
    for (ptrdiff_t row = 0; row < job->rows; row++) {
        if (update->b.kind == RESA_LORA_BF16) {
            resa_round_row(rank, rowBytes / 2, sums + row * stride, (uint16_t *)(rows + row * rowBytes));
        } else if (update->b.kind == RESA_LORA_QUANTISED) {
            resa_quantise_row(kernels, update->b.format, rank, sums + row * stride, rows + row * rowBytes);
        }
    }
}

/// y += strength * gain * (y - bias) in columns first..<end.
static void stretch(const resa_lora_job *job, ptrdiff_t first, ptrdiff_t end) {
    const resa_lora *const update = job->update;
    for (ptrdiff_t row = 0; row < job->rows; row++) {
        float *const y = job->y + row * job->yStride;
        for (ptrdiff_t c = first; c < end; c++) { y[c] += update->strength * update->gain[c] * (y[c] - update->bias[c]); }
    }
}

void resa_lora_expand(const resa_kernels *kernels, const resa_lora_job *job, ptrdiff_t firstColumn, ptrdiff_t endColumn) {
    const resa_lora *const update = job->update;
    if (update->gain != NULL) { stretch(job, firstColumn, endColumn); }
    product(
        kernels, &update->b, job->rows, reduced(job), reduced_stride(update), job->y, job->yStride, true, update->scale, firstColumn,
        endColumn);
}
