// The AVX2 tier: bf16 weights are widened to f32 and take two fused multiply-adds per pair, the even k first.
#if defined(__x86_64__)
#include <math.h>
#include <string.h>

#include "tiers.h"
#include "vector_avx2.h"
#include "vector_exp.h"

#define SCORE_HEADS 2
#define VALUE_HEADS 4
#include "vector_attention.h"
#include "vector_rows.h"

/// `rows` rows by `groups` groups of 16 columns out of panels `width` groups wide; constants in each instance but for `width`.
static inline __attribute__((always_inline)) void tile(
    const int rows, const int groups, ptrdiff_t width, ptrdiff_t pairs, const uint16_t *x, ptrdiff_t xStride, const uint16_t *w,
    float *sum, bool accumulate, const char *ahead, ptrdiff_t aheadLines) {
    __m256 sums[RESA_TILE_ROWS][8];
    const __m256i upper = _mm256_set1_epi32((int)0xffff0000);
#pragma clang loop unroll(full)
    for (int r = 0; r < rows; r++) {
#pragma clang loop unroll(full)
        for (int v = 0; v < groups * 2; v++) {
            sums[r][v] = accumulate ? _mm256_loadu_ps(sum + r * RESA_PANEL_COLUMNS + v * 8) : _mm256_setzero_ps();
        }
    }
    for (ptrdiff_t pair = 0; pair < pairs; pair++) {
        const uint16_t *const weights = w + pair * width * 32;
#pragma clang loop unroll(full)
        for (int v = 0; v < groups * 2; v++) {
            const __m256i both = _mm256_loadu_si256((const __m256i *)(weights + v * 16));
            const __m256 even = _mm256_castsi256_ps(_mm256_slli_epi32(both, 16));
            const __m256 odd = _mm256_castsi256_ps(_mm256_and_si256(both, upper));
#pragma clang loop unroll(full)
            for (int r = 0; r < rows; r++) {
                const uint16_t *const at = x + r * xStride + pair * 2;
                sums[r][v] = _mm256_fmadd_ps(_mm256_set1_ps(resa_widen(at[0])), even, sums[r][v]);
                sums[r][v] = _mm256_fmadd_ps(_mm256_set1_ps(resa_widen(at[1])), odd, sums[r][v]);
            }
        }
        for (ptrdiff_t line = 0; line < aheadLines; line++) { _mm_prefetch(ahead + (pair * aheadLines + line) * 64, _MM_HINT_T1); }
    }
#pragma clang loop unroll(full)
    for (int r = 0; r < rows; r++) {
#pragma clang loop unroll(full)
        for (int v = 0; v < groups * 2; v++) { _mm256_storeu_ps(sum + r * RESA_PANEL_COLUMNS + v * 8, sums[r][v]); }
    }
}

#define TILE(r, g, lines) tile(r, g, width, pairs, x, xStride, w, sum, accumulate, ahead, lines)

/// A single row takes a whole panel at a time, to read it in order; more rows take 16 columns, which fill the registers.
static void tile_columns(
    ptrdiff_t rows, ptrdiff_t groups, ptrdiff_t width, ptrdiff_t pairs, const uint16_t *x, ptrdiff_t xStride, const uint16_t *w,
    float *sum, bool accumulate, const void *ahead, ptrdiff_t aheadLines) {
    switch (rows) {
        case 1:
            if (groups == 4) {
                TILE(1, 4, 4);
            } else {
                TILE(1, 1, 0);
            }
            break;
        case 2: TILE(2, 1, aheadLines); break;
        case 3: TILE(3, 1, aheadLines); break;
        case 4: TILE(4, 1, aheadLines); break;
        case 5: TILE(5, 1, aheadLines); break;
        default: TILE(6, 1, aheadLines); break;
    }
}

static void gemm_tile(
    ptrdiff_t rows, ptrdiff_t groups, ptrdiff_t pairs, const uint16_t *x, ptrdiff_t xStride, const uint16_t *w, float *sum,
    bool accumulate, const void *ahead, ptrdiff_t aheadLines) {
    const ptrdiff_t step = rows == 1 && groups == 4 ? 4 : 1;
    for (ptrdiff_t group = 0; group < groups; group += step) {
        tile_columns(
            rows, step, groups, pairs, x, xStride, w + group * 32, sum + group * 16, accumulate, ahead, group == 0 ? aheadLines : 0);
    }
}

static double probe_f32(ptrdiff_t rounds) {
    __m256 sums[12];
    const __m256 a = _mm256_set1_ps(0.5f);
    for (int i = 0; i < 12; i++) { sums[i] = _mm256_set1_ps((float)i); }
    for (ptrdiff_t round = 0; round < rounds; round++) {
#pragma clang loop unroll(full)
        for (int i = 0; i < 12; i++) { sums[i] = _mm256_fmadd_ps(sums[i], a, a); }
    }
    volatile float sink = 0;
    for (int i = 0; i < 12; i++) { sink += v_sum(sums[i]); }
    return (double)rounds * 12 * 8 * 2;
}

/// No such instruction here: the tile kernel on data in the first-level cache.
static double probe_bf16(ptrdiff_t rounds) {
    enum { PAIRS = 64 };
    _Alignas(64) uint16_t x[RESA_TILE_ROWS * PAIRS * 2], w[PAIRS * 64 * 2];
    _Alignas(64) float sum[RESA_TILE_ROWS * RESA_PANEL_COLUMNS];
    memset(x, 0, sizeof x);
    memset(w, 0, sizeof w);
    for (ptrdiff_t round = 0; round < rounds; round++) {
        gemm_tile(RESA_TILE_ROWS, 4, PAIRS, x, PAIRS * 2, w, sum, round > 0, w, 0);
    }
    volatile float sink = sum[0];
    (void)sink;
    return (double)rounds * RESA_TILE_ROWS * 64 * PAIRS * 2 * 2;
}

#define TIER_TABLE resa_kernels_avx2
#define TIER_NAME "avx2"
#define TIER RESA_TIER_AVX2
#include "vector_table.h"

#pragma clang attribute pop
#else
typedef int resa_no_avx2;
#endif
