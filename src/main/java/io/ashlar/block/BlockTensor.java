package io.ashlar.block;

import io.ashlar.compute.DType;
import java.lang.foreign.MemorySegment;

/** A tensor on its way into a block, or mapped out of one: {@code [rows, columns]}, row-major. */
public record BlockTensor(String role, DType type, int rows, int columns, MemorySegment data) {
    public long bytes() {
        return (long) rows * columns * type.bytes();
    }
}
