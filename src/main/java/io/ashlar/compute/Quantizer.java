package io.ashlar.compute;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** Between stored types: rows as the formats have them, to floats and to blocks of 32. Formulas as in llama.cpp. */
public final class Quantizer {
    private static final ValueLayout.OfByte BYTE = ValueLayout.JAVA_BYTE;
    private static final ValueLayout.OfShort SHORT = ValueLayout.JAVA_SHORT_UNALIGNED;
    private static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT_UNALIGNED;

    private Quantizer() {}

    /** The values of a stored row. */
    public static void floats(DType type, MemorySegment row, int columns, float[] into) {
        for (int k = 0; k < columns; k++) {
            into[k] = value(type, row, k);
        }
    }

    private static float value(DType type, MemorySegment row, int k) {
        long block = (long) (k / type.blockElements()) * type.blockBytes();
        int part = k % 256 / 32;
        int c = k % 32;
        return switch (type) {
            case F32 -> row.get(FLOAT, k * 4L);
            case F16 -> half(row, k * 2L);
            case BF16 -> Float.intBitsToFloat(row.get(SHORT, k * 2L) << 16);
            case Q8_0 -> row.get(BYTE, block + 2 + c) * half(row, block);
            case Q4_0 -> ((row.get(BYTE, block + 2 + c % 16) >> (c < 16 ? 0 : 4) & 15) - 8) * half(row, block);
            case Q4_K, Q5_K -> {
                long bytes = block + (type == DType.Q5_K ? 48 : 16) + part / 2 * 32L;
                int q = row.get(BYTE, bytes + c) >> part % 2 * 4 & 15;
                if (type == DType.Q5_K) {
                    q += (row.get(BYTE, block + 16 + c) >> part & 1) * 16;
                }
                yield q * (half(row, block) * Panels.partScale(row, block + 4, part))
                        - half(row, block + 2) * Panels.partMinimum(row, block + 4, part);
            }
            case Q6_K ->
                (Panels.sixBits(row, block, part, c) - 32)
                        * (half(row, block + 208) * row.get(BYTE, block + 192 + part * 2L + c / 16));
        };
    }

    private static float half(MemorySegment row, long at) {
        return Float.float16ToFloat(row.get(SHORT, at));
    }

    /** A row of blocks, from floats. {@code columns} is a multiple of 32. */
    public static void quantize(DType type, float[] x, int columns, MemorySegment into) {
        for (int b = 0; b < columns / 32; b++) {
            if (type == DType.Q8_0) {
                quantizeQ8(x, b * 32, into, b * 34L);
            } else if (type == DType.Q4_0) {
                quantizeQ4(x, b * 32, into, b * 18L);
            } else {
                throw new IllegalArgumentException("weights are quantised to Q8_0 or Q4_0, not to " + type);
            }
        }
    }

    private static void quantizeQ8(float[] x, int from, MemorySegment into, long to) {
        float most = 0;
        for (int i = 0; i < 32; i++) {
            most = Math.max(most, Math.abs(x[from + i]));
        }
        float scale = most / 127;
        float inverse = scale == 0 ? 0 : 1 / scale;
        into.set(SHORT, to, Float.floatToFloat16(scale));
        for (int i = 0; i < 32; i++) {
            into.set(BYTE, to + 2 + i, (byte) Math.round(x[from + i] * inverse));
        }
    }

    /** The value of largest magnitude becomes -8, so that all sixteen steps are used. */
    private static void quantizeQ4(float[] x, int from, MemorySegment into, long to) {
        float most = 0;
        for (int i = 0; i < 32; i++) {
            if (Math.abs(x[from + i]) > Math.abs(most)) {
                most = x[from + i];
            }
        }
        float scale = most / -8;
        float inverse = scale == 0 ? 0 : 1 / scale;
        into.set(SHORT, to, Float.floatToFloat16(scale));
        for (int i = 0; i < 16; i++) {
            int low = Math.min(15, (int) (x[from + i] * inverse + 8.5f));
            int high = Math.min(15, (int) (x[from + 16 + i] * inverse + 8.5f));
            into.set(BYTE, to + 2 + i, (byte) (low | high << 4));
        }
    }
}
