// Expansion of stored elements to f32: plain floats and the GGUF block formats.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum resa_element {
    RESA_ELEMENT_F32,
    RESA_ELEMENT_F16,
    RESA_ELEMENT_BF16,
    RESA_ELEMENT_Q8_0,
    RESA_ELEMENT_Q4_0,
    RESA_ELEMENT_Q4_1,
    RESA_ELEMENT_Q5_0,
    RESA_ELEMENT_Q5_1,
    RESA_ELEMENT_Q4_K,
    RESA_ELEMENT_Q5_K,
    RESA_ELEMENT_Q6_K,
} resa_element;

/// Elements and bytes of one block of the format (1 element for plain floats).
ptrdiff_t resa_element_block(resa_element type);
ptrdiff_t resa_element_block_bytes(resa_element type);
/// Expands `count` elements, a multiple of the block. `source` needs no alignment. Every bit pattern gives some float; nothing traps.
/// Whether `count` stored elements, a multiple of the block, are finite numbers: of blocks the scales are looked at.
bool resa_elements_are_finite(resa_element type, const void *_Nonnull source, ptrdiff_t count);
void resa_expand(resa_element type, const void *_Nonnull source, ptrdiff_t count, float *_Nonnull out);
