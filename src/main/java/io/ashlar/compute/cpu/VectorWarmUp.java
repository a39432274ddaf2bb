package io.ashlar.compute.cpu;

import io.ashlar.compute.Activation;
import io.ashlar.compute.Activations;
import io.ashlar.compute.Attention;
import io.ashlar.compute.DType;
import io.ashlar.compute.KeyValues;
import io.ashlar.compute.Linear;
import io.ashlar.compute.Matrix;
import io.ashlar.compute.PageLayout;
import io.ashlar.compute.PageType;
import io.ashlar.compute.Panels;
import io.ashlar.compute.Rows;
import io.ashlar.compute.Vector;
import java.util.List;

/**
 * Runs the kernels on small buffers until they are compiled. Before that, every vector is an object, and a first answer
 * takes seconds instead of milliseconds.
 */
final class VectorWarmUp {
    private static final int ROWS = 9;
    private static final int HEAD_DIM = 32;
    private static final int WIDTH = 8 * HEAD_DIM;
    private static final int ROUNDS = 200;

    private VectorWarmUp() {}

    static void run() {
        try (CpuDevice device = new CpuDevice(1)) {
            Activations x = new Activations(device.allocate(ROWS * 2L * WIDTH * 4), ROWS, 2 * WIDTH);
            Activations y = new Activations(device.allocate(ROWS * 2L * WIDTH * 4), ROWS, 2 * WIDTH);
            PageLayout layout = new PageLayout(1, HEAD_DIM, PageType.F16);
            var pool = device.allocate(2 * layout.bytes());
            var table = device.pageTable(pool, 1);
            table.set(0, 0, 0);
            table.set(0, 1, layout.bytes());
            var tables = device.pageTables(ROWS);
            var positions = device.ints(ROWS);
            var tokens = device.ints(ROWS);
            Rows many = new Rows(device);
            for (int row = 0; row < ROWS; row++) {
                tables.set(row, table);
                positions.set(row, 10 + row);
                many.add(row);
            }
            KeyValues keyValues = new KeyValues(tables, layout, 0);
            Vector norm = new Vector(device.allocate(WIDTH * 4L), 0, WIDTH);
            for (DType type : new DType[] {DType.BF16, DType.F32, DType.F16, DType.Q8_0, DType.Q4_0, DType.Q4_K}) {
                Matrix matrix = new Matrix(device.allocate(Panels.bytes(type, 32, WIDTH)), 0, type, 32, WIDTH);
                List<Linear> stacked = List.of(new Linear(matrix, null));
                for (int round = 0; round < ROUNDS; round++) {
                    device.kernels().embed(matrix, tokens, many, 1, x);
                    device.kernels().rmsNorm(x, many, norm, 1e-5f, y, false);
                    device.kernels().project(x, many, stacked, y, round % 2 == 0);
                    device.kernels().store(y, many, 0, HEAD_DIM, positions, keyValues);
                    device.kernels().attend(y, many, new Attention(2, 1, 0, 0), positions, keyValues, x);
                    device.kernels().gate(y, many, WIDTH, Activation.SILU, x);
                }
            }
        }
    }
}
