import io.ashlar.scheduler.CostModel;
import io.ashlar.scheduler.LengthPredictor;
import io.ashlar.scheduler.StepLimits;
import io.ashlar.scheduler.policy.Policies;
import io.ashlar.simulator.Trace;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;

/**
 * See bench/simulate: Simulate TRACE [--quick] [--costs STEP,TOKEN,ROW,PAGE] [--svg FILE]. Costs are in nanoseconds; without them,
 * those of about an 8B model on a large GPU are assumed.
 */
class Simulate {
    private static final CostModel GPU = new CostModel(8e6, 20_000, 60_000, 300);

    public static void main(String[] args) throws Exception {
        boolean quick = false;
        CostModel cost = GPU;
        Path svg = null;
        for (int i = 1; i < args.length; i++) {
            switch (args[i]) {
                case "--quick" -> quick = true;
                case "--costs" -> cost = costs(args[++i]);
                case "--svg" -> svg = Path.of(args[++i]);
                default -> throw new IllegalArgumentException("unknown option " + args[i]);
            }
        }
        Trace trace = Trace.read(Path.of(args[0]));
        predictions(trace);
        long start = System.nanoTime();
        try (Host host = new SimulatedHost(new SimulatedHost.Kind("simulator", new StepLimits(2048, 256), cost, 0.03, 400_000,
                4_000_000, 150_000, 1, 16_000, 1024, quick ? 120 : 600))) {
            Experiments experiments = new Experiments(host, trace, 1, quick);
            experiments.rates();
            experiments.flood();
            experiments.weights(60);
            experiments.targets();
            long peak = Experiments.peakTokens(host.run(Host.Setting.of(Policies.JOINED), experiments.memoryTrace(), Long.MAX_VALUE));
            experiments.memory(peak / 3, () -> {});
            System.out.println();
            double[] plan = new double[3];
            for (Policies policy : Policies.values()) {
                double[] of = PlanCost.of(policy);
                plan = policy == Policies.JOINED ? of : plan;
                Experiments.print("plan: %-15s %4.0f us (95%%: %4.0f), %.0f bytes%n", policy.word(), of[0], of[1], of[2]);
            }
            experiments.results.put("plan_micros", plan[0]);
            experiments.results.put("plan_bytes", plan[2]);
            if (svg != null) {
                Curve.draw(svg, "Simulated: " + (cost == GPU ? "costs of about an 8B model on a large GPU, assumed" : "costs as given"),
                        experiments.loads(), experiments.curves);
            }
            Experiments.print("all simulated in %.1f s%n", (System.nanoTime() - start) / 1e9);
            System.out.println(json("simulate", experiments.results));
        }
    }

    private static CostModel costs(String words) {
        String[] four = words.split(",");
        if (four.length != 4) {
            throw new IllegalArgumentException("--costs takes four numbers, STEP,TOKEN,ROW,PAGE in nanoseconds, not " + words);
        }
        return new CostModel(Double.parseDouble(four[0]), Double.parseDouble(four[1]), Double.parseDouble(four[2]),
                Double.parseDouble(four[3]));
    }

    /** How far predictions of lengths are off on the trace, learned as it goes. */
    static void predictions(Trace trace) {
        LengthPredictor predictor = new LengthPredictor();
        for (Trace.Row row : trace.rows()) {
            predictor.observe("t", "model", row.prompt(), row.answer());
        }
        Experiments.print("Predicted lengths of answers: mean error %.1f tokens; were every answer the mean: %.1f%n", predictor.error(),
                predictor.meanGuessError());
    }

    static String json(String name, Map<String, Double> results) {
        return "{\"benchmark\":\"" + name + "\","
                + results.entrySet().stream()
                        .map(e -> "\"" + e.getKey() + "\":" + String.format(Locale.ROOT, "%.4g", e.getValue()))
                        .collect(Collectors.joining(","))
                + "}";
    }
}
