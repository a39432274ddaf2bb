package io.ashlar.compute.cpu;

import io.ashlar.compute.Activations;
import io.ashlar.compute.Buffer;
import io.ashlar.compute.Device;
import io.ashlar.compute.Kernels;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** Computes on the host's cores, directly on mapped weights. */
public final class CpuDevice implements Device {
    private static final int CACHE_LINE = 64;

    private final Workers workers;
    private final CpuKernels kernels;

    private final int niceness;

    public CpuDevice(int threads) {
        this(threads, 0);
    }

    /**
     * @param threads threads that compute, the calling one included
     * @param niceness how far they stand back where others want their core: 0 not at all, 19 the most
     */
    public CpuDevice(int threads, int niceness) {
        this.niceness = niceness;
        this.workers = new Workers(threads, niceness);
        this.kernels = new CpuKernels(workers);
    }

    @Override
    public String name() {
        return "cpu";
    }

    @Override
    public Buffer allocate(long bytes) {
        Arena arena = Arena.ofShared();
        return CpuBuffer.of(arena.allocate(bytes, CACHE_LINE), arena);
    }

    @Override
    public Buffer upload(MemorySegment source) {
        return CpuBuffer.of(source, null);
    }

    @Override
    public Kernels kernels() {
        return kernels;
    }

    @Override
    public void download(Activations from, int row, float[] into, int count) {
        long start = (long) row * from.stride() * Float.BYTES;
        MemorySegment.copy(CpuBuffer.of(from), ValueLayout.JAVA_FLOAT, start, into, 0, count);
    }

    @Override
    public void adoptThread() {
        Niceness.yieldToOthers(niceness);
    }

    @Override
    public void warmUp() {
        CpuWarmUp.run();
    }

    @Override
    public void close() {
        workers.close();
    }
}
