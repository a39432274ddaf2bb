package io.ashlar.usage;

import java.time.Instant;
import java.util.UUID;

/** A request that was admitted: what is known of it before it ends. */
public record UsageStart(
        UUID request, UUID tenant, UUID project, UUID key, String model, int promptTokens, Instant arrivedAt) {}
