package io.ashlar.scheduler;

/**
 * Bounds of a step.
 *
 * @param tokens rows of all jobs together
 * @param jobs jobs in one step
 */
public record StepLimits(int tokens, int jobs) {
    public StepLimits {
        if (tokens < 1 || jobs < 1) {
            throw new IllegalArgumentException(
                    "a step needs at least one token and one job, not " + tokens + " and " + jobs);
        }
    }
}
