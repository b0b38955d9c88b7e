// What this machine can do: the roof that measured speeds are compared with.
#pragma once

#include <stddef.h>
#include <stdint.h>

/// Monotonic clock in seconds.
double resa_seconds(void);
/// Fills `bytes` from `start`, which also takes the memory from the system.
void resa_fill_bytes(void *_Nonnull start, ptrdiff_t bytes, uint8_t value);
/// Bytes of the largest cache, 0 when the system does not say.
int64_t resa_last_cache_bytes(void);
/// Physical memory, and what is free for use now, in bytes; 0 when the system does not say.
int64_t resa_memory_total(void);
int64_t resa_memory_available(void);
/// Processors this process may run on.
ptrdiff_t resa_processor_count(void);
