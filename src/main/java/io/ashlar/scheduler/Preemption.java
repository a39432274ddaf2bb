package io.ashlar.scheduler;

/** What becomes of the pages of a job that has to make room. */
public enum Preemption {
    /** They are dropped, and computed again. */
    RECOMPUTE,
    /** They move to host memory when they are needed, where that is cheaper than to compute them again. */
    REACTIVE,
    /** They also move ahead of need, and come back ahead of their turn. */
    PROACTIVE
}
