// Words for rows and their codes.

typedef __m256i vi;
/// Lane i takes lane i ^ stride.
static inline __attribute__((always_inline)) vf v_exchange(vf v, const int stride) {
    switch (stride) {
        case 1: return _mm256_permute_ps(v, 0xb1);
        case 2: return _mm256_permute_ps(v, 0x4e);
        default: return _mm256_permute2f128_ps(v, v, 1);
    }
}
/// -1 in the lanes i with i & stride, else 1.
static inline __attribute__((always_inline)) vf v_signs(const int stride) {
    return stride == 1   ? _mm256_setr_ps(1, -1, 1, -1, 1, -1, 1, -1)
           : stride == 2 ? _mm256_setr_ps(1, 1, -1, -1, 1, 1, -1, -1)
                         : _mm256_setr_ps(1, 1, 1, 1, -1, -1, -1, -1);
}
static inline vi v_magnitudes(vf v) { return _mm256_and_si256(_mm256_castps_si256(v), _mm256_set1_epi32(0x7fffffff)); }
static inline vi v_larger(vi a, vi b) { return _mm256_max_epu32(a, b); }
static inline uint32_t v_largest_bits(vi v) {
    const __m128i four = _mm_max_epu32(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1));
    const __m128i two = _mm_max_epu32(four, _mm_shuffle_epi32(four, 0x4e));
    return (uint32_t)_mm_cvtsi128_si32(_mm_max_epu32(two, _mm_shuffle_epi32(two, 0xb1)));
}
static inline int32_t sum_lanes(vi v) {
    const __m128i four = _mm_add_epi32(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1));
    const __m128i two = _mm_add_epi32(four, _mm_shuffle_epi32(four, 0x4e));
    return _mm_cvtsi128_si32(_mm_add_epi32(two, _mm_shuffle_epi32(two, 0xb1)));
}
/// The whole number nearest to x * inverse, ties to even.
static inline __m256i nearest_codes(vf x, vf inverse) { return _mm256_cvtps_epi32(v_mul(x, inverse)); }
/// Stores a group's codes and returns their sum.
static inline __attribute__((always_inline)) int32_t v_codes(const int group, float inverse, const float *x, int8_t *target) {
    const vf factor = v_set(inverse);
    __m256i sum = _mm256_setzero_si256();
#pragma clang loop unroll(full)
    for (int start = 0; start < group; start += 32) {
        const __m256i a = nearest_codes(v_load(x + start), factor), b = nearest_codes(v_load(x + start + 8), factor);
        const __m256i c = nearest_codes(v_load(x + start + 16), factor), d = nearest_codes(v_load(x + start + 24), factor);
        // Packing works in 128-bit lanes: the four bytes of lane l from vector v end at 32-bit place 4 l + v, and belong to 2 v + l.
        const __m256i mixed = _mm256_packs_epi16(_mm256_packs_epi32(a, b), _mm256_packs_epi32(c, d));
        const __m256i codes = _mm256_permutevar8x32_epi32(mixed, _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7));
        _mm256_storeu_si256((__m256i *)(target + start), codes);
        const __m256i pairs = _mm256_maddubs_epi16(_mm256_set1_epi8(1), codes);
        sum = _mm256_add_epi32(sum, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)));
    }
    return sum_lanes(sum);
}
