package io.ashlar.console;

import static org.assertj.core.api.Assertions.assertThat;

import io.ashlar.app.TestServer;
import java.io.IOException;
import java.net.CookieManager;
import java.net.URI;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** How long a session of the console lasts, and how its doors are locked. */
class SessionLimitsTest {
    @TempDir
    static Path data;

    private final HttpClient http =
            HttpClient.newBuilder().cookieHandler(new CookieManager()).build();

    private HttpResponse<String> get(TestServer server, String path) {
        try {
            return http.send(
                    HttpRequest.newBuilder(URI.create(server.server().consoleUrl() + path))
                            .build(),
                    HttpResponse.BodyHandlers.ofString());
        } catch (IOException | InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    private HttpResponse<String> signIn(TestServer server, String token, String header, String from) throws Exception {
        String form = "username=admin&password=" + URLEncoder.encode(server.adminPassword(), StandardCharsets.UTF_8)
                + "&_csrf=" + URLEncoder.encode(token, StandardCharsets.UTF_8);
        return http.send(
                HttpRequest.newBuilder(URI.create(server.server().consoleUrl() + "/login"))
                        .header("Content-Type", "application/x-www-form-urlencoded")
                        .header(header, from)
                        .POST(HttpRequest.BodyPublishers.ofString(form))
                        .build(),
                HttpResponse.BodyHandlers.ofString());
    }

    @Test
    void a_session_ends_after_its_longest_time_whatever_is_done_in_it_and_sooner_when_nothing_is() throws Exception {
        try (TestServer server = new TestServer(data, Map.of("sign-in.longest", "6s", "sign-in.idle", "2s"))) {
            HttpResponse<String> page = get(server, "/login");
            String policy = page.headers().firstValue("Content-Security-Policy").orElseThrow();
            assertThat(policy).contains("default-src 'self'", "frame-ancestors 'none'", "object-src 'none'", "'nonce-");
            assertThat(policy.substring(policy.indexOf("script-src"), policy.indexOf("style-src")))
                    .doesNotContain("unsafe-inline");
            List<String> cookies = page.headers().allValues("Set-Cookie");
            assertThat(cookies).anyMatch(c -> c.contains("HttpOnly") && c.contains("SameSite=Lax"));

            Matcher token = Pattern.compile("name=\"_csrf\" content=\"([^\"]+)\"")
                    .matcher(get(server, "/login").body());
            assertThat(token.find()).isTrue();
            // A form of another site signs nobody in.
            assertThat(signIn(server, token.group(1), "Sec-Fetch-Site", "cross-site")
                            .statusCode())
                    .isEqualTo(403);
            assertThat(signIn(server, token.group(1), "Origin", "https://evil.example")
                            .statusCode())
                    .isEqualTo(403);
            assertThat(get(server, "/tenants").statusCode()).isEqualTo(302);
            assertThat(signIn(server, token.group(1), "Origin", server.server().consoleUrl())
                            .headers()
                            .firstValue("Location")
                            .orElseThrow())
                    .doesNotContain("/login");
            assertThat(get(server, "/tenants").statusCode()).isEqualTo(200);
            HttpResponse<String>[] last = new HttpResponse[1];
            TestServer.await("the end of the session", () -> {
                last[0] = get(server, "/tenants");
                return last[0].statusCode() == 302;
            });
            assertThat(last[0].headers().firstValue("Location").orElseThrow()).contains("/login");

            token = Pattern.compile("name=\"_csrf\" content=\"([^\"]+)\"")
                    .matcher(get(server, "/login").body());
            assertThat(token.find()).isTrue();
            signIn(server, token.group(1), "Origin", server.server().consoleUrl());
            assertThat(get(server, "/tenants").statusCode()).isEqualTo(200);
            // That a browser says it is still there is nothing done; it does not keep the session up.
            for (int i = 0; i < 5; i++) {
                Thread.sleep(500);
                get(server, "/?v-r=heartbeat&v-uiId=0");
            }
            assertThat(get(server, "/tenants").statusCode()).isEqualTo(302);
        }
    }
}
