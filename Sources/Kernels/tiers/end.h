// The second half of a tier's file: the kernels that are written once for every tier, and the table.
#include "search/search_group.h"
#include "search/search_rows.h"

// Not every tier has one.
#ifndef TIER_FROZEN_BLOCK
#define TIER_FROZEN_BLOCK NULL
#endif

#define TIER_TEXT(tier) TIER_TEXT_OF(tier)
#define TIER_TEXT_OF(tier) #tier
#define TIER_TABLE(tier) TIER_TABLE_OF(tier)
#define TIER_TABLE_OF(tier) resa_kernels_##tier

const resa_kernels TIER_TABLE(TIER) = {
    .name = TIER_TEXT(TIER),
    .tier = TIER_NUMBER,
    .gemm_tile = gemm_tile,
    .store_row = store_row,
    .quant_tile = quant_tile,
    .quant_store = quant_store,
    .quantise_groups = quantise_groups,
    .frozen_block = TIER_FROZEN_BLOCK,
    .axpy = axpy,
    .add = add,
    .dot = dot,
    .sum_of_squares = sum_of_squares,
    .rms_norm = rms_norm,
    .layer_norm = layer_norm,
    .scale = scale,
    .cap = cap,
    .activate = activate,
    .rotate_half = rotate_half,
    .rotate_interleaved = rotate_interleaved,
    .exponential = exponential,
    .softmax = softmax,
    .log_sum_exp = log_sum_exp,
    .draw_weights = draw_weights,
    .maximum = maximum,
    .find_greater = find_greater,
    .ordered_dot = ordered_dot,
    .add_row = add_row,
    .latent_mask = latent_mask,
    .store_kv = store_kv,
    .attend = attend,
    .attend_fold = attend_fold,
    .probe_read = probe_read,
    .probe_f32 = probe_f32,
    .probe_bf16 = probe_bf16,
    .probe_int8 = probe_int8,
    .quantise_weights = quantise_weights,
};

#ifdef TIER_INSTRUCTIONS
#pragma clang attribute pop
#endif
