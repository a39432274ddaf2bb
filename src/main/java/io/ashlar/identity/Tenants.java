package io.ashlar.identity;

import io.ashlar.audit.AuditLog;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Clock;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.UUID;
import java.util.regex.Pattern;
import org.springframework.dao.DuplicateKeyException;
import org.springframework.jdbc.core.simple.JdbcClient;
import org.springframework.transaction.support.TransactionTemplate;

/** Tenants and their projects. */
public final class Tenants {
    private static final Pattern NAME = Pattern.compile("[a-z0-9][a-z0-9-]{0,62}");
    /** The project that a tenant starts with. */
    public static final String FIRST_PROJECT = "default";

    private final JdbcClient database;
    private final TransactionTemplate transactions;
    private final AuditLog audit;
    private final Clock clock;

    public Tenants(JdbcClient database, TransactionTemplate transactions, AuditLog audit, Clock clock) {
        this.database = database;
        this.transactions = transactions;
        this.audit = audit;
        this.clock = clock;
    }

    /** Creates a tenant with its first project. */
    public UUID create(String name, String actor) {
        if (!NAME.matcher(name).matches()) {
            throw new InvalidRequestException(
                    "name",
                    "A tenant's name has 1 to 63 small letters, digits and hyphens, and starts with a letter or digit.");
        }
        try {
            return transactions.execute(status -> {
                UUID id = UUID.randomUUID();
                OffsetDateTime now = OffsetDateTime.now(clock);
                database.sql("insert into tenant (id, name, created_at) values (:id, :name, :now)")
                        .param("id", id)
                        .param("name", name)
                        .param("now", now)
                        .update();
                database.sql("insert into project (id, tenant_id, name, created_at) values (:id, :tenant, :name, :now)")
                        .param("id", UUID.randomUUID())
                        .param("tenant", id)
                        .param("name", FIRST_PROJECT)
                        .param("now", now)
                        .update();
                audit.record(actor, "tenant.create", name, Map.of());
                return id;
            });
        } catch (DuplicateKeyException e) {
            throw new InvalidRequestException("name", "There is already a tenant named " + name + ".");
        }
    }

    public List<Tenant> all() {
        return database.sql("""
                        select t.id, t.name, t.status, t.created_at, t.service_class, t.weight,
                            count(k.id) as active_keys
                        from tenant t
                        left join project p on p.tenant_id = t.id
                        left join api_key k on k.project_id = p.id and k.revoked_at is null
                            and (k.expires_at is null or k.expires_at > :now)
                        group by t.id order by t.name""")
                .param("now", OffsetDateTime.now(clock))
                .query(Tenants::tenant)
                .list();
    }

    private static Tenant tenant(ResultSet row, int number) throws SQLException {
        return new Tenant(
                row.getObject("id", UUID.class),
                row.getString("name"),
                Tenant.Status.valueOf(row.getString("status").toUpperCase(Locale.ROOT)),
                instant(row, "created_at"),
                row.getInt("active_keys"),
                row.getString("service_class"),
                row.getDouble("weight"));
    }

    static Instant instant(ResultSet row, String column) throws SQLException {
        return row.getObject(column, OffsetDateTime.class).toInstant();
    }

    /** Refuses the tenant's keys until it is resumed. */
    public void suspend(UUID tenant, String actor) {
        setStatus(tenant, "suspended", "tenant.suspend", actor);
    }

    public void resume(UUID tenant, String actor) {
        setStatus(tenant, "active", "tenant.resume", actor);
    }

    private void setStatus(UUID tenant, String status, String action, String actor) {
        transactions.executeWithoutResult(t -> {
            String name = database.sql("update tenant set status = :status where id = :id returning name")
                    .param("status", status)
                    .param("id", tenant)
                    .query(String.class)
                    .optional()
                    .orElseThrow(() -> new InvalidRequestException("tenant", "There is no such tenant any more."));
            audit.record(actor, action, name, Map.of());
        });
    }
}
