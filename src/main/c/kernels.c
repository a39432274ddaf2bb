/*
 * The kernels, compiled once for each instruction set. Weights come in panels of 16 rows (see Panels.java); a tile is a few
 * panels by a few activation rows, its sums in registers. A value's sums always run in the order of k, whatever the tile.
 */
#include "ashlar.h"
#include "simd.h"

#ifndef VARIANT
#error "compile with -DVARIANT=name"
#endif
#define JOIN_(a, b) a##_##b
#define JOIN(a, b) JOIN_(a, b)
#define UNROLL _Pragma("GCC unroll 16")

INLINE int64_t aligned64(int64_t n) { return (n + 63) & ~(int64_t)63; }

/** Bytes of a panel: 16 rows of k columns. */
INLINE int64_t panel_bytes(int type, int64_t k) {
    int64_t blocks = k / 32;
    switch (type) {
    case F32: return 64 * k;
    case F16: case BF16: return aligned64(32 * k);
    case Q8_0: return aligned64(blocks * (512 + 32));
    case Q4_0: return aligned64(blocks * (256 + 32));
    case Q4_K: return aligned64(blocks * (256 + 32) + blocks / 8 * 64);
    case Q5_K: return aligned64(blocks * (256 + 64 + 32) + blocks / 8 * 64);
    default: return aligned64(blocks * (256 + 128 + 32) + blocks / 8 * 32);
    }
}

INLINE int quantized(int type) { return type >= Q8_0; }

/** 16 rows by 4 columns k of block b, as unsigned bytes; j counts fours. */
INLINE vi weights(int type, const uint8_t *panel, int64_t blocks, int64_t b, int j) {
    if (type == Q8_0) return vi_signed(vi_load(panel + b * 512 + j * 64));
    vi both = vi_load(panel + b * 256 + (j & 3) * 64);
    vi v = j < 4 ? vi_low(both) : vi_high(both);
    if (type == Q5_K) return vi_fifth(v, panel + blocks * 256 + b * 64 + j * 8);
    if (type == Q6_K) return vi_upper(v, vi_load(panel + blocks * 256 + b * 128 + (j >> 2) * 64), (j & 3) * 2);
    return v;
}

/** The scales of block b; half is used by Q6_K only. */
INLINE vf scales(int type, const uint8_t *panel, int64_t blocks, int64_t b, int half) {
    switch (type) {
    case Q8_0: return vf_half((const uint16_t *)(panel + blocks * 512 + b * 32));
    case Q4_0: return vf_half((const uint16_t *)(panel + blocks * 256 + b * 32));
    case Q4_K: case Q5_K: {
        const uint8_t *s = panel + blocks * (type == Q4_K ? 256 : 320);
        return vf_mul(vf_half((const uint16_t *)(s + blocks * 32 + b / 8 * 64)), vf_ubytes(s + b * 32));
    }
    default: {
        const uint8_t *s = panel + blocks * 384;
        return vf_mul(vf_half((const uint16_t *)(s + blocks * 32 + b / 8 * 32)), vf_bytes((const int8_t *)(s + b * 32 + half * 16)));
    }
    }
}

/** What is taken from every weight of block b (Q4_K, Q5_K). */
INLINE vf mins(int type, const uint8_t *panel, int64_t blocks, int64_t b) {
    const uint8_t *s = panel + blocks * (type == Q4_K ? 256 : 320);
    return vf_mul(vf_half((const uint16_t *)(s + blocks * 32 + b / 8 * 64 + 32)), vf_ubytes(s + b * 32 + 16));
}

INLINE int32_t offset_of(int type, const BlockMeta *m, int half) {
    switch (type) {
    case Q8_0: return WEIGHT_BIAS_Q8 ? m->minus128 : 0;
    case Q4_0: return m->minus8;
    case Q6_K: return m->minus32[half];
    default: return 0;
    }
}

/**
 * sums[p][c] += panel p times quantised row c, over blocks [from, to).
 */
INLINE void tile_quantized(int type, int P, int C, const uint8_t *w, int64_t pitch, int64_t blocks, int64_t from, int64_t to,
                           const int8_t *const *x, const BlockMeta *const *m, vf sums[][TILE_COLUMNS]) {
    int halves = type == Q6_K ? 2 : 1;
    for (int64_t b = from; b < to; b++) {
        UNROLL for (int h = 0; h < halves; h++) {
            vi acc[4][TILE_COLUMNS];
            UNROLL for (int c = 0; c < C; c++) {
                vi start = vi_set(offset_of(type, &m[c][b], h));
                UNROLL for (int p = 0; p < P; p++) acc[p][c] = start;
            }
            UNROLL for (int f = 0; f < 8; f++) {
                if (halves == 2 && f >= 4) continue;
                int j = h * 4 + f;
                vi v[4];
                UNROLL for (int p = 0; p < P; p++) v[p] = weights(type, w + p * pitch, blocks, b, j);
                UNROLL for (int c = 0; c < C; c++) {
                    vi four = vi_four(x[c] + b * 32 + j * 4);
                    UNROLL for (int p = 0; p < P; p++) acc[p][c] = vi_dot(acc[p][c], v[p], four);
                }
            }
            UNROLL for (int p = 0; p < P; p++) {
                vf s = scales(type, w + p * pitch, blocks, b, h);
                UNROLL for (int c = 0; c < C; c++)
                    sums[p][c] = vf_fma(vi_float(acc[p][c]), vf_mul(s, vf_set(m[c][b].d)), sums[p][c]);
            }
        }
        if (type == Q4_K || type == Q5_K) {
            UNROLL for (int p = 0; p < P; p++) {
                vf s = mins(type, w + p * pitch, blocks, b);
                UNROLL for (int c = 0; c < C; c++) sums[p][c] = vf_fnma(s, vf_set(m[c][b].sum), sums[p][c]);
            }
        }
    }
}

/** sums[p][c] += panel p times float row c, over columns [from, to). */
INLINE void tile_float(int type, int P, int C, const uint8_t *w, int64_t pitch, int64_t from, int64_t to, const float *const *x,
                       vf sums[][TILE_COLUMNS]) {
    for (int64_t i = from; i < to; i++) {
        vf v[4];
        UNROLL for (int p = 0; p < P; p++) {
            const uint8_t *at = w + p * pitch;
            v[p] = type == F32 ? vf_load((const float *)at + i * 16)
                 : type == F16 ? vf_half((const uint16_t *)at + i * 16)
                               : vf_bf16((const uint16_t *)at + i * 16);
        }
        UNROLL for (int c = 0; c < C; c++) {
            vf f = vf_set(x[c][i]);
            UNROLL for (int p = 0; p < P; p++) sums[p][c] = vf_fma(v[p], f, sums[p][c]);
        }
    }
}

/** Writes 16 sums to out; rows beyond the matrix are not there. */
INLINE void write_sums(vf s, const float *bias, int accumulate, float *out, int64_t rows) {
    if (rows >= LANES) {
        if (bias) s = vf_add(s, vf_load(bias));
        vf_store(out, accumulate ? vf_add(vf_load(out), s) : s);
        return;
    }
    float t[LANES];
    vf_store(t, s);
    for (int64_t r = 0; r < rows; r++) {
        float v = bias ? t[r] + bias[r] : t[r];
        out[r] = accumulate ? out[r] + v : v;
    }
}

/** The activation rows of a product: quantised or float, and where their results go. */
typedef struct {
    const float *x;
    int64_t xs;
    Quantized q;
    float *out;
    int64_t os;
    int64_t k;
    int accumulate;
} Sides;

/** The most columns k that a pass over the activation rows takes: so many that a tile's weights stay in the first cache. */
#define PASS 768
/** Activation rows that share a pass: so many that they stay in the second cache. */
#define MOST_ROWS 192

/** Panels [panel, panel + P) by rows [c, c + C), over columns [from, to); sums wait in partial between passes. */
INLINE void tile(int type, int P, int C, const Sides *s, const Stacked *m, int64_t panel, int64_t from, int64_t to,
                 const int32_t *slots, const int32_t *x_rows, const int32_t *out_rows, int64_t column, float *partial) {
    vf sums[4][TILE_COLUMNS];
    int64_t pitch = panel_bytes(type, s->k);
    const uint8_t *w = m->weights + panel * pitch;
    /* What the sums go to is fetched while they are made. */
    if (to == s->k)
        UNROLL for (int c = 0; c < C; c++)
            UNROLL for (int p = 0; p < P; p++) __builtin_prefetch(s->out + (int64_t)out_rows[c] * s->os + column + (panel + p) * LANES, 1);
    UNROLL for (int p = 0; p < P; p++)
        UNROLL for (int c = 0; c < C; c++) sums[p][c] = from == 0 ? vf_zero() : vf_load(partial + (p * C + c) * LANES);
    if (quantized(type)) {
        const int8_t *x[TILE_COLUMNS];
        const BlockMeta *metas[TILE_COLUMNS];
        UNROLL for (int c = 0; c < C; c++) {
            x[c] = s->q.bytes + (int64_t)slots[c] * s->k;
            metas[c] = s->q.metas + (int64_t)slots[c] * (s->k / 32);
        }
        tile_quantized(type, P, C, w, pitch, s->k / 32, from / 32, to / 32, x, metas, sums);
    } else {
        const float *x[TILE_COLUMNS];
        UNROLL for (int c = 0; c < C; c++) x[c] = s->x + (int64_t)x_rows[c] * s->xs;
        tile_float(type, P, C, w, pitch, from, to, x, sums);
    }
    UNROLL for (int p = 0; p < P; p++) {
        int64_t first = (panel + p) * LANES;
        UNROLL for (int c = 0; c < C; c++) {
            if (to < s->k) vf_store(partial + (p * C + c) * LANES, sums[p][c]);
            else
                write_sums(sums[p][c], m->bias ? m->bias + first : 0, s->accumulate, s->out + (int64_t)out_rows[c] * s->os + column + first,
                           m->rows - first);
        }
    }
}

#define TILE(C) tile(type, P, C, s, m, panel, from, to, slots + c, x_rows + c, out_rows + c, column, partial + c * P * LANES)

/** P panels by all rows, pass by pass over k. */
INLINE void panels_by_rows(int type, int P, const Sides *s, const Stacked *m, int64_t panel, const int32_t *slots, const int32_t *x_rows,
                           const int32_t *out_rows, int64_t count, int64_t column) {
    float partial[MOST_ROWS * TILE_PANELS * LANES] __attribute__((aligned(64)));
    int64_t passes = count > TILE_COLUMNS ? (s->k + PASS - 1) / PASS : 1;
    int64_t pass = ((s->k + passes - 1) / passes + 31) / 32 * 32;
    for (int64_t from = 0; from < s->k; from += pass) {
        int64_t to = from + pass < s->k ? from + pass : s->k;
        for (int64_t c = 0; c < count;) {
            int64_t left = count - c;
            if (left >= TILE_COLUMNS) { TILE(TILE_COLUMNS); c += TILE_COLUMNS; }
            else if (TILE_COLUMNS > 4 && left >= 4) { TILE(TILE_COLUMNS > 4 ? 4 : 1); c += 4; }
            else if (TILE_COLUMNS > 3 && left == 3) { TILE(TILE_COLUMNS > 3 ? 3 : 1); c += 3; }
            else if (left >= 2) { TILE(2); c += 2; }
            else { TILE(1); c += 1; }
        }
    }
}

/** Panels [first, end) of a matrix times some rows. */
#define PRODUCT(name, TYPE)                                                                                                 \
    static void name(const Sides *s, const Stacked *m, int64_t first, int64_t end, const int32_t *slots, const int32_t *x_rows, \
                     const int32_t *out_rows, int64_t count, int64_t column) {                                             \
        int64_t most = (768 << 10) / (quantized(TYPE) ? s->k * 7 / 4 : s->k * 4);                                            \
        most = most < 4 * TILE_COLUMNS ? 4 * TILE_COLUMNS : most > MOST_ROWS ? MOST_ROWS : most / TILE_COLUMNS * TILE_COLUMNS; \
        for (int64_t c = 0; c < count; c += most) {                                                                        \
            int64_t n = c + most < count ? most : count - c, p = first;                                                     \
            if (n == 1)                                                                                                    \
                for (; p + 4 <= end; p += 4) few_rows(TYPE, 1, s, m, p, slots + c, x_rows + c, out_rows + c, column);        \
            if (n == 2)                                                                                                    \
                for (; p + 4 <= end; p += 4) few_rows(TYPE, 2, s, m, p, slots + c, x_rows + c, out_rows + c, column);        \
            for (; p + TILE_PANELS <= end; p += TILE_PANELS)                                                                \
                panels_by_rows(TYPE, TILE_PANELS, s, m, p, slots + c, x_rows + c, out_rows + c, n, column); \
            for (; p < end; p++) panels_by_rows(TYPE, 1, s, m, p, slots + c, x_rows + c, out_rows + c, n, column);         \
        }                                                                                                                   \
    }

/** More panels at once where rows are few: more streams of memory, and sums that do not wait for one another. */
INLINE void few_rows(int type, int C, const Sides *s, const Stacked *m, int64_t panel, const int32_t *slot, const int32_t *x_row,
                     const int32_t *out_row, int64_t column) {
    float partial[8 * LANES]; /* not needed: there is one pass */
    tile(type, 4, C, s, m, panel, 0, s->k, slot, x_row, out_row, column, partial);
}

PRODUCT(product_f32, F32)
PRODUCT(product_f16, F16)
PRODUCT(product_bf16, BF16)
PRODUCT(product_q8_0, Q8_0)
PRODUCT(product_q4_0, Q4_0)
PRODUCT(product_q4_k, Q4_K)
PRODUCT(product_q5_k, Q5_K)
PRODUCT(product_q6_k, Q6_K)

typedef void (*Product)(const Sides *, const Stacked *, int64_t, int64_t, const int32_t *, const int32_t *, const int32_t *, int64_t, int64_t);
static const Product products[] = {product_f32, product_f16, product_bf16, product_q8_0, product_q4_0, product_q4_k, product_q5_k, product_q6_k};

#define MAX_LIST 4096
static const int32_t *counting(void) {
    static int32_t list[MAX_LIST];
    if (list[MAX_LIST - 1] == 0)
        for (int32_t i = 0; i < MAX_LIST; i++) list[i] = i; /* the same values, whoever writes them */
    return list;
}

static void project(const Project *a, int task) {
    Sides s = {a->x, a->xs, a->q, a->out, a->os, a->columns, (int)a->accumulate};
    int64_t from = task % a->panel_tasks * a->panels_per_task, to = from + a->panels_per_task;
    int64_t row = task / a->panel_tasks * a->rows_per_task;
    int64_t count = a->rows.count - row < a->rows_per_task ? a->rows.count - row : a->rows_per_task;
    int64_t column = 0, first = 0;
    const int32_t *slots = counting() + row, *rows = a->rows.rows + row;
    for (int64_t i = 0; i < a->count; i++) {
        const Stacked *m = &a->stacked[i];
        int64_t panels = (m->rows + LANES - 1) / LANES;
        int64_t lo = from > first ? from - first : 0, hi = to - first < panels ? to - first : panels;
        if (lo < hi) products[m->type](&s, m, lo, hi, slots, rows, rows, count, column);
        first += panels;
        column += m->rows;
    }
}

static void experts(const Experts *a, int task) {
    int64_t panels = 0;
    for (int64_t i = 0; i < a->count; i++) panels += a->stacked[i].rows / LANES;
    int64_t tasks_each = (panels + a->panels_per_task - 1) / a->panels_per_task;
    int64_t expert = task / tasks_each;
    int64_t count = a->offsets[expert + 1] - a->offsets[expert];
    const int32_t *slots = a->slots + a->offsets[expert];
    Sides s = {a->x, a->xs, a->q, a->out, a->os, a->columns, 0};
    int64_t from = task % tasks_each * a->panels_per_task, to = from + a->panels_per_task, column = 0, first = 0;
    for (int64_t done = 0; done < count; done += 64) {
        int64_t n = count - done < 64 ? count - done : 64;
        int32_t places[64], x_rows[64];
        for (int64_t i = 0; i < n; i++) {
            int32_t slot = slots[done + i];
            places[i] = a->by_slot ? slot : slot / (int32_t)a->used;
            x_rows[i] = a->by_slot ? slot : a->rows.rows[slot / a->used];
        }
        column = 0;
        first = 0;
        for (int64_t i = 0; i < a->count; i++) {
            Stacked m = a->stacked[i];
            int64_t own = m.rows / LANES;
            m.weights += expert * own * panel_bytes((int)m.type, a->columns);
            int64_t lo = from > first ? from - first : 0, hi = to - first < own ? to - first : own;
            if (lo < hi) products[m.type](&s, &m, lo, hi, places, x_rows, slots + done, n, column);
            first += own;
            column += m.rows;
        }
    }
}

static void quantize_row(const float *x, int64_t width, int8_t *out, BlockMeta *metas) {
    for (int64_t b = 0; b < width / 32; b++) {
        vf lo = vf_load(x + b * 32), hi = vf_load(x + b * 32 + 16);
        float most = vf_largest(vf_max(vf_abs(lo), vf_abs(hi)));
        float d = most / 127.0f;
        vf inverse = vf_set(d > 0 ? 127.0f / most : 0);
        int8_t *q = out + b * 32;
        vf_store_bytes(q, vf_mul(lo, inverse));
        vf_store_bytes(q + 16, vf_mul(hi, inverse));
        int32_t first = sum_bytes(q), second = sum_bytes(q + 16), sum = first + second;
        metas[b] = (BlockMeta){d, d * (float)sum, -8 * sum, -128 * sum, {-32 * first, -32 * second}};
    }
}

static void quantize(const Quantize *a, int64_t from, int64_t to) {
    for (int64_t i = from; i < to; i++) {
        int64_t row = a->rows.rows ? a->rows.rows[i] : i;
        quantize_row(a->x + row * a->xs, a->q.width, a->q.bytes + i * a->q.width, a->q.metas + i * (a->q.width / 32));
    }
}

static void embed(const Embed *a, int64_t from, int64_t to) {
    int type = (int)a->type;
    int64_t blocks = a->width / 32, pitch = panel_bytes(type, a->width);
    for (int64_t i = from; i < to; i++) {
        int32_t row = a->rows.rows[i], token = a->tokens[row];
        int lane = token % LANES;
        const uint8_t *panel = a->table + token / LANES * pitch;
        float *out = a->out + row * a->stride;
        float scale = (float)a->scale;
        if (!quantized(type)) {
            for (int64_t k = 0; k < a->width; k++) {
                int64_t at = k * LANES + lane;
                float v;
                if (type == F32) v = ((const float *)panel)[at];
                else if (type == F16) {
                    float t[LANES];
                    vf_store(t, vf_half((const uint16_t *)panel + k * LANES));
                    v = t[lane];
                } else {
                    uint32_t bits = (uint32_t)((const uint16_t *)panel)[at] << 16;
                    memcpy(&v, &bits, 4);
                }
                out[k] = v * scale;
            }
            continue;
        }
        for (int64_t b = 0; b < blocks; b++) {
            for (int j = 0; j < 8; j++) {
                uint8_t bytes[64];
                vi v = weights(type, panel, blocks, b, j);
                memcpy(bytes, &v, 64);
                float s[LANES], m[LANES];
                vf_store(s, scales(type, panel, blocks, b, j >= 4));
                if (type == Q4_K || type == Q5_K) vf_store(m, mins(type, panel, blocks, b));
                for (int i4 = 0; i4 < 4; i4++) {
                    int q = bytes[lane * 4 + i4];
                    if (type == Q8_0) q = WEIGHT_BIAS_Q8 ? q - 128 : (int8_t)q;
                    if (type == Q4_0) q -= 8;
                    if (type == Q6_K) q -= 32;
                    float w = (float)q * s[lane];
                    if (type == Q4_K || type == Q5_K) w -= m[lane];
                    out[b * 32 + j * 4 + i4] = w * scale;
                }
            }
        }
    }
}

static void norm(const Norm *a, int64_t from, int64_t to) {
    for (int64_t i = from; i < to; i++) {
        int64_t row = a->rows.rows[i];
        const float *x = a->x + row * a->xs;
        float *out = a->out + row * a->os;
        vf squares = vf_zero();
        for (int64_t k = 0; k < a->width; k += LANES) {
            vf v = vf_load(x + k);
            squares = vf_fma(v, v, squares);
        }
        vf scale = vf_set((float)(1.0 / sqrt((double)vf_sum(squares) / (double)a->width + a->epsilon)));
        for (int64_t k = 0; k < a->width; k += LANES) {
            vf v = vf_mul(vf_mul(vf_load(x + k), scale), vf_load(a->weight + k));
            vf_store(out + k, a->accumulate ? vf_add(vf_load(out + k), v) : v);
        }
    }
}

static void head_norm(const HeadNorm *a, int64_t from, int64_t to) {
    for (int64_t i = from; i < to; i++) {
        for (int64_t h = 0; h < a->heads; h++) {
            float *x = a->x + a->rows.rows[i] * a->xs + a->column + h * a->head_dim;
            vf squares = vf_zero();
            for (int64_t k = 0; k < a->head_dim; k += LANES) squares = vf_fma(vf_load(x + k), vf_load(x + k), squares);
            vf scale = vf_set((float)(1.0 / sqrt((double)vf_sum(squares) / (double)a->head_dim + a->epsilon)));
            for (int64_t k = 0; k < a->head_dim; k += LANES) vf_store(x + k, vf_mul(vf_mul(vf_load(x + k), scale), vf_load(a->weight + k)));
        }
    }
}

static void low_rank(const LowRank *a, int task) {
    const int32_t *segment = a->segments + 3 * task;
    const Term *terms = a->terms[segment[0]] + a->slot;
    const int32_t *rows = a->rows + segment[1], *list = counting();
    int64_t count = segment[2], column = 0;
    for (int64_t m = 0; m < a->matrices; m++) {
        const Term *t = &terms[m];
        if (t->a) {
            float middle[SEGMENT_ROWS * 256];
            Sides down = {a->x, a->xs, {0}, middle, 256, a->in, 0};
            Stacked first = {(const uint8_t *)t->a, 0, F32, t->rank};
            product_f32(&down, &first, 0, (t->rank + LANES - 1) / LANES, list, rows, list, count, 0);
            Sides up = {middle, 256, {0}, a->out, a->os, t->rank, 1};
            Stacked second = {(const uint8_t *)t->b, 0, F32, a->widths[m]};
            product_f32(&up, &second, 0, (a->widths[m] + LANES - 1) / LANES, list, list, rows, count, column);
        }
        column += a->widths[m];
    }
}

/** angles: for each position, half cosines and then half sines. */
static void rotate(const Rotate *a, int64_t from, int64_t to) {
    int64_t half = a->half;
    for (int64_t i = from; i < to; i++) {
        int64_t row = a->rows.rows[i];
        const float *c = a->angles + (int64_t)a->positions[row] * 2 * half, *s = c + half;
        for (int64_t h = 0; h < a->heads; h++) {
            float *x = a->x + row * a->xs + a->column + h * a->head_dim;
            int64_t k = 0;
            for (; k + LANES <= half; k += LANES) {
                vf u = vf_load(x + k), v = vf_load(x + half + k), cs = vf_load(c + k), sn = vf_load(s + k);
                vf_store(x + k, vf_fnma(v, sn, vf_mul(u, cs)));
                vf_store(x + half + k, vf_fma(v, cs, vf_mul(u, sn)));
            }
            for (; k < half; k++) {
                float u = x[k], v = x[half + k];
                x[k] = fmaf(-v, s[k], u * c[k]);
                x[half + k] = fmaf(v, c[k], u * s[k]);
            }
        }
    }
}

INLINE int64_t element_bytes(int kind) { return kind == PAGES_F32 ? 4 : kind == PAGES_F16 ? 2 : 1; }
/** A page is keys [kv_heads, head_dim, 16], values [kv_heads, 16, head_dim], then for bytes the scales [2, kv_heads, 16]. */
INLINE uint8_t *page_of(const Pages *p, int64_t row, int64_t position) {
    return (uint8_t *)p->tables[row][p->layer * p->strides[row] + position / PAGE_TOKENS];
}

INLINE void half_at(uint16_t *to, float v) {
    uint16_t t[LANES];
    vf_store_half(t, vf_set(v));
    *to = t[0];
}

static void store(const Store *a, int64_t from, int64_t to) {
    const Pages *pg = &a->pages;
    int kind = (int)pg->kind;
    int64_t dim = pg->head_dim, keys = pg->kv_heads * dim * PAGE_TOKENS, size = element_bytes(kind);
    for (int64_t i = from; i < to; i++) {
        int64_t row = a->rows.rows[i], position = a->positions[row], at = position % PAGE_TOKENS;
        uint8_t *page = page_of(pg, row, position);
        for (int64_t h = 0; h < pg->kv_heads; h++) {
            const float *k = a->x + row * a->xs + a->keys + h * dim, *v = a->x + row * a->xs + a->values + h * dim;
            uint8_t *ks = page + (h * dim * PAGE_TOKENS + at) * size, *vs = page + (keys + (h * PAGE_TOKENS + at) * dim) * size;
            if (kind == PAGES_F32) {
                for (int64_t d = 0; d < dim; d++) ((float *)ks)[d * PAGE_TOKENS] = k[d];
                memcpy(vs, v, (size_t)dim * 4);
            } else if (kind == PAGES_F16) {
                for (int64_t d = 0; d < dim; d += LANES) {
                    uint16_t t[LANES];
                    vf_store_half(t, vf_load(k + d));
                    for (int l = 0; l < LANES; l++) ((uint16_t *)ks)[(d + l) * PAGE_TOKENS] = t[l];
                    vf_store_half((uint16_t *)vs + d, vf_load(v + d));
                }
            } else {
                float *ksc = (float *)(page + 2 * keys) + h * PAGE_TOKENS + at, *vsc = ksc + pg->kv_heads * PAGE_TOKENS;
                vf mk = vf_zero(), mv = vf_zero();
                for (int64_t d = 0; d < dim; d += LANES) {
                    mk = vf_max(mk, vf_abs(vf_load(k + d)));
                    mv = vf_max(mv, vf_abs(vf_load(v + d)));
                }
                float most_k = vf_largest(mk), most_v = vf_largest(mv);
                *ksc = most_k / 127.0f;
                *vsc = most_v / 127.0f;
                vf ik = vf_set(most_k > 0 ? 127.0f / most_k : 0), iv = vf_set(most_v > 0 ? 127.0f / most_v : 0);
                for (int64_t d = 0; d < dim; d += LANES) {
                    int8_t t[LANES];
                    vf_store_bytes(t, vf_mul(vf_load(k + d), ik));
                    for (int l = 0; l < LANES; l++) ((int8_t *)ks)[(d + l) * PAGE_TOKENS] = t[l];
                    vf_store_bytes((int8_t *)vs + d, vf_mul(vf_load(v + d), iv));
                }
            }
        }
    }
}

INLINE vf page_values(int kind, const uint8_t *p, int64_t index) {
    return kind == PAGES_F32 ? vf_load((const float *)p + index)
         : kind == PAGES_F16 ? vf_half((const uint16_t *)p + index)
                             : vf_bytes((const int8_t *)p + index);
}

INLINE vf vf_tanh(vf x) {
    vf e = vf_exp(vf_mul(vf_max(vf_min(x, vf_set(15.0f)), vf_set(-15.0f)), vf_set(2.0f)));
    return vf_div(vf_sub(e, vf_set(1.0f)), vf_add(e, vf_set(1.0f)));
}

/** What a tile of attention needs besides its size: some queries of one sequence, one key/value head, a range of tokens. */
typedef struct {
    const float *query[TILE_QUERIES];
    int64_t from[TILE_QUERIES], to[TILE_QUERIES]; /* positions that the query sees, within the chunk */
    float *target[TILE_QUERIES];
    float *part[TILE_QUERIES]; /* {max, sum}; null: the target is the result, not a part */
} Queries;

INLINE void attend_tile(int kind, int M, const Attend *a, const Queries *q, const int64_t *table, int64_t kv, int64_t chunk) {
    int64_t dim = a->pages.head_dim, keys = a->pages.kv_heads * dim * PAGE_TOKENS, size = element_bytes(kind);
    int64_t lo = q->from[0], hi = q->to[0];
    for (int i = 1; i < M; i++) {
        lo = q->from[i] < lo ? q->from[i] : lo;
        hi = q->to[i] > hi ? q->to[i] : hi;
    }
    int64_t p0 = lo / PAGE_TOKENS, p1 = hi > lo ? (hi + PAGE_TOKENS - 1) / PAGE_TOKENS : p0;
    float s[TILE_QUERIES][CHUNK_TOKENS] __attribute__((aligned(64)));
    /* Queries side by side, so that one register addresses all of them. */
    float queries[MOST_HEAD_DIM * TILE_QUERIES] __attribute__((aligned(64)));
    for (int64_t d = 0; d < dim; d++)
        UNROLL for (int i = 0; i < M; i++) queries[d * M + i] = q->query[i][d];
    vf scale = vf_set((float)a->scale);
    int64_t base = chunk * CHUNK_TOKENS;
    for (int64_t p = p0; p < p1;) {
        int two = M <= 4 && p + 2 <= p1; /* two pages at once where few queries leave registers free */
        const uint8_t *k0 = (const uint8_t *)table[p] + kv * dim * PAGE_TOKENS * size;
        const uint8_t *k1 = two ? (const uint8_t *)table[p + 1] + kv * dim * PAGE_TOKENS * size : k0;
        vf acc[TILE_QUERIES], more[TILE_QUERIES];
        UNROLL for (int i = 0; i < M; i++) acc[i] = more[i] = vf_zero();
        if (two) {
            for (int64_t d = 0; d < dim; d++) {
                vf u = page_values(kind, k0, d * PAGE_TOKENS), v = page_values(kind, k1, d * PAGE_TOKENS);
                UNROLL for (int i = 0; i < M; i++) {
                    vf f = vf_set(queries[d * M + i]);
                    acc[i] = vf_fma(u, f, acc[i]);
                    if (M <= 4) more[i] = vf_fma(v, f, more[i]);
                }
            }
        } else {
            for (int64_t d = 0; d < dim; d++) {
                vf u = page_values(kind, k0, d * PAGE_TOKENS);
                UNROLL for (int i = 0; i < M; i++) acc[i] = vf_fma(u, vf_set(queries[d * M + i]), acc[i]);
            }
        }
        for (int n = 0; n < 1 + two; n++) {
            vf page_scale = scale;
            if (kind == PAGES_Q8) page_scale = vf_mul(scale, vf_load((const float *)((const uint8_t *)table[p + n] + 2 * keys) + kv * PAGE_TOKENS));
            UNROLL for (int i = 0; i < M; i++) {
                vf v = vf_mul(n ? more[i] : acc[i], page_scale);
                if (a->softcap > 0) v = vf_mul(vf_tanh(vf_mul(v, vf_set((float)(1 / a->softcap)))), vf_set((float)a->softcap));
                vf_store(s[i] + (p + n) * PAGE_TOKENS - base, v);
            }
        }
        p += 1 + two;
    }
    float inverse[TILE_QUERIES];
    int64_t first = p0 * PAGE_TOKENS - base, last = p1 * PAGE_TOKENS - base;
    for (int i = 0; i < M; i++) {
        for (int64_t t = first; t < q->from[i] - base; t++) s[i][t] = -INFINITY;
        for (int64_t t = q->to[i] - base; t < last; t++) s[i][t > first ? t : first] = -INFINITY;
        vf most = vf_set(-INFINITY);
        for (int64_t t = first; t < last; t += LANES) most = vf_max(most, vf_load(s[i] + t));
        float max = vf_largest(most);
        vf sum = vf_zero(), shift = vf_set(max == -INFINITY ? 0 : max);
        for (int64_t t = first; t < last; t += LANES) {
            vf e = vf_exp(vf_sub(vf_load(s[i] + t), shift));
            sum = vf_add(sum, e);
            if (kind == PAGES_Q8)
                e = vf_mul(e, vf_load((const float *)((const uint8_t *)table[(t + base) / PAGE_TOKENS] + 2 * keys) + (a->pages.kv_heads + kv) * PAGE_TOKENS));
            vf_store(s[i] + t, e);
        }
        float total = vf_sum(sum);
        inverse[i] = q->part[i] ? 1.0f : 1.0f / total;
        if (q->part[i]) {
            q->part[i][0] = max;
            q->part[i][1] = total;
        }
    }
    /* Vectors of 16 dimensions at once: as many as leave the sums in registers. */
#define COMBINE(V)                                                                                                          \
    {                                                                                                                       \
        vf acc[TILE_QUERIES][V];                                                                                            \
        UNROLL for (int i = 0; i < M; i++) UNROLL for (int v = 0; v < V; v++) acc[i][v] = vf_zero();                         \
        for (int64_t p = p0; p < p1; p++) {                                                                                 \
            const uint8_t *values = (const uint8_t *)table[p] + (keys + kv * PAGE_TOKENS * dim) * size;                      \
            /* Tokens that nobody wrote may be anything, and nothing times infinity is not nothing. */                          \
            int there = hi - p * PAGE_TOKENS < PAGE_TOKENS ? (int)(hi - p * PAGE_TOKENS) : PAGE_TOKENS;                      \
            for (int t = 0; t < there; t++) {                                                                               \
                vf u[V];                                                                                                    \
                UNROLL for (int v = 0; v < V; v++) u[v] = page_values(kind, values, t * dim + d + v * LANES);                \
                UNROLL for (int i = 0; i < M; i++) {                                                                        \
                    vf f = vf_set(s[i][p * PAGE_TOKENS + t - base]);                                                        \
                    UNROLL for (int v = 0; v < V; v++) acc[i][v] = vf_fma(u[v], f, acc[i][v]);                               \
                }                                                                                                           \
            }                                                                                                               \
        }                                                                                                                   \
        UNROLL for (int i = 0; i < M; i++)                                                                                  \
            UNROLL for (int v = 0; v < V; v++) vf_store(q->target[i] + d + v * LANES, vf_mul(acc[i][v], vf_set(inverse[i]))); \
        d += V * LANES;                                                                                                     \
    }
    int64_t d = 0;
    if (M <= 4 && TILE_QUERIES > 4)
        while (d + 4 * LANES <= dim) COMBINE(4)
    while (d + 2 * LANES <= dim) COMBINE(2)
    while (d < dim) COMBINE(1)
#undef COMBINE
}

#define ATTEND_TILES(name, KIND)                                                                                            \
    static int name(const Attend *a, const Queries *q, int64_t left, const int64_t *table, int64_t kv, int64_t chunk) {      \
        if (TILE_QUERIES >= 12 && left >= 12) { attend_tile(KIND, TILE_QUERIES >= 12 ? 12 : 1, a, q, table, kv, chunk); return 12; } \
        if (TILE_QUERIES >= 8 && left >= 8) { attend_tile(KIND, TILE_QUERIES >= 8 ? 8 : 1, a, q, table, kv, chunk); return 8; }      \
        if (left >= 4) { attend_tile(KIND, 4, a, q, table, kv, chunk); return 4; }                                          \
        if (left == 3) { attend_tile(KIND, 3, a, q, table, kv, chunk); return 3; }                                          \
        if (left == 2) { attend_tile(KIND, 2, a, q, table, kv, chunk); return 2; }                                          \
        attend_tile(KIND, 1, a, q, table, kv, chunk);                                                                       \
        return 1;                                                                                                           \
    }
ATTEND_TILES(attend_f32, PAGES_F32)
ATTEND_TILES(attend_f16, PAGES_F16)
ATTEND_TILES(attend_q8, PAGES_Q8)

/** Parts are [row in rows][head][chunk] of {max, sum, values [head_dim]}. */
INLINE float *part_of(const Attend *a, int64_t place, int64_t head, int64_t chunk) {
    return a->parts + ((place * a->heads + head) * a->max_chunks + chunk) * (a->pages.head_dim + LANES);
}

static void attend(const Attend *a, int task) {
    int64_t kv = task % a->pages.kv_heads;
    const int32_t *which = a->tasks + 3 * (task / a->pages.kv_heads);
    int64_t first = which[0], count = which[1], chunk = which[2], shared = a->heads / a->pages.kv_heads, dim = a->pages.head_dim;
    int64_t row0 = a->rows.rows[first];
    const int64_t *table = a->pages.tables[row0] + a->pages.layer * a->pages.strides[row0];
    /* Rows that end before this chunk have nothing in it. */
    while (count > 0 && a->positions[a->rows.rows[first]] < chunk * CHUNK_TOKENS) first++, count--;
    int64_t total = count * shared;
    for (int64_t done = 0; done < total;) {
        Queries q;
        int64_t n = total - done < TILE_QUERIES ? total - done : TILE_QUERIES;
        for (int64_t i = 0; i < n; i++) {
            int64_t place = first + (done + i) / shared, head = kv * shared + (done + i) % shared;
            int64_t row = a->rows.rows[place], position = a->positions[row];
            int64_t from = a->window > 0 && position + 1 > a->window ? position + 1 - a->window : 0;
            int64_t lo = chunk * CHUNK_TOKENS, hi = lo + CHUNK_TOKENS;
            q.query[i] = a->q + row * a->qs + head * dim;
            q.to[i] = position + 1 < hi ? position + 1 : hi;
            q.from[i] = from > lo ? from : lo;
            if (q.from[i] > q.to[i]) q.from[i] = q.to[i] = (q.to[i] > lo ? q.to[i] : lo);
            if (q.to[i] < lo) q.from[i] = q.to[i] = lo;
            /* A row whose context is one chunk is done here; longer ones are merged, in the order of their chunks. */
            int whole = position < CHUNK_TOKENS;
            float *part = part_of(a, place, head, chunk);
            q.part[i] = whole ? 0 : part;
            q.target[i] = whole ? a->out + row * a->os + head * dim : part + LANES;
        }
        switch (a->pages.kind) {
        case PAGES_F32: done += attend_f32(a, &q, n, table, kv, chunk); break;
        case PAGES_F16: done += attend_f16(a, &q, n, table, kv, chunk); break;
        default: done += attend_q8(a, &q, n, table, kv, chunk); break;
        }
    }
}

static void merge(const Merge *m, int task) {
    const Attend *a = &m->attend;
    int64_t place = m->long_rows[task], row = a->rows.rows[place], dim = a->pages.head_dim;
    int64_t chunks = a->positions[row] / CHUNK_TOKENS + 1;
    for (int64_t head = 0; head < a->heads; head++) {
        float max = -INFINITY, total = 0;
        for (int64_t c = 0; c < chunks; c++) max = fmaxf(max, part_of(a, place, head, c)[0]);
        float *out = a->out + row * a->os + head * dim;
        memset(out, 0, (size_t)dim * 4);
        for (int64_t c = 0; c < chunks; c++) {
            const float *part = part_of(a, place, head, c);
            if (part[0] == -INFINITY) continue;
            float f = expf(part[0] - max);
            total = fmaf(part[1], f, total);
            for (int64_t d = 0; d < dim; d += LANES) vf_store(out + d, vf_fma(vf_load(part + LANES + d), vf_set(f), vf_load(out + d)));
        }
        for (int64_t d = 0; d < dim; d += LANES) vf_store(out + d, vf_mul(vf_load(out + d), vf_set(1.0f / total)));
    }
}

static void gate(const Gate *a, int64_t from, int64_t to) {
    vf one = vf_set(1.0f);
    for (int64_t i = from; i < to; i++) {
        int64_t row = a->rows.rows ? a->rows.rows[i] : i;
        const float *x = a->x + row * a->xs;
        float *out = a->out + row * a->os;
        for (int64_t k = 0; k < a->width; k += LANES) {
            vf v = vf_load(x + k), up = vf_load(x + a->width + k), y;
            if (a->kind == SILU) {
                y = vf_div(v, vf_add(one, vf_exp(vf_sub(vf_zero(), v))));
            } else {
                vf cube = vf_mul(vf_mul(v, v), v);
                vf inner = vf_mul(vf_set(0.79788456080286535588f), vf_fma(vf_set(0.044715f), cube, v));
                y = vf_mul(vf_mul(vf_set(0.5f), v), vf_add(one, vf_tanh(inner)));
            }
            vf_store(out + k, vf_mul(y, up));
        }
    }
}

static void softcap(const Softcap *a, int64_t from, int64_t to) {
    float cap = (float)a->cap;
    for (int64_t i = from; i < to; i++) {
        float *x = a->x + a->rows.rows[i] * a->xs;
        int64_t k = 0;
        for (; k + LANES <= a->width; k += LANES) vf_store(x + k, vf_mul(vf_tanh(vf_mul(vf_load(x + k), vf_set(1 / cap))), vf_set(cap)));
        for (; k < a->width; k++) x[k] = cap * tanhf(x[k] / cap);
    }
}

/** The used largest of softmax(x) per row; then the slots sorted by expert. */
static void route(const Route *a) {
    int64_t count = a->rows.count, used = a->used;
    int32_t *offsets = a->offsets;
    memset(offsets, 0, (size_t)(a->experts + 1) * 4);
    int32_t *chosen = a->slots + count * used; /* the second half of slots: the expert of each slot */
    for (int64_t i = 0; i < count; i++) {
        const float *x = a->x + a->rows.rows[i] * a->xs;
        float max = x[0], total = 0, sum = 0;
        for (int64_t e = 1; e < a->experts; e++) max = fmaxf(max, x[e]);
        for (int64_t e = 0; e < a->experts; e++) total += expf(x[e] - max);
        for (int64_t u = 0; u < used; u++) {
            int64_t best = -1;
            for (int64_t e = 0; e < a->experts; e++) {
                int taken = 0;
                for (int64_t v = 0; v < u; v++) taken |= chosen[i * used + v] == e;
                if (!taken && (best < 0 || x[e] > x[best])) best = e;
            }
            chosen[i * used + u] = (int32_t)best;
            float w = expf(x[best] - max) / total;
            a->weights[i * used + u] = w;
            sum += w;
            offsets[best + 1]++;
        }
        if (a->normalise) for (int64_t u = 0; u < used; u++) a->weights[i * used + u] /= sum;
    }
    for (int64_t e = 0; e < a->experts; e++) offsets[e + 1] += offsets[e];
    for (int64_t e = a->experts; e > 0; e--) offsets[e] = offsets[e - 1];
    offsets[0] = 0;
    /* offsets[e + 1] is now where expert e begins, and ends where it ends. */
    for (int64_t s = 0; s < count * used; s++) a->slots[offsets[chosen[s] + 1]++] = (int32_t)s;
}

static void combine(const Combine *a, int64_t from, int64_t to) {
    for (int64_t i = from; i < to; i++) {
        float *out = a->out + a->rows.rows[i] * a->os;
        for (int64_t k = 0; k < a->width; k += LANES) {
            vf sum = vf_zero();
            for (int64_t u = 0; u < a->used; u++)
                sum = vf_fma(vf_load(a->y + (i * a->used + u) * a->ys + k), vf_set(a->weights[i * a->used + u]), sum);
            vf_store(out + k, vf_add(vf_load(out + k), sum));
        }
    }
}

/** The lowest index of the largest value. */
static void argmax(const Argmax *a, int64_t from, int64_t to) {
    for (int64_t i = from; i < to; i++) {
        const float *x = a->x + a->rows.rows[i] * a->xs;
        int64_t k = 0;
        vf most = vf_set(-INFINITY);
        for (; k + LANES <= a->width; k += LANES) most = vf_max(most, vf_load(x + k));
        float max = vf_largest(most);
        for (; k < a->width; k++) max = x[k] > max ? x[k] : max;
        int32_t at = 0;
        while (at < a->width - 1 && x[at] != max) at++;
        a->out[a->rows.rows[i]] = at;
    }
}

static void copy(const Copy *a, int64_t from, int64_t to) {
    for (int64_t i = from; i < to; i++)
        memcpy(a->to + a->to_rows[i] * a->ts, a->from + a->from_rows[i] * a->fs, (size_t)a->width * 4);
}

/** Task t of the tasks that rows were cut into. */
#define ROWS(function, argument, n)                                                                                         \
    function(&op->argument, (n) * t / op->tasks, (n) * (t + 1) / op->tasks)

static void execute(Op *op, int64_t t) {
    switch (op->kind) {
    case OP_EMBED: ROWS(embed, embed, op->embed.rows.count); break;
    case OP_NORM: ROWS(norm, norm, op->norm.rows.count); break;
    case OP_HEAD_NORM: ROWS(head_norm, head_norm, op->head_norm.rows.count); break;
    case OP_QUANTIZE: ROWS(quantize, quantize, op->quantize.rows.count); break;
    case OP_PROJECT: project(&op->project, (int)t); break;
    case OP_LOW_RANK: low_rank(&op->low_rank, (int)t); break;
    case OP_ROTATE: ROWS(rotate, rotate, op->rotate.rows.count); break;
    case OP_STORE: ROWS(store, store, op->store.rows.count); break;
    case OP_ATTEND: attend(&op->attend, (int)t); break;
    case OP_MERGE: merge(&op->merge, (int)t); break;
    case OP_GATE: ROWS(gate, gate, op->gate.rows.count); break;
    case OP_SOFTCAP: ROWS(softcap, softcap, op->softcap.rows.count); break;
    case OP_ROUTE: route(&op->route); break;
    case OP_EXPERTS: experts(&op->experts, (int)t); break;
    case OP_COMBINE: ROWS(combine, combine, op->combine.rows.count); break;
    case OP_ARGMAX: ROWS(argmax, argmax, op->argmax.rows.count); break;
    default: ROWS(copy, copy, op->copy.count); break;
    }
}

INLINE void pause_cpu(void) {
#if defined(__x86_64__)
    _mm_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

#include <sched.h>

/** Spins before the core is offered to others: they may be what we wait for. */
#define SPINS 300

static void await(Meeting *meeting, int32_t generation) {
    int spins = 0;
    while (atomic_load_explicit(&meeting->generation, memory_order_acquire) == generation) {
        pause_cpu();
        if (++spins == SPINS) {
            sched_yield();
            spins = 0;
        }
    }
}

#ifdef PROFILE /* CFLAGS=-DPROFILE: where the workers' time goes, on the error stream at the end */
#include <stdio.h>
#include <time.h>
static double spent[OP_COPY + 1], waited[OP_COPY + 1];
static const char *const names[] = {"embed", "norm", "head norm", "quantize", "project", "low rank", "rotate", "store", "attend",
                                    "merge", "gate", "softcap", "route", "experts", "combine", "argmax", "copy"};
static double seconds(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}
__attribute__((destructor)) static void report(void) {
    for (int i = 0; i <= OP_COPY; i++)
        if (spent[i] + waited[i] > 0) fprintf(stderr, "%-10s computed %.3f s, waited after it %.3f s\n", names[i], spent[i], waited[i]);
}
#define CLOCK(sum, statement)                                                                                               \
    {                                                                                                                       \
        double began = seconds();                                                                                           \
        statement;                                                                                                          \
        (sum) += seconds() - began; /* of all workers; races lose a little */                                                \
    }
#else
#define CLOCK(sum, statement) statement;
#endif

/** Runs tasks of an operation until none is left: first those of the worker's own range, then what others have not begun. */
static void work(Op *op, int64_t worker, int64_t workers) {
    int64_t ranges = workers < MAX_RANGES ? workers : MAX_RANGES;
    for (int64_t i = 0; i < ranges; i++) {
        int64_t range = (worker + i) % ranges;
        int64_t from = op->tasks * range / ranges, to = op->tasks * (range + 1) / ranges;
        for (;;) {
            if (i > 0 && from + atomic_load_explicit(&op->done[range], memory_order_relaxed) >= to) break;
            int64_t t = from + atomic_fetch_add_explicit(&op->done[range], 1, memory_order_relaxed);
            if (t >= to) break;
            CLOCK(spent[op->kind], execute(op, t))
        }
    }
}

void JOIN(ashlar_run, VARIANT)(Op *ops, int64_t count, Meeting *meeting, int64_t worker, int64_t workers) {
    for (int64_t i = 0; i < count;) {
        int64_t next = i;
        if (!ops[i].serial) {
            work(&ops[i], worker, workers);
            next = i + 1;
        }
        int64_t after = next;
        while (after < count && ops[after].serial) after++;
        int32_t generation = atomic_load_explicit(&meeting->generation, memory_order_acquire);
        if (atomic_fetch_add_explicit(&meeting->arrived, 1, memory_order_acq_rel) == workers - 1) {
            for (; next < after; next++)
                for (int64_t t = 0; t < ops[next].tasks; t++) CLOCK(spent[ops[next].kind], execute(&ops[next], t))
            atomic_store_explicit(&meeting->arrived, 0, memory_order_relaxed);
            atomic_store_explicit(&meeting->generation, generation + 1, memory_order_release);
        } else {
            CLOCK(waited[ops[i].kind], await(meeting, generation))
        }
        i = after;
    }
}
