#define _GNU_SOURCE
#include "resa_pool.h"

#include <errno.h>
#include <linux/futex.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { MAX_THREADS = 1024, LINE = 64 };
static const int64_t spinNanoseconds = 50 * 1000;

static const uint32_t closed = UINT32_MAX;

typedef void (*task_body)(void *, ptrdiff_t);

// A job is published by storing `ticket` = generation << 32 | 0; a task is claimed by advancing the low half with compare-exchange.
// Before the fields body, context and count change, every task of the old generation is finished and the ticket holds `closed`, which
// no count admits. So a claim that succeeds proves that the fields read just before it belong to the ticket's generation.
struct resa_pool {
    _Alignas(LINE) _Atomic uint64_t ticket;
    _Alignas(LINE) _Atomic uint32_t generation;  // workers sleep on it
    _Atomic uint32_t sleepers;
    _Atomic(task_body) body;
    _Atomic(void *) context;
    _Atomic uint32_t count;
    _Atomic bool stop;
    _Atomic bool busy;
    _Alignas(LINE) _Atomic uint32_t done;  // the caller sleeps on it
    _Atomic uint32_t callerWaits;
    _Alignas(LINE) ptrdiff_t workers;
    pthread_t *threads;
};

static void futex_wait(_Atomic uint32_t *word, uint32_t expected) {
    syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, expected, NULL, NULL, 0);
}

static void futex_wake(_Atomic uint32_t *word, int waiters) {
    syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, waiters, NULL, NULL, 0);
}

static inline void relax(void) {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

static int64_t now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

/// Spins while *word == value, for a bounded time. True when it changed.
static bool spin_while(_Atomic uint32_t *word, uint32_t value) {
    const int64_t end = now() + spinNanoseconds;
    do {
        for (int i = 0; i < 32; i++) {
            if (atomic_load_explicit(word, memory_order_acquire) != value) { return true; }
            relax();
        }
    } while (now() < end);
    return false;
}

/// Claims and runs tasks until none is left; returns how many it ran.
static uint32_t work(resa_pool *pool) {
    uint32_t ran = 0;
    uint64_t ticket = atomic_load_explicit(&pool->ticket, memory_order_acquire);
    for (;;) {
        const task_body body = atomic_load_explicit(&pool->body, memory_order_acquire);
        void *const context = atomic_load_explicit(&pool->context, memory_order_acquire);
        const uint32_t count = atomic_load_explicit(&pool->count, memory_order_acquire);
        const uint32_t task = (uint32_t)ticket;
        if (task >= count) { return ran; }
        if (atomic_compare_exchange_weak_explicit(
                &pool->ticket, &ticket, ticket + 1, memory_order_acq_rel, memory_order_acquire)) {
            body(context, task);
            ran += 1;
            ticket = atomic_load_explicit(&pool->ticket, memory_order_acquire);
        }
    }
}

static void *worker(void *argument) {
    resa_pool *const pool = argument;
    uint32_t seen = 0;
    for (;;) {
        if (!spin_while(&pool->generation, seen)) {
            atomic_fetch_add(&pool->sleepers, 1);
            // The kernel compares again before it sleeps, so a job published in between is never missed.
            while (atomic_load(&pool->generation) == seen) { futex_wait(&pool->generation, seen); }
            atomic_fetch_sub(&pool->sleepers, 1);
        }
        seen = atomic_load(&pool->generation);
        if (atomic_load(&pool->stop)) { return NULL; }
        const uint32_t ran = work(pool);
        if (ran > 0) {
            atomic_fetch_add(&pool->done, ran);
            if (atomic_load(&pool->callerWaits) != 0) { futex_wake(&pool->done, 1); }
        }
    }
}

static void publish_generation(resa_pool *pool) {
    atomic_fetch_add(&pool->generation, 1);
    if (atomic_load(&pool->sleepers) > 0) { futex_wake(&pool->generation, INT32_MAX); }
}

resa_pool *resa_pool_create(ptrdiff_t threads) {
    if (threads < 1) { threads = 1; }
    if (threads > MAX_THREADS) { threads = MAX_THREADS; }
    resa_pool *const pool = aligned_alloc(LINE, sizeof(resa_pool));
    if (pool == NULL) { return NULL; }
    *pool = (resa_pool){0};
    if (threads == 1) { return pool; }
    pool->threads = calloc((size_t)threads - 1, sizeof(pthread_t));
    if (pool->threads == NULL) {
        free(pool);
        return NULL;
    }
    // Signals belong to the program's own threads.
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    while (pool->workers < threads - 1) {
        if (pthread_create(&pool->threads[pool->workers], NULL, worker, pool) != 0) { break; }
        pthread_setname_np(pool->threads[pool->workers], "resa-worker");
        pool->workers += 1;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return pool;
}

ptrdiff_t resa_pool_threads(const resa_pool *pool) { return pool->workers + 1; }

/// Tasks 0..<count, count below `closed`.
static void run_batch(resa_pool *pool, uint32_t count, task_body body, void *context) {
    const uint64_t next = (uint64_t)(atomic_load_explicit(&pool->generation, memory_order_relaxed) + 1) << 32;
    atomic_store(&pool->ticket, next | closed);
    atomic_store(&pool->done, 0);
    atomic_store(&pool->body, body);
    atomic_store(&pool->context, context);
    atomic_store(&pool->count, count);
    atomic_store(&pool->ticket, next);
    publish_generation(pool);

    const uint32_t ran = work(pool);
    uint32_t done = atomic_fetch_add(&pool->done, ran) + ran;
    while (done != count) {
        if (!spin_while(&pool->done, done)) {
            atomic_store(&pool->callerWaits, 1);
            while (atomic_load(&pool->done) == done) { futex_wait(&pool->done, done); }
            atomic_store(&pool->callerWaits, 0);
        }
        done = atomic_load(&pool->done);
    }
}

bool resa_pool_run(resa_pool *pool, ptrdiff_t count, task_body body, void *context) {
    if (atomic_exchange(&pool->busy, true)) { return false; }
    if (pool->workers == 0 || count == 1 || count >= (ptrdiff_t)closed) {
        for (ptrdiff_t task = 0; task < count; task++) { body(context, task); }
    } else if (count > 0) {
        run_batch(pool, (uint32_t)count, body, context);
    }
    atomic_store(&pool->busy, false);
    return true;
}

/// A Swift closure `(Int) -> Void` that does not escape: a function that takes its context in the register Swift reserves for it.
typedef __attribute__((swiftcall)) void (*closure_function)(ptrdiff_t task, __attribute__((swift_context)) void *context);

typedef struct {
    closure_function function;
    void *context;
} closure;

static void run_closure(void *context, ptrdiff_t task) {
    const closure *const body = context;
    body->function(task, body->context);
}

// Swift hands over a closure as two words, function and context, and gives no other way to pass one that does not escape through C:
// `withoutActuallyEscaping` allocates a box for each call. Declared in WorkerPool.swift, as the header cannot say it.
__attribute__((swiftcall)) bool resa_pool_run_closure(
    resa_pool *pool, ptrdiff_t count, closure_function function, void *context);

__attribute__((swiftcall)) bool resa_pool_run_closure(
    resa_pool *pool, ptrdiff_t count, closure_function function, void *context) {
    closure body = {function, context};
    return resa_pool_run(pool, count, run_closure, &body);
}

void resa_pool_destroy(resa_pool *pool) {
    if (pool == NULL) { return; }
    atomic_store(&pool->stop, true);
    publish_generation(pool);
    for (ptrdiff_t i = 0; i < pool->workers; i++) { pthread_join(pool->threads[i], NULL); }
    free(pool->threads);
    free(pool);
}
