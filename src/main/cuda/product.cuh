/*
 * out[r, o + n] (+)= bias[n] + sum over k of x[r, k] w[n, k], on tensor cores, for any number of rows.
 *
 * The columns are cut into at most eight segments, by their number alone. A segment's sum goes through the tensor core's
 * accumulator in the order of its columns; the segments' sums are then added up in their order. Both kernels keep to that, and
 * so give the same bits for a row whatever else is in the step:
 *
 * narrow (few rows; memory bound): a warp streams one segment of its panels from memory straight into fragments, without
 * shared memory; the warps of a block are the segments of the same panels.
 * wide (many rows; compute bound): tiles of 128 weights by 128 rows in shared memory, four copies in flight.
 */
#pragma once

#include "weights.cuh"

/** Segment sum to result. The same operations in both kernels. */
DEVICE void give_out(float *out, float sum, float factor, float bias, bool accumulate) {
    float value = add(mul(sum, factor), bias);
    *out = accumulate ? add(*out, value) : value;
}

/** Four activations of a lane as one half's two registers: columns {0, 2} and {1, 3} of its four. */
DEVICE void pack_four(float4 v, uint32_t (&to)[2]) {
    to[0] = halves(ACTIVATION_SCALE * v.x, ACTIVATION_SCALE * v.z);
    to[1] = halves(ACTIVATION_SCALE * v.y, ACTIVATION_SCALE * v.w);
}

/** Rows in half precision: tiles [row / 8][block of 32 columns][lane][16 bytes], zeros behind the last. Grid (tiles, blocks / 8). */
DEVICE void pack(const Pack &p) {
    int lane = threadIdx.x % WARP;
    int blocks = (int) (p.columns + 31) / 32;
    int b = blockIdx.y * 8 + threadIdx.x / WARP;
    if (b >= blocks) {
        return;
    }
    int i = blockIdx.x * 8 + lane / 4;
    float4 first = {0, 0, 0, 0};
    float4 second = {0, 0, 0, 0};
    if (i < p.rows.counts[0]) {
        const float *x = p.x + p.rows.index[i] * p.xs + b * 32 + lane % 4 * 4;
        first = *reinterpret_cast<const float4 *>(x);
        if (b * 32 + 16 < p.columns) {
            second = *reinterpret_cast<const float4 *>(x + 16);
        }
    }
    uint32_t half0[2], half1[2];
    pack_four(first, half0);
    pack_four(second, half1);
    uint4 all = {half0[0], half0[1], half1[0], half1[1]};
    *reinterpret_cast<uint4 *>(p.packed + (((int64_t) blockIdx.x * blocks + b) * WARP + lane) * 16) = all;
}

/** What a narrow product works on: the panels of one matrix, and rows of x and out. */
struct Narrow {
    const uint8_t *panels; /* of the first panel */
    int panel_count;       /* that there are from there on, at most PANELS */
    int64_t panel_bytes;
    int blocks;
    int columns;
    int begin, end; /* blocks of this warp's segment */
    int segments;
};

/**
 * Sums of one segment into shared memory, [segment][panel * 16 + row][TILES * 8].
 *
 * @param x of this lane's row of each tile, or null behind the last row; packed: its fragments of the first block
 */
template <int TYPE, int PANELS, int TILES, bool PACKED>
DEVICE void narrow_segment(const Narrow &n, const float *const (&x)[TILES], const uint8_t *const (&packed)[TILES], float *sums) {
    // Blocks in flight: as many loads as hide the way to memory, in as many registers as there are.
    const int AHEAD = PANELS * (TYPE == F16 || TYPE == BF16 ? 2 : 1) >= 4 ? 1 : TILES >= 4 ? 2 : 4;
    int lane = threadIdx.x % WARP;
    int warp = threadIdx.x / WARP;
    int t = lane % 4;
    float acc[PANELS][TILES][4];
    for (int i = 0; i < PANELS; i++) {
        for (int j = 0; j < TILES; j++) {
            for (int k = 0; k < 4; k++) {
                acc[i][j][k] = 0;
            }
        }
    }
    for (int b = n.begin; b < n.end; b += AHEAD) {
        Raw<TYPE> raw[AHEAD][PANELS];
        uint32_t rows[AHEAD][TILES][2][2];
#pragma unroll
        for (int a = 0; a < AHEAD; a++) {
            int at = b + a < n.end ? b + a : n.end - 1;
#pragma unroll
            for (int i = 0; i < PANELS; i++) {
                Address<TYPE> from;
                const uint8_t *panel = n.panels + (i < n.panel_count ? i : 0) * n.panel_bytes;
#pragma unroll
                for (int part = 0; part < Parts<TYPE>::COUNT; part++) {
                    from.part[part] = panel + part_offset<TYPE>(part, at, n.blocks);
                }
                fill<true>(raw[a][i], from, lane, at * 32 + 16 < n.columns);
            }
        }
#pragma unroll
        for (int a = 0; a < AHEAD; a++) {
            int at = b + a < n.end ? b + a : n.end - 1;
#pragma unroll
            for (int j = 0; j < TILES; j++) {
                if (PACKED) {
                    uint4 v = *reinterpret_cast<const uint4 *>(packed[j] + at * (WARP * 16));
                    rows[a][j][0][0] = v.x;
                    rows[a][j][0][1] = v.y;
                    rows[a][j][1][0] = v.z;
                    rows[a][j][1][1] = v.w;
                } else {
                    float4 first = {0, 0, 0, 0};
                    float4 second = {0, 0, 0, 0};
                    if (x[j]) {
                        first = *reinterpret_cast<const float4 *>(x[j] + at * 32 + t * 4);
                        if (at * 32 + 16 < n.columns) {
                            second = *reinterpret_cast<const float4 *>(x[j] + at * 32 + 16 + t * 4);
                        }
                    }
                    pack_four(first, rows[a][j][0]);
                    pack_four(second, rows[a][j][1]);
                }
            }
        }
#pragma unroll
        for (int a = 0; a < AHEAD; a++) {
            if (b + a < n.end) {
#pragma unroll
                for (int i = 0; i < PANELS; i++) {
                    Fragments f = decode_block<TYPE>(raw[a][i], t);
#pragma unroll
                    for (int s = 0; s < 2; s++) {
#pragma unroll
                        for (int j = 0; j < TILES; j++) {
                            mma_f16(acc[i][j], f.half[s], rows[a][j][s]);
                        }
                    }
                }
            }
        }
    }
    int g = lane / 4;
#pragma unroll
    for (int i = 0; i < PANELS; i++) {
#pragma unroll
        for (int j = 0; j < TILES; j++) {
#pragma unroll
            for (int k = 0; k < 4; k++) {
                int row = i * 16 + g + k / 2 * 8;
                sums[(warp * PANELS * 16 + row) * (TILES * 8) + j * 8 + 2 * t + k % 2] = acc[i][j][k];
            }
        }
    }
}

/** The sum of all segments for output {@code row} of the block's panels and activation row {@code column}. */
template <int PANELS, int TILES> DEVICE float fold(const float *sums, int segments, int row, int column) {
    float sum = sums[row * (TILES * 8) + column];
    for (int s = 1; s < segments; s++) {
        sum = add(sum, sums[(s * PANELS * 16 + row) * (TILES * 8) + column]);
    }
    return sum;
}

/** The matrix that this block of the grid works on. */
template <class P> DEVICE int matrix_of(const P &p) {
    int m = 0;
    while (m + 1 < p.matrices && (int) blockIdx.x >= p.weights[m + 1].tile) {
        m++;
    }
    return m;
}

/** Grid (groups of PANELS panels of all matrices, groups of TILES * 8 rows); as many warps as segments. */
template <int TYPE, int PANELS, int TILES, bool PACKED> DEVICE void product_narrow(const Product &p) {
    int count = p.rows.counts[0];
    int first_row = blockIdx.y * (TILES * 8);
    if (first_row >= count) {
        return;
    }
    const Weights &w = p.weights[matrix_of(p)];
    int group = blockIdx.x - (int) w.tile;
    int lane = threadIdx.x % WARP;
    int warp = threadIdx.x / WARP;
    int panels = (int) (w.rows + 15) / 16;
    Narrow n;
    n.panels = w.data + (int64_t) group * PANELS * p.panel_bytes;
    n.panel_count = panels - group * PANELS;
    n.panel_bytes = p.panel_bytes;
    n.columns = (int) p.columns;
    n.blocks = (n.columns + 31) / 32;
    n.begin = warp * (int) p.segment_blocks;
    n.end = n.begin + (int) p.segment_blocks < n.blocks ? n.begin + (int) p.segment_blocks : n.blocks;
    const float *x[TILES];
    const uint8_t *packed[TILES];
    for (int j = 0; j < TILES; j++) {
        int i = first_row + j * 8 + lane / 4;
        x[j] = !PACKED && i < count ? p.x + p.rows.index[i] * p.xs : nullptr;
        packed[j] = PACKED ? p.packed + ((int64_t) (first_row / 8 + j) * n.blocks * WARP + lane) * 16 : nullptr;
    }
    float *sums = reinterpret_cast<float *>(shared_memory());
    narrow_segment<TYPE, PANELS, TILES, PACKED>(n, x, packed, sums);
    block_sync();
    for (int i = threadIdx.x; i < PANELS * 16 * TILES * 8; i += blockDim.x) {
        int column = i / (PANELS * 16);
        int row = i % (PANELS * 16);
        int64_t output = (int64_t) group * PANELS * 16 + row;
        if (first_row + column < count && output < w.rows) {
            float sum = fold<PANELS, TILES>(sums, (int) p.segments, row, column);
            float *out = p.out + p.rows.index[first_row + column] * p.os + w.column + output;
            give_out(out, sum, (float) p.factor, w.bias ? w.bias[output] : 0.0f, p.accumulate != 0);
        }
    }
}

/** Weights of a wide tile. */
#define WIDE_PANELS 8
/** Rows of a wide tile, in eights. */
#define WIDE_TILES 16
#define WIDE_THREADS 256
#define WIDE_STAGES 4

template <int TYPE> DEVICE constexpr int wide_stage_bytes() { return WIDE_PANELS * staged_bytes<TYPE>() + WIDE_TILES * 512; }

/** Starts the copies of one block of a tile's panels and rows. */
template <int TYPE>
DEVICE void copy_stage(const Product &p, const uint8_t *panels, int panel_count, int first_tile, int tiles, int b, int blocks, char *stage) {
    const int GRANULES = staged_bytes<TYPE>() / 16;
    for (int i = threadIdx.x; i < WIDE_PANELS * GRANULES; i += WIDE_THREADS) {
        int panel = i / GRANULES;
        int at = i % GRANULES * 16;
        int begin = 0;
        int part = 0;
#pragma unroll
        for (int q = 0; q + 1 < Parts<TYPE>::COUNT; q++) {
            if (at >= begin + Parts<TYPE>::at(q).bytes && part == q) {
                begin += Parts<TYPE>::at(q).bytes;
                part = q + 1;
            }
        }
        bool valid = panel < panel_count && !((TYPE == F16 || TYPE == BF16) && at >= 512 && b * 32 + 16 >= p.columns);
        const uint8_t *from = panels + (panel < panel_count ? panel : 0) * p.panel_bytes;
        from += valid ? part_offset<TYPE>(part, b, blocks) + at - begin : 0;
        copy_async(stage + panel * staged_bytes<TYPE>() + at, from, valid);
    }
    char *rows = stage + WIDE_PANELS * staged_bytes<TYPE>();
    for (int i = threadIdx.x; i < WIDE_TILES * WARP; i += WIDE_THREADS) {
        int tile = i / WARP;
        bool valid = tile < tiles;
        const uint8_t *from =
            p.packed + (((int64_t) (first_tile + (valid ? tile : 0)) * blocks + b) * WARP + i % WARP) * 16;
        copy_async(rows + i * 16, from, valid);
    }
    copies_commit();
}

/** Grid (groups of 8 panels of all matrices, groups of 128 rows), 8 warps of 4 panels by 4 tiles of rows. */
template <int TYPE> DEVICE void product_wide(const Product &p) {
    int count = p.rows.counts[0];
    int first_row = blockIdx.y * (WIDE_TILES * 8);
    if (first_row >= count) {
        return;
    }
    const Weights &w = p.weights[matrix_of(p)];
    int group = blockIdx.x - (int) w.tile;
    int panels = (int) (w.rows + 15) / 16 - group * WIDE_PANELS;
    panels = panels < WIDE_PANELS ? panels : WIDE_PANELS;
    int tiles = (count - first_row + 7) / 8;
    tiles = tiles < WIDE_TILES ? tiles : WIDE_TILES;
    const uint8_t *data = w.data + (int64_t) group * WIDE_PANELS * p.panel_bytes;
    int blocks = (int) (p.columns + 31) / 32;
    int lane = threadIdx.x % WARP;
    int warp = threadIdx.x / WARP;
    int g = lane / 4;
    int t = lane % 4;
    int own_panel = warp % 2 * 4;
    int own_tile = warp / 2 * 4;
    char *stages = shared_memory();

    float sum[4][4][4];
    float acc[4][4][4];
#pragma unroll
    for (int i = 0; i < 64; i++) {
        acc[i / 16][i / 4 % 4][i % 4] = 0;
        sum[i / 16][i / 4 % 4][i % 4] = 0;
    }
#pragma unroll
    for (int s = 0; s < WIDE_STAGES - 1; s++) {
        if (s < blocks) {
            copy_stage<TYPE>(p, data, panels, first_row / 8, tiles, s, blocks, stages + s * wide_stage_bytes<TYPE>());
        } else {
            copies_commit();
        }
    }
    int left = (int) p.segment_blocks;
    bool first = true;
    for (int b = 0; b < blocks; b++) {
        copies_wait<WIDE_STAGES - 2>();
        block_sync();
        int next = b + WIDE_STAGES - 1;
        if (next < blocks) {
            copy_stage<TYPE>(p, data, panels, first_row / 8, tiles, next, blocks,
                stages + next % WIDE_STAGES * wide_stage_bytes<TYPE>());
        } else {
            copies_commit();
        }
        const char *stage = stages + b % WIDE_STAGES * wide_stage_bytes<TYPE>();
        const char *rows = stage + WIDE_PANELS * staged_bytes<TYPE>();
        uint4 x[4];
#pragma unroll
        for (int j = 0; j < 4; j++) {
            x[j] = *reinterpret_cast<const uint4 *>(rows + ((own_tile + j) * WARP + lane) * 16);
        }
#pragma unroll
        for (int i = 0; i < 4; i++) {
            const uint8_t *panel = reinterpret_cast<const uint8_t *>(stage) + (own_panel + i) * staged_bytes<TYPE>();
            Address<TYPE> from;
#pragma unroll
            for (int part = 0; part < Parts<TYPE>::COUNT; part++) {
                from.part[part] = panel;
                panel += Parts<TYPE>::at(part).bytes;
            }
            Raw<TYPE> raw;
            fill<false>(raw, from, lane, true);
            Fragments f = decode_block<TYPE>(raw, t);
#pragma unroll
            for (int j = 0; j < 4; j++) {
                const uint32_t half0[2] = {x[j].x, x[j].y};
                mma_f16(acc[i][j], f.half[0], half0);
            }
#pragma unroll
            for (int j = 0; j < 4; j++) {
                const uint32_t half1[2] = {x[j].z, x[j].w};
                mma_f16(acc[i][j], f.half[1], half1);
            }
        }
        if (--left == 0 || b + 1 == blocks) {
#pragma unroll
            for (int i = 0; i < 64; i++) {
                float &total = sum[i / 16][i / 4 % 4][i % 4];
                float &part = acc[i / 16][i / 4 % 4][i % 4];
                total = first ? part : add(total, part);
                part = 0;
            }
            first = false;
            left = (int) p.segment_blocks;
        }
    }
#pragma unroll
    for (int i = 0; i < 4; i++) {
#pragma unroll
        for (int j = 0; j < 4; j++) {
#pragma unroll
            for (int k = 0; k < 4; k++) {
                int64_t output = (int64_t) (group * WIDE_PANELS + own_panel + i) * 16 + g + k / 2 * 8;
                int row = first_row + (own_tile + j) * 8 + 2 * t + k % 2;
                if (output < w.rows && row < count) {
                    float *out = p.out + p.rows.index[row] * p.os + w.column + output;
                    give_out(out, sum[i][j][k], (float) p.factor, w.bias ? w.bias[output] : 0.0f, p.accumulate != 0);
                }
            }
        }
    }
}

/** Rows that an expert takes at a time, in eights. */
#define EXPERT_TILES 4
#define EXPERT_PANELS 2

/** Grid (groups of two panels of all matrices, experts); as many warps as segments. */
template <int TYPE> DEVICE void product_experts(const ExpertProduct &p) {
    int expert = blockIdx.y;
    int begin = p.offsets[expert];
    int end = p.offsets[expert + 1];
    const Weights &w = p.weights[matrix_of(p)];
    int group = blockIdx.x - (int) w.tile;
    int lane = threadIdx.x % WARP;
    int warp = threadIdx.x / WARP;
    int panels = (int) (w.rows + 15) / 16;
    Narrow n;
    n.panels = w.data + ((int64_t) expert * panels + group * EXPERT_PANELS) * p.panel_bytes;
    n.panel_count = panels - group * EXPERT_PANELS;
    n.panel_bytes = p.panel_bytes;
    n.columns = (int) p.columns;
    n.blocks = (n.columns + 31) / 32;
    n.begin = warp * (int) p.segment_blocks;
    n.end = n.begin + (int) p.segment_blocks < n.blocks ? n.begin + (int) p.segment_blocks : n.blocks;
    float *sums = reinterpret_cast<float *>(shared_memory());
    for (int first = begin; first < end; first += EXPERT_TILES * 8) {
        const float *x[EXPERT_TILES];
        const uint8_t *packed[EXPERT_TILES];
        for (int j = 0; j < EXPERT_TILES; j++) {
            int i = first + j * 8 + lane / 4;
            packed[j] = nullptr;
            x[j] = nullptr;
            if (i < end) {
                int slot = p.slots[i];
                x[j] = p.x + (p.by_slot ? (int64_t) slot : (int64_t) p.rows.index[slot / p.used]) * p.xs;
            }
        }
        block_sync();
        narrow_segment<TYPE, EXPERT_PANELS, EXPERT_TILES, false>(n, x, packed, sums);
        block_sync();
        for (int i = threadIdx.x; i < EXPERT_PANELS * 16 * EXPERT_TILES * 8; i += blockDim.x) {
            int column = i / (EXPERT_PANELS * 16);
            int row = i % (EXPERT_PANELS * 16);
            int64_t output = (int64_t) group * EXPERT_PANELS * 16 + row;
            if (first + column < end && output < w.rows) {
                float sum = fold<EXPERT_PANELS, EXPERT_TILES>(sums, (int) p.segments, row, column);
                give_out(p.out + p.slots[first + column] * p.os + w.column + output, sum, (float) p.factor, 0.0f, false);
            }
        }
    }
}

#define PLAIN_ROWS 8
#define PLAIN_SLICES 16

/**
 * Sums of float32 weights for up to ROWS rows: [slice][16 rows of a panel], slices of columns added up in their order.
 * 256 threads; results of thread i < 16 * ROWS are returned: row i % 16 of the panel, row i / 16 of x.
 */
template <int ROWS>
DEVICE float plain_sums(const float *panel, int columns, const float *const (&x)[ROWS]) {
    float *sums = reinterpret_cast<float *>(shared_memory());
    int row = threadIdx.x % 16;
    int slice = threadIdx.x / 16;
    float acc[ROWS];
    for (int r = 0; r < ROWS; r++) {
        acc[r] = 0;
    }
    for (int k = slice; k < columns; k += PLAIN_SLICES) {
        float w = panel[(int64_t) k * 16 + row];
#pragma unroll
        for (int r = 0; r < ROWS; r++) {
            if (x[r]) {
                acc[r] = multiply_add(w, x[r][k], acc[r]);
            }
        }
    }
    block_sync();
    for (int r = 0; r < ROWS; r++) {
        sums[(slice * ROWS + r) * 16 + row] = acc[r];
    }
    block_sync();
    float sum = 0;
    int r = threadIdx.x / 16;
    if (r < ROWS) {
        for (int s = 0; s < PLAIN_SLICES; s++) {
            sum = add(sum, sums[(s * ROWS + r) * 16 + row]);
        }
    }
    return sum;
}

/** Weights in float32. Grid (panels of all matrices, groups of 8 rows), 256 threads. */
DEVICE void product_plain(const Product &p) {
    int count = p.rows.counts[0];
    int first_row = blockIdx.y * PLAIN_ROWS;
    if (first_row >= count) {
        return;
    }
    const Weights &w = p.weights[matrix_of(p)];
    int panel = blockIdx.x - (int) w.tile;
    const float *x[PLAIN_ROWS];
    for (int r = 0; r < PLAIN_ROWS; r++) {
        x[r] = first_row + r < count ? p.x + p.rows.index[first_row + r] * p.xs : nullptr;
    }
    float sum = plain_sums<PLAIN_ROWS>(reinterpret_cast<const float *>(w.data + panel * p.panel_bytes), (int) p.columns, x);
    int row = first_row + threadIdx.x / 16;
    int64_t output = (int64_t) panel * 16 + threadIdx.x % 16;
    if (threadIdx.x / 16 < PLAIN_ROWS && row < count && output < w.rows) {
        float *out = p.out + p.rows.index[row] * p.os + w.column + output;
        give_out(out, sum, (float) p.factor, w.bias ? w.bias[output] : 0.0f, p.accumulate != 0);
    }
}

DEVICE void experts_plain(const ExpertProduct &p) {
    int begin = p.offsets[blockIdx.y];
    int end = p.offsets[blockIdx.y + 1];
    const Weights &w = p.weights[matrix_of(p)];
    int panel = blockIdx.x - (int) w.tile;
    int panels = (int) (w.rows + 15) / 16;
    const uint8_t *data = w.data + ((int64_t) blockIdx.y * panels + panel) * p.panel_bytes;
    for (int first = begin; first < end; first += PLAIN_ROWS) {
        const float *x[PLAIN_ROWS];
        for (int r = 0; r < PLAIN_ROWS; r++) {
            x[r] = nullptr;
            if (first + r < end) {
                int slot = p.slots[first + r];
                x[r] = p.x + (p.by_slot ? (int64_t) slot : (int64_t) p.rows.index[slot / p.used]) * p.xs;
            }
        }
        float sum = plain_sums<PLAIN_ROWS>(reinterpret_cast<const float *>(data), (int) p.columns, x);
        int at = first + threadIdx.x / 16;
        int64_t output = (int64_t) panel * 16 + threadIdx.x % 16;
        if (threadIdx.x / 16 < PLAIN_ROWS && at < end && output < w.rows) {
            give_out(p.out + p.slots[at] * p.os + w.column + output, sum, (float) p.factor, 0.0f, false);
        }
    }
}
