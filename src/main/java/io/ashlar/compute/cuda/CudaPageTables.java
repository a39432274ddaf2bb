package io.ashlar.compute.cuda;

import io.ashlar.compute.PageTable;
import io.ashlar.compute.PageTables;

/** The address of each row's table, and how many layers it has. */
final class CudaPageTables implements PageTables {
    private final DeviceWords words;
    private final DeviceWords.Block block;

    CudaPageTables(DeviceWords words, int rows) {
        this.words = words;
        this.block = words.allocate(rows * 4);
    }

    @Override
    public void set(int row, PageTable table) {
        words.setLong(block, row * 4, ((CudaPageTable) table).address());
        words.setLong(block, row * 4 + 2, ((CudaPageTable) table).layers());
    }

    long address() {
        return words.address(block);
    }

    @Override
    public void close() {
        words.free(block);
    }
}
