/*
 * Weights as kernels read them. The zoo's panels of 16 rows (Panels.java) keep their size and their parts; inside a part,
 * repack.cuh has put the bytes in the order of the tensor cores' fragments, so that each lane reads what it needs in one go
 * and a warp reads a block of 32 columns front to back.
 *
 * A fragment of 16 columns wants of lane (g, t) = (lane / 4, lane % 4) the rows g and g + 8, two registers each. The order of
 * columns within a block is ours to choose, as long as weights and activations agree: half s of a block is the columns
 * 16 s + 4 t + {0, 2} in the first register and {1, 3} in the second. Both values of Q4's nibbles in a word are two columns
 * apart, hence the order.
 *
 * Weights become float16, 16 times as large (F16: as they are), so that small ones keep their bits.
 */
#pragma once

#include "device.cuh"
#include "parameters.h"

/** The parts of a panel: for each, where it begins and what one block of 32 columns takes of it. */
template <int TYPE> struct Parts;

/** A part is read from {@code base * blocks} on, {@code bytes} a block, or {@code bytes} for every 8 blocks. */
struct Part { int base, bytes; bool by_eight; };

template <> struct Parts<F16> { static const int COUNT = 1; DEVICE static Part at(int) { return {0, 1024, false}; } };
template <> struct Parts<BF16> : Parts<F16> {};
template <> struct Parts<Q8_0> {
    static const int COUNT = 2;
    DEVICE static Part at(int i) { return i == 0 ? Part{0, 512, false} : Part{512, 32, false}; }
};
template <> struct Parts<Q4_0> {
    static const int COUNT = 2;
    DEVICE static Part at(int i) { return i == 0 ? Part{0, 256, false} : Part{256, 32, false}; }
};
template <> struct Parts<Q4_K> {
    static const int COUNT = 3;
    DEVICE static Part at(int i) { return i == 0 ? Part{0, 256, false} : i == 1 ? Part{256, 32, false} : Part{288, 64, true}; }
};
template <> struct Parts<Q5_K> {
    static const int COUNT = 4;
    DEVICE static Part at(int i) {
        return i == 0 ? Part{0, 256, false} : i == 1 ? Part{256, 64, false} : i == 2 ? Part{320, 32, false} : Part{352, 64, true};
    }
};
template <> struct Parts<Q6_K> {
    static const int COUNT = 4;
    DEVICE static Part at(int i) {
        return i == 0 ? Part{0, 256, false} : i == 1 ? Part{256, 128, false} : i == 2 ? Part{384, 32, false} : Part{416, 32, true};
    }
};

/** Bytes that one block of a panel takes in shared memory: all parts, one after another. */
template <int TYPE> DEVICE constexpr int staged_bytes() {
    return TYPE == F16 || TYPE == BF16 ? 1024
        : TYPE == Q8_0 ? 544
        : TYPE == Q4_0 ? 288
        : TYPE == Q4_K ? 352
        : TYPE == Q5_K ? 416
        : 448;
}

/** Where part {@code i} of block {@code b} begins in a panel of {@code blocks}. */
template <int TYPE> DEVICE int64_t part_offset(int i, int b, int blocks) {
    Part part = Parts<TYPE>::at(i);
    return (int64_t) part.base * blocks + (int64_t) (part.by_eight ? b / 8 : b) * part.bytes;
}

/** The bytes of a block that one lane needs, as they are stored. */
template <int TYPE> struct Raw;
template <> struct Raw<F16> { uint4 half[2]; };
template <> struct Raw<BF16> { uint4 half[2]; };
template <> struct Raw<Q8_0> { uint4 bytes; uint32_t scales; };
template <> struct Raw<Q4_0> { uint2 nibbles; uint32_t scales; };
template <> struct Raw<Q4_K> { uint2 nibbles; uint32_t scales; uint2 whole; };
template <> struct Raw<Q5_K> { uint2 nibbles; uint32_t scales; uint2 whole; uint32_t fifth; };
template <> struct Raw<Q6_K> { uint2 nibbles; uint32_t scales; uint32_t whole; uint4 upper; };

template <int TYPE> struct Address {
    const uint8_t *part[4];
};

/** A lane's bytes of a block. {@code ONCE}: from global memory, else from shared. Past the last column of F16: zeros. */
template <int TYPE, bool ONCE> DEVICE Raw<TYPE> load_raw(const Address<TYPE> &from, int lane, bool second_half);

template <bool ONCE> DEVICE uint4 load16(const uint8_t *at) {
    return ONCE ? load_once(reinterpret_cast<const uint4 *>(at)) : *reinterpret_cast<const uint4 *>(at);
}
template <bool ONCE> DEVICE uint2 load8(const uint8_t *at) {
    return ONCE ? load_once(reinterpret_cast<const uint2 *>(at)) : *reinterpret_cast<const uint2 *>(at);
}
DEVICE uint32_t load4(const uint8_t *at) { return *reinterpret_cast<const uint32_t *>(at); }

#define LOAD_RAW(TYPE) \
    template <bool ONCE> DEVICE void fill(Raw<TYPE> &raw, const Address<TYPE> &from, int lane, bool second_half)

#define LOAD_FLOATS(TYPE) \
    LOAD_RAW(TYPE) { \
        raw.half[0] = load16<ONCE>(from.part[0] + lane * 16); \
        raw.half[1] = second_half ? load16<ONCE>(from.part[0] + 512 + lane * 16) : uint4{0, 0, 0, 0}; \
    }
LOAD_FLOATS(F16)
LOAD_FLOATS(BF16)

LOAD_RAW(Q8_0) {
    raw.bytes = load16<ONCE>(from.part[0] + lane * 16);
    raw.scales = load4(from.part[1] + lane / 4 * 4);
}
LOAD_RAW(Q4_0) {
    raw.nibbles = load8<ONCE>(from.part[0] + lane * 8);
    raw.scales = load4(from.part[1] + lane / 4 * 4);
}
LOAD_RAW(Q4_K) {
    raw.nibbles = load8<ONCE>(from.part[0] + lane * 8);
    raw.scales = load4(from.part[1] + lane / 4 * 4);
    raw.whole = load8<false>(from.part[2] + lane / 4 * 8);
}
LOAD_RAW(Q5_K) {
    raw.nibbles = load8<ONCE>(from.part[0] + lane * 8);
    raw.fifth = *reinterpret_cast<const uint16_t *>(from.part[1] + lane * 2);
    raw.scales = load4(from.part[2] + lane / 4 * 4);
    raw.whole = load8<false>(from.part[3] + lane / 4 * 8);
}
LOAD_RAW(Q6_K) {
    raw.nibbles = load8<ONCE>(from.part[0] + lane * 8);
    raw.upper = load16<false>(from.part[1] + lane / 4 * 16);
    raw.scales = load4(from.part[2] + lane / 4 * 4);
    raw.whole = load4(from.part[3] + lane / 4 * 4);
}

/** Fragments of both halves of a block: {rows g and g + 8 of the first pair of columns, the same of the second}. */
struct Fragments { uint32_t half[2][4]; };

DEVICE uint32_t twice(float value) { return halves(value, value); }

/** 0x6400 is 1024 in float16, where the last bit is 1: a small number in the low bits adds up to 1024 + itself. */
#define NUMBERS 0x64006400u
#define LOW_NIBBLES 0x000f000fu

DEVICE uint32_t number(float value) { return twice(value); }

DEVICE Fragments decode(const Raw<F16> &raw) {
    Fragments f;
    for (int s = 0; s < 2; s++) {
        f.half[s][0] = raw.half[s].x;
        f.half[s][1] = raw.half[s].y;
        f.half[s][2] = raw.half[s].z;
        f.half[s][3] = raw.half[s].w;
    }
    return f;
}

DEVICE Fragments decode(const Raw<BF16> &raw) { return decode(reinterpret_cast<const Raw<F16> &>(raw)); }

DEVICE Fragments decode(const Raw<Q8_0> &raw) {
    // Words are (half 0, row g), (half 0, row g + 8), and the same of half 1; bytes are the value + 128.
    const uint32_t words[4] = {raw.bytes.x, raw.bytes.y, raw.bytes.z, raw.bytes.w};
    const uint32_t offset = number(-1152.0f);
    uint32_t scale[2] = {twice(16 * float_of_half(raw.scales)), twice(16 * float_of_half(raw.scales >> 16))};
    Fragments f;
    for (int s = 0; s < 2; s++) {
        for (int row = 0; row < 2; row++) {
            uint32_t word = words[2 * s + row];
            f.half[s][row] = halves_mul(halves_add(bytes_of(word, NUMBERS, 0x5250), offset), scale[row]);
            f.half[s][2 + row] = halves_mul(halves_add(bytes_of(word, NUMBERS, 0x5351), offset), scale[row]);
        }
    }
    return f;
}

/** The numbers of half s of a word of nibbles: columns 0 and 2, or 1 and 3 of its four. */
DEVICE uint32_t nibbles(uint32_t word, int s, int pair) { return (word >> (4 * s + 8 * pair)) & LOW_NIBBLES; }

DEVICE Fragments decode(const Raw<Q4_0> &raw) {
    const uint32_t words[2] = {raw.nibbles.x, raw.nibbles.y};
    const uint32_t offset = number(-1032.0f);
    uint32_t scale[2] = {twice(16 * float_of_half(raw.scales)), twice(16 * float_of_half(raw.scales >> 16))};
    Fragments f;
    for (int s = 0; s < 2; s++) {
        for (int pair = 0; pair < 2; pair++) {
            for (int row = 0; row < 2; row++) {
                f.half[s][2 * pair + row] =
                    halves_mul(halves_add(nibbles(words[row], s, pair) | NUMBERS, offset), scale[row]);
            }
        }
    }
    return f;
}

/** Scales and minima of Q4_K and Q5_K: bytes (scale g, scale g + 8, minimum g, minimum g + 8), times the halves. */
DEVICE void scales_of_k(uint32_t bytes, uint2 whole, uint32_t (&scale)[2], uint32_t (&minimum)[2]) {
    scale[0] = twice(16 * float_of_half(whole.x) * (float) (bytes & 255));
    scale[1] = twice(16 * float_of_half(whole.x >> 16) * (float) (bytes >> 8 & 255));
    minimum[0] = twice(-16 * float_of_half(whole.y) * (float) (bytes >> 16 & 255));
    minimum[1] = twice(-16 * float_of_half(whole.y >> 16) * (float) (bytes >> 24));
}

DEVICE Fragments decode(const Raw<Q4_K> &raw) {
    const uint32_t words[2] = {raw.nibbles.x, raw.nibbles.y};
    const uint32_t offset = number(-1024.0f);
    uint32_t scale[2], minimum[2];
    scales_of_k(raw.scales, raw.whole, scale, minimum);
    Fragments f;
    for (int s = 0; s < 2; s++) {
        for (int pair = 0; pair < 2; pair++) {
            for (int row = 0; row < 2; row++) {
                uint32_t q = halves_add(nibbles(words[row], s, pair) | NUMBERS, offset);
                f.half[s][2 * pair + row] = halves_fma(q, scale[row], minimum[row]);
            }
        }
    }
    return f;
}

DEVICE Fragments decode(const Raw<Q5_K> &raw) {
    const uint32_t words[2] = {raw.nibbles.x, raw.nibbles.y};
    const uint32_t offset = number(-1024.0f);
    uint32_t scale[2], minimum[2];
    scales_of_k(raw.scales, raw.whole, scale, minimum);
    Fragments f;
    for (int row = 0; row < 2; row++) {
        for (int s = 0; s < 2; s++) {
            // Four bits a row and half: (g, half 0), (g, half 1), (g + 8, half 0), (g + 8, half 1).
            uint32_t bits = raw.fifth >> (8 * row + 4 * s);
            for (int pair = 0; pair < 2; pair++) {
                uint32_t fifth = pair == 0 ? (bits & 1) << 4 | (bits & 4) << 18 : (bits & 2) << 3 | (bits & 8) << 17;
                uint32_t q = halves_add(nibbles(words[row], s, pair) | fifth | NUMBERS, offset);
                f.half[s][2 * pair + row] = halves_fma(q, scale[row], minimum[row]);
            }
        }
    }
    return f;
}

DEVICE Fragments decode(const Raw<Q6_K> &raw, int t) {
    const uint32_t words[2] = {raw.nibbles.x, raw.nibbles.y};
    // (half 0, row g), (half 0, row g + 8), and the same of half 1; two bits for each group of four columns.
    const uint32_t upper[4] = {raw.upper.x, raw.upper.y, raw.upper.z, raw.upper.w};
    const uint32_t offset = number(-1056.0f);
    float whole[2] = {16 * float_of_half(raw.whole), 16 * float_of_half(raw.whole >> 16)};
    Fragments f;
    for (int s = 0; s < 2; s++) {
        for (int row = 0; row < 2; row++) {
            // Signed bytes: (half 0, g), (half 0, g + 8), (half 1, g), (half 1, g + 8).
            uint32_t scale = twice(whole[row] * (float) (int8_t) (raw.scales >> (16 * s + 8 * row)));
            uint32_t bits = upper[2 * s + row] >> 2 * t;
            for (int pair = 0; pair < 2; pair++) {
                uint32_t high = (bits >> 8 * pair & 0x00030003u) << 4;
                uint32_t q = halves_add(nibbles(words[row], s, pair) | high | NUMBERS, offset);
                f.half[s][2 * pair + row] = halves_mul(q, scale);
            }
        }
    }
    return f;
}

template <int TYPE> DEVICE Fragments decode_block(const Raw<TYPE> &raw, int) { return decode(raw); }
template <> DEVICE Fragments decode_block<Q6_K>(const Raw<Q6_K> &raw, int t) { return decode(raw, t); }

/** The factor that brings sums of scaled weights and activations back: activations are a quarter of their size. */
#define ACTIVATION_SCALE 0.25f

/** One weight, from fragments in memory. */
template <int TYPE> DEVICE float weight_at(const uint8_t *panel, int blocks, int row, int column) {
    if (TYPE == F32) {
        return reinterpret_cast<const float *>(panel)[(int64_t) column * 16 + row];
    }
    int b = column / 32;
    int s = column % 32 / 16;
    int t = column % 16 / 4;
    int c = column % 4;
    int lane = row % 8 * 4 + t;
    Address<TYPE> from;
    for (int i = 0; i < Parts<TYPE>::COUNT; i++) {
        from.part[i] = panel + part_offset<TYPE>(i, b, blocks);
    }
    Raw<TYPE> raw;
    fill<false>(raw, from, lane, s == 1);
    Fragments f = decode_block<TYPE>(raw, t);
    uint32_t both = f.half[s][2 * (c % 2) + row / 8];
    return float_of_half(c / 2 == 0 ? both : both >> 16);
}
template <> DEVICE float weight_at<F32>(const uint8_t *panel, int, int row, int column) {
    return reinterpret_cast<const float *>(panel)[(int64_t) column * 16 + row];
}

/** What weights are multiplied by where they are float16. */
template <int TYPE> DEVICE constexpr float weight_scale() { return TYPE == F16 || TYPE == F32 ? 1.0f : 16.0f; }
