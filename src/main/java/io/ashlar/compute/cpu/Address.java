package io.ashlar.compute.cpu;

import io.ashlar.compute.Activations;
import io.ashlar.compute.Buffer;
import io.ashlar.compute.Ints;
import io.ashlar.compute.Matrix;
import io.ashlar.compute.Vector;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/** Addresses of what kernels are given, and the one segment that kernels on the Vector API read all of it through. */
final class Address {
    /** All memory. Kernels that meet several kinds of segments are compiled for none of them, and run three times slower. */
    static final MemorySegment MEMORY = MemorySegment.NULL.reinterpret(Long.MAX_VALUE);

    private Address() {}

    static long of(Buffer buffer) {
        return ((CpuBuffer) buffer).memory().address();
    }

    static long of(Activations activations) {
        return of(activations.data());
    }

    static long of(Matrix matrix) {
        return of(matrix.data()) + matrix.offset();
    }

    static long of(@Nullable Vector vector) {
        return vector == null ? 0 : of(vector.data()) + vector.offset();
    }

    static long of(Ints ints) {
        return ((CpuInts) ints).address();
    }
}
