package io.ashlar.compute;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.stream.IntStream;

/**
 * The layout of weights that kernels read: panels of 16 rows, so that one vector register holds the same columns of 16 rows.
 * A matrix {@code [rows, columns]} is its panels one after another, the last filled up with zeros
 * (a scale of 0 makes a row of nothing); each panel begins at a
 * multiple of 64 bytes.
 *
 * <p>Floats: {@code [column][16 rows]}. Quantised types, with {@code blocks = columns / 32}, all weights first, as unsigned:
 *
 * <ul>
 *   <li>Q8_0: {@code [block][8][16 rows][4 columns]} bytes w + 128; then float16 scales {@code [block][16]}.
 *   <li>the others: nibbles {@code [block][4][16 rows][4 columns]}, where the low half of byte group j holds columns 4j to
 *       4j + 3 of the block and the high half columns 16 + 4j to 19 + 4j; then
 *   <li>Q4_0: float16 scales {@code [block][16]};
 *   <li>Q4_K: bytes {@code [block][2][16]} of scales and minima, then float16 {@code [block / 8][2][16]} of both;
 *   <li>Q5_K: fifth bits {@code [block][8][16 rows x 4 columns]}, one bit each, then as Q4_K;
 *   <li>Q6_K: upper two bits {@code [block][2][16 rows][4 columns]}, group j of 4 columns at bits 2 (j % 4) of byte group
 *       j / 4; then signed scales {@code [block][2 halves][16]}, then float16 scales {@code [block / 8][16]}.
 * </ul>
 */
public final class Panels {
    /** Rows of a panel. */
    public static final int ROWS = 16;

    private static final int ALIGN = 64;
    private static final ValueLayout.OfByte BYTE = ValueLayout.JAVA_BYTE;
    private static final ValueLayout.OfShort SHORT = ValueLayout.JAVA_SHORT_UNALIGNED;
    private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT_UNALIGNED;

    private Panels() {}

    /** Panels of a matrix. */
    public static int count(int rows) {
        return (rows + ROWS - 1) / ROWS;
    }

    /** Bytes of one panel. */
    public static long panelBytes(DType type, int columns) {
        long blocks = columns / 32;
        return aligned(
                switch (type) {
                    case F32 -> 64L * columns;
                    case F16, BF16 -> 32L * columns;
                    case Q8_0 -> blocks * (512 + 32);
                    case Q4_0 -> blocks * (256 + 32);
                    case Q4_K -> blocks * (256 + 32) + blocks / 8 * 64;
                    case Q5_K -> blocks * (256 + 64 + 32) + blocks / 8 * 64;
                    case Q6_K -> blocks * (256 + 128 + 32) + blocks / 8 * 32;
                });
    }

    /** Bytes of a matrix. */
    public static long bytes(DType type, int rows, int columns) {
        return count(rows) * panelBytes(type, columns);
    }

    private static long aligned(long bytes) {
        return (bytes + ALIGN - 1) / ALIGN * ALIGN;
    }

    /**
     * Repacks rows as the formats store them.
     *
     * @param rows the bytes of each row, in order; all of one type
     * @param into as long as {@link #bytes} says, zeroed
     */
    public static void pack(DType type, MemorySegment[] rows, int columns, MemorySegment into) {
        long pitch = panelBytes(type, columns);
        IntStream.range(0, count(rows.length))
                .parallel()
                .forEach(p -> packPanel(type, rows, p * ROWS, columns, into.asSlice(p * pitch, pitch)));
    }

    private static void packPanel(DType type, MemorySegment[] rows, int first, int columns, MemorySegment panel) {
        int lanes = Math.min(ROWS, rows.length - first);
        for (int lane = 0; lane < lanes; lane++) {
            MemorySegment row = rows[first + lane];
            switch (type) {
                case F32 -> {
                    for (long k = 0; k < columns; k++) {
                        panel.set(INT, (k * ROWS + lane) * 4, row.get(INT, k * 4));
                    }
                }
                case F16, BF16 -> {
                    for (long k = 0; k < columns; k++) {
                        panel.set(SHORT, (k * ROWS + lane) * 2, row.get(SHORT, k * 2));
                    }
                }
                case Q8_0 -> packQ8(row, lane, columns / 32, panel);
                case Q4_0 -> packQ4(row, lane, columns / 32, panel);
                case Q4_K, Q5_K -> packK(type, row, lane, columns / 32, panel);
                case Q6_K -> packQ6(row, lane, columns / 32, panel);
            }
        }
    }

    private static void packQ8(MemorySegment row, int lane, long blocks, MemorySegment panel) {
        for (long b = 0; b < blocks; b++) {
            long from = b * 34;
            panel.set(SHORT, blocks * 512 + b * 32 + lane * 2L, row.get(SHORT, from));
            for (int j = 0; j < 8; j++) {
                int four = row.get(INT, from + 2 + j * 4L) ^ 0x80808080;
                panel.set(INT, b * 512 + j * 64L + lane * 4L, four);
            }
        }
    }

    private static void packQ4(MemorySegment row, int lane, long blocks, MemorySegment panel) {
        for (long b = 0; b < blocks; b++) {
            long from = b * 18;
            panel.set(SHORT, blocks * 256 + b * 32 + lane * 2L, row.get(SHORT, from));
            // The format pairs column i with i + 16, as the panels do.
            for (int j = 0; j < 4; j++) {
                panel.set(INT, b * 256 + j * 64L + lane * 4L, row.get(INT, from + 2 + j * 4L));
            }
        }
    }

    private static void packK(DType type, MemorySegment row, int lane, long blocks, MemorySegment panel) {
        boolean five = type == DType.Q5_K;
        long nibbles = five ? 48 : 16;
        long scales = blocks * (five ? 320 : 256);
        for (long b = 0; b < blocks; b++) {
            long from = b / 8 * type.blockBytes();
            int part = (int) (b % 8);
            if (part == 0) {
                long to = scales + blocks * 32 + b / 8 * 64 + lane * 2L;
                panel.set(SHORT, to, row.get(SHORT, from));
                panel.set(SHORT, to + 32, row.get(SHORT, from + 2));
            }
            panel.set(BYTE, scales + b * 32 + lane, (byte) partScale(row, from + 4, part));
            panel.set(BYTE, scales + b * 32 + 16 + lane, (byte) partMinimum(row, from + 4, part));
            // Parts 2i and 2i + 1 share 32 bytes, as low and high nibbles.
            long bytes = from + nibbles + part / 2 * 32L;
            int shift = part % 2 * 4;
            for (int j = 0; j < 4; j++) {
                int low = (row.get(INT, bytes + j * 4L) >>> shift) & 0x0f0f0f0f;
                int high = (row.get(INT, bytes + 16 + j * 4L) >>> shift) & 0x0f0f0f0f;
                panel.set(INT, b * 256 + j * 64L + lane * 4L, low | high << 4);
            }
            if (five) {
                for (int column = 0; column < 32; column++) {
                    if ((row.get(BYTE, from + 16 + column) >> part & 1) != 0) {
                        int bit = lane * 4 + column % 4;
                        long at = blocks * 256 + b * 64 + column / 4 * 8L + bit / 8;
                        panel.set(BYTE, at, (byte) (panel.get(BYTE, at) | 1 << bit % 8));
                    }
                }
            }
        }
    }

    /** The 6 bits of a part's scale in the 12 bytes of a K block. */
    static int partScale(MemorySegment row, long at, int part) {
        return part < 4
                ? row.get(BYTE, at + part) & 63
                : (row.get(BYTE, at + part + 4) & 15) | (row.get(BYTE, at + part - 4) & 0xc0) >> 2;
    }

    /** The 6 bits of a part's minimum. */
    static int partMinimum(MemorySegment row, long at, int part) {
        return part < 4
                ? row.get(BYTE, at + part + 4) & 63
                : (row.get(BYTE, at + part + 4) & 0xf0) >> 4 | (row.get(BYTE, at + part) & 0xc0) >> 2;
    }

    private static void packQ6(MemorySegment row, int lane, long blocks, MemorySegment panel) {
        long scales = blocks * 384;
        for (long b = 0; b < blocks; b++) {
            long from = b / 8 * 210;
            int part = (int) (b % 8);
            if (part == 0) {
                panel.set(SHORT, scales + blocks * 32 + b / 8 * 32 + lane * 2L, row.get(SHORT, from + 208));
            }
            panel.set(BYTE, scales + b * 32 + lane, row.get(BYTE, from + 192 + part * 2L));
            panel.set(BYTE, scales + b * 32 + 16 + lane, row.get(BYTE, from + 192 + part * 2L + 1));
            for (int column = 0; column < 32; column++) {
                int w = sixBits(row, from, part, column);
                long at = b * 256 + column % 16 / 4 * 64L + lane * 4L + column % 4;
                int nibble = (w & 15) << (column < 16 ? 0 : 4);
                panel.set(BYTE, at, (byte) (panel.get(BYTE, at) | nibble));
                int group = column / 4;
                long upper = blocks * 256 + b * 128 + group / 4 * 64L + lane * 4L + column % 4;
                panel.set(BYTE, upper, (byte) (panel.get(BYTE, upper) | w >> 4 << 2 * (group % 4)));
            }
        }
    }

    /** A weight of a Q6_K block, before 32 is taken off. Halves of 128 weights share 64 and 32 bytes. */
    static int sixBits(MemorySegment row, long block, int part, int column) {
        int half = part / 4;
        int quarter = part % 4;
        int low = row.get(BYTE, block + half * 64L + quarter % 2 * 32L + column) & 0xff;
        int upper = row.get(BYTE, block + 128 + half * 32L + column) & 0xff;
        return (quarter < 2 ? low & 15 : low >> 4) | (upper >> 2 * quarter & 3) << 4;
    }

    /** The value at {@code [row, column]} of a packed matrix. Slow: for tests, and for what is not worth a kernel. */
    public static float value(MemorySegment packed, long offset, DType type, int columns, int row, int column) {
        long panel = offset + row / ROWS * panelBytes(type, columns);
        int lane = row % ROWS;
        long blocks = columns / 32;
        long b = column / 32;
        int c = column % 32;
        switch (type) {
            case F32 -> {
                return packed.get(ValueLayout.JAVA_FLOAT_UNALIGNED, panel + ((long) column * ROWS + lane) * 4);
            }
            case F16 -> {
                return Float.float16ToFloat(packed.get(SHORT, panel + ((long) column * ROWS + lane) * 2));
            }
            case BF16 -> {
                return Float.intBitsToFloat(packed.get(SHORT, panel + ((long) column * ROWS + lane) * 2) << 16);
            }
            case Q8_0 -> {
                int q = (packed.get(BYTE, panel + b * 512 + c / 4 * 64L + lane * 4L + c % 4) & 0xff) - 128;
                return q * half(packed, panel + blocks * 512 + b * 32 + lane * 2L);
            }
            default -> {}
        }
        int both = packed.get(BYTE, panel + b * 256 + c % 16 / 4 * 64L + lane * 4L + c % 4) & 0xff;
        int q = c < 16 ? both & 15 : both >> 4;
        if (type == DType.Q4_0) {
            return (q - 8) * half(packed, panel + blocks * 256 + b * 32 + lane * 2L);
        }
        if (type == DType.Q6_K) {
            int group = c / 4;
            int upper = packed.get(BYTE, panel + blocks * 256 + b * 128 + group / 4 * 64L + lane * 4L + c % 4) & 0xff;
            q |= (upper >> 2 * (group % 4) & 3) << 4;
            long scales = panel + blocks * 384;
            return (q - 32)
                    * (half(packed, scales + blocks * 32 + b / 8 * 32 + lane * 2L)
                            * packed.get(BYTE, scales + b * 32 + c / 16 * 16L + lane));
        }
        long scales = panel + blocks * (type == DType.Q5_K ? 320 : 256);
        if (type == DType.Q5_K) {
            int bit = lane * 4 + c % 4;
            int bits = packed.get(BYTE, panel + blocks * 256 + b * 64 + c / 4 * 8L + bit / 8);
            q += (bits >> bit % 8 & 1) * 16;
        }
        long super8 = scales + blocks * 32 + b / 8 * 64 + lane * 2L;
        float scale = half(packed, super8) * (packed.get(BYTE, scales + b * 32 + lane) & 0xff);
        float minimum = half(packed, super8 + 32) * (packed.get(BYTE, scales + b * 32 + 16 + lane) & 0xff);
        return q * scale - minimum;
    }

    private static float half(MemorySegment memory, long at) {
        return Float.float16ToFloat(memory.get(SHORT, at));
    }
}
