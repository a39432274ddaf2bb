package io.ashlar.engine;

/**
 * A look at an engine, made by its own thread after a step.
 *
 * @param blockPasses products that ran, one for each group of rows at each depth
 * @param chainPasses products that would have run with each model on its own
 */
public record EngineMetrics(
        long steps,
        long promptTokens,
        long completionTokens,
        long preemptions,
        int running,
        int waiting,
        long pageBytesUsed,
        long pageBytesTotal,
        int cachedPageGroups,
        long blockPasses,
        long chainPasses) {
    static final EngineMetrics ZERO = new EngineMetrics(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
}
