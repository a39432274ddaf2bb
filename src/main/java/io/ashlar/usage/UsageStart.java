package io.ashlar.usage;

import java.time.Instant;
import java.util.UUID;

/** A request that was admitted: what is known of it before it ends. */
public record UsageStart(
        UUID request, UUID tenant, UUID project, UUID key, String model, int promptTokens, Instant arrivedAt) {
    /** The same, where the prompt was only guessed before. */
    public UsageStart withPromptTokens(int counted) {
        return counted == promptTokens
                ? this
                : new UsageStart(request, tenant, project, key, model, counted, arrivedAt);
    }
}
