package io.ashlar.api.openai;

import io.ashlar.engine.GenerationEvent;
import io.ashlar.engine.GenerationUsage;
import io.ashlar.model.text.TokenBytes;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Objects;
import java.util.UUID;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/** The JSON of answers, whole or in chunks. */
abstract class AnswerFormat {
    /** One choice of a whole answer. */
    static final class Choice {
        final StringBuilder text = new StringBuilder();
        final List<GenerationEvent.Token> tokens = new java.util.ArrayList<>();

        @Nullable
        String finishReason;
    }

    private final String id;
    private final long created;
    private final String model;
    private final @Nullable TokenBytes bytes;
    final boolean logprobs;
    private final @Nullable String serviceTier;

    /**
     * @param created seconds since 1970
     * @param bytes of tokens, for log-probabilities; null where there are none
     * @param serviceTier the class that the request ran in; null where it did not ask for one
     */
    AnswerFormat(
            String idPrefix,
            UUID request,
            long created,
            String model,
            @Nullable TokenBytes bytes,
            boolean logprobs,
            @Nullable String serviceTier) {
        this.serviceTier = serviceTier;
        this.id = idPrefix + request.toString().replace("-", "");
        this.created = created;
        this.model = model;
        this.bytes = bytes;
        this.logprobs = logprobs;
    }

    /** The {@code object} of a whole answer, and of a chunk. */
    abstract String object(boolean chunk);

    /** What a stream starts with for each choice, before any token; null for nothing. */
    abstract @Nullable ObjectNode opening(int choice);

    abstract void putText(ObjectNode choice, String text, boolean chunk);

    abstract void putLogprobs(ObjectNode choice, List<GenerationEvent.Token> tokens);

    ObjectNode envelope(boolean chunk) {
        ObjectNode root = JsonMapper.shared().createObjectNode();
        root.put("id", id);
        root.put("object", object(chunk));
        root.put("created", created);
        root.put("model", model);
        if (serviceTier != null) {
            root.put("service_tier", serviceTier);
        }
        return root;
    }

    ObjectNode chunk(int index, String text, List<GenerationEvent.Token> tokens, @Nullable String finishReason) {
        ObjectNode root = envelope(true);
        ObjectNode choice = root.putArray("choices").addObject();
        choice.put("index", index);
        putText(choice, text, true);
        if (logprobs && !tokens.isEmpty()) {
            putLogprobs(choice, tokens);
        } else {
            choice.putNull("logprobs");
        }
        choice.put("finish_reason", finishReason);
        return root;
    }

    ObjectNode whole(List<Choice> choices, GenerationUsage usage) {
        ObjectNode root = envelope(false);
        ArrayNode array = root.putArray("choices");
        for (int i = 0; i < choices.size(); i++) {
            Choice choice = choices.get(i);
            ObjectNode node = array.addObject();
            node.put("index", i);
            putText(node, choice.text.toString(), false);
            if (logprobs) {
                putLogprobs(node, choice.tokens);
            } else {
                node.putNull("logprobs");
            }
            node.put("finish_reason", choice.finishReason);
        }
        putUsage(root, usage);
        return root;
    }

    static void putUsage(ObjectNode root, GenerationUsage usage) {
        ObjectNode node = root.putObject("usage");
        node.put("prompt_tokens", usage.promptTokens());
        node.put("completion_tokens", usage.completionTokens());
        node.put("total_tokens", usage.promptTokens() + usage.completionTokens());
        node.putObject("prompt_tokens_details").put("cached_tokens", usage.cachedTokens());
    }

    String tokenText(int token) {
        return new String(tokenBytes(token), StandardCharsets.UTF_8);
    }

    byte[] tokenBytes(int token) {
        return Objects.requireNonNull(bytes).of(token);
    }
}
