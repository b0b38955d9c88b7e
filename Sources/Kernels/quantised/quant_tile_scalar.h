// Quantised products and rows of the scalar tier.

static void quant_tile(const resa_quant_tile *tile) {
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
                scale = resa_half_at(super + column * 2) * (float)scales[column];
                minimum = -(resa_half_at(super + QUANT_LINE + column * 2) * (float)scales[QUANT_COLUMNS + column]);
            } else {
                scale = resa_half_at(scales + column * 2);
                if (format.minima) { minimum = resa_half_at(scales + QUANT_LINE + column * 2); }
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

static void quant_store(const resa_quant_store *store, const float *sum, float *y) {
    for (ptrdiff_t i = 0; i < store->columns; i++) {
        if (store->add) {
            y[i] = fmaf(sum[i], store->factor, y[i]);
        } else {
            y[i] = store->bias == NULL ? sum[i] * store->factor : fmaf(sum[i], store->factor, store->bias[i]);
        }
    }
}

/// The largest magnitude, NaN when one is infinite or NaN.
static float largest_magnitude(ptrdiff_t count, const float *x) {
    float largest = 0;
    for (ptrdiff_t i = 0; i < count; i++) {
        if (!isfinite(x[i])) { return NAN; }
        largest = fabsf(x[i]) > largest ? fabsf(x[i]) : largest;
    }
    return largest;
}

static void quantise_groups(ptrdiff_t group, bool rotated, ptrdiff_t inputs, const float *x, void *row) {
    const quant_row_layout layout = quant_row(group, inputs);
    int8_t *const codes = row;
    char *const bytes = row;
    float *const scales = (float *)(bytes + layout.scales), *const sums = (float *)(bytes + layout.sums);
    int32_t *const starts8 = (int32_t *)(bytes + layout.starts8), *const starts4 = (int32_t *)(bytes + layout.starts4);
    for (ptrdiff_t index = 0; index * group < inputs; index++) {
        float values[128] = {0};
        const ptrdiff_t left = inputs - index * group;
        memcpy(values, x + index * group, (size_t)(left < group ? left : group) * sizeof *values);
        if (rotated) { resa_hadamard(group, values); }
        const float largest = largest_magnitude(group, values);
        const bool zeros = !(largest >= QUANT_SMALLEST);
        const float scale = isnan(largest) ? NAN : zeros ? 0 : largest / 127.0f, inverse = zeros ? 0 : 127.0f / largest;
        int32_t sum = 0;
        for (ptrdiff_t i = 0; i < group; i++) {
            const int32_t code = zeros ? 0 : (int32_t)lrintf(values[i] * inverse);
            codes[index * group + i] = (int8_t)code;
            sum += code;
        }
        scales[index] = rotated ? scale * quant_rotation_factor(group) : scale;
        starts8[index] = -128 * sum;
        starts4[index] = -8 * sum;
        sums[index] = scales[index] * (float)sum;
    }
}
