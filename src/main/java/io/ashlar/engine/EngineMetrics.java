package io.ashlar.engine;

/**
 * A look at an engine, made by its own thread after a step.
 *
 * @param preemptions times that a sequence's pages were taken for others
 * @param movedOut of those, times that they went to host memory
 * @param shed requests refused so that promises to others could be kept
 * @param costError of predicted step times of late, relative
 * @param blockPasses products that ran, one for each group of rows at each depth
 * @param chainPasses products that would have run with each model on its own
 * @param busyNanos time in which the device had a step to do
 * @param trunkTokens prompt tokens whose first layers had been computed by another model of their family
 */
public record EngineMetrics(
        long steps,
        long promptTokens,
        long completionTokens,
        long preemptions,
        long movedOut,
        long movedIn,
        long hostBytesUsed,
        long shed,
        double costError,
        int running,
        int waiting,
        long pageBytesUsed,
        long pageBytesTotal,
        int cachedPageGroups,
        long blockPasses,
        long chainPasses,
        long trunkTokens,
        long busyNanos) {
    public static final EngineMetrics ZERO = new EngineMetrics(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);

    /** Two engines together. */
    public EngineMetrics plus(EngineMetrics other) {
        return new EngineMetrics(
                steps + other.steps,
                promptTokens + other.promptTokens,
                completionTokens + other.completionTokens,
                preemptions + other.preemptions,
                movedOut + other.movedOut,
                movedIn + other.movedIn,
                hostBytesUsed + other.hostBytesUsed,
                shed + other.shed,
                Math.max(costError, other.costError),
                running + other.running,
                waiting + other.waiting,
                pageBytesUsed + other.pageBytesUsed,
                pageBytesTotal + other.pageBytesTotal,
                cachedPageGroups + other.cachedPageGroups,
                blockPasses + other.blockPasses,
                chainPasses + other.chainPasses,
                trunkTokens + other.trunkTokens,
                busyNanos + other.busyNanos);
    }
}
