// The tile of quantised products on AVX-512: one VNNI instruction takes 16 columns times 4 k into int32 lanes.

/// Keeps the compiler from moving later loads before the sums so far, which would take more registers than there are.
#define KEEP_ORDER(a, b) __asm__ volatile("" : "+v"(a), "+v"(b)::"memory")

static inline __m512i broadcast_codes(const int8_t *x) {
    int32_t four;
    memcpy(&four, x, sizeof four);
    return _mm512_set1_epi32(four);
}

static inline vf load_halves(const uint8_t *line) { return _mm512_cvtph_ps(_mm256_load_si256((const __m256i *)line)); }
static inline vf load_bytes(const uint8_t *line) {
    return _mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(_mm_load_si128((const __m128i *)line)));
}

/// One tile; rows, bits and kind are constants in each instance, so the sums live in registers.
static inline __attribute__((always_inline)) void quant_tile_of(const int rows, const int bits, const scale_kind kind, const resa_quant_tile *tile) {
    vf y[QUANT_TILE_ROWS][2];
#pragma clang loop unroll(full)
    for (int r = 0; r < rows; r++) {
#pragma clang loop unroll(full)
        for (int c = 0; c < 2; c++) { y[r][c] = tile->accumulate ? v_load(tile->y + r * QUANT_COLUMNS + c * 16) : v_set(0); }
    }
    const ptrdiff_t steps = tile->format.group / QUANT_STEP, rowBytes = tile->rowBytes, aheadLines = tile->aheadLines;
    const uint8_t *w = tile->w, *super = NULL;
    const int8_t *x = tile->x;
    const char *ahead = tile->ahead;
    for (ptrdiff_t group = 0; group < tile->groups; group++) {
        if (kind == TWO_LEVEL && group % (RESA_QUANT_SUPER / QUANT_STEP) == 0) {
            super = w;
            w += 2 * QUANT_LINE;
        }
        const char *const place = (const char *)tile->scales + group * 4;
        const char *const starts = (const char *)tile->starts + group * 4, *const sums = (const char *)tile->sums + group * 4;
        __m512i dots[QUANT_TILE_ROWS][2];
#pragma clang loop unroll(full)
        for (int r = 0; r < rows; r++) {
            dots[r][0] = kind == FLAT ? _mm512_set1_epi32(*(const int32_t *)(starts + r * rowBytes)) : _mm512_setzero_si512();
            dots[r][1] = dots[r][0];
        }
        for (ptrdiff_t step = 0; step < steps; step++) {
#pragma clang loop unroll(full)
            for (int quad = 0; quad < QUANT_STEP / 4; quad++) {
                __m512i w0, w1;
                if (bits == 8) {
                    w0 = _mm512_load_si512(w + quad * 128);
                    w1 = _mm512_load_si512(w + quad * 128 + 64);
                } else {
                    const __m512i low = _mm512_set1_epi8(15);
                    w0 = _mm512_load_si512(w + quad / 2 * 128);
                    w1 = _mm512_load_si512(w + quad / 2 * 128 + 64);
                    if (quad % 2 == 1) {
                        w0 = _mm512_srli_epi32(w0, 4);
                        w1 = _mm512_srli_epi32(w1, 4);
                    }
                    w0 = _mm512_and_si512(w0, low);
                    w1 = _mm512_and_si512(w1, low);
                }
#pragma clang loop unroll(full)
                for (int r = 0; r < rows; r++) {
                    const __m512i four = broadcast_codes(x + r * rowBytes + quad * 4);
                    dots[r][0] = _mm512_dpbusd_epi32(dots[r][0], w0, four);
                    dots[r][1] = _mm512_dpbusd_epi32(dots[r][1], w1, four);
                    KEEP_ORDER(dots[r][0], dots[r][1]);
                }
            }
            w += QUANT_COLUMNS * QUANT_STEP * bits / 8;
            x += QUANT_STEP;
            for (ptrdiff_t line = 0; line < aheadLines; line++) { _mm_prefetch(ahead + line * QUANT_LINE, _MM_HINT_T1); }
            ahead += aheadLines * QUANT_LINE;
        }
        vf scale[2], minimum[2];
#pragma clang loop unroll(full)
        for (int c = 0; c < 2; c++) {
            if (kind == TWO_LEVEL) {
                scale[c] = v_mul(load_halves(super + c * 32), load_bytes(w + c * 16));
                minimum[c] = v_mul(load_halves(super + QUANT_LINE + c * 32), load_bytes(w + QUANT_COLUMNS + c * 16));
            } else {
                scale[c] = load_halves(w + c * 32);
                if (kind == FLAT_MINIMA) { minimum[c] = load_halves(w + QUANT_LINE + c * 32); }
            }
        }
        w += kind == FLAT_MINIMA ? 2 * QUANT_LINE : QUANT_LINE;
#pragma clang loop unroll(full)
        for (int r = 0; r < rows; r++) {
            const vf scaleX = v_set(*(const float *)(place + r * rowBytes));
#pragma clang loop unroll(full)
            for (int c = 0; c < 2; c++) {
                y[r][c] = v_fma(_mm512_cvtepi32_ps(dots[r][c]), v_mul(scale[c], scaleX), y[r][c]);
                if (kind == FLAT) { continue; }
                const vf sum = v_set(*(const float *)(sums + r * rowBytes));
                y[r][c] = kind == TWO_LEVEL ? v_fnma(minimum[c], sum, y[r][c]) : v_fma(minimum[c], sum, y[r][c]);
            }
        }
    }
#pragma clang loop unroll(full)
    for (int r = 0; r < rows; r++) {
#pragma clang loop unroll(full)
        for (int c = 0; c < 2; c++) { v_store(tile->y + r * QUANT_COLUMNS + c * 16, y[r][c]); }
    }
}
