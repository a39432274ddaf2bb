package io.ashlar.compute.cpu;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** Operations recorded for the native library: {@code Op} of {@code ashlar.h}, written field by field. */
final class Tape implements AutoCloseable {
    /** Changes with every change of {@code ashlar.h}, which has the same number. */
    static final int LAYOUT = 2;

    static final int OP_BYTES = 448;
    private static final int RANGES = 16;
    private static final int HEADER = 16 + 4 * RANGES;
    private static final int CAPACITY = 1024;

    /** The kinds of operations, in the order of {@code ashlar.h}. */
    enum Kind {
        EMBED,
        NORM,
        HEAD_NORM,
        QUANTIZE,
        PROJECT,
        LOW_RANK,
        ROTATE,
        STORE,
        ATTEND,
        MERGE,
        GATE,
        SOFTCAP,
        ROUTE,
        EXPERTS,
        COMBINE,
        ARGMAX,
        COPY
    }

    private final Arena arena = Arena.ofShared();
    private final MemorySegment memory = arena.allocate((long) CAPACITY * OP_BYTES, 64);
    private int count;
    private long at;

    boolean isFull() {
        return count == CAPACITY;
    }

    boolean isEmpty() {
        return count == 0;
    }

    /**
     * Begins an operation; its fields follow.
     *
     * @param serial whether it is too small to be shared among workers
     */
    Tape op(Kind kind, int tasks, boolean serial) {
        long start = (long) count * OP_BYTES;
        memory.set(ValueLayout.JAVA_INT, start, kind.ordinal());
        memory.set(ValueLayout.JAVA_INT, start + 4, serial ? 1 : 0);
        memory.set(ValueLayout.JAVA_INT, start + 8, tasks);
        memory.asSlice(start + 12, HEADER - 12).fill((byte) 0);
        at = start + HEADER;
        count++;
        return this;
    }

    Tape put(long word) {
        memory.set(ValueLayout.JAVA_LONG, at, word);
        at += 8;
        return this;
    }

    Tape put(double value) {
        memory.set(ValueLayout.JAVA_DOUBLE, at, value);
        at += 8;
        return this;
    }

    long address() {
        return memory.address();
    }

    int count() {
        return count;
    }

    void clear() {
        count = 0;
    }

    @Override
    public void close() {
        arena.close();
    }
}
