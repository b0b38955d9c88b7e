// f16 and bf16 to f32 and back, without instructions for it.
#pragma once

#include <stdint.h>
#include <string.h>

static inline float resa_float_of_bits(uint32_t bits) {
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static inline uint32_t resa_bits_of_float(float value) {
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

/// Moves exponent and mantissa to their f32 places and scales by 2^112, which also normalises the f16 denormals.
static inline float resa_half_to_float(uint16_t half) {
    const uint32_t magnitude = (uint32_t)(half & 0x7fff) << 13;
    const uint32_t sign = (uint32_t)(half & 0x8000) << 16;
    const uint32_t finite = resa_bits_of_float(resa_float_of_bits(magnitude) * 0x1p112f);
    const uint32_t special = magnitude | 0x7f800000u;
    return resa_float_of_bits(sign | (magnitude >= 0x0f800000u ? special : finite));
}

/// Nearest even; from 65520 on infinite; a NaN stays a quiet NaN.
static inline uint16_t resa_float_to_half(float value) {
    const uint32_t bits = resa_bits_of_float(value), magnitude = bits & 0x7fffffff;
    const uint16_t sign = (uint16_t)(bits >> 16 & 0x8000);
    if (magnitude > 0x7f800000) { return sign | 0x7e00; }
    if (magnitude >= 0x477ff000) { return sign | 0x7c00; }
    if (magnitude < 0x38800000) {
        // A denormal: adding 0.5 leaves the number in units of 2^-24, rounded by the addition, in the low bits.
        return sign | (uint16_t)(resa_bits_of_float(resa_float_of_bits(magnitude) + 0.5f) - 0x3f000000);
    }
    const uint32_t rounded = magnitude + 0xfff + (magnitude >> 13 & 1);
    return sign | (uint16_t)((rounded - 0x38000000) >> 13);
}

/// The f16 number at `bytes`, which needs no alignment.
static inline float resa_half_at(const void *bytes) {
    uint16_t half;
    memcpy(&half, bytes, sizeof half);
    return resa_half_to_float(half);
}

/// A bf16 number.
static inline float resa_widen(uint16_t value) {
    union {
        uint32_t bits;
        float value;
    } u = {.bits = (uint32_t)value << 16};
    return u.value;
}

/// Nearest even; a NaN stays a (quiet) NaN.
static inline uint16_t resa_round(float value) {
    union {
        float value;
        uint32_t bits;
    } u = {.value = value};
    const uint32_t rounded = (u.bits + 0x7fff + (u.bits >> 16 & 1)) >> 16;
    const uint32_t quiet = u.bits >> 16 | 0x40;
    return (uint16_t)((u.bits & 0x7fffffff) > 0x7f800000 ? quiet : rounded);
}
