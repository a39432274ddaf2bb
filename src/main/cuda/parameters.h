/*
 * The parameters of kernels, as CudaKernels.java writes them: every field takes eight bytes, in this order. PARAMETERS
 * changes whenever one of them does.
 */
#pragma once

#include <stdint.h>

#define PARAMETERS 1
#define PAGE_TOKENS 16
/** Positions whose scores are taken together. */
#define TILE_TOKENS 64
/** Rows.CHUNK */
#define CHUNK_TOKENS 512
#define TILES_OF_CHUNK (CHUNK_TOKENS / TILE_TOKENS)
#define MAX_STACKED 4
/** AdapterRows.SEGMENT */
#define SEGMENT_ROWS 12
/** LowRank.MOST */
#define MAX_RANK 256

enum { F32, F16, BF16, Q8_0, Q4_0, Q4_K, Q5_K, Q6_K };
enum { PAGES_F32, PAGES_F16, PAGES_Q8 };
enum { SILU, GELU_TANH };

/** Rows of a step: their indices, and (count, attention tasks, rows of more than one chunk), all in device memory. */
struct Rows {
    const int32_t *index;
    const int32_t *counts;
};

struct Weights {
    const uint8_t *data;
    const float *bias;
    int64_t rows;
    int64_t column; /* where its outputs begin in a row of out */
    int64_t tile;   /* the first of its tiles in the grid */
};

struct Product {
    const float *x;
    int64_t xs;
    Rows rows;
    float *out;
    int64_t os;
    int64_t accumulate;
    int64_t columns;
    int64_t segments, segment_blocks; /* of 32 columns: sums of segments are added up in their order */
    int64_t matrices;
    double factor;
    const uint8_t *packed; /* x in half precision, in fragments; null: x is read as it is */
    int64_t panel_bytes;
    Weights weights[MAX_STACKED];
};

struct Pack {
    const float *x;
    int64_t xs;
    Rows rows;
    int64_t columns;
    uint8_t *packed;
};

/** As Product; slots of experts instead of rows. Each matrix holds all experts, weights.rows is of one. */
struct ExpertProduct {
    const float *x;
    int64_t xs;
    Rows rows;
    float *out;
    int64_t os;
    int64_t columns;
    int64_t segments, segment_blocks;
    int64_t matrices;
    double factor;
    int64_t panel_bytes;
    int64_t by_slot, used;
    const int32_t *offsets, *slots;
    Weights weights[MAX_STACKED];
};

struct Embed { const uint8_t *table; int64_t panel_bytes, width; const int32_t *tokens; Rows rows; float *out; int64_t os; double scale; };
struct Norm { const float *x; int64_t xs; Rows rows; const float *weight; int64_t width; double epsilon; float *out; int64_t os, accumulate; };
struct HeadNorm { float *x; int64_t xs; Rows rows; int64_t column, heads, head_dim; const float *weight; double epsilon; };
/** For each row the address of its page table, [places][layers] addresses of pages, and its layers. */
struct Pages { const uint64_t *tables; int64_t layer, kv_heads, head_dim; };
/** Rotates heads from column on where there are angles; stores keys and values where there are pages. */
struct RotateStore { float *x; int64_t xs; Rows rows; const int32_t *positions; int64_t column, heads, head_dim, half; const float *angles; int64_t keys, values; Pages pages; };
struct Attend { const float *q; int64_t qs; Rows rows; const int32_t *tasks, *long_rows, *long_tasks, *positions; Pages pages; int64_t heads, window; double scale, softcap; float *out; int64_t os; float *parts; };
struct Gate { const float *x; int64_t xs; Rows rows; int64_t width; float *out; int64_t os; int64_t times; };
struct Softcap { float *x; int64_t xs; Rows rows; int64_t width; double cap; };
struct Route { const float *x; int64_t xs; Rows rows; int64_t experts, used, normalise; int32_t *offsets, *slots; float *weights; };
struct Combine { const float *y; int64_t ys; Rows rows; int64_t used, width; const float *weights; float *out; int64_t os; };
struct Argmax { const float *x; int64_t xs; Rows rows; int64_t width; int32_t *out; };
struct Copy { const float *from; int64_t fs; Rows from_rows; float *to; int64_t ts; Rows to_rows; int64_t width; };
/** Segments are (adapter, first, count) over rows; terms of adapter i for stacked matrix m: terms[i][slot + m]. */
struct Term { const float *a, *b; int64_t rank; };
struct LowRank { const float *x; int64_t xs; const int32_t *rows, *segments, *counts; const uint64_t *terms; int64_t slot, in; float *out; int64_t os, matrices; int64_t widths[MAX_STACKED]; float *between; };
struct Feed { const int32_t *from; Rows from_rows; int32_t *to; Rows to_rows; };
/** Writes (destination word, words, source word) triples' words from a step's upload to where they belong. */
struct Scatter { const int32_t *from; int32_t *to; int64_t count; };
struct Repack { uint8_t *data; int64_t panels, panel_bytes, columns; int32_t *largest; };
struct Sample { float *logits; int64_t stride, vocabulary; Rows rows; const int32_t *options; int64_t option_words; const int32_t *lists; int32_t *out; };
