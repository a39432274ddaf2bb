package io.ashlar.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.ashlar.compute.Device;
import io.ashlar.compute.PageType;
import io.ashlar.compute.TestDevices;
import io.ashlar.scheduler.CostModel;
import io.ashlar.scheduler.Preemption;
import io.ashlar.scheduler.Scheduler;
import io.ashlar.scheduler.StepLimits;
import io.ashlar.scheduler.policy.Policies;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** Against golden.json: float32 arithmetic on the stored weights by an independent implementation. */
class GoldenTest {
    private static final double TOLERANCE = TestDevices.computesInHalves() ? 3e-2 : 1e-3;

    record Case(String name, String model, List<Map<String, Object>> messages, JsonNode json) {
        @Override
        public String toString() {
            return name;
        }

        int[] promptIds() {
            return json.get("prompt_ids")
                    .valueStream()
                    .mapToInt(JsonNode::intValue)
                    .toArray();
        }

        List<Integer> greedyIds() {
            return json.get("greedy_ids").valueStream().map(JsonNode::intValue).toList();
        }
    }

    @TempDir
    static Path root;

    static Device device;
    static DemoModels models;
    static Engine engine;

    @BeforeAll
    static void start() {
        device = TestDevices.open();
        models = new DemoModels(root, device);
        engine = new Engine(device, DemoModels.options(256, 64, 64 << 20), System::nanoTime);
        engine.start();
    }

    @AfterAll
    static void stop() {
        engine.close();
        device.close();
    }

    static List<Case> cases() {
        List<Case> cases = new ArrayList<>();
        try (var in = GoldenTest.class.getResourceAsStream("/golden.json")) {
            for (JsonNode json : JsonMapper.shared().readTree(in).get("cases")) {
                List<Map<String, Object>> messages = new ArrayList<>();
                for (JsonNode m : json.get("messages")) {
                    messages.add(Map.of(
                            "role",
                            m.get("role").asString(),
                            "content",
                            m.get("content").asString()));
                }
                String model = json.get("model").asString();
                cases.add(new Case(model + ": " + messages.getLast().get("content"), model, messages, json));
            }
        } catch (java.io.IOException e) {
            throw new java.io.UncheckedIOException(e);
        }
        return cases;
    }

    static Stream<Case> eachCase() {
        return cases().stream();
    }

    @ParameterizedTest
    @MethodSource("eachCase")
    void prompt_ids_are_equal(Case c) {
        assertThat(models.prompt(c.messages)).isEqualTo(c.promptIds());
    }

    @ParameterizedTest
    @MethodSource("eachCase")
    void next_token_logits_agree(Case c) {
        float[] logits = nextTokenLogits(c);
        JsonNode expected = c.json.get("next_token_logits");
        JsonNode ids = expected.get("top_ids");
        for (int i = 0; i < ids.size(); i++) {
            assertThat((double) logits[ids.get(i).intValue()])
                    .as("logit of token %d", ids.get(i).intValue())
                    .isCloseTo(expected.get("top").get(i).doubleValue(), within(TOLERANCE));
        }
        double sum = 0;
        double squares = 0;
        for (float logit : logits) {
            sum += logit;
            squares += (double) logit * logit;
        }
        assertThat(sum / logits.length).isCloseTo(expected.get("mean").doubleValue(), within(TOLERANCE));
        assertThat(Math.sqrt(squares)).isCloseTo(expected.get("l2").doubleValue(), within(10 * TOLERANCE));
    }

    /** The prompt through the walk in one step, without the loop. */
    private static float[] nextTokenLogits(Case c) {
        try (Device own = TestDevices.open()) {
            PagePool pool = new PagePool(own, 16 << 20, 2 << 20);
            SequencePages pages = new SequencePages(own, pool, new PrefixCache(), PageType.F32);
            ChainWalk walk = new ChainWalk(own, pool, PageType.F32);
            Submission submission =
                    new Submission(models.greedy(c.model, c.promptIds(), 1), new Generation(engine, 0), 0);
            submission.open(() ->
                    own.pageTable(pool.memory(), models.chain(c.model).config().layers()));
            Sequence sequence = submission.sequences.getFirst();
            Scheduler<Sequence> policy = new Scheduler<>(
                    new StepLimits(4096, 1),
                    Preemption.RECOMPUTE,
                    new CostModel(),
                    (job, what, why) -> {},
                    Policies.FCFS);
            policy.add(sequence, 0);
            StepRows rows = new StepRows(own);
            rows.fill(policy.plan(0, pages));
            walk.run(rows);
            float[] logits = new float[1536];
            walk.logits(0, logits, logits.length);
            walk.close();
            pool.close();
            return logits;
        }
    }

    @ParameterizedTest
    @MethodSource("eachCase")
    void greedy_answers_are_equal(Case c) {
        Answers.Answer answer = Answers.read(engine.submit(models.greedy(c.model, c.promptIds(), 120)));
        assertThat(withoutEnd(answer.tokens)).isEqualTo(c.greedyIds());
        assertThat(answer.text).hasToString(c.json.get("greedy_text").asString());
    }

    @Test
    void all_models_in_one_batch_give_what_each_gives_alone() {
        Map<Case, Generation> running = new LinkedHashMap<>();
        for (Case c : cases()) {
            running.put(c, engine.submit(models.greedy(c.model, c.promptIds(), 120)));
        }
        running.forEach((c, generation) -> assertThat(withoutEnd(Answers.read(generation).tokens))
                .as(c.name)
                .isEqualTo(c.greedyIds()));
        EngineMetrics metrics = engine.metrics();
        assertThat(metrics.blockPasses())
                .as("rows of different models went through shared blocks together")
                .isLessThan(metrics.chainPasses());
    }

    private static List<Integer> withoutEnd(List<Integer> tokens) {
        return tokens.stream().filter(t -> t < 1533).toList();
    }
}
