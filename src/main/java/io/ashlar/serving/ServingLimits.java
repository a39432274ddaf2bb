package io.ashlar.serving;

/**
 * @param maxContext bounds every model's context, in tokens
 * @param weightBytes weights that may be in memory; models beyond it take turns
 * @param adapters that may be in memory without being used
 */
public record ServingLimits(int maxContext, long weightBytes, int adapters) {}
