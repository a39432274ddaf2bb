package io.ashlar.scheduler;

import java.util.List;

/**
 * Decides in which order jobs are served; the {@link Scheduler} then fills a step in that order. Told of all that happens to
 * its jobs. Not safe for several threads.
 */
public interface Policy {
    /** A policy that can be chosen. */
    interface Kind {
        /** Its name in settings. */
        String word();

        Policy make(CostModel cost, Accounts accounts, StepLimits limits);
    }

    /** The largest rank there may be. */
    long LAST = (1L << 42) - 1;

    /**
     * The job's place in the order of the next step, from 0 (first) to {@link #LAST}. Of equal ranks, the job that came first
     * goes first.
     */
    long rank(Job job, long nowNanos);

    /**
     * Called before the ranks of a step are asked for.
     *
     * @param jobs all of this policy, in order of arrival; not to be kept
     */
    default void prepare(List<? extends Job> jobs, long nowNanos) {}

    default void arrived(Job job, long nowNanos) {}

    /** Tokens of the job are in the step that is being planned. */
    default void served(Job job, int tokens, long nowNanos) {}

    default void left(Job job) {}

    /** Whether steps are kept short enough for the targets of those that run in them. */
    default boolean keepsTargets() {
        return false;
    }

    /** Whether a job is admitted only when its predicted pages fit beside the predicted growth of those before it. */
    default boolean plansGrowth() {
        return false;
    }

    /** Whether prompts before an answer leave it no room in a step, as they do for others. The same throughout a step. */
    default boolean standsBack(Job job) {
        return false;
    }
}
