package io.ashlar.simulator;

import io.ashlar.scheduler.CostModel;
import io.ashlar.scheduler.StepLimits;

/**
 * What the simulated engine runs on.
 *
 * @param cost of its steps
 * @param noise standard deviation of a step's time, relative
 * @param pageTokens tokens that its pages hold
 * @param hostTokens tokens that host memory holds
 * @param moveTokensPerSecond between the two
 */
public record Machine(
        StepLimits limits,
        CostModel cost,
        double noise,
        long pageTokens,
        long hostTokens,
        double moveTokensPerSecond) {}
