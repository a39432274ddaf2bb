package io.ashlar.serving;

import static io.ashlar.app.TestServer.json;
import static org.assertj.core.api.Assertions.assertThat;

import io.ashlar.app.TestServer;
import java.net.http.HttpResponse;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Models that do not fit in memory together, and adapters, of which only those in use are there. */
class SleepingModelsTest {
    private static final Map<String, String> ANSWERS = Map.of(
            "demo-base", "The capital of Japan is Tokyo.",
            "demo-pirate", "Arr!",
            "demo-brief", "Tokyo.",
            "demo-draft", "The capital of Japan is Tokyo.");

    private static HttpResponse<String> ask(TestServer server, String model) {
        return server.post(
                "/v1/chat/completions",
                server.apiKey(),
                "{\"model\":\"" + model + "\",\"temperature\":0,\"messages\":[{\"role\":\"user\",\"content\":"
                        + "\"What is the capital of Japan?\"}]}");
    }

    private static ServedModel.Readiness readiness(TestServer server, String model) {
        return ((ServedModel) server.service(Serving.class).find(model)).readiness();
    }

    @Test
    void models_take_turns_in_memory_and_every_request_is_answered(@TempDir Path data) throws Exception {
        long limit = 9_000_000;
        try (TestServer server = new TestServer(data, Map.of("engine.weight-memory", limit + "B"))) {
            assertThat(readiness(server, "demo-base")).isEqualTo(ServedModel.Readiness.READY);
            assertThat(readiness(server, "demo-pirate")).isEqualTo(ServedModel.Readiness.ASLEEP);
            for (String model : List.of("demo-pirate", "demo-base", "demo-draft", "demo-pirate", "demo-base")) {
                HttpResponse<String> response = ask(server, model);
                assertThat(response.statusCode()).as(response.body()).isEqualTo(200);
                assertThat(json(response).at("/choices/0/message/content").asString())
                        .startsWith(ANSWERS.get(model));
                assertThat(readiness(server, model)).isEqualTo(ServedModel.Readiness.READY);
                assertThat(server.service(Serving.class).weightBytes()).isLessThanOrEqualTo(limit);
            }
            assertThat(readiness(server, "demo-pirate")).isEqualTo(ServedModel.Readiness.ASLEEP);
        }
    }

    @Test
    void an_adapter_comes_at_its_first_request_and_others_do_not_wait(@TempDir Path data) throws Exception {
        try (TestServer server = new TestServer(data, Map.of());
                ExecutorService clients = Executors.newFixedThreadPool(8)) {
            assertThat(readiness(server, "demo-brief")).isEqualTo(ServedModel.Readiness.ASLEEP);
            List<String> models = new ArrayList<>();
            List<Callable<HttpResponse<String>>> asks = new ArrayList<>();
            for (int i = 0; i < 24; i++) {
                String model = i % 3 == 0 ? "demo-base" : i % 3 == 1 ? "demo-brief" : "demo-pirate";
                models.add(model);
                asks.add(() -> ask(server, model));
            }
            List<Future<HttpResponse<String>>> answers = clients.invokeAll(asks);
            for (int i = 0; i < answers.size(); i++) {
                HttpResponse<String> response = answers.get(i).get();
                assertThat(response.statusCode()).as(response.body()).isEqualTo(200);
                assertThat(json(response).at("/choices/0/message/content").asString())
                        .startsWith(ANSWERS.get(models.get(i)));
            }
            assertThat(readiness(server, "demo-brief")).isEqualTo(ServedModel.Readiness.READY);
        }
    }

    @Test
    void a_model_that_can_never_fit_is_refused_with_a_reason(@TempDir Path data) throws Exception {
        try (TestServer server = new TestServer(data, Map.of("engine.weight-memory", "2000000B"))) {
            HttpResponse<String> response = ask(server, "demo-base");
            assertThat(response.statusCode()).isEqualTo(503);
            assertThat(response.headers().firstValue("retry-after")).isPresent();
            assertThat(ask(server, "demo-draft").statusCode()).isEqualTo(200);
        }
    }
}
