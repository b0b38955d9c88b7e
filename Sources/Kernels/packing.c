// The packed form of bf16 weights: panels of 64 output columns, [k / 2][column][2], so that one 512-bit load holds 16 columns x 2 k.
// An odd number of inputs and a last panel that is no multiple of 16 columns are padded with zeros.
#include <string.h>

#include "tiers.h"

static inline ptrdiff_t round_up(ptrdiff_t value, ptrdiff_t step) { return (value + step - 1) / step * step; }

static inline ptrdiff_t panel_width(ptrdiff_t outputs, ptrdiff_t firstOutput) {
    const ptrdiff_t left = round_up(outputs - firstOutput, RESA_PANEL_STEP);
    return left < RESA_PANEL_COLUMNS ? left : RESA_PANEL_COLUMNS;
}

ptrdiff_t resa_packed_count(ptrdiff_t outputs, ptrdiff_t inputs) { return round_up(outputs, RESA_PANEL_STEP) * round_up(inputs, 2); }

void resa_pack_panel(
    ptrdiff_t outputs, ptrdiff_t inputs, ptrdiff_t firstOutput, ptrdiff_t rows, const float *source, uint16_t *packed) {
    const ptrdiff_t pairs = (inputs + 1) / 2, width = panel_width(outputs, firstOutput);
    uint16_t *const panel = packed + firstOutput * pairs * 2;
    enum { STRIP = 32 };  // pairs at a time, so that the strided writes stay within the first-level cache
    for (ptrdiff_t start = 0; start < pairs; start += STRIP) {
        const ptrdiff_t end = start + STRIP < pairs ? start + STRIP : pairs;
        for (ptrdiff_t column = 0; column < width; column++) {
            uint16_t *const target = panel + column * 2;
            const float *const row = source + column * inputs;
            for (ptrdiff_t pair = start; pair < end; pair++) {
                uint16_t values[2] = {0, 0};
                if (column < rows) {
                    values[0] = resa_round(row[2 * pair]);
                    if (2 * pair + 1 < inputs) { values[1] = resa_round(row[2 * pair + 1]); }
                }
                memcpy(target + pair * width * 2, values, sizeof values);
            }
        }
    }
}

void resa_unpack_row(ptrdiff_t outputs, ptrdiff_t inputs, ptrdiff_t output, const uint16_t *packed, float *out) {
    const ptrdiff_t firstOutput = output / RESA_PANEL_COLUMNS * RESA_PANEL_COLUMNS;
    const ptrdiff_t pairs = (inputs + 1) / 2, width = panel_width(outputs, firstOutput);
    const uint16_t *const column = packed + firstOutput * pairs * 2 + (output - firstOutput) * 2;
    for (ptrdiff_t k = 0; k < inputs; k++) { out[k] = resa_widen(column[k / 2 * width * 2 + k % 2]); }
}

ptrdiff_t resa_activation_stride(ptrdiff_t inputs) {
    // Whole cache lines, and never a multiple of a page: rows a page apart would fight for the same cache sets.
    const ptrdiff_t stride = round_up(inputs, 32);
    return stride % 1024 == 0 ? stride + 32 : stride;
}

void resa_round_row(ptrdiff_t count, ptrdiff_t stride, const float *x, uint16_t *out) {
    for (ptrdiff_t i = 0; i < count; i++) { out[i] = resa_round(x[i]); }
    memset(out + count, 0, (size_t)(stride - count) * sizeof *out);
}
