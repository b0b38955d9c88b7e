// The kernels that are written once for all vector tiers, in the words that the tier's own files define.
#include "rows/rows_vector.h"
#include "rows/activation_vector.h"
#include "attention/attention_products_vector.h"
#include "attention/kv_vector.h"
#include "attention/attention_vector.h"
#include "quantised/quant_tile_vector.h"
#include "quantised/quant_rows_vector.h"
#include "sparse/latents_vector.h"
