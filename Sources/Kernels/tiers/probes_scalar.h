// Probes of the scalar tier: one mix for all types of numbers.

static uint64_t probe_read(const void *start, ptrdiff_t bytes) {
    const uint64_t *const words = start;
    uint64_t digests[8] = {0};
    for (ptrdiff_t i = 0; i < bytes / 8; i += 8) {
        __builtin_prefetch(words + i + 64);
        for (int lane = 0; lane < 8; lane++) { digests[lane] ^= words[i + lane]; }
    }
    uint64_t digest = 0;
    for (int lane = 0; lane < 8; lane++) { digest ^= digests[lane]; }
    return digest;
}

static double probe(ptrdiff_t rounds) {
    volatile float factor = 1;
    float sums[8] = {0};
    for (ptrdiff_t round = 0; round < rounds; round++) {
        for (int i = 0; i < 8; i++) { sums[i] += factor * (float)i; }
    }
    volatile float sink = 0;
    for (int i = 0; i < 8; i++) { sink += sums[i]; }
    return (double)rounds * 8 * 2;
}

static double probe_f32(ptrdiff_t rounds) { return probe(rounds); }
static double probe_bf16(ptrdiff_t rounds) { return probe(rounds); }
static double probe_int8(ptrdiff_t rounds) { return probe(rounds); }
