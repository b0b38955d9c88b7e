// One row through the search.

/// Loads group `index` of the row: padded with zeros that weigh nothing, turned when the format is rotated.
SEARCH_INLINE void load_group(const int n, const resa_search_row *row, ptrdiff_t index, group *g) {
    const ptrdiff_t size = n * 16, first = index * size;
    const ptrdiff_t count = row->inputs - first < size ? row->inputs - first : size;
    float x[SEARCH_GROUP_VECTORS * 16] = {0}, w[SEARCH_GROUP_VECTORS * 16] = {0};
    memcpy(x, row->x + first, (size_t)count * sizeof(float));
    float total = 0;
    if (row->format.rotated) {
        resa_rotate_groups(size, size, x);
        for (int i = 0; i < n * 16; i++) { w[i] = 1; }
    } else {
        for (ptrdiff_t i = 0; i < count; i++) {
            w[i] = row->importance == NULL ? 1 : row->importance[first + i];
            total += w[i];
        }
        // Inputs that never matter must still be stored somehow.
        if (!(total > 0)) {
            for (ptrdiff_t i = 0; i < count; i++) { w[i] = 1; }
        }
    }
    memcpy(g->x, x, (size_t)size * sizeof(float));
    memcpy(g->w, w, (size_t)size * sizeof(float));
    summarise(n, g);
}

/// Lanes of the upper half of a butterfly take the difference.
#define SIDE(lane, stride) ((lane) & (stride) ? (lane) + 16 : (lane))
/// One stage of `resa_rotate_groups` within vectors: the same sums.
#define TURN_LANES(v, stride) \
    do { \
        const lanes swapped = __builtin_shufflevector( \
            v, v, 0 ^ stride, 1 ^ stride, 2 ^ stride, 3 ^ stride, 4 ^ stride, 5 ^ stride, 6 ^ stride, 7 ^ stride, 8 ^ stride, 9 ^ stride, \
            10 ^ stride, 11 ^ stride, 12 ^ stride, 13 ^ stride, 14 ^ stride, 15 ^ stride); \
        const lanes sum = v + swapped, difference = swapped - v; \
        v = __builtin_shufflevector( \
            sum, difference, SIDE(0, stride), SIDE(1, stride), SIDE(2, stride), SIDE(3, stride), SIDE(4, stride), \
            SIDE(5, stride), SIDE(6, stride), SIDE(7, stride), SIDE(8, stride), SIDE(9, stride), SIDE(10, stride), SIDE(11, stride), \
            SIDE(12, stride), SIDE(13, stride), SIDE(14, stride), SIDE(15, stride)); \
    } while (0)

SEARCH_INLINE void rotate_lanes(const int n, lanes *x) {
    for (int i = 0; i < n; i++) {
        TURN_LANES(x[i], 1);
        TURN_LANES(x[i], 2);
        TURN_LANES(x[i], 4);
        TURN_LANES(x[i], 8);
    }
    for (int stride = 1; stride < n; stride *= 2) {
        for (int i = 0; i < n; i++) {
            if (i & stride) { continue; }
            const lanes a = x[i], b = x[i + stride];
            x[i] = a + b;
            x[i + stride] = a - b;
        }
    }
    for (int i = 0; i < n; i++) { x[i] *= quant_rotation_factor(n * 16); }
}

/// Groups whose scales are found together: their divisions then share vectors.
enum { TOGETHER = 16 };

/// `resa_search_half` of magnitudes.
SEARCH_INLINE lanes half_lanes(lanes v) {
    const float most = 65504, magic = 0x1.8p-1f;
    const int_lanes bits = (int_lanes)v, rounded = (bits + 0xfff + (bits >> 13 & 1)) & ~0x1fff, small = (int_lanes)((v + magic) - magic);
    const int_lanes isSmall = v < splat(0x1p-14f), isMost = v >= splat(most);
    return (lanes)((isMost & (int_lanes)splat(most)) | (isSmall & small) | (~(isMost | isSmall) & rounded));
}

/// Up to TOGETHER symmetric groups from group `first` on at their nearest codes: what `search_symmetric` ends with when it has one scale to
/// try. That scale is kept whatever its error is, as long as the error is a number.
/// - Returns: whether it is sure to be one, of every group.
SEARCH_INLINE bool nearest_groups(const int n, const resa_search_row *row, ptrdiff_t first, ptrdiff_t groups, code_range range, int zero) {
    const ptrdiff_t size = n * 16;
    lanes x[TOGETHER][SEARCH_GROUP_VECTORS], most = {0};
    for (ptrdiff_t index = 0; index < groups; index++) {
        const ptrdiff_t start = (first + index) * size, left = row->inputs - start, count = left < size ? left : size;
        lanes v[SEARCH_GROUP_VECTORS];
        if (count < size) { memset(v, 0, (size_t)size * sizeof(float)); }
        memcpy(v, row->x + start, (size_t)count * sizeof(float));
        if (row->format.rotated) { rotate_lanes(n, v); }
        // As integers: magnitudes order like their bits, and what is no number comes out on top.
        int_lanes largest = {0};
        for (int i = 0; i < n; i++) {
            largest = __builtin_elementwise_max(largest, (int_lanes)v[i] & 0x7fffffff);
            x[index][i] = v[i];
        }
        most[index] = resa_float_of_bits((uint32_t)__builtin_reduce_max(largest));
        if (!(most[index] < 1e15f)) { return false; }
    }
    const lanes scale = half_lanes(most / range.last / row->factor) * row->factor, stored = scale / row->factor;
    // As in `assign`.
    const lanes inverse = 1 / scale;
    const int_lanes isUsed = scale != 0 & inverse <= splat(3.402823466e38f);
    const lanes factors = (lanes)((int_lanes)inverse & isUsed), low = splat(range.first), high = splat(range.last);
    memcpy(row->scales + first, &stored, (size_t)groups * sizeof(float));
    for (ptrdiff_t index = 0; index < groups; index++) {
        uint8_t *const out = row->codes + (first + index) * size;
        for (int i = 0; i < n; i++) {
            const lanes code = nearest_lanes(__builtin_elementwise_min(__builtin_elementwise_max(x[index][i] * factors[index], low), high));
            const byte_lanes bytes = __builtin_convertvector(__builtin_convertvector(code, int_lanes) + zero, byte_lanes);
            memcpy(out + i * 16, &bytes, sizeof bytes);
        }
    }
    return true;
}

SEARCH_INLINE void flat_groups(const int n, const resa_search_row *row, ptrdiff_t groups) {
    const float zero = row->format.bits == 8 ? 128 : 8, levels = row->format.bits == 8 ? 255 : 15;
    const bool affine = row->format.minima;
    // Weights that count differently could make the error of a group no number.
    const bool isNearest = !affine && !row->search && (row->format.rotated || row->importance == NULL);
    const code_range range = affine ? (code_range){0, levels} : (code_range){-zero, levels - zero};
    ptrdiff_t done = 0;
    while (isNearest && done < groups) {
        const ptrdiff_t left = groups - done, together = left < TOGETHER ? left : TOGETHER;
        if (!nearest_groups(n, row, done, together, range, (int)zero)) { break; }
        done += together;
    }
    for (ptrdiff_t index = done; index < groups; index++) {
        group g;
        load_group(n, row, index, &g);
        const best_fit best = affine ? search_affine(n, &g, false, row->search, range, row->factor)
                                     : search_symmetric(n, &g, row->search, range, row->factor);
        row->scales[index] = best.scale / row->factor;
        if (affine) { row->minima[index] = best.minimum / row->factor; }
        store_codes(n, &g, range, best.scale, best.minimum, affine ? 0 : (int)zero, row->codes + index * n * 16);
    }
}

/// A u8 next to value / unit, `step` away.
SEARCH_INLINE uint8_t sub_code(float value, float unit, int step) {
    const float code = unit > 0 ? rintf(value / unit) + (float)step : 0;
    return code <= 0 ? 0 : code >= 255 ? 255 : (uint8_t)code;
}

/// The super-scales follow from the largest of their groups; then each group tries the sub-scales and sub-minima next to its own.
SEARCH_INLINE void super_group(const resa_search_row *row, ptrdiff_t firstGroup, ptrdiff_t count, float *superScale, float *superMinimum) {
    enum { N = 2, MOST = RESA_QUANT_SUPER / 32 };
    const code_range range = {0, row->format.bits == 8 ? 255 : 15};
    group groups[MOST];
    best_fit fits[MOST];
    float scale = 0, minimum = 0;
    for (ptrdiff_t i = 0; i < count; i++) {
        load_group(N, row, firstGroup + i, &groups[i]);
        fits[i] = search_affine(N, &groups[i], true, row->search, range, row->factor);
        scale = fits[i].scale > scale ? fits[i].scale : scale;
        minimum = -fits[i].minimum > minimum ? -fits[i].minimum : minimum;
    }
    *superScale = resa_search_half(scale / row->factor / 255);
    *superMinimum = resa_search_half(minimum / row->factor / 255);
    const float scaleUnit = *superScale * row->factor, minimumUnit = *superMinimum * row->factor;
    for (ptrdiff_t i = 0; i < count; i++) {
        best_fit best = {INFINITY, 0, 0};
        const int steps = row->search ? 1 : 0;
        uint8_t chosen[2] = {0, 0};
        for (int a = -steps; a <= steps; a++) {
            for (int b = -steps; b <= steps; b++) {
                const uint8_t s = sub_code(fits[i].scale, scaleUnit, a), m = sub_code(-fits[i].minimum, minimumUnit, b);
                const float before = best.error;
                offer(N, &groups[i], range, scaleUnit * (float)s, -(minimumUnit * (float)m), &best);
                if (best.error < before) { chosen[0] = s, chosen[1] = m; }
            }
        }
        row->subScales[firstGroup + i] = chosen[0];
        row->subMinima[firstGroup + i] = chosen[1];
        store_codes(N, &groups[i], range, best.scale, best.minimum, 0, row->codes + (firstGroup + i) * 32);
    }
}

static void quantise_weights(const resa_search_row *row) {
    const ptrdiff_t groups = resa_quant_groups(row->format, row->inputs);
    if (row->format.twoLevel) {
        const ptrdiff_t perSuper = RESA_QUANT_SUPER / 32;
        for (ptrdiff_t super = 0; super * perSuper < groups; super++) {
            const ptrdiff_t first = super * perSuper, left = groups - first;
            super_group(row, first, left < perSuper ? left : perSuper, row->superScales + super, row->superMinima + super);
        }
        return;
    }
    switch (row->format.group) {
        case 32: flat_groups(2, row, groups); break;
        case 64: flat_groups(4, row, groups); break;
        default: flat_groups(8, row, groups); break;
    }
}
