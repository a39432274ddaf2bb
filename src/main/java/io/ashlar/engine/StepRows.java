package io.ashlar.engine;

import io.ashlar.compute.Rows;
import io.ashlar.scheduler.StepPlan;
import java.util.ArrayList;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * The rows of one step: one for each (sequence, token) that is computed. Rows whose logits are needed, one for each
 * sequence whose pending tokens end in this step, come first; so row i's logits are those of {@code sampled.get(i)}.
 */
final class StepRows {
    final int count;
    final int[] tokens;
    final int[] positions;
    final Sequence[] sequences;
    final List<Sequence> sampled = new ArrayList<>();
    /** The rows of each chain. */
    private final Map<Chain, int[]> byChain = new IdentityHashMap<>();

    StepRows(StepPlan<Sequence> plan) {
        int rows = 0;
        Map<Chain, Integer> perChain = new IdentityHashMap<>();
        for (StepPlan.Entry<Sequence> entry : plan.entries()) {
            rows += entry.tokens();
            perChain.merge(entry.job().chain, entry.tokens(), Integer::sum);
            if (entry.tokens() == entry.job().pending()) {
                sampled.add(entry.job());
            }
        }
        count = rows;
        tokens = new int[rows];
        positions = new int[rows];
        sequences = new Sequence[rows];
        perChain.forEach((chain, n) -> byChain.put(chain, new int[n]));
        Map<Chain, Integer> filled = new IdentityHashMap<>();
        int last = 0;
        int other = sampled.size();
        for (StepPlan.Entry<Sequence> entry : plan.entries()) {
            Sequence s = entry.job();
            boolean completes = entry.tokens() == s.pending();
            for (int i = 0; i < entry.tokens(); i++) {
                int row = completes && i == entry.tokens() - 1 ? last++ : other++;
                tokens[row] = s.tokens[s.computed + i];
                positions[row] = s.computed + i;
                sequences[row] = s;
                int at = filled.merge(s.chain, 1, Integer::sum) - 1;
                rowsOf(s.chain)[at] = row;
            }
        }
    }

    Set<Chain> chains() {
        return byChain.keySet();
    }

    int[] rowsOf(Chain chain) {
        int[] rows = byChain.get(chain);
        if (rows == null) {
            throw new IllegalArgumentException("the chain has no rows in this step");
        }
        return rows;
    }

    /** The rows of some chains together. */
    Rows of(List<Chain> chains) {
        if (chains.size() == 1) {
            return Rows.of(rowsOf(chains.getFirst()));
        }
        int n = 0;
        for (Chain chain : chains) {
            n += rowsOf(chain).length;
        }
        int[] index = new int[n];
        int at = 0;
        for (Chain chain : chains) {
            int[] own = rowsOf(chain);
            System.arraycopy(own, 0, index, at, own.length);
            at += own.length;
        }
        return Rows.of(index);
    }

    /** Those of the rows whose logits are needed. */
    Rows sampledOf(Rows rows) {
        int[] index = new int[rows.count()];
        int n = 0;
        for (int i = 0; i < rows.count(); i++) {
            if (rows.index()[i] < sampled.size()) {
                index[n++] = rows.index()[i];
            }
        }
        return new Rows(index, n);
    }
}
