package io.ashlar.scheduler;

import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.Iterator;
import java.util.List;
import java.util.Map;

/**
 * Virtual token counters (Sheng et al., "Fairness in Serving Large Language Models", OSDI 2024): each token served raises its
 * tenant's counter by its cost over the weight, and backlogged tenants are served in the order of their counters. A tenant that
 * comes back from idle starts at the smallest counter of those active, so that it can neither save up nor be made to pay for
 * what it used while nobody else wanted it.
 */
public final class Accounts {
    private static final double PREFILL_COST = 1;
    private static final double DECODE_COST = 2;
    private static final int MOST_IDLE = 1024;
    static final long HALF_LIFE_NANOS = 5_000_000_000L;
    /** What a tenant may have been served beyond its share, in seconds of its share, and still be within it. */
    private static final double BURST_SECONDS = 1;

    private final Map<String, Account> accounts = new HashMap<>();
    private final List<Account> active = new ArrayList<>();
    /** The smallest counter of those active, or what it last was. Never falls. */
    private double floor;

    private long decayedNanos = Long.MIN_VALUE;
    /** Sums over those active. */
    private double recent;

    private double weights;

    void enter(Job job) {
        Account account = accounts.computeIfAbsent(job.terms().tenant(), Account::new);
        if (account.jobs++ == 0) {
            raiseFloor();
            account.counter = Math.max(account.counter, floor);
            active.add(account);
        }
        account.weight = job.terms().weight();
        job.account = account;
    }

    void leave(Job job) {
        Account account = job.account;
        if (--account.jobs == 0) {
            raiseFloor();
            active.remove(account);
            if (accounts.size() > MOST_IDLE + active.size()) {
                forgetIdle();
            }
        }
    }

    /** An idle tenant below the floor would be lifted to it: to forget it loses nothing. */
    private void forgetIdle() {
        for (Iterator<Account> all = accounts.values().iterator(); all.hasNext(); ) {
            Account account = all.next();
            if (account.jobs == 0 && account.counter <= floor) {
                all.remove();
            }
        }
    }

    void raiseFloor() {
        if (active.isEmpty()) {
            return;
        }
        double least = Double.MAX_VALUE;
        for (int i = 0; i < active.size(); i++) {
            least = Math.min(least, active.get(i).counter);
        }
        floor = Math.max(floor, least);
    }

    /** Called once a step: what was served long ago counts less and less. */
    void decay(long nowNanos) {
        double kept = decayedNanos == Long.MIN_VALUE
                ? 1
                : Math.pow(0.5, (double) (nowNanos - decayedNanos) / HALF_LIFE_NANOS);
        decayedNanos = nowNanos;
        for (Account account : accounts.values()) {
            account.recent *= kept;
        }
        recent = 0;
        weights = 0;
        for (int i = 0; i < active.size(); i++) {
            recent += active.get(i).recent;
            weights += active.get(i).weight;
        }
    }

    /**
     * Whether a tenant was served no more of late than its share among those active, and a burst. Counters alone do not say
     * so: they forget what a tenant took while the others were idle.
     */
    public boolean withinShare(Account account) {
        double share = account.weight / Math.max(weights, account.weight);
        double window = HALF_LIFE_NANOS / Math.log(2) / 1e9;
        return active.size() < 2 || account.recent <= recent * share * (1 + BURST_SECONDS / window);
    }

    /** @param decoding whether the one token continues an answer */
    void charge(Job job, int tokens, boolean decoding) {
        double cost = decoding ? DECODE_COST : PREFILL_COST * tokens;
        job.account.counter += cost / (job.terms().weight() * job.serviceClass().weight());
        job.account.recent += cost;
    }

    /** How far a tenant is ahead of the least served one that is active, in tokens of weight 1. */
    public double ahead(Account account) {
        return account.counter - floor;
    }

    /** Tenants that have jobs. */
    public List<Account> active() {
        return Collections.unmodifiableList(active);
    }
}
