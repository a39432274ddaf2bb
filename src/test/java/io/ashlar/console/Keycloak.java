package io.ashlar.console;

import io.ashlar.app.TestServer;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.URI;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import java.util.zip.ZipEntry;
import java.util.zip.ZipInputStream;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** A real Keycloak on loopback, with the realm of {@code keycloak/ashlar-realm.json}. */
final class Keycloak implements AutoCloseable {
    private static final Path DISTRIBUTION = Path.of("target/keycloak");

    private final HttpClient http = HttpClient.newHttpClient();
    private final Process process;
    private final int port;

    Keycloak(Path folder, String console) {
        try {
            Path home = unpack(folder);
            port = freePort();
            Path realm = home.resolve("data/import/ashlar-realm.json");
            Files.createDirectories(realm.getParent());
            try (InputStream in = Keycloak.class.getResourceAsStream("/keycloak/ashlar-realm.json")) {
                String text = new String(in.readAllBytes(), StandardCharsets.UTF_8);
                Files.writeString(realm, text.replace("CONSOLE", console));
            }
            ProcessBuilder builder = new ProcessBuilder(
                    "sh",
                    home.resolve("bin/kc.sh").toString(),
                    "start-dev",
                    "--http-host=127.0.0.1",
                    "--http-port=" + port,
                    "--hostname=http://127.0.0.1:" + port,
                    "--import-realm",
                    "--cache=local");
            builder.environment().put("JAVA_HOME", System.getProperty("java.home"));
            builder.environment().put("KC_BOOTSTRAP_ADMIN_USERNAME", "root");
            builder.environment().put("KC_BOOTSTRAP_ADMIN_PASSWORD", "root-password");
            builder.environment().put("JAVA_OPTS_APPEND", "-Xmx512m");
            process = builder.redirectErrorStream(true)
                    .redirectOutput(folder.resolve("keycloak.log").toFile())
                    .start();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static int freePort() throws IOException {
        try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            return socket.getLocalPort();
        }
    }

    private static Path unpack(Path folder) throws IOException {
        Path zip;
        try (var files = Files.list(DISTRIBUTION)) {
            zip = files.filter(f -> f.toString().endsWith(".zip")).findFirst().orElseThrow();
        }
        try (ZipInputStream in = new ZipInputStream(Files.newInputStream(zip))) {
            Path home = null;
            for (ZipEntry entry = in.getNextEntry(); entry != null; entry = in.getNextEntry()) {
                Path to = folder.resolve(entry.getName());
                if (entry.isDirectory()) {
                    Files.createDirectories(to);
                    home = home == null ? to : home;
                } else {
                    Files.createDirectories(to.getParent());
                    Files.copy(in, to);
                }
            }
            return home;
        }
    }

    String issuer() {
        return "http://127.0.0.1:" + port + "/realms/ashlar";
    }

    void awaitReady() {
        long deadline = System.nanoTime() + TimeUnit.MINUTES.toNanos(3);
        while (System.nanoTime() < deadline && process.isAlive()) {
            try {
                if (send(HttpRequest.newBuilder(URI.create(issuer() + "/.well-known/openid-configuration")))
                                .statusCode()
                        == 200) {
                    return;
                }
            } catch (UncheckedIOException e) {
                pause();
            }
        }
        throw new AssertionError("Keycloak did not start");
    }

    private static void pause() {
        try {
            Thread.sleep(200); // a process of its own starts: there is nothing to be told by
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private HttpResponse<String> send(HttpRequest.Builder request) {
        try {
            return http.send(request.build(), HttpResponse.BodyHandlers.ofString());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException(e);
        }
    }

    private static HttpRequest.BodyPublisher form(Map<String, String> fields) {
        return HttpRequest.BodyPublishers.ofString(fields.entrySet().stream()
                .map(f -> f.getKey() + "=" + URLEncoder.encode(f.getValue(), StandardCharsets.UTF_8))
                .collect(Collectors.joining("&")));
    }

    private JsonNode token(String realm, Map<String, String> fields) {
        HttpResponse<String> response = send(HttpRequest.newBuilder(
                        URI.create("http://127.0.0.1:" + port + "/realms/" + realm + "/protocol/openid-connect/token"))
                .header("Content-Type", "application/x-www-form-urlencoded")
                .POST(form(fields)));
        if (response.statusCode() != 200) {
            throw new AssertionError(response.body());
        }
        return JsonMapper.shared().readTree(response.body());
    }

    /** An access token, as a program of the user's gets it. */
    String accessToken(String client, String secret, String user) {
        return token(
                        "ashlar",
                        Map.of(
                                "grant_type",
                                "password",
                                "client_id",
                                client,
                                "client_secret",
                                secret,
                                "username",
                                user,
                                "password",
                                user + "-password",
                                "scope",
                                "openid"))
                .get("access_token")
                .asString();
    }

    /** Ends all of a user's sessions, as an administrator does it there. */
    void signOutThere(String user) {
        String admin = token(
                        "master",
                        Map.of(
                                "grant_type", "password",
                                "client_id", "admin-cli",
                                "username", "root",
                                "password", "root-password"))
                .get("access_token")
                .asString();
        String users = "http://127.0.0.1:" + port + "/admin/realms/ashlar/users";
        String id = JsonMapper.shared()
                .readTree(send(HttpRequest.newBuilder(URI.create(users + "?username=" + user))
                                .header("Authorization", "Bearer " + admin))
                        .body())
                .get(0)
                .get("id")
                .asString();
        send(HttpRequest.newBuilder(URI.create(users + "/" + id + "/logout"))
                .header("Authorization", "Bearer " + admin)
                .POST(HttpRequest.BodyPublishers.noBody()));
    }

    @Override
    public void close() {
        process.descendants().forEach(ProcessHandle::destroy);
        process.destroy();
        TestServer.await("the end of Keycloak", () -> !process.isAlive());
    }
}
