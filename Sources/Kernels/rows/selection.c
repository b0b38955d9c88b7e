// Selection over a row, and the rotary table: one code for every tier, so their results are the same on all.
#include <math.h>

#include "resa_kernels.h"
#include "rows/selection.h"

void resa_heap_sift(float *values, int32_t *indices, ptrdiff_t count, ptrdiff_t hole, float value, int32_t index) {
    for (;;) {
        ptrdiff_t child = 2 * hole + 1;
        if (child >= count) { break; }
        if (child + 1 < count && resa_before(values[child], indices[child], values[child + 1], indices[child + 1])) { child += 1; }
        if (!resa_before(value, index, values[child], indices[child])) { break; }
        values[hole] = values[child];
        indices[hole] = indices[child];
        hole = child;
    }
    values[hole] = value;
    indices[hole] = index;
}

void resa_heap_build(float *values, int32_t *indices, ptrdiff_t count) {
    for (ptrdiff_t i = count / 2 - 1; i >= 0; i--) { resa_heap_sift(values, indices, count, i, values[i], indices[i]); }
}

void resa_heap_sort(float *values, int32_t *indices, ptrdiff_t count) {
    for (ptrdiff_t last = count - 1; last > 0; last--) {
        const float value = values[last];
        const int32_t index = indices[last];
        values[last] = values[0];
        indices[last] = indices[0];
        resa_heap_sift(values, indices, last, 0, value, index);
    }
}

ptrdiff_t resa_top_k(const resa_kernels *kernels, ptrdiff_t count, const float *x, ptrdiff_t k, int32_t *indices, float *values) {
    if (k > count) { k = count; }
    if (k <= 0) { return 0; }
    for (ptrdiff_t i = 0; i < k; i++) {
        values[i] = isnan(x[i]) ? -INFINITY : x[i];
        indices[i] = (int32_t)i;
    }
    resa_heap_build(values, indices, k);
    // A later element equal to the root loses the tie, so only greater ones enter.
    for (ptrdiff_t i = kernels->find_greater(count, x, k, values[0]); i < count; i = kernels->find_greater(count, x, i + 1, values[0])) {
        resa_heap_sift(values, indices, k, 0, x[i], (int32_t)i);
    }
    resa_heap_sort(values, indices, k);
    return k;
}

ptrdiff_t resa_argmax(const resa_kernels *kernels, ptrdiff_t count, const float *x) {
    int32_t index = 0;
    float value;
    resa_top_k(kernels, count, x, 1, &index, &value);
    return index;
}

void resa_group_max(
    const resa_kernels *kernels, ptrdiff_t count, const float *x, ptrdiff_t groups, int32_t *indices, float *values) {
    const ptrdiff_t size = groups > 0 ? count / groups : 0;
    if (size == 0) { return; }
    for (ptrdiff_t group = 0; group < groups; group++) {
        resa_top_k(kernels, size, x + group * size, 1, &indices[group], &values[group]);
        indices[group] += (int32_t)(group * size);
    }
}

void resa_rotary_row(ptrdiff_t half, int32_t position, const float *frequencies, float scale, float *cosine, float *sine) {
    for (ptrdiff_t i = 0; i < half; i++) {
        const float angle = (float)position * frequencies[i];
        cosine[i] = cosf(angle) * scale;
        sine[i] = sinf(angle) * scale;
    }
}
