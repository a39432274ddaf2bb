package io.ashlar.api.admin;

import java.io.PrintWriter;
import java.util.List;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import org.springframework.http.HttpMethod;

/**
 * One thing that the admin API does: what its route, its description and its answer are made of.
 *
 * @param path with variables in braces
 * @param summary a sentence for the description
 * @param body the record that a request's body is; null where there is none
 * @param answer the record that is answered; null for nothing, {@link Table} for CSV
 * @param many whether the answer is a page of such records
 * @param filters names of query parameters beside those of pages
 * @param alone whether it is no part of a transaction: it changes files too, and has transactions of its own at the right moments
 * @param work what it does; returns what is answered
 */
record Operation(
        HttpMethod method,
        String path,
        String summary,
        @Nullable Class<?> body,
        @Nullable Class<?> answer,
        boolean many,
        List<String> filters,
        boolean alone,
        Function<Call, @Nullable Object> work) {
    Operation(
            HttpMethod method,
            String path,
            String summary,
            @Nullable Class<?> body,
            @Nullable Class<?> answer,
            boolean many,
            List<String> filters,
            Function<Call, @Nullable Object> work) {
        this(method, path, summary, body, answer, many, filters, false, work);
    }

    /** Many records of an answer. */
    record Page<T>(List<T> data, @Nullable String next) {
        static <T> Page<T> whole(List<T> data) {
            return new Page<>(data, null);
        }
    }

    /** CSV, written as it is read: whoever may not see it is refused before. */
    @FunctionalInterface
    interface Table {
        void write(PrintWriter out);
    }

    boolean changes() {
        return method != HttpMethod.GET;
    }
}
