package io.ashlar.model;

import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/** Typed reading of a checkpoint's JSON; what is missing or of the wrong type is named with the file it was expected in. */
public record Fields(String source, JsonNode node) {
    public boolean has(String name) {
        JsonNode value = node.get(name);
        return value != null && !value.isNull();
    }

    public Fields object(String name) {
        return new Fields(
                source + ": " + name, require(name, "an object", node.path(name).isObject()));
    }

    public int positiveInt(String name) {
        JsonNode value = require(name, "a positive integer", node.path(name).isIntegralNumber());
        if (!value.canConvertToInt() || value.intValue() <= 0) {
            throw wrong(name, "a positive integer");
        }
        return value.intValue();
    }

    public int positiveInt(String name, int otherwise) {
        return has(name) ? positiveInt(name) : otherwise;
    }

    public double number(String name) {
        return require(name, "a number", node.path(name).isNumber()).doubleValue();
    }

    public double number(String name, double otherwise) {
        return has(name) ? number(name) : otherwise;
    }

    public boolean flag(String name, boolean otherwise) {
        return has(name)
                ? require(name, "true or false", node.path(name).isBoolean()).booleanValue()
                : otherwise;
    }

    public String text(String name) {
        return require(name, "a string", node.path(name).isString()).stringValue();
    }

    public @Nullable String textOrNull(String name) {
        return has(name) ? text(name) : null;
    }

    public CheckpointException wrong(String name, String expected) {
        return new CheckpointException(source + ": '" + name + "' must be " + expected + ", but is " + node.path(name));
    }

    private JsonNode require(String name, String expected, boolean right) {
        if (!has(name)) {
            throw new CheckpointException(source + ": '" + name + "' is missing; it must be " + expected);
        }
        if (!right) {
            throw wrong(name, expected);
        }
        return node.get(name);
    }
}
