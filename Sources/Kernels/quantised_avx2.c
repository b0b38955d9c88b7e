// The AVX2 tier of quantised products. The byte product of this tier saturates at 16 bits, so it takes |code - 128| <= 128 times
// q with the weight's sign: a pair of them is at most 2 * 128 * 127 = 32512.
#if defined(__x86_64__)
#include <math.h>
#include <string.h>

#include "quantised.h"
#include "vector_avx2.h"

/// What a tile's scales look like.
typedef enum { FLAT, FLAT_MINIMA, TWO_LEVEL } scale_kind;

static inline vf load_halves(const uint8_t *line) { return _mm256_cvtph_ps(_mm_load_si128((const __m128i *)line)); }
static inline vf load_bytes(const uint8_t *line) {
    return _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i *)line)));
}

enum {
    /// Rows and vectors of 8 columns whose sums live in registers at a time.
    PART_ROWS = 3,
    PART_VECTORS = 2,
};

/// sum of (code - 128) * x, or code * x for 4 bits, over one group for `rows` rows and 16 columns from `w` on.
static inline __attribute__((always_inline)) void group_dots(
    const int rows, const int bits, ptrdiff_t steps, const uint8_t *w, const int8_t *x, ptrdiff_t rowBytes,
    __m256i dots[PART_ROWS][PART_VECTORS]) {
    const __m256i ones = _mm256_set1_epi16(1), offset = _mm256_set1_epi8((char)128), low = _mm256_set1_epi8(15);
#pragma clang loop unroll(full)
    for (int r = 0; r < rows; r++) {
#pragma clang loop unroll(full)
        for (int v = 0; v < PART_VECTORS; v++) { dots[r][v] = _mm256_setzero_si256(); }
    }
    for (ptrdiff_t quad = 0; quad < steps * (QUANT_STEP / 4); quad++) {
        const uint8_t *const line = w + (bits == 8 ? quad : quad / 2) * (QUANT_COLUMNS * 4);
#pragma clang loop unroll(full)
        for (int v = 0; v < PART_VECTORS; v++) {
            __m256i codes = _mm256_load_si256((const __m256i *)(line + v * 32)), magnitudes;
            if (bits == 8) {
                codes = _mm256_xor_si256(codes, offset);
                magnitudes = _mm256_abs_epi8(codes);
            } else {
                magnitudes = _mm256_and_si256(quad % 2 == 0 ? codes : _mm256_srli_epi16(codes, 4), low);
            }
#pragma clang loop unroll(full)
            for (int r = 0; r < rows; r++) {
                int32_t four;
                memcpy(&four, x + r * rowBytes + quad * 4, sizeof four);
                const __m256i q = _mm256_set1_epi32(four);
                const __m256i pairs = _mm256_maddubs_epi16(magnitudes, bits == 8 ? _mm256_sign_epi8(q, codes) : q);
                dots[r][v] = _mm256_add_epi32(dots[r][v], _mm256_madd_epi16(pairs, ones));
            }
        }
    }
}

/// One tile; rows (up to PART_ROWS, from `firstRow` on), bits and kind are constants in each instance.
static inline __attribute__((always_inline)) void tile_of(
    const int rows, const int bits, const scale_kind kind, const resa_quant_tile *tile, ptrdiff_t firstRow) {
    const ptrdiff_t steps = tile->format.group / QUANT_STEP, rowBytes = tile->rowBytes;
    const ptrdiff_t skipped = firstRow * rowBytes;
    const uint8_t *w = tile->w, *super = NULL;
    const int8_t *x = tile->x + skipped;
    for (ptrdiff_t group = 0; group < tile->groups; group++) {
        if (kind == TWO_LEVEL && group % (RESA_QUANT_SUPER / QUANT_STEP) == 0) {
            super = w;
            w += 2 * QUANT_LINE;
        }
        const char *const place = (const char *)(tile->scales + group) + skipped;
        const char *const starts = (const char *)(tile->starts + group) + skipped, *const sums = (const char *)(tile->sums + group) + skipped;
        const uint8_t *const scales = w + QUANT_COLUMNS * steps * QUANT_STEP * bits / 8;
        for (int part = 0; part < QUANT_COLUMNS / (8 * PART_VECTORS); part++) {
            __m256i dots[PART_ROWS][PART_VECTORS];
            group_dots(rows, bits, steps, w + part * PART_VECTORS * 32, x, rowBytes, dots);
#pragma clang loop unroll(full)
            for (int v = 0; v < PART_VECTORS; v++) {
                const int c = part * PART_VECTORS + v;
                vf scale, minimum = v_set(0);
                if (kind == TWO_LEVEL) {
                    scale = v_mul(load_halves(super + c * 16), load_bytes(scales + c * 8));
                    minimum = v_mul(load_halves(super + QUANT_LINE + c * 16), load_bytes(scales + QUANT_COLUMNS + c * 8));
                } else {
                    scale = load_halves(scales + c * 16);
                    if (kind == FLAT_MINIMA) { minimum = load_halves(scales + QUANT_LINE + c * 16); }
                }
#pragma clang loop unroll(full)
                for (int r = 0; r < rows; r++) {
                    // The products above are with code - 128 at 8 bits, with the code itself at 4.
                    const __m256i start = _mm256_set1_epi32(*(const int32_t *)(starts + r * rowBytes));
                    __m256i dot = dots[r][v];
                    if (bits == 8 && kind != FLAT) { dot = _mm256_sub_epi32(dot, start); }
                    if (bits == 4 && kind == FLAT) { dot = _mm256_add_epi32(dot, start); }
                    float *const y = tile->y + (firstRow + r) * QUANT_COLUMNS + c * 8;
                    const vf before = group > 0 || tile->accumulate ? v_load(y) : v_set(0);
                    vf sum = v_fma(_mm256_cvtepi32_ps(dot), v_mul(scale, v_set(*(const float *)(place + r * rowBytes))), before);
                    const vf sumX = v_set(*(const float *)(sums + r * rowBytes));
                    if (kind == FLAT_MINIMA) { sum = v_fma(minimum, sumX, sum); }
                    if (kind == TWO_LEVEL) { sum = v_fnma(minimum, sumX, sum); }
                    v_store(y, sum);
                }
            }
        }
        w = scales + (kind == FLAT_MINIMA ? 2 * QUANT_LINE : QUANT_LINE);
        x += steps * QUANT_STEP;
    }
}

#define TILES(name, bits, kind) \
    static void name(const resa_quant_tile *tile) { \
        ptrdiff_t row = 0; \
        for (; row + 3 <= tile->rows; row += 3) { tile_of(3, bits, kind, tile, row); } \
        if (tile->rows - row == 2) { tile_of(2, bits, kind, tile, row); } \
        if (tile->rows - row == 1) { tile_of(1, bits, kind, tile, row); } \
    }

TILES(tile8_flat, 8, FLAT)
TILES(tile8_minima, 8, FLAT_MINIMA)
TILES(tile8_two_level, 8, TWO_LEVEL)
TILES(tile4_flat, 4, FLAT)
TILES(tile4_minima, 4, FLAT_MINIMA)
TILES(tile4_two_level, 4, TWO_LEVEL)

void resa_quant_tile_avx2(const resa_quant_tile *tile) {
    const resa_quant_format format = tile->format;
    if (format.bits == 8) {
        if (format.twoLevel) { tile8_two_level(tile); } else if (format.minima) { tile8_minima(tile); } else { tile8_flat(tile); }
    } else {
        if (format.twoLevel) { tile4_two_level(tile); } else if (format.minima) { tile4_minima(tile); } else { tile4_flat(tile); }
    }
}

// Words for rows and their codes.

typedef __m256i vi;
/// Lane i takes lane i ^ stride.
static inline __attribute__((always_inline)) vf v_exchange(vf v, const int stride) {
    switch (stride) {
        case 1: return _mm256_permute_ps(v, 0xb1);
        case 2: return _mm256_permute_ps(v, 0x4e);
        default: return _mm256_permute2f128_ps(v, v, 1);
    }
}
/// -1 in the lanes i with i & stride, else 1.
static inline __attribute__((always_inline)) vf v_signs(const int stride) {
    return stride == 1   ? _mm256_setr_ps(1, -1, 1, -1, 1, -1, 1, -1)
           : stride == 2 ? _mm256_setr_ps(1, 1, -1, -1, 1, 1, -1, -1)
                         : _mm256_setr_ps(1, 1, 1, 1, -1, -1, -1, -1);
}
static inline vi v_magnitudes(vf v) { return _mm256_and_si256(_mm256_castps_si256(v), _mm256_set1_epi32(0x7fffffff)); }
static inline vi v_larger(vi a, vi b) { return _mm256_max_epu32(a, b); }
static inline uint32_t v_largest_bits(vi v) {
    const __m128i four = _mm_max_epu32(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1));
    const __m128i two = _mm_max_epu32(four, _mm_shuffle_epi32(four, 0x4e));
    return (uint32_t)_mm_cvtsi128_si32(_mm_max_epu32(two, _mm_shuffle_epi32(two, 0xb1)));
}
static inline int32_t sum_lanes(vi v) {
    const __m128i four = _mm_add_epi32(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1));
    const __m128i two = _mm_add_epi32(four, _mm_shuffle_epi32(four, 0x4e));
    return _mm_cvtsi128_si32(_mm_add_epi32(two, _mm_shuffle_epi32(two, 0xb1)));
}
/// The whole number nearest to x * inverse, ties to even.
static inline __m256i nearest(vf x, vf inverse) { return _mm256_cvtps_epi32(v_mul(x, inverse)); }
/// Stores a group's codes and returns their sum.
static inline __attribute__((always_inline)) int32_t v_codes(const int group, float inverse, const float *x, int8_t *target) {
    const vf factor = v_set(inverse);
    __m256i sum = _mm256_setzero_si256();
#pragma clang loop unroll(full)
    for (int start = 0; start < group; start += 32) {
        const __m256i a = nearest(v_load(x + start), factor), b = nearest(v_load(x + start + 8), factor);
        const __m256i c = nearest(v_load(x + start + 16), factor), d = nearest(v_load(x + start + 24), factor);
        // Packing works in 128-bit lanes: the four bytes of lane l from vector v end at 32-bit place 4 l + v, and belong to 2 v + l.
        const __m256i mixed = _mm256_packs_epi16(_mm256_packs_epi32(a, b), _mm256_packs_epi32(c, d));
        const __m256i codes = _mm256_permutevar8x32_epi32(mixed, _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7));
        _mm256_storeu_si256((__m256i *)(target + start), codes);
        const __m256i pairs = _mm256_maddubs_epi16(_mm256_set1_epi8(1), codes);
        sum = _mm256_add_epi32(sum, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)));
    }
    return sum_lanes(sum);
}

#define QUANT_STORE resa_quant_store_avx2
#define QUANTISE_GROUPS resa_quantise_groups_avx2
#include "vector_quantised.h"

/// The mix of this tier's 8-bit tile: sign, byte product, pair sum, addition.
double resa_probe_int8_avx2(ptrdiff_t rounds) {
    __m256i sums[8];
    const __m256i a = _mm256_set1_epi8(1), ones = _mm256_set1_epi16(1);
    __m256i x = a;
    for (int i = 0; i < 8; i++) { sums[i] = _mm256_set1_epi32(i); }
    for (ptrdiff_t round = 0; round < rounds; round++) {
        // Unknown to the compiler, so that the products are made each time.
        __asm__ volatile("" : "+x"(x));
#pragma clang loop unroll(full)
        for (int i = 0; i < 8; i++) {
            __m256i q = _mm256_sign_epi8(a, x);
            __asm__ volatile("" : "+x"(q));
            sums[i] = _mm256_add_epi32(sums[i], _mm256_madd_epi16(_mm256_maddubs_epi16(a, q), ones));
        }
    }
    volatile int32_t sink = 0;
    for (int i = 0; i < 8; i++) { sink += sum_lanes(sums[i]); }
    return (double)rounds * 8 * 32 * 2;
}

#pragma clang attribute pop
#else
typedef int resa_no_quantised_avx2;
#endif
