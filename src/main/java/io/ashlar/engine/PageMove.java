package io.ashlar.engine;

import io.ashlar.compute.Buffer;
import io.ashlar.compute.Device;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * The pages of a sequence in host memory, and their way there and back. The engine's thread owns it, except that the mover
 * alone touches the memory while a copy is {@link #underWay}.
 */
final class PageMove {
    /** By group and layer. */
    private final long bytes;

    private final long pageBytes;
    private @Nullable Arena arena;
    private @Nullable MemorySegment memory;
    private boolean out = true;
    private long[] pages;
    /** Where in host memory the pages begin that are copied back. */
    private long from;

    /** Whether the mover has it. */
    boolean underWay;
    /** Whether its sequence ended meanwhile. */
    boolean abandoned;

    boolean failed;

    PageMove(long[] pages, long pageBytes) {
        this.pages = pages;
        this.pageBytes = pageBytes;
        this.bytes = pages.length * pageBytes;
    }

    /** Host memory that it takes. */
    long bytes() {
        return bytes;
    }

    boolean isOut() {
        return out;
    }

    /**
     * Turns round.
     *
     * @param into the pages to fill
     * @param first the place of the first of them among those that went out
     */
    void back(long[] into, int first) {
        out = false;
        pages = into;
        from = first * pageBytes;
    }

    /** On the mover's thread; returns the nanoseconds that it took. */
    long copy(Device device, Buffer pool) {
        long begin = System.nanoTime();
        if (out) {
            arena = Arena.ofShared();
            memory = arena.allocate(Math.max(1, bytes), 64);
            device.copyOut(pool, pages, pageBytes, memory);
        } else if (memory != null) {
            device.copyIn(memory.asSlice(from, pages.length * pageBytes), pool, pages, pageBytes);
        }
        return System.nanoTime() - begin;
    }

    /** Bytes of the copy under way. */
    long copiedBytes() {
        return pages.length * pageBytes;
    }

    void close() {
        if (arena != null) {
            arena.close();
            arena = null;
            memory = null;
        }
    }
}
