import io.ashlar.block.BlockZoo;
import io.ashlar.block.Importer;
import io.ashlar.block.LoadedBlocks;
import io.ashlar.block.ModelManifest;
import io.ashlar.block.Quantization;
import io.ashlar.compute.PageType;
import io.ashlar.compute.cpu.CpuDevice;
import io.ashlar.engine.Chain;
import io.ashlar.engine.ChainLoader;
import io.ashlar.engine.Engine;
import io.ashlar.engine.EngineOptions;
import io.ashlar.engine.Generation;
import io.ashlar.engine.GenerationEvent;
import io.ashlar.engine.GenerationRequest;
import io.ashlar.engine.SamplingOptions;
import io.ashlar.model.format.Checkpoint;
import io.ashlar.model.text.Tokenizer;
import io.ashlar.scheduler.StepLimits;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Random;
import tools.jackson.databind.json.JsonMapper;

/**
 * The engine alone on a GGUF file, without the platform around it: EngineSpeed FILE ZOO THREADS ROUNDS. Its last line is
 * JSON: tokens per second of one sequence decoding, of a prefill of 512, of 16 sequences decoding; seconds from the start
 * of the process to the first token; bytes.
 */
public final class EngineSpeed {
    private final Engine engine;
    private final Chain chain;
    private final Tokenizer tokenizer;
    private final Random random = new Random(1);

    private EngineSpeed(Engine engine, Chain chain, Tokenizer tokenizer) {
        this.engine = engine;
        this.chain = chain;
        this.tokenizer = tokenizer;
    }

    public static void main(String[] args) throws Exception {
        Path file = Path.of(args[0]);
        Path root = Path.of(args[1]);
        int threads = Integer.parseInt(args[2]);
        int rounds = Integer.parseInt(args[3]);
        BlockZoo zoo = new BlockZoo(root);
        Path saved = root.resolve("manifest.json");
        if (!Files.exists(saved)) {
            try (Checkpoint checkpoint = Checkpoint.open(file)) {
                ModelManifest made = new Importer(zoo).model(checkpoint, Quantization.NONE, Importer.Progress.NONE);
                Files.write(saved, JsonMapper.shared().writeValueAsBytes(made));
            }
            if (rounds == 0) {
                return;
            }
        }
        ModelManifest manifest = JsonMapper.shared().readValue(Files.readAllBytes(saved), ModelManifest.class);
        CpuDevice device = new CpuDevice(threads);
        LoadedBlocks loaded = new LoadedBlocks(zoo, device);
        Chain chain = new ChainLoader(loaded).load(manifest, null, 2048);
        EngineOptions options =
                new EngineOptions(new StepLimits(512, 64), 512L << 20, PageType.F16, 4096, Duration.ofMinutes(10));
        try (Engine engine = new Engine(device, options, System::nanoTime)) {
            engine.start();
            Tokenizer tokenizer = new Tokenizer(zoo.file(manifest.tokenizer()), manifest.modelConfig().vocabularySize());
            EngineSpeed speed = new EngineSpeed(engine, chain, tokenizer);
            double first = speed.firstToken();
            List<Double> decode = new ArrayList<>();
            List<Double> prefill = new ArrayList<>();
            List<Double> many = new ArrayList<>();
            for (int round = 0; round < rounds; round++) {
                decode.add(speed.decode(1, 64));
                prefill.add(speed.prefill(512));
                many.add(speed.decode(16, 32));
            }
            System.out.printf(
                    Locale.ROOT,
                    "{\"device\": \"%s\", \"decode1\": %s, \"prefill512\": %s, \"decode16\": %s, \"first_token\": %.3f,"
                            + " \"weights\": %d, \"pages\": %d, \"resident\": %d}%n",
                    device.describe(),
                    decode,
                    prefill,
                    many,
                    first,
                    loaded.bytes(),
                    options.pageBytes(),
                    resident());
        }
        System.exit(0);
    }

    private int[] prompt(int length) {
        return random.ints(length, 10, 1000).toArray();
    }

    private Generation start(int prompt, int answer) {
        return engine.submit(new GenerationRequest(
                chain, tokenizer.bytes(), prompt(prompt), answer, SamplingOptions.GREEDY, List.of(), List.of(), 1, "bench"));
    }

    private double firstToken() {
        Generation generation = start(8, 1);
        generation.ended().join();
        return ProcessHandle.current()
                .info()
                .startInstant()
                .map(s -> Duration.between(s, java.time.Instant.now()).toMillis() / 1e3)
                .orElse(-1.0);
    }

    private double prefill(int length) {
        long start = System.nanoTime();
        start(length, 1).ended().join();
        return length / ((System.nanoTime() - start) / 1e9);
    }

    /** Tokens per second from the moment that all sequences have their first token. */
    private double decode(int sequences, int tokens) throws InterruptedException {
        Generation[] running = new Generation[sequences];
        int[] seen = new int[sequences];
        for (int i = 0; i < sequences; i++) {
            running[i] = start(16, tokens + 16);
        }
        boolean all = false;
        long began = 0;
        int counted = 0;
        while (true) {
            boolean ended = true;
            for (int i = 0; i < sequences; i++) {
                while (true) {
                    GenerationEvent event = running[i].poll();
                    if (event == null) {
                        break;
                    }
                    if (event instanceof GenerationEvent.Token) {
                        seen[i]++;
                        counted += all ? 1 : 0;
                    }
                }
                ended &= running[i].ended().isDone();
            }
            if (!all && Arrays.stream(seen).allMatch(n -> n >= 4)) {
                all = true;
                began = System.nanoTime();
            }
            if (ended || counted >= sequences * tokens) {
                break;
            }
            Thread.sleep(1);
        }
        double rate = counted / ((System.nanoTime() - began) / 1e9);
        for (Generation generation : running) {
            while (!generation.ended().isDone()) {
                generation.poll();
                Thread.sleep(1);
            }
        }
        return rate;
    }

    /** Bytes that the process holds in memory, mapped weights included. */
    private static long resident() throws java.io.IOException {
        for (String line : Files.readAllLines(Path.of("/proc/self/status"))) {
            if (line.startsWith("VmRSS:")) {
                return Long.parseLong(line.replaceAll("[^0-9]", "")) * 1024;
            }
        }
        return -1;
    }
}
