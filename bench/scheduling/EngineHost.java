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
import io.ashlar.engine.EngineMetrics;
import io.ashlar.engine.EngineOptions;
import io.ashlar.engine.Generation;
import io.ashlar.engine.GenerationEvent;
import io.ashlar.engine.GenerationRequest;
import io.ashlar.engine.OverloadedException;
import io.ashlar.engine.SamplingOptions;
import io.ashlar.model.format.Checkpoint;
import io.ashlar.model.text.Tokenizer;
import io.ashlar.scheduler.CostModel;
import io.ashlar.scheduler.LengthPredictor;
import io.ashlar.scheduler.StepLimits;
import io.ashlar.scheduler.Terms;
import io.ashlar.simulator.Arrival;
import io.ashlar.simulator.Outcome;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.locks.LockSupport;

/** The real engine with the demo model on this machine's CPU. An engine of its own for each run, all on the same weights. */
final class EngineHost implements Host {
    static final StepLimits LIMITS = new StepLimits(256, 64);
    private static final long PAGE_BYTES = 192L << 20;

    private final CpuDevice device = new CpuDevice(Runtime.getRuntime().availableProcessors());
    private final Chain chain;
    private final Tokenizer tokenizer;
    private final double seconds;
    private List<Arrival> seenBefore = List.of();
    private CostModel cost = new CostModel();
    private EngineMetrics metrics = EngineMetrics.ZERO;
    private long bytesPerToken;
    private List<List<Integer>> answers = List.of();

    /** @param folder for the model's blocks */
    EngineHost(Path model, Path folder, double seconds) throws IOException {
        this.seconds = seconds;
        BlockZoo zoo = new BlockZoo(folder);
        ModelManifest manifest;
        try (Checkpoint checkpoint = Checkpoint.open(model)) {
            manifest = new Importer(zoo).model(checkpoint, Quantization.NONE, Importer.Progress.NONE);
        }
        chain = new ChainLoader(new LoadedBlocks(zoo, device)).load(manifest, null, Integer.MAX_VALUE);
        tokenizer = new Tokenizer(zoo.file(manifest.tokenizer()), manifest.modelConfig().vocabularySize());
    }

    @Override
    public String name() {
        return "engine";
    }

    @Override
    public double scale() {
        return 1.0 / 8;
    }

    @Override
    public int longestPrompt() {
        return 832;
    }

    @Override
    public int longestAnswer() {
        return 128;
    }

    @Override
    public double seconds() {
        return seconds;
    }

    @Override
    public void learn(List<Arrival> before) {
        seenBefore = before;
    }

    @Override
    public CostModel cost() {
        return cost;
    }

    /** Of the last run. */
    EngineMetrics metrics() {
        return metrics;
    }

    /** The tokens of the last run's answers. */
    List<List<Integer>> answers() {
        return answers;
    }

    /** Tokens that all pages hold. */
    long pageTokens() {
        return PAGE_BYTES / bytesPerToken();
    }

    long bytesPerToken() {
        if (bytesPerToken == 0) {
            try (Engine engine = new Engine(device, options(Setting.of(io.ashlar.scheduler.policy.Policies.FCFS)), System::nanoTime)) {
                engine.start();
                bytesPerToken = PAGE_BYTES / engine.longestSequence(chain.config(), Integer.MAX_VALUE);
            }
        }
        return bytesPerToken;
    }

    private EngineOptions options(Setting setting) {
        long bytes = setting.pages() == 0 ? PAGE_BYTES : Math.max(4 << 20, setting.pages() * bytesPerToken());
        return new EngineOptions(LIMITS, bytes, PageType.F16, 1_000_000, Duration.ofMinutes(10), setting.policy(),
                setting.preemption(), PAGE_BYTES);
    }

    @Override
    public List<Outcome> run(Setting setting, List<Arrival> arrivals, long until) {
        System.gc();
        try (Engine engine = new Engine(device, options(setting), System::nanoTime)) {
            engine.start();
            engine.place(chain).join();
            Run run = new Run(engine, arrivals);
            run.warmUp();
            List<Outcome> outcomes = run.serve(until);
            cost = engine.cost();
            metrics = engine.metrics();
            answers = run.tokens;
            return outcomes;
        }
    }

    @Override
    public void close() {
        device.close();
    }

    /** One trace on one engine. */
    private final class Run {
        private final Engine engine;
        private final List<Arrival> arrivals;
        private final LengthPredictor predictor = new LengthPredictor();
        private final List<int[]> prompts = new ArrayList<>();
        private final List<Reader> readers = new ArrayList<>();
        private final AtomicBoolean over = new AtomicBoolean();
        private final CountDownLatch left;
        final List<List<Integer>> tokens = new ArrayList<>();
        private long start;

        Run(Engine engine, List<Arrival> arrivals) {
            this.engine = engine;
            this.arrivals = arrivals;
            this.left = new CountDownLatch(arrivals.size());
            Random random = new Random(7);
            for (Arrival a : arrivals) {
                prompts.add(random.ints(a.prompt(), 10, 1500).toArray());
                tokens.add(new ArrayList<>());
            }
            for (Arrival a : seenBefore) {
                predictor.observe(a.tenant(), a.deployment(), a.prompt(), a.answer());
            }
        }

        /** Steps of all kinds, for the compiler and for the cost model, for the tenants and classes that will come. */
        void warmUp() {
            Random random = new Random(1);
            for (int round = 0; round < 3; round++) {
                List<Generation> running = new ArrayList<>();
                for (int i = 0; i < 40; i++) {
                    int[] prompt = random.ints(1 + random.nextInt(round == 2 ? 600 : 100), 10, 1500).toArray();
                    try {
                        running.add(engine.submit(request(prompt, 1 + random.nextInt(60), terms(arrivals.get(i % arrivals.size())))));
                    } catch (OverloadedException e) {
                        // Warm enough: it is counted nowhere.
                    }
                    LockSupport.parkNanos(500_000);
                }
                running.forEach(g -> g.ended().join());
            }
        }

        private Terms terms(Arrival of) {
            return new Terms(of.deployment(), of.tenant(), of.weight(), of.serviceClass(),
                    predictor.forecast(of.tenant(), of.deployment(), of.prompt()));
        }

        private GenerationRequest request(int[] prompt, int limit, Terms terms) {
            return new GenerationRequest(
                    chain, tokenizer.bytes(), prompt, limit, SamplingOptions.GREEDY, List.of(), List.of(), 1, "bench", terms);
        }

        List<Outcome> serve(long until) {
            start = System.nanoTime();
            for (int i = 0; i < arrivals.size(); i++) {
                long at = start + arrivals.get(i).nanos();
                while (at - System.nanoTime() > 0) {
                    LockSupport.parkNanos(at - System.nanoTime());
                }
                Reader reader = new Reader(i);
                readers.add(reader);
                reader.begin();
            }
            try {
                long rest = until - (System.nanoTime() - start);
                if (!left.await(Math.max(0, rest), TimeUnit.NANOSECONDS)) {
                    over.set(true);
                    readers.forEach(Reader::cutOff);
                    left.await();
                }
            } catch (InterruptedException e) {
                throw new IllegalStateException(e);
            }
            return readers.stream().map(Reader::outcome).toList();
        }

        /** Counts an answer's tokens as they come and ends it where the trace did. The engine's thread calls it. */
        private final class Reader implements Runnable {
            private final int index;
            private final Arrival arrival;
            private volatile Generation generation;
            private volatile int made;
            private volatile long firstToken = -1;
            private volatile long end = -1;
            private volatile long retry;
            private volatile int preemptions;
            private volatile long queued;

            Reader(int index) {
                this.index = index;
                this.arrival = arrivals.get(index);
            }

            void begin() {
                try {
                    generation = engine.submit(request(prompts.get(index), arrival.limit(), terms(arrival)));
                    generation.onEvents(this);
                    generation.ended().thenAccept(usage -> {
                        preemptions = usage.preemptions();
                        queued = usage.queueNanos();
                        if (end >= 0) {
                            predictor.observe(arrival.tenant(), arrival.deployment(), arrival.prompt(), made);
                        }
                        left.countDown();
                    });
                } catch (OverloadedException e) {
                    retry = Math.max(1, e.retryAfter().toNanos());
                    left.countDown();
                }
            }

            @Override
            public void run() {
                for (GenerationEvent event = generation.poll(); event != null; event = generation.poll()) {
                    if (!(event instanceof GenerationEvent.Token token) || end >= 0 || over.get()) {
                        continue;
                    }
                    long now = System.nanoTime() - start;
                    tokens.get(index).add(token.token());
                    if (++made == 1) {
                        firstToken = now;
                    }
                    if (made == arrival.answer()) {
                        end = now;
                        generation.cancel();
                    }
                }
            }

            void cutOff() {
                if (generation != null && end < 0) {
                    generation.cancel();
                }
            }

            Outcome outcome() {
                long ended = end >= 0 ? end : retry > 0 ? arrival.nanos() : System.nanoTime() - start;
                return new Outcome(arrival, retry > 0 ? -1 : arrival.nanos() + queued, firstToken, ended, made, preemptions, retry);
            }
        }
    }
}
