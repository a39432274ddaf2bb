import io.ashlar.scheduler.CostModel;
import io.ashlar.scheduler.Preemption;
import io.ashlar.scheduler.ServiceClass;
import io.ashlar.scheduler.StepLimits;
import io.ashlar.scheduler.policy.Policies;
import io.ashlar.simulator.Arrival;
import io.ashlar.simulator.Machine;
import io.ashlar.simulator.Outcome;
import io.ashlar.simulator.Simulation;
import io.ashlar.simulator.Trace;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Random;

/** See bench/simulate. The machine is assumed, not measured: about an 8B model on a large GPU. */
class Simulate {
    private static final CostModel COST = new CostModel(8e6, 20_000, 60_000, 300);
    private static final long PAGES = 400_000;
    private static final ServiceClass NONE = ServiceClass.NONE;
    private static final ServiceClass INTERACTIVE = of("interactive", 0, 2000, 100, 4);
    private static final ServiceClass STANDARD = of("standard", 1, 10000, 250, 2);
    private static final ServiceClass BATCH = of("batch", 2, 0, 0, 1);

    private static ServiceClass of(String name, int order, int ttft, int tpot, double weight) {
        return new ServiceClass(name, order, Duration.ofMillis(ttft), Duration.ofMillis(tpot), 99, weight, 100_000,
                Duration.ofSeconds(0), true);
    }

    private static Machine machine(long pages) {
        return new Machine(new StepLimits(2048, 256), COST, 0.03, pages, 4_000_000, 150_000);
    }

    private static List<Outcome> run(Policies policy, Preemption preemption, long pages, List<Arrival> arrivals) {
        return new Simulation(machine(pages), policy, preemption, 1).run(arrivals);
    }

    private static double normalised(List<Outcome> outcomes) {
        return outcomes.stream().filter(o -> !o.refused()).mapToDouble(Outcome::normalisedSeconds).average().orElse(0);
    }

    private static double ttft95(List<Outcome> outcomes) {
        double[] all = outcomes.stream().filter(o -> !o.refused()).mapToDouble(Outcome::ttftSeconds).sorted().toArray();
        return all.length == 0 ? 0 : all[(int) (all.length * 0.95)];
    }

    private static double kept(List<Outcome> outcomes, String of) {
        List<Outcome> in = outcomes.stream().filter(o -> o.arrival().serviceClass().name().equals(of)).toList();
        return (double) in.stream().filter(Outcome::keptTargets).count() / Math.max(1, in.size());
    }

    public static void main(String[] args) throws Exception {
        boolean quick = args.length > 1 && args[1].equals("--quick");
        Trace trace = Trace.read(Path.of(args[0])).between(0, quick ? 400 : 900);
        double rate = trace.rows().size() / trace.seconds();

        // The highest rate whose mean normalised latency is under the limit.
        double limit = 0.1;
        double[] highest = new double[2];
        System.out.printf(Locale.ROOT, "trace: %d requests, %.1f/s%n", trace.rows().size(), rate);
        for (double speed : new double[] {1, 1.5, 2, 2.25, 2.5, 2.75, 3, 3.5, 4}) {
            double[] latency = new double[2];
            for (int p = 0; p < 2; p++) {
                Policies policy = p == 0 ? Policies.FCFS : Policies.JOINED;
                latency[p] = normalised(run(policy, Preemption.PROACTIVE, PAGES, trace.arrivals(speed, 1, 1024, NONE)));
                if (latency[p] < limit) {
                    highest[p] = speed * rate;
                }
            }
            System.out.printf(Locale.ROOT, "  %5.1f/s  fcfs %.3f  joined %.3f s/token%n", speed * rate, latency[0], latency[1]);
        }

        // A tenant at twenty times its share beside three that use a tenth of the machine each.
        double[] flood = new double[2];
        double before = ttft95(others(run(Policies.JOINED, Preemption.PROACTIVE, PAGES, tenants(trace, 0))));
        double beforeFcfs = ttft95(others(run(Policies.FCFS, Preemption.PROACTIVE, PAGES, tenants(trace, 0))));
        flood[0] = ttft95(others(run(Policies.FCFS, Preemption.PROACTIVE, PAGES, tenants(trace, 60)))) / beforeFcfs;
        flood[1] = ttft95(others(run(Policies.JOINED, Preemption.PROACTIVE, PAGES, tenants(trace, 60)))) / before;
        System.out.printf(Locale.ROOT, "flood: p95 time to first token of the others, with over without: fcfs %.1f, joined %.2f%n", flood[0], flood[1]);

        // Targets at nine tenths of the capacity, and beyond it.
        System.out.println("targets kept: interactive, standard; requests that kept them per second; refused");
        double attained = 0;
        double[] goodput = new double[3];
        for (double load : new double[] {0.9, 1.5, 3}) {
            List<Arrival> mixed = mixed(trace, load * 2.8);
            double seconds = mixed.getLast().nanos() / 1e9;
            for (Policies policy : Policies.values()) {
                List<Outcome> outcomes = run(policy, Preemption.PROACTIVE, PAGES, mixed);
                long good = outcomes.stream().filter(Outcome::keptTargets).count();
                double last = outcomes.stream().mapToLong(Outcome::endNanos).max().orElse(1) / 1e9;
                System.out.printf(Locale.ROOT, "  %.1f x %-15s %5.1f%% %5.1f%%  %5.2f/s  %d%n", load, policy.word(),
                        100 * kept(outcomes, "interactive"), 100 * kept(outcomes, "standard"), good / Math.max(seconds, last),
                        outcomes.stream().filter(Outcome::refused).count());
                if (policy == Policies.JOINED) {
                    attained = load == 0.9 ? kept(outcomes, "interactive") : attained;
                    goodput[load == 0.9 ? 0 : load == 1.5 ? 1 : 2] = good / Math.max(seconds, last);
                }
            }
        }

        // Pages for a third of what is there at once.
        double[] memory = new double[3];
        for (Preemption preemption : Preemption.values()) {
            List<Outcome> outcomes = run(Policies.SKIP_JOIN, preemption, PAGES / 3, trace.arrivals(2.5, 1, 1024, NONE));
            memory[preemption.ordinal()] = normalised(outcomes);
            System.out.printf(Locale.ROOT, "memory: %-10s %.3f s/token, %d of %d ended%n", preemption, normalised(outcomes),
                    outcomes.stream().filter(o -> o.made() == o.arrival().answer()).count(), outcomes.size());
        }
        double[] plan = new double[3];
        for (Policies policy : Policies.values()) {
            double[] cost = PlanCost.of(policy);
            plan = policy == Policies.JOINED ? cost : plan;
            System.out.printf(Locale.ROOT, "plan: %-15s %4.0f us (95%%: %4.0f), %.0f bytes%n", policy.word(), cost[0], cost[1], cost[2]);
        }
        System.out.printf(
                Locale.ROOT,
                "{\"benchmark\":\"simulate\",\"trace_rate_ratio\":%.2f,\"flood_p95_ttft_ratio\":%.2f,\"flood_p95_ttft_ratio_fcfs\":%.1f,"
                        + "\"interactive_attainment\":%.4f,\"goodput_at_3x_over_0.9x\":%.2f,\"memory_reactive_over_proactive\":%.2f,"
                        + "\"memory_recompute_over_proactive\":%.2f,\"plan_micros\":%.0f,\"plan_bytes\":%.0f}%n",
                highest[1] / highest[0], flood[1], flood[0], attained, goodput[2] / Math.max(goodput[0], goodput[1]),
                memory[1] / memory[2], memory[0] / memory[2], plan[0], plan[2]);
    }

    private static List<Outcome> others(List<Outcome> outcomes) {
        return outcomes.stream().filter(o -> !o.arrival().tenant().equals("flood")).toList();
    }

    /** Three tenants at a tenth of the machine each, and one at so many requests a second. */
    private static List<Arrival> tenants(Trace trace, double flood) {
        Random random = new Random(4);
        List<Arrival> arrivals = new ArrayList<>();
        double end = 120;
        for (int tenant = 0; tenant < 4; tenant++) {
            double perSecond = tenant < 3 ? 1.3 : flood;
            double at = 0;
            while (perSecond > 0) {
                at -= Math.log(1 - random.nextDouble()) / perSecond;
                if (at > end) {
                    break;
                }
                Trace.Row row = trace.rows().get(random.nextInt(trace.rows().size()));
                arrivals.add(new Arrival((long) (at * 1e9), "model", tenant < 3 ? "t" + tenant : "flood", 1, INTERACTIVE,
                        row.prompt(), Math.min(row.answer(), 1024), 1024));
            }
        }
        arrivals.sort(Comparator.comparingLong(Arrival::nanos));
        return arrivals;
    }

    private static List<Arrival> mixed(Trace trace, double speed) {
        List<Arrival> arrivals = new ArrayList<>();
        ServiceClass[] classes = {INTERACTIVE, STANDARD, INTERACTIVE, STANDARD, BATCH};
        List<Arrival> plain = trace.arrivals(speed, 1, 1024, NONE);
        for (int i = 0; i < plain.size(); i++) {
            Arrival a = plain.get(i);
            arrivals.add(new Arrival(a.nanos(), "model", "t" + i % 3, 1, classes[i % 5], a.prompt(), a.answer(), 1024));
        }
        return arrivals;
    }
}
