package io.ashlar.compute.cpu;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.ashlar.compute.Activations;
import io.ashlar.compute.Buffer;
import io.ashlar.compute.DType;
import io.ashlar.compute.Kernels;
import io.ashlar.compute.KeyValues;
import io.ashlar.compute.LowRank;
import io.ashlar.compute.Matrix;
import io.ashlar.compute.PageLayout;
import io.ashlar.compute.RotaryTable;
import io.ashlar.compute.Rows;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import net.jqwik.api.Example;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;

/** Every kernel against a plain reference in double precision, on random shapes, tails included. */
class CpuKernelsTest {
    private static final CpuDevice DEVICE = new CpuDevice(2);
    private static final Kernels KERNELS = DEVICE.kernels();

    private static float[] random(Random r, int n) {
        float[] out = new float[n];
        for (int i = 0; i < n; i++) {
            out[i] = (float) r.nextGaussian();
        }
        return out;
    }

    private static Activations activations(float[] values, int rows, int stride) {
        Buffer buffer = DEVICE.allocate((long) rows * stride * Float.BYTES);
        MemorySegment.copy(values, 0, CpuBuffer.of(buffer), ValueLayout.JAVA_FLOAT, 0, values.length);
        return new Activations(buffer, rows, stride);
    }

    private static float[] values(Activations a) {
        float[] out = new float[a.rows() * a.stride()];
        MemorySegment.copy(CpuBuffer.of(a), ValueLayout.JAVA_FLOAT, 0, out, 0, out.length);
        return out;
    }

    /** Stores values in a type and returns them as that type can hold them, in {@code stored}. */
    private static Matrix matrix(float[] values, DType type, int rows, int columns, float[] stored) {
        MemorySegment memory = Arena.ofAuto().allocate((long) values.length * type.bytes(), 64);
        for (int i = 0; i < values.length; i++) {
            switch (type) {
                case F32 -> {
                    memory.setAtIndex(ValueLayout.JAVA_FLOAT, i, values[i]);
                    stored[i] = values[i];
                }
                case F16 -> {
                    short half = Float.floatToFloat16(values[i]);
                    memory.setAtIndex(ValueLayout.JAVA_SHORT, i, half);
                    stored[i] = Float.float16ToFloat(half);
                }
                case BF16 -> {
                    short bits = (short) (Float.floatToIntBits(values[i]) >>> 16);
                    memory.setAtIndex(ValueLayout.JAVA_SHORT, i, bits);
                    stored[i] = Float.intBitsToFloat(bits << 16);
                }
            }
        }
        return new Matrix(DEVICE.upload(memory), 0, type, rows, columns);
    }

    private static Rows everyOther(int rows) {
        return Rows.of(IntStream.range(0, rows).filter(i -> i % 3 != 1).toArray());
    }

    @Property(tries = 60)
    void project(
            @ForAll long seed,
            @ForAll DType type,
            @ForAll @IntRange(min = 1, max = 11) int rows,
            @ForAll @IntRange(min = 1, max = 90) int columns,
            @ForAll @IntRange(min = 1, max = 150) int first,
            @ForAll @IntRange(min = 1, max = 9) int second,
            @ForAll boolean accumulate) {
        Random r = new Random(seed);
        float[] a = new float[first * columns];
        float[] b = new float[second * columns];
        Matrix wa = matrix(random(r, a.length), type, first, columns, a);
        Matrix wb = matrix(random(r, b.length), type, second, columns, b);
        float[] x = random(r, rows * (columns + 3));
        float[] before = random(r, rows * (first + second + 2));
        Activations out = activations(before, rows, first + second + 2);
        Rows used = everyOther(rows);
        KERNELS.project(activations(x, rows, columns + 3), used, List.of(wa, wb), out, accumulate);
        float[] after = values(out);
        for (int row = 0; row < rows; row++) {
            boolean touched = row % 3 != 1;
            for (int n = 0; n < first + second + 2; n++) {
                double expected = before[row * out.stride() + n];
                if (touched && n < first + second) {
                    double sum = accumulate ? expected : 0;
                    for (int k = 0; k < columns; k++) {
                        double w = n < first ? a[n * columns + k] : b[(n - first) * columns + k];
                        sum += w * x[row * (columns + 3) + k];
                    }
                    expected = sum;
                }
                assertThat((double) after[row * out.stride() + n])
                        .as("row %d output %d", row, n)
                        .isCloseTo(expected, within(1e-4));
            }
        }
    }

    @Property(tries = 20)
    void a_row_s_products_do_not_depend_on_the_other_rows(
            @ForAll long seed, @ForAll DType type, @ForAll @IntRange(min = 2, max = 30) int rows) {
        Random r = new Random(seed);
        int columns = 83;
        int outputs = 70;
        Matrix w = matrix(random(r, outputs * columns), type, outputs, columns, new float[outputs * columns]);
        float[] x = random(r, rows * columns);
        Activations all = activations(new float[rows * outputs], rows, outputs);
        KERNELS.project(
                activations(x, rows, columns), Rows.of(IntStream.range(0, rows).toArray()), List.of(w), all, false);
        Activations alone = activations(new float[rows * outputs], rows, outputs);
        KERNELS.project(activations(x, rows, columns), Rows.of(rows - 1), List.of(w), alone, false);
        for (int n = 0; n < outputs; n++) {
            int at = (rows - 1) * outputs + n;
            assertThat(values(alone)[at]).isEqualTo(values(all)[at]);
        }
    }

    @Property(tries = 30)
    void rms_norm(@ForAll long seed, @ForAll DType type, @ForAll @IntRange(min = 1, max = 100) int width) {
        Random r = new Random(seed);
        float[] w = new float[width];
        Matrix weight = matrix(random(r, width), type, 1, width, w);
        float[] x = random(r, 2 * width);
        Activations out = activations(new float[2 * width], 2, width);
        KERNELS.rmsNorm(activations(x, 2, width), Rows.of(0, 1), weight, 1e-5f, out);
        for (int row = 0; row < 2; row++) {
            double squares = 0;
            for (int k = 0; k < width; k++) {
                squares += (double) x[row * width + k] * x[row * width + k];
            }
            double scale = 1 / Math.sqrt(squares / width + 1e-5);
            for (int k = 0; k < width; k++) {
                assertThat((double) values(out)[row * width + k])
                        .isCloseTo(x[row * width + k] * scale * w[k], within(1e-5));
            }
        }
    }

    @Property(tries = 30)
    void low_rank(
            @ForAll long seed,
            @ForAll @IntRange(min = 1, max = 17) int rank,
            @ForAll @IntRange(min = 1, max = 70) int in,
            @ForAll @IntRange(min = 1, max = 70) int outWidth) {
        Random r = new Random(seed);
        float[] a = new float[rank * in];
        float[] b = new float[rank * outWidth];
        LowRank term = new LowRank(
                matrix(random(r, a.length), DType.F32, rank, in, a),
                matrix(random(r, b.length), DType.F32, rank, outWidth, b),
                0.5f);
        float[] x = random(r, in);
        float[] before = random(r, outWidth + 5);
        Activations out = activations(before, 1, outWidth + 5);
        KERNELS.addLowRank(activations(x, 1, in), Rows.of(0), term, out, 5);
        for (int n = 0; n < outWidth; n++) {
            double expected = before[5 + n];
            for (int j = 0; j < rank; j++) {
                double dot = 0;
                for (int k = 0; k < in; k++) {
                    dot += (double) a[j * in + k] * x[k];
                }
                expected += 0.5 * b[j * outWidth + n] * dot;
            }
            assertThat((double) values(out)[5 + n]).isCloseTo(expected, within(1e-4));
        }
    }

    @Property(tries = 25)
    void attention_over_pages(
            @ForAll long seed,
            @ForAll @IntRange(min = 1, max = 70) int length,
            @ForAll @IntRange(min = 1, max = 3) int kvHeads,
            @ForAll @IntRange(min = 1, max = 3) int shared,
            @ForAll @IntRange(min = 1, max = 21) int halfDim) {
        Random r = new Random(seed);
        int headDim = 2 * halfDim;
        int heads = kvHeads * shared;
        int kvWidth = kvHeads * headDim;
        PageLayout layout = new PageLayout(kvHeads, headDim);
        int pageCount = PageLayout.pagesFor(length);
        Buffer pool = DEVICE.allocate(layout.bytes() * pageCount);
        long[] pages = new long[pageCount];
        for (int i = 0; i < pageCount; i++) {
            pages[i] = (pageCount - 1 - i) * layout.bytes();
        }
        float[] kv = random(r, length * 2 * kvWidth);
        float[] q = random(r, length * heads * headDim);
        long[][] perRow = new long[length][];
        java.util.Arrays.fill(perRow, pages);
        int[] positions = IntStream.range(0, length).toArray();
        KeyValues where = new KeyValues(pool, layout, perRow, positions);
        Rows rows = Rows.of(positions);
        KERNELS.store(activations(kv, length, 2 * kvWidth), rows, 0, kvWidth, where);
        Activations out = activations(new float[q.length], length, heads * headDim);
        float scale = (float) (1 / Math.sqrt(headDim));
        KERNELS.attend(activations(q, length, heads * headDim), rows, heads, scale, where, out);
        float[] actual = values(out);
        for (int row = 0; row < length; row++) {
            for (int h = 0; h < heads; h++) {
                double[] weights = new double[row + 1];
                double total = 0;
                for (int t = 0; t <= row; t++) {
                    double dot = 0;
                    for (int d = 0; d < headDim; d++) {
                        dot += (double) q[(row * heads + h) * headDim + d]
                                * kv[t * 2 * kvWidth + (h / shared) * headDim + d];
                    }
                    weights[t] = Math.exp(dot * scale);
                    total += weights[t];
                }
                for (int d = 0; d < headDim; d++) {
                    double expected = 0;
                    for (int t = 0; t <= row; t++) {
                        expected += weights[t] / total * kv[t * 2 * kvWidth + kvWidth + (h / shared) * headDim + d];
                    }
                    assertThat((double) actual[(row * heads + h) * headDim + d]).isCloseTo(expected, within(1e-4));
                }
            }
        }
    }

    @Property(tries = 20)
    void rotate(@ForAll long seed, @ForAll @IntRange(min = 1, max = 40) int half) {
        Random r = new Random(seed);
        float[] cos = random(r, 3 * half);
        float[] sin = random(r, 3 * half);
        int heads = 2;
        float[] x = random(r, 4 + heads * 2 * half);
        Activations a = activations(x, 1, x.length);
        KERNELS.rotate(a, Rows.of(0), 4, heads, new int[] {2}, new RotaryTable(half, cos, sin));
        for (int h = 0; h < heads; h++) {
            for (int i = 0; i < half; i++) {
                int at = 4 + h * 2 * half + i;
                double c = cos[2 * half + i];
                double s = sin[2 * half + i];
                assertThat((double) values(a)[at]).isCloseTo(x[at] * c - x[at + half] * s, within(1e-4));
                assertThat((double) values(a)[at + half]).isCloseTo(x[at + half] * c + x[at] * s, within(1e-4));
            }
        }
    }

    @Property(tries = 20)
    void gated_silu(@ForAll long seed, @ForAll @IntRange(min = 1, max = 70) int width) {
        Random r = new Random(seed);
        float[] x = random(r, 2 * width);
        for (int i = 0; i < x.length; i++) {
            x[i] *= 20;
        }
        Activations out = activations(new float[width], 1, width);
        KERNELS.gatedSilu(activations(x, 1, 2 * width), Rows.of(0), width, out);
        for (int i = 0; i < width; i++) {
            double expected = x[i] / (1 + Math.exp(-x[i])) * x[width + i];
            assertThat((double) values(out)[i]).isCloseTo(expected, within(1e-4 * Math.max(1, Math.abs(expected))));
        }
    }

    @Property(tries = 20)
    void embed(@ForAll long seed, @ForAll DType type, @ForAll @IntRange(min = 1, max = 70) int width) {
        Random r = new Random(seed);
        float[] table = new float[5 * width];
        Matrix m = matrix(random(r, table.length), type, 5, width, table);
        Activations out = activations(new float[2 * width], 2, width);
        KERNELS.embed(m, new int[] {4, 1}, Rows.of(0, 1), out);
        for (int k = 0; k < width; k++) {
            assertThat(values(out)[k]).isEqualTo(table[4 * width + k]);
            assertThat(values(out)[width + k]).isEqualTo(table[width + k]);
        }
    }

    @Example
    void the_exponential_is_exact_to_float_precision() {
        float[] x = new float[64 * Lanes.WIDTH];
        for (int i = 0; i < x.length; i++) {
            x[i] = -87 + 170f * i / x.length;
        }
        float[] y = new float[x.length];
        for (int i = 0; i < x.length; i += Lanes.WIDTH) {
            Lanes.exp(jdk.incubator.vector.FloatVector.fromArray(Lanes.F, x, i)).intoArray(y, i);
        }
        for (int i = 0; i < x.length; i++) {
            assertThat(y[i] / Math.exp(x[i])).as("exp(%s)", x[i]).isCloseTo(1, within(3e-7));
        }
    }
}
