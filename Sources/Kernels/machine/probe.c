#define _GNU_SOURCE
#include "resa_probe.h"

#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

double resa_seconds(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

void resa_fill_bytes(void *start, ptrdiff_t bytes, uint8_t value) { memset(start, value, (size_t)bytes); }

int64_t resa_last_cache_bytes(void) {
    const long third = sysconf(_SC_LEVEL3_CACHE_SIZE);
    if (third > 0) { return third; }
    const long second = sysconf(_SC_LEVEL2_CACHE_SIZE);
    return second > 0 ? second : 0;
}

/// A field of /proc/meminfo, in bytes.
static int64_t memory_field(const char *name) {
    FILE *const file = fopen("/proc/meminfo", "r");
    if (file == NULL) { return 0; }
    char line[256];
    int64_t kibibytes = 0;
    const size_t length = strlen(name);
    while (fgets(line, sizeof line, file) != NULL) {
        long long value;
        if (strncmp(line, name, length) == 0 && sscanf(line + length, ": %lld kB", &value) == 1) { kibibytes = value; }
    }
    fclose(file);
    return kibibytes * 1024;
}

int64_t resa_memory_total(void) { return memory_field("MemTotal"); }
int64_t resa_memory_available(void) { return memory_field("MemAvailable"); }

ptrdiff_t resa_processor_count(void) {
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) == 0) { return CPU_COUNT(&set); }
    const long online = sysconf(_SC_NPROCESSORS_ONLN);
    return online > 0 ? online : 1;
}
