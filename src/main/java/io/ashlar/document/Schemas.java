package io.ashlar.document;

import java.lang.reflect.ParameterizedType;
import java.lang.reflect.RecordComponent;
import java.lang.reflect.Type;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.time.Instant;
import java.time.LocalDate;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import tools.jackson.databind.JsonNode;

/** JSON schemas (as OpenAPI 3.1 has them) of records, as {@link Documents} reads and writes them. */
public final class Schemas {
    private final Map<String, Object> components = new LinkedHashMap<>();

    /** The schemas of all records that were asked for, by name. */
    public Map<String, Object> components() {
        return components;
    }

    /** The schema of a type; that of a record is a reference to {@link #components}. */
    public Map<String, Object> of(Type type) {
        if (type instanceof ParameterizedType generic) {
            Class<?> raw = (Class<?>) generic.getRawType();
            Type[] arguments = generic.getActualTypeArguments();
            if (Map.class.isAssignableFrom(raw)) {
                return Map.of("type", "object", "additionalProperties", of(arguments[1]));
            }
            return Map.of("type", "array", "items", of(arguments[0]));
        }
        Class<?> known = (Class<?>) type;
        if (known.isRecord()) {
            String name = name(known);
            if (!components.containsKey(name)) {
                components.put(name, Map.of());
                components.put(name, record(known));
            }
            return Map.of("$ref", "#/components/schemas/" + name);
        }
        if (known.isEnum()) {
            return Map.of(
                    "type",
                    "string",
                    "enum",
                    Arrays.stream(known.getEnumConstants())
                            .map(c -> ((Enum<?>) c).name().toLowerCase(Locale.ROOT))
                            .toList());
        }
        return plain(known);
    }

    private static Map<String, Object> plain(Class<?> type) {
        if (type == String.class) {
            return Map.of("type", "string");
        } else if (type == UUID.class) {
            return Map.of("type", "string", "format", "uuid");
        } else if (type == Instant.class) {
            return Map.of("type", "string", "format", "date-time");
        } else if (type == LocalDate.class) {
            return Map.of("type", "string", "format", "date");
        } else if (type == boolean.class || type == Boolean.class) {
            return Map.of("type", "boolean");
        } else if (Set.of(int.class, Integer.class, long.class, Long.class, BigInteger.class)
                .contains(type)) {
            return Map.of("type", "integer", "format", type == int.class || type == Integer.class ? "int32" : "int64");
        } else if (Set.of(double.class, Double.class, BigDecimal.class).contains(type)) {
            return Map.of("type", "number");
        } else if (JsonNode.class.isAssignableFrom(type) || type == Object.class || type == Map.class) {
            return Map.of();
        }
        throw new IllegalArgumentException("no schema for " + type);
    }

    private Map<String, Object> record(Class<?> type) {
        Map<String, Object> properties = new LinkedHashMap<>();
        List<String> required = Arrays.stream(type.getRecordComponents())
                .filter(c -> !Documents.isOptional(c))
                .map(Documents::name)
                .toList();
        for (RecordComponent component : type.getRecordComponents()) {
            properties.put(Documents.name(component), of(component.getGenericType()));
        }
        Map<String, Object> schema = new LinkedHashMap<>();
        schema.put("type", "object");
        schema.put("properties", properties);
        schema.put("required", required);
        return schema;
    }

    private static String name(Class<?> type) {
        Class<?> outer = type.getEnclosingClass();
        return outer == null || outer.getSimpleName().endsWith("Operations")
                ? type.getSimpleName()
                : outer.getSimpleName() + type.getSimpleName();
    }
}
