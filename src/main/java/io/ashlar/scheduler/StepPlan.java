package io.ashlar.scheduler;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** What goes through the next step: jobs, and how many of their pending tokens to compute. One object serves all steps. */
public final class StepPlan<J extends Job> {
    private final List<J> jobs = new ArrayList<>();
    private int[] tokens = new int[16];

    void clear() {
        jobs.clear();
    }

    void add(J job, int count) {
        if (jobs.size() == tokens.length) {
            tokens = Arrays.copyOf(tokens, 2 * tokens.length);
        }
        tokens[jobs.size()] = count;
        jobs.add(job);
    }

    public boolean isEmpty() {
        return jobs.isEmpty();
    }

    public int size() {
        return jobs.size();
    }

    public J job(int index) {
        return jobs.get(index);
    }

    /** How many of the job's pending tokens to compute. */
    public int tokens(int index) {
        return tokens[index];
    }
}
