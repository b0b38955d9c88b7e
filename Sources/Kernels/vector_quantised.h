// Quantised rows in the vector vocabulary of the file that includes this one, which names the functions and adds the words for codes:
// vi, v_exchange, v_flip, v_magnitudes, v_larger, v_largest_bits, v_codes, v_add_codes and v_sum_codes.

void QUANT_STORE(const resa_quant_store *store, const float *sum, float *y) {
    const vf factor = v_set(store->factor);
    for (ptrdiff_t i = 0; i < store->columns; i += LANES) {
        const vmask mask = v_first(store->columns - i);
        const vf value = v_load_part(mask, sum + i);
        if (store->add) {
            v_store_part(mask, y + i, v_fma(value, factor, v_load_part(mask, y + i)));
        } else if (store->bias != NULL) {
            v_store_part(mask, y + i, v_fma(value, factor, v_load_part(mask, store->bias + i)));
        } else {
            v_store_part(mask, y + i, v_mul(value, factor));
        }
    }
}

/// One group; `count` of its elements are there, the others are zeros. Where its four numbers go: `scale`, each `array` bytes after the other.
static inline __attribute__((always_inline)) void quantise_group(
    const int group, const bool rotated, ptrdiff_t count, const float *x, int8_t *codes, char *scale, ptrdiff_t array) {
    enum { MOST = 128 / LANES };
    const int vectors = group / LANES;
    vf values[MOST];
#pragma clang loop unroll(full)
    for (int i = 0; i < vectors; i++) {
        values[i] = count == group ? v_load(x + i * LANES) : count > i * LANES ? v_load_part(v_first(count - i * LANES), x + i * LANES) : v_set(0);
    }
    if (rotated) {
#pragma clang loop unroll(full)
        for (int stride = 1; stride < LANES; stride *= 2) {
#pragma clang loop unroll(full)
            for (int i = 0; i < vectors; i++) { values[i] = v_add(v_exchange(values[i], stride), v_flip(values[i], stride)); }
        }
#pragma clang loop unroll(full)
        for (int stride = 1; stride < vectors; stride *= 2) {
#pragma clang loop unroll(full)
            for (int i = 0; i < vectors; i++) {
                if ((i & stride) != 0) { continue; }
                const vf a = values[i], b = values[i + stride];
                values[i] = v_add(a, b);
                values[i + stride] = v_sub(a, b);
            }
        }
    }
    vi magnitudes = v_magnitudes(values[0]);
#pragma clang loop unroll(full)
    for (int i = 1; i < vectors; i++) { magnitudes = v_larger(magnitudes, v_magnitudes(values[i])); }
    // As integers, magnitudes are in the order of the numbers, infinity and NaN above all.
    const uint32_t bits = v_largest_bits(magnitudes);
    const float largest = resa_float_of_bits(bits);
    const bool finite = bits < 0x7f800000, zeros = !finite || largest < QUANT_SMALLEST;
    const float step = !finite ? NAN : zeros ? 0 : largest / 127.0f;
    const vf inverse = v_set(zeros ? 0 : 127.0f / largest);
    vi sums;
#pragma clang loop unroll(full)
    for (int i = 0; i < vectors; i++) {
        const vi these = v_codes(zeros ? v_set(0) : v_mul(values[i], inverse), codes + i * LANES);
        sums = i == 0 ? these : v_add_codes(sums, these);
    }
    const int32_t sum = v_sum_codes(sums);
    const float factor = rotated ? step * quant_rotation_factor(group) : step;
    *(float *)scale = factor;
    *(int32_t *)(scale + array) = -128 * sum;
    *(int32_t *)(scale + 2 * array) = -8 * sum;
    *(float *)(scale + 3 * array) = factor * (float)sum;
}

static inline __attribute__((always_inline)) void quantise_row(
    const int group, const bool rotated, ptrdiff_t inputs, const float *x, void *row) {
    const quant_row_layout layout = quant_row(group, inputs);
    char *scale = (char *)row + layout.scales;
    for (ptrdiff_t start = 0; start < inputs; start += group, scale += 4) {
        const ptrdiff_t left = inputs - start;
        if (left >= group) {
            quantise_group(group, rotated, group, x + start, (int8_t *)row + start, scale, layout.starts8 - layout.scales);
        } else {
            quantise_group(group, rotated, left, x + start, (int8_t *)row + start, scale, layout.starts8 - layout.scales);
        }
    }
}

void QUANTISE_GROUPS(ptrdiff_t group, bool rotated, ptrdiff_t inputs, const float *x, void *row) {
    switch (group * 2 + rotated) {
        case 64: quantise_row(32, false, inputs, x, row); break;
        case 65: quantise_row(32, true, inputs, x, row); break;
        case 128: quantise_row(64, false, inputs, x, row); break;
        case 129: quantise_row(64, true, inputs, x, row); break;
        case 256: quantise_row(128, false, inputs, x, row); break;
        case 257: quantise_row(128, true, inputs, x, row); break;
        default: break;
    }
}
