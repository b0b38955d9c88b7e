// How quantised matrices and rows lie in memory, and what the driver hands to a tile kernel.
//
// Packed W: panels of 32 output columns. A panel is a run of units: a group when scales are flat, the groups of a super-group when they
// are of two levels. A two-level unit begins with 32 f16 super-scales and 32 f16 super-minima. Then, for each group:
//     codes   8 bits: [k / 4][column][4].  4 bits: [k / 8][column][4] bytes; byte (p, c, j) has k = 8p + j in its low, k = 8p + 4 + j in its
//             high nibble. A 512-bit load is 16 columns times 4 k, what the dot-product instruction takes.
//     scales  flat: 32 f16 scales (then 32 f16 minima). Two-level: 32 u8 sub-scales, 32 u8 sub-minima.
// All parts are whole cache lines.
//
// A quantised row: s8 codes [padded inputs], then for each group, array after array: f32 scale; i32 -128 * sum(q); i32 -8 * sum(q);
// f32 scale * sum(q).
#pragma once

#include "expansion/floats.h"
#include "resa_quantised.h"
#include "sizes.h"

enum {
    QUANT_COLUMNS = RESA_QUANT_PANEL_COLUMNS,
    /// The most rows of a tile.
    QUANT_TILE_ROWS = 6,
    /// Bytes of 32 f16 numbers.
    QUANT_LINE = 64,
    /// Inputs whose codes a tile kernel takes at a time; it asks for memory after each.
    QUANT_STEP = 32,
};

/// Groups of a full unit.
static inline ptrdiff_t quant_unit_groups(resa_quant_format format) { return format.twoLevel ? RESA_QUANT_SUPER / format.group : 1; }
/// Bytes before the first group of a unit.
static inline ptrdiff_t quant_unit_head(resa_quant_format format) { return format.twoLevel ? 2 * QUANT_LINE : 0; }
static inline ptrdiff_t quant_code_bytes(resa_quant_format format) { return QUANT_COLUMNS * format.group * format.bits / 8; }
static inline ptrdiff_t quant_group_bytes(resa_quant_format format) {
    return quant_code_bytes(format) + (format.minima && !format.twoLevel ? 2 * QUANT_LINE : QUANT_LINE);
}
/// Bytes of a panel before group `group`, which begins a unit or is the count of all groups.
static inline ptrdiff_t quant_group_offset(resa_quant_format format, ptrdiff_t group) {
    const ptrdiff_t unit = quant_unit_groups(format);
    return (group + unit - 1) / unit * quant_unit_head(format) + group * quant_group_bytes(format);
}
/// Where the code of (k, column) lies in its group.
static inline ptrdiff_t quant_code_place(resa_quant_format format, ptrdiff_t k, ptrdiff_t column) {
    return format.bits == 8 ? (k / 4 * QUANT_COLUMNS + column) * 4 + k % 4 : (k / 8 * QUANT_COLUMNS + column) * 4 + k % 4;
}

/// Byte offsets of a quantised row's arrays.
typedef struct quant_row_layout {
    ptrdiff_t scales, starts8, starts4, sums, bytes;
} quant_row_layout;

static inline quant_row_layout quant_row(ptrdiff_t group, ptrdiff_t inputs) {
    const ptrdiff_t groups = (inputs + group - 1) / group, array = groups * 4;
    quant_row_layout row = {.scales = groups * group};
    row.starts8 = row.scales + array;
    row.starts4 = row.starts8 + array;
    row.sums = row.starts4 + array;
    row.bytes = round_up(row.sums + array, 64);
    // Rows a page apart would fight for the same cache sets.
    if (row.bytes % 2048 == 0) { row.bytes += 64; }
    return row;
}

/// What a tile's scales look like.
typedef enum { FLAT, FLAT_MINIMA, TWO_LEVEL } scale_kind;

/// Up to QUANT_TILE_ROWS rows times the 32 columns of a panel, over `groups` groups that begin with a unit.
struct resa_quant_tile {
    resa_quant_format format;
    ptrdiff_t rows, groups;
    /// Of the first row at the first group; the next row's lie `rowBytes` on.
    const int8_t *x;
    const float *scales;
    const int32_t *starts;
    const float *sums;
    ptrdiff_t rowBytes;
    const uint8_t *w;
    /// [rows][32], continued when `accumulate`.
    float *y;
    bool accumulate;
    /// While it runs the kernel asks for `aheadLines` cache lines for each QUANT_STEP inputs, from `ahead` on.
    const char *ahead;
    ptrdiff_t aheadLines;
};

/// How a tile's `y` becomes the caller's: y = sum * factor, or fma(sum, factor, bias); or y = fma(sum, factor, y) when `add`.
struct resa_quant_store {
    ptrdiff_t columns;
    float factor;
    const float *bias;
    bool add;
};

/// The same butterfly in every tier: element i of a stage is a + b or a - b of the stage before, strides 1, 2, 4 ... group / 2.
static inline float quant_rotation_factor(ptrdiff_t group) { return group == 32 ? 0x1.6a09e6p-3f : group == 64 ? 0x1p-3f : 0x1.6a09e6p-4f; }

/// One group turned, without the factor.
void resa_hadamard(ptrdiff_t group, float *x);

/// Groups whose largest magnitude is below this count as zeros: its reciprocal would not be finite.
#define QUANT_SMALLEST 0x1p-110f
