package io.ashlar.engine;

import io.ashlar.compute.PageType;
import io.ashlar.scheduler.Policy;
import io.ashlar.scheduler.Preemption;
import io.ashlar.scheduler.StepLimits;
import io.ashlar.scheduler.policy.Policies;
import java.time.Duration;

/**
 * @param limits bounds of a step
 * @param pageBytes memory for pages
 * @param pageType of the pages' elements
 * @param maxQueued requests that may wait or run; more are refused
 * @param stallLimit how long a reader may leave its queue full before its request is cancelled
 * @param policy of deployments that none was chosen for
 * @param preemption what becomes of pages that are taken for others
 * @param hostPageBytes host memory for pages that had to leave the device
 */
public record EngineOptions(
        StepLimits limits,
        long pageBytes,
        PageType pageType,
        int maxQueued,
        Duration stallLimit,
        Policy.Kind policy,
        Preemption preemption,
        long hostPageBytes) {
    /** The default policy, and as much host memory for pages as there is on the device. */
    public EngineOptions(StepLimits limits, long pageBytes, PageType pageType, int maxQueued, Duration stallLimit) {
        this(limits, pageBytes, pageType, maxQueued, stallLimit, Policies.JOINED, Preemption.PROACTIVE, pageBytes);
    }
}
