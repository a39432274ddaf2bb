package io.ashlar.compute.cpu;

import io.ashlar.compute.Activations;
import io.ashlar.compute.AdapterRows;
import io.ashlar.compute.Buffer;
import io.ashlar.compute.Device;
import io.ashlar.compute.Ints;
import io.ashlar.compute.Kernels;
import io.ashlar.compute.LowRank;
import io.ashlar.compute.LowRankTerms;
import io.ashlar.compute.PageTable;
import io.ashlar.compute.PageTables;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Computes on the host's cores, directly on mapped weights: by the native kernels, or without them by the Vector API. */
public final class CpuDevice implements Device {
    private static final int CACHE_LINE = 64;

    private final Workers workers;
    private final @Nullable NativeKernels natives;
    private final Kernels kernels;
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
        NativeLibrary library = NativeLibrary.load();
        this.natives = library == null ? null : new NativeKernels(library, workers);
        this.kernels = natives == null ? new VectorKernels(workers) : natives;
    }

    @Override
    public String name() {
        return "cpu";
    }

    @Override
    public Buffer allocate(long bytes) {
        Arena arena = Arena.ofShared();
        MemorySegment memory = bytes >= LazyMemory.LEAST
                ? LazyMemory.allocate(bytes, arena)
                : arena.allocate(Math.max(bytes, 1), CACHE_LINE);
        return new CpuBuffer(memory, arena);
    }

    @Override
    public Buffer upload(MemorySegment source) {
        return new CpuBuffer(source, null);
    }

    @Override
    public Ints ints(int length) {
        return new CpuInts(length);
    }

    @Override
    public PageTable pageTable(Buffer pool, int layers) {
        return new CpuPageTable(Address.of(pool), layers);
    }

    @Override
    public PageTables pageTables(int rows) {
        return new CpuPageTables(rows);
    }

    @Override
    public LowRankTerms lowRankTerms(List<@Nullable LowRank> terms) {
        return new CpuLowRankTerms(terms);
    }

    @Override
    public AdapterRows adapterRows() {
        return new CpuAdapterRows();
    }

    @Override
    public Kernels kernels() {
        return kernels;
    }

    @Override
    public void copy(Buffer memory, long from, long to, long bytes) {
        MemorySegment all = ((CpuBuffer) memory).memory();
        MemorySegment.copy(all, from, all, to, bytes);
    }

    @Override
    public void copyOut(Buffer memory, long[] pages, long pageBytes, MemorySegment to) {
        MemorySegment all = ((CpuBuffer) memory).memory();
        for (int i = 0; i < pages.length; i++) {
            MemorySegment.copy(all, pages[i], to, i * pageBytes, pageBytes);
        }
    }

    @Override
    public void copyIn(MemorySegment from, Buffer memory, long[] pages, long pageBytes) {
        MemorySegment all = ((CpuBuffer) memory).memory();
        for (int i = 0; i < pages.length; i++) {
            MemorySegment.copy(from, i * pageBytes, all, pages[i], pageBytes);
        }
    }

    @Override
    public void download(Activations from, int row, float[] into, int count) {
        kernels.finish();
        long start = (long) row * from.stride() * Float.BYTES;
        MemorySegment.copy(((CpuBuffer) from.data()).memory(), ValueLayout.JAVA_FLOAT, start, into, 0, count);
    }

    @Override
    public void adoptThread() {
        Niceness.yieldToOthers(niceness);
    }

    @Override
    public void warmUp() {
        if (natives == null) {
            VectorWarmUp.run();
        }
    }

    @Override
    public String describe() {
        return natives == null ? "Vector API, " + workers.count() + " threads" : natives.describe();
    }

    @Override
    public void close() {
        if (natives != null) {
            natives.close();
        }
        workers.close();
    }
}
