package io.ashlar.blueprint;

import org.jspecify.annotations.Nullable;

/**
 * Something that is not as a blueprint says.
 *
 * @param what its place, such as {@code tenants.acme.weight}
 * @param before null where there is nothing yet
 * @param after null where it is taken away
 */
public record Difference(
        String what, @Nullable String before, @Nullable String after) {
    /** A line as people read it: {@code + new}, {@code - gone}, {@code ~ old -> new}. */
    public String line() {
        if (before == null) {
            return "+ " + what + (after == null || after.isEmpty() ? "" : ": " + after);
        }
        return after == null
                ? "- " + what + (before.isEmpty() ? "" : ": " + before)
                : "~ " + what + ": " + before + " -> " + after;
    }
}
