package io.ashlar.engine;

import io.ashlar.scheduler.CostModel;
import io.ashlar.scheduler.StepPlan;

/** Measures steps for the cost model. Two can be under way: the time of the second begins when the first is through. */
final class StepMeter {
    private final CostModel cost;
    private final int[] prefill = new int[2];
    private final int[] decodes = new int[2];
    private final long[] pages = new long[2];
    private final long[] begun = new long[2];
    private long through;
    private long busyNanos;
    /** Whether a step has ended and the engine has had work ever since. */
    private boolean busy;

    StepMeter(CostModel cost) {
        this.cost = cost;
    }

    /**
     * Called before the plan's tokens count as computed.
     *
     * @param nowNanos before the step was planned. Where the engine was busy, what it did since the last step (tokens given out,
     *     requests taken in) is of the step's time too: a prediction is of when the next token comes.
     */
    void begin(long step, StepPlan<Sequence> plan, long nowNanos) {
        int at = (int) (step % 2);
        prefill[at] = 0;
        decodes[at] = 0;
        pages[at] = 0;
        begun[at] = busy ? through : nowNanos;
        for (int i = 0; i < plan.size(); i++) {
            Sequence sequence = plan.job(i);
            int tokens = plan.tokens(i);
            pages[at] += CostModel.pagesRead(sequence.computed, tokens);
            if (tokens == 1 && sequence.made() > 0) {
                decodes[at]++;
            } else {
                prefill[at] += tokens;
            }
        }
    }

    void end(long step, long nowNanos) {
        int at = (int) (step % 2);
        long took = nowNanos - Math.max(begun[at], through);
        busyNanos += took;
        cost.observe(prefill[at], decodes[at], pages[at], took);
        through = nowNanos;
        busy = true;
    }

    /** The time of all steps, each moment counted once. */
    long busyNanos() {
        return busyNanos;
    }

    /** The engine waits for work. */
    void idle() {
        busy = false;
    }
}
