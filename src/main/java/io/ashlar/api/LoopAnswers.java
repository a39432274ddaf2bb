package io.ashlar.api;

import org.reactivestreams.Publisher;
import org.springframework.core.io.buffer.DataBuffer;
import org.springframework.core.io.buffer.DataBufferUtils;
import org.springframework.http.server.reactive.ServerHttpResponse;
import org.springframework.http.server.reactive.ServerHttpResponseDecorator;
import org.springframework.web.server.ServerWebExchange;
import org.springframework.web.server.WebFilter;
import org.springframework.web.server.WebFilterChain;
import org.springframework.web.util.pattern.PathPattern;
import org.springframework.web.util.pattern.PathPatternParser;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.core.scheduler.Scheduler;

/**
 * Gives the answers of handlers that block from the event loop of their connection, whichever thread they were made on; see
 * {@link EventLoop} for why. It must come before every filter that may answer.
 *
 * @param paths the paths that it is for
 */
record LoopAnswers(PathPattern paths) implements WebFilter {
    /** What is made ahead of what the connection takes: a chunk and the next. */
    private static final int AHEAD = 2;

    /** @param paths a pattern as in {@code /admin/**} */
    static LoopAnswers on(String paths) {
        return new LoopAnswers(PathPatternParser.defaultInstance.parse(paths));
    }

    @Override
    public Mono<Void> filter(ServerWebExchange exchange, WebFilterChain chain) {
        if (!paths.matches(exchange.getRequest().getPath().pathWithinApplication())) {
            return chain.filter(exchange);
        }
        Scheduler loop = EventLoop.schedulerOf(exchange);
        return chain.filter(exchange.mutate()
                        .response(new OnLoop(exchange.getResponse(), loop))
                        .build())
                // Failures too: what tells the caller of them comes before this filter.
                .publishOn(loop);
    }

    private static final class OnLoop extends ServerHttpResponseDecorator {
        private final Scheduler loop;

        OnLoop(ServerHttpResponse response, Scheduler loop) {
            super(response);
            this.loop = loop;
        }

        /** A body of one buffer stays one: only such an answer is sent with its length. */
        private Publisher<? extends DataBuffer> moved(Publisher<? extends DataBuffer> body) {
            return body instanceof Mono<? extends DataBuffer> one
                    ? one.publishOn(loop)
                    : Flux.from(body).publishOn(loop, AHEAD);
        }

        @Override
        public Mono<Void> writeWith(Publisher<? extends DataBuffer> body) {
            return Mono.defer(() -> super.writeWith(moved(body)))
                    .doOnDiscard(DataBuffer.class, DataBufferUtils::release)
                    .subscribeOn(loop);
        }

        @Override
        public Mono<Void> writeAndFlushWith(Publisher<? extends Publisher<? extends DataBuffer>> body) {
            return Mono.defer(() -> super.writeAndFlushWith(
                            Flux.from(body).map(this::moved).publishOn(loop, AHEAD)))
                    .doOnDiscard(DataBuffer.class, DataBufferUtils::release)
                    .subscribeOn(loop);
        }

        @Override
        public Mono<Void> setComplete() {
            return Mono.defer(super::setComplete).subscribeOn(loop);
        }
    }
}
