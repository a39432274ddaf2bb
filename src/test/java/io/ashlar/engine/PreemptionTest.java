package io.ashlar.engine;

import static org.assertj.core.api.Assertions.assertThat;

import io.ashlar.compute.Device;
import io.ashlar.compute.PageType;
import io.ashlar.compute.TestDevices;
import io.ashlar.scheduler.LengthForecast;
import io.ashlar.scheduler.Policy;
import io.ashlar.scheduler.Preemption;
import io.ashlar.scheduler.ServiceClass;
import io.ashlar.scheduler.StepLimits;
import io.ashlar.scheduler.Terms;
import io.ashlar.scheduler.policy.Policies;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Sequences lose their pages to others, in every way there is, and nobody can tell from their answers. */
class PreemptionTest {
    private static final SamplingOptions ENDLESS =
            new SamplingOptions(0.8, 1, 0, 0, 1, 0, 0, Map.of(1535, -100f, 1534, -100f, 1533, -100f), 0, -1);
    private static final int COUNT = 20;
    private static final int TOKENS = 110;

    @TempDir
    static Path root;

    private static Device device;
    private static DemoModels models;
    private static List<List<Integer>> alone;

    @BeforeAll
    static void load() {
        device = TestDevices.open();
        models = new DemoModels(root, device);
        try (Engine engine = engine(64 << 20, 0, Policies.FCFS, Preemption.RECOMPUTE)) {
            engine.start();
            alone = run(engine, "model");
        }
    }

    @AfterAll
    static void close() {
        device.close();
    }

    private static Engine engine(long pages, long host, Policy.Kind policy, Preemption preemption) {
        return new Engine(
                device,
                new EngineOptions(
                        new StepLimits(128, 32),
                        pages,
                        PageType.F32,
                        4096,
                        Duration.ofSeconds(30),
                        policy,
                        preemption,
                        host),
                System::nanoTime);
    }

    private static GenerationRequest request(int i, String deployment) {
        GenerationRequest plain = models.request(
                i % 2 == 0 ? "demo-base" : "demo-pirate",
                models.prompt("Tell me story number " + i + " about a fox and a crow."),
                TOKENS,
                ENDLESS.withSeed(i),
                List.of(),
                1);
        return new GenerationRequest(
                plain.chain(),
                plain.tokens(),
                plain.prompt(),
                plain.maxTokens(),
                plain.sampling(),
                plain.endTokens(),
                plain.stopStrings(),
                1,
                "test " + i,
                new Terms(deployment, "tenant " + i % 3, 1, ServiceClass.NONE, LengthForecast.NONE));
    }

    private static List<List<Integer>> run(Engine engine, String deployment) {
        List<Generation> running = new ArrayList<>();
        for (int i = 0; i < COUNT; i++) {
            running.add(engine.submit(request(i, deployment)));
        }
        return running.stream().map(g -> Answers.read(g).tokens).toList();
    }

    /** Two megabytes of pages hold two or three of the twenty. */
    private static Engine tight(long host, Policy.Kind policy, Preemption preemption) {
        Engine engine = engine(2 << 20, host, policy, preemption);
        engine.start();
        return engine;
    }

    @ParameterizedTest
    @EnumSource(Preemption.class)
    void an_answer_is_the_same_to_the_last_token_whatever_becomes_of_its_pages(Preemption preemption) {
        try (Engine engine = tight(64 << 20, Policies.SKIP_JOIN, preemption)) {
            assertThat(run(engine, "model")).isEqualTo(alone);
            EngineMetrics metrics = engine.metrics();
            assertThat(metrics.preemptions()).isPositive();
            assertThat(metrics.movedOut() > 0).isEqualTo(preemption != Preemption.RECOMPUTE);
            assertThat(metrics.movedIn()).isEqualTo(metrics.movedOut());
            assertThat(metrics.hostBytesUsed()).isZero();
        }
    }

    @Test
    void without_room_in_host_memory_they_are_computed_again() {
        try (Engine engine = tight(0, Policies.SKIP_JOIN, Preemption.PROACTIVE)) {
            assertThat(run(engine, "model")).isEqualTo(alone);
            assertThat(engine.metrics().preemptions()).isPositive();
            assertThat(engine.metrics().movedOut()).isZero();
        }
    }

    @ParameterizedTest
    @EnumSource(Policies.class)
    void every_policy_gives_the_same_answers(Policies policy) {
        try (Engine engine = tight(64 << 20, policy, Preemption.PROACTIVE)) {
            assertThat(run(engine, "model")).isEqualTo(alone);
        }
    }

    @Test
    void a_policy_is_switched_while_requests_run() throws Exception {
        try (Engine engine = tight(64 << 20, Policies.JOINED, Preemption.PROACTIVE)) {
            Thread switching = Thread.ofVirtual().start(() -> {
                for (int i = 0; !Thread.currentThread().isInterrupted(); i++) {
                    engine.use("model", Policies.values()[i % Policies.values().length]);
                    java.util.concurrent.locks.LockSupport.parkNanos(20_000_000);
                }
            });
            assertThat(run(engine, "model")).isEqualTo(alone);
            switching.interrupt();
            switching.join();
        }
    }

    @Test
    void a_request_cancelled_while_its_pages_move_gives_all_of_them_back() {
        try (Engine engine = tight(64 << 20, Policies.SKIP_JOIN, Preemption.PROACTIVE)) {
            for (int round = 0; round < 4; round++) {
                List<Generation> running = new ArrayList<>();
                for (int i = 0; i < COUNT; i++) {
                    running.add(engine.submit(request(i, "model")));
                }
                EngineTest.await(() -> engine.metrics().movedOut() > 0);
                for (int i = 0; i < COUNT; i++) {
                    if (i % 4 != round) {
                        running.get(i).cancel();
                    }
                }
                for (int i = round; i < COUNT; i += 4) {
                    assertThat(Answers.read(running.get(i)).tokens).isEqualTo(alone.get(i));
                }
                for (Generation generation : running) {
                    generation.ended().orTimeout(20, TimeUnit.SECONDS).join();
                }
            }
            EngineTest.await(() -> engine.metrics().hostBytesUsed() == 0);
            assertThat(run(engine, "model")).isEqualTo(alone);
        }
    }

    @Test
    void what_happened_to_a_request_can_be_read_and_holds_nothing_that_was_said() {
        try (Engine engine = tight(64 << 20, Policies.SKIP_JOIN, Preemption.REACTIVE)) {
            List<Generation> running = new ArrayList<>();
            for (int i = 0; i < COUNT; i++) {
                running.add(engine.submit(request(i, "model")));
            }
            int preempted = 0;
            for (Generation generation : running) {
                Answers.read(generation);
                GenerationUsage usage = generation.ended().join();
                List<Timeline.What> what = generation.timeline().events().stream()
                        .map(Timeline.Event::what)
                        .toList();
                assertThat(what).startsWith(Timeline.What.QUEUED, Timeline.What.ADMITTED);
                assertThat(what).contains(Timeline.What.PREFILLED).endsWith(Timeline.What.ENDED);
                long out =
                        what.stream().filter(w -> w == Timeline.What.MOVED_OUT).count();
                long in = what.stream().filter(w -> w == Timeline.What.MOVED_IN).count();
                assertThat(in).isEqualTo(out);
                assertThat(generation.timeline().events())
                        .isSortedAccordingTo(java.util.Comparator.comparingLong(Timeline.Event::nanos));
                preempted += usage.preemptions();
            }
            assertThat((long) preempted).isEqualTo(engine.metrics().preemptions());
        }
    }

    @Test
    void what_was_promised_to_some_is_not_broken_for_others() {
        ServiceClass strict = new ServiceClass(
                "strict", 0, Duration.ofMillis(400), Duration.ofMillis(50), 95, 1, 1000, Duration.ofSeconds(1), true);
        try (Engine engine = engine(64 << 20, 0, Policies.JOINED, Preemption.PROACTIVE)) {
            engine.start();
            run(engine, "model");
            int refused = 0;
            List<Generation> running = new ArrayList<>();
            for (int i = 0; i < 400; i++) {
                GenerationRequest r = request(i % COUNT, "model");
                try {
                    running.add(engine.submit(new GenerationRequest(
                            r.chain(),
                            r.tokens(),
                            r.prompt(),
                            r.maxTokens(),
                            r.sampling(),
                            r.endTokens(),
                            r.stopStrings(),
                            1,
                            "test",
                            new Terms("model", "t", 1, strict, LengthForecast.NONE))));
                } catch (OverloadedException e) {
                    refused++;
                    assertThat(e.retryAfter()).isPositive();
                }
            }
            assertThat(running).isNotEmpty();
            assertThat(refused).isPositive();
            for (Generation generation : running) {
                Answers.read(generation);
            }
        }
    }
}
