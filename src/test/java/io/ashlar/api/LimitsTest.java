package io.ashlar.api;

import static org.assertj.core.api.Assertions.assertThat;

import io.ashlar.app.TestServer;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;

/** Limits, service classes and explanations as callers and administrators meet them, over HTTP. */
class LimitsTest {
    private static final String ENDLESS =
            "\"temperature\":0.9,\"logit_bias\":{\"1535\":-100,\"1534\":-100,\"1533\":-100}";

    private final TestServer server = TestServer.shared();

    private static String unique(String name) {
        return name + "-" + UUID.randomUUID().toString().substring(0, 8);
    }

    private HttpResponse<String> admin(String method, String path, String body) {
        return server.send(server.request("/admin/v1" + path, server.adminKey())
                .header("Content-Type", "application/json")
                .method(method, HttpRequest.BodyPublishers.ofString(body))
                .build());
    }

    private JsonNode ok(HttpResponse<String> response) {
        assertThat(response.statusCode()).as(response.body()).isEqualTo(200);
        return TestServer.json(response);
    }

    private void limit(String tenant, String fields) {
        ok(admin("POST", "/tenants/" + tenant + "/limits", "{" + fields + "}"));
    }

    private static JsonNode error(HttpResponse<String> response, int status) {
        assertThat(response.statusCode()).as(response.body()).isEqualTo(status);
        return TestServer.json(response).get("error");
    }

    /** A limit is known everywhere within moments of the change. */
    private HttpResponse<String> chatUntil(int status, String key, String fields) {
        HttpResponse<String>[] last = new HttpResponse[1];
        TestServer.await("an answer of status " + status, () -> {
            last[0] = server.chat(key, fields);
            return last[0].statusCode() == status;
        });
        return last[0];
    }

    @Test
    void a_class_that_does_not_keep_what_it_promises_is_an_alarm() {
        String name = unique("hasty").replace('-', '_').substring(0, 12);
        ok(admin("PUT", "/service-classes/" + name, "{\"ttft_ms\":1,\"percentile\":99}"));
        String tenant = unique("hasty");
        String key = server.newKey(tenant, "demo-base");
        ok(admin("PUT", "/tenants/" + tenant, "{\"service_class\":\"" + name + "\"}"));
        TestServer.await("the class", () -> {
            HttpResponse<String> response = server.chat(key, "\"max_tokens\":1");
            return response.statusCode() == 200
                    && server.get("/admin/v1/alarms", server.adminKey()).body().contains("The class " + name + " kept");
        });
        assertThat(error(admin("DELETE", "/service-classes/" + name, ""), 400)
                        .get("message")
                        .asString())
                .contains("Tenants still have");
        ok(admin("PUT", "/tenants/" + tenant, "{\"service_class\":\"standard\"}"));
        assertThat(admin("DELETE", "/service-classes/" + name, "").statusCode()).isEqualTo(204);
        TestServer.await(
                "the alarm to go with its class",
                () -> !server.get("/admin/v1/alarms", server.adminKey())
                        .body()
                        .contains("The class " + name + " kept"));
    }

    @Test
    void requests_per_minute_are_refused_with_all_that_a_caller_needs_to_know() {
        String tenant = unique("rpm");
        String key = server.newKey(tenant, "demo-base");
        limit(tenant, "\"kind\":\"requests_per_minute\",\"amount\":2");
        HttpResponse<String> refused = chatUntil(429, key, "\"max_tokens\":1");
        JsonNode error = error(refused, 429);
        assertThat(error.get("code").asString()).isEqualTo("rate_limit_exceeded");
        assertThat(error.get("message").asString())
                .contains("2 requests per minute of the tenant '" + tenant + "'")
                .contains("resets in");
        assertThat(refused.headers().firstValueAsLong("retry-after").orElse(0)).isBetween(1L, 60L);
        assertThat(refused.headers().firstValue("x-ratelimit-limit-requests")).contains("2");
        assertThat(refused.headers().firstValue("x-ratelimit-remaining-requests"))
                .contains("0");
        assertThat(refused.headers().firstValue("x-ratelimit-reset-requests").orElse(""))
                .matches("\\d+s|\\d+ms");
        // On every answer, whatever it is.
        assertThat(server.get("/v1/models", key).headers().firstValue("x-ratelimit-limit-requests"))
                .contains("2");
        assertThat(server.post("/v1/chat/completions", key, "{").headers().firstValue("x-ratelimit-limit-requests"))
                .contains("2");
    }

    @Test
    void one_tenant_s_limit_and_flood_are_nothing_to_another() {
        String limited = unique("limited");
        String key = server.newKey(limited, "demo-base");
        String other = server.newKey(unique("other"), "demo-base");
        limit(limited, "\"kind\":\"requests_per_minute\",\"amount\":1");
        chatUntil(429, key, "\"max_tokens\":1");
        HttpResponse<String> answer = server.chat(other, "\"max_tokens\":1");
        assertThat(answer.statusCode()).isEqualTo(200);
        assertThat(answer.headers().firstValue("x-ratelimit-limit-requests")).isEmpty();
    }

    @Test
    void tokens_are_reserved_at_their_most_and_settled_exactly() {
        String tenant = unique("tpm");
        String key = server.newKey(tenant, "demo-base");
        server.chat(key, "\"max_tokens\":1");
        limit(tenant, "\"kind\":\"tokens_per_day\",\"amount\":400,\"warn_percent\":[10]");
        HttpResponse<String> tooMuch = chatUntil(429, key, "\"max_tokens\":390");
        assertThat(error(tooMuch, 429).get("message").asString()).contains("The request alone may need");
        HttpResponse<String> answer = server.chat(key, "\"max_tokens\":40");
        long used = ok(answer).get("usage").get("total_tokens").asLong();
        assertThat(answer.headers().firstValue("x-ashlar-quota-warning").orElse(""))
                .contains("10% of 400 tokens per day");
        TestServer.await("the settled count", () -> {
            JsonNode limits = ok(admin("GET", "/tenants/" + tenant + "/limits", ""));
            return limits.get("data").get(0).path("used").asLong() == used;
        });
        assertThat(error(server.chat(key, "\"max_tokens\":380"), 429)
                        .get("code")
                        .asString())
                .isEqualTo("insufficient_quota");
        TestServer.await(
                "the warning",
                () -> ok(admin("GET", "/tenants/" + tenant + "/warnings", ""))
                                .get("data")
                                .size()
                        == 1);
    }

    @Test
    void a_client_that_goes_away_is_settled_with_what_was_made() {
        String tenant = unique("gone");
        String key = server.newKey(tenant, "demo-base");
        server.chat(key, "\"max_tokens\":1");
        limit(tenant, "\"kind\":\"completion_tokens_per_minute\",\"amount\":100000");
        CompletableFuture<HttpResponse<java.io.InputStream>> stream = server.http()
                .sendAsync(
                        server.request("/v1/chat/completions", key)
                                .header("Content-Type", "application/json")
                                .POST(HttpRequest.BodyPublishers.ofString(
                                        "{\"model\":\"demo-base\",\"stream\":true,\"max_tokens\":900,"
                                                + "\"messages\":[{\"role\":\"user\",\"content\":\"Hi\"}]," + ENDLESS
                                                + "}"))
                                .build(),
                        HttpResponse.BodyHandlers.ofInputStream());
        try (java.io.InputStream body = stream.join().body()) {
            assertThat(body.read(new byte[200])).isPositive();
        } catch (java.io.IOException e) {
            throw new java.io.UncheckedIOException(e);
        }
        TestServer.await("what was not made is given back", () -> {
            JsonNode limits = ok(admin("GET", "/tenants/" + tenant + "/limits", ""));
            long used = limits.get("data").get(0).path("used").asLong();
            return used < 900;
        });
    }

    @Test
    void concurrent_requests_and_largest_prompts_and_answers_are_bounded() {
        String tenant = unique("bounds");
        String key = server.newKey(tenant, "demo-base");
        limit(tenant, "\"kind\":\"largest_output\",\"amount\":7");
        JsonNode wrong = error(chatUntil(400, key, "\"max_tokens\":8"), 400);
        assertThat(wrong.get("code").asString()).isEqualTo("output_too_long");
        assertThat(wrong.get("param").asString()).isEqualTo("max_tokens");
        // Who does not say how long is held to it.
        assertThat(ok(server.chat(key, ENDLESS))
                        .get("usage")
                        .get("completion_tokens")
                        .asInt())
                .isEqualTo(7);
        limit(tenant, "\"kind\":\"largest_prompt\",\"amount\":3");
        assertThat(error(chatUntil(400, key, "\"max_tokens\":1"), 400)
                        .get("code")
                        .asString())
                .isEqualTo("prompt_too_long");
        String second = unique("concurrent");
        String secondKey = server.newKey(second, "demo-base");
        limit(second, "\"kind\":\"concurrent_requests\",\"amount\":0");
        assertThat(error(chatUntil(429, secondKey, "\"max_tokens\":1"), 429)
                        .get("code")
                        .asString())
                .isEqualTo("concurrency_limit");
    }

    @Test
    void a_class_that_waits_queues_instead_of_refusing() {
        ok(admin(
                "PUT",
                "/service-classes/patient",
                "{\"order\":3,\"ttft_ms\":0,\"tpot_ms\":0,\"queue_length\":10,\"queue_seconds\":60}"));
        String tenant = unique("patient");
        String key = server.newKey(tenant, "demo-base");
        server.chat(key, "\"max_tokens\":1");
        limit(tenant, "\"kind\":\"concurrent_requests\",\"amount\":1");
        String body = "{\"model\":\"demo-base\",\"max_tokens\":60,\"service_tier\":\"patient\","
                + "\"messages\":[{\"role\":\"user\",\"content\":\"Hi\"}]," + ENDLESS + "}";
        TestServer.await("the limit", () -> {
            List<CompletableFuture<HttpResponse<String>>> answers = new ArrayList<>();
            for (int i = 0; i < 5; i++) {
                answers.add(send(key, body));
            }
            answers.forEach(
                    a -> assertThat(a.join().statusCode()).as(a.join().body()).isEqualTo(200));
            List<CompletableFuture<HttpResponse<String>>> impatient = new ArrayList<>();
            for (int i = 0; i < 5; i++) {
                impatient.add(send(key, body.replace("\"service_tier\":\"patient\",", "")));
            }
            return impatient.stream().anyMatch(a -> a.join().statusCode() == 429);
        });
        assertThat(ok(server.post("/v1/chat/completions", key, body))
                        .get("service_tier")
                        .asString())
                .isEqualTo("patient");
    }

    private CompletableFuture<HttpResponse<String>> send(String key, String body) {
        return server.http()
                .sendAsync(
                        server.request("/v1/chat/completions", key)
                                .header("Content-Type", "application/json")
                                .POST(HttpRequest.BodyPublishers.ofString(body))
                                .build(),
                        HttpResponse.BodyHandlers.ofString());
    }

    @Test
    void a_request_may_ask_for_a_lower_class_but_not_for_a_higher_one() {
        String tenant = unique("tier");
        String key = server.newKey(tenant, "demo-base");
        assertThat(ok(server.chat(key, "\"max_tokens\":1,\"service_tier\":\"flex\""))
                        .get("service_tier")
                        .asString())
                .isEqualTo("batch");
        assertThat(ok(server.chat(key, "\"max_tokens\":1,\"service_tier\":\"auto\""))
                        .get("service_tier")
                        .asString())
                .isEqualTo("standard");
        assertThat(ok(server.chat(key, "\"max_tokens\":1")).has("service_tier")).isFalse();
        JsonNode higher = error(server.chat(key, "\"max_tokens\":1,\"service_tier\":\"priority\""), 400);
        assertThat(higher.get("param").asString()).isEqualTo("service_tier");
        assertThat(higher.get("message").asString()).contains("higher than the tenant's own, 'standard'");
        assertThat(error(server.chat(key, "\"max_tokens\":1,\"service_tier\":\"gold\""), 400)
                        .get("message")
                        .asString())
                .contains("auto, default, flex, priority or one of interactive, standard, batch");
        ok(admin("PUT", "/tenants/" + tenant, "{\"service_class\":\"interactive\",\"weight\":2.5}"));
        chatUntil(200, key, "\"max_tokens\":1,\"service_tier\":\"priority\"");
    }

    @Test
    void what_happened_to_a_request_is_explained_by_its_id_without_its_content() {
        String tenant = unique("explained");
        String key = server.newKey(tenant, "demo-base");
        HttpResponse<String> answer = server.chat(key, "\"max_tokens\":5");
        ok(answer);
        String id = answer.headers().firstValue("x-request-id").orElseThrow();
        HttpResponse<String> explained = admin("GET", "/requests/" + id, "");
        JsonNode timeline = ok(explained);
        assertThat(timeline.get("tenant").asString()).isEqualTo(tenant);
        assertThat(timeline.get("service_class").asString()).isEqualTo("standard");
        List<String> what = new ArrayList<>();
        timeline.get("events").forEach(e -> what.add(e.get("what").asString()));
        assertThat(what).startsWith("queued", "admitted").contains("prefilled").endsWith("ended");
        assertThat(explained.body()).doesNotContain("capital").doesNotContain("Japan");
        limit(tenant, "\"kind\":\"requests_per_minute\",\"amount\":0");
        String refused = chatUntil(429, key, "\"max_tokens\":1")
                .headers()
                .firstValue("x-request-id")
                .orElseThrow();
        TestServer.await(
                "the refusal", () -> admin("GET", "/requests/" + refused, "").statusCode() == 200);
        assertThat(ok(admin("GET", "/requests/" + refused, "")).get("refused").asString())
                .contains("requests per minute");
        assertThat(error(admin("GET", "/requests/" + UUID.randomUUID(), ""), 404)
                        .get("code")
                        .asString())
                .isEqualTo("not_found");
    }

    @Test
    void a_policy_is_chosen_for_a_model_while_it_serves() {
        for (String policy : List.of("\"fcfs\"", "\"vtc\"", "\"slo-odbs\"", "\"mlfq\"", "null")) {
            ok(admin("PUT", "/policies", "{\"model\":\"demo-base\",\"policy\":" + policy + "}"));
            assertThat(server.chat(server.apiKey(), "\"max_tokens\":3").statusCode())
                    .isEqualTo(200);
        }
        JsonNode wrong = error(admin("PUT", "/policies", "{\"model\":\"demo-base\",\"policy\":\"best\"}"), 400);
        assertThat(wrong.get("param").asString()).isEqualTo("policy");
        assertThat(error(admin("PUT", "/policies", "{\"model\":\"none\",\"policy\":null}"), 404)
                        .get("param")
                        .asString())
                .isEqualTo("model");
    }

    @Test
    void prices_and_budgets_are_set_and_what_is_wrong_is_named() {
        ok(admin(
                "PUT",
                "/prices",
                "{\"model\":\"demo-draft\",\"prompt\":1000000,\"cached\":100000,\"completion\":4000000}"));
        assertThat(ok(admin("GET", "/prices", "")).toString()).contains("\"completion\":4000000");
        Map<String, String> wrong = Map.of(
                "{\"kind\":\"sometimes\",\"amount\":1}", "kind",
                "{\"kind\":\"tokens_per_day\"}", "amount",
                "{\"kind\":\"tokens_per_day\",\"amount\":-4}", "amount",
                "{\"kind\":\"tokens_per_day\",\"amount\":1,\"warn_percent\":[0]}", "warn_percent",
                "{\"kind\":\"tokens_per_day\",\"amount\":1,\"key\":\"me\"}", "key",
                "{\"kind\":\"tokens_per_day\",\"amount\":1,\"model\":\"none\"}", "model");
        wrong.forEach((body, field) -> assertThat(error(admin("POST", "/tenants/demo/limits", body), 400)
                        .get("param")
                        .asString())
                .isEqualTo(field));
        assertThat(error(admin("GET", "/tenants/nobody/limits", ""), 404)
                        .get("param")
                        .asString())
                .isEqualTo("tenant");
        assertThat(error(admin("PUT", "/service-classes/standard", "{\"order\":99}"), 400)
                        .get("param")
                        .asString())
                .isEqualTo("order");
        assertThat(error(admin("DELETE", "/service-classes/standard", ""), 400)
                        .get("message")
                        .asString())
                .contains("new tenants get");
    }

    @Test
    void the_admin_api_opens_to_admin_keys_only_and_the_api_to_tenants_only() {
        for (String path : List.of("/tenants", "/scheduler", "/requests", "/prices", "/service-classes", "/nothing")) {
            assertThat(server.get("/admin/v1" + path, server.apiKey()).statusCode())
                    .as(path)
                    .isEqualTo(401);
            assertThat(server.get("/admin/v1" + path, null).statusCode())
                    .as(path)
                    .isEqualTo(401);
        }
        assertThat(server.get("/v1/models", server.adminKey()).statusCode()).isEqualTo(401);
        assertThat(server.chat(server.adminKey(), "").statusCode()).isEqualTo(401);
        assertThat(admin("GET", "/nothing", "").statusCode()).isEqualTo(404);
        assertThat(admin("GET", "/scheduler", "").statusCode()).isEqualTo(200);
    }

    @Test
    void meters_tell_what_each_tenant_got() {
        String tenant = unique("metered");
        String key = server.newKey(tenant, "demo-base");
        ok(server.chat(key, "\"max_tokens\":5"));
        TestServer.await(
                "the meters",
                () -> scrape().contains(
                                "ashlar_request_ttft_seconds_count{class=\"standard\",model=\"demo-base\",tenant=\""
                                        + tenant + "\"} 1"));
        assertThat(scrape())
                .contains(
                        "ashlar_request_targets_total{class=\"standard\",model=\"demo-base\",result=\"kept\",tenant=\""
                                + tenant)
                .contains("ashlar_step_cost_error")
                .contains("ashlar_prediction_error_tokens");
    }

    private String scrape() {
        return server.send(HttpRequest.newBuilder(
                                java.net.URI.create(server.server().managementUrl() + "/prometheus"))
                        .build())
                .body();
    }
}
