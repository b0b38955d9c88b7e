// Backward and update of a training step, latent by latent: see resa_sae_training.h.
#include <math.h>
#include <string.h>

#include "resa_sae_training.h"
#include "machine/slots.h"

/// PyTorch's lerp: a + weight (b - a), from whichever end is nearer.
static inline float mix(float a, float b, float weight) {
    return fabsf(weight) < 0.5f ? a + weight * (b - a) : b - (b - a) * (1 - weight);
}

static void signum(const resa_optimiser *o, ptrdiff_t count, const float *g, float *restrict y, float *restrict z) {
    if (o->first) { memcpy(z, y, (size_t)count * sizeof(float)); }
    const float back = 1 - 1 / o->momentum, forth = 1 - o->momentum, rate = o->rate, average = o->average;
    for (ptrdiff_t i = 0; i < count; i++) {
        const float sign = (float)((g[i] > 0) - (g[i] < 0));
        const float x = y[i] + back * (z[i] - y[i]);
        const float next = z[i] - rate * sign;
        const float mean = mix(x, next, average);
        z[i] = next;
        y[i] = mix(mean, next, forth);
    }
}

static void adam(const resa_optimiser *o, ptrdiff_t count, const float *g, float *restrict p, float *restrict m, float *restrict v) {
    const float decay1 = o->decay1, beta2 = o->beta2, decay2 = 1 - o->beta2;
    const float correction2 = o->correction2, epsilon = o->epsilon, rate = o->rate;
    for (ptrdiff_t i = 0; i < count; i++) {
        m[i] += decay1 * (g[i] - m[i]);
        v[i] = beta2 * v[i] + decay2 * g[i] * g[i];
        p[i] -= rate * m[i] / (sqrtf(v[i]) / correction2 + epsilon);
    }
}

void resa_optimise(
    const resa_optimiser *optimiser, ptrdiff_t count, const float *g, float *parameters, float *state1, float *state2) {
    switch (optimiser->kind) {
        case RESA_OPTIMISER_SIGNUM: signum(optimiser, count, g, parameters, state1); break;
        case RESA_OPTIMISER_ADAM: adam(optimiser, count, g, parameters, state1, state2); break;
    }
}

void resa_schedule_free_average(float momentum, ptrdiff_t count, const float *parameters, const float *state, float *average) {
    const float back = 1 - 1 / momentum;
    for (ptrdiff_t i = 0; i < count; i++) { average[i] = parameters[i] + back * (state[i] - parameters[i]); }
}

/// The gradients of latent `j`'s rows; returns that of its bias.
static float gather(const resa_kernels *kernels, const resa_sae_update *update, ptrdiff_t j, float *encoder, float *decoder) {
    const resa_sae_step *const step = update->step;
    const ptrdiff_t width = step->width, k = step->k, slots = step->slots, aux = step->auxSlots;
    float bias = 0;
    memset(encoder, 0, (size_t)width * sizeof(float));
    memset(decoder, 0, (size_t)width * sizeof(float));
    for (uint32_t e = update->starts[j]; e < update->starts[j + 1]; e++) {
        const ptrdiff_t entry = update->entries[e], token = entry / slots, slot = entry % slots;
        const float activation = step->activations[entry];
        if (slots > k) { kernels->axpy(width, activation, step->multiGradients + token * width, decoder); }
        if (slot >= k) { continue; }
        const float gradient = step->activationGradients[token * k + slot];
        kernels->axpy(width, activation, step->gradients + token * width, decoder);
        kernels->axpy(width, gradient, step->centred + token * width, encoder);
        bias += gradient;
    }
    if (aux > 0) {
        for (uint32_t e = update->auxStarts[j]; e < update->auxStarts[j + 1]; e++) {
            const ptrdiff_t entry = update->auxEntries[e];
            kernels->axpy(width, step->auxActivations[entry], step->auxGradients + entry / aux * width, decoder);
        }
    }
    return bias;
}

static inline float *state_row(float *state, ptrdiff_t offset) { return state == NULL ? NULL : state + offset; }

void resa_sae_block_update(const resa_kernels *kernels, const resa_sae_update *update, ptrdiff_t block) {
    const resa_sae_step *const step = update->step;
    const ptrdiff_t width = step->width, first = block * RESA_SAE_BLOCK;
    const ptrdiff_t end = first + RESA_SAE_BLOCK < step->latents ? first + RESA_SAE_BLOCK : step->latents;
    const ptrdiff_t slot = take_slot(update->slotTaken, step->threads);
    float *const encoder = (float *)(update->scratch + slot * resa_sae_scratch_bytes(width)), *const decoder = encoder + width;
    double *const input = update->inputGradients + block * width;
    memset(input, 0, (size_t)width * sizeof(double));
    for (ptrdiff_t j = first; j < end; j++) {
        const float bias = gather(kernels, update, j, encoder, decoder);
        const ptrdiff_t row = j * width;
        if (bias != 0) {
            for (ptrdiff_t i = 0; i < width; i++) { input[i] += (double)bias * step->encoder[row + i]; }
        }
        if (update->unitDecoder) {
            kernels->axpy(width, -kernels->dot(width, decoder, step->decoder + row), step->decoder + row, decoder);
        }
        resa_optimise(
            update->optimiser, width, encoder, step->encoder + row, update->encoder1 + row, state_row(update->encoder2, row));
        resa_optimise(
            update->optimiser, width, decoder, step->decoder + row, update->decoder1 + row, state_row(update->decoder2, row));
        resa_optimise(update->optimiser, 1, &bias, step->encoderBias + j, update->bias1 + j, state_row(update->bias2, j));
    }
    leave_slot(update->slotTaken, slot);
}

void resa_sae_block_normalise(const resa_kernels *kernels, ptrdiff_t latents, ptrdiff_t width, float *decoder, ptrdiff_t block) {
    const ptrdiff_t first = block * RESA_SAE_BLOCK, end = first + RESA_SAE_BLOCK < latents ? first + RESA_SAE_BLOCK : latents;
    for (ptrdiff_t j = first; j < end; j++) {
        float *const row = decoder + j * width;
        const float norm = sqrtf(kernels->sum_of_squares(width, row)) + 0x1p-23f;
        for (ptrdiff_t i = 0; i < width; i++) { row[i] /= norm; }
    }
}
