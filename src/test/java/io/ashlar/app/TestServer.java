package io.ashlar.app;

import io.ashlar.access.Actor;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** A real server in this process, on free ports and a data folder of its own. */
public final class TestServer implements AutoCloseable {
    private static TestServer shared;

    private final Server server;
    private final Map<String, String> firstStart;
    private final HttpClient http = HttpClient.newHttpClient();

    public TestServer(Path data, Map<String, String> settings) {
        Map<String, String> all = new HashMap<>(settings);
        all.put("data", data.toString());
        all.putIfAbsent("api.port", "0");
        all.putIfAbsent("console.port", "0");
        all.putIfAbsent("management.port", "0");
        server = new Server(Configuration.read(null, all, Map.of()));
        firstStart = firstStart(data);
    }

    /** One server for all tests that only ask it things. It ends with the process. */
    public static synchronized TestServer shared() {
        if (shared == null) {
            try {
                shared = new TestServer(Files.createTempDirectory("ashlar-shared"), Map.of());
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
            Runtime.getRuntime().addShutdownHook(new Thread(shared::close));
        }
        return shared;
    }

    private static Map<String, String> firstStart(Path data) {
        try {
            Map<String, String> facts = new HashMap<>();
            for (String line : Files.readAllLines(data.resolve("first-start.txt"))) {
                String[] parts = line.split("=", 2);
                facts.put(parts[0], parts[1]);
            }
            return facts;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    public Server server() {
        return server;
    }

    public <T> T service(Class<T> type) {
        return server.service(type);
    }

    public String apiUrl() {
        return server.apiUrl();
    }

    public String apiKey() {
        return firstStart.get("api_key");
    }

    public String adminKey() {
        return firstStart.get("admin_key");
    }

    public String adminPassword() {
        return firstStart.get("admin_password");
    }

    /** A tenant with a key, granted these models. */
    public String newKey(String tenant, String... models) {
        var id = service(io.ashlar.identity.Tenants.class).create(tenant, Actor.SYSTEM);
        for (String model : models) {
            service(io.ashlar.catalog.Catalog.class).grant(id, model, Actor.SYSTEM);
        }
        return service(io.ashlar.identity.ApiKeys.class).create(id, "key", null, Actor.SYSTEM);
    }

    public HttpRequest.Builder request(String path, String key) {
        HttpRequest.Builder request =
                HttpRequest.newBuilder(URI.create(apiUrl() + path)).timeout(Duration.ofSeconds(60));
        return key == null ? request : request.header("Authorization", "Bearer " + key);
    }

    public HttpResponse<String> get(String path, String key) {
        return send(request(path, key).GET().build());
    }

    public HttpResponse<String> post(String path, String key, String json) {
        return send(request(path, key)
                .header("Content-Type", "application/json")
                .POST(HttpRequest.BodyPublishers.ofString(json))
                .build());
    }

    public HttpResponse<String> chat(String key, String fields) {
        return post(
                "/v1/chat/completions",
                key,
                "{\"model\":\"demo-base\",\"messages\":[{\"role\":\"user\",\"content\":"
                        + "\"What is the capital of Japan?\"}]" + (fields.isEmpty() ? "" : "," + fields) + "}");
    }

    public HttpResponse<String> send(HttpRequest request) {
        try {
            return http.send(request, HttpResponse.BodyHandlers.ofString());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException(e);
        }
    }

    public HttpClient http() {
        return http;
    }

    public static JsonNode json(HttpResponse<String> response) {
        return JsonMapper.shared().readTree(response.body());
    }

    public String metric(String name) {
        String body = send(HttpRequest.newBuilder(URI.create(server.managementUrl() + "/prometheus"))
                        .build())
                .body();
        return body.lines()
                .filter(l -> l.startsWith(name + "{") || l.startsWith(name + " "))
                .map(l -> l.substring(l.lastIndexOf(' ') + 1))
                .findFirst()
                .orElseThrow(() -> new AssertionError("no metric " + name));
    }

    public static void await(String what, BooleanSupplier condition) {
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(30);
        while (!condition.getAsBoolean()) {
            if (System.nanoTime() > deadline) {
                throw new AssertionError("waited half a minute for: " + what);
            }
            Thread.onSpinWait();
        }
    }

    @Override
    public void close() {
        server.close();
    }
}
