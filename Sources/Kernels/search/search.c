// Quantising rows of weights: what one row of the output is.
#include "search/search.h"

void resa_search_quantise(
    const resa_kernels *kernels, resa_quant_format format, resa_search_effort effort, ptrdiff_t rows, ptrdiff_t inputs, float factor,
    const float *x, const float *importance, const resa_search_rows *out) {
    const ptrdiff_t padded = resa_quant_padded_inputs(format, inputs), groups = resa_quant_groups(format, inputs);
    const ptrdiff_t supers = resa_quant_supers(inputs);
    for (ptrdiff_t r = 0; r < rows; r++) {
        resa_search_row row = {
            .format = format,
            .search = effort == RESA_SEARCH_LEAST_ERROR,
            .inputs = inputs,
            .factor = factor,
            .x = x + r * inputs,
            .importance = importance,
            .codes = out->codes + r * padded,
        };
        if (format.twoLevel) {
            row.superScales = out->superScales + r * supers;
            row.superMinima = out->superMinima + r * supers;
            row.subScales = out->subScales + r * groups;
            row.subMinima = out->subMinima + r * groups;
        } else {
            row.scales = out->scales + r * groups;
            if (format.minima) { row.minima = out->minima + r * groups; }
        }
        kernels->quantise_weights(&row);
    }
}

float resa_search_largest(ptrdiff_t count, const float *x) {
    // As integers: magnitudes order like their bits, and infinity and NaN come out on top.
    uint32_t largest = 0;
    for (ptrdiff_t i = 0; i < count; i++) {
        const uint32_t magnitude = resa_bits_of_float(x[i]) & 0x7fffffff;
        largest = magnitude > largest ? magnitude : largest;
    }
    return resa_float_of_bits(largest);
}
