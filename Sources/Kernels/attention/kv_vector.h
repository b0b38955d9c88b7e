// Storing keys and values, in the tier's vector vocabulary. What is stored depends on the token alone.

/// An orthogonal mix of a head's elements, its own inverse: a Walsh-Hadamard transform of each largest run of a power of two. Scores do not
/// change when queries and keys are both mixed; a few large elements, which would set the scale of all others, are spread out.
static void spread(const resa_kv_cache *cache, float *x) {
    const ptrdiff_t width = resa_kv_width(cache);
    const ptrdiff_t run = width & -width;
    for (ptrdiff_t start = 0; start < width; start += run) {
        for (ptrdiff_t distance = LANES; distance < run; distance *= 2) {
            for (ptrdiff_t pair = start; pair < start + run; pair += 2 * distance) {
                for (ptrdiff_t i = pair; i < pair + distance; i += LANES) {
                    const vf a = v_load(x + i), b = v_load(x + i + distance);
                    v_store(x + i, v_add(a, b));
                    v_store(x + i + distance, v_sub(a, b));
                }
            }
        }
    }
    const vf factor = v_set(1 / sqrtf((float)run));
    for (ptrdiff_t i = 0; i < width; i += LANES) {
        vf v = v_load(x + i);
        v = v_butterfly(1, v);
        v = v_butterfly(2, v);
        v = v_butterfly(4, v);
        if (LANES > 8) { v = v_butterfly(8, v); }
        v_store(x + i, v_mul(v, factor));
    }
}

/// Whole numbers of at most `bound` in size, and what one of them stands for: NaN when an element is infinite or NaN.
static float quantise(ptrdiff_t width, const float *x, float bound, int16_t *out) {
    vf most = v_set(0), nothing = v_set(0);
    for (ptrdiff_t d = 0; d < width; d += LANES) {
        const vf v = v_load(x + d);
        most = v_max(v_max(v, v_sub(v_set(0), v)), most);
        // A maximum passes NaN over; zero times an element is zero or NaN.
        nothing = v_fma(v, v_set(0), nothing);
    }
    const float largest = v_largest(most) + v_sum(nothing);
    const vf inverse = v_set(largest > 0 ? bound / largest : 0);
    for (ptrdiff_t d = 0; d < width; d += LANES) { v_store_int16(out + d, v_mul(v_load(x + d), inverse)); }
    return largest / bound;
}

/// Moves a token's value to its places, section by section.
#define SCATTER_VALUES(type, source) \
    for (ptrdiff_t start = 0; start < width; start += resa_value_section(width, start)) { \
        type *const to = (type *)values + resa_value_place(cache, slot, start); \
        const ptrdiff_t stride = sizeof(type) == 4 ? 1 : 2; \
        for (ptrdiff_t d = 0; d < resa_value_section(width, start); d++) { to[d * stride] = (type)source[start + d]; } \
    }

static void store_kv(const resa_kv_cache *cache, const resa_attention_row *row, const float *k, const float *v) {
    const ptrdiff_t dim = cache->headDim, width = resa_kv_width(cache), slot = row->position % KEYS;
    const ptrdiff_t block = row->blockTable[row->position / KEYS];
    _Alignas(64) float key[RESA_ATTENTION_MAX_HEAD_DIM], value[RESA_ATTENTION_MAX_HEAD_DIM];
    _Alignas(64) uint16_t rounded[RESA_ATTENTION_MAX_HEAD_DIM];
    for (ptrdiff_t head = 0; head < cache->kvHeads; head++) {
        char *const keys = resa_kv_head(cache, cache->keys, block, head), *const values = resa_kv_head(cache, cache->values, block, head);
        for (ptrdiff_t d = 0; d < width; d += LANES) {
            v_store(key + d, v_load_part(v_first(dim - d), k + head * dim + d));
            v_store(value + d, v_load_part(v_first(dim - d), v + head * dim + d));
        }
        switch (cache->format) {
            case RESA_KV_F32:
                for (ptrdiff_t d = 0; d < width; d++) { ((float *)keys)[d * KEYS + slot] = key[d]; }
                SCATTER_VALUES(float, value)
                break;
            case RESA_KV_BF16:
                for (ptrdiff_t d = 0; d < width; d += LANES) { v_store_bf16(rounded + d, v_load(key + d)); }
                for (ptrdiff_t d = 0; d < width; d += 2) { memcpy(keys + (d * KEYS + slot * 2) * 2, rounded + d, 4); }
                for (ptrdiff_t d = 0; d < width; d += LANES) { v_store_bf16(rounded + d, v_load(value + d)); }
                SCATTER_VALUES(uint16_t, rounded)
                break;
            default: {
                int16_t *const whole = (int16_t *)rounded;
                spread(cache, key);
                resa_kv_scales(cache, keys)[slot] = quantise(width, key, 127, whole);
                for (ptrdiff_t d = 0; d < width; d++) { ((int8_t *)keys)[d / 2 * 2 * KEYS + slot * 2 + d % 2] = (int8_t)whole[d]; }
                spread(cache, value);
                resa_kv_scales(cache, values)[slot] = quantise(width, value, 127, whole);
                SCATTER_VALUES(int8_t, whole)
                break;
            }
        }
    }
}
#undef SCATTER_VALUES
