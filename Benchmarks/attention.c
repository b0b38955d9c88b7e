// Attention over the KV cache against the machine's roof, measured in turn: `Benchmarks/attention.sh` builds and runs it.
//
//     attention FORMAT ROWS SEQUENCES CONTEXT [HEADS KV_HEADS HEAD_DIM LAYERS THREADS]
//
// FORMAT is 0 (f32), 1 (bf16) or 2 (int8). Each of SEQUENCES has ROWS query rows, the last of its CONTEXT positions: 1 is a decode step,
// CONTEXT a whole prefill. Blocks are scattered. One thread is timed by its CPU time, several by the clock.
#define _GNU_SOURCE
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "resa_kernels.h"
#include "resa_memory.h"
#include "resa_pool.h"
#include "resa_probe.h"

static const resa_kernels *kernels;
static bool timesCPU;
static uint64_t state = 88172645463325252u;

static double now(void) {
    struct timespec time;
    clock_gettime(timesCPU ? CLOCK_PROCESS_CPUTIME_ID : CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

static uint64_t number(void) {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state;
}

static float element(void) { return (float)(number() >> 40) / (1 << 23) - 1; }

typedef struct {
    resa_attention call;
    resa_attention_task *tasks;
    ptrdiff_t *partials;
    ptrdiff_t kvHeads;
} work;

static void attend(void *context, ptrdiff_t task) {
    work *const w = context;
    resa_attention_run(kernels, &w->call, &w->tasks[task / w->kvHeads], task % w->kvHeads);
}

static void fold(void *context, ptrdiff_t task) {
    work *const w = context;
    resa_attention_fold(kernels, &w->call, task / w->kvHeads, w->partials[task / w->kvHeads], task % w->kvHeads);
}

enum { READ_BYTES = 512 << 20, READ_CHUNK = 1 << 20 };
static volatile uint64_t digest;

static void read_chunk(void *base, ptrdiff_t task) { digest ^= kernels->probe_read((char *)base + task * READ_CHUNK, READ_CHUNK); }

static double operations[1024];

static void multiply(void *rounds, ptrdiff_t task) { operations[task] = kernels->probe_f32(*(ptrdiff_t *)rounds); }

int main(int count, char **arguments) {
    if (count < 5) { return 64; }
    ptrdiff_t values[] = {0, 0, 0, 0, 12, 2, 128, 28, 2};
    for (int i = 1; i < count && i <= 9; i++) { values[i - 1] = atol(arguments[i]); }
    const ptrdiff_t rows = values[1], sequences = values[2], context = values[3], heads = values[4], layers = values[7], threads = values[8];
    resa_kv_cache cache = {.format = (resa_kv_format)values[0], .kvHeads = values[5], .headDim = values[6]};
    timesCPU = threads == 1;
    for (int tier = RESA_TIER_AVX512; kernels == NULL; tier--) { kernels = resa_kernels_for((resa_tier)tier); }
    resa_pool *const pool = resa_pool_create(threads);

    const ptrdiff_t perSequence = (context + 31) / 32, blocks = perSequence * sequences, total = rows * sequences;
    const ptrdiff_t plane = resa_kv_head_bytes(cache.headDim, cache.format) * cache.kvHeads * blocks;
    char *const memory = resa_allocate(2 * plane * layers);
    int32_t *const table = malloc((size_t)blocks * sizeof *table);
    for (ptrdiff_t i = 0; i < blocks; i++) { table[i] = (int32_t)i; }
    for (ptrdiff_t i = blocks - 1; i > 0; i--) {
        const ptrdiff_t j = (ptrdiff_t)(number() % (uint64_t)(i + 1));
        const int32_t entry = table[i];
        table[i] = table[j];
        table[j] = entry;
    }
    const ptrdiff_t keyWidth = cache.kvHeads * cache.headDim, width = heads * cache.headDim;
    float *const pair = malloc((size_t)keyWidth * 2 * sizeof *pair);
    cache.keys = memory;
    cache.values = memory + plane;
    for (ptrdiff_t i = 0; i < sequences * context; i++) {
        for (ptrdiff_t d = 0; d < 2 * keyWidth; d++) { pair[d] = element(); }
        const resa_attention_row row = {(int32_t)(i % context), table + i / context * perSequence};
        kernels->store_kv(&cache, &row, pair, pair + keyWidth);
    }
    for (ptrdiff_t layer = 1; layer < layers; layer++) { memcpy(memory + 2 * plane * layer, memory, (size_t)(2 * plane)); }

    resa_attention_row *const queries = malloc((size_t)total * sizeof *queries);
    double products = 0;
    for (ptrdiff_t i = 0; i < total; i++) {
        queries[i] = (resa_attention_row){(int32_t)(context - rows + i % rows), table + i / rows * perSequence};
        products += 4.0 * (queries[i].position + 1) * (double)(width * layers);
    }
    float *const q = malloc((size_t)(total * width) * sizeof *q), *const out = malloc((size_t)(total * width) * sizeof *out);
    for (ptrdiff_t i = 0; i < total * width; i++) { q[i] = 2 * element(); }
    work w = {.kvHeads = cache.kvHeads};
    w.call = (resa_attention){
        .cache = cache, .rows = queries, .heads = heads, .scale = 1 / sqrtf((float)cache.headDim), .queries = q, .queryStride = width,
        .outputs = out, .outputStride = width, .slots = threads, .slotTaken = calloc((size_t)threads, sizeof(uint32_t)),
        .scratch = resa_allocate(threads * resa_attention_scratch_bytes(&cache))};
    ptrdiff_t partials = 0;
    const ptrdiff_t tasks = resa_attention_plan(&w.call, total, threads, NULL, NULL, &partials);
    w.tasks = malloc((size_t)tasks * sizeof *w.tasks);
    w.partials = malloc((size_t)total * sizeof *w.partials);
    resa_attention_plan(&w.call, total, threads, w.tasks, w.partials, &partials);
    w.call.partials = resa_allocate((partials * resa_attention_partial_count(&cache) + 1) * (ptrdiff_t)sizeof(float));

    char *const buffer = resa_allocate(READ_BYTES);
    resa_fill_bytes(buffer, READ_BYTES, 1);
    ptrdiff_t rounds = 2000000;
    for (int run = 0; run < 6; run++) {
        double start = now();
        resa_pool_run(pool, READ_BYTES / READ_CHUNK, read_chunk, buffer);
        const double bandwidth = READ_BYTES / (now() - start) / 1e9;
        start = now();
        resa_pool_run(pool, threads, multiply, &rounds);
        double peak = 0;
        for (ptrdiff_t i = 0; i < threads; i++) { peak += operations[i] / 1e9; }
        peak /= now() - start;
        start = now();
        int passes = 0;
        for (; now() - start < 0.15; passes++) {
            for (ptrdiff_t layer = 0; layer < layers; layer++) {
                w.call.cache.keys = memory + 2 * layer * plane;
                w.call.cache.values = memory + (2 * layer + 1) * plane;
                resa_pool_run(pool, tasks * cache.kvHeads, attend, &w);
                if (partials > 0) { resa_pool_run(pool, total * cache.kvHeads, fold, &w); }
            }
        }
        const double seconds = (now() - start) / passes, read = 2.0 * (double)(plane * layers) / seconds / 1e9;
        printf(
            "%.2f ms; %.1f GB/s of keys and values, %.2f of the %.1f read; %.0f GFLOP/s, %.2f of the f32 peak of %.0f\n", seconds * 1e3,
            read, read / bandwidth, bandwidth, products / seconds / 1e9, products / seconds / 1e9 / peak, peak);
    }
    resa_pool_destroy(pool);
    return 0;
}
