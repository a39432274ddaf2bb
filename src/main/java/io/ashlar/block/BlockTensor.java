package io.ashlar.block;

import io.ashlar.compute.DType;
import io.ashlar.compute.Panels;
import java.lang.foreign.MemorySegment;

/** A tensor on its way into a block, or mapped out of one: a matrix in {@link Panels}, or a vector in float32. */
public record BlockTensor(String role, DType type, int rows, int columns, boolean vector, MemorySegment data) {
    /** Bytes that it takes, the room behind a vector included. */
    public long bytes() {
        return bytes(type, rows, columns, vector);
    }

    static long bytes(DType type, int rows, int columns, boolean vector) {
        // Vectors are read 16 floats at a time.
        return vector ? (columns + 15L) / 16 * 16 * Float.BYTES : Panels.bytes(type, rows, columns);
    }
}
