package io.ashlar.platform;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.sun.net.httpserver.HttpServer;
import io.ashlar.access.Actor;
import io.ashlar.access.InvalidRequestException;
import io.ashlar.app.TestServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.time.Clock;
import java.time.Duration;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.springframework.jdbc.core.simple.JdbcClient;

/** Alarms reach those who want to be told, and usage goes when its time is over. */
class PlatformTest {
    private final TestServer server = TestServer.shared();
    private final Platform platform = server.service(Platform.class);

    @AfterEach
    void forget() {
        platform.set(PlatformSettings.FIRST, null, Actor.SYSTEM);
    }

    @Test
    void a_webhook_is_told_of_an_alarm_once_and_of_its_end_signed_and_again_when_it_failed() throws IOException {
        Queue<String> bodies = new ConcurrentLinkedQueue<>();
        Queue<Boolean> signed = new ConcurrentLinkedQueue<>();
        AtomicInteger calls = new AtomicInteger();
        HttpServer receiver = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        receiver.createContext("/hook", exchange -> {
            byte[] body = exchange.getRequestBody().readAllBytes();
            boolean refuses = calls.incrementAndGet() == 1; // the first time it has a bad day
            if (!refuses) {
                signed.add(Alarms.signature("hush", body)
                        .equals(exchange.getRequestHeaders().getFirst("X-Ashlar-Signature")));
                bodies.add(new String(body, java.nio.charset.StandardCharsets.UTF_8));
            }
            exchange.sendResponseHeaders(refuses ? 503 : 204, -1);
            exchange.close();
        });
        receiver.start();
        try {
            String url = "http://127.0.0.1:" + receiver.getAddress().getPort() + "/hook";
            platform.set(new PlatformSettings(0, List.of(url)), "hush", Actor.SYSTEM);
            AtomicReference<List<Alarm>> now = new AtomicReference<>(List.of());
            Alarms alarms = new Alarms(now::get, platform, Clock.systemUTC(), Duration.ofMillis(1));
            alarms.look();
            now.set(List.of(new Alarm("disk", "The disk is full.")));
            alarms.look();
            alarms.look();
            TestServer.await("the first notice", () -> bodies.size() == 1);
            now.set(List.of());
            alarms.look();
            TestServer.await("the second notice", () -> bodies.size() == 2);
            assertThat(bodies.poll()).contains("\"alarm\":\"disk\"", "\"state\":\"raised\"", "The disk is full.");
            assertThat(bodies.poll()).contains("\"state\":\"passed\"");
            assertThat(signed).containsOnly(true);
            assertThat(calls).hasValue(3);
        } finally {
            receiver.stop(0);
        }
    }

    @Test
    void rows_older_than_the_settings_say_are_removed_and_their_sums_stay() {
        server.chat(server.apiKey(), "\"max_tokens\":1");
        JdbcClient database = server.service(JdbcClient.class);
        TestServer.await(
                "a row",
                () -> database.sql("select count(*) from usage_record")
                                .query(Long.class)
                                .single()
                        > 0);
        long sum = database.sql("select sum(requests) from usage_day")
                .query(Long.class)
                .single();
        Clock later = Clock.offset(Clock.systemUTC(), Duration.ofDays(41));
        assertThat(new Retention(database, platform, later).sweep()).isZero(); // nothing is set
        platform.set(new PlatformSettings(40, List.of()), null, Actor.SYSTEM);
        assertThat(new Retention(database, platform, Clock.systemUTC()).sweep()).isZero();
        assertThat(new Retention(database, platform, later).sweep()).isPositive();
        assertThat(database.sql("select sum(requests) from usage_day")
                        .query(Long.class)
                        .single())
                .isGreaterThanOrEqualTo(sum);
    }

    @Test
    void what_cannot_be_is_named() {
        assertThatThrownBy(() -> platform.set(new PlatformSettings(-1, List.of()), null, Actor.SYSTEM))
                .isInstanceOf(InvalidRequestException.class)
                .hasMessageContaining("retention_days");
        assertThatThrownBy(() -> platform.set(new PlatformSettings(31, List.of()), null, Actor.SYSTEM))
                .isInstanceOf(InvalidRequestException.class)
                .hasMessageContaining("from 32");
        assertThatThrownBy(() -> platform.set(new PlatformSettings(0, List.of("mailto:x")), null, Actor.SYSTEM))
                .isInstanceOf(InvalidRequestException.class)
                .hasMessageContaining("mailto:x");
    }
}
