package io.ashlar.document;

import io.ashlar.access.InvalidRequestException;
import java.lang.reflect.RecordComponent;
import java.math.BigDecimal;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.core.StreamReadFeature;
import tools.jackson.databind.DatabindException;
import tools.jackson.databind.DeserializationFeature;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.MapperFeature;
import tools.jackson.databind.PropertyNamingStrategies;
import tools.jackson.databind.cfg.CoercionAction;
import tools.jackson.databind.cfg.CoercionInputShape;
import tools.jackson.databind.cfg.DateTimeFeature;
import tools.jackson.databind.cfg.EnumFeature;
import tools.jackson.databind.cfg.MapperBuilder;
import tools.jackson.databind.exc.InvalidFormatException;
import tools.jackson.databind.exc.MismatchedInputException;
import tools.jackson.databind.exc.UnrecognizedPropertyException;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.type.LogicalType;
import tools.jackson.dataformat.yaml.YAMLMapper;
import tools.jackson.dataformat.yaml.YAMLWriteFeature;

/**
 * Reads and writes records as JSON or YAML: names in snake_case, constants in small letters, times as ISO 8601. A component is
 * required unless it is {@code @Nullable}; an unknown name is an error.
 */
public final class Documents {
    private static final JsonMapper JSON = set(JsonMapper.builder()).build();
    private static final YAMLMapper YAML = set(YAMLMapper.builder()
                    .disable(YAMLWriteFeature.WRITE_DOC_START_MARKER)
                    .enable(YAMLWriteFeature.MINIMIZE_QUOTES)
                    .disable(YAMLWriteFeature.SPLIT_LINES)
                    .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION))
            .build();

    private Documents() {}

    private static <B extends MapperBuilder<?, B>> B set(B builder) {
        return builder.propertyNamingStrategy(PropertyNamingStrategies.SNAKE_CASE)
                .enable(EnumFeature.WRITE_ENUMS_TO_LOWERCASE)
                .enable(MapperFeature.ACCEPT_CASE_INSENSITIVE_ENUMS)
                .disable(MapperFeature.SORT_PROPERTIES_ALPHABETICALLY)
                .disable(MapperFeature.ALLOW_COERCION_OF_SCALARS)
                .disable(DateTimeFeature.WRITE_DATES_AS_TIMESTAMPS)
                .enable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES)
                .disable(DeserializationFeature.ACCEPT_FLOAT_AS_INT)
                .disable(DeserializationFeature.FAIL_ON_NULL_FOR_PRIMITIVES)
                .withCoercionConfig(LogicalType.Textual, c -> {
                    c.setCoercion(CoercionInputShape.Integer, CoercionAction.Fail);
                    c.setCoercion(CoercionInputShape.Float, CoercionAction.Fail);
                    c.setCoercion(CoercionInputShape.Boolean, CoercionAction.Fail);
                });
    }

    public static byte[] json(Object value) {
        return JSON.writeValueAsBytes(value);
    }

    public static JsonNode tree(Object value) {
        return JSON.valueToTree(value);
    }

    /** @throws InvalidRequestException where it is not JSON */
    public static JsonNode parse(String text) {
        try {
            return JSON.readTree(text);
        } catch (JacksonException e) {
            throw new InvalidRequestException("body", "The body is not valid JSON: " + e.getOriginalMessage());
        }
    }

    public static String yaml(Object value) {
        return YAML.writeValueAsString(value);
    }

    /** @throws InvalidRequestException where it is not YAML, or does not fit the record */
    public static <T> T readYaml(String text, Class<T> type) {
        JsonNode tree;
        try {
            tree = YAML.readTree(text);
        } catch (JacksonException e) {
            throw new InvalidRequestException("file", "The file is not valid YAML: " + firstLine(e));
        }
        return read(tree, type);
    }

    /** @throws InvalidRequestException naming the first field that does not fit */
    public static <T> T read(JsonNode tree, Class<T> type) {
        if (!tree.isObject()) {
            throw new InvalidRequestException("body", "The body must be an object with names and values.");
        }
        T value;
        try {
            value = JSON.treeToValue(tree, type);
        } catch (DatabindException e) {
            throw refusal(e);
        }
        checkComplete(value, "");
        return value;
    }

    private static InvalidRequestException refusal(DatabindException e) {
        for (Throwable cause = e; cause != null; cause = cause.getCause()) {
            if (cause instanceof InvalidRequestException known) {
                return known;
            }
        }
        String field = path(e);
        return switch (e) {
            case UnrecognizedPropertyException unknown ->
                new InvalidRequestException(
                        field,
                        "'" + field + "' is not known here; the names are "
                                + unknown.getKnownPropertyIds().stream()
                                        .map(String::valueOf)
                                        .collect(Collectors.joining(", "))
                                + ".");
            case InvalidFormatException format
            when format.getTargetType().isEnum() ->
                new InvalidRequestException(
                        field,
                        "'" + field + "' must be one of " + constants(format.getTargetType()) + ", but is '"
                                + format.getValue() + "'.");
            case MismatchedInputException mismatch
            when mismatch.getTargetType() != null ->
                new InvalidRequestException(field, "'" + field + "' must be " + kind(mismatch.getTargetType()) + ".");
            default -> new InvalidRequestException(field, "'" + field + "' cannot be read: " + firstLine(e));
        };
    }

    private static String path(DatabindException e) {
        StringBuilder path = new StringBuilder();
        for (JacksonException.Reference step : e.getPath()) {
            if (step.getPropertyName() == null) {
                path.append('[').append(step.getIndex()).append(']');
            } else {
                path.append(path.isEmpty() ? "" : ".").append(step.getPropertyName());
            }
        }
        return path.isEmpty() ? "body" : path.toString();
    }

    static String constants(Class<?> type) {
        return Arrays.stream(type.getEnumConstants())
                .map(c -> ((Enum<?>) c).name().toLowerCase(Locale.ROOT))
                .collect(Collectors.joining(", "));
    }

    private static String kind(Class<?> type) {
        if (type == String.class) {
            return "a string";
        } else if (type == boolean.class || type == Boolean.class) {
            return "true or false";
        } else if (type == int.class || type == Integer.class || type == long.class || type == Long.class) {
            return "an integer";
        } else if (type == double.class || type == Double.class || type == BigDecimal.class) {
            return "a number";
        } else if (type == java.util.UUID.class) {
            return "an id";
        } else if (type == java.time.Instant.class) {
            return "a time such as 2026-01-31T12:00:00Z";
        } else if (type == java.time.LocalDate.class) {
            return "a day such as 2026-01-31";
        } else if (List.class.isAssignableFrom(type)) {
            return "a list";
        }
        return "an object";
    }

    private static String firstLine(Exception e) {
        String message = e instanceof JacksonException known ? known.getOriginalMessage() : e.getMessage();
        return String.valueOf(message).lines().findFirst().orElse("");
    }

    /** Every component that is not {@code @Nullable} has a value. */
    private static void checkComplete(@Nullable Object value, String path) {
        if (value instanceof Record row) {
            for (RecordComponent component : row.getClass().getRecordComponents()) {
                String name = path + (path.isEmpty() ? "" : ".") + name(component);
                Object part = value(row, component);
                if (part == null && !isOptional(component)) {
                    throw new InvalidRequestException(name, "'" + name + "' is missing.");
                }
                checkComplete(part, name);
            }
        } else if (value instanceof List<?> list) {
            for (int i = 0; i < list.size(); i++) {
                checkComplete(list.get(i), path + "[" + i + "]");
            }
        } else if (value instanceof Map<?, ?> map) {
            map.forEach((key, part) -> checkComplete(part, path + "." + key));
        }
    }

    static boolean isOptional(RecordComponent component) {
        return component.getAnnotatedType().isAnnotationPresent(Nullable.class);
    }

    static String name(RecordComponent component) {
        return component.getName().replaceAll("([a-z0-9])([A-Z])", "$1_$2").toLowerCase(Locale.ROOT);
    }

    private static @Nullable Object value(Record row, RecordComponent component) {
        try {
            component.getAccessor().setAccessible(true);
            return component.getAccessor().invoke(row);
        } catch (ReflectiveOperationException e) {
            throw new IllegalStateException(e);
        }
    }
}
