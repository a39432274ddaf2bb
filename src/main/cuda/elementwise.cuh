/* Embedding, norms, gates, experts' routing, the likeliest token, copies. */
#pragma once

#include "weights.cuh"

/** The sum over a block of up to 1024 threads, the same in all of them; lanes first, then warps in order. */
DEVICE float block_sum(float v) {
    float *sums = reinterpret_cast<float *>(shared_memory());
    v = warp_sum(v);
    block_sync();
    if (threadIdx.x % WARP == 0) {
        sums[threadIdx.x / WARP] = v;
    }
    block_sync();
    float all = 0;
    for (int i = 0; i < (int) blockDim.x / WARP; i++) {
        all = add(all, sums[i]);
    }
    return all;
}

/** Grid (rows), 256 threads. */
template <int TYPE> DEVICE void embed(const Embed &p) {
    if ((int) blockIdx.x >= p.rows.counts[0]) {
        return;
    }
    int row = p.rows.index[blockIdx.x];
    int token = p.tokens[row];
    int blocks = (int) (p.width + 31) / 32;
    const uint8_t *panel = p.table + (int64_t) (token / 16) * p.panel_bytes;
    float scale = (float) p.scale / weight_scale<TYPE>();
    for (int k = threadIdx.x; k < p.width; k += blockDim.x) {
        p.out[row * p.os + k] = weight_at<TYPE>(panel, blocks, token % 16, k) * scale;
    }
}

/** Grid (rows), 256 threads. */
DEVICE void norm(const Norm &p) {
    if ((int) blockIdx.x >= p.rows.counts[0]) {
        return;
    }
    int row = p.rows.index[blockIdx.x];
    const float *x = p.x + row * p.xs;
    float *out = p.out + row * p.os;
    float squares = 0;
    for (int k = threadIdx.x * 4; k < p.width; k += blockDim.x * 4) {
        float4 v = *reinterpret_cast<const float4 *>(x + k);
        squares = multiply_add(v.x, v.x, multiply_add(v.y, v.y, multiply_add(v.z, v.z, multiply_add(v.w, v.w, squares))));
    }
    float factor = div(1.0f, root(add(div(block_sum(squares), (float) p.width), (float) p.epsilon)));
    for (int k = threadIdx.x * 4; k < p.width; k += blockDim.x * 4) {
        float4 v = *reinterpret_cast<const float4 *>(x + k);
        float4 w = *reinterpret_cast<const float4 *>(p.weight + k);
        float4 y = {v.x * factor * w.x, v.y * factor * w.y, v.z * factor * w.z, v.w * factor * w.w};
        if (p.accumulate) {
            float4 before = *reinterpret_cast<const float4 *>(out + k);
            y = {before.x + y.x, before.y + y.y, before.z + y.z, before.w + y.w};
        }
        *reinterpret_cast<float4 *>(out + k) = y;
    }
}

/** One warp a head. Grid (rows, groups of 4 heads), 128 threads. */
DEVICE void head_norm(const HeadNorm &p) {
    int head = blockIdx.y * 4 + threadIdx.x / WARP;
    if ((int) blockIdx.x >= p.rows.counts[0] || head >= p.heads) {
        return;
    }
    float *x = p.x + p.rows.index[blockIdx.x] * p.xs + p.column + head * p.head_dim;
    int lane = threadIdx.x % WARP;
    float squares = 0;
    for (int k = lane; k < p.head_dim; k += WARP) {
        squares = multiply_add(x[k], x[k], squares);
    }
    float factor = div(1.0f, root(add(div(warp_sum(squares), (float) p.head_dim), (float) p.epsilon)));
    for (int k = lane; k < p.head_dim; k += WARP) {
        x[k] = x[k] * factor * p.weight[k];
    }
}

template <int F> DEVICE float activated(float x) {
    if (F == SILU) {
        return x / (1 + expf(-x));
    }
    return x / 2 * (1 + tanhf(0.7978845608028654f * (x + 0.044715f * x * x * x)));
}

/** Grid (rows, or rows times their experts; groups of 1024 values), 256 threads. Without an index, row i is i. */
template <int F> DEVICE void gate(const Gate &p) {
    int i = blockIdx.x;
    if (i >= p.rows.counts[0] * p.times) {
        return;
    }
    int64_t row = p.rows.index ? p.rows.index[i] : i;
    int k = (blockIdx.y * 256 + threadIdx.x) * 4;
    if (k < p.width) {
        const float *x = p.x + row * p.xs + k;
        float4 a = *reinterpret_cast<const float4 *>(x);
        float4 b = *reinterpret_cast<const float4 *>(x + p.width);
        float4 y = {activated<F>(a.x) * b.x, activated<F>(a.y) * b.y, activated<F>(a.z) * b.z, activated<F>(a.w) * b.w};
        *reinterpret_cast<float4 *>(p.out + row * p.os + k) = y;
    }
}

/** Grid (rows, groups of 256 values), 256 threads. */
DEVICE void softcap(const Softcap &p) {
    int k = blockIdx.y * 256 + threadIdx.x;
    if ((int) blockIdx.x < p.rows.counts[0] && k < p.width) {
        float *x = p.x + p.rows.index[blockIdx.x] * p.xs + k;
        float cap = (float) p.cap;
        *x = cap * tanhf(*x / cap);
    }
}

/**
 * Chooses each row's experts, then sorts slots by expert: one block of 256 threads. Rows are few (a step's budget), experts at
 * most a few hundred; each thread takes whole rows, then whole experts.
 */
DEVICE void route(const Route &p) {
    int count = p.rows.counts[0];
    int experts = (int) p.experts;
    int used = (int) p.used;
    int32_t *chosen = p.slots + (int64_t) count * used; // the expert of each slot, in order of slots
    for (int i = threadIdx.x; i < count; i += blockDim.x) {
        const float *x = p.x + p.rows.index[i] * p.xs;
        float most = -INFINITE;
        for (int e = 0; e < experts; e++) {
            most = fmaxf(most, x[e]);
        }
        float total = 0;
        for (int e = 0; e < experts; e++) {
            total += expf(x[e] - most);
        }
        float sum = 0;
        float last = INFINITE;
        int last_expert = -1;
        for (int u = 0; u < used; u++) {
            // The next in the order of (score falling, expert rising).
            int best = -1;
            for (int e = 0; e < experts; e++) {
                bool after = x[e] < last || (x[e] == last && e > last_expert);
                if (after && (best < 0 || x[e] > x[best])) {
                    best = e;
                }
            }
            float weight = expf(x[best] - most) / total;
            last = x[best];
            last_expert = best;
            sum += weight;
            p.weights[i * used + u] = weight;
            chosen[i * used + u] = best;
        }
        for (int u = 0; u < used && p.normalise; u++) {
            p.weights[i * used + u] /= sum;
        }
    }
    int *counts = reinterpret_cast<int *>(shared_memory());
    block_sync();
    for (int e = threadIdx.x; e < experts; e += blockDim.x) {
        int n = 0;
        for (int i = 0; i < count * used; i++) {
            n += chosen[i] == e;
        }
        counts[e] = n;
    }
    block_sync();
    if (threadIdx.x == 0) {
        int at = 0;
        for (int e = 0; e < experts; e++) {
            p.offsets[e] = at;
            at += counts[e];
        }
        p.offsets[experts] = at;
    }
    block_sync();
    for (int e = threadIdx.x; e < experts; e += blockDim.x) {
        int at = p.offsets[e];
        for (int i = 0; i < count * used; i++) {
            if (chosen[i] == e) {
                p.slots[at++] = i;
            }
        }
    }
}

/** Grid (rows, groups of 256 values), 256 threads. */
DEVICE void combine(const Combine &p) {
    int i = blockIdx.x;
    int k = blockIdx.y * 256 + threadIdx.x;
    if (i < p.rows.counts[0] && k < p.width) {
        float *out = p.out + p.rows.index[i] * p.os + k;
        float sum = *out;
        for (int u = 0; u < p.used; u++) {
            int64_t slot = (int64_t) i * p.used + u;
            sum = multiply_add(p.weights[slot], p.y[slot * p.ys + k], sum);
        }
        *out = sum;
    }
}

/** Grid (rows), 1024 threads. */
DEVICE void argmax(const Argmax &p) {
    if ((int) blockIdx.x >= p.rows.counts[0]) {
        return;
    }
    int row = p.rows.index[blockIdx.x];
    const float *x = p.x + row * p.xs;
    float best = -INFINITE;
    int at = 0x7fffffff;
    for (int k = threadIdx.x; k < p.width; k += blockDim.x) {
        if (x[k] > best || at == 0x7fffffff) {
            best = x[k];
            at = k;
        }
    }
    float *values = reinterpret_cast<float *>(shared_memory());
    int *places = reinterpret_cast<int *>(values + WARP);
    for (int round = 0; round < 2; round++) {
        for (int lanes = 16; lanes > 0; lanes /= 2) {
            float other = shuffle_xor(best, lanes);
            int other_at = shuffle_xor(at, lanes);
            if (other > best || (other == best && other_at < at)) {
                best = other;
                at = other_at;
            }
        }
        if (round == 1) {
            break;
        }
        if (threadIdx.x % WARP == 0) {
            values[threadIdx.x / WARP] = best;
            places[threadIdx.x / WARP] = at;
        }
        block_sync();
        bool valid = threadIdx.x % WARP < blockDim.x / WARP;
        best = valid ? values[threadIdx.x % WARP] : -INFINITE;
        at = valid ? places[threadIdx.x % WARP] : 0x7fffffff;
    }
    if (threadIdx.x == 0) {
        p.out[row] = at;
    }
}

/** Grid (rows, groups of 1024 values), 256 threads. */
DEVICE void copy_rows(const Copy &p) {
    int k = (blockIdx.y * 256 + threadIdx.x) * 4;
    if ((int) blockIdx.x < p.from_rows.counts[0] && k < p.width) {
        const float *from = p.from + p.from_rows.index[blockIdx.x] * p.fs + k;
        *reinterpret_cast<float4 *>(p.to + p.to_rows.index[blockIdx.x] * p.ts + k) = *reinterpret_cast<const float4 *>(from);
    }
}

/** Grid (pieces), 128 threads: triples of (where to, words, where from). */
DEVICE void scatter(const Scatter &p) {
    const int32_t *piece = p.from + 3 * blockIdx.x;
    for (int i = threadIdx.x; i < piece[1]; i += blockDim.x) {
        p.to[piece[0] + i] = p.from[piece[2] + i];
    }
}

/** {@code to[to_rows[i]] = from[from_rows[i]]}. Grid (groups of 256 rows), 256 threads. */
DEVICE void feed(const Feed &p) {
    int i = blockIdx.x * 256 + threadIdx.x;
    if (i < p.from_rows.counts[0]) {
        p.to[p.to_rows.index[i]] = p.from[p.from_rows.index[i]];
    }
}
