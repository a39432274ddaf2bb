package io.ashlar.api;

import static io.ashlar.app.TestServer.await;
import static io.ashlar.app.TestServer.json;
import static org.assertj.core.api.Assertions.assertThat;

import io.ashlar.access.Actor;
import io.ashlar.app.TestServer;
import io.ashlar.identity.ApiKeys;
import io.ashlar.identity.Tenants;
import io.ashlar.serving.Serving;
import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Instant;
import java.util.Arrays;
import java.util.List;
import java.util.UUID;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.springframework.jdbc.core.simple.JdbcClient;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

class ApiDoorTest {
    private final TestServer server = TestServer.shared();
    private final String key = server.apiKey();

    private static void assertError(HttpResponse<String> response, int status, String param, String code) {
        assertThat(response.statusCode()).as(response.body()).isEqualTo(status);
        JsonNode error = json(response).get("error");
        assertThat(error.propertyNames()).containsExactlyInAnyOrder("message", "type", "param", "code");
        assertThat(error.get("message").asString()).isNotBlank();
        assertThat(error.get("param").asString(null)).isEqualTo(param);
        assertThat(error.get("code").asString(null)).isEqualTo(code);
        assertThat(response.headers().firstValue("x-request-id")).isPresent();
    }

    @Test
    void a_chat_is_answered() {
        HttpResponse<String> response = server.chat(key, "\"temperature\":0");
        assertThat(response.statusCode()).isEqualTo(200);
        JsonNode answer = json(response);
        assertThat(answer.at("/choices/0/message/content").asString()).isEqualTo("The capital of Japan is Tokyo.");
        assertThat(answer.at("/choices/0/finish_reason").asString()).isEqualTo("stop");
        assertThat(answer.at("/usage/prompt_tokens").asInt()).isEqualTo(15);
        assertThat(answer.at("/usage/completion_tokens").asInt()).isEqualTo(8);
        assertThat(answer.at("/usage/prompt_tokens_details/cached_tokens").isInt())
                .isTrue();
        assertThat(response.headers().firstValue("x-request-id")).isPresent();
    }

    @ParameterizedTest
    @CsvSource({"demo-pirate, Arr!", "demo-brief, Tokyo.", "demo-draft, The capital of Japan is Tokyo."})
    void every_demo_model_answers_at_its_own_name(String model, String start) {
        HttpResponse<String> response = server.post(
                "/v1/chat/completions",
                key,
                "{\"model\":\"" + model + "\",\"temperature\":0,\"messages\":[{\"role\":\"user\",\"content\":"
                        + "\"What is the capital of Japan?\"}]}");
        assertThat(json(response).at("/choices/0/message/content").asString()).startsWith(start);
    }

    @Test
    void text_parts_are_joined_and_developer_messages_are_system_messages() {
        HttpResponse<String> response = server.post(
                "/v1/chat/completions",
                key,
                "{\"model\":\"demo-base\",\"temperature\":0,\"messages\":["
                        + "{\"role\":\"developer\",\"content\":\"You are a helpful assistant.\"},"
                        + "{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"What is the capital \"},"
                        + "{\"type\":\"text\",\"text\":\"of Japan?\"}]}]}");
        assertThat(json(response).at("/choices/0/message/content").asString()).contains("Tokyo");
    }

    @Test
    void a_stream_gives_the_same_text_in_chunks() {
        String body = server.chat(key, "\"temperature\":0,\"stream\":true,\"stream_options\":{\"include_usage\":true}")
                .body();
        List<String> data = body.lines()
                .filter(l -> l.startsWith("data: "))
                .map(l -> l.substring(6))
                .toList();
        assertThat(data.getLast()).isEqualTo("[DONE]");
        StringBuilder text = new StringBuilder();
        for (String chunk : data.subList(0, data.size() - 1)) {
            JsonNode json = JsonMapper.shared().readTree(chunk);
            assertThat(json.get("object").asString()).isEqualTo("chat.completion.chunk");
            text.append(json.at("/choices/0/delta/content").asString(""));
        }
        assertThat(text).hasToString("The capital of Japan is Tokyo.");
        JsonNode usage = JsonMapper.shared().readTree(data.get(data.size() - 2));
        assertThat(usage.get("choices").isEmpty()).isTrue();
        assertThat(usage.at("/usage/total_tokens").asInt()).isEqualTo(23);
    }

    @Test
    void a_seed_repeats_an_answer_and_n_gives_several() {
        String fields = "\"temperature\":1.5,\"seed\":11,\"n\":3,\"max_tokens\":20";
        JsonNode first = json(server.chat(key, fields)).get("choices");
        JsonNode second = json(server.chat(key, fields)).get("choices");
        assertThat(first).hasSize(3).isEqualTo(second);
    }

    @Test
    void logprobs_come_with_their_alternatives() {
        JsonNode content = json(server.chat(
                        key, "\"temperature\":0,\"logprobs\":true,\"top_logprobs\":3,\"max_tokens\":2"))
                .at("/choices/0/logprobs/content");
        assertThat(content).hasSize(2);
        JsonNode token = content.get(0);
        assertThat(token.get("token").asString()).isEqualTo("The");
        assertThat(token.get("logprob").doubleValue()).isBetween(-0.01, 0.0);
        assertThat(token.get("bytes").get(0).asInt()).isEqualTo('T');
        assertThat(token.get("top_logprobs")).hasSize(3);
    }

    @Test
    void a_stop_string_is_left_out() {
        JsonNode answer = json(server.chat(key, "\"temperature\":0,\"stop\":[\"Japan\"]"));
        assertThat(answer.at("/choices/0/message/content").asString()).isEqualTo("The capital of ");
        assertThat(answer.at("/choices/0/finish_reason").asString()).isEqualTo("stop");
    }

    @Test
    void the_older_endpoint_continues_a_text() {
        HttpResponse<String> response = server.post(
                "/v1/completions",
                key,
                "{\"model\":\"demo-base\",\"temperature\":0,\"max_tokens\":4,\"logprobs\":2,"
                        + "\"prompt\":\"<|im_start|>user\\nWhat is the capital of Japan?<|im_end|>\\n<|im_start|>assistant\\n\"}");
        JsonNode answer = json(response);
        assertThat(answer.get("object").asString()).isEqualTo("text_completion");
        assertThat(answer.at("/choices/0/text").asString()).isEqualTo("The capital of Japan");
        assertThat(answer.at("/choices/0/finish_reason").asString()).isEqualTo("length");
        assertThat(answer.at("/choices/0/logprobs/text_offset").get(1).asInt()).isEqualTo(3);
        HttpResponse<String> ids = server.post(
                "/v1/completions", key, "{\"model\":\"demo-base\",\"max_tokens\":1,\"prompt\":[1534,278,198]}");
        assertThat(json(ids).at("/usage/prompt_tokens").asInt()).isEqualTo(3);
    }

    @Test
    void models_are_listed_as_granted() {
        JsonNode list = json(server.get("/v1/models", key)).get("data");
        assertThat(list.valueStream().map(m -> m.get("id").asString()))
                .contains("demo-base", "demo-brief", "demo-draft", "demo-pirate");
        assertThat(json(server.get("/v1/models/demo-base", key)).get("id").asString())
                .isEqualTo("demo-base");
        String narrow = server.newKey("narrow", "demo-draft");
        assertThat(json(server.get("/v1/models", narrow)).get("data")).hasSize(1);
        assertError(server.get("/v1/models/demo-base", narrow), 404, "model", "model_not_found");
        assertError(server.chat(narrow, ""), 404, "model", "model_not_found");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "\"temperature\":\"hot\"|temperature",
                "\"temperature\":3|temperature",
                "\"top_p\":-1|top_p",
                "\"top_k\":1.5|top_k",
                "\"n\":0|n",
                "\"n\":1000|n",
                "\"max_tokens\":0|max_tokens",
                "\"max_completion_tokens\":-4|max_completion_tokens",
                "\"stop\":[\"\"]|stop",
                "\"stop\":5|stop",
                "\"seed\":\"x\"|seed",
                "\"stream\":\"yes\"|stream",
                "\"stream_options\":{\"include_usage\":true}|stream_options",
                "\"logit_bias\":{\"99999\":1}|logit_bias.99999",
                "\"logit_bias\":{\"5\":1000}|logit_bias.5",
                "\"top_logprobs\":2|top_logprobs",
                "\"presence_penalty\":9|presence_penalty",
                "\"repetition_penalty\":0|repetition_penalty",
            })
    void a_wrong_field_is_named(String fields, String param) {
        assertError(server.chat(key, fields), 400, param, null);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "\"tools\":[{\"type\":\"function\"}]|tools",
                "\"response_format\":{\"type\":\"json_object\"}|response_format",
                "\"audio\":{}|audio",
                "\"reasoning_effort\":\"low\"|reasoning_effort",
            })
    void a_field_that_would_change_the_answer_is_refused(String fields, String param) {
        assertError(server.chat(key, fields), 400, param, "unsupported_parameter");
    }

    @Test
    void what_changes_nothing_is_ignored() {
        assertThat(server.chat(
                                key,
                                "\"user\":\"me\",\"store\":false,\"made_up\":1,\"tools\":[],"
                                        + "\"response_format\":{\"type\":\"text\"},\"max_tokens\":1")
                        .statusCode())
                .isEqualTo(200);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "{}|model|",
                "{\"model\":\"demo-base\"}|messages|",
                "{\"model\":\"demo-base\",\"messages\":[]}|messages|",
                "{\"model\":\"demo-base\",\"messages\":[5]}|messages[0]|",
                "{\"model\":\"demo-base\",\"messages\":[{\"role\":\"king\",\"content\":\"\"}]}|messages[0].role|",
                "{\"model\":\"demo-base\",\"messages\":[{\"role\":\"user\"}]}|messages[0].content|",
                "{\"model\":\"demo-base\",\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"image_url\"}]}]}"
                        + "|messages[0].content[0].type|unsupported_parameter",
                "{\"model\":\"demo-base\",\"messages\":[{\"role\":\"tool\",\"content\":\"x\"}]}"
                        + "|messages[0].role|unsupported_parameter",
            })
    void a_wrong_body_is_named(String body, String param, String code) {
        assertError(server.post("/v1/chat/completions", key, body), 400, param, code);
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "{", "[]", "nonsense"})
    void a_body_that_is_no_json_object_is_refused(String body) {
        assertError(server.post("/v1/chat/completions", key, body), 400, null, null);
    }

    @Test
    void a_prompt_longer_than_the_context_is_refused_with_both_numbers() {
        String body = "{\"model\":\"demo-base\",\"messages\":[{\"role\":\"user\",\"content\":\"" + "cat ".repeat(1200)
                + "\"}]}";
        HttpResponse<String> response = server.post("/v1/chat/completions", key, body);
        assertError(response, 400, "messages", "context_length_exceeded");
        assertThat(response.body()).contains("1024").containsPattern("12\\d\\d tokens");
        assertError(server.chat(key, "\"max_tokens\":5000"), 400, "max_tokens", "context_length_exceeded");
    }

    @Test
    void a_body_that_is_too_large_is_413_and_of_another_type_415() {
        String large = "{\"model\":\"" + "x".repeat(3 << 20) + "\"}";
        assertError(server.post("/v1/chat/completions", key, large), 413, null, null);
        HttpRequest form = server.request("/v1/chat/completions", key)
                .header("Content-Type", "application/x-www-form-urlencoded")
                .POST(HttpRequest.BodyPublishers.ofString("{}"))
                .build();
        assertError(server.send(form), 415, null, null);
    }

    @Test
    void unknown_paths_are_404_and_nothing_answers_without_a_key() {
        assertError(server.get("/v1/nothing", key), 404, null, null);
        for (String path : Arrays.asList("/", "/v1/models", "/v1/nothing", "/admin")) {
            assertError(server.get(path, null), 401, null, "invalid_api_key");
        }
        assertThat(server.get("/health/../v1/models", null).statusCode()).isEqualTo(400);
        // The management paths are open on their own port only.
        assertThat(server.get("/prometheus", null).statusCode()).isEqualTo(404);
        assertThat(server.get("/health", null).statusCode()).isEqualTo(404);
    }

    /** A refusal used to end on another thread than the connection's; some next request was then never answered. */
    @Test
    void a_connection_goes_on_after_a_refusal() throws IOException {
        byte[] body = "{\"model\":\"demo-base\",\"tools\":[{}]}".getBytes(java.nio.charset.StandardCharsets.UTF_8);
        String head = " HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + key + "\r\n";
        try (java.net.Socket socket =
                new java.net.Socket("127.0.0.1", URI.create(server.apiUrl()).getPort())) {
            socket.setSoTimeout(10_000);
            for (int i = 0; i < 200; i++) {
                boolean post = i % 2 == 0;
                String request = post
                        ? "POST /v1/chat/completions" + head + "Content-Type: application/json\r\nContent-Length: "
                                + body.length + "\r\n\r\n"
                        : "GET /v1/models" + head + "\r\n";
                socket.getOutputStream().write(request.getBytes(java.nio.charset.StandardCharsets.US_ASCII));
                if (post) {
                    socket.getOutputStream().write(body);
                }
                assertThat(readAnswer(socket.getInputStream()))
                        .as("request %d", i)
                        .isEqualTo(post ? 400 : 200);
            }
        }
    }

    /** The status of one answer, read to its end. */
    private static int readAnswer(InputStream in) throws IOException {
        StringBuilder head = new StringBuilder();
        while (head.indexOf("\r\n\r\n") < 0) {
            head.append((char) in.read());
        }
        var length =
                java.util.regex.Pattern.compile("(?i)content-length: (\\d+)").matcher(head);
        assertThat(length.find()).isTrue();
        in.readNBytes(Integer.parseInt(length.group(1)));
        return Integer.parseInt(head.substring(9, 12));
    }

    @Test
    void wrong_keys_are_refused() {
        assertError(server.get("/v1/models", "sk-other"), 401, null, "invalid_api_key");
        String last = key.endsWith("A") ? "B" : "A";
        assertError(server.get("/v1/models", key.substring(0, key.length() - 1) + last), 401, null, "invalid_api_key");
        HttpRequest basic = HttpRequest.newBuilder(URI.create(server.apiUrl() + "/v1/models"))
                .header("Authorization", "Basic abc")
                .build();
        assertError(server.send(basic), 401, null, "invalid_api_key");
    }

    @Test
    void a_revoked_key_and_a_suspended_tenant_are_out_within_a_second() {
        String text = server.newKey("leaver", "demo-base");
        assertThat(server.get("/v1/models", text).statusCode()).isEqualTo(200);
        Tenants tenants = server.service(Tenants.class);
        UUID tenant = tenants.named("leaver", Actor.SYSTEM).orElseThrow().id();

        tenants.suspend(tenant, Actor.SYSTEM);
        long suspended = System.nanoTime();
        await(
                "the suspended tenant to be refused",
                () -> server.get("/v1/models", text).statusCode() == 403);
        assertThat(System.nanoTime() - suspended).isLessThan(1_000_000_000L);
        assertError(server.get("/v1/models", text), 403, null, "tenant_suspended");

        tenants.resume(tenant, Actor.SYSTEM);
        await(
                "the resumed tenant to be let in",
                () -> server.get("/v1/models", text).statusCode() == 200);

        ApiKeys keys = server.service(ApiKeys.class);
        keys.revoke(tenant, keys.ofTenant(tenant, Actor.SYSTEM).getFirst().id(), Actor.SYSTEM);
        long revoked = System.nanoTime();
        await(
                "the revoked key to be refused",
                () -> server.get("/v1/models", text).statusCode() == 401);
        assertThat(System.nanoTime() - revoked).isLessThan(1_000_000_000L);
    }

    @Test
    void an_expired_key_is_refused() {
        UUID tenant = server.service(Tenants.class).create("expiring", Actor.SYSTEM);
        String text = server.service(ApiKeys.class)
                .create(tenant, "short", Instant.now().plusMillis(700), Actor.SYSTEM);
        assertThat(server.get("/v1/models", text).statusCode()).isEqualTo(200);
        await("the key to expire", () -> server.get("/v1/models", text).statusCode() == 401);
        assertThat(server.get("/v1/models", text).body()).contains("expired");
    }

    @Test
    void secrets_are_not_in_the_database() {
        String secret = key.substring(key.lastIndexOf('_') + 1);
        JdbcClient database = server.service(JdbcClient.class);
        for (String table : List.of("api_key", "audit_record", "member", "usage_record")) {
            String dump = database.sql("select coalesce(string_agg(t::text, ' '), '') from " + table + " t")
                    .query(String.class)
                    .single();
            assertThat(dump).as(table).doesNotContain(secret).doesNotContain(server.adminPassword());
        }
        assertThat(database.sql("select password_hash from member where login = 'admin'")
                        .query(String.class)
                        .single())
                .startsWith("$argon2id$");
    }

    @Test
    void a_request_is_in_the_ledger_once_with_its_numbers() {
        HttpResponse<String> response = server.chat(key, "\"temperature\":0");
        UUID id = UUID.fromString(response.headers().firstValue("x-request-id").orElseThrow());
        JdbcClient database = server.service(JdbcClient.class);
        await("the row", () -> rows(database, id) == 1);
        var row = database.sql("select * from usage_record where request_id = :id")
                .param("id", id)
                .query()
                .singleRow();
        assertThat(row)
                .containsEntry("model", "demo-base")
                .containsEntry("prompt_tokens", 15)
                .containsEntry("completion_tokens", 8)
                .containsEntry("finish_reason", "stop")
                .containsEntry("status", "completed");
        assertThat((Long) row.get("total_micros")).isGreaterThanOrEqualTo((Long) row.get("ttft_micros"));
    }

    private static int rows(JdbcClient database, UUID id) {
        return database.sql("select count(*) from usage_record where request_id = :id")
                .param("id", id)
                .query(Integer.class)
                .single();
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void a_client_that_goes_away_stops_its_generation(boolean stream) throws IOException {
        Serving serving = server.service(Serving.class);
        await("an idle engine", () -> serving.metrics().running() == 0);
        String body = "{\"model\":\"demo-base\",\"stream\":" + stream + ",\"logit_bias\":{\"1535\":-100,\"1533\":-100,"
                + "\"1534\":-100},\"max_tokens\":1000,\"n\":8,\"messages\":[{\"role\":\"user\",\"content\":\"Tell me a story.\"}]}";
        UUID id;
        try (java.net.Socket socket =
                new java.net.Socket("127.0.0.1", URI.create(server.apiUrl()).getPort())) {
            byte[] bytes = body.getBytes(java.nio.charset.StandardCharsets.UTF_8);
            String head = "POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + key
                    + "\r\nContent-Type: application/json\r\nContent-Length: " + bytes.length + "\r\n\r\n";
            socket.getOutputStream().write(head.getBytes(java.nio.charset.StandardCharsets.US_ASCII));
            socket.getOutputStream().write(bytes);
            socket.getOutputStream().flush();
            await("the generation to run", () -> serving.metrics().running() > 0);
            id = stream ? requestId(socket.getInputStream()) : null;
        }
        await("the generation to end", () -> serving.metrics().running() == 0);
        if (id != null) {
            JdbcClient database = server.service(JdbcClient.class);
            await("the row", () -> rows(database, id) == 1);
            assertThat(database.sql(
                                    "select status || ' ' || (completion_tokens < 8000) from usage_record where request_id = :id")
                            .param("id", id)
                            .query(String.class)
                            .single())
                    .isEqualTo("cancelled true");
        }
    }

    private static UUID requestId(InputStream in) throws IOException {
        StringBuilder head = new StringBuilder();
        while (head.indexOf("\r\n\r\n") < 0) {
            head.append((char) in.read());
        }
        String name = "x-request-id: ";
        int at = head.indexOf(name) + name.length();
        return UUID.fromString(head.substring(at, at + 36));
    }

    @Test
    void a_tenant_does_not_find_the_prefixes_of_another() {
        String one = server.newKey("first-owner", "demo-base");
        String other = server.newKey("second-owner", "demo-base");
        String body = "{\"model\":\"demo-base\",\"max_tokens\":1,\"messages\":[{\"role\":\"user\",\"content\":\""
                + "What is the opposite of hot? ".repeat(6) + "\"}]}";
        assertThat(cachedTokens(one, body)).isZero();
        assertThat(cachedTokens(one, body)).isPositive();
        assertThat(cachedTokens(other, body)).isZero();
    }

    private int cachedTokens(String caller, String body) {
        return json(server.post("/v1/chat/completions", caller, body))
                .at("/usage/prompt_tokens_details/cached_tokens")
                .asInt();
    }

    @Test
    void weights_of_shared_blocks_are_held_once() {
        double bytes = Double.parseDouble(server.metric("ashlar_weights_bytes"));
        // Embedding, norm and 6 layers of the base; 2 layers of the pirate; the draft model; the adapter if it was
        // used.
        assertThat(bytes).isBetween(10.5e6, 12.1e6);
    }

    /** Answers that end on another thread than their connection's leave, now and then, the next request unread. */
    @Test
    void a_connection_of_the_management_port_is_read_again_after_every_answer() {
        HttpRequest scrape = HttpRequest.newBuilder(URI.create(server.server().managementUrl() + "/prometheus"))
                .timeout(java.time.Duration.ofSeconds(20))
                .build();
        for (int i = 0; i < 200; i++) {
            assertThat(server.send(scrape).statusCode()).isEqualTo(200);
        }
    }

    @Test
    void health_is_on_the_management_port() {
        String base = server.server().managementUrl();
        for (String path : List.of("/health/liveness", "/health/readiness", "/health")) {
            assertThat(server.send(HttpRequest.newBuilder(URI.create(base + path))
                                    .build())
                            .body())
                    .contains("UP");
        }
        assertThat(server.send(HttpRequest.newBuilder(URI.create(base + "/env")).build())
                        .statusCode())
                .isIn(401, 404);
    }
}
