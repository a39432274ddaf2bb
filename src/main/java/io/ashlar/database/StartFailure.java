package io.ashlar.database;

/** Ashlar cannot do what the command line asked. The message is one line that says what to do; it is all that is printed. */
public final class StartFailure extends RuntimeException {
    private static final long serialVersionUID = 1;

    public StartFailure(String message) {
        super(message);
    }

    public StartFailure(String message, Throwable cause) {
        super(message, cause);
    }
}
