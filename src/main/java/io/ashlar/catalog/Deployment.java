package io.ashlar.catalog;

import java.time.Instant;
import org.jspecify.annotations.Nullable;

/**
 * A model that should be serving, under a name of its own.
 *
 * @param sharesPrefixes whether tenants may find each other's cached prefixes
 * @param policy which scheduler policy orders its requests; null is the platform's
 * @param draining whether new requests are refused
 * @param generation how often it was loaded anew
 */
public record Deployment(
        String name,
        String model,
        boolean sharesPrefixes,
        @Nullable String policy,
        boolean draining,
        int generation,
        Instant createdAt) {
    /** Whether it is served by the same model in the same way; by which policy does not matter. */
    public boolean servesAs(Deployment other) {
        return name.equals(other.name)
                && model.equals(other.model)
                && sharesPrefixes == other.sharesPrefixes
                && generation == other.generation
                && createdAt.equals(other.createdAt);
    }
}
