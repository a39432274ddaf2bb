package io.ashlar.scheduler.policy;

import io.ashlar.scheduler.Account;
import io.ashlar.scheduler.Accounts;
import io.ashlar.scheduler.CostModel;
import io.ashlar.scheduler.Job;
import io.ashlar.scheduler.Policy;
import java.util.List;

/**
 * The default. First who would miss a target by waiting one more step and can still keep it, if their tenant was served no more
 * than its share and a burst; then by tenant, the one served least first; within a tenant by class, then by feedback level, then
 * by arrival.
 */
final class Joined implements Policy {
    private static final int LEVEL_BITS = 5;
    private static final int CLASS_BITS = 4;
    private static final int COUNTER_BITS = 32;
    private static final long NOT_URGENT = 1L << (LEVEL_BITS + CLASS_BITS + COUNTER_BITS);
    /** Counters this near are equal: tenants take turns after so many tokens, not at each. */
    private static final double TURN = 16;
    /** Steps that an urgent job is seen ahead of its deadline. */
    private static final double STEPS_BEFORE = 3;

    private final CostModel cost;
    private final Accounts accounts;
    private final FeedbackQueue feedback;
    private double step;

    Joined(CostModel cost, Accounts accounts) {
        this.cost = cost;
        this.accounts = accounts;
        this.feedback = new FeedbackQueue(cost, true);
    }

    @Override
    public void arrived(Job job, long nowNanos) {
        feedback.arrived(job, nowNanos);
    }

    @Override
    public void prepare(List<? extends Job> jobs, long nowNanos) {
        feedback.prepare(jobs, nowNanos);
        step = cost.recentStep();
    }

    @Override
    public void served(Job job, int tokens, long nowNanos) {
        feedback.served(job, tokens, nowNanos);
    }

    @Override
    public long rank(Job job, long nowNanos) {
        long order = job.serviceClass().order();
        Account account = job.account();
        long deadline = job.deadlineNanos();
        if (deadline != Long.MAX_VALUE && isUrgent(job, deadline, nowNanos) && accounts.withinShare(account)) {
            long micros = Math.clamp((deadline - nowNanos) / 1000 + (1L << 35), 0, (1L << 36) - 1);
            return order << 36 | micros;
        }
        long counter = Math.clamp((long) (accounts.ahead(account) / TURN), 0, (1L << COUNTER_BITS) - 1);
        return NOT_URGENT | (counter << CLASS_BITS | order) << LEVEL_BITS | job.level();
    }

    private boolean isUrgent(Job job, long deadline, long nowNanos) {
        long left = deadline - nowNanos;
        if (job.made() > 0) {
            double tpot = job.tpotNanos();
            // Late tokens can be made good while the rest comes faster than promised.
            double gain = (job.predictedAnswer() - job.made()) * (tpot - (cost.base() + cost.decodeRow()));
            return left < step * STEPS_BEFORE && left + Math.max(0, gain) >= 0;
        }
        double prefill = cost.prefill(job.pending(), job.length() - job.pending());
        return left < 2 * prefill + step * STEPS_BEFORE && left >= prefill;
    }

    @Override
    public boolean keepsTargets() {
        return true;
    }

    @Override
    public boolean plansGrowth() {
        return true;
    }
}
