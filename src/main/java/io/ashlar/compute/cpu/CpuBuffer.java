package io.ashlar.compute.cpu;

import io.ashlar.compute.Buffer;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/** Memory of the host, allocated here or mapped by whoever gave it: then it ends with its giver. */
record CpuBuffer(MemorySegment memory, @Nullable Arena owner) implements Buffer {
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
