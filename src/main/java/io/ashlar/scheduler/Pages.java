package io.ashlar.scheduler;

/** The page pool as a scheduler sees it. */
public interface Pages<J extends Job> {
    /**
     * Gives a waiting job the pages for all its pending tokens, those of a cached prefix first (they leave fewer tokens
     * pending). False, and nothing changed, when they do not fit.
     */
    boolean admit(J job);

    /** Makes room for one more token of a running job. False, and nothing changed, when there is none. */
    boolean grow(J job);

    /** Takes all pages from a job; all its tokens are pending again. */
    void release(J job);

    /**
     * Begins to move a job's pages to host memory, beside the steps; {@link Scheduler#movedOut} is called when they are
     * there and free here. False, and nothing changed, when the host has no room.
     */
    boolean moveOut(J job);

    /**
     * Gives a job its pages again and begins to fill them; {@link Scheduler#movedIn} is called when they are. False, and
     * nothing changed, when there are too few.
     */
    boolean moveIn(J job);

    /** Bytes that could be given out now, those of cached prefixes that nobody uses included. */
    long free();

    /** Bytes of the pages for so many tokens of a job. */
    long bytes(J job, int tokens);

    /** Bytes of pages that a job holds. */
    long held(J job);

    /** How fast pages move between device and host, in bytes per second. */
    double moveBytesPerSecond();
}
