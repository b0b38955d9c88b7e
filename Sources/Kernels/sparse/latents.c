// The first two steps of a selection of latents: rows are prepared, panels scanned for candidates. See resa_latents.h.
#include <math.h>

#include "sparse/latents.h"

enum {
    /// Rows times panels of a tile of bounds: 64 KiB.
    TILE_PANELS = 512,
    MOST_TILE_PANELS = 8,
    /// Candidates beyond 4 k that a task keeps of a row.
    SPARE_CANDIDATES = 1024,
};

ptrdiff_t resa_latent_tasks(ptrdiff_t latents, ptrdiff_t threads) {
    // Four tasks a thread even out what else the threads have to do; below a few panels a task costs more than it shares.
    return larger(smaller(resa_latents_panels(latents) / 8, threads == 1 ? 1 : threads * 4), 1);
}

latent_layout latent_layout_of(const resa_latent_call *call) {
    const ptrdiff_t width = call->encoder.width, panels = resa_latents_panels(call->encoder.latents);
    const ptrdiff_t most = (panels + call->tasks - 1) / call->tasks * LATENT_COLUMNS;
    latent_layout layout;
    // Room for all candidates of one more panel, always.
    layout.capacity = round_up(smaller(most, 4 * call->k + SPARE_CANDIDATES) + LATENT_COLUMNS, 16);
    layout.rowStride = round_up(width, 16);
    layout.codeBytes = resa_quant_row_bytes(LATENT_FORMAT, width);
    const ptrdiff_t candidates = call->rows * call->tasks * layout.capacity * 4;
    layout.rows = 0;
    layout.centred = round_up(call->rows * (ptrdiff_t)sizeof(latent_row), 64);
    layout.codes = layout.centred + call->rows * layout.rowStride * 4;
    layout.lists = layout.codes + call->rows * layout.codeBytes;
    layout.lower = round_up(layout.lists + call->rows * call->tasks * (ptrdiff_t)sizeof(latent_list), 64);
    layout.upper = layout.lower + candidates;
    layout.indices = layout.upper + candidates;
    layout.ordered = layout.indices + candidates;
    layout.bytes = round_up(layout.ordered + (call->rows + call->tasks) * call->k * 8, 64);
    return layout;
}

ptrdiff_t resa_latent_scratch_bytes(const resa_latent_call *call) { return latent_layout_of(call).bytes; }

void resa_latent_prepare(const resa_kernels *kernels, const resa_latent_call *call, ptrdiff_t row) {
    const latent_layout layout = latent_layout_of(call);
    const ptrdiff_t width = call->encoder.width;
    const float *const x = call->x + row * call->xStride;
    float *const u = (float *)centred_row(call, &layout, row);
    for (ptrdiff_t i = 0; i < width; i++) { u[i] = call->centre == NULL ? x[i] : x[i] - call->centre[i]; }
    char *const codes = call->scratch + layout.codes + row * layout.codeBytes;
    resa_quantise_row(kernels, LATENT_FORMAT, width, u, codes);
    const latent_norms norms
        = latent_measure(width, u, (const int8_t *)codes, (const float *)(codes + quant_row(LATENT_GROUP, width).scales), 1);
    const double length = sqrt(norms.row), error = sqrt(norms.error);
    // Below the least positive number is what is not positive.
    *row_state(call, row) = (latent_row){
        .norm = latent_round_up(length * LATENT_SLACK),
        .error = latent_round_up(error * LATENT_SLACK),
        .threshold = 1,
        .exact = !(length + error < LATENT_ROW_LIMIT),
    };
}

static void raise_threshold(latent_row *state, float value) {
    if (!(value > 0)) { return; }
    const uint32_t wanted = resa_bits_of_float(value);
    uint32_t current = __atomic_load_n(&state->threshold, __ATOMIC_RELAXED);
    while (wanted > current && !__atomic_compare_exchange_n(&state->threshold, &current, wanted, true, __ATOMIC_RELAXED, __ATOMIC_RELAXED)) {}
}

/// Raises the threshold to what a task's candidates say and drops those below it.
static void compact(
    const resa_kernels *kernels, const resa_latent_call *call, const latent_layout *layout, ptrdiff_t task, latent_row *state,
    candidates found, latent_list *list) {
    const ptrdiff_t k = call->k;
    if (list->count >= k) {
        float *const values = ordered_values(call, layout, call->rows + task);
        resa_top_k(kernels, list->count, found.lower, k, (int32_t *)(values + k), values);
        raise_threshold(state, values[k - 1]);
    }
    list->count = (int32_t)keep(found, list->count, threshold_of(state), found, 0);
    const ptrdiff_t most = layout->capacity - LATENT_COLUMNS;
    if (list->count > most) { __atomic_store_n(&state->exact, 1, __ATOMIC_RELAXED); }
    list->limit = (int32_t)smaller(most, larger(list->count, k) * 2 + LATENT_COLUMNS);
}

void resa_latent_scan(const resa_kernels *kernels, const resa_latent_call *call, ptrdiff_t task) {
    const latent_layout layout = latent_layout_of(call);
    const resa_latents *const encoder = &call->encoder;
    const ptrdiff_t panels = resa_latents_panels(encoder->latents), panelBytes = resa_quant_panel_bytes(LATENT_FORMAT, encoder->width);
    const ptrdiff_t first = panels * task / call->tasks, end = panels * (task + 1) / call->tasks;
    const ptrdiff_t step = larger(smaller(TILE_PANELS / larger(call->rows, 1), MOST_TILE_PANELS), 1);
    const float *const lines = latent_lines(encoder);
    latent_list *const lists = (latent_list *)(call->scratch + layout.lists);
    _Alignas(64) float tile[TILE_PANELS * LATENT_COLUMNS];
    float lower[LATENT_COLUMNS], upper[LATENT_COLUMNS];
    for (ptrdiff_t row = 0; row < call->rows; row++) {
        const ptrdiff_t limit = smaller(layout.capacity - LATENT_COLUMNS, 2 * call->k + LATENT_COLUMNS);
        lists[row * call->tasks + task] = (latent_list){.limit = (int32_t)limit};
    }
    for (ptrdiff_t panel = first; panel < end; panel += step) {
        const ptrdiff_t count = smaller(step, end - panel), stride = count * LATENT_COLUMNS;
        const resa_gemm_quant gemm = {
            .format = LATENT_FORMAT,
            .outputs = stride,
            .inputs = encoder->width,
            .rows = call->rows,
            .factor = 1,
            .packed = (const char *)encoder->packed + panel * panelBytes,
            .x = call->scratch + layout.codes,
            .y = tile,
            .yStride = stride,
        };
        resa_gemm_quant_panels(kernels, &gemm, 0, count, 0, call->rows);
        for (ptrdiff_t row = 0; row < call->rows; row++) {
            latent_row *const state = row_state(call, row);
            if (__atomic_load_n(&state->exact, __ATOMIC_RELAXED) != 0) { continue; }
            latent_list *const list = lists + row * call->tasks + task;
            const candidates found = candidates_of(call, &layout, row, task);
            float threshold = threshold_of(state);
            for (ptrdiff_t p = 0; p < count; p++) {
                uint32_t mask = kernels->latent_mask(
                    tile + row * stride + p * LATENT_COLUMNS, lines + (panel + p) * LATENT_PANEL_FLOATS, state->norm, state->error,
                    threshold, lower, upper);
                if (mask == 0) { continue; }
                for (; mask != 0; mask &= mask - 1) {
                    const int column = __builtin_ctz(mask);
                    found.lower[list->count] = lower[column];
                    found.upper[list->count] = upper[column];
                    found.indices[list->count] = (int32_t)((panel + p) * LATENT_COLUMNS + column);
                    list->count += 1;
                }
                if (list->count < list->limit) { continue; }
                compact(kernels, call, &layout, task, state, found, list);
                if (__atomic_load_n(&state->exact, __ATOMIC_RELAXED) != 0) { break; }
                threshold = threshold_of(state);
            }
        }
    }
}

bool resa_latent_bounds(const resa_kernels *kernels, const resa_latent_call *call, ptrdiff_t row, float *lower, float *upper) {
    const latent_layout layout = latent_layout_of(call);
    const resa_latents *const encoder = &call->encoder;
    const latent_row *const state = row_state(call, row);
    for (ptrdiff_t panel = 0; panel < resa_latents_panels(encoder->latents); panel++) {
        float sums[LATENT_COLUMNS], low[LATENT_COLUMNS], high[LATENT_COLUMNS];
        const resa_gemm_quant gemm = {
            .format = LATENT_FORMAT,
            .outputs = LATENT_COLUMNS,
            .inputs = encoder->width,
            .rows = 1,
            .factor = 1,
            .packed = (const char *)encoder->packed + panel * resa_quant_panel_bytes(LATENT_FORMAT, encoder->width),
            .x = call->scratch + layout.codes + row * layout.codeBytes,
            .y = sums,
            .yStride = LATENT_COLUMNS,
        };
        resa_gemm_quant_panels(kernels, &gemm, 0, 1, 0, 1);
        kernels->latent_mask(sums, latent_lines(encoder) + panel * LATENT_PANEL_FLOATS, state->norm, state->error, -INFINITY, low, high);
        for (ptrdiff_t column = 0; column < smaller(LATENT_COLUMNS, encoder->latents - panel * LATENT_COLUMNS); column++) {
            lower[panel * LATENT_COLUMNS + column] = low[column];
            upper[panel * LATENT_COLUMNS + column] = high[column];
        }
    }
    return state->exact == 0;
}
