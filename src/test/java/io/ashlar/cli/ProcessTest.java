package io.ashlar.cli;

import static io.ashlar.app.TestServer.await;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.net.ServerSocket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Ashlar as a process: how it starts, refuses to, is told to stop, and is killed. */
class ProcessTest {
    private static final String ENDLESS =
            ",\"stream\":true,\"max_tokens\":900,\"logit_bias\":{\"1535\":-100,\"1534\":-100,\"1533\":-100}";

    @TempDir
    Path root;

    private final List<Process> started = new ArrayList<>();
    private final HttpClient http = HttpClient.newHttpClient();

    @AfterEach
    void endAll() throws InterruptedException {
        for (Process process : started) {
            process.destroy();
            process.waitFor(30, TimeUnit.SECONDS);
        }
    }

    private record Result(int code, String out, String err) {}

    private Result run(String... arguments) throws IOException, InterruptedException {
        Path err = Files.createTempFile(root, "err", "");
        Path out = Files.createTempFile(root, "out", "");
        Process process = new ProcessBuilder(ServingProcess.command(arguments))
                .redirectError(err.toFile())
                .redirectOutput(out.toFile())
                .start();
        started.add(process);
        assertThat(process.waitFor(60, TimeUnit.SECONDS)).isTrue();
        List<String> lines = Files.readAllLines(err).stream()
                .filter(l -> !l.startsWith("WARNING: Using incubator"))
                .toList();
        return new Result(process.exitValue(), Files.readString(out), String.join("\n", lines));
    }

    private static void assertOneLine(Result result, String... words) {
        assertThat(result.code).isNotZero();
        assertThat(result.err.lines()).as(result.err).hasSize(1);
        assertThat(result.err).startsWith("ashlar: ").contains(words);
    }

    private ServingProcess serve(Path data) throws IOException {
        ServingProcess serving = new ServingProcess(data, Map.of());
        started.add(serving.process);
        return serving;
    }

    @Test
    void what_prevents_a_start_is_told_in_one_line() throws IOException, InterruptedException {
        try (ServerSocket taken = new ServerSocket(0, 1, java.net.InetAddress.getLoopbackAddress())) {
            String port = String.valueOf(taken.getLocalPort());
            assertOneLine(run("serve", "--data", root.resolve("d").toString(), "--api-port", port), port, "--api-port");
        }
        Path config = root.resolve("wrong.yaml");
        Files.writeString(config, "engine:\n  step-tokenz: 5\n");
        assertOneLine(run("serve", "--config", config.toString()), "engine.step-tokenz");
        Files.writeString(config, "engine:\n  step-tokens: many\n");
        assertOneLine(run("serve", "--config", config.toString()), "engine.step-tokens", "many");
        assertOneLine(run("serve", "--config", root.resolve("none.yaml").toString()), "none.yaml");
        Path newer = Files.createDirectory(root.resolve("newer"));
        Files.writeString(newer.resolve("format"), "99\n");
        assertOneLine(
                run(
                        "serve",
                        "--data",
                        newer.toString(),
                        "--api-port",
                        "0",
                        "--console-port",
                        "0",
                        "--management-port",
                        "0"),
                "newer Ashlar",
                "--data");
    }

    @Test
    void killed_while_streaming_it_recovers_and_every_request_is_in_the_ledger_once() throws Exception {
        Path data = root.resolve("data");
        ServingProcess first = serve(data);
        assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(data.resolve("first-start.txt"))))
                .isEqualTo("rw-------");
        assertThat(first.first.keySet())
                .containsExactlyInAnyOrder("api", "console", "admin_user", "admin_password", "api_key", "admin_key");
        for (int i = 0; i < 5; i++) {
            assertThat(first.answer("demo-base").statusCode()).isEqualTo(200);
        }
        AtomicInteger chunks = new AtomicInteger();
        var running = http.sendAsync(first.chat("demo-pirate", ENDLESS), HttpResponse.BodyHandlers.ofLines())
                .thenAccept(r -> r.body().forEach(l -> chunks.incrementAndGet()));
        await("the stream to run", () -> chunks.get() > 20);
        first.process.destroyForcibly();
        first.process.waitFor();
        assertThat(running.handle((ok, failure) -> failure != null).get(10, TimeUnit.SECONDS))
                .isTrue();
        assertThat(postmaster(data).isAlive())
                .as("the database outlived the kill")
                .isTrue();

        ServingProcess second = serve(data);
        assertThat(second.answer("demo-brief").statusCode()).isEqualTo(200);
        await("all rows", () -> counts(data).values().stream().mapToInt(i -> i).sum() == 7);
        assertThat(counts(data)).containsEntry("completed", 6).containsEntry("interrupted", 1);
        assertThat(run("models", "list", "--data", data.toString()).out)
                .contains("demo-base", "5.3 MB with demo-pirate", "runs on demo-base");

        // The postmaster is killed too: its lock file is stale at the next start.
        second.process.destroyForcibly();
        second.process.waitFor();
        ProcessHandle postmaster = postmaster(data);
        postmaster.destroyForcibly();
        postmaster.onExit().get(10, TimeUnit.SECONDS);
        ServingProcess third = serve(data);
        assertThat(third.answer("demo-base").statusCode()).isEqualTo(200);
        await("the last row", () -> counts(data).getOrDefault("completed", 0) == 7);
    }

    private static ProcessHandle postmaster(Path data) throws IOException {
        long pid = Long.parseLong(
                Files.readAllLines(data.resolve("postgres/data/postmaster.pid")).getFirst());
        return ProcessHandle.of(pid).orElseThrow();
    }

    private static Map<String, Integer> counts(Path data) {
        try {
            String port = Files.readString(data.resolve("postgres/port"));
            String password = Files.readString(data.resolve("postgres/password"));
            Map<String, Integer> counts = new HashMap<>();
            try (var connection = DriverManager.getConnection(
                            "jdbc:postgresql://127.0.0.1:" + port + "/ashlar", "ashlar", password);
                    var statement = connection.createStatement();
                    ResultSet rows =
                            statement.executeQuery("select status, count(*) from usage_record group by status")) {
                while (rows.next()) {
                    counts.put(rows.getString(1), rows.getInt(2));
                }
            }
            return counts;
        } catch (IOException | java.sql.SQLException e) {
            return Map.of();
        }
    }

    @Test
    void told_to_stop_it_lets_streams_end_and_takes_no_new_requests() throws Exception {
        Path data = root.resolve("data");
        ServingProcess serving = serve(data);
        serving.answer("demo-base");
        List<String> lines = java.util.Collections.synchronizedList(new ArrayList<>());
        var running = http.sendAsync(serving.chat("demo-base", ENDLESS), HttpResponse.BodyHandlers.ofLines())
                .thenAccept(r -> r.body().forEach(lines::add));
        await("the stream to run", () -> lines.size() > 10);
        serving.process.destroy();
        List<HttpResponse<String>> refused = new ArrayList<>();
        await("a new request to be refused", () -> {
            try {
                HttpResponse<String> response = serving.answer("demo-base");
                if (response.statusCode() == 503) {
                    refused.add(response);
                }
                return response.statusCode() == 503;
            } catch (java.io.UncheckedIOException e) {
                return true; // it ended before we asked
            }
        });
        running.get(60, TimeUnit.SECONDS);
        assertThat(lines.stream().filter(l -> l.contains("data: [DONE]"))).hasSize(1);
        refused.forEach(r -> assertThat(r.headers().firstValue("Retry-After")).isPresent());
        assertThat(serving.process.waitFor(60, TimeUnit.SECONDS)).isTrue();
        assertThat(data.resolve("postgres/data/postmaster.pid")).doesNotExist();
    }

    @Test
    void admin_keys_are_made_and_revoked_beside_a_running_server() throws Exception {
        Path data = root.resolve("data");
        ServingProcess serving = serve(data);
        String made = run("admin-keys", "create", "--name", "terraform", "--data", data.toString())
                .out
                .strip();
        assertThat(made).matches("ash_[^_]+_\\S+");
        assertThat(serving.send(admin(serving, made)).statusCode()).isEqualTo(200);
        Result list = run("admin-keys", "list", "--data", data.toString());
        String prefix = made.split("_")[1];
        assertThat(list.out).contains("first key", "terraform", prefix).doesNotContain(made);
        assertThat(run("admin-keys", "revoke", prefix, "--data", data.toString()).out)
                .contains("terraform");
        await("the key to be refused", () -> serving.send(admin(serving, made)).statusCode() == 401);
        assertOneLine(run("admin-keys", "revoke", prefix, "--data", data.toString()), prefix, "list");
        assertOneLine(run("admin-keys", "create", "--name", " ", "--data", data.toString()), "name");
    }

    private static HttpRequest admin(ServingProcess serving, String key) {
        return HttpRequest.newBuilder(URI.create(serving.api.replace("/v1", "/admin/v1") + "/tenants/demo/limits"))
                .header("Authorization", "Bearer " + key)
                .build();
    }

    @Test
    void models_are_imported_and_removed_beside_a_running_server() throws Exception {
        Path data = root.resolve("data");
        ServingProcess serving = serve(data);
        Path folder = Path.of("src/main/resources/demo-models/demo-pirate").toAbsolutePath();

        assertOneLine(
                run("models", "import", root.resolve("nothing").toString(), "--name", "x", "--data", data.toString()),
                "nothing",
                "folder");
        Path damaged = Files.createDirectory(root.resolve("damaged"));
        for (String file : List.of("config.json", "tokenizer.json", "tokenizer_config.json")) {
            Files.copy(folder.resolve(file), damaged.resolve(file));
        }
        byte[] weights = Files.readAllBytes(folder.resolve("model.safetensors"));
        Files.write(damaged.resolve("model.safetensors"), java.util.Arrays.copyOf(weights, weights.length / 2));
        assertOneLine(
                run("models", "import", damaged.toString(), "--name", "x", "--data", data.toString()),
                "model.safetensors",
                "truncated");

        Result imported = run(
                "models",
                "import",
                folder.toString(),
                "--name",
                "parrot",
                "--grant",
                "demo",
                "--data",
                data.toString());
        assertThat(imported.code).as(imported.err).isZero();
        assertThat(imported.out).contains("0.0 MB were new");
        await("the model to answer", () -> serving.answer("parrot").statusCode() == 200);
        assertThat(serving.answer("parrot").body())
                .isNotEqualTo(serving.answer("demo-base").body());
        assertOneLine(run("models", "remove", "demo-base", "--data", data.toString()), "demo-brief");
        Result removed = run("models", "remove", "parrot", "--data", data.toString());
        assertThat(removed.out).as(removed.err).contains("Removed parrot; 0.0 MB were freed.");
        await("the model to be gone", () -> serving.answer("parrot").statusCode() == 404);
        Result draft = run("models", "remove", "demo-draft", "--data", data.toString());
        assertThat(draft.out).contains("Removed demo-draft; 1.0 MB were freed.");
        assertThat(serving.answer("demo-pirate").statusCode()).isEqualTo(200);
    }
}
