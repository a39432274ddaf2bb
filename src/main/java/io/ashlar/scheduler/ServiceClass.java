package io.ashlar.scheduler;

import java.time.Duration;

/**
 * What a tenant was promised.
 *
 * @param order 0 is served first; a class with a larger one is lower
 * @param ttft target for the time to the first token; zero for none
 * @param tpot target for the time per token after the first; zero for none
 * @param percentile of requests that should keep their targets, in percent
 * @param weight share of the machine beside other classes: a token of a class with weight 2 counts half
 * @param queueLength requests that may wait; more are refused
 * @param queueTime the longest a request may wait where it could also be refused
 * @param preemptible whether its pages may be taken for others; a step may leave out any sequence
 */
public record ServiceClass(
        String name,
        int order,
        Duration ttft,
        Duration tpot,
        double percentile,
        double weight,
        int queueLength,
        Duration queueTime,
        boolean preemptible) {
    /** What holds where nobody said anything. */
    public static final ServiceClass STANDARD = new ServiceClass(
            "standard", 1, Duration.ofSeconds(5), Duration.ofMillis(200), 95, 2, 1024, Duration.ofSeconds(30), true);

    /** Nothing was promised, and nobody is refused. */
    public static final ServiceClass NONE = new ServiceClass(
            "none", 1, Duration.ZERO, Duration.ZERO, 100, 1, Integer.MAX_VALUE, Duration.ofDays(1), true);

    public ServiceClass {
        if (!(weight > 0) || weight > 1e6) {
            throw new IllegalArgumentException("a class's weight is above 0, not " + weight);
        }
        if (order < 0 || order > 15) {
            throw new IllegalArgumentException("a class's order is from 0 to 15, not " + order);
        }
    }

    public boolean hasTargets() {
        return !ttft.isZero() || !tpot.isZero();
    }
}
