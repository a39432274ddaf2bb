/*
 * Draws tokens. Sums are of integers, so that no order of adding changes them, and the few operations on floats are those that
 * Sampler.java does, in the same order and rounding: the same logits and random numbers give the same tokens on any device.
 */
#pragma once

#include "device.cuh"
#include "parameters.h"

/* One row's options, in words: the order of Draws.Option. */
enum {
    SAMPLE_INVERSE, SAMPLE_TOP_K, SAMPLE_TOP_P, SAMPLE_MIN_WEIGHT, SAMPLE_RANDOM_LOW, SAMPLE_RANDOM_HIGH,
    SAMPLE_BIAS, SAMPLE_BIASES, SAMPLE_SEEN, SAMPLE_SEENS, SAMPLE_REPETITION, SAMPLE_FREQUENCY, SAMPLE_PRESENCE,
    SAMPLE_GREEDY
};

/** Weights are powers in units of 2^-30. */
#define WEIGHT_ONE_BITS 30

/** 2^z for z <= 0 as an integer: a polynomial of 2^f on [0, 1), rounded the same everywhere. */
DEVICE uint32_t weight_of(float score, float most, float inverse) {
    float z = mul(add(score, -most), inverse);
    if (!(z >= -31.0f)) {
        return 0;
    }
    float whole = floorf(z);
    float f = add(z, -whole);
    float p = 0.00015403530f;
    p = multiply_add(p, f, 0.0013333558f);
    p = multiply_add(p, f, 0.0096181291f);
    p = multiply_add(p, f, 0.055504109f);
    p = multiply_add(p, f, 0.24022651f);
    p = multiply_add(p, f, 0.69314718f);
    p = multiply_add(p, f, 1.0f);
    return (uint32_t) mul(p, 1073741824.0f) >> (int) -whole;
}

/** An integer that rises as the score falls. */
DEVICE uint32_t falling(float score) {
    uint32_t bits = bits_of(score);
    return bits >> 31 ? bits : ~bits & 0x7fffffffu;
}

DEVICE uint64_t block_total(uint64_t value, uint64_t *sum) {
    block_sync();
    if (threadIdx.x == 0) {
        *sum = 0;
    }
    block_sync();
    add_atomically(sum, value);
    block_sync();
    return *sum;
}

#define SAMPLE_THREADS 512

/** Consecutive tokens of one thread, so that sums over threads run in the order of ids. */
struct Range { int begin, end; };

DEVICE Range own_range(int vocabulary) {
    int each = (vocabulary + SAMPLE_THREADS - 1) / SAMPLE_THREADS;
    int begin = threadIdx.x * each;
    int end = begin + each < vocabulary ? begin + each : vocabulary;
    return {begin, end};
}

/** The sum of the threads' values before this one's, and of all. */
struct Sums { uint64_t before, total; };

DEVICE Sums sums_before(uint64_t own, uint64_t *starts) {
    block_sync();
    starts[threadIdx.x] = own;
    block_sync();
    Sums sums = {0, 0};
    for (int i = 0; i < SAMPLE_THREADS; i++) {
        sums.before = i == (int) threadIdx.x ? sums.total : sums.before;
        sums.total += starts[i];
    }
    return sums;
}

/** What is added up for a token when a boundary is sought: 1, or its weight. */
struct Candidates {
    const float *scores;
    int vocabulary;
    float most, inverse;
    uint32_t key_limit; /* tokens with a larger key are out */
    int id_limit;       /* of those with the limit's key, tokens behind it are out */
    DEVICE bool has(int i) const {
        uint32_t key = falling(scores[i]);
        return key < key_limit || (key == key_limit && i <= id_limit);
    }
};

/**
 * Lowers the limits to the shortest beginning of the candidates, in the order (score falling, id rising), whose counts or
 * weights come to {@code need}. Eight bits of the key at a time, the most significant first; then the id.
 */
template <bool WEIGHTS>
DEVICE void shorten(Candidates &c, uint64_t need, uint64_t *bins, uint64_t *starts, volatile int *chosen) {
    uint32_t prefix = 0;
    for (int shift = 24; shift >= 0; shift -= 8) {
        block_sync();
        for (int i = threadIdx.x; i < 256; i += blockDim.x) {
            bins[i] = 0;
        }
        block_sync();
        // Tokens of one bin often follow one another: they are added up before they are shared.
        uint32_t last = 0;
        uint64_t sum = 0;
        for (int i = threadIdx.x; i < c.vocabulary; i += blockDim.x) {
            uint32_t key = falling(c.scores[i]);
            bool inside = shift == 24 || key >> (shift + 8) == prefix >> (shift + 8);
            if (inside && c.has(i)) {
                uint32_t bin = key >> shift & 255;
                if (bin != last && sum) {
                    add_atomically(&bins[last], sum);
                    sum = 0;
                }
                last = bin;
                sum += WEIGHTS ? weight_of(c.scores[i], c.most, c.inverse) : 1;
            }
        }
        if (sum) {
            add_atomically(&bins[last], sum);
        }
        block_sync();
        uint64_t below = 0;
        int bin = 0;
        while (bin < 255 && below + bins[bin] < need) {
            below += bins[bin++];
        }
        if (below + bins[bin] < need) {
            return; // fewer than needed: all stay
        }
        need -= below;
        prefix |= (uint32_t) bin << shift;
    }
    // Of those with this very key, the first ids that are enough. All weigh the same.
    uint64_t each = 1;
    if (WEIGHTS) {
        uint32_t bits = prefix >> 31 ? prefix : ~prefix & 0x7fffffffu;
        each = weight_of(float_of(bits), c.most, c.inverse);
    }
    uint64_t wanted = (need + each - 1) / each;
    Range own = own_range(c.vocabulary);
    uint64_t there = 0;
    for (int i = own.begin; i < own.end; i++) {
        there += falling(c.scores[i]) == prefix;
    }
    uint64_t before = sums_before(there, starts).before;
    if (wanted > before && wanted <= before + there) {
        int i = own.begin;
        for (uint64_t found = before; i < own.end; i++) {
            if (falling(c.scores[i]) == prefix && ++found == wanted) {
                break;
            }
        }
        *chosen = i;
    }
    block_sync();
    c.key_limit = prefix;
    c.id_limit = *chosen;
    block_sync();
}

/** Grid (rows), 512 threads. Scores are changed in place by bias and penalties. */
DEVICE void sample(const Sample &p) {
    if ((int) blockIdx.x >= p.rows.counts[0]) {
        return;
    }
    int row = p.rows.index[blockIdx.x];
    float *scores = p.logits + row * p.stride;
    const int32_t *o = p.options + blockIdx.x * p.option_words;
    int vocabulary = (int) p.vocabulary;
    uint64_t *bins = reinterpret_cast<uint64_t *>(shared_memory());
    uint64_t *one = bins + 256;
    float *most_of_warp = reinterpret_cast<float *>(one + 1);
    volatile int *chosen = reinterpret_cast<volatile int *>(one + SAMPLE_THREADS / WARP);
    uint64_t *starts = one + 1 + SAMPLE_THREADS / WARP;

    // Pairs (token, bias), each token once; then pairs (token, times in the answer), each token once.
    const int32_t *bias = p.lists + o[SAMPLE_BIAS];
    for (int i = threadIdx.x; i < o[SAMPLE_BIASES]; i += blockDim.x) {
        scores[bias[2 * i]] = add(scores[bias[2 * i]], float_of((uint32_t) bias[2 * i + 1]));
    }
    block_sync();
    const int32_t *seen = p.lists + o[SAMPLE_SEEN];
    for (int i = threadIdx.x; i < o[SAMPLE_SEENS]; i += blockDim.x) {
        float score = scores[seen[2 * i]];
        float repetition = float_of((uint32_t) o[SAMPLE_REPETITION]);
        score = score > 0 ? div(score, repetition) : mul(score, repetition);
        int times = seen[2 * i + 1];
        if (times > 0) {
            score = multiply_add(-(float) times, float_of((uint32_t) o[SAMPLE_FREQUENCY]), score);
            score = add(score, -float_of((uint32_t) o[SAMPLE_PRESENCE]));
        }
        scores[seen[2 * i]] = score;
    }
    block_sync();

    float most = -INFINITE;
    for (int i = threadIdx.x; i < vocabulary; i += blockDim.x) {
        most = fmaxf(most, scores[i]);
    }
    most = warp_max(most);
    if (threadIdx.x % WARP == 0) {
        most_of_warp[threadIdx.x / WARP] = most;
    }
    block_sync();
    for (int i = 0; i < SAMPLE_THREADS / WARP; i++) {
        most = fmaxf(most, most_of_warp[i]);
    }
    Candidates c = {scores, vocabulary, most, float_of((uint32_t) o[SAMPLE_INVERSE]), 0xffffffffu, 0x7fffffff};
    if (o[SAMPLE_GREEDY]) {
        shorten<false>(c, 1, bins, starts, chosen);
        if (threadIdx.x == 0) {
            p.out[row] = c.id_limit;
        }
        return;
    }
    if (o[SAMPLE_TOP_K] > 0) {
        shorten<false>(c, o[SAMPLE_TOP_K], bins, starts, chosen);
    }
    float top_p = float_of((uint32_t) o[SAMPLE_TOP_P]);
    if (top_p < 1) {
        uint64_t own = 0;
        for (int i = threadIdx.x; i < vocabulary; i += blockDim.x) {
            own += c.has(i) ? weight_of(scores[i], most, c.inverse) : 0;
        }
        uint64_t total = block_total(own, one);
        // A share of the total, in units of 2^-24 of it: exact.
        uint64_t share = (uint64_t) mul(top_p, 16777216.0f);
        uint64_t need = high_product(total << 8, share << 32);
        shorten<true>(c, need > 0 ? need : 1, bins, starts, chosen);
    }
    uint32_t least = (uint32_t) o[SAMPLE_MIN_WEIGHT];
    Range range = own_range(vocabulary);
    uint64_t own = 0;
    for (int i = range.begin; i < range.end; i++) {
        uint32_t weight = c.has(i) ? weight_of(scores[i], most, c.inverse) : 0;
        own += weight >= least ? weight : 0;
    }
    Sums sums = sums_before(own, starts);
    uint64_t before = sums.before;
    uint64_t random = (uint64_t) (uint32_t) o[SAMPLE_RANDOM_HIGH] << 32 | (uint32_t) o[SAMPLE_RANDOM_LOW];
    uint64_t target = high_product(sums.total, random);
    if (target >= before && target < before + own) {
        for (int i = range.begin; i < range.end; i++) {
            uint32_t weight = c.has(i) ? weight_of(scores[i], most, c.inverse) : 0;
            weight = weight >= least ? weight : 0;
            if (target < before + weight) {
                p.out[row] = i;
                break;
            }
            before += weight;
        }
    }
}
