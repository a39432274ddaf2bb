package io.ashlar.usage;

import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * A row of the ledger.
 *
 * @param queueMicros arrival to the first step
 * @param ttftMicros arrival to the first token; null if there was none
 * @param totalMicros arrival to the end
 */
public record UsageRecord(
        UsageStart start,
        int cachedTokens,
        int completionTokens,
        long queueMicros,
        @Nullable Long ttftMicros,
        long totalMicros,
        String finishReason,
        Status status) {
    /** How a request ended. */
    public enum Status {
        COMPLETED,
        /** The client went away. */
        CANCELLED,
        FAILED,
        /** The process ended before the request did; its tokens are those last noted. */
        INTERRUPTED;

        String column() {
            return name().toLowerCase(Locale.ROOT);
        }
    }

    static UsageRecord interrupted(UsageStart start, int completionTokens) {
        return new UsageRecord(start, 0, completionTokens, 0, null, 0, "interrupted", Status.INTERRUPTED);
    }
}
