// The loops around the quantised tile kernels: K blocks that keep a panel in the second-level cache while many rows pass over it, and
// requests for the memory that comes next. None of it changes a result: sums between K blocks are kept as the f32 they are.
#include "quantised.h"

enum {
    /// Inputs in a K block, a multiple of 256: 2048 of a panel are 66 KiB at 8 bits.
    BLOCK_INPUTS = 2048,
    /// How far ahead of the weights in use a single tile asks for memory.
    STREAM_BYTES = 512,
};

static inline ptrdiff_t smaller(ptrdiff_t a, ptrdiff_t b) { return a < b ? a : b; }

/// Where part `index` begins when `count` things are shared out evenly over `parts`.
static inline ptrdiff_t part(ptrdiff_t count, ptrdiff_t parts, ptrdiff_t index) { return count * index / parts; }

/// Asks for the places in y that a tile will be stored to, so that they are at hand when its sums are done.
static inline void fetch_target(const resa_gemm_quant *gemm, ptrdiff_t firstRow, ptrdiff_t endRow, ptrdiff_t output) {
    const ptrdiff_t last = smaller(QUANT_COLUMNS, gemm->outputs - output) - 1;
    for (ptrdiff_t row = firstRow; row < endRow; row++) {
        float *const y = gemm->y + row * gemm->yStride + output;
        __builtin_prefetch(y, 1);
        __builtin_prefetch(y + last, 1);
    }
}

/// sums[rows][32] of one panel.
static void panel_sums(
    const resa_kernels *kernels, const resa_gemm_quant *gemm, ptrdiff_t output, const uint8_t *panel, ptrdiff_t firstRow, ptrdiff_t rows,
    float *sums) {
    const resa_quant_format format = gemm->format;
    const quant_row_layout layout = quant_row(format.group, gemm->inputs);
    const ptrdiff_t groups = resa_quant_groups(format, gemm->inputs), perSuper = RESA_QUANT_SUPER / format.group;
    const ptrdiff_t tiles = (rows + QUANT_TILE_ROWS - 1) / QUANT_TILE_ROWS;
    const ptrdiff_t supers = resa_quant_supers(gemm->inputs);
    const ptrdiff_t blocks = tiles == 1 ? 1 : (gemm->inputs + BLOCK_INPUTS - 1) / BLOCK_INPUTS;
    // Cache lines that hold QUANT_STEP inputs of a panel, rounded up: the tiles share out the lines of the next block.
    const ptrdiff_t stepLines = (quant_group_bytes(format) * QUANT_STEP / format.group + QUANT_LINE) / QUANT_LINE;
    const ptrdiff_t aheadLines = (stepLines + tiles - 1) / tiles;
    for (ptrdiff_t index = 0; index < blocks; index++) {
        const ptrdiff_t start = part(supers, blocks, index) * perSuper;
        const ptrdiff_t end = smaller(part(supers, blocks, index + 1) * perSuper, groups);
        const uint8_t *const block = panel + quant_group_offset(format, start);
        const char *const next = (const char *)panel + quant_group_offset(format, end);
        const ptrdiff_t steps = (end - start) * (format.group / QUANT_STEP);
        for (ptrdiff_t t = 0; t < tiles; t++) {
            const ptrdiff_t row = part(rows, tiles, t), endRow = part(rows, tiles, t + 1);
            const char *const x = (const char *)gemm->x + (firstRow + row) * layout.bytes;
            const resa_quant_tile tile = {
                .format = format,
                .rows = endRow - row,
                .groups = end - start,
                .x = (const int8_t *)x + start * format.group,
                .scales = (const float *)(x + layout.scales) + start,
                .starts = (const int32_t *)(x + (format.bits == 8 ? layout.starts8 : layout.starts4)) + start,
                .sums = (const float *)(x + layout.sums) + start,
                .rowBytes = layout.bytes,
                .w = block,
                .y = sums + row * QUANT_COLUMNS,
                .accumulate = index > 0,
                .ahead = tiles == 1 ? (const char *)block + STREAM_BYTES : next + t * aheadLines * steps * QUANT_LINE,
                .aheadLines = t * aheadLines < stepLines ? aheadLines : 0,
            };
            if (index + 1 == blocks) { fetch_target(gemm, firstRow + row, firstRow + endRow, output); }
            kernels->quant_tile(&tile);
        }
    }
}

void resa_gemm_quant_panels(
    const resa_kernels *kernels, const resa_gemm_quant *gemm, ptrdiff_t firstPanel, ptrdiff_t endPanel, ptrdiff_t firstRow,
    ptrdiff_t endRow) {
    _Alignas(64) float sums[RESA_QUANT_GEMM_ROWS * QUANT_COLUMNS];
    const ptrdiff_t panelBytes = resa_quant_panel_bytes(gemm->format, gemm->inputs);
    for (ptrdiff_t panel = firstPanel; panel < endPanel; panel++) {
        const ptrdiff_t output = panel * QUANT_COLUMNS;
        const uint8_t *const packed = (const uint8_t *)gemm->packed + panel * panelBytes;
        panel_sums(kernels, gemm, output, packed, firstRow, endRow - firstRow, sums);
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
