// The AVX-512 tier with BF16: the dot-product instruction takes two products of bf16 pairs into an f32 lane, flushes denormals and rounds
// to nearest even.
#if defined(__x86_64__)
#include <math.h>
#include <string.h>

#include "quantised.h"
#include "tiers.h"
#include "vector_avx512.h"
#include "vector_exp.h"

#include "dots_avx512.h"
#include "vector_products.h"
#include "vector_kv.h"
#include "vector_attention.h"
#include "vector_rows.h"
#include "vector_latents.h"

/// One tile; rows and groups are constants in each instance, so the sums live in registers.
static inline __attribute__((always_inline)) void tile(
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

#define TILE_LINES(r, g, lines) tile(r, g, pairs, x, xStride, w, sum, accumulate, ahead, lines)
#define TILE(r, g) \
    case (r) * 8 + (g): \
        switch (aheadLines) { \
            case 0: TILE_LINES(r, g, 0); break; \
            case 1: TILE_LINES(r, g, 1); break; \
            case 2: TILE_LINES(r, g, 2); break; \
            default: TILE_LINES(r, g, 4); break; \
        } \
        break;
#define TILES(r) TILE(r, 1) TILE(r, 2) TILE(r, 3) TILE(r, 4)

static void gemm_tile(
    ptrdiff_t rows, ptrdiff_t groups, ptrdiff_t pairs, const uint16_t *x, ptrdiff_t xStride, const uint16_t *w, float *sum,
    bool accumulate, const void *ahead, ptrdiff_t aheadLines) {
    switch (rows * 8 + groups) {
        TILES(1)
        TILES(2)
        TILES(3)
        TILES(4)
        TILES(5)
        TILES(6)
        default: break;
    }
}

static uint64_t probe_read(const void *start, ptrdiff_t bytes) {
    const char *const p = start;
    __m512i digests[4];
    for (int i = 0; i < 4; i++) { digests[i] = _mm512_setzero_si512(); }
    for (ptrdiff_t offset = 0; offset < bytes; offset += 256) {
        for (int line = 0; line < 4; line++) { _mm_prefetch(p + offset + 512 + line * 64, _MM_HINT_T1); }
#pragma clang loop unroll(full)
        for (int i = 0; i < 4; i++) { digests[i] = _mm512_xor_si512(digests[i], _mm512_loadu_si512(p + offset + i * 64)); }
    }
    for (int i = 1; i < 4; i++) { digests[0] = _mm512_xor_si512(digests[0], digests[i]); }
    uint64_t words[8], digest = 0;
    memcpy(words, digests, sizeof words);
    for (int i = 0; i < 8; i++) { digest ^= words[i]; }
    return digest;
}

static double probe_f32(ptrdiff_t rounds) {
    __m512 sums[16];
    const __m512 a = _mm512_set1_ps(0.5f);
    for (int i = 0; i < 16; i++) { sums[i] = _mm512_set1_ps((float)i); }
    for (ptrdiff_t round = 0; round < rounds; round++) {
#pragma clang loop unroll(full)
        for (int i = 0; i < 16; i++) { sums[i] = _mm512_fmadd_ps(sums[i], a, a); }
    }
    volatile float sink = 0;
    for (int i = 0; i < 16; i++) { sink += _mm512_reduce_add_ps(sums[i]); }
    return (double)rounds * 16 * 16 * 2;
}

static double probe_bf16(ptrdiff_t rounds) {
    __m512 sums[16];
    const __m512bh a = (__m512bh)_mm512_set1_epi32(0x3f003f00);
    for (int i = 0; i < 16; i++) { sums[i] = _mm512_set1_ps((float)i); }
    for (ptrdiff_t round = 0; round < rounds; round++) {
#pragma clang loop unroll(full)
        for (int i = 0; i < 16; i++) { sums[i] = _mm512_dpbf16_ps(sums[i], a, a); }
    }
    volatile float sink = 0;
    for (int i = 0; i < 16; i++) { sink += _mm512_reduce_add_ps(sums[i]); }
    return (double)rounds * 16 * 32 * 2;
}

#define TIER_TABLE resa_kernels_avx512
#define TIER_NAME "avx512"
#define TIER RESA_TIER_AVX512
#define TIER_FROZEN_BLOCK NULL
#define TIER_FUNCTION(name) name##_avx512
#include "vector_table.h"

#pragma clang attribute pop
#else
typedef int resa_no_avx512;
#endif
