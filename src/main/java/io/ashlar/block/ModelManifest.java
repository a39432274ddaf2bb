package io.ashlar.block;

import io.ashlar.model.Family;
import io.ashlar.model.Fields;
import io.ashlar.model.GenerationDefaults;
import io.ashlar.model.ModelConfig;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/**
 * All that is needed to serve an imported model, besides its blocks.
 *
 * @param config its config.json as imported
 * @param chain the names of its blocks, from the embedding to the head
 * @param tokenizer the zoo's name of its tokenizer.json
 * @param specialTokens texts that its chat template refers to, such as {@code bos_token}
 */
public record ModelManifest(
        JsonNode config,
        List<String> chain,
        String tokenizer,
        @Nullable String chatTemplate,
        Map<String, String> specialTokens,
        GenerationDefaults generation) {
    public Family family() {
        return Family.of(fields().text("model_type"));
    }

    public ModelConfig modelConfig() {
        return family().config(fields());
    }

    private Fields fields() {
        return new Fields("the model's config", config);
    }
}
