// The tile of quantised products on AVX2: 16-bit products of widened codes at 8 bits, byte products added in 16 bits at 4.

static inline vf load_halves(const uint8_t *line) { return _mm256_cvtph_ps(_mm_load_si128((const __m128i *)line)); }
static inline vf load_bytes(const uint8_t *line) {
    return _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i *)line)));
}

enum {
    /// Most inputs of a group.
    MOST_INPUTS = 128,
    /// Vectors of 8 columns whose sums live in registers at a time; the first two rows of a tile have room for more.
    FEW_VECTORS = 2,
    MANY_VECTORS = 4,
};

/// Codes of one row and group, widened to 16 bits. Of 32 codes, eight quads, come first the pairs (0, 2) of each quad, then the pairs (1, 3):
/// that is how the bytes of a lane come apart without a shuffle.
typedef int32_t wide_group[MOST_INPUTS / 2];

/// Asks for what follows the weights in use, a few lines for each step, as the hardware's own requests come.
static inline __attribute__((always_inline)) void ask(const char *ahead, ptrdiff_t lines, ptrdiff_t step) {
    for (ptrdiff_t line = step * lines; line < (step + 1) * lines; line++) { _mm_prefetch(ahead + line * QUANT_LINE, _MM_HINT_T1); }
}

static inline __attribute__((always_inline)) void widen(ptrdiff_t steps, const int8_t *x, int32_t *wide) {
    for (ptrdiff_t step = 0; step < steps; step++) {
        const __m256i codes = _mm256_loadu_si256((const __m256i *)(x + step * QUANT_STEP));
        _mm256_storeu_si256((__m256i *)(wide + step * 16), _mm256_srai_epi16(_mm256_slli_epi16(codes, 8), 8));
        _mm256_storeu_si256((__m256i *)(wide + step * 16 + 8), _mm256_srai_epi16(codes, 8));
    }
}

/// sum += the products of 16-bit pairs. Written out and kept in order, or the compiler runs out of registers: twelve sums, two vectors of
/// codes, one of x and one product are all there are.
#define ADD_PRODUCTS(sum, codes, q) \
    do { \
        __m256i product; \
        __asm__ volatile("vpmaddwd %2, %3, %1\n\tvpaddd %1, %0, %0" : "+x"(sum), "=&x"(product) : "x"(codes), "x"(q)); \
    } while (0)
/// The same of bytes, in 16 bits.
#define ADD_BYTE_PRODUCTS(sum, codes, q) \
    do { \
        __m256i product; \
        __asm__ volatile("vpmaddubsw %3, %2, %1\n\tvpaddw %1, %0, %0" : "+x"(sum), "=&x"(product) : "x"(codes), "x"(q)); \
    } while (0)

/// Sums of code * x over one group for `rows` rows and 8 * vectors columns from `w` on. One 16-bit product of pairs and one addition for
/// 16 products: the byte product would saturate at 2 * 255 * 127.
static inline __attribute__((always_inline)) void dots8(
    const int rows, const int vectors, ptrdiff_t steps, const uint8_t *w, const wide_group *x, const char *ahead, ptrdiff_t aheadLines,
    __m256i dots[QUANT_TILE_ROWS][MANY_VECTORS]) {
    const __m256i low = _mm256_set1_epi16(255);
    for (ptrdiff_t step = 0; step < steps; step++) {
        ask(ahead, aheadLines, step);
        for (ptrdiff_t quad = 0; quad < QUANT_STEP / 4; quad++) {
            const uint8_t *const line = w + (step * (QUANT_STEP / 4) + quad) * (QUANT_COLUMNS * 4);
#pragma clang loop unroll(full)
            for (int half = 0; half < 2; half++) {
                __m256i codes[MANY_VECTORS];
#pragma clang loop unroll(full)
                for (int v = 0; v < vectors; v++) {
                    const __m256i bytes = _mm256_load_si256((const __m256i *)(line + v * 32));
                    codes[v] = half == 0 ? _mm256_and_si256(bytes, low) : _mm256_srli_epi16(bytes, 8);
                }
#pragma clang loop unroll(full)
                for (int r = 0; r < rows; r++) {
                    const __m256i q = _mm256_set1_epi32(x[r][step * 16 + half * 8 + quad]);
#pragma clang loop unroll(full)
                    for (int v = 0; v < vectors; v++) { ADD_PRODUCTS(dots[r][v], codes[v], q); }
                }
            }
        }
    }
}

/// The same of 4-bit codes. A pair of byte products is at most 2 * 15 * 127, so eight of them are added in 16 bits.
static inline __attribute__((always_inline)) void dots4(
    const int rows, const int vectors, ptrdiff_t steps, const uint8_t *w, const int8_t *x, ptrdiff_t rowBytes,
    const char *ahead, ptrdiff_t aheadLines, __m256i dots[QUANT_TILE_ROWS][MANY_VECTORS]) {
    const __m256i low = _mm256_set1_epi8(15), ones = _mm256_set1_epi16(1);
    for (ptrdiff_t step = 0; step < steps; step++) {
        ask(ahead, aheadLines, step);
        __m256i sums[QUANT_TILE_ROWS][MANY_VECTORS];
#pragma clang loop unroll(full)
        for (int r = 0; r < rows; r++) {
#pragma clang loop unroll(full)
            for (int v = 0; v < vectors; v++) { sums[r][v] = _mm256_setzero_si256(); }
        }
#pragma clang loop unroll(full)
        for (int quad = 0; quad < QUANT_STEP / 4; quad++) {
            const uint8_t *const line = w + (step * (QUANT_STEP / 8) + quad / 2) * (QUANT_COLUMNS * 4);
            __m256i codes[MANY_VECTORS];
#pragma clang loop unroll(full)
            for (int v = 0; v < vectors; v++) {
                const __m256i bytes = _mm256_load_si256((const __m256i *)(line + v * 32));
                codes[v] = _mm256_and_si256(quad % 2 == 0 ? bytes : _mm256_srli_epi16(bytes, 4), low);
            }
#pragma clang loop unroll(full)
            for (int r = 0; r < rows; r++) {
                int32_t four;
                memcpy(&four, x + r * rowBytes + step * QUANT_STEP + quad * 4, sizeof four);
                const __m256i q = _mm256_set1_epi32(four);
#pragma clang loop unroll(full)
                for (int v = 0; v < vectors; v++) { ADD_BYTE_PRODUCTS(sums[r][v], codes[v], q); }
            }
        }
#pragma clang loop unroll(full)
        for (int r = 0; r < rows; r++) {
#pragma clang loop unroll(full)
            for (int v = 0; v < vectors; v++) { dots[r][v] = _mm256_add_epi32(dots[r][v], _mm256_madd_epi16(sums[r][v], ones)); }
        }
    }
}

/// One tile; rows, bits and kind are constants in each instance.
static inline __attribute__((always_inline)) void quant_tile_of(const int rows, const int bits, const scale_kind kind, const resa_quant_tile *tile) {
    const int vectors = rows <= 2 ? MANY_VECTORS : FEW_VECTORS;
    const ptrdiff_t steps = tile->format.group / QUANT_STEP, rowBytes = tile->rowBytes;
    const uint8_t *w = tile->w, *super = NULL;
    const int8_t *x = tile->x;
    const char *ahead = tile->ahead;
    _Alignas(32) wide_group wide[QUANT_TILE_ROWS];
    for (ptrdiff_t group = 0; group < tile->groups; group++) {
        if (kind == TWO_LEVEL && group % (RESA_QUANT_SUPER / QUANT_STEP) == 0) {
            super = w;
            w += 2 * QUANT_LINE;
        }
        const char *const place = (const char *)(tile->scales + group);
        const char *const starts = (const char *)(tile->starts + group), *const sums = (const char *)(tile->sums + group);
        const uint8_t *const scales = w + QUANT_COLUMNS * steps * QUANT_STEP * bits / 8;
        if (bits == 8) {
#pragma clang loop unroll(full)
            for (int r = 0; r < rows; r++) { widen(steps, x + r * rowBytes, wide[r]); }
        }
        for (int part = 0; part < QUANT_COLUMNS / (8 * vectors); part++) {
            __m256i dots[QUANT_TILE_ROWS][MANY_VECTORS];
#pragma clang loop unroll(full)
            for (int r = 0; r < rows; r++) {
                // 128 or 8 times the sum of x, where the scale's zero is there; with minima it is 0.
                const int32_t start = kind == FLAT ? *(const int32_t *)(starts + r * rowBytes) : 0;
#pragma clang loop unroll(full)
                for (int v = 0; v < vectors; v++) { dots[r][v] = _mm256_set1_epi32(start); }
            }
            const uint8_t *const codes = w + part * vectors * 32;
            const ptrdiff_t aheadLines = part == 0 ? tile->aheadLines : 0;
            if (bits == 8) { dots8(rows, vectors, steps, codes, (const wide_group *)wide, ahead, aheadLines, dots); }
            if (bits == 4) { dots4(rows, vectors, steps, codes, x, rowBytes, ahead, aheadLines, dots); }
#pragma clang loop unroll(full)
            for (int v = 0; v < vectors; v++) {
                const int c = part * vectors + v;
                vf scale, minimum = v_set(0);
                if (kind == TWO_LEVEL) {
                    scale = v_mul(load_halves(super + c * 16), load_bytes(scales + c * 8));
                    minimum = v_mul(load_halves(super + QUANT_LINE + c * 16), load_bytes(scales + QUANT_COLUMNS + c * 8));
                } else {
                    scale = load_halves(scales + c * 16);
                    if (kind == FLAT_MINIMA) { minimum = load_halves(scales + QUANT_LINE + c * 16); }
                }
#pragma clang loop unroll(full)
                for (int r = 0; r < rows; r++) {
                    float *const y = tile->y + r * QUANT_COLUMNS + c * 8;
                    const vf before = group > 0 || tile->accumulate ? v_load(y) : v_set(0);
                    vf sum = v_fma(_mm256_cvtepi32_ps(dots[r][v]), v_mul(scale, v_set(*(const float *)(place + r * rowBytes))), before);
                    const vf sumX = v_set(*(const float *)(sums + r * rowBytes));
                    if (kind == FLAT_MINIMA) { sum = v_fma(minimum, sumX, sum); }
                    if (kind == TWO_LEVEL) { sum = v_fnma(minimum, sumX, sum); }
                    v_store(y, sum);
                }
            }
        }
        w = scales + (kind == FLAT_MINIMA ? 2 * QUANT_LINE : QUANT_LINE);
        x += steps * QUANT_STEP;
        ahead += steps * tile->aheadLines * QUANT_LINE;
    }
}
