package io.ashlar.serving;

import io.ashlar.engine.FinishReason;
import io.ashlar.engine.Generation;
import io.ashlar.engine.GenerationFeed;
import io.ashlar.scheduler.Terms;
import io.netty.handler.timeout.ReadTimeoutException;
import java.net.ConnectException;
import java.net.UnknownHostException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Arrays;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;
import org.reactivestreams.Subscription;
import org.springframework.core.ParameterizedTypeReference;
import org.springframework.http.MediaType;
import org.springframework.http.codec.ServerSentEvent;
import org.springframework.web.reactive.function.client.ClientResponse;
import org.springframework.web.reactive.function.client.WebClient;
import org.springframework.web.reactive.function.client.WebClientRequestException;
import reactor.core.publisher.BaseSubscriber;
import reactor.core.publisher.Flux;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * One request to another server: its stream of chunks, as the events of a generation. Events are asked for one at a time and only
 * while the generation's reader has room, so a slow reader slows the other server down and fills no memory here. Its lock makes the
 * feed's writers one at a time: chunks come on one thread, and whoever gives up does so on another.
 */
final class UpstreamCall extends BaseSubscriber<ServerSentEvent<String>> {
    private static final System.Logger LOG = System.getLogger(UpstreamCall.class.getName());
    private static final ParameterizedTypeReference<ServerSentEvent<String>> EVENTS =
            new ParameterizedTypeReference<>() {};
    private static final int MOST_SAID = 500;
    private static final int MOST_AFTER_END = 8;

    private final ServedUpstream upstream;
    private final UpstreamRequest request;
    private final Terms terms;
    private final GenerationFeed feed;
    private final CompletableFuture<Void> opened = new CompletableFuture<>();
    private final AtomicBoolean over = new AtomicBoolean();
    private final AtomicBoolean paused = new AtomicBoolean();
    private volatile boolean accepted;
    private int afterEnd;
    private @Nullable JsonNode usage;
    private final @Nullable FinishReason[] reasons;

    UpstreamCall(ServedUpstream upstream, UpstreamRequest request, Terms terms) {
        this.upstream = upstream;
        this.request = request;
        this.terms = terms;
        this.reasons = new FinishReason[request.choices()];
        this.feed = new GenerationFeed(request.choices(), System.nanoTime(), this::goOn, this::giveUp);
    }

    Generation generation() {
        return feed.generation();
    }

    /** Completed when the other server began to answer. */
    CompletableFuture<Void> opened() {
        return opened;
    }

    /** It has a place there. */
    void send(WebClient http) {
        synchronized (this) {
            if (over.get()) {
                return;
            }
            feed.started(System.nanoTime());
        }
        upstream.charge(terms, request.promptTokens());
        http.post()
                .uri(request.path())
                .contentType(MediaType.APPLICATION_JSON)
                .accept(MediaType.TEXT_EVENT_STREAM, MediaType.APPLICATION_JSON)
                .header("X-Request-Id", request.id().toString())
                .bodyValue(request.body())
                .exchangeToFlux(this::open)
                .subscribe(this);
    }

    private Flux<ServerSentEvent<String>> open(ClientResponse response) {
        if (response.statusCode().is2xxSuccessful()) {
            MediaType type = response.headers().contentType().orElse(MediaType.APPLICATION_OCTET_STREAM);
            if (!type.isCompatibleWith(MediaType.TEXT_EVENT_STREAM)) {
                return response.releaseBody()
                        .thenMany(Flux.error(UpstreamFailure.broken(
                                "The model's server answered with '" + type + "', not a stream.")));
            }
            accepted = true;
            opened.complete(null);
            return response.bodyToFlux(EVENTS);
        }
        int status = response.statusCode().value();
        int retry = retryAfter(response);
        return response.bodyToMono(byte[].class)
                .onErrorReturn(new byte[0])
                .defaultIfEmpty(new byte[0])
                .flatMapMany(body -> Flux.error(refusal(status, retry, body)));
    }

    private static int retryAfter(ClientResponse response) {
        String text = response.headers().asHttpHeaders().getFirst("Retry-After");
        return text != null && text.matches("[0-9]{1,4}") ? Math.max(1, Integer.parseInt(text)) : 1;
    }

    /** What another server's status means for the caller, to whom its own door must stay closed. */
    private UpstreamFailure refusal(int status, int retry, byte[] body) {
        String said = message(body);
        LOG.log(
                System.Logger.Level.WARNING,
                "the server of {0} answered {1} to {2}: {3}",
                upstream.name(),
                status,
                request.id(),
                said.replace("{}", "{ }")); // which the logger would take for a place of its own
        return switch (status) {
            case 400, 413, 422 ->
                new UpstreamFailure(
                        UpstreamFailure.Kind.REFUSED,
                        field(body),
                        "The model's server refuses the request: " + said,
                        Duration.ZERO);
            case 429, 503 ->
                new UpstreamFailure(
                        UpstreamFailure.Kind.BUSY,
                        null,
                        "The model's server has enough to do.",
                        Duration.ofSeconds(retry));
            default -> UpstreamFailure.broken("The model's server answered with the status " + status + ".");
        };
    }

    private String message(byte[] body) {
        String text = new String(body, StandardCharsets.UTF_8);
        try {
            JsonNode error = JsonMapper.shared().readTree(text).path("error");
            text = error.path("message").asString(error.isString() ? error.asString() : text);
        } catch (JacksonException e) {
            // Not JSON: as it is.
        }
        text = upstream.withoutKey(text).replaceAll("\\p{Cntrl}+", " ");
        return text.length() <= MOST_SAID ? text : text.substring(0, MOST_SAID) + "...";
    }

    private static @Nullable String field(byte[] body) {
        try {
            JsonNode param = JsonMapper.shared().readTree(body).path("error").path("param");
            return param.isString() ? param.asString() : null;
        } catch (JacksonException e) {
            return null;
        }
    }

    @Override
    protected void hookOnSubscribe(Subscription subscription) {
        request(1);
    }

    @Override
    protected void hookOnNext(ServerSentEvent<String> event) {
        String data = event.data();
        if (data != null && !data.equals("[DONE]")) {
            try {
                take(JsonMapper.shared().readTree(data));
            } catch (JacksonException e) {
                breakOff(UpstreamFailure.broken("The model's server sent what is not JSON."));
            }
        }
        if (over.get()) {
            // What little follows a whole answer is read, so that the connection can be used again.
            if (!isDisposed() && ++afterEnd <= MOST_AFTER_END) {
                request(1);
            } else {
                dispose();
            }
            return;
        }
        if (feed.hasRoom()) {
            request(1);
        } else {
            paused.set(true);
            // Its reader may have made room meanwhile, and not have known that somebody waits for it.
            goOn();
        }
    }

    private void goOn() {
        if (feed.hasRoom() && paused.compareAndSet(true, false)) {
            request(1);
        }
    }

    private synchronized void take(JsonNode chunk) {
        if (over.get()) {
            return;
        }
        JsonNode error = chunk.path("error");
        if (error.isObject()) {
            LOG.log(
                    System.Logger.Level.WARNING,
                    "the server of {0} broke {1} off: {2}",
                    upstream.name(),
                    request.id(),
                    upstream.withoutKey(error.path("message").asString("")));
            breakOff(UpstreamFailure.broken("The model's server broke the answer off."));
            return;
        }
        if (chunk.path("usage").isObject()) {
            usage = chunk.path("usage");
        }
        long now = System.nanoTime();
        JsonNode choices = chunk.path("choices");
        if (choices.size() > request.choices()) {
            breakOff(UpstreamFailure.broken("The model's server sent more answers than it was asked for."));
            return;
        }
        for (JsonNode choice : choices) {
            int index = choice.path("index").asInt(0);
            String text = choice.path("delta")
                    .path("content")
                    .asString(choice.path("text").asString(""));
            if (!text.isEmpty() && generation().completionTokens() < most()) {
                feed.text(index, text, now);
                upstream.madeToken(terms);
            }
            JsonNode reason = choice.path("finish_reason");
            if (reason.isString()) {
                finish(index, reason.asString().equals("length") ? FinishReason.LENGTH : FinishReason.STOP);
            }
        }
        if (isWhole() && usage != null) {
            end(lastReason());
        } else if (!isWhole() && generation().completionTokens() >= most()) {
            // More was not reserved, and is not asked for.
            dispose();
            end(FinishReason.LENGTH);
        }
    }

    /** Told when what was used is known too: whoever has the whole answer goes away. */
    private void finish(int choice, FinishReason reason) {
        if (choice >= 0 && choice < reasons.length && reasons[choice] == null) {
            reasons[choice] = reason;
        }
    }

    private boolean isWhole() {
        return Arrays.stream(reasons).allMatch(Objects::nonNull);
    }

    private FinishReason lastReason() {
        FinishReason last = reasons[reasons.length - 1];
        return last == null ? FinishReason.STOP : last;
    }

    private long most() {
        return (long) request.maxTokens() * request.choices();
    }

    @Override
    protected synchronized void hookOnComplete() {
        if (isWhole()) {
            end(lastReason());
        } else {
            fail(UpstreamFailure.broken("The model's server broke the answer off."));
        }
    }

    @Override
    protected synchronized void hookOnError(Throwable failure) {
        if (isWhole()) {
            // Only what comes after the answer failed.
            end(lastReason());
            return;
        }
        if (failure instanceof UpstreamFailure known) {
            fail(known);
            return;
        }
        String why = reason(failure);
        LOG.log(System.Logger.Level.WARNING, "the server of {0} failed {1}: {2}", upstream.name(), request.id(), why);
        if (cause(failure) instanceof ConnectException || cause(failure) instanceof UnknownHostException) {
            upstream.down(why);
        }
        fail(accepted ? UpstreamFailure.broken("The model's server broke the answer off.") : upstream.notAnswering());
    }

    /** A failure of the way to another server, in words. */
    static String reason(Throwable failure) {
        Throwable cause = cause(failure);
        return cause instanceof ReadTimeoutException
                ? "it did not answer in time"
                : String.valueOf(cause.getMessage() == null ? cause.getClass().getSimpleName() : cause.getMessage());
    }

    private static Throwable cause(Throwable failure) {
        Throwable inner = failure.getCause();
        return failure instanceof WebClientRequestException && inner != null ? inner : failure;
    }

    private void giveUp() {
        dispose();
        end(FinishReason.CANCELLED);
    }

    private void breakOff(UpstreamFailure cause) {
        dispose();
        fail(cause);
    }

    private synchronized void fail(UpstreamFailure cause) {
        if (over.compareAndSet(false, true)) {
            feed.fail(cause, promptTokens(), cachedTokens(), System.nanoTime());
            opened.completeExceptionally(cause);
        }
    }

    private synchronized void end(FinishReason reason) {
        if (over.compareAndSet(false, true)) {
            for (int choice = 0; choice < reasons.length; choice++) {
                FinishReason own = reasons[choice];
                feed.finish(choice, own == null ? reason : own, System.nanoTime());
            }
            feed.end(promptTokens(), cachedTokens(), completionTokens(), reason, System.nanoTime());
            opened.complete(null);
        }
    }

    /** What it says that it read; what was guessed where it ended before it said so; nothing where it never began. */
    private int promptTokens() {
        return usage != null ? usage.path("prompt_tokens").asInt(0) : accepted ? request.promptTokens() : 0;
    }

    private int cachedTokens() {
        return usage == null
                ? 0
                : usage.path("prompt_tokens_details").path("cached_tokens").asInt(0);
    }

    private int completionTokens() {
        int seen = generation().completionTokens();
        return usage == null
                ? seen
                : Math.max(0, usage.path("completion_tokens").asInt(seen));
    }
}
