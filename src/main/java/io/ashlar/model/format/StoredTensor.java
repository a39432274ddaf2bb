package io.ashlar.model.format;

import io.ashlar.compute.DType;
import java.lang.foreign.MemorySegment;

/** A tensor of a checkpoint: a view of its file. */
public record StoredTensor(String name, DType type, long[] shape, MemorySegment data) {
    /** Rows of a matrix; a vector has one. */
    public long rows() {
        return shape.length == 2 ? shape[0] : 1;
    }

    public long columns() {
        return shape.length == 0 ? 1 : shape[shape.length - 1];
    }
}
