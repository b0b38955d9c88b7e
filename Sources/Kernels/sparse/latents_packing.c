// Packs an encoder's codes and the lines that bound what they leave out.
#include <math.h>
#include <string.h>

#include "sparse/latents.h"

/// Turns a group in double: the rounding of it, 2^-46 of the group's norm, is far below what E counts twice.
static void turn(double *x) {
    for (int stride = 1; stride < LATENT_GROUP; stride *= 2) {
        for (int start = 0; start < LATENT_GROUP; start += 2 * stride) {
            for (int i = start; i < start + stride; i++) {
                const double a = x[i], b = x[i + stride];
                x[i] = a + b;
                x[i + stride] = a - b;
            }
        }
    }
}

latent_norms latent_measure(ptrdiff_t width, const float *u, const int8_t *codes, const float *scales, double unit) {
    latent_norms norms = {0};
    for (ptrdiff_t start = 0; start < width; start += LATENT_GROUP) {
        double values[LATENT_GROUP] = {0};
        const ptrdiff_t count = width - start < LATENT_GROUP ? width - start : LATENT_GROUP;
        for (ptrdiff_t i = 0; i < count; i++) { values[i] = (double)u[start + i]; }
        // Four sums each, so that one addition need not wait for the last.
        double row[4] = {0}, coded[4] = {0}, error[4] = {0};
        for (int i = 0; i < LATENT_GROUP; i++) { row[i % 4] += values[i] * values[i]; }
        turn(values);
        const double scale = (double)scales[start / LATENT_GROUP] * unit;
        for (int i = 0; i < LATENT_GROUP; i++) {
            const double code = (double)codes[start + i] * scale, difference = code - values[i] * 0.125;
            coded[i % 4] += code * code;
            error[i % 4] += difference * difference;
        }
        norms.row += (row[0] + row[1]) + (row[2] + row[3]);
        norms.codes += (coded[0] + coded[1]) + (coded[2] + coded[3]);
        norms.error += (error[0] + error[1]) + (error[2] + error[3]);
    }
    return norms;
}

ptrdiff_t resa_latents_panels(ptrdiff_t latents) { return (latents + LATENT_COLUMNS - 1) / LATENT_COLUMNS; }

ptrdiff_t resa_latents_bytes(ptrdiff_t latents, ptrdiff_t width) {
    return resa_quant_bytes(LATENT_FORMAT, latents, width) + resa_latents_panels(latents) * LATENT_PANEL_FLOATS * (ptrdiff_t)sizeof(float);
}

/// Where the pieces of the scratch lie: a row in f32, the same quantised, a panel's codes and its scales.
typedef struct pack_layout {
    ptrdiff_t quantised, codes, scales, bytes;
} pack_layout;

static pack_layout pack_layout_of(ptrdiff_t width) {
    const ptrdiff_t padded = resa_quant_padded_inputs(LATENT_FORMAT, width), groups = resa_quant_groups(LATENT_FORMAT, width);
    pack_layout layout;
    layout.quantised = round_up(width * 4, 64);
    layout.codes = layout.quantised + resa_quant_row_bytes(LATENT_FORMAT, width);
    layout.scales = layout.codes + LATENT_COLUMNS * padded;
    layout.bytes = round_up(layout.scales + LATENT_COLUMNS * groups * 4, 64);
    return layout;
}

ptrdiff_t resa_latents_pack_scratch(ptrdiff_t width) { return pack_layout_of(width).bytes; }

/// The power of two that brings the largest of the scales to 1...2, as far as f32 has it.
static float unit_of(const float *scales, ptrdiff_t count) {
    float largest = 0;
    for (ptrdiff_t i = 0; i < count; i++) { largest = scales[i] > largest ? scales[i] : largest; }
    if (largest == 0) { return 1; }
    int exponent;
    frexpf(largest, &exponent);
    return exponent - 1 < -126 ? 0x1p-126f : ldexpf(1, exponent - 1);
}

/// Codes and scales of one latent; writes its five numbers, a line apart.
static void pack_latent(
    const resa_kernels *kernels, ptrdiff_t width, const float *row, float bias, char *quantised, uint8_t *codes, float *scales, float *line) {
    const ptrdiff_t padded = resa_quant_padded_inputs(LATENT_FORMAT, width), groups = resa_quant_groups(LATENT_FORMAT, width);
    const quant_row_layout layout = quant_row(LATENT_GROUP, width);
    resa_quantise_row(kernels, LATENT_FORMAT, width, row, quantised);
    const int8_t *const signedCodes = (const int8_t *)quantised;
    const float *const found = (const float *)(quantised + layout.scales);
    const float unit = unit_of(found, groups);
    for (ptrdiff_t group = 0; group < groups; group++) { scales[group] = resa_round_to_half(found[group] / unit); }
    const latent_norms norms = latent_measure(width, row, signedCodes, scales, (double)unit);
    const double length = sqrt(norms.row), codeLength = sqrt(norms.codes), rounding = latent_rounding(width);
    // False for NaN too.
    const bool bounded = length < LATENT_NORM_LIMIT && codeLength < LATENT_NORM_LIMIT && (double)fabsf(bias) < LATENT_NORM_LIMIT;
    for (ptrdiff_t i = 0; i < padded; i++) { codes[i] = bounded ? (uint8_t)(signedCodes[i] + 128) : 128; }
    if (!bounded) { memset(scales, 0, (size_t)groups * sizeof *scales); }
    line[0] = bounded ? unit : 0;
    line[LATENT_COLUMNS] = bias;
    if (!bounded) {
        line[2 * LATENT_COLUMNS] = INFINITY;
        line[3 * LATENT_COLUMNS] = line[4 * LATENT_COLUMNS] = 0;
        return;
    }
    line[2 * LATENT_COLUMNS] = latent_round_up((sqrt(norms.error) + rounding * (length + codeLength)) * LATENT_SLACK);
    line[3 * LATENT_COLUMNS] = latent_round_up(codeLength * (1 + rounding) * LATENT_SLACK);
    // An f32 operation that underflows is wrong by 2^-150 at most. The product of two scales is multiplied by a code sum below 2^20 after
    // that, and by `unit` in the end; everything else happens in the result's own units, once per element and a few times more.
    const double sums = (double)(groups + 1) * 0x1p-126 * (double)unit, elements = (double)(width + 64) * 0x1p-148;
    line[4 * LATENT_COLUMNS] = latent_round_up((double)fabsf(bias) * 0x1p-21 + sums + elements);
}

void resa_latents_pack(
    const resa_kernels *kernels, const resa_latents *encoder, const float *bias, ptrdiff_t firstPanel, ptrdiff_t endPanel, void *packed,
    void *scratch) {
    const ptrdiff_t width = encoder->width, latents = encoder->latents;
    const ptrdiff_t padded = resa_quant_padded_inputs(LATENT_FORMAT, width), groups = resa_quant_groups(LATENT_FORMAT, width);
    const pack_layout layout = pack_layout_of(width);
    char *const bytes = scratch;
    float *const row = scratch, *const scales = (float *)(bytes + layout.scales);
    uint8_t *const codes = (uint8_t *)bytes + layout.codes;
    float *const lines = (float *)((char *)packed + resa_quant_bytes(LATENT_FORMAT, latents, width));
    for (ptrdiff_t panel = firstPanel; panel < endPanel; panel++) {
        const ptrdiff_t first = panel * LATENT_COLUMNS, left = latents - first;
        const ptrdiff_t count = left < LATENT_COLUMNS ? left : LATENT_COLUMNS;
        float *const line = lines + panel * LATENT_PANEL_FLOATS;
        for (ptrdiff_t column = 0; column < LATENT_COLUMNS; column++) {
            // A column that is no latent is never a candidate.
            for (int i = 0; i < LATENT_LINES; i++) { line[i * LATENT_COLUMNS + column] = i == 1 ? -INFINITY : 0; }
        }
        for (ptrdiff_t column = 0; column < count; column++) {
            memset(row, 0, (size_t)width * sizeof *row);
            kernels->add_row(width, 1, (const char *)encoder->rows + (first + column) * width * (encoder->brain ? 2 : 4), encoder->brain, row);
            pack_latent(
                kernels, width, row, bias[first + column], bytes + layout.quantised, codes + column * padded, scales + column * groups,
                line + column);
        }
        const resa_quant_source source = {.codes = codes, .scales = scales};
        resa_quant_pack(LATENT_FORMAT, latents, width, first, count, &source, packed);
    }
}

float resa_latents_bias(const resa_latents *encoder, ptrdiff_t latent) {
    return latent_lines(encoder)[latent / LATENT_COLUMNS * LATENT_PANEL_FLOATS + LATENT_COLUMNS + latent % LATENT_COLUMNS];
}
