package io.ashlar.api.admin;

import io.ashlar.access.Actor;
import io.ashlar.api.ApiException;
import io.ashlar.identity.Vault;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.time.Clock;
import java.time.Duration;
import java.util.Base64;
import java.util.Objects;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.springframework.jdbc.core.simple.JdbcClient;
import org.springframework.transaction.support.TransactionTemplate;

/** Changes one after another, each in a transaction, and each once for an idempotency key. */
public final class Repeats {
    private static final String PURPOSE = "answers of the admin API";
    private static final Duration KEPT = Duration.ofDays(1);

    private record Earlier(
            byte[] request, int status, @Nullable String etag, byte[] body) {}

    private final JdbcClient database;
    private final TransactionTemplate transactions;
    private final Vault vault;
    private final Clock clock;

    public Repeats(JdbcClient database, TransactionTemplate transactions, Vault vault, Clock clock) {
        this.database = database;
        this.transactions = transactions;
        this.vault = vault;
        this.clock = clock;
    }

    /**
     * @param key null where none was given
     * @param request its hash: the same key for another request is an error
     */
    AdminHandler.Answer once(Actor actor, @Nullable String key, byte[] request, Supplier<AdminHandler.Answer> change) {
        return Objects.requireNonNull(transactions.execute(t -> {
            // The audit log is a chain, so that changes wait for each other anyway; what is read here stays true until
            // the end.
            database.sql("select hash from audit_head for update")
                    .query(byte[].class)
                    .single();
            if (key == null) {
                return change.get();
            }
            Earlier earlier = find(actor, key);
            if (earlier != null) {
                if (!MessageDigest.isEqual(earlier.request, request)) {
                    throw ApiException.invalid(
                            "Idempotency-Key", "This idempotency key was used for another request; take a new one.");
                }
                byte[] body = Base64.getDecoder().decode(vault.decrypt(PURPOSE, earlier.body));
                return new AdminHandler.Answer(earlier.status, body, earlier.etag, "application/json");
            }
            AdminHandler.Answer answer = change.get();
            keep(actor, key, request, answer);
            return answer;
        }));
    }

    private @Nullable Earlier find(Actor actor, String key) {
        return database.sql("""
                        select request_hash, status, etag, body from idempotent_answer
                        where actor = :actor and key = :key and created_at > :since""")
                .param("actor", actor.name())
                .param("key", key)
                .param("since", clock.instant().minus(KEPT).atOffset(java.time.ZoneOffset.UTC))
                .query((row, n) -> new Earlier(row.getBytes(1), row.getInt(2), row.getString(3), row.getBytes(4)))
                .optional()
                .orElse(null);
    }

    private void keep(Actor actor, String key, byte[] request, AdminHandler.Answer answer) {
        database.sql("delete from idempotent_answer where created_at < :since")
                .param("since", clock.instant().minus(KEPT).atOffset(java.time.ZoneOffset.UTC))
                .update();
        database.sql("""
                        insert into idempotent_answer (actor, key, request_hash, status, etag, body, created_at)
                        values (:actor, :key, :request, :status, :etag, :body, :now)""")
                .param("actor", actor.name())
                .param("key", key)
                .param("request", request)
                .param("status", answer.status())
                .param("etag", answer.etag())
                .param("body", vault.encrypt(PURPOSE, base64(answer.body())))
                .param("now", clock.instant().atOffset(java.time.ZoneOffset.UTC))
                .update();
    }

    private static String base64(byte[] body) {
        return new String(Base64.getEncoder().encode(body), StandardCharsets.US_ASCII);
    }
}
