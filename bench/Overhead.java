import io.netty.handler.codec.http.HttpHeaderNames;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.UUID;
import java.util.concurrent.ThreadLocalRandom;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.netty.http.client.HttpClient;
import reactor.netty.resources.ConnectionProvider;

/**
 * Time per request outside the engine: what a client waits from sending a streaming chat to its last byte, less what the
 * engine took from taking the request to its last token (the ledger's total_micros). It holds parsing, the key, template and
 * tokenisation, streaming, the journal, the loopback and the client's own work; server and client share this machine.
 */
class Overhead {
    private static final int[] LEVELS = {1, 64, 512};
    /** Mean length of an answer; lengths are spread evenly by half of it, so that requests do not end in waves. */
    private static final int TOKENS = 32;

    private static final String BODY = "{\"model\":\"demo-base\",\"stream\":true,\"max_tokens\":%d,\"temperature\":0.3,\"logit_bias\":{\"1533\":-100,\"1534\":-100,\"1535\":-100},"
            + "\"messages\":[{\"role\":\"user\",\"content\":\"Tell me a story about an owl.\"}]}";

    record Timed(UUID id, long nanos) {}

    /** One round at one level; times in microseconds. */
    record Round(int requests, double median, double p99, double engineMedian, double tokensPerSecond) {}

    private final Path data;
    private final String api;
    private final String key;
    private final HttpClient http;

    Overhead(Path data, String api, String key) {
        this.data = data;
        this.api = api;
        this.key = key;
        this.http = HttpClient.create(ConnectionProvider.builder("bench").maxConnections(512).pendingAcquireMaxCount(-1).build())
                .responseTimeout(Duration.ofMinutes(2));
    }

    public static void main(String[] args) throws Exception {
        boolean quick = Arrays.asList(args).contains("--quick");
        int rounds = quick ? 3 : 5;
        double seconds = quick ? 6 : 20;
        Path data = Files.createTempDirectory("ashlar-bench");
        Process server = start(data);
        try {
            BufferedReader out = new BufferedReader(new InputStreamReader(server.getInputStream(), StandardCharsets.UTF_8));
            String api = null;
            for (String line = out.readLine(); line != null && !line.contains("Management"); line = out.readLine()) {
                api = line.contains(" API  ") ? line.substring(line.indexOf("http")) : api;
            }
            if (api == null) {
                throw new IllegalStateException("the server did not start");
            }
            Thread.ofVirtual().start(() -> out.lines().forEach(l -> {}));
            String key = Files.readAllLines(data.resolve("first-start.txt")).stream()
                    .filter(l -> l.startsWith("api_key="))
                    .map(l -> l.substring("api_key=".length()))
                    .findFirst()
                    .orElseThrow();
            new Overhead(data, api, key).run(rounds, seconds);
        } finally {
            server.destroy();
            server.waitFor();
        }
        System.exit(0);
    }

    private static Process start(Path data) throws IOException {
        return new ProcessBuilder(List.of(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "--add-modules=jdk.incubator.vector",
                        "--enable-native-access=ALL-UNNAMED",
                        "--sun-misc-unsafe-memory-access=allow",
                        "-cp",
                        System.getProperty("java.class.path"),
                        "io.ashlar.Main",
                        "serve",
                        "--data",
                        data.toString(),
                        "--api-port",
                        "0",
                        "--console-port",
                        "0",
                        "--management-port",
                        "0"))
                .redirectError(ProcessBuilder.Redirect.DISCARD)
                .start();
    }

    void run(int rounds, double seconds) throws Exception {
        Map<Integer, List<Round>> results = new TreeMap<>();
        for (int level : LEVELS) {
            round(level, seconds); // warm-up, not counted
        }
        for (int round = 0; round < rounds; round++) {
            for (int level : LEVELS) {
                results.computeIfAbsent(level, l -> new ArrayList<>()).add(round(level, seconds));
            }
        }
        System.out.printf(
                "%8s %10s %22s %14s %16s %12s%n",
                "streams", "requests", "overhead median (range)", "overhead p99", "engine median", "tokens/s");
        StringBuilder json = new StringBuilder("{\"benchmark\":\"overhead\",\"tokens\":" + TOKENS + ",\"levels\":[");
        for (Map.Entry<Integer, List<Round>> entry : results.entrySet()) {
            List<Round> all = entry.getValue();
            double[] medians = all.stream().mapToDouble(Round::median).sorted().toArray();
            double median = middle(medians);
            double p99 = middle(all.stream().mapToDouble(Round::p99).sorted().toArray());
            double engine = middle(all.stream().mapToDouble(Round::engineMedian).sorted().toArray());
            double rate = middle(all.stream().mapToDouble(Round::tokensPerSecond).sorted().toArray());
            int requests = all.stream().mapToInt(Round::requests).sum();
            System.out.printf(
                    Locale.ROOT,
                    "%8d %10d %9.2f ms (%.2f-%.2f) %11.2f ms %13.2f ms %12.0f%n",
                    entry.getKey(),
                    requests,
                    median / 1e3,
                    medians[0] / 1e3,
                    medians[medians.length - 1] / 1e3,
                    p99 / 1e3,
                    engine / 1e3,
                    rate);
            json.append(String.format(
                    Locale.ROOT,
                    "%s{\"streams\":%d,\"requests\":%d,\"overhead_median_ms\":%.3f,\"overhead_median_min_ms\":%.3f,"
                            + "\"overhead_median_max_ms\":%.3f,\"overhead_p99_ms\":%.3f,\"engine_median_ms\":%.3f,"
                            + "\"tokens_per_second\":%.0f}",
                    json.charAt(json.length() - 1) == '[' ? "" : ",",
                    entry.getKey(),
                    requests,
                    median / 1e3,
                    medians[0] / 1e3,
                    medians[medians.length - 1] / 1e3,
                    p99 / 1e3,
                    engine / 1e3,
                    rate));
        }
        System.out.println(json.append("]}"));
    }

    private static double middle(double[] sorted) {
        return sorted[sorted.length / 2];
    }

    /** Keeps {@code streams} requests open for about {@code seconds}. */
    private Round round(int streams, double seconds) throws Exception {
        long begin = System.nanoTime();
        long until = begin + (long) (seconds * 1e9);
        List<Timed> timed = Flux.range(0, Integer.MAX_VALUE)
                .takeWhile(i -> System.nanoTime() < until)
                .flatMap(i -> request(), streams, 1)
                .collectList()
                .block();
        double elapsed = (System.nanoTime() - begin) / 1e9;
        Map<UUID, Long> engine = engineMicros(timed.getLast().id(), timed.size());
        double[] overhead = timed.stream()
                .filter(t -> engine.containsKey(t.id))
                .mapToDouble(t -> t.nanos / 1e3 - engine.get(t.id))
                .sorted()
                .toArray();
        double[] engineTimes = engine.values().stream().mapToDouble(Long::doubleValue).sorted().toArray();
        if (overhead.length < timed.size()) {
            throw new IllegalStateException(timed.size() - overhead.length + " requests are not in the ledger");
        }
        return new Round(
                timed.size(),
                middle(overhead),
                overhead[(int) (overhead.length * 0.99)],
                middle(engineTimes),
                timed.size() * TOKENS / elapsed);
    }

    private Mono<Timed> request() {
        return Mono.defer(() -> {
            long start = System.nanoTime();
            return http.headers(h -> h.set(HttpHeaderNames.AUTHORIZATION, "Bearer " + key)
                            .set(HttpHeaderNames.CONTENT_TYPE, "application/json"))
                    .post()
                    .uri(api + "/chat/completions")
                    .send((request, out) -> out.sendString(Mono.just(BODY.formatted(TOKENS / 2 + ThreadLocalRandom.current().nextInt(TOKENS + 1)))))
                    .responseSingle((response, body) -> {
                        if (response.status().code() != 200) {
                            return body.asString().flatMap(text -> Mono.error(new IllegalStateException(text)));
                        }
                        UUID id = UUID.fromString(response.responseHeaders().get("x-request-id"));
                        return body.then(Mono.fromSupplier(() -> new Timed(id, System.nanoTime() - start)));
                    });
        });
    }

    private long seen;

    /** The engine's time of this round's requests, once all their rows are in the ledger. */
    private Map<UUID, Long> engineMicros(UUID last, int count) throws Exception {
        String url = "jdbc:postgresql://127.0.0.1:" + Files.readString(data.resolve("postgres/port")).strip() + "/ashlar";
        String password = Files.readString(data.resolve("postgres/password")).strip();
        try (Connection connection = DriverManager.getConnection(url, "ashlar", password);
                PreparedStatement all = connection.prepareStatement("select count(*) from usage_record");
                PreparedStatement rows = connection.prepareStatement(
                        "select request_id, total_micros from usage_record order by arrived_at desc limit " + count)) {
            for (int i = 0; i < 200; i++) {
                try (ResultSet total = all.executeQuery()) {
                    total.next();
                    if (total.getLong(1) >= seen + count) {
                        break;
                    }
                }
                Thread.sleep(50);
            }
            seen += count;
            Map<UUID, Long> micros = new HashMap<>();
            try (ResultSet row = rows.executeQuery()) {
                while (row.next()) {
                    micros.put(row.getObject(1, UUID.class), row.getLong(2));
                }
            }
            return micros;
        }
    }
}
