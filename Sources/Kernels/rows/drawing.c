// Drawing from a row of logits. Weights are summed by runs, so that only one run is walked element by element.
#include <math.h>

#include "resa_kernels.h"

/// The first element of the run whose weights up to its own exceed `target`; its last with a weight where rounding leaves none; -1 without any.
static ptrdiff_t walk(ptrdiff_t count, const float *weights, double target) {
    ptrdiff_t last = -1;
    for (ptrdiff_t i = 0; i < count; i++) {
        if (weights[i] == 0) { continue; }
        last = i;
        target -= (double)weights[i];
        if (target < 0) { break; }
    }
    return last;
}

ptrdiff_t resa_draw(
    const resa_kernels *kernels, ptrdiff_t count, float *x, float scale, float least, double uniform, float *sums) {
    const float largest = kernels->maximum(count, x);
    if (isinf(largest)) { return -1; }
    // The kernel keeps what is above its bound; what equals `least` is to be kept too.
    const float bound = nextafterf(least, -1);
    const ptrdiff_t runs = (count + RESA_DRAW_RUN - 1) / RESA_DRAW_RUN;
    double total = 0;
    for (ptrdiff_t run = 0; run < runs; run++) {
        const ptrdiff_t start = run * RESA_DRAW_RUN, left = count - start;
        sums[run] = kernels->draw_weights(left < RESA_DRAW_RUN ? left : RESA_DRAW_RUN, largest, scale, bound, x + start);
        total += (double)sums[run];
    }
    double target = uniform * total;
    ptrdiff_t last = 0;
    for (ptrdiff_t run = 0; run < runs; run++) {
        if (sums[run] == 0) { continue; }
        last = run;
        if (target < (double)sums[run]) { break; }
        target -= (double)sums[run];
    }
    const ptrdiff_t start = last * RESA_DRAW_RUN, left = count - start;
    const ptrdiff_t drawn = walk(left < RESA_DRAW_RUN ? left : RESA_DRAW_RUN, x + start, target);
    return start + (drawn < 0 ? 0 : drawn);
}
