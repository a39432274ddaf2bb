package io.ashlar.compute;

/** Memory of a device. Whoever allocated it closes it. */
public interface Buffer extends AutoCloseable {
    long bytes();

    @Override
    void close();
}
