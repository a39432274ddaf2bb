package io.ashlar.identity;

/** A caller that is not let in. */
public final class KeyRefusal extends RuntimeException {
    private static final long serialVersionUID = 1;

    /** Why not. */
    public enum Reason {
        UNKNOWN,
        EXPIRED,
        REVOKED,
        NOT_PERMITTED,
        TENANT_SUSPENDED
    }

    private final Reason reason;

    public KeyRefusal(Reason reason, String message) {
        super(message, null, false, false);
        this.reason = reason;
    }

    public Reason reason() {
        return reason;
    }
}
