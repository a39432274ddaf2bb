package io.ashlar.api;

import org.reactivestreams.Publisher;
import org.springframework.boot.actuate.autoconfigure.web.ManagementContextConfiguration;
import org.springframework.boot.actuate.autoconfigure.web.ManagementContextType;
import org.springframework.context.annotation.Bean;
import org.springframework.core.Ordered;
import org.springframework.core.annotation.Order;
import org.springframework.core.io.buffer.DataBuffer;
import org.springframework.http.server.reactive.ServerHttpResponse;
import org.springframework.http.server.reactive.ServerHttpResponseDecorator;
import org.springframework.web.server.WebFilter;
import reactor.core.publisher.Mono;
import reactor.core.scheduler.Scheduler;

/**
 * The door for health and metrics. Its endpoints block, so Spring runs them on threads of their own, and would give their
 * answers from there; see {@link EventLoop} for why they must not.
 */
@ManagementContextConfiguration(value = ManagementContextType.CHILD, proxyBeanMethods = false)
public class ManagementDoor {
    @Bean
    @Order(Ordered.HIGHEST_PRECEDENCE)
    WebFilter answersFromTheEventLoop() {
        return (exchange, chain) -> {
            Scheduler loop = EventLoop.schedulerOf(exchange);
            return chain.filter(exchange.mutate()
                            .response(new OnLoop(exchange.getResponse(), loop))
                            .build())
                    .publishOn(loop);
        };
    }

    private static final class OnLoop extends ServerHttpResponseDecorator {
        private final Scheduler loop;

        OnLoop(ServerHttpResponse response, Scheduler loop) {
            super(response);
            this.loop = loop;
        }

        @Override
        public Mono<Void> writeWith(Publisher<? extends DataBuffer> body) {
            return Mono.defer(() -> super.writeWith(body)).subscribeOn(loop);
        }

        @Override
        public Mono<Void> writeAndFlushWith(Publisher<? extends Publisher<? extends DataBuffer>> body) {
            return Mono.defer(() -> super.writeAndFlushWith(body)).subscribeOn(loop);
        }

        @Override
        public Mono<Void> setComplete() {
            return Mono.defer(super::setComplete).subscribeOn(loop);
        }
    }
}
