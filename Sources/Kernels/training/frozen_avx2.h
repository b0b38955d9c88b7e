// Products with frozen weights on AVX2: a tile of 6 rows by 16 columns in registers. Rows of x are read where they lie; W is packed 16 columns
// at a time, expanded on the way, and stays in the first-level cache while all rows of the block pass over it.

enum {
    FROZEN_ROWS = 6,
    FROZEN_COLUMNS = 16,
    /// What is summed before the next part of W is packed: 16 KiB of it, which leave room in the first-level cache for two tiles' rows of x.
    FROZEN_DEPTH = 256,
    /// Floats of a cache line.
    FROZEN_LINE = 16,
};

/// y[rows][16] (+)= x[rows][depth] panel[depth][16]. Rows are a constant in each instance. Asks for the rows of x that come next: they are
/// too short for the hardware's prefetcher to find them in time.
static inline __attribute__((always_inline)) void frozen_tile(
    const int rows, ptrdiff_t depth, const float *x, ptrdiff_t xStride, const float *panel, float *y, ptrdiff_t yStride, bool add) {
    __m256 sums[FROZEN_ROWS][2];
#pragma clang loop unroll(full)
    for (int r = 0; r < rows; r++) {
        if (add) { _mm_prefetch((const char *)(y + r * yStride), _MM_HINT_T0); }
        sums[r][0] = sums[r][1] = _mm256_setzero_ps();
    }
    for (ptrdiff_t k = 0; k < depth; k++) {
        if (k % FROZEN_LINE == 0) {
#pragma clang loop unroll(full)
            for (int r = 0; r < rows; r++) { _mm_prefetch((const char *)(x + (rows + r) * xStride + k), _MM_HINT_T0); }
        }
        const __m256 left = _mm256_load_ps(panel + k * FROZEN_COLUMNS), right = _mm256_load_ps(panel + k * FROZEN_COLUMNS + 8);
#pragma clang loop unroll(full)
        for (int r = 0; r < rows; r++) {
            const __m256 shared = _mm256_broadcast_ss(x + r * xStride + k);
            // In order, or the compiler runs out of registers.
            __asm__ volatile("vfmadd231ps %2, %1, %0" : "+x"(sums[r][0]) : "x"(left), "x"(shared));
            __asm__ volatile("vfmadd231ps %2, %1, %0" : "+x"(sums[r][1]) : "x"(right), "x"(shared));
        }
    }
#pragma clang loop unroll(full)
    for (int r = 0; r < rows; r++) {
#pragma clang loop unroll(full)
        for (int v = 0; v < 2; v++) {
            float *const out = y + r * yStride + v * 8;
            v_store(out, add ? v_add(v_load(out), sums[r][v]) : sums[r][v]);
        }
    }
}

static void frozen_rows_tile(
    ptrdiff_t rows, ptrdiff_t depth, const float *x, ptrdiff_t xStride, const float *panel, float *y, ptrdiff_t yStride, bool add) {
    switch (rows) {
        case 1: frozen_tile(1, depth, x, xStride, panel, y, yStride, add); break;
        case 2: frozen_tile(2, depth, x, xStride, panel, y, yStride, add); break;
        case 3: frozen_tile(3, depth, x, xStride, panel, y, yStride, add); break;
        case 4: frozen_tile(4, depth, x, xStride, panel, y, yStride, add); break;
        case 5: frozen_tile(5, depth, x, xStride, panel, y, yStride, add); break;
        default: frozen_tile(6, depth, x, xStride, panel, y, yStride, add); break;
    }
}

/// Eight elements of W from element `index` on.
static inline vf frozen_weights(const resa_frozen *w, ptrdiff_t index) {
    return w->brain ? v_load_bf16((const uint16_t *)w->weights + index) : v_load((const float *)w->weights + index);
}

static inline float frozen_weight(const resa_frozen *w, ptrdiff_t index) {
    return w->brain ? resa_widen(((const uint16_t *)w->weights)[index]) : ((const float *)w->weights)[index];
}

/// panel[k][j] = W[row + j][column + k] of eight rows, for k below 8.
static inline void frozen_transpose(const resa_frozen *w, ptrdiff_t row, ptrdiff_t column, float *panel) {
    vf a[8], b[8];
#pragma clang loop unroll(full)
    for (int i = 0; i < 8; i++) { a[i] = frozen_weights(w, (row + i) * w->inputs + column); }
#pragma clang loop unroll(full)
    for (int i = 0; i < 8; i += 2) {
        b[i] = _mm256_unpacklo_ps(a[i], a[i + 1]);
        b[i + 1] = _mm256_unpackhi_ps(a[i], a[i + 1]);
    }
#pragma clang loop unroll(full)
    for (int i = 0; i < 8; i += 4) {
        a[i] = _mm256_shuffle_ps(b[i], b[i + 2], 0x44);
        a[i + 1] = _mm256_shuffle_ps(b[i], b[i + 2], 0xee);
        a[i + 2] = _mm256_shuffle_ps(b[i + 1], b[i + 3], 0x44);
        a[i + 3] = _mm256_shuffle_ps(b[i + 1], b[i + 3], 0xee);
    }
#pragma clang loop unroll(full)
    for (int i = 0; i < 4; i++) {
        v_store(panel + i * FROZEN_COLUMNS, _mm256_permute2f128_ps(a[i], a[i + 4], 0x20));
        v_store(panel + (i + 4) * FROZEN_COLUMNS, _mm256_permute2f128_ps(a[i], a[i + 4], 0x31));
    }
}

/// panel[depth][16], with zeros beyond `columns`: of W when `across`, else of its transpose. `k` and `column` say where it begins.
static void frozen_pack(
    const resa_frozen *w, bool across, ptrdiff_t k, ptrdiff_t depth, ptrdiff_t column, ptrdiff_t columns, float *panel) {
    ptrdiff_t done = 0;
    if (columns == FROZEN_COLUMNS && across) {
        for (; done < depth; done++) {
            const ptrdiff_t index = (k + done) * w->inputs + column;
            v_store(panel + done * FROZEN_COLUMNS, frozen_weights(w, index));
            v_store(panel + done * FROZEN_COLUMNS + 8, frozen_weights(w, index + 8));
        }
    } else if (columns == FROZEN_COLUMNS) {
        for (; done + 8 <= depth; done += 8) {
            frozen_transpose(w, column, k + done, panel + done * FROZEN_COLUMNS);
            frozen_transpose(w, column + 8, k + done, panel + done * FROZEN_COLUMNS + 8);
        }
    }
    for (; done < depth; done++) {
        for (ptrdiff_t c = 0; c < FROZEN_COLUMNS; c++) {
            const ptrdiff_t index = across ? (k + done) * w->inputs + column + c : (column + c) * w->inputs + k + done;
            panel[done * FROZEN_COLUMNS + c] = c < columns ? frozen_weight(w, index) : 0;
        }
    }
}

static void frozen_block(
    const resa_frozen *w, bool across, ptrdiff_t first, ptrdiff_t count, ptrdiff_t rows, const float *x, ptrdiff_t xStride, float *y,
    ptrdiff_t yStride, bool add) {
    _Alignas(64) float panel[FROZEN_DEPTH * FROZEN_COLUMNS], narrow[FROZEN_ROWS * FROZEN_COLUMNS];
    const ptrdiff_t length = across ? w->outputs : w->inputs, parts = (length + FROZEN_DEPTH - 1) / FROZEN_DEPTH;
    const ptrdiff_t tiles = (rows + FROZEN_ROWS - 1) / FROZEN_ROWS;
    for (ptrdiff_t part = 0; part < parts; part++) {
        const ptrdiff_t k = length * part / parts / 8 * 8;
        const ptrdiff_t depth = (part + 1 < parts ? length * (part + 1) / parts / 8 * 8 : length) - k;
        for (ptrdiff_t start = 0; start < count; start += FROZEN_COLUMNS) {
            const ptrdiff_t columns = smaller(FROZEN_COLUMNS, count - start);
            frozen_pack(w, across, k, depth, first + start, columns, panel);
            for (ptrdiff_t t = 0; t < tiles; t++) {
                const ptrdiff_t row = rows * t / tiles, some = rows * (t + 1) / tiles - row;
                float *const out = y + row * yStride + start;
                const float *const in = x + row * xStride + k;
                if (columns == FROZEN_COLUMNS) {
                    frozen_rows_tile(some, depth, in, xStride, panel, out, yStride, add || part > 0);
                    continue;
                }
                frozen_rows_tile(some, depth, in, xStride, panel, narrow, FROZEN_COLUMNS, false);
                for (ptrdiff_t r = 0; r < some; r++) {
                    for (ptrdiff_t c = 0; c < columns; c++) {
                        const float sum = narrow[r * FROZEN_COLUMNS + c];
                        out[r * yStride + c] = add || part > 0 ? out[r * yStride + c] + sum : sum;
                    }
                }
            }
        }
    }
}
