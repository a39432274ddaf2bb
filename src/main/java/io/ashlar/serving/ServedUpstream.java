package io.ashlar.serving;

import io.ashlar.catalog.Deployment;
import io.ashlar.catalog.Upstream;
import io.ashlar.scheduler.Terms;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.Objects;
import java.util.concurrent.Executor;
import java.util.concurrent.atomic.LongAdder;
import org.jspecify.annotations.Nullable;
import org.springframework.http.HttpStatusCode;
import org.springframework.web.reactive.function.client.WebClient;

/**
 * A deployment whose tokens another server makes. It is given no more requests at a time than the deployment says, so that those
 * that wait do so here, in an order that knows classes and tenants. While it does not answer, requests are refused at once.
 */
public final class ServedUpstream implements Served {
    private static final Duration LOOK_LIMIT = Duration.ofSeconds(5);

    private final Deployment deployment;
    private final Upstream upstream;
    private final UpstreamHttp way;
    private final WebClient http;
    private final Executor after;
    private final Clock clock;
    private final UpstreamLine<UpstreamCall> line;
    private final @Nullable String key;
    private final LongAdder completionTokens = new LongAdder();
    private volatile boolean draining;
    private volatile UpstreamHealth health;

    /**
     * @param way to other servers; knows no address and no key
     * @param key that the other server wants; null for none
     * @param after runs what is to be done when a place is free again
     */
    ServedUpstream(Deployment deployment, UpstreamHttp way, @Nullable String key, Executor after, Clock clock) {
        this.way = way;
        this.after = after;
        this.deployment = deployment;
        this.upstream = Objects.requireNonNull(deployment.upstream());
        WebClient.Builder client = way.client().mutate().baseUrl(upstream.url());
        if (key != null) {
            client.defaultHeader("Authorization", "Bearer " + key);
        }
        this.http = client.build();
        this.key = key;
        this.line = new UpstreamLine<>(upstream.most());
        this.clock = clock;
        this.health = new UpstreamHealth(UpstreamHealth.State.UNKNOWN, "", clock.instant(), Duration.ZERO);
    }

    @Override
    public String name() {
        return deployment.name();
    }

    Deployment deployment() {
        return deployment;
    }

    public Upstream upstream() {
        return upstream;
    }

    @Override
    public Instant createdAt() {
        return deployment.createdAt();
    }

    @Override
    public int contextLength() {
        return upstream.context();
    }

    @Override
    public boolean draining() {
        return draining;
    }

    void setDraining(boolean drains) {
        draining = drains;
    }

    @Override
    public String place() {
        return upstream.host();
    }

    @Override
    public void endLease() {
        // There is nothing to be kept loaded.
    }

    public UpstreamHealth health() {
        return health;
    }

    /** Requests that the other server works on for this deployment. */
    public int inFlight() {
        return line.taken();
    }

    /** Requests that wait for a place there. */
    public int waiting() {
        return line.waiting();
    }

    /** A text of another server without the key that it may have said back. */
    String withoutKey(String text) {
        return key == null ? text : text.replace(key, "***");
    }

    /** A tenant was given tokens. */
    void charge(Terms terms, int tokens) {
        line.charge(terms, tokens);
    }

    void madeToken(Terms terms) {
        completionTokens.increment();
        line.charge(terms, 1);
    }

    /** Tokens that it made so far, a chunk of a stream counted as one. */
    public long completionTokens() {
        return completionTokens.sum();
    }

    /** Whether it answers; waits for it, but not long. */
    void look() {
        long begun = System.nanoTime();
        try {
            HttpStatusCode status = http.get()
                    .uri("/models")
                    .exchangeToMono(r -> r.releaseBody().thenReturn(r.statusCode()))
                    .onErrorMap(e -> UpstreamFailure.broken(UpstreamCall.reason(e)))
                    .block(LOOK_LIMIT);
            if (status == null || !status.is2xxSuccessful()) {
                down("it answers " + (status == null ? "nothing" : status.value()) + " to GET /models");
                return;
            }
            health = new UpstreamHealth(
                    UpstreamHealth.State.UP, "", clock.instant(), Duration.ofNanos(System.nanoTime() - begun));
        } catch (UpstreamFailure e) {
            down(String.valueOf(e.getMessage()));
        } catch (IllegalStateException e) {
            down("it did not answer within " + LOOK_LIMIT.toSeconds() + " seconds");
        }
    }

    /** What a request or a look found; requests are refused until a look finds otherwise. */
    void down(String why) {
        health = new UpstreamHealth(UpstreamHealth.State.DOWN, why, clock.instant(), Duration.ZERO);
    }

    /** A request, ready to be sent. */
    public Work work(UpstreamRequest request) {
        return new Work(request.promptTokens(), request.maxTokens(), request.choices(), terms -> send(request, terms));
    }

    private Work.Started send(UpstreamRequest request, Terms terms) {
        if (health.state() == UpstreamHealth.State.DOWN) {
            throw notAnswering();
        }
        UpstreamCall call = new UpstreamCall(this, request, terms);
        boolean now = line.enter(call, terms);
        way.follow(call);
        call.generation()
                .ended()
                .whenCompleteAsync(
                        (usage, failure) -> {
                            UpstreamCall next = line.leave(call, terms);
                            if (next != null) {
                                next.send(http);
                            }
                        },
                        after);
        if (now) {
            call.send(http);
        }
        return new Work.Started(call.generation(), call.opened());
    }

    UpstreamFailure notAnswering() {
        return UpstreamFailure.broken("The server of the model '" + name() + "' does not answer.");
    }
}
