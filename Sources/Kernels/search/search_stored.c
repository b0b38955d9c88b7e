// Plain floats as files store them, quantised to nearest and put into panels a slice at a time, so that all between stays in the nearest caches.
#include "quantised/quantised.h"
#include "resa_search.h"

enum {
    /// Inputs of a row at a time: whole groups of every width.
    SLICE = 512,
    /// Floats at a time.
    BLOCK = 8 * SLICE,
    SMALLEST_GROUP = 32,
};

/// The largest magnitude of `count` elements, as bits. As integers: magnitudes order like their bits, and infinity and NaN come out on top.
static int32_t largest_bits(resa_element type, ptrdiff_t count, const char *source) {
    if (type == RESA_ELEMENT_BF16) {
        int16_t largest = 0;
        for (ptrdiff_t i = 0; i < count; i++) {
            int16_t value;
            memcpy(&value, source + 2 * i, sizeof value);
            const int16_t magnitude = value & 0x7fff;
            largest = magnitude > largest ? magnitude : largest;
        }
        return largest << 16;
    }
    const ptrdiff_t bytes = resa_element_block_bytes(type);
    int32_t largest = 0;
    for (ptrdiff_t start = 0; start < count; start += SLICE) {
        const ptrdiff_t some = count - start < SLICE ? count - start : SLICE;
        float values[SLICE];
        resa_expand(type, source + start * bytes, some, values);
        const int32_t found = (int32_t)resa_bits_of_float(resa_search_largest(some, values));
        largest = found > largest ? found : largest;
    }
    return largest;
}

float resa_search_stored_largest(resa_element type, ptrdiff_t inputs, ptrdiff_t rows, const void *const *source) {
    const ptrdiff_t rowBytes = inputs * resa_element_block_bytes(type);
    int32_t largest = 0;
    for (ptrdiff_t row = 0, end; row < rows; row = end) {
        // Rows that follow one another in memory are as one.
        for (end = row + 1; end < rows && (const char *)source[end] == (const char *)source[end - 1] + rowBytes; end++) {}
        const int32_t found = largest_bits(type, (end - row) * inputs, source[row]);
        largest = found > largest ? found : largest;
    }
    return resa_float_of_bits((uint32_t)largest);
}

void resa_search_pack_stored(
    const resa_kernels *kernels, resa_quant_format format, resa_element type, ptrdiff_t inputs, float factor, ptrdiff_t rows,
    const void *const *source, void *panel) {
    const ptrdiff_t bytes = resa_element_block_bytes(type);
    float x[BLOCK], scales[RESA_QUANT_PANEL_COLUMNS * (SLICE / SMALLEST_GROUP)];
    uint8_t codes[RESA_QUANT_PANEL_COLUMNS * SLICE];
    for (ptrdiff_t start = 0; start < inputs; start += SLICE) {
        const ptrdiff_t count = inputs - start < SLICE ? inputs - start : SLICE;
        const ptrdiff_t padded = resa_quant_padded_inputs(format, count), groups = padded / format.group, together = BLOCK / count;
        for (ptrdiff_t first = 0; first < rows; first += together) {
            const ptrdiff_t some = rows - first < together ? rows - first : together;
            for (ptrdiff_t row = 0; row < some; row++) {
                resa_expand(type, (const char *)source[first + row] + start * bytes, count, x + row * count);
            }
            const resa_search_rows out = {.codes = codes + first * padded, .scales = scales + first * groups};
            // Rows of whole groups are as one long row.
            const bool isWhole = count == padded;
            resa_search_quantise(
                kernels, format, RESA_SEARCH_NEAREST, isWhole ? 1 : some, isWhole ? some * count : count, factor, x, NULL, &out);
        }
        // Flat groups follow one another, so a slice of a panel is the panel of the slice.
        const resa_quant_source slice = {.codes = codes, .scales = scales};
        resa_quant_pack(format, rows, count, 0, rows, &slice, (char *)panel + quant_group_offset(format, start / format.group));
    }
}
