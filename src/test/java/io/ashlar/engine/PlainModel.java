package io.ashlar.engine;

import io.ashlar.compute.Activation;
import io.ashlar.compute.Quantizer;
import io.ashlar.model.BlockPlan;
import io.ashlar.model.ExpertShape;
import io.ashlar.model.Family;
import io.ashlar.model.LayerShape;
import io.ashlar.model.ModelConfig;
import io.ashlar.model.format.Checkpoint;
import io.ashlar.model.format.StoredTensor;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** A forward pass in double precision, written from the papers, without pages, panels, batches or rounding. */
final class PlainModel {
    private final ModelConfig config;
    private final List<Map<String, double[][]>> blocks = new ArrayList<>();

    PlainModel(Checkpoint checkpoint) {
        Family family = Family.of(checkpoint.config().text("model_type"));
        config = family.config(checkpoint.config());
        for (BlockPlan plan : family.blocks(config, checkpoint.normsStoredWhole())) {
            Map<String, double[][]> tensors = new HashMap<>();
            for (BlockPlan.Tensor t : plan.tensors()) {
                tensors.put(t.role(), rows(checkpoint, t));
            }
            blocks.add(tensors);
        }
    }

    private static double[][] rows(Checkpoint checkpoint, BlockPlan.Tensor t) {
        List<double[]> rows = new ArrayList<>();
        for (BlockPlan.Source source : t.sources()) {
            StoredTensor stored = checkpoint.tensor(source.name());
            int count = source.rows() == 0 ? (int) stored.rows() : source.rows();
            float[] values = new float[t.columns()];
            for (int r = 0; r < count; r++) {
                Quantizer.floats(stored.type(), stored.row(source.firstRow() + r), t.columns(), values);
                double[] row = new double[t.columns()];
                for (int k = 0; k < row.length; k++) {
                    row[k] = values[k] + (t.addOne() ? 1 : 0);
                }
                rows.add(row);
            }
        }
        return rows.toArray(double[][]::new);
    }

    /** Logits after each token. */
    double[][] logits(int[] tokens) {
        int n = tokens.length;
        double[][] x = new double[n][];
        for (int t = 0; t < n; t++) {
            x[t] = blocks.getFirst().get("weight")[tokens[t]].clone();
            for (int k = 0; k < x[t].length; k++) {
                x[t][k] *= config.embeddingScale();
            }
        }
        for (int layer = 0; layer < config.layers(); layer++) {
            layer(x, config.layer(layer), blocks.get(1 + layer));
        }
        double[][] out = new double[n][];
        for (int t = 0; t < n; t++) {
            double[] normed = norm(x[t], blocks.get(blocks.size() - 2).get("weight")[0], config.normEpsilon());
            out[t] = product(blocks.getLast().get("weight"), normed, null);
            if (config.logitSoftcap() > 0) {
                for (int v = 0; v < out[t].length; v++) {
                    out[t][v] = config.logitSoftcap() * Math.tanh(out[t][v] / config.logitSoftcap());
                }
            }
        }
        return out;
    }

    private static void layer(double[][] x, LayerShape s, Map<String, double[][]> w) {
        int n = x.length;
        double[][] q = new double[n][];
        double[][] k = new double[n][];
        double[][] v = new double[n][];
        for (int t = 0; t < n; t++) {
            double[] normed = norm(x[t], w.get("attention_norm")[0], s.normEpsilon());
            q[t] = product(w.get("q"), normed, w.get("q_bias"));
            k[t] = product(w.get("k"), normed, w.get("k_bias"));
            v[t] = product(w.get("v"), normed, w.get("v_bias"));
            heads(q[t], t, s, w.get("q_norm"));
            heads(k[t], t, s, w.get("k_norm"));
        }
        for (int t = 0; t < n; t++) {
            double[] mixed = attend(q[t], k, v, t, s);
            add(x[t], product(w.get("o"), mixed, null), w.get("attention_post_norm"), s);
            double[] normed = norm(x[t], w.get("ffn_norm")[0], s.normEpsilon());
            add(
                    x[t],
                    s.experts() == null ? feedForward(normed, s, w, "", 0) : experts(normed, s, w),
                    w.get("ffn_post_norm"),
                    s);
        }
    }

    private static void add(double[] x, double[] y, double[][] norm, LayerShape s) {
        double[] z = norm == null ? y : norm(y, norm[0], s.normEpsilon());
        for (int i = 0; i < x.length; i++) {
            x[i] += z[i];
        }
    }

    /** Norm and rotation of each head. */
    private static void heads(double[] x, int position, LayerShape s, double[][] norm) {
        int dim = s.headDim();
        int rotated = s.rotary().dimensions();
        double[] frequencies =
                s.rotary().scaling().inverseFrequencies(rotated, s.rotary().theta());
        for (int h = 0; h < x.length; h += dim) {
            double[] head = java.util.Arrays.copyOfRange(x, h, h + dim);
            if (norm != null) {
                head = norm(head, norm[0], s.normEpsilon());
            }
            double[] turned = head.clone();
            for (int i = 0; i < rotated / 2; i++) {
                double angle = position * frequencies[i];
                turned[i] = head[i] * Math.cos(angle) - head[i + rotated / 2] * Math.sin(angle);
                turned[i + rotated / 2] = head[i + rotated / 2] * Math.cos(angle) + head[i] * Math.sin(angle);
            }
            System.arraycopy(turned, 0, x, h, dim);
        }
    }

    private static double[] attend(double[] q, double[][] k, double[][] v, int t, LayerShape s) {
        int dim = s.headDim();
        double[] out = new double[q.length];
        int first =
                s.attention().window() > 0 ? Math.max(0, t + 1 - s.attention().window()) : 0;
        for (int h = 0; h < s.heads(); h++) {
            int kv = h * s.kvHeads() / s.heads();
            double[] weights = new double[t + 1];
            double total = 0;
            for (int p = first; p <= t; p++) {
                double score = 0;
                for (int d = 0; d < dim; d++) {
                    score += q[h * dim + d] * k[p][kv * dim + d];
                }
                score *= s.attention().scale();
                double cap = s.attention().softcap();
                weights[p] = Math.exp(cap > 0 ? cap * Math.tanh(score / cap) : score);
                total += weights[p];
            }
            for (int p = first; p <= t; p++) {
                for (int d = 0; d < dim; d++) {
                    out[h * dim + d] += weights[p] / total * v[p][kv * dim + d];
                }
            }
        }
        return out;
    }

    private static double[] feedForward(
            double[] x, LayerShape s, Map<String, double[][]> w, String prefix, int expert) {
        int ffn = s.intermediateSize();
        double[] middle = new double[ffn];
        for (int i = 0; i < ffn; i++) {
            double gate = dot(w.get(prefix + "gate")[expert * ffn + i], x);
            double up = dot(w.get(prefix + "up")[expert * ffn + i], x);
            double active = s.activation() == Activation.SILU
                    ? gate / (1 + Math.exp(-gate))
                    : gate / 2 * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (gate + 0.044715 * gate * gate * gate)));
            middle[i] = active * up;
        }
        double[] out = new double[x.length];
        for (int i = 0; i < out.length; i++) {
            out[i] = dot(w.get(prefix + "down")[expert * out.length + i], middle);
        }
        return out;
    }

    private static double[] experts(double[] x, LayerShape s, Map<String, double[][]> w) {
        ExpertShape e = s.experts();
        double[] logits = product(w.get("router"), x, null);
        double total = 0;
        for (double l : logits) {
            total += Math.exp(l);
        }
        List<Integer> order = java.util.stream.IntStream.range(0, logits.length)
                .boxed()
                .sorted((a, b) -> Double.compare(logits[b], logits[a]))
                .limit(e.used())
                .toList();
        double chosen = 0;
        for (int i : order) {
            chosen += Math.exp(logits[i]) / total;
        }
        double[] out = new double[x.length];
        for (int i : order) {
            double weight = Math.exp(logits[i]) / total / (e.normalise() ? chosen : 1);
            double[] y = feedForward(x, s, w, "experts_", i);
            for (int k = 0; k < out.length; k++) {
                out[k] += weight * y[k];
            }
        }
        return out;
    }

    private static double[] norm(double[] x, double[] weight, double epsilon) {
        double squares = 0;
        for (double value : x) {
            squares += value * value;
        }
        double[] out = new double[x.length];
        for (int i = 0; i < x.length; i++) {
            out[i] = x[i] / Math.sqrt(squares / x.length + epsilon) * weight[i];
        }
        return out;
    }

    private static double[] product(double[][] w, double[] x, double[][] bias) {
        double[] out = new double[w.length];
        for (int i = 0; i < w.length; i++) {
            out[i] = dot(w[i], x) + (bias == null ? 0 : bias[0][i]);
        }
        return out;
    }

    private static double dot(double[] a, double[] b) {
        double sum = 0;
        for (int k = 0; k < a.length; k++) {
            sum += a[k] * b[k];
        }
        return sum;
    }
}
