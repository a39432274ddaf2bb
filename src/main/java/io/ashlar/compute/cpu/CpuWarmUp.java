package io.ashlar.compute.cpu;

import io.ashlar.compute.Activations;
import io.ashlar.compute.DType;
import io.ashlar.compute.KeyValues;
import io.ashlar.compute.LowRank;
import io.ashlar.compute.Matrix;
import io.ashlar.compute.PageLayout;
import io.ashlar.compute.RotaryTable;
import io.ashlar.compute.Rows;
import java.lang.foreign.Arena;
import java.util.List;

/**
 * Runs the kernels on small buffers until they are compiled. Before that, every vector is an object, and a first answer
 * takes seconds instead of milliseconds.
 */
final class CpuWarmUp {
    private static final int ROWS = 9;
    private static final int HEAD_DIM = 32;
    private static final int WIDTH = 2 * HEAD_DIM;
    private static final int ROUNDS = 400;

    private CpuWarmUp() {}

    static void run() {
        try (Workers workers = new Workers(1);
                Arena arena = Arena.ofShared()) {
            CpuKernels kernels = new CpuKernels(workers);
            Activations x = activations(arena, 2 * WIDTH);
            Activations y = activations(arena, 3 * WIDTH);
            PageLayout layout = new PageLayout(1, HEAD_DIM);
            CpuBuffer pool = CpuBuffer.of(arena.allocate(2 * layout.bytes(), 64), null);
            long[][] pages = new long[ROWS][];
            int[] positions = new int[ROWS];
            int[] rows = new int[ROWS];
            for (int row = 0; row < ROWS; row++) {
                pages[row] = new long[] {0, layout.bytes()};
                positions[row] = 10 + row;
                rows[row] = row;
            }
            KeyValues keyValues = new KeyValues(pool, layout, pages, positions);
            RotaryTable rotary = new RotaryTable(HEAD_DIM / 2, new float[20 * HEAD_DIM], new float[20 * HEAD_DIM]);
            LowRank term = new LowRank(matrix(arena, DType.F32, 4, WIDTH), matrix(arena, DType.F32, 4, WIDTH), 1);
            Rows many = Rows.of(rows);
            Rows one = Rows.of(0);
            for (DType type : new DType[] {DType.BF16, DType.F32, DType.F16}) {
                Matrix table = matrix(arena, type, 70, WIDTH);
                Matrix norm = matrix(arena, type, 1, WIDTH);
                for (int round = 0; round < ROUNDS; round++) {
                    for (Rows some : List.of(many, one)) {
                        kernels.embed(table, rows, some, x);
                        kernels.rmsNorm(x, some, norm, 1e-5f, y);
                        kernels.project(x, some, List.of(table), y, round % 2 == 0);
                        kernels.addLowRank(x, some, term, y, 0);
                        kernels.rotate(y, some, 0, 2, positions, rotary);
                        kernels.store(y, some, 0, HEAD_DIM, keyValues);
                        kernels.attend(y, some, 2, 1, keyValues, x);
                        kernels.gatedSilu(y, some, WIDTH, x);
                    }
                }
            }
        }
    }

    private static Activations activations(Arena arena, int width) {
        return new Activations(CpuBuffer.of(arena.allocate((long) ROWS * width * Float.BYTES, 64), null), ROWS, width);
    }

    private static Matrix matrix(Arena arena, DType type, int rows, int columns) {
        CpuBuffer buffer = CpuBuffer.of(arena.allocate((long) rows * columns * type.bytes(), 64), null);
        return new Matrix(buffer, 0, type, rows, columns);
    }
}
