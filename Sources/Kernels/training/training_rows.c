// Backward passes of row operations, losses and the optimiser's step.
#include "expansion/floats.h"
#include "resa_training.h"
#include "sizes.h"

#include <math.h>

enum { BLOCK = 512 };

// y = x r w with r = (mean(x^2) + epsilon)^(-1/2): dx = r w dy - x r^3 mean(x w dy).
void resa_rms_norm_backward(
    const resa_kernels *kernels, ptrdiff_t count, const float *x, const float *weight, float epsilon, float *dy, float *dx) {
    for (ptrdiff_t i = 0; i < count; i++) { dy[i] *= weight[i]; }
    const float mean = kernels->sum_of_squares(count, x) / (float)count;
    const float r = 1.0f / sqrtf(mean + epsilon);
    const float shared = kernels->dot(count, x, dy) / (float)count;
    kernels->axpy(count, r, dy, dx);
    kernels->axpy(count, -r * r * r * shared, x, dx);
}

void resa_swiglu_backward(
    const resa_kernels *kernels, ptrdiff_t count, const float *gate, const float *up, const float *dy, float *dGate, float *dUp) {
    float negative[BLOCK], power[BLOCK];
    for (ptrdiff_t start = 0; start < count; start += BLOCK) {
        const ptrdiff_t some = smaller(BLOCK, count - start);
        const float *const g = gate + start, *const u = up + start, *const d = dy + start;
        float *const dg = dGate + start, *const du = dUp + start;
        for (ptrdiff_t i = 0; i < some; i++) { negative[i] = -g[i]; }
        kernels->exponential(some, negative, power);
        for (ptrdiff_t i = 0; i < some; i++) {
            const float sigmoid = 1.0f / (1.0f + power[i]), slope = d[i];
            dg[i] = slope * u[i] * sigmoid * (1.0f + g[i] * (1.0f - sigmoid));
            du[i] = slope * g[i] * sigmoid;
        }
    }
}

/// out = exp(x - shift).
static void probabilities(const resa_kernels *kernels, ptrdiff_t count, const float *x, float shift, float *out) {
    float shifted[BLOCK];
    for (ptrdiff_t start = 0; start < count; start += BLOCK) {
        const ptrdiff_t some = smaller(BLOCK, count - start);
        for (ptrdiff_t i = 0; i < some; i++) { shifted[i] = x[start + i] - shift; }
        kernels->exponential(some, shifted, out + start);
    }
}

double resa_divergence_row(
    const resa_kernels *kernels, ptrdiff_t count, const float *teacher, float *student, bool reverse, float weight, float *scratch) {
    const float teacherSum = kernels->log_sum_exp(count, teacher), studentSum = kernels->log_sum_exp(count, student);
    float p[BLOCK], q[BLOCK], difference[BLOCK];
    double divergence = 0;
    // scratch keeps log q - log p for the second pass of the reverse direction.
    for (ptrdiff_t start = 0; start < count; start += BLOCK) {
        const ptrdiff_t some = smaller(BLOCK, count - start);
        const float *const t = teacher + start;
        float *const s = student + start;
        if (reverse) {
            for (ptrdiff_t i = 0; i < some; i++) { scratch[start + i] = (s[i] - studentSum) - (t[i] - teacherSum); }
            probabilities(kernels, some, s, studentSum, q);
            divergence += kernels->dot(some, q, scratch + start);
            for (ptrdiff_t i = 0; i < some; i++) { s[i] = q[i]; }
        } else {
            for (ptrdiff_t i = 0; i < some; i++) { difference[i] = (t[i] - teacherSum) - (s[i] - studentSum); }
            probabilities(kernels, some, t, teacherSum, p);
            probabilities(kernels, some, s, studentSum, q);
            divergence += kernels->dot(some, p, difference);
            for (ptrdiff_t i = 0; i < some; i++) { s[i] = weight * (q[i] - p[i]); }
        }
    }
    if (reverse) {
        const float mean = (float)divergence;
        for (ptrdiff_t i = 0; i < count; i++) { student[i] = weight * student[i] * (scratch[i] - mean); }
    }
    return divergence;
}

double resa_cross_entropy_row(const resa_kernels *kernels, ptrdiff_t count, float *logits, ptrdiff_t label, float weight) {
    const float sum = kernels->log_sum_exp(count, logits);
    const double loss = (double)sum - (double)logits[label];
    probabilities(kernels, count, logits, sum, logits);
    logits[label] -= 1.0f;
    for (ptrdiff_t i = 0; i < count; i++) { logits[i] *= weight; }
    return loss;
}

void resa_adamw_step(const resa_adamw *s, ptrdiff_t count, float *parameters, const float *gradients, float *first, float *second) {
    for (ptrdiff_t i = 0; i < count; i++) {
        const float g = gradients[i] * s->gradientScale;
        first[i] = s->beta1 * first[i] + (1.0f - s->beta1) * g;
        second[i] = s->beta2 * second[i] + (1.0f - s->beta2) * g * g;
        parameters[i] = parameters[i] * s->decay - s->stepSize * first[i] / (sqrtf(second[i]) / s->rootCorrection + s->epsilon);
    }
}

double resa_sum_of_squares(ptrdiff_t count, const float *x) {
    double sums[8] = {0};
    ptrdiff_t i = 0;
    for (; i + 8 <= count; i += 8) {
        for (ptrdiff_t lane = 0; lane < 8; lane++) { sums[lane] += (double)x[i + lane] * (double)x[i + lane]; }
    }
    for (; i < count; i++) { sums[0] += (double)x[i] * (double)x[i]; }
    double total = 0;
    for (ptrdiff_t lane = 0; lane < 8; lane++) { total += sums[lane]; }
    return total;
}

// SplitMix64's finaliser over key and counter; two elements take the halves of one number.
static inline uint64_t mix(uint64_t x) {
    x = (x ^ x >> 30) * 0xBF58476D1CE4E5B9u;
    x = (x ^ x >> 27) * 0x94D049BB133111EBu;
    return x ^ x >> 31;
}

void resa_dropout_row(ptrdiff_t count, uint64_t key, uint64_t first, float rate, const float *x, float *out) {
    const float keep = 1.0f / (1.0f - rate);
    const uint32_t limit = (uint32_t)((double)rate * 4294967296.0);
    for (ptrdiff_t i = 0; i < count; i++) {
        const uint64_t number = first + (uint64_t)i;
        const uint64_t bits = mix(key + (number >> 1) * 0x9E3779B97F4A7C15u);
        const uint32_t draw = (uint32_t)(number & 1 ? bits >> 32 : bits);
        out[i] = draw < limit ? 0.0f : x[i] * keep;
    }
}

void resa_uniform(ptrdiff_t count, uint64_t key, float bound, float *out) {
    for (ptrdiff_t i = 0; i < count; i++) {
        const uint64_t bits = mix(key + (uint64_t)i * 0x9E3779B97F4A7C15u) >> 40;
        out[i] = ((float)bits * 0x1p-23f - 1.0f) * bound;
    }
}

void resa_round_half(ptrdiff_t count, const float *x, uint16_t *out) {
    for (ptrdiff_t i = 0; i < count; i++) { out[i] = resa_float_to_half(x[i]); }
}
