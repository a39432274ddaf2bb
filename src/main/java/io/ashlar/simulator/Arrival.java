package io.ashlar.simulator;

import io.ashlar.scheduler.ServiceClass;

/**
 * A request of a trace.
 *
 * @param nanos when it comes, from the beginning
 * @param prompt tokens
 * @param answer tokens that it will make; a scheduler must not see it
 * @param limit the most that it asked for
 */
public record Arrival(
        long nanos,
        String deployment,
        String tenant,
        double weight,
        ServiceClass serviceClass,
        int prompt,
        int answer,
        int limit) {
    public Arrival {
        if (prompt < 1 || answer < 1 || limit < answer) {
            throw new IllegalArgumentException("a prompt of " + prompt + " and an answer of " + answer + " of at most "
                    + limit + " tokens is no request");
        }
    }
}
