// The tile of bf16 products on AVX-512 with BF16: the dot-product instruction takes two products of bf16 pairs into an f32 lane, flushes denormals and rounds
// to nearest even.

/// One tile; rows and groups are constants in each instance, so the sums live in registers.
static inline __attribute__((always_inline)) void gemm_tile_of(
    const int rows, const int groups, ptrdiff_t pairs, const uint16_t *x, ptrdiff_t xStride, const uint16_t *w, float *sum,
    bool accumulate, const char *ahead, ptrdiff_t aheadLines) {
    __m512 sums[RESA_TILE_ROWS][4];
#pragma clang loop unroll(full)
    for (int r = 0; r < rows; r++) {
#pragma clang loop unroll(full)
        for (int g = 0; g < groups; g++) {
            sums[r][g] = accumulate ? _mm512_loadu_ps(sum + r * RESA_PANEL_COLUMNS + g * 16) : _mm512_setzero_ps();
        }
    }
    for (ptrdiff_t pair = 0; pair < pairs; pair++) {
        __m512bh weights[4];
#pragma clang loop unroll(full)
        for (int g = 0; g < groups; g++) {
            weights[g] = (__m512bh)_mm512_loadu_si512(w + (pair * groups + g) * 32);
        }
#pragma clang loop unroll(full)
        for (int r = 0; r < rows; r++) {
            int32_t two;
            memcpy(&two, x + r * xStride + pair * 2, sizeof two);
            const __m512bh both = (__m512bh)_mm512_set1_epi32(two);
#pragma clang loop unroll(full)
            for (int g = 0; g < groups; g++) { sums[r][g] = _mm512_dpbf16_ps(sums[r][g], weights[g], both); }
        }
        for (ptrdiff_t line = 0; line < aheadLines; line++) { _mm_prefetch(ahead + (pair * aheadLines + line) * 64, _MM_HINT_T1); }
    }
#pragma clang loop unroll(full)
    for (int r = 0; r < rows; r++) {
#pragma clang loop unroll(full)
        for (int g = 0; g < groups; g++) { _mm512_storeu_ps(sum + r * RESA_PANEL_COLUMNS + g * 16, sums[r][g]); }
    }
}

#define GEMM_TILE_LINES(r, g, lines) gemm_tile_of(r, g, pairs, x, xStride, w, sum, accumulate, ahead, lines)
#define GEMM_TILE(r, g) \
    case (r) * 8 + (g): \
        switch (aheadLines) { \
            case 0: GEMM_TILE_LINES(r, g, 0); break; \
            case 1: GEMM_TILE_LINES(r, g, 1); break; \
            case 2: GEMM_TILE_LINES(r, g, 2); break; \
            default: GEMM_TILE_LINES(r, g, 4); break; \
        } \
        break;
#define GEMM_TILES(r) GEMM_TILE(r, 1) GEMM_TILE(r, 2) GEMM_TILE(r, 3) GEMM_TILE(r, 4)

static void gemm_tile(
    ptrdiff_t rows, ptrdiff_t groups, ptrdiff_t pairs, const uint16_t *x, ptrdiff_t xStride, const uint16_t *w, float *sum,
    bool accumulate, const void *ahead, ptrdiff_t aheadLines) {
    switch (rows * 8 + groups) {
        GEMM_TILES(1)
        GEMM_TILES(2)
        GEMM_TILES(3)
        GEMM_TILES(4)
        GEMM_TILES(5)
        GEMM_TILES(6)
        default: break;
    }
}
