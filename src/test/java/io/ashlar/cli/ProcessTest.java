package io.ashlar.cli;

import static io.ashlar.app.TestServer.await;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.ServerSocket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
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

    private static List<String> command(String... arguments) {
        List<String> command = new ArrayList<>(List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "--add-modules=jdk.incubator.vector",
                "--enable-native-access=ALL-UNNAMED",
                "--sun-misc-unsafe-memory-access=allow",
                "-cp",
                System.getProperty("java.class.path"),
                "io.ashlar.Main"));
        command.addAll(List.of(arguments));
        return command;
    }

    private record Result(int code, String out, String err) {}

    private Result run(String... arguments) throws IOException, InterruptedException {
        Path err = Files.createTempFile(root, "err", "");
        Path out = Files.createTempFile(root, "out", "");
        Process process = new ProcessBuilder(command(arguments))
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

    /** A serving process that is ready. */
    private final class Serving {
        final Process process;
        final String api;
        final Map<String, String> first = new HashMap<>();

        Serving(Path data) throws IOException {
            process = new ProcessBuilder(command(
                            "serve",
                            "--data",
                            data.toString(),
                            "--api-port",
                            "0",
                            "--console-port",
                            "0",
                            "--management-port",
                            "0"))
                    .redirectErrorStream(true)
                    .start();
            started.add(process);
            BufferedReader out =
                    new BufferedReader(new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8));
            String address = null;
            StringBuilder all = new StringBuilder();
            for (String line = out.readLine(); line != null; line = out.readLine()) {
                all.append(line).append('\n');
                if (line.contains(" API  ")) {
                    address = line.substring(line.indexOf("http"));
                }
                if (line.contains("Management")) {
                    break;
                }
            }
            assertThat(address).as(all.toString()).isNotNull();
            api = address;
            Thread.ofVirtual().start(() -> out.lines().forEach(l -> {}));
            for (String line : Files.readAllLines(data.resolve("first-start.txt"))) {
                first.put(line.split("=", 2)[0], line.split("=", 2)[1]);
            }
        }

        HttpRequest chat(String model, String fields) {
            return HttpRequest.newBuilder(URI.create(api + "/chat/completions"))
                    .header("Authorization", "Bearer " + first.get("api_key"))
                    .header("Content-Type", "application/json")
                    .POST(HttpRequest.BodyPublishers.ofString(
                            "{\"model\":\"" + model + "\",\"temperature\":0,\"messages\":[{\"role\":\"user\","
                                    + "\"content\":\"Tell me a story about an owl.\"}]" + fields + "}"))
                    .build();
        }

        HttpResponse<String> answer(String model) {
            try {
                return http.send(chat(model, ""), HttpResponse.BodyHandlers.ofString());
            } catch (IOException e) {
                throw new java.io.UncheckedIOException(e);
            } catch (InterruptedException e) {
                throw new IllegalStateException(e);
            }
        }
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
        Serving first = new Serving(data);
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

        Serving second = new Serving(data);
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
        Serving third = new Serving(data);
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
        Serving serving = new Serving(data);
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
    void models_are_imported_and_removed_beside_a_running_server() throws Exception {
        Path data = root.resolve("data");
        Serving serving = new Serving(data);
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
