package io.ashlar.api.openai;

import io.ashlar.api.ApiException;
import io.ashlar.api.JsonFields;
import io.ashlar.engine.SamplingOptions;
import io.ashlar.model.GenerationDefaults;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ThreadLocalRandom;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/**
 * What both generating endpoints read from a request, besides the prompt.
 *
 * @param maxTokens null leaves it to the endpoint's default
 * @param serviceTier null where the request does not say
 */
record GenerationCall(
        SamplingOptions sampling,
        @Nullable Integer maxTokens,
        String maxTokensField,
        List<String> stops,
        int choices,
        boolean stream,
        boolean includeUsage,
        @Nullable String serviceTier) {
    private static final int MOST_CHOICES = 16;
    private static final int MOST_STOPS = 16;
    private static final int LONGEST_STOP = 1000;
    private static final int MOST_BIASES = 1024;

    /** @param logprobs likeliest tokens to report; -1 for none */
    static GenerationCall read(JsonFields f, GenerationDefaults defaults, int vocabulary, int logprobs) {
        String maxField = f.has("max_completion_tokens") ? "max_completion_tokens" : "max_tokens";
        int max = f.integer(maxField, 1, Integer.MAX_VALUE, 0);
        boolean stream = f.flag("stream", false);
        return new GenerationCall(
                sampling(f, defaults, vocabulary, logprobs),
                max == 0 ? null : (Integer) max,
                maxField,
                stops(f),
                f.integer("n", 1, MOST_CHOICES, 1),
                stream,
                includeUsage(f, stream),
                f.has("service_tier") ? f.text("service_tier") : null);
    }

    private static SamplingOptions sampling(JsonFields f, GenerationDefaults d, int vocabulary, int logprobs) {
        Long seed = f.longOrNull("seed");
        return new SamplingOptions(
                f.number("temperature", 0, 2, or(d.temperature(), 1)),
                f.number("top_p", 0, 1, or(d.topP(), 1)),
                f.integer("top_k", 0, Integer.MAX_VALUE, d.topK() == null ? 0 : d.topK()),
                f.number("min_p", 0, 1, or(d.minP(), 0)),
                repetition(f, or(d.repetitionPenalty(), 1)),
                f.number("presence_penalty", -2, 2, 0),
                f.number("frequency_penalty", -2, 2, 0),
                bias(f, vocabulary),
                seed == null ? ThreadLocalRandom.current().nextLong() : seed,
                logprobs);
    }

    private static double or(@Nullable Double value, double otherwise) {
        return value == null ? otherwise : value;
    }

    private static double repetition(JsonFields f, double otherwise) {
        double penalty = f.number("repetition_penalty", 0, 10, otherwise);
        if (penalty == 0) {
            throw f.wrong("repetition_penalty", "a number above 0, at most 10");
        }
        return penalty;
    }

    private static Map<Integer, Float> bias(JsonFields f, int vocabulary) {
        if (!f.has("logit_bias")) {
            return Map.of();
        }
        JsonNode node = f.get("logit_bias");
        if (!node.isObject() || node.size() > MOST_BIASES) {
            throw f.wrong("logit_bias", "an object of at most " + MOST_BIASES + " token ids and numbers");
        }
        Map<Integer, Float> bias = new HashMap<>();
        node.properties().forEach(e -> {
            String field = "logit_bias." + e.getKey();
            int token;
            try {
                token = Integer.parseInt(e.getKey());
            } catch (NumberFormatException notANumber) {
                token = -1;
            }
            if (token < 0 || token >= vocabulary) {
                throw ApiException.invalid(
                        field, "'" + field + "' must name a token id from 0 to " + (vocabulary - 1) + ".");
            }
            JsonNode value = e.getValue();
            if (!value.isNumber() || Math.abs(value.doubleValue()) > 100) {
                throw ApiException.invalid(field, "'" + field + "' must be a number from -100 to 100.");
            }
            bias.put(token, value.floatValue());
        });
        return bias;
    }

    private static List<String> stops(JsonFields f) {
        if (!f.has("stop")) {
            return List.of();
        }
        JsonNode node = f.get("stop");
        List<String> stops = new ArrayList<>();
        if (node.isString()) {
            stops.add(node.stringValue());
        } else if (node.isArray() && node.size() <= MOST_STOPS) {
            node.forEach(s -> stops.add(s.isString() ? s.stringValue() : ""));
        } else {
            throw f.wrong("stop", "a string or an array of at most " + MOST_STOPS + " strings");
        }
        for (String stop : stops) {
            if (stop.isEmpty() || stop.length() > LONGEST_STOP) {
                throw f.wrong("stop", "made of strings of 1 to " + LONGEST_STOP + " characters");
            }
        }
        return List.copyOf(stops);
    }

    private static boolean includeUsage(JsonFields f, boolean stream) {
        if (!f.has("stream_options")) {
            return false;
        }
        if (!stream) {
            throw ApiException.invalid("stream_options", "'stream_options' is only allowed when 'stream' is true.");
        }
        if (!f.get("stream_options").isObject()) {
            throw f.wrong("stream_options", "an object");
        }
        return new JsonFields(f.get("stream_options"), "stream_options").flag("include_usage", false);
    }

    /**
     * The most tokens the answer may have.
     *
     * @param promptField the request's name for the prompt
     * @param otherwise when the request does not say; the context's end and the caller's limit bound it
     * @param largest that the caller's limits allow
     */
    int answerLimit(String promptField, int promptTokens, int context, int otherwise, int largest) {
        if (promptTokens >= context) {
            throw ApiException.invalid(
                    promptField,
                    "context_length_exceeded",
                    "The prompt has " + promptTokens + " tokens, but the model's context has room for " + context
                            + " tokens, of which at least one is for the answer.");
        }
        int room = context - promptTokens;
        if (maxTokens == null) {
            return Math.max(1, Math.min(Math.min(room, otherwise), largest));
        }
        if (maxTokens > largest) {
            throw ApiException.invalid(
                    maxTokensField,
                    "output_too_long",
                    "'" + maxTokensField + "' is " + maxTokens + ", but a limit allows answers of at most " + largest
                            + " tokens.");
        }
        if (maxTokens > room) {
            throw ApiException.invalid(
                    maxTokensField,
                    "context_length_exceeded",
                    "'" + maxTokensField + "' is " + maxTokens + ", but the prompt has " + promptTokens
                            + " tokens and the model's context " + context + ", which leaves " + room + ".");
        }
        return maxTokens;
    }
}
