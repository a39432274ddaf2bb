package io.ashlar.compute.cpu;

import io.ashlar.compute.Activations;
import io.ashlar.compute.DType;
import io.ashlar.compute.Matrix;
import io.ashlar.compute.Rows;
import java.lang.foreign.MemorySegment;
import java.util.List;
import jdk.incubator.vector.FloatVector;

/**
 * Matrix products in tiles of 4 rows by 4 weight rows: 16 sums in registers, each weight widened once for four rows. Every
 * sum runs over k in the same lanes and the same order in each tile shape, so a row's result does not depend on its tile.
 */
final class CpuProjection {
    private static final long FLOAT = Float.BYTES;
    private static final int TILE = 4;
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
        MemorySegment xs = CpuBuffer.of(x);
        MemorySegment ws = CpuBuffer.of(w);
        MemorySegment os = CpuBuffer.of(out);
        DType type = w.type();
        int k = w.columns();
        long stride = x.stride() * FLOAT;
        long outStride = out.stride() * FLOAT;
        long weightStride = (long) k * type.bytes();
        int[] index = rows.index();
        int n = from;
        for (; n <= to - TILE; n += TILE) {
            long weight = w.offset() + n * weightStride;
            long target = (column + n) * FLOAT;
            int r = 0;
            for (; r <= rows.count() - TILE; r += TILE) {
                tile4x4(
                        xs,
                        index[r] * stride,
                        index[r + 1] * stride,
                        index[r + 2] * stride,
                        index[r + 3] * stride,
                        ws,
                        type,
                        weight,
                        weightStride,
                        k,
                        os,
                        index[r] * outStride + target,
                        index[r + 1] * outStride + target,
                        index[r + 2] * outStride + target,
                        index[r + 3] * outStride + target,
                        accumulate);
            }
            for (; r < rows.count(); r++) {
                tile1x4(
                        xs,
                        index[r] * stride,
                        ws,
                        type,
                        weight,
                        weightStride,
                        k,
                        os,
                        index[r] * outStride + target,
                        accumulate);
            }
        }
        for (; n < to; n++) {
            for (int r = 0; r < rows.count(); r++) {
                float sum = dot(xs, index[r] * stride, ws, type, w.offset() + n * weightStride, k);
                write(os, index[r] * outStride + (column + n) * FLOAT, sum, accumulate);
            }
        }
    }

    private static void write(MemorySegment os, long at, float value, boolean accumulate) {
        Lanes.set(os, at, accumulate ? Lanes.get(os, at) + value : value);
    }

    /** The part of a sum that the vectors leave over. */
    private static float tail(
            float sum, MemorySegment xs, long x, MemorySegment ws, DType type, long w, int from, int k) {
        float s = sum;
        for (int i = from; i < k; i++) {
            s = Math.fma(Lanes.get(xs, x + i * FLOAT), Lanes.weight(type, ws, w + (long) i * type.bytes()), s);
        }
        return s;
    }

    private static float dot(MemorySegment xs, long x, MemorySegment ws, DType type, long w, int k) {
        FloatVector sum = FloatVector.zero(Lanes.F);
        int i = 0;
        for (; i <= k - Lanes.WIDTH; i += Lanes.WIDTH) {
            sum = Lanes.load(xs, x + i * FLOAT).fma(Lanes.weights(type, ws, w + (long) i * type.bytes()), sum);
        }
        return tail(Lanes.sum(sum), xs, x, ws, type, w, i, k);
    }

    private static void tile1x4(
            MemorySegment xs,
            long x,
            MemorySegment ws,
            DType type,
            long w,
            long weightStride,
            int k,
            MemorySegment os,
            long out,
            boolean accumulate) {
        FloatVector s0 = FloatVector.zero(Lanes.F);
        FloatVector s1 = s0;
        FloatVector s2 = s0;
        FloatVector s3 = s0;
        long w1 = w + weightStride;
        long w2 = w1 + weightStride;
        long w3 = w2 + weightStride;
        int size = type.bytes();
        int i = 0;
        for (; i <= k - Lanes.WIDTH; i += Lanes.WIDTH) {
            FloatVector v = Lanes.load(xs, x + i * FLOAT);
            long at = (long) i * size;
            s0 = v.fma(Lanes.weights(type, ws, w + at), s0);
            s1 = v.fma(Lanes.weights(type, ws, w1 + at), s1);
            s2 = v.fma(Lanes.weights(type, ws, w2 + at), s2);
            s3 = v.fma(Lanes.weights(type, ws, w3 + at), s3);
        }
        write(os, out, tail(Lanes.sum(s0), xs, x, ws, type, w, i, k), accumulate);
        write(os, out + FLOAT, tail(Lanes.sum(s1), xs, x, ws, type, w1, i, k), accumulate);
        write(os, out + 2 * FLOAT, tail(Lanes.sum(s2), xs, x, ws, type, w2, i, k), accumulate);
        write(os, out + 3 * FLOAT, tail(Lanes.sum(s3), xs, x, ws, type, w3, i, k), accumulate);
    }

    private static void tile4x4(
            MemorySegment xs,
            long x0,
            long x1,
            long x2,
            long x3,
            MemorySegment ws,
            DType type,
            long w,
            long weightStride,
            int k,
            MemorySegment os,
            long o0,
            long o1,
            long o2,
            long o3,
            boolean accumulate) {
        FloatVector zero = FloatVector.zero(Lanes.F);
        FloatVector a0 = zero, a1 = zero, a2 = zero, a3 = zero;
        FloatVector b0 = zero, b1 = zero, b2 = zero, b3 = zero;
        FloatVector c0 = zero, c1 = zero, c2 = zero, c3 = zero;
        FloatVector d0 = zero, d1 = zero, d2 = zero, d3 = zero;
        long w1 = w + weightStride;
        long w2 = w1 + weightStride;
        long w3 = w2 + weightStride;
        int size = type.bytes();
        int i = 0;
        for (; i <= k - Lanes.WIDTH; i += Lanes.WIDTH) {
            long at = (long) i * size;
            long step = i * FLOAT;
            FloatVector v0 = Lanes.load(xs, x0 + step);
            FloatVector v1 = Lanes.load(xs, x1 + step);
            FloatVector v2 = Lanes.load(xs, x2 + step);
            FloatVector v3 = Lanes.load(xs, x3 + step);
            FloatVector m = Lanes.weights(type, ws, w + at);
            a0 = v0.fma(m, a0);
            b0 = v1.fma(m, b0);
            c0 = v2.fma(m, c0);
            d0 = v3.fma(m, d0);
            m = Lanes.weights(type, ws, w1 + at);
            a1 = v0.fma(m, a1);
            b1 = v1.fma(m, b1);
            c1 = v2.fma(m, c1);
            d1 = v3.fma(m, d1);
            m = Lanes.weights(type, ws, w2 + at);
            a2 = v0.fma(m, a2);
            b2 = v1.fma(m, b2);
            c2 = v2.fma(m, c2);
            d2 = v3.fma(m, d2);
            m = Lanes.weights(type, ws, w3 + at);
            a3 = v0.fma(m, a3);
            b3 = v1.fma(m, b3);
            c3 = v2.fma(m, c3);
            d3 = v3.fma(m, d3);
        }
        finish(a0, a1, a2, a3, xs, x0, ws, type, w, weightStride, i, k, os, o0, accumulate);
        finish(b0, b1, b2, b3, xs, x1, ws, type, w, weightStride, i, k, os, o1, accumulate);
        finish(c0, c1, c2, c3, xs, x2, ws, type, w, weightStride, i, k, os, o2, accumulate);
        finish(d0, d1, d2, d3, xs, x3, ws, type, w, weightStride, i, k, os, o3, accumulate);
    }

    private static void finish(
            FloatVector s0,
            FloatVector s1,
            FloatVector s2,
            FloatVector s3,
            MemorySegment xs,
            long x,
            MemorySegment ws,
            DType type,
            long w,
            long weightStride,
            int i,
            int k,
            MemorySegment os,
            long out,
            boolean accumulate) {
        long w1 = w + weightStride;
        long w2 = w1 + weightStride;
        write(os, out, tail(Lanes.sum(s0), xs, x, ws, type, w, i, k), accumulate);
        write(os, out + FLOAT, tail(Lanes.sum(s1), xs, x, ws, type, w1, i, k), accumulate);
        write(os, out + 2 * FLOAT, tail(Lanes.sum(s2), xs, x, ws, type, w2, i, k), accumulate);
        write(os, out + 3 * FLOAT, tail(Lanes.sum(s3), xs, x, ws, type, w2 + weightStride, i, k), accumulate);
    }
}
