// The scalar tier: plain loops, for any processor. It is the oracle that the other tiers are tested against, so it is written for reading and
// shares no arithmetic with them but the search's, which has the same bits everywhere.
#define TIER scalar
#define TIER_NUMBER RESA_TIER_SCALAR
#include "tiers/begin.h"

#include "rows/activation_scalar.h"
#include "attention/attention_scalar.h"
#include "gemm/gemm_tile_scalar.h"
#include "quantised/quant_tile_scalar.h"
#include "rows/rows_scalar.h"
#include "sparse/latents_scalar.h"
#include "tiers/probes_scalar.h"

#include "tiers/end.h"
