package io.ashlar.compute;

/** Weights {@code [rows, columns]} in {@link Panels}, starting {@code offset} bytes into {@code data}. */
public record Matrix(Buffer data, long offset, DType type, int rows, int columns) {
    public Matrix {
        if (rows <= 0
                || columns <= 0
                || offset < 0
                || columns % type.blockElements() != 0
                || offset + Panels.bytes(type, rows, columns) > data.bytes()) {
            throw new IllegalArgumentException("matrix [" + rows + ", " + columns + "] of " + type + " at " + offset
                    + " does not fit in " + data.bytes() + " bytes");
        }
    }
}
