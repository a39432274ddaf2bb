package io.ashlar.api;

import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;

/** Whether new generations are taken, and how many are being answered. Closed while the process drains. */
public final class Intake {
    private final AtomicBoolean closed = new AtomicBoolean();
    private final AtomicInteger inFlight = new AtomicInteger();

    /** @throws ApiException 503 while the process drains */
    public void enter() {
        inFlight.incrementAndGet();
        if (closed.get()) {
            inFlight.decrementAndGet();
            throw ApiException.unavailable("The server is shutting down; send the request again.", 5);
        }
    }

    public void leave() {
        inFlight.decrementAndGet();
    }

    public void close() {
        closed.set(true);
    }

    public boolean isOpen() {
        return !closed.get();
    }

    public int inFlight() {
        return inFlight.get();
    }
}
