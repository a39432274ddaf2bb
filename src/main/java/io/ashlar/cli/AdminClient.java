package io.ashlar.cli;

import io.ashlar.access.InvalidRequestException;
import io.ashlar.database.StartFailure;
import io.ashlar.document.Documents;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import tools.jackson.databind.JsonNode;

/** The admin API of a running server. */
final class AdminClient {
    private static final Duration LONGEST = Duration.ofMinutes(2);

    private final URI base;
    private final String key;

    AdminClient(String url, String key) {
        try {
            this.base = URI.create(url.replaceAll("/+$", "") + "/admin/v1");
        } catch (IllegalArgumentException e) {
            throw new InvalidRequestException("url", "--url must be an address such as http://127.0.0.1:8080.");
        }
        this.key = key;
    }

    byte[] get(String path) {
        return send(request(path).GET());
    }

    byte[] put(String path, byte[] json) {
        return send(request(path)
                .header("Content-Type", "application/json")
                .PUT(HttpRequest.BodyPublishers.ofByteArray(json)));
    }

    private HttpRequest.Builder request(String path) {
        return HttpRequest.newBuilder(URI.create(base + path))
                .timeout(LONGEST)
                .header("Authorization", "Bearer " + key);
    }

    private byte[] send(HttpRequest.Builder request) {
        HttpResponse<byte[]> response;
        try (HttpClient http = HttpClient.newHttpClient()) {
            response = http.send(request.build(), HttpResponse.BodyHandlers.ofByteArray());
        } catch (IOException e) {
            throw new StartFailure("the server at " + base + " does not answer: " + e.getMessage(), e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new StartFailure("interrupted", e);
        }
        if (response.statusCode() != 200) {
            throw new InvalidRequestException("url", said(response));
        }
        return response.body();
    }

    private static String said(HttpResponse<byte[]> response) {
        String text = new String(response.body(), StandardCharsets.UTF_8);
        JsonNode error = text.startsWith("{") ? Documents.parse(text).path("error") : Documents.parse("{}");
        return error.path("message").asString("The server answered with status " + response.statusCode() + ".");
    }
}
