// A tier's part of latent selection, in the tier's vector vocabulary.

enum {
    /// Vectors that hold the 64 chains of an ordered dot product.
    CHAIN_VECTORS = 64 / LANES,
    PANEL_VECTORS = LATENT_COLUMNS / LANES,
};

static inline __attribute__((always_inline)) vf row_vector(const void *row, const bool brain, ptrdiff_t i) {
    return brain ? v_load_bf16((const uint16_t *)row + i) : v_load((const float *)row + i);
}

static inline __attribute__((always_inline)) vf row_part(const void *row, const bool brain, ptrdiff_t i, vmask mask) {
    return brain ? v_load_bf16_part(mask, (const uint16_t *)row + i) : v_load_part(mask, (const float *)row + i);
}

static inline __attribute__((always_inline)) float ordered_dot_of(ptrdiff_t count, const float *x, const void *row, const bool brain) {
    vf sums[CHAIN_VECTORS];
#pragma clang loop unroll(full)
    for (int v = 0; v < CHAIN_VECTORS; v++) { sums[v] = v_set(0); }
    ptrdiff_t i = 0;
    for (; i + 64 <= count; i += 64) {
#pragma clang loop unroll(full)
        for (int v = 0; v < CHAIN_VECTORS; v++) {
            sums[v] = v_fma(v_load(x + i + v * LANES), row_vector(row, brain, i + v * LANES), sums[v]);
        }
    }
    if (i < count) {
#pragma clang loop unroll(full)
        for (int v = 0; v < CHAIN_VECTORS; v++) {
            const ptrdiff_t at = i + v * LANES;
            if (at < count) {
                // Lanes past the end add a zero, which can only turn -0 into 0; the last addition does so anyway.
                const vmask mask = v_first(count - at);
                sums[v] = v_fma(v_load_part(mask, x + at), row_part(row, brain, at, mask), sums[v]);
            }
        }
    }
#pragma clang loop unroll(full)
    for (int half = CHAIN_VECTORS / 2; half > 0; half /= 2) {
#pragma clang loop unroll(full)
        for (int v = 0; v < half; v++) { sums[v] = v_add(sums[v], sums[v + half]); }
    }
    float lanes[LANES];
    v_store(lanes, sums[0]);
    for (int half = LANES / 2; half > 0; half /= 2) {
        for (int lane = 0; lane < half; lane++) { lanes[lane] += lanes[lane + half]; }
    }
    return lanes[0] + 0.0f;
}

static float ordered_dot(ptrdiff_t count, const float *x, const void *row, bool brain) {
    return brain ? ordered_dot_of(count, x, row, true) : ordered_dot_of(count, x, row, false);
}

static void add_row(ptrdiff_t count, float a, const void *row, bool brain, float *y) {
    if (!brain) {
        axpy(count, a, row, y);
        return;
    }
    const vf factor = v_set(a);
    ptrdiff_t i = 0;
    for (; i + LANES <= count; i += LANES) { v_store(y + i, v_fma(factor, row_vector(row, true, i), v_load(y + i))); }
    if (i < count) {
        const vmask mask = v_first(count - i);
        v_store_part(mask, y + i, v_fma(factor, row_part(row, true, i, mask), v_load_part(mask, y + i)));
    }
}

static uint32_t latent_mask(
    const float *sums, const float *lines, float norm, float error, float threshold, float *lower, float *upper) {
    const vf a = v_set(norm), b = v_set(error), least = v_set(threshold);
    vf values[PANEL_VECTORS], bounds[PANEL_VECTORS];
    uint32_t below = 0;
#pragma clang loop unroll(full)
    for (int v = 0; v < PANEL_VECTORS; v++) {
        const float *const line = lines + v * LANES;
        values[v] = v_fma(v_load(sums + v * LANES), v_load(line), v_load(line + LATENT_COLUMNS));
        bounds[v] = v_fma(
            a, v_load(line + 2 * LATENT_COLUMNS), v_fma(b, v_load(line + 3 * LATENT_COLUMNS), v_load(line + 4 * LATENT_COLUMNS)));
        below |= v_bits(v_greater(least, v_add(values[v], bounds[v]))) << (v * LANES);
    }
    if (below == UINT32_MAX) { return 0; }
#pragma clang loop unroll(full)
    for (int v = 0; v < PANEL_VECTORS; v++) {
        v_store(lower + v * LANES, v_sub(values[v], bounds[v]));
        v_store(upper + v * LANES, v_add(values[v], bounds[v]));
    }
    return ~below;
}
