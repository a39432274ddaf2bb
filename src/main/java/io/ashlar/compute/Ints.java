package io.ashlar.compute;

/** Numbers of a step that kernels read: written by the host before the work is recorded, and left alone until it is done. */
public interface Ints extends AutoCloseable {
    int length();

    int get(int index);

    void set(int index, int value);

    @Override
    void close();
}
