package io.ashlar.engine;

import io.ashlar.block.Adapter;
import io.ashlar.compute.AdapterRows;
import io.ashlar.compute.Device;
import io.ashlar.compute.Rows;
import java.util.List;

/** The rows of some chains of a step, together: what one product is computed for. Filled anew for each step. */
final class ChainRows {
    final List<Chain> chains;
    final Rows rows;
    /** Those of the rows whose logits are needed. */
    final Rows sampled;
    /** Those of them whose tokens the device draws. */
    final DrawnRows drawn;

    /** Whether the rows that begin behind their chain's trunk are left out, for each member. */
    private final List<Boolean> inTrunk;

    final AdapterRows adapters;
    /** The member with the longest context: its tables of angles serve all. */
    final Chain longest;

    ChainRows(List<Chain> chains, List<Boolean> inTrunk, Device device) {
        this.chains = List.copyOf(chains);
        this.inTrunk = List.copyOf(inTrunk);
        this.rows = new Rows(device);
        this.sampled = new Rows(device);
        this.drawn = new DrawnRows(device);
        this.adapters = device.adapterRows();
        Chain most = chains.getFirst();
        for (Chain chain : chains) {
            if (chain.contextLength() > most.contextLength()) {
                most = chain;
            }
        }
        this.longest = most;
    }

    void fill(StepRows step) {
        rows.clear();
        sampled.clear();
        drawn.clear();
        adapters.clear();
        for (int i = 0; i < chains.size(); i++) {
            Chain chain = chains.get(i);
            Rows own = step.rowsOf(chain);
            boolean trunk = inTrunk.get(i);
            for (int r = 0; r < own.count(); r++) {
                if (!trunk || !step.isBehindTrunk(own.get(r))) {
                    rows.add(own.get(r));
                }
                if (own.get(r) < step.sampledCount()) {
                    sampled.add(own.get(r));
                    Sequence sequence = step.sampled(own.get(r));
                    if (step.drawsOnDevice(sequence)) {
                        drawn.add(own.get(r), sequence);
                    }
                }
            }
            Adapter adapter = chain.adapter();
            if (adapter != null) {
                adapters.add(adapter.terms(), own);
            }
        }
        rows.cut(step.positions(), step.sequences());
    }

    void close() {
        rows.close();
        sampled.close();
        drawn.close();
        adapters.close();
    }
}
