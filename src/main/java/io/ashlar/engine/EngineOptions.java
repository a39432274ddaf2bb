package io.ashlar.engine;

import io.ashlar.scheduler.StepLimits;

/**
 * @param limits bounds of a step
 * @param pageBytes memory for pages
 * @param maxQueued requests that may wait or run; more are refused
 */
public record EngineOptions(StepLimits limits, long pageBytes, int maxQueued) {}
