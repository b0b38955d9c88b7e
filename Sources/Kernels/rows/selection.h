// A heap of candidates of which the one that goes last is the root: the k first of a stream.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/// Whether candidate a goes before b: larger first, then the lower index. Values are never NaN here.
static inline bool resa_before(float aValue, int32_t aIndex, float bValue, int32_t bIndex) {
    return aValue > bValue || (aValue == bValue && aIndex < bIndex);
}

/// Restores the heap below `hole`, where (value, index) is to be placed.
void resa_heap_sift(float *values, int32_t *indices, ptrdiff_t count, ptrdiff_t hole, float value, int32_t index);
void resa_heap_build(float *values, int32_t *indices, ptrdiff_t count);
/// Makes a heap a list, first candidate first.
void resa_heap_sort(float *values, int32_t *indices, ptrdiff_t count);
