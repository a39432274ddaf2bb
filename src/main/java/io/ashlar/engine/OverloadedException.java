package io.ashlar.engine;

import java.time.Duration;

/** What was promised to a request's class could not be kept beside what was promised before. */
public final class OverloadedException extends EngineBusyException {
    private static final long serialVersionUID = 1;

    private final Duration retryAfter;

    OverloadedException(String message, Duration retryAfter) {
        super(message);
        this.retryAfter = retryAfter;
    }

    /** When there will be time for it, as far as is known. */
    public Duration retryAfter() {
        return retryAfter;
    }
}
