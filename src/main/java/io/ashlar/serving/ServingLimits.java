package io.ashlar.serving;

/**
 * @param maxContext bounds every model's context, in tokens
 * @param adapters that may be in the memory of each device without being used
 */
public record ServingLimits(int maxContext, int adapters) {}
