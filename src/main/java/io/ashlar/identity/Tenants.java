package io.ashlar.identity;

import io.ashlar.access.Actor;
import io.ashlar.access.Guarded;
import io.ashlar.access.InvalidRequestException;
import io.ashlar.access.Permission;
import io.ashlar.audit.AuditLog;
import io.ashlar.audit.Change;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Clock;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import org.springframework.dao.DataIntegrityViolationException;
import org.springframework.dao.DuplicateKeyException;
import org.springframework.jdbc.core.simple.JdbcClient;
import org.springframework.transaction.support.TransactionTemplate;

/** Tenants and their projects. */
@Guarded
public final class Tenants {
    private static final Pattern NAME = Pattern.compile("[a-z0-9][a-z0-9-]{0,62}");
    /** The project that a tenant starts with. */
    public static final String FIRST_PROJECT = "default";

    private static final String COLUMNS = """
            select t.id, t.name, t.status, t.created_at, t.service_class, t.weight, t.logs_content,
                (select count(*) from api_key k join project p on p.id = k.project_id
                    where p.tenant_id = t.id and k.revoked_at is null
                    and (k.expires_at is null or k.expires_at > :now)) as active_keys
            """;
    private static final String SELECT = COLUMNS + "from tenant t ";
    private static final String VISIBLE = """
            where (cast(:own as uuid) is null or t.id = cast(:own as uuid))
            and (:search = '' or position(:search in t.name) > 0)
            and (:status = '' or t.status = :status)
            """;

    /** Keys are counted for the tenants of a page, not for those before it. */
    private static final String PAGE =
            "from (select * from tenant t " + VISIBLE + "order by t.name offset :offset limit :most) t order by t.name";

    /**
     * Which tenants are asked for.
     *
     * @param name a part of it; empty for all
     * @param status null for all
     */
    public record Search(String name, Tenant.@Nullable Status status) {
        public static final Search ALL = new Search("", null);
    }

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
    public UUID create(String name, Actor actor) {
        actor.require(Permission.CHANGE_PLATFORM);
        checkName("A tenant's", name);
        UUID id = UUID.randomUUID();
        try {
            transactions.executeWithoutResult(status -> {
                database.sql("insert into tenant (id, name, created_at) values (:id, :name, :now)")
                        .param("id", id)
                        .param("name", name)
                        .param("now", OffsetDateTime.now(clock))
                        .update();
                insertProject(id, FIRST_PROJECT);
                audit.record(actor, "tenant.create", name, Change.made(id, Map.of("name", name)));
            });
        } catch (DuplicateKeyException e) {
            throw new InvalidRequestException("name", "There is already a tenant named " + name + ".");
        }
        return id;
    }

    private static void checkName(String whose, String name) {
        if (!NAME.matcher(name).matches()) {
            throw new InvalidRequestException(
                    "name",
                    whose + " name has 1 to 63 small letters, digits and hyphens, and starts with a letter or digit.");
        }
    }

    private UUID insertProject(UUID tenant, String name) {
        UUID id = UUID.randomUUID();
        database.sql("insert into project (id, tenant_id, name, created_at) values (:id, :tenant, :name, :now)")
                .param("id", id)
                .param("tenant", tenant)
                .param("name", name)
                .param("now", OffsetDateTime.now(clock))
                .update();
        return id;
    }

    /** Those that the actor may see, by name: its own, or those of a search. */
    public List<Tenant> find(Search search, int offset, int most, Actor actor) {
        return visible(COLUMNS + PAGE, search, actor)
                .param("offset", offset)
                .param("most", most)
                .param("now", OffsetDateTime.now(clock))
                .query(Tenants::tenant)
                .list();
    }

    /** Those of a search that come after a name: a page that costs the same wherever it is. */
    public List<Tenant> after(Search search, String name, int most, Actor actor) {
        return visible(SELECT + VISIBLE + "and t.name > :after order by t.name limit :most", search, actor)
                .param("after", name)
                .param("most", most)
                .param("now", OffsetDateTime.now(clock))
                .query(Tenants::tenant)
                .list();
    }

    public int count(Search search, Actor actor) {
        return visible("select count(*) from tenant t " + VISIBLE, search, actor)
                .query(Integer.class)
                .single();
    }

    private JdbcClient.StatementSpec visible(String sql, Search search, Actor actor) {
        Tenant.Status status = search.status();
        return database.sql(sql)
                .param("own", actor.tenant())
                .param("search", search.name().strip().toLowerCase(Locale.ROOT))
                .param("status", status == null ? "" : column(status));
    }

    /** Empty where there is none, and where the actor may not see it: it need not know that there is one. */
    public Optional<Tenant> named(String name, Actor actor) {
        return one("where t.name = :key", name).filter(t -> actor.may(Permission.SEE_TENANT, t.id()));
    }

    public Optional<Tenant> byId(UUID id, Actor actor) {
        return one("where t.id = :key", id).filter(t -> actor.may(Permission.SEE_TENANT, t.id()));
    }

    private Optional<Tenant> one(String where, Object key) {
        return database.sql(SELECT + where)
                .param("key", key)
                .param("now", OffsetDateTime.now(clock))
                .query(Tenants::tenant)
                .optional();
    }

    private static Tenant tenant(ResultSet row, int number) throws SQLException {
        return new Tenant(
                row.getObject("id", UUID.class),
                row.getString("name"),
                Tenant.Status.valueOf(row.getString("status").toUpperCase(Locale.ROOT)),
                instant(row, "created_at"),
                row.getInt("active_keys"),
                row.getString("service_class"),
                row.getDouble("weight"),
                row.getBoolean("logs_content"));
    }

    static Instant instant(ResultSet row, String column) throws SQLException {
        return row.getObject(column, OffsetDateTime.class).toInstant();
    }

    private static String column(Tenant.Status status) {
        return status.name().toLowerCase(Locale.ROOT);
    }

    /** Refuses the tenant's keys until it is resumed. Suspending it again changes nothing. */
    public void suspend(UUID tenant, Actor actor) {
        setStatus(tenant, Tenant.Status.SUSPENDED, "tenant.suspend", actor);
    }

    public void resume(UUID tenant, Actor actor) {
        setStatus(tenant, Tenant.Status.ACTIVE, "tenant.resume", actor);
    }

    private void setStatus(UUID tenant, Tenant.Status status, String action, Actor actor) {
        actor.require(Permission.CHANGE_PLATFORM);
        transactions.executeWithoutResult(t -> {
            Tenant old = locked(tenant);
            if (old.status() == status) {
                return;
            }
            database.sql("update tenant set status = :status where id = :id")
                    .param("status", column(status))
                    .param("id", tenant)
                    .update();
            audit.record(
                    actor,
                    action,
                    old.name(),
                    Change.between(tenant, Map.of("status", column(old.status())), Map.of("status", column(status))));
        });
    }

    private Tenant locked(UUID tenant) {
        return one("where t.id = :key for update of t", tenant).orElseThrow(Tenants::gone);
    }

    private static InvalidRequestException gone() {
        return new InvalidRequestException("tenant", "There is no such tenant any more.");
    }

    /** Whether prompts and answers of the tenant's requests are kept for a while. Its own administrators decide that. */
    public void setLogsContent(UUID tenant, boolean logs, Actor actor) {
        actor.require(Permission.CHANGE_TENANT, tenant);
        transactions.executeWithoutResult(t -> {
            Tenant old = locked(tenant);
            if (old.logsContent() == logs) {
                return;
            }
            database.sql("update tenant set logs_content = :logs where id = :id")
                    .param("logs", logs)
                    .param("id", tenant)
                    .update();
            audit.record(
                    actor,
                    "tenant.content-logging",
                    old.name(),
                    Change.between(
                            tenant,
                            Map.of("logs_content", String.valueOf(old.logsContent())),
                            Map.of("logs_content", String.valueOf(logs))));
        });
    }

    public List<Project> projects(UUID tenant, Actor actor) {
        actor.require(Permission.SEE_TENANT, tenant);
        return database.sql("""
                        select p.id, p.name, p.created_at, count(k.id) as active_keys from project p
                        left join api_key k on k.project_id = p.id and k.revoked_at is null
                            and (k.expires_at is null or k.expires_at > :now)
                        where p.tenant_id = :tenant group by p.id order by p.name""")
                .param("now", OffsetDateTime.now(clock))
                .param("tenant", tenant)
                .query((row, n) -> new Project(
                        row.getObject("id", UUID.class),
                        row.getString("name"),
                        row.getInt("active_keys"),
                        instant(row, "created_at")))
                .list();
    }

    public UUID createProject(UUID tenant, String name, Actor actor) {
        actor.require(Permission.CHANGE_TENANT, tenant);
        checkName("A project's", name);
        try {
            return java.util.Objects.requireNonNull(transactions.execute(t -> {
                String owner = locked(tenant).name();
                UUID id = insertProject(tenant, name);
                audit.record(actor, "project.create", owner + "/" + name, Change.made(tenant, Map.of("name", name)));
                return id;
            }));
        } catch (DuplicateKeyException e) {
            throw new InvalidRequestException("name", "The tenant already has a project named " + name + ".");
        }
    }

    /** Removes a project that never had a key: usage goes on naming those that had. */
    public void removeProject(UUID tenant, String name, Actor actor) {
        actor.require(Permission.CHANGE_TENANT, tenant);
        if (name.equals(FIRST_PROJECT)) {
            throw new InvalidRequestException("project", "A tenant's first project stays.");
        }
        try {
            transactions.executeWithoutResult(t -> {
                String owner = locked(tenant).name();
                int removed = database.sql("delete from project where tenant_id = :tenant and name = :name")
                        .param("tenant", tenant)
                        .param("name", name)
                        .update();
                if (removed == 0) {
                    throw new InvalidRequestException("project", "The tenant has no project named " + name + ".");
                }
                audit.record(actor, "project.remove", owner + "/" + name, Change.removed(tenant, Map.of("name", name)));
            });
        } catch (DataIntegrityViolationException e) {
            throw new InvalidRequestException(
                    "project", "The project " + name + " has, or had, API keys or limits, so it stays.");
        }
    }
}
