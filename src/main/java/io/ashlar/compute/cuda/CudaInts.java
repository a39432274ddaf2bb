package io.ashlar.compute.cuda;

import io.ashlar.compute.Ints;

final class CudaInts implements Ints {
    private final DeviceWords words;
    private final DeviceWords.Block block;

    CudaInts(DeviceWords words, int length) {
        this.words = words;
        this.block = words.allocate(length);
    }

    @Override
    public int length() {
        return block.length();
    }

    @Override
    public int get(int index) {
        return words.get(block, index);
    }

    @Override
    public void set(int index, int value) {
        words.set(block, index, value);
    }

    long address() {
        return words.address(block);
    }

    DeviceWords.Block block() {
        return block;
    }

    @Override
    public void close() {
        words.free(block);
    }
}
