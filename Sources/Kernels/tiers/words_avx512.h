// The vector vocabulary of the AVX-512 tier. words_avx2.h has the same words; the files named *_vector.h are written in them.

enum { LANES = 16 };
typedef __m512 vf;
typedef __mmask16 vmask;

/// The first `count` lanes (all of them from 16 on).
static inline vmask v_first(ptrdiff_t count) { return count >= LANES ? 0xffff : (vmask)((1u << count) - 1); }
static inline uint32_t v_bits(vmask mask) { return mask; }

static inline vf v_set(float value) { return _mm512_set1_ps(value); }
static inline vf v_load(const float *p) { return _mm512_loadu_ps(p); }
/// Lanes outside the mask are zero and their memory is not touched.
static inline vf v_load_part(vmask mask, const float *p) { return _mm512_maskz_loadu_ps(mask, p); }
static inline void v_store(float *p, vf v) { _mm512_storeu_ps(p, v); }
static inline void v_store_part(vmask mask, float *p, vf v) { _mm512_mask_storeu_ps(p, mask, v); }

static inline vf v_widen(__m256i halves) { return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(halves), 16)); }
static inline vf v_load_bf16(const uint16_t *p) { return v_widen(_mm256_loadu_si256((const __m256i *)p)); }
static inline vf v_load_bf16_part(vmask mask, const uint16_t *p) { return v_widen(_mm256_maskz_loadu_epi16(mask, p)); }

static inline vf v_add(vf a, vf b) { return _mm512_add_ps(a, b); }
static inline vf v_sub(vf a, vf b) { return _mm512_sub_ps(a, b); }
static inline vf v_mul(vf a, vf b) { return _mm512_mul_ps(a, b); }
static inline vf v_div(vf a, vf b) { return _mm512_div_ps(a, b); }
/// a * b + c, and c - a * b, rounded once.
static inline vf v_fma(vf a, vf b, vf c) { return _mm512_fmadd_ps(a, b, c); }
static inline vf v_fnma(vf a, vf b, vf c) { return _mm512_fnmadd_ps(a, b, c); }
/// b where either is NaN.
static inline vf v_max(vf a, vf b) { return _mm512_max_ps(a, b); }
static inline vf v_min(vf a, vf b) { return _mm512_min_ps(a, b); }
static inline vmask v_greater(vf a, vf b) { return _mm512_cmp_ps_mask(a, b, _CMP_GT_OQ); }
/// a where the mask is set, else b.
static inline vf v_select(vmask mask, vf a, vf b) { return _mm512_mask_blend_ps(mask, b, a); }
static inline vf v_nearest(vf v) { return _mm512_roundscale_ps(v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }
/// v * 2^n for whole n.
static inline vf v_scale(vf v, vf n) { return _mm512_scalef_ps(v, n); }

/// The lanes are folded by halves: the same tree always.
static inline float v_sum(vf v) { return _mm512_reduce_add_ps(v); }
static inline float v_largest(vf v) { return _mm512_reduce_max_ps(v); }
