package io.ashlar.compute;

/**
 * Where the rows of a step find their keys and values in one layer.
 *
 * @param pool the buffer that holds all pages
 * @param pages for each row of the step, its sequence's pages in this layer: byte offsets into {@code pool}, in order
 * @param positions for each row of the step, its position in its sequence
 */
public record KeyValues(Buffer pool, PageLayout layout, long[][] pages, int[] positions) {}
