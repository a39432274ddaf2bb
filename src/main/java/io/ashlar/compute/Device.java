package io.ashlar.compute;

import java.lang.foreign.MemorySegment;

/** A place that computes. Used by one engine thread at a time, except for {@link #upload}, which any thread may call. */
public interface Device extends AutoCloseable {
    /** Its name in configuration and metrics, such as {@code cpu} or {@code cuda:0}. */
    String name();

    /** Zeroed memory. */
    Buffer allocate(long bytes);

    /** Weights made readable to kernels. A device that computes on host memory may use {@code source} itself. */
    Buffer upload(MemorySegment source);

    Kernels kernels();

    /** Copies the first {@code count} floats of a row to the host. */
    void download(Activations from, int row, float[] into, int count);

    /** Called once by the thread that will run kernels, before its first. */
    void adoptThread();

    /** Does what makes the first steps as fast as later ones. Any thread may call it, beside an engine that runs. */
    void warmUp();

    @Override
    void close();
}
