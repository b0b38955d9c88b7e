// The vector vocabulary of the AVX2 tier. words_avx512.h has the same words; the files named *_vector.h are written in them.

enum { LANES = 8 };
typedef __m256 vf;
typedef __m256i vmask;

/// The first `count` lanes (all of them from 8 on).
static inline vmask v_first(ptrdiff_t count) {
    const int clamped = count >= LANES ? LANES : (int)count;
    return _mm256_cmpgt_epi32(_mm256_set1_epi32(clamped), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}
static inline uint32_t v_bits(vmask mask) { return (uint32_t)_mm256_movemask_ps(_mm256_castsi256_ps(mask)); }

static inline vf v_set(float value) { return _mm256_set1_ps(value); }
static inline vf v_load(const float *p) { return _mm256_loadu_ps(p); }
/// Lanes outside the mask are zero and their memory is not touched.
static inline vf v_load_part(vmask mask, const float *p) { return _mm256_maskload_ps(p, mask); }
static inline void v_store(float *p, vf v) { _mm256_storeu_ps(p, v); }
static inline void v_store_part(vmask mask, float *p, vf v) { _mm256_maskstore_ps(p, mask, v); }

static inline vf v_widen(__m128i halves) { return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(halves), 16)); }
static inline vf v_load_bf16(const uint16_t *p) { return v_widen(_mm_loadu_si128((const __m128i *)p)); }
static inline vf v_load_bf16_part(vmask mask, const uint16_t *p) {
    uint16_t copy[LANES] = {0};
    memcpy(copy, p, (size_t)__builtin_popcount(v_bits(mask)) * sizeof *copy);
    return v_load_bf16(copy);
}

static inline vf v_add(vf a, vf b) { return _mm256_add_ps(a, b); }
static inline vf v_sub(vf a, vf b) { return _mm256_sub_ps(a, b); }
static inline vf v_mul(vf a, vf b) { return _mm256_mul_ps(a, b); }
static inline vf v_div(vf a, vf b) { return _mm256_div_ps(a, b); }
/// a * b + c, and c - a * b, rounded once.
static inline vf v_fma(vf a, vf b, vf c) { return _mm256_fmadd_ps(a, b, c); }
static inline vf v_fnma(vf a, vf b, vf c) { return _mm256_fnmadd_ps(a, b, c); }
/// b where either is NaN.
static inline vf v_max(vf a, vf b) { return _mm256_max_ps(a, b); }
static inline vf v_min(vf a, vf b) { return _mm256_min_ps(a, b); }
static inline vmask v_greater(vf a, vf b) { return _mm256_castps_si256(_mm256_cmp_ps(a, b, _CMP_GT_OQ)); }
/// a where the mask is set, else b.
static inline vf v_select(vmask mask, vf a, vf b) { return _mm256_blendv_ps(b, a, _mm256_castsi256_ps(mask)); }
static inline vf v_nearest(vf v) { return _mm256_round_ps(v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }

static inline vf v_power_of_two(__m256i n) {
    return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_add_epi32(n, _mm256_set1_epi32(127)), 23));
}
/// v * 2^n for whole n within -250...250: in two steps, because one f32 exponent does not reach that far.
static inline vf v_scale(vf v, vf n) {
    const __m256i whole = _mm256_cvtps_epi32(n), half = _mm256_srai_epi32(whole, 1);
    return v_mul(v_mul(v, v_power_of_two(half)), v_power_of_two(_mm256_sub_epi32(whole, half)));
}

/// The lanes are folded by halves: the same tree always.
static inline float v_sum(vf v) {
    const __m128 four = _mm_add_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
    const __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)));
}
static inline float v_largest(vf v) {
    const __m128 four = _mm_max_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
    const __m128 two = _mm_max_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_max_ss(two, _mm_movehdup_ps(two)));
}
