// The packed form of bf16 weights: panels of 64 output columns, [k / 2][column][2], so that one 512-bit load holds 16 columns x 2 k.
// An odd number of inputs and a last panel that is no multiple of 16 columns are padded with zeros.
#include <string.h>

#include "expansion/floats.h"
#include "resa_kernels.h"
#include "sizes.h"

static inline ptrdiff_t panel_width(ptrdiff_t outputs, ptrdiff_t firstOutput) {
    const ptrdiff_t left = round_up(outputs - firstOutput, RESA_PANEL_STEP);
    return left < RESA_PANEL_COLUMNS ? left : RESA_PANEL_COLUMNS;
}

ptrdiff_t resa_packed_count(ptrdiff_t outputs, ptrdiff_t inputs) { return round_up(outputs, RESA_PANEL_STEP) * round_up(inputs, 2); }

enum {
    /// Pairs at a time, so that what is rounded stays within the first-level cache.
    STRIP = 32,
    /// Pairs and columns of a tile.
    QUAD = 4,
};

typedef uint32_t pairs4 __attribute__((vector_size(16)));

/// Turns a tile of 4 columns with 4 pairs each, `stride` pairs apart, into 4 pairs with 4 columns each, `width` pairs apart.
static inline void turn_tile(const uint32_t *source, ptrdiff_t stride, uint32_t *target, ptrdiff_t width) {
    pairs4 c0, c1, c2, c3;
    memcpy(&c0, source, sizeof c0);
    memcpy(&c1, source + stride, sizeof c1);
    memcpy(&c2, source + 2 * stride, sizeof c2);
    memcpy(&c3, source + 3 * stride, sizeof c3);
    const pairs4 low01 = __builtin_shufflevector(c0, c1, 0, 4, 1, 5), high01 = __builtin_shufflevector(c0, c1, 2, 6, 3, 7);
    const pairs4 low23 = __builtin_shufflevector(c2, c3, 0, 4, 1, 5), high23 = __builtin_shufflevector(c2, c3, 2, 6, 3, 7);
    const pairs4 rows[QUAD] = {
        __builtin_shufflevector(low01, low23, 0, 1, 4, 5), __builtin_shufflevector(low01, low23, 2, 3, 6, 7),
        __builtin_shufflevector(high01, high23, 0, 1, 4, 5), __builtin_shufflevector(high01, high23, 2, 3, 6, 7)};
    for (int pair = 0; pair < QUAD; pair++) { memcpy(target + pair * width, &rows[pair], sizeof rows[pair]); }
}

/// A strip of a panel, `count` pairs of every column, on its way from rows to pairs. Columns a whole number of cache lines apart would fight
/// for the same sets.
typedef struct strip {
    _Alignas(64) uint32_t pairs[RESA_PANEL_COLUMNS][STRIP + QUAD];
} strip;

static inline void turn_strip(const strip *strip, ptrdiff_t count, ptrdiff_t width, uint16_t *panel) {
    for (ptrdiff_t pair = 0; pair < count; pair += QUAD) {
        uint16_t *const target = panel + pair * width * 2;
        for (ptrdiff_t column = 0; column < width; column += QUAD) {
            if (pair + QUAD <= count) {
                turn_tile(&strip->pairs[column][pair], STRIP + QUAD, (uint32_t *)(void *)target + column, width);
                continue;
            }
            for (ptrdiff_t i = 0; i < (count - pair) * QUAD; i++) {
                memcpy(target + (i / QUAD * width + column + i % QUAD) * 2, &strip->pairs[column + i % QUAD][pair + i / QUAD], 4);
            }
        }
    }
}

void resa_pack_panel(
    ptrdiff_t outputs, ptrdiff_t inputs, ptrdiff_t firstOutput, ptrdiff_t rows, const float *source, uint16_t *packed) {
    const ptrdiff_t pairs = (inputs + 1) / 2, width = panel_width(outputs, firstOutput);
    uint16_t *const panel = packed + firstOutput * pairs * 2;
    strip strip;
    for (ptrdiff_t start = 0; start < pairs; start += STRIP) {
        const ptrdiff_t left = inputs - 2 * start, values = left < 2 * STRIP ? left : 2 * STRIP;
        for (ptrdiff_t column = 0; column < width; column++) {
            uint16_t rounded[2 * STRIP] = {0};
            if (column < rows) {
                const float *const row = source + column * inputs + 2 * start;
                for (ptrdiff_t i = 0; i < values; i++) { rounded[i] = resa_round(row[i]); }
            }
            memcpy(strip.pairs[column], rounded, sizeof rounded);
        }
        turn_strip(&strip, (values + 1) / 2, width, panel + start * width * 2);
    }
}

/// Rounds up to 2 * STRIP stored elements; returns the bits of the largest magnitude, or `largest` when that is larger.
static inline int32_t round_stored(resa_element type, const char *source, ptrdiff_t count, uint16_t *rounded, int32_t largest) {
    if (type == RESA_ELEMENT_BF16) {
        memcpy(rounded, source, (size_t)count * sizeof *rounded);
        int16_t most = 0;
        for (ptrdiff_t i = 0; i < count; i++) {
            const int16_t magnitude = rounded[i] & 0x7fff;
            most = magnitude > most ? magnitude : most;
        }
        return most << 16 > largest ? most << 16 : largest;
    }
    float values[2 * STRIP];
    resa_expand(type, source, count, values);
    for (ptrdiff_t i = 0; i < count; i++) {
        const int32_t magnitude = (int32_t)(resa_bits_of_float(values[i]) & 0x7fffffff);
        largest = magnitude > largest ? magnitude : largest;
        rounded[i] = resa_round(values[i]);
    }
    return largest;
}

float resa_pack_stored_panel(
    resa_element type, ptrdiff_t outputs, ptrdiff_t inputs, ptrdiff_t firstOutput, ptrdiff_t rows, const void *const *source,
    uint16_t *packed) {
    const ptrdiff_t pairs = (inputs + 1) / 2, width = panel_width(outputs, firstOutput), bytes = resa_element_block_bytes(type);
    uint16_t *const panel = packed + firstOutput * pairs * 2;
    int32_t largest = 0;
    strip strip;
    memset(&strip, 0, sizeof strip);
    for (ptrdiff_t start = 0; start < pairs; start += STRIP) {
        const ptrdiff_t left = inputs - 2 * start, values = left < 2 * STRIP ? left : 2 * STRIP;
        for (ptrdiff_t column = 0; column < rows; column++) {
            uint16_t *const rounded = (uint16_t *)(void *)strip.pairs[column];
            largest = round_stored(type, (const char *)source[column] + 2 * start * bytes, values, rounded, largest);
            if (values % 2 == 1) { rounded[values] = 0; }
        }
        turn_strip(&strip, (values + 1) / 2, width, panel + start * width * 2);
    }
    return resa_float_of_bits((uint32_t)largest);
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
