// f32 products through OpenBLAS: one BLAS thread per call, called concurrently by the pool's threads.
#pragma once

#include <stddef.h>

enum {
    /// Rows of x in every call, zero-padded, so that a row's result never depends on how many rows there are.
    RESA_BLAS_ROWS = 16,
    /// Output columns and inputs of a block; the last ones of a matrix may be smaller, always by the same amount. 16 * 32 * 1536 stays
    /// below the million products up to which OpenBLAS multiplies without first copying W: twice as fast for 16 rows.
    RESA_BLAS_COLUMNS = 32,
    RESA_BLAS_INPUTS = 1536,
};

/// Called before any product: OpenBLAS then uses the thread that calls it, and no other.
void resa_blas_use_one_thread(void);
/// sum [columns, 16] = W x^T for x [16, inputs] (rows `xStride` apart, at least `inputs` and 1) and `columns` rows of W (row-major,
/// stride `inputs`). inputs is at least 1.
void resa_blas_tile(
    ptrdiff_t columns, ptrdiff_t inputs, const float *_Nonnull x, ptrdiff_t xStride, const float *_Nonnull w, float *_Nonnull sum);
/// Row `row` of a tile's sums: out[columns].
void resa_blas_row(ptrdiff_t columns, const float *_Nonnull sum, ptrdiff_t row, float *_Nonnull out);
/// OpenBLAS's name for the processor it chose its kernels for.
const char *_Nonnull resa_blas_core(void);
