package io.ashlar.compute;

/** A device has no room for what was asked of it. What runs there goes on. */
public final class OutOfDeviceMemoryException extends RuntimeException {
    private static final long serialVersionUID = 1;

    public OutOfDeviceMemoryException(String message) {
        super(message);
    }
}
