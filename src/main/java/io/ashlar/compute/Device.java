package io.ashlar.compute;

import java.lang.foreign.MemorySegment;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** A place that computes. Used by one engine thread at a time, except where a method says that any thread may call it. */
public interface Device extends AutoCloseable {
    /** Its name in configuration and metrics, such as {@code cpu} or {@code cuda:0}. */
    String name();

    /** Zeroed memory. */
    Buffer allocate(long bytes);

    /** Zeroed memory for a page pool. */
    default Buffer allocatePages(long bytes) {
        return allocate(bytes);
    }

    /** Weights made readable to kernels. A device that computes on host memory may use {@code source} itself. */
    Buffer upload(MemorySegment source);

    /**
     * A matrix in {@link Panels}, made readable to products. Any thread may call it.
     *
     * @param source lives as long as the matrix; a device with memory of its own does not look at it again
     */
    default Matrix matrix(MemorySegment source, DType type, int rows, int columns) {
        return new Matrix(upload(source), 0, type, rows, columns);
    }

    /** How it wants the rows of a step cut for attention. */
    default AttentionTiling tiling() {
        return AttentionTiling.HOST;
    }

    Ints ints(int length);

    /** An empty table of pages that lie in {@code pool}. */
    PageTable pageTable(Buffer pool, int layers);

    PageTables pageTables(int rows);

    /** @param terms by slot */
    LowRankTerms lowRankTerms(List<@Nullable LowRank> terms);

    AdapterRows adapterRows();

    Kernels kernels();

    /** Copies within a buffer, between places that do not overlap and that no recorded work uses. */
    void copy(Buffer memory, long from, long to, long bytes);

    /**
     * Copies pages to host memory, beside what kernels do. Any thread may call it; it returns when the bytes are there.
     *
     * @param pages their offsets in {@code memory}
     * @param to {@code pages.length x pageBytes} bytes
     */
    void copyOut(Buffer memory, long[] pages, long pageBytes, MemorySegment to);

    /** The way back: fills pages from host memory, beside what kernels do. */
    void copyIn(MemorySegment from, Buffer memory, long[] pages, long pageBytes);

    /** Copies the first {@code count} floats of a row to the host, after the work recorded so far is done. */
    void download(Activations from, int row, float[] into, int count);

    /** Called once by the thread that will run kernels, before its first. */
    void adoptThread();

    /** Does what makes the first steps as fast as later ones. Any thread may call it, beside an engine that runs. */
    void warmUp();

    /** How its own memory is used. */
    default MemoryUse memory() {
        return MemoryUse.HOST;
    }

    /** What computes, in a few words: for the log and the console. */
    String describe();

    @Override
    void close();
}
