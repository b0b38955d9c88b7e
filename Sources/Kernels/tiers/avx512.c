// The AVX-512 tier.
#if defined(__x86_64__)
#define TIER avx512
#define TIER_NUMBER RESA_TIER_AVX512
#define TIER_INSTRUCTIONS "avx2,fma,f16c,avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,avx512bf16"
#include "tiers/begin.h"

#include "tiers/words_avx512.h"
#include "attention/attention_words_avx512.h"
#include "quantised/quant_words_avx512.h"

#include "gemm/gemm_tile_avx512.h"
#include "quantised/quant_tile_avx512.h"
#include "tiers/probes_avx512.h"

#include "tiers/vector_bodies.h"
#include "tiers/end.h"
#endif
