import io.ashlar.scheduler.CostModel;
import io.ashlar.scheduler.Policy;
import io.ashlar.scheduler.Preemption;
import io.ashlar.scheduler.ServiceClass;
import io.ashlar.scheduler.policy.Policies;
import io.ashlar.simulator.Arrival;
import io.ashlar.simulator.Outcome;
import io.ashlar.simulator.Trace;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Random;
import java.util.function.Predicate;
import java.util.function.ToDoubleFunction;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** The experiments, on any host. Rates are in parts of what the host can serve, targets in steps of it. */
final class Experiments {
    private static final ServiceClass NONE = ServiceClass.NONE;
    private static final double[] LOADS = {0.5, 0.7, 0.8, 0.9, 1, 1.15, 1.3, 1.6, 2, 3};
    private static final double[] QUICK_LOADS = {0.5, 0.8, 1, 1.3, 2, 3};
    private static final double[] LIMITS = {3, 5, 10, 20, 50};
    /** Of the trace, what is only learned from. */
    private static final double LEARNED = 0.2;

    private final Host host;
    private final List<Trace.Row> rows;
    private final int rounds;
    private final double[] loads;
    private final double capacity;
    private final ServiceClass interactive;
    private final ServiceClass standard;
    private final ServiceClass batch;
    final Map<String, Double> results = new LinkedHashMap<>();
    /** By policy: latency at each of {@link #loads}, in multiples of that of an idle machine. */
    final Map<String, double[]> curves = new LinkedHashMap<>();

    Experiments(Host host, Trace trace, int rounds, boolean quick) {
        this(host, trace, rounds, quick, null);
    }

    /** @param like the rates and targets of these, so that both hosts have the same requests; null to measure the host's own */
    Experiments(Host host, Trace trace, int rounds, boolean quick, @Nullable Experiments like) {
        this.host = host;
        this.loads = quick ? QUICK_LOADS : LOADS;
        this.rounds = rounds;
        int from = (int) (trace.rows().size() * (1 - LEARNED));
        this.rows = trace.rows().subList(0, from);
        host.learn(trace.rows().subList(from, trace.rows().size()).stream().map(r -> arrival(r, 0, "", NONE)).toList());
        if (like != null) {
            capacity = like.capacity;
            interactive = like.interactive;
            standard = like.standard;
            batch = like.batch;
            return;
        }
        double[] capacities = new double[Math.max(2, rounds)];
        for (int i = 0; i < capacities.length; i++) {
            capacities[i] = saturated();
        }
        capacity = capacities[capacities.length - 1];
        CostModel cost = host.cost();
        double mean = rows.stream().mapToInt(r -> length(r.prompt(), host.longestPrompt())).average().orElse(1);
        double unit = cost.nanos(0, 16, 16 * mean / 16) / 1e6;
        interactive = target("interactive", 0, 100 * unit, 10 * unit, 4);
        standard = target("standard", 1, 500 * unit, 25 * unit, 2);
        batch = target("batch", 2, 0, 0, 1);
        print("%s: lengths x %.3f, %.1f requests/s when there are always enough; a step of 16 answers takes %.2f ms%n",
                host.name(), host.scale(), capacity, unit);
        print("  costs in microseconds: step %.0f, prompt token %.1f, row %.1f, page %.2f; targets in ms: interactive %d and %d,"
                        + " standard %d and %d%n",
                cost.base() / 1e3, cost.prefillToken() / 1e3, cost.decodeRow() / 1e3, cost.page() / 1e3,
                interactive.ttft().toMillis(), interactive.tpot().toMillis(), standard.ttft().toMillis(),
                standard.tpot().toMillis());
    }

    static void print(String format, Object... of) {
        System.out.printf(Locale.ROOT, format, of);
    }

    private static ServiceClass target(String name, int order, double ttftMillis, double tpotMillis, double weight) {
        return new ServiceClass(name, order, Duration.ofNanos((long) (ttftMillis * 1e6)), Duration.ofNanos((long) (tpotMillis * 1e6)),
                99, weight, 1_000_000, Duration.ZERO, true);
    }

    double capacity() {
        return capacity;
    }

    private int length(int tokens, int longest) {
        return Math.clamp(Math.round(tokens * host.scale()), 1, longest);
    }

    private Arrival arrival(Trace.Row row, double seconds, String tenant, ServiceClass of) {
        return new Arrival((long) (seconds * 1e9), "model", tenant, 1, of, length(row.prompt(), host.longestPrompt()),
                length(row.answer(), host.longestAnswer()), host.longestAnswer());
    }

    /** The first requests of the trace, as many as come in the time at this rate, faster or slower than they came. */
    private List<Trace.Row> first(double perSecond, double seconds) {
        return rows.subList(0, Math.clamp((int) (perSecond * seconds), 2, rows.size()));
    }

    private List<Arrival> trace(double load, ServiceClass[] classes, int tenants) {
        List<Trace.Row> part = first(load * capacity, host.seconds());
        double speed = load * capacity / (part.size() / Math.max(1e-9, part.getLast().seconds()));
        List<Arrival> arrivals = new ArrayList<>();
        for (int i = 0; i < part.size(); i++) {
            arrivals.add(arrival(part.get(i), part.get(i).seconds() / speed, "t" + i % tenants, classes[i % classes.length]));
        }
        return arrivals;
    }

    private double saturated() {
        int count = "engine".equals(host.name()) ? 800 : 2000;
        List<Arrival> arrivals = rows.subList(0, Math.min(count, rows.size())).stream().map(r -> arrival(r, 0, "t", NONE)).toList();
        List<Outcome> outcomes = host.run(Host.Setting.of(Policies.FCFS), arrivals, Long.MAX_VALUE);
        return arrivals.size() / (outcomes.stream().mapToLong(Outcome::endNanos).max().orElseThrow() / 1e9);
    }

    private List<Outcome> run(Policy.Kind policy, List<Arrival> arrivals) {
        return host.run(Host.Setting.of(policy), arrivals, Long.MAX_VALUE);
    }

    private interface Round {
        double get();
    }

    /** The median of the rounds. */
    private double median(Round round) {
        double[] all = new double[rounds];
        for (int i = 0; i < rounds; i++) {
            all[i] = round.get();
        }
        java.util.Arrays.sort(all);
        return all[rounds / 2];
    }

    private static double mean(List<Outcome> outcomes, ToDoubleFunction<Outcome> of) {
        return outcomes.stream().filter(Outcome::complete).mapToDouble(of).average().orElse(0);
    }

    private static double ttft95(List<Outcome> outcomes, Predicate<Outcome> which) {
        double[] all = outcomes.stream().filter(o -> !o.refused()).filter(which).mapToDouble(Outcome::ttftSeconds).sorted().toArray();
        return all.length == 0 ? Double.NaN : all[(int) (all.length * 0.95)];
    }

    private static double kept(List<Outcome> outcomes, ServiceClass of) {
        List<Outcome> in = outcomes.stream().filter(o -> o.arrival().serviceClass() == of).toList();
        return (double) in.stream().filter(Outcome::keptTargets).count() / Math.max(1, in.size());
    }

    /** The trace at rising rate: mean normalised latency, and the highest rate that keeps it under a limit. */
    void rates() {
        List<Policy.Kind> policies = List.of(Policies.FCFS, Policies.JOINED, Oracle.KNOWS_LENGTHS);
        double alone = median(() -> mean(run(Policies.FCFS, trace(0.1, new ServiceClass[] {NONE}, 1)), Outcome::normalisedSeconds));
        policies.forEach(p -> curves.put(p.word(), new double[loads.length]));
        print("%nThe trace at rising rate: mean time per token of the answer, end to end, in ms (at a tenth of the capacity: %.2f)%n",
                1e3 * alone);
        print("  %-10s %s%n", "load", policies.stream().map(p -> String.format("%14s", p.word())).collect(Collectors.joining(" ")));
        for (int i = 0; i < loads.length; i++) {
            List<Arrival> arrivals = trace(loads[i], new ServiceClass[] {NONE}, 1);
            StringBuilder line = new StringBuilder(String.format(Locale.ROOT, "  %-10.2f", loads[i]));
            for (Policy.Kind policy : policies) {
                List<Arrival> told = policy == Oracle.KNOWS_LENGTHS ? arrivals.stream().map(Experiments::told).toList() : arrivals;
                double latency = mean(run(policy, told), Outcome::normalisedSeconds);
                curves.get(policy.word())[i] = latency / alone;
                line.append(String.format(Locale.ROOT, " %14.2f", 1e3 * latency));
            }
            print("%s%n", line);
        }
        double best = 0;
        double at = 0;
        double[] fcfsCurve = curves.get(Policies.FCFS.word());
        for (double limit : LIMITS) {
            double fcfs = highest(fcfsCurve, limit);
            double joined = highest(curves.get(Policies.JOINED.word()), limit);
            double known = highest(curves.get(Oracle.KNOWS_LENGTHS.word()), limit);
            print("  under %3.0f times that of an idle machine, in parts of the capacity: fcfs %.2f, joined %.2f, lengths known %.2f;"
                            + " joined over fcfs %.2f%n",
                    limit, fcfs, joined, known, joined / fcfs);
            if (fcfs < loads[loads.length - 1] && joined / fcfs > best) {
                best = joined / fcfs;
                at = limit;
            }
            results.put(String.format(Locale.ROOT, "trace_rate_ratio_at_%.0fx", limit), joined / fcfs);
            results.put(String.format(Locale.ROOT, "trace_rate_ratio_lengths_known_at_%.0fx", limit), known / fcfs);
        }
        results.put("trace_rate_ratio", best);
        results.put("trace_rate_ratio_limit", at);
    }

    private static Arrival told(Arrival a) {
        return new Arrival(a.nanos(), a.deployment(), a.tenant(), a.weight(), a.serviceClass(), a.prompt(), a.answer(), a.answer());
    }

    private double highest(double[] curve, double limit) {
        for (int i = 0; i < curve.length; i++) {
            if (curve[i] > limit) {
                if (i == 0) {
                    return loads[0];
                }
                double part = (limit - curve[i - 1]) / (curve[i] - curve[i - 1]);
                return loads[i - 1] + Math.clamp(part, 0, 1) * (loads[i] - loads[i - 1]);
            }
        }
        return loads[loads.length - 1];
    }

    double[] loads() {
        return loads;
    }

    /**
     * A tenant at twenty times its share, which is a quarter, beside three that use a tenth of the machine each. The first quarter of
     * the time is not looked at: a tenant that was not there before has a burst to its credit.
     */
    void flood() {
        print("%nA tenant at 20 times its share beside three at a tenth of the machine: the others' 95%% time to first token, ms%n");
        for (Policies policy : List.of(Policies.FCFS, Policies.JOINED)) {
            int seed = 0;
            double[] without = new double[rounds];
            double[] with = new double[rounds];
            double[] ratio = new double[rounds];
            for (int i = 0; i < rounds; i++) {
                without[i] = floodRun(policy, 0, seed);
                with[i] = floodRun(policy, 5, seed++);
                ratio[i] = with[i] / without[i];
            }
            java.util.Arrays.sort(ratio);
            java.util.Arrays.sort(with);
            java.util.Arrays.sort(without);
            print("  %-8s without %8.1f, with %8.1f: ratio %.2f (%.2f to %.2f)%n", policy.word(), 1e3 * without[rounds / 2],
                    1e3 * with[rounds / 2], ratio[rounds / 2], ratio[0], ratio[rounds - 1]);
            results.put("flood_p95_ttft_ratio" + (policy == Policies.JOINED ? "" : "_" + policy.word()), ratio[rounds / 2]);
        }
    }

    private double floodRun(Policies policy, double flood, int seed) {
        Random random = new Random(seed);
        List<Arrival> arrivals = new ArrayList<>();
        double seconds = host.seconds() * 2;
        for (int tenant = 0; tenant < 4; tenant++) {
            double perSecond = capacity * (tenant < 3 ? 0.1 : flood);
            for (double at = 0; perSecond > 0; ) {
                at -= Math.log(1 - random.nextDouble()) / perSecond;
                if (at > seconds) {
                    break;
                }
                arrivals.add(arrival(rows.get(random.nextInt(rows.size())), at, tenant < 3 ? "t" + tenant : "flood", interactive));
            }
        }
        arrivals.sort(Comparator.comparingLong(Arrival::nanos));
        List<Outcome> outcomes = host.run(Host.Setting.of(policy), arrivals, (long) (1.5 * seconds * 1e9));
        return ttft95(outcomes, o -> !o.arrival().tenant().equals("flood") && o.arrival().nanos() > seconds / 4 * 1e9);
    }

    /** Three tenants with weights 1, 2 and 4 that always have requests waiting: some at once, and then more than their share. */
    void weights(double seconds) {
        print("%nTenants with weights 1:2:4, all with requests waiting, for %.0f s: tokens served%n", seconds);
        List<Arrival> arrivals = new ArrayList<>();
        for (int weight = 1; weight <= 4; weight *= 2) {
            double perSecond = 1.15 * capacity * weight / 7;
            for (int i = 0; i < 40 * weight + perSecond * seconds; i++) {
                Arrival a = arrival(rows.get((7 * i + weight) % rows.size()), Math.max(0, i - 40 * weight) / perSecond, "w" + weight, NONE);
                arrivals.add(new Arrival(
                        a.nanos(), a.deployment(), a.tenant(), weight, NONE, a.prompt(), a.answer(), a.limit()));
            }
        }
        arrivals.sort(Comparator.comparingLong(Arrival::nanos));
        List<Outcome> outcomes = host.run(Host.Setting.of(Policies.JOINED), arrivals, (long) (seconds * 1e9));
        double[] served = new double[3];
        for (Outcome o : outcomes) {
            int tenant = Integer.numberOfTrailingZeros((int) o.arrival().weight());
            served[tenant] += o.made() == 0 ? 0 : o.arrival().prompt() + 2.0 * o.made();
        }
        double all = served[0] + served[1] + served[2];
        double error = 0;
        for (int tenant = 0; tenant < 3; tenant++) {
            error = Math.max(error, Math.abs(served[tenant] / all * 7 / (1 << tenant) - 1));
        }
        print("  joined 1 : %.3f : %.3f, largest error %.1f%%%n", served[1] / served[0], served[2] / served[0], 100 * error);
        results.put("weights_error", error);
    }

    /** Three classes at nine tenths of the capacity under every policy, and beyond it under two. */
    void targets() {
        ServiceClass[] classes = {interactive, standard, interactive, standard, batch};
        print("%nTargets kept (interactive, standard), requests per second that kept theirs, all ended per second, refused%n");
        double best = 0;
        // Each policy once, not counted: the first run of a policy is also that of its code.
        for (Policies policy : Policies.values()) {
            run(policy, trace(0.9, classes, 3));
        }
        for (double load : new double[] {0.9, 1.5, 3}) {
            List<Arrival> arrivals = trace(load, classes, 3);
            for (Policies policy : Policies.values()) {
                if (load > 1 && policy != Policies.JOINED && policy != Policies.FCFS) {
                    continue;
                }
                double[] kept = new double[load < 1 ? rounds : 1];
                List<Outcome> outcomes = List.of();
                for (int i = 0; i < kept.length; i++) {
                    outcomes = run(policy, arrivals);
                    kept[i] = kept(outcomes, interactive);
                }
                java.util.Arrays.sort(kept);
                double seconds = Math.max(host.seconds(), outcomes.stream().mapToLong(Outcome::endNanos).max().orElse(1) / 1e9);
                double good = outcomes.stream().filter(Outcome::keptTargets).count() / seconds;
                double ended = outcomes.stream().filter(Outcome::complete).count() / seconds;
                List<Outcome> admitted = outcomes.stream().filter(o -> !o.refused()).toList();
                double middle = kept[kept.length / 2];
                print("  %.1f %-15s %5.1f%% (%.1f to %.1f) %5.1f%%  %7.2f/s %7.2f/s %5d refused; of those let in %5.1f%% %5.1f%%%n",
                        load, policy.word(), 100 * middle, 100 * kept[0], 100 * kept[kept.length - 1],
                        100 * kept(outcomes, standard), good, ended, outcomes.size() - admitted.size(),
                        100 * kept(admitted, interactive), 100 * kept(admitted, standard));
                String suffix = policy == Policies.JOINED ? "" : "_" + policy.word();
                if (load == 0.9) {
                    results.put("interactive_attainment" + suffix, middle);
                }
                if (policy == Policies.JOINED) {
                    best = Math.max(best, good);
                    if (load == 3) {
                        results.put("goodput_at_3x_over_best", good / best);
                    }
                }
            }
        }
    }

    /** Pages for a third of what is there at once: what becomes of the time. Returns the settings' outcomes to look at. */
    void memory(long pages, Runnable after) {
        print("%nPages for a third of the load (%d tokens): mean time per token in ms, time to first token (95%%), moved or dropped%n",
                pages);
        List<Arrival> arrivals = memoryTrace();
        Map<Preemption, Double> latency = new EnumMap<>(Preemption.class);
        for (Preemption preemption : Preemption.values()) {
            Host.Setting setting = new Host.Setting(Policies.JOINED, preemption, pages);
            double[] taken = new double[3];
            latency.put(preemption, median(() -> {
                List<Outcome> outcomes = host.run(setting, arrivals, Long.MAX_VALUE);
                taken[0] = outcomes.stream().mapToInt(Outcome::preemptions).sum();
                taken[1] = ttft95(outcomes, o -> true);
                taken[2] = outcomes.stream().filter(o -> !o.complete()).count();
                after.run();
                return mean(outcomes, Outcome::normalisedSeconds);
            }));
            print("  %-10s %8.2f %8.1f %6.0f; %.0f of %d did not end%n", preemption, 1e3 * latency.get(preemption), 1e3 * taken[1],
                    taken[0], taken[2], arrivals.size());
        }
        results.put("memory_reactive_over_proactive", latency.get(Preemption.REACTIVE) / latency.get(Preemption.PROACTIVE));
        results.put("memory_recompute_over_proactive", latency.get(Preemption.RECOMPUTE) / latency.get(Preemption.PROACTIVE));
    }

    /** The trace that memory is tested with: rows suffice for it, pages do not. */
    List<Arrival> memoryTrace() {
        return trace(0.9, new ServiceClass[] {NONE}, 3);
    }

    /** The tokens that are there at once, at most. */
    static long peakTokens(List<Outcome> outcomes) {
        record Change(long nanos, long tokens) {}
        List<Change> changes = new ArrayList<>();
        for (Outcome o : outcomes) {
            long tokens = o.arrival().prompt() + o.arrival().answer();
            changes.add(new Change(o.startedNanos(), tokens));
            changes.add(new Change(o.endNanos(), -tokens));
        }
        changes.sort(Comparator.comparingLong(Change::nanos));
        long now = 0;
        long peak = 0;
        for (Change change : changes) {
            now += change.tokens;
            peak = Math.max(peak, now);
        }
        return peak;
    }

    /** The scenario in which the simulator is compared with the engine. */
    double[] scenario() {
        ServiceClass[] classes = {interactive, standard, interactive, standard, batch};
        List<Outcome> outcomes = run(Policies.JOINED, trace(0.6, classes, 3));
        return new double[] {
            mean(outcomes, Outcome::normalisedSeconds),
            mean(outcomes, Outcome::ttftSeconds),
            ttft95(outcomes, o -> true),
            mean(outcomes, Outcome::tpotSeconds)
        };
    }
}
