package io.ashlar.compute.cuda;

import io.ashlar.compute.PageTable;

/** {@code [places][layers]} addresses of pages, two words each: what a new page of all layers changes lies together. */
final class CudaPageTable implements PageTable {
    private final DeviceWords words;
    private final long pool;
    private final int layers;
    private int places = 16;
    private DeviceWords.Block block;

    CudaPageTable(DeviceWords words, long pool, int layers) {
        this.words = words;
        this.pool = pool;
        this.layers = layers;
        this.block = words.allocate(places * layers * 2);
    }

    @Override
    public void set(int layer, int place, long offset) {
        if (place >= places) {
            grow(Math.max(place + 1, 2 * places));
        }
        words.setLong(block, (place * layers + layer) * 2, pool + offset);
    }

    private void grow(int more) {
        DeviceWords.Block wider = words.allocate(more * layers * 2);
        for (int i = 0; i < places * layers * 2; i++) {
            words.set(wider, i, words.get(block, i));
        }
        words.free(block);
        block = wider;
        places = more;
    }

    int layers() {
        return layers;
    }

    long address() {
        return words.address(block);
    }

    @Override
    public void close() {
        words.free(block);
    }
}
