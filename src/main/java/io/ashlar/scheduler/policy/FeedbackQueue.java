package io.ashlar.scheduler.policy;

import io.ashlar.scheduler.CostModel;
import io.ashlar.scheduler.Job;
import io.ashlar.scheduler.Policy;
import java.util.List;

/**
 * A multi-level feedback queue (Wu et al., "Fast Distributed Inference Serving for Large Language Models", 2023). Level i has a
 * quantum of q0 x 2^i, q0 being the time of one decode step; who used up a level's quantum goes down one, who was not served for
 * long goes to the top. With skip-join, a job enters at the first level whose quantum holds its prefill, so that a long prompt
 * does not go before short ones.
 */
final class FeedbackQueue implements Policy {
    static final int LEVELS = 20;
    static final long STARVED_NANOS = 60_000_000_000L;

    private final CostModel cost;
    private final boolean skips;

    FeedbackQueue(CostModel cost, boolean skips) {
        this.cost = cost;
        this.skips = skips;
    }

    private double quantum(int level) {
        return (cost.base() + cost.decodeRow()) * (1L << level);
    }

    @Override
    public void arrived(Job job, long nowNanos) {
        job.enterLevel(skips ? levelOf(cost.prefill(job.length(), 0)) : 0);
    }

    /** The first level whose quantum holds so many nanoseconds. */
    int levelOf(double nanos) {
        int level = 0;
        while (level < LEVELS - 1 && quantum(level) < nanos) {
            level++;
        }
        return level;
    }

    @Override
    public void prepare(List<? extends Job> jobs, long nowNanos) {
        for (int i = 0; i < jobs.size(); i++) {
            Job job = jobs.get(i);
            if (job.level() > 0 && nowNanos - job.lastServedNanos() > STARVED_NANOS) {
                job.enterLevel(0);
            }
        }
    }

    @Override
    public void served(Job job, int tokens, long nowNanos) {
        double nanos = tokens == 1 ? cost.base() + cost.decodeRow() : cost.base() + cost.prefillToken() * tokens;
        job.spend((long) nanos, nowNanos);
        if (job.levelNanos() >= quantum(job.level()) && job.level() < LEVELS - 1) {
            job.enterLevel(job.level() + 1);
        }
    }

    @Override
    public long rank(Job job, long nowNanos) {
        return job.level();
    }
}
