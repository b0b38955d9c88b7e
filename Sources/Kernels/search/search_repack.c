// GGUF blocks as codes and scales of a quantised matrix: the same integers and the same f16 numbers at other places, so nothing is lost.
// Block layouts: expansion/elements.c.
//
// What one format cannot hold as it stands it may hold shifted: (q - 8) * d is also q * d + (-8 d), and both products are exact in f16
// unless they overflow; and 4- or 5-bit codes are 8-bit codes too. So matrices stacked from different types can keep every value.
#include <string.h>

#include "expansion/floats.h"
#include "resa_search.h"

/// A block type as codes from zero up: values = (code - zero) * scale + minimum.
typedef struct block_type {
    resa_element type;
    /// Codes reach from 0 to 2^bits - 1.
    uint8_t bits;
    /// The code that stands for 0 in types without minima.
    uint8_t zero;
    bool minima, twoLevel;
} block_type;

static const block_type types[] = {
    {RESA_ELEMENT_Q8_0, 8, 128, false, false}, {RESA_ELEMENT_Q5_0, 5, 16, false, false}, {RESA_ELEMENT_Q4_0, 4, 8, false, false},
    {RESA_ELEMENT_Q5_1, 5, 0, true, false},    {RESA_ELEMENT_Q4_1, 4, 0, true, false},   {RESA_ELEMENT_Q5_K, 5, 0, true, true},
    {RESA_ELEMENT_Q4_K, 4, 0, true, true},
};

static const block_type *find(resa_element type) {
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        if (types[i].type == type) { return &types[i]; }
    }
    return NULL;
}

bool resa_search_holds(resa_quant_format format, resa_element type) {
    const block_type *const block = find(type);
    if (block == NULL || format.rotated || format.group != 32 || !resa_quant_supported(format)) { return false; }
    if (block->twoLevel != format.twoLevel || block->bits > format.bits) { return false; }
    return format.minima || !block->minima;
}

/// 32 codes of a block of 32, from zero up; returns the scale and sets the minimum of types that have one.
static float flat_block(resa_element type, const uint8_t *block, uint8_t *codes, float *minimum) {
    const bool five = type == RESA_ELEMENT_Q5_0 || type == RESA_ELEMENT_Q5_1;
    const bool minima = type == RESA_ELEMENT_Q4_1 || type == RESA_ELEMENT_Q5_1;
    const float scale = resa_half_at(block);
    block += 2;
    if (type == RESA_ELEMENT_Q8_0) {
        for (int i = 0; i < 32; i++) { codes[i] = (uint8_t)(block[i] ^ 0x80); }
        return scale;
    }
    if (minima) {
        *minimum = resa_half_at(block);
        block += 2;
    }
    uint32_t high = 0;
    if (five) {
        memcpy(&high, block, sizeof high);
        block += 4;
    }
    for (int i = 0; i < 16; i++) {
        codes[i] = (uint8_t)((block[i] & 15) | (high >> i & 1) << 4);
        codes[i + 16] = (uint8_t)(block[i] >> 4 | (high >> (i + 16) & 1) << 4);
    }
    return scale;
}

/// Six-bit scale and offset of sub-block `j` from the 12 packed bytes of Q4_K and Q5_K.
static void packed_scale(const uint8_t *packed, int j, uint8_t *scale, uint8_t *offset) {
    if (j < 4) {
        *scale = packed[j] & 63;
        *offset = packed[j + 4] & 63;
    } else {
        *scale = (uint8_t)((packed[j + 4] & 15) | (packed[j - 4] >> 6) << 4);
        *offset = (uint8_t)(packed[j + 4] >> 4 | (packed[j] >> 6) << 4);
    }
}

/// 256 codes of a super-block and its eight sub-scales and sub-minima.
static void super_block(resa_element type, const uint8_t *block, uint8_t *codes, uint8_t *scales, uint8_t *minima) {
    const bool five = type == RESA_ELEMENT_Q5_K;
    const uint8_t *const high = block + 16, *const nibbles = five ? block + 48 : block + 16;
    for (int j = 0; j < 8; j++) {
        packed_scale(block + 4, j, scales + j, minima + j);
        for (int i = 0; i < 32; i++) {
            const int low = nibbles[j / 2 * 32 + i] >> j % 2 * 4 & 15;
            codes[j * 32 + i] = (uint8_t)(low | (five ? (high[i] >> j & 1) << 4 : 0));
        }
    }
}

void resa_search_repack(
    resa_quant_format format, resa_element type, ptrdiff_t inputs, const void *blocks, ptrdiff_t row, const resa_search_rows *out) {
    const block_type *const stored = find(type);
    const uint8_t *block = blocks;
    const ptrdiff_t padded = resa_quant_padded_inputs(format, inputs), groups = resa_quant_groups(format, inputs);
    uint8_t *codes = out->codes + row * padded;
    if (stored->twoLevel) {
        const ptrdiff_t supers = inputs / 256;
        for (ptrdiff_t s = 0; s < supers; s++, block += resa_element_block_bytes(type), codes += 256) {
            out->superScales[row * supers + s] = resa_half_at(block);
            out->superMinima[row * supers + s] = resa_half_at(block + 2);
            super_block(type, block, codes, out->subScales + row * groups + s * 8, out->subMinima + row * groups + s * 8);
        }
        return;
    }
    // Codes of types without minima are moved so that the format's zero means 0, or get a minimum that does the same.
    const int shift = format.minima ? 0 : (format.bits == 8 ? 128 : 8) - stored->zero;
    for (ptrdiff_t g = 0; g < groups; g++, block += resa_element_block_bytes(type), codes += 32) {
        float minimum = 0;
        const float scale = flat_block(type, block, codes, &minimum);
        for (int i = 0; i < 32; i++) { codes[i] = (uint8_t)(codes[i] + shift); }
        out->scales[row * groups + g] = scale;
        if (format.minima) { out->minima[row * groups + g] = stored->minima ? minimum : -(float)stored->zero * scale; }
    }
}
