import io.ashlar.block.AdapterManifest;
import io.ashlar.block.BlockTensor;
import io.ashlar.block.BlockZoo;
import io.ashlar.block.LoadedBlocks;
import io.ashlar.block.ModelManifest;
import io.ashlar.compute.DType;
import io.ashlar.compute.Device;
import io.ashlar.compute.PageType;
import io.ashlar.compute.Panels;
import io.ashlar.compute.cpu.CpuDevice;
import io.ashlar.compute.cuda.CudaDevice;
import io.ashlar.compute.cuda.CudaDevices;
import io.ashlar.compute.cuda.NvidiaDriver;
import io.ashlar.engine.Chain;
import io.ashlar.engine.ChainLoader;
import io.ashlar.engine.Engine;
import io.ashlar.engine.EngineOptions;
import io.ashlar.engine.Generation;
import io.ashlar.engine.GenerationRequest;
import io.ashlar.engine.SamplingOptions;
import io.ashlar.model.GenerationDefaults;
import io.ashlar.model.LayerShape;
import io.ashlar.model.ModelConfig;
import io.ashlar.model.text.TokenBytes;
import io.ashlar.scheduler.StepLimits;
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
import java.util.SplittableRandom;
import java.util.TreeMap;
import java.util.stream.IntStream;
import tools.jackson.databind.json.JsonMapper;

/**
 * The engine on a GPU against what the GPU can do, on random weights of real shapes: GpuSpeed FOLDER ROOFLINE [--quick|--tiny|--cpu].
 * ROOFLINE is a JSON file with copy_gb_per_s (bytes read and written) and matrix_tflop_per_s (bf16), or "-" to measure the copy
 * only. Ends with one line of JSON. --tiny takes a tiny shape, and --cpu that on the CPU: to see that the program works.
 */
public final class GpuSpeed {
    private static final int CONTEXT = 8192 + 64;
    private static final int DISTINCT_LAYERS = 4;
    private static final int RANK = 16;

    /** A Llama's shape. */
    private record Shape(String name, int layers, int hidden, int heads, int kvHeads, int headDim, int ffn, int vocabulary, boolean tied) {
        String config() {
            return String.format(
                    Locale.ROOT,
                    "{\"model_type\":\"llama\",\"hidden_size\":%d,\"num_hidden_layers\":%d,\"num_attention_heads\":%d,"
                            + "\"num_key_value_heads\":%d,\"head_dim\":%d,\"intermediate_size\":%d,\"vocab_size\":%d,"
                            + "\"max_position_embeddings\":131072,\"rms_norm_eps\":1e-5,\"rope_theta\":500000,"
                            + "\"tie_word_embeddings\":%b}",
                    hidden, layers, heads, kvHeads, headDim, ffn, vocabulary, tied);
        }

        /** Weights that one token goes through, the embedding's table left out. */
        long weights() {
            long attention = (long) hidden * headDim * (heads + 2L * kvHeads) + (long) heads * headDim * hidden;
            return layers * (attention + 3L * hidden * ffn) + (long) vocabulary * hidden;
        }

        long pageBytes(long tokens) {
            return tokens * layers * 2L * kvHeads * headDim * 2;
        }

        /** Multiply-adds times two of a prompt, causal attention included; logits are for the last token only. */
        double prefillFlops(long tokens) {
            double layerWeights = weights() - (double) vocabulary * hidden;
            return 2 * (layerWeights * tokens + (double) vocabulary * hidden)
                    + 2.0 * layers * tokens * tokens * heads * headDim;
        }
    }

    private static final Shape SMALL = new Shape("llama-3.2-1b", 16, 2048, 32, 8, 64, 8192, 128256, true);
    private static final Shape LARGE = new Shape("llama-3.1-8b", 32, 4096, 32, 8, 128, 14336, 128256, false);
    private static final Shape TINY = new Shape("tiny", 3, 64, 4, 2, 16, 128, 512, true);

    private final Path folder;
    private final boolean quick;
    private final boolean cpu;
    private final boolean tiny;
    private final Map<String, Object> result = new TreeMap<>();
    private double bandwidth;
    private double matrixRate;
    private long seed = 1;

    private GpuSpeed(Path folder, boolean quick, boolean cpu, boolean tiny) {
        this.folder = folder;
        this.quick = quick;
        this.cpu = cpu;
        this.tiny = tiny;
    }

    public static void main(String[] args) throws Exception {
        List<String> all = List.of(args);
        boolean cpu = all.contains("--cpu");
        boolean tiny = cpu || all.contains("--tiny");
        GpuSpeed speed = new GpuSpeed(Path.of(args[0]), tiny || all.contains("--quick"), cpu, tiny);
        if (args.length > 1 && Files.exists(Path.of(args[1]))) {
            var measured = JsonMapper.shared().readTree(Files.readAllBytes(Path.of(args[1])));
            speed.bandwidth = measured.path("copy_gb_per_s").asDouble(0) * 1e9;
            speed.matrixRate = measured.path("matrix_tflop_per_s").asDouble(0) * 1e12;
        }
        speed.run();
        System.exit(0);
    }

    private Device open() {
        return cpu ? new CpuDevice(2) : new CudaDevices(NvidiaDriver::load).one(0, 1L << 30, 0);
    }

    private void run() throws Exception {
        result.put("benchmark", "gpu");
        for (Shape shape : tiny ? List.of(TINY) : quick ? List.of(SMALL) : List.of(SMALL, LARGE)) {
            try (Device device = open()) {
                System.out.println(shape.name + " on " + device.name() + " (" + device.describe() + ")");
                measure(device, shape);
            }
        }
        try (Device device = open()) {
            family(device, tiny ? TINY : SMALL);
        }
        System.out.println(JsonMapper.shared().writeValueAsString(result));
    }

    private void put(String key, double value) {
        result.put(key, Math.round(value * 1000) / 1000.0);
    }

    private Engine engine(Device device) {
        long pages = cpu ? 64 << 20 : (long) (device.memory().total() * 0.3);
        int step = tiny ? 256 : 2048;
        Engine engine = new Engine(
                device,
                new EngineOptions(new StepLimits(step, 256), pages, PageType.F16, 4096, Duration.ofMinutes(10)),
                System::nanoTime);
        engine.start();
        return engine;
    }

    private void measure(Device device, Shape shape) throws Exception {
        BlockZoo zoo = new BlockZoo(folder.resolve("zoo"));
        long begin = System.nanoTime();
        ModelManifest manifest = manifest(zoo, shape, 0);
        System.out.printf(Locale.ROOT, "  weights made in %.1f s%n", (System.nanoTime() - begin) / 1e9);
        if (device instanceof CudaDevice cuda && bandwidth == 0) {
            bandwidth = cuda.copyBandwidth();
        }
        try (Engine engine = engine(device)) {
            LoadedBlocks loaded = new LoadedBlocks(zoo, device);
            begin = System.nanoTime();
            Chain chain = new ChainLoader(loaded).load(manifest, null, tiny ? 600 : CONTEXT);
            engine.place(chain).join();
            double seconds = (System.nanoTime() - begin) / 1e9;
            System.out.printf(Locale.ROOT, "  loaded %.2f GB in %.1f s (%.1f GB/s)%n", loaded.bytes() / 1e9, seconds, loaded.bytes() / 1e9 / seconds);
            decode(engine, chain, 1, 16); // compiles, makes graphs
            for (int sequences : tiny ? new int[] {1, 8} : new int[] {1, 8, 64, 256}) {
                decoding(device, engine, chain, shape, sequences);
            }
            for (int tokens : tiny ? new int[] {128} : new int[] {512, 2048, 8192}) {
                prefilling(engine, chain, shape, tokens);
            }
            if (device instanceof CudaDevice cuda) {
                moving(cuda, engine, chain, shape);
            }
        }
    }

    private void decoding(Device device, Engine engine, Chain chain, Shape shape, int sequences) {
        int prompt = 64;
        int answer = tiny ? 16 : 256;
        decode(engine, chain, sequences, prompt, 24);
        List<Double> rates = new ArrayList<>();
        double idle = 0;
        for (int round = 0; round < (quick ? 2 : 3); round++) {
            double[] before = times(device);
            rates.add(decode(engine, chain, sequences, prompt, answer));
            double[] after = times(device);
            double busy = after[0] - before[0];
            idle = (after[1] - before[1]) / Math.max(1e-9, busy + after[1] - before[1]);
        }
        double rate = middle(rates);
        // Each step reads all weights once, and the pages of every sequence.
        double bytes = shape.weights() * 2.0 + sequences * (double) shape.pageBytes(prompt + answer / 2);
        double fraction = bandwidth == 0 ? 0 : bytes * rate / sequences / bandwidth;
        System.out.printf(
                Locale.ROOT,
                "  decode, %3d sequences: %9.1f tokens/s (%.1f-%.1f), %.2f of the bandwidth, idle %.3f%n",
                sequences, rate, min(rates), max(rates), fraction, idle);
        put(shape.name + ".decode" + sequences, rate);
        put(shape.name + ".decode" + sequences + "_of_bandwidth", fraction);
        put(shape.name + ".decode" + sequences + "_idle", idle);
    }

    /** Milliseconds that the GPU ran steps, and that it waited between them. */
    private static double[] times(Device device) {
        return device instanceof CudaDevice cuda ? cuda.times() : new double[] {0, 0};
    }

    private double decode(Engine engine, Chain chain, int sequences, int answer) {
        return decode(engine, chain, sequences, 64, answer);
    }

    /** Tokens per second from the moment on that the last sequence has begun to answer. */
    private double decode(Engine engine, Chain chain, int sequences, int prompt, int answer) {
        List<Generation> running = new ArrayList<>();
        for (int i = 0; i < sequences; i++) {
            running.add(submit(engine, chain, prompt, answer));
        }
        for (Generation one : running) {
            while (one.completionTokens() == 0) {
                Thread.onSpinWait();
            }
        }
        long begin = System.nanoTime();
        long already = running.stream().mapToLong(Generation::completionTokens).sum();
        running.forEach(g -> g.ended().join());
        double seconds = (System.nanoTime() - begin) / 1e9;
        return (running.stream().mapToLong(Generation::completionTokens).sum() - already) / seconds;
    }

    private void prefilling(Engine engine, Chain chain, Shape shape, int tokens) {
        List<Double> rates = new ArrayList<>();
        submit(engine, chain, tokens, 1).ended().join();
        for (int round = 0; round < (quick ? 2 : 5); round++) {
            long begin = System.nanoTime();
            submit(engine, chain, tokens, 1).ended().join();
            rates.add(tokens / ((System.nanoTime() - begin) / 1e9));
        }
        double rate = middle(rates);
        double fraction = matrixRate == 0 ? 0 : shape.prefillFlops(tokens) / tokens * rate / matrixRate;
        System.out.printf(
                Locale.ROOT,
                "  prefill of %4d: %10.1f tokens/s (%.1f-%.1f), %.2f of the matrix rate%n",
                tokens, rate, min(rates), max(rates), fraction);
        put(shape.name + ".prefill" + tokens, rate);
        put(shape.name + ".prefill" + tokens + "_of_matrix_rate", fraction);
    }

    private Generation submit(Engine engine, Chain chain, int prompt, int answer) {
        // Never the same prompt twice: nothing is found in the prefix cache.
        int[] tokens = new Random(seed++).ints(prompt, 10, Math.min(100_000, chain.config().vocabularySize())).toArray();
        return engine.submit(new GenerationRequest(
                chain, TOKENS, tokens, answer, SamplingOptions.GREEDY, List.of(), List.of(), 1, "bench"));
    }

    /** Pages go to the host and back, while 64 sequences decode: what each loses by the other. */
    private void moving(CudaDevice device, Engine engine, Chain chain, Shape shape) throws Exception {
        long bytes = tiny ? 8L << 20 : 256L << 20;
        int sequences = tiny ? 4 : 64;
        int answer = tiny ? 16 : 128;
        var pages = device.allocate(bytes);
        long address = CudaDevice.address(pages);
        MemorySegment host = Arena.ofAuto().allocate(bytes, 64).fill((byte) 1);
        double alone = decode(engine, chain, sequences, answer);
        double movesAlone = moves(device, address, host, 6, () -> false);
        boolean[] stop = {false};
        double[] moved = {0};
        Thread mover = Thread.ofPlatform().start(() -> moved[0] = moves(device, address, host, 0, () -> stop[0]));
        double beside = decode(engine, chain, sequences, answer);
        stop[0] = true;
        mover.join();
        System.out.printf(
                Locale.ROOT,
                "  page moves: %.1f GB/s alone, %.1f GB/s beside %d sequences, which make %.2f of their tokens/s%n",
                movesAlone / 1e9, moved[0] / 1e9, sequences, beside / alone);
        put(shape.name + ".moves_gb_per_s", movesAlone / 1e9);
        put(shape.name + ".moves_beside_steps_gb_per_s", moved[0] / 1e9);
        put(shape.name + ".decode64_beside_moves", beside / alone);
        pages.close();
    }

    private static double moves(CudaDevice device, long address, MemorySegment host, int times, java.util.function.BooleanSupplier stop) {
        long begin = System.nanoTime();
        long bytes = 0;
        for (int i = 0; times == 0 ? !stop.getAsBoolean() : i < times; i++) {
            if (i % 2 == 0) {
                device.transfers().download(address, host);
            } else {
                device.transfers().upload(host, address);
            }
            bytes += host.byteSize();
        }
        return bytes / ((System.nanoTime() - begin) / 1e9);
    }

    /** One base, eight fine-tunes of its last two layers, 64 adapters: bytes, and mixed traffic against the base alone. */
    private void family(Device device, Shape shape) throws Exception {
        BlockZoo zoo = new BlockZoo(folder.resolve("zoo"));
        int fineTunes = tiny ? 2 : 8;
        int adapters = tiny ? 4 : 64;
        ModelManifest base = manifest(zoo, shape, 0);
        LoadedBlocks loaded = new LoadedBlocks(zoo, device);
        ChainLoader loader = new ChainLoader(loaded);
        try (Engine engine = engine(device)) {
            List<Chain> chains = new ArrayList<>();
            chains.add(loader.load(base, null, 2048));
            long baseBytes = loaded.bytes();
            for (int i = 0; i < fineTunes; i++) {
                List<String> chain = new ArrayList<>(base.chain());
                chain.set(shape.layers - 1, layer(zoo, shape, 100 + 2 * i));
                chain.set(shape.layers, layer(zoo, shape, 101 + 2 * i));
                chains.add(loader.load(
                        new ModelManifest(base.config(), chain, "", null, Map.of(), base.generation()), null, 2048));
            }
            ModelConfig config = base.modelConfig();
            for (int i = 0; i < adapters; i++) {
                chains.add(loader.load(base, adapter(zoo, config, i), 2048));
            }
            for (Chain chain : chains) {
                engine.place(chain).join();
            }
            traffic(engine, chains);
            List<Chain> only = new ArrayList<>();
            chains.forEach(c -> only.add(chains.getFirst()));
            traffic(engine, only);
            List<Double> mixed = new ArrayList<>();
            List<Double> alone = new ArrayList<>();
            for (int round = 0; round < (quick ? 2 : 5); round++) {
                mixed.add(traffic(engine, chains));
                alone.add(traffic(engine, only));
            }
            double separate = (double) baseBytes * chains.size();
            System.out.printf(
                    Locale.ROOT,
                    "  1 base, %d fine-tunes, %d adapters of rank %d: %.2f GB (separate models: %.2f GB); %.1f tokens/s mixed, %.1f all of the base%n",
                    fineTunes, adapters, RANK, loaded.bytes() / 1e9, separate / 1e9, middle(mixed), middle(alone));
            put("family.bytes_separate_over_shared", separate / loaded.bytes());
            put("family.tokens_mixed_over_base", middle(mixed) / middle(alone));
        }
    }

    private double traffic(Engine engine, List<Chain> chains) {
        long begin = System.nanoTime();
        List<Generation> running = new ArrayList<>();
        for (Chain chain : chains) {
            running.add(submit(engine, chain, 64, tiny ? 8 : 64));
        }
        running.forEach(g -> g.ended().join());
        return running.stream().mapToLong(Generation::completionTokens).sum() / ((System.nanoTime() - begin) / 1e9);
    }

    /** Layers repeat after some: enough that no cache holds them, and few enough to be made fast. */
    private static ModelManifest manifest(BlockZoo zoo, Shape s, long seed) throws Exception {
        List<String> distinct = new ArrayList<>();
        for (int i = 0; i < Math.min(DISTINCT_LAYERS, s.layers); i++) {
            distinct.add(layer(zoo, s, seed + i));
        }
        List<String> chain = new ArrayList<>();
        try (Arena arena = Arena.ofShared()) {
            BlockTensor table = matrix(arena, "weight", s.vocabulary, s.hidden, 50);
            String embedding = zoo.put(List.of(table));
            chain.add(embedding);
            for (int i = 0; i < s.layers; i++) {
                chain.add(distinct.get(i % distinct.size()));
            }
            chain.add(zoo.put(List.of(vector(arena, "weight", s.hidden))));
            chain.add(s.tied ? embedding : zoo.put(List.of(matrix(arena, "weight", s.vocabulary, s.hidden, 51))));
        }
        return new ModelManifest(
                JsonMapper.shared().readTree(s.config()), chain, "", null, Map.of(), GenerationDefaults.NONE);
    }

    private static String layer(BlockZoo zoo, Shape s, long seed) {
        int queries = s.heads * s.headDim;
        int keys = s.kvHeads * s.headDim;
        try (Arena arena = Arena.ofShared()) {
            return zoo.put(List.of(
                    vector(arena, "attention_norm", s.hidden),
                    vector(arena, "ffn_norm", s.hidden),
                    matrix(arena, "q", queries, s.hidden, seed * 7),
                    matrix(arena, "k", keys, s.hidden, seed * 7 + 1),
                    matrix(arena, "v", keys, s.hidden, seed * 7 + 2),
                    matrix(arena, "o", s.hidden, queries, seed * 7 + 3),
                    matrix(arena, "gate", s.ffn, s.hidden, seed * 7 + 4),
                    matrix(arena, "up", s.ffn, s.hidden, seed * 7 + 5),
                    matrix(arena, "down", s.hidden, s.ffn, seed * 7 + 6)));
        }
    }

    private static BlockTensor vector(Arena arena, String role, int length) {
        MemorySegment data = arena.allocate((length + 15L) / 16 * 64, 64);
        for (int i = 0; i < length; i++) {
            data.setAtIndex(ValueLayout.JAVA_FLOAT, i, 1);
        }
        return new BlockTensor(role, DType.F32, 1, length, true, data);
    }

    /** bf16 weights, about 1 / sqrt(columns) in size. */
    private static BlockTensor matrix(Arena arena, String role, int rows, int columns, long seed) {
        MemorySegment data = arena.allocate(Panels.bytes(DType.BF16, rows, columns), 64);
        float scale = (float) (1.7 / Math.sqrt(columns) / 32768);
        int part = 1 << 20;
        IntStream.range(0, (int) ((data.byteSize() / 2 + part - 1) / part)).parallel().forEach(p -> {
            SplittableRandom random = new SplittableRandom(seed * 1_000_003 + p);
            long end = Math.min(data.byteSize() / 2, (p + 1L) * part);
            for (long i = (long) p * part; i < end; i++) {
                float value = (short) random.nextInt() * scale;
                data.setAtIndex(ValueLayout.JAVA_SHORT, i, (short) (Float.floatToIntBits(value) >>> 16));
            }
        });
        return new BlockTensor(role, DType.BF16, rows, columns, false, data);
    }

    private static AdapterManifest adapter(BlockZoo zoo, ModelConfig config, int seed) {
        Random random = new Random(seed);
        try (Arena arena = Arena.ofShared()) {
            TreeMap<String, BlockTensor> tensors = new TreeMap<>();
            for (int layer = 0; layer < config.layers(); layer++) {
                LayerShape s = config.layer(layer);
                int d = s.hiddenSize();
                Map<String, int[]> shapes = Map.of(
                        "q", new int[] {s.queryWidth(), d}, "k", new int[] {s.keyWidth(), d},
                        "v", new int[] {s.keyWidth(), d}, "o", new int[] {d, s.queryWidth()});
                for (Map.Entry<String, int[]> e : new TreeMap<>(shapes).entrySet()) {
                    String role = layer + "." + e.getKey();
                    tensors.put(role + ".a", factor(random, role + ".a", RANK, e.getValue()[1], arena));
                    tensors.put(role + ".b", factor(random, role + ".b", e.getValue()[0], RANK, arena));
                }
            }
            return new AdapterManifest("base", zoo.put(List.copyOf(tensors.values())), RANK, 1);
        }
    }

    private static BlockTensor factor(Random random, String role, int rows, int columns, Arena arena) {
        MemorySegment data = arena.allocate(Panels.bytes(DType.F32, rows, columns), 64);
        for (long i = 0; i < data.byteSize() / 4; i++) {
            data.setAtIndex(ValueLayout.JAVA_FLOAT, i, 0.02f * (random.nextFloat() - 0.5f));
        }
        return new BlockTensor(role, DType.F32, rows, columns, false, data);
    }

    private static final TokenBytes TOKENS = TokenBytes.ofBytes(200_000);

    private static double middle(List<Double> values) {
        double[] sorted = values.stream().mapToDouble(d -> d).toArray();
        Arrays.sort(sorted);
        return sorted[sorted.length / 2];
    }

    private static double min(List<Double> values) {
        return values.stream().mapToDouble(d -> d).min().orElse(0);
    }

    private static double max(List<Double> values) {
        return values.stream().mapToDouble(d -> d).max().orElse(0);
    }
}
