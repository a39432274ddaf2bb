package io.ashlar.audit;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * What a change did. Values are as people read them, and never secrets.
 *
 * @param tenant whose members may see it; null for the platform's own
 * @param before values that are no longer; empty where something was made
 * @param after values that hold now; empty where something was removed
 */
public record Change(@Nullable UUID tenant, Map<String, String> before, Map<String, String> after) {
    public static Change made(@Nullable UUID tenant, Map<String, String> after) {
        return new Change(tenant, Map.of(), after);
    }

    public static Change removed(@Nullable UUID tenant, Map<String, String> before) {
        return new Change(tenant, before, Map.of());
    }

    /** Keeps what differs. */
    public static Change between(@Nullable UUID tenant, Map<String, String> before, Map<String, String> after) {
        Map<String, String> was = new LinkedHashMap<>(before);
        Map<String, String> is = new LinkedHashMap<>(after);
        was.entrySet().removeIf(e -> Objects.equals(e.getValue(), after.get(e.getKey())));
        is.entrySet().removeIf(e -> Objects.equals(e.getValue(), before.get(e.getKey())));
        return new Change(tenant, was, is);
    }

    /** Whether nothing is different. */
    public boolean isNone() {
        return before.isEmpty() && after.isEmpty();
    }
}
