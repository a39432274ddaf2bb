package io.ashlar.scheduler;

import static org.assertj.core.api.Assertions.assertThat;

import io.ashlar.scheduler.policy.Policies;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import org.junit.jupiter.api.Test;

class SchedulerTest {
    private static final long MILLI = 1_000_000;

    private final List<String> told = new ArrayList<>();
    private final CostModel cost = new CostModel(MILLI, 100_000, 200_000, 0);

    private record Entry(FakeJob job, int tokens) {}

    private Scheduler<FakeJob> scheduler(int tokens, int jobs, Preemption preemption, Policies policy) {
        return new Scheduler<>(
                new StepLimits(tokens, jobs),
                preemption,
                cost,
                (job, what, why) -> told.add(job.name + " " + what + " " + why),
                policy);
    }

    private Scheduler<FakeJob> firstCome(int tokens, int jobs) {
        return scheduler(tokens, jobs, Preemption.RECOMPUTE, Policies.FCFS);
    }

    private static List<Entry> entries(StepPlan<FakeJob> plan) {
        List<Entry> entries = new ArrayList<>();
        for (int i = 0; i < plan.size(); i++) {
            entries.add(new Entry(plan.job(i), plan.tokens(i)));
        }
        return entries;
    }

    /** Does what the engine does with a plan; returns those that ended. */
    private static List<FakeJob> run(Scheduler<FakeJob> scheduler, FakePages pages, StepPlan<FakeJob> plan) {
        List<FakeJob> ended = new ArrayList<>();
        for (Entry entry : entries(plan)) {
            FakeJob job = entry.job();
            assertThat(job.pages * 16).isGreaterThanOrEqualTo(job.computed + entry.tokens());
            job.computed += entry.tokens();
            if (job.pending() == 0 && ++job.made == job.answer) {
                scheduler.remove(job);
                pages.giveBack(job);
                ended.add(job);
            }
        }
        return ended;
    }

    private static List<String> names(StepPlan<FakeJob> plan) {
        return entries(plan).stream().map(e -> e.job().name + ":" + e.tokens()).toList();
    }

    @Test
    void first_come_first_served_decodes_before_prefill_and_cuts_prefill_into_the_budget() {
        Scheduler<FakeJob> scheduler = firstCome(10, 8);
        FakePages pages = new FakePages(100, 0);
        scheduler.add(new FakeJob("a", 4, 5), 0);
        run(scheduler, pages, scheduler.plan(0, pages));
        scheduler.add(new FakeJob("b", 25, 5), 0);
        assertThat(names(scheduler.plan(0, pages))).containsExactly("a:1", "b:9");
    }

    @Test
    void jobs_are_admitted_in_order_of_arrival() {
        Scheduler<FakeJob> scheduler = firstCome(100, 2);
        FakePages pages = new FakePages(100, 0);
        for (String name : List.of("a", "b", "c")) {
            scheduler.add(new FakeJob(name, 4, 1), 0);
        }
        assertThat(names(scheduler.plan(0, pages))).containsExactly("a:4", "b:4");
        assertThat(scheduler.waiting()).isEqualTo(1);
    }

    @Test
    void a_job_that_does_not_fit_waits_and_lets_nobody_pass() {
        Scheduler<FakeJob> scheduler = firstCome(100, 8);
        FakePages pages = new FakePages(2, 0);
        scheduler.add(new FakeJob("large", 40, 1), 0);
        scheduler.add(new FakeJob("small", 4, 1), 0);
        assertThat(scheduler.plan(0, pages).isEmpty()).isTrue();
        assertThat(scheduler.waiting()).isEqualTo(2);
    }

    @Test
    void a_job_that_cannot_use_a_step_is_passed_over_and_the_reason_is_told() {
        Scheduler<FakeJob> scheduler = firstCome(100, 8);
        FakePages pages = new FakePages(100, 0);
        FakeJob slow = new FakeJob("slow", 4, 5);
        scheduler.add(slow, 0);
        run(scheduler, pages, scheduler.plan(0, pages));
        slow.ready = false;
        scheduler.add(new FakeJob("free", 4, 5), 0);
        assertThat(names(scheduler.plan(0, pages))).containsExactly("free:4");
        slow.ready = true;
        scheduler.plan(0, pages);
        assertThat(told)
                .containsExactly("slow ADMITTED TURN", "free ADMITTED TURN", "slow PAUSED READER", "slow RESUMED TURN");
    }

    @Test
    void out_of_pages_the_last_in_the_order_gives_its_own_up() {
        Scheduler<FakeJob> scheduler = firstCome(100, 8);
        FakePages pages = new FakePages(2, 0);
        FakeJob old = new FakeJob("old", 16, 20);
        FakeJob young = new FakeJob("young", 16, 20);
        scheduler.add(old, 0);
        scheduler.add(young, 0);
        run(scheduler, pages, scheduler.plan(0, pages));
        assertThat(names(scheduler.plan(0, pages))).containsExactly("old:1");
        assertThat(scheduler.running()).isEqualTo(1);
        assertThat(young.computed).isZero();
        assertThat(told).contains("young DROPPED NEEDED");
    }

    @Test
    void where_the_host_has_room_pages_are_moved_and_come_back_and_nothing_is_computed_again() {
        Scheduler<FakeJob> scheduler = scheduler(100, 8, Preemption.REACTIVE, Policies.FCFS);
        FakePages pages = new FakePages(2, 10);
        FakeJob old = new FakeJob("old", 16, 4);
        FakeJob young = new FakeJob("young", 16, 4);
        scheduler.add(old, 0);
        scheduler.add(young, 0);
        run(scheduler, pages, scheduler.plan(0, pages));
        // Its pages are not there yet: old waits, and nobody else loses anything.
        assertThat(scheduler.plan(0, pages).isEmpty()).isTrue();
        assertThat(scheduler.plan(0, pages).isEmpty()).isTrue();
        pages.endMoves(scheduler);
        while (old.made < old.answer) {
            run(scheduler, pages, scheduler.plan(0, pages));
        }
        scheduler.plan(0, pages);
        pages.endMoves(scheduler);
        assertThat(young.computed).isEqualTo(16);
        run(scheduler, pages, scheduler.plan(0, pages));
        assertThat(young.computed).isEqualTo(17);
        assertThat(told)
                .containsExactly(
                        "old ADMITTED TURN",
                        "young ADMITTED TURN",
                        "young MOVED_OUT NEEDED",
                        "old PAUSED PAGES",
                        "old RESUMED TURN",
                        "young MOVED_IN TURN");
    }

    @Test
    void a_job_that_may_not_be_preempted_keeps_its_pages() {
        ServiceClass firm =
                new ServiceClass("firm", 1, Duration.ZERO, Duration.ZERO, 95, 1, 1000, Duration.ofSeconds(30), false);
        Scheduler<FakeJob> scheduler = firstCome(100, 8);
        FakePages pages = new FakePages(3, 0);
        FakeJob a = new FakeJob("a", 16, 20);
        FakeJob b = new FakeJob("b", 16, 20, new Terms("model", "t", 1, firm, LengthForecast.NONE), 0);
        FakeJob c = new FakeJob("c", 16, 20);
        for (FakeJob job : List.of(a, c, b)) {
            scheduler.add(job, 0);
        }
        run(scheduler, pages, scheduler.plan(0, pages));
        run(scheduler, pages, scheduler.plan(0, pages));
        assertThat(b.pages).isPositive();
        assertThat(c.pages).isZero();
    }

    @Test
    void pages_move_ahead_of_need_one_job_a_step() {
        Scheduler<FakeJob> scheduler = scheduler(1, 1, Preemption.PROACTIVE, Policies.FCFS);
        FakePages pages = new FakePages(4, 10);
        FakeJob first = new FakeJob("first", 30, 60);
        FakeJob second = new FakeJob("second", 17, 60);
        scheduler.add(first, 0);
        while (first.computed < 30) {
            run(scheduler, pages, scheduler.plan(0, pages));
        }
        // Holds two of the four pages and is left out of steps, which have one place.
        second.computed = 17;
        pages.admit(second);
        scheduler.add(second, 0);
        scheduler.movedIn(second);
        second.residence = 20;
        told.clear();
        scheduler.plan(0, pages);
        assertThat(told).contains("second MOVED_OUT NEEDED_SOON");
        assertThat(pages.leaving).containsExactly(second);
    }

    @Test
    void a_step_is_kept_short_enough_for_the_targets_of_those_in_it() {
        Scheduler<FakeJob> scheduler = scheduler(1000, 8, Preemption.RECOMPUTE, Policies.JOINED);
        FakePages pages = new FakePages(1000, 0);
        ServiceClass quick = FakeJob.serviceClass("quick", 0, Duration.ofSeconds(1), Duration.ofMillis(10));
        scheduler.add(new FakeJob("chat", 4, 50, new Terms("m", "a", 1, quick, LengthForecast.NONE), 0), 0);
        run(scheduler, pages, scheduler.plan(0, pages));
        scheduler.add(new FakeJob("document", 900, 5, FakeJob.of("b", 1), 0), 0);
        StepPlan<FakeJob> plan = scheduler.plan(MILLI, pages);
        assertThat(names(plan)).hasSize(2).contains("chat:1");
        int prefill = entries(plan).stream().mapToInt(Entry::tokens).sum() - 1;
        assertThat(prefill).isBetween(50, 90);
        assertThat(cost.nanos(prefill, 1, 0)).isLessThan(10.0 * MILLI);
    }

    @Test
    void a_job_is_admitted_only_where_its_predicted_pages_fit_beside_the_growth_of_those_before_it() {
        Scheduler<FakeJob> joined = scheduler(1000, 8, Preemption.RECOMPUTE, Policies.JOINED);
        FakePages pages = new FakePages(10, 0);
        joined.add(new FakeJob("grows", 64, 64), 0);
        joined.add(new FakeJob("waits", 48, 64), 0);
        // At once there would be room for both: four pages and three of ten. They will need fifteen.
        joined.plan(0, pages);
        assertThat(told).containsExactly("grows ADMITTED TURN");
        Scheduler<FakeJob> wider = scheduler(1000, 8, Preemption.RECOMPUTE, Policies.JOINED);
        FakePages more = new FakePages(16, 0);
        told.clear();
        wider.add(new FakeJob("grows", 64, 64), 0);
        wider.add(new FakeJob("fits", 48, 64), 0);
        wider.plan(0, more);
        assertThat(told).contains("fits ADMITTED TURN");
    }

    @Test
    void a_policy_is_switched_while_jobs_run_and_they_go_on() {
        Scheduler<FakeJob> scheduler = firstCome(100, 8);
        FakePages pages = new FakePages(100, 0);
        FakeJob a = new FakeJob("a", 4, 500, FakeJob.of("t", 1), 0);
        FakeJob b = new FakeJob("b", 4, 500, FakeJob.of("u", 1), 0);
        scheduler.add(a, 0);
        scheduler.add(b, 0);
        for (Policies policy : Policies.values()) {
            run(scheduler, pages, scheduler.plan(0, pages));
            scheduler.use("model", policy);
            assertThat(names(scheduler.plan(0, pages))).containsExactlyInAnyOrder("a:1", "b:1");
            scheduler.use(policy);
        }
        assertThat(told).containsExactly("a ADMITTED TURN", "b ADMITTED TURN");
    }

    @Test
    void deployments_with_policies_of_their_own_share_the_steps() {
        Scheduler<FakeJob> scheduler = scheduler(64, 1, Preemption.RECOMPUTE, Policies.JOINED);
        scheduler.use("other", Policies.FCFS);
        FakePages pages = new FakePages(1000, 0);
        int[] rows = new int[2];
        for (int i = 0; i < 4; i++) {
            scheduler.add(new FakeJob("j" + i, 8, 1000, FakeJob.of("t", 1), 0), 0);
            Terms terms = new Terms("other", "u", 1, Terms.NONE.serviceClass(), LengthForecast.NONE);
            scheduler.add(new FakeJob("o" + i, 8, 1000, terms, 0), 0);
        }
        for (int step = 0; step < 400; step++) {
            StepPlan<FakeJob> plan = scheduler.plan(step * MILLI, pages);
            for (Entry entry : entries(plan)) {
                rows[entry.job().name.startsWith("j") ? 0 : 1] += entry.tokens();
            }
            run(scheduler, pages, plan);
        }
        assertThat((double) rows[0] / rows[1]).isBetween(0.9, 1.1);
    }

    @Property(tries = 400)
    void whatever_happens_every_job_ends_and_all_pages_come_back(
            @ForAll long seed,
            @ForAll Policies policy,
            @ForAll Preemption preemption,
            @ForAll @IntRange(min = 1, max = 40) int tokens,
            @ForAll @IntRange(min = 1, max = 6) int jobs,
            @ForAll @IntRange(min = 6, max = 12) int pageCount,
            @ForAll @IntRange(min = 0, max = 12) int hostCount) {
        Random random = new Random(seed);
        Scheduler<FakeJob> scheduler = scheduler(tokens, jobs, preemption, policy);
        FakePages pages = new FakePages(pageCount, hostCount);
        List<FakeJob> live = new ArrayList<>();
        int ended = 0;
        int count = 12;
        int added = 0;
        for (int step = 0; ended < count; step++) {
            assertThat(step).as("steps").isLessThan(20_000);
            if (added < count && random.nextInt(4) == 0) {
                Terms terms = FakeJob.of("t" + random.nextInt(3), 1 + random.nextInt(3));
                FakeJob job =
                        new FakeJob("j" + added++, 1 + random.nextInt(50), 1 + random.nextInt(40), terms, step * MILLI);
                scheduler.add(job, step * MILLI);
                live.add(job);
            }
            if (random.nextInt(50) == 0 && !live.isEmpty()) {
                FakeJob cancelled = live.remove(random.nextInt(live.size()));
                scheduler.remove(cancelled);
                pages.giveBack(cancelled);
                ended++;
            }
            if (random.nextInt(100) == 0) {
                scheduler.use(Policies.values()[random.nextInt(Policies.values().length)]);
            }
            StepPlan<FakeJob> plan = scheduler.plan(step * MILLI, pages);
            int rows = entries(plan).stream().mapToInt(Entry::tokens).sum();
            assertThat(rows).isLessThanOrEqualTo(tokens);
            assertThat(plan.size()).isLessThanOrEqualTo(jobs);
            assertThat(entries(plan).stream().map(Entry::job)).doesNotHaveDuplicates();
            List<FakeJob> through = run(scheduler, pages, plan);
            live.removeAll(through);
            ended += through.size();
            if (random.nextInt(3) == 0) {
                pages.endMoves(scheduler);
            }
        }
        assertThat(pages.free).isEqualTo(pageCount);
        assertThat(pages.hostFree).isEqualTo(hostCount);
        assertThat(scheduler.running()).isZero();
        assertThat(scheduler.waiting()).isZero();
        assertThat(scheduler.accounts().active()).isEmpty();
    }
}
