package io.ashlar.engine;

import io.ashlar.compute.Device;
import io.ashlar.compute.Ints;
import io.ashlar.compute.PageTables;
import io.ashlar.compute.Rows;
import io.ashlar.scheduler.StepPlan;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;

/**
 * The rows of one step: one for each (sequence, token) that is computed. Rows whose logits are needed, one for each
 * sequence whose pending tokens end in this step, come first; so row i's logits are those of {@link #sampled} i. The same
 * object serves every step.
 */
final class StepRows {
    private static final int FIRST_ROWS = 64;

    private final Device device;
    private final List<Sequence> sampled = new ArrayList<>();
    private final List<Chain> chains = new ArrayList<>();
    private final List<Rows> rowsByChain = new ArrayList<>();
    private final Comparator<Chain> inOrder = Comparator.comparingInt(System::identityHashCode);
    private int count;
    private Ints tokens;
    private Ints best;
    /** Rows whose token the step before is still choosing, and its rows that do. */
    private final Rows fedTo;

    private final Rows fedFrom;
    private Ints positions;
    private PageTables tables;
    private Object[] sequences;
    private boolean[] behindTrunk;

    StepRows(Device device) {
        this.device = device;
        this.tokens = device.ints(FIRST_ROWS);
        this.best = device.ints(FIRST_ROWS);
        this.fedTo = new Rows(device);
        this.fedFrom = new Rows(device);
        this.positions = device.ints(FIRST_ROWS);
        this.tables = device.pageTables(FIRST_ROWS);
        this.sequences = new Object[FIRST_ROWS];
        this.behindTrunk = new boolean[FIRST_ROWS];
    }

    void fill(StepPlan<Sequence> plan) {
        sampled.clear();
        chains.clear();
        fedTo.clear();
        fedFrom.clear();
        count = 0;
        for (int i = 0; i < plan.size(); i++) {
            Sequence s = plan.job(i);
            count += plan.tokens(i);
            if (plan.tokens(i) == s.pending()) {
                sampled.add(s);
            }
            if (!chains.contains(s.chain)) {
                chains.add(s.chain);
            }
        }
        if (chains.size() > 1) {
            // The same chains always in the same order, so that their itinerary is found again.
            chains.sort(inOrder);
        }
        makeRoom();
        // Rows of the step before are read before this step gives its own.
        int last = 0;
        int other = sampled.size();
        for (int i = 0; i < plan.size(); i++) {
            Sequence s = plan.job(i);
            int pending = plan.tokens(i);
            boolean completes = pending == s.pending();
            Rows own = rowsOf(s.chain);
            for (int t = 0; t < pending; t++) {
                int row = completes && t == pending - 1 ? last++ : other++;
                int at = s.computed + t;
                if (at < s.knownLength()) {
                    tokens.set(row, s.tokens[at]);
                } else {
                    fedTo.add(row);
                    fedFrom.add(s.sampledRow);
                }
                positions.set(row, s.computed + t);
                tables.set(row, s.table);
                sequences[row] = s;
                behindTrunk[row] = s.computed + t < s.trunkComputed;
                own.add(row);
            }
        }
    }

    private void makeRoom() {
        if (count > sequences.length) {
            int more = Math.max(count, 2 * sequences.length);
            closeInts();
            tokens = device.ints(more);
            best = device.ints(more);
            positions = device.ints(more);
            tables = device.pageTables(more);
            sequences = new Object[more];
            behindTrunk = new boolean[more];
        }
        while (rowsByChain.size() < chains.size()) {
            rowsByChain.add(new Rows(device));
        }
        for (int i = 0; i < chains.size(); i++) {
            rowsByChain.get(i).clear();
        }
    }

    int count() {
        return count;
    }

    /** The chains of this step. */
    List<Chain> chains() {
        return chains;
    }

    Rows rowsOf(Chain chain) {
        for (int i = 0; i < chains.size(); i++) {
            if (chains.get(i) == chain) {
                return rowsByChain.get(i);
            }
        }
        throw new IllegalArgumentException("the chain has no rows in this step");
    }

    int sampledCount() {
        return sampled.size();
    }

    Sequence sampled(int row) {
        return sampled.get(row);
    }

    /** Whether the device draws this sequence's next token, other than by taking the likeliest. */
    boolean drawsOnDevice(Sequence sequence) {
        return device.kernels().samples() && !sequence.sampling.takesLikeliest() && sequence.sampling.logprobs() < 0;
    }

    /** Whether the sequence's next token comes from the device, by drawing or as the likeliest. */
    boolean choosesOnDevice(Sequence sequence) {
        return sequence.sampling.takesLikeliest() || drawsOnDevice(sequence);
    }

    /** The token chosen for each sampled row. */
    Ints best() {
        return best;
    }

    /** Rows whose token the step before is still choosing. */
    Rows fedTo() {
        return fedTo;
    }

    /** The rows of the step before that choose them. */
    Rows fedFrom() {
        return fedFrom;
    }

    Ints tokens() {
        return tokens;
    }

    Ints positions() {
        return positions;
    }

    PageTables tables() {
        return tables;
    }

    /** Whether the row's trunk is computed: it begins behind it. */
    boolean isBehindTrunk(int row) {
        return behindTrunk[row];
    }

    /** The sequence of each row. */
    Object[] sequences() {
        return sequences;
    }

    void close() {
        closeInts();
        fedTo.close();
        fedFrom.close();
    }

    private void closeInts() {
        best.close();
        tokens.close();
        positions.close();
        tables.close();
    }
}
