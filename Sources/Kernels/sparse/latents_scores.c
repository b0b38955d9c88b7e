// The last step of a selection of latents: candidates are scored exactly. And sums of the rows that were chosen.
#include <math.h>
#include <string.h>

#include "sparse/latents.h"
#include "rows/selection.h"

/// The k largest positive scores so far.
typedef struct best {
    ptrdiff_t k, count;
    float *values;
    int32_t *indices;
} best;

static void offer(best *best, float score, int32_t index) {
    if (!(score > 0)) { return; }
    if (best->count < best->k) {
        best->values[best->count] = score;
        best->indices[best->count] = index;
        best->count += 1;
        if (best->count == best->k) { resa_heap_build(best->values, best->indices, best->k); }
    } else if (resa_before(score, index, best->values[0], best->indices[0])) {
        resa_heap_sift(best->values, best->indices, best->k, 0, score, index);
    }
}

/// Puts the scores in order and fills the places that are left.
static void settle(best *best) {
    if (best->count < best->k) { resa_heap_build(best->values, best->indices, best->count); }
    resa_heap_sort(best->values, best->indices, best->count);
    for (ptrdiff_t slot = best->count; slot < best->k; slot++) {
        best->values[slot] = 0;
        best->indices[slot] = 0;
    }
}

static inline float score_of(const resa_kernels *kernels, const resa_latents *encoder, const float *u, ptrdiff_t latent) {
    return kernels->ordered_dot(encoder->width, u, encoder_row(encoder, latent), encoder->brain) + resa_latents_bias(encoder, latent);
}

void resa_latent_select_exactly(
    const resa_kernels *kernels, const resa_latents *encoder, const float *u, ptrdiff_t k, int32_t *indices, float *activations) {
    best best = {.k = k, .values = activations, .indices = indices};
    for (ptrdiff_t latent = 0; k > 0 && latent < encoder->latents; latent++) {
        offer(&best, score_of(kernels, encoder, u, latent), (int32_t)latent);
    }
    settle(&best);
}

/// The next candidate from `start` on that may be among the k best, or `count`. Scored ones have index -1.
static ptrdiff_t next_candidate(candidates found, ptrdiff_t count, ptrdiff_t start, float threshold) {
    ptrdiff_t i = start;
    while (i < count && (found.upper[i] < threshold || found.indices[i] < 0)) { i += 1; }
    return i;
}

ptrdiff_t resa_latent_finish(const resa_kernels *kernels, const resa_latent_call *call, ptrdiff_t row) {
    const latent_layout layout = latent_layout_of(call);
    const resa_latents *const encoder = &call->encoder;
    const latent_row *const state = row_state(call, row);
    const float *const u = centred_row(call, &layout, row);
    const ptrdiff_t k = call->k, rowBytes = encoder->width * (encoder->brain ? 2 : 4);
    int32_t *const indices = call->indices + row * k;
    float *const activations = call->activations + row * k;
    if (k <= 0) { return 0; }
    if (state->exact != 0) {
        resa_latent_select_exactly(kernels, encoder, u, k, indices, activations);
        return encoder->latents;
    }
    const latent_list *const lists = (const latent_list *)(call->scratch + layout.lists) + row * call->tasks;
    const candidates found = candidates_of(call, &layout, row, 0);
    ptrdiff_t count = 0;
    for (ptrdiff_t task = 0; task < call->tasks; task++) {
        count = keep(candidates_of(call, &layout, row, task), lists[task].count, threshold_of(state), found, count);
    }
    // The results' places hold the order of the lower bounds until the scores are there.
    const ptrdiff_t certain = resa_top_k(kernels, count, found.lower, k, indices, activations);
    float threshold = threshold_of(state);
    if (certain == k && activations[k - 1] > threshold) { threshold = activations[k - 1]; }
    float *const values = ordered_values(call, &layout, row);
    best best = {.k = k, .values = values, .indices = (int32_t *)(values + k)};
    ptrdiff_t scored = 0;
    for (ptrdiff_t slot = 0; slot < certain; slot++) {
        if (slot + 1 < certain) { fetch_row(encoder_row(encoder, found.indices[indices[slot + 1]]), rowBytes); }
        int32_t *const latent = found.indices + indices[slot];
        offer(&best, score_of(kernels, encoder, u, *latent), *latent);
        *latent = -1;
        scored += 1;
    }
    for (ptrdiff_t i = next_candidate(found, count, 0, threshold); i < count;) {
        const ptrdiff_t next = next_candidate(found, count, i + 1, threshold);
        if (next < count) { fetch_row(encoder_row(encoder, found.indices[next]), rowBytes); }
        if (best.count == k && best.values[0] > threshold) { threshold = best.values[0]; }
        if (!(found.upper[i] < threshold)) {
            offer(&best, score_of(kernels, encoder, u, found.indices[i]), found.indices[i]);
            scored += 1;
        }
        i = next;
    }
    settle(&best);
    memcpy(activations, best.values, (size_t)k * sizeof *activations);
    memcpy(indices, best.indices, (size_t)k * sizeof *indices);
    return scored;
}

void resa_latent_scores(const resa_kernels *kernels, const resa_latents *encoder, const float *u, float *scores) {
    for (ptrdiff_t latent = 0; latent < encoder->latents; latent++) { scores[latent] = score_of(kernels, encoder, u, latent); }
}

void resa_add_rows(
    const resa_kernels *kernels, ptrdiff_t width, const void *rows, bool brain, ptrdiff_t count, const int32_t *indices,
    const float *factors, float *y) {
    const ptrdiff_t rowBytes = width * (brain ? 2 : 4);
    for (ptrdiff_t slot = 0; slot < count; slot++) {
        if (slot + 1 < count && factors[slot + 1] != 0) { fetch_row((const char *)rows + indices[slot + 1] * rowBytes, rowBytes); }
        if (factors[slot] == 0) { continue; }
        kernels->add_row(width, factors[slot], (const char *)rows + indices[slot] * rowBytes, brain, y);
    }
}
