#define _GNU_SOURCE
#include "resa_memory.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { ALIGNMENT = 64 };
static const size_t mapThreshold = (size_t)1 << 20;
static const size_t hugePage = (size_t)2 << 20;

static size_t mapped_length(size_t bytes) {
    const size_t page = 4096;
    return (bytes + page - 1) / page * page;
}

void *resa_allocate(size_t bytes) {
    if (bytes > SIZE_MAX / 2) { return NULL; }
    if (bytes < mapThreshold) {
        const size_t rounded = bytes == 0 ? ALIGNMENT : (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
        void *const pointer = aligned_alloc(ALIGNMENT, rounded);
        if (pointer != NULL) { memset(pointer, 0, rounded); }
        return pointer;
    }
    // Mapped with slack and trimmed, because huge pages need a start on a huge-page boundary.
    const size_t length = mapped_length(bytes);
    char *const raw = mmap(NULL, length + hugePage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (raw == MAP_FAILED) { return NULL; }
    const size_t lead = (hugePage - (uintptr_t)raw % hugePage) % hugePage;
    if (lead > 0) { munmap(raw, lead); }
    if (hugePage > lead) { munmap(raw + lead + length, hugePage - lead); }
    madvise(raw + lead, length, MADV_HUGEPAGE);
    return raw + lead;
}

void resa_free(void *pointer, size_t bytes) {
    if (pointer == NULL) { return; }
    if (bytes < mapThreshold) {
        free(pointer);
    } else {
        munmap(pointer, mapped_length(bytes));
    }
}
