package io.ashlar.scheduler;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** The jobs of the deployments that one policy orders. */
final class Lane<J extends Job> {
    private static final int INDEX_BITS = 20;
    private static final long INDEX = (1L << INDEX_BITS) - 1;

    final Policy.Kind kind;
    final Policy policy;
    /** In order of arrival. */
    final List<J> jobs = new ArrayList<>();
    /** Tokens served, so that several lanes share the steps. */
    double served;
    /** Tokens that come before the lane's next job in the order that is being made. */
    double planned;

    private long[] keys = new long[64];
    private int next;
    private int count;

    Lane(Policy.Kind kind, Policy policy) {
        this.kind = kind;
        this.policy = policy;
    }

    /** Keeps the order of arrival when jobs come over from another lane. */
    void add(J job) {
        int at = jobs.size();
        while (at > 0 && jobs.get(at - 1).number > job.number) {
            at--;
        }
        jobs.add(at, job);
        job.lane = this;
    }

    /** Puts the jobs into the policy's order; {@link #hasNext} and {@link #next} walk it. */
    void arrange(long nowNanos) {
        policy.prepare(jobs, nowNanos);
        count = Math.min(jobs.size(), (int) INDEX);
        next = 0;
        planned = 0;
        if (keys.length < count) {
            keys = new long[2 * count];
        }
        for (int i = 0; i < count; i++) {
            long rank = policy.rank(jobs.get(i), nowNanos);
            keys[i] = Math.clamp(rank, 0, Policy.LAST) << INDEX_BITS | i;
        }
        Arrays.sort(keys, 0, count);
    }

    double ahead() {
        return served + planned;
    }

    boolean hasNext() {
        return next < count;
    }

    J next() {
        return jobs.get((int) (keys[next++] & INDEX));
    }
}
