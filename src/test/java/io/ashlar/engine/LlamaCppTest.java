package io.ashlar.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.ashlar.block.BlockZoo;
import io.ashlar.block.Importer;
import io.ashlar.block.LoadedBlocks;
import io.ashlar.block.ModelManifest;
import io.ashlar.block.Quantization;
import io.ashlar.compute.DType;
import io.ashlar.compute.cpu.CpuDevice;
import io.ashlar.model.format.Checkpoint;
import io.ashlar.model.text.Tokenizer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * Every family and type against llama.cpp on the same GGUF file: our greedy answer, fed to both token by token. Where the
 * likeliest tokens differ, llama.cpp's two must be so near that rounding decides. Writes the table of docs/models.md.
 */
class LlamaCppTest {
    private static final int ANSWER = 64;
    private static final Path NODE = Path.of("target/node-sdk");

    /** Two tokens whose log-probabilities differ by less are decided by rounding; quantised products round more. */
    private static double near(DType type) {
        return type.isQuantized() ? 0.3 : 0.03;
    }

    private record Run(String architecture, DType type, int[] prompt, List<Answers.Answer> answers, int[] tokens) {}

    @TempDir
    Path root;

    @Test
    void greedy_tokens_are_llama_cpps() throws Exception {
        assumeTrue(Files.isDirectory(NODE.resolve("node_modules/node-llama-cpp")), "node-llama-cpp is not installed");
        Map<Path, Run> runs = new LinkedHashMap<>();
        try (CpuDevice device = new CpuDevice(2)) {
            for (String architecture : TinyModel.ARCHITECTURES) {
                for (DType type : DType.values()) {
                    TinyModel tiny = new TinyModel(architecture, type);
                    runs.put(tiny.write(root), answer(tiny, device));
                }
            }
        }
        Map<String, JsonNode> theirs = llama(runs);
        StringBuilder table = new StringBuilder("| family | type | same token, of " + ANSWER
                + " | decided by rounding | largest error of a probability |\n| --- | --- | --- | --- | --- |\n");
        List<String> wrong = new ArrayList<>();
        runs.forEach((file, run) -> compare(run, theirs.get(file.toString()), table, wrong));
        Files.writeString(Path.of("target/models-llama-cpp.md"), table);
        assertThat(wrong).isEmpty();
    }

    private Run answer(TinyModel tiny, CpuDevice device) throws Exception {
        BlockZoo zoo = new BlockZoo(root.resolve("zoo"));
        ModelManifest manifest;
        try (Checkpoint checkpoint = Checkpoint.open(tiny.write(root))) {
            manifest = new Importer(zoo).model(checkpoint, Quantization.NONE, Importer.Progress.NONE);
        }
        int[] prompt = FamiliesTest.prompt(tiny.architecture());
        ChainLoader loader = new ChainLoader(new LoadedBlocks(zoo, device));
        Chain chain = loader.load(manifest, null, 512);
        try (Engine engine = new Engine(device, DemoModels.options(64, 4, 16 << 20), System::nanoTime);
                Tokenizer tokenizer = new Tokenizer(zoo.file(manifest.tokenizer()), TinyModel.VOCABULARY)) {
            engine.start();
            SamplingOptions greedy = new SamplingOptions(0, 1, 0, 0, 1, 0, 0, Map.of(), 0, 8);
            Generation generation = engine.submit(new GenerationRequest(
                    chain, tokenizer.bytes(), prompt, ANSWER, greedy, List.of(), List.of(), 1, "test"));
            Answers.Answer answer = Answers.read(generation);
            int[] tokens = answer.tokens.stream().mapToInt(Integer::intValue).toArray();
            return new Run(tiny.architecture(), tiny.type(), prompt, List.of(answer), tokens);
        }
    }

    private Map<String, JsonNode> llama(Map<Path, Run> runs) throws Exception {
        List<Map<String, Object>> jobs = new ArrayList<>();
        runs.forEach(
                (file, run) -> jobs.add(Map.of("file", file.toString(), "prompt", run.prompt, "answer", run.tokens)));
        Path list = root.resolve("jobs.json");
        Files.write(list, JsonMapper.shared().writeValueAsBytes(jobs));
        Files.copy(
                Path.of("src/test/node/llama.mjs"),
                NODE.resolve("llama.mjs"),
                java.nio.file.StandardCopyOption.REPLACE_EXISTING);
        Process node = new ProcessBuilder("node", "llama.mjs", list.toString())
                .directory(NODE.toFile())
                .redirectError(ProcessBuilder.Redirect.to(root.resolve("errors").toFile()))
                .start();
        String out = new String(node.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertThat(node.waitFor()).as(() -> read(root.resolve("errors"))).isZero();
        Map<String, JsonNode> results = new LinkedHashMap<>();
        out.lines().filter(l -> l.startsWith("{")).forEach(line -> {
            JsonNode json = JsonMapper.shared().readTree(line);
            results.put(json.get("file").asString(), json.get("next"));
        });
        return results;
    }

    private static String read(Path file) {
        try {
            return Files.readString(file);
        } catch (java.io.IOException e) {
            return e.toString();
        }
    }

    private static void compare(Run run, JsonNode theirs, StringBuilder table, List<String> wrong) {
        String name = run.architecture + " " + run.type;
        if (theirs == null) {
            wrong.add(name + ": llama.cpp gave nothing");
            return;
        }
        int same = 0;
        int rounding = 0;
        double worst = 0;
        Answers.Answer answer = run.answers.getFirst();
        for (int i = 0; i < run.tokens.length; i++) {
            JsonNode top = theirs.get(i);
            if (top.get(0).get(0).intValue() == run.tokens[i]) {
                same++;
            } else {
                double first = Math.log(top.get(0).get(1).doubleValue());
                double ours = Double.NEGATIVE_INFINITY;
                for (JsonNode pair : top) {
                    if (pair.get(0).intValue() == run.tokens[i]) {
                        ours = Math.log(pair.get(1).doubleValue());
                    }
                }
                if (first - ours < near(run.type)) {
                    rounding++;
                } else {
                    wrong.add(name + " at " + i + ": " + run.tokens[i] + " is " + (first - ours) + " under llama.cpp's "
                            + top.get(0).get(0));
                }
            }
            GenerationEvent.Logprobs logprobs = answer.logprobs.get(i);
            for (JsonNode pair : top) {
                int at = Arrays.stream(logprobs.topTokens())
                        .boxed()
                        .toList()
                        .indexOf(pair.get(0).intValue());
                if (at >= 0) {
                    double p = pair.get(1).doubleValue();
                    worst = Math.max(worst, Math.abs(Math.exp(logprobs.topLogprobs()[at]) - p) / p);
                }
            }
        }
        table.append(String.format(
                Locale.ROOT, "| %s | %s | %d | %d | %.2g |%n", run.architecture, run.type, same, rounding, worst));
    }
}
