package io.ashlar.simulator;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.ashlar.scheduler.CostModel;
import io.ashlar.scheduler.Preemption;
import io.ashlar.scheduler.ServiceClass;
import io.ashlar.scheduler.StepLimits;
import io.ashlar.scheduler.policy.Policies;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class SimulationTest {
    private static final ServiceClass CHAT = new ServiceClass(
            "chat", 1, Duration.ofSeconds(2), Duration.ofMillis(100), 95, 1, 10_000, Duration.ofHours(1), true);
    private static final CostModel COST = new CostModel(5e6, 100_000, 500_000, 500);

    private static List<Arrival> poisson(double perSecond, int count, long seed) {
        Random random = new Random(seed);
        List<Arrival> arrivals = new ArrayList<>();
        double at = 0;
        for (int i = 0; i < count; i++) {
            at -= Math.log(1 - random.nextDouble()) / perSecond;
            int answer = 1 + (int) Math.min(400, -60 * Math.log(1 - random.nextDouble()));
            arrivals.add(
                    new Arrival((long) (at * 1e9), "m", "t" + i % 3, 1, CHAT, 20 + random.nextInt(300), answer, 512));
        }
        return arrivals;
    }

    private static Machine machine(long pageTokens, long hostTokens) {
        return new Machine(new StepLimits(512, 64), COST, 0.05, pageTokens, hostTokens, 1e7);
    }

    @Test
    void alone_a_request_takes_what_its_steps_cost() {
        Machine exact = new Machine(new StepLimits(512, 64), new CostModel(1e6, 10_000, 0, 0), 0, 10_000, 0, 1e7);
        Arrival one = new Arrival(5, "m", "t", 1, CHAT, 100, 11, 11);
        Outcome outcome = new Simulation(exact, Policies.FCFS, Preemption.RECOMPUTE, 1)
                .run(List.of(one))
                .getFirst();
        assertThat(outcome.firstTokenNanos()).isEqualTo(5 + 2_000_000);
        assertThat(outcome.endNanos()).isEqualTo(5 + 2_000_000 + 10 * 1_000_000);
        assertThat(outcome.tpotSeconds()).isEqualTo(0.001);
    }

    @Test
    void the_same_seed_gives_the_same_run() {
        List<Arrival> arrivals = poisson(20, 300, 5);
        List<Outcome> one =
                new Simulation(machine(8_000, 8_000), Policies.JOINED, Preemption.PROACTIVE, 9).run(arrivals);
        List<Outcome> two =
                new Simulation(machine(8_000, 8_000), Policies.JOINED, Preemption.PROACTIVE, 9).run(arrivals);
        assertThat(one).isEqualTo(two);
    }

    @ParameterizedTest
    @EnumSource(Preemption.class)
    void with_pages_for_a_third_of_the_load_all_is_served(Preemption preemption) {
        Simulation simulation = new Simulation(machine(3_000, 20_000), Policies.SKIP_JOIN, preemption, 2);
        for (Outcome outcome : simulation.run(poisson(20, 300, 5))) {
            assertThat(outcome.made()).isEqualTo(outcome.arrival().answer());
        }
        assertThat(simulation.preemptions()).isPositive();
    }

    @Test
    void beyond_the_capacity_some_are_refused_and_those_let_in_are_served_as_promised() {
        List<Outcome> outcomes = new Simulation(machine(200_000, 0), Policies.JOINED, Preemption.PROACTIVE, 2)
                .run(poisson(150, 3000, 5));
        List<Outcome> admitted = outcomes.stream().filter(o -> !o.refused()).toList();
        assertThat(admitted.size()).isBetween(500, 2500);
        assertThat(outcomes).filteredOn(Outcome::refused).allMatch(o -> o.retryNanos() > 0);
        double kept = (double) admitted.stream().filter(Outcome::keptTargets).count() / admitted.size();
        double firstCome = (double) new Simulation(machine(200_000, 0), Policies.FCFS, Preemption.RECOMPUTE, 2)
                        .run(poisson(150, 3000, 5)).stream()
                                .filter(Outcome::keptTargets)
                                .count()
                / 3000;
        assertThat(kept).isGreaterThan(0.8);
        assertThat(firstCome).isLessThan(0.3);
    }

    /** Three tenants at a tenth of the machine each; with a fourth at several times all of it. */
    private static double ttft95(Policies policy, boolean flood) {
        List<Arrival> arrivals = new ArrayList<>();
        Random random = new Random(11);
        for (int tenant = 0; tenant < (flood ? 4 : 3); tenant++) {
            double perSecond = tenant < 3 ? 0.7 : 15;
            for (double at = -Math.log(1 - random.nextDouble()) / perSecond;
                    at < 200;
                    at -= Math.log(1 - random.nextDouble()) / perSecond) {
                arrivals.add(new Arrival(
                        (long) (at * 1e9),
                        "m",
                        "t" + tenant,
                        1,
                        CHAT,
                        700 + random.nextInt(900),
                        1 + random.nextInt(60),
                        64));
            }
        }
        arrivals.sort(java.util.Comparator.comparingLong(Arrival::nanos));
        double[] others = new Simulation(machine(200_000, 200_000), policy, Preemption.PROACTIVE, 3)
                .run(arrivals, 210_000_000_000L).stream()
                        .filter(o -> !o.refused() && !o.arrival().tenant().equals("t3"))
                        // A tenant that was not there before has a burst to its credit.
                        .filter(o -> o.arrival().nanos() > 5_000_000_000L)
                        .mapToDouble(Outcome::ttftSeconds)
                        .sorted()
                        .toArray();
        return others[others.length * 95 / 100];
    }

    @Test
    void a_tenant_that_floods_changes_the_others_first_token_by_less_than_a_tenth() {
        assertThat(ttft95(Policies.JOINED, true) / ttft95(Policies.JOINED, false))
                .isLessThan(1.1);
        assertThat(ttft95(Policies.VTC, true) / ttft95(Policies.VTC, false)).isGreaterThan(1.3);
        assertThat(ttft95(Policies.FCFS, true) / ttft95(Policies.FCFS, false)).isGreaterThan(10);
    }

    @Test
    void a_tenant_alone_after_a_visitor_is_served_as_fast_as_before() {
        ServiceClass plain = ServiceClass.NONE;
        List<Arrival> arrivals = new ArrayList<>();
        arrivals.add(new Arrival(0, "m", "visitor", 1, plain, 100, 5, 64));
        for (int i = 0; i < 400; i++) {
            arrivals.add(new Arrival(i, "m", "worker", 1, plain, 200, 20, 64));
        }
        List<Arrival> alone = arrivals.subList(1, arrivals.size());
        double with = new Simulation(machine(200_000, 0), Policies.JOINED, Preemption.PROACTIVE, 3)
                .run(arrivals).stream().mapToLong(Outcome::endNanos).max().orElseThrow();
        double without = new Simulation(machine(200_000, 0), Policies.JOINED, Preemption.PROACTIVE, 3)
                .run(alone).stream().mapToLong(Outcome::endNanos).max().orElseThrow();
        assertThat(with / without).isLessThan(1.05);
    }

    @Test
    void under_overload_what_is_nearly_done_goes_first_and_time_per_token_is_lower_than_in_order_of_arrival() {
        List<Arrival> arrivals = new ArrayList<>();
        for (Arrival a : poisson(80, 2000, 8)) {
            arrivals.add(new Arrival(a.nanos(), "m", "t", 1, ServiceClass.NONE, a.prompt(), a.answer(), 512));
        }
        double[] latency = new double[2];
        for (int i = 0; i < 2; i++) {
            latency[i] = new Simulation(
                            machine(200_000, 0), i == 0 ? Policies.JOINED : Policies.FCFS, Preemption.PROACTIVE, 3)
                    .run(arrivals).stream()
                            .mapToDouble(Outcome::normalisedSeconds)
                            .average()
                            .orElseThrow();
        }
        assertThat(latency[0]).isLessThan(0.9 * latency[1]);
    }

    @Test
    void a_request_larger_than_the_machine_is_no_endless_wait() {
        Simulation simulation = new Simulation(machine(64, 0), Policies.FCFS, Preemption.RECOMPUTE, 1);
        Arrival large = new Arrival(0, "m", "t", 1, CHAT, 100, 1, 1);
        assertThatThrownBy(() -> simulation.run(List.of(large))).hasMessageContaining("can never run");
    }

    @Test
    void a_trace_is_read_from_csv_and_a_bad_line_is_named(@TempDir Path folder) throws IOException {
        Path good = folder.resolve("good.csv");
        Files.writeString(good, """
                TIMESTAMP,ContextTokens,GeneratedTokens
                2023-11-16 18:15:46.6805900,374,44
                2023-11-16 18:15:50.9951690,396,109
                """);
        Trace trace = Trace.read(good);
        assertThat(trace.rows()).hasSize(2);
        assertThat(trace.seconds()).isCloseTo(4.3145790, within(1e-6));
        Arrival last = trace.arrivals(2, 0.5, 512, CHAT).getLast();
        assertThat(last.nanos() / 1e9).isCloseTo(2.1572895, within(1e-6));
        assertThat(last.prompt()).isEqualTo(198);
        assertThat(last.answer()).isEqualTo(55);
        Path bad = folder.resolve("bad.csv");
        Files.writeString(bad, "TIMESTAMP,ContextTokens,GeneratedTokens\n1.5,374,44\n2.5,many,44\n");
        assertThatThrownBy(() -> Trace.read(bad)).hasMessageContaining("line 3").hasMessageContaining("many");
    }
}
