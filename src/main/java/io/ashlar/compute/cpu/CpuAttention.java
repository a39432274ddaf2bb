package io.ashlar.compute.cpu;

import static io.ashlar.compute.PageLayout.TOKENS;

import io.ashlar.compute.Activations;
import io.ashlar.compute.KeyValues;
import io.ashlar.compute.PageLayout;
import io.ashlar.compute.Rows;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;

/**
 * Attention over pages. One task is one row and one key/value head: the scores of a page's 16 tokens come out of one vector
 * (keys are stored transposed), the softmax runs over the whole row, then the values are summed in order of position.
 */
final class CpuAttention {
    private static final long FLOAT = Float.BYTES;
    /** Calls that read fewer cached floats than this are not worth a barrier. */
    private static final long GRAIN = 64 * 1024;

    private final Workers workers;
    private final float[][] scores;

    CpuAttention(Workers workers) {
        this.workers = workers;
        this.scores = new float[workers.count()][0];
    }

    void run(Activations q, Rows rows, int heads, float scale, KeyValues from, Activations out) {
        int kvHeads = from.layout().kvHeads();
        long work = 0;
        for (int i = 0; i < rows.count(); i++) {
            work += (long) (from.positions()[rows.index()[i]] + 1)
                    * heads
                    * from.layout().headDim();
        }
        int tasks = rows.count() * kvHeads;
        if (work < GRAIN) {
            for (int t = 0; t < tasks; t++) {
                group(0, q, rows.index()[t / kvHeads], t % kvHeads, heads, scale, from, out);
            }
        } else {
            workers.run(
                    tasks,
                    (worker, t) -> group(worker, q, rows.index()[t / kvHeads], t % kvHeads, heads, scale, from, out));
        }
    }

    /** The query heads of one row that share one key/value head. */
    private void group(
            int worker, Activations q, int row, int kvHead, int heads, float scale, KeyValues from, Activations out) {
        PageLayout layout = from.layout();
        int count = from.positions()[row] + 1;
        int padded = PageLayout.pagesFor(count) * TOKENS;
        float[] s = scores[worker];
        if (s.length < padded) {
            s = new float[Math.max(padded, 2 * s.length)];
            scores[worker] = s;
        }
        MemorySegment qs = CpuBuffer.of(q);
        MemorySegment os = CpuBuffer.of(out);
        MemorySegment pool = CpuBuffer.of(from.pool());
        long[] pages = from.pages()[row];
        int shared = heads / layout.kvHeads();
        for (int g = 0; g < shared; g++) {
            int head = kvHead * shared + g;
            long query = ((long) row * q.stride() + (long) head * layout.headDim()) * FLOAT;
            long target = ((long) row * out.stride() + (long) head * layout.headDim()) * FLOAT;
            score(qs, query, scale, pool, pages, kvHead, layout, padded, s);
            float total = softmax(s, count, padded);
            combine(s, count, 1f / total, pool, pages, kvHead, layout, os, target);
        }
    }

    private static void score(
            MemorySegment qs,
            long query,
            float scale,
            MemorySegment pool,
            long[] pages,
            int kvHead,
            PageLayout layout,
            int padded,
            float[] s) {
        int headDim = layout.headDim();
        for (int p = 0; p < padded / TOKENS; p++) {
            long keys = pages[p] + (long) kvHead * headDim * TOKENS * FLOAT;
            for (int t = 0; t < TOKENS; t += Lanes.WIDTH) {
                FloatVector sum = FloatVector.zero(Lanes.F);
                long at = keys + t * FLOAT;
                for (int d = 0; d < headDim; d++) {
                    FloatVector factor = FloatVector.broadcast(Lanes.F, Lanes.get(qs, query + d * FLOAT));
                    sum = factor.fma(Lanes.load(pool, at + (long) d * TOKENS * FLOAT), sum);
                }
                sum.mul(scale).intoArray(s, p * TOKENS + t);
            }
        }
    }

    /** Turns scores into unscaled weights and returns their sum; lanes past {@code count} become 0. */
    private static float softmax(float[] s, int count, int padded) {
        for (int i = count; i < padded; i++) {
            s[i] = Float.NEGATIVE_INFINITY;
        }
        float max = Float.NEGATIVE_INFINITY;
        for (int i = 0; i < count; i++) {
            max = Math.max(max, s[i]);
        }
        FloatVector sum = FloatVector.zero(Lanes.F);
        for (int i = 0; i < padded; i += Lanes.WIDTH) {
            FloatVector e = Lanes.exp(FloatVector.fromArray(Lanes.F, s, i).sub(max));
            e.intoArray(s, i);
            sum = sum.add(e);
        }
        return Lanes.sum(sum);
    }

    private static void combine(
            float[] s,
            int count,
            float scale,
            MemorySegment pool,
            long[] pages,
            int kvHead,
            PageLayout layout,
            MemorySegment os,
            long target) {
        int headDim = layout.headDim();
        int d = 0;
        for (; d <= headDim - Lanes.WIDTH; d += Lanes.WIDTH) {
            FloatVector sum = FloatVector.zero(Lanes.F);
            for (int t = 0; t < count; t++) {
                long at = value(pages, t, kvHead, layout) + d * FLOAT;
                sum = FloatVector.broadcast(Lanes.F, s[t]).fma(Lanes.load(pool, at), sum);
            }
            Lanes.store(sum.mul(scale), os, target + d * FLOAT);
        }
        for (; d < headDim; d++) {
            float sum = 0;
            for (int t = 0; t < count; t++) {
                sum = Math.fma(s[t], Lanes.get(pool, value(pages, t, kvHead, layout) + d * FLOAT), sum);
            }
            Lanes.set(os, target + d * FLOAT, sum * scale);
        }
    }

    private static long value(long[] pages, int position, int kvHead, PageLayout layout) {
        long index = layout.keyFloats() + ((long) kvHead * TOKENS + position % TOKENS) * layout.headDim();
        return pages[position / TOKENS] + index * FLOAT;
    }
}
