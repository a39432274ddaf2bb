package io.ashlar.quota;

import java.time.Duration;

/** A request that a limit does not allow. */
public final class QuotaRefusal extends RuntimeException {
    private static final long serialVersionUID = 1;

    /** As the caller reads it. */
    public enum Code {
        RATE_LIMIT_EXCEEDED,
        INSUFFICIENT_QUOTA,
        CONCURRENCY_LIMIT,
        PROMPT_TOO_LONG,
        OUTPUT_TOO_LONG
    }

    private final transient Limit limit;
    private final Code code;
    private final Duration retryAfter;

    QuotaRefusal(Limit limit, String message, Duration retryAfter) {
        super(message, null, false, false);
        this.limit = limit;
        this.code = code(limit.kind());
        this.retryAfter = retryAfter;
    }

    private static Code code(LimitKind kind) {
        return switch (kind) {
            case REQUESTS_PER_MINUTE, TOKENS_PER_MINUTE, PROMPT_TOKENS_PER_MINUTE, COMPLETION_TOKENS_PER_MINUTE ->
                Code.RATE_LIMIT_EXCEEDED;
            case TOKENS_PER_DAY, TOKENS_PER_MONTH, MONEY_PER_MONTH -> Code.INSUFFICIENT_QUOTA;
            case CONCURRENT_REQUESTS -> Code.CONCURRENCY_LIMIT;
            case LARGEST_PROMPT -> Code.PROMPT_TOO_LONG;
            case LARGEST_OUTPUT -> Code.OUTPUT_TOO_LONG;
        };
    }

    public Limit limit() {
        return limit;
    }

    public Code code() {
        return code;
    }

    /** When asking again makes sense; zero where it never does. */
    public Duration retryAfter() {
        return retryAfter;
    }
}
