package io.ashlar.serving;

import java.time.Duration;
import java.time.Instant;

/**
 * How another server was found at the last look.
 *
 * @param text why it is not up; empty otherwise
 * @param at when
 * @param took until it answered
 */
public record UpstreamHealth(State state, String text, Instant at, Duration took) {
    /** Whether it can be asked. */
    public enum State {
        /** Nobody looked yet. */
        UNKNOWN,
        UP,
        DOWN
    }
}
