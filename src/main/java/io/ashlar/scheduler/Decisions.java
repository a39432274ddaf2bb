package io.ashlar.scheduler;

/** Hears what a scheduler decides about jobs, and why. */
public interface Decisions<J extends Job> {
    /** What happened to a job. */
    enum What {
        /** It was given pages and its prefill begins. */
        ADMITTED,
        /** Left out of a step; its pages stay. */
        PAUSED,
        /** In a step again. */
        RESUMED,
        /** Its pages go to host memory. */
        MOVED_OUT,
        /** Its pages come back. */
        MOVED_IN,
        /** Its pages were given up; it will be computed again. */
        DROPPED
    }

    /** Why. */
    enum Why {
        /** Its turn came. */
        TURN,
        /** Others go first, and the step had no more places. */
        PLACES,
        /** Others go first, and the step would have become too long for somebody's target. */
        TIME,
        /** Its reader does not keep up. */
        READER,
        /** There was no page for its next token. */
        PAGES,
        /** Others that go first need its pages now. */
        NEEDED,
        /** Others that go first will need its pages soon. */
        NEEDED_SOON
    }

    void decided(J job, What what, Why why);
}
