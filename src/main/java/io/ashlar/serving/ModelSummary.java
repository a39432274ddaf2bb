package io.ashlar.serving;

import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A model or adapter and what it shares.
 *
 * @param bytes of all its blocks
 * @param ownBytes of the blocks that no other model uses: what removing it would free
 * @param sharedBytes by the other model's name
 */
public record ModelSummary(
        String name, @Nullable String base, long bytes, long ownBytes, int blocks, Map<String, Long> sharedBytes) {}
