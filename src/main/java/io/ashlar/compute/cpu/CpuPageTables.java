package io.ashlar.compute.cpu;

import io.ashlar.compute.PageTable;
import io.ashlar.compute.PageTables;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** For each row its table's address and places. */
final class CpuPageTables implements PageTables {
    private final Arena arena = Arena.ofShared();
    private final MemorySegment tables;
    private final MemorySegment places;

    CpuPageTables(int rows) {
        this.tables = arena.allocate(rows * 8L, 64);
        this.places = arena.allocate(rows * 8L, 64);
    }

    @Override
    public void set(int row, PageTable table) {
        CpuPageTable t = (CpuPageTable) table;
        tables.setAtIndex(ValueLayout.JAVA_LONG, row, t.address());
        places.setAtIndex(ValueLayout.JAVA_LONG, row, t.places());
    }

    long tables() {
        return tables.address();
    }

    long places() {
        return places.address();
    }

    @Override
    public void close() {
        arena.close();
    }
}
