// Which latents of a sparse autoencoder a row activates: exactly the k largest of M, for the cost of reading 8-bit codes.
//
// The exact pre-activation of latent j for a row u [width] is defined here, for every tier and thread alike, as
//     z_j = ordered_dot(u, w_j) + b_j          in f32: 64 chains of fused multiply-adds, folded by halves (resa_kernels.h)
// with w_j as it is stored (f32, or bf16 widened). What is selected are the k largest z_j > 0, larger first, ties to the lower index: what
// ReLU and then top-k keep. Slots left over are (0, 0). An infinite z_j is a number like others; a NaN is never selected.
//
// 1. Scan. All M pre-activations are bounded from 8-bit codes, panel by panel, in a buffer that stays in the first-level caches. With R the
//    normalised Hadamard transform inside groups of 64 (its factor 1/8 is exact), U = R u, W = R w, and u^, w^ the values that the codes
//    stand for, R being orthogonal:
//        u . w = U . W = u^ . w^ - (u^ - U) . w^ - U . (w^ - W)
//    so by Cauchy-Schwarz |u . w - u^ . w^| <= |u^ - U| |w^| + |u| |w^ - W|. All four norms are taken in double from the very codes that are
//    used, |w^| and |w^ - W| when the encoder is packed, |u| and |u^ - U| when a row is. Rounding adds to that, with e = 2^-24:
//        ordered_dot      (m + 1) e |u| |w|         m = width / 64 + 7 additions on the longest way, their products not rounded
//        the code sums    (G + 3) e |u^| |w^|       whole numbers below 2^24 inside a group, then one chain over G groups
//        both biases, v +- bound                    2 e (|u| |w| + |u^| |w^| + 2 |b|) at most
//    with |u^| <= |u| + |u^ - U|. With E = 2 e (m + G + 16), which doubles all of these and so covers what is of second order,
//        |z_j - v_j| <= A alpha_j + B beta_j + gamma_j
//        A = |u|    alpha_j = |w^ - W| + E (|w| + |w^|)       B = |u^ - U|    beta_j = (1 + E) |w^|
//        gamma_j = 8 e |b| + what underflow can lose (absolute, see resa_latents_pack)
//    and A, B, alpha, beta are rounded up by a factor of 1 + 2^-16, which pays for computing the bound itself in f32.
//    Proven while nothing overflows: rows with |u| + |u^ - U| of 2^60 or more (or none) are not scanned but computed exactly; latents with
//    norms of 2^40 or more get alpha = infinity, so they are always candidates.
// 2. Shortlist. The k-th largest lower bound seen so far is below k of the z_j, so a latent whose upper bound is less cannot be selected.
//    That threshold, shared by all tasks of a row, only rises; how far it has come when a latent is looked at decides what is kept in the
//    meantime, never the result.
// 3. Scores. The k candidates with the largest lower bounds get their exact z_j first; of the others only those whose upper bound reaches
//    the k-th largest z_j so far. All of it gives what computing every z_j gives, bit for bit. A row with more candidates than there is
//    room for (equal rows, codes that say nothing) is computed that way.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "resa_kernels.h"

#pragma clang assume_nonnull begin

/// An encoder W [latents, width] with biases.
typedef struct resa_latents {
    ptrdiff_t latents, width;
    /// Row-major, as stored: bf16 when `brain`, else f32.
    const void *rows;
    bool brain;
    /// What `resa_latents_pack` made, `resa_latents_bytes` of it, 64-byte aligned.
    const void *packed;
} resa_latents;

ptrdiff_t resa_latents_bytes(ptrdiff_t latents, ptrdiff_t width);
/// Panels of 32 latents.
ptrdiff_t resa_latents_panels(ptrdiff_t latents);
/// Bytes of scratch memory, 64-byte aligned, that one running call of `resa_latents_pack` needs.
ptrdiff_t resa_latents_pack_scratch(ptrdiff_t width);
/// Packs panels firstPanel..<endPanel from `encoder->rows` and `bias` [latents] into `packed` (which is the whole encoder's, as
/// `encoder->packed` will be). Calls for different panels may run side by side. Any bit pattern may stand in a row.
void resa_latents_pack(
    const resa_kernels *kernels, const resa_latents *encoder, const float *bias, ptrdiff_t firstPanel, ptrdiff_t endPanel, void *packed,
    void *scratch);
/// Bias `latent`, as it was packed.
float resa_latents_bias(const resa_latents *encoder, ptrdiff_t latent);

enum {
    /// The most rows of one call.
    RESA_LATENT_ROWS = 256,
};

/// The k largest of some rows.
typedef struct resa_latent_call {
    resa_latents encoder;
    ptrdiff_t k, rows;
    /// How many tasks share the scan: `resa_latent_tasks`, or any other number from 1 on.
    ptrdiff_t tasks;
    /// x [rows, width], from which `centre` [width] is subtracted first.
    const float *x;
    ptrdiff_t xStride;
    const float *_Nullable centre;
    /// [rows][k]
    int32_t *indices;
    float *activations;
    /// resa_latent_scratch_bytes, 64-byte aligned; written and read by the steps below.
    char *scratch;
} resa_latent_call;

/// A number of tasks that keeps `threads` threads busy.
ptrdiff_t resa_latent_tasks(ptrdiff_t latents, ptrdiff_t threads);
ptrdiff_t resa_latent_scratch_bytes(const resa_latent_call *call);
/// The three steps, each complete before the next: for every row, for every task, for every row. Calls of one step may run side by side.
void resa_latent_prepare(const resa_kernels *kernels, const resa_latent_call *call, ptrdiff_t row);
void resa_latent_scan(const resa_kernels *kernels, const resa_latent_call *call, ptrdiff_t task);
/// Returns how many exact scores the row took.
ptrdiff_t resa_latent_finish(const resa_kernels *kernels, const resa_latent_call *call, ptrdiff_t row);

/// What the steps give for a row u, by computing every score.
void resa_latent_select_exactly(
    const resa_kernels *kernels, const resa_latents *encoder, const float *u, ptrdiff_t k, int32_t *indices, float *activations);
/// The exact score of every latent for a row u. For tests and tools.
void resa_latent_scores(const resa_kernels *kernels, const resa_latents *encoder, const float *u, float *scores);
/// The bounds of every latent for a prepared row; false for a row that is not scanned. For tests and tools.
bool resa_latent_bounds(const resa_kernels *kernels, const resa_latent_call *call, ptrdiff_t row, float *lower, float *upper);

/// y += sum_i factors[i] rows[indices[i]], in that order, without those whose factor is 0. `rows` [.., width] are bf16 when `brain`,
/// else f32.
void resa_add_rows(
    const resa_kernels *kernels, ptrdiff_t width, const void *rows, bool brain, ptrdiff_t count, const int32_t *indices,
    const float *factors, float *y);

#pragma clang assume_nonnull end
