// The scalar tier of quantised products: the oracle.
#include <math.h>
#include <string.h>

#include "quantised.h"

static inline float half_at(const uint8_t *line, ptrdiff_t column) {
    uint16_t half;
    memcpy(&half, line + column * 2, sizeof half);
    return resa_half_to_float(half);
}

void resa_quant_tile_scalar(const resa_quant_tile *tile) {
    const resa_quant_format format = tile->format;
    const ptrdiff_t codeBytes = quant_code_bytes(format), unit = quant_unit_groups(format);
    const int zero = format.minima ? 0 : format.bits == 8 ? 128 : 8;
    if (!tile->accumulate) { memset(tile->y, 0, (size_t)(tile->rows * QUANT_COLUMNS) * sizeof *tile->y); }
    const uint8_t *place = tile->w, *super = NULL;
    for (ptrdiff_t group = 0; group < tile->groups; group++) {
        if (format.twoLevel && group % unit == 0) {
            super = place;
            place += quant_unit_head(format);
        }
        const uint8_t *const scales = place + codeBytes;
        for (ptrdiff_t column = 0; column < QUANT_COLUMNS; column++) {
            float scale, minimum = 0;
            if (format.twoLevel) {
                scale = half_at(super, column) * (float)scales[column];
                minimum = -(half_at(super + QUANT_LINE, column) * (float)scales[QUANT_COLUMNS + column]);
            } else {
                scale = half_at(scales, column);
                if (format.minima) { minimum = half_at(scales + QUANT_LINE, column); }
            }
            for (ptrdiff_t row = 0; row < tile->rows; row++) {
                const int8_t *const x = tile->x + row * tile->rowBytes + group * format.group;
                const ptrdiff_t index = row * (tile->rowBytes / 4) + group;
                int32_t dot = 0;
                for (ptrdiff_t k = 0; k < format.group; k++) {
                    const int byte = place[quant_code_place(format, k, column)];
                    const int code = format.bits == 8 ? byte : k % 8 >= 4 ? byte >> 4 : byte & 15;
                    dot += (code - zero) * x[k];
                }
                float *const y = tile->y + row * QUANT_COLUMNS + column;
                *y = fmaf((float)dot, scale * tile->scales[index], *y);
                if (format.minima) { *y = fmaf(minimum, tile->sums[index], *y); }
            }
        }
        place += quant_group_bytes(format);
    }
}

void resa_quant_store_scalar(const resa_quant_store *store, const float *sum, float *y) {
    for (ptrdiff_t i = 0; i < store->columns; i++) {
        if (store->add) {
            y[i] = fmaf(sum[i], store->factor, y[i]);
        } else {
            y[i] = store->bias == NULL ? sum[i] * store->factor : fmaf(sum[i], store->factor, store->bias[i]);
        }
    }
}
