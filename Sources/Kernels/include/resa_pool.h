// Worker pool: tasks by a shared counter; idle workers spin for some tens of microseconds, then sleep in the kernel.
#pragma once

#include <stdbool.h>
#include <stddef.h>

typedef struct resa_pool resa_pool;

/// `threads` counts the caller; threads - 1 are started. Fewer when the system refuses more. Null only without memory.
resa_pool *_Nullable resa_pool_create(ptrdiff_t threads);
/// The caller and the workers that were really started.
ptrdiff_t resa_pool_threads(const resa_pool *_Nonnull pool);
/// Runs body(context, task) for task in 0..<count on the caller and the workers; returns when all are done.
/// False, with nothing run, when another call is under way.
bool resa_pool_run(
    resa_pool *_Nonnull pool, ptrdiff_t count, void (*_Nonnull body)(void *_Nullable context, ptrdiff_t task), void *_Nullable context);
/// Stops and joins the workers. No run may be under way.
void resa_pool_destroy(resa_pool *_Nullable pool);
