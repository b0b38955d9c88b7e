// How a packed encoder lies in memory, and what the steps of a call leave for each other.
//
// Packed: the codes of all panels (resa_quantised.h, 8 bits, groups of 64, turned), then for each panel five lines of 32 floats: the power
// of two that the panel's scales of a latent are relative to; bias; alpha; beta; gamma.
#pragma once

#include "quantised/quantised.h"
#include "resa_latents.h"

enum {
    LATENT_COLUMNS = RESA_QUANT_PANEL_COLUMNS,
    LATENT_GROUP = 64,
    LATENT_LINES = 5,
    /// Floats of the lines of a panel.
    LATENT_PANEL_FLOATS = LATENT_LINES * LATENT_COLUMNS,
};

static const resa_quant_format LATENT_FORMAT = {.bits = 8, .group = LATENT_GROUP, .rotated = true};

/// Rows and latents with norms from these on are not bounded by codes.
#define LATENT_ROW_LIMIT 0x1p60
#define LATENT_NORM_LIMIT 0x1p40
/// What pays for computing a bound in f32.
#define LATENT_SLACK (1 + 0x1p-16)

/// E of resa_latents.h.
static inline double latent_rounding(ptrdiff_t width) {
    const ptrdiff_t groups = resa_quant_groups(LATENT_FORMAT, width);
    return 0x1p-23 * (double)(width / 64 + 7 + groups + 16);
}

static inline const float *latent_lines(const resa_latents *encoder) {
    return (const float *)((const char *)encoder->packed + resa_quant_bytes(LATENT_FORMAT, encoder->latents, encoder->width));
}

/// Not less than `value`, which is not negative.
static inline float latent_round_up(double value) {
    const float rounded = (float)value;
    return (double)rounded >= value || !(value == value) ? rounded : resa_float_of_bits(resa_bits_of_float(rounded) + 1);
}

/// Of a quantised row against the row it came from, both turned: squares of |u|, |u^| and |u^ - U|.
typedef struct latent_norms {
    double row, codes, error;
} latent_norms;

/// `scales` are those of the groups of `codes`, times `unit`.
latent_norms latent_measure(ptrdiff_t width, const float *u, const int8_t *codes, const float *scales, double unit);

/// A row while its call runs.
typedef struct latent_row {
    /// A and B of resa_latents.h.
    float norm, error;
    /// The threshold's bits; rises. Positive numbers order like their bits.
    uint32_t threshold;
    /// To be computed exactly.
    uint32_t exact;
} latent_row;

/// The candidates of one task and row.
typedef struct latent_list {
    int32_t count;
    /// The count at which to look for a higher threshold.
    int32_t limit;
} latent_list;

/// Where the pieces of a call's scratch lie, in bytes.
typedef struct latent_layout {
    ptrdiff_t capacity, rowStride, codeBytes;
    ptrdiff_t rows, centred, codes, lists, lower, upper, indices, ordered, bytes;
} latent_layout;

latent_layout latent_layout_of(const resa_latent_call *call);

static inline latent_row *row_state(const resa_latent_call *call, ptrdiff_t row) { return (latent_row *)call->scratch + row; }

static inline const float *centred_row(const resa_latent_call *call, const latent_layout *layout, ptrdiff_t row) {
    return (const float *)(call->scratch + layout->centred) + row * layout->rowStride;
}

/// Candidates of a row: those of all tasks lie one after the other.
typedef struct candidates {
    float *lower, *upper;
    int32_t *indices;
} candidates;

static inline candidates candidates_of(const resa_latent_call *call, const latent_layout *layout, ptrdiff_t row, ptrdiff_t task) {
    const ptrdiff_t start = (row * call->tasks + task) * layout->capacity;
    return (candidates){
        .lower = (float *)(call->scratch + layout->lower) + start,
        .upper = (float *)(call->scratch + layout->upper) + start,
        .indices = (int32_t *)(call->scratch + layout->indices) + start,
    };
}

/// k floats, and after them k indices: the rows' first, then the tasks'.
static inline float *ordered_values(const resa_latent_call *call, const latent_layout *layout, ptrdiff_t index) {
    return (float *)(call->scratch + layout->ordered) + index * call->k * 2;
}

// The shared fields of a row may be read and raised by several tasks at a time; nothing else is passed on by them.

static inline float threshold_of(const latent_row *state) { return resa_float_of_bits(__atomic_load_n(&state->threshold, __ATOMIC_RELAXED)); }

/// Moves candidates whose upper bound reaches the threshold from `from` to the places from `count` on of `to`; returns the new count.
static inline ptrdiff_t keep(candidates from, ptrdiff_t candidateCount, float threshold, candidates to, ptrdiff_t count) {
    for (ptrdiff_t i = 0; i < candidateCount; i++) {
        if (from.upper[i] < threshold) { continue; }
        to.lower[count] = from.lower[i];
        to.upper[count] = from.upper[i];
        to.indices[count] = from.indices[i];
        count += 1;
    }
    return count;
}

static inline const char *encoder_row(const resa_latents *encoder, ptrdiff_t latent) {
    return (const char *)encoder->rows + latent * encoder->width * (encoder->brain ? 2 : 4);
}

/// Asks for a row, as far as it pays.
static inline void fetch_row(const char *row, ptrdiff_t bytes) {
    for (ptrdiff_t offset = 0; offset < smaller(bytes, 8192); offset += 64) { __builtin_prefetch(row + offset); }
}
