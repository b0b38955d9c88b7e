#include "resa_blas.h"

#include <pthread.h>
#include <cblas.h>

static pthread_once_t once = PTHREAD_ONCE_INIT;

/// Threads are ours: OpenBLAS's own would fight the pool, and would split sums by thread.
static void use_one_thread(void) { openblas_set_num_threads(1); }

void resa_blas_tile(
    ptrdiff_t columns, ptrdiff_t inputs, const float *x, ptrdiff_t xStride, const float *w, float *sum, ptrdiff_t sumStride) {
    pthread_once(&once, use_one_thread);
    cblas_sgemm(
        CblasRowMajor, CblasNoTrans, CblasTrans, RESA_BLAS_ROWS, (blasint)columns, (blasint)inputs, 1.0f, x, (blasint)xStride, w,
        (blasint)inputs, 0.0f, sum, (blasint)sumStride);
}

const char *resa_blas_core(void) { return openblas_get_corename(); }
