// The tile of bf16 products on AVX2: weights are widened to f32 and take two fused multiply-adds per pair, the even k first.

enum {
    /// Pairs at a time: their x, widened to f32, stays in the first-level cache.
    GEMM_STRIP = 256,
};

/// x of a strip as f32.
typedef float gemm_widened[GEMM_STRIP * 2];

/// `rows` rows by `vectors` vectors of 8 columns out of panels `width` groups of 16 wide; constants in each instance but for `width`. One half
/// of a pair at a time, so that a broadcast serves all vectors and six rows leave registers for their weights.
static inline __attribute__((always_inline)) void gemm_tile_of(
    const int rows, const int vectors, ptrdiff_t width, ptrdiff_t pairs, const gemm_widened *x, const uint16_t *w, float *sum, bool accumulate,
    const char *ahead, ptrdiff_t aheadLines) {
    __m256 sums[RESA_TILE_ROWS][8];
    const __m256i upper = _mm256_set1_epi32((int)0xffff0000);
#pragma clang loop unroll(full)
    for (int r = 0; r < rows; r++) {
#pragma clang loop unroll(full)
        for (int v = 0; v < vectors; v++) {
            sums[r][v] = accumulate ? _mm256_loadu_ps(sum + r * RESA_PANEL_COLUMNS + v * 8) : _mm256_setzero_ps();
        }
    }
    for (ptrdiff_t pair = 0; pair < pairs; pair++) {
        const uint16_t *const weights = w + pair * width * 32;
#pragma clang loop unroll(full)
        for (int half = 0; half < 2; half++) {
            __m256 factors[8];
#pragma clang loop unroll(full)
            for (int v = 0; v < vectors; v++) {
                const __m256i both = _mm256_loadu_si256((const __m256i *)(weights + v * 16));
                factors[v] = _mm256_castsi256_ps(half == 0 ? _mm256_slli_epi32(both, 16) : _mm256_and_si256(both, upper));
            }
#pragma clang loop unroll(full)
            for (int r = 0; r < rows; r++) {
                const __m256 shared = _mm256_broadcast_ss(&x[r][pair * 2 + half]);
#pragma clang loop unroll(full)
                for (int v = 0; v < vectors; v++) {
                    // In order, or the compiler runs out of registers.
                    __asm__ volatile("vfmadd231ps %2, %1, %0" : "+x"(sums[r][v]) : "x"(factors[v]), "x"(shared));
                }
            }
        }
        for (ptrdiff_t line = 0; line < aheadLines; line++) { _mm_prefetch(ahead + (pair * aheadLines + line) * 64, _MM_HINT_T1); }
    }
#pragma clang loop unroll(full)
    for (int r = 0; r < rows; r++) {
#pragma clang loop unroll(full)
        for (int v = 0; v < vectors; v++) { _mm256_storeu_ps(sum + r * RESA_PANEL_COLUMNS + v * 8, sums[r][v]); }
    }
}

/// A single row takes a whole panel, or one of half the width, at a time, to read it in order; more rows take 16 columns, which fill the
/// registers.
static void gemm_strip_tile(
    ptrdiff_t rows, ptrdiff_t groups, ptrdiff_t pairs, const gemm_widened *x, const uint16_t *w, float *sum, bool accumulate,
    const char *ahead, ptrdiff_t aheadLines) {
    if (rows == 1 && groups == 4) {
        gemm_tile_of(1, 8, 4, pairs, x, w, sum, accumulate, ahead, 4);
        return;
    }
    if (rows == 1 && groups == 2) {
        gemm_tile_of(1, 4, 2, pairs, x, w, sum, accumulate, ahead, 2);
        return;
    }
    for (ptrdiff_t group = 0; group < groups; group++) {
        const uint16_t *const weights = w + group * 32;
        float *const target = sum + group * 16;
        // Each group asks for its share, so that memory works as long as arithmetic does.
        const ptrdiff_t lines = groups == 4 ? group < aheadLines : group == 0 ? aheadLines : 0;
        const char *const share = groups == 4 ? ahead + group * pairs * 64 : ahead;
        switch (rows) {
            case 1: gemm_tile_of(1, 2, groups, pairs, x, weights, target, accumulate, share, lines); break;
            case 2: gemm_tile_of(2, 2, groups, pairs, x, weights, target, accumulate, share, lines); break;
            case 3: gemm_tile_of(3, 2, groups, pairs, x, weights, target, accumulate, share, lines); break;
            case 4: gemm_tile_of(4, 2, groups, pairs, x, weights, target, accumulate, share, lines); break;
            case 5: gemm_tile_of(5, 2, groups, pairs, x, weights, target, accumulate, share, lines); break;
            default: gemm_tile_of(6, 2, groups, pairs, x, weights, target, accumulate, share, lines); break;
        }
    }
}

static void gemm_tile(
    ptrdiff_t rows, ptrdiff_t groups, ptrdiff_t pairs, const uint16_t *x, ptrdiff_t xStride, const uint16_t *w, float *sum,
    bool accumulate, const void *ahead, ptrdiff_t aheadLines) {
    gemm_widened strip[RESA_TILE_ROWS];
    for (ptrdiff_t start = 0; start < pairs; start += GEMM_STRIP) {
        const ptrdiff_t length = pairs - start < GEMM_STRIP ? pairs - start : GEMM_STRIP;
        for (ptrdiff_t r = 0; r < rows; r++) {
            for (ptrdiff_t k = 0; k < length * 2; k++) { strip[r][k] = resa_widen(x[r * xStride + start * 2 + k]); }
        }
        const uint16_t *const weights = w + start * groups * 32;
        // A stream is asked for a strip ahead, as its groups read each strip several times.
        const bool streams = rows > 1 && (const char *)ahead - (const char *)w < GEMM_STRIP * groups * 64;
        const char *const lines = streams ? (const char *)(weights + length * groups * 32) : (const char *)ahead + start * aheadLines * 64;
        gemm_strip_tile(rows, groups, length, strip, weights, sum, accumulate || start > 0, lines, aheadLines);
    }
    if (pairs == 0 && !accumulate) { memset(sum, 0, (size_t)rows * RESA_PANEL_COLUMNS * sizeof *sum); }
}
