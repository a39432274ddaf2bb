package io.ashlar.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** Ashlar serving as a process of its own, ready. */
final class ServingProcess {
    final Process process;
    /** The API's address, with its version. */
    final String api;
    /** What its first start wrote down. */
    final Map<String, String> first = new HashMap<>();

    private final HttpClient http = HttpClient.newHttpClient();

    /** @param environment added to this process's own */
    ServingProcess(Path data, Map<String, String> environment) throws IOException {
        ProcessBuilder builder = new ProcessBuilder(command(
                        "serve",
                        "--data",
                        data.toString(),
                        "--api-port",
                        "0",
                        "--console-port",
                        "0",
                        "--management-port",
                        "0"))
                .redirectErrorStream(true);
        builder.environment().putAll(environment);
        process = builder.start();
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
        if (address == null) {
            process.destroy();
        }
        assertThat(address).as(all.toString()).isNotNull();
        api = address;
        Thread.ofVirtual().start(() -> out.lines().forEach(l -> {}));
        Path facts = data.resolve("first-start.txt");
        if (Files.exists(facts)) {
            for (String line : Files.readAllLines(facts)) {
                first.put(line.split("=", 2)[0], line.split("=", 2)[1]);
            }
        }
    }

    static List<String> command(String... arguments) {
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

    HttpRequest chat(String model, String fields) {
        return chat(first.get("api_key"), model, fields);
    }

    HttpRequest chat(String key, String model, String fields) {
        return post(
                key,
                "/chat/completions",
                "{\"model\":\"" + model + "\",\"temperature\":0,\"messages\":[{\"role\":\"user\","
                        + "\"content\":\"Tell me a story about an owl.\"}]" + fields + "}");
    }

    HttpRequest post(String key, String path, String body) {
        return HttpRequest.newBuilder(URI.create(api + path))
                .header("Authorization", "Bearer " + key)
                .header("Content-Type", "application/json")
                .POST(HttpRequest.BodyPublishers.ofString(body))
                .build();
    }

    HttpResponse<String> send(HttpRequest request) {
        try {
            return http.send(request, HttpResponse.BodyHandlers.ofString());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    HttpResponse<String> answer(String model) {
        return send(chat(model, ""));
    }
}
