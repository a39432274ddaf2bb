package io.ashlar.compute.cpu;

import io.ashlar.compute.KeyValues;
import io.ashlar.compute.PageLayout;
import io.ashlar.compute.PageType;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import jdk.incubator.vector.FloatVector;

/** The pages of a row's sequence in one layer, read and written one token or one page at a time. */
record VectorPages(long table, PageLayout layout) {
    private static final MemorySegment MEMORY = Address.MEMORY;
    private static final int TOKENS = PageLayout.TOKENS;
    private static final float MOST = 127;

    static VectorPages of(KeyValues from, int row) {
        CpuPageTables tables = (CpuPageTables) from.tables();
        long table = MEMORY.get(ValueLayout.JAVA_LONG, tables.tables() + row * 8L);
        long places = MEMORY.get(ValueLayout.JAVA_LONG, tables.places() + row * 8L);
        return new VectorPages(table + from.layer() * places * 8, from.layout());
    }

    private long page(int position) {
        return MEMORY.get(ValueLayout.JAVA_LONG, table + position / TOKENS * 8L);
    }

    private long scale(int position, int head, boolean values) {
        int index = ((values ? layout.kvHeads() : 0) + head) * TOKENS + position % TOKENS;
        return page(position) + 2L * layout.keyElements() + index * 4L;
    }

    void store(int position, int head, long key, long value) {
        int dim = layout.headDim();
        long page = page(position);
        int at = position % TOKENS;
        float keyScale = 1;
        float valueScale = 1;
        if (layout.type() == PageType.Q8) {
            keyScale = largest(key, dim) / MOST;
            valueScale = largest(value, dim) / MOST;
            VectorKernels.set(scale(position, head, false), keyScale);
            VectorKernels.set(scale(position, head, true), valueScale);
        }
        for (int d = 0; d < dim; d++) {
            write(page, (long) (head * dim + d) * TOKENS + at, VectorKernels.get(key + d * 4L), keyScale);
            long index = layout.keyElements() + ((long) head * TOKENS + at) * dim + d;
            write(page, index, VectorKernels.get(value + d * 4L), valueScale);
        }
    }

    private static float largest(long from, int count) {
        float most = 0;
        for (int i = 0; i < count; i++) {
            most = Math.max(most, Math.abs(VectorKernels.get(from + i * 4L)));
        }
        return most;
    }

    private void write(long page, long index, float value, float scale) {
        switch (layout.type()) {
            case F32 -> VectorKernels.set(page + index * 4, value);
            case F16 -> MEMORY.set(ValueLayout.JAVA_SHORT, page + index * 2, Float.floatToFloat16(value));
            case Q8 ->
                MEMORY.set(ValueLayout.JAVA_BYTE, page + index, (byte) (scale == 0 ? 0 : Math.round(value / scale)));
        }
    }

    private FloatVector load(long page, long index) {
        return switch (layout.type()) {
            case F32 -> Lanes.load(MEMORY, page + index * 4);
            case F16 -> Lanes.f16(MEMORY, page + index * 2);
            case Q8 -> {
                float[] values = new float[Lanes.WIDTH];
                for (int i = 0; i < values.length; i++) {
                    values[i] = MEMORY.get(ValueLayout.JAVA_BYTE, page + index + i);
                }
                yield FloatVector.fromArray(Lanes.F, values, 0);
            }
        };
    }

    /** Scores of a page's tokens, unscaled, into {@code s[page * 16 ...]}. */
    void score(int page, int head, long query, float[] s) {
        int dim = layout.headDim();
        long keys = page(page * TOKENS);
        for (int t = 0; t < TOKENS; t += Lanes.WIDTH) {
            FloatVector sum = FloatVector.zero(Lanes.F);
            for (int d = 0; d < dim; d++) {
                FloatVector factor = FloatVector.broadcast(Lanes.F, VectorKernels.get(query + d * 4L));
                sum = factor.fma(load(keys, (long) (head * dim + d) * TOKENS + t), sum);
            }
            if (layout.type() == PageType.Q8) {
                sum = sum.mul(Lanes.load(MEMORY, scale(page * TOKENS + t, head, false)));
            }
            sum.intoArray(s, page * TOKENS + t);
        }
    }

    /** {@code out[:] = factor * sum of s[t] * value[t]} over positions {@code [from, to)}. */
    void combine(int from, int to, int head, float[] s, float factor, long out) {
        int dim = layout.headDim();
        for (int d = 0; d < dim; d += Lanes.WIDTH) {
            FloatVector sum = FloatVector.zero(Lanes.F);
            for (int t = from; t < to; t++) {
                float weight = s[t];
                if (layout.type() == PageType.Q8) {
                    weight *= VectorKernels.get(scale(t, head, true));
                }
                long index = layout.keyElements() + ((long) head * TOKENS + t % TOKENS) * dim + d;
                sum = FloatVector.broadcast(Lanes.F, weight).fma(load(page(t), index), sum);
            }
            Lanes.store(sum.mul(factor), MEMORY, out + d * 4L);
        }
    }
}
