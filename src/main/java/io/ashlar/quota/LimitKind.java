package io.ashlar.quota;

import java.time.Instant;
import java.time.ZoneOffset;
import java.time.ZonedDateTime;
import java.time.temporal.ChronoUnit;
import java.util.Arrays;
import java.util.Locale;
import java.util.Optional;
import java.util.stream.Collectors;

/** What a limit counts, and over which time. */
public enum LimitKind {
    REQUESTS_PER_MINUTE(Window.MINUTE, "requests per minute"),
    TOKENS_PER_MINUTE(Window.MINUTE, "tokens per minute"),
    PROMPT_TOKENS_PER_MINUTE(Window.MINUTE, "prompt tokens per minute"),
    COMPLETION_TOKENS_PER_MINUTE(Window.MINUTE, "completion tokens per minute"),
    CONCURRENT_REQUESTS(Window.NONE, "concurrent requests"),
    TOKENS_PER_DAY(Window.DAY, "tokens per day"),
    TOKENS_PER_MONTH(Window.MONTH, "tokens per month"),
    /** In millionths of the currency; counted in thousandths of these. */
    MONEY_PER_MONTH(Window.MONTH, "millionths of the currency per month"),
    LARGEST_PROMPT(Window.REQUEST, "tokens in a prompt"),
    LARGEST_OUTPUT(Window.REQUEST, "tokens in an answer");

    /** When a count begins anew: at the full minute, the full day and the month's first, in UTC. */
    public enum Window {
        MINUTE(ChronoUnit.MINUTES),
        DAY(ChronoUnit.DAYS),
        MONTH(ChronoUnit.MONTHS),
        /** Never: what was taken is given back. */
        NONE(ChronoUnit.FOREVER),
        /** Nothing is counted: each request is looked at alone. */
        REQUEST(ChronoUnit.FOREVER);

        private final ChronoUnit unit;

        Window(ChronoUnit unit) {
            this.unit = unit;
        }

        public Instant start(Instant at) {
            ZonedDateTime time = at.atZone(ZoneOffset.UTC);
            return switch (this) {
                case MINUTE, DAY -> at.truncatedTo(unit);
                case MONTH ->
                    time.truncatedTo(ChronoUnit.DAYS).withDayOfMonth(1).toInstant();
                case NONE, REQUEST -> Instant.EPOCH;
            };
        }

        /** The first moment after the window that begins at {@code start}. */
        public Instant end(Instant start) {
            return switch (this) {
                case MINUTE, DAY, MONTH ->
                    start.atZone(ZoneOffset.UTC).plus(1, unit).toInstant();
                case NONE, REQUEST -> Instant.MAX;
            };
        }
    }

    private final Window window;
    private final String words;

    LimitKind(Window window, String words) {
        this.window = window;
        this.words = words;
    }

    public Window window() {
        return window;
    }

    /** What is counted, for messages. */
    public String words() {
        return words;
    }

    /** Its name in settings and in the database. */
    public String word() {
        return name().toLowerCase(Locale.ROOT);
    }

    public static Optional<LimitKind> of(String word) {
        return Arrays.stream(values()).filter(k -> k.word().equals(word)).findFirst();
    }

    public static String allWords() {
        return Arrays.stream(values()).map(LimitKind::word).collect(Collectors.joining(", "));
    }

    /** Units in which it is counted, of one unit in which amounts are given. */
    long unitsOf() {
        return this == MONEY_PER_MONTH ? 1000 : 1;
    }

    /** What a request counts. */
    long of(int prompt, int cached, int completion, Price price) {
        return switch (this) {
            case REQUESTS_PER_MINUTE, CONCURRENT_REQUESTS -> 1;
            case TOKENS_PER_MINUTE, TOKENS_PER_DAY, TOKENS_PER_MONTH -> (long) prompt + completion;
            case PROMPT_TOKENS_PER_MINUTE, LARGEST_PROMPT -> prompt;
            case COMPLETION_TOKENS_PER_MINUTE, LARGEST_OUTPUT -> completion;
            case MONEY_PER_MONTH -> price.nanos(prompt, cached, completion);
        };
    }
}
