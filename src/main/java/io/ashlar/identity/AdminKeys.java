package io.ashlar.identity;

import com.github.benmanes.caffeine.cache.AsyncLoadingCache;
import com.github.benmanes.caffeine.cache.Caffeine;
import io.ashlar.access.Actor;
import io.ashlar.access.Guarded;
import io.ashlar.access.Permission;
import io.ashlar.audit.AuditLog;
import io.ashlar.audit.Change;
import io.ashlar.database.ChangeFeed;
import io.ashlar.identity.KeyRefusal.Reason;
import java.security.MessageDigest;
import java.security.SecureRandom;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Clock;
import java.time.Duration;
import java.time.OffsetDateTime;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import org.springframework.jdbc.core.simple.JdbcClient;
import org.springframework.transaction.support.TransactionTemplate;

/** Keys of the admin API: made, checked and revoked. A tenant's key is never one. */
@Guarded
public final class AdminKeys {
    private static final int MOST = 1000;
    private static final Duration KEPT = Duration.ofMinutes(30);

    /** A key as it may be shown. */
    public record AdminKey(UUID id, String name, String prefix, boolean revoked) {}

    private record Known(String name, byte[] hash, boolean revoked) {}

    private final JdbcClient database;
    private final TransactionTemplate transactions;
    private final AuditLog audit;
    private final SecureRandom random;
    private final Clock clock;
    private final AsyncLoadingCache<String, Optional<Known>> cache;

    /** @param blocking runs look-ups that the cache cannot answer */
    public AdminKeys(
            JdbcClient database,
            TransactionTemplate transactions,
            AuditLog audit,
            ChangeFeed changes,
            Executor blocking,
            SecureRandom random,
            Clock clock) {
        this.database = database;
        this.transactions = transactions;
        this.audit = audit;
        this.random = random;
        this.clock = clock;
        this.cache = Caffeine.newBuilder()
                .maximumSize(MOST)
                .expireAfterWrite(KEPT)
                .executor(blocking)
                .buildAsync(this::load);
        changes.onChange(Set.of("admin_key"), () -> cache.synchronous().invalidateAll());
    }

    private Optional<Known> load(String prefix) {
        return database.sql("select name, secret_hash, revoked_at is not null from admin_key where prefix = :prefix")
                .param("prefix", prefix)
                .query((row, n) -> new Known(row.getString(1), row.getBytes(2), row.getBoolean(3)))
                .optional();
    }

    /** The name of the key; fails with {@link KeyRefusal}, or with what the database says. */
    public CompletableFuture<String> authenticate(String text) {
        KeySecret secret = KeySecret.parse(text);
        if (secret == null) {
            return CompletableFuture.failedFuture(new KeyRefusal(
                    Reason.UNKNOWN, "The admin key is not valid: a key looks like ash_<prefix>_<secret>."));
        }
        return cache.get(secret.prefix()).thenApply(found -> {
            Known known = found.orElse(null);
            if (known == null || !MessageDigest.isEqual(known.hash, secret.hash())) {
                throw new KeyRefusal(Reason.UNKNOWN, "The admin key is not valid.");
            }
            if (known.revoked) {
                throw new KeyRefusal(Reason.REVOKED, "The admin key was revoked.");
            }
            return known.name;
        });
    }

    /** @return the key's text, which is not kept and cannot be had again */
    public String create(String name, Actor actor) {
        actor.require(Permission.CHANGE_PLATFORM);
        ApiKeys.checkName(name);
        KeySecret secret = KeySecret.random(random);
        transactions.executeWithoutResult(t -> {
            database.sql("""
                            insert into admin_key (id, name, prefix, secret_hash, created_at)
                            values (:id, :name, :prefix, :hash, :now)""")
                    .param("id", UUID.randomUUID())
                    .param("name", name.strip())
                    .param("prefix", secret.prefix())
                    .param("hash", secret.hash())
                    .param("now", OffsetDateTime.now(clock))
                    .update();
            audit.record(actor, "admin-key.create", secret.toString(), Change.made(null, Map.of("name", name.strip())));
        });
        return secret.text();
    }

    public List<AdminKey> all(Actor actor) {
        actor.require(Permission.SEE_PLATFORM);
        return database.sql("select id, name, prefix, revoked_at is not null from admin_key order by created_at")
                .query(AdminKeys::key)
                .list();
    }

    /** Refuses the key from now on, everywhere. */
    public void revoke(UUID key, Actor actor) {
        actor.require(Permission.CHANGE_PLATFORM);
        transactions.executeWithoutResult(t -> database.sql("""
                        update admin_key set revoked_at = :now where id = :id and revoked_at is null
                        returning id, name, prefix, true""")
                .param("now", OffsetDateTime.now(clock))
                .param("id", key)
                .query(AdminKeys::key)
                .optional()
                .ifPresent(k -> audit.record(
                        actor,
                        "admin-key.revoke",
                        "ash_" + k.prefix() + "_...",
                        Change.removed(null, Map.of("name", k.name())))));
    }

    private static AdminKey key(ResultSet row, int number) throws SQLException {
        return new AdminKey(row.getObject(1, UUID.class), row.getString(2), row.getString(3), row.getBoolean(4));
    }
}
