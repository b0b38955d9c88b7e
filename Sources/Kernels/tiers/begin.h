// The first half of a tier's file: what all kernels share, then the tier's instructions for every function up to end.h. The including file
// defines TIER, the tier's name, TIER_NUMBER and, unless the compiler's own will do, TIER_INSTRUCTIONS.
#include <math.h>
#include <string.h>
#ifdef TIER_INSTRUCTIONS
#include <immintrin.h>
#endif

#include "attention/kv.h"
#include "expansion/floats.h"
#include "quantised/quantised.h"
#include "resa_training.h"
#include "search/search.h"
#include "sizes.h"
#include "sparse/latents.h"
#include "tiers/tiers.h"

#ifdef TIER_INSTRUCTIONS
#pragma clang attribute push(__attribute__((target(TIER_INSTRUCTIONS))), apply_to = function)
#endif
