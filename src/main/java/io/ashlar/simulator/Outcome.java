package io.ashlar.simulator;

import io.ashlar.scheduler.ServiceClass;

/**
 * What became of a request; times are from the beginning of the trace.
 *
 * @param startedNanos its first step; -1 when there was none
 * @param firstTokenNanos -1 when there was none
 * @param retryNanos when it was refused: how long it was told to wait
 * @param made tokens of its answer
 */
public record Outcome(
        Arrival arrival,
        long startedNanos,
        long firstTokenNanos,
        long endNanos,
        int made,
        int preemptions,
        long retryNanos) {
    public boolean refused() {
        return retryNanos > 0;
    }

    /** Whether it has all its tokens; if not, it was refused, or time was over. */
    public boolean complete() {
        return made == arrival.answer();
    }

    /** What it had waited by the end, where there was no first token. */
    public double ttftSeconds() {
        return ((firstTokenNanos < 0 ? endNanos : firstTokenNanos) - arrival.nanos()) / 1e9;
    }

    /** Time per token after the first; 0 for an answer of one token. */
    public double tpotSeconds() {
        return made < 2 ? 0 : (endNanos - firstTokenNanos) / 1e9 / (made - 1);
    }

    /** End to end, per token of the answer. */
    public double normalisedSeconds() {
        return (endNanos - arrival.nanos()) / 1e9 / Math.max(1, made);
    }

    /** Whether both targets of its class were kept. */
    public boolean keptTargets() {
        ServiceClass c = arrival.serviceClass();
        return complete()
                && (c.ttft().isZero()
                        || firstTokenNanos - arrival.nanos() <= c.ttft().toNanos())
                && (c.tpot().isZero() || tpotSeconds() * 1e9 <= c.tpot().toNanos());
    }
}
