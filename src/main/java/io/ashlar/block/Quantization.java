package io.ashlar.block;

import io.ashlar.compute.DType;

/** What an import does to matrices of floats. */
public enum Quantization {
    /** They are stored as they are. */
    NONE,
    Q8_0,
    Q4_0;

    /** The type that a matrix is stored in. */
    DType of(DType type, int columns) {
        DType to = switch (this) {
            case NONE -> type;
            case Q8_0 -> DType.Q8_0;
            case Q4_0 -> DType.Q4_0;
        };
        return type.isQuantized() || columns % to.blockElements() != 0 ? type : to;
    }
}
