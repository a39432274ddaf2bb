package io.ashlar.identity;

import io.ashlar.audit.AuditLog;
import java.security.SecureRandom;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Clock;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.time.ZoneOffset;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import org.jspecify.annotations.Nullable;
import org.springframework.jdbc.core.simple.JdbcClient;
import org.springframework.transaction.support.TransactionTemplate;

/** API keys as administrators handle them. */
public final class ApiKeys {
    private static final int LONGEST_NAME = 100;

    private final JdbcClient database;
    private final TransactionTemplate transactions;
    private final AuditLog audit;
    private final SecureRandom random;
    private final Clock clock;

    public ApiKeys(
            JdbcClient database, TransactionTemplate transactions, AuditLog audit, SecureRandom random, Clock clock) {
        this.database = database;
        this.transactions = transactions;
        this.audit = audit;
        this.random = random;
        this.clock = clock;
    }

    /**
     * Creates a key in a tenant's first project.
     *
     * @return the key's text, which is not kept and cannot be had again
     */
    public String create(UUID tenant, String name, @Nullable Instant expiresAt, String actor) {
        if (name.isBlank() || name.length() > LONGEST_NAME) {
            throw new InvalidRequestException("name", "A key's name has 1 to " + LONGEST_NAME + " characters.");
        }
        Instant now = clock.instant();
        if (expiresAt != null && !expiresAt.isAfter(now)) {
            throw new InvalidRequestException("expires", "A key must expire in the future.");
        }
        KeySecret secret = KeySecret.random(random);
        transactions.executeWithoutResult(t -> {
            UUID project = database.sql("select id from project where tenant_id = :tenant and name = :name")
                    .param("tenant", tenant)
                    .param("name", Tenants.FIRST_PROJECT)
                    .query(UUID.class)
                    .optional()
                    .orElseThrow(() -> new InvalidRequestException("tenant", "There is no such tenant any more."));
            database.sql("""
                            insert into api_key (id, project_id, name, prefix, secret_hash, created_at, expires_at)
                            values (:id, :project, :name, :prefix, :hash, :now, :expires)""")
                    .param("id", UUID.randomUUID())
                    .param("project", project)
                    .param("name", name.strip())
                    .param("prefix", secret.prefix())
                    .param("hash", secret.hash())
                    .param("now", now.atOffset(ZoneOffset.UTC))
                    .param("expires", expiresAt == null ? null : expiresAt.atOffset(ZoneOffset.UTC))
                    .update();
            audit.record(actor, "key.create", secret.toString(), Map.of("name", name, "tenant", tenant.toString()));
        });
        return secret.text();
    }

    public List<ApiKey> ofTenant(UUID tenant) {
        return database.sql("""
                        select k.id, t.name as tenant, p.name as project, k.name, k.prefix, k.created_at, k.expires_at,
                            k.revoked_at
                        from api_key k
                        join project p on p.id = k.project_id
                        join tenant t on t.id = p.tenant_id
                        where t.id = :tenant
                        order by k.revoked_at is not null, k.created_at desc""").param("tenant", tenant).query(ApiKeys::key).list();
    }

    private static ApiKey key(ResultSet row, int number) throws SQLException {
        return new ApiKey(
                row.getObject("id", UUID.class),
                row.getString("tenant"),
                row.getString("project"),
                row.getString("name"),
                row.getString("prefix"),
                Tenants.instant(row, "created_at"),
                instantOrNull(row, "expires_at"),
                instantOrNull(row, "revoked_at"));
    }

    static @Nullable Instant instantOrNull(ResultSet row, String column) throws SQLException {
        OffsetDateTime time = row.getObject(column, OffsetDateTime.class);
        return time == null ? null : time.toInstant();
    }

    /** Refuses the key from now on, everywhere, within a second. Revoking it again changes nothing. */
    public void revoke(UUID key, String actor) {
        transactions.executeWithoutResult(t -> database.sql(
                        "update api_key set revoked_at = :now where id = :id and revoked_at is null returning prefix")
                .param("now", OffsetDateTime.now(clock))
                .param("id", key)
                .query(String.class)
                .optional()
                .ifPresent(prefix -> audit.record(actor, "key.revoke", "ash_" + prefix + "_...", Map.of())));
    }
}
