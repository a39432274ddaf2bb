package io.ashlar.compute.cpu;

import io.ashlar.compute.Activations;
import io.ashlar.compute.Buffer;
import io.ashlar.compute.Matrix;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/** Native memory; mapped weights belong to whoever mapped them. */
record CpuBuffer(MemorySegment memory, @Nullable Arena owner) implements Buffer {
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
