// Activations and caps of the scalar tier. In double, so that what is left of a large negative x keeps all its digits.

static inline float activated(resa_activation activation, float gate) {
    const double x = (double)gate;
    switch (activation) {
        case RESA_SILU: return gate / (1.0f + expf(-gate));
        case RESA_GELU: return (float)(0.5 * x * erfc(-x * 0.70710678118654752));
        // (1 + tanh(z)) / 2 = 1 / (1 + exp(-2 z)).
        default: return (float)(x / (1 + exp(-2 * 0.79788456080286536 * (x + 0.044715 * x * x * x))));
    }
}

static void activate(resa_activation activation, ptrdiff_t count, const float *gate, const float *up, float *out) {
    for (ptrdiff_t i = 0; i < count; i++) {
        const float value = activated(activation, gate[i]);
        out[i] = up == NULL ? value : value * up[i];
    }
}

static inline float capped(float cap, float x) { return cap * tanhf(x / cap); }

static void cap(ptrdiff_t count, float cap, float *x) {
    for (ptrdiff_t i = 0; i < count; i++) { x[i] = capped(cap, x[i]); }
}
