package io.ashlar.compute;

/**
 * The layout of a page: the keys and values of {@link #TOKENS} consecutive tokens in one layer, float32. Keys come first
 * as {@code [kvHeads, headDim, TOKENS]}, so that the scores of a page's tokens are one vector; then the values as
 * {@code [kvHeads, TOKENS, headDim]}.
 */
public record PageLayout(int kvHeads, int headDim) {
    /** Tokens in a page. */
    public static final int TOKENS = 16;

    /** Floats in the keys (as many again are in the values). */
    public int keyFloats() {
        return kvHeads * headDim * TOKENS;
    }

    public long bytes() {
        return 2L * keyFloats() * Float.BYTES;
    }

    /** Pages that hold {@code tokens} tokens in one layer. */
    public static int pagesFor(int tokens) {
        return (tokens + TOKENS - 1) / TOKENS;
    }
}
