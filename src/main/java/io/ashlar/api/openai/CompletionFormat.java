package io.ashlar.api.openai;

import io.ashlar.engine.GenerationEvent;
import io.ashlar.model.text.TokenBytes;
import java.util.List;
import java.util.UUID;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/** {@code text_completion}, the older endpoint's shape. */
final class CompletionFormat extends AnswerFormat {
    CompletionFormat(
            UUID request,
            long created,
            String model,
            @Nullable TokenBytes bytes,
            boolean logprobs,
            @Nullable String serviceTier) {
        super("cmpl-", request, created, model, bytes, logprobs, serviceTier);
    }

    @Override
    String object(boolean chunk) {
        return "text_completion";
    }

    @Override
    @Nullable
    ObjectNode opening(int choice) {
        return null;
    }

    @Override
    void putText(ObjectNode choice, String text, boolean chunk) {
        choice.put("text", text);
    }

    @Override
    void putLogprobs(ObjectNode choice, List<GenerationEvent.Token> tokens) {
        ObjectNode logprobs = choice.putObject("logprobs");
        ArrayNode texts = logprobs.putArray("tokens");
        ArrayNode own = logprobs.putArray("token_logprobs");
        ArrayNode tops = logprobs.putArray("top_logprobs");
        ArrayNode offsets = logprobs.putArray("text_offset");
        int offset = 0;
        for (GenerationEvent.Token token : tokens) {
            GenerationEvent.Logprobs l = token.logprobs();
            if (l == null) {
                continue;
            }
            String text = tokenText(token.token());
            texts.add(text);
            own.add(l.logprob());
            ObjectNode top = tops.addObject();
            for (int i = 0; i < l.topTokens().length; i++) {
                top.put(tokenText(l.topTokens()[i]), l.topLogprobs()[i]);
            }
            offsets.add(offset);
            offset += text.length();
        }
    }
}
