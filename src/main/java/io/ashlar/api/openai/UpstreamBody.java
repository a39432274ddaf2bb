package io.ashlar.api.openai;

import io.ashlar.api.ApiException;
import io.ashlar.api.JsonFields;
import io.ashlar.catalog.Upstream;
import java.nio.charset.StandardCharsets;
import java.util.List;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/** What another server is asked for a request: its fields that were read and understood here, and no other. */
final class UpstreamBody {
    private static final List<String> AS_THEY_ARE = List.of(
            "temperature",
            "top_p",
            "top_k",
            "min_p",
            "repetition_penalty",
            "presence_penalty",
            "frequency_penalty",
            "logit_bias",
            "seed",
            "stop",
            "n");
    /** A byte-level vocabulary makes a token of about four bytes of English, and of three of a Chinese character. */
    private static final int BYTES_OF_A_TOKEN = 3;
    /** Marks of a role around each message. */
    private static final int TOKENS_OF_A_MESSAGE = 8;

    private UpstreamBody() {}

    /** About how many tokens the prompt has, rather more than less; ids are counted. */
    static int promptTokens(JsonFields f, boolean chat) {
        if (chat) {
            return Messages.read(f).stream()
                    .mapToInt(m -> TOKENS_OF_A_MESSAGE + tokens(String.valueOf(m.get("content"))))
                    .sum();
        }
        JsonNode prompt = f.get("prompt");
        if (prompt.isString() && !prompt.asString().isEmpty()) {
            return tokens(prompt.asString());
        }
        if (!prompt.isArray() || prompt.isEmpty()) {
            throw f.wrong("prompt", "a string or an array of token ids, not empty");
        }
        for (JsonNode id : prompt) {
            if (!id.isIntegralNumber() || !id.canConvertToInt() || id.intValue() < 0) {
                throw f.wrong("prompt", "a string or an array of token ids");
            }
        }
        return prompt.size();
    }

    private static int tokens(String text) {
        return 1 + text.getBytes(StandardCharsets.UTF_8).length / BYTES_OF_A_TOKEN;
    }

    /** @param limit the most tokens of an answer; null leaves it to the other server's default */
    static byte[] of(JsonFields f, boolean chat, Upstream upstream, GenerationCall options, @Nullable Integer limit) {
        if (f.has("logprobs")
                && (!f.get("logprobs").isBoolean() || f.get("logprobs").booleanValue())) {
            throw ApiException.unsupported("logprobs", "'logprobs': models of other servers are asked for none here.");
        }
        ObjectNode body = JsonMapper.shared().createObjectNode();
        body.put("model", upstream.model());
        String prompt = chat ? "messages" : "prompt";
        body.set(prompt, f.get(prompt));
        for (String field : AS_THEY_ARE) {
            if (f.has(field)) {
                body.set(field, f.get(field));
            }
        }
        if (limit != null) {
            body.put(options.maxTokensField(), limit);
        }
        body.put("stream", true);
        body.putObject("stream_options").put("include_usage", true);
        return JsonMapper.shared().writeValueAsBytes(body);
    }
}
