// The peak rates of this tier's instructions.

static uint64_t probe_read(const void *start, ptrdiff_t bytes) {
    const char *const p = start;
    __m512i digests[4];
    for (int i = 0; i < 4; i++) { digests[i] = _mm512_setzero_si512(); }
    for (ptrdiff_t offset = 0; offset < bytes; offset += 256) {
        for (int line = 0; line < 4; line++) { _mm_prefetch(p + offset + 512 + line * 64, _MM_HINT_T1); }
#pragma clang loop unroll(full)
        for (int i = 0; i < 4; i++) { digests[i] = _mm512_xor_si512(digests[i], _mm512_loadu_si512(p + offset + i * 64)); }
    }
    for (int i = 1; i < 4; i++) { digests[0] = _mm512_xor_si512(digests[0], digests[i]); }
    uint64_t words[8], digest = 0;
    memcpy(words, digests, sizeof words);
    for (int i = 0; i < 8; i++) { digest ^= words[i]; }
    return digest;
}

static double probe_f32(ptrdiff_t rounds) {
    __m512 sums[16];
    const __m512 a = _mm512_set1_ps(0.5f);
    for (int i = 0; i < 16; i++) { sums[i] = _mm512_set1_ps((float)i); }
    for (ptrdiff_t round = 0; round < rounds; round++) {
#pragma clang loop unroll(full)
        for (int i = 0; i < 16; i++) { sums[i] = _mm512_fmadd_ps(sums[i], a, a); }
    }
    volatile float sink = 0;
    for (int i = 0; i < 16; i++) { sink += _mm512_reduce_add_ps(sums[i]); }
    return (double)rounds * 16 * 16 * 2;
}

static double probe_bf16(ptrdiff_t rounds) {
    __m512 sums[16];
    const __m512bh a = (__m512bh)_mm512_set1_epi32(0x3f003f00);
    for (int i = 0; i < 16; i++) { sums[i] = _mm512_set1_ps((float)i); }
    for (ptrdiff_t round = 0; round < rounds; round++) {
#pragma clang loop unroll(full)
        for (int i = 0; i < 16; i++) { sums[i] = _mm512_dpbf16_ps(sums[i], a, a); }
    }
    volatile float sink = 0;
    for (int i = 0; i < 16; i++) { sink += _mm512_reduce_add_ps(sums[i]); }
    return (double)rounds * 16 * 32 * 2;
}

static double probe_int8(ptrdiff_t rounds) {
    __m512i sums[16];
    const __m512i a = _mm512_set1_epi8(1);
    for (int i = 0; i < 16; i++) { sums[i] = _mm512_set1_epi32(i); }
    for (ptrdiff_t round = 0; round < rounds; round++) {
#pragma clang loop unroll(full)
        for (int i = 0; i < 16; i++) { sums[i] = _mm512_dpbusd_epi32(sums[i], a, a); }
    }
    volatile int32_t sink = 0;
    for (int i = 0; i < 16; i++) { sink += _mm512_reduce_add_epi32(sums[i]); }
    return (double)rounds * 16 * 64 * 2;
}
