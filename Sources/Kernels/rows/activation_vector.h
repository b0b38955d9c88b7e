// Activations and caps in the tier's vector vocabulary.

/// tanh(x) = t / (t + 2) for t = exp(2x) - 1. With 2x = n ln 2 + r and p = exp(r) - 1 by its Taylor series, t = 2^n p + (2^n - 1): the two
/// terms never nearly cancel, so that small results are as exact as others, within 2^-21 of themselves.
static inline vf v_tanh(vf x) {
    // Beyond these bounds the result rounds to 1 or -1. The bound comes first so that NaN passes.
    const vf twice = v_min(v_set(20), v_max(v_set(-20), v_add(x, x)));
    const vf n = v_nearest(v_mul(twice, v_set(0x1.715476p+0f)));
    vf r = v_fnma(n, v_set(0x1.62e4p-1f), twice);
    r = v_fnma(n, v_set((float)(0.693147180559945309 - 0x1.62e4p-1)), r);
    vf p = v_set(1.0f / 5040);
    p = v_fma(p, r, v_set(1.0f / 720));
    p = v_fma(p, r, v_set(1.0f / 120));
    p = v_fma(p, r, v_set(1.0f / 24));
    p = v_fma(p, r, v_set(1.0f / 6));
    p = v_fma(p, r, v_set(0.5f));
    p = v_fma(p, r, v_set(1));
    p = v_mul(p, r);
    const vf power = v_scale(v_set(1), n);
    const vf t = v_fma(power, p, v_sub(power, v_set(1)));
    return v_div(t, v_add(t, v_set(2)));
}

/// x / (1 + exp(-y)).
static inline vf v_times_sigmoid(vf x, vf y) { return v_div(x, v_add(v_set(1), v_exp(v_sub(v_set(0), y)))); }

/// x times the normal distribution function. Its tail Q(a) = exp(-a^2 / 2) g(a) for a = |x|, where g(a) = t P(t) with t = 1 / (1 + 0.34375 a),
/// the form of Hastings (1955; Abramowitz and Stegun 7.1.26); P is of degree 8, fitted here to be within 2.6e-8 of g for a up to 14.5,
/// past which Q is 0 in f32.
static inline vf v_gelu(vf x) {
    const vf a = v_min(v_set(30), v_max(v_sub(v_set(0), x), x));
    const vf t = v_div(v_set(1), v_fma(a, v_set(0.34375f), v_set(1)));
    vf p = v_set(-0.0275828298f);
    p = v_fma(p, t, v_set(0.142806739f));
    p = v_fma(p, t, v_set(-0.269685745f));
    p = v_fma(p, t, v_set(0.188748702f));
    p = v_fma(p, t, v_set(-0.0379112102f));
    p = v_fma(p, t, v_set(0.112108685f));
    p = v_fma(p, t, v_set(0.116869293f));
    p = v_fma(p, t, v_set(0.137525856f));
    p = v_fma(p, t, v_set(0.137120545f));
    // What rounding a^2 leaves over would be a hundred times as large in the exponential of a large one.
    const vf square = v_mul(a, a), rest = v_fma(a, a, v_sub(v_set(0), square));
    vf tail = v_mul(v_mul(p, t), v_exp(v_mul(square, v_set(-0.5f))));
    tail = v_fma(v_mul(rest, v_set(-0.5f)), tail, tail);
    return v_mul(x, v_select(v_greater(x, v_set(0)), v_sub(v_set(1), tail), tail));
}

static inline __attribute__((always_inline)) vf v_activate(const resa_activation activation, vf x) {
    switch (activation) {
        case RESA_SILU: return v_times_sigmoid(x, x);
        case RESA_GELU: return v_gelu(x);
        // (1 + tanh(z)) / 2 = 1 / (1 + exp(-2 z)), and 2 z = x (a + b x^2).
        default: return v_times_sigmoid(x, v_mul(x, v_fma(v_mul(x, x), v_set(0.0713548163f), v_set(1.59576912f))));
    }
}

static inline __attribute__((always_inline)) void activate_row(
    const resa_activation activation, const bool gated, ptrdiff_t count, const float *gate, const float *up, float *out) {
    ptrdiff_t i = 0;
    for (; i + LANES <= count; i += LANES) {
        const vf value = v_activate(activation, v_load(gate + i));
        v_store(out + i, gated ? v_mul(value, v_load(up + i)) : value);
    }
    if (i == count) { return; }
    const vmask mask = v_first(count - i);
    const vf value = v_activate(activation, v_load_part(mask, gate + i));
    v_store_part(mask, out + i, gated ? v_mul(value, v_load_part(mask, up + i)) : value);
}

static void activate(resa_activation activation, ptrdiff_t count, const float *gate, const float *up, float *out) {
#define ROW(name) (up != NULL ? activate_row(name, true, count, gate, up, out) : activate_row(name, false, count, gate, up, out))
    switch (activation) {
        case RESA_SILU: ROW(RESA_SILU); break;
        case RESA_GELU: ROW(RESA_GELU); break;
        default: ROW(RESA_GELU_TANH); break;
    }
#undef ROW
}

static void cap(ptrdiff_t count, float cap, float *x) {
    const vf most = v_set(cap), inverse = v_set(1 / cap);
    ptrdiff_t i = 0;
    for (; i + LANES <= count; i += LANES) { v_store(x + i, v_mul(most, v_tanh(v_mul(v_load(x + i), inverse)))); }
    if (i == count) { return; }
    const vmask mask = v_first(count - i);
    v_store_part(mask, x + i, v_mul(most, v_tanh(v_mul(v_load_part(mask, x + i), inverse))));
}
