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
    static final long HALF_LIFE_NANOS = 2_000_000_000L;
    /** What weighs as much as time that is forgotten at this half-life. */
    private static final double WINDOW_NANOS = HALF_LIFE_NANOS / Math.log(2);
    /** What a tenant may have had beyond its share, as a part of it, and still be within it. */
    private static final double BURST = 0.5;

    /** The part of all that was served of late which is as good as none. */
    private static final double FORGOTTEN = 0.01;

    private static final double SMALLEST_UNIT = 1e-60;

    private final Map<String, Account> accounts = new HashMap<>();
    private final List<Account> active = new ArrayList<>();
    /** Those active, and those that were not long ago. */
    private final List<Account> lately = new ArrayList<>();
    /** The smallest counter of those active, or what it last was. Never falls. */
    private double floor;

    private long decayedNanos = Long.MIN_VALUE;
    /** What is remembered is kept in units that shrink as time goes by, so that only what is new has to be touched. */
    private double unit = 1;
    /** Served of late to all, in the unit. */
    private double recent;
    /** Of late: nanoseconds in which a step was under way, in the unit. */
    private double busy;
    /** The part of the time in which a step was under way, of late. */
    private double utilisation;

    private double weights;
    private double shortestPromise = Double.MAX_VALUE;

    void enter(Job job) {
        Account account = accounts.computeIfAbsent(job.terms().tenant(), Account::new);
        if (account.jobs++ == 0) {
            raiseFloor();
            account.counter = Math.max(account.counter, floor);
            active.add(account);
            if (!lately.contains(account)) {
                lately.add(account);
            }
        }
        account.weight = job.terms().weight();
        long promised = job.serviceClass().ttft().toNanos();
        if (promised > 0 && (account.promisedNanos == 0 || promised < account.promisedNanos)) {
            account.promisedNanos = promised;
        }
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
            if (account.jobs == 0 && account.counter <= floor && !lately.contains(account)) {
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

    /**
     * Called once a step: what was served long ago counts less and less.
     *
     * @param working whether a step was under way since the last call
     */
    void decay(long nowNanos, boolean working) {
        if (decayedNanos != Long.MIN_VALUE) {
            long passed = Math.max(0, nowNanos - decayedNanos);
            unit *= Math.pow(0.5, (double) passed / HALF_LIFE_NANOS);
            if (unit < SMALLEST_UNIT) {
                renew();
            }
            busy += working ? passed / unit : 0;
        }
        decayedNanos = nowNanos;
        utilisation = Math.min(1, busy * unit / WINDOW_NANOS);
        weights = 0;
        for (int i = lately.size() - 1; i >= 0; i--) {
            Account account = lately.get(i);
            if (account.jobs == 0 && account.recent <= recent * FORGOTTEN) {
                lately.remove(i);
                account.promisedNanos = 0;
            } else {
                weights += account.weight;
            }
        }
        shortestPromise = Double.MAX_VALUE;
        for (int i = 0; i < lately.size(); i++) {
            Account account = lately.get(i);
            account.withinShare =
                    lately.size() < 2 || account.recent == 0 || partOfTime(account) <= mostOfTime(account);
            if (account.withinShare && account.promisedNanos > 0) {
                shortestPromise = Math.min(shortestPromise, account.promisedNanos);
            }
        }
    }

    /** The shortest time to a first token that was promised to tenants within their share, in nanoseconds; the largest number for none. */
    double shortestPromise() {
        return shortestPromise;
    }

    private double partOfTime(Account account) {
        return account.recent / recent * utilisation;
    }

    private double mostOfTime(Account account) {
        return account.weight / weights * (1 + BURST);
    }

    private void renew() {
        for (Account account : accounts.values()) {
            account.recent *= unit;
        }
        recent *= unit;
        busy *= unit;
        unit = 1;
    }

    /**
     * Whether a tenant had no more of the machine's time of late than its share among those that used it, and a burst. Counters
     * alone do not say so: they forget what a tenant took while the others were idle. Of the machine's time, not of what was
     * served: who uses a tenth of it alone is no flood. The same throughout a step.
     */
    public boolean withinShare(Account account) {
        return account.withinShare;
    }

    /** @param decoding whether the one token continues an answer */
    void charge(Job job, int tokens, boolean decoding) {
        double cost = decoding ? DECODE_COST : PREFILL_COST * tokens;
        job.account.counter += cost / (job.terms().weight() * job.serviceClass().weight());
        job.account().recent += cost / unit;
        recent += cost / unit;
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
