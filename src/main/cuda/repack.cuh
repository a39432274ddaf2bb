/*
 * Puts the bytes of panels into the order of weights.cuh, in place. A warp takes one block of one panel: it reads the bytes
 * of each part into shared memory and writes them back in their new places.
 */
#pragma once

#include "weights.cuh"

DEVICE float half_scaled(uint32_t bf16, int32_t *largest) {
    uint32_t magnitude = bf16 & 0x7fff;
    if (magnitude > 0x457f) { // 4080: sixteen times as much is the largest half
        raise_atomically(largest, (int32_t) magnitude);
    }
    return 16 * float_of(bf16 << 16);
}

/** {@code bytes} of a part, as the panels have them, in {@code from}; writes the lane's share of them to {@code to}. */
template <int TYPE> DEVICE void reorder(int part, const uint8_t *from, uint8_t *to, int lane, int32_t *largest) {
    int g = lane / 4;
    int t = lane % 4;
    if (TYPE == F16 || TYPE == BF16) {
        // [16 columns][16 rows] of two bytes, twice.
        const uint16_t *in = reinterpret_cast<const uint16_t *>(from);
        uint16_t *out = reinterpret_cast<uint16_t *>(to);
        for (int s = 0; s < 2; s++) {
            for (int i = 0; i < 8; i++) {
                // Words are (row g, columns 0 and 2), (row g + 8, the same), (row g, columns 1 and 3), (row g + 8, the same).
                int row = g + i / 2 % 2 * 8;
                int column = 4 * t + i / 4 + i % 2 * 2;
                uint16_t value = in[s * 256 + column * 16 + row];
                if (TYPE == BF16) {
                    value = (uint16_t) halves(half_scaled(value, largest), 0);
                }
                out[s * 256 + lane * 8 + i] = value;
            }
        }
    } else if (part == 0) {
        // [groups of four columns][16 rows] of words: eight groups of bytes, or four of nibbles.
        const uint32_t *in = reinterpret_cast<const uint32_t *>(from);
        uint32_t *out = reinterpret_cast<uint32_t *>(to);
        int halves_stored = TYPE == Q8_0 ? 2 : 1;
        for (int s = 0; s < halves_stored; s++) {
            out[lane * 2 * halves_stored + 2 * s] = in[(4 * s + t) * 16 + g];
            out[lane * 2 * halves_stored + 2 * s + 1] = in[(4 * s + t) * 16 + g + 8];
        }
    } else if (TYPE == Q8_0 || TYPE == Q4_0) {
        const uint16_t *in = reinterpret_cast<const uint16_t *>(from);
        if (lane < 16) {
            reinterpret_cast<uint16_t *>(to)[lane] = in[lane / 2 + lane % 2 * 8];
        }
    } else if (TYPE == Q5_K && part == 1) {
        // [8 groups][16 rows x 4 columns] bits.
        uint32_t bits = 0;
        for (int row = 0; row < 2; row++) {
            for (int s = 0; s < 2; s++) {
                int at = (g + 8 * row) * 4;
                uint32_t four = (from[(4 * s + t) * 8 + at / 8] >> at % 8) & 15;
                bits |= four << (8 * row + 4 * s);
            }
        }
        reinterpret_cast<uint16_t *>(to)[lane] = (uint16_t) bits;
    } else if (TYPE == Q6_K && part == 1) {
        const uint32_t *in = reinterpret_cast<const uint32_t *>(from);
        // Lane i of a row's four writes word i: (half i / 2, row g + 8 (i % 2)).
        reinterpret_cast<uint32_t *>(to)[lane] = in[t / 2 * 16 + g + t % 2 * 8];
    } else if (part == Parts<TYPE>::COUNT - 1) {
        // Halves [2][16] (scales, minima), or [16].
        const uint16_t *in = reinterpret_cast<const uint16_t *>(from);
        if (TYPE == Q6_K) {
            if (lane < 16) {
                reinterpret_cast<uint16_t *>(to)[lane] = in[lane / 2 + lane % 2 * 8];
            }
        } else {
            reinterpret_cast<uint16_t *>(to)[lane] = in[t / 2 * 16 + g + t % 2 * 8];
        }
    } else {
        // Bytes [2][16].
        to[lane] = from[t / 2 * 16 + g + t % 2 * 8];
    }
}

/** One warp a block; grid (blocks, panels). */
template <int TYPE> DEVICE void repack(const Repack &p) {
    uint8_t *part = reinterpret_cast<uint8_t *>(shared_memory());
    int lane = threadIdx.x;
    int b = blockIdx.x;
    int blocks = (int) (p.columns + 31) / 32;
    uint8_t *panel = p.data + blockIdx.y * p.panel_bytes;
    for (int i = 0; i < Parts<TYPE>::COUNT; i++) {
        Part what = Parts<TYPE>::at(i);
        if (what.by_eight && b % 8 != 0) {
            continue;
        }
        uint8_t *at = panel + part_offset<TYPE>(i, b, blocks);
        int bytes = what.bytes;
        if ((TYPE == F16 || TYPE == BF16) && (b + 1) * 32 > p.columns) {
            bytes = 512;
        }
        for (int j = lane * 4; j < 1024; j += 4 * WARP) {
            *reinterpret_cast<uint32_t *>(part + j) = j < bytes ? *reinterpret_cast<uint32_t *>(at + j) : 0;
        }
        warp_sync();
        uint8_t *out = part + 1024;
        reorder<TYPE>(i, part, out, lane, p.largest);
        warp_sync();
        for (int j = lane * 4; j < bytes; j += 4 * WARP) {
            *reinterpret_cast<uint32_t *>(at + j) = *reinterpret_cast<uint32_t *>(out + j);
        }
        warp_sync();
    }
}
