package io.ashlar.model.format;

import io.ashlar.compute.DType;
import java.lang.foreign.MemorySegment;
import java.util.function.IntUnaryOperator;

/**
 * A tensor of a checkpoint: a view of its file.
 *
 * @param order which stored row is which of the tensor's rows
 */
public record StoredTensor(String name, DType type, long[] shape, MemorySegment data, IntUnaryOperator order) {
    public StoredTensor(String name, DType type, long[] shape, MemorySegment data) {
        this(name, type, shape, data, IntUnaryOperator.identity());
    }

    /** Rows of a matrix; a vector has one. */
    public long rows() {
        return shape.length == 2 ? shape[0] : 1;
    }

    public long columns() {
        return shape.length == 0 ? 1 : shape[shape.length - 1];
    }

    public MemorySegment row(int row) {
        long bytes = type.rowBytes(columns());
        return data.asSlice(order.applyAsInt(row) * bytes, bytes);
    }
}
