package io.ashlar.identity;

import java.time.Instant;
import java.util.UUID;

/** A part of a tenant, with keys of its own. */
public record Project(UUID id, String name, int activeKeys, Instant createdAt) {}
