// Scratch memory of a running task: there are as many slots as threads, so one is free.
#pragma once

#include <stddef.h>
#include <stdint.h>

static inline ptrdiff_t take_slot(uint32_t *taken, ptrdiff_t slots) {
    ptrdiff_t slot = 0;
    while (__atomic_exchange_n(&taken[slot], 1, __ATOMIC_ACQUIRE) != 0) { slot = (slot + 1) % slots; }
    return slot;
}

static inline void leave_slot(uint32_t *taken, ptrdiff_t slot) { __atomic_store_n(&taken[slot], 0, __ATOMIC_RELEASE); }
