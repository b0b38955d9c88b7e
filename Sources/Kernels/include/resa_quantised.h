// Matrices of 8-bit and 4-bit codes with grouped scales, and the products with them.
//
// y = x W^T, W [outputs, inputs] in groups of `group` inputs along k. Inputs are padded with zeros to a whole group.
//     weight = (code - zero) * scale             without minima; zero is 128 for 8 bits (codes 0...255), 8 for 4 bits (codes 0...15)
//     weight = code * scale + minimum            with minima
// Scales, flat: f16 scale (and f16 minimum) per output and group. Two-level: per output and 256 inputs an f16 super-scale and an f16
// super-minimum, per group a u8 sub-scale and a u8 sub-minimum; scale = super * sub, minimum = -(super-minimum * sub-minimum).
// Every weight is meant times one f32 `factor` of the whole matrix, which keeps the f16 numbers in range; 1 for repacked GGUF blocks.
//
// Activations are quantised per row and group: scale_x = max|x| / 127, q = nearest even of x * (127 / max|x|). The sum inside a group is
// exact in int32. Across groups each element of y is one chain of fused multiply-adds in f32 over ascending k, for any number of rows:
//     sum = fma((float)sum_k((code - zero) * q), scale * scale_x, sum), with minima then sum = fma(minimum, scale_x * sum_k(q), sum)
// and at the end y = sum * factor, or fma(sum, factor, bias), or fma(sum, factor * scale, y). All tiers give the same bits.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "resa_kernels.h"

#pragma clang assume_nonnull begin

enum {
    /// Output columns of a panel; the last one is padded with zero weights.
    RESA_QUANT_PANEL_COLUMNS = 32,
    /// Inputs that share a super-scale.
    RESA_QUANT_SUPER = 256,
    /// The most rows that one call of `resa_gemm_quant_panels` takes.
    RESA_QUANT_GEMM_ROWS = 384,
};

/// How codes and scales are stored. `resa_quant_supported` says which combinations are.
typedef struct resa_quant_format {
    /// 4 or 8.
    uint8_t bits;
    /// 32, 64 or 128; 32 when `twoLevel`.
    uint8_t group;
    bool minima;
    /// Implies `minima`.
    bool twoLevel;
    /// Weights and activations are turned by the same normalised Hadamard transform inside each group; products do not notice.
    bool rotated;
} resa_quant_format;

bool resa_quant_supported(resa_quant_format format);

/// Groups of a row, the last one padded.
ptrdiff_t resa_quant_groups(resa_quant_format format, ptrdiff_t inputs);
/// Inputs of a row with its padding: groups * group.
ptrdiff_t resa_quant_padded_inputs(resa_quant_format format, ptrdiff_t inputs);
/// Super-groups of a row; the last may be shorter.
ptrdiff_t resa_quant_supers(ptrdiff_t inputs);

/// Bytes of the packed W [outputs, inputs], and of one panel: panel p starts at p * panel bytes. Both are multiples of 64.
ptrdiff_t resa_quant_bytes(resa_quant_format format, ptrdiff_t outputs, ptrdiff_t inputs);
ptrdiff_t resa_quant_panel_bytes(resa_quant_format format, ptrdiff_t inputs);

/// Rows of W as codes and scales, row-major. What the format has no use for is null.
typedef struct resa_quant_source {
    /// [rows][padded inputs], one code a byte. What stands in the padding meets an x of 0; when rotated, it is what
    /// the padded row of W became.
    const uint8_t *codes;
    /// Flat: [rows][groups]. Rounded to f16, nearest even, as they are packed; out of range becomes infinite.
    const float *_Nullable scales;
    const float *_Nullable minima;
    /// Two-level: [rows][supers], rounded to f16; and [rows][groups].
    const float *_Nullable superScales;
    const float *_Nullable superMinima;
    const uint8_t *_Nullable subScales;
    const uint8_t *_Nullable subMinima;
} resa_quant_source;

/// Packs rows `firstOutput`..<`firstOutput + rows`; firstOutput is a multiple of 32 and so is `rows` unless it reaches the last output.
/// Calls for different panels may run side by side. `packed` is the whole matrix.
void resa_quant_pack(
    resa_quant_format format, ptrdiff_t outputs, ptrdiff_t inputs, ptrdiff_t firstOutput, ptrdiff_t rows, const resa_quant_source *source,
    void *packed);
/// Whether every scale is zero, and with it every weight; always false with minima.
bool resa_quant_is_zero(resa_quant_format format, ptrdiff_t outputs, ptrdiff_t inputs, const void *packed);
/// Row `output` of W as f32, `inputs` of them: the exact stored values times `factor`, turned back when the format is rotated.
void resa_quant_unpack_row(
    resa_quant_format format, ptrdiff_t outputs, ptrdiff_t inputs, float factor, ptrdiff_t output, const void *packed, float *out);

/// `value` rounded to the nearest f16 (ties to even; past 65520 infinite) and back: what a packed scale will be.
float resa_round_to_half(float value);
/// Turns `count` values (a multiple of `group`) in place by the normalised Hadamard transform inside each group of 32, 64 or 128.
/// Turning twice gives back the start, but for rounding.
void resa_rotate_groups(ptrdiff_t group, ptrdiff_t count, float *x);

// Activations.

/// Bytes of one quantised row; rows of a matrix stand that far apart, the first 64-byte aligned. Formats with equal `group` and `rotated`
/// have the same rows, so one quantised matrix serves all of them.
ptrdiff_t resa_quant_row_bytes(resa_quant_format format, ptrdiff_t inputs);
/// Quantises x, `inputs` long. A group whose largest |x| is below 2^-110 counts as zeros; a group that holds an infinity or NaN gets the
/// scale NaN, which makes every element of that row of y NaN.
void resa_quantise_row(const resa_kernels *kernels, resa_quant_format format, ptrdiff_t inputs, const float *x, void *row);
/// The same of activation(gate) (* up), without a row in between: what `activate` and `resa_quantise_row` give, bit for bit.
void resa_activate_quantise_row(
    const resa_kernels *kernels, resa_quant_format format, resa_activation activation, ptrdiff_t inputs, const float *gate,
    const float *_Nullable up, void *row);
/// The f32 values that a quantised row stands for, before turning back; `inputs` of them. For tests and tools.
void resa_quant_row_values(resa_quant_format format, ptrdiff_t inputs, const void *row, float *out);

/// y (=|+= scale *) x W^T (+ bias).
typedef struct resa_gemm_quant {
    resa_quant_format format;
    ptrdiff_t outputs, inputs, rows;
    float factor;
    const void *packed;
    /// Rows of `resa_quantise_row`, resa_quant_row_bytes apart.
    const void *x;
    float *y;
    ptrdiff_t yStride;
    const float *_Nullable bias;
    bool add;
    float scale;
} resa_gemm_quant;

/// Output panels `firstPanel`..<`endPanel` (of 32 columns) of activation rows `firstRow`..<`endRow`, at most RESA_QUANT_GEMM_ROWS of them.
void resa_gemm_quant_panels(
    const resa_kernels *kernels, const resa_gemm_quant *gemm, ptrdiff_t firstPanel, ptrdiff_t endPanel, ptrdiff_t firstRow,
    ptrdiff_t endRow);

#pragma clang assume_nonnull end
