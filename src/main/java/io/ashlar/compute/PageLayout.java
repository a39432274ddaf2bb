package io.ashlar.compute;

/**
 * The layout of a page: the keys and values of {@link #TOKENS} consecutive tokens in one layer. Keys come first as
 * {@code [kvHeads, headDim, TOKENS]}, so that the scores of a page's tokens are one vector; then the values as
 * {@code [kvHeads, TOKENS, headDim]}; then, for bytes, the scales {@code [2, kvHeads, TOKENS]} of both.
 */
public record PageLayout(int kvHeads, int headDim, PageType type) {
    /** Tokens in a page. */
    public static final int TOKENS = 16;

    /** Elements of the keys (as many again are in the values). */
    public int keyElements() {
        return kvHeads * headDim * TOKENS;
    }

    public long bytes() {
        long scales = type == PageType.Q8 ? 2L * kvHeads * TOKENS * Float.BYTES : 0;
        return 2L * keyElements() * type.bytes() + scales;
    }

    /** Pages that hold {@code tokens} tokens in one layer. */
    public static int pagesFor(int tokens) {
        return (tokens + TOKENS - 1) / TOKENS;
    }
}
