// Attention's words for the AVX-512 tier. attention_words_avx2.h has the same ones; the files named *_vector.h are written in them.
//
// A step holds what one instruction multiplies: 32 bits a lane, one f32 or a pair of bf16 or int16. The other factor of a step is one or
// more 32-bit words that all lanes share.

/// Query vectors whose sums fit the registers, four vectors each.
#define TILE_QUERIES 6

enum {
    /// A query against bf16 keys: each pair as rounded and what rounding left over, since keys lose enough already.
    BF16_QUERY_WORDS = 2,
    /// A pair of weights against bf16 values: rounded, which costs a fifth of what rounding the values does.
    BF16_WEIGHT_WORDS = 1,
};

typedef __m512i steps;

/// LANES steps of stored elements; int8 is widened to int16.
static inline __attribute__((always_inline)) steps v_load_steps(resa_kv_format format, const char *p) {
    return format == RESA_KV_INT8 ? _mm512_cvtepi8_epi16(_mm256_loadu_si256((const __m256i *)p)) : _mm512_loadu_si512(p);
}

/// The first element of every pair, zero for the second.
static inline steps v_first_of_pairs(steps s) { return _mm512_and_si512(s, _mm512_set1_epi32(0xffff)); }
/// The second element of every pair, zero for the first.
static inline steps v_second_of_pairs(steps s) { return _mm512_and_si512(s, _mm512_set1_epi32((int)0xffff0000)); }

static inline steps v_share(const uint32_t *word) { return _mm512_set1_epi32((int)*word); }

/// sum + s . word `word` of the step, lane by lane; int8 sums are whole numbers, kept in the same register type.
static inline __attribute__((always_inline)) vf v_dot(resa_kv_format format, int word, vf sum, steps s, steps shared) {
    (void)word;
    switch (format) {
        case RESA_KV_F32: return _mm512_fmadd_ps((__m512)shared, (__m512)s, sum);
        case RESA_KV_BF16: return _mm512_dpbf16_ps(sum, (__m512bh)s, (__m512bh)shared);
        default:
            // Written out, because the compiler takes the intrinsic apart into a product and a sum, half as fast here.
            __asm__("vpdpwssd %2, %1, %0" : "+v"(sum) : "v"(s), "v"(shared));
            return sum;
    }
}

static inline vf v_from_whole(vf whole) { return _mm512_cvtepi32_ps((__m512i)whole); }

/// The words of LANES elements of a query against bf16 keys.
static inline void v_store_query_words(uint32_t *words, vf x) {
    const __m256i rounded = (__m256i)_mm512_cvtneps_pbh(x);
    const __m256i rest = (__m256i)_mm512_cvtneps_pbh(v_sub(x, v_widen(rounded)));
    const __m512i left = _mm512_slli_epi64(_mm512_cvtepu32_epi64(rest), 32);
    _mm512_storeu_si512(words, _mm512_or_si512(_mm512_cvtepu32_epi64(rounded), left));
}

/// The words of a block's weights, starting at key `key` of a row of them; the weights become what was stored.
static inline void v_store_weight_words(uint32_t *row, ptrdiff_t key, vf weights[2]) {
    const __m512i both = (__m512i)_mm512_cvtne2ps_pbh(weights[1], weights[0]);
    _mm512_storeu_si512(row + key / 2, both);
    weights[0] = v_widen(_mm512_castsi512_si256(both));
    weights[1] = v_widen(_mm512_extracti64x4_epi64(both, 1));
}

static inline void v_store_bf16(uint16_t *p, vf x) { _mm256_storeu_si256((__m256i *)p, (__m256i)_mm512_cvtneps_pbh(x)); }

/// Rounded to whole numbers, which must fit.
static inline void v_store_int16(int16_t *p, vf x) {
    _mm256_storeu_si256((__m256i *)p, _mm512_cvtepi32_epi16(_mm512_cvtps_epi32(x)));
}

/// Lanes i and i + distance (1, 2, 4, 8; i without that bit) become their sum and their difference.
static inline __attribute__((always_inline)) vf v_butterfly(int distance, vf x) {
    switch (distance) {
        case 1: {
            const vf other = _mm512_permute_ps(x, 0xb1);
            return _mm512_mask_sub_ps(_mm512_add_ps(other, x), 0xaaaa, other, x);
        }
        case 2: {
            const vf other = _mm512_permute_ps(x, 0x4e);
            return _mm512_mask_sub_ps(_mm512_add_ps(other, x), 0xcccc, other, x);
        }
        case 4: {
            const vf other = _mm512_shuffle_f32x4(x, x, 0xb1);
            return _mm512_mask_sub_ps(_mm512_add_ps(other, x), 0xf0f0, other, x);
        }
        default: {
            const vf other = _mm512_shuffle_f32x4(x, x, 0x4e);
            return _mm512_mask_sub_ps(_mm512_add_ps(other, x), 0xff00, other, x);
        }
    }
}
