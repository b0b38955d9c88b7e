// Quantised activations: what every tier shares.
#include <string.h>

#include "quantised/quantised.h"

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

void resa_hadamard(ptrdiff_t group, float *x) {
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
        resa_hadamard(group, x + start);
        for (ptrdiff_t i = start; i < start + group; i++) { x[i] *= quant_rotation_factor(group); }
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

void resa_activate_quantise_row(
    const resa_kernels *kernels, resa_quant_format format, resa_activation activation, ptrdiff_t inputs, const float *gate,
    const float *up, void *row) {
    // A few groups at a time: they go from one step to the other through the first-level cache.
    enum { STRIP = 1024 };
    const quant_row_layout layout = quant_row(format.group, inputs);
    _Alignas(64) float values[STRIP];
    _Alignas(64) char part[STRIP + STRIP / 32 * 16 + 64];
    for (ptrdiff_t start = 0; start < inputs; start += STRIP) {
        const ptrdiff_t count = inputs - start < STRIP ? inputs - start : STRIP, group = start / format.group;
        const quant_row_layout piece = quant_row(format.group, count);
        const size_t array = (size_t)(piece.starts8 - piece.scales);
        kernels->activate(activation, count, gate + start, up == NULL ? NULL : up + start, values);
        kernels->quantise_groups(format.group, format.rotated, count, values, part);
        char *const target = row;
        memcpy(target + start, part, (size_t)piece.scales);
        memcpy(target + layout.scales + group * 4, part + piece.scales, array);
        memcpy(target + layout.starts8 + group * 4, part + piece.starts8, array);
        memcpy(target + layout.starts4 + group * 4, part + piece.starts4, array);
        memcpy(target + layout.sums + group * 4, part + piece.sums, array);
    }
}
