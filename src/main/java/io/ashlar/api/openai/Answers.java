package io.ashlar.api.openai;

import io.ashlar.api.ApiErrors;
import io.ashlar.api.ApiException;
import io.ashlar.api.openai.Admission.Admitted;
import io.ashlar.engine.FinishReason;
import io.ashlar.engine.Generation;
import io.ashlar.engine.GenerationEvent;
import io.ashlar.serving.Transcript;
import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.springframework.core.io.buffer.DataBuffer;
import org.springframework.core.io.buffer.DefaultDataBufferFactory;
import org.springframework.http.MediaType;
import org.springframework.web.reactive.function.server.ServerResponse;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.core.scheduler.Scheduler;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/** Turns running generations into HTTP answers. */
final class Answers {
    private static final byte[] DATA = "data: ".getBytes(StandardCharsets.US_ASCII);
    private static final byte[] END = "\n\n".getBytes(StandardCharsets.US_ASCII);
    private static final byte[] DONE = "[DONE]".getBytes(StandardCharsets.US_ASCII);
    /** A journal that cannot be written must not keep answers from ending. */
    private static final Duration SETTLE_WAIT = Duration.ofSeconds(2);

    private final Scheduler scheduler;
    private final @org.jspecify.annotations.Nullable Transcript transcript;

    /** @param transcript where the answer is kept; null for nowhere */
    Answers(Scheduler scheduler, @org.jspecify.annotations.Nullable Transcript transcript) {
        this.scheduler = scheduler;
        this.transcript = transcript;
    }

    private Flux<GenerationEvent> events(Admitted admitted, GenerationCall call) {
        Flux<GenerationEvent> events = AnswerEvents.of(admitted.generation(), call.choices(), scheduler);
        Transcript kept = transcript;
        return kept == null
                ? events
                : events.doOnNext(event -> kept.add(
                        switch (event) {
                            case GenerationEvent.Token token -> token.text();
                            case GenerationEvent.Finished finished -> finished.text();
                        }));
    }

    Mono<ServerResponse> whole(Admitted admitted, GenerationCall call, AnswerFormat format) {
        List<AnswerFormat.Choice> choices = new ArrayList<>();
        for (int i = 0; i < call.choices(); i++) {
            choices.add(new AnswerFormat.Choice());
        }
        return events(admitted, call)
                .doOnNext(event -> collect(event, choices.get(event.choice()), admitted.generation()))
                .then(settled(admitted))
                .then(Mono.fromFuture(admitted.generation()::ended, true))
                .flatMap(usage -> ServerResponse.ok()
                        .contentType(MediaType.APPLICATION_JSON)
                        .bodyValue(JsonMapper.shared().writeValueAsBytes(format.whole(choices, usage))));
    }

    private static void collect(GenerationEvent event, AnswerFormat.Choice choice, Generation generation) {
        switch (event) {
            case GenerationEvent.Token token -> {
                choice.text.append(token.text());
                choice.tokens.add(token);
            }
            case GenerationEvent.Finished finished -> {
                ApiException error = error(finished.reason(), generation);
                if (error != null) {
                    throw error;
                }
                choice.text.append(finished.text());
                choice.finishReason = Admission.word(finished.reason());
            }
        }
    }

    private static @org.jspecify.annotations.Nullable ApiException error(FinishReason reason, Generation generation) {
        RuntimeException why = generation.failure();
        if (reason == FinishReason.FAILED && why != null) {
            return Admission.told(why);
        }
        return switch (reason) {
            case STOP, LENGTH -> null;
            case FAILED -> ApiException.failed("The engine failed while it generated the answer; its log says why.");
            case CANCELLED -> ApiException.unavailable("The answer was cut off: the server is shutting down.", 5);
        };
    }

    private static Mono<Void> settled(Admitted admitted) {
        return Mono.fromFuture(admitted::settled, true)
                .then()
                .timeout(SETTLE_WAIT)
                .onErrorResume(e -> Mono.empty());
    }

    Mono<ServerResponse> stream(Admitted admitted, GenerationCall call, AnswerFormat format) {
        Flux<DataBuffer> openings = Flux.range(0, call.choices())
                .mapNotNull(format::opening)
                .map(chunk -> event(withUsageField(chunk, call)));
        Flux<DataBuffer> chunks =
                events(admitted, call).mapNotNull(event -> chunk(event, call, format, admitted.generation()));
        Flux<DataBuffer> usage = call.includeUsage()
                ? Mono.fromFuture(admitted.generation()::ended, true)
                        .map(u -> {
                            ObjectNode last = format.envelope(true);
                            last.putArray("choices");
                            AnswerFormat.putUsage(last, u);
                            return event(last);
                        })
                        .flux()
                : Flux.empty();
        Flux<DataBuffer> body = Flux.concat(
                        openings, chunks, usage, settled(admitted).thenReturn(event(DONE)))
                .onErrorResume(ApiException.class, e -> Flux.just(event(ApiErrors.json(e))))
                .doOnCancel(admitted.generation()::cancel);
        return ServerResponse.ok()
                .contentType(MediaType.TEXT_EVENT_STREAM)
                .header("Cache-Control", "no-cache")
                .header("X-Accel-Buffering", "no")
                .body((response, context) -> response.writeAndFlushWith(body.map(Mono::just)));
    }

    private static @org.jspecify.annotations.Nullable DataBuffer chunk(
            GenerationEvent event, GenerationCall call, AnswerFormat format, Generation generation) {
        return switch (event) {
            case GenerationEvent.Token token ->
                token.text().isEmpty() && !format.logprobs
                        ? null
                        : event(withUsageField(format.chunk(token.choice(), token.text(), List.of(token), null), call));
            case GenerationEvent.Finished finished -> {
                ApiException error = error(finished.reason(), generation);
                if (error != null) {
                    throw error;
                }
                String reason = Admission.word(finished.reason());
                yield event(withUsageField(format.chunk(finished.choice(), finished.text(), List.of(), reason), call));
            }
        };
    }

    /** With include_usage, every chunk but the last says that it has none. */
    private static ObjectNode withUsageField(ObjectNode chunk, GenerationCall call) {
        if (call.includeUsage()) {
            chunk.putNull("usage");
        }
        return chunk;
    }

    private static DataBuffer event(ObjectNode json) {
        return event(JsonMapper.shared().writeValueAsBytes(json));
    }

    private static DataBuffer event(byte[] data) {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream(DATA.length + data.length + END.length);
        bytes.writeBytes(DATA);
        bytes.writeBytes(data);
        bytes.writeBytes(END);
        return DefaultDataBufferFactory.sharedInstance.wrap(bytes.toByteArray());
    }
}
