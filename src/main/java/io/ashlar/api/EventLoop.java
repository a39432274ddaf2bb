package io.ashlar.api;

import io.netty.channel.Channel;
import org.springframework.http.server.reactive.ServerHttpRequestDecorator;
import org.springframework.web.server.ServerWebExchange;
import reactor.core.scheduler.Scheduler;
import reactor.core.scheduler.Schedulers;
import reactor.netty.http.server.HttpServerRequest;

/**
 * The event loop of a request's connection. Every answer is given from there: an answer that ends on another thread races
 * with the next request on the same connection, and now and then that one is never read (AdminApiTest has it).
 */
public final class EventLoop {
    private EventLoop() {}

    /** The connection that a request came by. */
    public static Channel channelOf(ServerWebExchange exchange) {
        HttpServerRequest request = ServerHttpRequestDecorator.getNativeRequest(exchange.getRequest());
        Channel[] channel = new Channel[1];
        request.withConnection(connection -> channel[0] = connection.channel());
        return channel[0];
    }

    public static Scheduler schedulerOf(ServerWebExchange exchange) {
        return Schedulers.fromExecutor(channelOf(exchange).eventLoop());
    }
}
