// The loops around the bf16 tile kernel: K blocks that keep a panel in the second-level cache while many rows pass over it, and
// requests for the memory that comes next. None of it changes a result: sums between K blocks are kept as the f32 they are.
#include "resa_kernels.h"
#include "sizes.h"

enum {
    /// Pairs in a K block: 512 pairs of a full panel are 128 KiB.
    BLOCK_PAIRS = 512,
    /// How far ahead of the weights in use a single tile asks for memory. The hardware's own prefetcher does most of the work of a
    /// stream; asking further ahead (2 KiB and more) disturbs it and costs a third of the bandwidth from 2 rows on.
    STREAM_BYTES = 512,
};

/// sums[rows][64] of one panel.
static void panel_sums(
    const resa_kernels *kernels, const resa_gemm_bf16 *gemm, const uint16_t *panel, ptrdiff_t groups, ptrdiff_t firstRow,
    ptrdiff_t rows, float *sums) {
    const ptrdiff_t pairs = (gemm->inputs + 1) / 2, pairLength = groups * RESA_PANEL_STEP * 2;
    const uint16_t *const x = gemm->x + firstRow * gemm->xStride;
    if (rows <= RESA_TILE_ROWS) {
        const char *const ahead = (const char *)panel + STREAM_BYTES;
        // As many lines as a pair has: three are no number that tiles know.
        kernels->gemm_tile(rows, groups, pairs, x, gemm->xStride, panel, sums, false, ahead, groups == 3 ? 2 : groups);
        return;
    }
    const ptrdiff_t tiles = (rows + RESA_TILE_ROWS - 1) / RESA_TILE_ROWS;
    // The tiles share out the lines of the next block: four a pair between them.
    const ptrdiff_t aheadLines = tiles < 4 ? 2 : 1;
    // Blocks of equal length, so that each has the time to fetch all of the next.
    const ptrdiff_t blocks = (pairs + BLOCK_PAIRS - 1) / BLOCK_PAIRS;
    for (ptrdiff_t index = 0; index < blocks; index++) {
        const ptrdiff_t start = part(pairs, blocks, index), length = part(pairs, blocks, index + 1) - start;
        const uint16_t *const block = panel + start * pairLength;
        const char *const next = (const char *)(block + length * pairLength);
        for (ptrdiff_t tile = 0; tile < tiles; tile++) {
            const ptrdiff_t row = part(rows, tiles, tile), end = part(rows, tiles, tile + 1);
            kernels->gemm_tile(
                end - row, groups, length, x + row * gemm->xStride + start * 2, gemm->xStride, block, sums + row * RESA_PANEL_COLUMNS,
                start > 0, next + tile * aheadLines * length * 64, tile * aheadLines < 4 ? aheadLines : 0);
        }
    }
}

void resa_gemm_bf16_panels(
    const resa_kernels *kernels, const resa_gemm_bf16 *gemm, ptrdiff_t firstPanel, ptrdiff_t endPanel, ptrdiff_t firstRow,
    ptrdiff_t endRow) {
    _Alignas(64) float sums[RESA_GEMM_ROWS * RESA_PANEL_COLUMNS];
    const ptrdiff_t evenInputs = (gemm->inputs + 1) / 2 * 2;
    for (ptrdiff_t panel = firstPanel; panel < endPanel; panel++) {
        const ptrdiff_t output = panel * RESA_PANEL_COLUMNS;
        const ptrdiff_t columns = smaller(RESA_PANEL_COLUMNS, gemm->outputs - output);
        const ptrdiff_t groups = (columns + RESA_PANEL_STEP - 1) / RESA_PANEL_STEP;
        panel_sums(kernels, gemm, gemm->packed + output * evenInputs, groups, firstRow, endRow - firstRow, sums);
        for (ptrdiff_t row = firstRow; row < endRow; row++) {
            const float *const sum = sums + (row - firstRow) * RESA_PANEL_COLUMNS;
            float *const y = gemm->y + row * gemm->yStride + output;
            if (gemm->add) {
                kernels->axpy(columns, gemm->scale, sum, y);
            } else {
                kernels->store_row(columns, sum, gemm->bias == NULL ? NULL : gemm->bias + output, y);
            }
        }
    }
}
