package io.ashlar.compute;

/**
 * How attention cuts the rows of a sequence into tasks.
 *
 * @param rows of one sequence that a task takes
 * @param wholeContext whether a task of several rows goes over all of their context, instead of one chunk of it
 */
public record AttentionTiling(int rows, boolean wholeContext) {
    /** For a device whose tasks are shared out among a few workers. */
    public static final AttentionTiling HOST = new AttentionTiling(8, false);
}
