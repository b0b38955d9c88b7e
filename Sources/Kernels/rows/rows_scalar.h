// Row operations of the scalar tier: plain loops, the standard library's exponential.

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

static void layer_norm(ptrdiff_t count, const float *x, const float *weight, const float *bias, float epsilon, float *out) {
    double sum = 0, squares = 0;
    for (ptrdiff_t i = 0; i < count; i++) { sum += (double)x[i]; }
    const double mean = sum / (double)count;
    for (ptrdiff_t i = 0; i < count; i++) { squares += ((double)x[i] - mean) * ((double)x[i] - mean); }
    const double deviation = sqrt(squares / (double)count + (double)epsilon);
    for (ptrdiff_t i = 0; i < count; i++) {
        const double value = ((double)x[i] - mean) / deviation * (double)weight[i];
        out[i] = (float)(bias == NULL ? value : value + (double)bias[i]);
    }
}

static void scale(ptrdiff_t count, float a, float *x) {
    for (ptrdiff_t i = 0; i < count; i++) { x[i] *= a; }
}

static inline void rotate_pair(float *first, float *second, float cosine, float sine) {
    const float a = *first, b = *second;
    *first = a * cosine - b * sine;
    *second = b * cosine + a * sine;
}

static void rotate_half(ptrdiff_t half, const float *cosine, const float *sine, float *x) {
    for (ptrdiff_t i = 0; i < half; i++) { rotate_pair(&x[i], &x[i + half], cosine[i], sine[i]); }
}

static void rotate_interleaved(ptrdiff_t half, const float *cosine, const float *sine, float *x) {
    for (ptrdiff_t i = 0; i < half; i++) { rotate_pair(&x[2 * i], &x[2 * i + 1], cosine[i], sine[i]); }
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
