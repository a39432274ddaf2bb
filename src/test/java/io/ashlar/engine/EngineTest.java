package io.ashlar.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.ashlar.compute.Device;
import io.ashlar.compute.TestDevices;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class EngineTest {
    private static final String STORY = "Tell me a story about an owl.";

    @TempDir
    static Path root;

    static Device device;
    static DemoModels models;

    @BeforeAll
    static void load() {
        device = TestDevices.open();
        models = new DemoModels(root, device);
    }

    @AfterAll
    static void close() {
        device.close();
    }

    private static Engine engine(int stepTokens, int jobs, long pageBytes) {
        Engine engine = new Engine(device, DemoModels.options(stepTokens, jobs, pageBytes), System::nanoTime);
        engine.start();
        return engine;
    }

    private static SamplingOptions sampled(long seed) {
        return new SamplingOptions(0.9, 0.95, 40, 0.01, 1.1, 0.2, 0.1, Map.of(), seed, 3);
    }

    static void await(BooleanSupplier condition) {
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(20);
        while (!condition.getAsBoolean()) {
            assertThat(System.nanoTime()).as("waited too long").isLessThan(deadline);
            Thread.onSpinWait();
        }
    }

    @Test
    void a_cached_prefix_changes_nothing_but_the_work() {
        try (Engine engine = engine(64, 8, 16 << 20)) {
            int[] prompt = models.prompt(STORY + " " + STORY + " " + STORY);
            GenerationRequest request = models.request("demo-base", prompt, 60, sampled(7), List.of(), 1);
            Answers.Answer first = Answers.read(engine.submit(request));
            Generation again = engine.submit(request);
            Answers.Answer second = Answers.read(again);
            assertThat(second.tokens).isEqualTo(first.tokens);
            for (int i = 0; i < first.logprobs.size(); i++) {
                assertThat(second.logprobs.get(i).logprob())
                        .as("to the last bit")
                        .isEqualTo(first.logprobs.get(i).logprob());
            }
            assertThat(again.ended().join().cachedTokens()).isEqualTo((prompt.length - 1) / 16 * 16);
        }
    }

    @Test
    void prefixes_are_shared_inside_a_scope_only() {
        try (Engine engine = engine(64, 8, 16 << 20)) {
            int[] prompt = models.prompt(STORY + " " + STORY);
            GenerationRequest own = models.greedy("demo-base", prompt, 2);
            Answers.read(engine.submit(own));
            GenerationRequest other = new GenerationRequest(
                    own.chain(),
                    own.tokens(),
                    prompt,
                    2,
                    own.sampling(),
                    own.endTokens(),
                    List.of(),
                    1,
                    "another tenant");
            Generation generation = engine.submit(other);
            Answers.read(generation);
            assertThat(generation.ended().join().cachedTokens()).isZero();
        }
    }

    @Test
    void an_adapter_does_not_use_the_pages_of_its_base() {
        try (Engine engine = engine(64, 8, 16 << 20)) {
            int[] prompt = models.prompt(STORY + " " + STORY);
            Answers.read(engine.submit(models.greedy("demo-base", prompt, 2)));
            Generation brief = engine.submit(models.greedy("demo-brief", prompt, 2));
            Answers.read(brief);
            assertThat(brief.ended().join().cachedTokens()).isZero();
        }
    }

    @Test
    void how_a_prompt_is_cut_into_chunks_changes_no_bit() {
        int[] prompt = models.prompt(STORY + " " + STORY + " " + STORY);
        GenerationRequest request = models.request("demo-pirate", prompt, 20, sampled(3), List.of(), 1);
        List<List<Integer>> tokens = new ArrayList<>();
        for (int stepTokens : new int[] {1, 7, 512}) {
            try (Engine engine = engine(stepTokens, 8, 16 << 20)) {
                tokens.add(Answers.read(engine.submit(request)).tokens);
            }
        }
        assertThat(tokens.get(1)).isEqualTo(tokens.get(0));
        assertThat(tokens.get(2)).isEqualTo(tokens.get(0));
    }

    @Test
    void preempted_sequences_give_the_tokens_they_would_have_given() {
        List<GenerationRequest> requests = new ArrayList<>();
        for (int i = 0; i < 12; i++) {
            String model = List.of("demo-base", "demo-pirate", "demo-brief").get(i % 3);
            requests.add(models.request(model, models.prompt(STORY + i), 100, sampled(i), List.of(), 1));
        }
        List<List<Integer>> alone = new ArrayList<>();
        try (Engine engine = engine(512, 8, 64 << 20)) {
            for (GenerationRequest request : requests) {
                alone.add(Answers.read(engine.submit(request)).tokens);
            }
        }
        // Pages of 8 KB in 6 layers: 2 MB hold 42 groups, far fewer than twelve stories need.
        try (Engine engine = engine(512, 12, 2 << 20)) {
            List<Generation> running = requests.stream().map(engine::submit).toList();
            for (int i = 0; i < running.size(); i++) {
                assertThat(Answers.read(running.get(i)).tokens).isEqualTo(alone.get(i));
            }
            assertThat(engine.metrics().preemptions()).isPositive();
        }
    }

    @Test
    void cancelling_ends_a_generation_and_frees_its_pages() {
        try (Engine engine = engine(64, 8, 16 << 20)) {
            SamplingOptions endless =
                    new SamplingOptions(0, 1, 0, 0, 1, 0, 0, Map.of(1535, -100f, 1534, -100f, 1533, -100f), 0, -1);
            Generation generation =
                    engine.submit(models.request("demo-base", models.prompt(STORY), 900, endless, List.of(), 2));
            await(() -> generation.completionTokens() > 20);
            generation.cancel();
            GenerationUsage usage =
                    generation.ended().orTimeout(5, TimeUnit.SECONDS).join();
            assertThat(usage.reason()).isEqualTo(FinishReason.CANCELLED);
            assertThat(usage.completionTokens()).isLessThan(1800);
            await(() -> engine.metrics().running() == 0);
        }
    }

    @Test
    void a_reader_that_does_not_come_pauses_its_own_request_only() {
        try (Engine engine = engine(64, 8, 16 << 20)) {
            SamplingOptions endless =
                    new SamplingOptions(0, 1, 0, 0, 1, 0, 0, Map.of(1535, -100f, 1534, -100f, 1533, -100f), 0, -1);
            Generation unread =
                    engine.submit(models.request("demo-base", models.prompt(STORY), 900, endless, List.of(), 1));
            await(() -> unread.completionTokens() > 500);
            assertThat(Answers.read(engine.submit(models.greedy("demo-base", models.prompt(STORY), 60))).reason)
                    .isEqualTo(FinishReason.STOP);
            assertThat(unread.completionTokens()).isLessThan(512);
            assertThat(Answers.read(unread).reason).isEqualTo(FinishReason.LENGTH);
        }
    }

    @Test
    void a_reader_that_never_comes_is_cancelled_at_last() {
        EngineOptions options = new EngineOptions(
                new io.ashlar.scheduler.StepLimits(64, 8),
                16 << 20,
                io.ashlar.compute.PageType.F16,
                8,
                java.time.Duration.ofMillis(200));
        try (Engine engine = new Engine(device, options, System::nanoTime)) {
            engine.start();
            SamplingOptions endless =
                    new SamplingOptions(0, 1, 0, 0, 1, 0, 0, Map.of(1535, -100f, 1534, -100f, 1533, -100f), 0, -1);
            Generation unread =
                    engine.submit(models.request("demo-base", models.prompt(STORY), 900, endless, List.of(), 1));
            assertThat(unread.ended().orTimeout(20, TimeUnit.SECONDS).join().reason())
                    .isEqualTo(FinishReason.CANCELLED);
        }
    }

    @Test
    void several_choices_share_the_prompt_and_differ_by_seed() {
        try (Engine engine = engine(64, 8, 16 << 20)) {
            GenerationRequest request = models.request(
                    "demo-base",
                    models.prompt(STORY + STORY),
                    40,
                    new SamplingOptions(1.5, 1, 0, 0, 1, 0, 0, Map.of(), 5, -1),
                    List.of(),
                    3);
            List<Answers.Answer> answers = Answers.read(engine.submit(request), 3);
            List<Answers.Answer> again = Answers.read(engine.submit(request), 3);
            assertThat(answers.stream().map(a -> a.tokens).distinct()).hasSize(3);
            for (int i = 0; i < 3; i++) {
                assertThat(again.get(i).tokens).isEqualTo(answers.get(i).tokens);
            }
        }
    }

    @Test
    void a_stop_string_ends_the_answer_and_no_part_of_it_is_given_out() {
        try (Engine engine = engine(64, 8, 16 << 20)) {
            int[] prompt = models.prompt("What is the capital of Japan?");
            Answers.Answer answer = Answers.read(engine.submit(
                    models.request("demo-base", prompt, 60, SamplingOptions.GREEDY, List.of("an is T"), 1)));
            assertThat(answer.text).hasToString("The capital of Jap");
            assertThat(answer.reason).isEqualTo(FinishReason.STOP);
        }
    }

    @Test
    void base_fine_tune_and_adapter_hold_the_base_two_layers_and_the_adapter() {
        Device own = TestDevices.open();
        io.ashlar.block.LoadedBlocks loaded = new io.ashlar.block.LoadedBlocks(models.zoo, own);
        ChainLoader loader = new ChainLoader(loaded);
        Chain base = loader.load(models.manifest("demo-base"), null, 1024);
        long baseBytes = loaded.bytes();
        long layer = base.layer(5).bytes();
        Chain pirate = loader.load(models.manifest("demo-pirate"), null, 1024);
        assertThat(loaded.bytes()).isEqualTo(baseBytes + 2 * layer);
        long adapter = models.chain("demo-brief").adapter().bytes();
        Chain brief = loader.load(models.manifest("demo-base"), models.adapterManifest, 1024);
        assertThat(loaded.bytes()).isEqualTo(baseBytes + 2 * layer + adapter);
        loader.release(brief);
        loader.release(pirate);
        loader.release(base);
        assertThat(loaded.bytes()).isZero();
        own.close();
    }

    @Test
    void what_cannot_fit_is_refused_at_the_door() {
        try (Engine engine = engine(64, 8, 16 << 20)) {
            int[] prompt = models.prompt(STORY);
            assertThatThrownBy(() -> engine.submit(models.greedy("demo-base", prompt, 1024)))
                    .hasMessageContaining("do not fit in 1024");
        }
    }

    @Test
    void a_full_engine_refuses() {
        EngineOptions options = new EngineOptions(
                new io.ashlar.scheduler.StepLimits(64, 8),
                16 << 20,
                io.ashlar.compute.PageType.F16,
                1,
                java.time.Duration.ofSeconds(30));
        try (Engine engine = new Engine(device, options, System::nanoTime)) {
            GenerationRequest request = models.greedy("demo-base", models.prompt(STORY), 10);
            engine.submit(request);
            assertThatThrownBy(() -> engine.submit(request)).isInstanceOf(EngineBusyException.class);
            engine.start();
        }
    }
}
