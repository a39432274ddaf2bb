import io.ashlar.block.AdapterManifest;
import io.ashlar.block.BlockTensor;
import io.ashlar.block.BlockZoo;
import io.ashlar.block.Importer;
import io.ashlar.block.LoadedBlocks;
import io.ashlar.block.ModelManifest;
import io.ashlar.block.Quantization;
import io.ashlar.compute.DType;
import io.ashlar.compute.PageType;
import io.ashlar.compute.Panels;
import io.ashlar.compute.cpu.CpuDevice;
import io.ashlar.engine.Chain;
import io.ashlar.engine.ChainLoader;
import io.ashlar.engine.Engine;
import io.ashlar.engine.EngineOptions;
import io.ashlar.engine.Generation;
import io.ashlar.engine.GenerationRequest;
import io.ashlar.engine.SamplingOptions;
import io.ashlar.model.LayerShape;
import io.ashlar.model.format.Checkpoint;
import io.ashlar.model.text.Tokenizer;
import io.ashlar.scheduler.StepLimits;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.stream.Stream;
import tools.jackson.databind.json.JsonMapper;

/** See bench/sharing. */
class Sharing {
    private static final int RANK = 8;

    record Model(ModelManifest manifest, AdapterManifest adapter) {}

    public static void main(String[] args) throws Exception {
        Path work = Path.of(args[0]);
        boolean quick = args.length > 1 && args[1].equals("--quick");
        int fineTunes = quick ? 3 : 8;
        int adapters = quick ? 6 : 32;
        int rounds = quick ? 3 : 5;
        Path root = work.resolve("sharing-zoo");
        BlockZoo zoo = new BlockZoo(root);
        ModelManifest base = load(zoo, work.resolve("sharing-1.gguf"));
        ModelManifest other = load(zoo, work.resolve("sharing-2.gguf"));
        List<Model> models = new ArrayList<>();
        models.add(new Model(base, null));
        int layers = base.modelConfig().layers();
        for (int i = 0; i < fineTunes; i++) {
            List<String> chain = new ArrayList<>(base.chain());
            chain.set(layers - 1, other.chain().get(1 + 2 * i));
            chain.set(layers, other.chain().get(2 + 2 * i));
            models.add(new Model(
                    new ModelManifest(base.config(), chain, base.tokenizer(), null, Map.of(), base.generation()), null));
        }
        for (int i = 0; i < adapters; i++) {
            models.add(new Model(base, adapter(zoo, base, i)));
        }
        try (CpuDevice device = new CpuDevice(Runtime.getRuntime().availableProcessors())) {
            LoadedBlocks one = new LoadedBlocks(zoo, device);
            ChainLoader loader = new ChainLoader(one);
            List<Chain> shared = new ArrayList<>();
            for (Model model : models) {
                shared.add(loader.load(model.manifest, model.adapter, 1024));
            }
            long sharedBytes = one.bytes();
            List<Chain> separate = new ArrayList<>();
            long separateBytes = 0;
            for (int i = 0; i < models.size(); i++) {
                // Copies of the files, so that not even the page cache is shared.
                Model model = models.get(i);
                LoadedBlocks own = new LoadedBlocks(new BlockZoo(copy(root, work.resolve("sharing-apart/" + i), model)), device);
                separate.add(new ChainLoader(own).load(model.manifest, model.adapter, 1024));
                separateBytes += own.bytes();
            }
            Tokenizer tokenizer = new Tokenizer(zoo.file(base.tokenizer()), base.modelConfig().vocabularySize());
            EngineOptions options =
                    new EngineOptions(new StepLimits(512, 64), 2L << 30, PageType.F16, 4096, Duration.ofMinutes(10));
            List<Double> together = new ArrayList<>();
            List<Double> apart = new ArrayList<>();
            try (Engine engine = new Engine(device, options, System::nanoTime)) {
                engine.start();
                traffic(engine, shared, tokenizer);
                traffic(engine, separate, tokenizer);
                for (int round = 0; round < rounds; round++) {
                    together.add(traffic(engine, shared, tokenizer));
                    apart.add(traffic(engine, separate, tokenizer));
                }
            }
            System.out.printf(
                    Locale.ROOT,
                    "1 base, %d fine-tunes, %d adapters%n  shared   %8.1f MB  %7.1f tokens/s (%.1f-%.1f)%n  separate %8.1f MB  %7.1f tokens/s (%.1f-%.1f)%n",
                    fineTunes, adapters,
                    sharedBytes / 1e6, middle(together), together.stream().min(Double::compare).get(), together.stream().max(Double::compare).get(),
                    separateBytes / 1e6, middle(apart), apart.stream().min(Double::compare).get(), apart.stream().max(Double::compare).get());
            System.out.printf(
                    Locale.ROOT,
                    "{\"benchmark\":\"sharing\",\"models\":%d,\"bytes_separate_over_shared\":%.2f,\"tokens_shared_over_separate\":%.2f}%n",
                    models.size(),
                    (double) separateBytes / sharedBytes,
                    middle(together) / middle(apart));
        }
        System.exit(0);
    }

    private static ModelManifest load(BlockZoo zoo, Path file) throws IOException {
        Path saved = Path.of(file + ".manifest.json");
        if (Files.exists(saved)) {
            return JsonMapper.shared().readValue(Files.readAllBytes(saved), ModelManifest.class);
        }
        try (Checkpoint checkpoint = Checkpoint.open(file)) {
            ModelManifest made = new Importer(zoo).model(checkpoint, Quantization.NONE, Importer.Progress.NONE);
            Files.write(saved, JsonMapper.shared().writeValueAsBytes(made));
            return made;
        }
    }

    /** Random factors for all seven projections of every layer. */
    private static AdapterManifest adapter(BlockZoo zoo, ModelManifest base, int seed) {
        Random random = new Random(seed);
        try (Arena arena = Arena.ofShared()) {
            TreeMap<String, BlockTensor> tensors = new TreeMap<>();
            for (int layer = 0; layer < base.modelConfig().layers(); layer++) {
                LayerShape s = base.modelConfig().layer(layer);
                int d = s.hiddenSize();
                int ffn = s.intermediateSize();
                Map<String, int[]> shapes = Map.of(
                        "q", new int[] {s.queryWidth(), d}, "k", new int[] {s.keyWidth(), d}, "v", new int[] {s.keyWidth(), d},
                        "o", new int[] {d, s.queryWidth()}, "gate", new int[] {ffn, d}, "up", new int[] {ffn, d},
                        "down", new int[] {d, ffn});
                for (Map.Entry<String, int[]> e : new TreeMap<>(shapes).entrySet()) {
                    String role = layer + "." + e.getKey();
                    tensors.put(role + ".a", random(random, role + ".a", RANK, e.getValue()[1], arena));
                    tensors.put(role + ".b", random(random, role + ".b", e.getValue()[0], RANK, arena));
                }
            }
            return new AdapterManifest("base", zoo.put(List.copyOf(tensors.values())), RANK, 1);
        }
    }

    private static BlockTensor random(Random random, String role, int rows, int columns, Arena arena) {
        MemorySegment data = arena.allocate(Panels.bytes(DType.F32, rows, columns), 64);
        for (long i = 0; i < data.byteSize() / 4; i++) {
            data.setAtIndex(ValueLayout.JAVA_FLOAT, i, (float) (0.01 * random.nextGaussian()));
        }
        return new BlockTensor(role, DType.F32, rows, columns, false, data);
    }

    private static Path copy(Path from, Path to, Model model) throws IOException {
        List<String> names = new ArrayList<>(model.manifest.chain());
        if (model.adapter != null) {
            names.add(model.adapter.block());
        }
        for (String name : names.stream().distinct().toList()) {
            Path target = to.resolve(name.substring(0, 2)).resolve(name);
            if (!Files.exists(target)) {
                Files.createDirectories(target.getParent());
                Files.copy(from.resolve(name.substring(0, 2)).resolve(name), target);
            }
        }
        return to;
    }

    /** One request to every model at once, 64 tokens in and 32 out: tokens made per second. */
    private static double traffic(Engine engine, List<Chain> chains, Tokenizer tokenizer) throws InterruptedException {
        Random random = new Random();
        long start = System.nanoTime();
        List<Generation> running = new ArrayList<>();
        for (Chain chain : chains) {
            int[] prompt = random.ints(64, 10, 1000).toArray();
            running.add(engine.submit(new GenerationRequest(
                    chain, tokenizer.bytes(), prompt, 32, SamplingOptions.GREEDY, List.of(), List.of(), 1, "bench")));
        }
        for (Generation generation : running) {
            generation.ended().join();
        }
        double seconds = (System.nanoTime() - start) / 1e9;
        return running.stream().mapToInt(Generation::completionTokens).sum() / seconds;
    }

    private static double middle(List<Double> values) {
        double[] sorted = values.stream().mapToDouble(d -> d).toArray();
        Arrays.sort(sorted);
        return sorted[sorted.length / 2];
    }
}
