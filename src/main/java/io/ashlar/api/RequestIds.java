package io.ashlar.api;

import java.util.UUID;
import org.springframework.web.server.ServerWebExchange;
import org.springframework.web.server.WebFilter;
import org.springframework.web.server.WebFilterChain;
import reactor.core.publisher.Mono;

/** Gives every request an id, which the answer carries as {@code x-request-id} and the ledger as its key. */
public final class RequestIds implements WebFilter {
    private static final String ATTRIBUTE = RequestIds.class.getName();

    @Override
    public Mono<Void> filter(ServerWebExchange exchange, WebFilterChain chain) {
        UUID id = UUID.randomUUID();
        exchange.getAttributes().put(ATTRIBUTE, id);
        exchange.getResponse().getHeaders().set("x-request-id", id.toString());
        return chain.filter(exchange);
    }

    public static UUID of(ServerWebExchange exchange) {
        UUID id = exchange.getAttribute(ATTRIBUTE);
        if (id == null) {
            throw new IllegalStateException("the request has no id: the filter did not run");
        }
        return id;
    }
}
