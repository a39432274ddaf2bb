package io.ashlar.scheduler;

/** Decides, step by step, which jobs run. Not safe for several threads; the engine's thread owns it. */
public interface Policy<J extends Job> {
    void add(J job);

    /** A job that ended, whether it was running or waiting. The caller has released its pages. */
    void remove(J job);

    /**
     * @param nowNanos the engine's clock
     * @return valid until the next call
     */
    StepPlan<J> plan(long nowNanos, Pages<J> pages);

    int running();

    int waiting();
}
