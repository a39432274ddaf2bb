package io.ashlar.access;

/** An administrator's request that cannot be carried out. The message says which field is wrong and what would be right. */
public final class InvalidRequestException extends RuntimeException {
    private static final long serialVersionUID = 1;

    private final String field;

    public InvalidRequestException(String field, String message) {
        super(message);
        this.field = field;
    }

    public String field() {
        return field;
    }
}
