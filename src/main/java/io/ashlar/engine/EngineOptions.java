package io.ashlar.engine;

import io.ashlar.compute.PageType;
import io.ashlar.scheduler.StepLimits;
import java.time.Duration;

/**
 * @param limits bounds of a step
 * @param pageBytes memory for pages
 * @param pageType of the pages' elements
 * @param maxQueued requests that may wait or run; more are refused
 * @param stallLimit how long a reader may leave its queue full before its request is cancelled
 */
public record EngineOptions(StepLimits limits, long pageBytes, PageType pageType, int maxQueued, Duration stallLimit) {}
