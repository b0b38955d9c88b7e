// The AVX2 tier: bf16 weights are widened to f32 and take two fused multiply-adds per pair, the even k first.
#if defined(__x86_64__)
#include <math.h>
#include <string.h>

#include "quantised.h"
#include "tiers.h"
#include "vector_avx2.h"
#include "vector_exp.h"

#include "dots_avx2.h"
#include "vector_products.h"
#include "vector_kv.h"
#include "vector_attention.h"
#include "vector_rows.h"
#include "vector_latents.h"

enum {
    /// Pairs at a time: their x, widened to f32, stays in the first-level cache.
    STRIP = 256,
};

/// x of a strip as f32.
typedef float widened[STRIP * 2];

/// `rows` rows by `vectors` vectors of 8 columns out of panels `width` groups of 16 wide; constants in each instance but for `width`. One half
/// of a pair at a time, so that a broadcast serves all vectors and six rows leave registers for their weights.
static inline __attribute__((always_inline)) void tile(
    const int rows, const int vectors, ptrdiff_t width, ptrdiff_t pairs, const widened *x, const uint16_t *w, float *sum, bool accumulate,
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
static void strip_tile(
    ptrdiff_t rows, ptrdiff_t groups, ptrdiff_t pairs, const widened *x, const uint16_t *w, float *sum, bool accumulate,
    const char *ahead, ptrdiff_t aheadLines) {
    if (rows == 1 && groups == 4) {
        tile(1, 8, 4, pairs, x, w, sum, accumulate, ahead, 4);
        return;
    }
    if (rows == 1 && groups == 2) {
        tile(1, 4, 2, pairs, x, w, sum, accumulate, ahead, 2);
        return;
    }
    for (ptrdiff_t group = 0; group < groups; group++) {
        const uint16_t *const weights = w + group * 32;
        float *const target = sum + group * 16;
        // Each group asks for its share, so that memory works as long as arithmetic does.
        const ptrdiff_t lines = groups == 4 ? group < aheadLines : group == 0 ? aheadLines : 0;
        const char *const share = groups == 4 ? ahead + group * pairs * 64 : ahead;
        switch (rows) {
            case 1: tile(1, 2, groups, pairs, x, weights, target, accumulate, share, lines); break;
            case 2: tile(2, 2, groups, pairs, x, weights, target, accumulate, share, lines); break;
            case 3: tile(3, 2, groups, pairs, x, weights, target, accumulate, share, lines); break;
            case 4: tile(4, 2, groups, pairs, x, weights, target, accumulate, share, lines); break;
            case 5: tile(5, 2, groups, pairs, x, weights, target, accumulate, share, lines); break;
            default: tile(6, 2, groups, pairs, x, weights, target, accumulate, share, lines); break;
        }
    }
}

static void gemm_tile(
    ptrdiff_t rows, ptrdiff_t groups, ptrdiff_t pairs, const uint16_t *x, ptrdiff_t xStride, const uint16_t *w, float *sum,
    bool accumulate, const void *ahead, ptrdiff_t aheadLines) {
    widened strip[RESA_TILE_ROWS];
    for (ptrdiff_t start = 0; start < pairs; start += STRIP) {
        const ptrdiff_t length = pairs - start < STRIP ? pairs - start : STRIP;
        for (ptrdiff_t r = 0; r < rows; r++) {
            for (ptrdiff_t k = 0; k < length * 2; k++) { strip[r][k] = resa_widen(x[r * xStride + start * 2 + k]); }
        }
        const uint16_t *const weights = w + start * groups * 32;
        // A stream is asked for a strip ahead, as its groups read each strip several times.
        const bool streams = rows > 1 && (const char *)ahead - (const char *)w < STRIP * groups * 64;
        const char *const lines = streams ? (const char *)(weights + length * groups * 32) : (const char *)ahead + start * aheadLines * 64;
        strip_tile(rows, groups, length, strip, weights, sum, accumulate || start > 0, lines, aheadLines);
    }
    if (pairs == 0 && !accumulate) { memset(sum, 0, (size_t)rows * RESA_PANEL_COLUMNS * sizeof *sum); }
}

static uint64_t probe_read(const void *start, ptrdiff_t bytes) {
    const char *const p = start;
    __m256i digests[8];
    for (int i = 0; i < 8; i++) { digests[i] = _mm256_setzero_si256(); }
    for (ptrdiff_t offset = 0; offset < bytes; offset += 256) {
        for (int line = 0; line < 4; line++) { _mm_prefetch(p + offset + 512 + line * 64, _MM_HINT_T1); }
#pragma clang loop unroll(full)
        for (int i = 0; i < 8; i++) { digests[i] = _mm256_xor_si256(digests[i], _mm256_loadu_si256((const __m256i *)(p + offset + i * 32))); }
    }
    for (int i = 1; i < 8; i++) { digests[0] = _mm256_xor_si256(digests[0], digests[i]); }
    uint64_t words[4], digest = 0;
    memcpy(words, digests, sizeof words);
    for (int i = 0; i < 4; i++) { digest ^= words[i]; }
    return digest;
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
#define TIER_FROZEN_BLOCK resa_frozen_block_avx2
#define TIER_FUNCTION(name) name##_avx2
#include "vector_table.h"

#pragma clang attribute pop
#else
typedef int resa_no_avx2;
#endif
