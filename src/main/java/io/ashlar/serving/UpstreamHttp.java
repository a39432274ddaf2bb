package io.ashlar.serving;

import io.netty.channel.ChannelOption;
import java.time.Duration;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.springframework.http.client.reactive.ReactorClientHttpConnector;
import org.springframework.web.reactive.function.client.WebClient;
import reactor.netty.http.client.HttpClient;
import reactor.netty.resources.ConnectionProvider;
import reactor.netty.resources.LoopResources;

/** The way to other servers: connections that are used again, on event loops of their own. */
public final class UpstreamHttp implements AutoCloseable {
    private static final int CONNECT_MILLIS = 5000;
    private static final int MOST_CONNECTIONS = 10_000;
    /** Less than servers keep a connection that is not used (uvicorn: five seconds), so that none is closed as it is used again. */
    private static final Duration IDLE = Duration.ofSeconds(4);

    private static final Duration CLOSING = Duration.ofSeconds(2);

    private final ConnectionProvider connections = ConnectionProvider.builder("upstreams")
            .maxConnections(MOST_CONNECTIONS)
            .maxIdleTime(IDLE)
            .build();
    private final LoopResources loops =
            LoopResources.create("upstream", 1, LoopResources.DEFAULT_IO_WORKER_COUNT, true);
    private final WebClient client;
    private final Set<UpstreamCall> running = ConcurrentHashMap.newKeySet();

    /** @param silence the longest that a server may say nothing while it is waited for */
    public UpstreamHttp(Duration silence) {
        HttpClient http = HttpClient.create(connections)
                .runOn(loops)
                .option(ChannelOption.CONNECT_TIMEOUT_MILLIS, CONNECT_MILLIS)
                .responseTimeout(silence);
        client = WebClient.builder()
                .clientConnector(new ReactorClientHttpConnector(http))
                .build();
    }

    WebClient client() {
        return client;
    }

    /** Keeps a call among those that {@link #endAnswers} ends. */
    void follow(UpstreamCall call) {
        running.add(call);
        call.generation().ended().whenComplete((usage, failure) -> running.remove(call));
    }

    /** Ends all answers that run or wait; what was made of them is settled. */
    public void endAnswers() {
        running.forEach(c -> c.generation().cancel());
    }

    @Override
    public void close() {
        connections.disposeLater().block(CLOSING);
        loops.disposeLater(Duration.ZERO, CLOSING).block(CLOSING);
    }
}
