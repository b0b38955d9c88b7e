// Aligned memory: zero-filled, touched only when used.
#pragma once

#include <stddef.h>

/// `bytes` zero bytes, 64-byte aligned; from 1 MiB on mapped and advised to use huge pages. Null when the system has none.
void *_Nullable resa_allocate(size_t bytes);
/// Frees what `resa_allocate(bytes)` gave.
void resa_free(void *_Nullable pointer, size_t bytes);
