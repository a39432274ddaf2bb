package io.ashlar.compute;

/** Float32 weights of a norm or a bias, starting {@code offset} bytes into {@code data}, with room up to a multiple of 16. */
public record Vector(Buffer data, long offset, int length) {
    public Vector {
        if (length <= 0 || offset < 0 || offset + (long) length * Float.BYTES > data.bytes()) {
            throw new IllegalArgumentException(
                    "vector [" + length + "] at " + offset + " does not fit in " + data.bytes() + " bytes");
        }
    }
}
