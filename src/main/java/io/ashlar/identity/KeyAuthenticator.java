package io.ashlar.identity;

import com.github.benmanes.caffeine.cache.AsyncLoadingCache;
import com.github.benmanes.caffeine.cache.Caffeine;
import io.ashlar.database.ChangeFeed;
import io.ashlar.identity.KeyRefusal.Reason;
import java.security.MessageDigest;
import java.sql.Array;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import org.jspecify.annotations.Nullable;
import org.springframework.jdbc.core.simple.JdbcClient;

/**
 * API key to caller. Answers come from a cache that the feed of changes keeps true: a revoked key or suspended tenant is out
 * as soon as the change commits. When the database is away, keys that were seen lately still work.
 */
public final class KeyAuthenticator {
    private static final int MOST_KEYS = 100_000;
    private static final Duration KEPT = Duration.ofMinutes(30);

    private record Known(
            Caller caller,
            byte[] hash,
            boolean active,
            boolean revoked,
            @Nullable Instant expiresAt) {}

    private final JdbcClient database;
    private final Clock clock;
    private final AsyncLoadingCache<String, Optional<Known>> cache;

    /** @param blocking runs look-ups that the cache cannot answer */
    public KeyAuthenticator(JdbcClient database, ChangeFeed changes, Executor blocking, Clock clock) {
        this.database = database;
        this.clock = clock;
        this.cache = Caffeine.newBuilder()
                .maximumSize(MOST_KEYS)
                .expireAfterWrite(KEPT)
                .executor(blocking)
                .buildAsync(this::load);
        changes.onChange(
                Set.of("tenant", "project", "api_key", "deployment_grant", "deployment"),
                () -> cache.synchronous().invalidateAll());
    }

    /** The caller that the key belongs to; fails with {@link KeyRefusal}, or with what the database says. */
    public CompletableFuture<Caller> authenticate(String text) {
        KeySecret secret = KeySecret.parse(text);
        if (secret == null) {
            return CompletableFuture.failedFuture(new KeyRefusal(
                    Reason.UNKNOWN, "The API key is not valid: a key looks like ash_<prefix>_<secret>."));
        }
        return cache.get(secret.prefix()).thenApply(known -> check(secret, known));
    }

    private Caller check(KeySecret secret, Optional<Known> found) {
        Known known = found.orElse(null);
        if (known == null || !MessageDigest.isEqual(known.hash, secret.hash())) {
            throw new KeyRefusal(Reason.UNKNOWN, "The API key is not valid.");
        }
        if (known.revoked) {
            throw new KeyRefusal(Reason.REVOKED, "The API key was revoked.");
        }
        if (known.expiresAt != null && !known.expiresAt.isAfter(clock.instant())) {
            throw new KeyRefusal(Reason.EXPIRED, "The API key expired at " + known.expiresAt + ".");
        }
        if (!known.active) {
            throw new KeyRefusal(Reason.TENANT_SUSPENDED, "The tenant " + known.caller.tenantName() + " is suspended.");
        }
        return known.caller;
    }

    private Optional<Known> load(String prefix) {
        return database.sql("""
                        select k.id as key_id, k.secret_hash, k.revoked_at, k.expires_at, p.id as project_id, t.id as tenant_id,
                            t.name as tenant_name, t.status, t.service_class, t.weight, t.logs_content,
                            array(select g.deployment from deployment_grant g where g.tenant_id = t.id) as models
                        from api_key k
                        join project p on p.id = k.project_id
                        join tenant t on t.id = p.tenant_id
                        where k.prefix = :prefix""")
                .param("prefix", prefix)
                .query(KeyAuthenticator::known)
                .optional();
    }

    private static Known known(ResultSet row, int number) throws SQLException {
        Array models = row.getArray("models");
        Caller caller = new Caller(
                row.getObject("tenant_id", UUID.class),
                row.getString("tenant_name"),
                row.getObject("project_id", UUID.class),
                row.getObject("key_id", UUID.class),
                Set.of((String[]) models.getArray()),
                row.getString("service_class"),
                row.getDouble("weight"),
                row.getBoolean("logs_content"));
        return new Known(
                caller,
                row.getBytes("secret_hash"),
                row.getString("status").equals("active"),
                row.getObject("revoked_at") != null,
                ApiKeys.instantOrNull(row, "expires_at"));
    }
}
