package io.ashlar.scheduler;

/** The page pool as a policy sees it. */
public interface Pages<J extends Job> {
    /**
     * Gives a waiting job the pages for all its pending tokens, those of a cached prefix first (they leave fewer tokens
     * pending). False, and nothing changed, when they do not fit.
     */
    boolean admit(J job);

    /** Makes room for one more token of a running job. False, and nothing changed, when there is none. */
    boolean grow(J job);

    /** Takes all pages from a running job; all its tokens are pending again. */
    void release(J job);
}
