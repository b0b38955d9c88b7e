// Quantising weights: from f32 rows to codes and scales, and from the blocks of GGUF files to the same codes and scales, untouched.
// It runs once per model; results are the same bits on every tier, so that what is packed on one machine is right on another.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "resa_elements.h"
#include "resa_quantised.h"

#pragma clang assume_nonnull begin

/// How hard `resa_search_rows` looks for scales and minima.
typedef enum resa_search_effort {
    /// The scale that spans the group's values; every weight goes to its nearest code.
    RESA_SEARCH_NEAREST,
    /// Least weighted squared error over several starting ranges, each improved in turns: codes for the scale, scale for the codes.
    RESA_SEARCH_LEAST_ERROR,
} resa_search_effort;

/// Rows of codes and scales that are being written: the members of `resa_quant_source`, and the same meaning.
typedef struct resa_search_rows {
    uint8_t *codes;
    float *_Nullable scales;
    float *_Nullable minima;
    float *_Nullable superScales;
    float *_Nullable superMinima;
    uint8_t *_Nullable subScales;
    uint8_t *_Nullable subMinima;
} resa_search_rows;

/// Quantises rows x [rows, inputs] to `format`, turned first when the format is rotated. Scales and minima are divided by `factor` and
/// rounded to f16 before the last assignment of codes, so what comes out is what will be stored. `importance` [inputs] weighs the squared
/// error of each input (the mean square of what it is multiplied with, say); without it, and in rotated formats, all weigh the same.
/// x must be finite.
void resa_search_quantise(
    const resa_kernels *kernels, resa_quant_format format, resa_search_effort effort, ptrdiff_t rows, ptrdiff_t inputs, float factor,
    const float *x, const float *_Nullable importance, const resa_search_rows *out);

/// Whether blocks of `type` can be held by `format` with equal values: every element, but for the sign of zeros, is unchanged.
bool resa_search_holds(resa_quant_format format, resa_element type);
/// Copies the blocks of one stored row, `inputs` elements, a multiple of the block, to row `row` of `out`. `resa_search_holds` is true.
/// The factor of such a matrix is 1.
void resa_search_repack(
    resa_quant_format format, resa_element type, ptrdiff_t inputs, const void *blocks, ptrdiff_t row, const resa_search_rows *out);

/// The largest |x|; infinity or NaN when there is any.
float resa_search_largest(ptrdiff_t count, const float *x);

// From stored plain floats (f32, f16, bf16; no alignment needed) to panels, without whole rows in f32 between: the same bits as with them.

/// The largest magnitude in the rows stored at source[0..<rows], `inputs` elements each; infinity or NaN when there is any.
float resa_search_stored_largest(
    resa_element type, ptrdiff_t inputs, ptrdiff_t rows, const void *_Nonnull const *_Nonnull source);
/// Fills one panel with the rows stored at source[0..<rows], `inputs` elements each, all finite and quantised to nearest. `format` has flat
/// scales and no minima; rows is at most RESA_QUANT_PANEL_COLUMNS, and columns from it on become zeros.
void resa_search_pack_stored(
    const resa_kernels *kernels, resa_quant_format format, resa_element type, ptrdiff_t inputs, float factor, ptrdiff_t rows,
    const void *_Nonnull const *_Nonnull source, void *panel);

#pragma clang assume_nonnull end
