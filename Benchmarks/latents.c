// Selecting latents against the int8 matrices of a decode step, measured in turn: `Benchmarks/latents.sh` builds and runs it.
//
//     latents [LATENTS WIDTH K THREADS]
//
// For 1 and 16 rows it prints the time of the selection, of R1-Distill-Qwen-1.5B's int8 matrices (as many bytes of codes as its 1.54 G
// multiplied weights have, in pieces of 17920 outputs), their ratio, and how many latents of a row were scored exactly. Weights and rows
// are Gaussian: no direction stands out, which is the hardest case for bounds.
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "resa_kernels.h"
#include "resa_latents.h"
#include "resa_memory.h"
#include "resa_pool.h"
#include "resa_probe.h"
#include "resa_quantised.h"

static const resa_kernels *kernels;
static uint64_t state = 88172645463325252u;

static float element(void) {
    float sum = 0;
    for (int i = 0; i < 4; i++) {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        sum += (float)(state >> 40) / (1 << 23) - 1;
    }
    return sum;
}

static resa_latents encoder;
static float *bias;
static char *packed, *packScratch;
static ptrdiff_t scored;

static void pack(void *context, ptrdiff_t task) {
    const ptrdiff_t parts = *(ptrdiff_t *)context, panels = resa_latents_panels(encoder.latents);
    char *const scratch = packScratch + task * resa_latents_pack_scratch(encoder.width);
    resa_latents_pack(kernels, &encoder, bias, panels * task / parts, panels * (task + 1) / parts, packed, scratch);
}
static void prepare(void *call, ptrdiff_t row) { resa_latent_prepare(kernels, call, row); }
static void scan(void *call, ptrdiff_t task) { resa_latent_scan(kernels, call, task); }
static void finish(void *call, ptrdiff_t row) {
    __atomic_fetch_add(&scored, resa_latent_finish(kernels, call, row), __ATOMIC_RELAXED);
}

enum { RUN_PANELS = 16 };
static void multiply(void *context, ptrdiff_t task) {
    const resa_gemm_quant *const gemm = context;
    const ptrdiff_t panels = gemm->outputs / RESA_QUANT_PANEL_COLUMNS, end = (task + 1) * RUN_PANELS;
    resa_gemm_quant_panels(kernels, gemm, task * RUN_PANELS, end < panels ? end : panels, 0, gemm->rows);
}

static int ascending(const void *a, const void *b) { return *(const double *)a < *(const double *)b ? -1 : 1; }

int main(int count, char **arguments) {
    ptrdiff_t values[] = {65536, 1536, 32, 2};
    for (int i = 1; i < count && i <= 4; i++) { values[i - 1] = atol(arguments[i]); }
    const ptrdiff_t latents = values[0], width = values[1], k = values[2];
    ptrdiff_t threads = values[3];
    for (int tier = RESA_TIER_AVX512; kernels == NULL; tier--) { kernels = resa_kernels_for((resa_tier)tier); }
    resa_pool *const pool = resa_pool_create(threads);
    threads = resa_pool_threads(pool);

    uint16_t *const rows = resa_allocate((size_t)(latents * width) * 2);
    float *const row = malloc((size_t)width * sizeof *row);
    for (ptrdiff_t latent = 0; latent < latents; latent++) {
        for (ptrdiff_t i = 0; i < width; i++) { row[i] = element(); }
        resa_round_row(width, width, row, rows + latent * width);
    }
    bias = calloc((size_t)latents, sizeof *bias);
    packed = resa_allocate((size_t)resa_latents_bytes(latents, width));
    encoder = (resa_latents){.latents = latents, .width = width, .rows = rows, .brain = true, .packed = packed};
    packScratch = resa_allocate((size_t)(threads * resa_latents_pack_scratch(width)));
    double start = resa_seconds();
    resa_pool_run(pool, threads, pack, &threads);
    printf("%s, %td threads, %td latents of width %td, k %td: packed in %.2f s\n", kernels->name, threads, latents, width, k,
           resa_seconds() - start);

    const resa_quant_format format = {.bits = 8, .group = 64, .rotated = true};
    const ptrdiff_t outputs = 17920, pieces = 56;
    const ptrdiff_t pieceBytes = resa_quant_bytes(format, outputs, 1536);
    char *const matrices = resa_allocate((size_t)(pieceBytes * pieces));
    resa_fill_bytes(matrices, pieceBytes * pieces, 0x11);
    const ptrdiff_t rowCounts[] = {1, 16};
    for (int index = 0; index < 2; index++) {
        const ptrdiff_t n = rowCounts[index];
        float *const x = resa_allocate((size_t)(n * width) * 4), *const z = resa_allocate((size_t)(n * 1536) * 4);
        for (ptrdiff_t i = 0; i < n * width; i++) { x[i] = element(); }
        for (ptrdiff_t i = 0; i < n * 1536; i++) { z[i] = element(); }
        resa_latent_call call = {
            .encoder = encoder, .k = k, .rows = n, .tasks = resa_latent_tasks(latents, threads), .x = x, .xStride = width,
            .indices = malloc((size_t)(n * k) * 4), .activations = malloc((size_t)(n * k) * 4)};
        call.scratch = resa_allocate((size_t)resa_latent_scratch_bytes(&call));
        const ptrdiff_t rowBytes = resa_quant_row_bytes(format, 1536);
        char *const codes = resa_allocate((size_t)(n * rowBytes));
        for (ptrdiff_t r = 0; r < n; r++) { resa_quantise_row(kernels, format, 1536, z + r * 1536, codes + r * rowBytes); }
        resa_gemm_quant gemm = {
            .format = format, .outputs = outputs, .inputs = 1536, .rows = n, .factor = 1, .x = codes, .yStride = outputs,
            .y = resa_allocate((size_t)(n * outputs) * 4)};
        enum { ROUNDS = 9 };
        double selection[ROUNDS], products[ROUNDS], ratios[ROUNDS];
        ptrdiff_t candidates = 0;
        for (int round = 0; round < ROUNDS; round++) {
            start = resa_seconds();
            for (ptrdiff_t piece = 0; piece < pieces; piece++) {
                gemm.packed = matrices + piece * pieceBytes;
                resa_pool_run(pool, (outputs / RESA_QUANT_PANEL_COLUMNS + RUN_PANELS - 1) / RUN_PANELS, multiply, &gemm);
            }
            products[round] = resa_seconds() - start;
            scored = 0;
            start = resa_seconds();
            resa_pool_run(pool, n, prepare, &call);
            resa_pool_run(pool, call.tasks, scan, &call);
            resa_pool_run(pool, n, finish, &call);
            selection[round] = resa_seconds() - start;
            ratios[round] = selection[round] / products[round];
            candidates = scored;
        }
        qsort(selection, ROUNDS, sizeof *selection, ascending);
        qsort(products, ROUNDS, sizeof *products, ascending);
        qsort(ratios, ROUNDS, sizeof *ratios, ascending);
        printf("%2td rows: selection %.2f ms, int8 matrices %.1f ms, share %.3f (%.3f-%.3f); exact scores a row %.0f, %.2f %% of latents\n",
               n, selection[ROUNDS / 2] * 1e3, products[ROUNDS / 2] * 1e3, ratios[ROUNDS / 2], ratios[0], ratios[ROUNDS - 1],
               (double)candidates / (double)n, 100.0 * (double)candidates / (double)(n * latents));
    }
    return 0;
}
