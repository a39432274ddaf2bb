package io.ashlar.scheduler;

import static org.assertj.core.api.Assertions.assertThat;

import io.ashlar.scheduler.policy.Policies;
import java.time.Duration;
import org.junit.jupiter.api.Test;

class BacklogTest {
    private static final ServiceClass HIGH =
            FakeJob.serviceClass("interactive", 0, Duration.ofSeconds(2), Duration.ofMillis(100));
    private static final ServiceClass LOW =
            FakeJob.serviceClass("standard", 1, Duration.ofSeconds(2), Duration.ofMillis(100));
    private static final ServiceClass BATCH =
            new ServiceClass("batch", 2, Duration.ZERO, Duration.ZERO, 50, 1, 5, Duration.ofHours(1), true);

    private final CostModel cost = new CostModel(1_000_000, 1_000_000, 2_000_000, 0);
    private final FakePages pages = new FakePages(100_000, 0);

    private Scheduler<FakeJob> scheduler(Policies policy) {
        return new Scheduler<>(new StepLimits(512, 64), Preemption.RECOMPUTE, cost, (job, what, why) -> {}, policy);
    }

    private static Terms terms(String tenant, ServiceClass of) {
        return new Terms("m", tenant, 1, of, LengthForecast.NONE);
    }

    private static int admitted(Backlog backlog, String tenant, ServiceClass of, int asked) {
        int admitted = 0;
        for (int i = 0; i < asked; i++) {
            if (backlog.enter(terms(tenant, of), 100, 100) == 0) {
                admitted++;
            }
        }
        return admitted;
    }

    @Test
    void no_more_are_let_in_than_can_be_given_their_first_token_in_time() {
        Backlog backlog = scheduler(Policies.JOINED).backlog(0, pages);
        // 100 ms of prefill each, two seconds for all of them.
        assertThat(admitted(backlog, "a", HIGH, 100)).isBetween(10, 18);
    }

    @Test
    void a_refusal_says_how_long_until_there_is_time() {
        Backlog backlog = scheduler(Policies.JOINED).backlog(0, pages);
        admitted(backlog, "a", HIGH, 100);
        long wait = backlog.enter(terms("a", HIGH), 100, 100);
        assertThat(wait).isBetween(1_000_000L, 3_000_000_000L);
        assertThat(backlog.enter(terms("a", HIGH), 1000, 100)).isGreaterThan(wait);
    }

    @Test
    void the_lower_class_is_refused_first_and_does_not_stand_in_the_way_of_the_higher() {
        Backlog backlog = scheduler(Policies.JOINED).backlog(0, pages);
        admitted(backlog, "a", LOW, 100);
        assertThat(backlog.enter(terms("a", LOW), 100, 100)).isPositive();
        assertThat(admitted(backlog, "a", HIGH, 100)).isBetween(10, 18);
        assertThat(backlog.enter(terms("a", LOW), 100, 100)).isPositive();
    }

    @Test
    void a_tenant_within_its_share_is_let_in_whatever_another_has_queued() {
        Backlog backlog = scheduler(Policies.JOINED).backlog(0, pages);
        admitted(backlog, "flood", HIGH, 100);
        assertThat(admitted(backlog, "quiet", HIGH, 100)).isBetween(4, 10);
        assertThat(backlog.enter(terms("flood", HIGH), 100, 100)).isPositive();
    }

    @Test
    void a_class_without_targets_is_bounded_by_its_queue_alone() {
        assertThat(admitted(scheduler(Policies.JOINED).backlog(0, pages), "a", BATCH, 100))
                .isEqualTo(5);
    }

    @Test
    void what_is_running_counts_with_what_is_left_of_it() {
        Scheduler<FakeJob> scheduler = scheduler(Policies.JOINED);
        for (int i = 0; i < 12; i++) {
            scheduler.add(new FakeJob("j" + i, 100, 100, terms("a", HIGH), 0), 0);
        }
        int beside = admitted(scheduler.backlog(0, pages), "a", HIGH, 100);
        assertThat(beside).isLessThan(9);
        int empty = admitted(scheduler(Policies.JOINED).backlog(0, pages), "a", HIGH, 100);
        assertThat(empty).isGreaterThan(beside + 6);
    }

    @Test
    void a_policy_without_targets_refuses_nobody() {
        assertThat(admitted(scheduler(Policies.FCFS).backlog(0, pages), "a", HIGH, 500))
                .isEqualTo(500);
    }
}
