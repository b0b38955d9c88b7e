// Words for rows and their codes.

typedef __m512i vi;
/// Lane i takes lane i ^ stride.
static inline __attribute__((always_inline)) vf v_exchange(vf v, const int stride) {
    switch (stride) {
        case 1: return _mm512_permute_ps(v, 0xb1);
        case 2: return _mm512_permute_ps(v, 0x4e);
        case 4: return _mm512_shuffle_f32x4(v, v, 0xb1);
        default: return _mm512_shuffle_f32x4(v, v, 0x4e);
    }
}
/// -1 in the lanes i with i & stride, else 1.
static inline __attribute__((always_inline)) vf v_signs(const int stride) {
    return v_select(stride == 1 ? 0xaaaa : stride == 2 ? 0xcccc : stride == 4 ? 0xf0f0 : 0xff00, v_set(-1), v_set(1));
}
static inline vi v_magnitudes(vf v) { return _mm512_and_si512(_mm512_castps_si512(v), _mm512_set1_epi32(0x7fffffff)); }
static inline vi v_larger(vi a, vi b) { return _mm512_max_epu32(a, b); }
static inline uint32_t v_largest_bits(vi v) { return _mm512_reduce_max_epu32(v); }
/// The whole number nearest to x * inverse, ties to even. A product that is NaN (infinity times 0) gives the least int32; a mask
/// would cost more than the scale NaN, which such a group has anyway.
static inline __m512i nearest_codes(vf x, vf inverse) { return _mm512_cvtps_epi32(v_mul(x, inverse)); }
/// Stores a group's codes and returns their sum.
static inline __attribute__((always_inline)) int32_t v_codes(const int group, float inverse, const float *x, int8_t *target) {
    const vf factor = v_set(inverse);
    if (group == 32) {
        const __m512i first = nearest_codes(v_load(x), factor), second = nearest_codes(v_load(x + 16), factor);
        _mm_storeu_si128((__m128i *)target, _mm512_cvtepi32_epi8(first));
        _mm_storeu_si128((__m128i *)(target + 16), _mm512_cvtepi32_epi8(second));
        return _mm512_reduce_add_epi32(_mm512_add_epi32(first, second));
    }
    __m512i sum = _mm512_setzero_si512();
#pragma clang loop unroll(full)
    for (int start = 0; start < group; start += 64) {
        const __m512i a = nearest_codes(v_load(x + start), factor), b = nearest_codes(v_load(x + start + 16), factor);
        const __m512i c = nearest_codes(v_load(x + start + 32), factor), d = nearest_codes(v_load(x + start + 48), factor);
        // Packing works in 128-bit lanes: the four bytes of lane l from vector v end at 32-bit place 4 l + v, and belong to 4 v + l.
        const __m512i mixed = _mm512_packs_epi16(_mm512_packs_epi32(a, b), _mm512_packs_epi32(c, d));
        const __m512i order = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
        _mm512_storeu_si512(target + start, _mm512_permutexvar_epi32(order, mixed));
        sum = _mm512_dpbusd_epi32(sum, _mm512_set1_epi8(1), mixed);
    }
    return _mm512_reduce_add_epi32(sum);
}
