// Quantised rows in the tier's vector vocabulary and the words for codes (quant_words_*.h).

static void quant_store(const resa_quant_store *store, const float *sum, float *y) {
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

enum {
    /// Vectors of the largest group.
    QUANT_GROUP_VECTORS = 128 / LANES,
    /// Inputs whose turned values wait in the first-level cache. All groups of a strip go through one step before the next step begins, so
    /// that no group waits for another's maximum or division.
    QUANT_STRIP_INPUTS = 1024,
};

/// One group of the strip, turned; `count` of its elements are there, the others are zeros. Returns the bits of its largest magnitude.
static inline __attribute__((always_inline)) uint32_t turn_group(
    const int group, const bool rotated, ptrdiff_t count, const float *x, float *out) {
    const int vectors = group / LANES;
    vf values[QUANT_GROUP_VECTORS];
#pragma clang loop unroll(full)
    for (int i = 0; i < vectors; i++) {
        const ptrdiff_t left = count - i * LANES;
        values[i] = left >= LANES ? v_load(x + i * LANES) : left > 0 ? v_load_part(v_first(left), x + i * LANES) : v_set(0);
    }
    if (rotated) {
        // Times 1 or -1 and added is one exact product and one rounding: the sum or the difference.
#pragma clang loop unroll(full)
        for (int stride = 1; stride < LANES; stride *= 2) {
            const vf signs = v_signs(stride);
#pragma clang loop unroll(full)
            for (int i = 0; i < vectors; i++) { values[i] = v_fma(values[i], signs, v_exchange(values[i], stride)); }
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
    v_store(out, values[0]);
#pragma clang loop unroll(full)
    for (int i = 1; i < vectors; i++) {
        magnitudes = v_larger(magnitudes, v_magnitudes(values[i]));
        v_store(out + i * LANES, values[i]);
    }
    // As integers, magnitudes are in the order of the numbers, infinity and NaN above all.
    return v_largest_bits(magnitudes);
}

static inline __attribute__((always_inline)) void quant_row_of(
    const int group, const bool rotated, ptrdiff_t inputs, const float *x, void *row) {
    enum { MOST_GROUPS = QUANT_STRIP_INPUTS / 32 };
    const quant_row_layout layout = quant_row(group, inputs);
    char *const bytes = row;
    float *scales = (float *)(bytes + layout.scales), *sums = (float *)(bytes + layout.sums);
    int32_t *starts8 = (int32_t *)(bytes + layout.starts8), *starts4 = (int32_t *)(bytes + layout.starts4);
    _Alignas(64) float turned[QUANT_STRIP_INPUTS];
    float steps[MOST_GROUPS], inverses[MOST_GROUPS];
    for (ptrdiff_t start = 0; start < inputs; start += QUANT_STRIP_INPUTS) {
        const ptrdiff_t count = inputs - start < QUANT_STRIP_INPUTS ? inputs - start : QUANT_STRIP_INPUTS;
        const ptrdiff_t whole = count / group, groups = (count + group - 1) / group;
        for (ptrdiff_t g = 0; g < groups; g++) {
            const float *const from = x + start + g * group;
            float *const to = turned + g * group;
            const uint32_t bits
                = g < whole ? turn_group(group, rotated, group, from, to) : turn_group(group, rotated, count - g * group, from, to);
            const float largest = resa_float_of_bits(bits);
            const bool finite = bits < 0x7f800000, zeros = !finite || largest < QUANT_SMALLEST;
            const float step = zeros ? 0 : largest / 127.0f;
            steps[g] = !finite ? NAN : rotated ? step * quant_rotation_factor(group) : step;
            inverses[g] = zeros ? 0 : 127.0f / largest;
        }
        for (ptrdiff_t g = 0; g < groups; g++) {
            const int32_t sum = v_codes(group, inverses[g], turned + g * group, (int8_t *)row + start + g * group);
            scales[g] = steps[g];
            starts8[g] = -128 * sum;
            starts4[g] = -8 * sum;
            sums[g] = steps[g] * (float)sum;
        }
        scales += groups;
        sums += groups;
        starts8 += groups;
        starts4 += groups;
    }
}

static void quantise_groups(ptrdiff_t group, bool rotated, ptrdiff_t inputs, const float *x, void *row) {
    switch (group * 2 + rotated) {
        case 64: quant_row_of(32, false, inputs, x, row); break;
        case 65: quant_row_of(32, true, inputs, x, row); break;
        case 128: quant_row_of(64, false, inputs, x, row); break;
        case 129: quant_row_of(64, true, inputs, x, row); break;
        case 256: quant_row_of(128, false, inputs, x, row); break;
        case 257: quant_row_of(128, true, inputs, x, row); break;
        default: break;
    }
}
