import io.ashlar.scheduler.policy.Policies;
import io.ashlar.simulator.Outcome;
import io.ashlar.simulator.Trace;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;

/** See bench/scheduler: Scheduling TRACE MODEL [--quick] [--svg FILE]. */
class Scheduling {
    public static void main(String[] args) throws Exception {
        List<String> options = Arrays.asList(args);
        boolean quick = options.contains("--quick");
        Trace trace = Trace.read(Path.of(args[0]));
        Path folder = Files.createTempDirectory("ashlar-scheduling");
        EngineHost host = new EngineHost(Path.of(args[1]), folder, quick ? 1.5 : 4);
        Experiments experiments = new Experiments(host, trace, quick ? 1 : 3, quick);
        double[] engine = experiments.scenario();
        var cost = host.cost();
        Experiments.print("%nFitted to measured steps, for bench/simulate: --costs %.0f,%.0f,%.0f,%.1f (mean error of a step: %.0f%%)%n",
                cost.base(), cost.prefillToken(), cost.decodeRow(), cost.page(), 100 * host.metrics().costError());
        Experiments simulated = new Experiments(
                new SimulatedHost(new SimulatedHost.Kind("engine", EngineHost.LIMITS, cost, Math.min(0.5, host.metrics().costError()),
                        host.pageTokens(), host.pageTokens(), 5e6, host.scale(), host.longestPrompt(), host.longestAnswer(),
                        host.seconds())),
                trace, 1, quick, experiments);
        compare(engine, simulated.scenario(), experiments);
        experiments.rates();
        experiments.flood();
        experiments.weights(quick ? 6 : 60);
        experiments.targets();
        memory(host, experiments);
        double[] plan = PlanCost.of(Policies.JOINED);
        experiments.results.put("plan_micros", plan[0]);
        experiments.results.put("plan_bytes", plan[2]);
        Experiments.print("%nA plan with 1,000 waiting and 256 running: %.0f us (95%%: %.0f), %.0f bytes%n", plan[0], plan[1], plan[2]);
        int svg = options.indexOf("--svg");
        if (svg >= 0) {
            Curve.draw(Path.of(args[svg + 1]), "Measured: the demo model on this machine's CPU", experiments.loads(), experiments.curves);
        }
        host.close();
        System.out.println(Simulate.json("scheduler", experiments.results));
        System.exit(0);
    }

    private static void compare(double[] engine, double[] simulated, Experiments experiments) {
        String[] what = {"mean time per token", "mean time to first token", "95% time to first token", "mean time per later token"};
        Experiments.print("%nThe simulator with these costs, at 0.6 of the capacity, three classes, joined%n");
        for (int i = 0; i < what.length; i++) {
            Experiments.print("  %-26s engine %8.2f ms, simulator %8.2f ms: %+.0f%%%n", what[i], 1e3 * engine[i], 1e3 * simulated[i],
                    100 * (simulated[i] / engine[i] - 1));
        }
        experiments.results.put("simulator_error", Math.abs(simulated[0] / engine[0] - 1));
    }

    /** No failure and no other token than with pages for all. */
    private static void memory(EngineHost host, Experiments experiments) {
        List<Outcome> ample = host.run(Host.Setting.of(Policies.FCFS), experiments.memoryTrace(), Long.MAX_VALUE);
        List<List<Integer>> expected = host.answers();
        int[] wrong = new int[1];
        experiments.memory(Experiments.peakTokens(ample) / 3, () -> {
            for (int i = 0; i < expected.size(); i++) {
                wrong[0] += host.answers().get(i).equals(expected.get(i)) ? 0 : 1;
            }
        });
        Experiments.print("  %d answers differ from those with pages for all%n", wrong[0]);
        experiments.results.put("memory_wrong_answers", (double) wrong[0]);
    }
}
