package io.ashlar.identity;

import java.time.Instant;
import java.util.UUID;

/** A team or customer. */
public record Tenant(
        UUID id, String name, Status status, Instant createdAt, int activeKeys, String serviceClass, double weight) {
    /** A suspended tenant's keys are refused; nothing of it is lost. */
    public enum Status {
        ACTIVE,
        SUSPENDED
    }
}
