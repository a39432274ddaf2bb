package io.ashlar.platform;

import io.ashlar.access.Actor;
import io.ashlar.access.Guarded;
import io.ashlar.access.Permission;
import io.ashlar.document.Documents;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;

/**
 * The alarms that hold, and webhooks that are told when one is raised and when it has passed. A request to a webhook has the
 * header {@code X-Ashlar-Signature}: the HMAC-SHA256 of its body with the platform's secret, in hexadecimal.
 */
@Guarded
public final class Alarms {
    private static final System.Logger LOG = System.getLogger(Alarms.class.getName());
    private static final int TRIES = 4;
    private static final Duration LONGEST = Duration.ofSeconds(10);

    /** What a webhook is sent. */
    private record Notice(String alarm, String state, String text, Instant at) {}

    private final Supplier<List<Alarm>> source;
    private final Platform platform;
    private final Clock clock;
    private final Duration pause;
    private final HttpClient http =
            HttpClient.newBuilder().connectTimeout(LONGEST).build();
    private Map<String, Alarm> raised = Map.of();

    /**
     * @param source what is wrong now
     * @param pause before a webhook that did not answer is tried again; it doubles
     */
    public Alarms(Supplier<List<Alarm>> source, Platform platform, Clock clock, Duration pause) {
        this.source = source;
        this.platform = platform;
        this.clock = clock;
        this.pause = pause;
    }

    public List<Alarm> now(Actor actor) {
        actor.require(Permission.SEE_PLATFORM);
        return source.get();
    }

    /** Looks, and tells what is different from the last look. */
    public synchronized void look() {
        Map<String, Alarm> now = new LinkedHashMap<>();
        source.get().forEach(a -> now.put(a.name(), a));
        now.values().stream().filter(a -> !raised.containsKey(a.name())).forEach(a -> tell(a, "raised"));
        raised.values().stream().filter(a -> !now.containsKey(a.name())).forEach(a -> tell(a, "passed"));
        raised = now;
    }

    private void tell(Alarm alarm, String state) {
        LOG.log(System.Logger.Level.WARNING, "alarm {0}: {1}", state, alarm.text());
        Platform.Known known = platform.known();
        byte[] body = Documents.json(new Notice(alarm.name(), state, alarm.text(), clock.instant()));
        String signature = signature(known.secret(), body);
        for (String webhook : known.settings().webhooks()) {
            Thread.ofVirtual().name("webhook").start(() -> send(webhook, body, signature));
        }
    }

    static String signature(String secret, byte[] body) {
        try {
            Mac mac = Mac.getInstance("HmacSHA256");
            byte[] key = secret.isEmpty() ? new byte[1] : secret.getBytes(StandardCharsets.UTF_8);
            mac.init(new SecretKeySpec(key, "HmacSHA256"));
            return HexFormat.of().formatHex(mac.doFinal(body));
        } catch (GeneralSecurityException e) {
            throw new IllegalStateException("every Java has HMAC-SHA256", e);
        }
    }

    private void send(String webhook, byte[] body, String signature) {
        HttpRequest request = HttpRequest.newBuilder(URI.create(webhook))
                .timeout(LONGEST)
                .header("Content-Type", "application/json")
                .header("X-Ashlar-Signature", signature)
                .POST(HttpRequest.BodyPublishers.ofByteArray(body))
                .build();
        Duration wait = pause;
        for (int i = 0; i < TRIES; i++) {
            try {
                int status = http.send(request, HttpResponse.BodyHandlers.discarding())
                        .statusCode();
                if (status < 300) {
                    return;
                }
                LOG.log(System.Logger.Level.WARNING, "the webhook {0} answered {1}", webhook, status);
            } catch (IOException e) {
                LOG.log(System.Logger.Level.WARNING, "the webhook {0} did not answer: {1}", webhook, e.getMessage());
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                return;
            }
            try {
                Thread.sleep(wait);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                return;
            }
            wait = wait.multipliedBy(2);
        }
    }
}
