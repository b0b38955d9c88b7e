// The peak rates of this tier's instructions.

static uint64_t probe_read(const void *start, ptrdiff_t bytes) {
    const char *const p = start;
    __m256i digests[8];
    for (int i = 0; i < 8; i++) { digests[i] = _mm256_setzero_si256(); }
    for (ptrdiff_t offset = 0; offset < bytes; offset += 256) {
        for (int line = 0; line < 4; line++) { _mm_prefetch(p + offset + 512 + line * 64, _MM_HINT_T1); }
#pragma clang loop unroll(full)
        for (int i = 0; i < 8; i++) { digests[i] = _mm256_xor_si256(digests[i], _mm256_loadu_si256((const __m256i *)(p + offset + i * 32))); }
    }
    for (int i = 1; i < 8; i++) { digests[0] = _mm256_xor_si256(digests[0], digests[i]); }
    uint64_t words[4], digest = 0;
    memcpy(words, digests, sizeof words);
    for (int i = 0; i < 4; i++) { digest ^= words[i]; }
    return digest;
}

static double probe_f32(ptrdiff_t rounds) {
    __m256 sums[12];
    const __m256 a = _mm256_set1_ps(0.5f);
    for (int i = 0; i < 12; i++) { sums[i] = _mm256_set1_ps((float)i); }
    for (ptrdiff_t round = 0; round < rounds; round++) {
#pragma clang loop unroll(full)
        for (int i = 0; i < 12; i++) { sums[i] = _mm256_fmadd_ps(sums[i], a, a); }
    }
    volatile float sink = 0;
    for (int i = 0; i < 12; i++) { sink += v_sum(sums[i]); }
    return (double)rounds * 12 * 8 * 2;
}

/// No such instruction here: the tile kernel on data in the first-level cache.
static double probe_bf16(ptrdiff_t rounds) {
    enum { PAIRS = 64 };
    _Alignas(64) uint16_t x[RESA_TILE_ROWS * PAIRS * 2], w[PAIRS * 64 * 2];
    _Alignas(64) float sum[RESA_TILE_ROWS * RESA_PANEL_COLUMNS];
    memset(x, 0, sizeof x);
    memset(w, 0, sizeof w);
    for (ptrdiff_t round = 0; round < rounds; round++) {
        gemm_tile(RESA_TILE_ROWS, 4, PAIRS, x, PAIRS * 2, w, sum, round > 0, w, 0);
    }
    volatile float sink = sum[0];
    (void)sink;
    return (double)rounds * RESA_TILE_ROWS * 64 * PAIRS * 2 * 2;
}

/// The mix of this tier's 8-bit tile: a product of 16-bit pairs and an addition.
static double probe_int8(ptrdiff_t rounds) {
    __m256i sums[12];
    const __m256i a = _mm256_set1_epi16(1);
    const __m256i x = a;
    for (int i = 0; i < 12; i++) { sums[i] = _mm256_set1_epi32(i); }
    for (ptrdiff_t round = 0; round < rounds; round++) {
#pragma clang loop unroll(full)
        for (int i = 0; i < 12; i++) { ADD_PRODUCTS(sums[i], a, x); }
    }
    volatile int32_t sink = 0;
    for (int i = 0; i < 12; i++) { sink += sum_lanes(sums[i]); }
    return (double)rounds * 12 * 16 * 2;
}
