package io.ashlar.catalog;

import java.time.Instant;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/**
 * An imported model or adapter.
 *
 * @param base the model that an adapter changes; null for a model
 * @param manifest what the block zoo needs to load it
 */
public record CatalogModel(String name, @Nullable String base, JsonNode manifest, Instant createdAt) {
    public boolean isAdapter() {
        return base != null;
    }
}
