package io.ashlar.engine;

/** The engine has as many requests as it may hold, or is closing. */
public class EngineBusyException extends RuntimeException {
    private static final long serialVersionUID = 1;

    public EngineBusyException(String message) {
        super(message);
    }
}
