package io.ashlar.api;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.ashlar.access.Actor;
import io.ashlar.access.NotPermittedException;
import io.ashlar.access.Role;
import io.ashlar.app.TestServer;
import io.ashlar.audit.AuditFilter;
import io.ashlar.audit.AuditLog;
import io.ashlar.identity.Tenant;
import io.ashlar.identity.Tenants;
import io.ashlar.serving.RequestLog;
import io.ashlar.serving.Transcript;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;

/** What the admin API promises of every operation: once for a key, never over somebody else's change, in pages, described. */
class AdminApiTest {
    private final TestServer server = TestServer.shared();

    private HttpResponse<String> send(String method, String path, String body, Map<String, String> headers) {
        HttpRequest.Builder request = server.request("/admin/v1" + path, server.adminKey())
                .header("Content-Type", "application/json")
                .method(method, HttpRequest.BodyPublishers.ofString(body));
        headers.forEach(request::header);
        return server.send(request.build());
    }

    private HttpResponse<String> send(String method, String path, String body) {
        return send(method, path, body, Map.of());
    }

    private static String unique(String prefix) {
        return prefix + "-" + UUID.randomUUID().toString().substring(0, 8);
    }

    @Test
    void a_tenant_gets_from_nothing_to_a_working_key_and_back() {
        String name = unique("api");
        assertThat(send("POST", "/tenants", "{\"name\":\"" + name + "\",\"models\":[\"demo-base\"],\"weight\":2}")
                        .statusCode())
                .isEqualTo(200);
        assertThat(send("POST", "/tenants/" + name + "/projects", "{\"name\":\"web\"}")
                        .statusCode())
                .isEqualTo(200);
        JsonNode made =
                TestServer.json(send("POST", "/tenants/" + name + "/keys", "{\"name\":\"ci\",\"project\":\"web\"}"));
        String key = made.get("key").asString();
        assertThat(server.chat(key, "\"max_tokens\":1").statusCode()).isEqualTo(200);
        assertThat(send("GET", "/tenants/" + name + "/keys", "").body())
                .contains("\"created_by\":\"admin key first key\"")
                .doesNotContain(key);
        assertThat(send("DELETE", "/tenants/" + name + "/keys/" + made.get("id").asString(), "")
                        .statusCode())
                .isEqualTo(204);
        TestServer.await(
                "the key to be refused", () -> server.get("/v1/models", key).statusCode() == 401);
        assertThat(send("DELETE", "/tenants/" + name + "/projects/web", "").statusCode())
                .isEqualTo(400); // it had a key
        assertThat(send("PUT", "/tenants/" + name, "{\"status\":\"suspended\"}").body())
                .contains("\"status\":\"suspended\"");
        assertThat(server.service(AuditLog.class)
                        .latest(Actor.SYSTEM, new AuditFilter("", "tenant.suspend", name), Long.MAX_VALUE, 1)
                        .getFirst())
                .satisfies(e -> {
                    assertThat(e.before()).containsEntry("status", "active");
                    assertThat(e.after()).containsEntry("status", "suspended");
                    assertThat(e.origin()).isEqualTo("127.0.0.1");
                    assertThat(e.actor()).isEqualTo("admin key first key");
                });
    }

    @Test
    void a_request_with_an_idempotency_key_happens_once() {
        String name = unique("once");
        send("POST", "/tenants", "{\"name\":\"" + name + "\"}");
        Map<String, String> key = Map.of("Idempotency-Key", unique("k"));
        String path = "/tenants/" + name + "/keys";
        HttpResponse<String> first = send("POST", path, "{\"name\":\"a\"}", key);
        HttpResponse<String> second = send("POST", path, "{\"name\":\"a\"}", key);
        assertThat(first.statusCode()).isEqualTo(200);
        assertThat(second.body()).isEqualTo(first.body());
        assertThat(TestServer.json(send("GET", path, "")).get("data").size()).isEqualTo(1);
        HttpResponse<String> other = send("POST", path, "{\"name\":\"b\"}", key);
        assertThat(other.statusCode()).isEqualTo(400);
        assertThat(TestServer.json(other).get("error").get("param").asString()).isEqualTo("Idempotency-Key");
    }

    @Test
    void a_change_of_what_somebody_else_changed_meanwhile_is_refused() {
        String name = unique("etag");
        send("POST", "/tenants", "{\"name\":\"" + name + "\"}");
        String seen =
                send("GET", "/tenants/" + name, "").headers().firstValue("ETag").orElseThrow();
        assertThat(send("GET", "/tenants/" + name, "", Map.of("If-None-Match", seen))
                        .statusCode())
                .isEqualTo(304);
        Map<String, String> asSeen = Map.of("If-Match", seen);
        assertThat(send("PUT", "/tenants/" + name, "{\"weight\":3}", asSeen).statusCode())
                .isEqualTo(200);
        HttpResponse<String> late = send("PUT", "/tenants/" + name, "{\"weight\":4}", asSeen);
        assertThat(late.statusCode()).isEqualTo(412);
        assertThat(send("GET", "/tenants/" + name, "").body()).contains("\"weight\":3.0");
    }

    @Test
    void a_change_that_fails_half_way_leaves_nothing() {
        String name = unique("half");
        HttpResponse<String> refused =
                send("POST", "/tenants", "{\"name\":\"" + name + "\",\"models\":[\"demo-base\",\"none\"]}");
        assertThat(refused.statusCode()).isEqualTo(400);
        assertThat(send("GET", "/tenants/" + name, "").statusCode()).isEqualTo(404);
    }

    @Test
    void lists_come_in_pages_that_together_are_the_whole() {
        String prefix = unique("page");
        for (int i = 0; i < 5; i++) {
            send("POST", "/tenants", "{\"name\":\"" + prefix + i + "\"}");
        }
        List<String> names = new ArrayList<>();
        String after = "";
        do {
            JsonNode page = TestServer.json(send("GET", "/tenants?limit=2&name=" + prefix + "&after=" + after, ""));
            page.get("data").forEach(t -> names.add(t.get("name").asString()));
            after = page.get("next").isNull() ? "" : page.get("next").asString();
        } while (!after.isEmpty());
        assertThat(names).hasSize(5).doesNotHaveDuplicates();
        assertThat(send("GET", "/tenants?limit=5000", "").statusCode()).isEqualTo(400);
    }

    @Test
    void wrong_bodies_are_told_with_the_field() {
        Map<String, String> wrong = Map.of(
                "{\"name\":7}", "name",
                "{}", "name",
                "{\"name\":\"x\",\"nmae\":\"y\"}", "nmae",
                "{\"name\":\"x\",\"models\":[1]}", "models[0]",
                "[]", "body",
                "{\"name\"", "body");
        wrong.forEach((body, field) -> {
            HttpResponse<String> response = send("POST", "/tenants", body);
            assertThat(response.statusCode()).as(body).isEqualTo(400);
            assertThat(TestServer.json(response).get("error").get("param").asString())
                    .isEqualTo(field);
        });
    }

    @Test
    void the_description_names_every_operation_and_its_records() {
        JsonNode api = TestServer.json(send("GET", "/openapi.json", ""));
        assertThat(api.get("openapi").asString()).startsWith("3.1");
        JsonNode create = api.get("paths").get("/admin/v1/tenants").get("post");
        assertThat(create.get("requestBody").toString()).contains("#/components/schemas/NewTenant");
        assertThat(api.get("components")
                        .get("schemas")
                        .get("NewTenant")
                        .get("required")
                        .toString())
                .isEqualTo("[\"name\"]");
        assertThat(api.get("paths").size()).isGreaterThan(25);
        assertThat(server.get("/admin/v1/openapi.json", null).statusCode()).isEqualTo(401);
        assertThat(server.get("/admin/v1/openapi.json", server.apiKey()).statusCode())
                .isEqualTo(401);
    }

    /** An answer that ends on another thread than its connection's leaves, now and then, the next request unread. */
    @Test
    void a_connection_is_read_again_after_every_answer() {
        for (int i = 0; i < 300; i++) {
            assertThat(send("GET", "/openapi.json", "").statusCode()).isEqualTo(200);
            assertThat(send("GET", "/usage.csv?by=model", "").statusCode()).isEqualTo(200);
            assertThat(send("GET", "/tenants/nobody", "").statusCode()).isEqualTo(404);
            assertThat(server.get("/admin/v1/tenants", server.apiKey()).statusCode())
                    .isEqualTo(401);
        }
    }

    @Test
    void usage_is_reported_as_it_is_in_the_ledger() {
        String name = unique("used");
        send("POST", "/tenants", "{\"name\":\"" + name + "\",\"models\":[\"demo-base\"]}");
        String key = TestServer.json(send("POST", "/tenants/" + name + "/keys", "{\"name\":\"k\"}"))
                .get("key")
                .asString();
        for (int i = 0; i < 3; i++) {
            server.chat(key, "\"max_tokens\":2");
        }
        JsonNode[] line = new JsonNode[1];
        TestServer.await("the ledger", () -> {
            JsonNode data = TestServer.json(send("GET", "/usage?by=model&tenant=" + name, ""))
                    .get("data");
            line[0] = data.isEmpty() ? null : data.get(0);
            return line[0] != null && line[0].get("requests").intValue() == 3;
        });
        assertThat(line[0].get("name").asString()).isEqualTo("demo-base");
        assertThat(line[0].get("completion_tokens").intValue()).isBetween(3, 6);
        assertThat(send("GET", "/usage.csv?by=key&tenant=" + name, "").body())
                .startsWith("key,requests,failed")
                .contains("\r\nk,3,0,");
    }

    @Test
    void what_is_said_is_kept_only_where_the_tenant_wants_that() {
        String name = unique("said");
        JsonNode tenant =
                TestServer.json(send("POST", "/tenants", "{\"name\":\"" + name + "\",\"models\":[\"demo-base\"]}"));
        String key = TestServer.json(send("POST", "/tenants/" + name + "/keys", "{\"name\":\"k\"}"))
                .get("key")
                .asString();
        RequestLog log = server.service(RequestLog.class);
        Tenant known = server.service(Tenants.class).named(name, Actor.SYSTEM).orElseThrow();
        assertThat(log.transcript(request(server.chat(key, "\"max_tokens\":6")), known, Actor.SYSTEM))
                .isNull();
        send("PUT", "/tenants/" + name, "{\"logs_content\":true}");
        Transcript[] kept = new Transcript[1];
        TestServer.await("the setting to hold", () -> {
            kept[0] = log.transcript(request(server.chat(key, "\"max_tokens\":6")), known, Actor.SYSTEM);
            return kept[0] != null;
        });
        assertThat(kept[0].asked()).contains("capital of Japan");
        assertThat(kept[0].answered()).isNotBlank();
        UUID streamed = request(server.chat(key, "\"max_tokens\":6,\"stream\":true"));
        assertThat(log.transcript(streamed, known, Actor.SYSTEM).answered()).isNotBlank();
        Tenant demo = server.service(Tenants.class).named("demo", Actor.SYSTEM).orElseThrow();
        assertThat(log.transcript(streamed, demo, Actor.SYSTEM)).isNull();
        Actor viewer = new Actor(
                "v", Role.TENANT_VIEWER, UUID.fromString(tenant.get("id").asString()), "");
        assertThatThrownBy(() -> log.transcript(streamed, known, viewer)).isInstanceOf(NotPermittedException.class);
    }

    private static UUID request(HttpResponse<String> response) {
        assertThat(response.statusCode()).isEqualTo(200);
        return UUID.fromString(response.headers().firstValue("x-request-id").orElseThrow());
    }

    @Test
    void a_model_is_imported_with_progress_and_serves() throws Exception {
        Path folder = Path.of("src/main/resources/demo-models/demo-brief").toAbsolutePath();
        String name = unique("imported");
        JsonNode begun = TestServer.json(send(
                "POST", "/imports", "{\"path\":\"" + folder + "\",\"name\":\"" + name + "\",\"base\":\"demo-base\"}"));
        String[] state = new String[1];
        TestServer.await("the import to end", () -> {
            state[0] = TestServer.json(send("GET", "/imports/" + begun.get("id").asString(), ""))
                    .get("state")
                    .asString();
            return !state[0].equals("running");
        });
        assertThat(state[0]).isEqualTo("done");
        assertThat(send("GET", "/models", "").body()).contains(name);
        assertThat(send("DELETE", "/models/" + name, "").statusCode()).isEqualTo(200);
        assertThat(send("POST", "/imports", "{\"path\":\"relative\",\"name\":\"x\"}")
                        .body())
                .contains("\"param\":\"path\"");
    }

    /** An import holds the zoo and waits to be audited; a removal must not hold the audit log while it waits for the zoo. */
    @Test
    void a_model_is_removed_while_another_is_imported() {
        Path folder = Path.of("src/main/resources/demo-models/demo-draft").toAbsolutePath();
        String last = begunAndDone(folder, unique("first"));
        for (int i = 0; i < 5; i++) {
            String name = unique("next");
            JsonNode begun = TestServer.json(
                    send("POST", "/imports", "{\"path\":\"" + folder + "\",\"name\":\"" + name + "\"}"));
            assertThat(send("DELETE", "/models/" + last, "").statusCode()).isEqualTo(200);
            awaitDone(begun);
            last = name;
        }
        HttpResponse<String> once = send("DELETE", "/models/" + last, "", Map.of("Idempotency-Key", "x"));
        assertThat(TestServer.json(once).get("error").get("param").asString()).isEqualTo("Idempotency-Key");
        assertThat(send("DELETE", "/models/" + last, "").statusCode()).isEqualTo(200);
    }

    private String begunAndDone(Path folder, String name) {
        awaitDone(TestServer.json(send("POST", "/imports", "{\"path\":\"" + folder + "\",\"name\":\"" + name + "\"}")));
        return name;
    }

    private void awaitDone(JsonNode begun) {
        TestServer.await(
                "the import",
                () -> TestServer.json(send("GET", "/imports/" + begun.get("id").asString(), ""))
                        .get("state")
                        .asString()
                        .equals("done"));
    }

    @Test
    void what_the_console_shows_live_is_told_too() {
        server.chat(server.apiKey(), "\"max_tokens\":2");
        TestServer.await(
                "the last minute",
                () -> TestServer.json(send("GET", "/overview", ""))
                                .get("requests_per_second")
                                .asDouble()
                        > 0);
        JsonNode overview = TestServer.json(send("GET", "/overview", ""));
        assertThat(overview.at("/ttft_ms/p95").asDouble()).isPositive();
        assertThat(overview.at("/tokens_of_tenants/demo").asLong()).isPositive();
        assertThat(overview.get("weight_bytes").asLong()).isPositive();
        JsonNode scheduler = TestServer.json(send("GET", "/scheduler", ""));
        assertThat(scheduler.at("/engines/0/busy_seconds").asDouble()).isPositive();
        assertThat(scheduler.at("/engines/0/step_cost_ns/base").isNumber()).isTrue();
        assertThat(send("GET", "/serving", "").body()).contains("\"demo-base\",\"state\":\"ready\"");
        JsonNode chains = TestServer.json(send("GET", "/chains", "")).get("data");
        assertThat(chains.findValuesAsString("name")).contains("demo-base", "demo-pirate");
        assertThat(chains.toString()).contains("[\"demo-base\",\"demo-pirate\"]");
    }
}
