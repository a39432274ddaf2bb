package io.ashlar.quota;

import java.time.Instant;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;

/** What this process holds of a limit in one window. Guarded by its tenant's lock. */
final class Meter {
    Limit limit;
    /** As which process it was granted. */
    final UUID process;

    final Instant start;
    final Instant end;
    /** Granted and neither reserved nor spent. */
    long available;
    /** For requests that run. */
    long reserved;

    long spent;
    /** What was still to be granted to anybody when it was last asked; less than 0 before. */
    long left = -1;
    /** A question under way. */
    @Nullable
    CompletableFuture<Void> asking;
    /** Until then the answer would be the same. */
    Instant refusedUntil = Instant.EPOCH;

    long lastUsedTick;
    int warned;

    Meter(Limit limit, UUID process, Instant at) {
        this.limit = limit;
        this.process = process;
        this.start = limit.kind().window().start(at);
        this.end = limit.kind().window().end(start);
    }

    /** What may still be used, as far as this process knows. */
    long remaining() {
        return left < 0 ? limit.units() : Math.max(0, left + available);
    }

    /** What all have used or reserved, as far as this process knows. */
    long used() {
        return limit.units() - remaining();
    }
}
