package io.ashlar.compute.cpu;

import io.ashlar.compute.PageTable;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** Addresses of pages, {@code [layers, places]}. */
final class CpuPageTable implements PageTable {
    private static final int FIRST_PLACES = 8;

    private final long pool;
    private final int layers;
    private Arena arena = Arena.ofShared();
    private MemorySegment memory;
    private int places = FIRST_PLACES;

    CpuPageTable(long pool, int layers) {
        this.pool = pool;
        this.layers = layers;
        this.memory = arena.allocate((long) layers * places * 8, 64);
    }

    @Override
    public void set(int layer, int place, long offset) {
        if (place >= places) {
            grow(Math.max(place + 1, 2 * places));
        }
        memory.setAtIndex(ValueLayout.JAVA_LONG, (long) layer * places + place, pool + offset);
    }

    private void grow(int more) {
        Arena next = Arena.ofShared();
        MemorySegment wider = next.allocate((long) layers * more * 8, 64);
        for (int layer = 0; layer < layers; layer++) {
            MemorySegment.copy(memory, (long) layer * places * 8, wider, (long) layer * more * 8, places * 8L);
        }
        arena.close();
        arena = next;
        memory = wider;
        places = more;
    }

    long address() {
        return memory.address();
    }

    int places() {
        return places;
    }

    @Override
    public void close() {
        arena.close();
    }
}
