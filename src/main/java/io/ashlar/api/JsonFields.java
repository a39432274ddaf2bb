package io.ashlar.api;

import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** Typed reading of a request's JSON. What is wrong is refused with its path; null counts as absent. */
public record JsonFields(JsonNode node, String path) {
    public static JsonFields parse(byte[] body) {
        JsonNode root;
        try {
            root = JsonMapper.shared().readTree(body);
        } catch (JacksonException e) {
            throw ApiException.invalid(null, "The body is not valid JSON: " + e.getOriginalMessage());
        }
        if (root == null || !root.isObject()) {
            throw ApiException.invalid(null, "The body must be a JSON object.");
        }
        return new JsonFields(root, "");
    }

    public String name(String field) {
        return path.isEmpty() ? field : path + "." + field;
    }

    public boolean has(String field) {
        JsonNode value = node.get(field);
        return value != null && !value.isNull();
    }

    public JsonNode get(String field) {
        return node.path(field);
    }

    public ApiException wrong(String field, String expected) {
        return ApiException.invalid(
                name(field), "'" + name(field) + "' must be " + expected + ", but is " + shortened(get(field)) + ".");
    }

    private static String shortened(JsonNode value) {
        String text = value.toString();
        return text.length() <= 60 ? text : text.substring(0, 60) + "...";
    }

    private static ApiException missing(String name, String expected) {
        return ApiException.invalid(name, "'" + name + "' is missing; it must be " + expected + ".");
    }

    public String text(String field) {
        if (!has(field)) {
            throw missing(name(field), "a string");
        }
        if (!get(field).isString()) {
            throw wrong(field, "a string");
        }
        return get(field).stringValue();
    }

    public boolean flag(String field, boolean otherwise) {
        if (!has(field)) {
            return otherwise;
        }
        if (!get(field).isBoolean()) {
            throw wrong(field, "true or false");
        }
        return get(field).booleanValue();
    }

    /** A number of a closed range. */
    public double number(String field, double least, double most, double otherwise) {
        if (!has(field)) {
            return otherwise;
        }
        JsonNode value = get(field);
        if (!value.isNumber() || !(value.doubleValue() >= least && value.doubleValue() <= most)) {
            throw wrong(field, "a number from " + plain(least) + " to " + plain(most));
        }
        return value.doubleValue();
    }

    private static String plain(double value) {
        return value == Math.rint(value) ? String.valueOf((long) value) : String.valueOf(value);
    }

    public int integer(String field, int least, int most, int otherwise) {
        if (!has(field)) {
            return otherwise;
        }
        JsonNode value = get(field);
        if (!value.isIntegralNumber()
                || !value.canConvertToInt()
                || value.intValue() < least
                || value.intValue() > most) {
            String expected = most == Integer.MAX_VALUE
                    ? "an integer of at least " + least
                    : "an integer from " + least + " to " + most;
            throw wrong(field, expected);
        }
        return value.intValue();
    }

    public @Nullable Long longOrNull(String field) {
        if (!has(field)) {
            return null;
        }
        JsonNode value = get(field);
        if (!value.isIntegralNumber() || !value.canConvertToLong()) {
            throw wrong(field, "a 64-bit integer");
        }
        return value.longValue();
    }

    /** The objects of an array that must have at least one. */
    public List<JsonFields> objects(String field) {
        if (!has(field)) {
            throw missing(name(field), "an array of objects");
        }
        JsonNode array = get(field);
        if (!array.isArray() || array.isEmpty()) {
            throw wrong(field, "an array of at least one object");
        }
        List<JsonFields> objects = new ArrayList<>();
        for (int i = 0; i < array.size(); i++) {
            String path = name(field) + "[" + i + "]";
            if (!array.get(i).isObject()) {
                throw ApiException.invalid(path, "'" + path + "' must be an object.");
            }
            objects.add(new JsonFields(array.get(i), path));
        }
        return objects;
    }

    /** Refuses a field that would change the answer and is not supported, unless its value asks for nothing. */
    public void refuse(String field, String... harmless) {
        if (!has(field)) {
            return;
        }
        String value = get(field).toString();
        for (String h : harmless) {
            if (value.equals(h)) {
                return;
            }
        }
        throw ApiException.unsupported(name(field), "'" + name(field) + "' is not supported.");
    }
}
