package io.ashlar.compute.cpu;

import io.ashlar.compute.Activations;
import io.ashlar.compute.Buffer;
import io.ashlar.compute.Matrix;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * Memory of the host. All of it is seen through one kind of segment, native and of the global scope, whether it was
 * allocated or mapped: kernels that meet several kinds are compiled for none of them, and run three times slower.
 *
 * @param source what the memory belongs to, kept from being collected; it ends with {@code owner}, or with whoever mapped it
 */
record CpuBuffer(
        MemorySegment memory,
        MemorySegment source,
        @Nullable Arena owner) implements Buffer {
    static CpuBuffer of(MemorySegment source, @Nullable Arena owner) {
        MemorySegment memory = MemorySegment.ofAddress(source.address()).reinterpret(source.byteSize());
        return new CpuBuffer(memory, source, owner);
    }

    static MemorySegment of(Activations activations) {
        return ((CpuBuffer) activations.data()).memory;
    }

    static MemorySegment of(Matrix matrix) {
        return ((CpuBuffer) matrix.data()).memory;
    }

    static MemorySegment of(Buffer buffer) {
        return ((CpuBuffer) buffer).memory;
    }

    @Override
    public long bytes() {
        return memory.byteSize();
    }

    @Override
    public void close() {
        if (owner != null) {
            owner.close();
        }
    }
}
