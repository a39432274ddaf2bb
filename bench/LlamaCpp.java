import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.DoubleStream;
import java.util.stream.Stream;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.netty.http.client.HttpClient;
import reactor.netty.resources.ConnectionProvider;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** Runs both systems in turn on each file and compares medians: see bench/llama-cpp. */
class LlamaCpp {
    private static final int STREAMS = 64;
    private static final List<String> FIGURES = List.of("decode1", "prefill512", "decode16");

    private final Path work;
    private final boolean quick;

    private LlamaCpp(Path work, boolean quick) {
        this.work = work;
        this.quick = quick;
    }

    public static void main(String[] args) throws Exception {
        LlamaCpp bench = new LlamaCpp(Path.of(args[0]), args.length > 2 && args[2].equals("--quick"));
        bench.compile(Path.of(args[1]));
        bench.run();
        System.exit(0);
    }

    /** EngineSpeed is compiled once, so that its start is not the compiler's. */
    private void compile(Path project) throws Exception {
        new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "javac").toString(),
                        "-d", work.resolve("classes").toString(),
                        "-cp", System.getProperty("java.class.path"),
                        project.resolve("bench/EngineSpeed.java").toString())
                .inheritIO()
                .start()
                .waitFor();
    }

    private void run() throws Exception {
        JsonNode peak = JsonMapper.shared().readTree(Files.readString(work.resolve("peak.json")));
        System.out.println("This machine: " + peak);
        Map<String, Object> result = new LinkedHashMap<>();
        result.put("benchmark", "llama-cpp");
        result.put("peak", peak);
        List<Path> files;
        try (Stream<Path> all = Files.list(work)) {
            files = all.filter(f -> f.toString().endsWith(".gguf") && !f.getFileName().toString().startsWith("sharing"))
                    .filter(f -> !quick || f.getFileName().toString().equals("smollm2-135m-Q8_0.gguf"))
                    .sorted(java.util.Comparator.reverseOrder())
                    .toList();
        }
        for (Path file : files) {
            String name = file.getFileName().toString().replace(".gguf", "");
            Map<String, Object> ratios = compare(name, file);
            if (name.startsWith("smollm2") && (name.endsWith("Q8_0") || !quick)) {
                ratios.put("http64", http(name, file));
            }
            result.put(name, ratios);
        }
        System.out.println(JsonMapper.shared().writeValueAsString(result));
    }

    private Map<String, Object> compare(String name, Path file) throws Exception {
        // A round of the larger shape takes llama.cpp half a minute.
        int rounds = quick ? 2 : name.startsWith("smollm2") ? 3 : 1;
        int cores = Runtime.getRuntime().availableProcessors();
        Path zoo = work.resolve("zoo-" + name);
        engine(file, zoo, cores, 0);
        List<JsonNode> ours = new ArrayList<>();
        List<JsonNode> theirs = new ArrayList<>();
        ours.add(engine(file, zoo, cores, rounds + 2));
        for (int threads = cores; threads > 0; threads--) {
            theirs.add(llama(file, threads, rounds, 0));
        }
        // Once more, so that a change of the machine's mood falls on both.
        ours.add(engine(file, zoo, cores, rounds + 2));
        Map<String, Object> ratios = new LinkedHashMap<>();
        for (String figure : FIGURES) {
            // The first two rounds compile; llama.cpp is taken at its better number of threads.
            double[] mine = ours.stream().flatMapToDouble(n -> values(n.get(figure)).skip(2)).toArray();
            double[] best = new double[] {0};
            for (int threads = 0; threads < cores; threads++) {
                int t = threads;
                double[] some = java.util.stream.IntStream.range(0, theirs.size())
                        .filter(i -> i % cores == t)
                        .mapToObj(theirs::get)
                        .flatMapToDouble(n -> values(n.get(figure)))
                        .toArray();
                best = middle(some) > middle(best) ? some : best;
            }
            report(name, figure, "tokens/s", mine, best, middle(mine) / middle(best));
            ratios.put(figure, rounded(middle(mine) / middle(best)));
            ratios.put(figure + "_tokens", Math.round(middle(mine)));
        }
        double[] mine = ours.stream().mapToDouble(n -> n.get("first_token").doubleValue()).toArray();
        double[] best = theirs.stream().mapToDouble(n -> n.get("first_token").doubleValue()).toArray();
        report(name, "first_token", "s", mine, best, middle(best) / middle(mine));
        ratios.put("first_token", rounded(middle(best) / middle(mine)));
        JsonNode last = ours.getLast();
        double expected = last.get("weights").doubleValue() + last.get("pages").doubleValue();
        ratios.put("resident_over_weights_and_pages", rounded(last.get("resident").doubleValue() / expected));
        return ratios;
    }

    private static DoubleStream values(JsonNode list) {
        return list.valueStream().mapToDouble(JsonNode::doubleValue);
    }

    private static double middle(double[] values) {
        double[] sorted = values.clone();
        Arrays.sort(sorted);
        return sorted[sorted.length / 2];
    }

    private static double rounded(double value) {
        return Math.round(value * 100) / 100.0;
    }

    private static void report(String name, String figure, String unit, double[] mine, double[] theirs, double ratio) {
        System.out.printf(
                Locale.ROOT,
                "%-20s %-12s Ashlar %8.1f (%.1f-%.1f)  llama.cpp %8.1f (%.1f-%.1f) %s  ratio %.2f%n",
                name,
                figure,
                middle(mine),
                Arrays.stream(mine).min().orElse(0),
                Arrays.stream(mine).max().orElse(0),
                middle(theirs),
                Arrays.stream(theirs).min().orElse(0),
                Arrays.stream(theirs).max().orElse(0),
                unit,
                ratio);
        System.out.flush();
    }

    private List<String> java(String... rest) {
        List<String> command = new ArrayList<>(List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "--add-modules=jdk.incubator.vector",
                "--enable-native-access=ALL-UNNAMED",
                "--sun-misc-unsafe-memory-access=allow",
                "-XX:+UseCompactObjectHeaders",
                "-cp",
                work.resolve("classes") + ":" + System.getProperty("java.class.path")));
        command.addAll(List.of(rest));
        return command;
    }

    private JsonNode engine(Path file, Path zoo, int threads, int rounds) throws Exception {
        return lastLine(new ProcessBuilder(java(
                "EngineSpeed", file.toString(), zoo.toString(), String.valueOf(threads), String.valueOf(rounds))));
    }

    private JsonNode llama(Path file, int threads, int rounds, int streams) throws Exception {
        ProcessBuilder node = new ProcessBuilder(
                        "node", "llama.mjs", file.toString(), "" + threads, "" + rounds, "" + streams)
                .directory(work.resolve("node").toFile());
        node.environment().put("STARTED_MILLIS", "" + System.currentTimeMillis());
        return lastLine(node);
    }

    private static JsonNode lastLine(ProcessBuilder builder) throws Exception {
        Path errors = Files.createTempFile("bench", "errors");
        Process process = builder.redirectError(errors.toFile()).start();
        List<String> lines = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8).lines().toList();
        if (process.waitFor() != 0) {
            throw new IllegalStateException(Files.readString(errors));
        }
        return JsonMapper.shared().readTree(lines.isEmpty() ? "{}" : lines.getLast());
    }

    /** Tokens per second of the whole platform at 64 streams, over llama.cpp's with as many sequences. */
    private double http(String name, Path file) throws Exception {
        Path data = Files.createTempDirectory("ashlar-bench");
        List<String> folder = List.of("--data", data.toString());
        List<String> serve = new ArrayList<>(java("io.ashlar.Main", "serve"));
        serve.addAll(folder);
        serve.addAll(List.of("--api-port", "0", "--console-port", "0", "--management-port", "0"));
        ProcessBuilder builder = new ProcessBuilder(serve).redirectError(ProcessBuilder.Redirect.DISCARD);
        builder.environment().put("ASHLAR_ENGINE_PAGE_MEMORY", "1GB");
        Process server = builder.start();
        try {
            BufferedReader out = new BufferedReader(new InputStreamReader(server.getInputStream(), StandardCharsets.UTF_8));
            String api = "";
            for (String line = out.readLine(); line != null && !line.contains("Management"); line = out.readLine()) {
                api = line.contains(" API  ") ? line.substring(line.indexOf("http")) : api;
            }
            Thread.ofVirtual().start(() -> out.lines().forEach(l -> {}));
            List<String> load = new ArrayList<>(java("io.ashlar.Main", "models", "import", file.toString()));
            load.addAll(folder);
            load.addAll(List.of("--name", "bench", "--grant", "demo"));
            lastLineOf(load);
            String key = Files.readAllLines(data.resolve("first-start.txt")).stream()
                    .filter(l -> l.startsWith("api_key="))
                    .map(l -> l.substring("api_key=".length()))
                    .findFirst()
                    .orElseThrow();
            List<Double> mine = new ArrayList<>();
            List<Double> theirs = new ArrayList<>();
            int rounds = quick ? 2 : 5;
            stream(api, key);
            stream(api, key);
            for (int round = 0; round < rounds; round++) {
                mine.add(stream(api, key));
            }
            server.destroy();
            server.waitFor();
            theirs.addAll(values(llama(file, Runtime.getRuntime().availableProcessors(), quick ? 1 : 3, STREAMS).get("streams")).boxed().toList());
            double[] a = mine.stream().mapToDouble(d -> d).toArray();
            double[] b = theirs.stream().mapToDouble(d -> d).toArray();
            report(name, "http64", "tokens/s", a, b, middle(a) / middle(b));
            return rounded(middle(a) / middle(b));
        } finally {
            server.destroy();
            server.waitFor();
        }
    }

    private static void lastLineOf(List<String> command) throws IOException, InterruptedException {
        Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
        String all = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        if (process.waitFor() != 0) {
            throw new IllegalStateException(all);
        }
    }

    /** All streams at once, about 128 tokens in and 64 out each. */
    private double stream(String api, String key) {
        HttpClient http = HttpClient.create(ConnectionProvider.builder("bench").maxConnections(STREAMS).pendingAcquireMaxCount(-1).build())
                .responseTimeout(Duration.ofMinutes(3));
        AtomicLong tokens = new AtomicLong();
        Random random = new Random();
        long start = System.nanoTime();
        Flux.range(0, STREAMS)
                .flatMap(
                        i -> {
                            StringBuilder prompt = new StringBuilder();
                            for (int w = 0; w < 64; w++) {
                                prompt.append((char) ('a' + random.nextInt(26))).append(' ');
                            }
                            String body = "{\"model\":\"bench\",\"stream\":true,\"temperature\":0,\"max_tokens\":64,\"prompt\":\""
                                    + prompt.toString().trim() + "\"}";
                            return http.headers(h -> h.add("Authorization", "Bearer " + key).add("Content-Type", "application/json"))
                                    .post()
                                    .uri((api.endsWith("/v1") ? api : api + "/v1") + "/completions")
                                    .send(reactor.netty.ByteBufFlux.fromString(Mono.just(body)))
                                    .responseSingle((response, content) -> content.asString().map(text -> {
                                        if (response.status().code() != 200) {
                                            throw new IllegalStateException(text);
                                        }
                                        return text;
                                    }))
                                    .doOnNext(text -> tokens.addAndGet(text.split("data: \\{", -1).length - 2));
                        },
                        STREAMS)
                .blockLast(Duration.ofMinutes(3));
        return tokens.get() / ((System.nanoTime() - start) / 1e9);
    }
}
