// Rows of sparse autoencoders in the scalar tier.

static inline float latent_element(const void *row, bool brain, ptrdiff_t i) {
    return brain ? resa_widen(((const uint16_t *)row)[i]) : ((const float *)row)[i];
}

static float ordered_dot(ptrdiff_t count, const float *x, const void *row, bool brain) {
    float sums[64] = {0};
    for (ptrdiff_t i = 0; i < count; i++) { sums[i % 64] = fmaf(x[i], latent_element(row, brain, i), sums[i % 64]); }
    for (int half = 32; half > 0; half /= 2) {
        for (int i = 0; i < half; i++) { sums[i] += sums[i + half]; }
    }
    return sums[0] + 0.0f;
}

static void add_row(ptrdiff_t count, float a, const void *row, bool brain, float *y) {
    for (ptrdiff_t i = 0; i < count; i++) { y[i] += a * latent_element(row, brain, i); }
}

static uint32_t latent_mask(
    const float *sums, const float *lines, float norm, float error, float threshold, float *lower, float *upper) {
    uint32_t mask = 0;
    for (int column = 0; column < LATENT_COLUMNS; column++) {
        const float *const line = lines + column;
        const float v = fmaf(sums[column], line[0], line[LATENT_COLUMNS]);
        const float bound
            = fmaf(norm, line[2 * LATENT_COLUMNS], fmaf(error, line[3 * LATENT_COLUMNS], line[4 * LATENT_COLUMNS]));
        lower[column] = v - bound;
        upper[column] = v + bound;
        if (!(upper[column] < threshold)) { mask |= 1u << column; }
    }
    return mask;
}
