// Packs codes and scales into panels, and reads stored weights back.
#include <string.h>

#include "quantised/quantised.h"

bool resa_quant_supported(resa_quant_format format) {
    const bool bits = format.bits == 4 || format.bits == 8;
    const bool group = format.group == 32 || format.group == 64 || format.group == 128;
    return bits && group && (!format.twoLevel || (format.minima && format.group == 32));
}

ptrdiff_t resa_quant_groups(resa_quant_format format, ptrdiff_t inputs) { return (inputs + format.group - 1) / format.group; }
ptrdiff_t resa_quant_padded_inputs(resa_quant_format format, ptrdiff_t inputs) { return round_up(inputs, format.group); }
ptrdiff_t resa_quant_supers(ptrdiff_t inputs) { return (inputs + RESA_QUANT_SUPER - 1) / RESA_QUANT_SUPER; }

ptrdiff_t resa_quant_panel_bytes(resa_quant_format format, ptrdiff_t inputs) {
    return quant_group_offset(format, resa_quant_groups(format, inputs));
}

ptrdiff_t resa_quant_bytes(resa_quant_format format, ptrdiff_t outputs, ptrdiff_t inputs) {
    return (outputs + QUANT_COLUMNS - 1) / QUANT_COLUMNS * resa_quant_panel_bytes(format, inputs);
}

float resa_round_to_half(float value) { return resa_half_to_float(resa_float_to_half(value)); }

static inline void put_half(uint8_t *line, ptrdiff_t column, float value) {
    const uint16_t half = resa_float_to_half(value);
    memcpy(line + column * 2, &half, sizeof half);
}

static inline float half_at(const uint8_t *line, ptrdiff_t column) { return resa_half_at(line + column * 2); }

/// One group of one output; `target` is zero.
static void pack_codes(resa_quant_format format, ptrdiff_t column, const uint8_t *codes, uint8_t *target) {
    if (format.bits == 8) {
        for (ptrdiff_t k = 0; k < format.group; k += 4) { memcpy(target + quant_code_place(format, k, column), codes + k, 4); }
        return;
    }
    for (ptrdiff_t k = 0; k < format.group; k++) {
        const int shift = k % 8 >= 4 ? 4 : 0;
        target[quant_code_place(format, k, column)] |= (uint8_t)(codes[k] << shift);
    }
}

/// One panel; columns from `rows` on are left as zero weights: zero codes with zero scales.
static void pack_panel(
    resa_quant_format format, ptrdiff_t inputs, ptrdiff_t rows, const resa_quant_source *source, ptrdiff_t firstRow, uint8_t *panel) {
    const ptrdiff_t groups = resa_quant_groups(format, inputs), supers = resa_quant_supers(inputs);
    const ptrdiff_t unit = quant_unit_groups(format), codeBytes = quant_code_bytes(format);
    memset(panel, 0, (size_t)resa_quant_panel_bytes(format, inputs));
    uint8_t *place = panel;
    for (ptrdiff_t group = 0; group < groups; group++) {
        if (format.twoLevel && group % unit == 0) {
            for (ptrdiff_t column = 0; column < rows; column++) {
                const ptrdiff_t super = (firstRow + column) * supers + group / unit;
                put_half(place, column, source->superScales[super]);
                put_half(place + QUANT_LINE, column, source->superMinima[super]);
            }
            place += quant_unit_head(format);
        }
        uint8_t *const scales = place + codeBytes;
        for (ptrdiff_t column = 0; column < rows; column++) {
            const ptrdiff_t index = (firstRow + column) * groups + group;
            pack_codes(format, column, source->codes + index * format.group, place);
            if (format.twoLevel) {
                scales[column] = source->subScales[index];
                scales[QUANT_COLUMNS + column] = source->subMinima[index];
            } else {
                put_half(scales, column, source->scales[index]);
                if (format.minima) { put_half(scales + QUANT_LINE, column, source->minima[index]); }
            }
        }
        place += quant_group_bytes(format);
    }
}

void resa_quant_pack(
    resa_quant_format format, ptrdiff_t outputs, ptrdiff_t inputs, ptrdiff_t firstOutput, ptrdiff_t rows, const resa_quant_source *source,
    void *packed) {
    (void)outputs;
    const ptrdiff_t panelBytes = resa_quant_panel_bytes(format, inputs);
    for (ptrdiff_t row = 0; row < rows; row += QUANT_COLUMNS) {
        const ptrdiff_t count = rows - row < QUANT_COLUMNS ? rows - row : QUANT_COLUMNS;
        uint8_t *const panel = (uint8_t *)packed + (firstOutput + row) / QUANT_COLUMNS * panelBytes;
        pack_panel(format, inputs, count, source, row, panel);
    }
}

bool resa_quant_is_zero(resa_quant_format format, ptrdiff_t outputs, ptrdiff_t inputs, const void *packed) {
    const ptrdiff_t groups = resa_quant_groups(format, inputs), groupBytes = quant_group_bytes(format);
    const ptrdiff_t count = (outputs + QUANT_COLUMNS - 1) / QUANT_COLUMNS * groups;
    if (format.minima) { return false; }
    for (ptrdiff_t group = 0; group < count; group++) {
        uint64_t words[QUANT_LINE / 8], any = 0;
        memcpy(words, (const char *)packed + group * groupBytes + quant_code_bytes(format), sizeof words);
        for (int i = 0; i < QUANT_LINE / 8; i++) { any |= words[i]; }
        if (any != 0) { return false; }
    }
    return true;
}

void resa_quant_unpack_row(
    resa_quant_format format, ptrdiff_t outputs, ptrdiff_t inputs, float factor, ptrdiff_t output, const void *packed, float *out) {
    (void)outputs;
    const uint8_t *place = (const uint8_t *)packed + output / QUANT_COLUMNS * resa_quant_panel_bytes(format, inputs);
    const ptrdiff_t column = output % QUANT_COLUMNS, unit = quant_unit_groups(format);
    const int zero = format.minima ? 0 : format.bits == 8 ? 128 : 8;
    float superScale = 0, superMinimum = 0;
    for (ptrdiff_t group = 0; group * format.group < inputs; group++) {
        if (format.twoLevel && group % unit == 0) {
            superScale = half_at(place, column);
            superMinimum = half_at(place + QUANT_LINE, column);
            place += quant_unit_head(format);
        }
        const uint8_t *const scales = place + quant_code_bytes(format);
        float scale, minimum = 0;
        if (format.twoLevel) {
            scale = superScale * (float)scales[column];
            minimum = -(superMinimum * (float)scales[QUANT_COLUMNS + column]);
        } else {
            scale = half_at(scales, column);
            if (format.minima) { minimum = half_at(scales + QUANT_LINE, column); }
        }
        float values[128];
        for (ptrdiff_t k = 0; k < format.group; k++) {
            const int byte = place[quant_code_place(format, k, column)];
            const int code = format.bits == 8 ? byte : k % 8 >= 4 ? byte >> 4 : byte & 15;
            values[k] = ((float)(code - zero) * scale + minimum) * factor;
        }
        if (format.rotated) { resa_rotate_groups(format.group, format.group, values); }
        const ptrdiff_t left = inputs - group * format.group, count = left < format.group ? left : format.group;
        memcpy(out + group * format.group, values, (size_t)count * sizeof *values);
        place += quant_group_bytes(format);
    }
}
