import io.ashlar.scheduler.CostModel;
import io.ashlar.scheduler.StepLimits;
import io.ashlar.simulator.Arrival;
import io.ashlar.simulator.Machine;
import io.ashlar.simulator.Outcome;
import io.ashlar.simulator.Simulation;
import java.util.List;

/** The simulated engine, with the costs of a machine. */
final class SimulatedHost implements Host {
    /**
     * What is simulated.
     *
     * @param noise of a step's time, relative
     * @param pageTokens tokens that the pages hold
     * @param scale of the trace's lengths
     */
    record Kind(String name, StepLimits limits, CostModel cost, double noise, long pageTokens, long hostTokens,
            double moveTokensPerSecond, double scale, int longestPrompt, int longestAnswer, double seconds) {}

    private final Kind kind;
    private List<Arrival> seenBefore = List.of();

    SimulatedHost(Kind kind) {
        this.kind = kind;
    }

    @Override
    public String name() {
        return kind.name;
    }

    @Override
    public double scale() {
        return kind.scale;
    }

    @Override
    public int longestPrompt() {
        return kind.longestPrompt;
    }

    @Override
    public int longestAnswer() {
        return kind.longestAnswer;
    }

    @Override
    public double seconds() {
        return kind.seconds;
    }

    @Override
    public CostModel cost() {
        return kind.cost;
    }

    @Override
    public void learn(List<Arrival> before) {
        seenBefore = before;
    }

    @Override
    public List<Outcome> run(Setting setting, List<Arrival> arrivals, long until) {
        Machine machine = new Machine(kind.limits, kind.cost, kind.noise,
                setting.pages() == 0 ? kind.pageTokens : setting.pages(), kind.hostTokens, kind.moveTokensPerSecond);
        Simulation simulation = new Simulation(machine, setting.policy(), setting.preemption(), 1);
        for (Arrival a : seenBefore) {
            simulation.predictor().observe(a.tenant(), a.deployment(), a.prompt(), a.answer());
        }
        return simulation.run(arrivals, until);
    }

    @Override
    public void close() {}
}
