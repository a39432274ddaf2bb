package io.ashlar.compute.cpu;

import io.ashlar.compute.Activations;
import io.ashlar.compute.Attention;
import io.ashlar.compute.Ints;
import io.ashlar.compute.KeyValues;
import io.ashlar.compute.PageLayout;
import io.ashlar.compute.Rows;
import jdk.incubator.vector.FloatVector;

/** Attention over pages on the Vector API. One task is one row and one key/value head. */
final class VectorAttention {
    private static final int TOKENS = PageLayout.TOKENS;

    private final Workers workers;
    private final float[][] scores;

    VectorAttention(Workers workers) {
        this.workers = workers;
        this.scores = new float[workers.count()][0];
    }

    void run(Activations q, Rows rows, Attention how, Ints positions, KeyValues from, Activations out) {
        int kvHeads = from.layout().kvHeads();
        workers.run(
                rows.count() * kvHeads,
                (worker, t) -> group(worker, q, rows.get(t / kvHeads), t % kvHeads, how, positions, from, out));
    }

    /** The query heads of one row that share one key/value head. */
    private void group(
            int worker,
            Activations q,
            int row,
            int kvHead,
            Attention how,
            Ints positions,
            KeyValues from,
            Activations out) {
        int count = positions.get(row) + 1;
        int first = how.window() > 0 ? Math.max(0, count - how.window()) : 0;
        int padded = PageLayout.pagesFor(count) * TOKENS;
        float[] s = scores[worker];
        if (s.length < padded) {
            s = new float[Math.max(padded, 2 * s.length)];
            scores[worker] = s;
        }
        VectorPages pages = VectorPages.of(from, row);
        int dim = from.layout().headDim();
        int shared = how.heads() / from.layout().kvHeads();
        for (int g = 0; g < shared; g++) {
            long column = (long) (kvHead * shared + g) * dim * 4;
            for (int p = first / TOKENS; p < padded / TOKENS; p++) {
                pages.score(p, kvHead, VectorKernels.at(q, row) + column, s);
            }
            float total = softmax(s, first, count, padded, how);
            pages.combine(first, count, kvHead, s, 1 / total, VectorKernels.at(out, row) + column);
        }
    }

    /** Turns scores into unscaled weights and returns their sum. */
    private static float softmax(float[] s, int first, int count, int padded, Attention how) {
        float max = Float.NEGATIVE_INFINITY;
        for (int i = first; i < count; i++) {
            float score = s[i] * how.scale();
            if (how.softcap() > 0) {
                score = how.softcap() * (float) Math.tanh(score / how.softcap());
            }
            s[i] = score;
            max = Math.max(max, score);
        }
        int begin = first / TOKENS * TOKENS;
        for (int i = begin; i < first; i++) {
            s[i] = Float.NEGATIVE_INFINITY;
        }
        for (int i = count; i < padded; i++) {
            s[i] = Float.NEGATIVE_INFINITY;
        }
        FloatVector sum = FloatVector.zero(Lanes.F);
        for (int i = begin; i < padded; i += Lanes.WIDTH) {
            FloatVector e = Lanes.exp(FloatVector.fromArray(Lanes.F, s, i).sub(max));
            e.intoArray(s, i);
            sum = sum.add(e);
        }
        return Lanes.sum(sum);
    }
}
