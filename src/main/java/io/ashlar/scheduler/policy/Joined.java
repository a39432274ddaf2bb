package io.ashlar.scheduler.policy;

import io.ashlar.scheduler.Account;
import io.ashlar.scheduler.Accounts;
import io.ashlar.scheduler.CostModel;
import io.ashlar.scheduler.Job;
import io.ashlar.scheduler.Policy;
import java.util.Arrays;
import java.util.List;

/**
 * The default. First who would miss a target by waiting one more step and can still keep it, if their tenant had no more than its
 * share and a burst; then all others of such tenants; then those of tenants beyond their share, so that a flood runs in what the
 * others leave. Among these by tenant, the one served least first; within a tenant by class, then by the time that is left to do,
 * in levels of a power of two, then by arrival.
 */
final class Joined implements Policy {
    private static final int LEVEL_BITS = 5;
    private static final int CLASS_BITS = 4;
    private static final int COUNTER_BITS = 31;
    private static final long NOT_URGENT = 1L << 40;
    private static final long BEYOND_SHARE = 1L << 41;
    /** Counters this near are equal: tenants take turns after so many tokens, not at each. */
    private static final double TURN = 16;
    /** Of a step's own time, what one row of it answers for. */
    private static final double OF_A_STEP = 1.0 / 16;
    /** Answers run in the same steps, and predictions err. */
    private static final double HEADROOM = 2;
    /** Steps that an urgent job is seen ahead of its deadline. */
    private static final double STEPS_BEFORE = 3;

    private final CostModel cost;
    private final Accounts accounts;
    private final FeedbackQueue feedback;
    private double step;
    /** By class and the higher ones: the time that prompts take which have a first token to be made by some time. */
    private final double[] promised = new double[1 << CLASS_BITS];

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
        Arrays.fill(promised, 0);
        for (int i = 0; i < jobs.size(); i++) {
            Job job = jobs.get(i);
            if (job.made() == 0 && job.deadlineNanos() != Long.MAX_VALUE && accounts.withinShare(job.account())) {
                promised[job.serviceClass().order()] += prefill(job);
            }
        }
        for (int order = 1; order < promised.length; order++) {
            promised[order] += promised[order - 1];
        }
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
        boolean within = accounts.withinShare(account);
        if (deadline != Long.MAX_VALUE && within && isUrgent(job, deadline, nowNanos)) {
            long micros = Math.clamp((deadline - nowNanos) / 1000 + (1L << 35), 0, (1L << 36) - 1);
            return order << 36 | micros;
        }
        long counter = Math.clamp((long) (accounts.ahead(account) / TURN), 0, (1L << COUNTER_BITS) - 1);
        return (within ? NOT_URGENT : BEYOND_SHARE)
                | (counter << CLASS_BITS | order) << LEVEL_BITS
                | level(job, nowNanos);
    }

    @Override
    public boolean standsBack(Job job) {
        return !accounts.withinShare(job.account());
    }

    /**
     * The first level whose quantum holds what is left of the job as predicted; what its tenant's answers are like being unknown,
     * the level that it has come to. Lengths here are known or predicted, and those of chat are no heavier than exponential:
     * levels that go down with what a job was served then put those first that have most to do. Who waits goes up one level
     * each time that a feedback queue would call starved: to the top at once would end all order as soon as there is overload.
     */
    private int level(Job job, long nowNanos) {
        if (!job.terms().forecast().known()) {
            return job.level();
        }
        double left =
                prefill(job) + (job.predictedAnswer() - job.made()) * (cost.base() * OF_A_STEP + cost.decodeRow());
        long raised = (nowNanos - job.lastServedNanos()) / FeedbackQueue.STARVED_NANOS;
        return (int) Math.max(0, feedback.levelOf(left) - raised);
    }

    private boolean isUrgent(Job job, long deadline, long nowNanos) {
        long left = deadline - nowNanos;
        if (job.made() > 0) {
            double tpot = job.tpotNanos();
            // Late tokens can be made good while the rest comes faster than promised.
            double gain = (job.predictedAnswer() - job.made()) * (tpot - (cost.base() + cost.decodeRow()));
            return left < step * STEPS_BEFORE && left + Math.max(0, gain) >= 0;
        }
        double prefill = prefill(job);
        // Those promised as much or more go before it, or they would all find out together that it is too late.
        double before = promised[job.serviceClass().order()];
        return left < HEADROOM * (prefill + before) + step * STEPS_BEFORE && left >= prefill;
    }

    private double prefill(Job job) {
        return cost.prefill(job.pending(), job.length() - job.pending());
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
