// Attention's words for the AVX2 tier; see attention_words_avx512.h. Pairs of bf16 are widened and take two fused multiply-adds, the first element
// first, with factors that stay f32.

#define TILE_QUERIES 2

enum {
    BF16_QUERY_WORDS = 2,
    BF16_WEIGHT_WORDS = 2,
};

typedef __m256i steps;

static inline __attribute__((always_inline)) steps v_load_steps(resa_kv_format format, const char *p) {
    return format == RESA_KV_INT8 ? _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i *)p)) : _mm256_loadu_si256((const __m256i *)p);
}

static inline steps v_first_of_pairs(steps s) { return _mm256_and_si256(s, _mm256_set1_epi32(0xffff)); }
static inline steps v_second_of_pairs(steps s) { return _mm256_and_si256(s, _mm256_set1_epi32((int)0xffff0000)); }

static inline steps v_share(const uint32_t *word) { return _mm256_set1_epi32((int)*word); }

static inline __attribute__((always_inline)) vf v_dot(resa_kv_format format, int word, vf sum, steps s, steps shared) {
    switch (format) {
        case RESA_KV_F32: return _mm256_fmadd_ps((__m256)shared, (__m256)s, sum);
        case RESA_KV_BF16: {
            const __m256i element = word == 0 ? _mm256_slli_epi32(s, 16) : _mm256_and_si256(s, _mm256_set1_epi32((int)0xffff0000));
            return _mm256_fmadd_ps((__m256)shared, (__m256)element, sum);
        }
        default: return (vf)_mm256_add_epi32((__m256i)sum, _mm256_madd_epi16(s, shared));
    }
}

static inline vf v_from_whole(vf whole) { return _mm256_cvtepi32_ps((__m256i)whole); }

static inline void v_store_query_words(uint32_t *words, vf x) { _mm256_storeu_ps((float *)words, x); }

static inline void v_store_weight_words(uint32_t *row, ptrdiff_t key, vf weights[4]) {
    for (int v = 0; v < 4; v++) { _mm256_storeu_ps((float *)row + key + v * LANES, weights[v]); }
}

static inline void v_store_bf16(uint16_t *p, vf x) {
    const __m256i bits = (__m256i)x, one = _mm256_and_si256(_mm256_srli_epi32(bits, 16), _mm256_set1_epi32(1));
    const __m256i rounded = _mm256_srli_epi32(_mm256_add_epi32(_mm256_add_epi32(bits, _mm256_set1_epi32(0x7fff)), one), 16);
    const __m256i quiet = _mm256_or_si256(_mm256_srli_epi32(bits, 16), _mm256_set1_epi32(0x40));
    const __m256i chosen = _mm256_blendv_epi8(rounded, quiet, (__m256i)_mm256_cmp_ps(x, x, _CMP_UNORD_Q));
    _mm_storeu_si128((__m128i *)p, _mm_packus_epi32(_mm256_castsi256_si128(chosen), _mm256_extracti128_si256(chosen, 1)));
}

static inline void v_store_int16(int16_t *p, vf x) {
    const __m256i whole = _mm256_cvtps_epi32(x);
    _mm_storeu_si128((__m128i *)p, _mm_packs_epi32(_mm256_castsi256_si128(whole), _mm256_extracti128_si256(whole, 1)));
}

/// For 1, 2, 4.
static inline __attribute__((always_inline)) vf v_butterfly(int distance, vf x) {
    switch (distance) {
        case 1: {
            const vf other = _mm256_permute_ps(x, 0xb1);
            return _mm256_blend_ps(_mm256_add_ps(other, x), _mm256_sub_ps(other, x), 0xaa);
        }
        case 2: {
            const vf other = _mm256_permute_ps(x, 0x4e);
            return _mm256_blend_ps(_mm256_add_ps(other, x), _mm256_sub_ps(other, x), 0xcc);
        }
        default: {
            const vf other = _mm256_permute2f128_ps(x, x, 1);
            return _mm256_blend_ps(_mm256_add_ps(other, x), _mm256_sub_ps(other, x), 0xf0);
        }
    }
}
