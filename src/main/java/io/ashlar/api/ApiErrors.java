package io.ashlar.api;

import java.nio.charset.StandardCharsets;
import org.springframework.core.io.buffer.DataBufferLimitException;
import org.springframework.http.HttpStatusCode;
import org.springframework.http.MediaType;
import org.springframework.http.server.reactive.ServerHttpResponse;
import org.springframework.web.server.ResponseStatusException;
import org.springframework.web.server.ServerWebExchange;
import org.springframework.web.server.WebExceptionHandler;
import reactor.core.publisher.Mono;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/** Writes every error of the API door in OpenAI's shape, whoever threw it. */
public final class ApiErrors implements WebExceptionHandler {
    private static final System.Logger LOG = System.getLogger(ApiErrors.class.getName());

    @Override
    public Mono<Void> handle(ServerWebExchange exchange, Throwable failure) {
        if (exchange.getResponse().isCommitted()) {
            return Mono.error(failure);
        }
        return write(exchange, of(failure, exchange));
    }

    /** The error that a caller sees for a failure. */
    public static ApiException of(Throwable failure, ServerWebExchange exchange) {
        for (Throwable cause = failure; cause != null; cause = cause.getCause()) {
            if (cause instanceof ApiException known) {
                return known;
            }
            if (cause instanceof DataBufferLimitException) {
                return ApiException.tooLarge("The request body is too large: " + cause.getMessage());
            }
        }
        if (failure instanceof ResponseStatusException status) {
            String path = exchange.getRequest().getMethod() + " "
                    + exchange.getRequest().getPath();
            return switch (status.getStatusCode().value()) {
                case 404 -> ApiException.notFound("Unknown request URL: " + path + ".");
                case 405 -> ApiException.methodNotAllowed("Not allowed: " + path + ".");
                case 415 -> ApiException.unsupportedMediaType("The body must be application/json.");
                case 413 -> ApiException.tooLarge("The request body is too large.");
                default ->
                    status.getStatusCode().is4xxClientError()
                            ? ApiException.invalid(null, "The request could not be read.")
                            : internal(failure, exchange);
            };
        }
        return internal(failure, exchange);
    }

    private static ApiException internal(Throwable failure, ServerWebExchange exchange) {
        LOG.log(System.Logger.Level.ERROR, "request " + RequestIds.of(exchange) + " failed", failure);
        return ApiException.failed(
                "The server failed to answer; its log has more under request " + RequestIds.of(exchange) + ".");
    }

    /** The error object {@code {"error": {...}}}. */
    public static byte[] json(ApiException error) {
        ObjectNode root = JsonMapper.shared().createObjectNode();
        ObjectNode body = root.putObject("error");
        body.put("message", error.getMessage());
        body.put("type", error.type());
        body.put("param", error.param());
        body.put("code", error.code());
        return root.toString().getBytes(StandardCharsets.UTF_8);
    }

    public static Mono<Void> write(ServerWebExchange exchange, ApiException error) {
        ServerHttpResponse response = exchange.getResponse();
        response.setStatusCode(HttpStatusCode.valueOf(error.status()));
        response.getHeaders().setContentType(MediaType.APPLICATION_JSON);
        if (error.retryAfterSeconds() > 0) {
            response.getHeaders().set("Retry-After", String.valueOf(error.retryAfterSeconds()));
        }
        if (error.status() == 401) {
            response.getHeaders().set("WWW-Authenticate", "Bearer");
        }
        return response.writeWith(Mono.just(response.bufferFactory().wrap(json(error))));
    }
}
