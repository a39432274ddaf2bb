package io.ashlar.identity;

import java.time.Instant;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * A key as administrators see it: everything but the secret.
 *
 * @param createdBy who made it
 */
public record ApiKey(
        UUID id,
        String tenant,
        String project,
        String name,
        String prefix,
        String createdBy,
        Instant createdAt,
        @Nullable Instant expiresAt,
        @Nullable Instant revokedAt) {
    /** Whether it opens the door now. */
    public State state(Instant now) {
        if (revokedAt != null) {
            return State.REVOKED;
        }
        return expiresAt != null && !expiresAt.isAfter(now) ? State.EXPIRED : State.ACTIVE;
    }

    /** Where a key is in its life. */
    public enum State {
        ACTIVE,
        EXPIRED,
        REVOKED
    }
}
