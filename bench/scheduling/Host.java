import io.ashlar.scheduler.CostModel;
import io.ashlar.scheduler.Policy;
import io.ashlar.scheduler.Preemption;
import io.ashlar.simulator.Arrival;
import io.ashlar.simulator.Outcome;
import java.util.List;

/** What serves a trace: the real engine, or the simulated one. */
interface Host extends AutoCloseable {
    /**
     * How a trace is served.
     *
     * @param pages tokens that the pages hold; 0 for all there is
     */
    record Setting(Policy.Kind policy, Preemption preemption, long pages) {
        static Setting of(Policy.Kind policy) {
            return new Setting(policy, Preemption.PROACTIVE, 0);
        }
    }

    String name();

    /** Of lengths, beside those of the trace. */
    double scale();

    /** The longest prompt and the longest answer, in tokens. */
    int longestPrompt();

    int longestAnswer();

    /** Seconds for which a trace runs. */
    double seconds();

    /**
     * Serves all, or as much as there is time for.
     *
     * @param until the end, in nanoseconds; what has not ended by then ends there, with what it made so far
     */
    List<Outcome> run(Setting setting, List<Arrival> arrivals, long until);

    /** Requests whose lengths are known when a run begins, as they would be in a system that has been running. */
    void learn(List<Arrival> before);

    /** What its steps cost, as measured. */
    CostModel cost();

    @Override
    void close();
}
