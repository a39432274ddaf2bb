package io.ashlar.api.admin;

import io.ashlar.access.Actor;
import io.ashlar.access.InvalidRequestException;
import io.ashlar.api.ApiException;
import io.ashlar.document.Documents;
import java.time.DateTimeException;
import java.time.LocalDate;
import java.util.Map;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * A request of the admin API.
 *
 * @param variables of the path, decoded
 * @param query parameters; the first of each name
 */
record Call(Actor actor, Map<String, String> variables, Map<String, String> query, byte[] content) {
    private static final int USUAL_PAGE = 100;
    private static final int LARGEST_PAGE = 1000;

    String variable(String name) {
        return variables.getOrDefault(name, "");
    }

    /** An id in the path; what is none names nothing. */
    UUID id(String name) {
        try {
            return UUID.fromString(variable(name));
        } catch (IllegalArgumentException e) {
            throw ApiException.notFound(name, "There is no such thing: '" + variable(name) + "'.");
        }
    }

    String text(String name) {
        return query.getOrDefault(name, "");
    }

    @Nullable
    String textOrNull(String name) {
        String text = query.get(name);
        return text == null || text.isEmpty() ? null : text;
    }

    boolean flag(String name) {
        return switch (text(name)) {
            case "", "false" -> false;
            case "true" -> true;
            default -> throw new InvalidRequestException(name, "'" + name + "' must be true or false.");
        };
    }

    @Nullable
    LocalDate day(String name) {
        String text = textOrNull(name);
        try {
            return text == null ? null : LocalDate.parse(text);
        } catch (DateTimeException e) {
            throw new InvalidRequestException(name, "'" + name + "' must be a day such as 2026-01-31.");
        }
    }

    /** How many of a page: {@code limit}. */
    int limit() {
        String text = textOrNull("limit");
        if (text == null) {
            return USUAL_PAGE;
        }
        int limit = text.matches("[0-9]{1,6}") ? Integer.parseInt(text) : 0;
        if (limit < 1 || limit > LARGEST_PAGE) {
            throw new InvalidRequestException("limit", "'limit' must be from 1 to " + LARGEST_PAGE + ".");
        }
        return limit;
    }

    /** Where a page begins: {@code after}, a number that the page before it said. */
    int offset() {
        String text = text("after");
        if (text.isEmpty()) {
            return 0;
        }
        if (!text.matches("[0-9]{1,9}")) {
            throw new InvalidRequestException("after", "'after' must be what the page before said as 'next'.");
        }
        return Integer.parseInt(text);
    }

    /** The page at {@link #offset}, told whether there is one after it. */
    <T> Operation.Page<T> page(java.util.List<T> oneMore) {
        boolean more = oneMore.size() > limit();
        return new Operation.Page<>(
                more ? oneMore.subList(0, limit()) : oneMore, more ? String.valueOf(offset() + limit()) : null);
    }

    <T> T body(Class<T> type) {
        String text = new String(content, java.nio.charset.StandardCharsets.UTF_8);
        return Documents.read(Documents.parse(text.isBlank() ? "{}" : text), type);
    }
}
