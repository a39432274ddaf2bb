package io.ashlar.identity;

import java.time.Instant;
import java.util.UUID;

/**
 * A team or customer.
 *
 * @param logsContent whether prompts and answers of its requests are kept for a while, for its own members to see
 */
public record Tenant(
        UUID id,
        String name,
        Status status,
        Instant createdAt,
        int activeKeys,
        String serviceClass,
        double weight,
        boolean logsContent) {
    /** A suspended tenant's keys are refused; nothing of it is lost. */
    public enum Status {
        ACTIVE,
        SUSPENDED
    }
}
