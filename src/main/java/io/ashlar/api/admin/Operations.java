package io.ashlar.api.admin;

import static org.springframework.http.HttpMethod.GET;

import io.ashlar.access.InvalidRequestException;
import io.ashlar.api.ApiException;
import io.ashlar.identity.Tenant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.UUID;
import java.util.function.Function;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.springframework.http.HttpMethod;

/** A part of what the admin API does, and what its parts have in common. */
abstract class Operations {
    static final String AT = "/admin/v1";

    /** A name alone. */
    record Named(String name) {}

    /** A new key with its text, which is told this once. */
    record MadeKey(UUID id, String key) {}

    final AdminOperations.Services s;
    final List<Operation> list = new ArrayList<>();

    Operations(AdminOperations.Services services) {
        this.s = services;
    }

    void one(
            HttpMethod method,
            String path,
            String summary,
            @Nullable Class<?> body,
            @Nullable Class<?> answer,
            Function<Call, @Nullable Object> work) {
        list.add(new Operation(method, path, summary, body, answer, false, List.of(), work));
    }

    void many(
            String path,
            String summary,
            Class<?> answer,
            List<String> filters,
            Function<Call, Operation.Page<?>> work) {
        list.add(new Operation(GET, path, summary, null, answer, true, filters, work::apply));
    }

    Tenant tenant(Call call) {
        return tenant(call, "tenant", call.variable("tenant"));
    }

    Tenant tenant(Call call, String field, String name) {
        return s.tenants()
                .named(name, call.actor())
                .orElseThrow(() -> ApiException.notFound(field, "There is no tenant '" + name + "'."));
    }

    static Supplier<ApiException> missing(String field, String what) {
        return () -> ApiException.notFound(field, "There is no such " + what + ".");
    }

    static void found(boolean found, String field, String what) {
        if (!found) {
            throw missing(field, what).get();
        }
    }

    static <E extends Enum<E>> E constant(Call call, String name, Class<E> type) {
        return Arrays.stream(type.getEnumConstants())
                .filter(e -> e.name().toLowerCase(Locale.ROOT).equals(call.text(name)))
                .findFirst()
                .orElseThrow(() -> new InvalidRequestException(
                        name,
                        "'" + name + "' must be one of "
                                + String.join(
                                        ", ",
                                        Stream.of(type.getEnumConstants())
                                                .map(e -> e.name().toLowerCase(Locale.ROOT))
                                                .toList())
                                + "."));
    }
}
