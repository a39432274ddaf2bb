package io.ashlar.api;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.openai.client.OpenAIClient;
import com.openai.client.okhttp.OpenAIOkHttpClient;
import com.openai.core.http.StreamResponse;
import com.openai.errors.BadRequestException;
import com.openai.errors.NotFoundException;
import com.openai.errors.UnauthorizedException;
import com.openai.models.chat.completions.ChatCompletion;
import com.openai.models.chat.completions.ChatCompletionChunk;
import com.openai.models.chat.completions.ChatCompletionCreateParams;
import com.openai.models.completions.CompletionCreateParams;
import io.ashlar.app.TestServer;
import org.junit.jupiter.api.Test;

/** The official OpenAI SDK for Java, unchanged, against a running server. */
class OpenAiSdkTest {
    private final TestServer server = TestServer.shared();
    private final OpenAIClient client = client(server.apiKey());

    private OpenAIClient client(String key) {
        return OpenAIOkHttpClient.builder()
                .apiKey(key)
                .baseUrl(server.apiUrl() + "/v1")
                .build();
    }

    private static ChatCompletionCreateParams.Builder question(String model) {
        return ChatCompletionCreateParams.builder()
                .model(model)
                .temperature(0)
                .addUserMessage("What is the capital of Japan?");
    }

    @Test
    void lists_models() {
        assertThat(client.models().list().data().stream().map(m -> m.id())).contains("demo-base", "demo-pirate");
        assertThat(client.models().retrieve("demo-base").id()).isEqualTo("demo-base");
    }

    @Test
    void chats() {
        ChatCompletion answer =
                client.chat().completions().create(question("demo-base").build());
        assertThat(answer.choices().getFirst().message().content()).contains("The capital of Japan is Tokyo.");
        assertThat(answer.usage().orElseThrow().totalTokens()).isEqualTo(23);
    }

    @Test
    void streams() {
        StringBuilder text = new StringBuilder();
        try (StreamResponse<ChatCompletionChunk> stream = client.chat()
                .completions()
                .createStreaming(question("demo-pirate").build())) {
            stream.stream()
                    .flatMap(c -> c.choices().stream())
                    .forEach(c -> c.delta().content().ifPresent(text::append));
        }
        assertThat(text).hasToString("Arr! The capital of Japan be Tokyo. Yo ho!");
    }

    @Test
    void completes() {
        var answer = client.completions()
                .create(CompletionCreateParams.builder()
                        .model("demo-base")
                        .prompt("The capital of")
                        .maxTokens(3)
                        .build());
        assertThat(answer.choices()).hasSize(1);
    }

    @Test
    void understands_errors() {
        assertThatThrownBy(() -> client("ash_wrong").models().list()).isInstanceOf(UnauthorizedException.class);
        assertThatThrownBy(() ->
                        client.chat().completions().create(question("gpt-5").build()))
                .isInstanceOf(NotFoundException.class)
                .hasMessageContaining("does not exist");
        assertThatThrownBy(() -> client.chat()
                        .completions()
                        .create(question("demo-base").topLogprobs(3).build()))
                .isInstanceOf(BadRequestException.class)
                .hasMessageContaining("top_logprobs");
    }

    /** The SDK repeats what was refused with 503 and Retry-After; the server opens again in between. */
    @Test
    void retries_what_was_refused_for_now() {
        try (TestServer small = smallServer()) {
            OpenAIClient retrying = OpenAIOkHttpClient.builder()
                    .apiKey(small.apiKey())
                    .baseUrl(small.apiUrl() + "/v1")
                    .maxRetries(5)
                    .build();
            var limit = small.service(io.ashlar.quota.ConcurrencyLimit.class);
            var tenant = small.service(io.ashlar.identity.Tenants.class)
                    .named("demo", io.ashlar.access.Actor.SYSTEM)
                    .orElseThrow()
                    .id();
            assertThat(limit.enter(tenant)).isTrue();
            assertThat(small.chat(small.apiKey(), "").statusCode()).isEqualTo(429);
            assertThat(small.chat(small.apiKey(), "").headers().firstValue("Retry-After"))
                    .contains("1");
            Thread.ofVirtual().start(() -> {
                // Frees the place once the SDK has been refused at least once.
                TestServer.await("a refusal", () -> small.service(Intake.class).inFlight() == 0);
                limit.leave(tenant);
            });
            ChatCompletion answer =
                    retrying.chat().completions().create(question("demo-base").build());
            assertThat(answer.choices().getFirst().message().content()).isPresent();
        }
    }

    private static TestServer smallServer() {
        try {
            return new TestServer(
                    java.nio.file.Files.createTempDirectory("ashlar-small"),
                    java.util.Map.of("quota.requests-in-flight", "1"));
        } catch (java.io.IOException e) {
            throw new java.io.UncheckedIOException(e);
        }
    }
}
