// The scalar tier: plain loops, the standard library's exponential. It is the oracle that the other tiers are tested against,
// so it is written for reading and shares no code with them.
#include <math.h>

#include "quantised.h"
#include "tiers.h"

/// The product of two bf16 numbers is exact in f32, so a multiply and an add round once, as a fused multiply-add would.
static void gemm_tile(
    ptrdiff_t rows, ptrdiff_t groups, ptrdiff_t pairs, const uint16_t *x, ptrdiff_t xStride, const uint16_t *w, float *sum,
    bool accumulate, const void *ahead, ptrdiff_t aheadLines) {
    (void)ahead, (void)aheadLines;
    const ptrdiff_t columns = groups * RESA_PANEL_STEP;
    for (ptrdiff_t row = 0; row < rows; row++) {
        float *const total = sum + row * RESA_PANEL_COLUMNS;
        if (!accumulate) {
            for (ptrdiff_t c = 0; c < columns; c++) { total[c] = 0; }
        }
        for (ptrdiff_t pair = 0; pair < pairs; pair++) {
            const float x0 = resa_widen(x[row * xStride + 2 * pair]), x1 = resa_widen(x[row * xStride + 2 * pair + 1]);
            const uint16_t *const weights = w + pair * columns * 2;
            for (ptrdiff_t c = 0; c < columns; c++) {
                total[c] += x0 * resa_widen(weights[2 * c]);
                total[c] += x1 * resa_widen(weights[2 * c + 1]);
            }
        }
    }
}

static void store_row(ptrdiff_t count, const float *sum, const float *bias, float *y) {
    for (ptrdiff_t i = 0; i < count; i++) { y[i] = bias == NULL ? sum[i] : sum[i] + bias[i]; }
}

static void axpy(ptrdiff_t count, float a, const float *x, float *y) {
    for (ptrdiff_t i = 0; i < count; i++) { y[i] += a * x[i]; }
}

static void add(ptrdiff_t count, const float *x, float *y) {
    for (ptrdiff_t i = 0; i < count; i++) { y[i] += x[i]; }
}

static float dot(ptrdiff_t count, const float *a, const float *b) {
    double sum = 0;
    for (ptrdiff_t i = 0; i < count; i++) { sum += (double)a[i] * (double)b[i]; }
    return (float)sum;
}

static float sum_of_squares(ptrdiff_t count, const float *x) { return dot(count, x, x); }

static void rms_norm(ptrdiff_t count, const float *x, const float *weight, float epsilon, float *out) {
    const float inverse = 1.0f / sqrtf(sum_of_squares(count, x) / (float)count + epsilon);
    for (ptrdiff_t i = 0; i < count; i++) { out[i] = x[i] * inverse * weight[i]; }
}

static void swiglu(ptrdiff_t count, const float *gate, const float *up, float *out) {
    for (ptrdiff_t i = 0; i < count; i++) { out[i] = gate[i] / (1.0f + expf(-gate[i])) * up[i]; }
}

static inline void rotate(float *first, float *second, float cosine, float sine) {
    const float a = *first, b = *second;
    *first = a * cosine - b * sine;
    *second = b * cosine + a * sine;
}

static void rotate_half(ptrdiff_t half, const float *cosine, const float *sine, float *x) {
    for (ptrdiff_t i = 0; i < half; i++) { rotate(&x[i], &x[i + half], cosine[i], sine[i]); }
}

static void rotate_interleaved(ptrdiff_t half, const float *cosine, const float *sine, float *x) {
    for (ptrdiff_t i = 0; i < half; i++) { rotate(&x[2 * i], &x[2 * i + 1], cosine[i], sine[i]); }
}

static void exponential(ptrdiff_t count, const float *x, float *out) {
    for (ptrdiff_t i = 0; i < count; i++) { out[i] = expf(x[i]); }
}

static float maximum(ptrdiff_t count, const float *x) {
    float largest = -INFINITY;
    for (ptrdiff_t i = 0; i < count; i++) { largest = x[i] > largest ? x[i] : largest; }
    return largest;
}

static void softmax(ptrdiff_t count, float *x) {
    const float largest = maximum(count, x);
    double sum = 0;
    for (ptrdiff_t i = 0; i < count; i++) {
        x[i] = largest == -INFINITY ? 0 : expf(x[i] - largest);
        sum += (double)x[i];
    }
    const float inverse = sum == 0 ? 0 : 1.0f / (float)sum;
    for (ptrdiff_t i = 0; i < count; i++) { x[i] *= inverse; }
}

static float log_sum_exp(ptrdiff_t count, const float *x) {
    const float largest = maximum(count, x);
    if (isinf(largest)) { return largest; }
    double sum = 0;
    for (ptrdiff_t i = 0; i < count; i++) { sum += (double)expf(x[i] - largest); }
    return largest + logf((float)sum);
}

static float draw_weights(ptrdiff_t count, float largest, float scale, float least, float *x) {
    double sum = 0;
    for (ptrdiff_t i = 0; i < count; i++) {
        const float value = expf((x[i] - largest) * scale);
        x[i] = value > least ? value : 0;
        sum += (double)x[i];
    }
    return (float)sum;
}

static ptrdiff_t find_greater(ptrdiff_t count, const float *x, ptrdiff_t start, float threshold) {
    ptrdiff_t i = start;
    while (i < count && !(x[i] > threshold)) { i += 1; }
    return i < count ? i : count;
}

static uint64_t probe_read(const void *start, ptrdiff_t bytes) {
    const uint64_t *const words = start;
    uint64_t digests[8] = {0};
    for (ptrdiff_t i = 0; i < bytes / 8; i += 8) {
        __builtin_prefetch(words + i + 64);
        for (int lane = 0; lane < 8; lane++) { digests[lane] ^= words[i + lane]; }
    }
    uint64_t digest = 0;
    for (int lane = 0; lane < 8; lane++) { digest ^= digests[lane]; }
    return digest;
}

static double probe(ptrdiff_t rounds) {
    volatile float factor = 1;
    float sums[8] = {0};
    for (ptrdiff_t round = 0; round < rounds; round++) {
        for (int i = 0; i < 8; i++) { sums[i] += factor * (float)i; }
    }
    volatile float sink = 0;
    for (int i = 0; i < 8; i++) { sink += sums[i]; }
    return (double)rounds * 8 * 2;
}

const resa_kernels resa_kernels_scalar = {
    .name = "scalar",
    .tier = RESA_TIER_SCALAR,
    .gemm_tile = gemm_tile,
    .store_row = store_row,
    .quant_tile = resa_quant_tile_scalar,
    .quant_store = resa_quant_store_scalar,
    .quantise_groups = resa_quantise_groups_scalar,
    .axpy = axpy,
    .add = add,
    .dot = dot,
    .sum_of_squares = sum_of_squares,
    .rms_norm = rms_norm,
    .swiglu = swiglu,
    .rotate_half = rotate_half,
    .rotate_interleaved = rotate_interleaved,
    .exponential = exponential,
    .softmax = softmax,
    .log_sum_exp = log_sum_exp,
    .draw_weights = draw_weights,
    .maximum = maximum,
    .find_greater = find_greater,
    .ordered_dot = resa_scalar_ordered_dot,
    .add_row = resa_scalar_add_row,
    .latent_mask = resa_scalar_latent_mask,
    .store_kv = resa_scalar_store_kv,
    .attend = resa_scalar_attend,
    .attend_fold = resa_scalar_attend_fold,
    .probe_read = probe_read,
    .probe_f32 = probe,
    .probe_bf16 = probe,
    .probe_int8 = probe,
};
