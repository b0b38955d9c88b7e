// What the files of the weight quantiser share.
#pragma once

#include "expansion/floats.h"
#include "resa_search.h"

/// One row of codes and scales at a time.
struct resa_search_row {
    resa_quant_format format;
    bool search;
    ptrdiff_t inputs;
    float factor;
    const float *x;
    const float *importance;
    uint8_t *codes;
    float *scales, *minima, *superScales, *superMinima;
    uint8_t *subScales, *subMinima;
};

/// `value` rounded to the nearest f16, ties to even, the largest finite one at most.
static inline float resa_search_half(float value) {
    const float magnitude = value < 0 ? -value : value, most = 65504;
    if (magnitude >= most) { return value < 0 ? -most : most; }
    if (magnitude < 0x1p-14f) {
        // Subnormal: a multiple of 2^-24, which the sum's last bit is.
        const float magic = 0x1.8p-1f;
        return value < 0 ? -((magnitude + magic) - magic) : (magnitude + magic) - magic;
    }
    const uint32_t bits = resa_bits_of_float(value);
    return resa_float_of_bits((bits + 0xfff + (bits >> 13 & 1)) & ~(uint32_t)0x1fff);
}
