package io.ashlar.compute.cuda;

import java.lang.foreign.MemorySegment;

/**
 * One opened GPU: the part of the driver's interface that Ashlar uses. Addresses are of device memory; streams, events, kernels
 * and graphs are named by numbers that the driver gave. Any thread may call it, but a stream is used by one thread at a time.
 */
public interface Gpu extends AutoCloseable {
    GpuProperties properties();

    /** Bytes that nobody uses, other processes included. */
    long freeBytes();

    long allocate(long bytes);

    void free(long address);

    /** Host memory that the GPU copies from and to in the background. Lives until the GPU is closed. */
    MemorySegment pinned(long bytes);

    /** @param urgent whether its work goes before that of other streams */
    long stream(boolean urgent);

    long event();

    /** The event comes when all work that is now in the stream is done. */
    void record(long event, long stream);

    /** The stream's later work waits for the event. */
    void await(long event, long stream);

    /** The calling thread waits for the event. */
    void synchronize(long event);

    /** Between two events that have come. */
    float millis(long from, long to);

    /** @param from pinned */
    void copyIn(long to, MemorySegment from, long stream);

    /** @param to pinned */
    void copyOut(MemorySegment to, long from, long stream);

    void copy(long to, long from, long bytes, long stream);

    void zero(long at, long bytes, long stream);

    /**
     * A kernel of ours.
     *
     * @param sharedBytes the most that it will be launched with
     */
    long kernel(String name, int sharedBytes);

    /** Launches entry {@code i} of the list. */
    void launch(Launches launches, int i, long stream);

    /** All launches as one graph, each after those that {@link Launches#after} names. */
    long graph(Launches launches);

    void launchGraph(long graph, long stream);

    void freeGraph(long graph);

    @Override
    void close();
}
