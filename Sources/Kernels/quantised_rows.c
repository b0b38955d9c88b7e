// Quantised activations: what every tier shares, and the plain loops that the vector tiers are tested against.
#include <math.h>
#include <string.h>

#include "quantised.h"

/// One stage of the transform. The stride is a constant in each instance, so that the compiler knows what does not overlap.
static inline __attribute__((always_inline)) void butterflies(ptrdiff_t group, const ptrdiff_t stride, float *x) {
    for (ptrdiff_t start = 0; start < group; start += 2 * stride) {
        for (ptrdiff_t i = start; i < start + stride; i++) {
            const float a = x[i], b = x[i + stride];
            x[i] = a + b;
            x[i + stride] = a - b;
        }
    }
}

/// Unnormalised.
static void hadamard(ptrdiff_t group, float *x) {
    butterflies(group, 1, x);
    butterflies(group, 2, x);
    butterflies(group, 4, x);
    butterflies(group, 8, x);
    butterflies(group, 16, x);
    if (group > 32) { butterflies(group, 32, x); }
    if (group > 64) { butterflies(group, 64, x); }
}

void resa_rotate_groups(ptrdiff_t group, ptrdiff_t count, float *x) {
    for (ptrdiff_t start = 0; start < count; start += group) {
        hadamard(group, x + start);
        for (ptrdiff_t i = start; i < start + group; i++) { x[i] *= quant_rotation_factor(group); }
    }
}

/// The largest magnitude, NaN when one is infinite or NaN.
static float largest_magnitude(ptrdiff_t count, const float *x) {
    float largest = 0;
    for (ptrdiff_t i = 0; i < count; i++) {
        if (!isfinite(x[i])) { return NAN; }
        largest = fabsf(x[i]) > largest ? fabsf(x[i]) : largest;
    }
    return largest;
}

void resa_quantise_groups_scalar(ptrdiff_t group, bool rotated, ptrdiff_t inputs, const float *x, void *row) {
    const quant_row_layout layout = quant_row(group, inputs);
    int8_t *const codes = row;
    char *const bytes = row;
    float *const scales = (float *)(bytes + layout.scales), *const sums = (float *)(bytes + layout.sums);
    int32_t *const starts8 = (int32_t *)(bytes + layout.starts8), *const starts4 = (int32_t *)(bytes + layout.starts4);
    for (ptrdiff_t index = 0; index * group < inputs; index++) {
        float values[128] = {0};
        const ptrdiff_t left = inputs - index * group;
        memcpy(values, x + index * group, (size_t)(left < group ? left : group) * sizeof *values);
        if (rotated) { hadamard(group, values); }
        const float largest = largest_magnitude(group, values);
        const bool zeros = !(largest >= QUANT_SMALLEST);
        const float scale = isnan(largest) ? NAN : zeros ? 0 : largest / 127.0f, inverse = zeros ? 0 : 127.0f / largest;
        int32_t sum = 0;
        for (ptrdiff_t i = 0; i < group; i++) {
            const int32_t code = zeros ? 0 : (int32_t)lrintf(values[i] * inverse);
            codes[index * group + i] = (int8_t)code;
            sum += code;
        }
        scales[index] = rotated ? scale * quant_rotation_factor(group) : scale;
        starts8[index] = -128 * sum;
        starts4[index] = -8 * sum;
        sums[index] = scales[index] * (float)sum;
    }
}

ptrdiff_t resa_quant_row_bytes(resa_quant_format format, ptrdiff_t inputs) { return quant_row(format.group, inputs).bytes; }

void resa_quantise_row(const resa_kernels *kernels, resa_quant_format format, ptrdiff_t inputs, const float *x, void *row) {
    kernels->quantise_groups(format.group, format.rotated, inputs, x, row);
}

void resa_quant_row_values(resa_quant_format format, ptrdiff_t inputs, const void *row, float *out) {
    const int8_t *const codes = row;
    const float *const scales = (const float *)((const char *)row + quant_row(format.group, inputs).scales);
    for (ptrdiff_t i = 0; i < inputs; i++) { out[i] = (float)codes[i] * scales[i / format.group]; }
}

void resa_swiglu_quantise_row(
    const resa_kernels *kernels, resa_quant_format format, ptrdiff_t inputs, const float *gate, const float *up, void *row) {
    // A few groups at a time: they go from one step to the other through the first-level cache.
    enum { STRIP = 1024 };
    const quant_row_layout layout = quant_row(format.group, inputs);
    _Alignas(64) float values[STRIP];
    _Alignas(64) char part[STRIP + STRIP / 32 * 16 + 64];
    for (ptrdiff_t start = 0; start < inputs; start += STRIP) {
        const ptrdiff_t count = inputs - start < STRIP ? inputs - start : STRIP, group = start / format.group;
        const quant_row_layout piece = quant_row(format.group, count);
        const size_t array = (size_t)(piece.starts8 - piece.scales);
        kernels->swiglu(count, gate + start, up + start, values);
        kernels->quantise_groups(format.group, format.rotated, count, values, part);
        char *const target = row;
        memcpy(target + start, part, (size_t)piece.scales);
        memcpy(target + layout.scales + group * 4, part + piece.scales, array);
        memcpy(target + layout.starts8 + group * 4, part + piece.starts8, array);
        memcpy(target + layout.starts4 + group * 4, part + piece.starts4, array);
        memcpy(target + layout.sums + group * 4, part + piece.sums, array);
    }
}
