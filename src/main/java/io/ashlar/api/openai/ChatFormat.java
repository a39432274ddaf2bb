package io.ashlar.api.openai;

import io.ashlar.engine.GenerationEvent;
import io.ashlar.model.text.TokenBytes;
import java.util.List;
import java.util.UUID;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/** {@code chat.completion} and {@code chat.completion.chunk}. */
final class ChatFormat extends AnswerFormat {
    ChatFormat(
            UUID request,
            long created,
            String model,
            @Nullable TokenBytes bytes,
            boolean logprobs,
            @Nullable String serviceTier) {
        super("chatcmpl-", request, created, model, bytes, logprobs, serviceTier);
    }

    @Override
    String object(boolean chunk) {
        return chunk ? "chat.completion.chunk" : "chat.completion";
    }

    @Override
    ObjectNode opening(int index) {
        ObjectNode root = envelope(true);
        ObjectNode choice = root.putArray("choices").addObject();
        choice.put("index", index);
        choice.putObject("delta").put("role", "assistant").put("content", "");
        choice.putNull("logprobs");
        choice.putNull("finish_reason");
        return root;
    }

    @Override
    void putText(ObjectNode choice, String text, boolean chunk) {
        if (!chunk) {
            choice.putObject("message")
                    .put("role", "assistant")
                    .put("content", text)
                    .putNull("refusal");
            return;
        }
        ObjectNode delta = choice.putObject("delta");
        if (!text.isEmpty()) {
            delta.put("content", text);
        }
    }

    @Override
    void putLogprobs(ObjectNode choice, List<GenerationEvent.Token> tokens) {
        ObjectNode logprobs = choice.putObject("logprobs");
        ArrayNode content = logprobs.putArray("content");
        for (GenerationEvent.Token token : tokens) {
            GenerationEvent.Logprobs l = token.logprobs();
            if (l != null) {
                ObjectNode node = content.addObject();
                put(node, token.token(), l.logprob());
                ArrayNode top = node.putArray("top_logprobs");
                for (int i = 0; i < l.topTokens().length; i++) {
                    put(top.addObject(), l.topTokens()[i], l.topLogprobs()[i]);
                }
            }
        }
        logprobs.putNull("refusal");
    }

    private void put(ObjectNode node, int token, float logprob) {
        node.put("token", tokenText(token));
        node.put("logprob", logprob);
        ArrayNode array = node.putArray("bytes");
        for (byte b : tokenBytes(token)) {
            array.add(b & 0xff);
        }
    }
}
