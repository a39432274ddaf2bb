package io.ashlar.scheduler;

import java.util.List;

/** What goes through the next step. */
public record StepPlan<J extends Job>(List<Entry<J>> entries) {
    /** @param tokens how many of the job's pending tokens to compute */
    public record Entry<J extends Job>(J job, int tokens) {}

    public boolean isEmpty() {
        return entries.isEmpty();
    }
}
