#pragma once
#include <stddef.h>
#include <stdint.h>
// Part of xxhash.h: the whole header is made for inlining and does not import into Swift.
uint64_t XXH3_64bits(const void *input, size_t length);
