// Formulas: the GGUF specification's block layouts. A block's scale `d` and offset `m` are f16; all arithmetic is f32, one rounding
// per operation, so the results are the format's own, bit for bit.
#include "resa_elements.h"

#include <string.h>

#include "expansion/floats.h"

static inline uint16_t load16(const uint8_t *bytes) {
    uint16_t value;
    memcpy(&value, bytes, sizeof value);
    return value;
}

static inline uint32_t load32(const uint8_t *bytes) {
    uint32_t value;
    memcpy(&value, bytes, sizeof value);
    return value;
}

static void expand_f16(const uint8_t *source, ptrdiff_t count, float *out) {
    for (ptrdiff_t i = 0; i < count; i++) { out[i] = resa_half_at(source + 2 * i); }
}

static void expand_bf16(const uint8_t *source, ptrdiff_t count, float *out) {
    for (ptrdiff_t i = 0; i < count; i++) { out[i] = resa_float_of_bits((uint32_t)load16(source + 2 * i) << 16); }
}

// Blocks of 32.

/// d, 32 x int8.
static void expand_q8_0(const uint8_t *block, float *out) {
    const float d = resa_half_at(block);
    for (int i = 0; i < 32; i++) { out[i] = d * (float)(int8_t)block[2 + i]; }
}

/// d, 16 bytes of nibbles: low ones first, then high ones.
static void expand_q4_0(const uint8_t *block, float *out) {
    const float d = resa_half_at(block);
    for (int i = 0; i < 16; i++) {
        out[i] = d * (float)((block[2 + i] & 15) - 8);
        out[i + 16] = d * (float)((block[2 + i] >> 4) - 8);
    }
}

/// d, m, nibbles.
static void expand_q4_1(const uint8_t *block, float *out) {
    const float d = resa_half_at(block), m = resa_half_at(block + 2);
    for (int i = 0; i < 16; i++) {
        out[i] = d * (float)(block[4 + i] & 15) + m;
        out[i + 16] = d * (float)(block[4 + i] >> 4) + m;
    }
}

/// The five-bit value of element `i` and of element `i + 16`: nibble plus one bit of `high`.
static inline int five_low(const uint8_t *nibbles, uint32_t high, int i) {
    return (nibbles[i] & 15) | (int)((high >> i & 1) << 4);
}
static inline int five_high(const uint8_t *nibbles, uint32_t high, int i) {
    return (nibbles[i] >> 4) | (int)((high >> (i + 16) & 1) << 4);
}

/// d, 32 high bits, nibbles.
static void expand_q5_0(const uint8_t *block, float *out) {
    const float d = resa_half_at(block);
    const uint32_t high = load32(block + 2);
    for (int i = 0; i < 16; i++) {
        out[i] = d * (float)(five_low(block + 6, high, i) - 16);
        out[i + 16] = d * (float)(five_high(block + 6, high, i) - 16);
    }
}

/// d, m, 32 high bits, nibbles.
static void expand_q5_1(const uint8_t *block, float *out) {
    const float d = resa_half_at(block), m = resa_half_at(block + 2);
    const uint32_t high = load32(block + 4);
    for (int i = 0; i < 16; i++) {
        out[i] = d * (float)five_low(block + 8, high, i) + m;
        out[i + 16] = d * (float)five_high(block + 8, high, i) + m;
    }
}

// Super-blocks of 256.

/// Six-bit scale and offset of sub-block `j` (0...7) from the 12 packed bytes of Q4_K and Q5_K.
static inline void packed_scale(const uint8_t *packed, int j, float *scale, float *offset) {
    if (j < 4) {
        *scale = (float)(packed[j] & 63);
        *offset = (float)(packed[j + 4] & 63);
    } else {
        *scale = (float)((packed[j + 4] & 15) | (packed[j - 4] >> 6) << 4);
        *offset = (float)((packed[j + 4] >> 4) | (packed[j] >> 6) << 4);
    }
}

/// d, dmin, 12 bytes of scales, 128 bytes of nibbles; 32 bytes hold sub-block 2p in the low and 2p + 1 in the high nibbles.
static void expand_q4_k(const uint8_t *block, float *out) {
    const float d = resa_half_at(block), dmin = resa_half_at(block + 2);
    for (int j = 0; j < 8; j++) {
        float scale, offset;
        packed_scale(block + 4, j, &scale, &offset);
        const float step = d * scale, minimum = dmin * offset;
        const uint8_t *const nibbles = block + 16 + j / 2 * 32;
        const int shift = j % 2 * 4;
        for (int i = 0; i < 32; i++) { out[j * 32 + i] = step * (float)(nibbles[i] >> shift & 15) - minimum; }
    }
}

/// As Q4_K, with 32 bytes of high bits before the nibbles: bit j of byte i belongs to element i of sub-block j.
static void expand_q5_k(const uint8_t *block, float *out) {
    const float d = resa_half_at(block), dmin = resa_half_at(block + 2);
    const uint8_t *const high = block + 16;
    for (int j = 0; j < 8; j++) {
        float scale, offset;
        packed_scale(block + 4, j, &scale, &offset);
        const float step = d * scale, minimum = dmin * offset;
        const uint8_t *const nibbles = block + 48 + j / 2 * 32;
        const int shift = j % 2 * 4;
        for (int i = 0; i < 32; i++) {
            const int value = (nibbles[i] >> shift & 15) | (high[i] >> j & 1) << 4;
            out[j * 32 + i] = step * (float)value - minimum;
        }
    }
}

/// 128 bytes of low nibbles, 64 bytes of high bit pairs, 16 x int8 scales, d. Each half (128 elements) takes 64 and 32 of those bytes;
/// quarter q of a half has nibble q / 2 of byte (q % 2) * 32 + i and bit pair q of byte i.
static void expand_q6_k(const uint8_t *block, float *out) {
    const float d = resa_half_at(block + 208);
    for (int half = 0; half < 2; half++) {
        for (int q = 0; q < 4; q++) {
            const uint8_t *const low = block + half * 64 + q % 2 * 32;
            const uint8_t *const high = block + 128 + half * 32;
            const uint8_t *const scales = block + 192 + half * 8 + q * 2;
            float *const target = out + half * 128 + q * 32;
            const int lowShift = q / 2 * 4, highShift = q * 2;
            for (int i = 0; i < 32; i++) {
                const int value = ((low[i] >> lowShift & 15) | (high[i] >> highShift & 3) << 4) - 32;
                target[i] = d * (float)(int8_t)scales[i / 16] * (float)value;
            }
        }
    }
}

typedef struct {
    ptrdiff_t elements, bytes;
    void (*expand)(const uint8_t *, float *);
} block_format;

static const block_format formats[] = {
    [RESA_ELEMENT_F32] = {1, 4, NULL},
    [RESA_ELEMENT_F16] = {1, 2, NULL},
    [RESA_ELEMENT_BF16] = {1, 2, NULL},
    [RESA_ELEMENT_Q8_0] = {32, 34, expand_q8_0},
    [RESA_ELEMENT_Q4_0] = {32, 18, expand_q4_0},
    [RESA_ELEMENT_Q4_1] = {32, 20, expand_q4_1},
    [RESA_ELEMENT_Q5_0] = {32, 22, expand_q5_0},
    [RESA_ELEMENT_Q5_1] = {32, 24, expand_q5_1},
    [RESA_ELEMENT_Q4_K] = {256, 144, expand_q4_k},
    [RESA_ELEMENT_Q5_K] = {256, 176, expand_q5_k},
    [RESA_ELEMENT_Q6_K] = {256, 210, expand_q6_k},
};

ptrdiff_t resa_element_block(resa_element type) { return formats[type].elements; }
ptrdiff_t resa_element_block_bytes(resa_element type) { return formats[type].bytes; }

void resa_expand(resa_element type, const void *source, ptrdiff_t count, float *out) {
    const uint8_t *bytes = source;
    switch (type) {
        case RESA_ELEMENT_F32: memcpy(out, bytes, (size_t)count * sizeof(float)); return;
        case RESA_ELEMENT_F16: expand_f16(bytes, count, out); return;
        case RESA_ELEMENT_BF16: expand_bf16(bytes, count, out); return;
        default: break;
    }
    const block_format format = formats[type];
    for (ptrdiff_t i = 0; i < count / format.elements; i++) { format.expand(bytes + i * format.bytes, out + i * format.elements); }
}

/// Whether `count` f16 from byte `first` of each block on are all finite: an exponent of all ones is an infinity or NaN.
static bool scales_are_finite(const uint8_t *source, ptrdiff_t blocks, ptrdiff_t bytes, ptrdiff_t first, ptrdiff_t count) {
    uint32_t odd = 0;
    for (ptrdiff_t block = 0; block < blocks; block++) {
        for (ptrdiff_t i = 0; i < count; i++) { odd |= (load16(source + block * bytes + first + 2 * i) & 0x7c00) == 0x7c00; }
    }
    return odd == 0;
}

bool resa_elements_are_finite(resa_element type, const void *source, ptrdiff_t count) {
    const uint8_t *const bytes = source;
    const ptrdiff_t size = resa_element_block_bytes(type), blocks = count / resa_element_block(type);
    uint32_t odd = 0;
    switch (type) {
        case RESA_ELEMENT_F32:
            for (ptrdiff_t i = 0; i < count; i++) { odd |= (load32(bytes + 4 * i) & 0x7f800000) == 0x7f800000; }
            return odd == 0;
        case RESA_ELEMENT_BF16:
            for (ptrdiff_t i = 0; i < count; i++) { odd |= (load16(bytes + 2 * i) & 0x7f80) == 0x7f80; }
            return odd == 0;
        case RESA_ELEMENT_F16: return scales_are_finite(bytes, count, 2, 0, 1);
        case RESA_ELEMENT_Q8_0:
        case RESA_ELEMENT_Q4_0:
        case RESA_ELEMENT_Q5_0: return scales_are_finite(bytes, blocks, size, 0, 1);
        case RESA_ELEMENT_Q4_1:
        case RESA_ELEMENT_Q5_1:
        case RESA_ELEMENT_Q4_K:
        case RESA_ELEMENT_Q5_K: return scales_are_finite(bytes, blocks, size, 0, 2);
        // The scale comes last.
        case RESA_ELEMENT_Q6_K: return scales_are_finite(bytes, blocks, size, size - 2, 1);
    }
    return true;
}
