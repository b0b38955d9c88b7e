// The AVX2 tier of quantised products. The byte product of this tier saturates at 16 bits, so it takes |code - 128| <= 128 times
// q with the weight's sign: a pair of them is at most 2 * 128 * 127 = 32512.
#if defined(__x86_64__)
#include <math.h>
#include <string.h>

#include "quantised.h"
#include "vector_avx2.h"

void resa_quant_tile_avx2(const resa_quant_tile *tile) { resa_quant_tile_scalar(tile); }

#define QUANT_STORE resa_quant_store_avx2
#include "vector_quantised.h"

void resa_quantise_groups_avx2(ptrdiff_t group, bool rotated, ptrdiff_t inputs, const float *x, void *row) {
    resa_quantise_groups_scalar(group, rotated, inputs, x, row);
}

double resa_probe_int8_avx2(ptrdiff_t rounds) { return (double)rounds; }

#pragma clang attribute pop
#else
typedef int resa_no_quantised_avx2;
#endif
