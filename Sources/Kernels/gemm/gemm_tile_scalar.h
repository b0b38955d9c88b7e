// The tile of bf16 products for the scalar tier.

/// The product of two bf16 numbers is exact in f32, so a multiply and an add round once, as a fused multiply-add would.
static void gemm_tile(
    ptrdiff_t rows, ptrdiff_t groups, ptrdiff_t pairs, const uint16_t *x, ptrdiff_t xStride, const uint16_t *w, float *sum,
    bool accumulate, const void *ahead, ptrdiff_t aheadLines) {
    (void)ahead, (void)aheadLines;
    const ptrdiff_t columns = groups * RESA_PANEL_STEP;
    for (ptrdiff_t row = 0; row < rows; row++) {
        float *const total = sum + row * RESA_PANEL_COLUMNS;
        if (!accumulate) {
            for (ptrdiff_t c = 0; c < columns; c++) { total[c] = 0; }
        }
        for (ptrdiff_t pair = 0; pair < pairs; pair++) {
            const float x0 = resa_widen(x[row * xStride + 2 * pair]), x1 = resa_widen(x[row * xStride + 2 * pair + 1]);
            const uint16_t *const weights = w + pair * columns * 2;
            for (ptrdiff_t c = 0; c < columns; c++) {
                total[c] += x0 * resa_widen(weights[2 * c]);
                total[c] += x1 * resa_widen(weights[2 * c + 1]);
            }
        }
    }
}
