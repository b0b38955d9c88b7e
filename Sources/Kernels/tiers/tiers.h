// The tables that dispatch.c chooses from; each is made by the file of its tier.
#pragma once

#include "resa_kernels.h"

extern const resa_kernels resa_kernels_scalar;
#if defined(__x86_64__)
extern const resa_kernels resa_kernels_avx2;
extern const resa_kernels resa_kernels_avx512;
#endif
