package io.ashlar.model;

import java.util.List;
import org.jspecify.annotations.Nullable;

/** What generation_config.json and config.json say about ending and sampling. */
public record GenerationDefaults(
        List<Integer> endTokens,
        @Nullable Double temperature,
        @Nullable Double topP,
        @Nullable Integer topK,
        @Nullable Double minP,
        @Nullable Double repetitionPenalty) {
    /** Of a model that says nothing. */
    public static final GenerationDefaults NONE = new GenerationDefaults(List.of(), null, null, null, null, null);
}
