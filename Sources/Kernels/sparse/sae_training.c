// Forward of a training step: see resa_sae_training.h.
#include "resa_sae_training.h"

#include <string.h>

#include "resa_training.h"
#include "machine/slots.h"
#include "rows/selection.h"
#include "sizes.h"

enum {
    /// Latents whose pre-activations are taken together: a tile of them stays in the second-level cache.
    COLUMNS = 512,
};

ptrdiff_t resa_sae_tiles(ptrdiff_t tokens) { return (tokens + RESA_SAE_TOKENS - 1) / RESA_SAE_TOKENS; }

ptrdiff_t resa_sae_blocks(ptrdiff_t latents) { return (latents + RESA_SAE_BLOCK - 1) / RESA_SAE_BLOCK; }

ptrdiff_t resa_sae_scratch_bytes(ptrdiff_t width) {
    const ptrdiff_t floats = RESA_SAE_TOKENS * COLUMNS + 2 * width;
    return (floats * (ptrdiff_t)sizeof(float) + 63) / 64 * 64;
}

void resa_sae_tile_sums(ptrdiff_t tokens, ptrdiff_t width, const float *x, ptrdiff_t tile, double *sums) {
    memset(sums, 0, (size_t)width * sizeof(double));
    const ptrdiff_t end = smaller((tile + 1) * RESA_SAE_TOKENS, tokens);
    for (ptrdiff_t t = tile * RESA_SAE_TOKENS; t < end; t++) {
        for (ptrdiff_t i = 0; i < width; i++) { sums[i] += x[t * width + i]; }
    }
}

double resa_sae_tile_centre(const resa_sae_step *step, ptrdiff_t tile, const double *mean) {
    const ptrdiff_t width = step->width, end = smaller((tile + 1) * RESA_SAE_TOKENS, step->tokens);
    double total = 0;
    for (ptrdiff_t t = tile * RESA_SAE_TOKENS; t < end; t++) {
        const float *const x = step->x + t * width;
        float *const centred = step->centred + t * width;
        // Four chains: one addition need not wait for the last.
        double chains[4] = {0};
        for (ptrdiff_t i = 0; i < width; i++) {
            const double deviation = (double)x[i] - mean[i];
            chains[i % 4] += deviation * deviation;
        }
        for (ptrdiff_t i = 0; i < width; i++) { centred[i] = x[i] - step->decoderBias[i]; }
        total += (chains[0] + chains[1]) + (chains[2] + chains[3]);
    }
    return total;
}

/// An empty heap of `count`: nothing that is not above 0 enters.
static void clear_heap(ptrdiff_t count, int32_t *indices, float *values) {
    for (ptrdiff_t i = 0; i < count; i++) {
        indices[i] = INT32_MAX;
        values[i] = 0;
    }
}

static void close_heap(ptrdiff_t count, int32_t *indices, float *values) {
    resa_heap_sort(values, indices, count);
    for (ptrdiff_t i = 0; i < count; i++) {
        if (indices[i] == INT32_MAX) { indices[i] = -1; }
    }
}

/// The largest pre-activations of the tile's tokens: z [rows, columns] column block by column block.
static void select_latents(const resa_kernels *kernels, const resa_sae_step *step, ptrdiff_t first, ptrdiff_t rows, float *z) {
    const ptrdiff_t width = step->width, slots = step->slots, aux = step->auxSlots;
    clear_heap(rows * slots, step->indices + first * slots, step->activations + first * slots);
    if (aux > 0) { clear_heap(rows * aux, step->auxIndices + first * aux, step->auxActivations + first * aux); }
    const resa_frozen encoder = {.outputs = step->latents, .inputs = width, .weights = step->encoder};
    ptrdiff_t dead = 0;
    for (ptrdiff_t start = 0; start < step->latents; start += COLUMNS) {
        const ptrdiff_t columns = smaller(COLUMNS, step->latents - start);
        for (ptrdiff_t r = 0; r < rows; r++) {
            memcpy(z + r * COLUMNS, step->encoderBias + start, (size_t)columns * sizeof(float));
        }
        resa_frozen_product(
            kernels, &encoder, start, columns, rows, step->centred + first * width, width, z, COLUMNS, true, NULL);
        ptrdiff_t nextDead = dead;
        while (nextDead < step->deadCount && step->dead[nextDead] < start + columns) { nextDead++; }
        for (ptrdiff_t r = 0; r < rows; r++) {
            const float *const row = z + r * COLUMNS;
            float *const values = step->activations + (first + r) * slots;
            int32_t *const indices = step->indices + (first + r) * slots;
            for (ptrdiff_t i = kernels->find_greater(columns, row, 0, values[0]); i < columns;
                 i = kernels->find_greater(columns, row, i + 1, values[0])) {
                resa_heap_sift(values, indices, slots, 0, row[i], (int32_t)(start + i));
            }
            for (ptrdiff_t d = dead; aux > 0 && d < nextDead; d++) {
                float *const auxValues = step->auxActivations + (first + r) * aux;
                const float value = row[step->dead[d] - start];
                if (value > auxValues[0]) {
                    resa_heap_sift(auxValues, step->auxIndices + (first + r) * aux, aux, 0, value, step->dead[d]);
                }
            }
        }
        dead = nextDead;
    }
    for (ptrdiff_t t = first; t < first + rows; t++) {
        close_heap(slots, step->indices + t * slots, step->activations + t * slots);
        if (aux > 0) { close_heap(aux, step->auxIndices + t * aux, step->auxActivations + t * aux); }
    }
}

/// out += sum a_i W_dec[i].
static void decode(
    const resa_kernels *kernels, const resa_sae_step *step, ptrdiff_t count, const int32_t *indices, const float *activations, float *out) {
    for (ptrdiff_t i = 0; i < count && indices[i] >= 0; i++) {
        kernels->axpy(step->width, activations[i], step->decoder + indices[i] * step->width, out);
    }
}

/// In place: out becomes the gradient of scale |out - target|^2 / variance; returns |out - target|^2.
static double difference(ptrdiff_t width, double factor, const float *target, float *out) {
    double total = 0;
    const float gradient = (float)factor;
    for (ptrdiff_t i = 0; i < width; i++) {
        const float d = out[i] - target[i];
        total += (double)d * d;
        out[i] = gradient * d;
    }
    return total;
}

static void add_to(ptrdiff_t width, const float *x, double *sums) {
    for (ptrdiff_t i = 0; i < width; i++) { sums[i] += x[i]; }
}

/// Losses and gradients of one token. `error` [width] is scratch.
static void take_losses(
    const resa_kernels *kernels, const resa_sae_step *step, ptrdiff_t token, float *error, double *losses, double *bias) {
    const ptrdiff_t width = step->width, k = step->k, slots = step->slots, aux = step->auxSlots;
    const float *const x = step->x + token * width;
    const int32_t *const indices = step->indices + token * slots;
    const float *const activations = step->activations + token * slots;
    float *const out = step->gradients + token * width;
    memcpy(out, step->decoderBias, (size_t)width * sizeof(float));
    decode(kernels, step, k, indices, activations, out);
    if (slots > k) {
        float *const multi = step->multiGradients + token * width;
        memcpy(multi, out, (size_t)width * sizeof(float));
        decode(kernels, step, slots - k, indices + k, activations + k, multi);
        losses[1] += difference(width, 2 * step->multiScale / step->variance, x, multi);
        add_to(width, multi, bias);
    }
    if (aux > 0) {
        float *const dead = step->auxGradients + token * width;
        for (ptrdiff_t i = 0; i < width; i++) { error[i] = x[i] - out[i]; }
        memset(dead, 0, (size_t)width * sizeof(float));
        decode(kernels, step, aux, step->auxIndices + token * aux, step->auxActivations + token * aux, dead);
        losses[2] += difference(width, 2 * step->auxScale / step->variance, error, dead);
    }
    losses[0] += difference(width, 2 / step->variance, x, out);
    add_to(width, out, bias);
    for (ptrdiff_t i = 0; i < k; i++) {
        step->activationGradients[token * k + i] =
            indices[i] < 0 ? 0 : kernels->dot(width, out, step->decoder + indices[i] * width);
    }
}

void resa_sae_tile_forward(const resa_kernels *kernels, const resa_sae_step *step, ptrdiff_t tile) {
    const ptrdiff_t slot = take_slot(step->slotTaken, step->threads);
    float *const z = (float *)(step->scratch + slot * resa_sae_scratch_bytes(step->width));
    float *const error = z + RESA_SAE_TOKENS * COLUMNS;
    const ptrdiff_t first = tile * RESA_SAE_TOKENS, rows = smaller(RESA_SAE_TOKENS, step->tokens - first);
    select_latents(kernels, step, first, rows, z);
    double *const losses = step->losses + tile * RESA_SAE_LOSSES, *const bias = step->biasGradients + tile * step->width;
    memset(losses, 0, RESA_SAE_LOSSES * sizeof(double));
    memset(bias, 0, (size_t)step->width * sizeof(double));
    for (ptrdiff_t t = first; t < first + rows; t++) { take_losses(kernels, step, t, error, losses, bias); }
    leave_slot(step->slotTaken, slot);
}

void resa_sae_group(
    ptrdiff_t tokens, ptrdiff_t slots, ptrdiff_t latents, const int32_t *indices, uint32_t *starts, uint32_t *entries) {
    memset(starts, 0, (size_t)(latents + 1) * sizeof(uint32_t));
    const ptrdiff_t count = tokens * slots;
    for (ptrdiff_t i = 0; i < count; i++) {
        if (indices[i] >= 0) { starts[indices[i]] += 1; }
    }
    uint32_t sum = 0;
    for (ptrdiff_t j = 0; j <= latents; j++) {
        sum += starts[j];
        starts[j] = sum;
    }
    // From the end, each place is filled downwards: what is left in `starts` is where the latent begins.
    for (ptrdiff_t i = count - 1; i >= 0; i--) {
        if (indices[i] >= 0) { entries[--starts[indices[i]]] = (uint32_t)i; }
    }
}
