package io.ashlar.compute;

import java.util.List;

/**
 * The operations of a forward pass. All activations are float32, and their widths multiples of 16. A row's result depends on
 * that row's inputs only, to the last bit: never on which other rows are in the call, how many there are, or which worker
 * computes it.
 *
 * <p>Calls record work; it has been done when {@link #finish} returns. Until then what they were given stays as it is.
 */
public interface Kernels {
    /** {@code out[r, :] = scale * table[tokens[r], :]} for each r of {@code rows}. */
    void embed(Matrix table, Ints tokens, Rows rows, float scale, Activations out);

    /**
     * {@code out[r, :] (+)= x[r, :] / sqrt(mean(x[r, :]^2) + epsilon) * weight}, over the weight's length.
     *
     * @param accumulate add to {@code out} instead of overwriting it
     */
    void rmsNorm(Activations x, Rows rows, Vector weight, float epsilon, Activations out, boolean accumulate);

    /** The same in place for each of {@code heads} consecutive heads from {@code column} on, as wide as the weight. */
    void normHeads(Activations x, Rows rows, int column, int heads, Vector weight, float epsilon);

    /**
     * {@code out[r, o + n] (+)= bias[n] + sum over k of x[r, k] * w[n, k]}: the matrices are stacked, each one's outputs
     * following the one before. With quantised weights x is rounded to 8 bits in blocks of 32.
     */
    void project(Activations x, Rows rows, List<Linear> stacked, Activations out, boolean accumulate);

    /** {@code out[r, o + n] += b a x[r]} of each row's adapter, for the slots from {@code slot} on, stacked as in project. */
    void addLowRank(Activations x, AdapterRows rows, int slot, List<Linear> stacked, Activations out);

    /** Rotates, in place, {@code heads} consecutive heads of {@code headDim} floats from {@code column} on. */
    void rotate(Activations x, Rows rows, int column, int heads, int headDim, Ints positions, RotaryTable table);

    /**
     * Stores each row's keys and values in its page.
     *
     * @param keyColumn where the row's keys {@code [kvHeads, headDim]} start in {@code x}
     * @param valueColumn where the row's values {@code [kvHeads, headDim]} start in {@code x}
     */
    void store(Activations x, Rows rows, int keyColumn, int valueColumn, Ints positions, KeyValues into);

    /**
     * Causal attention of each row: {@code out[r, h, :] = softmax(score(q[r, h], K)) V}.
     *
     * @param q queries {@code [heads, headDim]} from column 0 on; head h reads key/value head {@code h * kvHeads / heads}
     * @param rows cut by {@link Rows#cut}
     */
    void attend(Activations q, Rows rows, Attention how, Ints positions, KeyValues from, Activations out);

    /** {@code out[r, i] = f(x[r, i]) * x[r, width + i]} for i below {@code width}. */
    void gate(Activations x, Rows rows, int width, Activation f, Activations out);

    /** {@code x[r, i] = cap * tanh(x[r, i] / cap)} for i below {@code width}. */
    void softcap(Activations x, Rows rows, int width, float cap);

    /** Chooses each row's experts by the largest of softmax(x[r, :experts]). */
    void route(Activations x, Rows rows, Routing into);

    /**
     * As project, each slot with its expert's weights: the matrices are those of all experts, one below the other.
     *
     * @param bySlot whether x has a row for each slot, instead of one for each row of the step; out has one for each slot
     */
    void projectExperts(
            Activations x, Rows rows, boolean bySlot, Routing routing, List<Matrix> stacked, Activations out);

    /** As gate, for the rows 0 to {@code count} of x. */
    void gateSlots(Activations x, int count, int width, Activation f, Activations out);

    /** {@code out[r, :] += sum over u of weight * y[slot(r, u), :]}. */
    void combineExperts(Activations y, Rows rows, Routing routing, int width, Activations out);

    /** {@code out[r]} = the lowest index of the largest of {@code x[r, :width]}. */
    void argmax(Activations x, Rows rows, int width, Ints out);

    /** {@code to[toRows[i], :width] = from[fromRows[i], :width]}. */
    void copy(Activations from, Rows fromRows, Activations to, Rows toRows, int width);

    /**
     * What is recorded from here on, until {@link #join} or another side, depends on what was recorded before the last join and
     * on this side only: a device may run sides next to one another.
     */
    default void beside(int side) {}

    /** What is recorded from here on depends on all sides. */
    default void join() {}

    /** {@code to[toRows[i]] = from[fromRows[i]]}: what one step chose is what the next one reads. */
    default void feed(Ints from, Rows fromRows, Ints to, Rows toRows) {
        for (int i = 0; i < fromRows.count(); i++) {
            to.set(toRows.get(i), from.get(fromRows.get(i)));
        }
    }

    /** Whether there is {@link #sample}. */
    default boolean samples() {
        return false;
    }

    /** Draws a token for each row: {@code out[r]}. Scores are changed by bias and penalties on the way. */
    default void sample(Activations logits, Rows rows, int vocabulary, Draws draws, Ints out) {
        throw new UnsupportedOperationException("this device leaves sampling to the host");
    }

    /** Whether {@link #submit} returns before the work is done. */
    default boolean runsAhead() {
        return false;
    }

    /** Starts the recorded work. At most two such works may be under way. */
    default Submitted submit() {
        finish();
        return Submitted.DONE;
    }

    /** Work that was started. */
    interface Submitted {
        /** Work that is done. */
        Submitted DONE = () -> {};

        /** Returns when it is done, and what it wrote for the host can be read. */
        void await();
    }

    /** Forgets what is recorded, and what was started as far as it can be: after an error. */
    void discard();

    /** Returns when all recorded and all started work is done. */
    void finish();
}
