package io.ashlar.compute;

/** Element types of pages. The order is that of {@code ashlar.h}. */
public enum PageType {
    F32(4),
    F16(2),
    /** A signed byte for each value, and a float32 scale for each token and head. */
    Q8(1);

    private final int bytes;

    PageType(int bytes) {
        this.bytes = bytes;
    }

    /** Bytes of a value. */
    public int bytes() {
        return bytes;
    }
}
