package io.ashlar.compute;

/** Weights {@code [rows, columns]}, row-major, starting {@code offset} bytes into {@code data}. A vector has one row. */
public record Matrix(Buffer data, long offset, DType type, int rows, int columns) {
    public Matrix {
        long end = offset + (long) rows * columns * type.bytes();
        if (rows <= 0 || columns <= 0 || offset < 0 || end > data.bytes()) {
            throw new IllegalArgumentException("matrix [" + rows + ", " + columns + "] of " + type + " at " + offset
                    + " does not fit in " + data.bytes() + " bytes");
        }
    }
}
