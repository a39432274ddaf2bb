package io.ashlar.scheduler.policy;

import static org.assertj.core.api.Assertions.assertThat;

import io.ashlar.scheduler.Accounts;
import io.ashlar.scheduler.CostModel;
import io.ashlar.scheduler.Preemption;
import io.ashlar.scheduler.ServiceClass;
import io.ashlar.scheduler.StepLimits;
import io.ashlar.simulator.Arrival;
import io.ashlar.simulator.Machine;
import io.ashlar.simulator.Outcome;
import io.ashlar.simulator.Simulation;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** What each policy is for, on a simulated engine of one row a step and a millisecond a row. */
class PoliciesTest {
    private static final ServiceClass PLAIN =
            new ServiceClass("plain", 1, Duration.ZERO, Duration.ZERO, 95, 1, 10_000, Duration.ofHours(1), true);
    private static final CostModel COST = new CostModel(100_000, 1_000_000, 1_000_000, 0);
    private static final Machine ONE_ROW = new Machine(new StepLimits(64, 1), COST, 0, 100_000, 0, 1e9);

    private static Arrival arrival(double millis, String tenant, ServiceClass of, int prompt, int answer) {
        return new Arrival((long) (millis * 1e6), "m", tenant, 1, of, prompt, answer, answer);
    }

    private static List<Outcome> run(Policies policy, List<Arrival> arrivals) {
        return new Simulation(ONE_ROW, policy, Preemption.PROACTIVE, 1).run(arrivals);
    }

    private static double end(Outcome outcome) {
        return outcome.endNanos() / 1e6;
    }

    @ParameterizedTest
    @EnumSource(Policies.class)
    void every_policy_serves_every_request_to_its_end(Policies policy) {
        Random random = new Random(3);
        List<Arrival> arrivals = new ArrayList<>();
        for (int i = 0; i < 60; i++) {
            arrivals.add(arrival(i * 5, "t" + i % 3, PLAIN, 1 + random.nextInt(100), 1 + random.nextInt(50)));
        }
        for (Outcome outcome : run(policy, arrivals)) {
            assertThat(outcome.made()).isEqualTo(outcome.arrival().answer());
            assertThat(outcome.endNanos()).isGreaterThanOrEqualTo(outcome.firstTokenNanos());
            assertThat(outcome.firstTokenNanos())
                    .isGreaterThan(outcome.arrival().nanos());
        }
    }

    @Test
    void a_feedback_queue_lets_a_short_answer_pass_a_long_one_that_came_before() {
        List<Arrival> arrivals = List.of(arrival(0, "t", PLAIN, 1, 500), arrival(100, "t", PLAIN, 1, 5));
        assertThat(end(run(Policies.FCFS, arrivals).get(1))).isGreaterThan(500);
        assertThat(end(run(Policies.MLFQ, arrivals).get(1))).isLessThan(120);
        assertThat(end(run(Policies.SKIP_JOIN, arrivals).get(1))).isLessThan(120);
    }

    @Test
    void skip_join_does_not_let_a_long_prompt_go_before_short_ones() {
        List<Arrival> arrivals = new ArrayList<>();
        arrivals.add(arrival(0, "t", PLAIN, 640, 2));
        for (int i = 0; i < 5; i++) {
            arrivals.add(arrival(1, "t", PLAIN, 2, 4));
        }
        double plain = 0;
        double skipping = 0;
        for (int i = 1; i < 6; i++) {
            plain = Math.max(plain, end(run(Policies.MLFQ, arrivals).get(i)));
            skipping = Math.max(skipping, end(run(Policies.SKIP_JOIN, arrivals).get(i)));
        }
        assertThat(skipping).isLessThan(plain);
    }

    @Test
    void who_was_starved_goes_to_the_top_of_a_feedback_queue() {
        List<Arrival> arrivals = new ArrayList<>();
        arrivals.add(arrival(0, "t", PLAIN, 1, 5));
        for (int i = 0; i < 25000; i++) {
            arrivals.add(arrival(50 + i * 6.6, "t", PLAIN, 1, 6));
        }
        double last = arrivals.getLast().nanos() / 1e6;
        assertThat(end(run(Policies.MLFQ, arrivals).getFirst())).isLessThan(last);
    }

    @Test
    void counters_admit_the_tenant_that_was_served_least() {
        List<Arrival> arrivals = new ArrayList<>();
        for (int i = 0; i < 20; i++) {
            arrivals.add(arrival(0, "flood", PLAIN, 4, 20));
        }
        arrivals.add(arrival(30, "quiet", PLAIN, 4, 20));
        assertThat(end(run(Policies.FCFS, arrivals).get(20))).isGreaterThan(450);
        // It comes back from idle as far as the other is: one more of the other's may go first.
        assertThat(end(run(Policies.VTC, arrivals).get(20))).isLessThan(130);
        assertThat(end(run(Policies.JOINED, arrivals).get(20))).isLessThan(130);
    }

    @Test
    void batches_by_deadline_serve_the_nearest_first() {
        ServiceClass soon = new ServiceClass(
                "soon", 1, Duration.ofMillis(50), Duration.ZERO, 95, 1, 100, Duration.ofHours(1), true);
        ServiceClass later = new ServiceClass(
                "later", 1, Duration.ofSeconds(50), Duration.ZERO, 95, 1, 100, Duration.ofHours(1), true);
        List<Arrival> arrivals =
                List.of(arrival(0, "t", later, 4, 20), arrival(0, "t", later, 4, 20), arrival(0, "t", soon, 4, 20));
        assertThat(end(run(Policies.SLO_DBS, arrivals).get(2)))
                .isLessThan(end(run(Policies.SLO_DBS, arrivals).get(0)));
        assertThat(end(run(Policies.ODBS, arrivals).get(2)))
                .isGreaterThan(end(run(Policies.ODBS, arrivals).get(0)));
    }

    @Test
    void batches_by_length_put_those_together_that_are_predicted_alike() {
        List<Arrival> arrivals = new ArrayList<>();
        for (int i = 0; i < 8; i++) {
            arrivals.add(arrival(0, "t", PLAIN, 4, i % 2 == 0 ? 200 : 10));
        }
        List<Outcome> outcomes = run(Policies.ODBS, arrivals);
        double shortest = 0;
        for (int i = 1; i < 8; i += 2) {
            shortest = Math.max(shortest, end(outcomes.get(i)));
        }
        for (int i = 0; i < 8; i += 2) {
            assertThat(end(outcomes.get(i))).isGreaterThan(shortest);
        }
    }

    @Test
    void the_joined_policy_puts_a_deadline_before_a_tenant_s_turn() {
        ServiceClass urgent = new ServiceClass(
                "urgent", 0, Duration.ofMillis(150), Duration.ofMillis(20), 95, 1, 100, Duration.ofHours(1), true);
        List<Arrival> arrivals = new ArrayList<>();
        for (int i = 0; i < 30; i++) {
            arrivals.add(arrival(0, "t", PLAIN, 4, 40));
        }
        arrivals.add(arrival(100, "t", urgent, 30, 10));
        Outcome outcome = run(Policies.JOINED, arrivals).get(30);
        assertThat(outcome.keptTargets()).isTrue();
        assertThat(run(Policies.SKIP_JOIN, arrivals).get(30).keptTargets()).isFalse();
    }

    @Test
    void names_are_found_again_and_wrong_ones_are_not() {
        for (Policies policy : Policies.values()) {
            assertThat(Policies.of(policy.word())).contains(policy);
            assertThat(policy.make(COST, new Accounts(), new StepLimits(1, 1))).isNotNull();
        }
        assertThat(Policies.of("best")).isEmpty();
    }
}
