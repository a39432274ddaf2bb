package io.ashlar.scheduler;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import org.junit.jupiter.api.Test;

class FirstComeFirstServedTest {
    /** A job with a prompt and an answer to make; it computes nothing. */
    private static final class FakeJob implements Job {
        final String name;
        final int total;
        int length;
        int computed;
        int pages;
        boolean ready = true;

        FakeJob(String name, int prompt, int answer) {
            this.name = name;
            this.length = prompt;
            this.total = prompt + answer;
        }

        @Override
        public int pending() {
            return length - computed;
        }

        @Override
        public boolean ready() {
            return ready;
        }

        @Override
        public String toString() {
            return name;
        }
    }

    /** Pages of 16 tokens, so and so many. */
    private static final class FakePages implements Pages<FakeJob> {
        int free;

        FakePages(int free) {
            this.free = free;
        }

        private static int needed(int tokens) {
            return (tokens + 15) / 16;
        }

        @Override
        public boolean admit(FakeJob job) {
            int needed = needed(job.length);
            if (needed > free) {
                return false;
            }
            free -= needed;
            job.pages = needed;
            return true;
        }

        @Override
        public boolean grow(FakeJob job) {
            if (job.pages * 16 >= job.length) {
                return true;
            }
            if (free == 0) {
                return false;
            }
            free--;
            job.pages++;
            return true;
        }

        @Override
        public void release(FakeJob job) {
            free += job.pages;
            job.pages = 0;
            job.computed = 0;
        }
    }

    private static FirstComeFirstServed<FakeJob> policy(int tokens, int jobs) {
        return new FirstComeFirstServed<>(new StepLimits(tokens, jobs));
    }

    /** Does what the engine does with a plan; returns those that ended. */
    private record Entry(FakeJob job, int tokens) {}

    private static List<Entry> entries(StepPlan<FakeJob> plan) {
        List<Entry> entries = new ArrayList<>();
        for (int i = 0; i < plan.size(); i++) {
            entries.add(new Entry(plan.job(i), plan.tokens(i)));
        }
        return entries;
    }

    private static List<FakeJob> run(FirstComeFirstServed<FakeJob> policy, FakePages pages, StepPlan<FakeJob> plan) {
        List<FakeJob> ended = new ArrayList<>();
        for (Entry entry : entries(plan)) {
            FakeJob job = entry.job();
            job.computed += entry.tokens();
            if (job.pending() == 0 && ++job.length > job.total) {
                policy.remove(job);
                pages.release(job);
                ended.add(job);
            }
        }
        return ended;
    }

    private static List<String> names(StepPlan<FakeJob> plan) {
        return entries(plan).stream().map(e -> e.job().name + ":" + e.tokens()).toList();
    }

    @Test
    void decodes_go_before_prefill_and_prefill_is_cut_into_the_budget() {
        FirstComeFirstServed<FakeJob> policy = policy(10, 8);
        FakePages pages = new FakePages(100);
        policy.add(new FakeJob("a", 4, 5));
        run(policy, pages, policy.plan(0, pages));
        policy.add(new FakeJob("b", 25, 5));
        assertThat(names(policy.plan(0, pages))).containsExactly("a:1", "b:9");
    }

    @Test
    void jobs_are_admitted_in_order_of_arrival() {
        FirstComeFirstServed<FakeJob> policy = policy(100, 2);
        FakePages pages = new FakePages(100);
        for (String name : List.of("a", "b", "c")) {
            policy.add(new FakeJob(name, 4, 1));
        }
        assertThat(names(policy.plan(0, pages))).containsExactly("a:4", "b:4");
        assertThat(policy.waiting()).isEqualTo(1);
    }

    @Test
    void a_job_that_does_not_fit_waits_and_lets_nobody_pass() {
        FirstComeFirstServed<FakeJob> policy = policy(100, 8);
        FakePages pages = new FakePages(2);
        policy.add(new FakeJob("large", 40, 1));
        policy.add(new FakeJob("small", 4, 1));
        assertThat(policy.plan(0, pages).isEmpty()).isTrue();
        assertThat(policy.waiting()).isEqualTo(2);
    }

    @Test
    void a_job_that_cannot_use_a_step_is_passed_over() {
        FirstComeFirstServed<FakeJob> policy = policy(100, 8);
        FakePages pages = new FakePages(100);
        FakeJob blocked = new FakeJob("blocked", 4, 5);
        blocked.ready = false;
        policy.add(blocked);
        policy.add(new FakeJob("free", 4, 5));
        assertThat(names(policy.plan(0, pages))).containsExactly("free:4");
    }

    @Test
    void out_of_pages_the_youngest_gives_its_own_up() {
        FirstComeFirstServed<FakeJob> policy = policy(100, 8);
        FakePages pages = new FakePages(2);
        FakeJob old = new FakeJob("old", 16, 20);
        FakeJob young = new FakeJob("young", 16, 20);
        policy.add(old);
        policy.add(young);
        run(policy, pages, policy.plan(0, pages));
        assertThat(names(policy.plan(0, pages))).containsExactly("old:1");
        assertThat(policy.running()).isEqualTo(1);
        assertThat(policy.waiting()).isEqualTo(1);
        assertThat(young.computed).isZero();
    }

    @Property(tries = 300)
    void every_job_ends_within_every_budget_and_all_pages_come_back(
            @ForAll long seed,
            @ForAll @IntRange(min = 1, max = 40) int tokens,
            @ForAll @IntRange(min = 1, max = 6) int jobs,
            @ForAll @IntRange(min = 6, max = 12) int pageCount) {
        Random random = new Random(seed);
        FirstComeFirstServed<FakeJob> policy = policy(tokens, jobs);
        FakePages pages = new FakePages(pageCount);
        int ended = 0;
        int count = 12;
        int added = 0;
        for (int step = 0; ended < count; step++) {
            assertThat(step).as("steps").isLessThan(20_000);
            if (added < count && random.nextInt(4) == 0) {
                policy.add(new FakeJob("j" + added++, 1 + random.nextInt(50), 1 + random.nextInt(40)));
            }
            StepPlan<FakeJob> plan = policy.plan(step, pages);
            int rows = entries(plan).stream().mapToInt(Entry::tokens).sum();
            assertThat(rows).isLessThanOrEqualTo(tokens);
            assertThat(policy.running()).isLessThanOrEqualTo(jobs);
            assertThat(entries(plan).stream().map(Entry::job)).doesNotHaveDuplicates();
            ended += run(policy, pages, plan).size();
        }
        assertThat(pages.free).isEqualTo(pageCount);
    }
}
