package io.ashlar.compute.cpu;

import io.ashlar.compute.DType;
import io.ashlar.compute.Panels;
import io.ashlar.compute.Vector;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;
import org.jspecify.annotations.Nullable;

/**
 * Products on the Vector API: 32 columns of a panel are widened to floats, then multiplied with every row. One per worker.
 * A sum runs in the order of k, whatever the rows beside it.
 */
final class VectorProjection {
    private static final MemorySegment MEMORY = Address.MEMORY;
    private static final int BLOCK = 32;
    private static final int LANES = Panels.ROWS;
    private static final VectorSpecies<Integer> I = VectorSpecies.of(int.class, Lanes.F.vectorShape());

    private final float[] block = new float[BLOCK * LANES];
    private float[] sums = new float[0];

    /** Rows of activations: where each is, and where its results go, in bytes. */
    record Sides(long[] x, long[] out, int count, boolean accumulate) {}

    /**
     * Panels {@code [from, to)} of a matrix by all rows.
     *
     * @param weights address of the matrix
     * @param rows of the matrix
     */
    void run(DType type, long weights, int rows, int columns, @Nullable Vector bias, int from, int to, Sides sides) {
        long pitch = Panels.panelBytes(type, columns);
        if (sums.length < sides.count * LANES) {
            sums = new float[sides.count * LANES];
        }
        for (int panel = from; panel < to; panel++) {
            Arrays.fill(sums, 0, sides.count * LANES, 0);
            long at = weights + panel * pitch;
            for (int k = 0; k < columns; k += BLOCK) {
                int n = Math.min(BLOCK, columns - k);
                widen(type, at, columns, k, n);
                for (int r = 0; r < sides.count; r++) {
                    multiply(sides.x[r] + k * 4L, n, r * LANES);
                }
            }
            int first = panel * LANES;
            int lanes = Math.min(LANES, rows - first);
            for (int r = 0; r < sides.count; r++) {
                for (int lane = 0; lane < lanes; lane++) {
                    long to4 = sides.out[r] + (first + lane) * 4L;
                    float v = sums[r * LANES + lane];
                    if (bias != null) {
                        v += MEMORY.get(ValueLayout.JAVA_FLOAT, Address.of(bias) + (first + lane) * 4L);
                    }
                    MEMORY.set(
                            ValueLayout.JAVA_FLOAT,
                            to4,
                            sides.accumulate ? MEMORY.get(ValueLayout.JAVA_FLOAT, to4) + v : v);
                }
            }
        }
    }

    private void multiply(long x, int n, int at) {
        for (int lane = 0; lane < LANES; lane += Lanes.WIDTH) {
            FloatVector sum = FloatVector.fromArray(Lanes.F, sums, at + lane);
            for (int k = 0; k < n; k++) {
                FloatVector factor = FloatVector.broadcast(Lanes.F, MEMORY.get(ValueLayout.JAVA_FLOAT, x + k * 4L));
                sum = FloatVector.fromArray(Lanes.F, block, k * LANES + lane).fma(factor, sum);
            }
            sum.intoArray(sums, at + lane);
        }
    }

    /** Writes columns {@code [k, k + n)} of a panel to {@link #block}, as {@code [column][16 rows]}. */
    void widen(DType type, long panel, int columns, int k, int n) {
        long blocks = columns / BLOCK;
        long b = k / BLOCK;
        switch (type) {
            case F32 ->
                MemorySegment.copy(MEMORY, ValueLayout.JAVA_FLOAT, panel + (long) k * LANES * 4, block, 0, n * LANES);
            case F16 -> {
                for (int i = 0; i < n * LANES; i += Lanes.WIDTH) {
                    Lanes.f16(MEMORY, panel + ((long) k * LANES + i) * 2).intoArray(block, i);
                }
            }
            case BF16 -> {
                for (int i = 0; i < n * LANES; i += Lanes.WIDTH) {
                    Lanes.bf16(MEMORY, panel + ((long) k * LANES + i) * 2).intoArray(block, i);
                }
            }
            case Q8_0 -> {
                for (int lane = 0; lane < LANES; lane += Lanes.WIDTH) {
                    FloatVector scale = Lanes.f16(MEMORY, panel + blocks * 512 + b * 32 + lane * 2L);
                    for (int j = 0; j < 8; j++) {
                        IntVector four = ints(panel + b * 512 + j * 64L + lane * 4L);
                        bytes(four, j * 4, lane, 128, scale, null);
                    }
                }
            }
            case Q4_0, Q4_K -> {
                for (int lane = 0; lane < LANES; lane += Lanes.WIDTH) {
                    FloatVector scale;
                    FloatVector minimum = null;
                    if (type == DType.Q4_0) {
                        scale = Lanes.f16(MEMORY, panel + blocks * 256 + b * 32 + lane * 2L);
                    } else {
                        long s = panel + blocks * 256;
                        long both = s + blocks * 32 + b / 8 * 64 + lane * 2L;
                        scale = Lanes.f16(MEMORY, both).mul(unsigned(s + b * 32 + lane));
                        minimum = Lanes.f16(MEMORY, both + 32).mul(unsigned(s + b * 32 + 16 + lane));
                    }
                    for (int j = 0; j < 4; j++) {
                        IntVector eight = ints(panel + b * 256 + j * 64L + lane * 4L);
                        int less = minimum == null ? 8 : 0;
                        bytes(eight.and(0x0f0f0f0f), j * 4, lane, less, scale, minimum);
                        IntVector high = eight.lanewise(VectorOperators.LSHR, 4).and(0x0f0f0f0f);
                        bytes(high, 16 + j * 4, lane, less, scale, minimum);
                    }
                }
            }
            case Q5_K, Q6_K -> {
                for (int c = 0; c < n; c++) {
                    for (int lane = 0; lane < LANES; lane++) {
                        block[c * LANES + lane] = Panels.value(MEMORY, panel, type, columns, lane, k + c);
                    }
                }
            }
        }
    }

    private static IntVector ints(long at) {
        return IntVector.fromMemorySegment(I, MEMORY, at, java.nio.ByteOrder.LITTLE_ENDIAN);
    }

    private static FloatVector unsigned(long at) {
        float[] values = new float[Lanes.WIDTH];
        for (int i = 0; i < values.length; i++) {
            values[i] = MEMORY.get(ValueLayout.JAVA_BYTE, at + i) & 0xff;
        }
        return FloatVector.fromArray(Lanes.F, values, 0);
    }

    /** Four columns from the four bytes of each lane. */
    private void bytes(
            IntVector four, int column, int lane, int less, FloatVector scale, @Nullable FloatVector minimum) {
        for (int i = 0; i < 4; i++) {
            IntVector q = four.lanewise(VectorOperators.LSHR, 8 * i).and(0xff).sub(less);
            FloatVector v = ((FloatVector) q.convert(VectorOperators.I2F, 0)).mul(scale);
            (minimum == null ? v : v.sub(minimum)).intoArray(block, (column + i) * LANES + lane);
        }
    }
}
