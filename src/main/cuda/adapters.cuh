/*
 * Low-rank terms of many adapters in two launches: between = a x for every segment of rows of one adapter and every matrix,
 * then out += b between.
 */
#pragma once

#include "product.cuh"

DEVICE const Term *term_of(const LowRank &p, int segment, int matrix) {
    const Term *terms = reinterpret_cast<const Term *>(p.terms[p.segments[3 * segment]]);
    return terms + p.slot + matrix;
}

DEVICE float *between_of(const LowRank &p, int segment, int matrix) {
    return p.between + ((int64_t) segment * p.matrices + matrix) * (SEGMENT_ROWS * MAX_RANK);
}

/** Grid (segments, matrices, panels of the largest rank), 256 threads. */
DEVICE void low_rank_down(const LowRank &p) {
    int segment = blockIdx.x;
    if (segment >= p.counts[0]) {
        return;
    }
    const Term *term = term_of(p, segment, blockIdx.y);
    int panel = blockIdx.z;
    if (!term->a || panel * 16 >= term->rank) {
        return;
    }
    int first = p.segments[3 * segment + 1];
    int count = p.segments[3 * segment + 2];
    const float *x[SEGMENT_ROWS];
    for (int r = 0; r < SEGMENT_ROWS; r++) {
        x[r] = r < count ? p.x + p.rows[first + r] * p.xs : nullptr;
    }
    float sum = plain_sums<SEGMENT_ROWS>(term->a + (int64_t) panel * 16 * p.in, (int) p.in, x);
    if (threadIdx.x < SEGMENT_ROWS * 16) {
        between_of(p, segment, blockIdx.y)[threadIdx.x / 16 * MAX_RANK + panel * 16 + threadIdx.x % 16] = sum;
    }
}

/** Grid (segments, matrices, groups of 128 outputs), 128 threads. */
DEVICE void low_rank_up(const LowRank &p) {
    int segment = blockIdx.x;
    if (segment >= p.counts[0]) {
        return;
    }
    int matrix = blockIdx.y;
    const Term *term = term_of(p, segment, matrix);
    int n = blockIdx.z * 128 + threadIdx.x;
    if (!term->a || n >= p.widths[matrix]) {
        return;
    }
    int64_t column = 0;
    for (int m = 0; m < matrix; m++) {
        column += p.widths[m];
    }
    int rank = (int) term->rank;
    const float *b = term->b + (int64_t) (n / 16) * rank * 16 + n % 16;
    const float *between = between_of(p, segment, matrix);
    int first = p.segments[3 * segment + 1];
    int count = p.segments[3 * segment + 2];
    float acc[SEGMENT_ROWS];
    for (int r = 0; r < SEGMENT_ROWS; r++) {
        acc[r] = 0;
    }
    for (int k = 0; k < rank; k++) {
        float w = b[(int64_t) k * 16];
#pragma unroll
        for (int r = 0; r < SEGMENT_ROWS; r++) {
            acc[r] = multiply_add(w, between[r * MAX_RANK + k], acc[r]);
        }
    }
    for (int r = 0; r < count; r++) {
        float *out = p.out + p.rows[first + r] * p.os + column + n;
        *out = add(*out, acc[r]);
    }
}
