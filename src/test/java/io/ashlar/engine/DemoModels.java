package io.ashlar.engine;

import io.ashlar.block.AdapterManifest;
import io.ashlar.block.BlockZoo;
import io.ashlar.block.Importer;
import io.ashlar.block.LoadedBlocks;
import io.ashlar.block.ModelManifest;
import io.ashlar.block.Quantization;
import io.ashlar.compute.Device;
import io.ashlar.compute.PageType;
import io.ashlar.model.format.Checkpoint;
import io.ashlar.model.text.ChatTemplate;
import io.ashlar.model.text.Tokenizer;
import io.ashlar.scheduler.StepLimits;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** The demo family, imported into a zoo of its own and loaded as chains. */
public final class DemoModels {
    public static final Path FOLDER = Path.of("src/main/resources/demo-models");

    public final BlockZoo zoo;
    public final LoadedBlocks loaded;
    public final Map<String, Chain> chains = new LinkedHashMap<>();
    public final Map<String, ModelManifest> manifests = new LinkedHashMap<>();
    public final AdapterManifest adapterManifest;
    public final Tokenizer tokenizer;
    public final ChatTemplate template;

    public DemoModels(Path root, Device device) {
        zoo = new BlockZoo(root);
        loaded = new LoadedBlocks(zoo, device);
        Importer importer = new Importer(zoo);
        ChainLoader loader = new ChainLoader(loaded);
        for (String name : List.of("demo-base", "demo-pirate", "demo-draft")) {
            try (Checkpoint folder = Checkpoint.open(FOLDER.resolve(name))) {
                ModelManifest manifest = importer.model(folder, Quantization.NONE, Importer.Progress.NONE);
                manifests.put(name, manifest);
                chains.put(name, loader.load(manifest, null, Integer.MAX_VALUE));
            }
        }
        ModelManifest base = manifest("demo-base");
        try (Checkpoint folder = Checkpoint.open(FOLDER.resolve("demo-brief"))) {
            adapterManifest = importer.adapter(folder, "demo-base", base);
            chains.put("demo-brief", loader.load(base, adapterManifest, Integer.MAX_VALUE));
        }
        tokenizer = new Tokenizer(zoo.file(base.tokenizer()), base.modelConfig().vocabularySize());
        template = new ChatTemplate(base.chatTemplate(), base.specialTokens());
    }

    public Chain chain(String name) {
        return chains.get(name);
    }

    public ModelManifest manifest(String name) {
        return manifests.get(name);
    }

    public static EngineOptions options(int stepTokens, int jobs, long pageBytes) {
        return new EngineOptions(
                new StepLimits(stepTokens, jobs), pageBytes, PageType.F32, 4096, java.time.Duration.ofSeconds(30));
    }

    public int[] prompt(List<Map<String, Object>> messages) {
        return tokenizer.encode(template.render(messages, true), false);
    }

    public int[] prompt(String question) {
        return prompt(List.of(Map.of("role", "user", "content", question)));
    }

    /** A greedy request in the form of the golden file: at most 120 tokens, ends at the special tokens. */
    public GenerationRequest greedy(String model, int[] prompt, int maxTokens) {
        return request(model, prompt, maxTokens, SamplingOptions.GREEDY, List.of(), 1);
    }

    public GenerationRequest request(
            String model, int[] prompt, int maxTokens, SamplingOptions sampling, List<String> stops, int choices) {
        return new GenerationRequest(
                chain(model),
                tokenizer.bytes(),
                prompt,
                maxTokens,
                sampling,
                List.of(1533, 1534, 1535),
                stops,
                choices,
                "test");
    }

    /** The greedy answer of any model with the demo family's tokenizer. */
    public static List<Integer> greedyTokens(
            DemoModels demo, Device device, ModelManifest manifest, BlockZoo zoo, int[] prompt) {
        ChainLoader loader = new ChainLoader(new LoadedBlocks(zoo, device));
        Chain chain = loader.load(manifest, null, 1024);
        try (Engine engine = new Engine(device, options(256, 8, 8 << 20), System::nanoTime)) {
            engine.start();
            return Answers.read(engine.submit(new GenerationRequest(
                            chain,
                            demo.tokenizer.bytes(),
                            prompt,
                            60,
                            SamplingOptions.GREEDY,
                            List.of(1533, 1534, 1535),
                            List.of(),
                            1,
                            "test")))
                    .tokens;
        }
    }
}
