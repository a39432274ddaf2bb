package io.ashlar.compute.cpu;

import static io.ashlar.compute.PageLayout.TOKENS;

import io.ashlar.compute.Activations;
import io.ashlar.compute.DType;
import io.ashlar.compute.Kernels;
import io.ashlar.compute.KeyValues;
import io.ashlar.compute.LowRank;
import io.ashlar.compute.Matrix;
import io.ashlar.compute.PageLayout;
import io.ashlar.compute.RotaryTable;
import io.ashlar.compute.Rows;
import java.lang.foreign.MemorySegment;
import java.util.List;
import jdk.incubator.vector.FloatVector;

/** The kernels on the Vector API. */
final class CpuKernels implements Kernels {
    private static final long FLOAT = Float.BYTES;
    /** Elementwise operations on fewer floats than this are not worth a barrier. */
    private static final int ELEMENTWISE_GRAIN = 32 * 1024;

    private final Workers workers;
    private final CpuProjection projection;
    private final CpuAttention attention;

    CpuKernels(Workers workers) {
        this.workers = workers;
        this.projection = new CpuProjection(workers);
        this.attention = new CpuAttention(workers);
    }

    @Override
    public void embed(Matrix table, int[] tokens, Rows rows, Activations out) {
        MemorySegment from = CpuBuffer.of(table);
        MemorySegment to = CpuBuffer.of(out);
        int width = table.columns();
        DType type = table.type();
        for (int i = 0; i < rows.count(); i++) {
            int row = rows.index()[i];
            int token = tokens[row];
            if (token < 0 || token >= table.rows()) {
                throw new IllegalArgumentException("token " + token + " is outside the vocabulary of " + table.rows());
            }
            long source = table.offset() + (long) token * width * type.bytes();
            long target = (long) row * out.stride() * FLOAT;
            int k = 0;
            for (; k <= width - Lanes.WIDTH; k += Lanes.WIDTH) {
                Lanes.store(Lanes.weights(type, from, source + (long) k * type.bytes()), to, target + k * FLOAT);
            }
            for (; k < width; k++) {
                Lanes.set(to, target + k * FLOAT, Lanes.weight(type, from, source + (long) k * type.bytes()));
            }
        }
    }

    @Override
    public void rmsNorm(Activations x, Rows rows, Matrix weight, float epsilon, Activations out) {
        forRows(rows, weight.columns(), row -> rmsNormRow(x, row, weight, epsilon, out));
    }

    private static void rmsNormRow(Activations x, int row, Matrix weight, float epsilon, Activations out) {
        MemorySegment from = CpuBuffer.of(x);
        MemorySegment w = CpuBuffer.of(weight);
        MemorySegment to = CpuBuffer.of(out);
        DType type = weight.type();
        int width = weight.columns();
        long source = (long) row * x.stride() * FLOAT;
        long target = (long) row * out.stride() * FLOAT;
        FloatVector squares = FloatVector.zero(Lanes.F);
        int k = 0;
        for (; k <= width - Lanes.WIDTH; k += Lanes.WIDTH) {
            FloatVector v = Lanes.load(from, source + k * FLOAT);
            squares = v.fma(v, squares);
        }
        float sum = Lanes.sum(squares);
        for (; k < width; k++) {
            float v = Lanes.get(from, source + k * FLOAT);
            sum = Math.fma(v, v, sum);
        }
        float scale = (float) (1.0 / Math.sqrt(sum / width + epsilon));
        for (k = 0; k <= width - Lanes.WIDTH; k += Lanes.WIDTH) {
            FloatVector v = Lanes.load(from, source + k * FLOAT).mul(scale);
            Lanes.store(
                    v.mul(Lanes.weights(type, w, weight.offset() + (long) k * type.bytes())), to, target + k * FLOAT);
        }
        for (; k < width; k++) {
            float v = Lanes.get(from, source + k * FLOAT) * scale;
            Lanes.set(to, target + k * FLOAT, v * Lanes.weight(type, w, weight.offset() + (long) k * type.bytes()));
        }
    }

    @Override
    public void project(Activations x, Rows rows, List<Matrix> stacked, Activations out, boolean accumulate) {
        projection.run(x, rows, stacked, out, accumulate);
    }

    @Override
    public void addLowRank(Activations x, Rows rows, LowRank term, Activations out, int outColumn) {
        int work = term.rank() * (term.in() + term.out());
        forRows(rows, work, row -> addLowRankRow(x, row, term, out, outColumn));
    }

    private static void addLowRankRow(Activations x, int row, LowRank term, Activations out, int outColumn) {
        MemorySegment from = CpuBuffer.of(x);
        MemorySegment a = CpuBuffer.of(term.a());
        MemorySegment b = CpuBuffer.of(term.bTransposed());
        MemorySegment to = CpuBuffer.of(out);
        long source = (long) row * x.stride() * FLOAT;
        long target = ((long) row * out.stride() + outColumn) * FLOAT;
        for (int j = 0; j < term.rank(); j++) {
            long aRow = term.a().offset() + (long) j * term.in() * FLOAT;
            long bRow = term.bTransposed().offset() + (long) j * term.out() * FLOAT;
            FloatVector partial = FloatVector.zero(Lanes.F);
            int k = 0;
            for (; k <= term.in() - Lanes.WIDTH; k += Lanes.WIDTH) {
                partial = Lanes.load(from, source + k * FLOAT).fma(Lanes.load(a, aRow + k * FLOAT), partial);
            }
            float dot = Lanes.sum(partial);
            for (; k < term.in(); k++) {
                dot = Math.fma(Lanes.get(from, source + k * FLOAT), Lanes.get(a, aRow + k * FLOAT), dot);
            }
            dot *= term.scale();
            FloatVector factor = FloatVector.broadcast(Lanes.F, dot);
            int n = 0;
            for (; n <= term.out() - Lanes.WIDTH; n += Lanes.WIDTH) {
                FloatVector y = Lanes.load(to, target + n * FLOAT);
                Lanes.store(factor.fma(Lanes.load(b, bRow + n * FLOAT), y), to, target + n * FLOAT);
            }
            for (; n < term.out(); n++) {
                float y = Lanes.get(to, target + n * FLOAT);
                Lanes.set(to, target + n * FLOAT, Math.fma(dot, Lanes.get(b, bRow + n * FLOAT), y));
            }
        }
    }

    @Override
    public void rotate(Activations x, Rows rows, int column, int heads, int[] positions, RotaryTable table) {
        MemorySegment memory = CpuBuffer.of(x);
        int half = table.half();
        for (int i = 0; i < rows.count(); i++) {
            int row = rows.index()[i];
            int angles = positions[row] * half;
            for (int h = 0; h < heads; h++) {
                long head = ((long) row * x.stride() + column + (long) h * 2 * half) * FLOAT;
                rotateHead(memory, head, table, angles);
            }
        }
    }

    private static void rotateHead(MemorySegment memory, long head, RotaryTable table, int angles) {
        int half = table.half();
        int k = 0;
        for (; k <= half - Lanes.WIDTH; k += Lanes.WIDTH) {
            FloatVector cos = FloatVector.fromArray(Lanes.F, table.cos(), angles + k);
            FloatVector sin = FloatVector.fromArray(Lanes.F, table.sin(), angles + k);
            long first = head + k * FLOAT;
            long second = first + half * FLOAT;
            FloatVector a = Lanes.load(memory, first);
            FloatVector b = Lanes.load(memory, second);
            Lanes.store(a.mul(cos).sub(b.mul(sin)), memory, first);
            Lanes.store(b.mul(cos).add(a.mul(sin)), memory, second);
        }
        for (; k < half; k++) {
            float cos = table.cos()[angles + k];
            float sin = table.sin()[angles + k];
            long first = head + k * FLOAT;
            long second = first + half * FLOAT;
            float a = Lanes.get(memory, first);
            float b = Lanes.get(memory, second);
            Lanes.set(memory, first, a * cos - b * sin);
            Lanes.set(memory, second, b * cos + a * sin);
        }
    }

    @Override
    public void store(Activations x, Rows rows, int keyColumn, int valueColumn, KeyValues into) {
        MemorySegment from = CpuBuffer.of(x);
        MemorySegment pool = CpuBuffer.of(into.pool());
        PageLayout layout = into.layout();
        int width = layout.kvHeads() * layout.headDim();
        for (int i = 0; i < rows.count(); i++) {
            int row = rows.index()[i];
            int position = into.positions()[row];
            long page = into.pages()[row][position / TOKENS];
            int token = position % TOKENS;
            long source = (long) row * x.stride() * FLOAT;
            for (int k = 0; k < width; k++) {
                float key = Lanes.get(from, source + (keyColumn + k) * FLOAT);
                Lanes.set(pool, page + ((long) k * TOKENS + token) * FLOAT, key);
            }
            long values = page + layout.keyFloats() * FLOAT;
            for (int h = 0; h < layout.kvHeads(); h++) {
                MemorySegment.copy(
                        from,
                        source + (valueColumn + (long) h * layout.headDim()) * FLOAT,
                        pool,
                        values + ((long) h * TOKENS + token) * layout.headDim() * FLOAT,
                        layout.headDim() * FLOAT);
            }
        }
    }

    @Override
    public void attend(Activations q, Rows rows, int heads, float scale, KeyValues from, Activations out) {
        attention.run(q, rows, heads, scale, from, out);
    }

    @Override
    public void gatedSilu(Activations x, Rows rows, int width, Activations out) {
        forRows(rows, width * 4, row -> gatedSiluRow(x, row, width, out));
    }

    private static void gatedSiluRow(Activations x, int row, int width, Activations out) {
        MemorySegment from = CpuBuffer.of(x);
        MemorySegment to = CpuBuffer.of(out);
        long gate = (long) row * x.stride() * FLOAT;
        long up = gate + width * FLOAT;
        long target = (long) row * out.stride() * FLOAT;
        int k = 0;
        for (; k <= width - Lanes.WIDTH; k += Lanes.WIDTH) {
            FloatVector g = Lanes.load(from, gate + k * FLOAT);
            FloatVector silu = g.div(Lanes.exp(g.neg()).add(1f));
            Lanes.store(silu.mul(Lanes.load(from, up + k * FLOAT)), to, target + k * FLOAT);
        }
        for (; k < width; k++) {
            float g = Lanes.get(from, gate + k * FLOAT);
            float silu = (float) (g / (1 + Math.exp(-g)));
            Lanes.set(to, target + k * FLOAT, silu * Lanes.get(from, up + k * FLOAT));
        }
    }

    @FunctionalInterface
    private interface RowTask {
        void run(int row);
    }

    private void forRows(Rows rows, int floatsPerRow, RowTask task) {
        int[] index = rows.index();
        if ((long) rows.count() * floatsPerRow < ELEMENTWISE_GRAIN) {
            for (int i = 0; i < rows.count(); i++) {
                task.run(index[i]);
            }
        } else {
            workers.run(rows.count(), (worker, i) -> task.run(index[i]));
        }
    }
}
