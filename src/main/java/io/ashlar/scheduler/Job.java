package io.ashlar.scheduler;

/** A sequence as a policy sees it. */
public interface Job {
    /** Tokens to compute before the next one can be sampled: 1 while decoding, more during prefill. */
    int pending();

    /** Whether it can use a step now: its reader keeps up, and what it waits for is there. */
    boolean ready();
}
