package io.ashlar.compute.cpu;

import io.ashlar.compute.Activation;
import io.ashlar.compute.Activations;
import io.ashlar.compute.AdapterRows;
import io.ashlar.compute.Attention;
import io.ashlar.compute.DType;
import io.ashlar.compute.Ints;
import io.ashlar.compute.Kernels;
import io.ashlar.compute.KeyValues;
import io.ashlar.compute.Linear;
import io.ashlar.compute.LowRank;
import io.ashlar.compute.Matrix;
import io.ashlar.compute.Panels;
import io.ashlar.compute.RotaryTable;
import io.ashlar.compute.Routing;
import io.ashlar.compute.Rows;
import io.ashlar.compute.Vector;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;
import java.util.function.IntConsumer;
import jdk.incubator.vector.FloatVector;

/** The kernels on the Vector API, for machines without the native ones. Work is done when the call returns. */
final class VectorKernels implements Kernels {
    private static final MemorySegment MEMORY = Address.MEMORY;
    private static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT;
    /** Operations on fewer floats than this are not worth a barrier. */
    private static final long GRAIN = 32 * 1024;

    private final Workers workers;
    private final VectorAttention attention;
    private final VectorProjection[] projections;

    VectorKernels(Workers workers) {
        this.workers = workers;
        this.attention = new VectorAttention(workers);
        this.projections = new VectorProjection[workers.count()];
        for (int i = 0; i < projections.length; i++) {
            projections[i] = new VectorProjection();
        }
    }

    static long at(Activations x, int row) {
        return Address.of(x) + (long) row * x.stride() * Float.BYTES;
    }

    static float get(long at) {
        return MEMORY.get(FLOAT, at);
    }

    static void set(long at, float value) {
        MEMORY.set(FLOAT, at, value);
    }

    private void forRows(int count, long floatsEach, IntConsumer row) {
        if (count * floatsEach < GRAIN) {
            for (int i = 0; i < count; i++) {
                row.accept(i);
            }
        } else {
            workers.run(count, (worker, i) -> row.accept(i));
        }
    }

    @Override
    public void discard() {}

    @Override
    public void finish() {}

    @Override
    public void embed(Matrix table, Ints tokens, Rows rows, float scale, Activations out) {
        for (int i = 0; i < rows.count(); i++) {
            int row = rows.get(i);
            int token = tokens.get(row);
            if (token < 0 || token >= table.rows()) {
                throw new IllegalArgumentException("token " + token + " is outside the vocabulary of " + table.rows());
            }
            for (int k = 0; k < table.columns(); k++) {
                float v = Panels.value(MEMORY, Address.of(table), table.type(), table.columns(), token, k);
                set(at(out, row) + k * 4L, v * scale);
            }
        }
    }

    @Override
    public void rmsNorm(Activations x, Rows rows, Vector weight, float epsilon, Activations out, boolean accumulate) {
        forRows(rows.count(), weight.length(), i -> {
            int row = rows.get(i);
            norm(at(x, row), weight, epsilon, at(out, row), accumulate);
        });
    }

    private static void norm(long from, Vector weight, float epsilon, long to, boolean accumulate) {
        int width = weight.length();
        long w = Address.of(weight);
        FloatVector squares = FloatVector.zero(Lanes.F);
        for (int k = 0; k < width; k += Lanes.WIDTH) {
            FloatVector v = Lanes.load(MEMORY, from + k * 4L);
            squares = v.fma(v, squares);
        }
        float scale = (float) (1.0 / Math.sqrt(Lanes.sum(squares) / width + epsilon));
        for (int k = 0; k < width; k += Lanes.WIDTH) {
            FloatVector v = Lanes.load(MEMORY, from + k * 4L).mul(scale).mul(Lanes.load(MEMORY, w + k * 4L));
            Lanes.store(accumulate ? v.add(Lanes.load(MEMORY, to + k * 4L)) : v, MEMORY, to + k * 4L);
        }
    }

    @Override
    public void normHeads(Activations x, Rows rows, int column, int heads, Vector weight, float epsilon) {
        forRows(rows.count(), (long) heads * weight.length(), i -> {
            for (int h = 0; h < heads; h++) {
                long head = at(x, rows.get(i)) + (column + (long) h * weight.length()) * 4;
                norm(head, weight, epsilon, head, false);
            }
        });
    }

    @Override
    public void project(Activations x, Rows rows, List<Linear> stacked, Activations out, boolean accumulate) {
        if (rows.isEmpty()) {
            return;
        }
        int column = 0;
        for (Linear linear : stacked) {
            Matrix m = linear.weights();
            long[] from = new long[rows.count()];
            long[] to = new long[rows.count()];
            for (int i = 0; i < rows.count(); i++) {
                from[i] = at(x, rows.get(i));
                to[i] = at(out, rows.get(i)) + column * 4L;
            }
            VectorProjection.Sides sides = new VectorProjection.Sides(from, to, rows.count(), accumulate);
            product(m.type(), Address.of(m), m.rows(), m.columns(), linear.bias(), sides);
            column += m.rows();
        }
    }

    private void product(
            DType type,
            long weights,
            int rows,
            int columns,
            @org.jspecify.annotations.Nullable Vector bias,
            VectorProjection.Sides sides) {
        int panels = Panels.count(rows);
        int each = Math.max(1, panels / (8 * workers.count()));
        workers.run(
                (panels + each - 1) / each,
                (worker, task) -> projections[worker].run(
                        type, weights, rows, columns, bias, task * each, Math.min(panels, (task + 1) * each), sides));
    }

    @Override
    public void addLowRank(Activations x, AdapterRows rows, int slot, List<Linear> stacked, Activations out) {
        CpuAdapterRows which = (CpuAdapterRows) rows;
        workers.run(which.segmentCount(), (worker, s) -> {
            int word = s * CpuAdapterRows.WORDS;
            CpuLowRankTerms terms = which.adapter(which.segments().get(word));
            for (int i = 0; i < which.segments().get(word + 2); i++) {
                int row = which.rows().get(which.segments().get(word + 1) + i);
                int column = 0;
                for (int m = 0; m < stacked.size(); m++) {
                    LowRank term = terms.get(slot + m);
                    if (term != null) {
                        lowRank(projections[worker], term, at(x, row), at(out, row) + column * 4L);
                    }
                    column += stacked.get(m).rows();
                }
            }
        });
    }

    private static void lowRank(VectorProjection projection, LowRank term, long x, long out) {
        Matrix a = term.a();
        Matrix b = term.b();
        try (var arena = java.lang.foreign.Arena.ofConfined()) {
            long middle = arena.allocate(term.rank() * 4L, 64).address();
            projection.run(
                    a.type(),
                    Address.of(a),
                    a.rows(),
                    a.columns(),
                    null,
                    0,
                    Panels.count(a.rows()),
                    one(x, middle, false));
            projection.run(
                    b.type(),
                    Address.of(b),
                    b.rows(),
                    b.columns(),
                    null,
                    0,
                    Panels.count(b.rows()),
                    one(middle, out, true));
        }
    }

    private static VectorProjection.Sides one(long x, long out, boolean accumulate) {
        return new VectorProjection.Sides(new long[] {x}, new long[] {out}, 1, accumulate);
    }

    @Override
    public void rotate(
            Activations x, Rows rows, int column, int heads, int headDim, Ints positions, RotaryTable table) {
        int half = table.half();
        for (int i = 0; i < rows.count(); i++) {
            int row = rows.get(i);
            long cos = Address.of(table.angles()) + (long) positions.get(row) * 2 * half * 4;
            long sin = cos + half * 4L;
            for (int h = 0; h < heads; h++) {
                long head = at(x, row) + (column + (long) h * headDim) * 4;
                for (int k = 0; k < half; k++) {
                    float u = get(head + k * 4L);
                    float v = get(head + (half + k) * 4L);
                    set(head + k * 4L, Math.fma(-v, get(sin + k * 4L), u * get(cos + k * 4L)));
                    set(head + (half + k) * 4L, Math.fma(v, get(cos + k * 4L), u * get(sin + k * 4L)));
                }
            }
        }
    }

    @Override
    public void store(Activations x, Rows rows, int keyColumn, int valueColumn, Ints positions, KeyValues into) {
        for (int i = 0; i < rows.count(); i++) {
            int row = rows.get(i);
            VectorPages pages = VectorPages.of(into, row);
            int position = positions.get(row);
            for (int h = 0; h < into.layout().kvHeads(); h++) {
                long head = (long) h * into.layout().headDim() * 4;
                pages.store(position, h, at(x, row) + keyColumn * 4L + head, at(x, row) + valueColumn * 4L + head);
            }
        }
    }

    @Override
    public void attend(Activations q, Rows rows, Attention how, Ints positions, KeyValues from, Activations out) {
        attention.run(q, rows, how, positions, from, out);
    }

    @Override
    public void gate(Activations x, Rows rows, int width, Activation f, Activations out) {
        forRows(rows.count(), 2L * width, i -> gateRow(at(x, rows.get(i)), width, f, at(out, rows.get(i))));
    }

    @Override
    public void gateSlots(Activations x, int count, int width, Activation f, Activations out) {
        forRows(count, 2L * width, i -> gateRow(at(x, i), width, f, at(out, i)));
    }

    private static void gateRow(long from, int width, Activation f, long to) {
        for (int k = 0; k < width; k += Lanes.WIDTH) {
            FloatVector v = Lanes.load(MEMORY, from + k * 4L);
            FloatVector up = Lanes.load(MEMORY, from + (width + k) * 4L);
            FloatVector y;
            if (f == Activation.SILU) {
                y = v.div(Lanes.exp(v.neg()).add(1f));
            } else {
                FloatVector inner = v.mul(v).mul(v).mul(0.044715f).add(v).mul(0.7978845608f);
                // tanh(z) = 1 - 2 / (e^(2z) + 1)
                FloatVector e = Lanes.exp(inner.add(inner)).add(1f);
                y = v.mul(FloatVector.broadcast(Lanes.F, 1f)
                        .sub(FloatVector.broadcast(Lanes.F, 1f).div(e)));
            }
            Lanes.store(y.mul(up), MEMORY, to + k * 4L);
        }
    }

    @Override
    public void softcap(Activations x, Rows rows, int width, float cap) {
        forRows(rows.count(), width, i -> {
            long row = at(x, rows.get(i));
            for (int k = 0; k < width; k++) {
                set(row + k * 4L, cap * (float) Math.tanh(get(row + k * 4L) / cap));
            }
        });
    }

    @Override
    public void route(Activations x, Rows rows, Routing into) {
        int experts = into.experts();
        int used = into.used();
        int slots = rows.count() * used;
        long weights = Address.of(into.weights());
        int[] counts = new int[experts + 1];
        for (int i = 0; i < rows.count(); i++) {
            float[] logits = new float[experts];
            MemorySegment.copy(MEMORY, FLOAT, at(x, rows.get(i)), logits, 0, experts);
            float max = Float.NEGATIVE_INFINITY;
            for (float v : logits) {
                max = Math.max(max, v);
            }
            double total = 0;
            for (float v : logits) {
                total += Math.exp(v - max);
            }
            double sum = 0;
            double[] chosen = new double[used];
            for (int u = 0; u < used; u++) {
                int best = 0;
                for (int e = 1; e < experts; e++) {
                    if (logits[e] > logits[best]) {
                        best = e;
                    }
                }
                chosen[u] = Math.exp(logits[best] - max) / total;
                sum += chosen[u];
                logits[best] = Float.NEGATIVE_INFINITY;
                into.slots().set(slots + i * used + u, best);
                counts[best + 1]++;
            }
            for (int u = 0; u < used; u++) {
                set(weights + (i * used + u) * 4L, (float) (into.normalise() ? chosen[u] / sum : chosen[u]));
            }
        }
        for (int e = 0; e < experts; e++) {
            counts[e + 1] += counts[e];
        }
        for (int e = 0; e <= experts; e++) {
            into.offsets().set(e, counts[e]);
        }
        for (int slot = 0; slot < slots; slot++) {
            into.slots().set(counts[into.slots().get(slots + slot)]++, slot);
        }
    }

    @Override
    public void projectExperts(
            Activations x, Rows rows, boolean bySlot, Routing routing, List<Matrix> stacked, Activations out) {
        int column = 0;
        for (Matrix m : stacked) {
            int own = m.rows() / routing.experts();
            for (int expert = 0; expert < routing.experts(); expert++) {
                int first = routing.offsets().get(expert);
                int count = routing.offsets().get(expert + 1) - first;
                if (count == 0) {
                    continue;
                }
                long[] from = new long[count];
                long[] to = new long[count];
                for (int i = 0; i < count; i++) {
                    int slot = routing.slots().get(first + i);
                    from[i] = at(x, bySlot ? slot : rows.get(slot / routing.used()));
                    to[i] = at(out, slot) + column * 4L;
                }
                long weights =
                        Address.of(m) + (long) expert * own / Panels.ROWS * Panels.panelBytes(m.type(), m.columns());
                product(m.type(), weights, own, m.columns(), null, new VectorProjection.Sides(from, to, count, false));
            }
            column += own;
        }
    }

    @Override
    public void combineExperts(Activations y, Rows rows, Routing routing, int width, Activations out) {
        long weights = Address.of(routing.weights());
        for (int i = 0; i < rows.count(); i++) {
            long to = at(out, rows.get(i));
            for (int k = 0; k < width; k++) {
                float sum = 0;
                for (int u = 0; u < routing.used(); u++) {
                    int slot = i * routing.used() + u;
                    sum = Math.fma(get(at(y, slot) + k * 4L), get(weights + slot * 4L), sum);
                }
                set(to + k * 4L, get(to + k * 4L) + sum);
            }
        }
    }

    @Override
    public void argmax(Activations x, Rows rows, int width, Ints out) {
        for (int i = 0; i < rows.count(); i++) {
            long row = at(x, rows.get(i));
            int best = 0;
            for (int k = 1; k < width; k++) {
                if (get(row + k * 4L) > get(row + best * 4L)) {
                    best = k;
                }
            }
            out.set(rows.get(i), best);
        }
    }

    @Override
    public void copy(Activations from, Rows fromRows, Activations to, Rows toRows, int width) {
        for (int i = 0; i < fromRows.count(); i++) {
            MemorySegment.copy(MEMORY, at(from, fromRows.get(i)), MEMORY, at(to, toRows.get(i)), width * 4L);
        }
    }
}
