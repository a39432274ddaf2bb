package io.ashlar.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.ashlar.database.DatabaseAddress;
import io.ashlar.database.EmbeddedPostgres;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.json.JsonMapper;

/** Two servers, each a process with a data folder of its own, on one database that neither of them runs. */
class SharedLimitsTest {
    private static final int LIMIT = 700;
    private static final String SHORT = ",\"max_tokens\":6";

    @TempDir
    Path root;

    private final List<ServingProcess> serving = new ArrayList<>();

    @AfterEach
    void endAll() throws InterruptedException {
        for (ServingProcess one : serving) {
            one.process.destroy();
            one.process.waitFor();
        }
    }

    private ServingProcess serve(String folder, Map<String, String> environment) throws IOException {
        ServingProcess process = new ServingProcess(root.resolve(folder), environment);
        serving.add(process);
        return process;
    }

    @Test
    void together_they_give_no_token_more_than_the_limit_although_one_is_killed() throws Exception {
        try (EmbeddedPostgres postgres = EmbeddedPostgres.start(
                root.resolve("postgres"), Path.of(System.getProperty("user.home"), ".cache", "ashlar"))) {
            DatabaseAddress address = postgres.address();
            Map<String, String> environment = Map.of(
                    "ASHLAR_DATABASE_URL",
                    address.url(),
                    "ASHLAR_DATABASE_USER",
                    address.user(),
                    "ASHLAR_DATABASE_PASSWORD",
                    address.password());
            ServingProcess one = serve("one", environment);
            // Their models are the same files.
            copy(root.resolve("one/zoo"), root.resolve("two/zoo"));
            ServingProcess two = serve("two", environment);
            String key = one.first.get("api_key");
            assertThat(two.send(two.chat(key, "demo-base", SHORT)).statusCode()).isEqualTo(200);
            HttpResponse<String> made = one.send(java.net.http.HttpRequest.newBuilder(
                            URI.create(one.api.replace("/v1", "/admin/v1") + "/tenants/demo/limits"))
                    .header("Authorization", "Bearer " + one.first.get("admin_key"))
                    .POST(java.net.http.HttpRequest.BodyPublishers.ofString(
                            "{\"kind\":\"tokens_per_month\",\"amount\":" + LIMIT + "}"))
                    .build());
            assertThat(made.statusCode()).as(made.body()).isBetween(200, 201);
            await(() ->
                    two.send(two.chat(key, "demo-base", ",\"max_tokens\":900")).statusCode() == 429);

            long used = rush(List.of(one, two), key, 60);
            serving.get(1).process.destroyForcibly().waitFor();
            used += rush(List.of(one), key, 10);
            assertThat(used).isLessThanOrEqualTo(LIMIT).isGreaterThan(LIMIT / 2);
            // What the one that was killed held comes back, or stays counted as used; never both.
            for (int round = 0; round < 4; round++) {
                used += rush(List.of(one), key, 20);
                assertThat(used).isLessThanOrEqualTo(LIMIT);
                Thread.sleep(Duration.ofSeconds(1));
            }
            HttpResponse<String> refused = one.send(one.chat(key, "demo-base", SHORT));
            assertThat(refused.statusCode()).isEqualTo(429);
            assertThat(refused.body()).contains("insufficient_quota").contains("tokens");
        }
    }

    /** The tokens of those that were answered; every other one must have been refused for the limit. */
    private static long rush(List<ServingProcess> at, String key, int requests) throws Exception {
        List<Future<HttpResponse<String>>> asked = new ArrayList<>();
        long used = 0;
        try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
            for (int i = 0; i < requests; i++) {
                ServingProcess to = at.get(i % at.size());
                asked.add(threads.submit(() -> to.send(to.chat(key, "demo-base", SHORT))));
            }
            for (Future<HttpResponse<String>> each : asked) {
                HttpResponse<String> response = each.get();
                assertThat(response.statusCode()).as(response.body()).isIn(200, 429);
                if (response.statusCode() == 200) {
                    used += JsonMapper.shared()
                            .readTree(response.body())
                            .path("usage")
                            .path("total_tokens")
                            .asLong();
                }
            }
        }
        return used;
    }

    private static void await(Callable<Boolean> condition) throws Exception {
        long deadline = System.nanoTime() + Duration.ofSeconds(20).toNanos();
        while (!condition.call()) {
            assertThat(System.nanoTime()).isLessThan(deadline);
        }
    }

    private static void copy(Path from, Path to) throws IOException {
        try (Stream<Path> files = Files.walk(from)) {
            for (Path file : files.toList()) {
                Path target = to.resolve(from.relativize(file).toString());
                if (Files.isDirectory(file)) {
                    Files.createDirectories(target);
                } else {
                    Files.copy(file, target);
                }
            }
        }
    }
}
