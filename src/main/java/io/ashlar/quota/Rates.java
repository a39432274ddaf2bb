package io.ashlar.quota;

import java.time.Duration;
import org.jspecify.annotations.Nullable;

/** What is left of requests and tokens per minute; null where nothing is limited. */
public record Rates(@Nullable Rate requests, @Nullable Rate tokens) {
    static final Rates NONE = new Rates(null, null);

    /** One of the two. */
    public record Rate(long limit, long remaining, Duration reset) {}

    static Rate tighter(@Nullable Rate a, Rate b) {
        return a == null || b.remaining < a.remaining ? b : a;
    }

    /** A duration as OpenAI's headers have it: {@code 6m0s}, {@code 1h2m3s}, {@code 120ms}. */
    public static String words(Duration duration) {
        if (duration.compareTo(Duration.ofSeconds(1)) < 0) {
            return Math.max(0, duration.toMillis()) + "ms";
        }
        long seconds = duration.plusMillis(999).toSeconds();
        String text = seconds % 60 + "s";
        if (seconds >= 60) {
            text = seconds / 60 % 60 + "m" + text;
        }
        if (seconds >= 3600) {
            text = seconds / 3600 + "h" + text;
        }
        return text;
    }
}
