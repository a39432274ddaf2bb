package io.ashlar.compute.cuda;

import io.ashlar.compute.Buffer;

/** A piece of the arena. */
final class CudaBuffer implements Buffer {
    private final DeviceArena arena;
    private final DeviceArena.Purpose purpose;
    private final long address;
    private final long bytes;

    CudaBuffer(DeviceArena arena, DeviceArena.Purpose purpose, long bytes) {
        this.arena = arena;
        this.purpose = purpose;
        this.bytes = bytes;
        this.address = arena.allocate(bytes, purpose);
    }

    static long address(Buffer buffer) {
        return ((CudaBuffer) buffer).address;
    }

    long address() {
        return address;
    }

    @Override
    public long bytes() {
        return bytes;
    }

    @Override
    public void close() {
        arena.free(address, bytes, purpose);
    }
}
