package io.ashlar.compute;

import static org.assertj.core.api.Assertions.assertThat;

import io.ashlar.compute.cpu.CpuDevice;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.Optional;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** A row of a prompt has the bits that it would have had alone: a cached or recomputed prefix changes no answer. */
class AttentionCutTest {
    private static final int LENGTH = 700;
    private static final int HEADS = 6;
    private static final int KV_HEADS = 2;

    @ParameterizedTest
    @CsvSource({
        "F16, 64, 0, 0",
        "F16, 96, 100, 0",
        "F16, 128, 0, 30",
        "Q8, 64, 0, 0",
        "Q8, 128, 300, 0",
        "F32, 64, 0, 0"
    })
    void the_cut_does_not_change_a_bit(PageType type, int dim, int window, float softcap) {
        try (Device cpu = new CpuDevice(2)) {
            check(cpu, type, dim, new Attention(HEADS, 0.2f, window, softcap));
        }
        Optional<Device> cuda = TestDevices.cuda();
        cuda.ifPresent(device -> {
            try (device) {
                check(device, type, dim, new Attention(HEADS, 0.2f, window, softcap));
            }
        });
    }

    private static void check(Device device, PageType type, int dim, Attention how) {
        Random random = new Random(dim);
        int width = (HEADS + 2 * KV_HEADS) * dim;
        MemorySegment memory = Arena.ofAuto().allocate(LENGTH * width * 4L, 64);
        for (long i = 0; i < (long) LENGTH * width; i++) {
            memory.setAtIndex(ValueLayout.JAVA_FLOAT, i, (float) random.nextGaussian());
        }
        Activations x = new Activations(device.upload(memory), LENGTH, width);
        PageLayout layout = new PageLayout(KV_HEADS, dim, type);
        Buffer pool = device.allocate(PageLayout.pagesFor(LENGTH) * layout.bytes());
        PageTable table = device.pageTable(pool, 1);
        for (int place = 0; place < PageLayout.pagesFor(LENGTH); place++) {
            table.set(0, place, place * layout.bytes());
        }
        PageTables tables = device.pageTables(LENGTH);
        Ints positions = device.ints(LENGTH);
        Object[] sequences = new Object[LENGTH];
        for (int row = 0; row < LENGTH; row++) {
            tables.set(row, table);
            positions.set(row, row);
            sequences[row] = table;
        }
        KeyValues pages = new KeyValues(tables, layout, 0);
        Kernels kernels = device.kernels();
        Rows all = Rows.of(device, IntStream.range(0, LENGTH).toArray());
        all.cut(positions, sequences);
        Activations together = new Activations(device.allocate(LENGTH * HEADS * dim * 4L), LENGTH, HEADS * dim);
        kernels.store(x, all, HEADS * dim, (HEADS + KV_HEADS) * dim, positions, pages);
        kernels.attend(x, all, how, positions, pages, together);
        kernels.finish();
        Activations alone = new Activations(device.allocate(LENGTH * HEADS * dim * 4L), LENGTH, HEADS * dim);
        float[] expected = new float[HEADS * dim];
        float[] actual = new float[HEADS * dim];
        for (int[] some : new int[][] {{0}, {15}, {16}, {63}, {64}, {300, 301, 302}, {511}, {512}, {640, 641}, {699}}) {
            Rows few = Rows.of(device, some);
            few.cut(positions, sequences);
            kernels.attend(x, few, how, positions, pages, alone);
            kernels.finish();
            for (int row : some) {
                device.download(together, row, expected, expected.length);
                device.download(alone, row, actual, actual.length);
                assertThat(actual)
                        .as("%s, row %d of %s", device.name(), row, Arrays.toString(some))
                        .isEqualTo(expected);
            }
        }
    }
}
