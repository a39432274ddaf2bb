package io.ashlar.compute.cpu;

import io.ashlar.compute.Ints;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

final class CpuInts implements Ints {
    private final Arena arena = Arena.ofShared();
    private final MemorySegment memory;
    private final int length;

    CpuInts(int length) {
        this.length = length;
        this.memory = arena.allocate(Math.max(1, length) * 4L, 64);
    }

    @Override
    public int length() {
        return length;
    }

    @Override
    public int get(int index) {
        return memory.getAtIndex(ValueLayout.JAVA_INT, index);
    }

    @Override
    public void set(int index, int value) {
        memory.setAtIndex(ValueLayout.JAVA_INT, index, value);
    }

    long address() {
        return memory.address();
    }

    @Override
    public void close() {
        arena.close();
    }
}
