package io.ashlar.model;

/** A model that cannot be read or is not supported. The message says which file, what is wrong and what would be right. */
public final class CheckpointException extends RuntimeException {
    private static final long serialVersionUID = 1;

    public CheckpointException(String message) {
        super(message);
    }

    public CheckpointException(String message, Throwable cause) {
        super(message, cause);
    }
}
