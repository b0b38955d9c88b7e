// The weight search compiled for AVX-512: the same operations, wider.
#if defined(__x86_64__)
#include <math.h>
#include <string.h>

#include "search.h"

#pragma clang attribute push(__attribute__((target("avx2,fma,f16c,avx512f,avx512bw,avx512dq,avx512vl"))), apply_to = function)
#define SEARCH_ROW resa_search_row_avx512
#include "search_rows.h"
#pragma clang attribute pop

#endif
