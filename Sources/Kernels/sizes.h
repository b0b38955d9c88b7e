// Arithmetic on counts and bytes.
#pragma once

#include <stddef.h>

static inline ptrdiff_t smaller(ptrdiff_t a, ptrdiff_t b) { return a < b ? a : b; }
static inline ptrdiff_t larger(ptrdiff_t a, ptrdiff_t b) { return a > b ? a : b; }

/// The least multiple of `step` that is not less than `value`.
static inline ptrdiff_t round_up(ptrdiff_t value, ptrdiff_t step) { return (value + step - 1) / step * step; }

/// Where part `index` begins when `count` things are shared out evenly over `parts`.
static inline ptrdiff_t part(ptrdiff_t count, ptrdiff_t parts, ptrdiff_t index) { return count * index / parts; }
