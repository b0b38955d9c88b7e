// Codes, scale and minimum of one group of weights, by least weighted squared error. Written in vectors of 16 lanes that the compiler maps to
// what the tier has: no contraction and sums in one fixed order, so every tier gives the same bits.
//
// The problem: minimise sum_i w_i (x_i - s q_i - m)^2 over integer codes q_i in a range, and s and m. For given s and m the best codes are the
// nearest ones; for given codes the best s and m solve two normal equations. Taking turns ends in a local minimum, so several starting
// ranges are tried. (Lloyd's algorithm, with levels kept equidistant.)
// Vectors are passed to functions that are always inlined, so how a call would pass them does not matter.
#pragma clang diagnostic ignored "-Wpsabi"

#define SEARCH_INLINE static inline __attribute__((always_inline))

typedef float lanes __attribute__((vector_size(64)));
typedef int32_t int_lanes __attribute__((vector_size(64)));
typedef uint8_t byte_lanes __attribute__((vector_size(16)));

enum { SEARCH_GROUP_VECTORS = 8 };

/// One group; `n` vectors of it are used.
typedef struct group {
    lanes x[SEARCH_GROUP_VECTORS];
    lanes w[SEARCH_GROUP_VECTORS];
    float sumW, sumWX, lowest, highest;
} group;

/// Codes from `first` to `last`, and the weight (code * scale + minimum) they stand for.
typedef struct code_range {
    float first, last;
} code_range;

SEARCH_INLINE float lane_sum(lanes v) {
    typedef float half_lanes __attribute__((vector_size(32)));
    typedef float quarter_lanes __attribute__((vector_size(16)));
    const half_lanes h = __builtin_shufflevector(v, v, 0, 1, 2, 3, 4, 5, 6, 7) + __builtin_shufflevector(v, v, 8, 9, 10, 11, 12, 13, 14, 15);
    const quarter_lanes q = __builtin_shufflevector(h, h, 0, 1, 2, 3) + __builtin_shufflevector(h, h, 4, 5, 6, 7);
    return (q[0] + q[2]) + (q[1] + q[3]);
}

SEARCH_INLINE lanes splat(float value) { return (lanes){0} + value; }

/// To the nearest integer, ties to even; |v| is below 2^22.
SEARCH_INLINE lanes nearest_lanes(lanes v) {
    const float magic = 0x1.8p23f;
    return (v + magic) - magic;
}

SEARCH_INLINE void summarise(const int n, group *g) {
    lanes sumW = {0}, sumWX = {0}, low = g->x[0], high = g->x[0];
    for (int i = 0; i < n; i++) {
        sumW += g->w[i];
        sumWX += g->w[i] * g->x[i];
        low = __builtin_elementwise_min(low, g->x[i]);
        high = __builtin_elementwise_max(high, g->x[i]);
    }
    g->sumW = lane_sum(sumW);
    g->sumWX = lane_sum(sumWX);
    g->lowest = low[0];
    g->highest = high[0];
    for (int lane = 1; lane < 16; lane++) {
        g->lowest = low[lane] < g->lowest ? low[lane] : g->lowest;
        g->highest = high[lane] > g->highest ? high[lane] : g->highest;
    }
}

/// The nearest code of every weight. A scale of zero gives codes that are all the same.
SEARCH_INLINE void assign(const int n, const group *g, code_range range, float scale, float minimum, lanes *codes) {
    const float inverse = scale == 0 ? 0 : 1 / scale;
    const lanes low = splat(range.first), high = splat(range.last);
    for (int i = 0; i < n; i++) {
        const lanes v = (g->x[i] - minimum) * (isfinite(inverse) ? inverse : 0);
        codes[i] = nearest_lanes(__builtin_elementwise_min(__builtin_elementwise_max(v, low), high));
    }
}

SEARCH_INLINE float squared_error(const int n, const group *g, float scale, float minimum, const lanes *codes) {
    lanes sum = {0};
    for (int i = 0; i < n; i++) {
        const lanes difference = g->x[i] - (codes[i] * scale + minimum);
        sum += g->w[i] * difference * difference;
    }
    return lane_sum(sum);
}

/// The scale, and with `affine` the minimum, that fit the codes best. `mayRise`: whether the minimum may be positive.
SEARCH_INLINE void fit(const int n, const group *g, const bool affine, const bool mayRise, const lanes *codes, float *scale, float *minimum) {
    lanes sumQ = {0}, sumQQ = {0}, sumQX = {0};
    for (int i = 0; i < n; i++) {
        const lanes weighted = g->w[i] * codes[i];
        sumQ += weighted;
        sumQQ += weighted * codes[i];
        sumQX += weighted * g->x[i];
    }
    const float q = affine ? lane_sum(sumQ) : 0, qq = lane_sum(sumQQ), qx = lane_sum(sumQX);
    if (affine) {
        const float determinant = g->sumW * qq - q * q;
        if (determinant > 1e-6f * g->sumW * qq) {
            const float s = (g->sumW * qx - q * g->sumWX) / determinant, m = (g->sumWX - s * q) / g->sumW;
            if (mayRise || m <= 0) {
                *scale = s;
                *minimum = m;
                return;
            }
        } else if (mayRise) {
            return;
        }
        *minimum = 0;
    }
    if (qq > 0) { *scale = qx / qq; }
}

/// Keeps what is given when its error is less than the best so far.
typedef struct best_fit {
    float error, scale, minimum;
} best_fit;

SEARCH_INLINE void offer(const int n, const group *g, code_range range, float scale, float minimum, best_fit *best) {
    lanes codes[SEARCH_GROUP_VECTORS];
    assign(n, g, range, scale, minimum, codes);
    const float error = squared_error(n, g, scale, minimum, codes);
    if (error < best->error) { *best = (best_fit){error, scale, minimum}; }
}

/// As offer, with scale and minimum as f16 times `factor`, the minimum fitted once more to the scale's rounding.
SEARCH_INLINE void offer_rounded(
    const int n, const group *g, const bool affine, code_range range, float factor, float scale, float minimum, best_fit *best) {
    scale = resa_search_half(scale / factor) * factor;
    if (affine) {
        lanes codes[SEARCH_GROUP_VECTORS], sumQ = {0};
        assign(n, g, range, scale, minimum, codes);
        for (int i = 0; i < n; i++) { sumQ += g->w[i] * codes[i]; }
        const float refitted = (g->sumWX - scale * lane_sum(sumQ)) / g->sumW;
        offer(n, g, range, scale, resa_search_half(refitted / factor) * factor, best);
        minimum = resa_search_half(minimum / factor) * factor;
    }
    offer(n, g, range, scale, minimum, best);
}

enum { SEARCH_TURNS = 4 };

/// Scale and minimum of an affine group: weights = code * scale + minimum. With `twoLevel` the minimum is at most zero and neither is rounded
/// yet; otherwise both are rounded to f16 times `factor`.
SEARCH_INLINE best_fit search_affine(const int n, const group *g, const bool twoLevel, bool search, code_range range, float factor) {
    const float low = twoLevel && g->lowest > 0 ? 0 : g->lowest;
    const float high = twoLevel && g->highest < 0 ? 0 : g->highest;
    const float width = high - low, levels = range.last - range.first;
    best_fit best = {INFINITY, 0, 0};
    for (int start = 0; start < (search ? 8 : 1); start++) {
        const float kept = 1 - 0.05f * (float)start;
        float scale = width * kept / levels, minimum = low + width * (1 - kept) / 2;
        if (twoLevel && minimum > 0) { minimum = 0; }
        for (int turn = 0; turn < (search ? SEARCH_TURNS : 0); turn++) {
            lanes codes[SEARCH_GROUP_VECTORS];
            assign(n, g, range, scale, minimum, codes);
            fit(n, g, true, !twoLevel, codes, &scale, &minimum);
        }
        if (twoLevel) {
            offer(n, g, range, scale, minimum, &best);
        } else {
            offer_rounded(n, g, true, range, factor, scale, minimum, &best);
        }
    }
    if (search && !twoLevel) { offer_rounded(n, g, true, range, factor, width / levels, low, &best); }
    return best;
}

/// The scale of a group without minimum, rounded to f16 times `factor`. Codes reach one further down than up, so the sign matters: the
/// largest value may go to either end.
SEARCH_INLINE best_fit search_symmetric(const int n, const group *g, bool search, code_range range, float factor) {
    const float largest = -g->lowest > g->highest ? g->lowest : g->highest;
    best_fit best = {INFINITY, 0, 0};
    offer_rounded(n, g, false, range, factor, fabsf(largest) / range.last, 0, &best);
    if (!search) { return best; }
    const float ends = range.last * 2 + 1;
    for (int start = 0; start < 12; start++) {
        // From a little more than the range (only the far end reaches it) to a good part of it.
        const float reach = ends / 2 + 0.5f - (float)(start / 2) * ends * 0.03f;
        float scale = (start % 2 == 0 ? -largest : largest) / reach, none = 0;
        for (int turn = 0; turn < SEARCH_TURNS; turn++) {
            lanes codes[SEARCH_GROUP_VECTORS];
            assign(n, g, range, scale, 0, codes);
            fit(n, g, false, false, codes, &scale, &none);
        }
        offer_rounded(n, g, false, range, factor, scale, 0, &best);
    }
    return best;
}

SEARCH_INLINE void store_codes(const int n, const group *g, code_range range, float scale, float minimum, int zero, uint8_t *out) {
    lanes codes[SEARCH_GROUP_VECTORS];
    assign(n, g, range, scale, minimum, codes);
    for (int i = 0; i < n; i++) {
        const byte_lanes bytes = __builtin_convertvector(__builtin_convertvector(codes[i], int_lanes) + zero, byte_lanes);
        memcpy(out + i * 16, &bytes, sizeof bytes);
    }
}
