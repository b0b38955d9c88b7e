#include "resa_blas.h"

#include <pthread.h>
#include <cblas.h>

static pthread_once_t once = PTHREAD_ONCE_INIT;

/// Threads are ours: OpenBLAS's own would fight the pool, and would split sums by thread.
static void use_one_thread(void) { openblas_set_num_threads(1); }

void resa_blas_use_one_thread(void) { pthread_once(&once, use_one_thread); }

// x stands on the side of the product that BLAS kernels lay along vector lanes. Its 16 rows then go through the same instructions on every
// processor. On the other side, kernels for some processors take 12 rows one way and the remaining 4 another, with other roundings.
void resa_blas_tile(ptrdiff_t columns, ptrdiff_t inputs, const float *x, ptrdiff_t xStride, const float *w, float *sum) {
    resa_blas_use_one_thread();
    for (ptrdiff_t k = 0; k < inputs; k += RESA_BLAS_INPUTS) {
        const ptrdiff_t some = inputs - k < RESA_BLAS_INPUTS ? inputs - k : RESA_BLAS_INPUTS;
        cblas_sgemm(
            CblasColMajor, CblasTrans, CblasNoTrans, RESA_BLAS_ROWS, (blasint)columns, (blasint)some, 1.0f, x + k, (blasint)xStride,
            w + k, (blasint)inputs, k == 0 ? 0.0f : 1.0f, sum, RESA_BLAS_ROWS);
    }
}

void resa_blas_row(ptrdiff_t columns, const float *sum, ptrdiff_t row, float *out) {
    for (ptrdiff_t c = 0; c < columns; c++) { out[c] = sum[c * RESA_BLAS_ROWS + row]; }
}

const char *resa_blas_core(void) { return openblas_get_corename(); }
