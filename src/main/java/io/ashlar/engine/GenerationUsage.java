package io.ashlar.engine;

/**
 * What a request used, all choices together.
 *
 * @param cachedTokens prompt tokens whose pages were found in the cache
 * @param preemptions times that its pages were taken for others
 * @param queueNanos arrival to the first step
 * @param firstTokenNanos arrival to the first token; -1 if there was none
 */
public record GenerationUsage(
        int promptTokens,
        int cachedTokens,
        int completionTokens,
        int preemptions,
        long queueNanos,
        long firstTokenNanos,
        long totalNanos,
        FinishReason reason) {}
