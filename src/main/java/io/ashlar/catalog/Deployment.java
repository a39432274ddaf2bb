package io.ashlar.catalog;

import java.time.Instant;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * A model that should be serving, under a name of its own: one of ours, or an upstream's.
 *
 * @param model one of ours; null for an upstream
 * @param upstream null for a model of ours
 * @param sharesPrefixes whether tenants may find each other's cached prefixes
 * @param policy which scheduler policy orders its requests; null is the platform's
 * @param draining whether new requests are refused
 * @param generation how often it was loaded anew
 */
public record Deployment(
        String name,
        @Nullable String model,
        @Nullable Upstream upstream,
        boolean sharesPrefixes,
        @Nullable String policy,
        boolean draining,
        int generation,
        Instant createdAt) {
    /** What makes its tokens, in words. */
    public String source() {
        return upstream == null ? String.valueOf(model) : upstream.model() + " at " + upstream.host();
    }

    /** Whether it is served by the same model in the same way; by which policy does not matter. */
    public boolean servesAs(Deployment other) {
        return name.equals(other.name)
                && Objects.equals(model, other.model)
                && Objects.equals(upstream, other.upstream)
                && sharesPrefixes == other.sharesPrefixes
                && generation == other.generation
                && createdAt.equals(other.createdAt);
    }
}
