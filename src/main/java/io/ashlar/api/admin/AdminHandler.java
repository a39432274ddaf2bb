package io.ashlar.api.admin;

import io.ashlar.access.Actor;
import io.ashlar.access.InvalidRequestException;
import io.ashlar.access.NotPermittedException;
import io.ashlar.api.ApiException;
import io.ashlar.document.Documents;
import java.io.IOException;
import java.io.OutputStreamWriter;
import java.io.PrintWriter;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.Map;
import java.util.concurrent.Executor;
import java.util.concurrent.ExecutorService;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.reactivestreams.Publisher;
import org.springframework.core.io.buffer.DataBuffer;
import org.springframework.core.io.buffer.DataBufferUtils;
import org.springframework.core.io.buffer.DefaultDataBufferFactory;
import org.springframework.http.MediaType;
import org.springframework.web.reactive.function.BodyInserters;
import org.springframework.web.reactive.function.server.RequestPredicates;
import org.springframework.web.reactive.function.server.RouterFunctions;
import org.springframework.web.reactive.function.server.ServerRequest;
import org.springframework.web.reactive.function.server.ServerResponse;
import reactor.core.publisher.Mono;
import reactor.core.scheduler.Scheduler;
import reactor.core.scheduler.Schedulers;

/**
 * Runs the operations of the admin API. Everything waits for the database, so nothing runs on the event loop. A change is one
 * transaction: with {@code If-Match} it is refused where the resource is no longer what was read, with {@code Idempotency-Key}
 * it happens once however often it is asked for.
 */
public final class AdminHandler {
    private static final String CSV = "text/csv;charset=UTF-8";
    private static final int CHUNK = 1 << 14;

    private final AdminOperations operations;
    private final Repeats repeats;
    private final Executor tables;
    private final Scheduler blocking;

    /** @param waits runs what waits for the database */
    public AdminHandler(AdminOperations operations, Repeats repeats, ExecutorService waits) {
        this.operations = operations;
        this.repeats = repeats;
        this.tables = waits;
        this.blocking = Schedulers.fromExecutorService(waits);
    }

    public RouterFunctions.Builder routes() {
        RouterFunctions.Builder routes = RouterFunctions.route();
        for (Operation operation : operations.all()) {
            routes.route(
                    RequestPredicates.method(operation.method()).and(RequestPredicates.path(operation.path())),
                    request -> handle(operation, request));
        }
        return routes;
    }

    /** What is sent back. */
    record Answer(int status, byte[] body, @Nullable String etag, String type) {
        static final Answer NOTHING = new Answer(204, new byte[0], null, MediaType.APPLICATION_JSON_VALUE);
    }

    /** A table goes out while it is read, as fast as the client takes it. */
    private Mono<ServerResponse> stream(Operation.Table table) {
        Publisher<DataBuffer> body = DataBufferUtils.outputStreamPublisher(
                out -> {
                    PrintWriter text = new PrintWriter(new OutputStreamWriter(out, StandardCharsets.UTF_8));
                    table.write(text);
                    text.flush();
                    if (text.checkError()) {
                        throw new UncheckedIOException(new IOException("nobody reads the table any more"));
                    }
                },
                DefaultDataBufferFactory.sharedInstance,
                tables,
                CHUNK);
        return ServerResponse.ok().contentType(MediaType.parseMediaType(CSV)).body(BodyInserters.fromDataBuffers(body));
    }

    Mono<ServerResponse> handle(Operation operation, ServerRequest request) {
        return request.principal()
                .zipWith(request.bodyToMono(byte[].class).defaultIfEmpty(new byte[0]))
                .publishOn(blocking)
                .flatMap(both -> {
                    Actor actor = AdminActors.of(both.getT1(), request);
                    Call call = new Call(
                            actor,
                            request.pathVariables(),
                            request.queryParams().toSingleValueMap(),
                            both.getT2());
                    if (operation.answer() == Operation.Table.class) {
                        return stream(
                                told(() -> (Operation.Table) operation.work().apply(call)));
                    }
                    return respond(request, told(() -> run(operation, call, request)));
                });
    }

    /** What services refuse, as the caller is told it. */
    private static <T> T told(Supplier<T> work) {
        try {
            return work.get();
        } catch (InvalidRequestException e) {
            throw ApiException.invalid(e.field(), String.valueOf(e.getMessage()));
        } catch (NotPermittedException e) {
            throw ApiException.forbidden("access_denied", String.valueOf(e.getMessage()));
        } catch (org.springframework.dao.DataAccessResourceFailureException
                | org.springframework.transaction.CannotCreateTransactionException e) {
            throw ApiException.unavailable("The database does not answer at the moment.", 5);
        }
    }

    private Answer run(Operation operation, Call call, ServerRequest request) {
        if (!operation.changes()) {
            return answer(operation.work().apply(call));
        }
        String expected = request.headers().firstHeader("If-Match");
        String key = request.headers().firstHeader("Idempotency-Key");
        if (operation.alone()) {
            if (expected != null || key != null) {
                throw ApiException.invalid(
                        key != null ? "Idempotency-Key" : "If-Match",
                        "This operation changes files too, and takes neither 'If-Match' nor 'Idempotency-Key'.");
            }
            return answer(operation.work().apply(call));
        }
        if (key != null && (key.isBlank() || key.length() > 255)) {
            throw ApiException.invalid("Idempotency-Key", "An idempotency key has 1 to 255 characters.");
        }
        String what = request.method() + " " + request.uri().getRawPath() + "?"
                + request.uri().getRawQuery();
        return repeats.once(call.actor(), key, sha256(what.getBytes(StandardCharsets.UTF_8), call.content()), () -> {
            if (expected != null && !expected.equals("*")) {
                checkUnchanged(operation, call, expected);
            }
            return answer(operation.work().apply(call));
        });
    }

    private void checkUnchanged(Operation operation, Call call, String expected) {
        Operation read = operations.reading(operation.path());
        if (read == null) {
            throw ApiException.invalid("If-Match", "'If-Match' is for what can be read at the same address.");
        }
        Answer now = answer(read.work().apply(new Call(call.actor(), call.variables(), Map.of(), new byte[0])));
        if (!expected.equals(now.etag)) {
            throw ApiException.changed("It is no longer what was read: read it again, and repeat the change.");
        }
    }

    private static Answer answer(@Nullable Object value) {
        if (value == null) {
            return Answer.NOTHING;
        }
        byte[] body = Documents.json(value);
        return new Answer(200, body, etag(body), MediaType.APPLICATION_JSON_VALUE);
    }

    private static String etag(byte[] body) {
        return '"' + HexFormat.of().formatHex(sha256(body), 0, 16) + '"';
    }

    static byte[] sha256(byte[]... parts) {
        try {
            MessageDigest digest = MessageDigest.getInstance("SHA-256");
            for (byte[] part : parts) {
                digest.update(part);
                digest.update((byte) 0);
            }
            return digest.digest();
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException(e);
        }
    }

    private static Mono<ServerResponse> respond(ServerRequest request, Answer answer) {
        if (answer.status == 204) {
            return ServerResponse.noContent().build();
        }
        if (answer.etag != null && answer.etag.equals(request.headers().firstHeader("If-None-Match"))) {
            return ServerResponse.status(304).eTag(answer.etag).build();
        }
        ServerResponse.BodyBuilder response =
                ServerResponse.status(answer.status).contentType(MediaType.parseMediaType(answer.type));
        if (answer.etag != null) {
            response = response.eTag(answer.etag);
        }
        return response.bodyValue(answer.body);
    }
}
