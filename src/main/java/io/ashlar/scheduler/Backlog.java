package io.ashlar.scheduler;

import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * What has been promised, and by when: the work that falls due until each of some points in time ahead, so that a newcomer is let
 * in only where its own promise can be kept and breaks no other (the demand bound test of real-time scheduling; Baruah et al.,
 * 1990). A class sees the work of itself and of higher ones only, so the lowest is refused first; and a tenant whose own work
 * fits into its share is let in whatever others have queued.
 *
 * <p>A look at one moment, to which newcomers are added until the next one replaces it. Safe for many threads.
 */
public final class Backlog {
    private static final int POINTS = 24;
    private static final double FIRST_NANOS = 0.2e9;
    private static final double RATIO = 1.35;
    private static final int CLASSES = 16;
    /** The rest is for predictions that are wrong. */
    private static final double MOST_LOAD = 0.9;

    private static final int PAGE_TOKENS = 16;

    private final CostModel cost;
    private final int rows;
    private final Map<String, Boolean> keepsTargets;
    private final double[][] work = new double[CLASSES][];
    private final double[][] tokens = new double[CLASSES][];
    private final double[][] steps = new double[CLASSES][];
    /** Tokens of those that have begun and not ended, if all keep pace with their targets and no more. */
    private final double[][] resident = new double[CLASSES][];

    /** By tenant: the work due. */
    private final Map<String, double[]> tenants = new HashMap<>();

    private final int[] waiting = new int[CLASSES];
    private double weights;
    /** Tokens that the pages hold. */
    private double capacity = Double.MAX_VALUE;

    /**
     * @param keepsTargets by deployment, "" for all others: whether newcomers are tested at all
     * @param rows of a step, at most
     */
    Backlog(CostModel cost, int rows, Map<String, Boolean> keepsTargets) {
        this.cost = cost;
        this.rows = rows;
        this.keepsTargets = keepsTargets;
    }

    /** Nothing was promised to anybody. */
    public static Backlog none() {
        return new Backlog(new CostModel(), 1, Map.of("", false));
    }

    /** @param tokens that all pages hold */
    void holds(double tokens) {
        capacity = tokens;
    }

    void add(Job job, long nowNanos) {
        Terms terms = job.terms();
        boolean begun = job.made() > 0;
        long ttft = terms.serviceClass().ttft().toNanos();
        double prefillDue = begun || ttft == 0 ? 0 : Math.max(0.0, job.arrivalNanos() + ttft - nowNanos);
        double decodeDue = begun ? job.deadlineNanos() - (double) nowNanos : prefillDue;
        int pending = job.place() == Job.Place.HOLDING || !begun ? job.pending() : 1;
        add(
                terms,
                begun && pending == 1 ? 0 : pending,
                job.length(),
                job.predictedAnswer() - job.made(),
                prefillDue,
                decodeDue);
        if (job.place() == Job.Place.WAITING) {
            waiting[terms.serviceClass().order()]++;
        }
    }

    private void add(Terms terms, int prefill, int length, int answer, double prefillDue, double decodeDue) {
        int order = terms.serviceClass().order();
        double[] tenant = tenants.get(terms.tenant());
        if (tenant == null) {
            tenant = new double[POINTS];
            tenants.put(terms.tenant(), tenant);
            weights += terms.weight();
        }
        if (!terms.serviceClass().hasTargets()) {
            return;
        }
        if (work[order] == null) {
            work[order] = new double[POINTS];
            tokens[order] = new double[POINTS];
            steps[order] = new double[POINTS];
            resident[order] = new double[POINTS];
        }
        for (int p = 0; p < POINTS; p++) {
            double tokensDue = decodesDue(terms.serviceClass(), answer, decodeDue, point(p));
            double due =
                    prefillDue(terms.serviceClass(), prefill, length, prefillDue, point(p)) + tokensDue * row(length);
            work[order][p] += due;
            tokens[order][p] += tokensDue;
            steps[order][p] = Math.max(steps[order][p], tokensDue);
            tenant[p] += due;
            resident[order][p] += residentAt(terms.serviceClass(), length, answer, decodeDue, point(p));
        }
    }

    private static double point(int p) {
        return FIRST_NANOS * Math.pow(RATIO, p);
    }

    private double row(int length) {
        return cost.decodeRow() + cost.page() * length / PAGE_TOKENS;
    }

    private double prefillDue(ServiceClass of, int prefill, int length, double due, double until) {
        if (prefill == 0 || of.ttft().isZero() || due > until) {
            return 0;
        }
        return prefill * (cost.prefillToken() + cost.page() * length / (2.0 * PAGE_TOKENS));
    }

    private static double decodesDue(ServiceClass of, int answer, double due, double until) {
        long tpot = of.tpot().toNanos();
        return tpot == 0 || until < due ? 0 : Math.min(answer, 1 + (until - due) / tpot);
    }

    private static double residentAt(ServiceClass of, int length, int answer, double due, double at) {
        double made = Math.max(0, (at - due) / Math.max(1, of.tpot().toNanos()));
        return at < due || made > answer ? 0 : length + made;
    }

    /**
     * Lets a newcomer in, or says how long it should wait before it asks again.
     *
     * @param prompt its tokens
     * @param limit the most tokens of its answer
     * @return nanoseconds; 0 when it is let in
     */
    public synchronized long enter(Terms terms, int prompt, int limit) {
        if (!keepsTargets.getOrDefault(terms.deployment(), keepsTargets.getOrDefault("", false))) {
            return 0;
        }
        ServiceClass of = terms.serviceClass();
        int answer = terms.forecast().expected(0, limit);
        double ttft = of.ttft().toNanos();
        if (of.hasTargets()) {
            double excess = excess(of, prompt, answer, ttft);
            if (excess > 0 && ownExcess(terms, prompt, answer, ttft) > 0) {
                return (long) excess;
            }
        }
        if (waiting[of.order()] >= of.queueLength()) {
            return (long) Math.max(1e9, cost.prefill(prompt, 0));
        }
        waiting[of.order()]++;
        add(terms, prompt, prompt, answer, ttft, ttft);
        return 0;
    }

    /** By how much the work due to this class and higher ones is more than there is time for. */
    private double excess(ServiceClass of, int prompt, int answer, double ttft) {
        double most = 0;
        for (int p = 0; p < POINTS; p++) {
            double own = decodesDue(of, answer, ttft, point(p));
            double due = prefillDue(of, prompt, prompt, ttft, point(p)) + own * row(prompt);
            if (due == 0) {
                continue; // nothing of it is promised by then
            }
            double together = own;
            double longest = own;
            double held = residentAt(of, prompt, answer, ttft, point(p));
            for (int c = 0; c <= of.order(); c++) {
                if (work[c] == null) {
                    continue;
                }
                due += work[c][p];
                together += tokens[c][p];
                held += resident[c][p];
                longest = Math.max(longest, steps[c][p]);
            }
            due += cost.base() * Math.max(longest, together / rows);
            // Where pages do not suffice for all at the pace of their targets, they have to be faster.
            most = Math.max(most, due * Math.max(1, held / capacity) - point(p) * MOST_LOAD);
        }
        return most;
    }

    /** By how much the tenant's own work is more than its share of the time. */
    private double ownExcess(Terms terms, int prompt, int answer, double ttft) {
        double[] tenant = tenants.get(terms.tenant());
        double all = weights + (tenant == null ? terms.weight() : 0);
        double share = terms.weight() / all;
        if (share > 0.999) {
            return 1; // alone: its share is everything, and that was asked already
        }
        double most = 0;
        ServiceClass of = terms.serviceClass();
        for (int p = 0; p < POINTS; p++) {
            double due = prefillDue(of, prompt, prompt, ttft, point(p))
                    + decodesDue(of, answer, ttft, point(p)) * (row(prompt) + cost.base() / rows);
            if (due > 0) {
                due += tenant == null ? 0 : tenant[p];
                most = Math.max(most, due - point(p) * share * MOST_LOAD);
            }
        }
        return most;
    }

    /** Requests that wait for their first step, by the order of their class. */
    public synchronized List<Integer> waiting() {
        return Arrays.stream(waiting).boxed().toList();
    }
}
