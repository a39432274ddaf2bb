package io.ashlar.identity;

import io.ashlar.access.Actor;
import io.ashlar.access.Guarded;
import io.ashlar.access.InvalidRequestException;
import io.ashlar.access.Permission;
import io.ashlar.audit.AuditLog;
import io.ashlar.audit.Change;
import java.security.SecureRandom;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Clock;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.time.ZoneOffset;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.UUID;
import org.jspecify.annotations.Nullable;
import org.springframework.jdbc.core.simple.JdbcClient;
import org.springframework.transaction.support.TransactionTemplate;

/** API keys as administrators and their owners handle them. */
@Guarded
public final class ApiKeys {
    static final int LONGEST_NAME = 100;
    private static final int MOST_OWN = 500;

    private static final String COLUMNS = """
            select k.id, t.name as tenant, p.name as project, k.name, k.prefix, k.created_by, k.created_at, k.expires_at,
                k.revoked_at
            from api_key k
            join project p on p.id = k.project_id
            join tenant t on t.id = p.tenant_id
            """;

    private static final String SELECT = COLUMNS + "where t.id = :tenant ";

    /**
     * A key that was made.
     *
     * @param text is not kept and cannot be had again
     */
    public record Made(UUID id, String text) {
        @Override
        public String toString() {
            return "key " + id;
        }
    }

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
    public String create(UUID tenant, String name, @Nullable Instant expiresAt, Actor actor) {
        return create(tenant, Tenants.FIRST_PROJECT, name, expiresAt, actor).text();
    }

    public Made create(UUID tenant, String project, String name, @Nullable Instant expiresAt, Actor actor) {
        actor.require(Permission.USE_TENANT, tenant);
        checkName(name);
        Instant now = clock.instant();
        if (expiresAt != null && !expiresAt.isAfter(now)) {
            throw new InvalidRequestException("expires", "A key must expire in the future.");
        }
        KeySecret secret = KeySecret.random(random);
        UUID id = UUID.randomUUID();
        transactions.executeWithoutResult(t -> {
            UUID projectId = database.sql("select id from project where tenant_id = :tenant and name = :name")
                    .param("tenant", tenant)
                    .param("name", project)
                    .query(UUID.class)
                    .optional()
                    .orElseThrow(() -> new InvalidRequestException(
                            "project", "There is no such tenant any more, or it has no project '" + project + "'."));
            database.sql("""
                            insert into api_key (id, project_id, name, prefix, secret_hash, created_by, created_at, expires_at)
                            values (:id, :project, :name, :prefix, :hash, :by, :now, :expires)""")
                    .param("id", id)
                    .param("project", projectId)
                    .param("name", name.strip())
                    .param("prefix", secret.prefix())
                    .param("hash", secret.hash())
                    .param("by", actor.name())
                    .param("now", now.atOffset(ZoneOffset.UTC))
                    .param("expires", expiresAt == null ? null : expiresAt.atOffset(ZoneOffset.UTC))
                    .update();
            audit.record(
                    actor,
                    "key.create",
                    secret.toString(),
                    Change.made(
                            tenant,
                            Map.of(
                                    "name",
                                    name.strip(),
                                    "project",
                                    project,
                                    "expires",
                                    Objects.toString(expiresAt, "never"))));
        });
        return new Made(id, secret.text());
    }

    static void checkName(String name) {
        if (name.isBlank() || name.length() > LONGEST_NAME) {
            throw new InvalidRequestException("name", "A key's name has 1 to " + LONGEST_NAME + " characters.");
        }
    }

    /** Those that open the door first, then the latest first. */
    public List<ApiKey> ofTenant(UUID tenant, int offset, int most, Actor actor) {
        actor.require(Permission.SEE_TENANT, tenant);
        return database.sql(SELECT
                        + "order by k.revoked_at is not null, k.created_at desc, k.id offset :offset limit :most")
                .param("tenant", tenant)
                .param("offset", offset)
                .param("most", most)
                .query(ApiKeys::key)
                .list();
    }

    /** Those that the actor made and that open the door, the latest first. */
    public List<ApiKey> own(Actor actor) {
        return database.sql(
                        COLUMNS + "where k.created_by = :me and k.revoked_at is null"
                                + " and (k.expires_at is null or k.expires_at > :now) order by k.created_at desc, k.id limit :most")
                .param("me", actor.name())
                .param("now", OffsetDateTime.now(clock))
                .param("most", MOST_OWN)
                .query(ApiKeys::key)
                .list();
    }

    public List<ApiKey> ofTenant(UUID tenant, Actor actor) {
        return ofTenant(tenant, 0, Integer.MAX_VALUE, actor);
    }

    public int count(UUID tenant, Actor actor) {
        actor.require(Permission.SEE_TENANT, tenant);
        return database.sql(
                        "select count(*) from api_key k join project p on p.id = k.project_id where p.tenant_id = :tenant")
                .param("tenant", tenant)
                .query(Integer.class)
                .single();
    }

    private static ApiKey key(ResultSet row, int number) throws SQLException {
        return new ApiKey(
                row.getObject("id", UUID.class),
                row.getString("tenant"),
                row.getString("project"),
                row.getString("name"),
                row.getString("prefix"),
                row.getString("created_by"),
                Tenants.instant(row, "created_at"),
                instantOrNull(row, "expires_at"),
                instantOrNull(row, "revoked_at"));
    }

    static @Nullable Instant instantOrNull(ResultSet row, String column) throws SQLException {
        OffsetDateTime time = row.getObject(column, OffsetDateTime.class);
        return time == null ? null : time.toInstant();
    }

    /** Whether the actor may revoke the key: an administrator any, others what they made. */
    public boolean mayRevoke(UUID tenant, ApiKey key, Actor actor) {
        return actor.may(Permission.CHANGE_TENANT, tenant)
                || actor.may(Permission.USE_TENANT, tenant) && key.createdBy().equals(actor.name());
    }

    /**
     * Refuses the key from now on, everywhere, within a second. Revoking it again changes nothing.
     *
     * @return whether the tenant has such a key
     */
    public boolean revoke(UUID tenant, UUID id, Actor actor) {
        return Boolean.TRUE.equals(transactions.execute(t -> {
            actor.require(Permission.SEE_TENANT, tenant);
            ApiKey key = database.sql(SELECT + "and k.id = :id for update of k")
                    .param("tenant", tenant)
                    .param("id", id)
                    .query(ApiKeys::key)
                    .optional()
                    .orElse(null);
            if (key == null) {
                return false;
            }
            if (!mayRevoke(tenant, key, actor)) {
                actor.require(Permission.CHANGE_TENANT, tenant);
            }
            if (key.revokedAt() == null) {
                database.sql("update api_key set revoked_at = :now where id = :id")
                        .param("now", OffsetDateTime.now(clock))
                        .param("id", id)
                        .update();
                audit.record(
                        actor,
                        "key.revoke",
                        "ash_" + key.prefix() + "_...",
                        Change.removed(tenant, Map.of("name", key.name(), "project", key.project())));
            }
            return true;
        }));
    }
}
