// The loops around the quantised tile kernels: K blocks that keep a panel in the second-level cache while many rows pass over it, and
// requests for the memory that comes next. None of it changes a result: sums between K blocks are kept as the f32 they are.
#include "quantised/quantised.h"

enum {
    /// Inputs in a K block, a multiple of 256: 2048 of a panel are 66 KiB at 8 bits.
    BLOCK_INPUTS = 2048,
    /// How far ahead of the weights in use a single tile asks for memory.
    STREAM_BYTES = 512,
};

/// Asks for the places in y that a tile will be stored to, so that they are at hand when its sums are done.
static inline void fetch_target(const resa_gemm_quant *gemm, ptrdiff_t firstRow, ptrdiff_t endRow, ptrdiff_t output) {
    const ptrdiff_t last = smaller(QUANT_COLUMNS, gemm->outputs - output) - 1;
    for (ptrdiff_t row = firstRow; row < endRow; row++) {
        float *const y = gemm->y + row * gemm->yStride + output;
        __builtin_prefetch(y, 1);
        __builtin_prefetch(y + last, 1);
    }
}

/// What is the same for all panels of a call. Worked out once: panels of few inputs take no longer than these divisions.
typedef struct panel_plan {
    quant_row_layout layout;
    ptrdiff_t groups, perSuper, supers, tiles, blocks;
    /// Cache lines that hold QUANT_STEP inputs of a panel, rounded up: the tiles share out the lines of the next block.
    ptrdiff_t stepLines, aheadLines;
} panel_plan;

static panel_plan plan_panels(const resa_gemm_quant *gemm, ptrdiff_t rows) {
    const resa_quant_format format = gemm->format;
    const ptrdiff_t tiles = (rows + QUANT_TILE_ROWS - 1) / QUANT_TILE_ROWS;
    const ptrdiff_t stepLines = (quant_group_bytes(format) * QUANT_STEP / format.group + QUANT_LINE) / QUANT_LINE;
    return (panel_plan){
        .layout = quant_row(format.group, gemm->inputs),
        .groups = resa_quant_groups(format, gemm->inputs),
        .perSuper = RESA_QUANT_SUPER / format.group,
        .supers = resa_quant_supers(gemm->inputs),
        .tiles = tiles,
        .blocks = tiles <= 1 ? 1 : (gemm->inputs + BLOCK_INPUTS - 1) / BLOCK_INPUTS,
        .stepLines = stepLines,
        .aheadLines = tiles == 0 ? 0 : (stepLines + tiles - 1) / tiles,
    };
}

/// A tile of rows firstRow..<endRow over `groups` groups from `start` on, but for what it asks for.
static inline resa_quant_tile tile_at(
    const resa_gemm_quant *gemm, const panel_plan *plan, ptrdiff_t firstRow, ptrdiff_t endRow, ptrdiff_t start, ptrdiff_t groups,
    const uint8_t *w, float *y) {
    const quant_row_layout *const layout = &plan->layout;
    const char *const x = (const char *)gemm->x + firstRow * layout->bytes;
    return (resa_quant_tile){
        .format = gemm->format,
        .rows = endRow - firstRow,
        .groups = groups,
        .x = (const int8_t *)x + start * gemm->format.group,
        .scales = (const float *)(x + layout->scales) + start,
        .starts = (const int32_t *)(x + (gemm->format.bits == 8 ? layout->starts8 : layout->starts4)) + start,
        .sums = (const float *)(x + layout->sums) + start,
        .rowBytes = layout->bytes,
        .w = w,
        .y = y,
        .accumulate = start > 0,
    };
}

/// sums[rows][32] of one panel.
static void panel_sums(
    const resa_kernels *kernels, const resa_gemm_quant *gemm, const panel_plan *plan, ptrdiff_t output, const uint8_t *panel,
    ptrdiff_t firstRow, ptrdiff_t rows, float *sums) {
    if (plan->tiles == 1) {
        resa_quant_tile tile = tile_at(gemm, plan, firstRow, firstRow + rows, 0, plan->groups, panel, sums);
        tile.ahead = (const char *)panel + STREAM_BYTES;
        tile.aheadLines = plan->stepLines;
        fetch_target(gemm, firstRow, firstRow + rows, output);
        kernels->quant_tile(&tile);
        return;
    }
    const ptrdiff_t tiles = plan->tiles, aheadLines = plan->aheadLines;
    for (ptrdiff_t index = 0; index < plan->blocks; index++) {
        const ptrdiff_t start = part(plan->supers, plan->blocks, index) * plan->perSuper;
        const ptrdiff_t end = smaller(part(plan->supers, plan->blocks, index + 1) * plan->perSuper, plan->groups);
        const uint8_t *const block = panel + quant_group_offset(gemm->format, start);
        const char *const next = (const char *)panel + quant_group_offset(gemm->format, end);
        const ptrdiff_t steps = (end - start) * (gemm->format.group / QUANT_STEP);
        for (ptrdiff_t t = 0; t < tiles; t++) {
            const ptrdiff_t row = part(rows, tiles, t), endRow = part(rows, tiles, t + 1);
            resa_quant_tile tile
                = tile_at(gemm, plan, firstRow + row, firstRow + endRow, start, end - start, block, sums + row * QUANT_COLUMNS);
            tile.ahead = next + t * aheadLines * steps * QUANT_LINE;
            tile.aheadLines = t * aheadLines < plan->stepLines ? aheadLines : 0;
            if (index + 1 == plan->blocks) { fetch_target(gemm, firstRow + row, firstRow + endRow, output); }
            kernels->quant_tile(&tile);
        }
    }
}

void resa_gemm_quant_panels(
    const resa_kernels *kernels, const resa_gemm_quant *gemm, ptrdiff_t firstPanel, ptrdiff_t endPanel, ptrdiff_t firstRow,
    ptrdiff_t endRow) {
    _Alignas(64) float sums[RESA_QUANT_GEMM_ROWS * QUANT_COLUMNS];
    const ptrdiff_t panelBytes = resa_quant_panel_bytes(gemm->format, gemm->inputs);
    const panel_plan plan = plan_panels(gemm, endRow - firstRow);
    for (ptrdiff_t panel = firstPanel; panel < endPanel; panel++) {
        const ptrdiff_t output = panel * QUANT_COLUMNS;
        const uint8_t *const packed = (const uint8_t *)gemm->packed + panel * panelBytes;
        panel_sums(kernels, gemm, &plan, output, packed, firstRow, endRow - firstRow, sums);
        const resa_quant_store store = {
            .columns = smaller(QUANT_COLUMNS, gemm->outputs - output),
            .factor = gemm->add ? gemm->factor * gemm->scale : gemm->factor,
            .bias = gemm->bias == NULL ? NULL : gemm->bias + output,
            .add = gemm->add,
        };
        for (ptrdiff_t row = firstRow; row < endRow; row++) {
            kernels->quant_store(&store, sums + (row - firstRow) * QUANT_COLUMNS, gemm->y + row * gemm->yStride + output);
        }
    }
}
