package io.ashlar.compute;

import java.util.List;

/**
 * The operations of a forward pass. All activations are float32. A row's result depends on that row's inputs only, to the
 * last bit: never on which other rows are in the call, how many there are, or which worker computes it.
 */
public interface Kernels {
    /** {@code out[r, :] = table[tokens[r], :]} for each r of {@code rows}. */
    void embed(Matrix table, int[] tokens, Rows rows, Activations out);

    /** {@code out[r, :] = x[r, :] / sqrt(mean(x[r, :]^2) + epsilon) * weight}, over the weight's columns. */
    void rmsNorm(Activations x, Rows rows, Matrix weight, float epsilon, Activations out);

    /**
     * {@code out[r, o + n] (+)= sum over k of x[r, k] * w[n, k]}: the matrices are stacked, each one's outputs following
     * the one before.
     *
     * @param accumulate add to {@code out} instead of overwriting it
     */
    void project(Activations x, Rows rows, List<Matrix> stacked, Activations out, boolean accumulate);

    /** {@code out[r, outColumn + n] += scale * sum over j of b[n, j] * (sum over k of a[j, k] * x[r, k])}. */
    void addLowRank(Activations x, Rows rows, LowRank term, Activations out, int outColumn);

    /** Rotates, in place, {@code heads} consecutive heads of {@code 2 * table.half} floats from {@code column} on. */
    void rotate(Activations x, Rows rows, int column, int heads, int[] positions, RotaryTable table);

    /**
     * Stores each row's keys and values in its page.
     *
     * @param keyColumn where the row's keys {@code [kvHeads, headDim]} start in {@code x}
     * @param valueColumn where the row's values {@code [kvHeads, headDim]} start in {@code x}
     */
    void store(Activations x, Rows rows, int keyColumn, int valueColumn, KeyValues into);

    /**
     * Causal attention of each row over positions 0 to its own: {@code out[r, h, :] = softmax(scale * q[r, h] . K) V}.
     *
     * @param q queries {@code [heads, headDim]} from column 0 on; head h reads key/value head {@code h * kvHeads / heads}
     */
    void attend(Activations q, Rows rows, int heads, float scale, KeyValues from, Activations out);

    /** {@code out[r, i] = silu(x[r, i]) * x[r, width + i]} for i below {@code width}. */
    void gatedSilu(Activations x, Rows rows, int width, Activations out);
}
