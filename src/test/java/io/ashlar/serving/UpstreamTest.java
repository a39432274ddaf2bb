package io.ashlar.serving;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import io.ashlar.access.Actor;
import io.ashlar.access.InvalidRequestException;
import io.ashlar.app.TestServer;
import io.ashlar.blueprint.Blueprints;
import io.ashlar.catalog.Catalog;
import io.ashlar.catalog.Upstream;
import io.ashlar.catalog.Upstreams;
import io.ashlar.platform.Alarm;
import io.ashlar.platform.Alarms;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.springframework.jdbc.core.simple.JdbcClient;
import tools.jackson.databind.JsonNode;

/** Deployments whose tokens another server makes: a real one, and one that fails in every way. */
class UpstreamTest {
    private static final String ASKED =
            "\"messages\":[{\"role\":\"user\",\"content\":\"What is the capital of Japan?\"}]";

    @TempDir
    static Path data;

    /** The other server: another Ashlar, which speaks the OpenAI API. */
    private static final TestServer FAR = TestServer.shared();

    private static TestServer server;
    private static String key;
    /** Fails as it is told. */
    private static HttpServer faulty;

    private static final AtomicReference<Fault> FAULT = new AtomicReference<>();

    @FunctionalInterface
    private interface Fault {
        void answer(HttpExchange exchange) throws IOException;
    }

    @BeforeAll
    static void start() throws IOException {
        server = new TestServer(data, Map.of("upstreams.silence", "2s"));
        faulty = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        faulty.setExecutor(Executors.newVirtualThreadPerTaskExecutor());
        faulty.createContext("/v1/models", exchange -> send(exchange, 200, "application/json", "{\"data\":[]}"));
        faulty.createContext("/v1/chat/completions", exchange -> {
            exchange.getRequestBody().readAllBytes();
            FAULT.get().answer(exchange);
        });
        faulty.start();
        Upstreams upstreams = server.service(Upstreams.class);
        upstreams.create(
                "far",
                new Upstream(FAR.apiUrl() + "/v1", "demo-base", 2048, 8),
                FAR.newKey("far-" + UUID.randomUUID(), "demo-base"),
                Actor.SYSTEM);
        upstreams.create("faulty", new Upstream(faultyUrl(), "m", 4096, 2), "sk-faulty", Actor.SYSTEM);
        key = server.newKey("upstreams", "far", "faulty", "demo-base");
        awaitState("far", UpstreamHealth.State.UP);
        awaitState("faulty", UpstreamHealth.State.UP);
    }

    @AfterAll
    static void stop() {
        server.close();
        faulty.stop(0);
    }

    private static String faultyUrl() {
        return "http://127.0.0.1:" + faulty.getAddress().getPort() + "/v1";
    }

    private static void send(HttpExchange exchange, int status, String type, String body) throws IOException {
        byte[] bytes = body.getBytes(StandardCharsets.UTF_8);
        exchange.getResponseHeaders().set("Content-Type", type);
        exchange.sendResponseHeaders(status, bytes.length);
        exchange.getResponseBody().write(bytes);
        exchange.close();
    }

    private static ServedUpstream upstream(String name) {
        return (ServedUpstream) server.service(Serving.class).find(name);
    }

    private static void awaitState(String name, UpstreamHealth.State state) {
        TestServer.await(
                name + " is " + state,
                () -> upstream(name) != null && upstream(name).health().state() == state);
    }

    private static HttpResponse<String> chat(String model, String fields) {
        return server.post("/v1/chat/completions", key, "{\"model\":\"" + model + "\"," + ASKED + fields + "}");
    }

    private static JsonNode ok(HttpResponse<String> response) {
        assertThat(response.statusCode()).as(response.body()).isEqualTo(200);
        return TestServer.json(response);
    }

    private static JsonNode error(HttpResponse<String> response, int status) {
        assertThat(response.statusCode()).as(response.body()).isEqualTo(status);
        return TestServer.json(response).get("error");
    }

    private static Map<String, Object> row(HttpResponse<String> response) {
        UUID id = UUID.fromString(response.headers().firstValue("x-request-id").orElseThrow());
        JdbcClient database = server.service(JdbcClient.class);
        TestServer.await(
                "the row of " + id,
                () -> database.sql("select count(*) from usage_record where request_id = :id")
                                .param("id", id)
                                .query(Integer.class)
                                .single()
                        == 1);
        return database.sql("select * from usage_record where request_id = :id")
                .param("id", id)
                .query()
                .singleRow();
    }

    @Test
    void what_the_other_server_says_is_what_is_answered_and_what_it_counts_is_what_is_settled() {
        JsonNode direct = ok(FAR.chat(FAR.apiKey(), "\"temperature\":0"));
        HttpResponse<String> response = chat("far", ",\"temperature\":0");
        JsonNode through = ok(response);
        assertThat(through.get("model").asString()).isEqualTo("far");
        assertThat(through.at("/choices/0/message/content").asString())
                .isEqualTo(direct.at("/choices/0/message/content").asString())
                .isNotBlank();
        assertThat(through.at("/choices/0/finish_reason")).isEqualTo(direct.at("/choices/0/finish_reason"));
        assertThat(through.at("/usage/prompt_tokens")).isEqualTo(direct.at("/usage/prompt_tokens"));
        assertThat(through.at("/usage/completion_tokens")).isEqualTo(direct.at("/usage/completion_tokens"));
        Map<String, Object> row = row(response);
        assertThat(row.get("prompt_tokens"))
                .isEqualTo(direct.at("/usage/prompt_tokens").asInt());
        assertThat(row.get("completion_tokens"))
                .isEqualTo(direct.at("/usage/completion_tokens").asInt());
        assertThat(row.get("model")).isEqualTo("far");
        assertThat(row.get("status")).isEqualTo("completed");
        assertThat(row.get("ttft_micros")).isNotNull();
    }

    @Test
    void streams_completions_choices_and_lengths_come_through() {
        String stream = chat("far", ",\"temperature\":0,\"stream\":true,\"stream_options\":{\"include_usage\":true}")
                .body();
        StringBuilder text = new StringBuilder();
        JsonNode usage = null;
        for (String line : stream.lines().filter(l -> l.startsWith("data: {")).toList()) {
            JsonNode chunk = tools.jackson.databind.json.JsonMapper.shared().readTree(line.substring(6));
            text.append(chunk.at("/choices/0/delta/content").asString(""));
            usage = chunk.path("usage").isObject() ? chunk.get("usage") : usage;
        }
        assertThat(stream).endsWith("data: [DONE]\n\n");
        assertThat(text.toString())
                .isEqualTo(ok(FAR.chat(FAR.apiKey(), "\"temperature\":0"))
                        .at("/choices/0/message/content")
                        .asString());
        assertThat(usage.get("completion_tokens").asInt()).isPositive();
        String fields = "\"prompt\":\"Once upon a time\",\"temperature\":0,\"max_tokens\":7}";
        JsonNode completion = ok(server.post("/v1/completions", key, "{\"model\":\"far\"," + fields));
        assertThat(completion.at("/choices/0/text"))
                .isEqualTo(ok(FAR.post("/v1/completions", FAR.apiKey(), "{\"model\":\"demo-base\"," + fields))
                        .at("/choices/0/text"));
        assertThat(completion.at("/choices/0/finish_reason").asString()).isEqualTo("length");
        assertThat(completion.at("/usage/completion_tokens").asInt()).isEqualTo(7);
        JsonNode two = ok(chat("far", ",\"n\":2,\"max_tokens\":5,\"seed\":1"));
        assertThat(two.get("choices")).hasSize(2);
        assertThat(error(chat("far", ",\"logprobs\":true"), 400).get("param").asString())
                .isEqualTo("logprobs");
        assertThat(server.get("/v1/models", key).body()).contains("\"far\"").contains("\"demo-base\"");
        assertThat(ok(server.get("/v1/models/far", key)).get("context_length").asInt())
                .isEqualTo(2048);
    }

    @Test
    void who_goes_away_ends_the_work_at_the_other_server_too() throws Exception {
        HttpRequest request = server.request("/v1/chat/completions", key)
                .header("Content-Type", "application/json")
                .POST(HttpRequest.BodyPublishers.ofString(
                        "{\"model\":\"far\",\"stream\":true,\"max_tokens\":900,\"logit_bias\":{\"1535\":-100,\"1534\":-100,\"1533\":-100},"
                                + ASKED + "}"))
                .build();
        HttpResponse<InputStream> response = server.http().send(request, HttpResponse.BodyHandlers.ofInputStream());
        try (InputStream body = response.body()) {
            body.readNBytes(400);
            assertThat(upstream("far").inFlight()).isEqualTo(1);
        }
        TestServer.await("nothing runs there", () -> upstream("far").inFlight() == 0);
        UUID id = UUID.fromString(response.headers().firstValue("x-request-id").orElseThrow());
        JdbcClient there = FAR.service(JdbcClient.class);
        TestServer.await(
                "it is settled there as cancelled",
                () -> there.sql(
                                "select status from usage_record where prompt_tokens > 0 and completion_tokens between 1 and 899"
                                        + " and model = 'demo-base' and status = 'cancelled' order by arrived_at desc limit 1")
                        .query(String.class)
                        .optional()
                        .isPresent());
        JdbcClient here = server.service(JdbcClient.class);
        TestServer.await(
                "and here",
                () -> here.sql("select status from usage_record where request_id = :id")
                        .param("id", id)
                        .query(String.class)
                        .optional()
                        .filter("cancelled"::equals)
                        .isPresent());
    }

    @Test
    void a_server_that_stops_cuts_its_answers_off_and_leaves_nothing_behind(@TempDir Path other) throws Exception {
        AtomicInteger there = new AtomicInteger();
        FAULT.set(e -> {
            there.incrementAndGet();
            e.getResponseHeaders().set("Content-Type", "text/event-stream");
            e.sendResponseHeaders(200, 0);
            try (OutputStream out = e.getResponseBody()) {
                while (true) {
                    out.write(("data: " + text("on ") + "\n\n").getBytes(StandardCharsets.UTF_8));
                    out.flush();
                    Thread.sleep(20);
                }
            } catch (IOException | InterruptedException gone) {
                there.decrementAndGet();
            }
        });
        HttpResponse<InputStream> response;
        try (TestServer stops = new TestServer(other, Map.of("drain", "100ms"))) {
            stops.service(Upstreams.class)
                    .create("faulty", new Upstream(faultyUrl(), "m", 100_000, 1), null, Actor.SYSTEM);
            String own = stops.newKey("stops", "faulty");
            TestServer.await(
                    "it is served", () -> stops.get("/v1/models", own).body().contains("faulty"));
            response = stops.http()
                    .send(
                            stops.request("/v1/chat/completions", own)
                                    .header("Content-Type", "application/json")
                                    .POST(HttpRequest.BodyPublishers.ofString(
                                            "{\"model\":\"faulty\",\"stream\":true," + ASKED + "}"))
                                    .build(),
                            HttpResponse.BodyHandlers.ofInputStream());
            assertThat(response.statusCode()).isEqualTo(200);
            response.body().readNBytes(300);
        }
        assertThat(new String(response.body().readAllBytes(), StandardCharsets.UTF_8))
                .contains("shutting down");
        TestServer.await("nobody makes tokens there", () -> there.get() == 0);
    }

    private static Fault streaming(String... chunks) {
        return exchange -> {
            exchange.getResponseHeaders().set("Content-Type", "text/event-stream");
            exchange.sendResponseHeaders(200, 0);
            try (OutputStream out = exchange.getResponseBody()) {
                for (String chunk : chunks) {
                    out.write(("data: " + chunk + "\n\n").getBytes(StandardCharsets.UTF_8));
                    out.flush();
                }
            }
        };
    }

    private static String text(String text) {
        return "{\"choices\":[{\"index\":0,\"delta\":{\"content\":\"" + text + "\"}}]}";
    }

    @Test
    void a_server_that_fails_is_told_of_in_words_and_costs_nothing() {
        FAULT.set(e -> send(e, 500, "text/html", "<h1>secret stack trace</h1>"));
        HttpResponse<String> response = chat("faulty", "");
        assertThat(error(response, 503).get("message").asString())
                .contains("status 500")
                .doesNotContain("secret");
        assertThat(row(response)).containsEntry("status", "failed").containsEntry("prompt_tokens", 0);
        FAULT.set(e -> send(e, 401, "application/json", "{\"error\":{\"message\":\"bad key sk-faulty\"}}"));
        assertThat(error(chat("faulty", ""), 503).toString())
                .contains("status 401")
                .doesNotContain("sk-faulty");
        FAULT.set(e -> {
            e.getResponseHeaders().set("Retry-After", "7");
            send(e, 429, "application/json", "{}");
        });
        HttpResponse<String> busy = chat("faulty", "");
        assertThat(error(busy, 503).get("code").asString()).isEqualTo("overloaded");
        assertThat(busy.headers().firstValue("retry-after")).hasValue("7");
        FAULT.set(e -> send(
                e, 400, "application/json", "{\"error\":{\"message\":\"too long for me\",\"param\":\"messages\"}}"));
        JsonNode refused = error(chat("faulty", ",\"stream\":true"), 400);
        assertThat(refused.get("message").asString()).contains("too long for me");
        assertThat(refused.get("param").asString()).isEqualTo("messages");
        FAULT.set(e -> send(e, 200, "application/json", "{\"choices\":[]}"));
        assertThat(error(chat("faulty", ""), 503).get("message").asString()).contains("not a stream");
        FAULT.set(streaming("this is not JSON"));
        assertThat(error(chat("faulty", ""), 503).get("message").asString()).contains("not JSON");
        FAULT.set(streaming("{\"error\":{\"message\":\"out of memory at 0x1\"}}"));
        assertThat(error(chat("faulty", ""), 503).get("message").asString()).doesNotContain("0x1");
        FAULT.set(streaming("{\"choices\":[{\"index\":0,\"delta\":{}},{\"index\":1,\"delta\":{}}]}"));
        error(chat("faulty", ""), 503);
        FAULT.set(streaming(
                "[]", "{}", "{\"choices\":{}}", "{\"choices\":[{\"index\":-1,\"delta\":{\"content\":\"x\"}}]}"));
        error(chat("faulty", ""), 503);
        TestServer.await("nothing runs there", () -> upstream("faulty").inFlight() == 0);
    }

    @Test
    void an_answer_that_breaks_off_is_no_whole_answer_and_what_was_made_is_settled() {
        FAULT.set(streaming(text("one "), text("two ")));
        HttpResponse<String> whole = chat("faulty", "");
        assertThat(error(whole, 503).get("message").asString()).contains("broke the answer off");
        assertThat(row(whole)).containsEntry("status", "failed").containsEntry("completion_tokens", 2);
        HttpResponse<String> stream = chat("faulty", ",\"stream\":true");
        assertThat(stream.body())
                .contains("one ")
                .contains("broke the answer off")
                .doesNotContain("[DONE]");
        CountDownLatch hangs = new CountDownLatch(1);
        FAULT.set(e -> {
            e.getResponseHeaders().set("Content-Type", "text/event-stream");
            e.sendResponseHeaders(200, 0);
            e.getResponseBody().write(("data: " + text("and ") + "\n\n").getBytes(StandardCharsets.UTF_8));
            e.getResponseBody().flush();
            try {
                hangs.await();
            } catch (InterruptedException interrupted) {
                Thread.currentThread().interrupt();
            }
        });
        assertThat(chat("faulty", ",\"stream\":true").body()).contains("and ").contains("broke the answer off");
        hangs.countDown();
        TestServer.await("nothing runs there", () -> upstream("faulty").inFlight() == 0);
    }

    @Test
    void connections_are_used_again() {
        java.util.Set<Integer> ports = java.util.concurrent.ConcurrentHashMap.newKeySet();
        FAULT.set(e -> {
            ports.add(e.getRemoteAddress().getPort());
            streaming(
                            text("x"),
                            "{\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}",
                            "{\"choices\":[],\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":1}}",
                            "[DONE]")
                    .answer(e);
        });
        for (int i = 0; i < 6; i++) {
            assertThat(ok(chat("faulty", "")).at("/usage/prompt_tokens").asInt())
                    .isEqualTo(3);
            TestServer.await("it is over there", () -> upstream("faulty").inFlight() == 0);
        }
        assertThat(ports).hasSizeLessThan(4);
    }

    @Test
    void an_answer_is_cut_where_what_was_reserved_ends() {
        List<String> chunks = new ArrayList<>();
        for (int i = 0; i < 50; i++) {
            chunks.add(text("word "));
        }
        FAULT.set(streaming(chunks.toArray(String[]::new)));
        JsonNode answer = ok(chat("faulty", ",\"max_tokens\":10"));
        assertThat(answer.at("/choices/0/message/content").asString()).isEqualTo("word ".repeat(10));
        assertThat(answer.at("/choices/0/finish_reason").asString()).isEqualTo("length");
    }

    @Test
    void it_is_given_no_more_at_a_time_than_it_takes_and_the_others_wait_their_turn() throws Exception {
        CountDownLatch open = new CountDownLatch(1);
        AtomicInteger now = new AtomicInteger();
        AtomicInteger most = new AtomicInteger();
        FAULT.set(e -> {
            most.accumulateAndGet(now.incrementAndGet(), Math::max);
            try {
                open.await();
            } catch (InterruptedException interrupted) {
                Thread.currentThread().interrupt();
            }
            now.decrementAndGet();
            streaming(text("here"), "{\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}", "[DONE]")
                    .answer(e);
        });
        List<CompletableFuture<HttpResponse<String>>> all = new ArrayList<>();
        for (int i = 0; i < 5; i++) {
            all.add(CompletableFuture.supplyAsync(
                    () -> chat("faulty", ""), Executors.newVirtualThreadPerTaskExecutor()));
        }
        TestServer.await("two are there", () -> now.get() == 2);
        open.countDown();
        for (CompletableFuture<HttpResponse<String>> each : all) {
            assertThat(ok(each.get()).at("/choices/0/message/content").asString())
                    .isEqualTo("here");
        }
        assertThat(most.get()).isEqualTo(2);
    }

    @Test
    void a_reader_that_is_slow_slows_the_other_server_and_fills_no_memory() throws Exception {
        AtomicLong written = new AtomicLong();
        String chunk = "data: " + text("x".repeat(1000)) + "\n\n";
        FAULT.set(e -> {
            e.getResponseHeaders().set("Content-Type", "text/event-stream");
            e.sendResponseHeaders(200, 0);
            try (OutputStream out = e.getResponseBody()) {
                for (int i = 0; i < 40_000; i++) {
                    out.write(chunk.getBytes(StandardCharsets.UTF_8));
                    written.addAndGet(chunk.length());
                }
            }
        });
        HttpRequest request = server.request("/v1/chat/completions", key)
                .header("Content-Type", "application/json")
                .POST(HttpRequest.BodyPublishers.ofString("{\"model\":\"faulty\",\"stream\":true," + ASKED + "}"))
                .build();
        HttpResponse<InputStream> response = server.http().send(request, HttpResponse.BodyHandlers.ofInputStream());
        long last = -1;
        long seen = 0;
        while (last != seen) {
            Thread.sleep(300);
            last = seen;
            seen = written.get();
        }
        assertThat(seen).as("of forty megabytes").isLessThan(39_000_000);
        response.body().close();
        TestServer.await("nothing runs there", () -> upstream("faulty").inFlight() == 0);
    }

    @Test
    void a_server_that_is_away_is_an_alarm_and_refuses_at_once_until_it_is_back() throws Exception {
        int port;
        try (ServerSocket free = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            port = free.getLocalPort();
        }
        server.service(Upstreams.class)
                .create("away", new Upstream("http://127.0.0.1:" + port + "/v1", "m", 4096, 2), null, Actor.SYSTEM);
        server.service(Catalog.class)
                .grant(
                        server.service(io.ashlar.identity.Tenants.class)
                                .named("upstreams", Actor.SYSTEM)
                                .orElseThrow()
                                .id(),
                        "away",
                        Actor.SYSTEM);
        awaitState("away", UpstreamHealth.State.DOWN);
        TestServer.await("it is granted", () -> chat("away", "").statusCode() != 404);
        HttpResponse<String> response = chat("away", "");
        assertThat(error(response, 503).get("message").asString()).contains("does not answer");
        assertThat(response.headers().firstValue("retry-after")).isPresent();
        List<Alarm> alarms = server.service(Alarms.class).now(Actor.SYSTEM);
        assertThat(alarms)
                .anyMatch(a -> a.name().equals("upstream:away") && a.text().contains("is down"));
        HttpServer back = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), port), 0);
        back.createContext("/v1/models", exchange -> send(exchange, 200, "application/json", "{}"));
        back.createContext(
                "/v1/chat/completions",
                exchange -> streaming(
                                text("back"), "{\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}")
                        .answer(exchange));
        back.start();
        try {
            server.service(Serving.class).look();
            awaitState("away", UpstreamHealth.State.UP);
            assertThat(ok(chat("away", "")).at("/choices/0/message/content").asString())
                    .isEqualTo("back");
        } finally {
            back.stop(0);
        }
        server.service(Catalog.class).delete("away", Actor.SYSTEM);
        TestServer.await("it is gone", () -> chat("away", "").statusCode() == 404);
    }

    @Test
    void its_key_is_shown_to_nobody() {
        byte[] stored = server.service(JdbcClient.class)
                .sql("select upstream_key from deployment where name = 'faulty'")
                .query(byte[].class)
                .single();
        assertThat(new String(stored, StandardCharsets.ISO_8859_1)).doesNotContain("sk-faulty");
        assertThat(server.service(Upstreams.class).upstreamKey("faulty")).isEqualTo("sk-faulty");
        for (String path : List.of("deployments", "serving", "audit", "configuration")) {
            assertThat(server.get("/admin/v1/" + path, server.adminKey()).body())
                    .contains("faulty")
                    .doesNotContain("sk-faulty");
        }
    }

    private static HttpResponse<String> admin(String method, String path, String body) {
        return server.send(server.request("/admin/v1" + path, server.adminKey())
                .header("Content-Type", "application/json")
                .method(method, HttpRequest.BodyPublishers.ofString(body))
                .build());
    }

    @Test
    void the_admin_api_makes_and_changes_them_and_a_file_repeats_them() {
        String upstream =
                "\"upstream\":{\"url\":\"http://127.0.0.1:9/v1/\",\"model\":\"m\",\"context\":100,\"key\":\"sk-1\"}";
        JsonNode made = ok(admin("POST", "/deployments", "{\"name\":\"by-api\"," + upstream + "}"));
        assertThat(made.at("/upstream/url").asString()).isEqualTo("http://127.0.0.1:9/v1");
        assertThat(made.at("/upstream/most").asInt()).isEqualTo(Upstream.USUALLY_MOST);
        ok(admin(
                "PUT",
                "/deployments/by-api",
                "{" + upstream.replace("100", "200").replace(",\"key\":\"sk-1\"", "") + "}"));
        assertThat(server.service(Upstreams.class).upstreamKey("by-api")).isEqualTo("sk-1");
        ok(admin("PUT", "/deployments/by-api", "{" + upstream.replace("sk-1", "") + ",\"draining\":true}"));
        assertThat(server.service(Upstreams.class).upstreamKey("by-api")).isNull();
        assertThat(error(admin("PUT", "/deployments/by-api", "{\"policy\":\"fcfs\"}"), 400)
                        .get("param")
                        .asString())
                .isEqualTo("policy");
        assertThat(error(
                                admin(
                                        "POST",
                                        "/deployments",
                                        "{\"name\":\"x\",\"model\":\"demo-base\"," + upstream + "}"),
                                400)
                        .get("param")
                        .asString())
                .isEqualTo("model");
        assertThat(error(admin("PUT", "/deployments/demo-base", "{" + upstream + "}"), 400)
                        .get("param")
                        .asString())
                .isEqualTo("upstream");
        for (String url :
                List.of("ftp://x/v1", "http://", "http://user:pass@host/v1", "http://h/v1?key=1", "nonsense here")) {
            assertThatThrownBy(() -> Upstream.checked(url, "m", 10, 1))
                    .isInstanceOfSatisfying(
                            InvalidRequestException.class,
                            e -> assertThat(e.field()).isEqualTo("upstream.url"));
        }
        Blueprints blueprints = server.service(Blueprints.class);
        assertThat(blueprints.apply(blueprints.export(Actor.SYSTEM), false, Actor.SYSTEM))
                .isEmpty();
        assertThat(admin("DELETE", "/deployments/by-api", "").statusCode()).isEqualTo(204);
    }
}
