// Row operations in the tier's vector vocabulary. A row's last, partial vector goes through the same
// arithmetic as the others, under a mask; the order of every sum depends on the row's length alone.

/// exp by x = n ln 2 + r, |r| <= ln 2 / 2, and the Taylor series of degree 7 in r, whose remainder is below 2^-27 of the result.
static inline vf v_exp(vf x) {
    // Beyond these bounds the result is 0 or infinite. The bound comes first so that NaN passes.
    x = v_min(v_set(100), v_max(v_set(-120), x));
    const vf n = v_nearest(v_mul(x, v_set(0x1.715476p+0f)));
    // ln 2 as 16 bits, so that n times it is exact, and the rest.
    vf r = v_fnma(n, v_set(0x1.62e4p-1f), x);
    r = v_fnma(n, v_set((float)(0.693147180559945309 - 0x1.62e4p-1)), r);
    vf p = v_set(1.0f / 5040);
    p = v_fma(p, r, v_set(1.0f / 720));
    p = v_fma(p, r, v_set(1.0f / 120));
    p = v_fma(p, r, v_set(1.0f / 24));
    p = v_fma(p, r, v_set(1.0f / 6));
    p = v_fma(p, r, v_set(0.5f));
    p = v_fma(p, r, v_set(1));
    p = v_fma(p, r, v_set(1));
    return v_scale(p, n);
}

static void store_row(ptrdiff_t count, const float *sum, const float *bias, float *y) {
    for (ptrdiff_t i = 0; i < count; i += LANES) {
        const vmask mask = v_first(count - i);
        const vf value = v_load_part(mask, sum + i);
        v_store_part(mask, y + i, bias == NULL ? value : v_add(value, v_load_part(mask, bias + i)));
    }
}

static void axpy(ptrdiff_t count, float a, const float *x, float *y) {
    const vf factor = v_set(a);
    ptrdiff_t i = 0;
    // Some processors take twenty times as long to store under a mask.
    for (; i + LANES <= count; i += LANES) { v_store(y + i, v_fma(factor, v_load(x + i), v_load(y + i))); }
    const vmask mask = v_first(count - i);
    v_store_part(mask, y + i, v_fma(factor, v_load_part(mask, x + i), v_load_part(mask, y + i)));
}

static void add(ptrdiff_t count, const float *x, float *y) {
    ptrdiff_t i = 0;
    for (; i + LANES <= count; i += LANES) { v_store(y + i, v_add(v_load(y + i), v_load(x + i))); }
    const vmask mask = v_first(count - i);
    v_store_part(mask, y + i, v_add(v_load_part(mask, y + i), v_load_part(mask, x + i)));
}

/// Four chains, so that one addition need not wait for the last.
static float dot(ptrdiff_t count, const float *a, const float *b) {
    vf s0 = v_set(0), s1 = s0, s2 = s0, s3 = s0;
    ptrdiff_t i = 0;
    for (; i + 4 * LANES <= count; i += 4 * LANES) {
        s0 = v_fma(v_load(a + i), v_load(b + i), s0);
        s1 = v_fma(v_load(a + i + LANES), v_load(b + i + LANES), s1);
        s2 = v_fma(v_load(a + i + 2 * LANES), v_load(b + i + 2 * LANES), s2);
        s3 = v_fma(v_load(a + i + 3 * LANES), v_load(b + i + 3 * LANES), s3);
    }
    for (; i < count; i += LANES) {
        const vmask mask = v_first(count - i);
        s0 = v_fma(v_load_part(mask, a + i), v_load_part(mask, b + i), s0);
    }
    return v_sum(v_add(v_add(s0, s1), v_add(s2, s3)));
}

static float sum_of_squares(ptrdiff_t count, const float *x) { return dot(count, x, x); }

static void rms_norm(ptrdiff_t count, const float *x, const float *weight, float epsilon, float *out) {
    const vf inverse = v_set(1.0f / sqrtf(sum_of_squares(count, x) / (float)count + epsilon));
    for (ptrdiff_t i = 0; i < count; i += LANES) {
        const vmask mask = v_first(count - i);
        v_store_part(mask, out + i, v_mul(v_mul(v_load_part(mask, x + i), inverse), v_load_part(mask, weight + i)));
    }
}

/// In the chains of `dot`.
static float sum_of(ptrdiff_t count, const float *x) {
    vf s0 = v_set(0), s1 = s0, s2 = s0, s3 = s0;
    ptrdiff_t i = 0;
    for (; i + 4 * LANES <= count; i += 4 * LANES) {
        s0 = v_add(v_load(x + i), s0);
        s1 = v_add(v_load(x + i + LANES), s1);
        s2 = v_add(v_load(x + i + 2 * LANES), s2);
        s3 = v_add(v_load(x + i + 3 * LANES), s3);
    }
    for (; i < count; i += LANES) { s0 = v_add(v_load_part(v_first(count - i), x + i), s0); }
    return v_sum(v_add(v_add(s0, s1), v_add(s2, s3)));
}

static inline vf v_squared_distance(vf x, vf from, vf sum) {
    const vf distance = v_sub(x, from);
    return v_fma(distance, distance, sum);
}

/// The sum of (x - mean)^2, in the chains of `dot`.
static float squared_distances(ptrdiff_t count, const float *x, vf mean) {
    vf s0 = v_set(0), s1 = s0, s2 = s0, s3 = s0;
    ptrdiff_t i = 0;
    for (; i + 4 * LANES <= count; i += 4 * LANES) {
        s0 = v_squared_distance(v_load(x + i), mean, s0);
        s1 = v_squared_distance(v_load(x + i + LANES), mean, s1);
        s2 = v_squared_distance(v_load(x + i + 2 * LANES), mean, s2);
        s3 = v_squared_distance(v_load(x + i + 3 * LANES), mean, s3);
    }
    for (; i < count; i += LANES) {
        const vmask mask = v_first(count - i);
        s0 = v_squared_distance(v_select(mask, v_load_part(mask, x + i), mean), mean, s0);
    }
    return v_sum(v_add(v_add(s0, s1), v_add(s2, s3)));
}

static void layer_norm(ptrdiff_t count, const float *x, const float *weight, const float *bias, float epsilon, float *out) {
    const vf mean = v_set(sum_of(count, x) / (float)count);
    const vf inverse = v_set(1.0f / sqrtf(squared_distances(count, x, mean) / (float)count + epsilon));
    for (ptrdiff_t i = 0; i < count; i += LANES) {
        const vmask mask = v_first(count - i);
        const vf value = v_mul(v_sub(v_load_part(mask, x + i), mean), inverse), factor = v_load_part(mask, weight + i);
        v_store_part(mask, out + i, bias == NULL ? v_mul(value, factor) : v_fma(value, factor, v_load_part(mask, bias + i)));
    }
}

static void scale(ptrdiff_t count, float a, float *x) {
    const vf factor = v_set(a);
    ptrdiff_t i = 0;
    for (; i + LANES <= count; i += LANES) { v_store(x + i, v_mul(v_load(x + i), factor)); }
    const vmask mask = v_first(count - i);
    v_store_part(mask, x + i, v_mul(v_load_part(mask, x + i), factor));
}

static void rotate_half(ptrdiff_t half, const float *cosine, const float *sine, float *x) {
    for (ptrdiff_t i = 0; i < half; i += LANES) {
        const vmask mask = v_first(half - i);
        const vf c = v_load_part(mask, cosine + i), s = v_load_part(mask, sine + i);
        const vf a = v_load_part(mask, x + i), b = v_load_part(mask, x + half + i);
        v_store_part(mask, x + i, v_fnma(b, s, v_mul(a, c)));
        v_store_part(mask, x + half + i, v_fma(a, s, v_mul(b, c)));
    }
}

static void rotate_interleaved(ptrdiff_t half, const float *cosine, const float *sine, float *x) {
    for (ptrdiff_t i = 0; i < half; i++) {
        const float a = x[2 * i], b = x[2 * i + 1];
        x[2 * i] = __builtin_fmaf(-b, sine[i], a * cosine[i]);
        x[2 * i + 1] = __builtin_fmaf(a, sine[i], b * cosine[i]);
    }
}

static void exponential(ptrdiff_t count, const float *x, float *out) {
    for (ptrdiff_t i = 0; i < count; i += LANES) {
        const vmask mask = v_first(count - i);
        v_store_part(mask, out + i, v_exp(v_load_part(mask, x + i)));
    }
}

static float maximum(ptrdiff_t count, const float *x) {
    const vf lowest = v_set(-INFINITY);
    vf m0 = lowest, m1 = lowest;
    ptrdiff_t i = 0;
    for (; i + 2 * LANES <= count; i += 2 * LANES) {
        m0 = v_max(v_load(x + i), m0);
        m1 = v_max(v_load(x + i + LANES), m1);
    }
    for (; i < count; i += LANES) {
        const vmask mask = v_first(count - i);
        m0 = v_max(v_select(mask, v_load_part(mask, x + i), lowest), m0);
    }
    return v_largest(v_max(m0, m1));
}

/// out = exp(x - largest); returns the sum.
static float shifted_exponentials(ptrdiff_t count, const float *x, float largest, float *out) {
    const vf shift = v_set(largest);
    vf sum = v_set(0);
    for (ptrdiff_t i = 0; i < count; i += LANES) {
        const vmask mask = v_first(count - i);
        const vf value = v_select(mask, v_exp(v_sub(v_load_part(mask, x + i), shift)), v_set(0));
        if (out != NULL) { v_store_part(mask, out + i, value); }
        sum = v_add(sum, value);
    }
    return v_sum(sum);
}

static void softmax(ptrdiff_t count, float *x) {
    const float largest = maximum(count, x);
    // With nothing finite to compare with, a shift of 0 turns -infinity into 0.
    const float total = shifted_exponentials(count, x, largest == -INFINITY ? 0 : largest, x);
    const vf inverse = v_set(total == 0 ? 0 : 1.0f / total);
    for (ptrdiff_t i = 0; i < count; i += LANES) {
        const vmask mask = v_first(count - i);
        v_store_part(mask, x + i, v_mul(v_load_part(mask, x + i), inverse));
    }
}

static float log_sum_exp(ptrdiff_t count, const float *x) {
    const float largest = maximum(count, x);
    if (isinf(largest)) { return largest; }
    return largest + logf(shifted_exponentials(count, x, largest, NULL));
}

static float draw_weights(ptrdiff_t count, float largest, float scale, float least, float *x) {
    const vf shift = v_set(largest), factor = v_set(scale), bound = v_set(least), zero = v_set(0);
    vf sum = zero;
    for (ptrdiff_t i = 0; i < count; i += LANES) {
        const vmask mask = v_first(count - i);
        const vf value = v_exp(v_mul(v_sub(v_load_part(mask, x + i), shift), factor));
        const vf kept = v_select(mask, v_select(v_greater(value, bound), value, zero), zero);
        v_store_part(mask, x + i, kept);
        sum = v_add(sum, kept);
    }
    return v_sum(sum);
}

static ptrdiff_t find_greater(ptrdiff_t count, const float *x, ptrdiff_t start, float threshold) {
    const vf bound = v_set(threshold);
    for (ptrdiff_t i = start; i < count; i += LANES) {
        const vmask mask = v_first(count - i);
        const uint32_t found = v_bits(v_greater(v_load_part(mask, x + i), bound)) & v_bits(mask);
        if (found != 0) { return i + __builtin_ctz(found); }
    }
    return count;
}
