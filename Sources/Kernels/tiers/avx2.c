// The AVX2 tier.
#if defined(__x86_64__)
#define TIER avx2
#define TIER_NUMBER RESA_TIER_AVX2
#define TIER_INSTRUCTIONS "avx2,fma,f16c"
#include "tiers/begin.h"

#include "tiers/words_avx2.h"
#include "attention/attention_words_avx2.h"
#include "quantised/quant_words_avx2.h"

#include "gemm/gemm_tile_avx2.h"
#include "quantised/quant_tile_avx2.h"
#include "training/frozen_avx2.h"
#define TIER_FROZEN_BLOCK frozen_block
#include "tiers/probes_avx2.h"

#include "tiers/vector_bodies.h"
#include "tiers/end.h"
#endif
