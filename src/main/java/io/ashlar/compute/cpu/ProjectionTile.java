package io.ashlar.compute.cpu;

import io.ashlar.compute.Activations;
import io.ashlar.compute.DType;
import io.ashlar.compute.Matrix;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;

/**
 * The products of one matrix. Vectors stay inside one method each: sums go through an array to where they are folded,
 * because a vector that crosses a call becomes an object. Each type of weights has loops of its own: one loop for all
 * was as fast with one type loaded, but three times slower once several had been through it.
 */
final class ProjectionTile {
    /** Rows, and weight rows, of a tile. */
    static final int SIDE = 4;

    private static final long FLOAT = Float.BYTES;

    private final MemorySegment xs;
    private final MemorySegment ws;
    private final MemorySegment os;
    private final DType type;
    private final int k;
    private final int whole;
    private final long stride;
    private final long outStride;
    private final long weights;
    private final long weightStride;
    private final long outColumn;
    private final boolean accumulate;
    private final float[] sums = new float[SIDE * SIDE * Lanes.WIDTH];

    ProjectionTile(Activations x, Matrix w, Activations out, int column, boolean accumulate) {
        this.xs = CpuBuffer.of(x);
        this.ws = CpuBuffer.of(w);
        this.os = CpuBuffer.of(out);
        this.type = w.type();
        this.k = w.columns();
        this.whole = k - k % Lanes.WIDTH;
        this.stride = x.stride() * FLOAT;
        this.outStride = out.stride() * FLOAT;
        this.weights = w.offset();
        this.weightStride = (long) k * type.bytes();
        this.outColumn = column * FLOAT;
        this.accumulate = accumulate;
    }

    /** Four rows from place {@code r} on, weight rows {@code n} to {@code n + 3}. */
    void four(int[] index, int r, int n) {
        long w = weights + n * weightStride;
        long x0 = index[r] * stride;
        long x1 = index[r + 1] * stride;
        long x2 = index[r + 2] * stride;
        long x3 = index[r + 3] * stride;
        switch (type) {
            case BF16 -> fourBf16(x0, x1, x2, x3, w);
            case F32 -> fourF32(x0, x1, x2, x3, w);
            case F16 -> fourF16(x0, x1, x2, x3, w);
        }
        for (int i = 0; i < SIDE; i++) {
            finish(i * SIDE, index[r + i], n);
        }
    }

    /** One row, weight rows {@code n} to {@code n + 3}. */
    void one(int row, int n) {
        long w = weights + n * weightStride;
        switch (type) {
            case BF16 -> oneBf16(row * stride, w);
            case F32 -> oneF32(row * stride, w);
            case F16 -> oneF16(row * stride, w);
        }
        finish(0, row, n);
    }

    void single(int row, int n) {
        FloatVector sum = FloatVector.zero(Lanes.F);
        long w = weights + n * weightStride;
        for (int i = 0; i < whole; i += Lanes.WIDTH) {
            sum = Lanes.load(xs, row * stride + i * FLOAT)
                    .fma(Lanes.weights(type, ws, w + (long) i * type.bytes()), sum);
        }
        sum.intoArray(sums, 0);
        write(row, n, 0);
    }

    private void finish(int first, int row, int n) {
        for (int j = 0; j < SIDE; j++) {
            write(row, n + j, (first + j) * Lanes.WIDTH);
        }
    }

    /** Folds a sum's lanes, adds what the vectors left over, and stores it. */
    private void write(int row, int n, int at) {
        float sum = Lanes.sum(FloatVector.fromArray(Lanes.F, sums, at));
        long x = row * stride;
        long w = weights + n * weightStride;
        for (int i = whole; i < k; i++) {
            sum = Math.fma(Lanes.get(xs, x + i * FLOAT), Lanes.weight(type, ws, w + (long) i * type.bytes()), sum);
        }
        long target = row * outStride + outColumn + n * FLOAT;
        Lanes.set(os, target, accumulate ? Lanes.get(os, target) + sum : sum);
    }

    private void oneBf16(long x, long w) {
        FloatVector s0 = FloatVector.zero(Lanes.F);
        FloatVector s1 = s0;
        FloatVector s2 = s0;
        FloatVector s3 = s0;
        long w1 = w + weightStride;
        long w2 = w1 + weightStride;
        long w3 = w2 + weightStride;
        for (int i = 0; i < whole; i += Lanes.WIDTH) {
            FloatVector v = Lanes.load(xs, x + i * FLOAT);
            long at = 2L * i;
            s0 = v.fma(Lanes.bf16(ws, w + at), s0);
            s1 = v.fma(Lanes.bf16(ws, w1 + at), s1);
            s2 = v.fma(Lanes.bf16(ws, w2 + at), s2);
            s3 = v.fma(Lanes.bf16(ws, w3 + at), s3);
        }
        s0.intoArray(sums, 0);
        s1.intoArray(sums, Lanes.WIDTH);
        s2.intoArray(sums, 2 * Lanes.WIDTH);
        s3.intoArray(sums, 3 * Lanes.WIDTH);
    }

    private void fourBf16(long x0, long x1, long x2, long x3, long w) {
        FloatVector zero = FloatVector.zero(Lanes.F);
        FloatVector a0 = zero, a1 = zero, a2 = zero, a3 = zero;
        FloatVector b0 = zero, b1 = zero, b2 = zero, b3 = zero;
        FloatVector c0 = zero, c1 = zero, c2 = zero, c3 = zero;
        FloatVector d0 = zero, d1 = zero, d2 = zero, d3 = zero;
        long w1 = w + weightStride;
        long w2 = w1 + weightStride;
        long w3 = w2 + weightStride;
        for (int i = 0; i < whole; i += Lanes.WIDTH) {
            long at = 2L * i;
            long step = i * FLOAT;
            FloatVector v0 = Lanes.load(xs, x0 + step);
            FloatVector v1 = Lanes.load(xs, x1 + step);
            FloatVector v2 = Lanes.load(xs, x2 + step);
            FloatVector v3 = Lanes.load(xs, x3 + step);
            FloatVector m = Lanes.bf16(ws, w + at);
            a0 = v0.fma(m, a0);
            b0 = v1.fma(m, b0);
            c0 = v2.fma(m, c0);
            d0 = v3.fma(m, d0);
            m = Lanes.bf16(ws, w1 + at);
            a1 = v0.fma(m, a1);
            b1 = v1.fma(m, b1);
            c1 = v2.fma(m, c1);
            d1 = v3.fma(m, d1);
            m = Lanes.bf16(ws, w2 + at);
            a2 = v0.fma(m, a2);
            b2 = v1.fma(m, b2);
            c2 = v2.fma(m, c2);
            d2 = v3.fma(m, d2);
            m = Lanes.bf16(ws, w3 + at);
            a3 = v0.fma(m, a3);
            b3 = v1.fma(m, b3);
            c3 = v2.fma(m, c3);
            d3 = v3.fma(m, d3);
        }
        a0.intoArray(sums, 0 * Lanes.WIDTH);
        a1.intoArray(sums, 1 * Lanes.WIDTH);
        a2.intoArray(sums, 2 * Lanes.WIDTH);
        a3.intoArray(sums, 3 * Lanes.WIDTH);
        b0.intoArray(sums, 4 * Lanes.WIDTH);
        b1.intoArray(sums, 5 * Lanes.WIDTH);
        b2.intoArray(sums, 6 * Lanes.WIDTH);
        b3.intoArray(sums, 7 * Lanes.WIDTH);
        c0.intoArray(sums, 8 * Lanes.WIDTH);
        c1.intoArray(sums, 9 * Lanes.WIDTH);
        c2.intoArray(sums, 10 * Lanes.WIDTH);
        c3.intoArray(sums, 11 * Lanes.WIDTH);
        d0.intoArray(sums, 12 * Lanes.WIDTH);
        d1.intoArray(sums, 13 * Lanes.WIDTH);
        d2.intoArray(sums, 14 * Lanes.WIDTH);
        d3.intoArray(sums, 15 * Lanes.WIDTH);
    }

    private void oneF32(long x, long w) {
        FloatVector s0 = FloatVector.zero(Lanes.F);
        FloatVector s1 = s0;
        FloatVector s2 = s0;
        FloatVector s3 = s0;
        long w1 = w + weightStride;
        long w2 = w1 + weightStride;
        long w3 = w2 + weightStride;
        for (int i = 0; i < whole; i += Lanes.WIDTH) {
            FloatVector v = Lanes.load(xs, x + i * FLOAT);
            long at = 4L * i;
            s0 = v.fma(Lanes.load(ws, w + at), s0);
            s1 = v.fma(Lanes.load(ws, w1 + at), s1);
            s2 = v.fma(Lanes.load(ws, w2 + at), s2);
            s3 = v.fma(Lanes.load(ws, w3 + at), s3);
        }
        s0.intoArray(sums, 0);
        s1.intoArray(sums, Lanes.WIDTH);
        s2.intoArray(sums, 2 * Lanes.WIDTH);
        s3.intoArray(sums, 3 * Lanes.WIDTH);
    }

    private void fourF32(long x0, long x1, long x2, long x3, long w) {
        FloatVector zero = FloatVector.zero(Lanes.F);
        FloatVector a0 = zero, a1 = zero, a2 = zero, a3 = zero;
        FloatVector b0 = zero, b1 = zero, b2 = zero, b3 = zero;
        FloatVector c0 = zero, c1 = zero, c2 = zero, c3 = zero;
        FloatVector d0 = zero, d1 = zero, d2 = zero, d3 = zero;
        long w1 = w + weightStride;
        long w2 = w1 + weightStride;
        long w3 = w2 + weightStride;
        for (int i = 0; i < whole; i += Lanes.WIDTH) {
            long at = 4L * i;
            long step = i * FLOAT;
            FloatVector v0 = Lanes.load(xs, x0 + step);
            FloatVector v1 = Lanes.load(xs, x1 + step);
            FloatVector v2 = Lanes.load(xs, x2 + step);
            FloatVector v3 = Lanes.load(xs, x3 + step);
            FloatVector m = Lanes.load(ws, w + at);
            a0 = v0.fma(m, a0);
            b0 = v1.fma(m, b0);
            c0 = v2.fma(m, c0);
            d0 = v3.fma(m, d0);
            m = Lanes.load(ws, w1 + at);
            a1 = v0.fma(m, a1);
            b1 = v1.fma(m, b1);
            c1 = v2.fma(m, c1);
            d1 = v3.fma(m, d1);
            m = Lanes.load(ws, w2 + at);
            a2 = v0.fma(m, a2);
            b2 = v1.fma(m, b2);
            c2 = v2.fma(m, c2);
            d2 = v3.fma(m, d2);
            m = Lanes.load(ws, w3 + at);
            a3 = v0.fma(m, a3);
            b3 = v1.fma(m, b3);
            c3 = v2.fma(m, c3);
            d3 = v3.fma(m, d3);
        }
        a0.intoArray(sums, 0 * Lanes.WIDTH);
        a1.intoArray(sums, 1 * Lanes.WIDTH);
        a2.intoArray(sums, 2 * Lanes.WIDTH);
        a3.intoArray(sums, 3 * Lanes.WIDTH);
        b0.intoArray(sums, 4 * Lanes.WIDTH);
        b1.intoArray(sums, 5 * Lanes.WIDTH);
        b2.intoArray(sums, 6 * Lanes.WIDTH);
        b3.intoArray(sums, 7 * Lanes.WIDTH);
        c0.intoArray(sums, 8 * Lanes.WIDTH);
        c1.intoArray(sums, 9 * Lanes.WIDTH);
        c2.intoArray(sums, 10 * Lanes.WIDTH);
        c3.intoArray(sums, 11 * Lanes.WIDTH);
        d0.intoArray(sums, 12 * Lanes.WIDTH);
        d1.intoArray(sums, 13 * Lanes.WIDTH);
        d2.intoArray(sums, 14 * Lanes.WIDTH);
        d3.intoArray(sums, 15 * Lanes.WIDTH);
    }

    private void oneF16(long x, long w) {
        FloatVector s0 = FloatVector.zero(Lanes.F);
        FloatVector s1 = s0;
        FloatVector s2 = s0;
        FloatVector s3 = s0;
        long w1 = w + weightStride;
        long w2 = w1 + weightStride;
        long w3 = w2 + weightStride;
        for (int i = 0; i < whole; i += Lanes.WIDTH) {
            FloatVector v = Lanes.load(xs, x + i * FLOAT);
            long at = 2L * i;
            s0 = v.fma(Lanes.f16(ws, w + at), s0);
            s1 = v.fma(Lanes.f16(ws, w1 + at), s1);
            s2 = v.fma(Lanes.f16(ws, w2 + at), s2);
            s3 = v.fma(Lanes.f16(ws, w3 + at), s3);
        }
        s0.intoArray(sums, 0);
        s1.intoArray(sums, Lanes.WIDTH);
        s2.intoArray(sums, 2 * Lanes.WIDTH);
        s3.intoArray(sums, 3 * Lanes.WIDTH);
    }

    private void fourF16(long x0, long x1, long x2, long x3, long w) {
        FloatVector zero = FloatVector.zero(Lanes.F);
        FloatVector a0 = zero, a1 = zero, a2 = zero, a3 = zero;
        FloatVector b0 = zero, b1 = zero, b2 = zero, b3 = zero;
        FloatVector c0 = zero, c1 = zero, c2 = zero, c3 = zero;
        FloatVector d0 = zero, d1 = zero, d2 = zero, d3 = zero;
        long w1 = w + weightStride;
        long w2 = w1 + weightStride;
        long w3 = w2 + weightStride;
        for (int i = 0; i < whole; i += Lanes.WIDTH) {
            long at = 2L * i;
            long step = i * FLOAT;
            FloatVector v0 = Lanes.load(xs, x0 + step);
            FloatVector v1 = Lanes.load(xs, x1 + step);
            FloatVector v2 = Lanes.load(xs, x2 + step);
            FloatVector v3 = Lanes.load(xs, x3 + step);
            FloatVector m = Lanes.f16(ws, w + at);
            a0 = v0.fma(m, a0);
            b0 = v1.fma(m, b0);
            c0 = v2.fma(m, c0);
            d0 = v3.fma(m, d0);
            m = Lanes.f16(ws, w1 + at);
            a1 = v0.fma(m, a1);
            b1 = v1.fma(m, b1);
            c1 = v2.fma(m, c1);
            d1 = v3.fma(m, d1);
            m = Lanes.f16(ws, w2 + at);
            a2 = v0.fma(m, a2);
            b2 = v1.fma(m, b2);
            c2 = v2.fma(m, c2);
            d2 = v3.fma(m, d2);
            m = Lanes.f16(ws, w3 + at);
            a3 = v0.fma(m, a3);
            b3 = v1.fma(m, b3);
            c3 = v2.fma(m, c3);
            d3 = v3.fma(m, d3);
        }
        a0.intoArray(sums, 0 * Lanes.WIDTH);
        a1.intoArray(sums, 1 * Lanes.WIDTH);
        a2.intoArray(sums, 2 * Lanes.WIDTH);
        a3.intoArray(sums, 3 * Lanes.WIDTH);
        b0.intoArray(sums, 4 * Lanes.WIDTH);
        b1.intoArray(sums, 5 * Lanes.WIDTH);
        b2.intoArray(sums, 6 * Lanes.WIDTH);
        b3.intoArray(sums, 7 * Lanes.WIDTH);
        c0.intoArray(sums, 8 * Lanes.WIDTH);
        c1.intoArray(sums, 9 * Lanes.WIDTH);
        c2.intoArray(sums, 10 * Lanes.WIDTH);
        c3.intoArray(sums, 11 * Lanes.WIDTH);
        d0.intoArray(sums, 12 * Lanes.WIDTH);
        d1.intoArray(sums, 13 * Lanes.WIDTH);
        d2.intoArray(sums, 14 * Lanes.WIDTH);
        d3.intoArray(sums, 15 * Lanes.WIDTH);
    }
}
