package io.ashlar.identity;

import io.ashlar.access.Actor;
import io.ashlar.access.Role;
import java.time.Instant;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * A person who signs in.
 *
 * @param tenant where the role holds; null for a role of the platform
 * @param provider who vouches for them; null for those with a password here
 * @param oneTimeCodes whether signing in takes a code too
 * @param lockedUntil after too many wrong passwords; null when it is not locked
 * @param theme {@code system}, {@code light} or {@code dark}
 */
public record Member(
        UUID id,
        String login,
        String name,
        String email,
        Role role,
        @Nullable UUID tenant,
        @Nullable String tenantName,
        @Nullable String provider,
        boolean enabled,
        boolean oneTimeCodes,
        @Nullable Instant lockedUntil,
        @Nullable Instant seenAt,
        Instant createdAt,
        String theme) {
    public Actor actor(String origin) {
        return new Actor(login, role, tenant, origin);
    }
}
