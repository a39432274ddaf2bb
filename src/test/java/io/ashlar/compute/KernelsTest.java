package io.ashlar.compute;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.ashlar.compute.cpu.CpuDevice;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

/** Every kernel of every device against plain arithmetic in double precision, on random shapes, tails included. */
public class KernelsTest {
    private static final int ROUNDS = 6;

    /**
     * @param rounds whether it rounds activations to bytes before products with quantised weights
     * @param error of products, as a part of the sum of their terms' sizes
     */
    record Variant(String name, Device device, boolean rounds, double error) {
        Kernels kernels() {
            return device.kernels();
        }

        @Override
        public String toString() {
            return name;
        }
    }

    private static final List<Variant> VARIANTS = new ArrayList<>();

    static {
        List<String> choices = TestDevices.computesInHalves() ? List.of() : List.of("best", "avx2", "vector");
        for (String choice : choices) {
            String before = System.setProperty("ashlar.kernels", choice);
            Device device = new CpuDevice(2);
            boolean vector = device.describe().startsWith("Vector API");
            VARIANTS.add(new Variant(choice, device, !vector, 3e-5));
            if (before == null) {
                System.clearProperty("ashlar.kernels");
            } else {
                System.setProperty("ashlar.kernels", before);
            }
        }
        // On tensor cores weights and activations are halves, of 11 bits.
        TestDevices.cuda().ifPresent(device -> VARIANTS.add(new Variant("cuda", device, false, 3e-4)));
    }

    static Stream<Variant> variants() {
        return VARIANTS.stream();
    }

    private static float[] random(Random r, int n) {
        float[] out = new float[n];
        for (int i = 0; i < n; i++) {
            out[i] = (float) r.nextGaussian();
        }
        return out;
    }

    private static Buffer buffer(Variant v, float[] values) {
        MemorySegment memory = Arena.ofAuto().allocate((values.length + 16) * 4L, 64);
        MemorySegment.copy(values, 0, memory, ValueLayout.JAVA_FLOAT, 0, values.length);
        return v.device.upload(memory);
    }

    private static Activations activations(Variant v, float[] values, int stride) {
        return new Activations(buffer(v, values), values.length / stride, stride);
    }

    private static float[] values(Variant v, Activations a) {
        float[] out = new float[a.rows() * a.stride()];
        v.device.download(a, 0, out, out.length);
        return out;
    }

    private static Ints ints(Variant v, int... values) {
        Ints ints = v.device.ints(Math.max(1, values.length));
        for (int i = 0; i < values.length; i++) {
            ints.set(i, values[i]);
        }
        return ints;
    }

    /** Random stored bytes of a type that make sensible values, and those values. */
    private static Matrix matrix(Variant v, Random r, DType type, int rows, int columns, double[][] values) {
        MemorySegment[] stored = stored(r, type, rows, columns, values);
        return v.device.matrix(packed(type, stored, columns), type, rows, columns);
    }

    private static MemorySegment[] stored(Random r, DType type, int rows, int columns, double[][] values) {
        Arena arena = Arena.ofAuto();
        MemorySegment[] stored = new MemorySegment[rows];
        float[] floats = new float[columns];
        for (int row = 0; row < rows; row++) {
            stored[row] = arena.allocate(type.rowBytes(columns), 8);
            randomRow(r, type, stored[row], columns);
            Quantizer.floats(type, stored[row], columns, floats);
            for (int k = 0; k < columns; k++) {
                values[row][k] = floats[k];
            }
        }
        return stored;
    }

    private static MemorySegment packed(DType type, MemorySegment[] stored, int columns) {
        MemorySegment packed = Arena.ofAuto().allocate(Panels.bytes(type, stored.length, columns), 64);
        Panels.pack(type, stored, columns, packed);
        return packed;
    }

    private static void randomRow(Random r, DType type, MemorySegment row, int columns) {
        if (!type.isQuantized()) {
            for (int k = 0; k < columns; k++) {
                float value = (float) r.nextGaussian();
                switch (type) {
                    case F32 -> row.setAtIndex(ValueLayout.JAVA_FLOAT, k, value);
                    case F16 -> row.setAtIndex(ValueLayout.JAVA_SHORT, k, Float.floatToFloat16(value));
                    default -> row.setAtIndex(ValueLayout.JAVA_SHORT, k, (short) (Float.floatToIntBits(value) >>> 16));
                }
            }
            return;
        }
        byte[] bytes = new byte[(int) row.byteSize()];
        r.nextBytes(bytes);
        MemorySegment.copy(bytes, 0, row, ValueLayout.JAVA_BYTE, 0, bytes.length);
        for (int b = 0; b < columns / type.blockElements(); b++) {
            long at = (long) b * type.blockBytes();
            long scale = type == DType.Q6_K ? at + 208 : at;
            row.set(ValueLayout.JAVA_SHORT_UNALIGNED, scale, Float.floatToFloat16((float) (0.01 * r.nextGaussian())));
            if (type == DType.Q4_K || type == DType.Q5_K) {
                row.set(ValueLayout.JAVA_SHORT_UNALIGNED, at + 2, Float.floatToFloat16((float)
                        (0.01 * r.nextGaussian())));
            }
        }
    }

    /** A row as products with quantised weights see it. */
    private static double[] seen(Variant v, float[] x, int from, int columns, boolean quantised) {
        double[] out = new double[columns];
        for (int b = 0; b < columns; b += 32) {
            float most = 0;
            for (int k = b; k < Math.min(columns, b + 32); k++) {
                most = Math.max(most, Math.abs(x[from + k]));
            }
            for (int k = b; k < Math.min(columns, b + 32); k++) {
                float value = x[from + k];
                out[k] = quantised && v.rounds && most > 0 ? Math.rint(value * (127f / most)) * (most / 127f) : value;
            }
        }
        return out;
    }

    private static void close(double actual, double expected, double scale) {
        assertThat(actual).isCloseTo(expected, within(3e-5 * scale + 1e-6));
    }

    private static void close(Variant v, double actual, double expected, double scale) {
        assertThat(actual).isCloseTo(expected, within(v.error * scale + 1e-6));
    }

    @ParameterizedTest
    @MethodSource("variants")
    void products_of_every_type(Variant v) {
        for (DType type : DType.values()) {
            for (int round = 0; round < ROUNDS; round++) {
                Random r = new Random(type.ordinal() * 100 + round);
                int columns = type.isQuantized()
                        ? type.blockElements() * (1 + r.nextInt(type.blockElements() == 32 ? 40 : 6))
                        : type == DType.F32 ? 1 + r.nextInt(700) : 16 * (1 + r.nextInt(40));
                int rowsA = 1 + r.nextInt(90);
                int rowsB = 1 + r.nextInt(40);
                int stride = (columns + 15) / 16 * 16 + 16;
                int count = 1 + r.nextInt(20);
                double[][] a = new double[rowsA][columns];
                double[][] b = new double[rowsB][columns];
                float[] biasValues = random(r, rowsB);
                List<Linear> stacked = List.of(
                        new Linear(matrix(v, r, type, rowsA, columns, a), null),
                        new Linear(matrix(v, r, type, rowsB, columns, b), new Vector(buffer(v, biasValues), 0, rowsB)));
                float[] x = random(r, count * stride);
                int outStride = (rowsA + rowsB + 31) / 16 * 16;
                float[] before = random(r, count * outStride);
                Activations out = activations(v, before, outStride);
                boolean accumulate = r.nextBoolean();
                int[] order = IntStream.range(0, count).filter(i -> i % 3 != 1).toArray();
                v.kernels().project(activations(v, x, stride), Rows.of(v.device, order), stacked, out, accumulate);
                v.kernels().finish();
                float[] got = values(v, out);
                for (int row = 0; row < count; row++) {
                    double[] seen = seen(v, x, row * stride, columns, type.isQuantized());
                    for (int n = 0; n < outStride; n++) {
                        int at = row * outStride + n;
                        if (n >= rowsA + rowsB || row % 3 == 1) {
                            assertThat(got[at]).as("untouched").isEqualTo(before[at]);
                            continue;
                        }
                        double[] w = n < rowsA ? a[n] : b[n - rowsA];
                        double sum = (accumulate ? before[at] : 0) + (n < rowsA ? 0 : biasValues[n - rowsA]);
                        double size = 1;
                        for (int k = 0; k < columns; k++) {
                            sum += seen[k] * w[k];
                            size += Math.abs(seen[k] * w[k]);
                        }
                        close(v, got[at], sum, size);
                    }
                }
            }
        }
    }

    @ParameterizedTest
    @MethodSource("variants")
    void a_row_does_not_depend_on_the_rows_beside_it(Variant v) {
        for (DType type : DType.values()) {
            Random r = new Random(type.ordinal());
            int columns = 1280;
            List<Linear> weights = List.of(new Linear(matrix(v, r, type, 70, columns, new double[70][columns]), null));
            float[] x = random(r, 200 * columns);
            Activations in = activations(v, x, columns);
            Activations together = activations(v, new float[200 * 80], 80);
            v.kernels().project(in, Rows.of(v.device, IntStream.range(0, 200).toArray()), weights, together, false);
            v.kernels().finish();
            float[] all = values(v, together);
            for (int count : new int[] {1, 2, 3, 5, 7}) {
                Activations some = activations(v, new float[200 * 80], 80);
                v.kernels()
                        .project(in, Rows.of(v.device, IntStream.range(0, count).toArray()), weights, some, false);
                v.kernels().finish();
                assertThat(Arrays.copyOf(values(v, some), count * 80))
                        .as(type + ", " + count + " rows")
                        .isEqualTo(Arrays.copyOf(all, count * 80));
            }
        }
    }

    @ParameterizedTest
    @MethodSource("variants")
    void embeddings_of_every_type(Variant v) {
        for (DType type : DType.values()) {
            Random r = new Random(type.ordinal());
            double[][] table = new double[50][512];
            Matrix matrix = matrix(v, r, type, 50, 512, table);
            Activations out = activations(v, new float[4 * 512], 512);
            v.kernels().embed(matrix, ints(v, 3, 49, 16, 0), Rows.of(v.device, 0, 1, 3), 1.5f, out);
            v.kernels().finish();
            for (int k = 0; k < 512; k++) {
                close(v, values(v, out)[k], 1.5 * table[3][k], v.error > 1e-4 ? 200 : 1);
                close(v, values(v, out)[512 + k], 1.5 * table[49][k], v.error > 1e-4 ? 200 : 1);
                close(v, values(v, out)[3 * 512 + k], 1.5 * table[0][k], v.error > 1e-4 ? 200 : 1);
                assertThat(values(v, out)[2 * 512 + k]).isZero();
            }
        }
    }

    @ParameterizedTest
    @MethodSource("variants")
    void norms(Variant v) {
        Random r = new Random(5);
        for (int width : new int[] {16, 48, 2048}) {
            float[] x = random(r, 3 * width);
            float[] w = random(r, width);
            float[] before = random(r, 3 * width);
            for (boolean accumulate : new boolean[] {false, true}) {
                Activations out = activations(v, before, width);
                Vector weight = new Vector(buffer(v, w), 0, width);
                v.kernels().rmsNorm(activations(v, x, width), Rows.of(v.device, 0, 2), weight, 1e-5f, out, accumulate);
                v.kernels().finish();
                for (int row : new int[] {0, 2}) {
                    double squares = 0;
                    for (int k = 0; k < width; k++) {
                        squares += (double) x[row * width + k] * x[row * width + k];
                    }
                    for (int k = 0; k < width; k++) {
                        int at = row * width + k;
                        double y = x[at] / Math.sqrt(squares / width + 1e-5) * w[k];
                        close(values(v, out)[at], y + (accumulate ? before[at] : 0), 3);
                    }
                }
            }
        }
        float[] x = random(r, 2 * 128);
        float[] w = random(r, 32);
        Activations heads = activations(v, x, 128);
        v.kernels().normHeads(heads, Rows.of(v.device, 0, 1), 32, 2, new Vector(buffer(v, w), 0, 32), 1e-6f);
        v.kernels().finish();
        for (int row = 0; row < 2; row++) {
            for (int i = 0; i < 128; i++) {
                int at = row * 128 + i;
                int head = i / 32;
                double squares = 0;
                for (int k = 0; k < 32; k++) {
                    squares += (double) x[row * 128 + head * 32 + k] * x[row * 128 + head * 32 + k];
                }
                boolean normed = head == 1 || head == 2;
                close(values(v, heads)[at], normed ? x[at] / Math.sqrt(squares / 32 + 1e-6) * w[i % 32] : x[at], 3);
            }
        }
    }

    @ParameterizedTest
    @MethodSource("variants")
    void low_rank_terms(Variant v) {
        Random r = new Random(9);
        int in = 96;
        int[] outs = {40, 16};
        double[][][] a = new double[2][][];
        double[][][] b = new double[2][][];
        int[] ranks = {8, 21};
        for (int adapter = 0; adapter < 2; adapter++) {
            a[adapter] = new double[ranks[adapter]][in];
            b[adapter] = new double[outs[adapter]][ranks[adapter]];
        }
        // Adapter 0 changes the first matrix, adapter 1 the second; slots 2 and 3 are the second layer's.
        var first = v.device.lowRankTerms(slots(v, r, 2, ranks[0], in, outs[0], a[0], b[0]));
        var second = v.device.lowRankTerms(slots(v, r, 3, ranks[1], in, outs[1], a[1], b[1]));
        List<Linear> stacked = List.of(
                new Linear(matrix(v, r, DType.F32, outs[0], in, new double[outs[0]][in]), null),
                new Linear(matrix(v, r, DType.F32, outs[1], in, new double[outs[1]][in]), null));
        float[] x = random(r, 30 * in);
        float[] before = random(r, 30 * 64);
        Activations out = activations(v, before, 64);
        AdapterRows rows = v.device.adapterRows();
        rows.add(first, Rows.of(v.device, IntStream.range(0, 15).toArray()));
        rows.add(second, Rows.of(v.device, 20, 29));
        v.kernels().addLowRank(activations(v, x, in), rows, 2, stacked, out);
        v.kernels().finish();
        for (int row = 0; row < 30; row++) {
            int adapter = row < 15 ? 0 : row == 20 || row == 29 ? 1 : -1;
            for (int n = 0; n < 64; n++) {
                double expected = before[row * 64 + n];
                int base = adapter == 1 ? outs[0] : 0;
                if (adapter >= 0 && n >= base && n < base + outs[adapter]) {
                    for (int j = 0; j < ranks[adapter]; j++) {
                        double middle = 0;
                        for (int k = 0; k < in; k++) {
                            middle += a[adapter][j][k] * x[row * in + k];
                        }
                        expected += b[adapter][n - base][j] * middle;
                    }
                }
                close(values(v, out)[row * 64 + n], expected, 300);
            }
        }
    }

    private static List<LowRank> slots(
            Variant v, Random r, int slot, int rank, int in, int out, double[][] a, double[][] b) {
        LowRank[] slots = new LowRank[4];
        slots[slot] = new LowRank(matrix(v, r, DType.F32, rank, in, a), matrix(v, r, DType.F32, out, rank, b));
        return Arrays.asList(slots);
    }

    @ParameterizedTest
    @MethodSource("variants")
    void rotation_turns_pairs_half_a_rotated_part_apart(Variant v) {
        Random r = new Random(3);
        int half = 24;
        int dim = 64;
        float[] angles = random(r, 7 * 2 * half);
        float[] x = random(r, 2 * 192);
        Activations a = activations(v, x, 192);
        v.kernels()
                .rotate(
                        a,
                        Rows.of(v.device, 0, 1),
                        0,
                        2,
                        dim,
                        ints(v, 6, 2),
                        new RotaryTable(buffer(v, angles), half, 7));
        v.kernels().finish();
        int[] positions = {6, 2};
        for (int row = 0; row < 2; row++) {
            for (int i = 0; i < 192; i++) {
                int k = i % dim;
                int at = row * 192 + i;
                double expected = x[at];
                if (i < 2 * dim && k < 2 * half) {
                    int pair = k % half;
                    double cos = angles[positions[row] * 2 * half + pair];
                    double sin = angles[(positions[row] * 2 + 1) * half + pair];
                    expected = k < half ? x[at] * cos - x[at + half] * sin : x[at] * cos + x[at - half] * sin;
                }
                close(values(v, a)[at], expected, 3);
            }
        }
    }

    static Stream<org.junit.jupiter.params.provider.Arguments> attentions() {
        return variants()
                .flatMap(v ->
                        Stream.of(PageType.values()).map(t -> org.junit.jupiter.params.provider.Arguments.of(v, t)));
    }

    @ParameterizedTest
    @MethodSource("attentions")
    void attention_over_pages(Variant v, PageType type) {
        for (int round = 0; round < 2 * ROUNDS; round++) {
            Random r = new Random(round);
            int kvHeads = 1 + r.nextInt(3);
            int shared = 1 + r.nextInt(5);
            int dim = 16 * (1 + r.nextInt(6));
            int heads = kvHeads * shared;
            int window = r.nextBoolean() ? 0 : 1 + r.nextInt(600);
            float softcap = r.nextBoolean() ? 0 : 5f;
            int[] lengths = {1 + r.nextInt(40), round % 3 == 0 ? 520 + r.nextInt(700) : 1 + r.nextInt(90)};
            PageLayout layout = new PageLayout(kvHeads, dim, type);
            int places = PageLayout.pagesFor(lengths[0]) + PageLayout.pagesFor(lengths[1]);
            // Memory that holds anything: what nobody wrote must not matter.
            MemorySegment anything =
                    Arena.ofAuto().allocate(2L * places * layout.bytes(), 64).fill((byte) 0xff);
            Buffer pool = v.device.upload(anything);
            int layer = 1;
            int width = heads * dim + 2 * kvHeads * dim;
            int count = lengths[0] + lengths[1];
            float[] x = random(r, count * width);
            PageTables tables = v.device.pageTables(count);
            Ints positions = v.device.ints(count);
            Object[] sequences = new Object[count];
            int row = 0;
            int page = places - 1;
            for (int length : lengths) {
                PageTable table = v.device.pageTable(pool, 2);
                for (int p = 0; p < PageLayout.pagesFor(length); p++) {
                    table.set(0, p, 0);
                    table.set(layer, p, (page--) * layout.bytes());
                }
                for (int position = 0; position < length; position++) {
                    tables.set(row, table);
                    positions.set(row, position);
                    sequences[row++] = table;
                }
            }
            KeyValues pages = new KeyValues(tables, layout, layer);
            Activations in = activations(v, x, width);
            Activations out = activations(v, new float[count * heads * dim], heads * dim);
            Rows all = Rows.of(v.device, IntStream.range(0, count).toArray());
            v.kernels().store(in, all, heads * dim, heads * dim + kvHeads * dim, positions, pages);
            Rows asked = Rows.of(
                    v.device,
                    IntStream.range(0, count)
                            .filter(i -> i % 7 == 0 || i > count - 12)
                            .toArray());
            asked.cut(positions, sequences);
            Attention how = new Attention(heads, 0.3f, window, softcap);
            v.kernels().attend(in, asked, how, positions, pages, out);
            v.kernels().finish();
            float[] got = values(v, out);
            double tolerance = type == PageType.F32 ? 1e-5 : type == PageType.F16 ? 3e-3 : 5e-2;
            for (int i = 0; i < asked.count(); i++) {
                checkAttention(x, width, asked.get(i), positions, lengths, how, kvHeads, dim, got, tolerance);
            }
        }
    }

    private static void checkAttention(
            float[] x,
            int width,
            int row,
            Ints positions,
            int[] lengths,
            Attention how,
            int kvHeads,
            int dim,
            float[] got,
            double tolerance) {
        int position = positions.get(row);
        int begin = row < lengths[0] ? 0 : lengths[0];
        int from = how.window() > 0 ? Math.max(0, position + 1 - how.window()) : 0;
        int heads = how.heads();
        for (int h = 0; h < heads; h++) {
            int kv = h / (heads / kvHeads);
            double[] weights = new double[position + 1];
            double total = 0;
            for (int t = from; t <= position; t++) {
                double dot = 0;
                for (int d = 0; d < dim; d++) {
                    dot += (double) x[row * width + h * dim + d] * x[(begin + t) * width + heads * dim + kv * dim + d];
                }
                double score = dot * how.scale();
                score = how.softcap() > 0 ? how.softcap() * Math.tanh(score / how.softcap()) : score;
                weights[t] = Math.exp(score);
                total += weights[t];
            }
            for (int d = 0; d < dim; d += 5) {
                double sum = 0;
                for (int t = from; t <= position; t++) {
                    sum += weights[t] / total * x[(begin + t) * width + (heads + kvHeads + kv) * dim + d];
                }
                assertThat((double) got[row * heads * dim + h * dim + d])
                        .as("%s, %d heads of %d, position %d, head %d", how, kvHeads, dim, position, h)
                        .isCloseTo(sum, within(tolerance * (1 + Math.abs(sum))));
            }
        }
    }

    @ParameterizedTest
    @MethodSource("variants")
    void gates_and_caps(Variant v) {
        Random r = new Random(4);
        int width = 48;
        float[] x = random(r, 3 * 2 * width);
        x[0] = -200;
        x[1] = 200;
        for (Activation f : Activation.values()) {
            Activations out = activations(v, new float[3 * width], width);
            Activations bySlot = activations(v, new float[3 * width], width);
            v.kernels().gate(activations(v, x, 2 * width), Rows.of(v.device, 0, 2), width, f, out);
            v.kernels().gateSlots(activations(v, x, 2 * width), 3, width, f, bySlot);
            v.kernels().finish();
            for (int row = 0; row < 3; row++) {
                for (int k = 0; k < width; k++) {
                    double g = x[row * 2 * width + k];
                    double y = f == Activation.SILU
                            ? g / (1 + Math.exp(-g))
                            : g / 2 * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (g + 0.044715 * g * g * g)));
                    double expected = y * x[row * 2 * width + width + k];
                    close(values(v, out)[row * width + k], row == 1 ? 0 : expected, 3 + Math.abs(expected));
                    close(values(v, bySlot)[row * width + k], expected, 3 + Math.abs(expected));
                }
            }
        }
        Activations capped = activations(v, x, 2 * width);
        v.kernels().softcap(capped, Rows.of(v.device, 0, 1), 2 * width - 3, 7f);
        v.kernels().finish();
        for (int i = 0; i < 4 * width; i++) {
            boolean inside = i % (2 * width) < 2 * width - 3;
            close(values(v, capped)[i], inside ? 7 * Math.tanh(x[i] / 7) : x[i], 7);
        }
    }

    @ParameterizedTest
    @MethodSource("variants")
    void experts(Variant v) {
        for (int round = 0; round < ROUNDS; round++) {
            Random r = new Random(round);
            int experts = 2 + r.nextInt(7);
            int used = 1 + r.nextInt(Math.min(3, experts));
            int d = 64;
            int ffn = 32;
            int count = 1 + r.nextInt(40);
            boolean normalise = r.nextBoolean();
            DType type = round % 2 == 0 ? DType.F32 : DType.Q8_0;
            float[] logits = random(r, count * 16);
            float[] x = random(r, count * d);
            double[][] w = new double[experts * ffn][d];
            double[][] w2 = new double[experts * ffn][d];
            double[][] back = new double[experts * d][ffn];
            List<Matrix> stacked =
                    List.of(matrix(v, r, type, experts * ffn, d, w), matrix(v, r, type, experts * ffn, d, w2));
            Matrix down = matrix(v, r, type, experts * d, ffn, back);
            Routing routing = new Routing(
                    experts,
                    used,
                    normalise,
                    v.device.ints(experts + 1),
                    v.device.ints(2 * count * used),
                    v.device.allocate(count * used * 4L));
            Rows rows = Rows.of(v.device, IntStream.range(0, count).toArray());
            float[] before = random(r, count * d);
            Activations wide = activations(v, new float[count * used * 2 * ffn], 2 * ffn);
            Activations narrow = activations(v, new float[count * used * d], d);
            Activations out = activations(v, before, d);
            v.kernels().route(activations(v, logits, 16), rows, routing);
            v.kernels().projectExperts(activations(v, x, d), rows, false, routing, stacked, wide);
            v.kernels().projectExperts(wide, rows, true, routing, List.of(down), narrow);
            v.kernels().combineExperts(narrow, rows, routing, d, out);
            v.kernels().finish();
            for (int row = 0; row < count; row++) {
                double[] sum = new double[d];
                double total = 0;
                double chosenTotal = 0;
                for (int e = 0; e < experts; e++) {
                    total += Math.exp(logits[row * 16 + e]);
                }
                int base = row * 16;
                List<Integer> order = IntStream.range(0, experts)
                        .boxed()
                        .sorted((p, q) -> Float.compare(logits[base + q], logits[base + p]))
                        .limit(used)
                        .toList();
                for (int e : order) {
                    chosenTotal += Math.exp(logits[base + e]) / total;
                }
                for (int e : order) {
                    double weight = Math.exp(logits[base + e]) / total / (normalise ? chosenTotal : 1);
                    double[] seen = seen(v, x, row * d, d, type.isQuantized());
                    float[] middle = new float[ffn];
                    for (int n = 0; n < ffn; n++) {
                        double s = 0;
                        for (int k = 0; k < d; k++) {
                            s += w[e * ffn + n][k] * seen[k];
                        }
                        middle[n] = (float) s;
                    }
                    double[] seenMiddle = seen(v, middle, 0, ffn, type.isQuantized());
                    for (int n = 0; n < d; n++) {
                        double s = 0;
                        for (int k = 0; k < ffn; k++) {
                            s += back[e * d + n][k] * seenMiddle[k];
                        }
                        sum[n] += weight * s;
                    }
                }
                for (int n = 0; n < d; n++) {
                    // Rounding to bytes may fall to the other side where sums differ in their last bits.
                    assertThat((double) values(v, out)[row * d + n])
                            .isCloseTo(
                                    before[row * d + n] + sum[n],
                                    within(Math.max(
                                            type.isQuantized() ? 0.05 : 5e-3, type.isQuantized() ? 500 * v.error : 0)));
                }
            }
        }
    }

    @ParameterizedTest
    @MethodSource("variants")
    void the_largest_and_copies(Variant v) {
        Random r = new Random(8);
        float[] x = random(r, 3 * 112);
        x[2 * 112 + 99] = 50;
        x[2 * 112 + 100] = 50;
        Ints best = v.device.ints(3);
        Activations in = activations(v, x, 112);
        v.kernels().argmax(in, Rows.of(v.device, 0, 2), 101, best);
        Activations to = activations(v, new float[4 * 112], 112);
        v.kernels().copy(in, Rows.of(v.device, 2, 0), to, Rows.of(v.device, 1, 3), 112);
        v.kernels().finish();
        assertThat(best.get(2)).isEqualTo(99);
        int expected = 0;
        for (int k = 0; k < 101; k++) {
            expected = x[k] > x[expected] ? k : expected;
        }
        assertThat(best.get(0)).isEqualTo(expected);
        assertThat(Arrays.copyOfRange(values(v, to), 112, 224)).isEqualTo(Arrays.copyOfRange(x, 224, 336));
        assertThat(Arrays.copyOfRange(values(v, to), 336, 448)).isEqualTo(Arrays.copyOfRange(x, 0, 112));
        assertThat(values(v, to)[0]).isZero();
    }

    @ParameterizedTest
    @EnumSource(DType.class)
    void packing_keeps_every_value(DType type) {
        Random r = new Random(2);
        int columns = type.isQuantized() ? 512 : 77;
        double[][] values = new double[37][columns];
        MemorySegment packed = packed(type, stored(r, type, 37, columns, values), columns);
        for (int row = 0; row < 37; row++) {
            for (int k = 0; k < columns; k++) {
                float value = Panels.value(packed, 0, type, columns, row, k);
                assertThat((double) value).isCloseTo(values[row][k], within(1e-6));
            }
        }
    }
}
