package io.ashlar.api.admin;

import io.ashlar.document.Schemas;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** The description of the admin API (OpenAPI 3.1), made of the same operations as its routes. */
final class OpenApi {
    private static final Pattern VARIABLE = Pattern.compile("\\{\\*?([a-z]+)}");

    private OpenApi() {}

    static Map<String, Object> describe(List<Operation> operations) {
        Schemas schemas = new Schemas();
        Map<String, Map<String, Object>> paths = new LinkedHashMap<>();
        for (Operation operation : operations) {
            paths.computeIfAbsent(operation.path().replace("{*", "{"), p -> new LinkedHashMap<>())
                    .put(operation.method().name().toLowerCase(Locale.ROOT), describe(operation, schemas));
        }
        Map<String, Object> root = new LinkedHashMap<>();
        root.put("openapi", "3.1.0");
        root.put("info", Map.of("title", "Ashlar admin API", "version", "v1"));
        root.put("security", List.of(Map.of("key", List.of())));
        root.put("paths", paths);
        root.put(
                "components",
                Map.of(
                        "securitySchemes",
                        Map.of("key", Map.of("type", "http", "scheme", "bearer")),
                        "schemas",
                        schemas.components()));
        return root;
    }

    private static Map<String, Object> describe(Operation operation, Schemas schemas) {
        List<Object> parameters = new ArrayList<>();
        Matcher variables = VARIABLE.matcher(operation.path());
        while (variables.find()) {
            parameters.add(parameter(variables.group(1), "path"));
        }
        operation.filters().forEach(f -> parameters.add(parameter(f, "query")));
        if (operation.many()) {
            parameters.add(parameter("limit", "query"));
            parameters.add(parameter("after", "query"));
        }
        if (operation.changes() && !operation.alone()) {
            parameters.add(parameter("If-Match", "header"));
            parameters.add(parameter("Idempotency-Key", "header"));
        }
        Map<String, Object> described = new LinkedHashMap<>();
        described.put("summary", operation.summary());
        described.put("parameters", parameters);
        if (operation.body() != null) {
            described.put("requestBody", Map.of("required", true, "content", json(schemas.of(operation.body()))));
        }
        described.put(
                "responses", Map.of("2XX", answer(operation, schemas), "default", Map.of("description", "An error.")));
        return described;
    }

    private static Map<String, Object> answer(Operation operation, Schemas schemas) {
        Class<?> answer = operation.answer();
        if (answer == null) {
            return Map.of("description", "Done.");
        }
        if (answer == Operation.Table.class) {
            return Map.of("description", "A table.", "content", Map.of("text/csv", Map.of()));
        }
        Map<String, Object> schema = schemas.of(answer);
        if (operation.many()) {
            schema = Map.of(
                    "type",
                    "object",
                    "properties",
                    Map.of(
                            "data", Map.of("type", "array", "items", schema),
                            "next", Map.of("type", List.of("string", "null"))));
        }
        return Map.of("description", "The answer.", "content", json(schema));
    }

    private static Map<String, Object> json(Map<String, Object> schema) {
        return Map.of("application/json", Map.of("schema", schema));
    }

    private static Map<String, Object> parameter(String name, String in) {
        return Map.of("name", name, "in", in, "required", in.equals("path"), "schema", Map.of("type", "string"));
    }
}
