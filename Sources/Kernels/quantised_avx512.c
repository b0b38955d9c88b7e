// The AVX-512 tier of quantised products: one VNNI instruction takes 16 columns times 4 k into int32 lanes.
#if defined(__x86_64__)
#include <math.h>
#include <string.h>

#include "quantised.h"
#include "vector_avx512.h"

/// What a tile's scales look like.
typedef enum { FLAT, FLAT_MINIMA, TWO_LEVEL } scale_kind;

/// Keeps the compiler from moving later loads before the sums so far, which would take more registers than there are.
#define KEEP_ORDER(a, b) __asm__ volatile("" : "+v"(a), "+v"(b)::"memory")

static inline __m512i broadcast_codes(const int8_t *x) {
    int32_t four;
    memcpy(&four, x, sizeof four);
    return _mm512_set1_epi32(four);
}

static inline vf load_halves(const uint8_t *line) { return _mm512_cvtph_ps(_mm256_load_si256((const __m256i *)line)); }
static inline vf load_bytes(const uint8_t *line) {
    return _mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(_mm_load_si128((const __m128i *)line)));
}

/// One tile; rows, bits and kind are constants in each instance, so the sums live in registers.
static inline __attribute__((always_inline)) void tile_of(const int rows, const int bits, const scale_kind kind, const resa_quant_tile *tile) {
    vf y[QUANT_TILE_ROWS][2];
#pragma clang loop unroll(full)
    for (int r = 0; r < rows; r++) {
#pragma clang loop unroll(full)
        for (int c = 0; c < 2; c++) { y[r][c] = tile->accumulate ? v_load(tile->y + r * QUANT_COLUMNS + c * 16) : v_set(0); }
    }
    const ptrdiff_t steps = tile->format.group / QUANT_STEP, rowBytes = tile->rowBytes, aheadLines = tile->aheadLines;
    const uint8_t *w = tile->w, *super = NULL;
    const int8_t *x = tile->x;
    const char *ahead = tile->ahead;
    for (ptrdiff_t group = 0; group < tile->groups; group++) {
        if (kind == TWO_LEVEL && group % (RESA_QUANT_SUPER / QUANT_STEP) == 0) {
            super = w;
            w += 2 * QUANT_LINE;
        }
        const char *const place = (const char *)tile->scales + group * 4;
        const char *const starts = (const char *)tile->starts + group * 4, *const sums = (const char *)tile->sums + group * 4;
        __m512i dots[QUANT_TILE_ROWS][2];
#pragma clang loop unroll(full)
        for (int r = 0; r < rows; r++) {
            dots[r][0] = kind == FLAT ? _mm512_set1_epi32(*(const int32_t *)(starts + r * rowBytes)) : _mm512_setzero_si512();
            dots[r][1] = dots[r][0];
        }
        for (ptrdiff_t step = 0; step < steps; step++) {
#pragma clang loop unroll(full)
            for (int quad = 0; quad < QUANT_STEP / 4; quad++) {
                __m512i w0, w1;
                if (bits == 8) {
                    w0 = _mm512_load_si512(w + quad * 128);
                    w1 = _mm512_load_si512(w + quad * 128 + 64);
                } else {
                    const __m512i low = _mm512_set1_epi8(15);
                    w0 = _mm512_load_si512(w + quad / 2 * 128);
                    w1 = _mm512_load_si512(w + quad / 2 * 128 + 64);
                    if (quad % 2 == 1) {
                        w0 = _mm512_srli_epi32(w0, 4);
                        w1 = _mm512_srli_epi32(w1, 4);
                    }
                    w0 = _mm512_and_si512(w0, low);
                    w1 = _mm512_and_si512(w1, low);
                }
#pragma clang loop unroll(full)
                for (int r = 0; r < rows; r++) {
                    const __m512i four = broadcast_codes(x + r * rowBytes + quad * 4);
                    dots[r][0] = _mm512_dpbusd_epi32(dots[r][0], w0, four);
                    dots[r][1] = _mm512_dpbusd_epi32(dots[r][1], w1, four);
                    KEEP_ORDER(dots[r][0], dots[r][1]);
                }
            }
            w += QUANT_COLUMNS * QUANT_STEP * bits / 8;
            x += QUANT_STEP;
            for (ptrdiff_t line = 0; line < aheadLines; line++) { _mm_prefetch(ahead + line * QUANT_LINE, _MM_HINT_T1); }
            ahead += aheadLines * QUANT_LINE;
        }
        vf scale[2], minimum[2];
#pragma clang loop unroll(full)
        for (int c = 0; c < 2; c++) {
            if (kind == TWO_LEVEL) {
                scale[c] = v_mul(load_halves(super + c * 32), load_bytes(w + c * 16));
                minimum[c] = v_mul(load_halves(super + QUANT_LINE + c * 32), load_bytes(w + QUANT_COLUMNS + c * 16));
            } else {
                scale[c] = load_halves(w + c * 32);
                if (kind == FLAT_MINIMA) { minimum[c] = load_halves(w + QUANT_LINE + c * 32); }
            }
        }
        w += kind == FLAT_MINIMA ? 2 * QUANT_LINE : QUANT_LINE;
#pragma clang loop unroll(full)
        for (int r = 0; r < rows; r++) {
            const vf scaleX = v_set(*(const float *)(place + r * rowBytes));
#pragma clang loop unroll(full)
            for (int c = 0; c < 2; c++) {
                y[r][c] = v_fma(_mm512_cvtepi32_ps(dots[r][c]), v_mul(scale[c], scaleX), y[r][c]);
                if (kind == FLAT) { continue; }
                const vf sum = v_set(*(const float *)(sums + r * rowBytes));
                y[r][c] = kind == TWO_LEVEL ? v_fnma(minimum[c], sum, y[r][c]) : v_fma(minimum[c], sum, y[r][c]);
            }
        }
    }
#pragma clang loop unroll(full)
    for (int r = 0; r < rows; r++) {
#pragma clang loop unroll(full)
        for (int c = 0; c < 2; c++) { v_store(tile->y + r * QUANT_COLUMNS + c * 16, y[r][c]); }
    }
}

#define TILE(rows, bits, kind) \
    case rows: tile_of(rows, bits, kind, tile); break;
#define TILES(name, bits, kind) \
    static void name(const resa_quant_tile *tile) { \
        switch (tile->rows) { \
            TILE(1, bits, kind) \
            TILE(2, bits, kind) \
            TILE(3, bits, kind) \
            TILE(4, bits, kind) \
            TILE(5, bits, kind) \
            TILE(6, bits, kind) \
            default: break; \
        } \
    }

TILES(tile8_flat, 8, FLAT)
TILES(tile8_minima, 8, FLAT_MINIMA)
TILES(tile8_two_level, 8, TWO_LEVEL)
TILES(tile4_flat, 4, FLAT)
TILES(tile4_minima, 4, FLAT_MINIMA)
TILES(tile4_two_level, 4, TWO_LEVEL)

void resa_quant_tile_avx512(const resa_quant_tile *tile) {
    const resa_quant_format format = tile->format;
    if (format.bits == 8) {
        if (format.twoLevel) { tile8_two_level(tile); } else if (format.minima) { tile8_minima(tile); } else { tile8_flat(tile); }
    } else {
        if (format.twoLevel) { tile4_two_level(tile); } else if (format.minima) { tile4_minima(tile); } else { tile4_flat(tile); }
    }
}

// Words for rows and their codes.

typedef __m512i vi;
/// Lane i takes lane i ^ stride.
static inline __attribute__((always_inline)) vf v_exchange(vf v, const int stride) {
    switch (stride) {
        case 1: return _mm512_permute_ps(v, 0xb1);
        case 2: return _mm512_permute_ps(v, 0x4e);
        case 4: return _mm512_shuffle_f32x4(v, v, 0xb1);
        default: return _mm512_shuffle_f32x4(v, v, 0x4e);
    }
}
/// -1 in the lanes i with i & stride, else 1.
static inline __attribute__((always_inline)) vf v_signs(const int stride) {
    return v_select(stride == 1 ? 0xaaaa : stride == 2 ? 0xcccc : stride == 4 ? 0xf0f0 : 0xff00, v_set(-1), v_set(1));
}
static inline vi v_magnitudes(vf v) { return _mm512_and_si512(_mm512_castps_si512(v), _mm512_set1_epi32(0x7fffffff)); }
static inline vi v_larger(vi a, vi b) { return _mm512_max_epu32(a, b); }
static inline uint32_t v_largest_bits(vi v) { return _mm512_reduce_max_epu32(v); }
/// The whole number nearest to x * inverse, ties to even. A product that is NaN (infinity times 0) gives the least int32; a mask
/// would cost more than the scale NaN, which such a group has anyway.
static inline __m512i nearest(vf x, vf inverse) { return _mm512_cvtps_epi32(v_mul(x, inverse)); }
/// Stores a group's codes and returns their sum.
static inline __attribute__((always_inline)) int32_t v_codes(const int group, float inverse, const float *x, int8_t *target) {
    const vf factor = v_set(inverse);
    if (group == 32) {
        const __m512i first = nearest(v_load(x), factor), second = nearest(v_load(x + 16), factor);
        _mm_storeu_si128((__m128i *)target, _mm512_cvtepi32_epi8(first));
        _mm_storeu_si128((__m128i *)(target + 16), _mm512_cvtepi32_epi8(second));
        return _mm512_reduce_add_epi32(_mm512_add_epi32(first, second));
    }
    __m512i sum = _mm512_setzero_si512();
#pragma clang loop unroll(full)
    for (int start = 0; start < group; start += 64) {
        const __m512i a = nearest(v_load(x + start), factor), b = nearest(v_load(x + start + 16), factor);
        const __m512i c = nearest(v_load(x + start + 32), factor), d = nearest(v_load(x + start + 48), factor);
        // Packing works in 128-bit lanes: the four bytes of lane l from vector v end at 32-bit place 4 l + v, and belong to 4 v + l.
        const __m512i mixed = _mm512_packs_epi16(_mm512_packs_epi32(a, b), _mm512_packs_epi32(c, d));
        const __m512i order = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
        _mm512_storeu_si512(target + start, _mm512_permutexvar_epi32(order, mixed));
        sum = _mm512_dpbusd_epi32(sum, _mm512_set1_epi8(1), mixed);
    }
    return _mm512_reduce_add_epi32(sum);
}

#define QUANT_STORE resa_quant_store_avx512
#define QUANTISE_GROUPS resa_quantise_groups_avx512
#include "vector_quantised.h"

double resa_probe_int8_avx512(ptrdiff_t rounds) {
    __m512i sums[16];
    const __m512i a = _mm512_set1_epi8(1);
    for (int i = 0; i < 16; i++) { sums[i] = _mm512_set1_epi32(i); }
    for (ptrdiff_t round = 0; round < rounds; round++) {
#pragma clang loop unroll(full)
        for (int i = 0; i < 16; i++) { sums[i] = _mm512_dpbusd_epi32(sums[i], a, a); }
    }
    volatile int32_t sink = 0;
    for (int i = 0; i < 16; i++) { sink += _mm512_reduce_add_epi32(sums[i]); }
    return (double)rounds * 16 * 64 * 2;
}

#pragma clang attribute pop
#else
typedef int resa_no_quantised_avx512;
#endif
