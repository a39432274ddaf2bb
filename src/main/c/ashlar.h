/*
 * What Java and C share: a tape of operations that one call runs on all workers. Every field takes eight bytes, in the order
 * in which Tape.java writes them; LAYOUT changes whenever one of them does.
 */
#ifndef ASHLAR_H
#define ASHLAR_H

#include <stdatomic.h>
#include <stdint.h>

#define LAYOUT 2
#define PAGE_TOKENS 16
/** Tokens of a context that one task of attention reads. Fixed, and counted from position 0, so that sums keep their order. */
#define CHUNK_TOKENS 512
/** Decoder.MOST_HEAD_DIM */
#define MOST_HEAD_DIM 512
#define MAX_STACKED 4
/** AdapterRows.SEGMENT */
#define SEGMENT_ROWS 12
#define OP_BYTES 448
/** Ranges that the tasks of an operation are cut into, one for each worker; more workers share them. */
#define MAX_RANGES 16

enum { F32, F16, BF16, Q8_0, Q4_0, Q4_K, Q5_K, Q6_K };
enum { PAGES_F32, PAGES_F16, PAGES_Q8 };
enum { SILU, GELU_TANH };

enum {
    OP_EMBED, OP_NORM, OP_HEAD_NORM, OP_QUANTIZE, OP_PROJECT, OP_LOW_RANK, OP_ROTATE, OP_STORE, OP_ATTEND, OP_MERGE,
    OP_GATE, OP_SOFTCAP, OP_ROUTE, OP_EXPERTS, OP_COMBINE, OP_ARGMAX, OP_COPY
};

/** Activations of one row quantised in blocks of 32: value = d * q. The sums take the weights' offsets out again. */
typedef struct {
    float d;
    float sum;          /* d * sum(q) */
    int32_t minus8;     /* -8 * sum(q) */
    int32_t minus128;   /* -128 * sum(q) */
    int32_t minus32[2]; /* -32 * sum(q), of each half */
} BlockMeta;

typedef struct { const int32_t *rows; int64_t count; } Rows;
typedef struct { const uint8_t *weights; const float *bias; int64_t type, rows; } Stacked;

/** x[slots, width] quantised: bytes [slot][width], then the metas. */
typedef struct { int8_t *bytes; BlockMeta *metas; int64_t width; } Quantized;

typedef struct { const uint8_t *table; int64_t type, width; const int32_t *tokens; Rows rows; float *out; int64_t stride; double scale; } Embed;
typedef struct { const float *x; int64_t xs; Rows rows; const float *weight; int64_t width; double epsilon; float *out; int64_t os, accumulate; } Norm;
typedef struct { float *x; int64_t xs; Rows rows; int64_t column, heads, head_dim; const float *weight; double epsilon; } HeadNorm;
/** rows.rows may be null: then slot i is row i. */
typedef struct { const float *x; int64_t xs; Rows rows; Quantized q; } Quantize;
typedef struct { const float *x; int64_t xs; Rows rows; Quantized q; float *out; int64_t os, accumulate, columns, panels_per_task, panel_tasks, rows_per_task, count; Stacked stacked[MAX_STACKED]; } Project;
typedef struct { const float *a, *b; int64_t rank; } Term; /* a [rank, in] and b [out, rank] in panels; null where there is none */
/** Segments are (adapter, first, count) over rows. Terms of adapter i for stacked matrix m: terms[i][slot + m]. */
typedef struct { const float *x; int64_t xs; const int32_t *rows, *segments; int64_t count; const Term *const *terms; int64_t slot, in; float *out; int64_t os, matrices; int64_t widths[MAX_STACKED]; } LowRank;
typedef struct { float *x; int64_t xs; Rows rows; int64_t column, heads, head_dim; const int32_t *positions; const float *angles; int64_t half; } Rotate;
typedef struct { int64_t *const *tables; const int64_t *strides; int64_t layer, kind, kv_heads, head_dim; } Pages;
typedef struct { const float *x; int64_t xs; Rows rows; int64_t keys, values; const int32_t *positions; Pages pages; } Store;
/** Tasks are (first, count, chunk) over rows, each for every key/value head. */
typedef struct { const float *q; int64_t qs; Rows rows; const int32_t *tasks, *positions; Pages pages; int64_t heads, window; double scale, softcap; float *out; int64_t os; float *parts; int64_t max_chunks; } Attend;
typedef struct { Attend attend; const int32_t *long_rows; } Merge;
typedef struct { const float *x; int64_t xs; Rows rows; int64_t width, kind; float *out; int64_t os; } Gate;
typedef struct { float *x; int64_t xs; Rows rows; int64_t width; double cap; } Softcap;
/** offsets [experts + 1] into slots; slot = place in rows * used + choice; weights [slots]. */
typedef struct { const float *x; int64_t xs; Rows rows; int64_t experts, used, normalise; int32_t *offsets, *slots; float *weights; } Route;
/** One of the stacked matrices holds all experts, rows_per_expert rows each. by_slot: x and out have a row for each slot. */
typedef struct { const float *x; int64_t xs; Rows rows; Quantized q; float *out; int64_t os, columns, panels_per_task, by_slot, experts, used, count; const int32_t *offsets, *slots; Stacked stacked[MAX_STACKED]; } Experts;
typedef struct { const float *y; int64_t ys; Rows rows; int64_t used, width; const float *weights; float *out; int64_t os; } Combine;
typedef struct { const float *x; int64_t xs; Rows rows; int64_t width; int32_t *out; } Argmax;
typedef struct { const float *from; int64_t fs; const int32_t *from_rows; float *to; int64_t ts; const int32_t *to_rows; int64_t count, width; } Copy;

typedef struct {
    int32_t kind;
    int32_t serial; /* too small to share: run by whichever worker ends the operation before */
    int32_t tasks;
    int32_t unused;
    _Atomic int32_t done[MAX_RANGES]; /* tasks of each range that someone took */
    union {
        Embed embed; Norm norm; HeadNorm head_norm; Quantize quantize; Project project; LowRank low_rank; Rotate rotate;
        Store store; Attend attend; Merge merge; Gate gate; Softcap softcap; Route route; Experts experts; Combine combine;
        Argmax argmax; Copy copy; int64_t words[(OP_BYTES - 16 - 4 * MAX_RANGES) / 8];
    };
} Op;

/** Where workers meet. */
typedef struct {
    _Atomic int32_t arrived;
    char pad1[60];
    _Atomic int32_t generation;
    char pad2[60];
} Meeting;

_Static_assert(sizeof(Op) == OP_BYTES, "Tape.java steps by OP_BYTES");

#endif
