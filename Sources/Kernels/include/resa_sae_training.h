// One step of training a TopK sparse autoencoder, f32: forward over tiles of tokens, backward and update over blocks of latents.
//
//   z = relu(W_enc (x - b_dec) + b_enc)      a = the k largest of z      o = sum a_i W_dec[i] + b_dec      e = x - o
//   loss = (sum |e|^2 + multiScale sum |x - o'|^2 + auxScale sum |e - e'|^2) / variance
// o' decodes the `slots` largest of z; e' = sum z_i W_dec[i] over the `auxSlots` largest z of dead latents, with e taken as given. As in
// sparsify only the first term reaches the encoder; the other two train the decoder (and o' also b_dec).
//
// Everything is split by constants (tokens in a tile, latents in a block) and folded in order, so results do not depend on threads. Backward
// is sparse: entries (token, slot) are sorted by latent, and whoever owns a latent gathers its gradient and updates its rows at once; no
// gradient matrix is ever stored.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "resa_kernels.h"

#pragma clang assume_nonnull begin

enum {
    RESA_SAE_TOKENS = 128,
    RESA_SAE_BLOCK = 64,
    /// Sums that a tile reports: squared errors of o, of o' and of e'.
    RESA_SAE_LOSSES = 3,
};

typedef struct resa_sae_step {
    ptrdiff_t tokens, width, latents;
    /// Latents decoded; latents selected (k, or 4k with multi-TopK); dead latents selected.
    ptrdiff_t k, slots, auxSlots;
    const float *x;  // [tokens, width]
    float *centred;  // [tokens, width]: x - b_dec
    float *encoder, *encoderBias, *decoder, *decoderBias;
    double variance, multiScale, auxScale;
    const int32_t *_Nullable dead;  // ascending
    ptrdiff_t deadCount;

    /// Selected latents of each token, larger first; -1 where fewer are above 0.
    int32_t *indices;    // [tokens, slots]
    float *activations;  // [tokens, slots]
    float *activationGradients;  // [tokens, k]
    int32_t *_Nullable auxIndices;    // [tokens, auxSlots]
    float *_Nullable auxActivations;  // [tokens, auxSlots]
    /// Gradients with respect to o, o' and e' [tokens, width].
    float *gradients;
    float *_Nullable multiGradients, *_Nullable auxGradients;
    double *losses;         // [tiles, RESA_SAE_LOSSES]
    double *biasGradients;  // [tiles, width]: what reaches b_dec through o and o'

    char *scratch;  // threads * resa_sae_scratch_bytes
    uint32_t *slotTaken;  // [threads], zeros
    ptrdiff_t threads;
} resa_sae_step;

ptrdiff_t resa_sae_tiles(ptrdiff_t tokens);
ptrdiff_t resa_sae_blocks(ptrdiff_t latents);
ptrdiff_t resa_sae_scratch_bytes(ptrdiff_t width);

/// sums [width] = the column sums of a tile of x [tokens, width].
void resa_sae_tile_sums(ptrdiff_t tokens, ptrdiff_t width, const float *x, ptrdiff_t tile, double *sums);
/// Writes the tile's rows of x - b_dec; returns sum |x - mean|^2 over it.
double resa_sae_tile_centre(const resa_sae_step *step, ptrdiff_t tile, const double *mean);
/// Selects, decodes and takes the losses of a tile, with the gradients of everything up to the activations.
void resa_sae_tile_forward(const resa_kernels *kernels, const resa_sae_step *step, ptrdiff_t tile);
/// Sorts the entries (token * slots + slot) by latent, those of one latent ascending. starts [latents + 1]; entries [tokens * slots], of
/// which starts[latents] are filled. tokens * slots is below 2^32.
void resa_sae_group(
    ptrdiff_t tokens, ptrdiff_t slots, ptrdiff_t latents, const int32_t *indices, uint32_t *starts, uint32_t *entries);

typedef enum resa_optimiser_kind {
    /// Sign descent on z, inside a schedule-free average: x = mean of z so far, gradients taken at y = x + (1 - momentum) (z - x).
    /// State 1 is z; the parameter is y.
    RESA_OPTIMISER_SIGNUM = 0,
    /// State 1 and 2 are the moments.
    RESA_OPTIMISER_ADAM = 1,
} resa_optimiser_kind;

typedef struct resa_optimiser {
    resa_optimiser_kind kind;
    /// Signum: the learning rate. Adam: that over 1 - beta1^t.
    float rate;
    /// Signum: whether state 1 has yet to be set; the weight of z in the average; y's distance from x to z; what undoes that.
    bool first;
    float average, momentum;
    /// Adam: 1 - beta1, beta2, sqrt(1 - beta2^t), epsilon.
    float decay1, beta2, correction2, epsilon;
} resa_optimiser;

/// One step of `count` parameters with gradients `g`. state2 only for Adam.
void resa_optimise(
    const resa_optimiser *optimiser, ptrdiff_t count, const float *g, float *parameters, float *state1, float *_Nullable state2);
/// Schedule-free: average = x of parameters y and state z.
void resa_schedule_free_average(float momentum, ptrdiff_t count, const float *parameters, const float *state, float *average);

typedef struct resa_sae_update {
    const resa_sae_step *step;
    const resa_optimiser *optimiser;
    const uint32_t *starts, *entries;
    const uint32_t *_Nullable auxStarts, *_Nullable auxEntries;
    /// Removes what is parallel to a decoder row from its gradient.
    bool unitDecoder;
    float *encoder1, *bias1, *decoder1;
    float *_Nullable encoder2, *_Nullable bias2, *_Nullable decoder2;
    double *inputGradients;  // [blocks, width]: sum_j (d loss / d b_enc[j]) W_enc[j] before the update
    char *scratch;           // threads * resa_sae_scratch_bytes
    uint32_t *slotTaken;
} resa_sae_update;

/// Gathers the gradients of a block of latents and updates their rows and biases.
void resa_sae_block_update(const resa_kernels *kernels, const resa_sae_update *update, ptrdiff_t block);
/// Divides each of the block's decoder rows by its norm + 2^-23.
void resa_sae_block_normalise(const resa_kernels *kernels, ptrdiff_t latents, ptrdiff_t width, float *decoder, ptrdiff_t block);

#pragma clang assume_nonnull end
