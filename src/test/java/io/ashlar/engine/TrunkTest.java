package io.ashlar.engine;

import static org.assertj.core.api.Assertions.assertThat;

import io.ashlar.compute.Device;
import io.ashlar.compute.TestDevices;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Prompts of one model go on from what another of its family computed, as far as their chains are one. */
class TrunkTest {
    private static final String STORY = "Tell me a story about an owl that counts the stars and sleeps in the sun. ";

    @TempDir
    static Path root;

    private static Device device;
    private static DemoModels models;

    @BeforeAll
    static void start() {
        device = TestDevices.open();
        models = new DemoModels(root, device);
    }

    @AfterAll
    static void stop() {
        device.close();
    }

    private static Engine engine(int stepTokens) {
        Engine engine = new Engine(device, DemoModels.options(stepTokens, 16, 32 << 20), System::nanoTime);
        engine.start();
        return engine;
    }

    private static List<Integer> ask(Engine engine, String model, String question) {
        return Answers.read(engine.submit(models.greedy(model, models.prompt(question), 40))).tokens;
    }

    @Test
    void a_fine_tune_gives_the_same_answer_behind_the_bases_trunk() {
        String prompt = STORY.repeat(4);
        List<Integer> alone;
        try (Engine engine = engine(64)) {
            alone = ask(engine, "demo-pirate", prompt);
            assertThat(engine.metrics().trunkTokens()).isZero();
        }
        for (int stepTokens : new int[] {512, 40}) {
            try (Engine engine = engine(stepTokens)) {
                engine.place(models.chain("demo-base"));
                engine.place(models.chain("demo-pirate"));
                engine.place(models.chain("demo-brief"));
                ask(engine, "demo-base", prompt);
                assertThat(engine.metrics().trunkTokens()).isZero();
                assertThat(ask(engine, "demo-pirate", prompt)).isEqualTo(alone);
                long reused = engine.metrics().trunkTokens();
                assertThat(reused).isGreaterThan(models.prompt(prompt).length - 33);
                assertThat(ask(engine, "demo-pirate", prompt))
                        .as("from its own pages")
                        .isEqualTo(alone);
                assertThat(engine.metrics().trunkTokens()).isEqualTo(reused);
            }
        }
    }

    @Test
    void both_together_with_other_traffic_and_changing_placement() {
        String prompt = STORY.repeat(3);
        List<Integer> base;
        List<Integer> pirate;
        try (Engine engine = engine(512)) {
            base = ask(engine, "demo-base", prompt + "And then?");
            pirate = ask(engine, "demo-pirate", prompt + "And then?");
        }
        try (Engine engine = engine(64)) {
            engine.place(models.chain("demo-base"));
            engine.place(models.chain("demo-pirate"));
            ask(engine, "demo-pirate", prompt);
            Generation one = engine.submit(models.greedy("demo-base", models.prompt(prompt + "And then?"), 40));
            Generation two = engine.submit(models.greedy("demo-pirate", models.prompt(prompt + "And then?"), 40));
            engine.place(models.chain("demo-draft"));
            engine.forget(models.chain("demo-draft"));
            assertThat(Answers.read(one).tokens).isEqualTo(base);
            assertThat(Answers.read(two).tokens).isEqualTo(pirate);
        }
    }

    @Test
    void memory_comes_back() {
        try (Engine engine = new Engine(device, DemoModels.options(64, 16, 4 << 20), System::nanoTime)) {
            engine.start();
            engine.place(models.chain("demo-base"));
            engine.place(models.chain("demo-pirate"));
            for (int i = 0; i < 12; i++) {
                String question = i + " " + STORY.repeat(3);
                ask(engine, "demo-base", question);
                ask(engine, "demo-pirate", question);
            }
            assertThat(engine.metrics().pageBytesUsed())
                    .isLessThanOrEqualTo(engine.metrics().pageBytesTotal());
            assertThat(engine.metrics().trunkTokens()).isPositive();
        }
    }
}
