package io.ashlar.api;

import java.util.concurrent.Executor;
import org.springframework.http.server.reactive.ServerHttpRequestDecorator;
import org.springframework.web.server.ServerWebExchange;
import reactor.core.scheduler.Scheduler;
import reactor.core.scheduler.Schedulers;
import reactor.netty.http.server.HttpServerRequest;

/**
 * The event loop of a request's connection. Every answer is given from there: an answer that ends on another thread races
 * with the next request on the same connection, and now and then that one is never read (ApiDoorTest has it).
 */
public final class EventLoop {
    private EventLoop() {}

    public static Executor of(ServerWebExchange exchange) {
        HttpServerRequest request = ServerHttpRequestDecorator.getNativeRequest(exchange.getRequest());
        Executor[] loop = new Executor[1];
        request.withConnection(connection -> loop[0] = connection.channel().eventLoop());
        return loop[0];
    }

    public static Scheduler schedulerOf(ServerWebExchange exchange) {
        return Schedulers.fromExecutor(of(exchange));
    }
}
