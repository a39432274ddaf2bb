package io.ashlar.compute.cpu;

import io.ashlar.compute.Activations;
import io.ashlar.compute.Matrix;
import io.ashlar.compute.Rows;
import java.util.List;

/**
 * Matrix products in tiles of 4 rows by 4 weight rows: 16 sums in registers, each weight widened once for four rows. Every
 * sum runs over k in the same lanes and the same order in each tile shape, so a row's result does not depend on its tile.
 */
final class CpuProjection {
    /** Weight rows of one task. */
    private static final int SLICE = 64;
    /** Products with fewer multiply-adds than this are not worth a barrier. */
    private static final long GRAIN = 128 * 1024;

    private final Workers workers;

    CpuProjection(Workers workers) {
        this.workers = workers;
    }

    void run(Activations x, Rows rows, List<Matrix> stacked, Activations out, boolean accumulate) {
        if (rows.isEmpty()) {
            return;
        }
        int slices = 0;
        long work = 0;
        for (Matrix w : stacked) {
            slices += slices(w);
            work += (long) rows.count() * w.rows() * w.columns();
        }
        if (work < GRAIN) {
            for (int s = 0; s < slices; s++) {
                slice(x, rows, stacked, s, out, accumulate);
            }
        } else {
            workers.run(slices, (worker, s) -> slice(x, rows, stacked, s, out, accumulate));
        }
    }

    private static int slices(Matrix w) {
        return (w.rows() + SLICE - 1) / SLICE;
    }

    private static void slice(
            Activations x, Rows rows, List<Matrix> stacked, int slice, Activations out, boolean accumulate) {
        int column = 0;
        int left = slice;
        for (Matrix w : stacked) {
            int own = slices(w);
            if (left < own) {
                int from = left * SLICE;
                tiles(x, rows, w, from, Math.min(from + SLICE, w.rows()), out, column, accumulate);
                return;
            }
            left -= own;
            column += w.rows();
        }
        throw new IllegalArgumentException("slice " + slice + " is outside the stacked matrices");
    }

    /** Weight rows {@code from} to {@code to} for all rows. */
    private static void tiles(
            Activations x, Rows rows, Matrix w, int from, int to, Activations out, int column, boolean accumulate) {
        ProjectionTile tile = new ProjectionTile(x, w, out, column, accumulate);
        int[] index = rows.index();
        int n = from;
        for (; n <= to - ProjectionTile.SIDE; n += ProjectionTile.SIDE) {
            int r = 0;
            for (; r <= rows.count() - ProjectionTile.SIDE; r += ProjectionTile.SIDE) {
                tile.four(index, r, n);
            }
            for (; r < rows.count(); r++) {
                tile.one(index[r], n);
            }
        }
        for (; n < to; n++) {
            for (int r = 0; r < rows.count(); r++) {
                tile.single(index[r], n);
            }
        }
    }
}
