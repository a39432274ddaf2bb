package io.ashlar.engine;

import static org.assertj.core.api.Assertions.assertThat;

import io.ashlar.compute.Device;
import io.ashlar.compute.TestDevices;
import io.ashlar.compute.cuda.CudaDevice;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The engine on the CUDA kernels: on a GPU where there is one, else on their emulation. */
class CudaEngineTest {
    private static final String STORY = "Tell me a story about an owl.";

    @TempDir
    static Path root;

    private static Device device;
    private static DemoModels models;

    @BeforeAll
    static void start() {
        var cuda = TestDevices.cuda();
        Assumptions.assumeTrue(cuda.isPresent(), "neither a GPU nor the kernels' sources");
        device = cuda.orElseThrow();
        models = new DemoModels(root, device);
    }

    @AfterAll
    static void stop() {
        if (device != null) {
            device.close();
        }
    }

    private static Engine engine(int stepTokens, int jobs, long pageBytes) {
        Engine engine = new Engine(device, DemoModels.options(stepTokens, jobs, pageBytes), System::nanoTime);
        engine.start();
        return engine;
    }

    private static SamplingOptions sampled(long seed) {
        return new SamplingOptions(0.9, 0.95, 40, 0.01, 1, 0, 0, Map.of(), seed, -1);
    }

    private static Generation ask(Engine engine, String model, String question, int tokens, SamplingOptions how) {
        return engine.submit(models.request(model, models.prompt(question), tokens, how, List.of(), 1));
    }

    @Test
    void all_models_in_one_batch_give_the_golden_answers() {
        List<GoldenTest.Case> cases = new ArrayList<>();
        for (String model : List.of("demo-base", "demo-pirate", "demo-brief", "demo-draft")) {
            GoldenTest.cases().stream()
                    .filter(c -> c.model().equals(model) && c.greedyIds().size() <= 40)
                    .limit(2)
                    .forEach(cases::add);
        }
        assertThat(cases.stream().map(GoldenTest.Case::model).distinct().count())
                .isGreaterThanOrEqualTo(3);
        try (Engine engine = engine(256, 64, 64 << 20)) {
            List<Generation> running = new ArrayList<>();
            for (GoldenTest.Case c : cases) {
                running.add(engine.submit(
                        models.greedy(c.model(), c.promptIds(), c.greedyIds().size())));
            }
            for (int i = 0; i < cases.size(); i++) {
                assertThat(Answers.read(running.get(i)).tokens)
                        .as(cases.get(i).name())
                        .startsWith(cases.get(i).greedyIds().toArray(Integer[]::new));
            }
        }
    }

    @Test
    void decode_steps_of_one_size_run_as_graphs() {
        long[] before = ((CudaDevice) device).runs();
        try (Engine engine = engine(64, 8, 16 << 20)) {
            ask(engine, "demo-base", STORY, 40, SamplingOptions.GREEDY).ended().join();
        }
        long[] after = ((CudaDevice) device).runs();
        assertThat(after[0] - before[0]).as("steps as graphs").isGreaterThan(30);
        assertThat(after[1] - before[1]).as("steps launch by launch").isLessThan(8);
    }

    /** Running ahead, preemption, chunks and company change no token. */
    @Test
    void a_drawn_answer_is_the_same_alone_in_company_in_chunks_and_preempted() {
        List<Integer> alone;
        try (Engine engine = engine(256, 8, 16 << 20)) {
            alone = Answers.read(ask(engine, "demo-base", STORY, 40, sampled(5))).tokens;
        }
        try (Engine engine = engine(16, 8, 16 << 20)) {
            List<Generation> company = new ArrayList<>();
            for (int i = 0; i < 4; i++) {
                company.add(ask(engine, i % 2 == 0 ? "demo-pirate" : "demo-base", STORY + i, 20, sampled(i)));
            }
            Generation same = ask(engine, "demo-base", STORY, 40, sampled(5));
            assertThat(Answers.read(same).tokens).isEqualTo(alone);
            company.forEach(Answers::read);
        }
        int layers = models.chain("demo-base").config().layers();
        long page = models.chain("demo-base")
                .config()
                .layer(0)
                .pages(io.ashlar.compute.PageType.F32)
                .bytes();
        long fewPages = Math.max(2L << 20, page * layers * 9);
        try (Engine engine = engine(64, 8, fewPages)) {
            List<Generation> all = new ArrayList<>();
            for (int i = 0; i < 6; i++) {
                all.add(ask(engine, "demo-base", STORY, 40, sampled(5)));
            }
            for (Generation one : all) {
                assertThat(Answers.read(one).tokens).isEqualTo(alone);
            }
        }
    }

    @Test
    void what_needs_the_host_between_steps_runs_beside_what_does_not() {
        SamplingOptions penalised = new SamplingOptions(0.8, 1, 0, 0, 1.3, 0.5, 0.2, Map.of(), 3, -1);
        SamplingOptions reported = new SamplingOptions(0.8, 1, 0, 0, 1, 0, 0, Map.of(), 4, 2);
        List<List<Integer>> alone = new ArrayList<>();
        try (Engine engine = engine(64, 8, 16 << 20)) {
            for (SamplingOptions how : List.of(penalised, reported, sampled(6))) {
                alone.add(Answers.read(ask(engine, "demo-base", STORY, 20, how)).tokens);
            }
            List<Generation> together = new ArrayList<>();
            for (SamplingOptions how : List.of(penalised, reported, sampled(6))) {
                together.add(ask(engine, "demo-base", STORY, 20, how));
            }
            for (int i = 0; i < 3; i++) {
                assertThat(Answers.read(together.get(i)).tokens).isEqualTo(alone.get(i));
            }
        }
    }
}
