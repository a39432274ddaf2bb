package io.ashlar.serving;

import java.time.Duration;
import org.jspecify.annotations.Nullable;

/** Another server did not do what a deployment needs of it. */
public final class UpstreamFailure extends RuntimeException {
    private static final long serialVersionUID = 1;

    /** Whose fault it is. */
    public enum Kind {
        /** The request's: the other server says what is wrong with it. */
        REFUSED,
        /** Nobody's: it has enough to do. */
        BUSY,
        /** The other server's, or of the way there. */
        BROKEN
    }

    private final Kind kind;
    private final @Nullable String field;
    private final Duration retryAfter;

    /** @param field of the request; null where none is named */
    UpstreamFailure(Kind kind, @Nullable String field, String message, Duration retryAfter) {
        super(message, null, false, false);
        this.kind = kind;
        this.field = field;
        this.retryAfter = retryAfter;
    }

    static UpstreamFailure broken(String message) {
        return new UpstreamFailure(Kind.BROKEN, null, message, Duration.ofSeconds(5));
    }

    public Kind kind() {
        return kind;
    }

    public @Nullable String field() {
        return field;
    }

    public Duration retryAfter() {
        return retryAfter;
    }
}
