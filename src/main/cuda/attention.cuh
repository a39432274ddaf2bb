/*
 * Rotation, pages and attention.
 *
 * A page holds the keys and values of 16 tokens in one layer. In float16 and 8 bit they lie in the order of the tensor cores'
 * fragments, for each key/value head and 16 dimensions at a time, 8 elements a lane:
 * keys (scores = q k): lane (g, t) holds of tokens g and 8 + g the dimensions 4 t to 4 t + 3;
 * values (out = p v): lane (g, t) holds of dimensions g and 8 + g the tokens 2 t, 2 t + 1, 8 + 2 t and 9 + 2 t.
 * In float32: [kv head][token][dimension]. Scales of 8 bit: [keys, values][kv head][token].
 *
 * Scores are taken in tiles of 64 positions, each with its own largest score; tiles are merged in order into chunks of 512
 * positions, and chunks in order into the result. All kernels keep to that, so a row's bits do not depend on which one ran.
 * The merging of partial softmaxes is that of FlashAttention (Dao et al. 2022) and Flash-Decoding (Dao et al. 2023).
 */
#pragma once

#include "device.cuh"
#include "parameters.h"

#define LOG2_E 1.4426950408889634f

/** A softmax over some positions: the largest score, the sum of powers, and the weighted sum of values, not yet divided. */
struct Merge { float old_factor, new_factor; };

/** Factors of both sides; a side without positions has a largest of minus infinity and changes nothing. */
DEVICE Merge merge(float &largest, float &sum, float other_largest, float other_sum) {
    float most = fmaxf(largest, other_largest);
    Merge m;
    m.old_factor = largest == -INFINITE ? 0.0f : power2(add(largest, -most));
    m.new_factor = other_largest == -INFINITE ? 0.0f : power2(add(other_largest, -most));
    sum = multiply_add(other_sum, m.new_factor, mul(sum, m.old_factor));
    largest = most;
    return m;
}

DEVICE float merged(float value, float other, Merge m) { return multiply_add(other, m.new_factor, mul(value, m.old_factor)); }

DEVICE float powered_score(float dot, float softcap) {
    return (softcap > 0 ? softcap * tanhf(dot / softcap) : dot) * LOG2_E;
}

template <int TYPE> DEVICE constexpr int page_element_bytes() { return TYPE == PAGES_F32 ? 4 : TYPE == PAGES_F16 ? 2 : 1; }

/** The element of a key or value head at (token, dimension). */
template <int TYPE> DEVICE int64_t key_element(int head_dim, int token, int d) {
    if (TYPE == PAGES_F32) {
        return (int64_t) token * head_dim + d;
    }
    int lane = token % 8 * 4 + d % 16 / 4;
    return (int64_t) (d / 16) * 256 + lane * 8 + token / 8 * 4 + d % 4;
}
template <int TYPE> DEVICE int64_t value_element(int head_dim, int token, int d) {
    if (TYPE == PAGES_F32) {
        return (int64_t) token * head_dim + d;
    }
    int lane = d % 8 * 4 + token % 8 / 2;
    return (int64_t) (d / 16) * 256 + lane * 8 + d % 16 / 8 * 4 + token / 8 * 2 + token % 2;
}

DEVICE uint8_t *page_of(const Pages &pages, int row, int place) {
    const uint64_t *table = reinterpret_cast<const uint64_t *>(pages.tables[2 * row]);
    return reinterpret_cast<uint8_t *>(table[place * pages.tables[2 * row + 1] + pages.layer]);
}

template <int TYPE> DEVICE int64_t head_bytes(const Pages &pages) {
    return pages.head_dim * PAGE_TOKENS * page_element_bytes<TYPE>();
}

DEVICE float *scales_of(const Pages &pages, uint8_t *page, int head) {
    return reinterpret_cast<float *>(page + 2 * pages.kv_heads * head_bytes<PAGES_Q8>(pages)) + head * PAGE_TOKENS;
}

template <int TYPE> DEVICE float page_value(const uint8_t *at, int64_t element, float scale) {
    return TYPE == PAGES_F32 ? reinterpret_cast<const float *>(at)[element]
        : TYPE == PAGES_F16 ? float_of_half(reinterpret_cast<const uint16_t *>(at)[element])
        : (float) reinterpret_cast<const int8_t *>(at)[element] * scale;
}

/** One warp a head of a row. Grid (rows, groups of 4 of the heads to rotate, then those of keys and values to store). */
template <int TYPE> DEVICE void rotate_store(const RotateStore &p) {
    if ((int) blockIdx.x >= p.rows.counts[0]) {
        return;
    }
    int row = p.rows.index[blockIdx.x];
    int lane = threadIdx.x % WARP;
    int head = blockIdx.y * 4 + threadIdx.x / WARP;
    int dim = (int) p.head_dim;
    float *x = p.x + row * p.xs;
    int position = p.positions[row];
    bool stores = p.pages.tables != nullptr;
    int kv_heads = stores ? (int) p.pages.kv_heads : 0;
    // Heads that are rotated come first; keys are stored by the warp that rotates them, or by one of their own.
    int64_t column;
    int kv = -1;
    bool value = false;
    if (head < p.heads) {
        column = p.column + (int64_t) head * dim;
        int half = (int) p.half;
        const float *angles = p.angles + (int64_t) position * 2 * half;
        for (int i = lane; i < half; i += WARP) {
            float a = x[column + i];
            float b = x[column + half + i];
            float c = angles[i];
            float s = angles[half + i];
            x[column + i] = multiply_add(a, c, -mul(b, s));
            x[column + half + i] = multiply_add(b, c, mul(a, s));
        }
        warp_sync();
        if (stores && column >= p.keys && column < p.keys + (int64_t) kv_heads * dim) {
            kv = (int) (column - p.keys) / dim;
        }
    } else {
        int rest = head - (int) p.heads;
        bool keys_rotated = p.heads > 0 && p.keys >= p.column && p.keys < p.column + p.heads * dim;
        if (keys_rotated) {
            rest += kv_heads;
        }
        if (rest >= 2 * kv_heads) {
            return;
        }
        value = rest >= kv_heads;
        kv = rest % (kv_heads > 0 ? kv_heads : 1);
        column = (value ? p.values : p.keys) + (int64_t) kv * dim;
    }
    if (kv < 0) {
        return;
    }
    int token = position % PAGE_TOKENS;
    uint8_t *page = page_of(p.pages, row, position / PAGE_TOKENS);
    uint8_t *to = page + (value ? kv_heads + kv : kv) * head_bytes<TYPE>(p.pages);
    float scale = 0;
    if (TYPE == PAGES_Q8) {
        float most = 0;
        for (int d = lane; d < dim; d += WARP) {
            most = fmaxf(most, fabsf(x[column + d]));
        }
        most = warp_max(most);
        scale = div(most, 127.0f);
        if (lane == 0) {
            scales_of(p.pages, page, value ? kv_heads + kv : kv)[token] = scale;
        }
    }
    float inverse = scale > 0 ? div(1.0f, scale) : 0.0f;
    for (int d = lane; d < dim; d += WARP) {
        float v = x[column + d];
        int64_t at = value ? value_element<TYPE>(dim, token, d) : key_element<TYPE>(dim, token, d);
        if (TYPE == PAGES_F32) {
            reinterpret_cast<float *>(to)[at] = v;
        } else if (TYPE == PAGES_F16) {
            reinterpret_cast<uint16_t *>(to)[at] = (uint16_t) halves(v, 0);
        } else {
            reinterpret_cast<int8_t *>(to)[at] = (int8_t) round_to_int(v * inverse);
        }
    }
}

/** 16 query rows of one key/value head: row (i / group of the task's, head i % group), and what they may see. */
struct Queries {
    int first;    /* of the 16, counted over the task's rows times the heads of a group */
    int count;    /* of the task's rows times the heads of a group */
    int group;
    int task_first;
};

DEVICE int row_of(const Attend &p, const Queries &q, int i) { return p.rows.index[q.task_first + (q.first + i) / q.group]; }

/** A fragment of queries for each 16 dimensions, scaled. */
template <int DIMS> DEVICE void load_queries(const Attend &p, const Queries &q, int kv, uint32_t (&fragments)[DIMS / 16][4]) {
    int lane = threadIdx.x % WARP;
    int g = lane / 4;
    int t = lane % 4;
    int dim = (int) p.pages.head_dim;
    float scale = (float) p.scale;
#pragma unroll
    for (int half = 0; half < 2; half++) {
        int i = g + 8 * half;
        bool valid = q.first + i < q.count;
        const float *at = p.q;
        if (valid) {
            at += row_of(p, q, i) * p.qs + (int64_t) (kv * q.group + (q.first + i) % q.group) * dim + 4 * t;
        }
#pragma unroll
        for (int d = 0; d < DIMS / 16; d++) {
            float4 v = {0, 0, 0, 0};
            if (valid && d * 16 < dim) {
                v = *reinterpret_cast<const float4 *>(at + d * 16);
            }
            fragments[d][half] = halves(scale * v.x, scale * v.y);
            fragments[d][2 + half] = halves(scale * v.z, scale * v.w);
        }
    }
}

/** Two bytes of a word as halves: exact. */
DEVICE uint32_t halves_of_bytes(uint32_t word, int pair) {
    return halves((float) (int8_t) (word >> 16 * pair), (float) (int8_t) (word >> (16 * pair + 8)));
}

/** A lane's fragments of 16 tokens and 16 dimensions: two registers for each eight tokens (keys) or dimensions (values). */
template <int TYPE> DEVICE void load_page_fragment(const uint8_t *at, int lane, uint32_t (&low)[2], uint32_t (&high)[2]) {
    if (TYPE == PAGES_F16) {
        uint4 v = *reinterpret_cast<const uint4 *>(at + lane * 16);
        low[0] = v.x;
        low[1] = v.y;
        high[0] = v.z;
        high[1] = v.w;
    } else {
        uint2 v = *reinterpret_cast<const uint2 *>(at + lane * 8);
        low[0] = halves_of_bytes(v.x, 0);
        low[1] = halves_of_bytes(v.x, 1);
        high[0] = halves_of_bytes(v.y, 0);
        high[1] = halves_of_bytes(v.y, 1);
    }
}

/** Where the four pages of a tile are, for one key/value head. Pages behind the last position repeat an earlier one. */
struct TilePages {
    const uint8_t *keys[4];
    const uint8_t *values[4];
    const float *key_scales[4];
    const float *value_scales[4];
};

template <int TYPE> DEVICE void find_pages(const Pages &pages, int row, int kv, int tile, int last, TilePages &found) {
#pragma unroll
    for (int i = 0; i < 4; i++) {
        int place = tile * (TILE_TOKENS / PAGE_TOKENS) + i;
        place = place * PAGE_TOKENS <= last ? place : last / PAGE_TOKENS;
        uint8_t *page = page_of(pages, row, place);
        found.keys[i] = page + kv * head_bytes<TYPE>(pages);
        found.values[i] = page + (pages.kv_heads + kv) * head_bytes<TYPE>(pages);
        if (TYPE == PAGES_Q8) {
            found.key_scales[i] = scales_of(pages, page, kv);
            found.value_scales[i] = scales_of(pages, page, (int) pages.kv_heads + kv);
        }
    }
}

/** What a lane's two query rows see. */
struct Seen { int from[2], to[2]; };

DEVICE Seen seen_by(const Attend &p, const Queries &q) {
    Seen seen;
    for (int half = 0; half < 2; half++) {
        int i = threadIdx.x % WARP / 4 + 8 * half;
        bool valid = q.first + i < q.count;
        seen.to[half] = valid ? p.positions[row_of(p, q, i)] : -1;
        seen.from[half] = p.window > 0 && valid ? seen.to[half] + 1 - (int) p.window : 0;
    }
    return seen;
}

/** Values of tokens that nobody wrote yet may be anything, and nothing times infinity is not nothing. */
DEVICE void keep_tokens(uint32_t (&values)[2], int there, int t) {
    for (int i = 0; i < 2; i++) {
        int token = 8 * i + 2 * t;
        values[i] &= token >= there ? 0 : token + 1 >= there ? 0xffffu : 0xffffffffu;
    }
}

/**
 * One tile for 16 query rows: its largest scores, sums and weighted values, in the accumulators' layout (rows g and g + 8;
 * of each eight dimensions 2 t and 2 t + 1).
 *
 * @param there tokens of the tile that have been written
 */
template <int TYPE, int DIMS>
DEVICE void attend_tile(const Attend &p, const uint32_t (&q)[DIMS / 16][4], const TilePages &pages, int tile, int there,
    const Seen &seen, float (&largest)[2], float (&sum)[2], float (&out)[DIMS / 8][4]) {
    const int STEP = 256 * page_element_bytes<TYPE>();
    int lane = threadIdx.x % WARP;
    int t = lane % 4;
    int dim = (int) p.pages.head_dim;
    float scores[8][4];
#pragma unroll
    for (int page = 0; page < 4; page++) {
        for (int i = 0; i < 8; i++) {
            scores[2 * page + i / 4][i % 4] = 0;
        }
#pragma unroll
        for (int d = 0; d < DIMS / 16; d++) {
            if (d * 16 < dim) {
                uint32_t low[2], high[2];
                load_page_fragment<TYPE>(pages.keys[page] + d * STEP, lane, low, high);
                mma_f16(scores[2 * page], q[d], low);
                mma_f16(scores[2 * page + 1], q[d], high);
            }
        }
    }
    largest[0] = largest[1] = -INFINITE;
    float softcap = (float) p.softcap;
#pragma unroll
    for (int n = 0; n < 8; n++) {
#pragma unroll
        for (int k = 0; k < 4; k++) {
            int token = n % 2 * 8 + 2 * t + k % 2;
            int position = tile * TILE_TOKENS + n / 2 * PAGE_TOKENS + token;
            float dot = scores[n][k];
            bool visible = position >= seen.from[k / 2] && position <= seen.to[k / 2];
            if (TYPE == PAGES_Q8) {
                dot = mul(dot, visible ? pages.key_scales[n / 2][token] : 0.0f);
            }
            float score = visible ? powered_score(dot, softcap) : -INFINITE;
            scores[n][k] = score;
            largest[k / 2] = fmaxf(largest[k / 2], score);
        }
    }
    for (int half = 0; half < 2; half++) {
        largest[half] = fmaxf(largest[half], shuffle_xor(largest[half], 1));
        largest[half] = fmaxf(largest[half], shuffle_xor(largest[half], 2));
        sum[half] = 0;
    }
#pragma unroll
    for (int i = 0; i < DIMS / 8; i++) {
        out[i][0] = out[i][1] = out[i][2] = out[i][3] = 0;
    }
#pragma unroll
    for (int page = 0; page < 4; page++) {
        float power[2][4];
#pragma unroll
        for (int i = 0; i < 8; i++) {
            int k = i % 4;
            float score = scores[2 * page + i / 4][k];
            float value = score == -INFINITE ? 0.0f : power2(add(score, -largest[k / 2]));
            sum[k / 2] = add(sum[k / 2], value);
            if (TYPE == PAGES_Q8) {
                value = score == -INFINITE ? 0.0f : mul(value, pages.value_scales[page][i / 4 * 8 + 2 * t + k % 2]);
            }
            power[i / 4][k] = value;
        }
        // Accumulators of two times eight tokens are the fragment of sixteen.
        const uint32_t weights[4] = {
            halves(power[0][0], power[0][1]), halves(power[0][2], power[0][3]),
            halves(power[1][0], power[1][1]), halves(power[1][2], power[1][3])};
#pragma unroll
        for (int d = 0; d < DIMS / 16; d++) {
            if (d * 16 < dim) {
                uint32_t low[2], high[2];
                load_page_fragment<TYPE>(pages.values[page] + d * STEP, lane, low, high);
                if (there < (page + 1) * PAGE_TOKENS) {
                    keep_tokens(low, there - page * PAGE_TOKENS, t);
                    keep_tokens(high, there - page * PAGE_TOKENS, t);
                }
                mma_f16(out[2 * d], weights, low);
                mma_f16(out[2 * d + 1], weights, high);
            }
        }
    }
    for (int half = 0; half < 2; half++) {
        sum[half] = add(sum[half], shuffle_xor(sum[half], 1));
        sum[half] = add(sum[half], shuffle_xor(sum[half], 2));
    }
}

/** Where the sums of a task's chunk wait for the merge: largest, sum, weighted values. */
DEVICE float *part_of(const Attend &p, int task, int head) {
    return p.parts + ((int64_t) task * p.heads + head) * (p.pages.head_dim + 2);
}

/**
 * Decoding: a task is one row and one chunk of its context. Each of 8 warps takes a tile; the heads of a group share the
 * loads of their keys and values. Grid (tasks, key/value heads, 16s of heads of a group), 256 threads.
 */
template <int TYPE, int DIMS> DEVICE void attend_chunk(const Attend &p) {
    if ((int) blockIdx.x >= p.rows.counts[1]) {
        return;
    }
    const int32_t *task = p.tasks + 3 * blockIdx.x;
    int chunk = task[2];
    if (chunk < 0) {
        return;
    }
    int kv = blockIdx.y;
    int dim = (int) p.pages.head_dim;
    Queries q;
    q.group = (int) (p.heads / p.pages.kv_heads);
    q.first = blockIdx.z * 16;
    q.count = q.group;
    q.task_first = task[0];
    if (q.first >= q.count) {
        return;
    }
    int row = p.rows.index[q.task_first];
    int position = p.positions[row];
    int warp = threadIdx.x / WARP;
    int lane = threadIdx.x % WARP;
    int g = lane / 4;
    int t = lane % 4;
    int tile = chunk * TILES_OF_CHUNK + warp;
    // [tile][16 rows] largest, the same of sums, then [tile][16 rows][dim].
    float *largests = reinterpret_cast<float *>(shared_memory());
    float *sums = largests + TILES_OF_CHUNK * 16;
    float *values = sums + TILES_OF_CHUNK * 16;
    int from = p.window > 0 ? position + 1 - (int) p.window : 0;
    bool empty = tile * TILE_TOKENS > position || (tile + 1) * TILE_TOKENS <= from;
    if (empty) {
        if (lane < 16) {
            largests[warp * 16 + lane] = -INFINITE;
            sums[warp * 16 + lane] = 0;
        }
        for (int i = lane; i < 16 * dim; i += WARP) {
            values[warp * 16 * dim + i] = 0;
        }
    } else {
        uint32_t fragments[DIMS / 16][4];
        load_queries<DIMS>(p, q, kv, fragments);
        TilePages pages;
        find_pages<TYPE>(p.pages, row, kv, tile, position, pages);
        float largest[2], sum[2], out[DIMS / 8][4];
        attend_tile<TYPE, DIMS>(p, fragments, pages, tile, position + 1 - tile * TILE_TOKENS, seen_by(p, q),
            largest, sum, out);
#pragma unroll
        for (int half = 0; half < 2; half++) {
            int i = warp * 16 + g + 8 * half;
            if (t == 0) {
                largests[i] = largest[half];
                sums[i] = sum[half];
            }
#pragma unroll
            for (int d = 0; d < DIMS / 8; d++) {
                if (d * 8 < dim) {
                    values[i * dim + d * 8 + 2 * t] = out[d][2 * half];
                    values[i * dim + d * 8 + 2 * t + 1] = out[d][2 * half + 1];
                }
            }
        }
    }
    block_sync();
    int rows = q.count - q.first < 16 ? q.count - q.first : 16;
    for (int i = threadIdx.x; i < rows * dim; i += blockDim.x) {
        int r = i / dim;
        int d = i % dim;
        float largest = -INFINITE;
        float sum = 0;
        float value = 0;
        for (int j = 0; j < TILES_OF_CHUNK; j++) {
            Merge m = merge(largest, sum, largests[j * 16 + r], sums[j * 16 + r]);
            value = merged(value, values[(j * 16 + r) * dim + d], m);
        }
        int head = kv * q.group + q.first + r;
        if (position < CHUNK_TOKENS) {
            p.out[row * p.os + (int64_t) head * dim + d] = div(value, sum);
        } else {
            float *part = part_of(p, blockIdx.x, head);
            if (d == 0) {
                part[0] = largest;
                part[1] = sum;
            }
            part[2 + d] = value;
        }
    }
}

/** Joins the chunks of rows that have several. Grid (such rows, heads), 128 threads. */
DEVICE void attend_merge(const Attend &p) {
    if ((int) blockIdx.x >= p.rows.counts[2]) {
        return;
    }
    int row = p.rows.index[p.long_rows[blockIdx.x]];
    int chunks = p.positions[row] / CHUNK_TOKENS + 1;
    int dim = (int) p.pages.head_dim;
    for (int d = threadIdx.x; d < dim; d += blockDim.x) {
        float largest = -INFINITE;
        float sum = 0;
        float value = 0;
        for (int c = 0; c < chunks; c++) {
            const float *part = part_of(p, p.long_tasks[blockIdx.x] + c, blockIdx.y);
            Merge m = merge(largest, sum, part[0], part[1]);
            value = merged(value, part[2 + d], m);
        }
        p.out[row * p.os + (int64_t) blockIdx.y * dim + d] = div(value, sum);
    }
}

#define MANY_WARPS 4

/** Starts the copies of a tile's keys and values for one key/value head: four pages each. */
template <int TYPE> DEVICE void copy_tile(const Pages &pages, const TilePages &from, uint8_t *to) {
    int bytes = (int) head_bytes<TYPE>(pages);
    int granules = bytes / 16;
    for (int i = threadIdx.x; i < 8 * granules; i += MANY_WARPS * WARP) {
        int page = i / granules % 4;
        const uint8_t *source = i / granules < 4 ? from.keys[page] : from.values[page];
        copy_async(to + (int64_t) i * 16, source + i % granules * 16, true);
    }
    copies_commit();
}

/**
 * Prefill: a task is up to 32 rows of one sequence, over all of their context. A block takes 64 query rows, 16 a warp; the
 * pages of the next tile come in while this one is computed. Grid (tasks, key/value heads, 64s of rows times heads), 128 threads.
 */
template <int TYPE, int DIMS> DEVICE void attend_many(const Attend &p) {
    if ((int) blockIdx.x >= p.rows.counts[1]) {
        return;
    }
    const int32_t *task = p.tasks + 3 * blockIdx.x;
    if (task[2] >= 0) {
        return;
    }
    int kv = blockIdx.y;
    int dim = (int) p.pages.head_dim;
    int warp = threadIdx.x / WARP;
    int lane = threadIdx.x % WARP;
    int g = lane / 4;
    int t = lane % 4;
    Queries q;
    q.group = (int) (p.heads / p.pages.kv_heads);
    q.count = task[1] * q.group;
    q.task_first = task[0];
    int block_first = blockIdx.z * MANY_WARPS * 16;
    if (block_first >= q.count) {
        return;
    }
    q.first = block_first + warp * 16;
    // Positions rise within a task: the first row of the block sees the earliest, the last one the latest.
    int block_last = block_first + MANY_WARPS * 16 - 1;
    block_last = block_last < q.count ? block_last : q.count - 1;
    int first_row = p.rows.index[q.task_first + block_first / q.group];
    int last_position = p.positions[p.rows.index[q.task_first + block_last / q.group]];
    int begin = p.window > 0 ? p.positions[first_row] + 1 - (int) p.window : 0;
    begin = begin > 0 ? begin / TILE_TOKENS : 0;
    int end = last_position / TILE_TOKENS + 1;

    int tile_bytes = (int) (8 * head_bytes<TYPE>(p.pages));
    uint8_t *stages = reinterpret_cast<uint8_t *>(shared_memory());
    // The sums over the chunks so far: [element][thread].
    float *total = reinterpret_cast<float *>(stages + 2 * tile_bytes) + threadIdx.x;
    const int STRIDE = MANY_WARPS * WARP;

    uint32_t fragments[DIMS / 16][4];
    load_queries<DIMS>(p, q, kv, fragments);
    Seen seen = seen_by(p, q);
    float total_largest[2] = {-INFINITE, -INFINITE};
    float total_sum[2] = {0, 0};
    float largest[2] = {-INFINITE, -INFINITE};
    float sum[2] = {0, 0};
    float out[DIMS / 8][4];
#pragma unroll
    for (int i = 0; i < DIMS / 8; i++) {
#pragma unroll
        for (int k = 0; k < 4; k++) {
            out[i][k] = 0;
            total[(i * 4 + k) * STRIDE] = 0;
        }
    }
    TilePages pages;
    find_pages<TYPE>(p.pages, first_row, kv, begin, last_position, pages);
    copy_tile<TYPE>(p.pages, pages, stages + begin % 2 * tile_bytes);
    for (int tile = begin; tile < end; tile++) {
        TilePages next;
        if (tile + 1 < end) {
            find_pages<TYPE>(p.pages, first_row, kv, tile + 1, last_position, next);
            copy_tile<TYPE>(p.pages, next, stages + (tile + 1) % 2 * tile_bytes);
        } else {
            copies_commit();
        }
        copies_wait<1>();
        block_sync();
        TilePages here = pages;
        const uint8_t *stage = stages + tile % 2 * tile_bytes;
        for (int i = 0; i < 4; i++) {
            here.keys[i] = stage + i * head_bytes<TYPE>(p.pages);
            here.values[i] = stage + (4 + i) * head_bytes<TYPE>(p.pages);
        }
        float tile_largest[2], tile_sum[2], tile_out[DIMS / 8][4];
        attend_tile<TYPE, DIMS>(p, fragments, here, tile, last_position + 1 - tile * TILE_TOKENS, seen, tile_largest, tile_sum, tile_out);
        Merge m[2];
        for (int half = 0; half < 2; half++) {
            m[half] = merge(largest[half], sum[half], tile_largest[half], tile_sum[half]);
        }
#pragma unroll
        for (int i = 0; i < DIMS / 8; i++) {
#pragma unroll
            for (int k = 0; k < 4; k++) {
                out[i][k] = merged(out[i][k], tile_out[i][k], m[k / 2]);
            }
        }
        if ((tile + 1) % TILES_OF_CHUNK == 0 || tile + 1 == end) {
            for (int half = 0; half < 2; half++) {
                m[half] = merge(total_largest[half], total_sum[half], largest[half], sum[half]);
                largest[half] = -INFINITE;
                sum[half] = 0;
            }
#pragma unroll
            for (int i = 0; i < DIMS / 8; i++) {
#pragma unroll
                for (int k = 0; k < 4; k++) {
                    float &to = total[(i * 4 + k) * STRIDE];
                    to = merged(to, out[i][k], m[k / 2]);
                    out[i][k] = 0;
                }
            }
        }
        pages = next;
        block_sync();
    }
#pragma unroll
    for (int half = 0; half < 2; half++) {
        int i = g + 8 * half;
        if (q.first + i < q.count) {
            float *to = p.out + row_of(p, q, i) * p.os + (int64_t) (kv * q.group + (q.first + i) % q.group) * dim;
#pragma unroll
            for (int d = 0; d < DIMS / 8; d++) {
                if (d * 8 < dim) {
                    to[d * 8 + 2 * t] = div(total[(d * 4 + 2 * half) * STRIDE], total_sum[half]);
                    to[d * 8 + 2 * t + 1] = div(total[(d * 4 + 2 * half + 1) * STRIDE], total_sum[half]);
                }
            }
        }
    }
}

/** Dimensions of a head that one thread of attend_plain takes. */
#define PLAIN_DIMS 4

/**
 * Any type of page and any head, without tensor cores: float32 pages, and heads over 256. A task's rows one after another.
 * Grid (tasks, heads), 128 threads.
 */
template <int TYPE> DEVICE void attend_plain(const Attend &p) {
    if ((int) blockIdx.x >= p.rows.counts[1]) {
        return;
    }
    const int32_t *task = p.tasks + 3 * blockIdx.x;
    int head = blockIdx.y;
    int kv = (int) (head / (p.heads / p.pages.kv_heads));
    int dim = (int) p.pages.head_dim;
    float *scores = reinterpret_cast<float *>(shared_memory());
    for (int i = 0; i < task[1]; i++) {
        int place = task[0] + i;
        int row = p.rows.index[place];
        int position = p.positions[row];
        int from = p.window > 0 && position + 1 > p.window ? position + 1 - (int) p.window : 0;
        const float *q = p.q + row * p.qs + (int64_t) head * dim;
        int first_chunk = task[2] < 0 ? 0 : task[2];
        int last_chunk = task[2] < 0 ? position / CHUNK_TOKENS : task[2];
        float total_largest = -INFINITE;
        float total_sum = 0;
        float total[PLAIN_DIMS] = {0, 0, 0, 0};
        for (int chunk = first_chunk; chunk <= last_chunk; chunk++) {
            float largest = -INFINITE;
            float sum = 0;
            float out[PLAIN_DIMS] = {0, 0, 0, 0};
            for (int tile = chunk * TILES_OF_CHUNK; tile < (chunk + 1) * TILES_OF_CHUNK; tile++) {
                int begin = tile * TILE_TOKENS;
                if (begin > position || begin + TILE_TOKENS <= from) {
                    continue;
                }
                block_sync();
                if (threadIdx.x < TILE_TOKENS) {
                    int at = begin + threadIdx.x;
                    float score = -INFINITE;
                    if (at >= from && at <= position) {
                        uint8_t *page = page_of(p.pages, row, at / PAGE_TOKENS);
                        const uint8_t *keys = page + kv * head_bytes<TYPE>(p.pages);
                        int token = at % PAGE_TOKENS;
                        float scale = TYPE == PAGES_Q8 ? scales_of(p.pages, page, kv)[token] : 0.0f;
                        float dot = 0;
                        for (int d = 0; d < dim; d++) {
                            dot = multiply_add(q[d], page_value<TYPE>(keys, key_element<TYPE>(dim, token, d), scale), dot);
                        }
                        score = powered_score(mul(dot, (float) p.scale), (float) p.softcap);
                    }
                    scores[threadIdx.x] = score;
                }
                block_sync();
                float tile_largest = -INFINITE;
                for (int k = 0; k < TILE_TOKENS; k++) {
                    tile_largest = fmaxf(tile_largest, scores[k]);
                }
                float tile_sum = 0;
                float tile_out[PLAIN_DIMS] = {0, 0, 0, 0};
                for (int k = 0; k < TILE_TOKENS; k++) {
                    if (scores[k] == -INFINITE) {
                        continue;
                    }
                    float power = power2(add(scores[k], -tile_largest));
                    tile_sum = add(tile_sum, power);
                    int at = begin + k;
                    int token = at % PAGE_TOKENS;
                    uint8_t *page = page_of(p.pages, row, at / PAGE_TOKENS);
                    int value_head = (int) p.pages.kv_heads + kv;
                    const uint8_t *values = page + value_head * head_bytes<TYPE>(p.pages);
                    float scale = TYPE == PAGES_Q8 ? scales_of(p.pages, page, value_head)[token] : 0.0f;
                    for (int j = 0; j < PLAIN_DIMS; j++) {
                        int d = threadIdx.x + j * 128;
                        if (d < dim) {
                            float v = page_value<TYPE>(values, value_element<TYPE>(dim, token, d), scale);
                            tile_out[j] = multiply_add(power, v, tile_out[j]);
                        }
                    }
                }
                Merge m = merge(largest, sum, tile_largest, tile_sum);
                for (int j = 0; j < PLAIN_DIMS; j++) {
                    out[j] = merged(out[j], tile_out[j], m);
                }
            }
            if (task[2] >= 0 && position >= CHUNK_TOKENS) {
                float *part = part_of(p, blockIdx.x, head);
                if (threadIdx.x == 0) {
                    part[0] = largest;
                    part[1] = sum;
                }
                for (int j = 0; j < PLAIN_DIMS; j++) {
                    if ((int) threadIdx.x + j * 128 < dim) {
                        part[2 + threadIdx.x + j * 128] = out[j];
                    }
                }
            } else {
                Merge m = merge(total_largest, total_sum, largest, sum);
                for (int j = 0; j < PLAIN_DIMS; j++) {
                    total[j] = merged(total[j], out[j], m);
                }
            }
        }
        if (task[2] < 0 || position < CHUNK_TOKENS) {
            for (int j = 0; j < PLAIN_DIMS; j++) {
                int d = threadIdx.x + j * 128;
                if (d < dim) {
                    p.out[row * p.os + (int64_t) head * dim + d] = div(total[j], total_sum);
                }
            }
        }
    }
}
