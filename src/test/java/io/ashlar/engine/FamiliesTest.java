package io.ashlar.engine;

import static org.assertj.core.api.Assertions.assertThat;

import io.ashlar.block.BlockZoo;
import io.ashlar.block.Importer;
import io.ashlar.block.LoadedBlocks;
import io.ashlar.block.ModelManifest;
import io.ashlar.block.Quantization;
import io.ashlar.compute.DType;
import io.ashlar.compute.Device;
import io.ashlar.compute.PageType;
import io.ashlar.compute.TestDevices;
import io.ashlar.model.format.Checkpoint;
import io.ashlar.scheduler.CostModel;
import io.ashlar.scheduler.Preemption;
import io.ashlar.scheduler.Scheduler;
import io.ashlar.scheduler.StepLimits;
import io.ashlar.scheduler.policy.Policies;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Every family and type: a random tiny model's logits against a plain forward pass in double precision. */
class FamiliesTest {
    private static final int PROMPT = 90;

    @TempDir
    static Path root;

    private static Device device;

    @BeforeAll
    static void start() {
        device = TestDevices.open();
    }

    @AfterAll
    static void stop() {
        device.close();
    }

    static Stream<Arguments> models() {
        return TinyModel.ARCHITECTURES.stream()
                .flatMap(a -> Stream.of(DType.F32, DType.Q8_0, DType.Q4_K).map(t -> Arguments.of(a, t)));
    }

    static Stream<Arguments> types() {
        return Stream.of(DType.values()).map(t -> Arguments.of("llama", t));
    }

    static int[] prompt(String architecture) {
        return new Random(architecture.length()).ints(PROMPT, 0, 256).toArray();
    }

    @ParameterizedTest
    @MethodSource({"models", "types"})
    void logits_are_those_of_the_plain_pass(String architecture, DType type) throws IOException {
        Path file = new TinyModel(architecture, type).write(root);
        int[] prompt = prompt(architecture);
        double[] expected;
        ModelManifest manifest;
        BlockZoo zoo = new BlockZoo(root.resolve(architecture + type));
        try (Checkpoint checkpoint = Checkpoint.open(file)) {
            expected = new PlainModel(checkpoint).logits(prompt)[PROMPT - 1];
            manifest = new Importer(zoo).model(checkpoint, Quantization.NONE, Importer.Progress.NONE);
        }
        float[] logits = logits(zoo, manifest, prompt, PageType.F32);
        // Products with quantised weights round activations to 8 bits; floats do not.
        assertThat(error(logits, expected))
                .as("largest error, in standard deviations")
                .isLessThan(type.isQuantized() ? 0.15 : TestDevices.computesInHalves() ? 0.01 : 2e-4);
        assertThat(error(logits(zoo, manifest, prompt, PageType.F16), expected))
                .isLessThan(type.isQuantized() ? 0.15 : 0.02);
        assertThat(error(logits(zoo, manifest, prompt, PageType.Q8), expected)).isLessThan(0.3);
    }

    /** The largest difference over the spread of the logits. */
    static double error(float[] logits, double[] expected) {
        double mean = Arrays.stream(expected).average().orElseThrow();
        double squares =
                Arrays.stream(expected).map(v -> (v - mean) * (v - mean)).sum();
        double spread = Math.sqrt(squares / expected.length);
        double worst = 0;
        for (int i = 0; i < expected.length; i++) {
            worst = Math.max(worst, Math.abs(logits[i] - expected[i]) / spread);
        }
        return worst;
    }

    private static float[] logits(BlockZoo zoo, ModelManifest manifest, int[] prompt, PageType type) {
        ChainLoader loader = new ChainLoader(new LoadedBlocks(zoo, device));
        Chain chain = loader.load(manifest, null, 512);
        PagePool pool = new PagePool(device, 16 << 20, 2 << 20);
        SequencePages pages = new SequencePages(device, pool, new PrefixCache(), type);
        ChainWalk walk = new ChainWalk(device, pool, type);
        StepRows rows = new StepRows(device);
        // Two steps, so that the second finds the first's pages.
        Scheduler<Sequence> policy = new Scheduler<>(
                new StepLimits(PROMPT - 20, 1),
                Preemption.RECOMPUTE,
                new CostModel(),
                (job, what, why) -> {},
                Policies.FCFS);
        Submission submission = new Submission(
                new GenerationRequest(chain, null, prompt, 1, SamplingOptions.GREEDY, List.of(), List.of(), 1, "test"),
                new Generation(null, 0),
                0);
        submission.open(() -> device.pageTable(pool.memory(), chain.config().layers()));
        Sequence sequence = submission.sequences.getFirst();
        policy.add(sequence, 0);
        for (int step = 0; step < 2; step++) {
            var plan = policy.plan(0, pages);
            rows.fill(plan);
            walk.run(rows);
            sequence.computed += plan.tokens(0);
        }
        float[] logits = new float[TinyModel.VOCABULARY];
        walk.logits(0, logits, logits.length);
        walk.close();
        pool.close();
        loader.release(chain);
        return logits;
    }
}
