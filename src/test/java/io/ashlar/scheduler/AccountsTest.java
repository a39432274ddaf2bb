package io.ashlar.scheduler;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.ashlar.scheduler.policy.Policies;
import java.util.ArrayList;
import java.util.List;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import org.junit.jupiter.api.Test;

class AccountsTest {
    private static final long MILLI = 1_000_000;
    private final Accounts accounts = new Accounts();

    private FakeJob enter(String tenant, double weight) {
        FakeJob job = new FakeJob(tenant, 10, 10, FakeJob.of(tenant, weight), 0);
        accounts.enter(job);
        return job;
    }

    @Test
    void a_decode_counts_twice_a_prompt_s_token_and_a_weight_divides() {
        FakeJob one = enter("one", 1);
        FakeJob four = enter("four", 4);
        accounts.charge(one, 10, false);
        accounts.charge(one, 1, true);
        accounts.charge(four, 10, false);
        accounts.charge(four, 1, true);
        assertThat(one.account().counter()).isEqualTo(12);
        assertThat(four.account().counter()).isEqualTo(3);
    }

    @Test
    void who_comes_back_from_idle_has_saved_nothing_up() {
        FakeJob idle = enter("idle", 1);
        FakeJob busy = enter("busy", 1);
        accounts.leave(idle);
        accounts.charge(busy, 5000, false);
        assertThat(enter("idle", 1).account().counter()).isEqualTo(5000);
    }

    @Test
    void who_used_the_machine_alone_does_not_pay_for_it_later() {
        FakeJob alone = enter("alone", 1);
        accounts.charge(alone, 5000, false);
        accounts.leave(alone);
        FakeJob other = enter("other", 1);
        accounts.charge(other, 10, false);
        accounts.raiseFloor();
        assertThat(accounts.ahead(enter("alone", 1).account())).isLessThanOrEqualTo(0);
    }

    @Test
    void a_tenant_that_had_more_than_its_share_of_the_machine_of_late_is_not_within_it() {
        FakeJob flood = enter("flood", 1);
        FakeJob quiet = enter("quiet", 1);
        accounts.decay(0, false);
        accounts.charge(flood, 4000, false);
        accounts.charge(quiet, 400, false);
        accounts.decay(20_000 * MILLI, true);
        assertThat(accounts.withinShare(flood.account())).isFalse();
        assertThat(accounts.withinShare(quiet.account())).isTrue();
        accounts.leave(quiet);
        accounts.decay(20_001 * MILLI, true);
        assertThat(accounts.withinShare(flood.account()))
                .as("the other may come back any moment")
                .isFalse();
        accounts.charge(flood, 4000, false);
        accounts.decay(80_000 * MILLI, true);
        assertThat(accounts.withinShare(flood.account()))
                .as("nobody else has been here for a minute")
                .isTrue();
    }

    @Test
    void who_uses_little_of_an_idle_machine_is_within_its_share_although_nobody_used_more() {
        FakeJob one = enter("one", 1);
        enter("other", 1);
        long now = 0;
        accounts.decay(now, false);
        for (int i = 0; i < 100; i++) {
            accounts.charge(one, 100, false);
            accounts.decay(now += 100 * MILLI, true);
            accounts.decay(now += 400 * MILLI, false);
        }
        assertThat(accounts.withinShare(one.account())).isTrue();
        for (int i = 0; i < 100; i++) {
            accounts.charge(one, 100, false);
            accounts.decay(now += 100 * MILLI, true);
        }
        assertThat(accounts.withinShare(one.account())).isFalse();
    }

    /** A year of steps, a nap of a month between them. */
    @Test
    void what_is_remembered_stays_a_number() {
        FakeJob one = enter("one", 1);
        FakeJob other = enter("other", 1);
        long now = 0;
        for (int i = 0; i < 12; i++) {
            accounts.decay(now += 2_592_000_000L * MILLI, false);
            accounts.charge(one, 100, false);
            accounts.charge(other, 10, false);
            accounts.decay(now += 30_000 * MILLI, true);
            assertThat(accounts.withinShare(one.account())).isFalse();
            assertThat(accounts.withinShare(other.account())).isTrue();
        }
    }

    /** Sheng et al., theorem 4.3, for the token-level order of the joined policy. */
    @Property(tries = 100)
    void backlogged_tenants_are_served_by_their_weights(
            @ForAll @IntRange(min = 1, max = 5) int first,
            @ForAll @IntRange(min = 1, max = 5) int second,
            @ForAll @IntRange(min = 1, max = 4) int places) {
        CostModel cost = new CostModel(MILLI, 100_000, 200_000, 0);
        Scheduler<FakeJob> scheduler = new Scheduler<>(
                new StepLimits(64, places), Preemption.RECOMPUTE, cost, (j, what, why) -> {}, Policies.JOINED);
        FakePages pages = new FakePages(100_000, 0);
        int[] weights = {first, second};
        List<FakeJob> jobs = new ArrayList<>();
        for (int i = 0; i < 16; i++) {
            FakeJob job = new FakeJob("j" + i, 20, 1_000_000, FakeJob.of("t" + i % 2, weights[i % 2]), 0);
            jobs.add(job);
            scheduler.add(job, 0);
        }
        for (int step = 0; step < 20_000; step++) {
            StepPlan<FakeJob> plan = scheduler.plan(step * MILLI, pages);
            for (int i = 0; i < plan.size(); i++) {
                FakeJob job = plan.job(i);
                job.computed += plan.tokens(i);
                if (job.pending() == 0) {
                    job.made++;
                }
            }
        }
        double[] made = new double[2];
        for (int i = 0; i < 16; i++) {
            made[i % 2] += jobs.get(i).made;
        }
        assertThat(made[1] / made[0]).isCloseTo((double) second / first, within(0.03 * second / first));
    }
}
